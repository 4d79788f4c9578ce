"""RandomBrightness."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, color, sampling
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Frame
from keras_aug_layers.layers.base import ColorLayer


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomBrightness(ColorLayer):
    """Brightens or darkens images by a random amount.

    Args:
        factor: range of u: a number f for (-f, f), or a pair (low, high). At least -1;
            at most 1 if `method` is "add".
        value_range: (low, high): the range of the pixels, to which the result is
            clipped. By default the range of an integer dtype; floating results are
            then not clipped.
        method: "multiply": pixels times 1 + u, as `ImageDataGenerator`; or "add":
            pixels plus u * (high - low), as `keras.layers.RandomBrightness`, which
            needs `value_range` unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, `method` is unknown, or
            `value_range` is missing where it is needed.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[100], [200]]], dtype="uint8")
        >>> brighter = RandomBrightness((0.5, 0.5))
        >>> brighter(images, training=True).numpy().ravel()
        array([150, 255], dtype=uint8)
    """

    draws = 1

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        *,
        method: str = "multiply",
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.method = checks.one_of("method", method, ("multiply", "add"))
        high = (1.0,) if method == "add" else ()
        self.factor = checks.factor("factor", factor, -1.0, *high)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A gain of 1 + u, or a bias of u times the value range."""
        factor = sampling.uniform(u[:, 0], self.factor)
        if self.method == "multiply":
            return color.scale_and_add(1.0 + factor, 0.0)
        low, high = self.range_of(frame)
        return color.scale_and_add(1.0, factor * (high - low))
