"""The forms in which a layer's pure function runs: inline, as a graph, compiled."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.warp import in_xla_context

JIT_COMPILE = ("auto", True, False)

Data = dict[str, Any]


class Forms:
    """One pure function of (origin, data), run in the form that fits where it is called.

    - In an XLA context it is traced inline and becomes part of what is compiled.
    - In any other graph it is inline too, or compiled as a nested function if
      `jit_compile` is True or "auto" and height, width and channels are static.
    - In eager calls it is one graph for all sizes of image, or compiled, once per
      size, if `jit_compile` is True.

    It is a plain object, so that Keras does not track, and save, the functions in it.
    """

    def __init__(
        self, function: Callable[[tf.Tensor, Data], Data], jit_compile: bool | str
    ) -> None:
        self._function = function
        self._jit_compile = jit_compile
        self._traced: dict[Any, Callable[[tf.Tensor, Data], Data]] = {}

    def run(self, origin: tf.Tensor, data: Data) -> Data:
        """Calls the function."""
        eager = tf.executing_eagerly()
        if not in_xla_context():
            wanted = self._jit_compile is True or (
                self._jit_compile == "auto" and not eager
            )
            if wanted and all(_has_static_size(value) for value in data.values()):
                return self._trace(origin, data, jit_compile=True)(origin, data)
            if eager:
                return self._trace(origin, data, jit_compile=False)(origin, data)
        return self._function(origin, data)

    def _trace(
        self, origin: tf.Tensor, data: Data, jit_compile: bool
    ) -> Callable[[tf.Tensor, Data], Data]:
        """One function for all batch sizes; for all image sizes unless compiled."""
        specs = {key: _spec(value, sizes=jit_compile) for key, value in data.items()}
        key = (jit_compile, origin.shape.rank, *specs.items())
        if key not in self._traced:
            # A partial is an object of its own for TensorFlow's retracing warning,
            # which would otherwise count the methods of all layers together.
            self._traced[key] = tf.function(
                functools.partial(self._function),
                input_signature=(_spec(origin, sizes=True), specs),
                autograph=False,
                jit_compile=jit_compile,
            )
        return self._traced[key]


def _has_static_size(tensor: tf.Tensor) -> bool:
    return None not in tensor.shape[1:]


def _spec(tensor: tf.Tensor, sizes: bool) -> tf.TensorSpec:
    """The rank and dtype, and the sizes of all axes but the first if `sizes`."""
    shape = [None, *tensor.shape[1:]] if sizes else [None] * tensor.shape.rank
    return tf.TensorSpec(shape, tensor.dtype)
