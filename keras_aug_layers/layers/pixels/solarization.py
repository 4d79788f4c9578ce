"""Solarization."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _solarize(x: tf.Tensor, threshold: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    return tf.where(x >= threshold, total - x, x)


solarize = register(
    "solarize",
    "pointwise",
    _solarize,
    stored=True,
    by_pixel=True,
)
"""The negative of what reaches a threshold: `total` is the sum of both ends."""


@arguments.in_keras_order("value_range", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class Solarization(ColorLayer):
    """Adds to the pixels, and turns those that reach a threshold into their negatives.

    As `keras.layers.Solarization`; torchvision's `solarize` adds nothing.

    Args:
        addition_factor: range of what is added, as a part of the value range, from 0 to
            1: a number f for (0, f), or a pair (low, high).
        threshold_factor: range of the threshold, likewise; 0 is the whole negative.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a factor is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [100], [200]]], dtype="uint8")
        >>> half = Solarization(threshold_factor=(0.5, 0.5))
        >>> half(images, training=True).numpy().ravel()
        array([  0, 100,  55], dtype=uint8)
    """

    def __init__(
        self,
        addition_factor: float | tuple[float, float] = 0.0,
        threshold_factor: float | tuple[float, float] = 0.0,
        *,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.addition_factor = arguments.share("addition_factor", addition_factor)
        self.threshold_factor = arguments.share("threshold_factor", threshold_factor)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """A bias, where there is any, and the threshold."""
        low, high = frame.range_of(self)
        steps = []
        if self.addition_factor != (0.0, 0.0):
            bias = random.uniform(self.addition_factor) * (high - low)
            steps.append(scale(gain=1.0, bias=bias))
        threshold = low + random.uniform(self.threshold_factor) * (high - low)
        return [*steps, solarize(threshold=threshold, total=low + high)]
