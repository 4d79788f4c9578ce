"""For what is traced: whether XLA compiles it, and for which kind of device.

A warp and the steps behind it have a form for CPUs and one for GPUs, of equal values:
each is several times as slow on the other. Which one is traced is said here. Where the
library compiles a function of its own, it knows (`traced_for`); where XLA compiles
already, the program goes where the machine computes, to a GPU if it has one, but for
the functions of `tf.data`, which run on the CPU. The environment variable
`KERAS_AUG_LAYERS_DEVICE`, "cpu" or "gpu", is above both.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

VARIABLE = "KERAS_AUG_LAYERS_DEVICE"
CPU, GPU = DEVICES = ("cpu", "gpu")

_LOCAL = threading.local()


def in_xla_context() -> bool:
    """Whether what is traced now is for XLA, or has to be as if it were."""
    return deriving() or tf.__internal__.get_enclosing_xla_context() is not None


def deriving() -> bool:
    """Whether what is traced now is there for its gradient, see `gathers`."""
    return bool(getattr(_LOCAL, "gathers", None))


def in_tf_data() -> bool:
    """Whether what is traced now is a function of a dataset, as of `map`.

    TensorFlow names such a function after the dataset's method, "Dataset_map_…".
    """
    if tf.executing_eagerly():
        return False
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if str(getattr(graph, "name", "")).startswith("Dataset_"):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


@contextlib.contextmanager
def during(local: threading.local, name: str, value: Any) -> Iterator[None]:
    """Within this context, a thread's own attribute has a value."""
    was = getattr(local, name, None)
    setattr(local, name, value)
    try:
        yield
    finally:
        setattr(local, name, was)


def gathers() -> contextlib.AbstractContextManager[None]:
    """Within this context everything is as in an XLA context.

    For gradients: TensorFlow makes those of a compiled function outside of its context,
    and compiles them all the same.
    """
    return during(_LOCAL, "gathers", True)


def traced_for(device: str | None) -> contextlib.AbstractContextManager[None]:
    """Within this context, what XLA compiles is for a device: "cpu" or "gpu".

    For None, it is not known.
    """
    return during(_LOCAL, "device", device)


def traced() -> str:
    """For which device the program is that is traced now: "cpu" or "gpu"."""
    known = wanted() or getattr(_LOCAL, "device", None)
    return known or (GPU if has_gpu() and not in_tf_data() else CPU)


def on_gpu() -> bool:
    """Whether XLA compiles what is traced now, and does it for a GPU."""
    return in_xla_context() and traced() == GPU


def on_cpu() -> bool:
    """Whether XLA compiles what is traced now, and does it for a processor."""
    return in_xla_context() and traced() == CPU


def wanted() -> str | None:
    """The device that the environment variable names; None if it is not set.

    Raises:
        ValueError: if it names another one.
    """
    value = os.environ.get(VARIABLE, "").lower()
    if value and value not in DEVICES:
        raise ValueError(
            f"The environment variable {VARIABLE} must be 'cpu' or 'gpu'. "
            f"Received: {value!r}. Write {VARIABLE}=cpu."
        )
    return value or None


@functools.cache
def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def compiled_for(run: Callable[[str], Any]) -> Any:
    """Calls a compiled function, in its form for the device on which it will run.

    In a graph on a machine with a GPU this is known when it runs: a `tf.data` map is
    placed on the CPU, the model beside it on the GPU. Then both forms are in the graph,
    and XLA compiles the one that is called.

    Args:
        run: calls the function in the form for a device.
    """
    device = wanted() or (CPU if in_tf_data() or not has_gpu() else None)
    if device is None and tf.executing_eagerly():
        device = CPU if "CPU" in tf.zeros(()).device else GPU
    if device is not None:
        return run(device)
    index = tf.raw_ops.DeviceIndex(device_names=["CPU", "GPU"])
    return tf.switch_case(index, [lambda: run(CPU), lambda: run(GPU)])
