"""The forms in which a layer's pure function runs: inline, as a graph, compiled."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.warp import in_xla_context

Data = dict[str, Any]


def check_jit_compile(value: Any) -> bool | str:
    """Returns `value` if it is True, False or "auto"."""
    if value != "auto" and not isinstance(value, bool):
        raise ValueError(
            f"`jit_compile` must be True, False or 'auto'. Received: {value!r}"
        )
    return value


class Forms:
    """One pure function of (origin, data), run in the form that fits the call.

    - In an XLA context it is traced inline and becomes part of what is compiled.
    - In any other graph it is inline too, or compiled as a nested function if
      `jit_compile` is True or "auto" and height, width and channels are static.
    - In eager calls it is one graph for all sizes of image, or compiled, once per
      size and batch size, if `jit_compile` is True.

    Why "auto" is so: on two cores with AVX2 (benchmarks/results/cpu.json, five layers,
    224 x 224, uint8) the op takes several times as long as the compiled form in graphs,
    and more so in `tf.data`; so graphs, which are traced once for each size anyway, are
    compiled. An eager call would gain as much, but pays a second or more of compiling
    for each new size, where sizes come as they like. On a GPU none of it is measured
    yet: the rule is the same there.

    It is a plain object, so that Keras does not track, and save, the functions in it.
    """

    def __init__(
        self,
        function: Callable[[tf.Tensor, Data], Any],
        channel_axis: int,
    ) -> None:
        self._function = function
        self._channel_axis = channel_axis
        self._traced: dict[Any, Any] = {}  # tf.functions
        self._concrete: dict[Any, Any] = {}  # and the one trace of each

    def run(
        self, origin: tf.Tensor, data: Data, jit_compile: bool | str = False
    ) -> Any:
        """Calls the function."""
        eager = tf.executing_eagerly()
        if not in_xla_context():
            wanted = not eager if jit_compile == "auto" else jit_compile
            compiled = bool(wanted) and _has_static_size(data["images"])
            if eager:
                return self._trace(origin, data, compiled, concrete=True)(origin, data)
            if compiled:
                return self._trace(origin, data, compiled)(origin, data)
        return self._function(origin, data)

    def _trace(
        self, origin: tf.Tensor, data: Data, jit_compile: bool, concrete: bool = False
    ) -> Callable[[tf.Tensor, Data], Any]:
        """One function for all batch sizes; for all image sizes unless compiled.

        A `concrete` one is called without TensorFlow's search for a trace that fits, a
        good part of an eager call on a small batch.
        """
        rank = data["images"].shape.rank
        batched = rank == 4
        signature = {}
        for name, value in data.items():
            sizes = list(value.shape)
            if not jit_compile:
                relaxed = [0 if size == 0 else None for size in sizes]
                if len(sizes) == rank:
                    relaxed[self._channel_axis] = sizes[self._channel_axis]
                sizes = relaxed
            elif batched:
                sizes[0] = None
            signature[name] = (value.dtype, *sizes)
        key = (jit_compile, origin.shape.rank, *signature.items())
        if key not in self._traced:
            draws = [None, 3] if origin.shape.rank == 2 else [3]
            specs = {
                name: tf.TensorSpec(sizes, dtype)
                for name, (dtype, *sizes) in signature.items()
            }
            # A partial is an object of its own for TensorFlow's retracing warning,
            # which would otherwise count the methods of all layers together.
            self._traced[key] = tf.function(
                functools.partial(self._function),
                input_signature=(tf.TensorSpec(draws, origin.dtype), specs),
                autograph=False,
                jit_compile=jit_compile,
            )
        if not concrete:
            return self._traced[key]
        if key not in self._concrete:
            self._concrete[key] = self._traced[key].get_concrete_function()
        return self._concrete[key]


def _has_static_size(images: tf.Tensor) -> bool:
    """Whether height, width and channels are known."""
    return None not in images.shape[-3:]
