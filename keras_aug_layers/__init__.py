"""Image augmentation as Keras layers that run where the model runs."""

from keras_aug_layers.layers.brightness import RandomBrightness
from keras_aug_layers.layers.flip import RandomFlip
from keras_aug_layers.layers.fused import FusedAugmentation
from keras_aug_layers.layers.rotate import RandomRotate
from keras_aug_layers.layers.shift import RandomShift
from keras_aug_layers.layers.zoom import RandomZoom
from keras_aug_layers.transform import Transform

__all__ = [
    "FusedAugmentation",
    "RandomBrightness",
    "RandomFlip",
    "RandomRotate",
    "RandomShift",
    "RandomZoom",
    "Transform",
]
