"""Fields: displacements that are smooth, each image's own, from a coarse grid.

A field is a cubic B-spline surface over a frame, of n x n control points for either
axis. B-splines of order 4 are positive and add up to 1, so that no displacement is
greater than the greatest control point, and the slope is at most that between two
neighbours (de Boor, "A practical guide to splines", 1978, chapters IX and X).

Where the pixels of a frame read by rows and columns, as the first step that is run
does, its value is two small matrix products: (H, n) (n, n) (n, W). Elsewhere, as behind
a rotation, it would have to be looked up pixel by pixel. There the field and all that
follows it are measured at a few places, and become one field that is read first.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.program import Program, Step, register
from keras_aug_layers.kernels.rounding import to_int

BEND, UNBEND = "bend", "unbend"

ROUNDS = 40
"""Iterations of the inverse: the error shrinks by the greatest slope at each."""

MORE = 4
"""Control points along an axis that a field has more, where it is measured anew."""

Point = tuple[tf.Tensor, tf.Tensor]


def basis(x: tf.Tensor, half: tf.Tensor, count: int) -> tf.Tensor:
    """The weights of the control points of one axis, (…, count), at places x.

    Args:
        x: places, from -half to half; beyond, the field is that of the end.
        half: half of the frame's length, in pixels.
        count: how many control points there are: three more than intervals.
    """
    safe = tf.maximum(half, 0.5)
    x = tf.where(tf.math.is_nan(x), tf.zeros_like(x), x)
    place = (tf.clip_by_value(x / safe, -1.0, 1.0) + 1.0) * ((count - 3) / 2.0)
    knots = tf.range(count, dtype=x.dtype) - 1.0
    way = tf.abs(place[..., tf.newaxis] - knots)
    far = tf.maximum(2.0 - way, 0.0)
    near = tf.maximum(1.0 - way, 0.0)
    return (far**3 - 4.0 * near**3) / 6.0


def _displacement(
    x: tf.Tensor, y: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor, half: tf.Tensor
) -> Point:
    count = dx.shape[-1]
    half_x, half_y = half[:, 0], half[:, 1]
    across, down = basis(x, half_x, count), basis(y, half_y, count)
    if x.shape[-2] == 1 and y.shape[-1] == 1 and x.shape[0] == y.shape[0] == 1:
        rows, columns = across[:, 0], down[:, :, 0]  # (1, W, n), (1, H, n)
        lines = (tf.matmul(columns, d) for d in (dx, dy))  # (B, H, n)
        if on_gpu():  # where a product of matrices is a kernel, and this is in the next
            return tuple(_along(each, x, half_x) for each in lines)
        return tuple(tf.matmul(each, rows, transpose_b=True) for each in lines)
    flat = tf.reshape(across, (across.shape[0] or tf.shape(across)[0], -1, count))
    found = []
    for d in (dx, dy):
        along = tf.matmul(flat, d, transpose_b=True)
        shape = tf.concat([tf.shape(along)[:1], tf.shape(across)[1:]], axis=0)
        found.append(tf.reduce_sum(down * tf.reshape(along, shape), axis=-1))
    return tuple(found)


def _along(lines: tf.Tensor, x: tf.Tensor, half: tf.Tensor) -> tf.Tensor:
    """Splines of control points (B, H, n) at places (1, 1, W): (B, H, W).

    The same as a product with `basis`, of the four that are not 0.
    """
    count = lines.shape[-1]
    place = (x / tf.maximum(half, 0.5) + 1.0) * ((count - 3) / 2.0)
    first = to_int(place - 0.5, 0, count - 4)
    way = tf.clip_by_value(place - tf.cast(first, x.dtype), 0.0, 1.0)
    back = 1.0 - way
    weights = (
        back**3 / 6.0,
        (4.0 + way**2 * (3.0 * way - 6.0)) / 6.0,
        (4.0 + back**2 * (3.0 * back - 6.0)) / 6.0,
        way**3 / 6.0,
    )
    batch, height, _ = tf.unstack(tf.shape(lines))
    line = tf.reshape(tf.range(batch * height) * count, (batch, height, 1))
    flat, places = tf.reshape(lines, (-1,)), line + first
    length = batch * height * count - 3
    return sum(
        weight * tf.gather(flat[i : i + length], places)
        for i, weight in enumerate(weights)
    )


def _bend(
    x: tf.Tensor, y: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor, half: tf.Tensor
) -> Point:
    move_x, move_y = _displacement(x, y, dx, dy, half)
    return x + move_x, y + move_y


def _unbend(
    x: tf.Tensor, y: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor, half: tf.Tensor
) -> Point:
    """The place that is bent to (x, y), as the fixed point of q = p - D(q)."""
    at_x, at_y = x + 0.0 * y, y + 0.0 * x
    for _ in range(ROUNDS):
        move_x, move_y = _displacement(at_x, at_y, dx, dy, half)
        at_x, at_y = x - move_x, y - move_y
    return at_x, at_y


_NEUTRAL = {"dx": 0.0, "dy": 0.0}
bend = register(
    BEND,
    "coordinates",
    _bend,
    neutral=_NEUTRAL,
    inverse=lambda step: Step(UNBEND, step.rows),
)
"""Moves places by the field of `dx` and `dy` (B, n, n), over a frame whose `half` (B,
2) are width and height less 1, by 2."""
unbend = register(
    UNBEND,
    "coordinates",
    _unbend,
    neutral=_NEUTRAL,
    inverse=lambda step: Step(BEND, step.rows),
)


def in_front(program: Program, target: tuple[Any, Any], run: Any) -> Program:
    """The same program, with its field as the last step, where it is cheap to read.

    Args:
        program: steps of coordinates.
        target: height and width of what comes out.
        run: applies a step to x and y.
    """
    names = [step.name for step in program]
    if BEND not in names[:-1] and UNBEND not in names:
        return program
    first = min(names.index(name) for name in (BEND, UNBEND) if name in names)
    steps = program[first:]
    products = [step.rows["matrix"] for step in steps if "matrix" in step.rows]
    matrix = functools.reduce(matrices.compose, products, matrices.identity())
    kind = "homography" if "homography" in names[first:] else "affine"
    height, width = (tf.cast(size, tf.float64) for size in target)
    half = tf.stack([(width - 1.0) / 2.0, (height - 1.0) / 2.0])

    count = max(x.rows["dx"].shape[-1] for x in steps if x.name in (BEND, UNBEND))
    # The inverse of a spline is none, and takes more of them.
    count = MORE + (2 * count if UNBEND in names else count)
    place = np.linspace(-1.0, 1.0, count + MORE)
    # In float32, as images are read.
    x, y = (tf.cast(place * half[axis], tf.float32) for axis in (0, 1))
    start_x, start_y = x[tf.newaxis, tf.newaxis], y[tf.newaxis, :, tf.newaxis]
    # Two axes that are not rows and columns: looked up point by point.
    at = start_x + 0.0 * start_y, start_y + 0.0 * start_x
    for step in reversed(steps):
        at = run(step, *at)
    back = Step(kind, {"matrix": matrices.inverse(matrix)})
    at_x, at_y = run(back, *at)
    fit = tf.constant(_fit(count, len(place)), tf.float32)
    grids = [
        tf.matmul(tf.matmul(fit, d), fit, transpose_b=True)
        for d in (at_x - start_x, at_y - start_y)
    ]
    field = bend(dx=grids[0], dy=grids[1], half=half[tf.newaxis])
    moved = (Step(kind, {"matrix": matrix}),) if products else ()
    return (*program[:first], *moved, field)


def _fit(count: int, places: int) -> np.ndarray:
    """From values at evenly spaced places to control points, by least squares."""
    place = np.linspace(0.0, count - 3.0, places)[:, np.newaxis]
    way = np.abs(place - np.arange(count) + 1.0)
    far, near = np.maximum(2.0 - way, 0.0), np.maximum(1.0 - way, 0.0)
    return np.linalg.pinv((far**3 - 4.0 * near**3) / 6.0)
