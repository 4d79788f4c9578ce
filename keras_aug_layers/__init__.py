"""Image augmentation as Keras layers that run where the model runs."""

import sys

__version__ = "0.1.0"

# `python -m keras_aug_layers` imports this file before the command line, which answers
# a wrong argument at once and in one line: without TensorFlow, its seconds and its log.
if sys.argv[:1] != ["-m"] or "keras_aug_layers" not in sys.orig_argv:
    from keras_aug_layers.convert import (
        NotFusedWarning,
        from_image_data_generator,
        fuse,
    )
    from keras_aug_layers.data import augment_dataset
    from keras_aug_layers.layers import (
        FusedAugmentation,
        RandAugment,
        RandomApply,
        RandomBrightness,
        RandomChannelShift,
        RandomChoice,
        RandomColorJitter,
        RandomContrast,
        RandomFlip,
        RandomGrayscale,
        RandomHue,
        RandomInvert,
        RandomPerspective,
        RandomRotate,
        RandomSaturation,
        RandomShear,
        RandomShift,
        RandomZoom,
        TrivialAugment,
    )
    from keras_aug_layers.transform import Transform

__all__ = [
    "FusedAugmentation",
    "NotFusedWarning",
    "RandAugment",
    "RandomApply",
    "RandomBrightness",
    "RandomChannelShift",
    "RandomChoice",
    "RandomColorJitter",
    "RandomContrast",
    "RandomFlip",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomRotate",
    "RandomSaturation",
    "RandomShear",
    "RandomShift",
    "RandomZoom",
    "Transform",
    "TrivialAugment",
    "augment_dataset",
    "from_image_data_generator",
    "fuse",
]
