"""How augmentation is called: eagerly, in a graph, in tf.data, in fit.

Each mode gives a function of n that augments n batches and returns the seconds they
took. What a program pays once (an iterator, an epoch's start, a compilation) is left
out: the clock starts after it.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.cases import Case
from benchmarks.contenders import Contender
from benchmarks.timing import Timed


def timed(contender: Contender, case: Case, mode: str) -> Timed:
    """Builds a contender for a mode.

    Raises:
        ImportError: if the contender's library is not installed.
    """
    function = contender.build(case)
    if mode == "fit":
        return _fit(function, case)
    batch = contender.prepare(case.images())
    augment = training(function) if contender.is_layer else function
    if mode == "data":
        return _data(augment if contender.is_layer else _hosted(augment, batch), batch)
    return calls(tf.function(augment) if mode == "function" else augment, batch)


def wait(result: Any) -> None:
    """Returns when the result is there: its memory is read, nothing is copied."""
    if isinstance(result, tf.Tensor):
        np.asarray(memoryview(result)).item(0)


def training(layer: keras.layers.Layer) -> Callable[[Any], Any]:
    """The layer as it is called while training."""
    return lambda images: layer(images, training=True)


def _hosted(augment: Callable[[Any], Any], batch: np.ndarray) -> Callable[[Any], Any]:
    """A function of NumPy arrays as tf.data can call it, giving batches."""
    dtype = augment(batch[:1])[0].dtype

    def in_graph(images: tf.Tensor) -> tf.Tensor:
        return tf.numpy_function(lambda x: np.stack(augment(x)), [images], dtype)

    return in_graph


def calls(augment: Callable[[Any], Any], *arguments: Any) -> Timed:
    """A function called n times."""

    def seconds(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            wait(augment(*arguments))
        return time.perf_counter() - start

    return seconds


def _data(augment: Callable[[Any], Any], batch: Any) -> Timed:
    """A sequential map: what is measured is the augmentation, not its neighbours."""
    dataset = tf.data.Dataset.from_tensors(batch).repeat().map(augment)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.map_parallelization = False
    dataset = dataset.with_options(options)

    def seconds(n: int) -> float:
        iterator = iter(dataset)
        next(iterator)
        start = time.perf_counter()
        for _ in range(n):
            wait(next(iterator))
        return time.perf_counter() - start

    return seconds


def _fit(layer: keras.layers.Layer, case: Case) -> Timed:
    """Steps of the smallest model there is, augmentation included."""
    model = keras.Sequential(
        [
            keras.Input((case.size, case.size, 3), dtype=case.dtype),
            layer,
            keras.layers.Rescaling(1 / case.value_range[1]),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    batch = tf.constant(case.images()), tf.zeros((case.batch, 1))
    dataset = tf.data.Dataset.from_tensors(batch)

    def seconds(n: int) -> float:
        clock = Clock()
        model.fit(dataset.repeat(n + 1), callbacks=[clock], shuffle=False, verbose=0)
        return clock.ends[-1] - clock.ends[0]

    return seconds


class Clock(keras.callbacks.Callback):
    """Notes when each step ended; by then its loss is known."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        float(logs["loss"])
        self.ends.append(time.perf_counter())
