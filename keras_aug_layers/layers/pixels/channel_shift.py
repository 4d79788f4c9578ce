"""RandomChannelShift."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomChannelShift(ColorLayer):
    """Adds a random number to the pixels.

    Args:
        factor: range of the number, in units of the pixels: a number f for (-f, f), or
            a pair (low, high).
        value_range: as for every `ColorLayer`.
        per_channel: whether each channel gets a number of its own; `ImageDataGenerator`
            gives all channels the same.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is not finite.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[100], [250]]], dtype="uint8")
        >>> RandomChannelShift((20, 20))(images, training=True).numpy().ravel()
        array([120, 255], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        *,
        per_channel: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.factor("factor", factor)
        self.per_channel = arguments.boolean("per_channel", per_channel)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A bias for each channel, or one for all."""
        columns = frame.known_channels if self.per_channel else 1
        return scale(gain=1.0, bias=random.uniform(self.factor, (columns,)))
