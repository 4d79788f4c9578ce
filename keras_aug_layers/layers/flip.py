"""RandomFlip."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, matrices
from keras_aug_layers.draw import Frame
from keras_aug_layers.layers.base import GeometricLayer


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

    draws = 2

    def __init__(self, mode: str = "horizontal_and_vertical", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = checks.one_of(
            "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical")
        )

    @property
    def shared_settings(self) -> dict[str, Any]:
        """None: a flip fills nothing, and agrees with every neighbour in a stack."""
        return {}

    def matrices(self, u: tf.Tensor, frame: Frame) -> tf.Tensor:
        """A scale of 1 or -1 for each axis."""
        flipped = u < 0.5
        return matrices.flip(
            horizontal=flipped[:, 0] & ("horizontal" in self.mode),
            vertical=flipped[:, 1] & ("vertical" in self.mode),
        )
