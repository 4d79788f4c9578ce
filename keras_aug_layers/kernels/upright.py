"""Windows that are neither turned nor slanted: forms of the warp that are cheaper."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.products import product
from keras_aug_layers.kernels.separable import SIDES, part_of
from keras_aug_layers.kernels.taps import filled, taps
from keras_aug_layers.kernels.warp import compute_dtype, dimension

_MARGIN = 1e-3


def by_axes(
    images: tf.Tensor,
    axes: tf.Tensor,
    size: tuple[Any, Any],
    windowed: bool,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """Resamples rows, then columns, as all images share one matrix.

    Made of gathers and sums, which every runtime of exported models has.

    Args:
        images: (B, H, W, C).
        axes: float32 (2, 2), from `matrices.axes`.
        size: height and width of what comes out.
        windowed: as of a `Reader`.
        fill_mode: as in `resample`.
        interpolation: likewise.
        fill_value: likewise.
    """
    copied, dtype = interpolation == "nearest", compute_dtype(images.dtype)
    values, covers = images, []
    for axis in (1, 2):
        scale, edge = axes[2 - axis, 0], axes[2 - axis, 1]
        x = scale * (tf.range(size[axis - 1], dtype=tf.float32) + 0.5) + edge
        step = tf.abs(scale) if windowed else None
        read = taps(x, dimension(images, axis), fill_mode, interpolation, step)
        parts = [tf.gather(values, index, axis=axis) for index, _ in read.pixels]
        shape = (-1, 1, 1) if axis == 1 else (-1, 1)
        if not copied:
            weights = [tf.reshape(weight, shape) for _, weight in read.pixels]
            pairs = zip(parts, weights, strict=True)
            parts = [tf.cast(x, dtype) * tf.cast(w, dtype) for x, w in pairs]
        values = sum(parts[1:], parts[0])
        covers.append(read.cover)
    along, across = covers
    cover = None if along is None else along[:, tf.newaxis] * across
    return filled(values, cover, fill_value, copied)


def by_products(
    images: tf.Tensor,
    axes: tf.Tensor,
    level: tf.Tensor,
    reach: tf.Tensor,
    size: tuple[Any, Any],
    windowed: bool,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """Resamples a level of the pyramid at 2 x 2 points: two matrix products.

    Args:
        images: (B, H, W, C).
        axes: float32 (2, 2), from `matrices.axes`.
        level: int32 (), how often the images are halved before they are read.
        reach: float32 (2,), as of a `Shrink`.
        size: height and width of what comes out.
        windowed: as of a `Reader`.
        fill_mode: as in `resample`.
        interpolation: likewise.
        fill_value: likewise.
    """
    dtype = compute_dtype(images.dtype)
    values, covers = tf.cast(images, dtype), []
    for axis in (1, 2):
        source = dimension(images, axis)
        scale, edge = axes[2 - axis, 0], axes[2 - axis, 1]
        # A power of two in whole numbers, and in others.
        wide, part = tf.bitwise.left_shift(1, level), 0.5 ** tf.cast(level, tf.float32)
        places = tf.range(size[axis - 1], dtype=tf.float32)[:, tf.newaxis] + 0.5
        own = reach[2 - axis]
        x = (scale * (places + tf.constant(SIDES) * own) + edge) * part
        step = tf.abs(scale) * part * part_of(own) if windowed else None
        read = taps(x, (source + wide - 1) // wide, fill_mode, interpolation, step)
        pixel = tf.range(source)
        group = pixel // wide
        count = tf.where(pixel == source - 1, (group + 1) * wide - pixel, 1)
        weights = 0.0
        for index, weight in read.pixels:
            hit = tf.cast(index[..., tf.newaxis] == group, tf.float32)
            weights += tf.reduce_mean(weight[..., tf.newaxis] * hit, axis=1)
        weights = tf.cast(weights * (tf.cast(count, tf.float32) * part), dtype)
        values = _summed(values, weights, axis)
        covers.append(
            None if read.cover is None else tf.reduce_mean(read.cover, axis=1)
        )
    along, across = covers
    cover = None if along is None else along[:, tf.newaxis] * across
    return filled(values, cover, fill_value, False)


def _summed(values: tf.Tensor, weights: tf.Tensor, axis: int) -> tf.Tensor:
    """Sums (B, H, W, C) along an axis, by weights (N, H) or (N, W).

    `tf.einsum` takes nearly twice as long, and what TFLite makes of it does not load.
    """
    batch, height, width, channels = (dimension(values, i) for i in range(4))
    length = dimension(weights, 0)
    if axis == 1:
        rows = tf.reshape(values, [batch, height, width * channels])
        rows = product(weights, rows)
        return tf.reshape(rows, [batch, length, width, channels])
    lines = tf.transpose(values, [0, 1, 3, 2])
    lines = tf.reshape(lines, [batch * height * channels, width])
    lines = product(lines, weights, transpose_b=True)
    lines = tf.reshape(lines, [batch, height, channels, length])
    return tf.transpose(lines, [0, 1, 3, 2])


def cut(
    images: tf.Tensor,
    matrix: tf.Tensor,
    size: tuple[int, int],
    otherwise: Callable[[], tf.Tensor],
) -> tf.Tensor:
    """Resamples a window of each image with TensorFlow's op CropAndResize.

    It takes half the time of the warp's op. It knows no fill mode, so that the warp is
    taken where a window reaches the last half pixel of its image, or ends, mirrored, at
    the first one: only its beginning is free of rounding.

    Args:
        images: (B, H, W, C), of a dtype for which an error of 1e-4 is none.
        matrix: float32 (B, 3, 3) or (1, 3, 3), upright.
        size: height and width of what comes out.
        otherwise: the warp.
    """
    batch = dimension(images, 0)
    ends = tf.cast(tf.shape(images)[1:3] - 1, tf.float32)
    last = tf.maximum(ends, 1.0)
    window = matrix[:, 1::-1]  # of rows, then of columns
    first = window[:, :, 2]
    scale = tf.reduce_sum(window[:, :, :2], axis=2)
    end = first + scale * [size[0] - 1.0, size[1] - 1.0]
    inside = (first >= 0.0) & (end >= _MARGIN)
    inside &= tf.maximum(first, end) <= ends - _MARGIN
    boxes = tf.concat([first / last, end / last], axis=1)

    def crop() -> tf.Tensor:
        return tf.raw_ops.CropAndResize(
            image=images,
            boxes=tf.broadcast_to(boxes, (batch, 4)),
            box_ind=tf.range(batch),
            crop_size=list(size),
        )

    values = tf.cond(tf.reduce_all(inside), crop, otherwise)
    return tf.ensure_shape(values, [images.shape[0], *size, images.shape[3]])
