"""RandomPosterization."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _posterize(
    x: tf.Tensor, low: tf.Tensor, step: tf.Tensor, most: tf.Tensor
) -> tf.Tensor:
    return low + step * tf.minimum(tf.floor((x - low) / step), most)


posterize = register("posterize", "pointwise", _posterize, stored=True, by_pixel=True)
"""Rounds down to `most` + 1 levels that lie a `step` apart, the first at `low`."""


def levels(bits: tf.Tensor, frame: Frame, layer: Any) -> Step:
    """Keeps the top bits (B,): of uint8 as they are; of floats 2 ** bits levels."""
    low, high = frame.range_of(layer)
    width = high - low + (1.0 if frame.whole else 0.0)
    count = tf.pow(tf.constant(2.0, tf.float64), tf.cast(bits, tf.float64))
    return posterize(low=low, step=width / count, most=count - 1.0)


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomPosterization(ColorLayer):
    """Keeps the top bits of each value, as few as are drawn.

    Args:
        factor: how many bits stay, from 1 to 8: a number, or a pair (low, high) of
            which every whole number from low to high is drawn as often (Keras never
            draws the last one).
        value_range: (low, high); needed unless the dtype is an unsigned integer. Floats
            get 2 ** bits levels, from low to just below high, as in torchvision.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a number of bits is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [100], [200]]], dtype="uint8")
        >>> RandomPosterization(2)(images, training=True).numpy().ravel()
        array([  0,  64, 192], dtype=uint8)
    """

    def __init__(
        self,
        factor: int | tuple[int, int],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        low, high = arguments.fixed("factor", factor, 1.0, 8.0)
        self.factor = arguments.whole("factor", low), arguments.whole("factor", high)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The levels of a whole number of bits."""
        low, high = self.factor
        return levels(tf.floor(random.uniform((low, high + 1.0))), frame, self)
