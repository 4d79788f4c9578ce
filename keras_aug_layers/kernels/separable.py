"""Upright images that shrink, bicubic: the mean of 2 x 2 points, axis by axis.

Where rows stay rows, that mean is a product of two, along the rows and along the
columns. Two points of an axis that lie close together share most of the pixels that
they are interpolated from: 6 x 6 gathers are made for them instead of 64, in half the
time. Bilinear, there would be as many as before.

For CPUs; on a GPU, a weight that several gathers share would be kept in memory.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.taps import Taps, cubic_mean, filled_from, summed, taps

POINTS = (-0.25, 0.25)
"""Where an axis is read, in pixels of what comes out."""

_CLOSE = 2.0
"""How far apart two points may lie to be read together, in pixels of what is read."""


def fits(reader: Reader, interpolation: str) -> bool:
    """Whether images are read axis by axis."""
    upright = reader.upright and reader.pick is None
    return upright and interpolation == "bicubic" and not on_gpu()


class Grid(NamedTuple):
    """What upright images read along their axes.

    Attributes:
        reader: where pixels read, of matrices that neither turn nor slant.
        apart: (B, 1, 1), a factor of the distance of the points: 0 for one point.
        part: (B, 1, 1), how wide a pixel of the images is in pixels of what is read.
        size: height and width of what comes out.
        fill_mode: as in `resample`.
    """

    reader: Reader
    apart: tf.Tensor
    part: tf.Tensor
    size: tuple[Any, Any]
    fill_mode: str

    def close(self) -> tf.Tensor:
        """Whether the two points of each axis may be read together: bool ()."""
        steps = tf.stack([self._scale(axis) for axis in (0, 1)])
        distance = tf.abs(steps) * self.apart * self.part * (POINTS[1] - POINTS[0])
        return tf.reduce_all(distance <= _CLOSE)

    def taps(self, axis: int, source: Any, close: bool) -> Taps:
        """What is read along x (0) or y (1), of images of a width or a height."""
        matrix: Any = self.reader.matrix
        scale = self._scale(axis)
        shift = tf.reshape(tf.stop_gradient(matrix[:, axis, 2]), (-1, 1, 1)) + 0.5
        at = tf.range(self.size[1 - axis], dtype=tf.float32)
        at = tf.reshape(at, (1, 1, -1) if axis == 0 else (1, -1, 1))
        points = [
            (scale * (at + point * self.apart) + shift) * self.part for point in POINTS
        ]
        step = None
        if self.reader.windowed:
            step = tf.abs(scale) * (1.0 - self.apart / 2.0) * self.part
        if close:
            return cubic_mean(points, source, self.fill_mode, step)
        both = [taps(x, source, self.fill_mode, "bicubic", step) for x in points]
        pixels = [(i, 0.5 * weight) for x in both for i, weight in x.pixels]
        one, other = (x.cover for x in both)
        return Taps(pixels, None if one is None else 0.5 * (one + other))

    def _scale(self, axis: int) -> tf.Tensor:
        matrix: Any = self.reader.matrix
        return tf.reshape(tf.stop_gradient(matrix[:, axis, axis]), (-1, 1, 1))


def mean(
    pixels: tf.Tensor,
    first: tf.Tensor,
    stride: Any,
    source: tuple[Any, Any],
    grid: Grid,
    dtype: tf.DType,
    fill_value: Any,
    close: bool,
) -> tf.Tensor:
    """The mean of what is read at 2 x 2 points.

    Args:
        pixels: (N, C), row by row, image by image.
        first: int32 (B, 1, 1), the first pixel of the image that is read.
        stride: from a row to the next one.
        source: height and width of the images, numbers or tensors (B, 1, 1).
        grid: where pixels read.
        dtype: in which they are interpolated.
        fill_value: as in `resample`.
        close: whether the points are known to be `grid.close()`.
    """
    across, along = (grid.taps(axis, source[1 - axis], close) for axis in (0, 1))
    values = summed(pixels, first, stride, across, along, dtype)
    return filled_from(values, across, along, None, fill_value)
