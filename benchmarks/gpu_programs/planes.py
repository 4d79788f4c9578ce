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

(A draft. `compute_dtype`, `dimension`, `_as`, `_cover` and `_fold` are those of the
warp for CPUs, to be imported from it.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

Planes = list[tf.Tensor]
"""The channels of images: an array (B, H, W) for each."""

# How many times more askers there are than ask: what is larger is dearer to keep. The
# others are never computed. Were there more than 2**31 numbers on the axes together,
# XLA would count them in 64 bits, for a few instructions more.
_SPARE = 4

# A float32 within 2**22 of 0, plus this, is rounded to an integer, halves to even, and
# the bits of the sum less the bits of this are that integer.
_ROUNDER = 1.5 * 2.0**23
_ROUNDER_BITS = 0x4B400000
# Added to the bits of a float32, this leaves numbers in their order, as far as they are
# not negative, and wraps the positive NaNs to negative integers. Negative numbers stay
# negative, and negative NaNs become integers below all those that we read.
_NAN_BELOW = 0x7FFFFF


def gather_planes(
    images: tf.Tensor,
    matrices: tf.Tensor,
    *,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    affine: bool = False,
    output_size: tuple[Any, Any] | None = None,
    finish: Callable[[Planes], Planes] | None = None,
) -> tf.Tensor:
    """Resamples each image once and finishes its channels, for XLA on a GPU.

    Args:
        images: (B, H, W, C) with a static C, of any integer or floating dtype, or bool
            for "nearest".
        matrices: float32 (B, 3, 3) or (1, 3, 3), from output to input pixels, with a
            last entry of 1 (pixel centres at integers).
        fill_mode: "reflect", "constant", "nearest" or "wrap": what lies outside.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside if `fill_mode` is "constant", and what is seen on
            the horizon of a perspective.
        affine: whether every matrix ends in the row 0, 0, 1: saves a division.
        output_size: (height, width) of the result; the input's by default.
        finish: colour, clipping, rounding and the cast. It gets a plane for each
            channel, in the images' own dtype for "nearest", which copies pixels, and in
            `compute_dtype` for "bilinear". It returns the planes of the result.

    Returns:
        (B, height, width, C), in the dtype of the finished planes.
    """
    dtype = compute_dtype(images.dtype) if interpolation == "bilinear" else images.dtype
    batch, height, width, channels = (dimension(images, axis) for axis in range(4))
    if output_size is None:
        output_size = height, width

    def places(askers: int) -> _Places:
        coordinates = _coordinates(matrices, batch, *output_size, askers, affine)
        return _places(coordinates, batch, height, width, fill_mode, interpolation)

    def read(images: tf.Tensor) -> Planes:
        if 0 in images.shape[1:3]:  # no pixels
            nothing = tf.fill((batch, *output_size), tf.constant(0, dtype))
            return [nothing] * channels
        pixels = tf.reshape(images, (-1, channels))
        corners = len(_corners(interpolation))
        each = corners + (3 if fill_mode == "constant" else not affine)
        asked = places(each * channels * _SPARE)
        fill = tf.constant(_as(dtype, fill_value), dtype)
        planes = []
        for channel in range(channels):
            asker = each * channel
            plane = _sum(pixels, asked, asker, channel, interpolation, dtype)
            planes.append(_filled(plane, asked, asker + corners, fill))
        return planes

    @tf.custom_gradient
    def differentiable(images: tf.Tensor) -> tuple[Planes, Any]:
        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            if 0 in images.shape[1:3]:
                return tf.zeros_like(images)
            back = tf.stack(upstream, axis=-1)
            back = _transposed(back, places(1), interpolation, batch * height * width)
            return tf.cast(tf.reshape(back, tf.shape(images)), images.dtype)

        return read(images), gradient

    # Differentiated by itself, each gather would have a scatter: 4 C, not 4.
    planes = (differentiable if images.dtype.is_floating else read)(images)
    if finish is not None:
        planes = finish(list(planes))
    return tf.stack(planes, axis=-1)


def finish_plane(
    plane: tf.Tensor, dtype: tf.DType, value_range: tuple[float, float] | None = None
) -> tf.Tensor:
    """Clips to the value range, rounds where the dtype is an integer, casts once.

    Small integers of a float32 NaN are an end of their range, on GPUs the lower one.
    """
    if value_range is None and plane.dtype == dtype:
        return plane
    if dtype.is_integer and dtype.size <= 2:
        limits = dtype.min, dtype.max
        low, high = (round(sorted((*limits, x))[1]) for x in value_range or limits)
        if plane.dtype == tf.float32:
            return tf.cast(_to_int(plane, low, high), dtype)
        plane = tf.clip_by_value(plane, *(tf.cast(x, plane.dtype) for x in (low, high)))
        return tf.cast(tf.round(plane), dtype)
    if value_range is not None:
        plane = tf.clip_by_value(plane, *value_range)
    if dtype.is_integer:
        return tf.saturate_cast(tf.round(plane), dtype)
    return tf.cast(plane, dtype)


class _Places(NamedTuple):
    """Where the askers read, arrays (B, height, width, askers) or None.

    Attributes:
        pixel: the upper left neighbour, or the one that is read, counted through the
            pixels of all images.
        right: the way from that pixel's centre to the place, in [0, 1].
        down: the same, downwards.
        next_column: how many pixels further the right neighbour is.
        next_row: how many pixels further the lower neighbour is.
        cover: how much of what is read lies in the image, from 0 to 1.
        finite: whether there is a place at all; false on the horizon.
    """

    pixel: tf.Tensor
    right: tf.Tensor | None
    down: tf.Tensor | None
    next_column: Any
    next_row: Any
    cover: tf.Tensor | None
    finite: tf.Tensor | None


def _corners(interpolation: str) -> tuple[tuple[int, int], ...]:
    """The neighbours that are read: (down, right)."""
    return ((0, 0), (0, 1), (1, 0), (1, 1))[: 4 if interpolation == "bilinear" else 1]


def _places(
    coordinates: tuple[tf.Tensor, tf.Tensor, tf.Tensor | None],
    batch: Any,
    height: Any,
    width: Any,
    fill_mode: str,
    interpolation: str,
) -> _Places:
    """What is read at coordinates, which are from `_coordinates`."""
    x, y, finite = coordinates
    cover = None
    if fill_mode == "constant":
        cover = _cover(x, width, interpolation) * _cover(y, height, interpolation)
    x, y = _fold(x, width, fill_mode), _fold(y, height, fill_mode)
    first = tf.reshape(tf.range(batch) * (height * width), (-1, 1, 1, 1))
    if interpolation == "nearest":
        column = _to_int(tf.floor(x), 0, width - 1)
        row = _to_int(tf.floor(y), 0, height - 1)
        return _Places(first + row * width + column, None, None, 0, 0, cover, finite)
    column, right, next_column = _below(x, width)
    row, down, next_row = _below(y, height)
    return _Places(
        pixel=first + row * width + column,
        right=right,
        down=down,
        next_column=next_column,
        next_row=next_row * width,
        cover=cover,
        finite=finite,
    )


def _coordinates(
    matrices: tf.Tensor, batch: Any, height: Any, width: Any, askers: int, affine: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
    """Where each asker of each output pixel reads, and whether it can.

    Counted from the edge of the first pixel, whose centre is at 0.5. None for whether
    it can stands for everywhere.
    """
    m = tf.reshape(tf.stop_gradient(matrices), (-1, 3, 3, 1, 1, 1))
    u = tf.reshape(tf.range(width, dtype=tf.float32), (1, 1, -1, 1))
    v = tf.reshape(tf.range(height, dtype=tf.float32), (1, -1, 1, 1))

    def each(column: tf.Tensor) -> tf.Tensor:
        # The product with u comes before the askers, or XLA would keep it.
        return tf.broadcast_to(column, (batch, 1, width, askers))

    half = 0.5 if affine else 0.0
    x = each(m[:, 0, 0] * u) + (m[:, 0, 1] * v + (m[:, 0, 2] + half))
    y = each(m[:, 1, 0] * u) + (m[:, 1, 1] * v + (m[:, 1, 2] + half))
    if affine:
        return x, y, None
    depth = each(m[:, 2, 0] * u) + (m[:, 2, 1] * v + 1.0)
    finite = depth != 0.0
    depth = tf.where(finite, depth, tf.ones_like(depth))
    return x / depth + 0.5, y / depth + 0.5, finite


def _sum(
    pixels: tf.Tensor,
    places: _Places,
    asker: int,
    channel: int,
    interpolation: str,
    dtype: tf.DType,
) -> tf.Tensor:
    """The weighted sum of the neighbours of one channel; `asker` is its first.

    A column and the next one have their own views of the list of pixels. In a flat list
    of numbers, XLA would divide to find the pixel and the channel.
    """
    length = dimension(pixels, 0) - places.next_column
    total = None
    for corner, (down, right) in enumerate(_corners(interpolation)):
        mine = places.pixel[..., asker + corner] + down * places.next_row
        start = right * places.next_column
        view = pixels[start : start + length] if interpolation == "bilinear" else pixels
        value = tf.cast(tf.gather(view, mine)[..., channel], dtype)
        weight = _weight(places, asker + corner, down, right, dtype)
        if weight is not None:
            value = weight * value
        total = value if total is None else total + value
    return total


def _weight(
    places: _Places, asker: int, down: int, right: int, dtype: tf.DType
) -> tf.Tensor | None:
    """A neighbour's weight; None stands for 1.

    With a weight of 1 for one neighbour, the sum is that pixel, bit for bit.
    """
    if places.right is None:
        return None
    y = tf.cast(places.down[..., asker], dtype)
    x = tf.cast(places.right[..., asker], dtype)
    return (y if down else 1.0 - y) * (x if right else 1.0 - x)


def _filled(
    plane: tf.Tensor, places: _Places, asker: int, fill: tf.Tensor
) -> tf.Tensor:
    """The plane, and the fill value where nothing is read; for three askers."""
    finite = None if places.finite is None else places.finite[..., asker]
    if places.cover is not None:
        inside = places.cover[..., asker] > 0.0
        finite = inside if finite is None else finite & inside
        if places.right is not None:
            weight, rest = (
                tf.cast(places.cover[..., asker + i], plane.dtype) for i in (1, 2)
            )
            plane = weight * plane + (1.0 - rest) * fill
    return plane if finite is None else tf.where(finite, plane, fill)


def _transposed(
    upstream: tf.Tensor, places: _Places, interpolation: str, length: Any
) -> tf.Tensor:
    """What each pixel of the list had to do with it: the gradient, (length, C).

    Args:
        upstream: the gradient (B, height, width, C) of what was read.
        places: of one asker.
        interpolation: "bilinear" or "nearest".
        length: how many pixels there are.
    """
    dtype, zero = upstream.dtype, tf.zeros((), upstream.dtype)
    if places.cover is not None and places.right is not None:
        upstream *= tf.cast(places.cover, dtype)
    for mask in (places.finite, None if places.cover is None else places.cover > 0.0):
        if mask is not None:
            upstream = tf.where(mask, upstream, zero)
    total = zero
    for down, right in _corners(interpolation):
        weight = _weight(places, 0, down, right, dtype)
        share = upstream if weight is None else weight[..., tf.newaxis] * upstream
        pixel = places.pixel[..., 0] + down * places.next_row
        pixel += right * places.next_column
        total += tf.math.unsorted_segment_sum(share, pixel, length)
    return total


def compute_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype in which pixels are interpolated: float64 for what float32 cannot hold.

    Exact for all integers of up to 53 bits.
    """
    return tf.float64 if dtype.size >= 4 and dtype != tf.float32 else tf.float32


def dimension(tensor: tf.Tensor, axis: int) -> Any:
    """A size: a Python number where it is static, else a scalar tensor."""
    size = tensor.shape[axis]
    return tf.shape(tensor)[axis] if size is None else size


def _as(dtype: tf.DType, value: float) -> Any:
    """A Python number of the kind that the dtype holds."""
    if dtype.is_bool:
        return bool(value)
    return int(value) if dtype.is_integer else value


def _cover(x: tf.Tensor, size: Any, interpolation: str) -> tf.Tensor:
    """How much of what is read along one axis lies in the image, from 0 to 1."""
    n = tf.cast(size, tf.float32)
    if interpolation == "nearest":
        return tf.cast((x > 0.0) & (x < n), tf.float32)
    return tf.clip_by_value(tf.minimum(x, n - x) + 0.5, 0.0, 1.0)


def _fold(x: tf.Tensor, size: Any, fill_mode: str) -> tf.Tensor:
    """Maps coordinates into [0, size]; what is left outside, the reader clamps."""
    n = tf.cast(size, tf.float32)
    if fill_mode == "reflect":  # a triangular wave about the edges
        return tf.abs(x - 2.0 * n * tf.round(x / (2.0 * n)))
    if fill_mode == "wrap":
        # The op's own rule: it counts turns of n - 1 pixels and moves by n for each.
        x, last = x - 0.5, n - 1.0
        turns = x / tf.maximum(last, 1.0)
        after = tf.where(x > last, tf.floor(turns), tf.zeros_like(x))
        turns = tf.where(x < 0.0, tf.math.ceil(turns) - 1.0, after)
        return (x - n * turns) + 0.5
    return x


def _below(x: tf.Tensor, size: Any) -> tuple[tf.Tensor, tf.Tensor, Any]:
    """A pixel, the way from its centre to x in [0, 1], and how far off the next one is.

    In a pixel's centre it is either that pixel or the one before, since the weighted
    sum is the same: so rounding will do for floor.
    """
    step = min(size - 1, 1) if isinstance(size, int) else tf.minimum(size - 1, 1)
    index = _to_int(x, 1, size - step) - 1
    way = (x - 0.5) - tf.cast(index, tf.float32)
    return index, tf.clip_by_value(way, 0.0, 1.0), step


def _to_int(x: tf.Tensor, low: int, high: Any) -> tf.Tensor:
    """Rounds float32 to int32, halves to even, clamped to [low, high], whatever x is.

    A cast is undefined for NaN and huge values, and XLA's guards against them cost more
    than the cast. The bits of positive floats are ordered as integers are, so that they
    can be clamped instead. Nothing is used twice. NaN becomes `low`, or `high` where a
    minimum of NaN is not NaN: XLA promises that for GPUs, and not for CPUs.
    """
    zero = _ROUNDER_BITS + _NAN_BELOW
    # Without the minimum, XLA would add the constants of (x + 0.5) + _ROUNDER first.
    x = tf.minimum(x, tf.cast(high, x.dtype))
    bits = tf.bitcast(x + _ROUNDER, tf.int32) + _NAN_BELOW
    return tf.maximum(bits, zero + low) - zero
