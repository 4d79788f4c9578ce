"""Antialiasing: where a warp shrinks, each pixel is the mean of more than one point.

An image that shrinks by s is read from a level of a pyramid of halvings, the one next
finer than s, at 2 x 2 points of the pixel that comes out. The level is chosen for each
image, and so it holds where images are turned or slanted. An image that shrinks by no
more than `LEAST` is read at one point, whatever others of its batch do.

The two points of an axis stand for the mean over the pixel. In the middles of its
halves they let the finest detail through where it shrinks little: there they lie a
little farther out.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import few, matrices, pyramid, separable, upright, warp
from keras_aug_layers.kernels.condition import choose, with_gradient_of
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.places import Places, places_at
from keras_aug_layers.kernels.resample import by_taps, resample
from keras_aug_layers.kernels.separable import SIDES, Grid, part_of, wide
from keras_aug_layers.kernels.straight import Straight
from keras_aug_layers.kernels.warp import compute_dtype, dimension

LEAST = 1.2
_SLACK = 1.001
"""Forms round differently: what shrinks by 1.2 is the same for all of them."""


class Shrink(NamedTuple):
    """How images are read.

    Attributes:
        some: bool (), whether any is to be filtered.
        wanted: bool (B,), which are.
        level: int32 (B,), of their pyramids.
        reach: float32 (B, 2), how far from the middle of a pixel that comes out its
            points lie, along x and y, in such pixels; 0 where nothing is filtered.
    """

    some: tf.Tensor
    wanted: tf.Tensor
    level: tf.Tensor
    reach: tf.Tensor

    def of(self, places: tf.Tensor) -> "Shrink":
        """How the images at places in the batch are read."""
        _, *rows = self
        wanted, level, reach = (few.row_of(x, places) for x in rows)
        return Shrink(tf.reduce_any(wanted), wanted, level, reach)


class FilteredMove(NamedTuple):
    """A warp in two forms, of which one filters.

    Attributes:
        shrinks: how the images are read.
        plain: resamples images at one point for each pixel.
        filtered: resamples them at several where they shrink.
        some: of places in the batch (N,), the move of their images (N, H, W, C); None
            where none are moved by themselves.
        straight: how images that do not turn are moved where few do; None where that
            is no faster.
    """

    shrinks: Shrink
    plain: Callable[[tf.Tensor], tf.Tensor]
    filtered: Callable[[tf.Tensor], tf.Tensor]
    some: "Callable[[tf.Tensor], FilteredMove] | None" = None
    straight: Straight | None = None


def shrink(reader: Reader, source: tuple[Any, Any], target: tuple[Any, Any]) -> Shrink:
    """How much a warp shrinks images, in the middle of what comes out.

    Args:
        reader: where its pixels read.
        source: height and width of the images.
        target: height and width of what comes out.
    """
    height, width = (tf.cast(x, tf.float32) for x in target)
    around = tf.constant([-0.5, 0.5])
    u, v = (width - 1.0) / 2.0 + around, (height - 1.0) / 2.0 + around
    jacobian = []
    for z in places_at(reader, u, v[:, tf.newaxis])[:2]:
        # One that depends on the columns alone has one row.
        z = tf.broadcast_to(z, [tf.shape(z)[0], 2, 2])
        jacobian += [
            tf.reduce_mean(z[:, :, 1] - z[:, :, 0], axis=-1),
            tf.reduce_mean(z[:, 1] - z[:, 0], axis=-1),
        ]
    a, b, c, d = jacobian
    # The singular values are half the sum and half the difference of these.
    p, q = tf.sqrt((a - d) ** 2 + (b + c) ** 2), tf.sqrt((a + d) ** 2 + (b - c) ** 2)
    most, area = (p + q) / 2.0, tf.abs(q * q - p * p) / 4.0
    wanted = tf.math.is_finite(most) & (most > LEAST * _SLACK)
    # Between the lesser and the greater shrink, and not below half of the greater.
    s = tf.maximum(tf.sqrt(area), most / 2.0)
    powers = tf.constant([2.0 ** (n + 2) for n in range(pyramid.LEVELS)])
    level = tf.reduce_sum(
        tf.cast(s[:, tf.newaxis] * _SLACK >= powers, tf.int32), axis=1
    )
    most_levels = pyramid.levels(source, target)
    level = tf.where(wanted, tf.minimum(level, most_levels), 0)
    steps = tf.stack([tf.sqrt(a**2 + c**2), tf.sqrt(b**2 + d**2)], axis=1)
    steps *= 0.5 ** tf.cast(level, tf.float32)[:, tf.newaxis]
    reach = tf.where(wanted[:, tf.newaxis], _reach(steps), 0.0)
    return Shrink(tf.reduce_any(wanted), wanted, level, reach)


def _reach(steps: tf.Tensor) -> tf.Tensor:
    """How far from its middle a pixel is read that is as wide as so many of its source.

    Found by trying, on the zone plates and the photograph of
    `tests/kernels/test_shrinking.py`. What is best goes up and down with the step: 0.28
    is near to it up to a step of 2; from 2.5 on, more than 0.25 is worse.
    """
    return 0.25 + 0.03 * tf.clip_by_value(5.0 - 2.0 * steps, 0.0, 1.0)


def antialiased(
    images: tf.Tensor,
    reader: Reader,
    shrinks: Shrink,
    *,
    output_size: tuple[Any, Any] | None = None,
    **fill: Any,
) -> tf.Tensor:
    """Resamples images, filtered where they shrink.

    Args:
        images: (B, H, W, C).
        reader: where the pixels of what comes out read.
        shrinks: from `shrink`.
        output_size: height and width of what comes out.
        **fill: as in `resample`.
    """
    size = output_size or (dimension(images, 1), dimension(images, 2))
    if reader.shared and not in_xla_context():
        level = tf.concat([shrinks.level, [0]], axis=0)[0]
        reach = tf.concat([shrinks.reach, [[0.0, 0.0]]], axis=0)[0]
        return upright.by_products(
            images, reader.of_first(), level, reach, size, reader.windowed, **fill
        )
    if in_xla_context() or reader.matrix is None:
        return _at_once(images, reader, shrinks, size, **fill)
    dtype = compute_dtype(images.dtype)
    batch = dimension(images, 0)
    rows: Any = reader.matrix, reader.axes, *shrinks[1:]
    every = tuple(tf.broadcast_to(x, (batch, *x.shape[1:])) for x in rows)

    def one(row: tuple[tf.Tensor, ...]) -> tf.Tensor:
        image, matrix, axes, wanted, level, reach = row
        own = reader._replace(
            matrix=matrix[tf.newaxis], axes=axes[tf.newaxis], shared=False
        )
        image = image[tf.newaxis]
        result = tf.cond(
            wanted,
            lambda: _one(image, own, level, reach, size, **fill),
            lambda: resample(image, own, output_size=size, **fill),
        )
        return result[0]

    sizes = [x if isinstance(x, int) else None for x in size]
    signature = tf.TensorSpec([*sizes, images.shape[3]], dtype)

    def each(x: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            tf.shape(x)[0] > 0,
            lambda: tf.map_fn(one, (x, *every), fn_output_signature=signature),
            lambda: tf.zeros((0, *size, tf.shape(x)[3]), dtype),
        )

    result = with_gradient_of(
        lambda x: _at_once(x, reader, shrinks, size, **fill), each, images
    )
    return tf.ensure_shape(result, [images.shape[0], *sizes, images.shape[3]])


def _one(
    image: tf.Tensor,
    reader: Reader,
    level: tf.Tensor,
    reach: tf.Tensor,
    size: Any,
    **fill: Any,
) -> tf.Tensor:
    """One image (1, H, W, C): the mean of four warps of its level."""

    def fine(image: tf.Tensor) -> tf.Tensor:
        part = 0.5 ** tf.cast(level, tf.float64)
        edge = (part - 1.0) / 2.0
        to_level = matrices.from_rows((part, 0, edge), (0, part, edge), (0, 0, 1))
        matrix = matrices.compose(to_level, tf.cast(reader.matrix, tf.float64))
        x, y = tf.unstack(tf.cast(reach, tf.float64))
        finer = reader._replace(part=tuple(tf.unstack(part_of(reach))))
        reads = []
        for down, right in itertools.product(SIDES, SIDES):
            point = matrices.shift(-right * x, -down * y)
            own = finer.by(matrices.normalize(matrices.compose(matrix, point)))
            reads.append(resample(image, own, output_size=size, exact=False, **fill))
        return tf.add_n(reads) / 4.0

    dtype = compute_dtype(image.dtype)

    def halved() -> tf.Tensor:
        any_size = tf.TensorSpec([1, None, None, image.shape[3]], dtype)
        _, small = tf.while_loop(
            lambda done, _: done < level,
            lambda done, image: (done + 1, pyramid.halve(image)),
            (tf.constant(0), pyramid.padded(tf.cast(image, dtype), 2**level)),
            shape_invariants=(tf.TensorShape([]), any_size.shape),
        )
        return fine(small)

    return tf.cond(level > 0, halved, lambda: fine(image))


def _at_once(
    images: tf.Tensor, reader: Reader, shrinks: Shrink, size: Any, **fill: Any
) -> tf.Tensor:
    """All images with gathers, from a list of the pixels of all levels."""
    interpolation = fill["interpolation"]
    most = pyramid.levels((dimension(images, 1), dimension(images, 2)), size)
    most = pyramid.LEVELS if tf.is_tensor(most) else most
    halved = tf.reduce_any(shrinks.level > 0)

    def of_levels(images: tf.Tensor, halvings: int = most) -> tf.Tensor:
        levels = pyramid.of(images, shrinks.level, halvings)
        own = shrinks if halvings else shrinks._replace(level=shrinks.level * 0)
        return mean_of_reads(
            levels.pixels,
            levels.first,
            levels.stride,
            levels.size,
            reader,
            own,
            size,
            **fill,
        )

    def of_images(images: tf.Tensor) -> tf.Tensor:
        """From the images alone, which is faster."""
        by_axes = separable.fits(reader, interpolation, filtered=True)
        if by_axes and separable.narrow(dimension(images, 2), size):
            grid = grid_of(reader, shrinks, size, fill["fill_mode"], interpolation)
            return separable.in_two_passes(images, grid, fill["fill_value"])
        if interpolation != "bilinear":
            return of_levels(images, 0)
        return mean(lambda x: warp.gathered(images, x, **fill), reader, shrinks, size)

    if most == 0:
        return of_images(images)
    return choose(halved, of_levels, of_images, images)


def grid_of(
    reader: Reader, shrinks: Shrink, size: Any, fill_mode: str, interpolation: str
) -> Grid:
    """What upright images of level 0 read along their axes."""
    return Grid(reader, size, fill_mode, interpolation, shrinks.reach)


def mean(
    read: Callable[[Places], tf.Tensor],
    reader: Reader,
    shrinks: Shrink,
    size: Any,
    sides: tuple[float, ...] = SIDES,
) -> tf.Tensor:
    """The mean of what is read at 2 x 2 points, or at as many as are given."""
    u = tf.range(size[1], dtype=tf.float32)
    v = tf.range(size[0], dtype=tf.float32)[:, tf.newaxis]
    x, y = (wide(shrinks.reach[:, axis]) for axis in (0, 1))
    parts = part_of(x), part_of(y)
    every = [
        read(places_at(reader, u + right * x, v + down * y).finer(*parts))
        for down, right in itertools.product(sides, sides)
    ]
    return every[0] if len(every) == 1 else sum(every) * (1.0 / len(every))


def mean_of_reads(
    pixels: tf.Tensor,
    start: Callable[[Places], tf.Tensor],
    stride: tf.Tensor,
    source: tuple[tf.Tensor, tf.Tensor],
    reader: Reader,
    shrinks: Shrink,
    size: Any,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
    sides: tuple[float, ...] = SIDES,
) -> tf.Tensor:
    """The same, of a list of pixels of all levels, by the weights of `taps`."""
    part = wide(0.5 ** tf.cast(shrinks.level, tf.float32))
    fill = fill_mode, interpolation, fill_value

    def read(places: Places) -> tf.Tensor:
        own = places.finer(part, part)._replace(x=places.x * part, y=places.y * part)
        return by_taps(pixels, start(places), stride, source, own, *fill)

    return mean(read, reader, shrinks, size, sides)
