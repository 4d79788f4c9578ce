"""Pixel programs for GPUs: each channel is a plane of its own, and they meet last.

Why, says `kernels/planes.py`. A plane is an array (B, H, W, 1) here, so that functions
of pixels broadcast their rows as they do for whole images. Rows are turned for each
channel, as in `kernels/pixels.py`, and of what a function gives the first channel is
taken.
"""

import itertools
from collections.abc import Callable

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels import rounding
from keras_aug_layers.kernels.measured import measured
from keras_aug_layers.kernels.picks import Pick, Place, picked, spread
from keras_aug_layers.kernels.pixels import Store, applied, stores_of, turn_row
from keras_aug_layers.kernels.planes import Planes
from keras_aug_layers.kernels.program import Program, Step, function_of
from keras_aug_layers.kernels.resample import Warp
from keras_aug_layers.kernels.warp import compute_dtype


def in_planes(
    program: Program,
    images: tf.Tensor,
    move: Callable[[tf.Tensor], tf.Tensor],
    value_range: Range | None,
    dtype: tf.DType,
    within: Range | None,
) -> tf.Tensor:
    """Moves images and applies steps to what was read, in one pass over the pixels.

    Args:
        program: the steps.
        images: (B, H, W, C), as they came in.
        move: resamples images, each channel by itself.
        value_range: to which the result is clipped, if anything is done to pixels.
        dtype: of the result.
        within: the range of what is stored before the unit changes; the same as
            `value_range` where it does not.
    """
    compute = compute_dtype(images.dtype)

    def after(steps: Program, planes: Planes, pick: Pick | None = None) -> Planes:
        planes = [tf.cast(plane, compute) for plane in planes]
        stores = stores_of(steps, images.dtype, within, value_range)
        for step, store in zip(steps, stores, strict=True):
            planes = _after(planes, step, store, pick)
        return planes

    program = measured(
        program, images, lambda known: _together(after(known, _channels(images)))
    )
    # Where channels are mixed, each channel of the result has all others to itself.
    mixed = any(function_of(step).kind == "mixing" for step in program)
    copies = images.shape[-1] if mixed else 1
    if isinstance(move, Warp):
        moved = [
            [plane[..., tf.newaxis] for plane in planes]
            for planes in move.in_planes(images, copies)
        ]
    else:
        moved = [_channels(move(images))] * copies
    pick = move.pick if isinstance(move, Warp) else None
    if pick is not None:
        pick = pick._replace(uses=itertools.count())
    if not program:
        clips = pick is not None and images.dtype.is_floating
        limits = value_range if clips else None
        return _together([finish(plane, dtype, limits) for plane in moved[0]])
    done = [after(program, planes, pick) for planes in moved]
    own = [done[i % copies][i] for i in range(images.shape[-1])]
    return _together([finish(plane, dtype, value_range) for plane in own])


def finish(plane: tf.Tensor, dtype: tf.DType, value_range: Range | None) -> tf.Tensor:
    """Clips to the value range, rounds where the dtype is an integer, casts once.

    Small integers of a float32 NaN are an end of their range, on GPUs the lower one.
    """
    if value_range is None and plane.dtype == dtype:
        return plane
    if dtype.is_integer and dtype.size <= 2 and plane.dtype == tf.float32:
        limits = dtype.min, dtype.max
        low, high = (round(sorted((*limits, x))[1]) for x in value_range or limits)
        return tf.cast(rounding.to_int(plane, low, high), dtype)
    return rounding.finish(plane, dtype, value_range)


def _after(planes: Planes, step: Step, store: Store, pick: Pick | None) -> Planes:
    """The planes after a step."""
    function, count, first = function_of(step), len(planes), planes
    if function.stored:
        planes = [store(plane) for plane in planes]
    if function.kind == "whole":

        def called(place: Place) -> tf.Tensor:
            rows = {key: place(row) for key, row in step.rows.items()}
            return function.call(_together(planes), **rows)

        done = _channels(picked(step, pick, planes[0], called))
    else:
        done = [_channel(planes[i:] + planes[:i], step, i, pick) for i in range(count)]
    if step.only is None:
        return done
    mask = spread(step.only[:, tf.newaxis], pick, planes[0])
    return [tf.where(mask, *pair) for pair in zip(done, first, strict=True)]


def _channel(planes: Planes, step: Step, turn: int, pick: Pick | None) -> tf.Tensor:
    """What a step makes of the first of planes that are turned."""
    function, own = function_of(step), planes[0]

    def called(place: Place) -> tf.Tensor:
        rows = {
            key: place(turn_row(row, turn, len(planes)))
            for key, row in step.rows.items()
        }
        others = planes[1:]
        return applied(function, own, lambda: others, len(planes), rows)[..., :1]

    return picked(step, pick, own, called)


def _channels(images: tf.Tensor) -> Planes:
    """The channels of images (B, H, W, C)."""
    return [images[..., i : i + 1] for i in range(images.shape[-1])]


def _together(planes: Planes) -> tf.Tensor:
    """The images (B, H, W, C) of which these are the channels."""
    return tf.concat(planes, axis=-1)
