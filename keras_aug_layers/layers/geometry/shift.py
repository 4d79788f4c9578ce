"""RandomShift."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import upright
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order(
    "fill_mode", "interpolation", "seed", "fill_value", "data_format"
)
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomShift(GeometricLayer):
    """Shifts images up or down and left or right by random amounts.

    Args:
        height_factor: range of the vertical shift, positive downwards: a number f for
            (-f, f), or a pair (low, high). A fraction of the height, from -1 to 1.
        width_factor: the same to the right, as a fraction of the width.
        unit: "fraction", or "pixels" for factors in pixels, of any size.
        **kwargs: arguments of `GeometricLayer`, such as `fill_mode`, `interpolation`,
            `probability` and `seed`.

    Raises:
        ValueError: if a range is out of bounds, or `unit` is unknown.

    Example:
        >>> import numpy as np
        >>> images = np.eye(3, dtype="uint8")[..., np.newaxis]
        >>> down = RandomShift((1, 1), unit="pixels", fill_mode="constant")
        >>> down(images, training=True).numpy()[..., 0]
        array([[0, 0, 0],
               [1, 0, 0],
               [0, 1, 0]], dtype=uint8)
    """

    def __init__(
        self,
        height_factor: float | tuple[float, float] = 0.0,
        width_factor: float | tuple[float, float] = 0.0,
        *,
        unit: str = "fraction",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unit = arguments.one_of("unit", unit, ("fraction", "pixels"))
        most = 1.0 if unit == "fraction" else math.inf
        way = "unit='pixels' where pixels are meant" if unit == "fraction" else ""
        self.height_factor, self.width_factor = (
            arguments.factor(name, value, -most, most, way=way)
            for name, value in [
                ("height_factor", height_factor),
                ("width_factor", width_factor),
            ]
        )

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A translation by random fractions of the frame, or pixels."""
        dy = random.uniform(self.height_factor)
        dx = random.uniform(self.width_factor)
        if self.unit == "fraction":
            dy *= tf.cast(frame.height, tf.float64)
            dx *= tf.cast(frame.width, tf.float64)
        return upright(matrix=matrices.shift(dx, dy))
