"""RandomOpticalDistortion."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

LARGEST = 0.3
"""From -0.36 on, a lens folds the corners of the frame."""

ROUNDS = 60

Point = tuple[tf.Tensor, tf.Tensor]


def _gain(
    x: tf.Tensor, y: tf.Tensor, k: tf.Tensor, width: tf.Tensor, height: tf.Tensor
) -> tf.Tensor:
    """1 + k r² + k r⁴, as in the corners of the frame where a place is farther off."""
    square = tf.minimum((x / width) ** 2 + (y / height) ** 2, 0.5)
    return 1.0 + k * square * (1.0 + square)


def _lens(
    x: tf.Tensor, y: tf.Tensor, k: tf.Tensor, width: tf.Tensor, height: tf.Tensor
) -> Point:
    gain = _gain(x, y, k, width, height)
    return x * gain, y * gain


def _unlens(
    x: tf.Tensor, y: tf.Tensor, k: tf.Tensor, width: tf.Tensor, height: tf.Tensor
) -> Point:
    """The place that the lens shows at (x, y), as a fixed point."""
    at_x, at_y = x + 0.0 * y, y + 0.0 * x
    for _ in range(ROUNDS):
        gain = _gain(at_x, at_y, k, width, height)
        at_x, at_y = x / gain, y / gain
    return at_x, at_y


lens = register(
    "lens",
    "coordinates",
    _lens,
    neutral={"k": 0.0},
    inverse=lambda step: Step("unlens", step.rows),
)
"""Reads each place 1 + k r² + k r⁴ times as far from the middle as its distance r."""
unlens = register(
    "unlens",
    "coordinates",
    _unlens,
    neutral={"k": 0.0},
    inverse=lambda step: Step("lens", step.rows),
)


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomOpticalDistortion(GeometricLayer):
    """Shows images as through a lens, of the form of a barrel or of a cushion.

    As albumentations' `OpticalDistortion` with its camera model, OpenCV's radial one
    with k1 = k2 = k: a place at the distance r from the middle, where the width and the
    height of the frame are 1, is read at r (1 + k r² + k r⁴). Corners have r² = 0.5.
    In images of 224 pixels a k of 0.05 moves them by 6 pixels.

    Args:
        factor: range of k: a number f for (-f, f), or a pair; from -0.3 to 0.3, where
            nothing folds.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if the factor is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomOpticalDistortion()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self, factor: float | tuple[float, float] = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.factor = arguments.factor("factor", factor, -LARGEST, LARGEST)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A lens for each image."""
        width, height = (tf.cast(n, tf.float64) for n in (frame.width, frame.height))
        return lens(k=random.uniform(self.factor), width=width, height=height)
