"""RandAugment, TrivialAugment, AutoAugment, AugMix and 3-Augment, as tables.

A strength is given in its row's unit:

- "slope": of shear, pixels per pixel of distance from the top left corner (a matrix
  entry, not an angle); a positive one moves the bottom to the left, the right side up;
- "pixels", "widths", "heights": of translation, to the right and down; torchvision
  moves by whole pixels, cutting the strength off (towards 0), timm does not;
- "degrees": of rotation about the centre, counter-clockwise;
- "share": what is added to a factor of 1, for brightness, color (the saturation),
  contrast and sharpness;
- "bits": that posterize keeps;
- "of max": the threshold of solarize, as a share of the greatest value: 1 turns white
  to black and nothing else, 0 is the negative;
- "levels": of 0...255, the threshold of solarize, or what solarize_add adds to values
  below 128;
- "sigma": of a Gaussian blur, in pixels;
- "": there is no strength.

A signed strength becomes negative with a chance of one half.

The names are the publications'. Everything is drawn for each image, and for each of
its operations, anew.
"""

from typing import NamedTuple

import numpy as np

from . import pixels


class Row(NamedTuple):
    """One operation of a policy.

    Attributes:
        name: The operation.
        chance: That it is the one, whenever the policy draws an operation.
        strengths: One per bin, or None.
        unit: Of the strengths.
        signed: Whether a strength may become negative.
    """

    name: str
    chance: float
    strengths: tuple[float, ...] | None = None
    unit: str = ""
    signed: bool = False


class Policy(NamedTuple):
    """What is drawn for an image.

    Attributes:
        rows: The operations.
        operations: How many follow one another: one of these numbers.
        bins: The bins of the strengths of which one is drawn, all with the same chance.
        probability: That an operation that was drawn is done.
        chains: How many such successions are mixed, each on the image itself; None
            where there is one that is not mixed.
    """

    rows: tuple[Row, ...]
    operations: tuple[int, ...]
    bins: tuple[int, ...]
    probability: float = 1.0
    chains: int | None = None


class Ramp(NamedTuple):
    """One operation of timm's: a strength that is linear in a level from 0 to 10.

    Attributes:
        name: The operation.
        chance: That it is the one, whenever the policy draws an operation.
        start: The strength at level 0, or None.
        end: The strength at level 10, or None.
        unit: Of the strength.
        signed: Whether the strength may become negative.
        whole: Whether the change from the start is cut off to a whole number.
    """

    name: str
    chance: float
    start: float | None = None
    end: float | None = None
    unit: str = ""
    signed: bool = False
    whole: bool = False

    def strength(self, level):
        """At a level, without the sign."""
        if self.start is None:
            return None
        change = level / 10 * (self.end - self.start)
        return self.start + (int(change) if self.whole else change)


def _rows(bins, plain, shear, translate, degrees, share, bits):
    """A table of torchvision's, in torchvision's order.

    Args:
        bins: How many strengths each operation has.
        plain: Names of operations without a strength that stand first.
        shear: The greatest slope.
        translate: The greatest translation and its unit, for x and for y.
        degrees: The greatest rotation.
        share: The greatest change of a factor.
        bits: Kept by the first and by the last bin.
    """

    def ramp(start, end):
        return tuple(np.linspace(start, end, bins).tolist())

    first, last = bits
    rows = [(name,) for name in plain]
    rows += [(f"Shear{axis}", ramp(0, shear), "slope", True) for axis in "XY"]
    rows += [
        (f"Translate{axis}", ramp(0, most), unit, True)
        for axis, (most, unit) in zip("XY", translate, strict=True)
    ]
    rows += [("Rotate", ramp(0, degrees), "degrees", True)]
    rows += [
        (name, ramp(0, share), "share", True)
        for name in ("Brightness", "Color", "Contrast", "Sharpness")
    ]
    rows += [
        ("Posterize", tuple(np.rint(np.linspace(first, last, bins)).tolist()), "bits"),
        ("Solarize", ramp(1, 0), "of max"),
        ("AutoContrast",),
        ("Equalize",),
    ]
    return rows


def _even(rows):
    return tuple(Row(name, 1 / len(rows), *rest) for name, *rest in rows)


_SHARES = ((150 / 331, "widths"), (150 / 331, "heights"))

RAND_AUGMENT = Policy(
    _even(_rows(31, ["Identity"], 0.3, _SHARES, 30, 0.9, (8, 4))),
    operations=(2,),
    bins=(9,),
)
"""RandAugment: two operations, which may be the same one, at bin 9 of 31.

Sources: https://arxiv.org/abs/1909.13719, and torchvision 0.28, `RandAugment`.
"""

TRIVIAL_AUGMENT = Policy(
    _even(_rows(31, ["Identity"], 0.99, ((32, "pixels"),) * 2, 135, 0.99, (8, 2))),
    operations=(1,),
    bins=tuple(range(31)),
)
"""TrivialAugment (wide): one operation, at any of 31 bins.

torchvision computes the strengths in float32. So bin 15 of the translations, which is
16 pixels, moves by 15, and solarize's bins 16, 18 and 24, whose thresholds are 119, 102
and 51, begin at 120, 103 and 52.

Sources: https://arxiv.org/abs/2103.10158, and torchvision 0.28, `TrivialAugmentWide`.
"""

_AUGMIX = _rows(10, [], 0.3, ((1 / 3, "widths"), (1 / 3, "heights")), 30, 0.9, (4, 0))

AUGMIX = Policy(_even(_AUGMIX), operations=(1, 2, 3), bins=(0, 1, 2), chains=3)
"""AugMix: three chains, each of one to three operations, at one of the first bins.

Bin 0 of most rows changes nothing. `mixing.augmix_weights` draws how they are mixed.

Sources: https://arxiv.org/abs/1912.02781, and torchvision 0.28, `AugMix`, with its
defaults: severity 3 of 10, all operations.
"""

AUTO_AUGMENT_STRENGTHS = {
    name: Row(name, 1.0, *rest)
    for name, *rest in [
        *_rows(10, [], 0.3, _SHARES, 30, 0.9, (8, 4)),
        ("Invert",),
    ]
}
"""What the bins of `AUTO_AUGMENT` stand for, by the operation's name.

Source: torchvision 0.28, `AutoAugment`. Papers and other libraries have others.
"""

AUTO_AUGMENT = {
    "imagenet": (
        (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
        (("Solarize", 0.6, 5), ("AutoContrast", 0.6, None)),
        (("Equalize", 0.8, None), ("Equalize", 0.6, None)),
        (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
        (("Equalize", 0.4, None), ("Solarize", 0.2, 4)),
        (("Equalize", 0.4, None), ("Rotate", 0.8, 8)),
        (("Solarize", 0.6, 3), ("Equalize", 0.6, None)),
        (("Posterize", 0.8, 5), ("Equalize", 1.0, None)),
        (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
        (("Equalize", 0.6, None), ("Posterize", 0.4, 6)),
        (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
        (("Rotate", 0.4, 9), ("Equalize", 0.6, None)),
        (("Equalize", 0.0, None), ("Equalize", 0.8, None)),
        (("Invert", 0.6, None), ("Equalize", 1.0, None)),
        (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
        (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
        (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
        (("Sharpness", 0.4, 7), ("Invert", 0.6, None)),
        (("ShearX", 0.6, 5), ("Equalize", 1.0, None)),
        (("Color", 0.4, 0), ("Equalize", 0.6, None)),
        (("Equalize", 0.4, None), ("Solarize", 0.2, 4)),
        (("Solarize", 0.6, 5), ("AutoContrast", 0.6, None)),
        (("Invert", 0.6, None), ("Equalize", 1.0, None)),
        (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
        (("Equalize", 0.8, None), ("Equalize", 0.6, None)),
    ),
    "cifar10": (
        (("Invert", 0.1, None), ("Contrast", 0.2, 6)),
        (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
        (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
        (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
        (("AutoContrast", 0.5, None), ("Equalize", 0.9, None)),
        (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
        (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
        (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
        (("Equalize", 0.6, None), ("Equalize", 0.5, None)),
        (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
        (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
        (("Equalize", 0.3, None), ("AutoContrast", 0.4, None)),
        (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
        (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
        (("Solarize", 0.5, 2), ("Invert", 0.0, None)),
        (("Equalize", 0.2, None), ("AutoContrast", 0.6, None)),
        (("Equalize", 0.2, None), ("Equalize", 0.6, None)),
        (("Color", 0.9, 9), ("Equalize", 0.6, None)),
        (("AutoContrast", 0.8, None), ("Solarize", 0.2, 8)),
        (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
        (("Solarize", 0.4, 5), ("AutoContrast", 0.9, None)),
        (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
        (("AutoContrast", 0.9, None), ("Solarize", 0.8, 3)),
        (("Equalize", 0.8, None), ("Invert", 0.1, None)),
        (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, None)),
    ),
    "svhn": (
        (("ShearX", 0.9, 4), ("Invert", 0.2, None)),
        (("ShearY", 0.9, 8), ("Invert", 0.7, None)),
        (("Equalize", 0.6, None), ("Solarize", 0.6, 6)),
        (("Invert", 0.9, None), ("Equalize", 0.6, None)),
        (("Equalize", 0.6, None), ("Rotate", 0.9, 3)),
        (("ShearX", 0.9, 4), ("AutoContrast", 0.8, None)),
        (("ShearY", 0.9, 8), ("Invert", 0.4, None)),
        (("ShearY", 0.9, 5), ("Solarize", 0.2, 6)),
        (("Invert", 0.9, None), ("AutoContrast", 0.8, None)),
        (("Equalize", 0.6, None), ("Rotate", 0.9, 3)),
        (("ShearX", 0.9, 4), ("Solarize", 0.3, 3)),
        (("ShearY", 0.8, 8), ("Invert", 0.7, None)),
        (("Equalize", 0.9, None), ("TranslateY", 0.6, 6)),
        (("Invert", 0.9, None), ("Equalize", 0.6, None)),
        (("Contrast", 0.3, 3), ("Rotate", 0.8, 4)),
        (("Invert", 0.8, None), ("TranslateY", 0.0, 2)),
        (("ShearY", 0.7, 6), ("Solarize", 0.4, 8)),
        (("Invert", 0.6, None), ("Rotate", 0.8, 4)),
        (("ShearY", 0.3, 7), ("TranslateX", 0.9, 3)),
        (("ShearX", 0.1, 6), ("Invert", 0.6, None)),
        (("Solarize", 0.7, 2), ("TranslateY", 0.6, 7)),
        (("ShearY", 0.8, 4), ("Invert", 0.8, None)),
        (("ShearX", 0.7, 9), ("TranslateY", 0.8, 3)),
        (("ShearY", 0.8, 5), ("AutoContrast", 0.7, None)),
        (("ShearX", 0.7, 2), ("Invert", 0.1, None)),
    ),
}
"""AutoAugment: one of 25 pairs of operations, all with the same chance.

An operation is (name, chance that it is done, bin of its strength or None).

Sources: https://arxiv.org/abs/1805.09501, and torchvision 0.28, `AutoAugment`.
"""


def _ramps(*ramps):
    return tuple(Ramp(name, 1 / len(ramps), *rest) for name, *rest in ramps)


TIMM_INCREASING = _ramps(
    ("AutoContrast",),
    ("Equalize",),
    ("Invert",),
    ("Rotate", 0, 30, "degrees", True),
    ("PosterizeIncreasing", 4, 0, "bits", False, True),
    ("SolarizeIncreasing", 256, 0, "levels", False, True),
    ("SolarizeAdd", 0, 110, "levels", False, True),
    ("ColorIncreasing", 0, 0.9, "share", True),
    ("ContrastIncreasing", 0, 0.9, "share", True),
    ("BrightnessIncreasing", 0, 0.9, "share", True),
    ("SharpnessIncreasing", 0, 0.9, "share", True),
    ("ShearX", 0, 0.3, "slope", True),
    ("ShearY", 0, 0.3, "slope", True),
    ("TranslateXRel", 0, 0.45, "widths", True),
    ("TranslateYRel", 0, 0.45, "heights", True),
)
"""timm's operations with strengths that increase with the level.

There is no identity. Level 9 keeps 4 - int(3.6) = 1 bit, level 10 none: the image is
black then.

Source: timm 1.0, `data/auto_augment.py`, `_RAND_INCREASING_TRANSFORMS`.
"""

TIMM_RAND_M9_MSTD05_INC1 = {
    "rows": TIMM_INCREASING,
    "operations": 2,
    "probability": 0.5,
    "level": 9,
    "level_std": 0.5,
    "level_range": (0, 10),
}
"""timm's "rand-m9-mstd0.5-inc1".

Two operations, which may be the same one, and each of them is done with the
probability; so a quarter of the images stay as they are. The level is normal, and
clipped to the range. Pixels from outside are the mean colour that `create_transform`
is given, else grey (128), and the interpolation is bilinear or bicubic, at random.

Source: timm 1.0, `rand_augment_transform`.
"""

THREE_AUGMENT = (
    Row("Solarize", 1 / 3, (128,), "levels"),
    Row("Desaturate", 1 / 3, (1.0,), "share"),
    Row("GaussianBlur", 1 / 3, (0.1, 2.0), "sigma"),
)
"""3-Augment: one of three; the blur's sigma is uniform between its two strengths.

Sources: https://arxiv.org/abs/2204.07118 (DeiT III), and timm 1.0,
`auto_augment_policy_3a`.
"""


def in_pixels(row, height, width):
    """The strengths of a row, translations in pixels of an image of that size."""
    scale = {"widths": width, "heights": height}.get(row.unit, 1)
    return tuple(scale * strength for strength in row.strengths)


PIXELS = {
    "Identity": lambda image, strength: image,
    "Brightness": lambda image, strength: pixels.brightness(image, 1 + strength),
    "Color": lambda image, strength: pixels.saturation(image, 1 + strength),
    "Contrast": lambda image, strength: pixels.contrast(image, 1 + strength),
    "Sharpness": lambda image, strength: pixels.sharpness(image, 1 + strength),
    "Posterize": lambda image, strength: pixels.posterize(image, int(strength)),
    "Solarize": lambda image, strength: pixels.solarize(
        image, np.float32(255 * strength)
    ),
    "AutoContrast": lambda image, strength: pixels.autocontrast(image),
    "Equalize": lambda image, strength: pixels.equalize(image),
    "Invert": lambda image, strength: pixels.invert(image),
}
"""What torchvision's operations on pixels do with a uint8 image and a strength.

float32 for the threshold of solarize is torchvision's: 255 times 2 / 3 is 170 then.

Source: torchvision 0.28, `_AutoAugmentBase._apply_image_or_video_transform`.
"""
