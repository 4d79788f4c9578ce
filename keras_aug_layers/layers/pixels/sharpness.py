"""RandomSharpness."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.stages import compute, restore
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _sharpen(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    batch, height, width, channels = (dimension(images, axis) for axis in range(4))
    # Rows as they lie in memory: a last axis of three channels is slow.
    x = tf.reshape(compute(images), (batch, height, width * channels))
    padded = tf.pad(x, ((0, 0), (1, 1), (channels, channels)))
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    end = width * channels
    around = rows[:, :, :end] + rows[:, :, channels : channels + end]
    around += rows[:, :, 2 * channels :]
    blurred = (around + 4.0 * x) / 13.0
    if images.dtype.is_integer:
        blurred = tf.round(blurred)  # as torchvision and Pillow do
    row, column = tf.range(height)[:, tf.newaxis], tf.range(end)
    inside = (row > 0) & (row < height - 1)
    inside &= (column >= channels) & (column < end - channels)
    changed = x + (1.0 - tf.reshape(amount, (-1, 1, 1))) * (blurred - x)
    if images.dtype.is_integer:
        changed = tf.floor(changed + HAIR)  # likewise
    sharp = tf.where(inside, changed, x)  # one pixel of border stays as it is
    return restore(tf.reshape(sharp, tf.shape(images)), images.dtype)


sharpen = register("sharpen", "stage", _sharpen)
"""Blends with a blurred image: 0 is blurred, 1 the image, 2 sharpened.

The blur is [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13, Pillow's `ImageFilter.SMOOTH`.
"""


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomSharpness(ColorLayer):
    """Blurs or sharpens images by a random amount.

    Args:
        factor: range of the amount, from 0 to 1: a number f for (0, f), or a pair (low,
            high). 0 is blurred, 0.5 the image, 1 sharpened, as in Keras; Pillow and
            torchvision count twice as much.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the factor is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((3, 3, 1), "uint8")
        >>> images[1, 1] = 130
        >>> RandomSharpness((0, 0))(images, training=True).numpy()[1, 1]
        array([50], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.share("factor", factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Twice the factor: 1 is the image."""
        return sharpen(amount=2.0 * random.uniform(self.factor))
