"""Noise of a counter: the same wherever and in whatever order it is computed."""

import functools
import statistics

import numpy as np
import tensorflow as tf

_BITS = 14


def word(number: int) -> tf.Tensor:
    """A number below 2 ** 32 as uint32."""
    return tf.constant(number, tf.uint32)


def hashed(x: tf.Tensor) -> tf.Tensor:
    """Mixes the bits of uint32: Wellons, "Hash Function Prospector", lowbias32."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, word(shift)))
        x *= word(factor)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, word(16)))


def normal(counter: tf.Tensor) -> tf.Tensor:
    """A normal number, float32, for each counter, uint32, from a table of 2 ** 14.

    Of the quantiles in the middle of equally likely intervals: a gather, where a
    formula takes a logarithm, a root and a cosine. The greatest is 4.
    """
    index = tf.bitwise.right_shift(hashed(counter), word(32 - _BITS))
    return tf.gather(tf.constant(_quantiles()), tf.cast(index, tf.int32))


@functools.cache
def _quantiles() -> np.ndarray:
    quantile = statistics.NormalDist().inv_cdf
    count = 2**_BITS
    values = np.array([quantile((i + 0.5) / count) for i in range(count)])
    return (values / values.std()).astype("float32")
