"""Recipes of supervised training: torchvision's, timm's and DeiT III's."""

import math
import re
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers import (
    AugMix,
    AutoAugment,
    Normalize,
    RandAugment,
    RandomColorJitter,
    RandomErasing,
    ThreeAugment,
    TrivialAugment,
)
from keras_aug_layers.recipes.parts import (
    MEAN,
    STD,
    Numbers,
    Pair,
    crop_and_flip,
    evaluation,
    fused,
    jitter,
    mixing,
    of_bytes,
    resized,
)
from keras_aug_layers.recipes.recipe import Parts, recipe

TORCHVISION_POLICIES = {
    "ta_wide": TrivialAugment,
    "ra": RandAugment,
    "augmix": AugMix,
    "imagenet": AutoAugment,
}
"""Under the names of the option `--auto-augment` of torchvision's references."""


@recipe
def torchvision_resnet50(
    size: int = 176,
    *,
    num_classes: int | None = None,
    auto_augment: str | None = "ta_wide",
    random_erase: float = 0.1,
    mixup_alpha: float = 0.2,
    cutmix_alpha: float = 1.0,
    label_smoothing: float = 0.1,
    val_resize_size: int = 232,
    val_crop_size: int = 224,
    interpolation: str = "bilinear",
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """ResNet-50 as torchvision trains it (IMAGENET1K_V2, 80.9 %).

    A random resized crop, a flip, TrivialAugment, erasing with a chance of a tenth, and
    MixUp or CutMix. Numbers: "How to train state-of-the-art models using TorchVision's
    latest primitives" (2021), and `references/classification` (`presets.py`,
    `train.py`) of torchvision, whose arguments these are. There one of MixUp and CutMix
    is chosen, and its λ drawn, for a batch, here for each image.

    Args:
        size: of the training crop, `--train-crop-size`.
        num_classes: of integer labels, which become one-hot to be mixed; None for
            one-hot ones, and where nothing is mixed, which leaves labels as they are.
        auto_augment: "ta_wide", "ra", "augmix", "imagenet", or None.
        random_erase: chance that a region is erased.
        mixup_alpha: of MixUp's distribution; 0 for no MixUp.
        cutmix_alpha: of CutMix's; 0 for no CutMix.
        label_smoothing: the share of a label that is spread over all classes, where
            labels are mixed; without mixing write it into the loss, as there.
        val_resize_size: the shorter side at the evaluation.
        val_crop_size: what is cut out of it.
        interpolation: "bilinear" or "bicubic".
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> recipe = torchvision_resnet50(size=32, num_classes=10)
        >>> images = tf.zeros((4, 48, 40, 3), tf.uint8)
        >>> data = {"images": images, "labels": tf.range(4)}
        >>> made = recipe.train(data, training=True)
        >>> made["images"].shape, made["labels"].shape
        (TensorShape([4, 32, 32, 3]), TensorShape([4, 10]))
    """
    layers = crop_and_flip(size, (0.08, 1.0))
    if auto_augment is not None:
        name = arguments.one_of("auto_augment", auto_augment, TORCHVISION_POLICIES)
        layers.append(TORCHVISION_POLICIES[name]())
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    layers.append(normal)
    if random_erase:
        layers.append(RandomErasing(random_erase, fill_value=0.0))
    mixed = mixing(
        mixup_alpha,
        cutmix_alpha,
        num_classes=num_classes,
        label_smoothing=label_smoothing,
    )
    train = fused([*layers, *mixed], interpolation)
    sizes = val_resize_size, val_crop_size
    return train, evaluation(*sizes, interpolation, normal, mixed)


@recipe
def timm(
    size: int = 224,
    *,
    num_classes: int | None = None,
    scale: Pair = (0.08, 1.0),
    ratio: Pair = (3 / 4, 4 / 3),
    hflip: float = 0.5,
    vflip: float = 0.0,
    auto_augment: str | None = "rand-m9-mstd0.5-inc1",
    color_jitter: float | Numbers | None = 0.4,
    interpolation: str = "bicubic",
    reprob: float = 0.25,
    remode: str = "pixel",
    mixup: float = 0.8,
    cutmix: float = 1.0,
    mixup_prob: float | tf.Variable = 1.0,
    mixup_switch_prob: float = 0.5,
    mixup_mode: str = "batch",
    smoothing: float = 0.1,
    crop_pct: float = 0.875,
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """What ConvNeXt, DeiT and Swin are trained with, in timm.

    Arguments and numbers are those of timm's `create_transform`, `RandomErasing` and
    `Mixup` (timm 1.0), with the values of its published commands as defaults. Colours
    are jittered where no policy is chosen, and beyond the frame is the mean colour, as
    there. MixUp or CutMix is chosen separately for each image; with
    `mixup_mode="batch"` λ is one for all.

    Args:
        size: of what comes out.
        num_classes: of integer labels, which become one-hot to be mixed; None for
            one-hot ones, and where nothing is mixed, which leaves labels as they are.
        scale: of the crop's area, as a part of the image's.
        ratio: of the crop's width to its height.
        hflip: chance that left and right change places.
        vflip: chance that top and bottom do.
        auto_augment: such as "rand-m9-mstd0.5-inc1", timm's text for RandAugment:
            magnitude, its deviation, increasing operations, `n` their number, `p` their
            chance; or None.
        color_jitter: strength of brightness, contrast and saturation, or three or four
            strengths; used where `auto_augment` is None.
        interpolation: "bicubic", "bilinear" or "nearest".
        reprob: chance that a region is erased.
        remode: "pixel" for normal noise, "const" for the mean colour.
        mixup: alpha of MixUp; 0 for no MixUp.
        cutmix: alpha of CutMix; 0 for no CutMix.
        mixup_prob: chance that an image is mixed at all: a number, or a scalar
            `tf.Variable`, to end the mixing before the training ends:
            `mixup_off_epoch`.
        mixup_switch_prob: chance that it is CutMix, where there are both.
        mixup_mode: "batch" for one λ, "elem" for one of each image.
        smoothing: the share of a label that is spread over all classes, where labels
            are mixed; without mixing write it into the loss, as there.
        crop_pct: the share of the shorter side that the evaluation sees.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the images are uint8.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> recipe = timm(size=32, mixup=0.0, cutmix=0.0)
        >>> recipe.train(tf.zeros((4, 48, 40, 3), tf.uint8), training=True).shape
        TensorShape([4, 32, 32, 3])
    """
    layers = crop_and_flip(size, scale, ratio, hflip, vflip)
    jitters = [] if color_jitter is None else [_jitter(color_jitter)]
    layers += jitters if auto_augment is None else [rand_augment(auto_augment)]
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    layers.append(normal)
    noisy = _one_of("remode", remode, "pixel", "const")
    if reprob:  # of normalised pixels, as there
        area, shape = (0.02, 1 / 3), (0.3, 1 / 0.3)
        fill: Any = "noise" if noisy else 0.0
        layers.append(RandomErasing(reprob, area, fill, ratio=shape))
    mixed = mixing(
        mixup,
        cutmix,
        arguments.number("mixup_switch_prob", mixup_switch_prob, 0.0, 1.0),
        num_classes=num_classes,
        label_smoothing=smoothing,
        partners="reverse",
        per="batch" if _one_of("mixup_mode", mixup_mode, "batch", "elem") else "image",
        probability=mixup_prob,
    )
    beyond = _mean_color(normal.mean, value_range)
    train = fused([*layers, *mixed], interpolation, fill_value=beyond)
    resize = resized(size, crop_pct)
    return train, evaluation(resize, size, interpolation, normal, mixed)


def _mean_color(mean: Any, value_range: Pair | None) -> Any:
    """What timm's operations leave beyond the frame: a whole number of 0 to 255."""
    if isinstance(mean, tuple):
        return tuple(_mean_color(x, value_range) for x in mean)
    return of_bytes(min(max(round(255 * mean), 0), 255), value_range)


def _one_of(name: str, value: str, first: str, second: str) -> bool:
    """Whether it is the first of two."""
    return arguments.one_of(name, value, (first, second)) == first


def rand_augment(text: str) -> RandAugment:
    """RandAugment as timm's text describes it, such as "rand-m9-n3-mstd0.5-inc1"."""
    name, *sections = str(text).split("-")
    values: dict[str, float] = {}
    for section in sections:
        match = re.fullmatch(r"(m|n|p|mstd|inc)(\d+\.?\d*)", section)
        values |= {match[1]: float(match[2])} if match else {section: math.nan}
    known = {"m", "n", "p", "mstd", "inc"}
    count, deviation = values.get("n", 2.0), values.get("mstd", 0.0)
    odd = count % 1.0 != 0.0 or deviation > 100.0  # timm's sign for something else
    if name != "rand" or not values.keys() <= known or values.get("inc") != 1.0 or odd:
        raise ValueError(
            "`auto_augment` must be 'rand' with the sections m, n (a whole number), p, "
            "mstd (at most 100) and inc1, such as 'rand-m9-mstd0.5-inc1'. Received: "
            f"{text!r}"
        )
    return RandAugment(
        int(count),
        values.get("m", 10.0),
        magnitude_std=deviation,
        increasing=True,
        chance=values.get("p", 0.5),
    )


def _jitter(strengths: float | Numbers) -> RandomColorJitter:
    """Of one strength for three of them, or of three or four."""
    given: Any = (strengths,) * 3 if arguments.is_number(strengths) else strengths
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, (tuple, list)) or len(given) not in (3, 4):
        raise ValueError(
            "`color_jitter` must be a number, or three or four: the strengths of "
            "brightness, contrast, saturation and, if there are four, of the hue. "
            f"Received: {strengths!r}. Write color_jitter=0.4, or (0.4, 0.4, 0.4)."
        )
    return jitter(tuple(arguments.number("color_jitter", x, 0.0) for x in given))


@recipe
def deit3(
    size: int = 224,
    *,
    num_classes: int | None = None,
    color_jitter: float = 0.3,
    mixup: float = 0.8,
    cutmix: float = 1.0,
    smoothing: float = 0.0,
    crop_pct: float = 1.0,
    mean: Numbers = MEAN,
    std: Numbers = STD,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """DeiT III (Touvron, Cord and Jégou, 2022, arXiv:2204.07118), on ImageNet-1k.

    A random resized crop, a flip, one of grey, solarize and blur (`ThreeAugment`),
    jitter, and MixUp or CutMix, chosen for each image (there: for a batch): table 1 of
    the paper, and `augment.py` of its code. The evaluation sees the whole shorter side:
    `--eval-crop-ratio 1.0` in all commands of its `README_revenge.md`.

    Args:
        size: of what comes out.
        num_classes: of integer labels, which become one-hot to be mixed; None for
            one-hot ones, and where nothing is mixed, which leaves labels as they are.
        color_jitter: strength of brightness, contrast and saturation.
        mixup: alpha of MixUp; 0 for no MixUp.
        cutmix: alpha of CutMix; 0 for no CutMix.
        smoothing: the share of a label that is spread over all classes; none there.
        crop_pct: the share of the shorter side that the evaluation sees.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> recipe = deit3(size=32, mixup=0.0, cutmix=0.0)
        >>> recipe.train(tf.zeros((4, 48, 40, 3), tf.uint8), training=True).shape
        TensorShape([4, 32, 32, 3])
    """
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    mixed = mixing(
        mixup,
        cutmix,
        num_classes=num_classes,
        label_smoothing=smoothing,
        partners="reverse",
        per="batch",
    )
    layers = [*crop_and_flip(size, (0.08, 1.0)), ThreeAugment(), _jitter(color_jitter)]
    train = fused([*layers, normal, *mixed], "bicubic")
    resize = resized(size, crop_pct)
    return train, evaluation(resize, size, "bicubic", normal, mixed)
