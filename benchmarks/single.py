"""Each layer alone against its equal of Keras, in a `tf.function` of static size."""

from collections.abc import Callable

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.modes import calls, training
from benchmarks.paired import Group, Ratio
from benchmarks.timing import Timed

Make = Callable[[Case], keras.layers.Layer]


def _ranged(layer: Callable[..., keras.layers.Layer], factor: float) -> Make:
    return lambda case: layer(factor, value_range=case.value_range)


def _plain(layer: Callable[..., keras.layers.Layer], *factors: float) -> Make:
    return lambda case: layer(*factors)


PAIRS: dict[str, tuple[Make, Make]] = {
    "flip": (_plain(kal.RandomFlip), _plain(keras.layers.RandomFlip)),
    "translation": (
        _plain(kal.RandomShift, 0.1, 0.1),
        _plain(keras.layers.RandomTranslation, 0.1, 0.1),
    ),
    "rotation": (
        _plain(kal.RandomRotate, 0.1),
        _plain(keras.layers.RandomRotation, 0.1),
    ),
    "zoom": (_plain(kal.RandomZoom, 0.2), _plain(keras.layers.RandomZoom, 0.2)),
    "shear": (
        _plain(kal.RandomShear, 0.2, 0.2),
        _plain(keras.layers.RandomShear, 0.2, 0.2),
    ),
    "perspective": (
        lambda case: kal.RandomPerspective(scale=0.5, fill_mode="constant"),
        lambda case: keras.layers.RandomPerspective(scale=0.5),
    ),
    "brightness": (
        _ranged(kal.RandomBrightness, 0.2),
        _ranged(keras.layers.RandomBrightness, 0.2),
    ),
    "contrast": (
        _ranged(kal.RandomContrast, 0.2),
        _ranged(keras.layers.RandomContrast, 0.2),
    ),
    "invert": (
        _ranged(kal.RandomInvert, 0.5),
        _ranged(keras.layers.RandomInvert, 0.5),
    ),
    "greyscale": (
        _ranged(kal.RandomGrayscale, 0.5),
        _plain(keras.layers.RandomGrayscale, 0.5),
    ),
}
"""Ours and Keras's."""
INTERPOLATES = ("translation", "rotation", "zoom", "shear", "perspective")
"""Those that read between pixels."""
DTYPES = ("uint8", "float32")


def bound(name: str, dtype: str) -> float:
    """How many times as fast as Keras's ours is to be."""
    if name not in INTERPOLATES:
        return 1.0
    if dtype == "float32":
        return 1.6
    return 2.0 if name == "perspective" else 3.0


def in_a_graph(make: Make) -> Callable[[Case], Timed]:
    """Times a layer's calls on the images of a case."""
    return lambda case: calls(
        tf.function(training(make(case))), tf.constant(case.images())
    )


def _group(name: str, dtype: str) -> Group:
    ours, theirs = map(in_a_graph, PAIRS[name])
    title, text = f"ours, {dtype}", f"{name} of keras.layers"
    ratio = Ratio(text, title, bound(name, dtype))
    return Group(f"{name}, {dtype}", {title: ours, text: theirs}, [ratio], dtype)


GROUPS = [_group(name, dtype) for name in PAIRS for dtype in DTYPES]
