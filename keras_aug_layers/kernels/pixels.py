"""Pixel programs: what becomes of the pixels that were read.

A program runs in the forms of one idea: *the pixels whose channels are turned by t*, a
closure that gives, in the place of channel c, what becomes of channel c + t. A function
that mixes channels asks for several turns of what comes before it, each function sees
itself first, and XLA makes one loop of the whole; on a CPU, behind what was moved.

What is measured is in `kernels/measured.py`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels.condition import kept
from keras_aug_layers.kernels.device import has_gpu, in_xla_context, on_gpu
from keras_aug_layers.kernels.measured import affine_product, measured
from keras_aug_layers.kernels.picks import Pick, Place, picked, spread
from keras_aug_layers.kernels.program import (
    Function,
    Program,
    Step,
    check_each_channel,
    function_of,
    inverse,
    register,
)
from keras_aug_layers.kernels.resample import Warp, stay
from keras_aug_layers.kernels.rounding import finish, stored
from keras_aug_layers.kernels.warp import (
    compute_dtype,
    dimension,
    known_channels,
    rows_and_columns,
)

MIXING = ("mixing", "whole")
"""The kinds that ask for several channels of what comes before them."""

Pixels = Callable[[int], tf.Tensor]
"""From a turn to the pixels (B, H, W, C) with their channels turned by so much."""

Store = Callable[[tf.Tensor], tf.Tensor]
"""Clips and rounds values as if they were stored."""


def _scale(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return x * gain + bias


def _mix(
    channels: tuple[tf.Tensor, ...], matrix: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """The product of each pixel with its image's matrix.

    For a matrix product, XLA would keep its factor and itself in memory: there it is
    the sum over the matrix's diagonals, of which each meets one turn. Elsewhere nothing
    is turned yet (see `_once`), and a product takes a tenth of the sum's time.
    """
    if on_gpu() and channels[0].shape[-1] == 1 < len(channels):
        # Of the first channel alone, as kernels/plane_pixels.py asks for it.
        columns = [matrix[..., 0, i : i + 1] for i in range(len(channels))]
        pairs = zip(columns, channels, strict=True)
        return sum(a * pixels for a, pixels in pairs) + bias[..., :1]
    if in_xla_context():
        eye = tf.eye(len(channels), dtype=matrix.dtype)
        mixed = 0.0
        for turn, pixels in enumerate(channels):
            diagonal = tf.reduce_sum(matrix * tf.roll(eye, turn, axis=1), axis=-1)
            mixed += diagonal * pixels
        return mixed + bias
    pixels = channels[0]
    if has_gpu():  # which would round a product to TF32
        columns = tf.unstack(matrix, axis=-1)
        return sum(pixels[..., i : i + 1] * x for i, x in enumerate(columns)) + bias
    shape = tf.shape(pixels)
    flat = tf.reshape(pixels, (shape[0], -1, len(channels)))
    product = tf.linalg.matmul(flat, matrix[:, 0, 0], transpose_b=True)
    return tf.reshape(product, shape) + bias


def _merged(first: Step, after: Step) -> Step | None:
    """Of affine maps: gains multiply, and the first bias goes through the second."""
    if not {first.name, after.name} <= {"scale", "mix"}:
        return None
    a, b = (step.rows.get("gain", step.rows.get("matrix")) for step in (after, first))
    bias = affine_product(a, first.rows["bias"], vector=True) + after.rows["bias"]
    product = affine_product(a, b)
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
    return Step(
        "mix", {"matrix": matrix, "bias": affine_product(matrix, bias, vector=True)}
    )


convert = register(
    "convert", "pointwise", lambda x, one: x, neutral={}, stored=True, by_pixel=True
)
"""Clips and rounds as if the pixels were stored here: what follows has another unit."""


convert_unrounded = register(
    "convert_unrounded",
    "pointwise",
    lambda x, one: x,
    neutral={},
    stored=True,
    rounds=False,
    by_pixel=True,
)
"""The same without rounding: integers that were read between pixels stay as read."""


def converts(program: Program) -> bool:
    """Whether the unit of the pixels changes in a program."""
    return any(step.name in ("convert", "convert_unrounded") for step in program)


def _lost(x: tf.Tensor, one: tf.Tensor) -> tf.Tensor:
    raise ValueError(
        "`images` cannot be undone where colours are lost: clipped, blurred, "
        "normalised, or measured before a move. Received: images to undo. Write "
        "transform.inverse().segmentation_masks(masks), or its keypoints or boxes."
    )


lost = register("lost", "pointwise", _lost)
"""Undoes what cannot be undone: an error for images, and nothing beside them."""


def undone(
    program: Program, touches: Callable[[Step], bool], moved: bool = False
) -> Program:
    """Undoes what is done to pixels; where that is lost, images are refused.

    What `touches` something beside the images is undone all the same. Where they were
    `moved`, too, the mean of what came in is lost.

    Raises:
        ValueError: if a step that touches something has no inverse.
    """
    functions = [function_of(step) for step in program]
    if all(x.inverse and not (moved and x.kind == "measured") for x in functions):
        return inverse(program)
    return (*inverse(tuple(filter(touches, program))), lost(one=1.0))


scale = register(
    "scale",
    "pointwise",
    _scale,
    neutral={"gain": 1.0, "bias": 0.0},
    product=_merged,
    inverse=_affine_inverse,
    by_pixel=True,
)
mix = register(
    "mix",
    "mixing",
    _mix,
    neutral={
        "matrix": lambda row: tf.eye(tf.shape(row)[-1], dtype=row.dtype),
        "bias": 0.0,
    },
    product=_merged,
    inverse=_affine_inverse,
    by_pixel=True,
)


def in_turns(
    program: Program,
    images: tf.Tensor,
    move: Callable[[tf.Tensor], tf.Tensor],
    value_range: Range | None,
    dtype: tf.DType,
    within: Range | None,
) -> tf.Tensor:
    """Moves images and applies steps to what was read, in one pass over the pixels.

    On a CPU, in one more where a step mixes channels: they would else be read once for
    each of them.

    Args:
        program: the steps.
        images: (B, H, W, C), as they came in.
        move: resamples images, each channel by itself.
        value_range: as in `finish`.
        dtype: of the result.
        within: the range of what is stored before the unit changes; the same as
            `value_range` where it does not.
    """
    pick = move.pick if isinstance(move, Warp) else None
    if not program:
        # As a stage does: integers are copied, or rounded, within their own limits.
        clips = pick is not None and images.dtype.is_floating
        return finish(move(images), dtype, value_range if clips else None)
    compute = compute_dtype(images.dtype)

    def after(steps: Program, pixels: Pixels, pick: Pick | None = None) -> tf.Tensor:
        stores = stores_of(steps, images.dtype, within, value_range)
        for step, store in zip(steps, stores, strict=True):
            pixels = _after(pixels, step, images.shape[-1], store, pick)
        return pixels(0)

    def as_they_are(turn: int) -> tf.Tensor:
        return tf.cast(_turn(images, turn), compute)

    program = measured(program, images, lambda known: after(known, as_they_are))
    mixing = [step for step in program if function_of(step).kind in MIXING]
    again = bool(mixing) and move is not stay and not on_gpu()
    once = kept(move, images, mixing[0].rows) if again else None

    def moved(turn: int) -> tf.Tensor:
        if once is not None:
            return tf.cast(_turn(once, turn), compute)
        return tf.cast(move(_turn(images, turn)), compute)

    return finish(after(program, _once(moved), pick), dtype, value_range)


def stores_of(
    program: Program, dtype: tf.DType, within: Range | None, behind: Range | None
) -> list[Store]:
    """How pixels of a dtype are stored for a step that wants it, for each step.

    Args:
        program: the steps.
        dtype: of the pixels as they came in.
        within: the range to which they are clipped before the unit changes.
        behind: that after it. What was only moved before it is not clipped.
    """
    stores: list[Store] = []
    now = within
    for place, step in enumerate(program):
        changes, rounds = converts((step,)), function_of(step).rounds
        limits = None if changes and place == 0 else now
        stores.append(
            functools.partial(stored, dtype=dtype, value_range=limits, rounds=rounds)
        )
        now = behind if changes else now
    return stores


def _after(
    before: Pixels, step: Step, channels: int, store: Store, pick: Pick | None
) -> Pixels:
    """The pixels after a step, of which the pixels before it are known."""
    function, first = function_of(step), before
    if function.stored:

        def before(turn: int) -> tf.Tensor:
            return store(first(turn))

    def called(turn: int, own: tf.Tensor, place: Place) -> tf.Tensor:
        """What the function makes of them, of rows that are placed somehow."""
        if function.kind == "whole":
            whole = own if turn == 0 else before(0)
            rows = {key: place(row) for key, row in step.rows.items()}
            return _turn(function.call(whole, **rows), turn)
        pointwise = function.kind == "pointwise"
        rows = {
            key: place(turn_row(row, turn, channels), pointwise)
            for key, row in step.rows.items()
        }

        def others() -> list[tf.Tensor]:
            count = known_channels(channels)
            return [before((turn + i) % count) for i in range(1, count)]

        return applied(function, own, others, channels, rows)

    def pixels(turn: int) -> tf.Tensor:
        own = before(turn)
        result = picked(step, pick, own, functools.partial(called, turn, own))
        if not result.shape[-1:].is_compatible_with(own.shape[-1:]):
            raise ValueError(
                f"{step.name!r} must give as many channels as it gets. Received: "
                f"{result.shape[-1]} of {own.shape[-1]}, as where a row has a number "
                "for each channel of other images."
            )
        if step.only is None:
            return result
        mask = spread(step.only[:, tf.newaxis], pick, own)
        return tf.where(mask, result, first(turn))

    return _once(pixels)


def applied(
    function: Function,
    own: tf.Tensor,
    others: Callable[[], Sequence[tf.Tensor]],
    channels: Any,
    rows: dict[str, tf.Tensor],
) -> tf.Tensor:
    """What a function makes of single pixels, with `others` if it mixes channels."""
    check_each_channel(function, own, channels, rows)
    if function.kind == "mixing":
        return function.call((own, *others()), **rows)
    if function.kind == "placed":
        y, x = rows_and_columns(dimension(own, 1), dimension(own, 2))
        return function.call(own, y, x, **rows)
    return function.call(own, **rows)


def _once(pixels: Pixels) -> Pixels:
    """The same pixels, each computed once, however many functions ask for them.

    XLA makes one loop of all turns, if they are turned as they are asked for. Elsewhere
    they are turned afterwards: the warp, and each function, runs for one turn alone.
    """
    if in_xla_context():
        return functools.cache(pixels)
    straight = pixels(0)
    return lambda turn: _turn(straight, turn)


def _turn(images: tf.Tensor, turn: int) -> tf.Tensor:
    """Puts channel c + turn into the place of channel c."""
    if turn == 0:
        return images
    return tf.concat([images[..., turn:], images[..., :turn]], axis=-1)


def turn_row(row: tf.Tensor, turn: int, channels: int) -> tf.Tensor:
    """A row for each channel, or a matrix of the channels, turned as they are."""
    for axis in range(1, row.shape.rank):
        if turn and row.shape[axis] == channels:
            row = tf.roll(row, -turn, axis=axis)
    return row
