"""Hue and saturation in HSV: the function that hue, saturation and jitter share."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.stages import compute, restore
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame

SPACES = ("hsv", "linear")
"""Where hue is turned and saturation scaled: in HSV, or by a matrix of the channels."""


def turned(
    planes: list[tf.Tensor], turns: tf.Tensor, gain: tf.Tensor, low: tf.Tensor
) -> list[tf.Tensor]:
    """Turns the hue and scales the saturation of red, green and blue.

    With hue h in sixths of a turn, saturation s and value v, the channels are v - v s
    max(0, min(k, 4 - k, 1)), where k is (n + h) modulo 6 and n = 5, 3, 1 for red, green
    and blue: A. R. Smith's hexcone (SIGGRAPH 1978) without its six cases.
    """
    red, green, blue = planes
    value = tf.maximum(tf.maximum(red, green), blue)
    chroma = value - tf.minimum(tf.minimum(red, green), blue)
    divisor = tf.where(chroma == 0.0, tf.ones_like(chroma), chroma)
    sixths = tf.where(
        value == red,
        (green - blue) / divisor,
        tf.where(
            value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor
        ),
    )
    sixths += 6.0 * turns
    most = tf.maximum(value - low, chroma)  # a saturation of 1, or what it was
    chroma = tf.minimum(chroma * gain, most)
    channels = []
    for n in (5.0, 3.0, 1.0):
        k = n + sixths
        k -= 6.0 * tf.floor(k / 6.0)
        part = tf.clip_by_value(tf.minimum(k, 4.0 - k), 0.0, 1.0)
        channels.append(value - chroma * part)
    return channels


def turn_hsv(frame: Frame, turns: Any = 0.0, gain: Any = 1.0, cut: float = 0.0) -> Step:
    """Turns the hue and multiplies the saturation.

    Args:
        frame: the images.
        turns: a number, or (B,), as is the next.
        gain: what the saturation is multiplied by.
        cut: 1 if integers are cut off as in torchvision, which goes from 0 ... 1 to
            255.999; 0 to round them.
    """
    return _turn_hsv(turns=turns, gain=gain, low=frame.low, cut=cut)


def _turn(
    images: tf.Tensor, turns: tf.Tensor, gain: tf.Tensor, low: tf.Tensor, cut: tf.Tensor
) -> tf.Tensor:
    turns, gain, low, cut = (tf.reshape(x, (-1, 1, 1)) for x in (turns, gain, low, cut))
    planes = tf.unstack(compute(images), axis=-1)
    planes = turned(planes, turns, gain, low)
    if images.dtype.is_integer:
        wide = 1.0 + 0.999 / float(images.dtype.max)
        planes = [tf.where(cut > 0.0, tf.floor(x * wide + HAIR), x) for x in planes]
    return restore(tf.stack(planes, axis=-1), images.dtype)


def _undo(step: Step) -> Step:
    """Of a gain of 0, which loses the hue, as far as it can be undone."""
    turns, gain = -step.rows["turns"], tf.math.reciprocal_no_nan(step.rows["gain"])
    return Step("turn_hsv", {**step.rows, "turns": turns, "gain": gain})


_turn_hsv = register("turn_hsv", "stage", _turn, placed=False, inverse=_undo)
