"""The warp: a read at one place for each pixel, by TensorFlow's op or by gathers.

The kernel is TensorFlow's op ImageProjectiveTransformV3, and its behaviour is the
reference. Where the op cannot serve, the same function is computed with gathers: in
an XLA context, for which no TensorFlow release has a kernel; for 32 and 64-bit
integers and float64, which the op would interpolate, or fill, in float32; and for
gradients, since the op's own is not that of its forward pass.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.condition import choose
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.derivative import own_gradient
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.hidden import of_channels
from keras_aug_layers.kernels.places import Places, numbers, places_of
from keras_aug_layers.kernels.taps import (
    covered,
    folded,
    of_dtype,
    pixel_below,
    pixel_nearest,
)

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")

_OP_DTYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)


def compute_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype in which pixels are interpolated: float64 for what float32 cannot hold.

    Exact for all integers of up to 53 bits, but for bicubic weights, in float32.
    """
    return tf.float64 if dtype.size >= 4 and dtype != tf.float32 else tf.float32


def dimension(tensor: tf.Tensor, axis: int) -> Any:
    """A size: a Python number where it is static, else a scalar tensor."""
    size = tensor.shape[axis]
    return tf.shape(tensor)[axis] if size is None else size


def rows_and_columns(height: Any, width: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows (1, H, 1, 1) and the columns (1, 1, W, 1) of a frame."""
    y, x = tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32)
    return y[tf.newaxis, :, tf.newaxis, tf.newaxis], x[tf.newaxis, :, tf.newaxis]


def known_channels(channels: Any) -> int:
    """The number of channels, for what has to know it before it runs.

    Raises:
        ValueError: if it is not known.
    """
    if isinstance(channels, int):
        return channels
    raise ValueError(
        "`images` must have a known number of channels where a layer mixes, or tells "
        "apart, channels. Received: images of an unknown number of channels. Write "
        "tf.io.decode_jpeg(data, channels=3), or images.set_shape((None, None, 3))."
    )


def warp(
    images: tf.Tensor,
    reader: Reader,
    *,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: Any = 0.0,
    output_size: tuple[Any, Any] | None = None,
) -> tf.Tensor:
    """Resamples each image once.

    Args:
        images: (B, H, W, C), of any integer or floating dtype, or bool for "nearest".
        reader: where each output pixel reads.
        fill_mode: one of `FILL_MODES`: what lies outside the frame.
        interpolation: one of `INTERPOLATIONS`.
        fill_value: what lies outside if `fill_mode` is "constant", a number or one for
            each channel; and, with gathers, what is seen on the horizon of a
            perspective.
        output_size: (height, width) of the result; the input's by default.

    Returns:
        (B, height, width, C): in the images' own dtype for "nearest", which copies
        pixels; in `compute_dtype`, neither rounded nor clipped, for "bilinear".
    """
    dtype = compute_dtype(images.dtype) if interpolation == "bilinear" else images.dtype
    if output_size is None:
        if 0 in images.shape[1:3]:  # no pixels, which the op refuses
            return tf.cast(images, dtype)
        output_size = dimension(images, 1), dimension(images, 2)

    def with_gathers(images: tf.Tensor, fill_value: Any = fill_value) -> tf.Tensor:
        places = places_of(reader, *output_size)
        return gathered(images, places, fill_mode, interpolation, fill_value)

    # The op computes, and takes the fill value, in float32.
    wide = compute_dtype(images.dtype) == tf.float64
    fill = _one(fill_value)
    exact = interpolation == "nearest" and float(np.float32(fill)) == fill
    if in_xla_context() or (wide and not exact) or reader.matrix is None:
        return with_gathers(images)
    if reader.windowed and fill_mode == "constant" and interpolation == "bilinear":
        return _of_windows(images, reader, fill_value, output_size)
    warped = _with_op(
        images, reader, fill_mode, interpolation, fill_value, output_size, with_gathers
    )
    sizes = [size if isinstance(size, int) else None for size in output_size]
    return tf.ensure_shape(warped, [images.shape[0], *sizes, images.shape[3]])


def _one(fill_value: Any) -> float:
    """The op has one fill value: where several are to go, any will do."""
    return 0.0 if isinstance(fill_value, tuple) else fill_value


def _with_op(
    images: tf.Tensor,
    reader: Reader,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
    output_size: tuple[Any, Any],
    with_gathers: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """What `warp` gives, by TensorFlow's op; derived by gathers."""

    @own_gradient
    def moved(images: tf.Tensor) -> tuple[tf.Tensor, Any]:
        warped = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.reshape(reader.matrix, (-1, 9))[:, :8],
            output_shape=tf.stack(output_size),
            fill_value=_one(fill_value),
            interpolation=interpolation.upper(),
            fill_mode=fill_mode.upper(),
        )

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            if not images.dtype.is_floating:
                return tf.zeros_like(images)
            source = tf.zeros_like(images)  # the warp is linear: any images will do
            with tf.GradientTape() as tape:
                tape.watch(source)
                target = with_gathers(source, _one(fill_value))
            return tape.gradient(target, source, upstream)

        return warped, gradient

    dtype = compute_dtype(images.dtype) if interpolation == "bilinear" else images.dtype
    pixels = tf.cast(images, dtype if dtype in _OP_DTYPES else _wider(dtype))
    if fill_mode != "constant" or not isinstance(fill_value, tuple):
        return tf.cast(moved(pixels), dtype)
    # Another channel shows where the values are to go.
    pixels = tf.concat([pixels, tf.ones_like(pixels[..., :1])], axis=-1)
    warped = tf.cast(moved(pixels), dtype)
    warped, cover = warped[..., :-1], warped[..., -1:]
    fill = tf.constant(of_dtype(dtype, fill_value), dtype)
    if interpolation == "nearest":
        return tf.where(tf.cast(cover, tf.bool), warped, fill)
    return warped + (1.0 - cover) * fill


def _of_windows(
    images: tf.Tensor, reader: Reader, fill_value: Any, output_size: tuple[Any, Any]
) -> tf.Tensor:
    """By the op, the fill laid over as `covers` says where a window is enlarged."""

    def enlarged(images: tf.Tensor) -> tf.Tensor:
        size = dimension(images, 1), dimension(images, 2)
        cover = covered(places_of(reader, *output_size), size, "bilinear")
        values = warp(images, reader, fill_mode="nearest", output_size=output_size)
        cover = tf.cast(cover, values.dtype)[..., tf.newaxis]
        fill = tf.constant(of_dtype(values.dtype, fill_value), values.dtype)
        return cover * values + (1.0 - cover) * fill

    def as_it_is(images: tf.Tensor) -> tf.Tensor:
        return warp(
            images,
            reader._replace(windowed=False),
            fill_mode="constant",
            fill_value=fill_value,
            output_size=output_size,
        )

    matrix: Any = reader.matrix
    steps = tf.reduce_sum(tf.abs(matrix[:, :2, :2]), axis=2) * reader.part
    return choose(tf.reduce_min(steps) < 1.0, enlarged, as_it_is, images)


def _wider(dtype: tf.DType) -> tf.DType:
    """A dtype that the op copies and that holds every value of `dtype`."""
    if dtype.is_floating:
        return tf.float32
    return tf.int64 if dtype.size >= 4 else tf.int32


def gathered(
    images: tf.Tensor,
    places: Places,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """Reads images at coordinates: what the op does, written for XLA."""
    batch, height, width, channels = (dimension(images, axis) for axis in range(4))
    pixels = tf.reshape(images, (-1, channels))
    first = numbers(places, batch) * (height * width)
    size = height, width
    return read(pixels, first, size, places, fill_mode, interpolation, fill_value)


def read(
    pixels: tf.Tensor,
    first: tf.Tensor,
    size: tuple[Any, Any],
    places: Places,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """Reads a list of pixels at coordinates.

    XLA makes of it a single loop that reads the input, writes the output and keeps
    nothing between; what feeds an address is not vectorised there, so the addresses are
    kept short. benchmarks/README.md has the forms that were tried.

    Args:
        pixels: (N, C), row by row, image by image.
        first: int32, the first pixel of the image that is read, as the places.
        size: height and width of the images: numbers, or tensors (B, 1, 1).
        places: where to read.
        fill_mode: as in `warp`.
        interpolation: likewise.
        fill_value: likewise.
    """
    height, width = size
    x, y, finite, *_ = places
    cover = None
    if fill_mode == "constant":
        cover = covered(places, size, interpolation)
        inside = cover > 0.0
        if interpolation == "bilinear" and pixels.dtype.is_integer:
            cover = tf.where(inside, cover, 0.0)  # which of integers is enough
        else:
            finite = inside if finite is None else finite & inside
    x, y = folded(x, width, fill_mode), folded(y, height, fill_mode)
    if interpolation == "nearest":
        index = first + pixel_nearest(y, height) * width + pixel_nearest(x, width)
        values = tf.gather(pixels, index)
    else:
        values = _bilinear(
            pixels, first, pixel_below(x, width), pixel_below(y, height), width
        )
    if finite is None and cover is None:
        return values
    fill = tf.constant(of_dtype(values.dtype, fill_value), values.dtype)
    if fill_mode == "constant" and interpolation == "bilinear":
        weight = tf.cast(cover, values.dtype)[..., tf.newaxis]
        values = weight * values + (1.0 - weight) * fill
    if finite is None:
        return values
    return tf.where(of_channels(finite, values.shape[-1]), values, fill)


def _bilinear(
    pixels: tf.Tensor,
    first: tf.Tensor,
    x: tuple[tf.Tensor, tf.Tensor, Any],
    y: tuple[tf.Tensor, tf.Tensor, Any],
    width: Any,
) -> tf.Tensor:
    """The weighted sum of the four neighbours; x and y are from `pixel_below`.

    A column and the next one have their own views of the list of pixels and share the
    index, so that XLA checks its bounds once for both. Were the next row a view too,
    XLA would divide to find the pixel that lies a row and a column on.
    """
    dtype = compute_dtype(pixels.dtype)
    (column, right, next_column), (row, down, next_row) = x, y
    right = tf.cast(right, dtype)[..., tf.newaxis]
    down = tf.cast(down, dtype)[..., tf.newaxis]
    above = first + row * width + column
    below = above + next_row * width
    if tf.is_tensor(next_column) and next_column.shape.rank:  # of each image its own
        four = (
            tf.gather(pixels, index + step)
            for index in (above, below)
            for step in (0, next_column)
        )
    else:
        length = dimension(pixels, 0) - next_column
        four = (
            tf.gather(pixels[start : start + length], index)
            for index in (above, below)
            for start in (0, next_column)
        )
    a, b, c, d = (tf.cast(pixel, dtype) for pixel in four)
    # At a weight of 1 this sum is the pixel, bit for bit; a + t * (b - a) is not.
    left, up = 1.0 - right, 1.0 - down
    return up * left * a + up * right * b + down * left * c + down * right * d
