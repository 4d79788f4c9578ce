"""RandomHSV."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.hsv import turned
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _change(
    images: tf.Tensor,
    turns: tf.Tensor,
    gain: tf.Tensor,
    value: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
) -> tf.Tensor:
    turns, gain, value, low, high = (
        tf.reshape(x, (-1, 1, 1)) for x in (turns, gain, value, low, high)
    )
    planes = turned(tf.unstack(compute(images), axis=-1), turns, gain, low)
    brightest = tf.maximum(tf.maximum(planes[0], planes[1]), planes[2]) - low
    ends = tf.math.is_finite(high)  # without an end, no gradient goes through it
    most = tf.where(ends, high - low, 1.0) / tf.maximum(brightest, 1e-30)
    # The colour stays where the value is cut off.
    gain = tf.minimum(value, tf.where(ends, most, value))
    planes = [low + gain * (x - low) for x in planes]
    return finish(tf.stack(planes, axis=-1), images.dtype)


change_hsv = register("change_hsv", "stage", _change, placed=False)
"""Turns the hue, multiplies saturation (by `gain`) and value, each up to its end."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomHSV(ColorLayer):
    """Changes hue, saturation and value at random, in one pass.

    As `RandomHSV` of Ultralytics' YOLO, but without the 180 hues and 256 saturations to
    which OpenCV rounds. Value and saturation are multiplied, and end where there is no
    more; a bright pixel keeps its colour, where `RandomBrightness` cuts its channels
    off one by one.

    Args:
        hue: range of the angle in turns, from -1 to 1: a number h for (-h, h), or a
            pair (low, high).
        saturation: range of a gain: a number s for (1 - s, 1 + s), or a pair (low,
            high), at least 0.
        value: likewise.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, or the images have not three channels.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> hsv = RandomHSV(hue=0, saturation=0, value=(2, 2))
        >>> hsv(image, training=True).numpy().ravel()
        array([255, 128,   0], dtype=uint8)
    """

    def __init__(
        self,
        hue: float | tuple[float, float] = 0.015,
        saturation: float | tuple[float, float] = 0.7,
        *,
        value: float | tuple[float, float] = 0.4,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.hue = arguments.factor("hue", hue, -1.0, 1.0)
        self.saturation = arguments.gain("saturation", saturation)
        self.value = arguments.gain("value", value)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """An angle and two gains."""
        checks.rgb(self, frame)
        return change_hsv(
            turns=random.uniform(self.hue),
            gain=random.uniform(self.saturation),
            value=random.uniform(self.value),
            low=frame.low,
            high=frame.ends[1],
        )
