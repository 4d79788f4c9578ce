"""What steps measure of the images, before it is known what they do.

What is measured (a mean) is measured on the images as they came in, in the window that
the crops before leave of them, and carried through the steps before the one that asks;
rotation and fill are ignored. Behind a stage it is measured on what that has made.
"""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.program import (
    Program,
    Step,
    function_of,
    register,
    then,
)
from keras_aug_layers.kernels.warp import compute_dtype, dimension

STRIPS = 8
"""Into how many an image is cut, at most."""

WINDOW = "window"
"""The row of a step that says in which part of the source it measures."""


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
    known = with_mean(
        program,
        dtype,
        lambda window: mean_color(images, dtype, window),
        lambda steps, window: mean_color(after(steps), dtype, window),
    )
    assert known is not None  # for every mean can be measured
    return known


def with_mean(
    program: Program,
    dtype: tf.DType,
    mean: Callable[[tf.Tensor | None], tf.Tensor],
    mean_after: Callable[[Program, tf.Tensor | None], tf.Tensor | None],
) -> Program | None:
    """The program with what is measured put in its place, by whoever can measure.

    Args:
        program: the steps of pixels.
        dtype: in which it is computed.
        mean: the mean colour (B, C) of the images that come in, in a window as
            `in_window` makes it.
        mean_after: that of what steps make of them, where it does not follow from the
            mean; None where that cannot be known.

    Returns:
        None where more than the means has to be known.
    """
    known: Program = ()
    whole = functools.cache(lambda: mean(None))
    for step in program:
        rows = {key: tf.cast(row, dtype) for key, row in step.rows.items()}
        step = Step(step.name, rows, step.only)
        if function_of(step).kind == "measured":
            window = rows.pop(WINDOW, None)
            if all(before.name in ("scale", "mix") for before in known):
                statistic: Any = whole() if window is None else mean(window)
                for before in known:
                    statistic = _of_color(before, statistic)
            else:
                statistic = mean_after(known, window)
            if statistic is None:
                return None
            now = function_of(step).call(statistic, **rows)
            now = now.map(lambda row: tf.cast(row, dtype))  # of a register's own maker
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


def in_window(step: Step, crop: tf.Tensor, size: tuple[int, int] | None) -> Step:
    """A step that measures, behind a crop.

    Its row "window" (B, 4) says in which part of the source: x and y of its middle,
    from the middle of the source, and the halves of its width and height, in pixels.

    Args:
        step: a step whose function is measured.
        crop: the centred matrix (B, 3, 3) of the crops.
        size: height and width of what they show, where that is another size.
    """
    window = step.rows.get(WINDOW)
    if window is None:
        if size is None:
            return step
        height, width = size
        window = tf.constant([[0.0, 0.0, width / 2.0, height / 2.0]], tf.float64)
    crop = tf.where(matrices.is_none(crop), tf.eye(3, dtype=crop.dtype), crop)
    scale = tf.stack([crop[:, 0, 0], crop[:, 1, 1]], axis=1)
    middle = window[:, :2] * scale + crop[:, :2, 2]
    half = window[:, 2:] * tf.abs(scale)  # which is negative of what is mirrored
    rows = {**step.rows, WINDOW: tf.concat([middle, half], axis=1)}
    return Step(step.name, rows, step.only, step.beside)


in_between = register(
    "in_between",
    "stage",
    lambda images, one: images,
    neutral={},
    inverse=lambda step: step,
    placed=False,
)
"""Begins a pass: what is behind it reads what the steps before it have made."""


OF_THE_FRAME = ("placed", "whole")
"""The kinds that are about the frame, as no single pixel is."""


def measuring(before: Program, step: Step) -> Program:
    """A step behind others, if need be with what it needs to measure there.

    A stage has made images of the size that comes out, of which the window of a crop
    is all. And where a region is erased, or what all of an image is, is known in these
    only.
    """
    kinds = [function_of(x).kind for x in before]
    if WINDOW not in step.rows or not {"stage", *OF_THE_FRAME} & {*kinds}:
        return (step,)
    rows = {key: row for key, row in step.rows.items() if key != WINDOW}
    whole = Step(step.name, rows, step.only, step.beside)
    return (whole,) if "stage" in kinds else (in_between(one=1.0), whole)


def measured_behind_a_stage(steps: Program) -> bool:
    """Whether a mean is that of what a stage made, and so of the image as it lies."""
    kinds = [function_of(step).kind for step in steps]
    return "stage" in kinds and "measured" in kinds[kinds.index("stage") :]


def covered(number: tf.Tensor, size: Any, middle: Any, half: Any) -> tf.Tensor:
    """The part of each pixel of a row or column that lies in a window.

    Args:
        number: the pixels' numbers, floating.
        size: how many there are.
        middle: of the window, from theirs.
        half: of its length.
    """
    middle += tf.cast(size, number.dtype) / 2.0
    low, high = middle - half, middle + half
    part = tf.minimum(number + 1.0, high) - tf.maximum(number, low)
    return tf.clip_by_value(part, 0.0, 1.0)


def mean_color(
    images: tf.Tensor, dtype: tf.DType, window: tf.Tensor | None = None
) -> tf.Tensor:
    """The mean colour (B, C) of images (B, H, W, C), or of what a window shows."""
    height, width = dimension(images, 1), dimension(images, 2)
    if window is None:
        total = in_strips(images, dtype)
        return _mean(total, tf.cast(height, dtype), tf.cast(width, dtype))
    x, y, half_width, half_height = tf.split(window, 4, axis=1)
    rows = covered(tf.range(height, dtype=dtype), height, y, half_height)
    columns = covered(tf.range(width, dtype=dtype), width, x, half_width)
    total = in_strips(images, dtype, rows=rows) * columns[:, tf.newaxis, :, tf.newaxis]
    sums = [tf.reduce_sum(x, axis=1, keepdims=True) for x in (rows, columns)]
    return _mean(total, *sums)


def _mean(values: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """The sums (B, C) of values (B, H, W, C), divided by a height and a width.

    Rows have their means first: a sum of millions of pixels, one by one, stands still
    in float32, and of two sums behind each other XLA makes one.
    """
    rows = tf.reduce_sum(values, axis=2)
    if width.shape.rank:
        width = width[..., tf.newaxis]
    rows = tf.math.divide_no_nan(rows, width)
    return tf.math.divide_no_nan(tf.reduce_sum(rows, axis=1), height)


def in_strips(
    images: tf.Tensor,
    dtype: tf.DType | None = None,
    join: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = operator.add,
    rows: tf.Tensor | None = None,
) -> tf.Tensor:
    """Strips of images (B, H, …) joined pixel by pixel, to be reduced further.

    Without that, XLA copies the images to `dtype` and takes one pixel at a time on a
    CPU.

    Args:
        images: the images.
        dtype: to which pixels are cast before.
        join: of two strips.
        rows: by what the rows of pixels are multiplied before, (B, H) or (1, H).
    """
    height = dimension(images, 1)
    known = isinstance(height, int) and height > 0 and not on_gpu()
    count = math.gcd(height, STRIPS) if known else 1
    strips = [tf.cast(x, dtype or x.dtype) for x in tf.split(images, count, axis=1)]
    if rows is not None:
        weights = tf.split(rows[:, :, tf.newaxis, tf.newaxis], count, axis=1)
        strips = [a * b for a, b in zip(strips, weights, strict=True)]
    return functools.reduce(join, strips)
