"""What whole recipes cost: `python -m benchmarks recipes`.

From decoded photographs, uint8, to the batch that a network takes: cropped, augmented,
normalised, and mixed with its labels where the recipe does. Ours in `tf.data` and as a
layer in a `tf.function`; torchvision's v2, timm and albumentations image by image, as
their own data sets call them, and also with a thread for each core; the nearest stack
of `keras.layers` in a `tf.function`. All contenders of a recipe run in turn, in one
process, and those that are faster than ours are named. Then the share that augmentation
has of a step of `fit`, of a ResNet-50.

A peer that is not installed is skipped, and the table says so.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks import recipes_of_peers as peers
from benchmarks.cases import Case
from benchmarks.files import write
from benchmarks.modes import Clock, calls, wait
from benchmarks.timing import Timed, in_turn, summarise
from keras_aug_layers import recipes
from keras_aug_layers.recipes import Recipe

RESULTS = Path(__file__).parent / "results" / "recipes.json"
PHOTOGRAPHS = Case(256, 32, "uint8")
CLASSES = 10
OURS = "ours, a layer"
AHEAD = 4 * len(os.sched_getaffinity(0))
"""Batches that are read before the clock starts: those that were read ahead."""


class Sizes(NamedTuple):
    """What a measurement is about.

    Attributes:
        case: the photographs.
        share: of the sizes that recipes are published for.
        rounds: repetitions.
        least: the seconds of a repetition.
    """

    case: Case
    share: float
    rounds: int
    least: float

    def of(self, size: int) -> int:
        return max(round(self.share * size), 16)


def made(sizes: Sizes) -> dict[str, Recipe]:
    """The recipes, of the sizes that they are published for."""
    classes, full = {"num_classes": CLASSES}, sizes.of(224)
    small = sizes.of(176)
    return {
        "torchvision_resnet50": recipes.torchvision_resnet50(small, **classes),
        "torchvision, no policy": recipes.torchvision_resnet50(
            small, auto_augment=None, **classes
        ),
        "torchvision, no mixing": recipes.torchvision_resnet50(
            small, mixup_alpha=0.0, cutmix_alpha=0.0
        ),
        "timm": recipes.timm(full, **classes),
        "deit3": recipes.deit3(full, **classes),
        "simclr": recipes.simclr(full),
        "byol": recipes.byol(full),
        "dino": recipes.dino(full, sizes.of(96)),
        "mae": recipes.mae(full),
        "yolo": recipes.yolo(full),
        "nnunet": recipes.nnunet(full),
    }


def labels_of(recipe: Recipe, count: int) -> tf.Tensor:
    """Integers where the recipe makes them one-hot, else one-hot."""
    numbers = tf.range(count) % CLASSES
    given = recipe.arguments.get("num_classes") is not None
    return numbers if given else tf.one_hot(numbers, CLASSES)


def in_data(recipe: Recipe, case: Case) -> Timed:
    """Batches through `recipe.dataset`."""
    batch = tf.constant(case.images()), labels_of(recipe, case.batch)
    dataset = recipe.dataset(tf.data.Dataset.from_tensors(batch).repeat(), True)

    def seconds(n: int) -> float:
        iterator = iter(dataset)
        for _ in range(AHEAD):
            next(iterator)
        start = time.perf_counter()
        for _ in range(n):
            _wait(next(iterator))
        return time.perf_counter() - start

    return seconds


def in_a_function(layer: Any, images: np.ndarray, labels: tf.Tensor) -> Timed:
    """A layer, or Keras's layers, called on images and their labels."""

    @tf.function
    def run(images: tf.Tensor, labels: tf.Tensor) -> Any:
        return layer({"images": images, "labels": labels}, training=True)

    pixels = tf.constant(images)
    return calls(lambda: _first(run(pixels, labels)))


def _first(result: Any) -> tf.Tensor:
    return tf.nest.flatten(result)[0]


def _wait(result: Any) -> None:
    wait(_first(result))


Builders = dict[str, Callable[[], Timed]]


def contenders(name: str, recipe: Recipe, case: Case) -> Builders:
    """Ours, and those of the peers that have such a recipe."""
    images, labels = case.images(), labels_of(recipe, case.batch)
    found: Builders = {
        OURS: lambda: in_a_function(recipe.train, images, labels),
        "ours, in tf.data": lambda: in_data(recipe, case),
    }
    size = int(recipe.arguments["size"])
    local = int(recipe.arguments.get("local_size", 0))
    for title, build in peers.pipelines(name, size, local, CLASSES).items():
        found[title] = lambda build=build: calls(build(images))
    stack = peers.keras_layers(name, size, case.size)
    if stack is not None:
        one_hot = tf.one_hot(tf.range(case.batch) % CLASSES, CLASSES)
        found["keras.layers, the nearest"] = lambda: in_a_function(
            peers.one_by_one(stack), images, one_hot
        )
    return found


def measure(sizes: Sizes, only: str, console: Console) -> dict[str, Any]:
    """Rows of all recipes whose names hold a text."""
    rows, skipped = [], []
    for name, recipe in made(sizes).items():
        if only not in name:
            continue
        built: dict[str, Timed] = {}
        first: dict[str, float] = {}
        for title, build in contenders(name, recipe, sizes.case).items():
            start = time.perf_counter()
            try:
                built[title] = build()
            except ImportError as error:
                skipped.append({"recipe": name, "title": title, "reason": str(error)})
                continue
            built[title](1)
            first[title] = round(time.perf_counter() - start, 2)
        samples = in_turn(built, sizes.rounds, sizes.least)
        for row in summarise(samples, sizes.case.batch, OURS):
            title = row["contender"]
            made_of = {"recipe": name, "title": title, "first_call": first[title]}
            rows.append({**made_of, **row})
        show([row for row in rows if row["recipe"] == name], skipped, console)
    return {"rows": rows, "skipped": skipped}


def steps(sizes: Sizes, batch: int) -> list[dict[str, Any]]:
    """A step of `fit`: the network alone, and behind augmentation.

    The recipe is torchvision's without its mixing, in the model.
    """
    size = max(sizes.of(176), 32)  # the least that the network takes
    recipe = recipes.torchvision_resnet50(size, mixup_alpha=0.0, cutmix_alpha=0.0)
    case = Case(sizes.case.size, batch, "uint8")
    keras_stack = peers.keras_layers("torchvision, no mixing", size, case.size)
    fronts = {
        "the network alone": None,
        OURS: [recipe.train],
        "keras.layers, the nearest": keras_stack,
    }
    built = {name: _fit(front, case, size) for name, front in fronts.items()}
    samples = in_turn(built, sizes.rounds, sizes.least)
    alone = np.array(samples["the network alone"])
    rows = summarise(samples, batch, "the network alone")
    for row in rows:
        share = 1.0 - alone / np.array(samples[row["contender"]])
        row["share_of_the_step"] = round(float(np.median(share)), 4)
    return rows


def _fit(front: list[Any] | None, case: Case, size: int) -> Timed:
    if front is None:
        shape, dtype = (size, size, 3), "float32"
        images = np.zeros((case.batch, *shape), dtype)
    else:
        shape, dtype, images = (case.size, case.size, 3), "uint8", case.images()
    network = keras.applications.ResNet50(
        weights=None, input_shape=(size, size, 3), classes=CLASSES
    )
    model = keras.Sequential([keras.Input(shape, dtype=dtype), *(front or []), network])
    model.compile("sgd", "sparse_categorical_crossentropy")
    labels = tf.range(case.batch) % CLASSES
    dataset = tf.data.Dataset.from_tensors((tf.constant(images), labels))

    def seconds(n: int) -> float:
        clock = Clock()
        model.fit(dataset.repeat(n + 1), callbacks=[clock], shuffle=False, verbose=0)
        return clock.ends[-1] - clock.ends[0]

    return seconds


def show(
    rows: list[dict[str, Any]], skipped: list[dict[str, Any]], console: Console
) -> None:
    """A table of one recipe, and who is faster than ours in it."""
    name = rows[0]["recipe"]
    header = "", "ms an image", "images a second", "times ours", "first call, s"
    table = Table(*header, title=name)
    for row in rows:
        low, high = row["times_ours_quartiles"]
        table.add_row(
            row["title"],
            f"{row['median']:.3g}",
            f"{1e3 / row['median']:.0f}",
            f"{row['times_ours']:.2f} ({low:.2f} to {high:.2f})",
            f"{row['first_call']:.1f}",
        )
    for row in skipped:
        if row["recipe"] == name:
            table.add_row(row["title"], "skipped", "", row["reason"])
    console.print(table)
    faster = [
        row["title"]
        for row in rows
        if row["times_ours"] < 1.0 and not row["title"].startswith("ours")
    ]
    if faster:
        console.print(f"Faster than ours: {', '.join(faster)}.")


def show_steps(rows: list[dict[str, Any]], console: Console) -> None:
    """The table of the steps of `fit`."""
    table = Table("a step of a ResNet-50", "ms an image", "share of augmentation")
    for row in rows:
        share = f"{row['share_of_the_step']:.1%}"
        table.add_row(row["contender"], f"{row['median']:.4g}", share)
    console.print(table)


def main() -> None:
    """Prints the tables, and writes them where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks recipes", description=__doc__
    )
    parser.add_argument("command", choices=["recipes"])
    parser.add_argument("--only", default="", help="recipes whose names hold this")
    parser.add_argument("--rounds", type=int, default=9, help="repetitions of each")
    parser.add_argument("--batch", type=int, default=8, help="of the steps of `fit`")
    parser.add_argument("--no-fit", action="store_true", help="leave the steps out")
    parser.add_argument("--quick", action="store_true", help="small images, one round")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    parser.add_argument("--output", type=Path, help="write another file")
    arguments = parser.parse_args()
    console = Console()
    console.width = max(console.width, 100)
    sizes = Sizes(PHOTOGRAPHS, 1.0, arguments.rounds, 0.2)
    if arguments.quick:
        sizes = Sizes(Case(40, 4, "uint8"), 0.15, 1, 0.001)
    before = machine.load()
    results = {
        "machine": machine.describe(),
        "settings": {"photographs": str(sizes.case), "rounds": sizes.rounds},
        **measure(sizes, arguments.only, console),
    }
    if not arguments.no_fit:
        batch = 2 if arguments.quick else arguments.batch
        results["fit"] = steps(sizes, batch)
        show_steps(results["fit"], console)
    results["load_average"] = {"before": before, "after": machine.load()}
    output = arguments.output or (RESULTS if arguments.write else None)
    if output is not None:
        write(results, output)
        console.print(f"Written to {output}")
