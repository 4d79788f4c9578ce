"""RandomElasticTransform."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.fields import bend
from keras_aug_layers.kernels.noise import hashed, word
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

MOST = 32
"""Intervals of a grid: more of them are noise, and no smooth field."""


def _uniform(key: tf.Tensor, count: int) -> tf.Tensor:
    """Numbers in (-1, 1) for a key (B,) of 24 bits: float64 (B, count)."""
    start = hashed(tf.cast(key, tf.uint32) * word(0x9E3779B9))[:, tf.newaxis]
    bits = hashed(start + tf.cast(tf.range(count), tf.uint32))
    bits = tf.bitwise.right_shift(bits, word(8))
    return (tf.cast(bits, tf.float64) + 0.5) * 2.0**-23 - 1.0


@arguments.in_keras_order(
    "interpolation", "fill_mode", "fill_value", "value_range", "seed", "data_format"
)
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomElasticTransform(GeometricLayer):
    """Bends images as if they were of rubber, by a smooth field of random moves.

    A cubic B-spline goes through a grid of `grid` x `grid` cells; the control points of
    its moves along x and along y are uniform, and independent of each other and of
    those of other images. At a scale of 1 they reach a quarter of a cell, which is just
    what cannot fold: in images of 224 pixels and 8 cells of 28, at most 7 pixels, with
    a standard deviation of 1.9. torchvision's default (alpha 50, sigma 5) has one of
    0.8 pixels, alpha / (4 sigma sqrt(3 pi)), in images of any size, and moves go
    together over 2 sigma = 10 pixels, where ours do over 1.15 cells, or 32 pixels;
    `grid=26` has torchvision's distance, and a standard deviation of at most 0.6. An
    image of one row or column stays as it is, since whatever moves it might fold it.

    Boxes and keypoints follow by the inverse of the field. In front of a layer that
    turns, slants or bends, the field is measured anew behind that, to a fifth of a
    pixel in images of 96 pixels; where a strong `RandomGridDistortion` stands between
    it and a turn, to a few pixels.

    Args:
        factor: the chance of an image, under Keras's name: a number, or a pair from
            which the chance is drawn. (In Keras a number f stands for a chance between
            0 and f.) `probability` is a chance as well; where both are given, they
            multiply.
        scale: range of the strength, from 0 to 1: a number f for (0, f), or a pair.
        grid: how many cells the field has along either axis.
        value_range: (low, high), for the layers of colours in the same group, which
            clip to it; a move by itself clips nothing.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomElasticTransform()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        factor: float | tuple[float, float] = 1.0,
        scale: float | tuple[float, float] = 1.0,
        *,
        grid: int = 8,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set(value_range=value_range)
        self.factor = arguments.fixed("factor", factor, 0.0, 1.0)
        self.scale = arguments.share("scale", scale)
        self.grid = arguments.whole("grid", arguments.number("grid", grid, 1, MOST))

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Control points, of none of which the field can fold."""
        half = tf.stack([tf.cast(n, tf.float64) for n in (frame.width, frame.height)])
        half = (half - 1.0) / 2.0
        cell = 2.0 * half / self.grid
        # No slope is above 2 amplitude / cell, and those of a row add up to the scale.
        safe = tf.math.divide_no_nan(cell[0] * cell[1], 2.0 * (cell[0] + cell[1]))
        strength = random.uniform(self.scale)
        chosen = random.uniform() < random.uniform(self.factor)
        amplitude = tf.where(chosen, strength * safe, tf.zeros_like(strength))
        keys = tf.floor(random.uniform((0.0, 2.0**24), (2,)))
        count = self.grid + 3
        dx, dy = (
            tf.reshape(amplitude, (-1, 1, 1))
            * tf.reshape(_uniform(key, count * count), (-1, count, count))
            for key in tf.unstack(keys, axis=1)
        )
        return bend(dx=dx, dy=dy, half=half[tf.newaxis])
