"""What is done with a second image: MixUp, CutMix, AugMix, and their labels.

A lambda is the share of the first image. A window is (top, left, height, width). The
partners are, in torchvision, the batch rolled by one (image i gets image i - 1), and
in timm, the batch reversed.
"""

import math

import numpy as np

from .pixels import HAIR


def mixup(image, partner, lam):
    """The lambda-th part of the image and the rest of its partner.

    Sources: torchvision 0.28, `transforms.v2.MixUp`, which takes floats only, and for
    uint8 timm 1.0, `FastCollateMixup`, which rounds.
    """
    mixed = lam * image.astype(np.float64) + (1 - lam) * partner.astype(np.float64)
    return (np.rint(mixed) if image.dtype == np.uint8 else mixed).astype(image.dtype)


def cutmix(image, partner, window):
    """The image with the partner's pixels in the window."""
    top, left, height, width = window
    image = image.copy()
    inside = np.s_[top : top + height, left : left + width]
    image[inside] = partner[inside]
    return image


def cutmix_window(y, x, lam, height, width):
    """CutMix's window about the pixel (y, x), clipped, and the lambda that it gives.

    The window reaches int(sqrt(1 - lambda) / 2 of the side) to both sides of the pixel:
    its sides are even where the image does not clip them, and it may be empty.

    Source: torchvision 0.28, `transforms.v2.CutMix.make_params`.
    """
    reach = math.sqrt(1 - lam) / 2
    halves = int(reach * height), int(reach * width)
    return _clipped((y, x), halves, halves, (height, width))


def timm_cutmix_window(y, x, lam, height, width):
    """As `cutmix_window`, with odd sides too.

    Source: timm 1.0, `rand_bbox` and `cutmix_bbox_and_lam`, without a margin.
    """
    ratio = math.sqrt(1 - lam)
    sides = int(height * ratio), int(width * ratio)
    before, after = [s // 2 for s in sides], [(s + 1) // 2 for s in sides]
    return _clipped((y, x), before, after, (height, width))


def _clipped(centre, before, after, size):
    start = [max(c - b, 0) for c, b in zip(centre, before, strict=True)]
    stop = [min(c + a, n) for c, a, n in zip(centre, after, size, strict=True)]
    height, width = stop[0] - start[0], stop[1] - start[1]
    return (*start, height, width), 1 - height * width / (size[0] * size[1])


def draw_cutmix(generator, height, width, alpha=1.0, window=cutmix_window):
    """A window of CutMix and its lambda: lambda Beta(alpha, alpha), any centre.

    Sources: as those of the two functions for `window`.
    """
    lam = generator.beta(alpha, alpha)
    y, x = int(generator.integers(height)), int(generator.integers(width))
    return window(y, x, lam, height, width)


def timm_lambdas(
    generator, size, mixup_alpha=0.8, cutmix_alpha=1.0, probability=1.0, switch=0.5
):
    """The lambdas of timm's mixing before a window clips them, and who is cut.

    An image is chosen with the probability, else its lambda is 1, and then cut with
    the chance `switch`, else mixed. In timm's mode "elem" `size` is the batch; in
    "batch" it is 1, for all images; in "pair" it is half the batch, and image i and
    its partner share theirs.

    Source: timm 1.0, `Mixup._params_per_elem`.

    Returns:
        The lambdas, and where they are CutMix's.
    """
    cut = generator.uniform(size=size) < switch
    lam = np.where(
        cut,
        generator.beta(cutmix_alpha, cutmix_alpha, size),
        generator.beta(mixup_alpha, mixup_alpha, size),
    )
    return np.where(generator.uniform(size=size) < probability, lam, 1.0), cut


def one_hot(labels, classes, smoothing=0.0):
    """s / K everywhere, and 1 - s more at the label. Source: timm, `mixup_target`."""
    return smoothing / classes + (1 - smoothing) * np.eye(classes)[labels]


def mix_labels(labels, partners, lam):
    """The lambda-th part of the one-hot labels (B, K) and the rest of the partners'."""
    lam = np.reshape(lam, (-1, 1))
    return lam * labels + (1 - lam) * partners


def augmix_weights(generator, width=3, alpha=1.0):
    """The weights of the image and of its augmented chains; they add up to 1.

    The chains share a Beta(alpha, alpha) part by a Dirichlet(alpha, …) draw.

    Source: torchvision 0.28, `transforms.v2.AugMix`.
    """
    first, rest = generator.dirichlet([alpha] * 2)
    return np.append(first, rest * generator.dirichlet([alpha] * width))


def augmix(images, weights):
    """The weighted sum of the image and its chains (N, H, W, C); uint8 is cut off.

    Source: torchvision 0.28, `transforms.v2.AugMix`.
    """
    mixed = np.tensordot(weights, images.astype(np.float64), axes=1)
    return (np.floor(mixed + HAIR) if images.dtype == np.uint8 else mixed).astype(
        images.dtype
    )
