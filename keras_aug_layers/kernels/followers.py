"""What follows images beside their moves: labels, masks, boxes and points.

Moves are the business of `targets` and `coordinates`. Here is what steps of pixels do
to targets: a region that is erased, a partner that is mixed in.
"""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.program import Step, for_all_axes, function_of
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.targets import belongings
from keras_aug_layers.kernels.targets.formats import nothing
from keras_aug_layers.kernels.targets.reading import Given
from keras_aug_layers.kernels.warp import dimension


class Boxes(NamedTuple):
    """The boxes of a batch at one point of a stack.

    Attributes:
        corners: float64 (B, N, 4): left, top, right, bottom in pixels for a function
            of the register, in the user's format between them; of outlines what they
            are made of, (B, N, 5) or (B, N, P, 2).
        kept: which are boxes, and no padding: bool (B, N).
        beside: labels and whatever else each has, (B, N) or (B, N, …).
        weights: the part that each has in its image, once mixed: (B, N), float32, or
            float64 where they came so.
        lengths: how many there are of each image, where they came ragged.
    """

    corners: tf.Tensor
    kept: tf.Tensor
    beside: Mapping[str, tf.Tensor] = MappingProxyType({})
    weights: tf.Tensor | None = None
    lengths: tuple[tf.Tensor, ...] | None = None


def touches(step: Step, target: str) -> bool:
    """Whether a step does something to a kind of target.

    Args:
        step: the step.
        target: "labels", "segmentation_masks", "boxes", "keypoints"; or "maps", which
            are masks but for labels that are written into those.
    """
    function = function_of(step)
    target = "masks" if target == "segmentation_masks" else target
    if function.reorders is not None:
        return target == "keypoints"
    if target == "maps":
        return function.masks is not None and "masks" not in function.optional
    if getattr(function, target) is None:
        return False
    needed = function.optional.get(target)
    return needed is None or needed in step.rows


def mixes(step: Step, target: str) -> bool:
    """Whether a step does more to a kind of target than to change its order."""
    return touches(step, target) and function_of(step).reorders is None


def mask_of(step: Step, batch: Any) -> tf.Tensor:
    """The images that a step is for: bool (B,)."""
    return tf.ones([batch], tf.bool) if step.only is None else step.only


def change(step: Step, target: str, values: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """What a step makes of labels or masks, which keep their shape and dtype.

    Args:
        step: the step.
        target: "labels" or "masks".
        values: what is there by now.
        before: what was there before the step, or before those that it is beside.
    """
    changed = getattr(function_of(step), target)(before, **step.rows)
    if step.only is None:
        return changed
    return tf.where(for_all_axes(step.only, values), changed, values)


def chosen(only: tf.Tensor, values: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Values (B, N, …) of the images that are chosen, others (B, M, …) of the rest.

    The fewer of the two are padded with nothing.
    """
    count = tf.maximum(tf.shape(values)[1], tf.shape(others)[1])
    known = values.shape[1] is not None

    def padded(x: tf.Tensor) -> tf.Tensor:
        if known and values.shape[1] == others.shape[1]:
            return x
        shape = tf.shape(x)
        more = tf.concat([shape[:1], [count - shape[1]], shape[2:]], axis=0)
        return tf.concat([x, tf.fill(more, nothing(x.dtype))], axis=1)

    return tf.where(for_all_axes(only, values), padded(values), padded(others))


def chosen_boxes(only: tf.Tensor, boxes: Boxes, others: Boxes) -> Boxes:
    """The boxes of the images that are chosen, and the others of the rest."""

    def either(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        return chosen(only, one, other)

    weights = None
    if boxes.weights is not None or others.weights is not None:
        weights = either(*(weights_of(x) for x in (boxes, others)))
    lengths = None
    if boxes.lengths is not None and others.lengths is not None:
        pairs = itertools.zip_longest(
            boxes.lengths, others.lengths, fillvalue=tf.zeros_like(boxes.lengths[0])
        )
        lengths = tuple(tf.where(only, one, other) for one, other in pairs)
    return Boxes(
        either(boxes.corners, others.corners),
        either(boxes.kept, others.kept),
        {key: either(boxes.beside[key], others.beside[key]) for key in boxes.beside},
        weights,
        lengths,
    )


def weights_of(boxes: Boxes) -> tf.Tensor:
    """The part that each box has in its image: all of it, where nothing was mixed."""
    if boxes.weights is not None:
        return boxes.weights
    return tf.ones_like(boxes.kept, tf.float32)


def along(each: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """What there is of each box, (B, N) or (1, N), with the axes of (B, N, …)."""
    more = (1,) * (values.shape.rank - 2)
    return tf.reshape(each, tf.concat([tf.shape(each), more], axis=0))


def row_of(row: tf.Tensor) -> tf.Tensor:
    """(B, n) as float32 (B, 1, 1, n), as functions of pixels get their rows."""
    return tf.cast(row, tf.float32)[:, tf.newaxis, tf.newaxis]


def share_covered(covered: tf.Tensor, corners: tf.Tensor) -> tf.Tensor:
    """The covered part of what a frame shows of each box: float64 (B, N), 0 of nothing.

    By a summed area table (Crow, "Summed-area tables for texture mapping", SIGGRAPH
    1984), which is interpolated at the corners: exact for boxes between pixels too.

    Args:
        covered: bool (B, H, W).
        corners: (B, N, 4): left, top, right, bottom.
    """
    height, width = dimension(covered, 1), dimension(covered, 2)
    table = tf.cast(covered, tf.float64)
    table = tf.cumsum(tf.cumsum(table, axis=1), axis=2)
    table = tf.pad(table, ((0, 0), (1, 0), (1, 0)))
    flat = tf.reshape(table, (tf.shape(covered)[0], -1))
    frame = tf.cast(tf.stack([width, height, width, height]), corners.dtype)
    corners = tf.clip_by_value(corners, 0.0, frame)
    left, top, right, bottom = tf.unstack(corners, axis=-1)

    def below(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        column = tf.clip_by_value(tf.floor(x), 0.0, tf.cast(width - 1, x.dtype))
        row = tf.clip_by_value(tf.floor(y), 0.0, tf.cast(height - 1, x.dtype))
        first = tf.cast(row, tf.int32) * (width + 1) + tf.cast(column, tf.int32)
        a, b, c, d = (
            tf.gather(flat, first + way, batch_dims=1)
            for way in (0, 1, width + 1, width + 2)
        )
        right, down = x - column, y - row
        return (1.0 - down) * ((1.0 - right) * a + right * b) + down * (
            (1.0 - right) * c + right * d
        )

    area = (right - left) * (bottom - top)
    sums = below(right, bottom) - below(left, bottom) - below(right, top)
    return tf.math.divide_no_nan(sums + below(left, top), area)


def at_points(covered: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Whether the pixel at each point is covered; False outside of the frame.

    Args:
        covered: bool (B, H, W).
        points: (B, N, 2): x and y, pixel centres at integers; (B, N, 3) too.
    """
    points = points[..., :2]
    height, width = dimension(covered, 1), dimension(covered, 2)
    limit = tf.cast(tf.stack([width, height]), points.dtype)
    inside = tf.reduce_all((points >= -0.5) & (points < limit - 0.5), axis=-1)
    safe = tf.where(inside[..., tf.newaxis], points, tf.zeros_like(points))
    x, y = tf.unstack(tf.cast(tf.floor(safe + 0.5), tf.int32), axis=-1)
    flat = tf.reshape(covered, (tf.shape(covered)[0], -1))
    return inside & tf.gather(flat, y * width + x, batch_dims=1)


def state_of(given: Given, batched: bool) -> Boxes:
    """The state of boxes that came in, a batch of one where they are of one image."""
    boxes, weights = given.boxes, given.weights
    beside = {**given.beside}
    if weights is not None and weights.dtype != tf.float64:
        weights = tf.cast(weights, tf.float32)
    if not batched:
        boxes, weights = (
            None if x is None else x[tf.newaxis] for x in (boxes, weights)
        )
        beside = {key: x[tf.newaxis] for key, x in beside.items()}
    corners = tf.cast(boxes, tf.float64)
    kept = ~tf.reduce_all(tf.equal(corners, -1.0), axis=-1)
    lengths = None if given.lengths is None else (given.lengths,)
    return Boxes(corners, kept, beside, weights, lengths)


def boxes_of(
    state: Boxes, given: Given, batched: bool, grown: bool = False
) -> dict[str, Any]:
    """The entries of a dict of boxes, in the form in which they were given.

    Where no box is, entries are -1, or 0, False or "" in a dtype without it; weights
    are 0.

    Args:
        state: what became of the boxes.
        given: how they came in.
        batched: whether they are of a batch.
        grown: whether there may be more of them now.
    """
    result = {given.form.main: finish(state.corners, given.boxes.dtype)}
    for key, values in state.beside.items():
        kept = along(state.kept, values)
        result[key] = tf.where(kept, values, nothing(values.dtype))
    if state.weights is not None:
        kept = along(state.kept, state.weights)
        weights = tf.where(kept, state.weights, tf.zeros_like(state.weights))
        own = tf.float32 if given.weights is None else given.weights.dtype
        same = own.is_floating or not grown  # a part of one is no whole number
        result["weights"] = tf.cast(weights, own) if same else weights
    if not batched:
        result = {key: value[0] for key, value in result.items()}
    for key, (entry, fitting) in given.perhaps.items():
        result[key] = belongings.chosen(fitting, result[key], entry, grown)
    if state.lengths is None:
        return result
    return {
        key: _ragged(value, state.lengths, given.ranks.get(key, 1))
        for key, value in result.items()
    }


def _ragged(
    values: tf.Tensor, lengths: tuple[tf.Tensor, ...], rank: int
) -> tf.RaggedTensor:
    """What came ragged goes so: of each image its own boxes, then its partners'."""
    count = tf.shape(values)[1] // len(lengths)
    parts = []
    for number, length in enumerate(lengths):
        own = values
        if len(lengths) > 1:
            own = values[:, number * count : (number + 1) * count]
        part = tf.RaggedTensor.from_tensor(own, length, row_splits_dtype=length.dtype)
        parts.append(part)
    whole = tf.concat(parts, axis=1) if len(parts) > 1 else parts[0]
    if rank == 1:
        return whole
    inner = tf.RaggedTensor.from_tensor(whole.values, row_splits_dtype=lengths[0].dtype)
    return whole.with_values(inner)
