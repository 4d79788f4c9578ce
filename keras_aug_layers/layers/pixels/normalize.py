"""Normalize and Rescaling."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import convert, scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.random_numbers import Cursor

DTYPES = ("float16", "bfloat16", "float32", "float64")


class Converter(AugmentationLayer):
    """Base class of the layers that give pixels another unit, in training and outside.

    Args:
        dtype: "float16", "bfloat16", "float32" or "float64", or a policy of Keras, of
            which it is the compute dtype; that of Keras's policy by default.
        **kwargs: arguments of `AugmentationLayer`.
    """

    def __init__(self, *, dtype: str | None = None, **kwargs: Any) -> None:
        if dtype is None:
            dtype = keras.config.dtype_policy().compute_dtype
        else:
            with contextlib.suppress(ValueError):  # what is none has an error below
                dtype = keras.dtype_policies.get(dtype).compute_dtype
        self.output_dtype = arguments.one_of("dtype", dtype, DTYPES)
        super().__init__(**kwargs)

    def _step(self, frame: Frame) -> Step:
        raise NotImplementedError

    def draw(self, random: Cursor, frame: Frame) -> Plan:
        """Nothing is random: the same as outside training."""
        return self.rest(frame)

    def rests(self) -> bool:
        """Pixels are converted outside training too."""
        return True

    def rest(self, frame: Frame) -> Plan:
        """The affine map, of what would have been stored before it."""
        steps = (convert(one=1.0), self._step(frame))
        return Plan(pixels=steps, dtype=self.output_dtype)

    def framed(self, frame: Frame) -> Frame:
        """The same frame, in another dtype."""
        return frame._replace(dtype=tf.as_dtype(self.output_dtype), value_range=None)

    def get_config(self) -> dict[str, Any]:
        """The arguments; `dtype` is that of what comes out."""
        return {**super().get_config(), "dtype": self.output_dtype}


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
        ValueError: if a mean is above 1 or a deviation not above 0, `value_range` is
            missing, or images have another number of channels.

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
        if np.max(np.abs(self.mean)) > 1.0:
            raise ValueError(
                "`mean` must be a part of the value range, from 0 to 1, and so must "
                f"`std`. Received: {mean!r}. Write both / 255 if they are grey levels."
            )

    def _step(self, frame: Frame) -> Step:
        low, high = frame.range_of(self)
        checks.per_channel("mean", self.mean, frame.channels)
        checks.per_channel("std", self.std, frame.channels)
        mean, std = (np.array([x], np.float64) for x in (self.mean, self.std))
        gain = 1.0 / (std * (high - low))
        return scale(gain=gain, bias=-low * gain - mean / std)


@keras.saving.register_keras_serializable("keras_aug_layers")
class Rescaling(Converter):
    """Multiplies and adds: x becomes scale * x + offset, in training and outside.

    As `keras.layers.Rescaling`, but in the same pass as what comes before it.

    Args:
        scale: one number, or one for each channel.
        offset: likewise.
        dtype: of what comes out: "float16", "bfloat16", "float32" or "float64"; by
            default that of Keras's policy.
        **kwargs: arguments of `AugmentationLayer`.

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
        checks.per_channel("scale", self.scale, frame.channels)
        checks.per_channel("offset", self.offset, frame.channels)
        gain, bias = (np.array([x], np.float64) for x in (self.scale, self.offset))
        return scale(gain=gain, bias=bias)
