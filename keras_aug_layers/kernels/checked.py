"""Checks of what a graph knows only when it runs, such as the sizes of its inputs."""

from typing import TypeAlias

import tensorflow as tf

Known: TypeAlias = bool | tf.Tensor
"""Whether something is so: bool () where only a run tells."""


def checked(
    value: tf.Tensor, right: Known, message: str, told: tf.Tensor | None = None
) -> tf.Tensor:
    """A value that is right: what reads it waits for the check.

    XLA leaves out checks of what only a run tells.

    Args:
        value: the value.
        right: whether it is.
        message: what was expected, what came, and what to write.
        told: what a run tells of what came; by default the shape of the value.

    Raises:
        ValueError: if it is not; where only a run tells, an InvalidArgumentError then.
    """
    if right is True:
        return value
    if right is False:
        raise ValueError(message)
    told = tf.shape(value) if told is None else told
    assertion = tf.debugging.Assert(right, [message, "It was:", told], summarize=9)
    with tf.control_dependencies([assertion]):
        return tf.identity(value)


def as_many(value: tf.Tensor, other: tf.Tensor, axes: int) -> Known:
    """Whether the first axes of two tensors, or arrays, are equal.

    Args:
        value: one.
        other: the other.
        axes: how many axes; both have them.
    """
    own, wanted = (tf.TensorShape(x.shape)[:axes] for x in (value, other))
    if own.is_fully_defined() and wanted.is_fully_defined():
        return bool(own == wanted)
    if not own.is_compatible_with(wanted):
        return False
    own_now, wanted_now = (tf.shape(x)[:axes] for x in (value, other))
    return tf.reduce_all(own_now == wanted_now)
