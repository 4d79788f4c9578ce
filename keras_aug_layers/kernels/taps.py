"""Which pixels are read, and with what weight, for each point of an axis."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import warp as warps


class Taps(NamedTuple):
    """What is read along one axis.

    Attributes:
        pixels: pairs of an index, int32, and its weight, float32.
        cover: how much of what is read lies in the image; None where it does not
            matter.
    """

    pixels: list[tuple[tf.Tensor, tf.Tensor]]
    cover: tf.Tensor | None


def taps(x: tf.Tensor, size: Any, fill_mode: str, interpolation: str) -> Taps:
    """The pixels that interpolate at x, counted from the edge of the first pixel.

    Args:
        x: float32, of any shape.
        size: how many pixels there are, a number or a tensor of the rank of x.
        fill_mode: what lies outside.
        interpolation: "bilinear", "nearest" or "bicubic".
    """
    if interpolation == "bicubic":
        return _cubic(x, size, fill_mode)
    index, way, step, cover = warps.placed(x, size, fill_mode, interpolation)
    if interpolation == "nearest":
        return Taps([(index, tf.ones_like(x))], cover)
    pixels = [(index, 1.0 - way), (index + step, way)]
    if cover is not None:
        pixels = [(index, weight * cover) for index, weight in pixels]
    return Taps(pixels, cover)


def _cubic(x: tf.Tensor, size: Any, fill_mode: str) -> Taps:
    """Keys's cubic convolution with a = -0.5, as PIL's (IEEE ASSP 29, 1981)."""
    n = tf.cast(size, tf.float32)
    base = tf.floor(x - 0.5)
    t = (x - 0.5) - base
    weights = (
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    pixels, cover = [], None
    for number, weight in enumerate(weights):
        centre = base + (number - 0.5)
        if fill_mode == "constant":
            weight = weight * tf.cast((centre > 0.0) & (centre < n), tf.float32)
            cover = weight if cover is None else cover + weight
        elif fill_mode == "wrap":
            centre -= n * tf.floor(centre / n)
        else:
            centre = warps.folded(centre, size, fill_mode)
        pixels.append((warps.pixel_nearest(centre, size), weight))
    return Taps(pixels, cover)


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
    fill = tf.constant(warps.of_dtype(values.dtype, fill_value), values.dtype)
    return tf.where(finite[..., tf.newaxis], values, fill)


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
    fill = tf.constant(warps.of_dtype(values.dtype, fill_value), values.dtype)
    cover = cover[..., tf.newaxis]
    if copied:
        return tf.where(cover > 0.0, values, fill)
    return values + (1.0 - tf.cast(cover, values.dtype)) * fill
