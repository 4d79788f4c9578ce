"""RandomGrayscale."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGrayscale(ColorLayer):
    """Turns images grey: each channel becomes the luma of its pixel.

    Args:
        factor: chance, from 0 to 1, that an image turns grey.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if `factor` is out of bounds, or the images have not three channels.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> RandomGrayscale(factor=1.0)(images, training=True).numpy().ravel()
        array([118, 118, 118], dtype=uint8)
    """

    _p = "factor"

    def __init__(self, factor: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = arguments.number("factor", factor, 0.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A saturation of 0, or nothing."""
        checks.rgb(self, frame)
        grey = random.coin(self.factor)
        return saturation(tf.where(grey, 0.0, 1.0))
