"""RandomBrightness."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomBrightness(ColorLayer):
    """Brightens or darkens images by a random amount.

    It adds to the pixels, as `keras.layers.RandomBrightness`, or multiplies them, as
    torchvision and `ImageDataGenerator`.

    Args:
        factor: range of what is added, as a part of the value range, from -1 to 1: a
            number f for (-f, f), or a pair (low, high). Either this or `gain` is given.
        value_range: (low, high): the range of the pixels, to which the result is
            clipped. By default the range of an unsigned integer dtype; `factor` needs
            it for other dtypes, whose results are not clipped without.
        gain: range of what the pixels are multiplied by, counted from the low end of
            the value range where that is given: a number g for (1 - g, 1 + g), or a
            pair (low, high), at least 0.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, both or neither of `factor` and `gain`
            are given, or `value_range` is missing where it is needed.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[100], [200]]], dtype="uint8")
        >>> RandomBrightness((0.2, 0.2))(images, training=True).numpy().ravel()
        array([151, 251], dtype=uint8)
        >>> RandomBrightness(gain=(1.5, 1.5))(images, training=True).numpy().ravel()
        array([150, 255], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] | None = None,
        value_range: tuple[float, float] | None = None,
        *,
        gain: float | tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        arguments.exactly_one(factor=factor, gain=gain)
        self.factor = arguments.optional(arguments.factor, "factor", factor, -1.0, 1.0)
        self.gain = arguments.optional(arguments.gain, "gain", gain)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomBrightness":
        """Builds the layer; version 0.1 had changes of the gain, or `method="add"`."""
        if "method" in config:
            config = {**config}
            if config.pop("method") == "multiply":
                config["gain"] = tuple(1.0 + x for x in config.pop("factor"))
        return cls(**config)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A gain, or a bias of a part of the value range."""
        if self.gain is not None:
            gain = random.uniform(self.gain)
            return scale(gain=gain, bias=frame.low * (1.0 - gain))
        low, high = frame.range_of(self)
        part = random.uniform(self.factor or (0.0, 0.0))
        return scale(gain=1.0, bias=part * (high - low))
