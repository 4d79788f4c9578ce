"""Coordinate programs: where each output pixel reads, and where each point goes.

Every step maps the coordinates of its output to those of its input, each counted from
the middle of its own frame, x to the right and y down, in pixels. A program is run
backwards, from the last frame to the first.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import fields, matrices
from keras_aug_layers.kernels.matrices import AFFINE, HOMOGRAPHY, SHARED, UPRIGHT
from keras_aug_layers.kernels.picks import Pick
from keras_aug_layers.kernels.program import (
    Program,
    Step,
    function_of,
    register,
    to_double,
)

NEAR = 1e-6
"""The depth of the horizon of a perspective: what lies no deeper is not seen."""

Point = tuple[tf.Tensor, ...]
"""x and y; and, of the source, the number of its image, where it is another one."""


class Reader(NamedTuple):
    """Where the pixels of an output frame read.

    Attributes:
        matrix: float32 (B, 3, 3) or (1, 3, 3), from output to input pixels, with a last
            entry of 1, where the program is one matrix; else None.
        affine: whether every matrix ends in the row 0, 0, 1.
        function: from x and y, float32 (1, 1, W) and (1, H, 1), pixel centres at
            integers, to x and y of the source; and to the number of the image that is
            read, where it may be another one of the batch.
        upright: whether the matrices neither turn nor slant.
        shared: whether they are the same for all images, and upright.
        looked_up: whether the function asks a table for each place.
        pick: which pixels read what their image's partner reads, instead; only where
            the program is one matrix.
        windowed: whether it chooses a window of the images, and they may be enlarged:
            a fill then blends with them over a pixel of what comes out.
        axes: float32 (B, 2, 2) or (1, 2, 2), from `matrices.axes`: by these, images are
            read that are upright, and shared or read axis by axis.
        part: of how much of a pixel that comes out, along x and y, a place is the
            middle: of less than a half where two are read beside that of the pixel.
    """

    matrix: tf.Tensor | None
    affine: bool
    function: Callable[[tf.Tensor, tf.Tensor], Point] | None = None
    upright: bool = False
    shared: bool = False
    looked_up: bool = False
    pick: Pick | None = None
    windowed: bool = False
    axes: tf.Tensor | None = None
    part: tuple[Any, Any] = (1.0, 1.0)

    @property
    def half(self) -> float:
        """What is added to the number of a pixel before its place is computed.

        Other matrices than shared ones are read by the op, too, which adds nothing: on
        the edge of two pixels both forms take the same one.
        """
        return 0.5 if self.shared else 0.0

    def by(self, matrix: tf.Tensor) -> "Reader":
        """The same, by matrices in float64."""
        axes = tf.cast(matrices.axes(matrix), tf.float32)
        return self._replace(matrix=tf.cast(matrix, tf.float32), axes=axes)

    def of_first(self) -> tf.Tensor:
        """The axes (2, 2) of the first image, the identity's where there is none."""
        still = tf.constant([[[1.0, 0.0], [1.0, 0.0]]])
        return tf.concat([self.axes, still], axis=0)[0]


def _apply_affine(
    x: tf.Tensor, y: tf.Tensor, matrix: tf.Tensor, crop: tf.Tensor | None = None
) -> Point:
    m = matrix[..., tf.newaxis, tf.newaxis]
    return (
        m[:, 0, 0] * x + (m[:, 0, 1] * y + m[:, 0, 2]),
        m[:, 1, 0] * x + (m[:, 1, 1] * y + m[:, 1, 2]),
    )


def _apply_upright(
    x: tf.Tensor, y: tf.Tensor, matrix: tf.Tensor, crop: tf.Tensor | None = None
) -> Point:
    """The same, without what is 0: columns stay columns, and rows stay rows."""
    m = matrix[..., tf.newaxis, tf.newaxis]
    return m[:, 0, 0] * x + m[:, 0, 2], m[:, 1, 1] * y + m[:, 1, 2]


def _apply(
    x: tf.Tensor, y: tf.Tensor, matrix: tf.Tensor, crop: tf.Tensor | None = None
) -> Point:
    m = matrix[..., tf.newaxis, tf.newaxis]
    depth = m[:, 2, 0] * x + m[:, 2, 1] * y + m[:, 2, 2]
    return (
        (m[:, 0, 0] * x + m[:, 0, 1] * y + m[:, 0, 2]) / depth,
        (m[:, 1, 0] * x + m[:, 1, 1] * y + m[:, 1, 2]) / depth,
    )


def _product(first: Step, after: Step) -> Step | None:
    if not {first.name, after.name} <= set(matrices.KINDS):
        return None
    rows = {"matrix": matrices.compose(first.rows["matrix"], after.rows["matrix"])}
    if "crop" in after.rows and first.name in (SHARED, UPRIGHT):
        rows["crop"] = _seen_behind(first, after)
    elif (crop := crop_of((first, after))) is not None:
        rows["crop"] = crop
    kind = max(first.name, after.name, key=matrices.KINDS.index)
    return Step(kind, rows)


def _seen_behind(first: Step, after: Step) -> tf.Tensor:
    """The window (B, 3, 3) of a crop behind what is upright.

    Images that it is not for have the window that they had: there it does nothing.
    """
    crop = after.rows["crop"]
    window = matrices.compose(first.rows["matrix"], crop)
    had = first.rows.get("crop", matrices.none(crop))
    return tf.where(matrices.is_none(crop), had, window)


def _inverse(step: Step) -> Step:
    return Step(step.name, {"matrix": matrices.inverse(step.rows["matrix"])})


def _eye(row: tf.Tensor) -> tf.Tensor:
    return tf.eye(3, dtype=row.dtype)


_FACTS = {
    "neutral": {"matrix": _eye, "crop": matrices.none},
    "product": _product,
    "inverse": _inverse,
}
shared = register(SHARED, "coordinates", _apply_upright, **_FACTS, for_some=UPRIGHT)
upright = register(UPRIGHT, "coordinates", _apply_upright, **_FACTS)
affine = register(AFFINE, "coordinates", _apply_affine, **_FACTS)
homography = register(HOMOGRAPHY, "coordinates", _apply, **_FACTS)


def crop_of(program: Program, moved: bool = False) -> tf.Tensor | None:
    """The window (B, 3, 3) that a program's crops choose; None where there are none.

    A matrix that chooses a window stands in its step's row "crop", too, with what was
    upright before it: what is measured behind it is measured in there, see
    `kernels/measured.py`. Of turns in front of it nothing stands there. Where it is
    `moved`, it is that of a crop of all that the program shows.
    """
    crops = [step.rows.get("crop") for step in program]
    if moved and program and program[-1].name in (SHARED, UPRIGHT):
        crops[-1] = program[-1].rows["matrix"]
    there = [crop for crop in crops if crop is not None]
    return functools.reduce(matrices.both, there) if there else None


def one_matrix(program: Program) -> tf.Tensor | None:
    """The centred matrix (B, 3, 3) that a program is; None where it is none."""
    if not program:
        return matrices.identity()
    if len(program) == 1 and program[0].name in matrices.KINDS:
        return program[0].rows["matrix"]
    return None


def reader(
    program: Program,
    source: tuple[Any, Any],
    target: tuple[Any, Any],
    stride: Any = 1,
) -> Reader:
    """Where the pixels of a frame read that a program makes.

    Args:
        program: the steps of coordinates, in pixels of the images.
        source: height and width of what is read, numbers, scalars or tensors (B,).
        target: height and width of what comes out.
        stride: how many pixels of the images a pixel of what is read is wide: 1 for
            images, more for maps of a coarser grid.
    """
    straight = not any(step.name == HOMOGRAPHY for step in program)
    matrix = one_matrix(program)
    if matrix is not None:
        if not is_one(stride):
            wide, narrow = to_double(stride), 1.0 / to_double(stride)
            matrix = matrices.compose(matrices.scale(narrow, narrow), matrix)
            matrix = matrices.compose(matrix, matrices.scale(wide, wide))
        matrix = matrices.to_pixels(matrix, source, target)
        if not straight:
            matrix = matrices.normalize(matrix)
        name = program[0].name if program else AFFINE
        return Reader(
            None,
            straight,
            upright=name in (SHARED, UPRIGHT),
            shared=name == SHARED,
            windowed=straight and any("crop" in step.rows for step in program),
        ).by(matrix)

    if not is_one(stride):
        program = tuple(_coarse(step, stride) for step in program)
    program = fields.in_front(program, tuple(x * stride for x in target), _run)
    (source_x, source_y), (target_x, target_y) = _middle(source), _middle(target)
    wide = tf.cast(stride, tf.float32)

    def read(x: tf.Tensor, y: tf.Tensor) -> Point:
        place: Point = (x - target_x) * wide, (y - target_y) * wide
        for step in reversed(program):
            place = _run(step, *place)
        x, y, *number = place
        return (x / wide + source_x, y / wide + source_y, *number)

    looked_up = any(step.name in (fields.BEND, fields.UNBEND) for step in program)
    return Reader(None, straight, read, looked_up=looked_up)


def _coarse(step: Step, stride: Any) -> Step:
    """A step of images, told how wide pixels of maps are, if it asks for that."""
    asked = "pixel" in inspect.signature(function_of(step).call).parameters
    if not asked or "pixel" in step.rows:
        return step
    pixel = tf.reshape(to_double(stride), (1, 1))
    return Step(step.name, {**step.rows, "pixel": pixel}, step.only, step.beside)


def is_one(stride: Any) -> bool:
    """Whether a stride is known to be that of the images."""
    return isinstance(stride, int) and stride == 1


def _middle(size: tuple[Any, Any]) -> tuple[tf.Tensor, tf.Tensor]:
    height, width = (tf.cast(x, tf.float32) for x in size)
    return (width - 1.0) / 2.0, (height - 1.0) / 2.0


def _run(step: Step, x: tf.Tensor, y: tf.Tensor) -> Point:
    """One step, for the images that it is for."""
    rows = {key: tf.cast(row, x.dtype) for key, row in step.rows.items()}
    if step.name not in matrices.KINDS:
        rows = {key: _wide(row) for key, row in rows.items()}
    moved = function_of(step).call(x, y, **rows)
    if step.only is None:
        return moved
    mask = tf.reshape(step.only, (-1, 1, 1))
    own = x, y, tf.reshape(tf.range(tf.shape(mask)[0], dtype=x.dtype), (-1, 1, 1))
    return tuple(tf.where(mask, a, b) for a, b in zip(moved, own, strict=False))


def _wide(row: tf.Tensor) -> tf.Tensor:
    """(B, 1) as (B, 1, 1), for coordinates (B, H, W); longer rows as (B, n, 1, 1)."""
    if row.shape.rank == 2 and row.shape[1] == 1:
        return row[..., tf.newaxis]
    return row[..., tf.newaxis, tf.newaxis] if row.shape.rank == 2 else row


def move_points(
    program: Program, points: tf.Tensor, source: tf.Tensor, target: tf.Tensor
) -> tf.Tensor:
    """Moves points (x, y) from the images to what a program makes of them.

    Args:
        program: the steps of coordinates.
        points: float64 (B, N, 2), pixel centres at integers.
        source: (B, 2): heights and widths of the images.
        target: (B, 2): heights and widths of what comes out.

    Returns:
        (B, N, 2); points on or behind the horizon of a perspective are infinitely far,
        in the direction in which what lies before it goes.

    Raises:
        ValueError: if a step has no inverse, and so says nothing of points.
    """
    before, after = (
        ((tf.cast(size, points.dtype) - 1.0) / 2.0)[:, tf.newaxis, ::-1]
        for size in (source, target)
    )
    points = points - before
    far = tf.zeros_like(points)  # where those go that are behind a horizon
    height, width = tf.unstack(target, axis=1)
    for step in fields.in_front(program, (height, width), _run):
        if step.name in matrices.KINDS:
            matrix = forward(step.rows["matrix"])
            moved = _through(points, matrix)
            hidden = tf.math.is_inf(moved)
            gone = tf.reduce_any(far != 0.0, axis=-1, keepdims=True)
            far = tf.matmul(far, matrix[:, :2, :2], transpose_b=True)
            far = tf.where(hidden & ~gone, tf.sign(moved), far)
            points = tf.where(hidden, points, moved)
            continue
        invert = function_of(step).inverse
        if invert is None:
            raise ValueError(
                f"Points cannot follow the function {step.name!r}: it has no inverse. "
                "Write register(…, inverse=…), a function that makes of a step the one "
                "that undoes it."
            )
        back = invert(step)
        back = Step(back.name, back.rows, step.only)
        x, y = _run(back, points[:, tf.newaxis, :, 0], points[:, tf.newaxis, :, 1])
        points = tf.stack(
            [tf.broadcast_to(c[:, 0], tf.shape(points)[:2]) for c in (x, y)], axis=-1
        )
    return tf.where(far == 0.0, points + after, far * float("inf"))


def forward(matrix: tf.Tensor) -> tf.Tensor:
    """The inverses of centred matrices, for points.

    Their sign is such that what the middle of the frame shows lies before the horizon,
    at a positive depth.
    """
    sign = tf.where(matrix[:, 2:, 2:] < 0.0, -1.0, 1.0)
    return tf.cast(sign, matrix.dtype) * matrices.inverse(matrix)


def _through(points: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    x, y = points[..., 0], points[..., 1]
    m = matrix[:, :, :, tf.newaxis]
    depth = m[:, 2, 0] * x + m[:, 2, 1] * y + m[:, 2, 2]
    visible = depth > NEAR
    depth = tf.where(visible, depth, tf.ones_like(depth))
    moved = [m[:, i, 0] * x + m[:, i, 1] * y + m[:, i, 2] for i in (0, 1)]
    far = tf.constant(float("inf"), points.dtype)
    moved = [tf.where(visible, z / depth, tf.where(z < 0.0, -far, far)) for z in moved]
    return tf.stack(moved, axis=-1)
