"""Few images of a batch, one after the other: what the others need not pay for.

XLA runs the body of a loop on one thread of a processor. So images are few as long as
one core is done with them before all cores are with the whole batch.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.warp import dimension


def are_few(wanted: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Whether what few images (B,) of a batch want is done for each by itself."""
    return count(wanted) * (os.cpu_count() or 1) <= dimension(images, 0)


def count(wanted: tf.Tensor) -> tf.Tensor:
    """The number of images that want something, of bool (B,)."""
    return tf.reduce_sum(tf.cast(wanted, tf.int32))


def in_order(wanted: tf.Tensor) -> tf.Tensor:
    """The places of the images that want something, and behind them those that do not.

    Args:
        wanted: bool (B,).
    """
    return tf.argsort(tf.cast(wanted, tf.int32), direction="DESCENDING", stable=True)


def one_by_one(
    at: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    wanted: tf.Tensor,
) -> tf.Tensor:
    """Images of which some are made anew, in place, in a loop that XLA compiles.

    Args:
        at: of a place in the batch, int32 (), and of the images (B, H, W, C) as they
            are by then, makes the image (1, H, W, C) that is to stand there.
        images: the images.
        wanted: bool (B,), which are made anew.
    """
    order, some = in_order(wanted), count(wanted)

    def body(number: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def changed() -> tf.Tensor:
            place = order[number]
            return tf.tensor_scatter_nd_update(images, [[place]], at(place, images))

        if images.shape[0] is not None:
            return number + 1, changed()
        # Of no images XLA, which knows how many there are, compiles none of it. Asked
        # around the loop, it would compute all that comes before, pixel by pixel, to
        # see whether it is known.
        there = tf.minimum(tf.shape(images)[0], 1)
        return number + 1, tf.switch_case(there, [lambda: images, changed])

    _, result = tf.while_loop(
        lambda number, _: number < some, body, (tf.constant(0), images)
    )
    return result


def rows_of(rows: Mapping[str, tf.Tensor], places: Any) -> dict[str, tf.Tensor]:
    """The rows of some images; a row that all images share stays as it is."""
    return {key: row_of(row, places) for key, row in rows.items()}


def row_of(row: tf.Tensor, places: Any) -> tf.Tensor:
    """The same of one row."""
    return row if row.shape[0] == 1 else tf.gather(row, places)
