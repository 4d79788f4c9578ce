"""Rounding: from values that are computed to those that a dtype stores."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels.device import on_gpu

# A float32 within 2**22 of 0, plus this, is rounded to an integer, halves to even, and
# the bits of the sum less the bits of this are that integer.
_ROUNDER = 1.5 * 2.0**23
_ROUNDER_BITS = 0x4B400000
# Added to the bits of a float32, this leaves numbers in their order, as far as they are
# not negative, and wraps the positive NaNs to negative integers. Negative numbers stay
# negative, and negative NaNs become integers below all those that we read.
_NAN_BELOW = 0x7FFFFF


def finish(
    values: tf.Tensor, dtype: tf.DType, value_range: Range | None = None
) -> tf.Tensor:
    """Clips to the value range, rounds where the dtype is an integer, casts once."""
    if value_range is None and values.dtype == dtype:
        return values
    return saturated(stored(values, dtype, value_range), dtype)


def clipped(stored: tf.Tensor, value_range: Range | None) -> tf.Tensor:
    """What is stored within the value range, as far as its dtype goes beyond that."""
    if value_range is None:
        return stored
    if not stored.dtype.is_integer:
        return tf.clip_by_value(stored, *value_range)
    low, high = (round(x) for x in value_range)
    if low > stored.dtype.min:
        stored = tf.maximum(stored, tf.constant(low, stored.dtype))
    if high < stored.dtype.max:
        stored = tf.minimum(stored, tf.constant(high, stored.dtype))
    return stored


def stored(
    values: tf.Tensor, dtype: tf.DType, value_range: Range | None, rounds: bool = True
) -> tf.Tensor:
    """The values as `finish` would store them, still in the dtype that is computed in.

    Clipped to the value range, and rounded where the dtype is an integer, if `rounds`.
    """
    if dtype.is_integer:
        least, most = float(dtype.min), float(dtype.max)
        low, high = (sorted((least, most, x))[1] for x in value_range or (least, most))
        value_range = low, high
    if value_range is not None:
        values = tf.clip_by_value(values, *value_range)
    return tf.round(values) if rounds and dtype.is_integer else values


def saturated(values: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Whole numbers in floats as another dtype: what it does not hold, as its end.

    The greatest int64 is no float64, and the next one above it would wrap around.
    """
    if dtype.is_integer and dtype.size > 2:
        mantissa = {tf.float32: 24, tf.float64: 53}[values.dtype]
        bits = int(dtype.max).bit_length()
        high = float(dtype.max - (1 << max(bits - mantissa, 0)) + 1)
        values = tf.clip_by_value(values, float(dtype.min), high)
    return values >= 0.5 if dtype.is_bool else tf.cast(values, dtype)


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
