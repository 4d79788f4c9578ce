"""Bounding boxes and keypoints under a matrix.

Two conventions meet here, and only here. Keypoints name pixels: the centre of pixel
(0, 0) is (0, 0), and a flip maps x to W - 1 - x. Boxes name the edges of pixels: the
full frame is (0, 0, W, H), and the centre of pixel (0, 0) is (0.5, 0.5). So edges are
centres plus one half. Relative coordinates are edges over the size of the frame: 0 is
its left or top edge, 1 its right or bottom edge.

    edges       0     1     2     3           W = 3
                |  .  |  .  |  .  |
    centres        0     1     2

What leaves the frame, and what was -1 to begin with, is -1: padding, as in Keras.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

BOX_FORMATS = tuple(
    relative + order
    for relative in ("", "rel_")
    for order in ("xyxy", "yxyx", "xywh", "center_xywh")
)
BOX_FITS = ("corners", "ellipse")
KEYPOINT_FORMATS = ("xy", "rel_xy")

Move = Callable[[tf.Tensor], tf.Tensor]

_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
_STEPS = np.linspace(-1, 1, 17)
_EDGES = np.array([(x, y) for x in _STEPS for y in _STEPS if 1 in (abs(x), abs(y))])
_ANGLES = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
"""Where a field bends the edges of a box, more points of them are followed."""


def known_format(box_format: str | None) -> str:
    """Returns the layer's box format; a ValueError if it was given none."""
    if box_format is None:
        raise ValueError(
            "`bounding_box_format` must be given to the layer where the data has "
            "`bounding_boxes`. Received: None. Write bounding_box_format='xyxy', or "
            f"another of {', '.join(BOX_FORMATS)}."
        )
    return box_format


def read_boxes(
    bounding_boxes: Any, box_format: str, batch: tuple[int | None, ...]
) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor | None]:
    """Boxes and labels as dense tensors, and the row lengths if they were ragged.

    Args:
        bounding_boxes: what a user passes: a dict of `boxes` and `labels`.
        box_format: one of `BOX_FORMATS`.
        batch: (B,), or () for the boxes of one image.

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    if not isinstance(bounding_boxes, dict) or "boxes" not in bounding_boxes:
        raise ValueError(
            "`bounding_boxes` must be a dict with the key 'boxes', and 'labels'. "
            f"Received: {bounding_boxes!r}"
        )
    boxes, lengths = _dense("boxes", bounding_boxes["boxes"])
    b = "B, " if batch else ""
    _check_shape(
        "bounding_boxes['boxes']",
        boxes,
        (*batch, None, 4),
        f"the shape ({b}N, 4)",
    )
    _check_order(boxes, box_format)
    if bounding_boxes.get("labels") is None:
        return boxes, None, lengths
    labels, label_lengths = _dense("labels", bounding_boxes["labels"])
    count = boxes.shape[len(batch)]
    _check_shape(
        "bounding_boxes['labels']",
        labels,
        (*batch, count),
        f"a label for each box, the shape ({b}N) or ({b}N, K)",
    )
    if (lengths is None) != (label_lengths is None) or _differ(lengths, label_lengths):
        raise ValueError(
            "`bounding_boxes['labels']` must have the rows of the boxes. Received: "
            "rows of other lengths. Write both as ragged tensors, a label for each box."
        )
    return boxes, labels, lengths


def read_keypoints(keypoints: Any, batch: tuple[int | None, ...]) -> tf.Tensor:
    """Keypoints as a tensor, (B, …, N, 2) if `batch` is (B,), else (…, N, 2).

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    if isinstance(keypoints, tf.RaggedTensor):
        raise ValueError(
            "`keypoints` must be dense, padded with -1. Received: a ragged tensor. "
            "Write keypoints.to_tensor(-1)."
        )
    keypoints = tf.convert_to_tensor(keypoints)
    between = [None] * max((keypoints.shape.rank or 0) - len(batch) - 2, 0)
    _check_shape(
        "keypoints",
        keypoints,
        (*batch, *between, None, 2),
        f"the shape ({'B, ' if batch else ''}…, N, 2)",
    )
    return keypoints


def _check_shape(
    key: str, value: tf.Tensor, expected: tuple[int | None, ...], wanted: str
) -> None:
    """Refuses an unknown rank, and axes that differ from the expected ones."""
    shape = value.shape
    if shape.rank is None or not shape[: len(expected)].is_compatible_with(expected):
        raise ValueError(f"`{key}` must have {wanted}. Received: shape={shape}")


def _differ(a: tf.Tensor | None, b: tf.Tensor | None) -> bool:
    """Whether row lengths are known to differ."""
    if a is None or b is None or not tf.executing_eagerly():
        return False
    return a.numpy().tolist() != b.numpy().tolist()


def _check_order(boxes: tf.Tensor, box_format: str) -> None:
    """Refuses boxes that end before they begin, where their values are known."""
    values = tf.get_static_value(boxes)
    if values is None:
        return
    with tf.init_scope():  # also where a graph is being built: the values are there
        batch = tf.reshape(tf.constant(values, tf.float64), (1, -1, 4))
        unit = tf.ones((1, 1, 4), tf.float64)
        corners = to_xyxy(batch, unit, box_format)[0]
        wrong = (corners[:, 2:] < corners[:, :2]).numpy().any(axis=1)
    wrong &= (values.reshape(-1, 4) != -1).any(axis=1)
    if wrong.any():
        raise ValueError(
            "`bounding_boxes['boxes']` must not end before they begin. Received: "
            f"{values.reshape(-1, 4)[wrong][0].tolist()} as "
            f"{box_format!r}. Write the format that they are in as "
            "`bounding_box_format`."
        )


def _dense(key: str, value: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
    """A dense tensor, padded with -1, and its row lengths if the value was ragged."""
    if isinstance(value, tf.RaggedTensor):
        if value.ragged_rank != 1:
            raise ValueError(
                f"`bounding_boxes[{key!r}]` must be ragged in the number of boxes "
                f"only. Received: ragged_rank={value.ragged_rank}. Write "
                "tf.ragged.constant(…, ragged_rank=1)."
            )
        padding = tf.cast(-1, value.dtype)
        return value.to_tensor(default_value=padding), value.row_lengths()
    try:
        return tf.convert_to_tensor(value), None
    except (ValueError, TypeError):
        raise ValueError(
            f"`bounding_boxes[{key!r}]` must be a dense tensor padded with -1, or a "
            "tf.RaggedTensor. Received rows of different lengths. Write "
            "tf.ragged.constant(…, ragged_rank=1)."
        ) from None


def to_edges(centres: tf.Tensor) -> tf.Tensor:
    """From coordinates of pixel centres to those of pixel edges."""
    return centres + 0.5


def to_centres(edges: tf.Tensor) -> tf.Tensor:
    """From coordinates of pixel edges to those of pixel centres."""
    return edges - 0.5


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
        keypoints: float (B, N, 2).
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
    points = keypoints
    if keypoint_format == "rel_xy":
        points = to_centres(points * before)
    moved = to_edges(move(points))
    outside = tf.reduce_any((moved < 0.0) | (moved > frame), axis=-1, keepdims=True)
    moved = moved / frame if keypoint_format == "rel_xy" else to_centres(moved)
    minus_one = -tf.ones_like(moved)
    return tf.where((outside & mark_outside) | padding, minus_one, moved)


def move_boxes(
    boxes: tf.Tensor,
    move: Move,
    matrix: tf.Tensor | None,
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
    if box_fit == "ellipse" and matrix is not None:
        new = to_edges(_around_ellipse(old, matrix))
    else:
        shape = _CORNERS if box_fit == "corners" else _CIRCLE
        bent = _EDGES if matrix is None and box_fit == "corners" else shape
        new = to_edges(_around(old, move, bent))
    clipped = tf.clip_by_value(new, 0.0, frame)
    width, height = (new[..., i + 2] - new[..., i] for i in (0, 1))
    seen_width, seen_height = (clipped[..., i + 2] - clipped[..., i] for i in (0, 1))
    # Along each axis, not by area, so that a huge or a flat box is no 0/0.
    visible = _part(seen_width, width) * _part(seen_height, height)
    inside = (new[..., :2] < frame[..., 2:]) & (new[..., 2:] > 0.0)
    kept = tf.reduce_all(inside, axis=-1) & (visible >= min_visibility) & ~padding
    result = from_xyxy(clipped, frame, box_format)
    return tf.where(kept[..., tf.newaxis], result, -tf.ones_like(result)), kept


def to_xyxy(boxes: tf.Tensor, frame: tf.Tensor, box_format: str) -> tf.Tensor:
    """From any of `BOX_FORMATS` to left, top, right, bottom in pixels.

    Args:
        boxes: (B, N, 4).
        frame: (B, 1, 4): width, height, width, height.
        box_format: the format of `boxes`.
    """
    order = box_format.removeprefix("rel_")
    if order == "yxyx":
        boxes = tf.gather(boxes, [1, 0, 3, 2], axis=-1)
    elif order == "xywh":
        boxes = tf.concat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)
    elif order == "center_xywh":
        half = boxes[..., 2:] / 2.0
        boxes = tf.concat([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
    return boxes * frame if box_format.startswith("rel_") else boxes


def from_xyxy(boxes: tf.Tensor, frame: tf.Tensor, box_format: str) -> tf.Tensor:
    """The inverse of `to_xyxy`."""
    if box_format.startswith("rel_"):
        boxes = boxes / frame
    order = box_format.removeprefix("rel_")
    low, high = boxes[..., :2], boxes[..., 2:]
    if order == "yxyx":
        return tf.gather(boxes, [1, 0, 3, 2], axis=-1)
    if order == "xywh":
        return tf.concat([low, high - low], axis=-1)
    if order == "center_xywh":
        return tf.concat([(low + high) / 2.0, high - low], axis=-1)
    return boxes


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


def _around_ellipse(boxes: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """The frame around the moved inscribed ellipse.

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
    far = tf.constant(float("inf"), boxes.dtype)
    moved = tf.concat([q02 / q22 - spread, q02 / q22 + spread], axis=-1)
    return tf.where(seen, moved, far)


def _part(seen: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """The visible part of a length; all of it where there is none."""
    one = tf.ones_like(whole)
    return tf.where(whole > 0.0, seen / tf.where(whole > 0.0, whole, one), one)
