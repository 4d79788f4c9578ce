"""Lists of pixels: images of any size, read in code that is compiled for few shapes.

Where a stack names a size, and all its coordinates are one matrix, it does not matter
what sizes the images have, nor whether they have the same one: they are data. What is
compiled depends on how many pixels there are, and that is filled up to a few numbers.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from keras_aug_layers.kernels import coordinates, flat, measured, passes, shrinking
from keras_aug_layers.kernels.device import CPU, compiled_for, traced_for
from keras_aug_layers.kernels.program import function_of
from keras_aug_layers.kernels.warp import compute_dtype, dimension
from keras_aug_layers.plan import carry, moves
from keras_aug_layers.plan.entries import kind_of
from keras_aug_layers.plan.plan import Plan

if TYPE_CHECKING:
    from keras_aug_layers.plan.transform import Transform

Means = Callable[[tf.Tensor | None], tf.Tensor]
"""Measures the mean colour of the images, in a window as `measured.in_window` makes."""

_TRACED: dict[Any, Any] = {}
_LOCK = threading.Lock()


def fits(plan: Plan) -> bool:
    """Whether images of any size may be read from a list."""
    known = plan.size is not None and not plan.earlier
    return known and coordinates.one_matrix(plan.coordinates) is not None


def size_named(transform: "Transform") -> tuple[int, int]:
    """The size of what comes out, of a transform whose plan `fits`."""
    size = transform.plan.size
    assert size is not None
    return size


def augmented(
    transform: "Transform",
    given: dict[str, flat.Flat],
    means: Means,
    otherwise: Callable[[], dict[str, Any]],
    ragged: bool = True,
    allowed: bool | tf.Tensor = True,
) -> dict[str, tf.Tensor] | None:
    """Augments images and masks, in code that is compiled for a few shapes.

    Args:
        transform: what was drawn for them, of a plan that `fits`.
        given: the pixels, as lists.
        means: measures the images.
        otherwise: the same by another way, which is taken for what shrinks to less
            than a quarter.
        ragged: whether the images have several sizes.
        allowed: bool (), whether this way may be taken.

    Returns:
        (B, H, W, C) each, the channels last; None where something has to be measured
        that is not known.
    """
    resolved = _resolved(transform.plan, given, means)
    if resolved is None:
        return None
    now = transform._replace(pixels=resolved)
    if transform.size.shape[0] == 1:
        level, first, behind = tf.unstack(traced(_scope, now, CPU)(rows_of(now)))
        span = first, behind
    else:
        level, span = _level(now), None

    def together() -> dict[str, tf.Tensor]:
        count, rows = tf.shape(now.size)[0], rows_of(now)
        full = {key: images.filled_up(ragged, span) for key, images in given.items()}
        if ragged:
            rows = [_filled(row, flat.images_for(count) - count) for row in rows]
        made = compiled_for(lambda kind: traced(_read, now, kind)(rows, full))
        return {key: x[:count] for key, x in made.items()}

    if "images" not in given:  # masks are not filtered
        level = tf.zeros_like(level)
    # Levels of a pyramid are made image by image.
    return tf.cond(tf.equal(level, 0) & allowed, together, otherwise)


def _resolved(plan: Plan, given: dict[str, flat.Flat], means: Means) -> Any:
    """The steps of pixels with what they measure known; None where it is not so.

    Behind a stage it is measured on what that has made, in the same code.
    """
    kinds = [function_of(step).kind for step in plan.pixels]
    place = kinds.index("stage") if "stage" in kinds else len(kinds)
    if "measured" not in kinds[:place]:
        return plan.pixels
    if [key for key in given if kind_of(key) == "images"] != ["images"]:
        return None  # none, or others, which have means of their own
    dtype = compute_dtype(given["images"].pixels.dtype)
    first, rest = plan.pixels[:place], plan.pixels[place:]
    known = measured.with_mean(first, dtype, means, lambda steps, window: None)
    return None if known is None else known + rest


def rows_of(transform: "Transform") -> list[tf.Tensor]:
    """The numbers of a transform, without what its kind says."""
    rows: list[tf.Tensor] = tf.nest.flatten(transform, expand_composites=True)
    return rows


def _filled(row: tf.Tensor, more: tf.Tensor) -> tf.Tensor:
    """A row with zeros for more images."""
    if row.shape[0] == 1:
        return row
    return tf.pad(row, [[0, more]] + [[0, 0]] * (row.shape.rank - 1))


def traced(
    function: Callable[..., Any],
    transform: "Transform",
    device: str | None,
    *others: Any,
) -> Any:
    """A function of transforms, traced once for those of one kind, given their rows.

    Args:
        function: what it does.
        transform: one of the kind.
        device: for which it is compiled; None if it is not.
        *others: what else may differ between traces.
    """
    key = function, transform.kind(), device, others
    with _LOCK:
        if key not in _TRACED:
            like = tf.type_spec_from_value(transform)

            def run(rows: list[tf.Tensor], *arguments: Any) -> Any:
                packed = tf.nest.pack_sequence_as(like, rows, expand_composites=True)
                with traced_for(device):
                    return function(packed, *arguments)

            _TRACED[key] = tf.function(
                run,
                autograph=False,
                jit_compile=device is not None,
                reduce_retracing=True,
            )
    return _TRACED[key]


def _reader(transform: "Transform", sizes: tf.Tensor) -> coordinates.Reader:
    source = sizes[:, 0], sizes[:, 1]
    return coordinates.reader(transform.plan.coordinates, source, size_named(transform))


def _shrink(transform: "Transform", sizes: tf.Tensor) -> shrinking.Shrink | None:
    """How much images shrink; None where they are not filtered."""
    if not transform.antialias or transform.interpolation == "nearest":
        return None
    source = sizes[:, 0], sizes[:, 1]
    return shrinking.shrink(_reader(transform, sizes), source, size_named(transform))


def filtered(transform: "Transform") -> tf.Tensor:
    """Whether one of the images shrinks so much that it is filtered: bool ()."""
    shrinks = _shrink(transform, transform.size)
    return tf.constant(False) if shrinks is None else shrinks.some


def _level(transform: "Transform") -> tf.Tensor:
    """The greatest level of a pyramid that is read."""
    shrinks = _shrink(transform, transform.size)
    if shrinks is None:
        return tf.constant(0)
    return tf.reduce_max(tf.concat([shrinks.level, [0]], axis=0))


def _scope(transform: "Transform") -> tf.Tensor:
    """Of one image: its level, the first pixel needed, and the one behind the last."""
    height, width = tf.unstack(transform.size[0])
    reader, size = _reader(transform, transform.size), size_named(transform)
    first, behind = flat.rows_read(reader, height, size, transform.fill_mode)
    return tf.stack([_level(transform), first * width, behind * width])


def _read(transform: "Transform", full: dict[str, flat.Flat]) -> dict[str, tf.Tensor]:
    """Images and masks from lists of pixels."""
    images = full.get("images")
    return {key: _one_of(transform, key, each, images) for key, each in full.items()}


def _one_of(
    transform: "Transform", key: str, full: flat.Flat, images: flat.Flat | None
) -> tf.Tensor:
    plan, settings = transform.plan, transform.settings
    size, kind = size_named(transform), kind_of(key)
    reader = _reader(transform, full.sizes)
    dtype = full.pixels.dtype
    if kind in moves.MASKS:
        how = moves.of_masks(settings, dtype, kind)

        def warp(part: Plan, values: tf.Tensor) -> tf.Tensor:
            return flat.move(full, reader, None, size, **how)(values)

        return carry.masks(plan, warp, full.pixels, kind)
    shrinks = _shrink(transform, full.sizes)
    if shrinks is not None:
        shrinks = shrinks._replace(level=tf.zeros_like(shrinks.level))
    moves.check_fill(settings, full.pixels, dimension(full.pixels, 1))
    move = flat.move(full, reader, shrinks, size, **moves.of_images(settings))
    to = None if plan.dtype is None else tf.as_dtype(plan.dtype)

    def change(pixels: tf.Tensor) -> tf.Tensor:
        return passes.run(
            plan.colors,
            pixels,
            move,
            settings.value_range,
            to,
            moves.by_program(settings),
            moves.overshoots(settings),
        )

    if images is None or key == kind:
        return change(full.pixels)
    return moves.further(change, plan, key, full.pixels, images.pixels, 1)
