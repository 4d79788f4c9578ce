"""Values that a compiler takes for others than they are.

XLA:GPU keeps in memory what looks as if several needed it, and what it can compute once
for many pixels; see `kernels/planes.py`. Numbers that look like another value at each
place and for each use are computed where they are used; LLVM, which comes after XLA,
sees through them. On a CPU it is LLVM that does too much: see `of_channels`.
"""

from typing import Any

import tensorflow as tf


def hidden(bits: tf.Tensor, by: tf.Tensor) -> tf.Tensor:
    """The same integers, of the shape that both broadcast to."""
    return tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(bits, by), by)


def columns(height: Any, width: Any, by: tf.Tensor) -> tf.Tensor:
    """The column of each pixel: float32 (B, H, W, n).

    Args:
        height: of the frame.
        width: likewise.
        by: int32 (B, 1, 1, n), of which one number at least is not known to XLA, and
            another one for each use.
    """
    column = tf.reshape(tf.range(width), (1, 1, -1, 1))
    pixel = tf.reshape(tf.range(height) * width, (1, -1, 1, 1)) + column
    return tf.cast(hidden(column, tf.bitwise.bitwise_xor(by, pixel)), tf.float32)


def of_channels(mask: tf.Tensor, channels: int | None) -> tf.Tensor:
    """A mask (B, H, W) for images (B, H, W, C), each of whose channels has its own.

    Where it is seen to be the same for all of them, LLVM makes it a branch around the
    loop over channels, and the loop over pixels takes two to five times as long.
    """
    mask = mask[..., tf.newaxis]
    if channels in (None, 1):
        return mask
    channel = tf.range(channels, dtype=tf.float32)
    return tf.cast(mask, tf.float32) + channel > channel
