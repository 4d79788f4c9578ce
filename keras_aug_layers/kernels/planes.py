"""The warp, written so that XLA:GPU makes one kernel of it.

XLA:GPU decides what to fuse by a model of cost that counts a value once for each use
that is not elementwise. An address that four gathers share, or a weight that three
channels share, looks dear: a kernel of its own computes it, and it goes through memory,
20 bytes a pixel. So nothing is shared here. The coordinates have a last axis of askers,
one for each corner and channel, and each gather and each weight reads its own slice of
it. Each channel is finished as a plane (B, H, W), and the one concat of the planes
comes last: XLA gives a thread a whole pixel, and LLVM finds that all slices are equal,
so that coordinates are computed once.

On a CPU this form takes several times as long as that of whole pixels.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import warp
from keras_aug_layers.kernels.askers import coordinates_of
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.derivative import own_gradient
from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.places import Places
from keras_aug_layers.kernels.taps import of_dtype, placed, taps

Planes = list[tf.Tensor]
"""The channels of images: an array (B, H, W) for each."""

MOST = 8
"""Channels that are read by themselves. Of more, a thread would have too much to do."""

# How many times more askers there are than ask: what is larger is dearer to keep. The
# others are never computed. Were there more than 2**31 numbers on the axes together,
# XLA would count them in 64 bits, for a few instructions more.
_SPARE = 4


def fits(images: tf.Tensor) -> bool:
    """Whether images are to be done in planes: for a GPU, and of few channels."""
    if not on_gpu() or images.shape.rank != 4:
        return False
    channels = images.shape[3]
    return channels is not None and 0 < channels <= MOST and 0 not in images.shape[1:3]


def read(
    images: tf.Tensor,
    reader: Reader,
    *,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
    output_size: tuple[Any, Any] | None = None,
    copies: int = 1,
) -> list[Planes]:
    """Resamples each image once, for XLA on a GPU.

    Args:
        images: (B, H, W, C), of any integer or floating dtype, or bool for "nearest".
        reader: where each output pixel reads.
        fill_mode: as in `resample`.
        interpolation: likewise.
        fill_value: likewise.
        output_size: (height, width) of the result; the input's by default.
        copies: how many times the planes are asked for, each time by other askers.

    Returns:
        Copies, which differ in nothing else, of a plane for each channel: in the
        images' own dtype for "nearest", which copies pixels; else in `compute_dtype`,
        neither rounded nor clipped.
    """
    batch, height, width, channels = (warp.dimension(images, axis) for axis in range(4))
    size = output_size or (height, width)
    copied = interpolation == "nearest"
    dtype = images.dtype if copied else warp.compute_dtype(images.dtype)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value,) * channels
    order = [*range(channels)] * copies
    corners = {"nearest": 1, "bilinear": 4, "bicubic": 16}[interpolation]
    each = corners + 4

    def places(askers: int) -> _Places:
        unkept = reader.affine and len(order) == 1
        asked = coordinates_of(reader, *size, askers, unkept)
        return _places(asked, batch, height, width, fill_mode, interpolation)

    def planes(images: tf.Tensor) -> Planes:
        pixels = tf.reshape(images, (-1, channels))
        asked = places(each * len(order) * _SPARE)
        found = []
        for number, channel in enumerate(order):
            ask = itertools.count(each * number)
            plane = _sum(pixels, asked, ask, channel, dtype)
            fill = tf.constant(of_dtype(dtype, fills[channel]), dtype)
            found.append(_filled(plane, asked, ask, fill, copied))
        return found

    @own_gradient
    def differentiable(images: tf.Tensor) -> tuple[Planes, Any]:
        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            sums = [sum(upstream[c::channels]) for c in range(channels)]
            back = tf.cast(tf.stack(sums, axis=-1), dtype)
            back = _transposed(back, places(1), copied, batch * height * width)
            return tf.cast(tf.reshape(back, tf.shape(images)), images.dtype)

        return planes(images), gradient

    # Differentiated by itself, each gather would have a scatter: 4 C, not 4.
    found = (differentiable if images.dtype.is_floating else planes)(images)
    return [list(found[n : n + channels]) for n in range(0, len(order), channels)]


class _Tap(NamedTuple):
    """One of the pixels that are read along an axis, for all askers.

    Attributes:
        index: int32 (B, height, width, askers).
        step: how many pixels after it.
        weight: float32, of the same shape; None for 1.
    """

    index: tf.Tensor
    step: Any
    weight: tf.Tensor | None


class _Places(NamedTuple):
    """Where the askers read.

    Attributes:
        first: int32 (B, 1, 1, 1) or of the shape of an index, the first pixel of the
            image that is read.
        width: of the images.
        along: the rows.
        across: the columns.
        cover: how much of what is read lies in the image, from 0 to 1; None where it
            does not matter.
        weighted: whether the weights are 0 outside of the image.
        finite: whether there is a place at all; false on the horizon.
    """

    first: tf.Tensor
    width: Any
    along: list[_Tap]
    across: list[_Tap]
    cover: tf.Tensor | None
    weighted: bool
    finite: tf.Tensor | None


def _places(
    asked: Places,
    batch: Any,
    height: Any,
    width: Any,
    fill_mode: str,
    interpolation: str,
) -> _Places:
    """What is read at coordinates, which are from `askers`."""
    x, y, finite, number, steps = asked
    wide, high = steps or (None, None)
    if number is None:
        number = tf.reshape(tf.range(batch), (-1, 1, 1, 1))
    across, cover_x = _taps(x, width, fill_mode, interpolation, wide)
    along, cover_y = _taps(y, height, fill_mode, interpolation, high)
    return _Places(
        first=number * (height * width),
        width=width,
        along=along,
        across=across,
        cover=None if cover_x is None else cover_x * cover_y,
        weighted=interpolation == "bicubic",
        finite=finite,
    )


def _taps(
    x: tf.Tensor,
    size: Any,
    fill_mode: str,
    interpolation: str,
    step: tf.Tensor | None,
) -> tuple[list[_Tap], tf.Tensor | None]:
    """What is read along an axis, and how much of it lies in the image."""
    if interpolation == "bicubic":
        found = taps(x, size, fill_mode, interpolation, step)
        return [_Tap(index, 0, weight) for index, weight in found.pixels], found.cover
    index, way, after, cover = placed(x, size, fill_mode, interpolation, step)
    if interpolation == "nearest":
        return [_Tap(index, 0, None)], cover
    return [_Tap(index, 0, 1.0 - way), _Tap(index, after, way)], cover


def _sum(
    pixels: tf.Tensor,
    places: _Places,
    ask: Iterator[int],
    channel: int,
    dtype: tf.DType,
) -> tf.Tensor:
    """The weighted sum of what one channel reads, each by an asker of its own.

    A column and the next one have their own views of the list of pixels. In a flat list
    of numbers, XLA would divide to find the pixel and the channel.
    """
    total = None
    for row, column in itertools.product(places.along, places.across):
        asker = next(ask)
        pixel = places.first + row.index * places.width + column.index
        mine = pixel[..., asker] + row.step * places.width
        length = warp.dimension(pixels, 0) - column.step
        view = pixels[column.step : column.step + length]
        value = tf.cast(tf.gather(view, mine)[..., channel], dtype)
        if row.weight is not None and column.weight is not None:
            weight = tf.cast(row.weight[..., asker], dtype)
            value *= weight * tf.cast(column.weight[..., asker], dtype)
        total = value if total is None else total + value
    return total


def _filled(
    plane: tf.Tensor,
    places: _Places,
    ask: Iterator[int],
    fill: tf.Tensor,
    copied: bool,
) -> tf.Tensor:
    """The plane, and the fill value where nothing is read."""
    finite, cover = places.finite, places.cover
    finite = None if finite is None else finite[..., next(ask)]
    if cover is not None and not copied:
        if not places.weighted:
            plane = tf.cast(cover[..., next(ask)], plane.dtype) * plane
        plane += (1.0 - tf.cast(cover[..., next(ask)], plane.dtype)) * fill
    if cover is not None and not places.weighted:
        inside = cover[..., next(ask)] > 0.0
        finite = inside if finite is None else finite & inside
    return plane if finite is None else tf.where(finite, plane, fill)


def _transposed(
    upstream: tf.Tensor, places: _Places, copied: bool, length: Any
) -> tf.Tensor:
    """What each pixel of the list had to do with it: the gradient, (length, C).

    Args:
        upstream: the gradient (B, height, width, C) of what was read.
        places: of one asker.
        copied: whether pixels are only copied.
        length: how many pixels there are.
    """
    dtype, zero = upstream.dtype, tf.zeros((), upstream.dtype)
    masks = [places.finite]
    if places.cover is not None and not places.weighted:
        masks.append(places.cover > 0.0)
        if not copied:
            upstream *= tf.cast(places.cover, dtype)
    for mask in masks:
        if mask is not None:
            upstream = tf.where(mask, upstream, zero)
    total = zero
    for row, column in itertools.product(places.along, places.across):
        share = upstream
        if row.weight is not None and column.weight is not None:
            share *= tf.cast(row.weight, dtype) * tf.cast(column.weight, dtype)
        pixel = places.first + row.index * places.width + column.index
        pixel = pixel[..., 0] + (row.step * places.width + column.step)
        pixel = tf.broadcast_to(pixel, tf.shape(share)[:3])
        total += tf.math.unsorted_segment_sum(share, pixel, length)
    return total


def warped(images: tf.Tensor, reader: Reader, **how: Any) -> tf.Tensor:
    """`read`, and its planes together: (B, height, width, C)."""
    return tf.stack(read(images, reader, **how)[0], axis=-1)
