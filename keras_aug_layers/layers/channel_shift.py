"""RandomChannelShift."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, color, sampling
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Frame
from keras_aug_layers.layers.base import ColorLayer


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
        ValueError: if a range is upside down.

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
        self.factor = checks.factor("factor", factor)
        self.per_channel = bool(per_channel)

    def count(self, frame: Frame) -> int:
        """One number, or one for each channel, and the one for `probability`."""
        return super().count(frame) + (frame.channels if self.per_channel else 1)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A bias for each channel."""
        return color.scale_and_add(1.0, sampling.uniform(u, self.factor))
