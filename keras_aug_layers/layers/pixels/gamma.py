"""RandomGamma."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _gamma(
    x: tf.Tensor, exponent: tf.Tensor, low: tf.Tensor, span: tf.Tensor
) -> tf.Tensor:
    part = tf.maximum((x - low) / span, 1e-30)
    return low + span * tf.exp(exponent * tf.math.log(part))


gamma = register(
    "gamma",
    "pointwise",
    _gamma,
    inverse=lambda step: Step(
        "gamma", {**step.rows, "exponent": 1.0 / step.rows["exponent"]}
    ),
    stored=True,
)
"""Takes the place between `low` and `low` + `span` to a power."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGamma(ColorLayer):
    """Takes the pixels, as parts of their range, to a random power.

    An exponent above 1 darkens the middle tones, one below 1 brightens them, as
    torchvision's `adjust_gamma` with a gain of 1.

    Args:
        gamma: range (low, high) of the exponent, above 0.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the range is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [51], [255]]], dtype="uint8")
        >>> RandomGamma((2, 2))(images, training=True).numpy().ravel()
        array([  0,  10, 255], dtype=uint8)
    """

    def __init__(
        self,
        gamma: tuple[float, float] = (0.7, 1.5),
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.gamma = arguments.pair("gamma", gamma, 1e-3, 1e3)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """An exponent, spread evenly over its range."""
        low, high = frame.range_of(self)
        return gamma(exponent=random.uniform(self.gamma), low=low, span=high - low)
