"""Each layer alone against its equal of Keras, in a `tf.function` of static size."""

from typing import Any

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.modes import calls, training
from benchmarks.timing import Timed, in_turn, ratio, summarise

INTERPOLATES = ("translation", "rotation", "zoom", "shear", "perspective")
"""Those that read between pixels."""


def pairs(case: Case) -> dict[str, tuple[keras.layers.Layer, keras.layers.Layer]]:
    """Ours and Keras's."""
    ranged = {"value_range": case.value_range}
    grey = keras.layers.RandomGrayscale(0.5)
    return {
        "flip": (kal.RandomFlip(), keras.layers.RandomFlip()),
        "translation": (
            kal.RandomShift(0.1, 0.1),
            keras.layers.RandomTranslation(0.1, 0.1),
        ),
        "rotation": (kal.RandomRotate(0.1), keras.layers.RandomRotation(0.1)),
        "zoom": (kal.RandomZoom(0.2), keras.layers.RandomZoom(0.2)),
        "shear": (kal.RandomShear(0.2, 0.2), keras.layers.RandomShear(0.2, 0.2)),
        "perspective": (
            kal.RandomPerspective(scale=0.5, fill_mode="constant"),
            keras.layers.RandomPerspective(scale=0.5),
        ),
        "brightness": (
            kal.RandomBrightness(0.2, **ranged),
            keras.layers.RandomBrightness(0.2, **ranged),
        ),
        "contrast": (
            kal.RandomContrast(0.2, **ranged),
            keras.layers.RandomContrast(0.2, **ranged),
        ),
        "invert": (
            kal.RandomInvert(0.5, **ranged),
            keras.layers.RandomInvert(0.5, **ranged),
        ),
        "greyscale": (kal.RandomGrayscale(0.5, **ranged), grey),
    }


def measure(case: Case, quick: bool, rounds: int, least: float) -> list[dict[str, Any]]:
    """A row for each pair: both times, and how many times ours Keras's is.

    Args:
        case: the images.
        quick: only the first pair.
        rounds: repetitions of each.
        least: the seconds a repetition lasts at least.
    """
    images, rows = tf.constant(case.images()), []
    for name, (ours, theirs) in list(pairs(case).items())[: 1 if quick else None]:
        timed: dict[str, Timed] = {
            key: calls(tf.function(training(layer)), images)
            for key, layer in (("ours", ours), ("keras", theirs))
        }
        samples = in_turn(timed, rounds, least)
        own, other = summarise(samples, case.batch, "ours")
        rows.append(
            {
                **vars(case),
                "layer": name,
                "ours": own["median"],
                "keras": other["median"],
                "times_ours": ratio(other, own),
                "quartiles": other["times_ours_quartiles"],
            }
        )
    return rows
