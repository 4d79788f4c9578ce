"""RandomColorDegeneration."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomColorDegeneration(ColorLayer):
    """Makes colours paler: a pixel x becomes x + f (luma - x).

    As `keras.layers.RandomColorDegeneration`, with the luma of ITU-R BT.601, and the
    same as `RandomSaturation(gain=1 - f, space="linear")`.

    Args:
        factor: range of f, from 0, the image, to 1, which is grey: a number f for (0,
            f), or a pair (low, high).
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the factor is out of bounds, or the images have not three
            channels.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> half = RandomColorDegeneration((0.5, 0.5))
        >>> half(images, training=True).numpy().ravel()
        array([159, 109,  59], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.share("factor", factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A gain about the luma."""
        checks.rgb(self, frame)
        return saturation(1.0 - random.uniform(self.factor))
