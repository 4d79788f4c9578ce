"""RandomColorJitter."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.contrast import contrast
from keras_aug_layers.layers.pixels.hue import hue
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomColorJitter(ColorLayer):
    """Changes brightness, contrast, saturation and hue, in this order, at random.

    Args:
        value_range: as for every `ColorLayer`.
        brightness_factor: as `factor` of `RandomBrightness`, which multiplies.
        contrast_factor: as `factor` of `RandomContrast`.
        saturation_factor: as `factor` of `RandomSaturation`.
        hue_factor: as `factor` of `RandomHue`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> jitter = RandomColorJitter(brightness_factor=0.2, hue_factor=0.05)
        >>> jitter(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        value_range: tuple[float, float] | None = None,
        *,
        brightness_factor: float | tuple[float, float] = 0.0,
        contrast_factor: float | tuple[float, float] = 0.0,
        saturation_factor: float | tuple[float, float] = 0.0,
        hue_factor: float | tuple[float, float] = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        factor = arguments.factor
        self.brightness_factor = factor("brightness_factor", brightness_factor, -1.0)
        self.contrast_factor = factor("contrast_factor", contrast_factor, -1.0)
        self.saturation_factor = factor("saturation_factor", saturation_factor, -1.0)
        self.hue_factor = factor("hue_factor", hue_factor, -1.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """The four maps, as far as they do anything: no mean and no mixing else."""
        checks.rgb(self, frame)
        maps = (
            (self.brightness_factor, lambda u: scale(gain=1.0 + u, bias=0.0)),
            (self.contrast_factor, lambda u: contrast(gain=1.0 + u)),
            (self.saturation_factor, lambda u: saturation(1.0 + u)),
            (self.hue_factor, hue),
        )
        return [
            step(random.uniform(factor))
            for factor, step in maps
            if factor != (0.0, 0.0)
        ]
