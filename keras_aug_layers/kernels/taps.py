"""Which pixels are read, and with what weight, for each point of an axis."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.hidden import of_channels
from keras_aug_layers.kernels.places import Places
from keras_aug_layers.kernels.rounding import to_int

_LEAST_STEP = 1e-6


class Taps(NamedTuple):
    """What is read along one axis.

    Attributes:
        pixels: pairs of an index, int32, and its weight, float32.
        cover: how much of what is read lies in the image; None where it does not
            matter.
    """

    pixels: list[tuple[tf.Tensor, tf.Tensor]]
    cover: tf.Tensor | None


def taps(
    x: tf.Tensor,
    size: Any,
    fill_mode: str,
    interpolation: str,
    step: tf.Tensor | None = None,
) -> Taps:
    """The pixels that interpolate at x, counted from the edge of the first pixel.

    Args:
        x: float32, of any shape.
        size: how many pixels there are, a number or a tensor of the rank of x.
        fill_mode: what lies outside.
        interpolation: "bilinear", "nearest" or "bicubic".
        step: as in `Places.steps`.
    """
    if interpolation == "bicubic":
        return _cubic(x, size, fill_mode, step)
    index, way, after, cover = placed(x, size, fill_mode, interpolation, step)
    if interpolation == "nearest":
        return Taps([(index, tf.ones_like(x))], cover)
    pixels = [(index, 1.0 - way), (index + after, way)]
    if cover is not None:
        pixels = [(index, weight * cover) for index, weight in pixels]
    return Taps(pixels, cover)


def _cubic(x: tf.Tensor, size: Any, fill_mode: str, step: tf.Tensor | None) -> Taps:
    """Keys's cubic convolution with a = -0.5, as PIL's (IEEE ASSP 29, 1981)."""
    base = tf.floor(x - 0.5)
    t = (x - 0.5) - base
    weights = [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
    centres = [base + (number - 0.5) for number in range(4)]
    cover = None
    if fill_mode == "constant" and step is None:
        inside = [covers(c, size, "nearest") for c in centres]
        weights = [weight * here for weight, here in zip(weights, inside, strict=True)]
        cover = sum(weights[1:], weights[0])
    elif fill_mode == "constant":
        cover = covers(x, size, "bilinear", step)
        weights = [weight * cover for weight in weights]
    pixels = [pixel_nearest(_turned(c, size, fill_mode), size) for c in centres]
    return Taps(list(zip(pixels, weights, strict=True)), cover)


def cubic_mean(
    points: list[tf.Tensor], size: Any, fill_mode: str, step: tf.Tensor | None
) -> Taps:
    """The pixels that interpolate at two points, of the mean of their weights.

    Bicubic, at points no farther apart than 2 pixels, these are 6 pixels and not 8.

    Args:
        points: as x in `taps`.
        size: as in `taps`.
        fill_mode: likewise.
        step: likewise.
    """
    base = tf.floor(tf.minimum(*points) - 0.5)
    centres = [base + (number - 0.5) for number in range(6)]
    parts, cover = [[_keys(x - c) for c in centres] for x in points], None
    if fill_mode == "constant" and step is None:
        inside = [covers(c, size, "nearest") for c in centres]
        parts = [[w * here for w, here in zip(x, inside, strict=True)] for x in parts]
        cover = 0.5 * sum(sum(x) for x in parts)
    elif fill_mode == "constant":
        own = [covers(x, size, "bilinear", step) for x in points]
        parts = [[w * here for w in x] for x, here in zip(parts, own, strict=True)]
        cover = 0.5 * sum(own)
    weights = [0.5 * (one + other) for one, other in zip(*parts, strict=True)]
    pixels = [pixel_nearest(_turned(c, size, fill_mode), size) for c in centres]
    return Taps(list(zip(pixels, weights, strict=True)), cover)


def _turned(centre: tf.Tensor, size: Any, fill_mode: str) -> tf.Tensor:
    """The centre of a pixel, folded into the image."""
    if fill_mode != "wrap":
        return folded(centre, size, fill_mode)
    n = tf.cast(size, tf.float32)
    return centre - n * tf.floor(centre / n)


def _keys(x: tf.Tensor) -> tf.Tensor:
    """The weight of a pixel that is so far off, in `_cubic`."""
    d = tf.abs(x)
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return tf.where(d < 1.0, near, tf.where(d < 2.0, far, 0.0))


def placed(
    x: tf.Tensor,
    size: Any,
    fill_mode: str,
    interpolation: str,
    step: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, Any, tf.Tensor | None]:
    """What is read along one axis, at places counted from the edge of the first pixel.

    Returns:
        A pixel, the way to the next one, how far off that is, as of `pixel_below`, and
        how much of what is read lies in the image; the pixel alone, with a step of 0,
        if `interpolation` is "nearest", and no cover unless the fill is "constant".
    """
    constant = fill_mode == "constant"
    cover = covers(x, size, interpolation, step) if constant else None
    x = folded(x, size, fill_mode)
    if interpolation == "nearest":
        return pixel_nearest(x, size), tf.zeros_like(x), 0, cover
    return (*pixel_below(x, size), cover)


def covered(places: Places, size: tuple[Any, Any], interpolation: str) -> tf.Tensor:
    """How much of what is read lies in the image, from 0 to 1."""
    (height, width), (wide, high) = size, places.steps or (None, None)
    return covers(places.x, width, interpolation, wide) * covers(
        places.y, height, interpolation, high
    )


def covers(
    x: tf.Tensor, size: Any, interpolation: str, step: tf.Tensor | None = None
) -> tf.Tensor:
    """How much of what is read along one axis lies in the image, from 0 to 1.

    Args:
        x: counted from the edge of the first pixel.
        size: how many pixels there are.
        interpolation: as in `warp`.
        step: as in `Places.steps`. The image ends within a pixel, as for the op; of
            an enlarged one, whose edge would blend with the fill, within a step.
    """
    n = tf.cast(size, tf.float32)
    if interpolation == "nearest":
        return tf.cast((x > 0.0) & (x < n), tf.float32)
    inside = tf.minimum(x, n - x)
    if step is not None:
        inside *= 1.0 / tf.clip_by_value(step, _LEAST_STEP, 1.0)
    return tf.clip_by_value(inside + 0.5, 0.0, 1.0)


def folded(x: tf.Tensor, size: Any, fill_mode: str) -> tf.Tensor:
    """Maps coordinates into [0, size]; what is left outside, the reader clamps."""
    n = tf.cast(size, tf.float32)
    if fill_mode == "reflect":  # a triangular wave about the edges
        return tf.abs(x - 2.0 * n * tf.round(x / (2.0 * n)))
    if fill_mode == "wrap":
        # The op's own rule: it counts turns of n - 1 pixels and moves by n for each.
        x, turn = x - 0.5, tf.maximum(n - 1.0, 1.0)
        turns = tf.where(x < 0.0, -1.0 - tf.floor(-x / turn), tf.floor(x / turn))
        return tf.where((x < 0.0) | (x > n - 1.0), x - n * turns, x) + 0.5
    return x


def pixel_below(x: tf.Tensor, size: Any) -> tuple[tf.Tensor, tf.Tensor, Any]:
    """A pixel, the way from its centre to x in [0, 1], and how far off the next one is.

    In a pixel's centre it is either that pixel or the one before, since the weighted
    sum is the same: so rounding will do for floor.
    """
    step = min(size - 1, 1) if isinstance(size, int) else tf.minimum(size - 1, 1)
    index = to_int(x, 1, size - step) - 1
    way = (x - 0.5) - tf.cast(index, tf.float32)
    if on_gpu():  # where what is used twice would be kept
        return index, tf.clip_by_value(way, 0.0, 1.0), step
    way = tf.where(way > 0.0, way, 0.0)  # NaN: 0
    return index, tf.where(way < 1.0, way, 1.0), step


def pixel_nearest(x: tf.Tensor, size: Any) -> tf.Tensor:
    """The pixel nearest to x: the later one half-way, as the op rounds."""
    return to_int(tf.floor(x), 0, size - 1)


def summed(
    pixels: tf.Tensor,
    first: tf.Tensor,
    stride: Any,
    across: Taps,
    along: Taps,
    dtype: tf.DType,
) -> tf.Tensor:
    """The weighted sum of what is read along two axes: (B, H, W, C).

    Args:
        pixels: (N, C), row by row, image by image.
        first: int32, the first pixel of the image that is read.
        stride: from a row to the next one.
        across: what is read along the rows.
        along: what is read along the columns.
        dtype: in which it is summed.
    """
    values = 0.0
    for row, down in along.pixels:
        line = 0.0
        for column, right in across.pixels:
            read = tf.gather(pixels, first + row * stride + column)
            line += tf.cast(right, dtype)[..., tf.newaxis] * tf.cast(read, dtype)
        values += tf.cast(down, dtype)[..., tf.newaxis] * line
    return values


def filled_from(
    values: tf.Tensor,
    across: Taps,
    along: Taps,
    finite: tf.Tensor | None,
    fill_value: Any,
) -> tf.Tensor:
    """What is read along two axes, and the fill value where nothing is, or nowhere.

    Args:
        values: (B, H, W, C), the pixels times their weights.
        across: what is read along the rows.
        along: what is read along the columns.
        finite: bool (B, H, W), whether a place is one; None where all are.
        fill_value: a number, or one for each channel.
    """
    cover = None if across.cover is None else across.cover * along.cover
    values = filled(values, cover, fill_value, False)
    if finite is None:
        return values
    fill = tf.constant(of_dtype(values.dtype, fill_value), values.dtype)
    return tf.where(of_channels(finite, values.shape[-1]), values, fill)


def filled(
    values: tf.Tensor, cover: tf.Tensor | None, fill_value: Any, copied: bool
) -> tf.Tensor:
    """Weighted pixels, and the fill value where they do not cover a point.

    Args:
        values: (B, H, W, C), the pixels times their weights.
        cover: (B, H, W) or what broadcasts to it; None for 1 everywhere.
        fill_value: a number, or one for each channel.
        copied: whether the values are pixels themselves, of weight 1 each.
    """
    if cover is None:
        return values
    fill = tf.constant(of_dtype(values.dtype, fill_value), values.dtype)
    cover = cover[..., tf.newaxis]
    if copied:
        return tf.where(cover > 0.0, values, fill)
    return values + (1.0 - tf.cast(cover, values.dtype)) * fill


def of_dtype(dtype: tf.DType, value: Any) -> Any:
    """A Python number, or several, of the kind that the dtype holds."""
    if isinstance(value, tuple):
        return [of_dtype(dtype, x) for x in value]
    if dtype.is_bool:
        return bool(value)
    return int(value) if dtype.is_integer else value
