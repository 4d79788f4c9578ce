"""Programs of pixels, cut where a step needs a pass of its own, each in its form."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels import (
    few,
    pixels,
    plane_pixels,
    planes,
    shrinking,
    stages,
)
from keras_aug_layers.kernels.condition import choose, with_gradient_of
from keras_aug_layers.kernels.device import in_xla_context, on_gpu
from keras_aug_layers.kernels.picks import Pick
from keras_aug_layers.kernels.program import Program, Step, function_of
from keras_aug_layers.kernels.resample import Warp, stay
from keras_aug_layers.kernels.rounding import clipped

Images = Callable[[tf.Tensor], tf.Tensor]


def run(
    program: Program,
    images: tf.Tensor,
    move: Images,
    value_range: Range | None,
    dtype: tf.DType | None,
    warp: Callable[[Program, tf.Tensor], Images],
    overshoots: bool,
) -> tf.Tensor:
    """Moves images, and applies a program to what was read.

    Args:
        program: the steps of pixels.
        images: (B, H, W, C), as they came in.
        move: resamples images, each channel by itself.
        value_range: to which the result is clipped; None for the range of an integer
            dtype, and no clipping else.
        dtype: of the result, where the unit changes in the program or did before; None
            for that of the images.
        warp: makes a move of a program of coordinates and of images, for stages that
            move.
        overshoots: whether moves make values beyond those that they read: in front of a
            stage floats are clipped then.
    """

    def nested(
        program: Program, images: tf.Tensor, coordinates: Program = ()
    ) -> tf.Tensor:
        moved = warp(coordinates, images) if coordinates else stay
        return run(program, images, moved, value_range, None, warp, overshoots)

    def done(
        images: tf.Tensor, move: Images, limits: Range | None, to: tf.DType
    ) -> tf.Tensor:
        """The pending steps, in one pass; the range is that of the first unit."""
        within = value_range if pixels.converts(pending) else limits
        return _pass(pending, images, move, limits, to, within)

    move_now, before = move, images
    pending: Program = ()
    converted = dtype is not None and not pixels.converts(program)
    for step, follower in itertools.zip_longest(program, program[1:]):
        if function_of(step).kind != "stage":
            pending = (*pending, step)
            converted = converted or pixels.converts((step,))
            continue
        # Behind a change of the unit there is another dtype, and no range.
        limits, to = (None, dtype) if converted else (value_range, images.dtype)
        to = to or images.dtype
        picking = None
        if follower is None or not follower.beside:
            picking = _picking(step, pending, move_now)
        images = done(images, picking or move_now, limits, to)
        if overshoots and not pending and images.dtype.is_floating:
            images = clipped(images, limits)
        if step.beside:
            images = stages.run(step, images, limits, nested, before)
        elif picking is None:
            before = images
            images = stages.run(step, images, limits, nested)
        move_now, pending = stay, ()
    limits = value_range if dtype is None else None
    return done(images, move_now, limits, dtype or images.dtype)


def _picking(step: Step, program: Program, move: Images) -> Images | None:
    """The move that does a stage as it reads; None where a pass does it.

    Matrices of the pixels before it would be made anew for each of them, on a CPU.
    """
    if function_of(step).picks is None or not isinstance(move, Warp):
        return None
    rows = [row for before in program for row in before.rows.values()]
    if any(function_of(before).kind == "whole" for before in program):
        return None  # which is about one image, and not about two in one
    if not on_gpu() and any(row.shape.rank > 2 for row in rows):
        return None
    picking: Any = move.picking(Pick(step))
    return picking


def _pass(
    program: Program,
    images: tf.Tensor,
    move: Images,
    value_range: Range | None,
    dtype: tf.DType,
    within: Range | None,
) -> tf.Tensor:
    """Moves images and applies steps to what was read, in one pass over the pixels."""
    form = functools.partial(
        _in_form, value_range=value_range, dtype=dtype, within=within
    )
    if isinstance(move, shrinking.FilteredMove):
        return _filtered(form, program, images, move)
    return form(program, images, move)


def _filtered(
    form: Callable[..., tf.Tensor],
    program: Program,
    images: tf.Tensor,
    move: shrinking.FilteredMove,
) -> tf.Tensor:
    """A pass with a filter for the images that shrink: for all of them, or for few."""

    def plain(images: tf.Tensor) -> tf.Tensor:
        return form(program, images, move.plain)

    def filtered(images: tf.Tensor) -> tf.Tensor:
        return form(program, images, move.filtered)

    def all_or_none(images: tf.Tensor) -> tf.Tensor:
        return choose(move.shrinks.some, filtered, plain, images)

    together = any(function_of(step).kind == "whole" for step in program)
    if move.some is None or together or not in_xla_context() or on_gpu():
        return all_or_none(images)
    of_places, straight = move.some, move.straight

    def at_first(images: tf.Tensor) -> tf.Tensor:
        if straight is None:
            return plain(images)
        move = straight.move
        return tf.cond(
            straight.wanted,
            lambda: form(program, images, move),
            lambda: plain(images),
        )

    def few_or_none(images: tf.Tensor) -> tf.Tensor:
        def at(places: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            own = tuple(step.map(lambda x: few.row_of(x, places)) for step in program)
            return _filtered(form, own, tf.gather(images, places), of_places(places))

        return few.made_anew(at, at_first(images), again)

    again = move.shrinks.wanted
    if straight is not None:
        again = tf.where(straight.wanted, straight.turned, again)
    are_few = few.are_few(again, images)

    def needed(images: tf.Tensor) -> tf.Tensor:
        return tf.cond(are_few, lambda: few_or_none(images), lambda: filtered(images))

    return with_gradient_of(all_or_none, needed, images)


def _in_form(
    program: Program,
    images: tf.Tensor,
    move: Images,
    value_range: Range | None,
    dtype: tf.DType,
    within: Range | None,
) -> tf.Tensor:
    if planes.fits(images):
        return plane_pixels.in_planes(program, images, move, value_range, dtype, within)
    return pixels.in_turns(program, images, move, value_range, dtype, within)
