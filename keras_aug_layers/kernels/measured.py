"""What steps measure of the images, before it is known what they do.

What is measured (a mean) is measured on the images as they came in, carried through the
steps before the one that asks; rotation and fill are ignored.
"""

import functools
import math
import operator
from collections.abc import Callable

import tensorflow as tf

from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.program import Program, Step, function_of, then
from keras_aug_layers.kernels.warp import compute_dtype, dimension

STRIPS = 8
"""Into how many an image is cut, at most."""


def measured(
    program: Program,
    images: tf.Tensor,
    after: Callable[[Program], tf.Tensor],
) -> Program:
    """The program as it is computed, with what is measured put in its place.

    Args:
        program: the steps of pixels.
        images: (B, H, W, C), as they came in.
        after: what steps make of these pixels.
    """
    dtype = compute_dtype(images.dtype)
    mean = functools.cache(lambda: mean_color(images, dtype))
    known = _known(program, dtype, mean, lambda steps: mean_color(after(steps), dtype))
    assert known is not None  # for every mean can be measured
    return known


def with_mean(program: Program, mean: tf.Tensor) -> Program | None:
    """The program with what is measured put in its place, of a mean that is known.

    Args:
        program: steps of pixels.
        mean: the mean colour (B, C) of the images that come in.

    Returns:
        None where more than the mean has to be known.
    """
    return _known(program, mean.dtype, lambda: mean, lambda steps: None)


def _known(
    program: Program,
    dtype: tf.DType,
    mean: Callable[[], tf.Tensor],
    mean_after: Callable[[Program], tf.Tensor | None],
) -> Program | None:
    """The program with what is measured put in its place.

    Args:
        program: the steps of pixels.
        dtype: in which it is computed.
        mean: the mean colour of the images that come in, asked where it is needed.
        mean_after: that of what steps make of them, where it does not follow from the
            mean; None where that cannot be known.
    """
    known: Program = ()
    for step in program:
        rows = {key: tf.cast(row, dtype) for key, row in step.rows.items()}
        step = Step(step.name, rows, step.only)
        if function_of(step).kind == "measured":
            if all(before.name in ("scale", "mix") for before in known):
                statistic = mean()
                for before in known:
                    statistic = _of_color(before, statistic)
            else:
                statistic = mean_after(known)
            if statistic is None:
                return None
            now = function_of(step).call(statistic, **rows)
            step = Step(now.name, now.rows, step.only)
        known = then(known, step)
    return known


def _of_color(step: Step, color: tf.Tensor) -> tf.Tensor:
    """What an affine step makes of one colour (B, C) of each image."""
    a = step.rows.get("gain", step.rows.get("matrix"))
    result = affine_product(a, color, vector=True) + step.rows["bias"]
    return result if step.only is None else tf.where(step.only[:, None], result, color)


def affine_product(a: tf.Tensor, b: tf.Tensor, vector: bool = False) -> tf.Tensor:
    """The product of two maps, or of a map and a `vector`: rows or matrices."""
    if a.shape.rank == 2:
        return a * b if b.shape.rank == 2 else a[:, :, tf.newaxis] * b
    if vector:
        return tf.reduce_sum(a * b[:, tf.newaxis, :], axis=2)
    if b.shape.rank == 2:
        return a * b[:, tf.newaxis, :]
    return tf.reduce_sum(a[:, :, :, tf.newaxis] * b[:, tf.newaxis, :, :], axis=2)


def mean_color(images: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The mean colour (B, C) of images (B, H, W, C)."""
    height, width = dimension(images, 1), dimension(images, 2)
    total = in_strips(images, dtype)
    return tf.reduce_sum(total, axis=(1, 2)) / tf.cast(height * width, dtype)


def in_strips(
    images: tf.Tensor,
    dtype: tf.DType | None = None,
    join: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = operator.add,
) -> tf.Tensor:
    """Strips of images (B, H, …) joined pixel by pixel, to be reduced further.

    Without that, XLA copies the images to `dtype` and takes one pixel at a time on a
    CPU.
    """
    height = dimension(images, 1)
    known = isinstance(height, int) and height > 0 and not on_gpu()
    strips = tf.split(images, math.gcd(height, STRIPS) if known else 1, axis=1)
    return functools.reduce(join, [tf.cast(x, dtype or x.dtype) for x in strips])
