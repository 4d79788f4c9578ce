"""Ragged batches: images of different sizes, with masks of theirs.

Where the stack names a size, and all its coordinates are one matrix, they are read from
one list of pixels, all at once, in code that is compiled. Elsewhere they are done one
by one.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import tensorflow as tf

from keras_aug_layers.kernels import flat
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.plan import carry, listed, moves
from keras_aug_layers.plan.entries import kind_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.random_numbers import Cursor

if TYPE_CHECKING:
    from keras_aug_layers.plan.transform import Transform


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
    run = listed.traced(_run, transform, None, specs)
    return run(listed.rows_of(transform), data, compiled)


def _run(
    transform: "Transform", data: dict[str, Any], compiled: bool
) -> dict[str, Any]:
    """Either form, in a graph."""
    given = {key: flat.Flat.of(x, transform.data_format) for key, x in data.items()}
    for key, each in given.items():
        tf.debugging.assert_equal(
            each.sizes,
            transform.size,
            f"`{key}` must have the sizes of the images that were drawn for.",
        )
    made = None
    if compiled and listed.fits(transform.plan):
        made = listed.augmented(
            transform,
            given,
            lambda window: flat.mean_color(given["images"], window),
            lambda: _one_by_one(transform, given),
        )
    if made is None:
        made = _one_by_one(transform, given)
    return _shaped(transform, made, data)


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
    transform: "Transform", given: dict[str, flat.Flat]
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
                image = own.masks_of(kind_of(key), image, (height, width))[0]
            else:
                image = own.images(image)[0]
            result[key] = image if size else tf.RaggedTensor.from_tensor(image)
        return result

    signature, nothing = {}, {}
    for key, images in given.items():
        channels = images.pixels.shape[1]
        stays = dtype is None or kind_of(key) in moves.MASKS
        to = images.pixels.dtype if stays else dtype
        signature[key] = (
            tf.TensorSpec((*size, channels), to)
            if size
            else tf.RaggedTensorSpec((None, None, channels), to, 1, tf.int64)
        )
        no_rows = [tf.zeros(1, tf.int64)] * 2
        no_pixels = tf.zeros((0, channels), to)
        nothing[key] = tf.RaggedTensor.from_nested_row_splits(no_pixels, no_rows)
    count = tf.shape(transform.size)[0]

    def each() -> dict[str, tf.Tensor | tf.RaggedTensor]:
        return tf.map_fn(one, tf.range(count), fn_output_signature=signature)

    return each() if size else tf.cond(count > 0, each, lambda: nothing)


def kept(move: Callable[..., tf.Tensor]) -> Callable[..., Any]:
    """Has a `Transform` give ragged keypoints back ragged.

    Those of a partner are behind an image's own, and so that these keep their places,
    all are filled up with -1.
    """

    @functools.wraps(move)
    def moved(transform: "Transform", keypoints: Any, *args: Any, **kwargs: Any) -> Any:
        result = move(transform, keypoints, *args, **kwargs)
        if not isinstance(keypoints, tf.RaggedTensor):
            return result
        grown = carry.mixed(transform.plan, "keypoints")
        lengths = None if grown else keypoints.row_lengths()
        return tf.RaggedTensor.from_tensor(
            result, lengths, row_splits_dtype=keypoints.row_splits.dtype
        )

    return moved


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
    filled = iter(rows)
    return kept[0].map(lambda step: step.map(lambda _: next(filled)))


def _tensors(plan: Plan) -> list[tf.Tensor]:
    """All rows and masks of a plan, in order."""
    found: list[tf.Tensor] = []

    def note(row: tf.Tensor) -> tf.Tensor:
        found.append(row)
        return row

    plan.map(lambda step: step.map(note))
    return found
