"""Images of any sizes: one list of pixels, with the sizes as data.

Compiled code is made for one number of pixels and one of images, so that both are
filled up to a few.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import separable, shrinking, warp
from keras_aug_layers.kernels.condition import choose
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.measured import covered

LEAST = 2**14
"""Pixels that a list is filled up to at least."""

MOST = 2**24
"""Pixels that a list is filled up to at most."""

NEIGHBOURS = 2.0
"""Rows beside a place that are read for it, at most."""


class Flat(NamedTuple):
    """Images of different sizes.

    Attributes:
        pixels: (N, C), row by row, image by image.
        sizes: int32 (B, 2), heights and widths.
        starts: int32 (B,), the first pixel of each image.
    """

    pixels: tf.Tensor
    sizes: tf.Tensor
    starts: tf.Tensor

    @classmethod
    def of(cls, images: tf.RaggedTensor, data_format: str = "channels_last") -> "Flat":
        """Images (B, None, None, C), or masks (B, None, None), as a list.

        Raises:
            ValueError: if the channels come first, or are ragged too.
        """
        if images.ragged_rank == 1:  # of one width
            lines = tf.RaggedTensor.from_tensor(
                images.values, row_splits_dtype=images.row_splits.dtype
            )
            images = images.with_values(lines)
        rank, way = images.shape.rank, "dataset.ragged_batch(32)"
        if images.ragged_rank == 3:
            way = "image.set_shape((None, None, 3)) before dataset.ragged_batch(32)"
        if data_format == "channels_first":
            way = "tf.transpose(image, (1, 2, 0)) and data_format='channels_last'"
        if data_format == "channels_first" or images.ragged_rank != 2 or rank > 4:
            raise ValueError(
                "`images` that are ragged must be of shape (B, None, None, C), the "
                f"channels last. Received: shape={images.shape}, data_format="
                f"{data_format!r}. Write {way}."
            )
        lines = images.values
        heights = tf.cast(images.row_lengths(), tf.int32)
        first = images.row_starts()
        widths = tf.concat([lines.row_lengths(), [0]], axis=0)  # for no rows at all
        widths = tf.cast(tf.gather(widths, first), tf.int32)
        starts = tf.cast(tf.gather(lines.row_splits, first), tf.int32)
        pixels = images.flat_values
        pixels = pixels if rank == 4 else pixels[:, tf.newaxis]
        return cls(pixels, tf.stack([heights, widths], axis=1), starts)

    @classmethod
    def of_dense(cls, images: tf.Tensor) -> "Flat":
        """Images (B, H, W, C) of one size."""
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        sizes = tf.broadcast_to(tf.stack([height, width]), (batch, 2))
        if images.shape[0] is not None:
            sizes = tf.ensure_shape(sizes, (images.shape[0], 2))
        starts = tf.range(batch) * (height * width)
        return cls(tf.reshape(images, (-1, images.shape[3])), sizes, starts)

    def image(self, number: tf.Tensor) -> tf.Tensor:
        """One of them, (1, H, W, C)."""
        height, width = tf.unstack(self.sizes[number])
        start = self.starts[number]
        pixels = self.pixels[start : start + height * width]
        return tf.reshape(pixels, (1, height, width, self.pixels.shape[1]))

    def filled_up(
        self, ragged: bool, span: tuple[tf.Tensor, tf.Tensor] | None = None
    ) -> "Flat":
        """The same, with more pixels, so that there are few shapes.

        Args:
            ragged: whether images and their sizes come in any number: then pixels are
                filled up in greater steps, and images too.
            span: the first of the pixels that are needed, and the one behind the last;
                None for all of them.
        """
        total, count = tf.shape(self.pixels)[0], tf.shape(self.sizes)[0]
        first, behind = (0, total) if span is None else span
        many = pixels_for(behind - first, 4 if ragged else 2)
        begin = tf.maximum(tf.minimum(first, total - many), 0)
        channels = self.pixels.shape[1]

        def length(pixels: tf.Tensor) -> tf.Tensor:
            """In numbers, of which there may be more than 2 ** 31."""
            return tf.cast(pixels, tf.int64)[tf.newaxis] * channels

        numbers = tf.reshape(self.pixels, (-1,))  # copied at once, not one by one

        def more() -> tf.Tensor:
            rest = tf.zeros(length(many - total), numbers.dtype)
            return tf.concat([numbers, rest], axis=0)

        def part() -> tf.Tensor:
            return tf.slice(numbers, length(begin), length(many))

        pixels = tf.reshape(tf.cond(many > total, more, part), (-1, channels))
        starts, sizes = self.starts - begin, self.sizes
        if ragged:
            rest = images_for(count) - count
            sizes = tf.pad(sizes, [[0, rest], [0, 0]], constant_values=1)
            starts = tf.pad(starts, [[0, rest]])
        return Flat(pixels, sizes, starts)


def pixels_for(count: tf.Tensor, base: int) -> tf.Tensor:
    """How many pixels `count` of them are filled up to: LEAST times a power of a base.

    More than MOST are filled up to a multiple of a quarter of it, since those that are
    have to be copied.
    """
    powers = [LEAST * base**k for k in range(18) if LEAST * base**k <= MOST]
    steps, count = tf.constant(powers, tf.int64), tf.cast(count, tf.int64)
    enough = tf.searchsorted(steps, count[tf.newaxis])[0]
    power = tf.gather(steps, tf.minimum(enough, len(powers) - 1))
    quarters = -(-count // (MOST // 4)) * (MOST // 4)
    many = tf.where(count > MOST, quarters, power)
    return tf.cast(tf.minimum(many, tf.int32.max), tf.int32)


def images_for(count: tf.Tensor) -> tf.Tensor:
    """For how many images: a power of 2, or the middle between two.

    Images that only fill up are computed, too, and thrown away.
    """
    steps = tf.constant(
        sorted({max(1, a * 2**k // 2) for k in range(12) for a in (2, 3)}), tf.int32
    )
    many = tf.reduce_min(tf.where(steps >= count, steps, steps[-1]))
    return tf.maximum(many, count)


def rows_read(
    reader: Reader, height: tf.Tensor, size: tuple[int, int], fill_mode: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """The first row of an image that is read, and the one behind the last: int32 ().

    Args:
        reader: where the pixels of what comes out read, of one image.
        height: int32 (), of the image.
        size: height and width of what comes out.
        fill_mode: what is seen outside.
    """
    every = tf.zeros_like(height), height
    if reader.matrix is None or not reader.affine:
        return every
    # The outer edges of what comes out, and the neighbours of what is read there.
    across, down, first = tf.unstack(reader.matrix[0, 1])
    edges = tf.stack(
        [
            first + across * (x - 0.5) + down * (y - 0.5)
            for x in (0, size[1])
            for y in (0, size[0])
        ]
    )
    low, high = tf.floor(tf.reduce_min(edges)), tf.math.ceil(tf.reduce_max(edges))
    n = tf.cast(height, tf.float32)
    known = tf.math.is_finite(low) & tf.math.is_finite(high)
    if fill_mode in ("reflect", "wrap"):  # other rows are seen outside
        # Mirrored, one row outside is the first or the last, which is copied then.
        out = 1.0 if fill_mode == "reflect" else -1.0
        known &= (low >= -out) & (high <= n - 1.0 + out)
    low = tf.clip_by_value(low - NEIGHBOURS, 0.0, n - 1.0)
    high = tf.clip_by_value(high + NEIGHBOURS + 1.0, low + 1.0, n)
    return tuple(
        tf.where(known, tf.cast(tf.where(known, some, 0.0), tf.int32), all_of)
        for some, all_of in zip((low, high), every, strict=True)
    )


def move(
    flat: Flat,
    reader: Reader,
    shrinks: shrinking.Shrink | None,
    size: tuple[int, int],
    **how: Any,
) -> Any:
    """What resamples a list of pixels to images (B, height, width, C) of one size.

    Args:
        flat: the sizes of the images, and where they start.
        reader: where the pixels of what comes out read.
        shrinks: from `shrinking.shrink`, at level 0; None where nothing is filtered.
        size: height and width of what comes out.
        **how: as in `resample`.
    """
    source = tuple(separable.wide(x) for x in tf.unstack(flat.sizes, axis=1))
    starts = separable.wide(flat.starts)

    def read(
        pixels: tf.Tensor, shrinks: shrinking.Shrink, at: tuple[float, ...]
    ) -> tf.Tensor:
        if how["interpolation"] == "bicubic":
            places = (lambda places: starts), source[1], source
            return shrinking.mean_of_reads(
                pixels, *places, reader, shrinks, size, sides=at, **how
            )
        return shrinking.mean(
            lambda places: warp.read(pixels, starts, source, places, **how),
            reader,
            shrinks,
            size,
            at,
        )

    none = tf.zeros((1,), tf.int32)
    still = shrinking.Shrink(
        tf.constant(False), none > 0, none, tf.zeros((1, 2), tf.float32)
    )

    def plain(pixels: tf.Tensor) -> tf.Tensor:
        return read(pixels, still, (0.0,))

    if shrinks is None:
        return plain

    def filtered(pixels: tf.Tensor) -> tf.Tensor:
        interpolation = how["interpolation"]
        if not separable.fits(reader, interpolation):
            return read(pixels, shrinks, separable.SIDES)
        grid = shrinking.grid_of(reader, shrinks, size, how["fill_mode"], interpolation)
        rest = starts, source, grid, how["fill_value"]
        return choose(
            grid.close(),
            lambda pixels: separable.of_list(pixels, *rest, close=True),
            lambda pixels: separable.of_list(pixels, *rest, close=False),
            pixels,
        )

    return shrinking.FilteredMove(shrinks, plain, filtered)


def mean_color(flat: Flat, window: tf.Tensor | None = None) -> tf.Tensor:
    """The mean colour (B, C) of each image, or of what a window shows of it."""
    dtype = tf.float64  # a float32 sum of millions of pixels, one by one, stands still
    count = tf.reduce_prod(flat.sizes, axis=1)
    image = tf.repeat(tf.range(tf.shape(count)[0]), count)
    values, shares = tf.cast(flat.pixels, dtype), tf.ones_like(image, dtype)
    if window is not None:
        window = tf.cast(window, dtype)
        window = tf.broadcast_to(window, (tf.shape(count)[0], 4))
        x, y, half_width, half_height = tf.unstack(tf.gather(window, image), axis=1)
        height, width = tf.unstack(tf.gather(flat.sizes, image), axis=1)
        number = tf.range(tf.shape(image)[0]) - tf.gather(flat.starts, image)
        row, column = (tf.cast(n, dtype) for n in (number // width, number % width))
        shares = covered(row, height, y, half_height)
        shares *= covered(column, width, x, half_width)
        values *= shares[:, tf.newaxis]
    sums, areas = (
        tf.math.unsorted_segment_sum(x, image, tf.shape(count)[0])
        for x in (values, shares)
    )
    means = tf.math.divide_no_nan(sums, areas[:, tf.newaxis])
    return tf.cast(means, warp.compute_dtype(flat.pixels.dtype))
