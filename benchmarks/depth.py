"""What a deep stack costs: ten geometric and five colour layers, and one of each."""

import math

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.modes import calls, training
from benchmarks.timing import Timed

SHALLOW = "one of each"
DEPTHS = {SHALLOW: (1, 1), "ten geometric, five colour": (10, 5)}
"""The number of geometric and of colour layers."""


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
        *(kal.RandomBrightness(0.2 / math.sqrt(colour)) for _ in range(colour)),
    ]


def timed(case: Case, quick: bool) -> dict[str, Timed]:
    """The two stacks, compiled; if `quick` only the first, for compiling takes time."""
    images = tf.constant(case.images())
    depths = {SHALLOW: DEPTHS[SHALLOW]} if quick else DEPTHS
    return {
        name: calls(
            tf.function(
                training(kal.FusedAugmentation(stack(*numbers), jit_compile=True))
            ),
            images,
        )
        for name, numbers in depths.items()
    }
