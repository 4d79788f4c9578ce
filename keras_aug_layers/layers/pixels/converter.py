"""Converter: what the layers that give pixels another unit share."""

import contextlib
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels.pixels import convert
from keras_aug_layers.kernels.program import Step
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

    changes_unit = True
    """Pixels come out in another unit."""

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
        """The same frame, in another dtype and range."""
        dtype = tf.as_dtype(self.output_dtype)
        return frame._replace(dtype=dtype, value_range=self._range(frame))

    def _range(self, frame: Frame) -> Range | None:
        """The range that comes out, where channels have one, and it is known."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments; `dtype` is that of what comes out."""
        return {**super().get_config(), "dtype": self.output_dtype}
