"""What a choice costs: RandAugment, and one of ten layers, against their peers."""

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.modes import calls, training
from benchmarks.timing import Timed

ONE, CHOICE = "one geometric layer", "RandomChoice of ten"
OURS, THEIRS = "RandAugment, ours", "RandAugment of keras.layers"


def geometric() -> list[kal.RandomRotate]:
    """Ten layers that read memory in much the same order."""
    return [kal.RandomRotate(degrees=30 - i) for i in range(10)]


def timed(case: Case, quick: bool) -> dict[str, Timed]:
    """All in a `tf.function`, ours compiled; without Keras's slow one if `quick`."""
    images = tf.constant(case.images())
    layers = {
        ONE: kal.FusedAugmentation(geometric()[:1], jit_compile=True),
        CHOICE: kal.RandomChoice(geometric(), jit_compile=True),
        OURS: kal.RandAugment(jit_compile=True),
        THEIRS: keras.layers.RandAugment(),
    }
    if quick:
        del layers[THEIRS]
    return {
        name: calls(tf.function(training(layer)), images)
        for name, layer in layers.items()
    }
