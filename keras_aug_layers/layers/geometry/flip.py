"""RandomFlip."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor
from keras_aug_layers.plan.settings import FILL, Settings


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomFlip(GeometricLayer):
    """Mirrors images left-right, top-bottom or both, each with a chance of one half.

    The two axes are drawn independently: with both, a quarter of the images stay as
    they are, a quarter is mirrored left-right, a quarter top-bottom, a quarter both.

    Args:
        mode: "horizontal" (left-right), "vertical" or "horizontal_and_vertical".
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if `mode` is unknown.

    Example:
        >>> import numpy as np
        >>> images = np.arange(6, dtype="uint8").reshape(1, 1, 6, 1)
        >>> flipped = RandomFlip("horizontal")(images, training=True)
        >>> sorted(flipped.numpy().ravel().tolist())
        [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, mode: str = "horizontal_and_vertical", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = arguments.one_of(
            "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical")
        )

    @property
    def opinions(self) -> Settings:
        """None on what fills: a flip agrees with every neighbour in a stack."""
        return self.settings.without(*FILL)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A scale of 1 or -1 for each axis."""
        horizontal, vertical = random.coin(0.5), random.coin(0.5)
        matrix = matrices.flip(
            horizontal=horizontal & ("horizontal" in self.mode),
            vertical=vertical & ("vertical" in self.mode),
        )
        return affine(matrix=matrix)
