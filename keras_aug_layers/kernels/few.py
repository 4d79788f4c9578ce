"""Few images of a batch, made anew: what the others need not pay for.

They are made two at a time. Of the body of a loop XLA shares among cores what has more
than one image; one alone is computed where it is stored, on one core.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.warp import dimension

PAIR = 2


def are_few(wanted: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Whether what some images (B,) of a batch want is done for them alone: half."""
    return count(wanted) * 2 <= dimension(images, 0)


def count(wanted: tf.Tensor) -> tf.Tensor:
    """The number of images that want something, of bool (B,)."""
    return tf.reduce_sum(tf.cast(wanted, tf.int32))


def in_order(wanted: tf.Tensor) -> tf.Tensor:
    """The places of the images that want something, and behind them those that do not.

    Args:
        wanted: bool (B,).
    """
    return tf.argsort(tf.cast(wanted, tf.int32), direction="DESCENDING", stable=True)


def made_anew(
    at: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    wanted: tf.Tensor,
    together: int = PAIR,
) -> tf.Tensor:
    """Images of which some are made anew, in place, in a loop that XLA compiles.

    Args:
        at: of places in the batch, int32 (N,), and of the images (B, H, W, C) as they
            are by then, makes the images (N, H, W, C) that are to stand there. The last
            place may be given twice.
        images: the images.
        wanted: bool (B,), which are made anew.
        together: how many at a time: N.
    """
    # Rows of a single image stay as they are: two images have two.
    if 1 in (images.shape[0], wanted.shape[0]):
        together = 1
    order, some = in_order(wanted), count(wanted)
    # A loop from 0 to 1 in steps of 2 is none to XLA, where both are known.
    turns = (some + together - 1) // together

    def body(turn: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def changed() -> tf.Tensor:
            numbers = tf.minimum(turn * together + tf.range(together), some - 1)
            places = tf.gather(order, numbers)
            made = at(places, images)
            return tf.tensor_scatter_nd_update(images, places[:, tf.newaxis], made)

        if images.shape[0] is not None:
            return turn + 1, changed()
        # Of no images XLA, which knows how many there are, compiles none of it. Asked
        # around the loop, it would compute all that comes before, pixel by pixel, to
        # see whether it is known.
        there = tf.minimum(tf.shape(images)[0], 1)
        return turn + 1, tf.switch_case(there, [lambda: images, changed])

    _, result = tf.while_loop(
        lambda turn, _: turn < turns, body, (tf.constant(0), images)
    )
    return result


def to_some(
    function: Callable[..., tf.Tensor], rows: Mapping[str, tf.Tensor]
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A function of images and their rows, done to those at places in the batch."""

    def at(places: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return function(tf.gather(images, places), **rows_of(rows, places))

    return at


def rows_of(rows: Mapping[str, tf.Tensor], places: Any) -> dict[str, tf.Tensor]:
    """The rows of some images; a row that all images share stays as it is."""
    return {key: row_of(row, places) for key, row in rows.items()}


def row_of(row: tf.Tensor, places: Any) -> tf.Tensor:
    """The same of one row."""
    return row if row.shape[0] == 1 else tf.gather(row, places)
