"""RandomShear."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order(
    "interpolation", "fill_mode", "fill_value", "data_format", "seed"
)
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomShear(GeometricLayer):
    """Slants images by a random amount along one axis or both.

    Args:
        x_factor: range of the horizontal slant: a number f for (-f, f), or a pair
            (low, high), from -1 to 1. A row v pixels below the origin shows what lies
            x_factor * v pixels to its right.
        y_factor: range of the vertical slant, likewise.
        origin: what stays in place: "center", or "top_left" as in
            `keras.layers.RandomShear`.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a range is out of bounds, or `origin` is unknown.

    Example:
        >>> import numpy as np
        >>> images = np.tile(np.arange(3, dtype="uint8")[:, np.newaxis], (3, 1, 1))
        >>> slant = RandomShear((1, 1), fill_mode="nearest")
        >>> slant(images, training=True).numpy()[..., 0]
        array([[0, 0, 1],
               [0, 1, 2],
               [1, 2, 2]], dtype=uint8)
    """

    def __init__(
        self,
        x_factor: float | tuple[float, float] = 0.0,
        y_factor: float | tuple[float, float] = 0.0,
        *,
        origin: str = "center",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.x_factor = arguments.factor("x_factor", x_factor, -1.0, 1.0)
        self.y_factor = arguments.factor("y_factor", y_factor, -1.0, 1.0)
        self.origin = arguments.one_of("origin", origin, ("center", "top_left"))

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A shear along both axes, about the middle or the top left pixel."""
        shear = matrices.shear(
            random.uniform(self.x_factor), random.uniform(self.y_factor)
        )
        if self.origin == "top_left":
            half_width = (tf.cast(frame.width, tf.float64) - 1.0) / 2.0
            half_height = (tf.cast(frame.height, tf.float64) - 1.0) / 2.0
            shear = matrices.compose(
                matrices.compose(matrices.shift(half_width, half_height), shear),
                matrices.shift(-half_width, -half_height),
            )
        return affine(matrix=shear)
