"""What regions, partners and fields cost: `python -m benchmarks.mixes`.

On top of the five-layer stack, and against Keras's own layers; uint8, 224 x 224, a
batch of 32, each in a `tf.function` of static size, all in turn in one process. Prints
a Markdown table for each; `--quick` does so for small images, in a minute.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import PHOTOGRAPH, Case
from benchmarks.contenders import our_layers
from benchmarks.timing import Timed, in_turn, summarise

CLASSES = 10
STACK = "the five layers"

Layers = list[keras.layers.Layer]


def added(case: Case) -> dict[str, tuple[Layers, float | None]]:
    """What is added to the five layers, and how many times their time was promised."""
    five = our_layers(case)
    elastic = kal.RandomElasticTransform()
    erasing = kal.RandomErasing()
    cut = kal.CutMix(num_classes=CLASSES)
    mix = kal.MixUp(0.8, num_classes=CLASSES)
    normalize = kal.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    either = kal.RandomChoice([mix, cut])
    return {
        STACK: (five, None),
        "RandomErasing, noise": ([*five, erasing], 1.1),
        "RandomErasing, a number": ([*five, kal.RandomErasing(fill_value=0)], 1.1),
        "CoarseDropout": ([*five, kal.CoarseDropout()], None),
        "GridMask": ([*five, kal.GridMask()], None),
        "elastic, last": ([*five, elastic], 1.3),
        "elastic, first": ([elastic, *five], 1.6),
        "elastic, third": ([*five[:2], elastic, *five[2:]], 1.6),
        "grid distortion, last": ([*five, kal.RandomGridDistortion()], None),
        "optical distortion, last": ([*five, kal.RandomOpticalDistortion()], None),
        "CutMix": ([*five, cut], 1.3),
        "MixUp": ([*five, mix], 1.4),
        "Mosaic, first": ([kal.Mosaic(num_classes=CLASSES), *five], None),
        "all, with Normalize": ([*five, elastic, either, erasing, normalize], 2.2),
    }


def against(case: Case) -> dict[str, tuple[Layers, Layers, float]]:
    """Ours, Keras's, and how many times as fast ours are to be."""
    five = our_layers(case)
    ranged = {"value_range": case.value_range}
    theirs = [
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(30 / 360),
        keras.layers.RandomZoom(0.2),
        keras.layers.RandomBrightness(0.2, **ranged),
    ]
    elastic = keras.layers.RandomElasticTransform(1.0, (1.0, 1.0), **ranged)
    return {
        "elastic, alone": ([kal.RandomElasticTransform()], [elastic], 200.0),
        "erasing, in a stack": (
            [*five, kal.RandomErasing()],
            [*theirs, keras.layers.RandomErasing(**ranged)],
            10.0,
        ),
        "CutMix, alone": (
            [kal.CutMix(num_classes=CLASSES)],
            [keras.layers.CutMix()],
            3.0,
        ),
    }


def timed(layers: Layers, case: Case, ours: bool) -> Timed:
    """Runs images and their labels through layers: ours as one, or one by one."""
    images = tf.constant(case.images())
    labels = tf.one_hot(tf.range(case.batch) % CLASSES, CLASSES)
    numbers = tf.range(case.batch) % CLASSES
    stack = [kal.FusedAugmentation(layers)] if ours else layers

    @tf.function
    def run(images: tf.Tensor, labels: tf.Tensor) -> Any:
        data: Any = {"images": images, "labels": labels}
        for layer in stack:
            data = layer(data, training=True)
        return data["images"]

    given = numbers if ours and kal.FusedAugmentation(layers).mixes() else labels

    def seconds(count: int) -> float:
        return _seconds(lambda: run(images, given), count)

    return seconds


def _seconds(call: Callable[[], tf.Tensor], count: int) -> float:
    start = tf.timestamp()
    for _ in range(count):
        result = call()
    result.numpy()
    return float(tf.timestamp() - start)


def costs(case: Case, rounds: int, least: float, only: str) -> list[str]:
    """The lines of the first table."""
    chosen = {k: x for k, x in added(case).items() if only in k or k == STACK}
    contenders = {k: timed(layers, case, True) for k, (layers, _) in chosen.items()}
    rows = summarise(in_turn(contenders, rounds, least), case.batch, STACK)
    lines = [
        "| beside the five layers | times their time | quartiles | promised |",
        "|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["times_ours_quartiles"]
        promised = chosen[row["contender"]][1]
        lines.append(
            f"| {row['contender']} | {row['times_ours']:.2f} | {low:.2f} to {high:.2f} "
            f"| {'' if promised is None else f'at most {promised:g}'} |"
        )
    return lines


def faster(case: Case, rounds: int, least: float, only: str) -> list[str]:
    """The lines of the second table."""
    lines = [
        "| against Keras's | times as fast | quartiles | promised |",
        "|---|---|---|---|",
    ]
    for name, (ours, theirs, promised) in against(case).items():
        if only not in name:
            continue
        pair = {"ours": timed(ours, case, True), "keras": timed(theirs, case, False)}
        samples = in_turn(pair, rounds, least)
        _, row = summarise(samples, case.batch, "ours")
        low, high = row["times_ours_quartiles"]
        lines.append(
            f"| {name} | {row['times_ours']:.1f} | {low:.1f} to {high:.1f} | at least "
            f"{promised:g} |"
        )
    return lines


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images, few rounds")
    parser.add_argument("--only", default="", help="rows whose names hold this text")
    parser.add_argument("--rounds", type=int, default=9, help="repetitions of each")
    parser.add_argument("--table", choices=("costs", "faster"), help="one of the two")
    arguments = parser.parse_args()
    case = Case(32, 4, "uint8") if arguments.quick else PHOTOGRAPH
    rounds, least = (1, 0.001) if arguments.quick else (arguments.rounds, 0.1)
    for name, table, some in (
        ("costs", costs, rounds),
        ("faster", faster, min(rounds, 5)),
    ):
        if arguments.table in (None, name):
            print("\n".join(table(case, some, least, arguments.only)), end="\n\n")


if __name__ == "__main__":
    main()
