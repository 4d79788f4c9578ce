"""Normalize."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.converter import Converter
from keras_aug_layers.plan.frame import Frame


@keras.saving.register_keras_serializable("keras_aug_layers")
class Normalize(Converter):
    """Subtracts a mean and divides by a standard deviation, for each channel.

    In the same pass as all that comes before it, in training and outside.

    Args:
        mean: one number for each channel, or one for all, as parts of the value range,
            so that ImageNet's (0.485, 0.456, 0.406) serve for every dtype.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out: "float16", "bfloat16", "float32" or "float64"; by
            default that of Keras's policy.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if a mean or a deviation is above 1, or a deviation not above 0,
            `value_range` is missing, or images have another number of channels.

    Example:
        >>> import numpy as np
        >>> images = np.full((1, 4, 4, 3), 255, "uint8")
        >>> normal = Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), dtype="float16")
        >>> normal(images).numpy().max(), normal(images).dtype.name
        (np.float16(1.0), 'float16')
    """

    def __init__(
        self,
        mean: float | Sequence[float],
        std: float | Sequence[float],
        *,
        value_range: tuple[float, float] | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self._set(value_range=value_range)
        self.mean = arguments.per_channel("mean", mean)
        self.std = arguments.per_channel("std", std, 1e-12)
        if np.max(np.abs(self.mean)) > 1.0 or np.max(self.std) > 1.0:
            raise ValueError(
                "`mean` must be a part of the value range, from 0 to 1, and so must "
                f"`std`. Received: {mean!r} and {std!r}. Write both / 255 if they are "
                "grey levels, or Rescaling(scale, offset)."
            )

    def _step(self, frame: Frame) -> Step:
        low, high = frame.range_of(self)
        mean = checks.per_channel("mean", self.mean, frame.channels)
        std = checks.per_channel("std", self.std, frame.channels)
        gain = 1.0 / (std * (high - low))
        return scale(gain=gain, bias=-low * gain - mean / std)
