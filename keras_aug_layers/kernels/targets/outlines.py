"""Rotated boxes and polygons, moved with the pixels that they enclose.

Both count in pixel edges, as boxes do. Neither is clipped to the frame, of which it
would be no rectangle, or have more corners; what lies outside of it becomes -1.
"""

import math

import tensorflow as tf

from keras_aug_layers.kernels.targets.formats import TOUCHING, to_centres, to_edges
from keras_aug_layers.kernels.targets.moving import CORNERS, Move


def move_rotated(
    boxes: tf.Tensor, move: Move, target: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves rotated boxes: the rectangle around the four moved corners.

    Its width lies along what the box's width has become, so that an angle tells where a
    thing looks: (-180, 180]. Under a turn, a zoom and a flip it is exact.

    Args:
        boxes: float (B, N, 5): the centre's x and y, width, height, and the angle in
            degrees, counter-clockwise.
        move: what becomes of points (B, N, 2), pixel centres at integers.
        target: (B, 2): heights and widths of what comes out.

    Returns:
        The boxes, and which have their centre in the frame, bool (B, N).
    """
    angle = boxes[..., 4:] * (math.pi / 180.0)
    along = tf.concat([tf.cos(angle), -tf.sin(angle)], axis=-1)
    sides = boxes[..., tf.newaxis, 2:4] * (CORNERS / 2)
    corners = (
        boxes[..., tf.newaxis, :2]
        + sides[..., :1] * along[..., tf.newaxis, :]
        + sides[..., 1:] * _across(along)[..., tf.newaxis, :]
    )
    corners = _moved(corners, move)
    a, b, c, d = tf.unstack(corners, axis=-2)
    # Of a box without a width its height says where the width would be.
    along = _direction(b - a + c - d, _direction(-_across(d - a + c - b), along))
    low, high = _extent(corners, along)
    low_across, high_across = _extent(corners, _across(along))
    centre = (low + high) / 2.0 * along
    centre += (low_across + high_across) / 2.0 * _across(along)
    # 0 - y, for atan2 tells 180 degrees from -180 by the sign of a zero
    turned = tf.math.atan2(0.0 - along[..., 1:], along[..., :1]) * (180.0 / math.pi)
    size = [high - low, high_across - low_across]
    frame = tf.cast(target[:, tf.newaxis, ::-1], boxes.dtype)
    inside = (centre >= -TOUCHING) & (centre <= frame + TOUCHING)
    inside = tf.reduce_all(inside, axis=-1)
    return tf.concat([centre, *size, turned], axis=-1), inside


def move_polygons(
    points: tf.Tensor,
    move: Move,
    source: tf.Tensor,
    target: tf.Tensor,
    relative: bool,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves polygons: all their corners, also those that leave the frame.

    Args:
        points: float (B, N, P, 2), x and y, (-1, -1) where there are fewer.
        move: what becomes of points (B, N, 2), pixel centres at integers.
        source: (B, 2): heights and widths of the images.
        target: (B, 2): heights and widths of what comes out.
        relative: whether they are parts of the frame.

    Returns:
        The polygons, and of which the bounding box meets the frame, bool (B, N). One
        with a corner behind the horizon of a perspective has no corner there, and is
        not kept.
    """
    before, frame = (
        tf.cast(size[:, tf.newaxis, tf.newaxis, ::-1], points.dtype)
        for size in (source, target)
    )
    padding = tf.reduce_all(tf.equal(points, -1.0), axis=-1, keepdims=True)
    moved = _moved(points * before if relative else points, move)
    far = tf.constant(float("inf"), points.dtype)
    low = tf.reduce_min(tf.where(padding, far, moved), axis=2)
    high = tf.reduce_max(tf.where(padding, -far, moved), axis=2)
    meets = (low < frame[:, :, 0] - TOUCHING) & (high > TOUCHING)
    kept = meets & (low > -far) & (high < far)
    moved = moved / frame if relative else moved
    moved = tf.where(padding, -tf.ones_like(moved), moved)
    return moved, tf.reduce_all(kept, axis=-1)


def _moved(corners: tf.Tensor, move: Move) -> tf.Tensor:
    """Moves pixel edges (B, N, P, 2)."""
    shape = tf.shape(corners)
    flat = tf.reshape(to_centres(corners), (shape[0], shape[1] * shape[2], 2))
    return tf.reshape(to_edges(move(flat)), shape)


def _across(along: tf.Tensor) -> tf.Tensor:
    """The direction of the height, where the width lies along another one."""
    return tf.stack([-along[..., 1], along[..., 0]], axis=-1)


def _direction(side: tf.Tensor, otherwise: tf.Tensor) -> tf.Tensor:
    """The direction of a side, or another one where it has no length."""
    length = tf.norm(side, axis=-1, keepdims=True)
    known = length > 1e-9
    return tf.where(known, side / tf.where(known, length, 1.0), otherwise)


def _extent(corners: tf.Tensor, along: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """From where to where corners (B, N, 4, 2) reach in a direction: (B, N, 1) each."""
    places = tf.reduce_sum(corners * along[..., tf.newaxis, :], axis=-1)
    return (
        tf.reduce_min(places, axis=-1, keepdims=True),
        tf.reduce_max(places, axis=-1, keepdims=True),
    )
