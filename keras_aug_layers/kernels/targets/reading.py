"""What users pass as boxes and keypoints, checked, as dense tensors."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.checked import as_many, checked
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.targets import belongings, units
from keras_aug_layers.kernels.targets.formats import holds_minus_one, nothing

OF_EACH_BOX = ("labels", "classes", "scores", "confidence", "difficult")
"""Entries that must have an element for each box; others that have go with them too."""
BESIDE = ("weights", *OF_EACH_BOX)
"""The entries beside boxes or polygons that are known."""


class Form(NamedTuple):
    """How a kind of target is given.

    Attributes:
        key: its name in what a user passes.
        main: the name of its numbers in the dict under it.
        inner: the axes of one of them.
        shape: the same for an error.
    """

    key: str
    main: str
    inner: tuple[int | None, ...]
    shape: str


BOXES = Form("bounding_boxes", "boxes", (4,), "N, 4")
ROTATED = Form("rotated_boxes", "boxes", (5,), "N, 5")
POLYGONS = Form("polygons", "points", (None, 2), "N, P, 2")
OUTLINES = {form.key: form for form in (ROTATED, POLYGONS)}
"""Those that are moved, and to which nothing else is done."""
FORMS = {BOXES.key: BOXES, **OUTLINES}
"""All of them."""


class Given(NamedTuple):
    """Boxes and what belongs to each of them, dense and padded.

    Attributes:
        form: how they are given.
        boxes: (B, N, 4), or what the form says, without B for one image.
        beside: labels and the like, (B, N) or (B, N, …), under their names.
        weights: the part that each box has in its image, if they were mixed.
        lengths: how many there are of each image, where they came ragged.
        ranks: in how many axes each entry came ragged.
        perhaps: entries of which only a run tells whether each box has an element of
            them, as they came, and that: bool (). In `beside` they are, if not, filled
            with nothing.
    """

    form: Form
    boxes: tf.Tensor
    beside: dict[str, tf.Tensor]
    weights: tf.Tensor | None
    lengths: tf.Tensor | None
    ranks: dict[str, int]
    perhaps: dict[str, tuple[tf.Tensor, tf.Tensor]]


def read_boxes(
    bounding_boxes: Any,
    box_format: str,
    batch: tuple[int | None, ...],
    when_it_runs: bool = True,
) -> Given:
    """Reads boxes, and all entries beside them that have an element for each box.

    Args:
        bounding_boxes: what a user passes: a dict of `boxes` and `labels`.
        box_format: one of `BOX_FORMATS`.
        batch: (B,), or () for the boxes of one image.
        when_it_runs: as in `read`.

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    given = read(bounding_boxes, BOXES, batch, when_it_runs)
    _check_order(given.boxes, box_format)
    return given


def read(
    value: Any, form: Form, batch: tuple[int | None, ...], when_it_runs: bool = True
) -> Given:
    """Reads what has an element for each thing in an image, as boxes have.

    Args:
        value: what a user passes: a dict.
        form: how it is given.
        batch: (B,), or () for those of one image.
        when_it_runs: whether to check, too, what a graph knows only then. Of what
            another layer made, that would compute it, where nothing else needs it.

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    if not isinstance(value, dict) or form.main not in value:
        raise ValueError(
            f"`{form.key}` must be a dict with the key {form.main!r}, and 'labels'. "
            f"Received: {value!r}"
        )
    name = f"{form.key}[{form.main!r}]"
    boxes, lengths, rank = _dense(name, value[form.main], form.inner)
    b = "B, " if batch else ""
    wanted = f"the shape ({b}{form.shape})"
    _check_shape(name, boxes, (*batch, None, *form.inner), wanted)
    check_holds_minus_one(name, boxes.dtype)
    beside: dict[str, tf.Tensor] = {}
    perhaps: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}
    ranks, axes = {form.main: rank}, len(batch) + 1
    for key, entry in value.items():
        if key == form.main or entry is None:
            continue
        theirs = key in (*OF_EACH_BOX, "weights") or belongings.fits(
            entry, boxes, lengths, axes
        )
        if theirs is False:
            continue
        name = f"{form.key}[{key!r}]"
        dense, own_lengths, ranks[key] = _dense(name, entry, (None,))
        if theirs is not True:
            perhaps[key] = dense, theirs
            beside[key] = belongings.filled(theirs, dense, boxes, axes)
            continue
        wanted = f"an element for each box, the shape ({b}N) or ({b}N, K)"
        _check_shape(name, dense, (*batch, boxes.shape[len(batch)]), wanted)
        message = f"`{name}` must have {wanted}. Received: shape={dense.shape}"
        if lengths is None and own_lengths is None:
            right = as_many(dense, boxes, axes)
        else:
            right = belongings.same_rows(lengths, own_lengths)
            message = (
                f"`{name}` must have the rows of the boxes. Received: "
                "rows of other lengths. Write both as ragged tensors, an element for "
                "each box."
            )
        if when_it_runs or isinstance(right, bool):
            dense = checked(dense, right, message, own_lengths)
        beside[key] = dense
    weights = beside.pop("weights", None)
    return Given(form, boxes, beside, weights, lengths, ranks, perhaps)


def check_holds_minus_one(key: str, dtype: tf.DType) -> None:
    """Refuses a dtype that cannot hold what stands for "not there"."""
    if not holds_minus_one(dtype):
        raise ValueError(
            f"`{key}` must be of a dtype that holds -1, which stands for what is not "
            f"there. Received: {dtype.name}. Write tf.cast(…, 'float32')."
        )


def read_keypoints(keypoints: Any, batch: tuple[int | None, ...]) -> tf.Tensor:
    """Keypoints as a tensor, (B, …, N, 2) if `batch` is (B,), else (…, N, 2).

    A third number of a point, if there is one, says how visible it is. Ragged ones are
    filled up with -1.

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    ragged = isinstance(keypoints, tf.RaggedTensor)
    if ragged and keypoints.ragged_rank != 1:
        raise ValueError(
            "`keypoints` must be ragged in their number only. Received: "
            f"ragged_rank={keypoints.ragged_rank}. Write keypoints.to_tensor(-1)."
        )
    keypoints = _dense("keypoints", keypoints, ())[0]
    check_holds_minus_one("keypoints", keypoints.dtype)
    if keypoints.shape.rank and keypoints.shape[-1] is None:
        raise ValueError(
            "`keypoints` must have 2 numbers each, or 3. Received: an unknown number, "
            f"shape={keypoints.shape}. Write tf.ensure_shape(keypoints, (None, None, "
            "2))."
        )
    between = [None] * max((keypoints.shape.rank or 0) - len(batch) - 2, 0)
    _check_shape(
        "keypoints",
        keypoints,
        (*batch, *between, None, 3 if keypoints.shape[-1:] == (3,) else 2),
        f"the shape ({'B, ' if batch else ''}…, N, 2), or (…, N, 3) with a visibility",
    )
    return keypoints


def _check_shape(
    key: str, value: tf.Tensor, expected: tuple[int | None, ...], wanted: str
) -> None:
    """Refuses an unknown rank, and axes that differ from the expected ones."""
    shape = value.shape
    if shape.rank is None or not shape[: len(expected)].is_compatible_with(expected):
        raise ValueError(f"`{key}` must have {wanted}. Received: shape={shape}")


def _check_order(boxes: tf.Tensor, box_format: str) -> None:
    """Refuses boxes that end before they begin, where their values are known."""
    known = units.known(boxes, box_format)
    if known is None:
        return
    values, corners = known
    wrong = (corners[:, 2:] < corners[:, :2]).any(axis=1)
    if wrong.any():
        raise ValueError(
            "`bounding_boxes['boxes']` must not end before they begin. Received: "
            f"{values[wrong][0].tolist()} as {box_format!r}. Write the format that "
            "they are in as `bounding_box_format`."
        )


def _dense(
    name: str, value: Any, inner: tuple[int | None, ...]
) -> tuple[tf.Tensor, tf.Tensor | None, int]:
    """A dense tensor, its row lengths, and in how many axes it came ragged.

    What is filled up is -1 where the dtype holds that.
    """
    if isinstance(value, tf.RaggedTensor):
        if in_xla_context():
            raise ValueError(
                f"`{name}` must be dense in a function that XLA compiles. Received: a "
                "tf.RaggedTensor. Write value.to_tensor(-1) before it."
            )
        filled = _filled_up(name, value, inner)
        return filled, value.row_lengths(), value.ragged_rank
    try:
        return tf.convert_to_tensor(value), None, 0
    except (ValueError, TypeError):
        raise ValueError(
            f"`{name}` must be a dense tensor padded with -1, or a "
            "tf.RaggedTensor. Received rows of different lengths. Write "
            "tf.ragged.constant(…, ragged_rank=1)."
        ) from None


def _filled_up(
    name: str, value: tf.RaggedTensor, inner: tuple[int | None, ...]
) -> tf.Tensor:
    """Rows of one length, of what is ragged in the boxes, or in all its axes.

    Raises:
        ValueError: if the rows in it differ, or are not the 4 of a box; where that is
            known only when a graph runs, an InvalidArgumentError then.
    """
    if value.ragged_rank == 2 and inner[0] is None and len(inner) > 1:
        value = value.with_values(value.values.to_tensor(nothing(value.dtype)))
    elif value.ragged_rank == 2:
        longest = tf.cast(value.bounding_shape(axis=2), tf.int32)
        known = inner[0]
        size = known or longest
        message = (
            f"`{name}` must be ragged in the number of boxes only, "
            f"with {f'{known} numbers' if known else 'as many elements'} for each. "
            "Received: rows of other lengths."
        )
        lengths = value.values.row_lengths()
        if tf.executing_eagerly():
            if (lengths.numpy() != np.asarray(size)).any():
                raise ValueError(message)
        else:
            size_now = tf.cast(size, lengths.dtype)
            tf.debugging.assert_equal(lengths, size_now, message)
        flat, count = value.flat_values, tf.size(lengths)  # -1 is ambiguous of none
        rows = tf.reshape(flat, tf.concat([[count, size], tf.shape(flat)[1:]], axis=0))
        if known:
            rows = tf.ensure_shape(rows, (None, *inner))
        value = value.with_values(rows)
    elif value.ragged_rank != 1:
        raise ValueError(
            f"`{name}` must be ragged in the number of boxes, and in "
            f"one axis more at most. Received: ragged_rank={value.ragged_rank}. Write "
            "tf.ragged.constant(…, ragged_rank=1), or value.to_tensor(-1)."
        )
    return value.to_tensor(default_value=nothing(value.dtype))
