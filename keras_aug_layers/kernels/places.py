"""Where pixels and points read: x and y in the images, of a reader."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.coordinates import Reader


class Places(NamedTuple):
    """Where pixels read: (B, height, width) each.

    Attributes:
        x: counted from the edge of the first pixel, whose centre is at 0.5.
        y: likewise.
        finite: whether they can read at all; None for everywhere.
        number: int32, in which image of the batch; None for their own.
        steps: how many pixels of the images one of what comes out is wide, and how many
            it is high, of what broadcasts to x; None for at least 1.
    """

    x: tf.Tensor
    y: tf.Tensor
    finite: tf.Tensor | None
    number: tf.Tensor | None = None
    steps: tuple[tf.Tensor, tf.Tensor] | None = None

    def finer(self, x: Any, y: Any) -> "Places":
        """The same places, of what is x times as wide as a pixel, and y times as high.

        Where a pixel is read at two points of an axis, each is the middle of what
        reaches to the pixel's edge.
        """
        if self.steps is None:
            return self
        wide, high = self.steps
        return self._replace(steps=(wide * x, high * y))


def places_of(reader: Reader, height: Any, width: Any) -> Places:
    """Where each output pixel reads."""
    u = tf.range(width, dtype=tf.float32)
    v = tf.range(height, dtype=tf.float32)[:, tf.newaxis]
    return places_at(reader, u, v)


def places_at(reader: Reader, u: tf.Tensor, v: tf.Tensor) -> Places:
    """Where points of the output read.

    Args:
        reader: where its pixels read.
        u: float32 (W,) or (B, 1, W), columns.
        v: float32 (H, 1) or (B, H, 1), rows.
    """
    if reader.function is not None:
        wide = u if u.shape.rank == 3 else u[tf.newaxis, tf.newaxis]
        high = v if v.shape.rank == 3 else v[tf.newaxis]
        place = (tf.stop_gradient(c) for c in reader.function(wide, high))
        return by_function(reader, place)

    inside = None
    if reader.pick is not None:
        y, x = tf.reshape(v, (1, -1, 1)), tf.reshape(u, (1, 1, -1))
        inside = reader.pick.inside(y, x)
    # What does not depend on u is computed once for each row.
    u += reader.half
    return by_matrix(reader, v, inside, lambda slope, row: slope * u + row)


def by_function(reader: Reader, place: Iterable[tf.Tensor]) -> Places:
    """Where points read, of what the function of a reader says of them."""
    x, y, *rest = place
    x, y = x + 0.5, y + 0.5
    number = tf.cast(rest[0], tf.int32) if rest else None
    finite = None if reader.affine else tf.math.is_finite(x) & tf.math.is_finite(y)
    return Places(x, y, finite, number)


def by_matrix(
    reader: Reader,
    v: tf.Tensor,
    inside: tf.Tensor | None,
    along: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> Places:
    """Where points read, of a reader that is one matrix.

    Args:
        reader: the reader.
        v: their rows, with an axis for the images or without.
        inside: which of them read what the partner of their image reads.
        along: makes of a slope (B, 1, 1), and of what each row begins with, the sum of
            a slope times the column, `reader.half` added to it, and that.
    """
    half, rank = (0.5 if reader.affine else 0.0), max(2, v.shape.rank - 1)
    v = v + reader.half

    def linear(row: Callable[[tf.Tensor], tf.Tensor]) -> list[tf.Tensor]:
        """The products of x and y; the depth, if there is one; or how they step."""

        def wide(matrix: tf.Tensor) -> tf.Tensor:
            shape = (-1, *matrix.shape[1:]) + (1,) * rank
            return tf.reshape(tf.stop_gradient(row(matrix)), shape)

        m = wide(reader.matrix)
        last = [m[:, i, 2] + half for i in (0, 1)] + [tf.ones_like(m[:, 2, 2])]
        if reader.shared:
            axes = wide(reader.axes)
            last = [axes[:, i, 1] for i in (0, 1)]
        parts = [
            along(m[:, i, 0], m[:, i, 1] * v + last[i])
            for i in range(2 if reader.affine else 3)
        ]
        if reader.windowed:
            for i, part in enumerate(reader.part):
                parts.append((tf.abs(m[:, i, 0]) + tf.abs(m[:, i, 1])) * part)
        return parts

    parts, number = linear(lambda row: row), None
    if reader.pick is not None and inside is not None:
        theirs = linear(reader.pick.of_partner)
        parts = [tf.where(inside, *two) for two in zip(theirs, parts, strict=True)]
        number = reader.pick.number(inside)
    x, y, *rest = parts
    if reader.affine:
        return Places(x, y, None, number, (rest[0], rest[1]) if rest else None)
    depth = rest[0]
    finite = depth != 0.0
    depth = tf.where(finite, depth, tf.ones_like(depth))
    return Places(x / depth + 0.5, y / depth + 0.5, finite, number)


def numbers(places: Places, batch: Any) -> tf.Tensor:
    """In which image of the batch pixels read: int32 (B, 1, 1) or (B, H, W)."""
    if places.number is not None:
        return places.number
    return tf.reshape(tf.range(batch), (-1, 1, 1))
