"""RandomLowResolution."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _coarse(images: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    x = compute(images)
    for axis in (1, 2):
        x = _along(axis, x, scale)
    return finish(x, images.dtype)


def _along(axis: int, x: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Reads fewer pixels along an axis, and blends between them."""
    size = dimension(x, axis)
    length = tf.cast(size, x.dtype)
    count = tf.maximum(tf.round(length * scale), 1.0)  # of pixels that are read: (B, 1)
    place = (tf.range(size, dtype=x.dtype) + 0.5) * count / length - 0.5
    place = tf.clip_by_value(place, 0.0, count - 1.0)
    before = tf.floor(place)

    def read(number: tf.Tensor) -> tf.Tensor:
        nearest = tf.cast(tf.floor((number + 0.5) * length / count), tf.int32)
        return tf.gather(x, tf.minimum(nearest, size - 1), axis=axis, batch_dims=1)

    share = tf.expand_dims(tf.expand_dims(place - before, 3 - axis), -1)
    first, second = read(before), read(tf.minimum(before + 1.0, count - 1.0))
    return first + share * (second - first)


coarse = register("coarse", "stage", _coarse)
"""Shrinks height and width to a `scale`, to the nearest pixels, and enlarges again."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomLowResolution(ColorLayer):
    """Shrinks images by a random factor and enlarges them to the size that they had.

    As `SimulateLowResolutionTransform` of nnU-Net: the small image has the nearest
    pixels, between which the large one is bilinear. Masks, boxes and keypoints stay.

    Args:
        scale: range of the small image's height and width, as parts of the image's,
            from 0 to 1: a pair (low, high), or a number s for (s, 1).
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the range is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [10], [20], [30]]], "float32")
        >>> coarse = RandomLowResolution((0.5, 0.5))(images, training=True)
        >>> coarse.numpy().ravel()
        array([10., 15., 25., 30.], dtype=float32)
    """

    def __init__(
        self,
        scale: float | tuple[float, float] = (0.5, 1.0),
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        pair = (scale, 1.0) if arguments.is_number(scale) else scale
        self.scale = arguments.pair("scale", pair, 0.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A size of the small image."""
        return coarse(scale=random.uniform(self.scale))
