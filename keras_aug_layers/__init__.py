"""Image augmentation as Keras layers that run where the model runs."""

import sys
from collections.abc import Sequence
from pathlib import PurePath

__version__ = "0.2.0.dev0"


def _module_of(words: Sequence[str]) -> str:
    """The module behind -m, of the words that Python was started with; "" without one.

    Options of one letter may share a word, with the value of the last one behind them.
    """
    rest = iter(words[1:])
    for word in rest:
        option = next((letter for letter in word if letter in "cmWX"), "")
        if word.startswith("--"):  # --check-hash-based-pycs always
            next(rest, "")
        elif not word.startswith("-") or option == "c":
            break
        elif option:
            value = word.partition(option)[2] or next(rest, "")
            if option == "m":
                return value
    return ""


# The command, and `python -m keras_aug_layers`, import this file before the command
# line, which answers a wrong argument at once and in one line: without TensorFlow, its
# seconds and its log. Everybody else needs the layers: Keras loads what it knows.
_program = sys.argv[0] if sys.argv else ""
if PurePath(_program).name not in ("keras-aug-layers", "keras-aug-layers.exe") and (
    _program != "-m" or _module_of(sys.orig_argv) != "keras_aug_layers"
):
    from keras_aug_layers import recipes
    from keras_aug_layers.dataset import augment_dataset
    from keras_aug_layers.explain import explain
    from keras_aug_layers.kernels.program import Step, register
    from keras_aug_layers.layers import (
        AugMix,
        AutoAugment,
        AutoContrast,
        CenterCrop,
        CoarseDropout,
        CutMix,
        Equalization,
        FusedAugmentation,
        GridMask,
        MixUp,
        Mosaic,
        MultiCrop,
        Normalize,
        RandAugment,
        RandomApply,
        RandomBrightness,
        RandomChannelShift,
        RandomChoice,
        RandomColorDegeneration,
        RandomColorJitter,
        RandomContrast,
        RandomCrop,
        RandomElasticTransform,
        RandomErasing,
        RandomFlip,
        RandomGamma,
        RandomGaussianBlur,
        RandomGaussianNoise,
        RandomGrayscale,
        RandomGridDistortion,
        RandomHSV,
        RandomHue,
        RandomInvert,
        RandomLowResolution,
        RandomOpticalDistortion,
        RandomPerspective,
        RandomPosterization,
        RandomResizedCrop,
        RandomRotate,
        RandomRotation,
        RandomSaturation,
        RandomSharpness,
        RandomShear,
        RandomShift,
        RandomTranslation,
        RandomZoom,
        Rescaling,
        Resizing,
        Solarization,
        ThreeAugment,
        TrivialAugment,
    )
    from keras_aug_layers.layers.base import AugmentationLayer
    from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
    from keras_aug_layers.layers.groups.group import LayerGroup
    from keras_aug_layers.layers.mixes.mixing import MixingLayer
    from keras_aug_layers.layers.pixels.color_layer import ColorLayer
    from keras_aug_layers.layers.pixels.erasing import ErasingLayer
    from keras_aug_layers.migrate.fuse import NotFusedWarning, fuse
    from keras_aug_layers.migrate.image_data_generator import from_image_data_generator
    from keras_aug_layers.notices import DataWarning
    from keras_aug_layers.plan.chain import no_chaining, settle
    from keras_aug_layers.plan.transform import Transform

# The reference has them in this order.
__all__ = [
    "AugMix",
    "AutoAugment",
    "AutoContrast",
    "CenterCrop",
    "CoarseDropout",
    "CutMix",
    "Equalization",
    "FusedAugmentation",
    "GridMask",
    "MixUp",
    "Mosaic",
    "MultiCrop",
    "Normalize",
    "RandAugment",
    "RandomApply",
    "RandomBrightness",
    "RandomChannelShift",
    "RandomChoice",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomGaussianNoise",
    "RandomGrayscale",
    "RandomGridDistortion",
    "RandomHSV",
    "RandomHue",
    "RandomInvert",
    "RandomLowResolution",
    "RandomOpticalDistortion",
    "RandomPerspective",
    "RandomPosterization",
    "RandomResizedCrop",
    "RandomRotate",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomShift",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Resizing",
    "Solarization",
    "ThreeAugment",
    "TrivialAugment",
    # What is done with layers:
    "augment_dataset",
    "recipes",
    "fuse",
    "from_image_data_generator",
    "explain",
    "settle",
    "no_chaining",
    "DataWarning",
    "NotFusedWarning",
    # For layers of one's own:
    "AugmentationLayer",
    "GeometricLayer",
    "ColorLayer",
    "ErasingLayer",
    "MixingLayer",
    "LayerGroup",
    "Step",
    "register",
    "Transform",
]
