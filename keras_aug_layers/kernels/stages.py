"""Stages: functions of whole images, each in a pass of its own over stored pixels.

What looks at its neighbours (a blur), at all of the image (equalize), at another image
(MixUp), or uses its channels many times (HSV) is not done where pixels are read: XLA
would compute it anew for each of its uses. It begins from the rounded result instead,
behind a condition, which XLA does not fuse across, and which skips what no image of the
batch has drawn.

Where only few images have drawn it, and each is by itself, it is done to these alone.
"""

import os
from collections.abc import Callable

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels import few, rounding
from keras_aug_layers.kernels.condition import choose, true, with_gradient_of
from keras_aug_layers.kernels.device import CPU, in_xla_context, traced
from keras_aug_layers.kernels.program import Step, function_of
from keras_aug_layers.kernels.warp import compute_dtype, dimension


def run(
    step: Step,
    images: tf.Tensor,
    value_range: Range | None,
    nested: Callable[..., tf.Tensor] | None = None,
    before: tf.Tensor | None = None,
) -> tf.Tensor:
    """Does a "stage" to images (B, H, W, C), which keep their dtype.

    Args:
        step: what is done.
        images: the images.
        value_range: to which floating results are clipped.
        nested: what does programs, for stages that have some.
        before: of a step that is `beside` another, the images that both read.
    """
    function = function_of(step)
    extra = {"run": nested} if function.programs else {}
    if 0 in images.shape:  # no pixels, which some ops refuse
        return images

    def call(images: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
        result = function.call(images, **rows, **extra)
        if result.dtype != images.dtype:
            raise ValueError(
                f"{step.name!r} must give images of the dtype that it gets. Received: "
                f"{result.dtype.name} of {images.dtype.name}. Write tf.cast(…, "
                "images.dtype)."
            )
        return rounding.clipped(result, value_range)

    dtype = compute_dtype(images.dtype)
    rows = {key: tf.cast(row, dtype) for key, row in step.rows.items()}
    if before is not None:
        return _beside(call, images, before, rows, step.only)
    loops = function.one_by_one and traced() == CPU
    if step.only is None and not loops:
        return _if(true(images, rows), call, images, rows)
    only = tf.ones(tf.shape(images)[:1], tf.bool) if step.only is None else step.only

    def at_once(images: tf.Tensor) -> tf.Tensor:
        made = call(images, **rows)
        if step.only is None:
            return made
        return tf.where(tf.reshape(only, (-1, 1, 1, 1)), made, images)

    if not function.alone:
        some = tf.reduce_any(only)
        return _if(some, lambda images, **_: at_once(images), images, rows)

    def each(images: tf.Tensor) -> tf.Tensor:
        if loops and not in_xla_context():
            return _side_by_side(call, images, rows, only)
        if function.sorts:
            return at_once(images)
        return _alone(call, images, rows, only, 1 if loops else few.PAIR)

    def few_or_all(images: tf.Tensor) -> tf.Tensor:
        are_few = few.are_few(only, images)
        return tf.cond(are_few, lambda: each(images), lambda: at_once(images))

    result = with_gradient_of(at_once, each if loops else few_or_all, images)
    return tf.ensure_shape(result, images.shape)


def _if(
    wanted: tf.Tensor,
    call: Callable[..., tf.Tensor],
    images: tf.Tensor,
    rows: dict[str, tf.Tensor],
) -> tf.Tensor:
    result = choose(wanted, lambda x: call(x, **rows), lambda x: x, images)
    return tf.ensure_shape(result, images.shape)


def _beside(
    call: Callable[..., tf.Tensor],
    images: tf.Tensor,
    before: tf.Tensor,
    rows: dict[str, tf.Tensor],
    only: tf.Tensor,
) -> tf.Tensor:
    """What a stage makes of its images as they were, beside what is there by now."""

    def both(images: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
        return tf.where(tf.reshape(only, (-1, 1, 1, 1)), call(before, **rows), images)

    some = tf.reduce_any(only)
    result = choose(some, both, lambda images, before: images, images, before)
    return tf.ensure_shape(result, images.shape)


def _alone(
    call: Callable[..., tf.Tensor],
    images: tf.Tensor,
    rows: dict[str, tf.Tensor],
    only: tf.Tensor,
    together: int,
) -> tf.Tensor:
    """The images that were chosen, so many at a time, in place."""
    at = few.to_some(call, rows)
    if in_xla_context():
        return few.made_anew(at, images, only, together)
    places = few.in_order(only)[: few.count(only)]

    def changed() -> tf.Tensor:
        done = at(places, images)
        return tf.tensor_scatter_nd_update(images, places[:, tf.newaxis], done)

    return tf.cond(tf.reduce_any(only), changed, lambda: images)


def _side_by_side(
    call: Callable[..., tf.Tensor],
    images: tf.Tensor,
    rows: dict[str, tf.Tensor],
    only: tf.Tensor,
) -> tf.Tensor:
    """The images that were chosen, each by itself, on as many cores as there are."""

    def one(number: tf.Tensor) -> tf.Tensor:
        image = tf.gather(images, [number])
        done = tf.cond(
            only[number],
            lambda: call(image, **few.rows_of(rows, [number])),
            lambda: image,
        )
        return done[0]

    cores = None if tf.executing_eagerly() else os.cpu_count()
    count = tf.shape(images)[0]

    def each() -> tf.Tensor:
        return tf.map_fn(
            one,
            tf.range(count),
            parallel_iterations=cores,
            fn_output_signature=tf.TensorSpec(images.shape[1:], images.dtype),
        )

    return tf.cond(count > 0, each, lambda: images)  # a map of nothing has no size


def compute(images: tf.Tensor) -> tf.Tensor:
    """Stored pixels in the dtype in which stages compute."""
    return tf.cast(images, compute_dtype(images.dtype))


def in_rows(images: tf.Tensor) -> tf.Tensor:
    """Images (B, H, W, C) as (B, H, W C), as they lie in memory.

    A last axis of three channels is slow: XLA's innermost loop would have three turns.
    """
    batch, height, width, channels = (dimension(images, axis) for axis in range(4))
    return tf.reshape(images, (batch, height, width * channels))
