"""Random numbers that are the same on every device: Philox words, made into floats.

All randomness of the library is the counter-based generator Philox4x32-10 (Salmon et
al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a block of four 32-bit
words is a function of a 64-bit key and a 128-bit counter. Image i of a batch owns the
blocks from i * blocks_per_image on; a draw is a slice of its words.

`tf.random.stateless_uniform` is not used: its floats differ between XLA and the rest
of TensorFlow for the same seed. Its full-range integers do not.
"""

from typing import Any

import tensorflow as tf

from keras_aug_layers.checks import Range

PHILOX = 1
"""The algorithm's number in TensorFlow's raw ops."""

_CALL_STRIDE = 2**24
# RngReadAndSkip advances the counter by 256 blocks per unit: a call owns 2**32 blocks.


def initial_state(seed: int) -> list[int]:
    """The origin of a stateful stream: (low counter, high counter, key)."""
    return [0, 0, seed]


def next_origin(state: Any, stream: Any = None) -> tf.Tensor:
    """Takes the next call's share of a stream, atomically.

    Args:
        state: resource handle of an int64 variable of shape (3,).
        stream: the replica's number, if there are several; the streams of one state
            never overlap.

    Returns:
        The origin of the call's draws: int64 (low counter, high counter, key).
    """
    delta = tf.constant(_CALL_STRIDE, tf.uint64)
    origin = tf.raw_ops.RngReadAndSkip(resource=state, alg=PHILOX, delta=delta)
    if stream is not None:
        high = tf.cast(stream, tf.int64) * 2**32
        origin += tf.stack([tf.zeros_like(high), high, tf.zeros_like(high)])
    return origin


def seeded_origin(seed: tf.Tensor) -> tf.Tensor:
    """The origin that a seed (a, b) stands for: a is the key, b the high counter.

    Args:
        seed: integers of shape (2,), or (B, 2) for one seed per image.

    Returns:
        int64 (3,) or (B, 3).
    """
    seed = tf.cast(seed, tf.int64)
    return tf.stack([tf.zeros_like(seed[..., 1]), seed[..., 1], seed[..., 0]], axis=-1)


def words(origin: tf.Tensor, batch: Any, count: int) -> tf.Tensor:
    """Draws `count` words for each of `batch` images.

    Args:
        origin: int64 (3,), from `next_origin` or `seeded_origin`; or (B, 3), where
            row i of the result is what a batch of image i alone would draw.
        batch: number of images.
        count: words per image.

    Returns:
        uint32 tensor of shape (batch, count).
    """
    blocks = -(-count // 4)
    origin = tf.bitcast(origin, tf.uint64)
    if origin.shape.rank == 1:
        drawn = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[batch, 4 * blocks],
            key=origin[2:],
            counter=origin[:2],
            alg=PHILOX,
            dtype=tf.uint32,
        )
    else:
        low = origin[:, :1] + tf.constant(list(range(blocks)), tf.uint64)
        drawn = _philox(key=origin[:, 2:], low=low, high=origin[:, 1:2])
        drawn = tf.reshape(drawn, (-1, 4 * blocks))
    return drawn[:, :count]


def _philox(key: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Philox4x32-10 over arrays, word for word what TensorFlow's own kernel draws.

    Args:
        key: uint64, broadcastable to `low`.
        low: uint64, lower half of the counter, (B, blocks).
        high: uint64, upper half, broadcastable to `low`.

    Returns:
        uint32 tensor of shape (B, blocks, 4).
    """
    mask, half = tf.constant(0xFFFFFFFF, tf.uint64), tf.constant(32, tf.uint64)

    def split(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.bitwise.bitwise_and(x, mask), tf.bitwise.right_shift(x, half)

    (x0, x1), (x2, x3), (k0, k1) = split(low), split(high + 0 * low), split(key)
    for _ in range(10):
        low0, high0 = split(x0 * tf.constant(0xD2511F53, tf.uint64))
        low1, high1 = split(x2 * tf.constant(0xCD9E8D57, tf.uint64))
        xor = tf.bitwise.bitwise_xor
        x0, x1, x2, x3 = xor(xor(high1, x1), k0), low1, xor(xor(high0, x3), k1), low0
        k0, _ = split(k0 + tf.constant(0x9E3779B9, tf.uint64))
        k1, _ = split(k1 + tf.constant(0xBB67AE85, tf.uint64))
    return tf.cast(tf.stack([x0, x1, x2, x3], axis=-1), tf.uint32)


def unit(drawn: tf.Tensor) -> tf.Tensor:
    """Maps uint32 words to float64 numbers in [0, 1), multiples of 2**-29.

    Twenty-nine bits times the 24 of `uniform`'s width are exact in float64, so that
    a fused multiply-add, which XLA uses and the ops do not, changes nothing.
    """
    bits = tf.bitwise.right_shift(drawn, tf.constant(3, tf.uint32))
    return tf.cast(bits, tf.float64) * 2.0**-29


def uniform(u: tf.Tensor, bounds: Range) -> tf.Tensor:
    """Maps numbers in [0, 1) to the range [low, high); a single value is exact."""
    low, high = bounds
    width = tf.cast(tf.constant(high - low, tf.float32), tf.float64)
    return low + u * width
