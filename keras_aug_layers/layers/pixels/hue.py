"""RandomHue."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import mix
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def hue(turns: tf.Tensor) -> Step:
    """Turns colours about the grey axis, red to green to blue: turns (B,).

    Rodrigues' rotation by an angle t about the unit vector k = (1, 1, 1) / sqrt(3):
    cos t I + sin t K + (1 - cos t) k kᵀ, where K is the cross product with k.
    """
    angle = 2.0 * math.pi * tf.cast(turns, tf.float64)[:, tf.newaxis, tf.newaxis]
    cross = tf.constant([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], tf.float64) / 3.0**0.5
    eye, axis = tf.eye(3, dtype=tf.float64), tf.fill((3, 3), tf.cast(1 / 3, tf.float64))
    turn = tf.cos(angle) * eye + tf.sin(angle) * cross + (1 - tf.cos(angle)) * axis
    return mix(matrix=turn, bias=0.0)


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomHue(ColorLayer):
    """Turns colours around the grey axis.

    A linear map, which leaves greys and the sum of the channels as they are; hue in
    HSV, as in `keras.layers.RandomHue`, is not linear. The two agree in direction: from
    red to green to blue.

    Args:
        factor: range of the angle as a fraction of a full turn, from -1 to 1: a number
            f for (-f, f), or a pair (low, high).
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[255, 0, 0]]], dtype="uint8")
        >>> RandomHue((1 / 3, 1 / 3))(red, training=True).numpy().ravel()
        array([  0, 255,   0], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.factor("factor", factor, -1.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A rotation about the grey axis."""
        checks.rgb(self, frame)
        return hue(random.uniform(self.factor))
