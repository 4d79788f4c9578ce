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
from keras_aug_layers.layers.pixels.hsv import SPACES, turn_hsv
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def hue(turns: tf.Tensor) -> Step:
    """Turns colours about the grey axis, red to green to blue: turns (B,).

    Rodrigues' rotation by an angle t about the unit vector k = (1, 1, 1) / sqrt(3):
    cos t I + sin t K + (1 - cos t) k kᵀ, where K is the cross product with k.
    """
    angle = 2.0 * math.pi * tf.cast(turns, tf.float64)[:, tf.newaxis, tf.newaxis]
    cross = tf.constant([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], tf.float64) / 3.0**0.5
    eye, axis = tf.eye(3, dtype=tf.float64), tf.ones((3, 3), tf.float64) / 3.0
    turn = tf.cos(angle) * eye + tf.sin(angle) * cross + (1 - tf.cos(angle)) * axis
    return mix(matrix=turn, bias=0.0)


def drawn_turns(
    random: Cursor, factor: arguments.Range | None, turns: arguments.Range | None
) -> tf.Tensor:
    """Turns (B,), in Keras's unit or in turns, of which one is given.

    Keras's is half a turn, in either direction.
    """
    if turns is not None:
        return random.uniform(turns)
    half = 0.5 * random.uniform(factor or (0.0, 0.0))
    return tf.where(random.coin(0.5), -half, half)


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomHue(ColorLayer):
    """Turns the hue of images.

    In HSV as `keras.layers.RandomHue` and torchvision's `adjust_hue`: value and
    saturation stay. Or by a matrix, about the grey axis, which leaves the sum of the
    channels as it is and costs nothing beside other matrices. The two agree in
    direction: from red to green to blue.

    Args:
        factor: range of the angle as a part of half a turn, from 0 to 1, in either
            direction: a number f for (0, f), or a pair (low, high). Either this or
            `turns` is given.
        value_range: as for every `ColorLayer`.
        turns: range of the angle in turns, from -1 to 1: a number t for (-t, t), or a
            pair (low, high).
        space: "hsv", or "linear" for the matrix.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[255, 51, 51]]], dtype="uint8")
        >>> RandomHue(turns=(1 / 3, 1 / 3))(red, training=True).numpy().ravel()
        array([ 51, 255,  51], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] | None = None,
        value_range: tuple[float, float] | None = None,
        *,
        turns: float | tuple[float, float] | None = None,
        space: str = "hsv",
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        arguments.exactly_one(factor=factor, turns=turns)
        self.factor = arguments.optional(arguments.share, "factor", factor)
        self.turns = arguments.optional(arguments.factor, "turns", turns, -1.0, 1.0)
        self.space = arguments.one_of("space", space, SPACES)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomHue":
        """Builds the layer; version 0.1 had turns, and the matrix."""
        if "space" not in config:
            old = {"factor": None, "turns": config["factor"], "space": "linear"}
            config = {**config, **old}
        return cls(**config)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """An angle."""
        checks.rgb(self, frame)
        turns = drawn_turns(random, self.factor, self.turns)
        if self.space == "linear":
            return hue(turns)
        return turn_hsv(frame, turns=turns)
