"""RandomSaturation."""

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

LUMA = 0.299, 0.587, 0.114
"""The weights of red, green and blue in ITU-R BT.601."""
GREY = 0.2989, 0.587, 0.114
"""The weights of red, green and blue in a grey image, as torchvision has them."""
GREATEST = 1e3
"""The greatest gain of a matrix: of more, its numbers would not hold a grey one."""
MOST = 1e7
"""The greatest gain: that of a factor of 1, as Keras has it."""


def saturation(gain: tf.Tensor) -> Step:
    """Scales the distance of each pixel to its luma (ITU-R BT.601): gain (B,)."""
    gain = tf.cast(gain, tf.float64)[:, tf.newaxis, tf.newaxis]
    weights = tf.constant([LUMA] * 3, tf.float64)
    matrix = gain * tf.eye(3, dtype=tf.float64) + (1.0 - gain) * weights
    return mix(matrix=matrix, bias=0.0)


def black_of_grey(frame: Frame) -> float:
    """What is added to a grey so that black is black, less what is cut off on average.

    The grey image of integers is cut off: half a level.
    """
    return rest_of_grey(frame) - (0.5 if frame.whole else 0.0)


def rest_of_grey(frame: Frame) -> float:
    """What is added to a grey so that black is black: the weights are not quite 1."""
    return frame.low * (1.0 - sum(GREY)) if frame.known_channels == 3 else 0.0


def drawn_gain(
    random: Cursor, factor: arguments.Range | None, gain: arguments.Range | None
) -> tf.Tensor:
    """Gains (B,), in Keras's unit or as they are, of which one is given."""
    if gain is not None:
        return random.uniform(gain)
    drawn = random.uniform(factor or (0.5, 0.5))
    return drawn / (1.0 - drawn + MOST**-1)


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomSaturation(ColorLayer):
    """Makes colours paler or stronger.

    In HSV as `keras.layers.RandomSaturation`: hue and value stay. Or by a matrix, as a
    blend with the luma of each pixel, which is that of Pillow's `ImageEnhance.Color`
    and torchvision, with the luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.

    Args:
        factor: range of f, from 0 to 1: a number f for (0, f), or a pair (low, high).
            The saturation is multiplied by f / (1 - f): 0 is grey, 0.5 the image, 1 the
            purest of its colours. Either this or `gain` is given.
        value_range: as for every `ColorLayer`.
        gain: range of what the saturation is multiplied by: a number g for (1 - g, 1 +
            g), or a pair (low, high), at least 0.
        space: "hsv", or "linear" for the matrix, which makes luma + gain * (x - luma)
            of a pixel x.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> RandomSaturation(gain=(0, 0))(images, training=True).numpy().ravel()
        array([200, 200, 200], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] | None = None,
        value_range: tuple[float, float] | None = None,
        *,
        gain: float | tuple[float, float] | None = None,
        space: str = "hsv",
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        arguments.exactly_one(factor=factor, gain=gain)
        self.factor = arguments.optional(arguments.share, "factor", factor)
        self.gain = arguments.optional(arguments.gain, "gain", gain)
        self.space = arguments.one_of("space", space, SPACES)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomSaturation":
        """Builds the layer; version 0.1 had changes of the gain, and the matrix."""
        if "space" not in config:
            gain = tuple(1.0 + x for x in config["factor"])
            config = {**config, "factor": None, "gain": gain, "space": "linear"}
        return cls(**config)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A gain."""
        checks.rgb(self, frame)
        gain = drawn_gain(random, self.factor, self.gain)
        if self.space == "linear":
            return saturation(tf.minimum(gain, GREATEST))
        return turn_hsv(frame, gain=gain)
