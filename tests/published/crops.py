"""Where an image is cropped or erased: functions of a `numpy.random.Generator`.

A window is (top, left, height, width), in pixels of the image. All are drawn one by
one, as published, and not vectorised.
"""

import math

TRIES = 10
"""How often a window is drawn until one fits."""

ERASING = {
    "torchvision": {"scale": (0.02, 0.33), "ratio": (0.3, 3.3)},
    "timm": {"scale": (0.02, 1 / 3), "ratio": (0.3, 1 / 0.3)},
}
"""The shares of the area and the ratios of `random_erasing`, by whose defaults."""


def random_resized_crop(
    generator, height, width, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)
):
    """The window of RandomResizedCrop.

    The ratio is width to height, uniform in its logarithm. Where no try fits, the
    window is central: as much as there is of the nearest ratio that is allowed.

    Source: torchvision 0.28, `transforms.RandomResizedCrop.get_params`, and the same in
    `transforms.v2`. timm 1.0 also takes windows without a pixel, in tiny images.

    Args:
        generator: The random numbers.
        height: The image's.
        width: The image's.
        scale: The least and the greatest share of the area.
        ratio: The least and the greatest ratio.

    Returns:
        The window.
    """
    for _ in range(TRIES):
        h, w = _sides(generator, height * width, scale, ratio, wide=True)
        if 0 < h <= height and 0 < w <= width:
            return _corner(generator, height, width, h, w)
    h, w = height, width
    if width / height < min(ratio):
        h = round(width / min(ratio))
    elif width / height > max(ratio):
        w = round(height * max(ratio))
    return (height - h) // 2, (width - w) // 2, h, w


def random_erasing(generator, height, width, scale, ratio, count=1):
    """The windows that RandomErasing erases in an image that it has chosen.

    The ratio is height to width, uniform in its logarithm. A window is shorter and
    narrower than the image; it may be empty where the image is tiny. Where no try
    fits, nothing is erased.

    Source: torchvision 0.28, `transforms.RandomErasing.get_params`, and timm 1.0,
    `RandomErasing._erase`, which differ in `ERASING` alone.

    Args:
        generator: The random numbers.
        height: The image's.
        width: The image's.
        scale: The least and the greatest share of the area, of all windows together.
        ratio: The least and the greatest ratio.
        count: How many windows are drawn (timm). They may overlap.

    Returns:
        A list of windows.
    """
    windows = []
    for _ in range(count):
        for _ in range(TRIES):
            h, w = _sides(generator, height * width / count, scale, ratio, wide=False)
            if h < height and w < width:
                windows.append(_corner(generator, height, width, h, w))
                break
    return windows


def random_crop(generator, height, width, size, padding=0, pad_if_needed=False):
    """The window of RandomCrop. What it has outside the image is padding.

    Source: torchvision 0.28, `transforms.v2.RandomCrop`. Where the padded image is
    smaller than the crop, and `pad_if_needed`, both sides get what is missing, so that
    the image stands anywhere in the crop.

    Args:
        generator: The random numbers.
        height: The image's.
        width: The image's.
        size: The height and the width of the crop.
        padding: How many pixels on each side.
        pad_if_needed: Whether a smaller image is padded. Else it is an error.

    Returns:
        The window.
    """
    corner = []
    for length, side in zip((height, width), size, strict=True):
        before, room = padding, length + 2 * padding - side
        if room < 0:
            if not pad_if_needed:
                raise ValueError(f"A crop of {side} does not fit into {length}.")
            before, room = padding - room, -room
        corner.append(int(generator.integers(room + 1)) - before)
    return *corner, *size


def _sides(generator, area, scale, ratio, wide):
    """A height and a width of a random area and ratio, rounded, a half to even."""
    target = area * generator.uniform(*scale)
    stretch = math.exp(generator.uniform(math.log(ratio[0]), math.log(ratio[1])))
    long, short = round(math.sqrt(target * stretch)), round(math.sqrt(target / stretch))
    return (short, long) if wide else (long, short)


def _corner(generator, height, width, h, w):
    """A window of that size, at any place of the image with the same chance."""
    top, left = generator.integers(height - h + 1), generator.integers(width - w + 1)
    return int(top), int(left), h, w
