"""What variables among the arguments hold in a call, read before it is compiled."""

import contextlib
import threading
from collections.abc import Mapping

import tensorflow as tf

from keras_aug_layers.kernels.device import during

_LOCAL = threading.local()


def held(values: Mapping[int, tf.Tensor]) -> contextlib.AbstractContextManager[None]:
    """Within this context, variables hold these values, each under the variable's id.

    They are read outside of what XLA compiles, which cannot reach another device's: a
    variable lies on the GPU where there is one, and `tf.data` runs on the CPU.
    """
    return during(_LOCAL, "values", values)


def number_now(number: float | tf.Variable) -> tf.Tensor:
    """A number, or what a variable holds in this call: a float64 scalar."""
    values = getattr(_LOCAL, "values", None) or {}
    return tf.cast(values.get(id(number), number), tf.float64)
