"""All layers: importing them enters them in Keras's register."""

from keras_aug_layers.layers.generator import GeneratorAugmentation
from keras_aug_layers.layers.geometry.crop import CenterCrop, RandomCrop
from keras_aug_layers.layers.geometry.elastic import RandomElasticTransform
from keras_aug_layers.layers.geometry.flip import RandomFlip
from keras_aug_layers.layers.geometry.grid_distortion import RandomGridDistortion
from keras_aug_layers.layers.geometry.optical_distortion import RandomOpticalDistortion
from keras_aug_layers.layers.geometry.perspective import RandomPerspective
from keras_aug_layers.layers.geometry.random_resized_crop import RandomResizedCrop
from keras_aug_layers.layers.geometry.resizing import Resizing
from keras_aug_layers.layers.geometry.rotate import RandomRotate
from keras_aug_layers.layers.geometry.shear import RandomShear
from keras_aug_layers.layers.geometry.shift import RandomShift
from keras_aug_layers.layers.geometry.zoom import RandomZoom
from keras_aug_layers.layers.groups.aug_mix import AugMix
from keras_aug_layers.layers.groups.auto_augment import AutoAugment
from keras_aug_layers.layers.groups.choice import RandomApply, RandomChoice
from keras_aug_layers.layers.groups.fused import FusedAugmentation
from keras_aug_layers.layers.groups.multi_crop import MultiCrop
from keras_aug_layers.layers.groups.policies import (
    RandAugment,
    ThreeAugment,
    TrivialAugment,
)
from keras_aug_layers.layers.groups.sequence import LayerSequence
from keras_aug_layers.layers.mixes.cut_mix import CutMix
from keras_aug_layers.layers.mixes.mix_up import MixUp
from keras_aug_layers.layers.mixes.mosaic import Mosaic
from keras_aug_layers.layers.pixels.auto_contrast import AutoContrast
from keras_aug_layers.layers.pixels.brightness import RandomBrightness
from keras_aug_layers.layers.pixels.channel_shift import RandomChannelShift
from keras_aug_layers.layers.pixels.coarse_dropout import CoarseDropout
from keras_aug_layers.layers.pixels.color_degeneration import (
    RandomColorDegeneration,
)
from keras_aug_layers.layers.pixels.color_jitter import RandomColorJitter
from keras_aug_layers.layers.pixels.contrast import RandomContrast
from keras_aug_layers.layers.pixels.equalization import Equalization
from keras_aug_layers.layers.pixels.gamma import RandomGamma
from keras_aug_layers.layers.pixels.gaussian_blur import RandomGaussianBlur
from keras_aug_layers.layers.pixels.gaussian_noise import RandomGaussianNoise
from keras_aug_layers.layers.pixels.grayscale import RandomGrayscale
from keras_aug_layers.layers.pixels.grid_mask import GridMask
from keras_aug_layers.layers.pixels.hue import RandomHue
from keras_aug_layers.layers.pixels.invert import RandomInvert
from keras_aug_layers.layers.pixels.low_resolution import RandomLowResolution
from keras_aug_layers.layers.pixels.normalize import Normalize
from keras_aug_layers.layers.pixels.posterization import RandomPosterization
from keras_aug_layers.layers.pixels.random_erasing import RandomErasing
from keras_aug_layers.layers.pixels.random_hsv import RandomHSV
from keras_aug_layers.layers.pixels.rescaling import Rescaling
from keras_aug_layers.layers.pixels.saturation import RandomSaturation
from keras_aug_layers.layers.pixels.sharpness import RandomSharpness
from keras_aug_layers.layers.pixels.solarization import Solarization

RandomRotation = RandomRotate
RandomTranslation = RandomShift
"""The names that Keras has for these two: the same classes, saved under our names."""

__all__ = [
    "CoarseDropout",
    "CutMix",
    "RandomElasticTransform",
    "RandomGridDistortion",
    "RandomOpticalDistortion",
    "MixUp",
    "Mosaic",
    "GridMask",
    "RandomErasing",
    "CenterCrop",
    "MultiCrop",
    "RandomCrop",
    "RandomResizedCrop",
    "Resizing",
    "AugMix",
    "AutoAugment",
    "ThreeAugment",
    "AutoContrast",
    "Equalization",
    "Normalize",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomGaussianNoise",
    "RandomHSV",
    "RandomLowResolution",
    "RandomPosterization",
    "RandomSharpness",
    "Rescaling",
    "Solarization",
    "GeneratorAugmentation",
    "FusedAugmentation",
    "LayerSequence",
    "RandAugment",
    "RandomApply",
    "RandomBrightness",
    "RandomChannelShift",
    "RandomChoice",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomFlip",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomRotate",
    "RandomRotation",
    "RandomSaturation",
    "RandomShear",
    "RandomShift",
    "RandomTranslation",
    "RandomZoom",
    "TrivialAugment",
]
