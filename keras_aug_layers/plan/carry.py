"""What becomes of targets: they are moved as their images, and changed as those are.

A plan is gone through in parts, as the images are: what leaves the frame in one of them
is lost to the next. All moves of a part are one.

What shows several images in one (a mosaic) moves boxes and points with the places of
their images first; what follows moves them all as one.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels import coordinates, followers, matrices
from keras_aug_layers.kernels.followers import Boxes, mask_of, mixes, touches
from keras_aug_layers.kernels.program import Program, Step, function_of
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.targets import formats, moving
from keras_aug_layers.kernels.targets.outlines import move_polygons, move_rotated
from keras_aug_layers.kernels.targets.reading import ROTATED, Given
from keras_aug_layers.plan import strides
from keras_aug_layers.plan.plan import Plan

TARGETS = ("labels", "segmentation_masks", "boxes", "keypoints")
"""What steps may do something to, beside images."""


def touched(plan: Plan, target: str) -> bool:
    """Whether a step of the plan does more to a target than to move it."""
    return any(touches(step, target) for step in _steps(plan))


def mixed(plan: Plan, target: str) -> bool:
    """Whether there may be more of it than before: that of other images."""
    return any(mixes(step, target) for step in _steps(plan))


def of_targets(step: Step) -> bool:
    """Whether a step does more to any target than to move it."""
    return any(touches(step, target) for target in TARGETS)


def parts(plan: Plan, target: str) -> list[Plan]:
    """The parts of a plan, each with the steps of pixels that touch the target."""
    divided: list[Plan] = []
    untouched = False
    for part in plan.parts:
        if part.gathers and touches(part.coordinates[0], target):
            gathered, *others = part.coordinates
            divided.append(Plan(pixels=(gathered,)))
            # A move, if only of nothing: what lies outside of the frame goes.
            others = others or [coordinates.affine(matrix=matrices.identity())]
            part = part._replace(coordinates=tuple(others))
        touching, untouched = _touching(part.pixels, target, untouched)
        divided.append(part._replace(pixels=touching))
    return divided


def _touching(program: Program, target: str, untouched: bool) -> tuple[Program, bool]:
    """The steps that touch a target, each beside one that does, or beside none.

    Args:
        program: all steps.
        target: the target.
        untouched: whether the last step before them that is beside none touches it not.

    Returns:
        These steps; and whether that is so of the last one of them.
    """
    touching: list[Step] = []
    for step in program:
        if not touches(step, target):
            untouched |= not step.beside
            continue
        if untouched and step.beside:
            step = Step(step.name, step.rows, step.only)
        touching.append(step)
        untouched = False
    return tuple(touching), untouched


def _steps(plan: Plan) -> Program:
    """All steps, in the order in which they are done."""
    return tuple(
        step for part in plan.parts for step in (*part.coordinates, *part.pixels)
    )


def masks(
    plan: Plan,
    warp: Callable[[Plan, tf.Tensor], tf.Tensor],
    values: tf.Tensor,
    kind: str,
    stride: Any = 1,
) -> tf.Tensor:
    """Moves and changes masks (B, H, W, C), or maps, perhaps of a coarser grid."""
    before = values
    for part in parts(plan, kind):
        if part.moves:
            values = finish(warp(part, values), values.dtype)
        if part.pixels:  # which count in pixels of the images
            values = strides.refined(values, stride)
            for step in part.pixels:
                before = before if step.beside else values
                values = followers.change(step, "masks", values, before)
            values = strides.coarsened(values, stride)
    return values


def labels(plan: Plan, values: tf.Tensor) -> tf.Tensor:
    """Changes one-hot labels (B, K)."""
    before = values
    for part in parts(plan, "labels"):
        for step in part.pixels:
            before = before if step.beside else values
            values = followers.change(step, "labels", values, before)
    return values


def boxes(
    plan: Plan,
    before: Boxes,
    size: tf.Tensor,
    box_format: str,
    box_fit: str,
    min_visibility: float,
) -> Boxes:
    """Moves and changes boxes.

    Args:
        plan: what is done to the images.
        before: the boxes, whose corners are in `box_format`, as come out those of the
            result; -1 where they are not kept.
        size: int32 (B, 2): heights and widths of the images.
        box_format: the format of the corners.
        box_fit: as for `moving.move_boxes`.
        min_visibility: likewise.
    """
    state = earlier = before
    for part in parts(plan, "boxes"):
        target = size_made(part, size)
        if part.moves:
            corners, kept = moving.move_boxes(
                state.corners,
                _mover(part, size, target),
                _forward(part, size, target),
                any(x.name == matrices.HOMOGRAPHY for x in part.coordinates),
                size,
                target,
                box_format,
                box_fit,
                min_visibility,
            )
            state = state._replace(corners=corners, kept=kept & state.kept)
        for step in part.pixels:
            earlier = earlier if step.beside else state
            changed = _changed(step, earlier, part, target, box_format, min_visibility)
            if step.beside:
                changed = followers.chosen_boxes(step.only, changed, state)
            state = changed
        size = target
    return state


def _changed(
    step: Step,
    state: Boxes,
    part: Plan,
    size: tf.Tensor,
    box_format: str,
    visible: float,
) -> Boxes:
    """What a step of a part does to boxes."""
    sides = tf.concat([size, size], axis=1)[:, tf.newaxis, ::-1]
    frame = tf.cast(sides, state.corners.dtype)
    xyxy = formats.to_xyxy(state.corners, frame, box_format)
    # What is not kept is -1 in some format: nowhere, for those that look at places.
    state = state._replace(corners=tf.where(state.kept[..., tf.newaxis], xyxy, 0.0))
    change: Any = function_of(step).boxes  # a step that has none touches none
    only = mask_of(step, tf.shape(size)[0])
    state = change(state, _shape(part, size), only, visible, **step.rows)
    corners = formats.from_xyxy(state.corners, frame, box_format)
    return state._replace(
        corners=tf.where(state.kept[..., tf.newaxis], corners, -tf.ones_like(corners))
    )


def keypoints(
    plan: Plan,
    points: tf.Tensor,
    size: tf.Tensor,
    keypoint_format: str,
    mark_outside: bool,
    count: Any,
) -> tf.Tensor:
    """Moves and changes keypoints (B, N, 2) or (B, N, 3), in `keypoint_format`.

    A point that is not there is (-1, -1); its visibility is -1 on the way, and 0 in the
    end. In a group of `count` neighbours each has a name of its own.
    """
    columns = points.shape[-1]
    if columns == 3:
        points = moving.absent(points)
    before = points
    for part in parts(plan, "keypoints"):
        target = size_made(part, size)
        if part.moves:
            moved = moving.move_keypoints(
                points,
                _mover(part, size, target),
                size,
                target,
                keypoint_format,
                mark_outside,
            )
            points = moved if mark_outside else formats.there(moved, points)
        for step in part.pixels:
            reorder = function_of(step).reorders
            if reorder is not None:
                points = reorder(points, count, **step.rows)
                continue
            before = before if step.beside else points
            seen = _seen(step, before, part, target, keypoint_format)
            if step.beside:
                seen = followers.chosen(step.only, seen, points)
            points = seen
        size = target
    if columns == 3:
        there = tf.reduce_any(points[..., :2] != -1.0, axis=-1, keepdims=True)
        seen = tf.where(there, points[..., 2:], 0.0)
        points = tf.concat([points[..., :2], seen], axis=-1)
    return points


def outlines(
    plan: Plan, given: Given, size: tf.Tensor, state: Boxes, relative: bool
) -> Boxes:
    """Moves rotated boxes and polygons; those that are not kept are -1.

    Args:
        plan: what is done to the images.
        given: what was read.
        size: int32 (B, 2): heights and widths of the images.
        state: the same for a batch, with whole numbers in `corners`.
        relative: whether polygons are in parts of the frame.
    """
    inner = given.form.inner
    for part in plan.parts:
        if not part.moves:
            continue
        target = size_made(part, size)
        move, numbers = _mover(part, size, target), state.corners
        there = tf.reduce_any(numbers != -1.0, axis=tuple(range(-len(inner), 0)))
        if given.form is ROTATED:
            moved, kept = move_rotated(numbers, move, target)
        else:
            moved, kept = move_polygons(numbers, move, size, target, relative)
            moved = formats.there(moved, numbers)
        kept &= there
        mask = tf.reshape(kept, tf.concat([tf.shape(kept), [1] * len(inner)], axis=0))
        corners = tf.where(mask, moved, -tf.ones_like(moved))
        state, size = state._replace(corners=corners, kept=kept), target
    return state


def _seen(
    step: Step, points: tf.Tensor, part: Plan, size: tf.Tensor, keypoint_format: str
) -> tf.Tensor:
    """What a step does to keypoints; those that are -1 stay."""
    frame = tf.cast(size[:, tf.newaxis, ::-1], points.dtype)
    relative = keypoint_format == "rel_xy"

    def placed(points: tf.Tensor, place: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Points in another unit, but for their visibility and for those at -1."""
        padding = tf.reduce_all(tf.equal(points, -1.0), axis=-1, keepdims=True)
        other = tf.concat([place(points[..., :2]), points[..., 2:]], axis=-1)
        return tf.where(padding, -tf.ones_like(other), other)

    if relative:
        points = placed(points, lambda x: formats.to_centres(x * frame))
    only = mask_of(step, tf.shape(size)[0])
    change: Any = function_of(step).keypoints
    points = change(points, _shape(part, size), only, **step.rows)
    if relative:
        points = placed(points, lambda x: formats.to_edges(x) / frame)
    return points


def _shape(part: Plan, size: tf.Tensor) -> tuple[Any, Any]:
    """Height and width of what comes out of a part; 0 of a batch of no images."""
    if part.size is not None:
        return part.size
    height, width = tf.unstack(tf.reduce_max(tf.concat([size, [[0, 0]]], 0), axis=0))
    return height, width


def size_made(part: Plan, size: tf.Tensor) -> tf.Tensor:
    """Sizes of what comes out of a part, int32 (B, 2)."""
    return size if part.size is None else tf.zeros_like(size) + part.size


def _mover(part: Plan, size: tf.Tensor, target: tf.Tensor) -> moving.Move:
    """What a part does to points (B, N, 2)."""
    return lambda points: coordinates.move_points(
        part.coordinates, points, size, target
    )


def _forward(part: Plan, size: tf.Tensor, target: tf.Tensor) -> tf.Tensor | None:
    """The homographies from input to output pixels, where they are all."""
    matrix = coordinates.one_matrix(part.coordinates)
    if matrix is None:
        return None
    back = coordinates.forward(matrix)
    return matrices.to_pixels(
        back, tf.unstack(target, axis=1), tf.unstack(size, axis=1)
    )
