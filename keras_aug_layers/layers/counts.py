"""How many there are of each thing in a batch, where only a run tells."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.plan import notes
from keras_aug_layers.plan.chain import Chain


def checked(given: Mapping[str, Any], batch: Any) -> dict[str, Any]:
    """Entries that are as many as the images: what reads them waits for the check.

    It is one for all of them. Those whose number is known are checked elsewhere.

    Args:
        given: what belongs to the images, under flat keys.
        batch: how many images there are: a number, or a scalar tensor.

    Raises:
        tf.errors.InvalidArgumentError: when it runs, if there are others.
    """
    if in_xla_context():  # which leaves out checks
        return {**given}
    counts = {key: _count(notes.first_of(value)) for key, value in given.items()}
    counts = {
        key: count
        for key, count in counts.items()
        if tf.is_tensor(count) or (count is not None and tf.is_tensor(batch))
    }
    if not counts:
        return {**given}
    found, wanted = (tf.cast(x, tf.int32) for x in ([*counts.values()], batch))
    keys = ", ".join(f"`{key}`" for key in counts)
    told = [f"{keys} must be as many as the images. Received:", found, "for", wanted]
    right = tf.reduce_all(tf.equal(found, wanted))
    with tf.control_dependencies([tf.debugging.Assert(right, told, summarize=9)]):
        return {key: notes.again(x) if key in counts else x for key, x in given.items()}


def new(given: Mapping[str, Any], before: Chain | None, mixes: bool) -> dict[str, Any]:
    """The entries that must be as many as the images, and were not checked before.

    Args:
        given: all of them.
        before: the layers before, whose results are as many.
        mixes: whether images are mixed, and so labels.
    """
    return {
        key: value
        for key, value in given.items()
        if key != "images"
        and (key != "labels" or mixes)
        and (before is None or notes.source_of(value, before) is None)
    }


def _count(value: Any) -> Any:
    """The length of the first axis: a number where it is known; None without one."""
    if isinstance(value, tf.RaggedTensor):
        known = value.shape[0]
        return tf.cast(value.nrows(), tf.int32) if known is None else known
    if isinstance(value, (tf.Tensor, np.ndarray)) and tf.TensorShape(value.shape).rank:
        return dimension(value, 0)
    return None
