"""Fields: displacements that are smooth, each image's own, from a coarse grid.

A field is a cubic B-spline surface over a frame, of n x n control points for either
axis. B-splines of order 4 are positive and add up to 1, so that no displacement is
greater than the greatest control point, and the slope is at most that between two
neighbours (de Boor, "A practical guide to splines", 1978, chapters IX and X).

Where the pixels of a frame read it by rows and columns, as the first step that is run
does, and as behind crops, flips and zooms, its value is two small matrix products:
(H, n) (n, n) (n, W). Elsewhere, as behind a rotation, it would have to be looked up
pixel by pixel. There it is measured at a few places, as a field behind these steps,
which is read first.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.device import on_gpu
from keras_aug_layers.kernels.products import product
from keras_aug_layers.kernels.program import (
    Program,
    Step,
    function_of,
    inverse,
    register,
)
from keras_aug_layers.kernels.rounding import to_int

BEND, UNBEND = "bend", "unbend"

ROUNDS = 12
"""Steps of the inverse: from the fourth on each doubles the digits that are right."""
_APART = 1e-3
"""How far apart slopes are measured, as a part of a frame's half."""
_FAR = 0.1
"""How far a step goes at most, likewise."""
_STEEP = 0.05
"""The least area that becomes of 1, for a step of Newton's method."""

MORE = 8
"""Control points along an axis that a field has more, where it is measured anew."""

SEEN = 33
"""Places along an axis at which it is asked whether a field is seen there."""

Point = tuple[tf.Tensor, ...]
"""x and y."""
Run = Callable[..., Point]
"""Applies a step to x and y."""


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
    if _by_axes(x, y):
        rows, columns = across[:, 0], down[:, :, 0]  # (1, W, n), (1, H, n), or of each
        if on_gpu():
            # A product of matrices is a kernel, and this is in the next. In TF32 it is
            # off by 1 / 2000 of the distance; an exact one costs another pass.
            lines = (tf.matmul(columns, d) for d in (dx, dy))
            return tuple(_along(each, x, half_x) for each in lines)
        lines = (product(columns, d) for d in (dx, dy))  # (B, H, n)
        return tuple(product(each, rows, transpose_b=True) for each in lines)
    flat = tf.reshape(across, (across.shape[0] or tf.shape(across)[0], -1, count))
    found = []
    for d in (dx, dy):
        along = product(flat, d, transpose_b=True)
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
    """The place that is bent to (x, y), by Newton's method.

    Where the slope is so steep that a step would lead astray, the step is that of the
    fixed point of q = p - D(q), which is found slowly, or not at all beyond a slope of
    1.
    """
    at_x, at_y = x + 0.0 * y, y + 0.0 * x
    wide = tf.maximum(tf.reduce_max(half, axis=1), 0.5)
    by, far = _APART * wide, _FAR * wide
    for _ in range(ROUNDS):
        move_x, move_y = _displacement(at_x, at_y, dx, dy, half)
        right = _displacement(at_x + by, at_y, dx, dy, half)
        down = _displacement(at_x, at_y + by, dx, dy, half)
        rest_x, rest_y = at_x + move_x - x, at_y + move_y - y
        xx, yx = 1.0 + (right[0] - move_x) / by, (right[1] - move_y) / by
        xy, yy = (down[0] - move_x) / by, 1.0 + (down[1] - move_y) / by
        area = xx * yy - xy * yx
        steep = area < _STEEP
        area = tf.where(steep, tf.ones_like(area), area)
        step_x = tf.where(steep, rest_x, (yy * rest_x - xy * rest_y) / area)
        step_y = tf.where(steep, rest_y, (xx * rest_y - yx * rest_x) / area)
        at_x -= tf.clip_by_value(step_x, -far, far)
        at_y -= tf.clip_by_value(step_y, -far, far)
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


def in_front(program: Program, target: tuple[Any, Any], run: Run) -> Program:
    """The same program, with its field as the last step, unless it is cheap as it is.

    Args:
        program: steps of coordinates.
        target: height and width of what comes out: numbers, or (B,).
        run: applies a step to x and y.
    """
    bent = [place for place, step in enumerate(program) if step.name in (BEND, UNBEND)]
    if not bent:
        return program
    steps = program[bent[0] :]
    inverted = any(step.name == UNBEND for step in steps)
    if not inverted and len(bent) == 1 and _asks_by_axes(steps[1:], run):
        return program
    half = tf.stack([_half(size) for size in reversed(target)], axis=1)  # (B, 2)
    middle, behind = tf.zeros_like(half), _undone(steps)
    if behind is not None and all("matrix" in step.rows for step in steps[1:]):
        middle, half = _seen(steps, middle, half, run)
    count = max(steps[i - bent[0]].rows["dx"].shape[-1] for i in bent)
    # The inverse of a spline is none, and takes more of them.
    count = MORE + (2 * count if inverted else count)
    places = _places(middle, half, count + MORE)
    at = _through(steps, places, run)
    others = steps[1:]
    if behind is None:  # what can be undone of it are the matrices
        others = _matrix(steps)
        behind = inverse(others)
    at = _through(behind, at, run)
    fit = tf.constant(_fit(count, count + MORE), tf.float32)
    dx, dy = (
        product(product(fit, now - start), fit, transpose_b=True)
        for now, start in zip(at, places, strict=True)
    )
    x, y = tf.unstack(tf.cast(middle, tf.float64), axis=1)
    field = bend(dx=dx, dy=dy, half=half)
    to_field = Step(matrices.UPRIGHT, {"matrix": matrices.shift(x, y)})
    back = Step(matrices.UPRIGHT, {"matrix": matrices.shift(-x, -y)})
    return (*program[: bent[0]], *others, back, field, to_field)


def _by_axes(x: tf.Tensor, y: tf.Tensor) -> bool:
    """Whether x depends on the columns of a frame alone, and y on the rows."""
    return x.shape[-2] == 1 and y.shape[-1] == 1


def _asks_by_axes(program: Program, run: Run) -> bool:
    """Whether steps ask what is before them by rows and columns, if they are so."""
    x, y = _through(program, (tf.zeros((1, 1, 2)), tf.zeros((1, 2, 1))), run)
    return _by_axes(x, y)


def _through(program: Program, places: Point, run: Run) -> Point:
    """Where a program reads that is read at some places."""
    for step in reversed(program):
        places = run(step, *places)[:2]
    return places


def _undone(steps: Program) -> Program | None:
    """What undoes the steps behind the first one; None where one cannot be undone.

    Of several fields the inverse is no cheaper than all of it.
    """
    behind = steps[1:]
    bent = any(step.name in (BEND, UNBEND) for step in behind)
    if bent or any(function_of(step).inverse is None for step in behind):
        return None
    return inverse(behind)


def _matrix(steps: Program) -> Program:
    """The product of the matrices among steps, as one."""
    products = [step.rows["matrix"] for step in steps if "matrix" in step.rows]
    matrix = functools.reduce(matrices.compose, products, matrices.identity())
    straight = all(step.name != matrices.HOMOGRAPHY for step in steps)
    kind = matrices.AFFINE if straight else matrices.HOMOGRAPHY
    return (Step(kind, {"matrix": matrix}),)


def _places(middle: tf.Tensor, half: tf.Tensor, count: int) -> Point:
    """Evenly spaced places of a part of a frame: x and y, float32 (B, count, count)."""
    # Looked up point by point: they are two axes, but no rows and columns.
    along = tf.linspace(-1.0, 1.0, count)
    # Split, not sliced: TensorFlow's optimizer takes a slice of a stack for its part.
    ends = (tf.unstack(tf.cast(end, tf.float32), axis=1) for end in (middle, half))
    x, y = (
        start[:, tf.newaxis] + wide[:, tf.newaxis] * along
        for start, wide in zip(*ends, strict=True)
    )
    start_x, start_y = x[:, tf.newaxis], y[:, :, tf.newaxis]
    return start_x + 0.0 * start_y, start_y + 0.0 * start_x


def _seen(
    steps: Program, middle: tf.Tensor, half: tf.Tensor, run: Run
) -> tuple[tf.Tensor, tf.Tensor]:
    """The middle and the half of the part of a frame that reads within the field.

    What is beyond reads what is at its edge. The part is small where a zoom shows much
    that lies around the image.
    """
    x, y = _through(steps[1:], _places(middle, half, SEEN), run)
    frame = tf.cast(steps[0].rows["half"], tf.float32)
    there = (tf.abs(x) <= frame[:, :1, tf.newaxis]) & (
        tf.abs(y) <= frame[:, 1:, tf.newaxis]
    )
    sides = []
    for axis in (1, 2):
        along = tf.cast(tf.reduce_any(there, axis=axis), tf.int32)
        first = tf.argmax(along, axis=1, output_type=tf.int32) - 1
        last = SEEN - tf.argmax(along[:, ::-1], axis=1, output_type=tf.int32)
        ends = tf.clip_by_value(tf.stack([first, last]), 0, SEEN - 1)
        ends = tf.where(tf.reduce_any(along > 0, axis=1), ends, [[0], [SEEN - 1]])
        low, high = tf.unstack(2.0 * tf.cast(ends, tf.float64) / (SEEN - 1) - 1.0)
        sides.append(((low + high) / 2.0, (high - low) / 2.0))
    (x, wide), (y, high) = sides
    return half * tf.stack([x, y], axis=1), half * tf.stack([wide, high], axis=1)


def _half(size: Any) -> tf.Tensor:
    """Half of what lies between the first pixel and the last: float64 (B,)."""
    return (tf.reshape(tf.cast(size, tf.float64), (-1,)) - 1.0) / 2.0


def _fit(count: int, places: int) -> np.ndarray:
    """From values at evenly spaced places to control points, by least squares."""
    place = np.linspace(0.0, count - 3.0, places)[:, np.newaxis]
    way = np.abs(place - np.arange(count) + 1.0)
    far, near = np.maximum(2.0 - way, 0.0), np.maximum(1.0 - way, 0.0)
    return np.linalg.pinv((far**3 - 4.0 * near**3) / 6.0)
