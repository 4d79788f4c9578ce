"""What several recipes share."""

import math
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.layers import (
    CenterCrop,
    CutMix,
    FusedAugmentation,
    MixUp,
    MultiCrop,
    Normalize,
    RandomChoice,
    RandomColorJitter,
    RandomFlip,
    RandomResizedCrop,
    Resizing,
)
from keras_aug_layers.layers.base import AugmentationLayer

Numbers = tuple[float, ...]
Pair = tuple[float, float]

MEAN: Numbers = (0.485, 0.456, 0.406)
STD: Numbers = (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's images, as parts of the value range."""


def policy(name: str, value: Any) -> str:
    """The name of a dtype, or of a policy of Keras."""
    try:
        return keras.dtype_policies.get(value).name
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be a dtype, or its name. Received: {value!r}. Write "
            "'float16'."
        ) from None


def of_bytes(value: float, value_range: Pair | None) -> float:
    """A value of 0 to 255 in the unit of the images.

    A whole number, as integers need, where the range is so wide that it is not seen.
    """
    low, high = value_range or (0.0, 255.0)
    found = low + (high - low) * value / 255.0
    return float(round(found)) if high - low > 100.0 else found


def fused(
    layers: list[AugmentationLayer], interpolation: str, **kwargs: Any
) -> FusedAugmentation:
    """One warp: black beyond the frame, as torchvision's operations leave it.

    Args:
        layers: of the stack.
        interpolation: of the warp.
        **kwargs: further settings, another `fill_value` among them.
    """
    ranges = [layer.settings.value_range for layer in layers]
    low, _ = next(filter(None, ranges), (0.0, 1.0))
    settings = {"fill_mode": "constant", "fill_value": low, **kwargs}
    return FusedAugmentation(
        layers, interpolation=interpolation, antialias="auto", **settings
    )


def views(
    stacks: dict[str, tuple[int, list[AugmentationLayer]]], interpolation: str
) -> MultiCrop:
    """Several views of each image, each of them one warp."""
    return MultiCrop(
        {
            name: (count, [fused(layers, interpolation)])
            for name, (count, layers) in stacks.items()
        }
    )


def crop_and_flip(
    size: int,
    scale: Pair,
    ratio: Pair = (3 / 4, 4 / 3),
    hflip: float = 0.5,
    vflip: float = 0.0,
) -> list[AugmentationLayer]:
    """A random resized crop, and mirrored images."""
    size = arguments.size("size", size)
    crop = RandomResizedCrop(size, size, scale=scale, ratio=ratio)
    return [crop, *flips(hflip, vflip)]


def flips(horizontal: float, vertical: float) -> list[AugmentationLayer]:
    """Images that are mirrored with the chances that are given."""
    return [
        RandomFlip(mode, chance=chance)
        for mode, chance in (("horizontal", horizontal), ("vertical", vertical))
        if chance
    ]


def jitter(strengths: Numbers, **kwargs: Any) -> RandomColorJitter:
    """Jitter in an order of each image's own; the strength of the hue may be left out.

    Args:
        strengths: of brightness, contrast, saturation and hue.
        **kwargs: arguments of `RandomColorJitter`.
    """
    brightness, contrast, saturation, hue = (*strengths, None)[:4]
    return RandomColorJitter(
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        order="random",
        **kwargs,
    )


def resized(size: int, crop_pct: float) -> int:
    """What the shorter side becomes, of which an evaluation sees a part, as in timm.

    Args:
        size: of what comes out.
        crop_pct: the part.
    """
    return math.floor(size / arguments.number("crop_pct", crop_pct, 0.01, 1.0))


def evaluation(
    resize: int,
    crop: int,
    interpolation: str,
    normal: Normalize,
    encode: list[AugmentationLayer],
) -> FusedAugmentation:
    """The shorter side resized, the middle cut out, normalised: one warp.

    Args:
        resize: what the shorter side becomes.
        crop: the side of what comes out.
        interpolation: as of every geometric layer.
        normal: how pixels are normalised.
        encode: layers that outside training make labels one-hot.
    """
    middle = [
        Resizing(resize, resize, crop_to_aspect_ratio=True),
        CenterCrop(crop, crop),
    ]
    return fused([*middle, normal, *encode], interpolation)


def mixing(
    mixup: float,
    cutmix: float,
    switch: float = 0.5,
    *,
    num_classes: int | None,
    **kwargs: Any,
) -> list[AugmentationLayer]:
    """MixUp, CutMix, or one of the two for each image.

    Args:
        mixup: the alpha of MixUp; 0 for none.
        cutmix: that of CutMix.
        switch: the chance of CutMix where there are both.
        num_classes: of integer labels, which are made one-hot to be mixed.
        **kwargs: further arguments of both.

    Raises:
        ValueError: if there are classes, and nothing is mixed: labels would stay
            integers.
    """
    if num_classes is not None and not mixup and not cutmix:
        raise ValueError(
            "`num_classes` must be None where nothing is mixed, since labels stay as "
            f"they are there. Received: {num_classes}. Write num_classes=None with a "
            "loss of integers, or tf.one_hot(labels, num_classes) in a map."
        )
    kwargs["num_classes"] = num_classes
    layers: list[AugmentationLayer] = []
    if mixup:
        layers.append(MixUp(mixup, **kwargs))
    if cutmix:
        layers.append(CutMix(cutmix, **kwargs))
    if len(layers) < 2:
        return layers
    return [RandomChoice(layers, weights=(1.0 - switch, switch))]
