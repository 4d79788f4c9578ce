"""GridMask."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.erasing import ErasingLayer, register_eraser
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _in_holes(
    y: tf.Tensor,
    x: tf.Tensor,
    unit: tf.Tensor,
    hole: tf.Tensor,
    across: tf.Tensor,
    down: tf.Tensor,
    middle_x: tf.Tensor,
    middle_y: tf.Tensor,
    cos: tf.Tensor | None = None,
    sin: tf.Tensor | None = None,
    **others: tf.Tensor,
) -> tf.Tensor:
    """1 in the squares of a lattice, which may be turned, else 0."""
    x, y = x - middle_x, y - middle_y
    if cos is not None:
        x, y = cos * x + sin * y, cos * y - sin * x

    def holes(place: tf.Tensor) -> tf.Tensor:
        inside = place - unit * tf.floor(place / unit) < hole
        return tf.cast(inside, place.dtype)

    return holes(x + across) * holes(y + down)


erase_grid = register_eraser("erase_grid", _in_holes)
"""Erases the squares of a lattice."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class GridMask(ErasingLayer):
    """Erases the squares of a lattice of random size and place, turned at random.

    As published (Chen et al., "GridMask data augmentation", 2020, with the numbers of
    its ImageNet experiments and the turn of its code).

    Args:
        ratio: the part of each period, along either axis, that stays: the squares are
            1 - ratio of the period wide.
        unit: range of the lattice's period, in pixels; drawn as a whole number.
        degrees: the lattice is turned by an angle from 0 to this; a lattice that is
            not turned costs less.
        fill_value: what erased pixels become: a number, one for each channel, or
            "noise", the same as None.
        value_range: (low, high), the range of the pixels.
        unit_factor: range of the period as a part of the image's shorter side, instead
            of `unit`; (3 / 7, 1) is the default for images of 224 pixels.
        **kwargs: arguments of `ErasingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.ones((8, 64, 64, 3), "uint8")
        >>> masked = GridMask(0.5, unit=(8, 8), degrees=0)(images, training=True)
        >>> float(masked.numpy().mean())
        0.75
    """

    def __init__(
        self,
        ratio: float = 0.6,
        unit: tuple[float, float] | None = None,
        *,
        degrees: float = 360.0,
        fill_value: float | tuple[float, ...] | str | None = 0.0,
        value_range: tuple[float, float] | None = None,
        unit_factor: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_value=fill_value, value_range=value_range, **kwargs)
        self.ratio = arguments.number("ratio", ratio, 0.0, 1.0)
        self.degrees = arguments.number("degrees", degrees, 0.0, 360.0)
        if unit is not None and unit_factor is not None:
            raise ValueError(
                "Either `unit`, in pixels, or `unit_factor` must be given. Received: "
                f"unit={unit!r}, unit_factor={unit_factor!r}."
            )
        self.unit = arguments.optional(
            arguments.pair, "unit", unit, 2.0, arguments.LARGEST
        )
        self.unit_factor = arguments.optional(
            arguments.pair, "unit_factor", unit_factor, 0.0, 1.0
        )

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The lattice about the middle of the image."""
        height, width = (tf.cast(n, tf.float64) for n in (frame.height, frame.width))
        if self.unit_factor is None:
            low, high = self.unit or (96.0, 224.0)
            whole = float(math.ceil(low)), math.floor(high) + 1.0
            unit = tf.floor(random.uniform(whole))
        else:
            unit = random.uniform(self.unit_factor) * tf.minimum(height, width)
            unit = tf.maximum(tf.round(unit), 2.0)
        stays = tf.clip_by_value(tf.floor(unit * self.ratio + 0.5), 1.0, unit - 1.0)
        rows = {
            "unit": unit,
            "hole": unit - stays,
            "across": tf.floor(random.uniform() * unit) + 0.5,
            "down": tf.floor(random.uniform() * unit) + 0.5,
            "middle_x": tf.floor(width / 2.0),
            "middle_y": tf.floor(height / 2.0),
        }
        if self.degrees:
            angle = random.uniform((0.0, math.radians(self.degrees)))
            rows |= {"cos": tf.cos(angle), "sin": tf.sin(angle)}
        return erase_grid(**rows, **self.common(random, frame))
