"""Whether an entry beside boxes has an element for each: perhaps only a run tells."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.checked import Known, as_many
from keras_aug_layers.kernels.targets.formats import nothing


def fits(value: Any, boxes: tf.Tensor, lengths: Any, axes: int) -> Known:
    """Whether an entry of any name has an element for each box.

    Args:
        value: the entry.
        boxes: (B, N, …), or (N, …) of one image.
        lengths: how many there are of each image, where they came ragged.
        axes: those of boxes that count them: 2, or 1 of one image.
    """
    if isinstance(value, tf.RaggedTensor):
        if lengths is None:
            return False
        same = same_rows(lengths, value.row_lengths())
        return same if isinstance(same, bool) else True
    if isinstance(value, (list, tuple)):
        value = _array(value)
    if lengths is not None or not hasattr(value, "shape"):
        return False
    rank = tf.TensorShape(value.shape).rank
    return rank is not None and rank >= axes and as_many(value, boxes, axes)


def _array(value: Any) -> np.ndarray | None:
    """An array of a list of numbers or texts; None of anything else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, NotImplementedError):  # of symbolic tensors, too
        return None
    texts = all(isinstance(x, (str, bytes)) for x in array.flat)
    return array if array.dtype.kind != "O" or texts else None


def same_rows(lengths: tf.Tensor | None, others: tf.Tensor | None) -> Known:
    """Whether two are ragged in the same way."""
    if lengths is None or others is None:
        return False
    if tf.executing_eagerly():
        return bool(lengths.numpy().tolist() == others.numpy().tolist())
    return tf.reduce_all(lengths == tf.cast(others, lengths.dtype))


def filled(
    fitting: tf.Tensor, entry: tf.Tensor, boxes: tf.Tensor, axes: int
) -> tf.Tensor:
    """An entry that fits, else nothing for each box.

    Args:
        fitting: whether it does: bool ().
        entry: the entry.
        boxes: as in `fits`.
        axes: likewise.
    """

    def nowhere() -> tf.Tensor:
        shape = tf.concat([tf.shape(boxes)[:axes], tf.shape(entry)[axes:]], axis=0)
        return tf.fill(shape, nothing(entry.dtype))

    result = tf.cond(fitting, lambda: entry, nowhere)
    return tf.ensure_shape(result, [*boxes.shape[:axes], *entry.shape[axes:]])


def chosen(
    fitting: tf.Tensor, followed: tf.Tensor, entry: tf.Tensor, grown: bool
) -> tf.Tensor:
    """What became of an entry if it fits, else the entry.

    Args:
        fitting: whether it does: bool ().
        followed: what became of `filled`.
        entry: the entry as it came.
        grown: whether there may be more boxes now.
    """
    result = tf.cond(fitting, lambda: followed, lambda: entry)
    return result if grown else tf.ensure_shape(result, entry.shape)
