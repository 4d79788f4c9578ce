"""RandomRotate."""

import functools
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order(
    "fill_mode", "interpolation", "seed", "fill_value", "data_format"
)
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomRotate(GeometricLayer):
    """Rotates images about their centre by a random angle.

    Args:
        factor: range of the angle as a fraction of a full turn, from -1 to 1: a number
            f for (-f, f), or a pair (low, high). Positive is counter-clockwise.
        degrees: the same range in degrees, from -360 to 360. Exactly one of the two
            must be given.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if both or neither of `factor` and `degrees` are given, or a range
            is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.arange(4, dtype="uint8").reshape(2, 2, 1)
        >>> quarter = RandomRotate(degrees=(90, 90))
        >>> quarter(images, training=True).numpy()[..., 0]
        array([[1, 3],
               [0, 2]], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] | None = None,
        *,
        degrees: float | tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (factor is None) == (degrees is None):
            raise ValueError(
                "Exactly one of `factor` and `degrees` must be given. Received: "
                f"factor={factor!r}, degrees={degrees!r}. Write "
                "RandomRotate(degrees=30) or RandomRotate(30 / 360)."
            )
        way = "degrees=30 for degrees: a factor is a part of a turn"
        check = functools.partial(arguments.factor, way=way)
        self.factor = arguments.optional(check, "factor", factor, -1.0, 1.0)
        self.degrees = arguments.optional(
            arguments.factor, "degrees", degrees, -360.0, 360.0
        )
        self._turns = self.factor or tuple(x / 360.0 for x in self.degrees)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A rotation by a random fraction of a turn."""
        return affine(matrix=matrices.rotate(random.uniform(self._turns)))
