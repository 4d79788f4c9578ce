"""Hue and saturation in HSV: the stage that RandomHue and RandomSaturation share."""

import tensorflow as tf

from keras_aug_layers.kernels.program import register
from keras_aug_layers.kernels.stages import compute, restore


def _turn(
    images: tf.Tensor,
    turns: tf.Tensor,
    gain: tf.Tensor,
    low: tf.Tensor,
    span: tf.Tensor,
) -> tf.Tensor:
    """Turns the hue and scales the saturation, on planes.

    With hue h in sixths of a turn, saturation s and value v, the channels are v - v s
    max(0, min(k, 4 - k, 1)), where k is (n + h) modulo 6 and n = 5, 3, 1 for red, green
    and blue: A. R. Smith's hexcone (SIGGRAPH 1978) without its six cases.
    """
    wide = (-1, 1, 1)
    turns, gain, low, span = (tf.reshape(x, wide) for x in (turns, gain, low, span))
    red, green, blue = (compute(x) - low for x in tf.unstack(images, axis=-1))
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
    chroma = tf.minimum(chroma * gain, value)  # a saturation of at most 1
    channels = []
    for n in (5.0, 3.0, 1.0):
        k = n + sixths
        k -= 6.0 * tf.floor(k / 6.0)
        part = tf.clip_by_value(tf.minimum(k, 4.0 - k), 0.0, 1.0)
        channels.append(low + value - chroma * part)
    return restore(tf.stack(channels, axis=-1), images.dtype)


turn_hsv = register("turn_hsv", "stage", _turn, placed=False)
"""Turns the hue by `turns` and multiplies the saturation by `gain`."""
