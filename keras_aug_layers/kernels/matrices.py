"""Homographies of the image plane, as float64 tensors of shape (B, 3, 3).

A matrix maps the coordinates (x, y, 1) of an *output* pixel to those of the *input*
pixel that it shows (pull-back). Coordinates are centred: the origin is the middle of
the frame, x points right, y points down, and the unit is a pixel. There, rotations,
zooms and flips are their textbook matrices; `to_pixels` moves the origin to the
middle of the top left pixel, once for a whole product.

Every function is pure and accepts scalars or tensors of shape (B,). float64 keeps the
products of long stacks exact where the moves are, and the same on every device once
they are rounded to float32 for the warp.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.device import on_gpu

SHARED, UPRIGHT, AFFINE, HOMOGRAPHY = KINDS = (
    "shared",
    "upright",
    "affine",
    "homography",
)
"""The names of the steps that are a matrix: without a turn or a slant, first those that
all images of a batch share; those that end in the row 0, 0, 1; all others."""


def from_rows(*rows: tuple[Any, Any, Any]) -> tf.Tensor:
    """Builds matrices (B, 3, 3) of nine entries, each a number or (B,).

    A sum of entries times unit matrices, which XLA fuses, unlike a stack of entries.
    Numbers are one constant: fewer ops are traced and compiled sooner.
    """
    numbers, terms = np.zeros((1, 3, 3)), []
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            unit = np.zeros((3, 3))
            unit[i, j] = 1.0
            if tf.is_tensor(entry) or np.ndim(entry):
                column = tf.reshape(tf.cast(entry, tf.float64), (-1, 1, 1))
                terms.append(column * unit)
            else:
                numbers += entry * unit
    return sum(terms, tf.constant(numbers))


def identity() -> tf.Tensor:
    """The matrix that moves nothing, of shape (1, 3, 3)."""
    return tf.eye(3, batch_shape=(1,), dtype=tf.float64)


def shift(dx: Any, dy: Any) -> tf.Tensor:
    """Moves the image by dx pixels to the right and by dy pixels down."""
    return from_rows((1.0, 0.0, -dx), (0.0, 1.0, -dy), (0.0, 0.0, 1.0))


def scale(sx: Any, sy: Any) -> tf.Tensor:
    """Shows sx times the width and sy times the height of the source.

    Above 1 the image is zoomed out, below 1 in; -1 mirrors it.
    """
    return from_rows((sx, 0.0, 0.0), (0.0, sy, 0.0), (0.0, 0.0, 1.0))


def flip(horizontal: Any, vertical: Any) -> tf.Tensor:
    """Mirrors left and right, top and bottom, where the booleans say so."""
    sx, sy = (tf.where(tf.cast(x, tf.bool), -1.0, 1.0) for x in (horizontal, vertical))
    return scale(sx, sy)


def rotate(turns: Any) -> tf.Tensor:
    """Turns the image counter-clockwise by a fraction of a full turn.

    The angle is reduced to an eighth of a turn around the nearest quarter before the
    cosine is taken, so that quarter turns are exact.
    """
    quarters = tf.round(4.0 * tf.convert_to_tensor(turns, tf.float64))
    angle = 2.0 * math.pi * (turns - quarters / 4.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Integers would be computed by the host of a GPU, which waits for them.
    quadrant = tf.cast(quarters - 4.0 * tf.floor(quarters / 4.0), tf.float32)
    even = tf.equal(tf.abs(quadrant - 1.0), 1.0)
    cos, sin = tf.where(even, cos, -sin), tf.where(even, sin, cos)
    sign = tf.where(quadrant < 2.0, tf.ones_like(cos), -tf.ones_like(cos))
    cos, sin = sign * cos, sign * sin
    return from_rows((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0))


def shear(x: Any, y: Any) -> tf.Tensor:
    """Shows at (u, v) the source at (u + x v, v + y u): a slant along either axis."""
    return from_rows((1.0, x, 0.0), (y, 1.0, 0.0), (0.0, 0.0, 1.0))


def perspective(corners: tf.Tensor, height: Any, width: Any) -> tf.Tensor:
    """Shows a quadrilateral of the source in the whole frame.

    The map from the unit square to a quadrilateral is that of Heckbert, "Fundamentals
    of texture mapping and image warping", 1989, section 2.2.3.

    Args:
        corners: (B, 4, 2): x and y of the source at the top left, top right, bottom
            right and bottom left corner of the frame, centred.
        height: the frame's height.
        width: the frame's width.
    """
    p00, p10, p11, p01 = tf.unstack(tf.cast(corners, tf.float64), axis=1)
    side1, side2, gap = p10 - p11, p01 - p11, p00 - p10 + p11 - p01
    determinant = _cross(side1, side2)
    g, h = _cross(gap, side2) / determinant, _cross(side1, gap) / determinant
    across = p10 - p00 + g[:, tf.newaxis] * p10
    along = p01 - p00 + h[:, tf.newaxis] * p01
    square_to_source = from_rows(
        (across[:, 0], along[:, 0], p00[:, 0]),
        (across[:, 1], along[:, 1], p00[:, 1]),
        (g, h, 1.0),
    )
    w, h = tf.cast(width, tf.float64), tf.cast(height, tf.float64)  # 0 may divide
    frame_to_square = from_rows((1 / w, 0.0, 0.5), (0.0, 1 / h, 0.5), (0.0, 0.0, 1.0))
    return compose(square_to_source, frame_to_square)


def _cross(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def compose(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """The product a @ b: one warp that equals a warp by a, then by b.

    Written as a sum, which XLA fuses with its neighbours, unlike a batched `matmul`;
    for a GPU as one without a reduction, which would be a kernel of its own.
    """
    if on_gpu():
        return sum(a[:, :, i : i + 1] * b[:, i : i + 1, :] for i in range(3))
    return tf.reduce_sum(a[:, :, :, tf.newaxis] * b[:, tf.newaxis, :, :], axis=2)


def none(matrix: tf.Tensor) -> tf.Tensor:
    """What stands for no matrix at all, as for the window where there is no crop."""
    return tf.zeros((3, 3), matrix.dtype)


def is_none(matrix: tf.Tensor) -> tf.Tensor:
    """Which ones (B, 1, 1) of matrices stand for none."""
    return tf.equal(matrix[:, 2:, 2:], 0.0)


def both(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """The product a @ b; where one of them is none, the other one."""
    product = tf.where(is_none(a), b, compose(a, b))
    return tf.where(is_none(b), a, product)


def inverse(matrix: tf.Tensor) -> tf.Tensor:
    """The inverse, as adjugate over determinant."""
    r0, r1, r2 = tf.unstack(matrix, axis=1)
    adjugate = tf.stack(
        [tf.linalg.cross(r1, r2), tf.linalg.cross(r2, r0), tf.linalg.cross(r0, r1)],
        axis=2,
    )
    determinant = tf.reduce_sum(r0 * tf.linalg.cross(r1, r2), axis=1)
    return adjugate / determinant[:, tf.newaxis, tf.newaxis]


def normalize(matrix: tf.Tensor) -> tf.Tensor:
    """The same homography with a last entry of 1, which the warp takes for granted."""
    return matrix / matrix[:, 2:, 2:]


def to_pixels(
    matrix: tf.Tensor, source: tuple[Any, Any], target: tuple[Any, Any]
) -> tf.Tensor:
    """Moves both origins from the middle of a frame to the middle of its first pixel.

    Args:
        matrix: centred (B, 3, 3).
        source: height and width of the frame that is read.
        target: height and width of the one that comes out.
    """
    (x, y), (u, v) = _middle(source), _middle(target)
    return compose(compose(shift(-x, -y), matrix), shift(u, v))


def axes(matrix: tf.Tensor) -> tf.Tensor:
    """How x and y are read, were there no turn and no slant: (B, 2, 2).

    For each, how far two pixels lie apart, and where the outer edge of the first one
    reads, counted from the edge of the image. Of a resize that is 0: a place is then
    rounded once, as `tf.image.resize` rounds it, and where it falls on the edge of two
    pixels the nearest one is the same.

    Args:
        matrix: from `to_pixels`.
    """
    scales = tf.stack([matrix[:, 0, 0], matrix[:, 1, 1]], axis=1)
    return tf.stack([scales, matrix[:, :2, 2] + 0.5 - scales / 2.0], axis=2)


def _middle(size: tuple[Any, Any]) -> tuple[Any, Any]:
    height, width = (tf.cast(x, tf.float64) if tf.is_tensor(x) else x for x in size)
    return (width - 1.0) / 2.0, (height - 1.0) / 2.0
