"""Hue and saturation in HSV: the function that hue, saturation and jitter share."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame

SPACES = ("hsv", "linear")
"""Where hue is turned and saturation scaled: in HSV, or by a matrix of the channels."""
TINY = 1e-30
"""A chroma below which there is no hue."""


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
    # Of three that may be computed anew, and rounded otherwise, one is the greatest.
    is_red, is_green = (red >= green) & (red >= blue), green >= blue
    ahead = tf.where(is_red, green - blue, tf.where(is_green, blue - red, red - green))
    sector = tf.where(is_red, 0.0, tf.where(is_green, 2.0, 4.0))
    # One division of all three, and by no zero: a grey has no hue.
    sixths = tf.cast(sector, chroma.dtype) + ahead / tf.maximum(chroma, TINY)
    sixths += 6.0 * turns
    most = tf.maximum(value - low, chroma)  # a saturation of 1, or what it was
    chroma = tf.minimum(chroma * gain, most)
    channels = []
    for n in (5.0, 3.0, 1.0):
        k = n + sixths
        k -= 6.0 * tf.floor(k * (1.0 / 6.0))
        part = tf.clip_by_value(tf.minimum(k, 4.0 - k), 0.0, 1.0)
        channels.append(value - chroma * part)
    return channels


def _cut(x: tf.Tensor, cut: tf.Tensor, least: tf.Tensor) -> tf.Tensor:
    """The whole part of numbers above the least one, grown by a share.

    Only what is behind their point grows: of 16 bits float32 has but few of them.
    """
    above = x - least
    whole = tf.floor(above)
    return least + whole + tf.floor(above - whole + above * cut + HAIR)


def turned_planes(
    planes: list[tf.Tensor],
    turns: tf.Tensor,
    gain: tf.Tensor,
    low: tf.Tensor,
    cut: tf.Tensor,
    least: tf.Tensor,
) -> list[tf.Tensor]:
    """What `turn_hsv` makes of stored channels (B, H, W)."""
    turns, gain, low, cut, least = (
        tf.reshape(x, (-1, 1, 1)) for x in (turns, gain, low, cut, least)
    )
    dtype = planes[0].dtype
    result = turned([compute(x) for x in planes], turns, gain, low)
    if dtype.is_integer:
        result = [tf.where(cut > 0.0, _cut(x, cut, least), x) for x in result]
    return [finish(x, dtype) for x in result]


def turn_hsv(frame: Frame, turns: Any = 0.0, gain: Any = 1.0, cut: float = 0.0) -> Step:
    """Turns the hue and multiplies the saturation.

    Args:
        frame: the images.
        turns: a number, or (B,), as is the next.
        gain: what the saturation is multiplied by.
        cut: 1 if integers are cut off as in torchvision, which goes from 0 ... 1 to
            255.999; 0 to round them.
    """
    least, most = frame.ends if cut else frame.limits
    cut *= 0.999 / (most - least)  # no part of it where there is no end
    least = frame.low if least < -(2.0**53) else least  # which float64 has not
    return _turn_hsv(turns=turns, gain=gain, low=frame.low, cut=cut, least=least)


def _turn(images: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
    planes = tf.unstack(images, axis=-1)
    return tf.stack(turned_planes(planes, **rows), axis=-1)


def _undo(step: Step) -> Step:
    """Of a gain of 0, which loses the hue, as far as it can be undone."""
    turns, gain = -step.rows["turns"], tf.math.reciprocal_no_nan(step.rows["gain"])
    return Step("turn_hsv", {**step.rows, "turns": turns, "gain": gain})


_turn_hsv = register("turn_hsv", "stage", _turn, placed=False, inverse=_undo)
