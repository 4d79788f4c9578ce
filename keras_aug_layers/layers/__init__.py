"""All layers: importing them enters them in Keras's register."""

from keras_aug_layers.layers.brightness import RandomBrightness
from keras_aug_layers.layers.channel_shift import RandomChannelShift
from keras_aug_layers.layers.choice import RandomApply, RandomChoice
from keras_aug_layers.layers.contrast import RandomContrast
from keras_aug_layers.layers.flip import RandomFlip
from keras_aug_layers.layers.fused import FusedAugmentation
from keras_aug_layers.layers.generator import GeneratorAugmentation
from keras_aug_layers.layers.invert import RandomInvert
from keras_aug_layers.layers.mixing import (
    RandomColorJitter,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from keras_aug_layers.layers.perspective import RandomPerspective
from keras_aug_layers.layers.policies import RandAugment, TrivialAugment
from keras_aug_layers.layers.rotate import RandomRotate
from keras_aug_layers.layers.sequence import LayerSequence
from keras_aug_layers.layers.shear import RandomShear
from keras_aug_layers.layers.shift import RandomShift
from keras_aug_layers.layers.zoom import RandomZoom

__all__ = [
    "GeneratorAugmentation",
    "FusedAugmentation",
    "LayerSequence",
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
    "TrivialAugment",
]
