"""RandomGridDistortion."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

MOST = 32


def _along(x: tf.Tensor, lines: tf.Tensor, moves: tf.Tensor) -> tf.Tensor:
    """Where x goes if each line moves, and what lies between stretches evenly."""
    moved = x + moves[:, 0]
    for k in range(lines.shape[1] - 1):
        width = lines[:, k + 1] - lines[:, k]
        slope = tf.math.divide_no_nan(moves[:, k + 1] - moves[:, k], width)
        moved += slope * tf.clip_by_value(x - lines[:, k], 0.0, width)
    return moved


def _move(
    x: tf.Tensor,
    y: tf.Tensor,
    columns: tf.Tensor,
    rows: tf.Tensor,
    dx: tf.Tensor,
    dy: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    return _along(x, columns, dx), _along(y, rows, dy)


def _inverse(step: Step) -> Step:
    columns, rows, dx, dy = (step.rows[key] for key in ("columns", "rows", "dx", "dy"))
    inverted = {"columns": columns + dx, "rows": rows + dy, "dx": -dx, "dy": -dy}
    return Step(step.name, inverted)


move_lines = register(
    "move_lines",
    "coordinates",
    _move,
    neutral={"dx": 0.0, "dy": 0.0},
    inverse=_inverse,
)
"""Moves the lines of a grid: `columns` and `rows` (B, n) by `dx` and `dy`."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGridDistortion(GeometricLayer):
    """Stretches the cells of a grid by random factors, along each axis.

    As albumentations' `GridDistortion(normalized=True)`: the widths of the columns are
    multiplied by factors that are uniform between 1 - f and 1 + f, and scaled so that
    they fill the frame; the heights of the rows likewise. No cell turns over, and the
    frame stays where it is. In images of 224 pixels the lines within move by 6 pixels
    on average, and hardly by more than 27. Boxes and keypoints follow exactly.

    Args:
        factor: f, from 0 to 0.9: a cell is at least a tenth as wide as it was, before
            they are scaled.
        grid: how many columns and rows there are.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomGridDistortion()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(self, factor: float = 0.3, *, grid: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = arguments.number("factor", factor, 0.0, 0.9)
        self.grid = arguments.whole("grid", arguments.number("grid", grid, 1, MOST))

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The lines of the grid, and where they are read."""
        sides = {}
        bounds = 1.0 - self.factor, 1.0 + self.factor
        for size, lines, moves in (
            (frame.width, "columns", "dx"),
            (frame.height, "rows", "dy"),
        ):
            size = tf.cast(size, tf.float64)
            even = tf.range(self.grid + 1, dtype=tf.float64) / self.grid
            ends = tf.cumsum(random.uniform(bounds, (self.grid,)), axis=1)
            ends = tf.pad(ends / ends[:, -1:], ((0, 0), (1, 0)))
            sides[lines] = ((even - 0.5) * size)[tf.newaxis]
            sides[moves] = (ends - even) * size
        return move_lines(**sides)
