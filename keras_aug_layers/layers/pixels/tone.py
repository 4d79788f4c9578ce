"""Changes of brightness, contrast and saturation, and curves, of stored pixels.

As stages, of which policies and the jitter choose one for each image: few functions
with many rows are compiled sooner than many functions.
"""

import math
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.measured import in_strips
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.pixels.saturation import GREY
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame


def tone(
    frame: Frame,
    gain: Any = 1.0,
    grey: Any = 0.0,
    centre: Any = 0.0,
    bias: Any = 0.0,
    of_grey: float = 0.0,
    cut: float = 0.0,
) -> Step:
    """Makes gain x + grey g + centre m + bias of each value x, clipped.

    Args:
        frame: the images.
        gain: a number, or (B,), as are the next three.
        grey: of g, the pixel's grey.
        centre: of m, the mean of the channel, or that of the grey image.
        bias: what is added.
        of_grey: 1 if m is the mean of the grey image, 0 if it is the channel's.
        cut: 1 if integers are cut off, as in torchvision, the grey image too; 0 to
            round them.
    """
    low, high = frame.limits
    return _tone(
        of_grey=of_grey,
        cut=cut,
        low=low,
        high=high,
        gain=gain,
        grey=grey,
        centre=centre,
        bias=bias,
    )


def changed_planes(planes: list[tf.Tensor], **rows: tf.Tensor) -> list[tf.Tensor]:
    """What `tone` makes of stored channels (B, H, W), given its rows."""
    gain, grey, centre, bias, of_grey, cut, low, high = (
        tf.reshape(rows[key], (-1, 1, 1))
        for key in ("gain", "grey", "centre", "bias", "of_grey", "cut", "low", "high")
    )
    dtype = planes[0].dtype
    planes = [compute(x) for x in planes]
    whole = (cut > 0.0) & dtype.is_integer
    if len(planes) == 3:
        shade = sum(weight * x for weight, x in zip(GREY, planes, strict=True))
        shade = tf.where(whole, tf.floor(shade + HAIR), shade)
    else:
        shade = sum(planes) / len(planes)
    of_shade = mean_of(shade)
    changed = []
    for x in planes:
        mean = tf.where(of_grey > 0.0, of_shade, mean_of(x))
        x = tf.clip_by_value(gain * x + grey * shade + centre * mean + bias, low, high)
        changed.append(finish(tf.where(whole, tf.floor(x + HAIR), x), dtype))
    return changed


def _change(images: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
    return tf.stack(changed_planes(tf.unstack(images, axis=-1), **rows), axis=-1)


def mean_of(plane: tf.Tensor) -> tf.Tensor:
    """Of (B, H, W): strips first, then rows, whose sums float32 can hold."""
    height, width = (tf.cast(dimension(plane, i), plane.dtype) for i in (1, 2))
    # Divided between, for XLA makes one of two sums.
    rows = tf.reduce_sum(in_strips(plane), axis=2, keepdims=True) / width
    return tf.reduce_sum(rows, axis=1, keepdims=True) / height


_tone = register("tone", "stage", _change, placed=False)


def curve(
    below: Any = -math.inf,
    added: Any = 0.0,
    high: Any = math.inf,
    threshold: Any = math.inf,
    total: Any = 0.0,
    low: Any = 0.0,
    step: Any = 0.0,
    most: Any = 0.0,
) -> Step:
    """Adds to what is `below`, turns what reaches a threshold, and rounds to levels.

    Args:
        below: under which `added` is added, to at most `high`.
        added: see above.
        high: see above.
        threshold: from which on x becomes `total` - x.
        total: see above.
        low: the first of `most` + 1 levels that are a `step` apart, to which values are
            rounded down; a step of 0 for no levels.
        step: see above.
        most: see above.
    """
    return _curve(
        total=total,
        low=low,
        step=step,
        most=most,
        below=below,
        added=added,
        high=high,
        threshold=threshold,
    )


def _bend(
    images: tf.Tensor,
    below: tf.Tensor,
    added: tf.Tensor,
    high: tf.Tensor,
    threshold: tf.Tensor,
    total: tf.Tensor,
    low: tf.Tensor,
    step: tf.Tensor,
    most: tf.Tensor,
) -> tf.Tensor:
    below, added, high, threshold, total, low, step, most = (
        tf.reshape(x, (-1, 1, 1, 1))
        for x in (below, added, high, threshold, total, low, step, most)
    )
    x = compute(images)
    x = tf.where(x < below, tf.minimum(x + added, high), x)
    x = tf.where(x >= threshold, total - x, x)
    wide = tf.where(step > 0.0, step, tf.ones_like(step))
    level = low + step * tf.minimum(tf.floor((x - low) / wide), most)
    return finish(tf.where(step > 0.0, level, x), images.dtype)


_curve = register("curve", "stage", _bend, placed=False)
