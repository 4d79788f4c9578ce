"""RandomBrightness."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomBrightness(ColorLayer):
    """Brightens or darkens images by a random amount.

    Args:
        factor: range of u: a number f for (-f, f), or a pair (low, high). At least -1;
            at most 1 if `method` is "add".
        value_range: (low, high): the range of the pixels, to which the result is
            clipped. By default the range of an integer dtype; floating results are
            then not clipped.
        method: "multiply": pixels times 1 + u, as `ImageDataGenerator`, counted from
            the low end of the value range where that is given; or "add":
            pixels plus u * (high - low), as `keras.layers.RandomBrightness`, which
            needs `value_range` unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, `method` is unknown, or
            `value_range` is missing where it is needed.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[100], [200]]], dtype="uint8")
        >>> brighter = RandomBrightness((0.5, 0.5))
        >>> brighter(images, training=True).numpy().ravel()
        array([150, 255], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        *,
        method: str = "multiply",
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.method = arguments.one_of("method", method, ("multiply", "add"))
        high = (1.0,) if method == "add" else ()
        self.factor = arguments.factor("factor", factor, -1.0, *high)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A gain of 1 + u, or a bias of u times the value range."""
        factor = random.uniform(self.factor)
        if self.method == "multiply":
            return scale(gain=1.0 + factor, bias=-frame.low * factor)
        low, high = frame.range_of(self)
        return scale(gain=1.0, bias=factor * (high - low))
