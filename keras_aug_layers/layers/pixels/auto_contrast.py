"""AutoContrast."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers.kernels.measured import in_strips
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _stretch(images: tf.Tensor, low: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    wide = (-1, 1, 1, 1)
    low, span = (tf.reshape(row, wide) for row in (low, span))
    low_strip, high_strip = (
        in_strips(images, join=join) for join in (tf.minimum, tf.maximum)
    )
    least = compute(tf.reduce_min(low_strip, axis=(1, 2), keepdims=True))
    most = compute(tf.reduce_max(high_strip, axis=(1, 2), keepdims=True))
    width = (most - least) * (1.0 / span)
    flat = ~(width > 0.0)  # also of values so near that it is no number
    width = tf.where(flat, tf.ones_like(width), width)
    x = compute(images)
    result = low + (x - least) / width
    if images.dtype.is_integer:
        result = tf.floor(result)  # torchvision cuts off
    else:
        result = tf.where(x == most, low + span, result)  # without a rounding
    return finish(tf.where(flat, x, result), images.dtype)


stretch = register("stretch", "stage", _stretch)
"""Stretches each channel of each image over the whole range."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class AutoContrast(ColorLayer):
    """Stretches each channel of each image over the whole range.

    A channel of one value stays as it is. Integers are cut off, as in torchvision: the
    greatest may be one less than that of the range. The least and the greatest value
    are those of the image as it is there: with what fills it, behind a move.

    Args:
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`, such as `probability`.

    Raises:
        ValueError: if `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[100], [145], [190]]], dtype="uint8")
        >>> AutoContrast()(images, training=True).numpy().ravel()
        array([  0, 127, 255], dtype=uint8)
    """

    def __init__(
        self, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Nothing is random but the chance."""
        low, high = frame.range_of(self)
        return stretch(low=low, span=high - low)
