"""RandomInvert."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, color
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Frame
from keras_aug_layers.layers.base import ColorLayer


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomInvert(ColorLayer):
    """Turns images into their negatives: x becomes low + high - x.

    Args:
        factor: chance, from 0 to 1, that an image is inverted.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if `factor` is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [200]]], dtype="uint8")
        >>> RandomInvert()(images, training=True).numpy().ravel()
        array([255,  55], dtype=uint8)
    """

    draws = 1

    def __init__(
        self,
        factor: float = 1.0,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = checks.number("factor", factor, 0.0, 1.0)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A gain of -1 and a bias, or nothing."""
        low, high = self.range_of(frame)
        inverted = u[:, 0] < self.factor
        return color.scale_and_add(
            tf.where(inverted, -1.0, 1.0), tf.where(inverted, low + high, 0.0)
        )
