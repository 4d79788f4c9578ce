"""RandomInvert."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step, only
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomInvert(ColorLayer):
    """Turns images into their negatives: x becomes low + high - x.

    Args:
        factor: chance, from 0 to 1, that an image is inverted; of a pair, its middle.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if `factor` is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [200]]], dtype="uint8")
        >>> RandomInvert()(images, training=True).numpy().ravel()
        array([255,  55], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] = 1.0,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.chance("factor", factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A gain of -1 and a bias, or nothing."""
        low, high = frame.range_of(self)
        return only(scale(gain=-1.0, bias=low + high), random.coin(self.factor))
