"""Pixel programs: what becomes of the pixels that were read.

A program runs in the forms of one idea: *the pixels whose channels are turned by t*, a
closure that gives, in the place of channel c, what becomes of channel c + t. A function
that mixes channels asks for several turns of what comes before it, each function sees
itself first, and XLA makes one loop of the whole.

What is *measured* (a mean) is measured on the images as they came in, carried through
the steps before the one that asks; rotation and fill are ignored.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels import stages
from keras_aug_layers.kernels.condition import choose
from keras_aug_layers.kernels.program import (
    Program,
    Step,
    function_of,
    register,
    then,
)
from keras_aug_layers.kernels.shrinking import Move
from keras_aug_layers.kernels.warp import compute_dtype, dimension, in_xla_context

Pixels = Callable[[int], tf.Tensor]
"""From a turn to the pixels (B, H, W, C) with their channels turned by so much."""

_NOTHING: Program = ()

Store = Callable[[tf.Tensor], tf.Tensor]
"""Clips and rounds values as if they were stored."""


def _scale(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return x * gain + bias


def _mix(
    channels: tuple[tf.Tensor, ...], matrix: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """The product of each pixel with its image's matrix.

    For a matrix product, XLA would keep the moved pixels in memory: there it is the sum
    over the matrix's diagonals, of which each meets one turn. Elsewhere nothing is
    turned yet (see `_once`), and a product takes a tenth of the sum's time.
    """
    if in_xla_context():
        eye = tf.eye(len(channels), dtype=matrix.dtype)
        mixed = 0.0
        for turn, pixels in enumerate(channels):
            diagonal = tf.reduce_sum(matrix * tf.roll(eye, turn, axis=1), axis=-1)
            mixed += diagonal * pixels
        return mixed + bias
    pixels = channels[0]
    if tf.config.list_physical_devices("GPU"):  # which would round a product to TF32
        columns = tf.unstack(matrix, axis=-1)
        return sum(pixels[..., i : i + 1] * x for i, x in enumerate(columns)) + bias
    shape = tf.shape(pixels)
    flat = tf.reshape(pixels, (shape[0], -1, len(channels)))
    product = tf.linalg.matmul(flat, matrix[:, 0, 0], transpose_b=True)
    return tf.reshape(product, shape) + bias


def _affine_product(first: Step, after: Step) -> Step | None:
    """Of affine maps: gains multiply, and the first bias goes through the second."""
    if not {first.name, after.name} <= {"scale", "mix"}:
        return None
    a, b = (step.rows.get("gain", step.rows.get("matrix")) for step in (after, first))
    bias = _product(a, first.rows["bias"], vector=True) + after.rows["bias"]
    product = _product(a, b)
    if product.shape.rank == 2:
        return Step("scale", {"gain": product, "bias": bias})
    return Step("mix", {"matrix": product, "bias": bias})


def _affine_inverse(step: Step) -> Step:
    """Undoes an affine map as far as it can be undone.

    A gain of 0 and a matrix of less than full rank lose colours: there it is the
    pseudo-inverse.
    """
    if step.name == "scale":
        gain = tf.math.reciprocal_no_nan(step.rows["gain"])
        return Step("scale", {"gain": gain, "bias": -gain * step.rows["bias"]})
    matrix = tf.linalg.pinv(step.rows["matrix"])
    bias = -step.rows["bias"]
    if bias.shape[-1] == 1:
        bias = tf.repeat(bias, tf.shape(matrix)[-1], axis=-1)
    return Step("mix", {"matrix": matrix, "bias": _product(matrix, bias, vector=True)})


scale = register(
    "scale",
    "pointwise",
    _scale,
    neutral={"gain": 1.0, "bias": 0.0},
    product=_affine_product,
    inverse=_affine_inverse,
)
mix = register(
    "mix",
    "mixing",
    _mix,
    neutral={
        "matrix": lambda row: tf.eye(tf.shape(row)[-1], dtype=row.dtype),
        "bias": 0.0,
    },
    product=_affine_product,
    inverse=_affine_inverse,
)


def _product(a: tf.Tensor, b: tf.Tensor, vector: bool = False) -> tf.Tensor:
    """The product of two maps, or of a map and a `vector`: rows or matrices."""
    if a.shape.rank == 2:
        return a * b if b.shape.rank == 2 else a[:, :, tf.newaxis] * b
    if vector:
        return tf.reduce_sum(a * b[:, tf.newaxis, :], axis=2)
    if b.shape.rank == 2:
        return a * b[:, tf.newaxis, :]
    return tf.reduce_sum(a[:, :, :, tf.newaxis] * b[:, tf.newaxis, :, :], axis=2)


def run(
    program: Program,
    images: tf.Tensor,
    move: Callable[[tf.Tensor], tf.Tensor],
    value_range: Range | None,
    dtype: tf.DType | None = None,
    warp: Callable[..., tf.Tensor] | None = None,
) -> tf.Tensor:
    """Moves images, and applies a program to what was read.

    Args:
        program: the steps of pixels.
        images: (B, H, W, C), as they came in.
        move: resamples images, each channel by itself.
        value_range: to which the result is clipped; None for the range of an integer
            dtype, and no clipping else.
        dtype: of the result; that of the images by default.
        warp: moves images by a program of coordinates, for stages that do so.
    """

    def nested(
        program: Program, images: tf.Tensor, coordinates: Program = ()
    ) -> tf.Tensor:
        moved = stay
        if coordinates and warp is not None:
            moved = functools.partial(warp, coordinates)
        return run(program, images, moved, value_range, None, warp)

    move_now, pending = move, _NOTHING
    for step in program:
        if function_of(step).kind != "stage":
            pending = (*pending, step)
            continue
        images = one_pass(pending, images, move_now, value_range, images.dtype)
        images = stages.run(step, images, value_range, nested)
        move_now, pending = stay, _NOTHING
    if dtype is None:
        return one_pass(pending, images, move_now, value_range, images.dtype)
    return one_pass(pending, images, move_now, None, dtype)


def stay(images: tf.Tensor) -> tf.Tensor:
    """Moves nothing."""
    return images


class _Filtered(NamedTuple):
    """A warp that is done once, before channels are turned."""

    move: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return self.move(images)


def one_pass(
    program: Program,
    images: tf.Tensor,
    move: Callable[[tf.Tensor], tf.Tensor],
    value_range: Range | None,
    dtype: tf.DType,
) -> tf.Tensor:
    """Moves images and applies steps to what was read, in one pass over the pixels."""
    if isinstance(move, Move):
        forms: list[Any] = [_Filtered(move.filtered), move.plain]
        filtered, plain = (
            lambda x, form=form: one_pass(program, x, form, value_range, dtype)
            for form in forms
        )
        return choose(move.some, filtered, plain, images)
    if not program:
        return finish(move(images), dtype, None)
    compute = compute_dtype(images.dtype)

    whole = move(images) if isinstance(move, _Filtered) else None

    def moved(turn: int) -> tf.Tensor:
        if whole is not None:  # which costs more than the pass
            return tf.cast(_turn(whole, turn), compute)
        return tf.cast(move(_turn(images, turn)), compute)

    def store(values: tf.Tensor) -> tf.Tensor:
        return stored(values, images.dtype, value_range)

    pixels = _once(moved)
    for step in _measured(program, images, store):
        pixels = _after(pixels, step, images.shape[-1], store)
    return finish(pixels(0), dtype, value_range)


def _after(before: Pixels, step: Step, channels: int, store: Store) -> Pixels:
    """The pixels after a step, of which the pixels before it are known."""
    function = function_of(step)
    if function.stored:
        first = before

        def before(turn: int) -> tf.Tensor:
            return store(first(turn))

    def pixels(turn: int) -> tf.Tensor:
        own = before(turn)
        rows = {
            key: _everywhere(_turn_row(row, turn, channels))
            for key, row in step.rows.items()
        }
        if function.kind == "mixing":
            turns = (before((turn + i) % channels) for i in range(1, channels))
            result = function.call((own, *turns), **rows)
        elif function.kind == "whole":
            whole = own if turn == 0 else before(0)
            rows = {key: _everywhere(row) for key, row in step.rows.items()}
            result = _turn(function.call(whole, **rows), turn)
        elif function.kind == "placed":
            result = function.call(own, *_places(own), **rows)
        else:
            result = function.call(own, **rows)
        if step.only is None:
            return result
        return tf.where(tf.reshape(step.only, (-1, 1, 1, 1)), result, own)

    return _once(pixels)


def _once(pixels: Pixels) -> Pixels:
    """The same pixels, each computed once, however many functions ask for them.

    XLA makes one loop of all turns, if they are turned where they are read. Elsewhere
    they are turned afterwards: the warp, and each function, runs for one turn alone.
    """
    if in_xla_context():
        return functools.cache(pixels)
    straight = pixels(0)
    return lambda turn: _turn(straight, turn)


def _places(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows (1, H, 1, 1) and the columns (1, 1, W, 1) of pixels (B, H, W, C)."""
    y, x = (tf.range(dimension(pixels, axis), dtype=tf.float32) for axis in (1, 2))
    return y[tf.newaxis, :, tf.newaxis, tf.newaxis], x[tf.newaxis, :, tf.newaxis]


def _measured(program: Program, images: tf.Tensor, store: Store) -> Program:
    """The program as it is computed, with what is measured put in its place."""
    dtype = compute_dtype(images.dtype)
    known: Program = ()
    mean = None
    for step in program:
        step = Step(
            step.name,
            {key: tf.cast(row, dtype) for key, row in step.rows.items()},
            step.only,
        )
        function = function_of(step)
        if function.kind == "measured":
            mask = step.only
            if all(before.name in ("scale", "mix") for before in known):
                mean = mean_color(images, dtype) if mean is None else mean
                statistic = mean
                for before in known:
                    statistic = _of_color(before, statistic)
            else:
                pixels: Pixels = functools.partial(_as_they_are, images, dtype)
                for before in known:
                    pixels = _after(pixels, before, images.shape[-1], store)
                statistic = mean_color(pixels(0), dtype)
            step = function.call(statistic, **step.rows)
            step = Step(step.name, step.rows, mask)
        known = then(known, step)
    return known


def with_mean(program: Program, mean: tf.Tensor) -> Program | None:
    """The program with what is measured put in its place, of a mean that is known.

    Args:
        program: steps of pixels.
        mean: the mean colour (B, C) of the images that come in.

    Returns:
        None where more than the mean has to be known.
    """
    known: Program = ()
    for step in program:
        rows = {key: tf.cast(row, mean.dtype) for key, row in step.rows.items()}
        step = Step(step.name, rows, step.only)
        if function_of(step).kind == "measured":
            if any(before.name not in ("scale", "mix") for before in known):
                return None
            statistic = mean
            for before in known:
                statistic = _of_color(before, statistic)
            measured = function_of(step).call(statistic, **rows)
            step = Step(measured.name, measured.rows, step.only)
        known = then(known, step)
    return known


def _as_they_are(images: tf.Tensor, dtype: tf.DType, turn: int) -> tf.Tensor:
    return tf.cast(_turn(images, turn), dtype)


def _of_color(step: Step, color: tf.Tensor) -> tf.Tensor:
    """What an affine step makes of one colour (B, C) of each image."""
    a = step.rows.get("gain", step.rows.get("matrix"))
    result = _product(a, color, vector=True) + step.rows["bias"]
    return result if step.only is None else tf.where(step.only[:, None], result, color)


def mean_color(images: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The mean colour (B, C) of images (B, H, W, C).

    Strips of each image are added first: without that, XLA copies the images to `dtype`
    and adds one pixel at a time.
    """
    height, width = dimension(images, 1), dimension(images, 2)
    strips = math.gcd(height, 8) if isinstance(height, int) else 1
    total = sum(tf.cast(x, dtype) for x in tf.split(images, strips, axis=1))
    return tf.reduce_sum(total, axis=(1, 2)) / tf.cast(height * width, dtype)


def _turn(images: tf.Tensor, turn: int) -> tf.Tensor:
    """Puts channel c + turn into the place of channel c."""
    if turn == 0:
        return images
    return tf.concat([images[..., turn:], images[..., :turn]], axis=-1)


def _turn_row(row: tf.Tensor, turn: int, channels: int) -> tf.Tensor:
    """A row for each channel, or a matrix of the channels, turned as they are."""
    for axis in range(1, row.shape.rank):
        if turn and row.shape[axis] == channels:
            row = tf.roll(row, -turn, axis=axis)
    return row


def _everywhere(row: tf.Tensor) -> tf.Tensor:
    """(B, n) or (B, n, n) for every pixel of (B, H, W, C)."""
    return row[:, tf.newaxis, tf.newaxis]


def stored(values: tf.Tensor, dtype: tf.DType, value_range: Range | None) -> tf.Tensor:
    """The values as `finish` would store them, still in the dtype that is computed in.

    Clipped to the value range, and rounded where the dtype is an integer.
    """
    if dtype.is_integer and dtype.size <= 2:  # whose limits float32 holds
        limits = dtype.min, dtype.max
        value_range = tuple(sorted((*limits, x))[1] for x in value_range or limits)
    if value_range is not None:
        values = tf.clip_by_value(values, *value_range)
    return tf.round(values) if dtype.is_integer else values


def finish(pixels: tf.Tensor, dtype: tf.DType, value_range: Range | None) -> tf.Tensor:
    """Clips to the value range, rounds where the dtype is an integer, casts once."""
    if value_range is None and pixels.dtype == dtype:
        return pixels
    values = stored(pixels, dtype, value_range)
    if dtype.is_integer and dtype.size > 2:
        return tf.saturate_cast(values, dtype)
    return tf.cast(values, dtype)
