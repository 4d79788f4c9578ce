"""Boxes and keypoints, moved with the pixels that they belong to."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.coordinates import NEAR
from keras_aug_layers.kernels.targets.formats import (
    ROUNDING,
    TOUCHING,
    from_xyxy,
    in_frame,
    to_centres,
    to_edges,
    to_xyxy,
)

Move = Callable[[tf.Tensor], tf.Tensor]

CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
_STEPS = np.linspace(-1, 1, 17)
_EDGES = np.array([(x, y) for x in _STEPS for y in _STEPS if 1 in (abs(x), abs(y))])
"""Where a field bends the edges of a box, more points of them are followed."""
_ANGLES = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)


def move_keypoints(
    keypoints: tf.Tensor,
    move: Move,
    source: tf.Tensor,
    target: tf.Tensor,
    keypoint_format: str,
    mark_outside: bool = True,
) -> tf.Tensor:
    """Moves keypoints; those that end outside the frame become (-1, -1).

    Args:
        keypoints: float (B, N, 2), or (B, N, 3) with a visibility, which stays.
        move: what becomes of points (B, N, 2), pixel centres at integers.
        source: (B, 2): heights and widths of the images.
        target: (B, 2): heights and widths of what comes out.
        keypoint_format: one of `KEYPOINT_FORMATS`.
        mark_outside: whether those outside the frame become (-1, -1).
    """
    before, frame = (
        tf.cast(size[:, tf.newaxis, ::-1], keypoints.dtype) for size in (source, target)
    )
    padding = tf.reduce_all(tf.equal(keypoints, -1.0), axis=-1, keepdims=True)
    points = keypoints[..., :2]
    if keypoint_format == "rel_xy":
        points = to_centres(points * before)
    moved = to_edges(move(points))
    within = tf.clip_by_value(moved, 0.0, frame)
    beyond = tf.abs(moved - within) > TOUCHING
    outside = tf.reduce_any(beyond, axis=-1, keepdims=True)
    moved = tf.where(beyond, moved, within)
    moved = moved / frame if keypoint_format == "rel_xy" else to_centres(moved)
    moved = tf.concat([moved, keypoints[..., 2:]], axis=-1)
    minus_one = -tf.ones_like(moved)
    return tf.where((outside & mark_outside) | padding, minus_one, moved)


def on_pixels(points: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Whole numbers for points: those in the frame are pixels of it.

    The right and the lower edge would else be rounded up, to a pixel that is not there.
    """
    last = tf.cast(size[:, tf.newaxis, ::-1] - 1, points.dtype)
    places, rest = points[..., :2], points[..., 2:]
    edge = (places > last) & (places <= last + 0.5 + TOUCHING)
    return tf.concat([tf.round(tf.where(edge, last, places)), rest], axis=-1)


def absent(points: tf.Tensor) -> tf.Tensor:
    """Points (B, N, 3) of which those that are not there are -1 in all numbers.

    They are (-1, -1) with any visibility, or (0, 0, 0), as COCO has them.
    """
    padding = tf.reduce_all(tf.equal(points[..., :2], -1.0), axis=-1, keepdims=True)
    unlabelled = tf.reduce_all(tf.equal(points, 0.0), axis=-1, keepdims=True)
    return tf.where(padding | unlabelled, -tf.ones_like(points), points)


def move_boxes(
    boxes: tf.Tensor,
    move: Move,
    matrix: tf.Tensor | None,
    perspective: bool,
    source: tf.Tensor,
    target: tf.Tensor,
    box_format: str,
    box_fit: str,
    min_visibility: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves boxes: the frame around what each becomes, clipped to the image.

    Args:
        boxes: float (B, N, 4).
        move: what becomes of points (B, N, 2), pixel centres at integers.
        matrix: the homography (B, 3, 3) or (1, 3, 3) that `move` is, if it is one.
        perspective: whether it has a horizon, perhaps.
        source: (B, 2): heights and widths of the images.
        target: (B, 2): heights and widths of what comes out.
        box_format: one of `BOX_FORMATS`.
        box_fit: "corners": around the four moved corners; "ellipse": around the moved
            inscribed ellipse, which keeps boxes of round things tight.
        min_visibility: the least part of a moved box, by area, that must lie inside
            the image.

    Returns:
        The boxes, -1 where they are not kept; and which are kept, bool (B, N).
    """
    before, frame = (
        tf.cast(tf.concat([size, size], axis=1)[:, tf.newaxis, ::-1], boxes.dtype)
        for size in (source, target)
    )
    padding = tf.reduce_all(tf.equal(boxes, -1.0), axis=-1)
    old = to_centres(to_xyxy(boxes, before, box_format))
    if matrix is not None and (box_fit == "ellipse" or perspective):
        new = _around_seen(old, matrix)
        new = to_edges(
            _around_ellipse(old, matrix, new) if box_fit != "corners" else new
        )
    else:
        shape = CORNERS if box_fit == "corners" else _CIRCLE
        bent = _EDGES if matrix is None and box_fit == "corners" else shape
        new = to_edges(_around(old, move, bent))
    clipped = tf.clip_by_value(new, 0.0, frame)
    width, height = (new[..., i + 2] - new[..., i] for i in (0, 1))
    seen_width, seen_height = (clipped[..., i + 2] - clipped[..., i] for i in (0, 1))
    # Along each axis, not by area, so that a huge or a flat box is no 0/0.
    visible = _part(seen_width, width) * _part(seen_height, height)
    inside = in_frame(new[..., :2], new[..., 2:], frame[..., :2])
    kept = inside & (visible >= min_visibility - ROUNDING) & ~padding
    result = from_xyxy(clipped, frame, box_format)
    return tf.where(kept[..., tf.newaxis], result, -tf.ones_like(result)), kept


def _around(boxes: tf.Tensor, move: Move, shape: np.ndarray) -> tf.Tensor:
    """The frame around the moved points of a shape in the box.

    Args:
        boxes: (B, N, 4), left, top, right, bottom.
        move: what becomes of points.
        shape: (n, 2), from -1, the left or top of the box, to 1, its right or bottom.
    """
    low, high = boxes[..., tf.newaxis, :2], boxes[..., tf.newaxis, 2:]
    points = low * ((1.0 - shape) / 2.0) + high * ((1.0 + shape) / 2.0)
    batch, count = tf.shape(boxes)[0], tf.shape(boxes)[1]
    points = move(tf.reshape(points, (batch, len(shape) * count, 2)))
    points = tf.reshape(points, (batch, count, len(shape), 2))
    return tf.concat(
        [tf.reduce_min(points, axis=2), tf.reduce_max(points, axis=2)], axis=-1
    )


def _around_seen(boxes: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """The frame around the part of moved boxes that lies before the horizon.

    That part has corners where an edge meets the horizon, very far off.
    """
    ones = tf.ones_like(boxes[..., :1])
    low, high = (tf.concat([x, ones], -1) for x in (boxes[..., :2], boxes[..., 2:]))
    shape = np.concatenate([CORNERS, np.ones((4, 1))], axis=1)
    shape = tf.constant(shape, boxes.dtype)
    corners = low[..., tf.newaxis, :] * ((1.0 - shape) / 2.0)
    corners += high[..., tf.newaxis, :] * ((1.0 + shape) / 2.0)
    corners = tf.matmul(corners, matrices[:, tf.newaxis], transpose_b=True)
    after = tf.roll(corners, -1, axis=2)
    depth, next_depth = corners[..., 2:], after[..., 2:]
    before = depth > NEAR
    meets = tf.not_equal(before, next_depth > NEAR)
    apart = tf.where(meets, depth - next_depth, tf.ones_like(depth))
    edge = corners + (depth - NEAR) / apart * (after - corners)
    there = tf.concat([before, meets], axis=2)
    places = tf.concat([corners, edge], axis=2)
    depth = tf.concat([depth, NEAR * tf.ones_like(depth)], axis=2)
    places = places[..., :2] / tf.where(there, depth, tf.ones_like(depth))
    far = tf.constant(float("inf"), boxes.dtype)
    low = tf.reduce_min(tf.where(there, places, far), axis=2)
    high = tf.reduce_max(tf.where(there, places, -far), axis=2)
    return tf.concat([low, high], axis=-1)


def _around_ellipse(
    boxes: tf.Tensor, matrices: tf.Tensor, otherwise: tf.Tensor
) -> tf.Tensor:
    """The frame around the moved inscribed ellipse.

    Where it meets the horizon of a perspective it is `otherwise`, that of the box.

    The ellipse with centre c and radii r is the dual conic diag(r², -1) moved to c; a
    homography H maps a dual conic Q to H Q Hᵀ, and the vertical line at x touches it
    where Q00 - 2 x Q02 + x² Q22 = 0 (Hartley and Zisserman, Multiple View Geometry,
    2nd edition, section 2.2.3).
    """
    centre, radii = (
        (boxes[..., :2] + boxes[..., 2:]) / 2,
        (boxes[..., 2:] - boxes[..., :2]) / 2,
    )
    one = tf.ones_like(centre[..., :1])
    c = tf.concat([centre, one], axis=-1)
    axes = tf.linalg.diag(tf.concat([radii**2, 0.0 * one], axis=-1))
    conic = axes - c[..., :, tf.newaxis] * c[..., tf.newaxis, :]
    h = matrices[:, tf.newaxis]
    conic = tf.matmul(tf.matmul(h, conic), h, transpose_b=True)
    q02, q22 = conic[..., :2, 2], conic[..., 2, 2, tf.newaxis]
    q00 = tf.linalg.diag_part(conic)[..., :2]
    # q22 < 0 as long as the ellipse lies in front of the horizon.
    seen = q22 < -1e-6
    q22 = tf.where(seen, q22, -tf.ones_like(q22))
    spread = tf.sqrt(tf.maximum(q02**2 - q00 * q22, 0.0)) / -q22
    moved = tf.concat([q02 / q22 - spread, q02 / q22 + spread], axis=-1)
    return tf.where(seen, moved, otherwise)


def _part(seen: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """The visible part of a length; all of it where there is none."""
    one = tf.ones_like(whole)
    return tf.where(whole > 0.0, seen / tf.where(whole > 0.0, whole, one), one)
