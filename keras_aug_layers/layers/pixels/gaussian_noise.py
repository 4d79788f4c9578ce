"""RandomGaussianNoise."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.noise import hashed, word
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _noise(
    images: tf.Tensor,
    deviation: tf.Tensor,
    key: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
) -> tf.Tensor:
    """Adds normal noise by Box and Muller's formula, of hashed counters."""
    x = compute(images)
    count = tf.reduce_prod(tf.shape(x)[1:])
    place = tf.reshape(
        tf.cast(tf.range(count), tf.uint32), (1, *tf.unstack(tf.shape(x))[1:])
    )
    words = []
    for column in range(2):
        own = tf.reshape(tf.cast(key[:, column], tf.uint32), (-1, 1, 1, 1))
        words.append(hashed(place + hashed(own)))
    # 24 bits, from 2 ** -25 on: never 0, whose logarithm is infinite.
    first, second = (
        (tf.cast(tf.bitwise.right_shift(w, word(8)), tf.float32) + 0.5) * 2.0**-24
        for w in words
    )
    normal = tf.sqrt(-2.0 * tf.math.log(first)) * tf.cos(2.0 * math.pi * second)
    wide = (-1, 1, 1, 1)
    noisy = x + tf.reshape(deviation, wide) * tf.cast(normal, x.dtype)
    noisy = tf.clip_by_value(noisy, tf.reshape(low, wide), tf.reshape(high, wide))
    return finish(noisy, images.dtype)


add_noise = register("add_noise", "stage", _noise)
"""Adds normal noise; `key` (B, 2) are whole numbers below 2 ** 24."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGaussianNoise(ColorLayer):
    """Adds normal noise to each value, of a random strength for each image.

    Args:
        factor: range of the noise's standard deviation, as a part of the value range,
            from 0 to 1: a number f for (0, f), or a pair (low, high).
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the factor is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.full((8, 32, 32, 3), 128, "uint8")
        >>> noisy = RandomGaussianNoise((0.1, 0.1))(images, training=True)
        >>> bool(20 < noisy.numpy().std() < 30)
        True
    """

    def __init__(
        self,
        factor: float | tuple[float, float] = 0.1,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.share("factor", factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A strength, and a key from which the noise of each value follows."""
        low, high = frame.range_of(self)
        deviation = random.uniform(self.factor) * (high - low)
        key = tf.floor(random.uniform((0.0, 2.0**24), (2,)))
        return add_noise(deviation=deviation, key=key, low=low, high=high)
