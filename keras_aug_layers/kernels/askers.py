"""Coordinates of the form for GPUs: where each asker of each output pixel reads.

What an asker is, and why each has coordinates of its own, says `kernels/planes.py`.
"""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.hidden import columns, hidden
from keras_aug_layers.kernels.places import Places, by_function, by_matrix


def coordinates_of(
    reader: Reader, height: Any, width: Any, askers: int, unkept: bool
) -> Places:
    """Where each asker of each output pixel reads, and whether it can.

    Counted from the edge of the first pixel, whose centre is at 0.5. None for whether
    it can stands for everywhere.

    Args:
        reader: where the pixels read, as one matrix or as a function.
        height: of what comes out.
        width: likewise.
        askers: how many there are.
        unkept: whether XLA is kept from keeping what there is of each column of each
            image: for one channel a large share of what is moved, for several a price
            at which it would rather keep coordinates of each pixel.
    """
    if reader.function is not None:
        return _by_function(reader, height, width, askers)
    v = tf.reshape(tf.range(height, dtype=tf.float32), (1, -1, 1, 1))
    if reader.pick is not None:
        by = tf.reshape(reader.pick.partner, (-1, 1, 1, 1)) + tf.range(askers)
        x = columns(height, width, by)
        inside = reader.pick.inside(v, x)
        x += reader.half
        return by_matrix(reader, v, inside, lambda slope, row: slope * x + row)

    u = tf.reshape(tf.range(width), (1, 1, -1, 1))

    def everywhere(slope: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """A slope times u, and what is added in each row of pixels."""
        # Unkept, it is not seen that these are the columns of all rows.
        mine = hidden(u, tf.bitcast(row, tf.int32)) if unkept else u
        # The product with u comes before the askers, or XLA would keep it.
        product = slope * (tf.cast(mine, tf.float32) + reader.half)
        shape = tf.shape(slope)[0], tf.shape(product)[1], width, askers
        return tf.broadcast_to(product, shape) + row

    return by_matrix(reader, v, None, everywhere)


def _by_function(reader: Reader, height: Any, width: Any, askers: int) -> Places:
    """The same where the reader is a function."""
    function = reader.function
    assert function is not None
    v = tf.range(height, dtype=tf.float32)[tf.newaxis, :, tf.newaxis]

    def at(each: int) -> list[tf.Tensor]:
        """What the function says of columns that are each asked so often."""
        u = tf.repeat(tf.range(width, dtype=tf.float32), each)[tf.newaxis, tf.newaxis]
        return [tf.stop_gradient(c) for c in function(u, v)]

    def whole(c: tf.Tensor) -> bool:
        return 1 not in c.shape[1:]

    # What tables say is kept, and so is what is the same along an axis, which is small.
    each, place = 1, at(1)
    if not reader.looked_up and any(map(whole, place)):
        each, place = askers, at(askers)
    shape = tf.stack([1, height, width * each])
    for c in place:
        shape = tf.broadcast_dynamic_shape(shape, tf.shape(c))

    def asked(c: tf.Tensor) -> tf.Tensor:
        c = tf.reshape(tf.broadcast_to(c, shape), (-1, height, width, each))
        if each == askers:
            return c
        c = tf.broadcast_to(c, [tf.shape(c)[0], height, width, askers])
        # Seen to be the same for all askers, what follows from it would be kept.
        return tf.bitcast(hidden(tf.bitcast(c, tf.int32), tf.range(askers)), c.dtype)

    return by_function(reader, (asked(c) for c in place))
