"""Images that neither turn nor slant, in a batch of which a few do.

Of what a policy draws, few are rotations and shears. All images are read as upright
ones are, in two passes, and then those few anew, each as it is turned: that takes less
time than reading all of them as turned ones does.

For what XLA compiles for CPUs, where a crop chooses a window.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import few, separable
from keras_aug_layers.kernels.condition import choose
from keras_aug_layers.kernels.separable import Grid
from keras_aug_layers.kernels.warp import dimension


class Straight(NamedTuple):
    """A warp of the images that do not turn.

    Attributes:
        turned: bool (B,), which do.
        wanted: bool (), whether the others are moved first, and these behind them.
        move: resamples the others, filtered where they shrink.
    """

    turned: tf.Tensor
    wanted: tf.Tensor
    move: Callable[[tf.Tensor], tf.Tensor]


def straight(
    images: tf.Tensor, grid: Grid, fill_value: Any, some: tf.Tensor, level: tf.Tensor
) -> Straight | None:
    """How images that do not turn are moved; None where that is no faster.

    Args:
        images: (B, H, W, C).
        grid: where pixels read, of a matrix for each image, as if none turned.
        fill_value: as in `resample`.
        some: bool (), whether any image is to be filtered.
        level: int32 (B,), of their pyramids.
    """
    reader, interpolation = grid.reader, grid.interpolation
    fits = separable.fits(reader, interpolation, filtered=True) and reader.windowed
    if not fits or not separable.narrow(dimension(images, 2), grid.size):
        return None
    matrix: Any = reader.matrix
    turned = tf.not_equal(matrix[:, 0, 1], 0.0) | tf.not_equal(matrix[:, 1, 0], 0.0)
    wanted = few.are_few(turned, images) & tf.reduce_all(tf.equal(level, 0))

    def filtered(images: tf.Tensor) -> tf.Tensor:
        return separable.in_two_passes(images, grid, fill_value)

    def plain(images: tf.Tensor) -> tf.Tensor:
        return separable.in_two_passes(images, grid._replace(reach=None), fill_value)

    if interpolation == "bilinear":  # which, at one point, is as fast in one pass
        return Straight(turned, wanted & some, filtered)
    return Straight(
        turned, wanted, lambda images: choose(some, filtered, plain, images)
    )
