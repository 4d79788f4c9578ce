"""Rounding of floats to integers within limits, whatever the float is."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.device import on_gpu

# A float32 within 2**22 of 0, plus this, is rounded to an integer, halves to even, and
# the bits of the sum less the bits of this are that integer.
_ROUNDER = 1.5 * 2.0**23
_ROUNDER_BITS = 0x4B400000
# Added to the bits of a float32, this leaves numbers in their order, as far as they are
# not negative, and wraps the positive NaNs to negative integers. Negative numbers stay
# negative, and negative NaNs become integers below all those that we read.
_NAN_BELOW = 0x7FFFFF


def to_int(x: tf.Tensor, low: int, high: Any) -> tf.Tensor:
    """Rounds float32 to int32, halves to even, clamped to [low, high], whatever x is.

    A cast is undefined for NaN and huge values, and XLA's guards against them cost
    more than the cast. The bits of positive floats are ordered as integers are, so that
    they can be clamped instead.
    """
    if on_gpu():
        return _used_once(x, low, high)
    low = tf.cast(low, x.dtype)
    bits = tf.bitcast(tf.where(x > low, x, low) + _ROUNDER, tf.int32)  # NaN: low
    return tf.minimum(bits, _ROUNDER_BITS + high) - _ROUNDER_BITS


def _used_once(x: tf.Tensor, low: int, high: Any) -> tf.Tensor:
    """The same, with nothing in it that is used twice (see `kernels/planes.py`).

    NaN becomes `low`, or `high` where a minimum of NaN is not NaN: XLA promises that
    for GPUs, and not for CPUs.
    """
    zero = _ROUNDER_BITS + _NAN_BELOW
    # Without the minimum, XLA would add the constants of (x + 0.5) + _ROUNDER first.
    x = tf.minimum(x, tf.cast(high, x.dtype))
    bits = tf.bitcast(x + _ROUNDER, tf.int32) + _NAN_BELOW
    return tf.maximum(bits, zero + low) - zero
