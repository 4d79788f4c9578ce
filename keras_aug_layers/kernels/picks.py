"""Picks: stages that show, in each pixel, an image or its partner in the batch.

Behind a warp that XLA compiles, such a stage takes no pass of its own. A pixel is read
where the image reads that it is picked from, and gets that image's rows in the steps
before: what is picked are the numbers, and one pixel is computed.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.hidden import columns, of_channels
from keras_aug_layers.kernels.program import Step, for_all_axes, function_of


class Pick(NamedTuple):
    """What a step picks.

    Attributes:
        step: of a function that has `picks`, and a row `partner`.
        uses: in the form for GPUs, a number for each use of what is picked, see
            `kernels/hidden.py`.
    """

    step: Step
    uses: Iterator[int] | None = None

    def of_partner(self, row: tf.Tensor) -> tf.Tensor:
        """The row (B, …) of each image's partner; (1, …) is everybody's."""
        return row if row.shape[0] == 1 else tf.gather(row, self.partner)

    def inside(self, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Whether pixels are the partner's.

        Args:
            y: float32, the rows of a frame, with as many axes as its pixels.
            x: the columns, likewise.
        """
        rows = {
            key: for_all_axes(tf.cast(row, y.dtype), y)
            for key, row in self.step.rows.items()
        }
        picks = function_of(self.step).picks
        assert picks is not None
        inside = picks(y, x, **rows)
        only = self.step.only
        return inside if only is None else inside & for_all_axes(only, y)

    def number(self, inside: tf.Tensor) -> tf.Tensor:
        """In which image of the batch each pixel is read: int32."""
        own = tf.range(tf.size(self.partner))
        theirs = for_all_axes(self.partner, inside)
        return tf.where(inside, theirs, for_all_axes(own, inside))

    def over(self, pixels: tf.Tensor) -> tf.Tensor:
        """Whether the pixels (B, H, W, C) are the partner's: (B, H, W)."""
        height, width = tf.unstack(tf.shape(pixels)[1:3])
        y = tf.range(height, dtype=tf.float32)[tf.newaxis, :, tf.newaxis]
        if self.uses is None:
            x = tf.range(width, dtype=tf.float32)[tf.newaxis, tf.newaxis]
        else:
            by = tf.reshape(self.partner, (-1, 1, 1, 1)) + next(self.uses)
            x = columns(height, width, by)[..., 0]
        return self.inside(y, x)

    @property
    def partner(self) -> tf.Tensor:
        """The number of each image's partner: int32 (B,)."""
        return tf.cast(self.step.rows["partner"][:, 0], tf.int32)


Place = Callable[..., tf.Tensor]
"""From a row (B, n) or (B, n, n) to the one that a function of pixels gets."""


def picked(
    step: Step, pick: Pick | None, pixels: tf.Tensor, made: Callable[[Place], tf.Tensor]
) -> tf.Tensor:
    """What a step makes of pixels, each with the rows of the image it is picked from.

    Args:
        step: the step.
        pick: which pixels are the partner's; None for none.
        pixels: (B, H, W, C).
        made: calls the step's function, with rows that are placed as it is told.
    """
    if pick is None or function_of(step).by_pixel:
        return made(lambda row, *how: spread(row, pick, pixels, *how))
    # Its rows are those of an image, and no others for each pixel.
    theirs = made(lambda row, *_: pick.of_partner(row)[:, tf.newaxis, tf.newaxis])
    own = made(lambda row, *_: row[:, tf.newaxis, tf.newaxis])
    return tf.where(of_channels(pick.over(pixels), pixels.shape[-1]), theirs, own)


def spread(
    row: tf.Tensor, pick: Pick | None, pixels: tf.Tensor, pointwise: bool = False
) -> tf.Tensor:
    """(B, n) or (B, n, n) for every pixel of (B, H, W, C): that of what is picked.

    Args:
        row: the row of a step.
        pick: which pixels are the partner's; None for none.
        pixels: whose row it is.
        pointwise: whether there may be one for each channel, all the same.
    """
    own = row[:, tf.newaxis, tf.newaxis]
    if pick is None or row.shape[0] == 1:
        return own
    inside, channels = pick.over(pixels), pixels.shape[-1]
    if pointwise and row.shape.rank == 2 and row.shape[1] in (1, channels):
        inside = of_channels(inside, channels)
    else:
        inside = inside[(..., *[tf.newaxis] * (row.shape.rank - 1))]
    return tf.where(inside, pick.of_partner(row)[:, tf.newaxis, tf.newaxis], own)
