"""What regions, partners and fields cost.

    python -m benchmarks.mixes           # a dozen minutes on two quiet cores
    python -m benchmarks.mixes --quick   # tiny images, one round: does it run?

On top of the five-layer stack, and against Keras's own layers; uint8, 224 x 224, a
batch of 32 with its labels, each in a `tf.function` of static size; what is compared
takes its turns in the same rounds.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.contenders import keras_layers, our_layers
from benchmarks.modes import calls
from benchmarks.paired import Benchmark, Group, Ratio
from benchmarks.timing import Timed

CLASSES = 10
FIVE = "the five layers"

Layers = list[keras.layers.Layer]


def _cut() -> keras.layers.Layer:
    return kal.CutMix(num_classes=CLASSES)


def _mix() -> keras.layers.Layer:
    return kal.MixUp(0.8, num_classes=CLASSES)


def _all(case: Case) -> Layers:
    return [
        *our_layers(case),
        kal.RandomElasticTransform(),
        kal.RandomChoice([_mix(), _cut()]),
        kal.RandomErasing(),
        kal.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]


def _last(layer: Callable[[], keras.layers.Layer]) -> Callable[[Case], Layers]:
    return lambda case: [*our_layers(case), layer()]


def _first(layer: Callable[[], keras.layers.Layer]) -> Callable[[Case], Layers]:
    return lambda case: [layer(), *our_layers(case)]


def _third(layer: Callable[[], keras.layers.Layer]) -> Callable[[Case], Layers]:
    def layers(case: Case) -> Layers:
        five = our_layers(case)
        return [*five[:2], layer(), *five[2:]]

    return layers


ADDED: dict[str, tuple[Callable[[Case], Layers], float | None]] = {
    "with RandomErasing, noise": (_last(kal.RandomErasing), 1.1),
    "with RandomErasing, a number": (
        _last(lambda: kal.RandomErasing(fill_value=0)),
        1.1,
    ),
    "with CoarseDropout": (_last(kal.CoarseDropout), None),
    "with GridMask": (_last(kal.GridMask), None),
    "elastic last": (_last(kal.RandomElasticTransform), 1.3),
    "elastic first": (_first(kal.RandomElasticTransform), 1.6),
    "elastic third": (_third(kal.RandomElasticTransform), 1.6),
    "grid distortion last": (_last(kal.RandomGridDistortion), None),
    "optical distortion last": (_last(kal.RandomOpticalDistortion), None),
    "with CutMix": (_last(_cut), 1.3),
    "with MixUp": (_last(_mix), 1.4),
    "Mosaic first": (_first(lambda: kal.Mosaic(num_classes=CLASSES)), None),
    "elastic, either mix, erasing and Normalize": (_all, 2.2),
}
"""What is added to the five layers, and how many times their time it may take."""

AGAINST: dict[str, tuple[Callable[[Case], Layers], Callable[[Case], Layers], float]] = {
    "elastic transform": (
        lambda case: [kal.RandomElasticTransform()],
        lambda case: [
            keras.layers.RandomElasticTransform(
                1.0, (1.0, 1.0), value_range=case.value_range
            )
        ],
        200.0,
    ),
    "erasing in a stack": (
        _last(kal.RandomErasing),
        lambda case: [
            *keras_layers(case),
            keras.layers.RandomErasing(value_range=case.value_range),
        ],
        10.0,
    ),
    "CutMix": (lambda case: [_cut()], lambda case: [keras.layers.CutMix()], 3.0),
}
"""Ours, Keras's, and how many times as fast ours are to be."""


def ours(layers: Callable[[Case], Layers]) -> Callable[[Case], Timed]:
    """Ours as one, with labels as they take them: numbers where they mix."""

    def make(case: Case) -> Timed:
        stack = kal.FusedAugmentation(layers(case))
        numbers = tf.range(case.batch) % CLASSES
        labels = numbers if stack.mixes() else tf.one_hot(numbers, CLASSES)
        return _calls([stack], case, labels)

    return make


def theirs(layers: Callable[[Case], Layers]) -> Callable[[Case], Timed]:
    """Keras's layers one by one, with one-hot labels."""
    return lambda case: _calls(
        layers(case), case, tf.one_hot(tf.range(case.batch) % CLASSES, CLASSES)
    )


def _calls(stack: Layers, case: Case, labels: tf.Tensor) -> Timed:
    @tf.function
    def augmented(images: tf.Tensor, labels: tf.Tensor) -> Any:
        data: Any = {"images": images, "labels": labels}
        for layer in stack:
            data = layer(data, training=True)
        return data["images"], data["labels"]

    def images(*arguments: tf.Tensor) -> tf.Tensor:
        return augmented(*arguments)[0]

    return calls(images, tf.constant(case.images()), labels)


def _against(name: str) -> Group:
    mine, other, bound = AGAINST[name]
    slow, fast = f"{name} of keras.layers", "ours"
    contenders = {fast: ours(mine), slow: theirs(other)}
    return Group(name, contenders, [Ratio(slow, fast, bound)])


GROUPS = [
    Group(
        "on top of the five layers",
        {
            FIVE: ours(our_layers),
            **{name: ours(layers) for name, (layers, _) in ADDED.items()},
        },
        [Ratio(name, FIVE, bound, at_most=True) for name, (_, bound) in ADDED.items()],
    ),
    *map(_against, AGAINST),
]
BENCHMARK = Benchmark("mixes", GROUPS)

if __name__ == "__main__":
    BENCHMARK.main(__doc__)
