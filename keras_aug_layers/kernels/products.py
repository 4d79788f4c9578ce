"""Products of matrices that are as exact on a GPU as on a processor."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.device import has_gpu, on_gpu

_KEPT_BITS = -1 << 13
"""Of the 24 digits of a float32, the 11 that TF32 keeps."""


def product(a: tf.Tensor, b: tf.Tensor, **how: Any) -> tf.Tensor:
    """`tf.matmul`, which on GPUs rounds the factors in float32 to TF32 by default.

    That moves what is read by a hundredth of a pixel, and grey levels by a tenth. There
    each factor is split into a part that TF32 holds, and the rest; the product of both
    rests, left out, is below 2**-22 of the whole.

    Args:
        a: (…, n, k), or as `how` says.
        b: (…, k, m).
        **how: arguments of `tf.matmul`, such as `transpose_b`.
    """
    if a.dtype != tf.float32 or not (has_gpu() or on_gpu()):
        return tf.matmul(a, b, **how)
    (high_a, low_a), (high_b, low_b) = _split(a), _split(b)
    small = tf.matmul(high_a, low_b, **how) + tf.matmul(low_a, high_b, **how)
    return tf.matmul(high_a, high_b, **how) + small


def _split(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What TF32 holds of float32, and the rest, which has no gradient."""
    bits = tf.bitwise.bitwise_and(tf.bitcast(values, tf.int32), _KEPT_BITS)
    low = tf.stop_gradient(values - tf.bitcast(bits, tf.float32))
    return values - low, low
