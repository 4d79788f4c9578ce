"""The forms in which a pure function runs: inline, as a graph, compiled."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels import device

Data = dict[str, Any]


def check_jit_compile(value: Any) -> bool | str:
    """Returns `value` if it is True, False or "auto"."""
    if not isinstance(value, bool) and not (isinstance(value, str) and value == "auto"):
        raise ValueError(
            f"`jit_compile` must be True, False or 'auto'. Received: {value!r}"
        )
    return value


class Forms:
    """One pure function of (numbers, data), run in the form that fits the call.

    - In an XLA context it is traced inline and becomes part of what is compiled.
    - In any other graph it is inline too, or compiled as a nested function if
      `jit_compile` is True or "auto" and height, width and channels are static; of
      images whose size is not known, see `plan/unsized.py`.
    - In eager calls it is one graph for all sizes of image, or compiled, once per
      size and batch size, if `jit_compile` is True.

    Why "auto" is so: on two cores (benchmarks/results/cpu.json, five layers,
    224 x 224, uint8) the op takes several times as long as the compiled form in graphs,
    and more so in `tf.data`; so graphs, which are traced once for each size anyway, are
    compiled. An eager call would gain as much, but pays a second or more of compiling
    for each new size, where sizes come as they like. On a GPU none of it is measured
    yet: the rule is the same there.

    It is a plain object, so that Keras does not track, and save, the functions in it.

    Args:
        function: takes a list of small tensors and a dict with `images`.
        data_format: of the images.
    """

    def __init__(
        self,
        function: Callable[[list[tf.Tensor], Data], Any],
        data_format: str,
    ) -> None:
        self._function = function
        self._channel_axis = -1 if data_format == "channels_last" else -3
        self._traced: dict[Any, Any] = {}  # tf.functions
        self._concrete: dict[Any, Any] = {}  # and the one trace of each

    def run(
        self,
        numbers: list[tf.Tensor],
        data: Data,
        jit_compile: bool | str = False,
    ) -> Any:
        """Calls the function.

        Args:
            numbers: origins, int64 (3,) or (B, 3); or rows, (B, …) or (1, …).
            data: tensors, `images` among them.
            jit_compile: as a user gave it.
        """
        eager = tf.executing_eagerly()
        if not device.in_xla_context():
            wanted = not eager if jit_compile == "auto" else jit_compile
            if wanted and None not in data["images"].shape[-3:]:  # all but the batch
                made = device.compiled_for(
                    lambda kind: self._trace(numbers, data, kind, eager)(numbers, data)
                )
                if data["images"].shape.rank == 4:  # of any number of images, in there
                    for name, value in made.items():
                        value.set_shape([data[name].shape[0], *value.shape[1:]])
                return made
            if eager:
                return self._trace(numbers, data, None, concrete=True)(numbers, data)
        return self._function(numbers, data)

    def _for(self, kind: str | None, numbers: list[tf.Tensor], data: Data) -> Any:
        """The function, traced for a kind of device."""
        with device.traced_for(kind):
            return self._function(numbers, data)

    def _trace(
        self,
        numbers: list[tf.Tensor],
        data: Data,
        kind: str | None,
        concrete: bool = False,
    ) -> Callable[[list[tf.Tensor], Data], Any]:
        """One function for all batch sizes; for all image sizes unless compiled.

        It is compiled for a `kind` of device, or not if that is None.

        A `concrete` one is called without TensorFlow's search for a trace that fits, a
        good part of an eager call on a small batch.
        """
        rank = data["images"].shape.rank
        signature = {}
        for name, value in data.items():
            sizes = list(value.shape)
            if kind is None:
                relaxed = [0 if size == 0 else None for size in sizes]
                if len(sizes) == rank:
                    relaxed[self._channel_axis] = sizes[self._channel_axis]
                sizes = relaxed
            elif rank == 4:
                sizes[0] = None
            signature[name] = (value.dtype, *sizes)
        rows = tuple((x.dtype, *_any_batch(x)) for x in numbers)
        key = (kind, rows, *signature.items())
        if key not in self._traced:
            # A partial is an object of its own for TensorFlow's retracing warning,
            # which would otherwise count the methods of all layers together.
            self._traced[key] = tf.function(
                functools.partial(self._for, kind),
                input_signature=(
                    [tf.TensorSpec(sizes, dtype) for dtype, *sizes in rows],
                    {
                        name: tf.TensorSpec(sizes, dtype)
                        for name, (dtype, *sizes) in signature.items()
                    },
                ),
                autograph=False,
                jit_compile=kind is not None,
            )
        if not concrete:
            return self._traced[key]
        if key not in self._concrete:
            self._concrete[key] = self._traced[key].get_concrete_function()
        return self._concrete[key]


def _any_batch(numbers: tf.Tensor) -> list[int | None]:
    """The shape for any number of images; one row for all of them stays one."""
    first, *others = numbers.shape
    one_origin = numbers.dtype == tf.int64 and not others
    return [first if first == 1 or one_origin else None, *others]
