"""Batches of images of different sizes: one list of pixels, with sizes as data.

Compiled code is made for one number of pixels and one of images, so that both are
filled up to a few: `bucket`.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import shrinking
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.measured import covered
from keras_aug_layers.kernels.shrinking import Move, Shrink
from keras_aug_layers.kernels.taps import filled, taps
from keras_aug_layers.kernels.warp import compute_dtype, points

LEAST = 4096
"""Pixels that a list is filled up to at least."""


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
            images = images.with_values(tf.RaggedTensor.from_tensor(images.values))
        rank = images.shape.rank
        if data_format == "channels_first" or images.ragged_rank != 2 or rank > 4:
            raise ValueError(
                "`images` that are ragged must be of shape (B, None, None, C), the "
                f"channels last. Received: shape={images.shape}, data_format="
                f"{data_format!r}. Write dataset.ragged_batch(32)."
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

    def image(self, number: tf.Tensor) -> tf.Tensor:
        """One of them, (1, H, W, C)."""
        height, width = tf.unstack(self.sizes[number])
        start = self.starts[number]
        pixels = self.pixels[start : start + height * width]
        return tf.reshape(pixels, (1, height, width, self.pixels.shape[1]))

    def filled_up(self) -> "Flat":
        """The same, with more pixels and images, so that there are few shapes."""
        total, count = tf.shape(self.pixels)[0], tf.shape(self.sizes)[0]
        pixels, images = buckets(total, count)
        more = images - count
        return Flat(
            tf.pad(self.pixels, [[0, pixels - total], [0, 0]]),
            tf.pad(self.sizes, [[0, more], [0, 0]], constant_values=1),
            tf.pad(self.starts, [[0, more]]),
        )


def buckets(pixels: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How many pixels and images compiled code is made for.

    Pixels that are filled up are only copied, so that they go by powers of 4; images
    are computed, so that they go by powers of 2, and the middles between them.
    """
    powers = tf.constant([LEAST * 4**k for k in range(10)], tf.int64)
    pixels = tf.cast(pixels, tf.int64)
    most = tf.reduce_min(tf.where(powers >= pixels, powers, powers[-1]))
    steps = tf.constant(
        sorted({max(1, a * 2**k // 2) for k in range(12) for a in (2, 3)}), tf.int32
    )
    many = tf.reduce_min(tf.where(steps >= images, steps, steps[-1]))
    return tf.cast(tf.maximum(most, pixels), tf.int32), tf.maximum(many, images)


def move(
    flat: Flat,
    reader: Reader,
    shrinks: Shrink | None,
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
    if how["interpolation"] == "nearest":
        return lambda pixels: _nearest(pixels, flat, reader, size, **how)
    height, width = (_wide(x) for x in tf.unstack(flat.sizes, axis=1))
    none = tf.zeros((1,), tf.int32)
    still = Shrink(tf.constant(False), none > 0, none)

    def read(pixels: tf.Tensor, shrinks: Shrink, at: tuple[float, ...]) -> tf.Tensor:
        source = width, (height, width)
        dtype = compute_dtype(pixels.dtype)
        places = (lambda places: _wide(flat.starts)), *source
        return shrinking.mean_of_reads(
            pixels, *places, reader, shrinks, size, dtype, points=at, **how
        )

    def plain(pixels: tf.Tensor) -> tf.Tensor:
        return read(pixels, still, (0.0,))

    if shrinks is None:
        return plain
    return Move(
        shrinks.some, plain, lambda pixels: read(pixels, shrinks, shrinking.POINTS)
    )


def _nearest(
    pixels: tf.Tensor,
    flat: Flat,
    reader: Reader,
    size: tuple[int, int],
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """Copies pixels, whatever they are."""
    height, width = (_wide(x) for x in tf.unstack(flat.sizes, axis=1))
    u = tf.range(size[1], dtype=tf.float32)
    v = tf.range(size[0], dtype=tf.float32)[:, tf.newaxis]
    x, y, finite, _ = points(reader, u, v)
    across = taps(x, width, fill_mode, interpolation)
    along = taps(y, height, fill_mode, interpolation)
    place = along.pixels[0][0] * width + across.pixels[0][0]
    values = tf.gather(pixels, _wide(flat.starts) + place)
    cover = None if across.cover is None else across.cover * along.cover
    if finite is not None:
        seen = tf.cast(finite, tf.float32)
        cover = seen if cover is None else cover * seen
    return filled(values, cover, fill_value, True)


def mean_color(flat: Flat, window: tf.Tensor | None = None) -> tf.Tensor:
    """The mean colour (B, C) of each image, or of what a window shows of it."""
    dtype = compute_dtype(flat.pixels.dtype)
    count = tf.reduce_prod(flat.sizes, axis=1)
    image = tf.repeat(tf.range(tf.shape(count)[0]), count)
    values, shares = tf.cast(flat.pixels, dtype), tf.ones_like(image, dtype)
    if window is not None:
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
    return tf.math.divide_no_nan(sums, areas[:, tf.newaxis])


def _wide(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, (-1, 1, 1))
