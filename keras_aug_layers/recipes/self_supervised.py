"""Recipes of self-supervised training: SimCLR, BYOL, DINO and MAE."""

from keras_aug_layers import arguments
from keras_aug_layers.layers import (
    FusedAugmentation,
    Normalize,
    RandomColorJitter,
    RandomGaussianBlur,
    RandomGrayscale,
    Solarization,
)
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.recipes.parts import (
    MEAN,
    STD,
    Numbers,
    Pair,
    crop_and_flip,
    evaluation,
    fused,
    jitter,
    views,
)
from keras_aug_layers.recipes.recipe import Parts, recipe

SIGMA = (0.1, 2.0)
"""Of the blur, in pixels, in all of them."""
TAPS = 13
"""Of the blur of DINO: PIL's has no end, and 13 hold three times the greatest sigma."""


def _view(
    size: int,
    scale: Pair,
    colors: RandomColorJitter,
    blur: float,
    solarize: float,
    normal: Normalize,
    taps: int | None = None,
) -> list[AugmentationLayer]:
    """One view: crop, flip, jitter, grey, blur, solarize, normalise."""
    size = arguments.size("size", size)
    if taps is None:
        taps = max(size // 10 // 2 * 2 + 1, 3)  # a tenth of the side, an odd number
    layers = [*crop_and_flip(size, scale), colors, RandomGrayscale(0.2)]
    if blur:
        layers.append(RandomGaussianBlur(1.0, taps, sigma=SIGMA, probability=blur))
    if solarize:  # at the middle of the range, as PIL and torchvision do at 128
        middle = (128 / 255, 128 / 255)
        layers.append(Solarization(0.0, middle, probability=solarize))
    return [*layers, normal]


@recipe
def simclr(
    size: int = 224,
    *,
    strength: float = 1.0,
    blur: float = 0.5,
    scale: Pair = (0.08, 1.0),
    mean: Numbers = (0.0, 0.0, 0.0),
    std: Numbers = (1.0, 1.0, 1.0),
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """SimCLR (Chen et al., 2020, arXiv:2002.05709, appendix A): two views.

    A random resized crop, a flip, jitter of 0.8, 0.8, 0.8 and 0.2 with a chance of 0.8,
    grey with 0.2, and a blur of a sigma from 0.1 to 2 with 0.5. Pixels become parts of
    the value range.

    Args:
        size: of what comes out.
        strength: of the jitter, a factor of the four.
        blur: chance of the blur; the paper has none for CIFAR-10.
        scale: of the crop's area, as a part of the image's.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Returns:
        A recipe whose training gives a dict: `views` of (B, 2, size, size, 3).

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> images = tf.zeros((4, 48, 40, 3), tf.uint8)
        >>> simclr(size=32).train(images, training=True)["views"].shape
        TensorShape([4, 2, 32, 32, 3])
    """
    strength = arguments.number("strength", strength, 0.0, 5.0)
    strengths = tuple(strength * x for x in (0.8, 0.8, 0.8, 0.2))
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    colors = jitter(strengths, probability=0.8)
    view = _view(size, scale, colors, blur, 0.0, normal)
    train = views({"views": (2, view)}, "bicubic")
    return train, _evaluation(size, normal)


@recipe
def byol(
    size: int = 224,
    *,
    scale: Pair = (0.08, 1.0),
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """BYOL (Grill et al., 2020, arXiv:2006.07733, table 6): two unlike views.

    Both have a random resized crop, a flip, jitter of 0.4, 0.4, 0.2 and 0.1 with a
    chance of 0.8, and grey with 0.2; the first one is always blurred, the second one
    with a chance of 0.1, and solarized with 0.2. As in its code, the jitter adds a part
    of the value range for brightness, keeps each channel's mean in a contrast, and
    scales the saturation in HSV.

    Args:
        size: of what comes out.
        scale: of the crop's area, as a part of the image's.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Returns:
        A recipe whose training gives a dict: `first` and `second`, of (B, 1, size,
        size, 3) each.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> images = tf.zeros((4, 48, 40, 3), tf.uint8)
        >>> byol(size=32).train(images, training=True)["second"].shape
        TensorShape([4, 1, 32, 32, 3])
    """
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    colors = RandomColorJitter(
        brightness_factor=0.4,
        contrast_factor=0.4,
        saturation_factor=(0.8 / 1.8, 1.2 / 2.2),  # gains of 0.8 to 1.2, as f / (1 - f)
        hue=0.1,
        order="random",
        probability=0.8,
    )
    both = {
        "first": (1, _view(size, scale, colors, 1.0, 0.0, normal)),
        "second": (1, _view(size, scale, colors, 0.1, 0.2, normal)),
    }
    return views(both, "bicubic"), _evaluation(size, normal)


@recipe
def dino(
    size: int = 224,
    local_size: int = 96,
    *,
    local_views: int = 8,
    global_scale: Pair = (0.4, 1.0),
    local_scale: Pair = (0.05, 0.4),
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """DINO (Caron et al., 2021, arXiv:2104.14294): two global views, eight local ones.

    Numbers are those of `DataAugmentationDINO` in its code: jitter of 0.4, 0.4, 0.2
    and 0.1 with a chance of 0.8, grey with 0.2; a blur with a chance of 1 and of 0.1
    for the global views, the second of which is solarized with 0.2, and of 0.5 for the
    local ones. A sigma is in pixels, and a kernel of 13, in views of any size.

    Args:
        size: of the global views.
        local_size: of the local ones.
        local_views: how many local views there are; 0 for none.
        global_scale: of the area of a global view, as a part of the image's.
        local_scale: of that of a local one.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Returns:
        A recipe whose training gives a dict: `first`, `second` of (B, 1, size, size, 3)
        and `local` of (B, local_views, local_size, local_size, 3).

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> images = tf.zeros((2, 48, 40, 3), tf.uint8)
        >>> dino(size=32, local_size=16).train(images, training=True)["local"].shape
        TensorShape([2, 8, 16, 16, 3])
    """
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    colors = jitter((0.4, 0.4, 0.2, 0.1), probability=0.8)
    local_size = arguments.size("local_size", local_size)
    small = _view(local_size, local_scale, colors, 0.5, 0.0, normal, TAPS)
    all_views = {
        "first": (1, _view(size, global_scale, colors, 1.0, 0.0, normal, TAPS)),
        "second": (1, _view(size, global_scale, colors, 0.1, 0.2, normal, TAPS)),
        "local": (local_views, small),
    }
    if not local_views:
        del all_views["local"]
    return views(all_views, "bicubic"), _evaluation(size, normal)


@recipe
def mae(
    size: int = 224,
    *,
    scale: Pair = (0.2, 1.0),
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """MAE (He et al., 2021, arXiv:2111.06377): a random resized crop and a flip.

    Numbers: table 8 of the paper, `main_pretrain.py` of its code. It evaluates seven
    eighths of the shorter side, and all of it where `size` is above 224.

    Args:
        size: of what comes out.
        scale: of the crop's area, as a part of the image's.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> images = tf.zeros((4, 48, 40, 3), tf.uint8)
        >>> mae(size=32).train(images, training=True).shape
        TensorShape([4, 32, 32, 3])
    """
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    train = fused([*crop_and_flip(size, scale), normal], "bicubic")
    if size > 224:  # `build_transform` of its code
        return train, evaluation(size, size, "bicubic", normal, [])
    return train, _evaluation(size, normal)


def _evaluation(size: int, normal: Normalize) -> FusedAugmentation:
    """Seven eighths of the shorter side, as all of them evaluate at 224 pixels."""
    return evaluation(size * 8 // 7, size, "bicubic", normal, [])
