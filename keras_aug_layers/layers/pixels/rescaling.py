"""Rescaling."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.converter import Converter
from keras_aug_layers.plan.frame import Frame


@keras.saving.register_keras_serializable("keras_aug_layers")
class Rescaling(Converter):
    """Multiplies and adds: x becomes scale * x + offset, in training and outside.

    As `keras.layers.Rescaling`, but in the same pass as what comes before it. Layers
    behind it know the value range that comes out, if they know the one that comes in.

    Args:
        scale: one number, or one for each channel.
        offset: likewise.
        dtype: of what comes out: "float16", "bfloat16", "float32" or "float64"; by
            default that of Keras's policy.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if there is a number for each channel, and images have others.

    Example:
        >>> import numpy as np
        >>> images = np.full((1, 4, 4, 3), 255, "uint8")
        >>> float(Rescaling(1 / 255)(images).numpy().max())
        1.0
    """

    def __init__(
        self,
        scale: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        *,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.scale = arguments.per_channel("scale", scale)
        self.offset = arguments.per_channel("offset", offset)

    def _step(self, frame: Frame) -> Step:
        gain = checks.per_channel("scale", self.scale, frame.channels)
        bias = checks.per_channel("offset", self.offset, frame.channels)
        return scale(gain=gain, bias=bias)

    def _range(self, frame: Frame) -> Range | None:
        """The range that came in, in the new unit."""
        known = frame.known_range
        if known is None or not isinstance(self.scale, float | int):
            return None
        if not isinstance(self.offset, float | int) or not self.scale:
            return None
        low, high = sorted(x * self.scale + self.offset for x in known)
        return low, high
