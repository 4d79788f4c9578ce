"""Ragged batches: images of different sizes, with masks of theirs.

Where the stack names a size, and all its coordinates are one matrix, they are read from
one list of pixels, all at once, in code that is compiled. Elsewhere they are done one
by one.
"""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import tensorflow as tf

from keras_aug_layers.kernels import coordinates, flat, measured, passes, shrinking
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.flat import Flat
from keras_aug_layers.kernels.program import function_of
from keras_aug_layers.kernels.warp import compute_dtype
from keras_aug_layers.plan import moves
from keras_aug_layers.plan.entries import kind_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.random_numbers import Cursor

if TYPE_CHECKING:
    from keras_aug_layers.plan.transform import Transform

_TRACED: dict[Any, Any] = {}
_COMPILED: dict[Any, Any] = {}
_LOCK = threading.Lock()


def apply(
    transform: "Transform", data: dict[str, Any], jit_compile: bool | str = False
) -> dict[str, Any]:
    """Augments ragged images, and masks of their sizes.

    Args:
        transform: what was drawn for them.
        data: images, masks or both, ragged.
        jit_compile: as a user gave it; "auto" compiles in graphs.

    Returns:
        Dense tensors where the transform names a size, else ragged ones.
    """
    if in_xla_context():
        raise ValueError(
            "`images` must be dense where a model is compiled by XLA. Received: a "
            "tf.RaggedTensor. Write dataset.map(lambda x: layer(x, training=True)), or "
            "model.compile(…, jit_compile=False)."
        )
    eager = tf.executing_eagerly()
    compiled = not eager if jit_compile == "auto" else bool(jit_compile)
    if not eager:
        return _run(transform, data, compiled)
    specs = tuple((key, x.dtype, x.shape[-1]) for key, x in sorted(data.items()))
    with _LOCK:
        key = transform.kind(), specs, compiled
        if key not in _TRACED:
            _TRACED[key] = tf.function(
                lambda transform, data: _run(transform, data, compiled),
                autograph=False,
                reduce_retracing=True,
            )
    return _TRACED[key](transform, data)


def _run(
    transform: "Transform", data: dict[str, Any], compiled: bool
) -> dict[str, Any]:
    """Either form, in a graph."""
    given = {key: Flat.of(x, transform.data_format) for key, x in data.items()}
    for key, each in given.items():
        tf.debugging.assert_equal(
            each.sizes,
            transform.size,
            f"`{key}` must have the sizes of the images that were drawn for.",
        )
    plan = transform.plan
    simple = plan.size is not None and not plan.earlier and compiled
    if simple and coordinates.one_matrix(plan.coordinates) is not None:
        resolved = _resolved(plan, given)
        if resolved is not None:
            now = transform._replace(pixels=resolved)
            result = _at_once(now, given, lambda: _one_by_one(transform, given))
            return _shaped(transform, result, data)
    return _shaped(transform, _one_by_one(transform, given), data)


def _shaped(
    transform: "Transform", result: dict[str, Any], data: dict[str, Any]
) -> dict[str, Any]:
    """Masks without an axis of channels come out without one."""
    for key, given in data.items():
        if isinstance(result[key], tf.RaggedTensor):
            if given.shape.rank == 3:
                values = result[key].flat_values[:, 0]
                result[key] = result[key].with_flat_values(values)
            continue
        height, width = transform.plan.whole().size or (None, None)
        shape = given.shape[0], height, width, None
        result[key] = tf.ensure_shape(result[key], shape)
        if given.shape.rank == 3:
            result[key] = result[key][..., 0]
    return result


def _one_by_one(
    transform: "Transform", given: dict[str, Flat]
) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Each image as if it came alone."""
    size = transform.plan.whole().size
    dtype = transform.plan.dtype

    def one(number: tf.Tensor) -> dict[str, Any]:
        own = transform[number : number + 1]
        result = {}
        for key, images in given.items():
            image = images.image(number)
            height, width = tf.unstack(images.sizes[number])
            if kind_of(key) in moves.MASKS:
                how = moves.MASKS[kind_of(key)]
                image = own._masks(image, (height, width), how)[0]
            else:
                image = own.images(image)[0]
            result[key] = image if size else tf.RaggedTensor.from_tensor(image)
        return result

    signature = {}
    for key, images in given.items():
        channels = images.pixels.shape[1]
        stays = dtype is None or kind_of(key) in moves.MASKS
        to = images.pixels.dtype if stays else dtype
        signature[key] = (
            tf.TensorSpec((*size, channels), to)
            if size
            else tf.RaggedTensorSpec((None, None, channels), to, 1, tf.int64)
        )
    count = tf.shape(transform.size)[0]
    return tf.map_fn(one, tf.range(count), fn_output_signature=signature)


def _resolved(plan: Plan, given: dict[str, Flat]) -> Any:
    """The steps of pixels with what they measure known; None where it is not so."""
    if not any(function_of(step).kind == "measured" for step in plan.pixels):
        return plan.pixels
    if [key for key in given if kind_of(key) == "images"] != ["images"]:
        return None  # none, or others, which have means of their own
    images = given["images"]
    return measured.with_mean(
        plan.pixels,
        compute_dtype(images.pixels.dtype),
        lambda window: flat.mean_color(images, window),
        lambda steps, window: None,
    )


def _at_once(
    transform: "Transform",
    given: dict[str, Flat],
    otherwise: Callable[[], dict[str, Any]],
) -> dict[str, tf.Tensor]:
    """All images, in code that is compiled for a few shapes."""
    size = transform.plan.size
    assert size is not None
    count = tf.shape(transform.size)[0]
    filters = transform.antialias and transform.interpolation != "nearest"
    source = transform.size[:, 0], transform.size[:, 1]
    reader = coordinates.reader(transform.plan.coordinates, source, size)
    shrinks = shrinking.shrink(reader, source, size)

    def together() -> dict[str, tf.Tensor]:
        full = {key: images.filled_up() for key, images in given.items()}
        more = tf.shape(next(iter(full.values())).sizes)[0] - count

        def padded(row: tf.Tensor) -> tf.Tensor:
            return tf.pad(row, [[0, more]] + [[0, 0]] * (row.shape.rank - 1))

        rows = tf.nest.flatten(transform, expand_composites=True)
        made = _compiled(transform)([padded(row) for row in rows], full)
        return {key: x[:count] for key, x in made.items()}

    if not filters or "images" not in given:
        return together()
    # Levels of a pyramid are made image by image.
    return tf.cond(tf.reduce_any(shrinks.level > 0), otherwise, together)


def _compiled(transform: "Transform") -> Any:
    """The compiled function for transforms of this kind."""
    kind = transform.kind()
    with _LOCK:
        if kind not in _COMPILED:
            like = tf.type_spec_from_value(transform)

            def run(rows: list[tf.Tensor], full: dict[str, Flat]) -> dict[str, Any]:
                packed = tf.nest.pack_sequence_as(like, rows, expand_composites=True)
                return {key: _read(packed, key, x) for key, x in full.items()}

            _COMPILED[kind] = tf.function(
                run, autograph=False, jit_compile=True, reduce_retracing=True
            )
    return _COMPILED[kind]


def _read(transform: "Transform", key: str, full: Flat) -> tf.Tensor:
    """Images or masks from one list of pixels."""
    plan, settings, size = transform.plan, transform.settings, transform.plan.size
    assert size is not None
    source = full.sizes[:, 0], full.sizes[:, 1]
    reader = coordinates.reader(plan.coordinates, source, size)
    kind, shrinks = kind_of(key), None
    how = transform.filling(full.pixels.dtype, kind)
    if kind in moves.MASKS:

        def warp(part: Plan, values: tf.Tensor) -> tf.Tensor:
            return flat.move(full, reader, None, size, **how)(values)

        return transform.moved_masks(warp, full.pixels, kind)
    if settings.antialias and settings.interpolation != "nearest":
        shrinks = shrinking.shrink(reader, source, size)
        shrinks = shrinks._replace(level=tf.zeros_like(shrinks.level))
    move = flat.move(full, reader, shrinks, size, **how)
    dtype = None if plan.dtype is None else tf.as_dtype(plan.dtype)
    by_program, limits = moves.by_program(settings), settings.value_range
    return passes.run(plan.colors, full.pixels, move, limits, dtype, by_program)


class _Asked(Exception):
    """A layer asked for the size of images that have different ones."""


class _Blind(Frame):
    """A frame of images of different sizes, for layers that do not ask for them."""

    @property
    def height(self) -> NoReturn:
        """Not to be known."""
        raise _Asked

    @property
    def width(self) -> NoReturn:
        """Not to be known."""
        raise _Asked


def draw(
    draws: Callable[[Cursor, Frame], Plan], make: Callable[[], Cursor], frame: Frame
) -> Plan:
    """Draws for images of different sizes, each as if it came alone.

    A layer that does not ask for sizes draws for all at once. Else it draws in a loop.

    Args:
        draws: of a cursor and a frame.
        make: makes a cursor, the same each time.
        frame: the images.
    """
    try:
        return draws(make(), _Blind(*frame))
    except _Asked:
        pass
    kept: list[Plan] = []

    def one(number: tf.Tensor) -> list[tf.Tensor]:
        height, width = frame.height[number], frame.width[number]
        own = frame._replace(batch=1, height=height, width=width)
        kept.append(draws(make().of_image(number), own))
        return [x[0] for x in _tensors(kept[-1])]

    traced = tf.function(one, autograph=False).get_concrete_function(
        tf.TensorSpec((), tf.int32)
    )
    specs = [tf.TensorSpec(x.shape, x.dtype) for x in traced.outputs]
    rows = tf.map_fn(traced, tf.range(frame.batch), fn_output_signature=specs)
    return _filled(kept[0], iter(rows))


def _tensors(plan: Plan) -> list[tf.Tensor]:
    """All rows and masks of a plan, in order."""
    found: list[tf.Tensor] = []

    def note(row: tf.Tensor) -> tf.Tensor:
        found.append(row)
        return row

    plan.map(lambda step: step.map(note))
    return found


def _filled(plan: Plan, rows: Iterator[tf.Tensor]) -> Plan:
    """The plan with other rows."""
    return plan.map(lambda step: step.map(lambda _: next(rows)))
