"""What many layers cost: ten geometric and five colour layers, and a choice of ten."""

import math

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.modes import calls, training
from benchmarks.timing import Timed

SHALLOW, DEEP = "one of each", "ten geometric, five colour"
DEPTHS = {SHALLOW: (1, 1), DEEP: (10, 5)}
"""The number of geometric and of colour layers."""
ONE, CHOICE = "one geometric layer", "RandomChoice of ten"


def stack(geometric: int, colour: int) -> list[keras.layers.Layer]:
    """Layers whose ranges shrink with their number.

    A deep stack that turned and zoomed further would read memory in another order, and
    the comparison would be one of caches.
    """
    strength = 1 / math.sqrt(math.ceil(geometric / 4))
    makers = [
        lambda: kal.RandomRotate(degrees=30 * strength),
        lambda: kal.RandomShift(0.1 * strength, 0.1 * strength),
        lambda: kal.RandomFlip("horizontal"),
        lambda: kal.RandomZoom(0.2 * strength),
    ]
    return [
        *(makers[i % len(makers)]() for i in range(geometric)),
        *(kal.RandomBrightness(gain=0.2 / math.sqrt(colour)) for _ in range(colour)),
    ]


def choice() -> list[kal.RandomRotate]:
    """Ten layers that read memory in much the same order."""
    return [kal.RandomRotate(degrees=30 - i) for i in range(10)]


def timed(case: Case, quick: bool) -> dict[str, Timed]:
    """All, compiled; if `quick` only the first, for compiling takes time."""
    images = tf.constant(case.images())
    layers = {
        name: kal.FusedAugmentation(stack(*numbers), jit_compile=True)
        for name, numbers in DEPTHS.items()
    }
    layers[ONE] = kal.FusedAugmentation(choice()[:1], jit_compile=True)
    layers[CHOICE] = kal.RandomChoice(choice(), jit_compile=True)
    return {
        name: calls(tf.function(training(layer)), images)
        for name, layer in list(layers.items())[: 1 if quick else None]
    }
