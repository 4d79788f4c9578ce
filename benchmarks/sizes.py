"""What crops and resizes cost: `python -m benchmarks.sizes`.

Ratios are medians over rounds in which all take their turn, on two threads. With
`--torchvision PYTHON`, an interpreter that has torch and torchvision, these take part
too, in a process of their own.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.timing import in_turn

BATCH, SIDE = 32, 224

PEER = """
import sys, time
import torch
from torchvision.transforms import v2
torch.set_num_threads(2)
torch.manual_seed(0)
images = torch.randint(0, 256, (32, 3, 256, 256), dtype=torch.uint8)
augment = v2.Compose(
    [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()]
)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        for image in images:
            augment(image)
    print(time.perf_counter() - start, flush=True)
"""


def five() -> list[Any]:
    """The five layers of all our benchmarks."""
    return [
        kal.RandomShift(0.1, 0.1),
        kal.RandomFlip("horizontal"),
        kal.RandomRotate(degrees=30),
        kal.RandomZoom(0.2),
        kal.RandomBrightness(0.2),
    ]


def pixels(side: int, count: int = BATCH) -> np.ndarray:
    """Random images."""
    shape = count, side, side, 3
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def compiled(layers: list[Any], side: int, seed: int | None = None) -> Any:
    """How long a stack takes for a batch, n times, compiled."""
    stack = kal.FusedAugmentation(layers, jit_compile=True, seed=seed)
    images = tf.constant(pixels(side))

    def timed(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            result = stack(images, training=True)
        result.numpy()
        return time.perf_counter() - start

    return timed


def peer(python: str) -> Any:
    """How long torchvision takes in its own process."""
    process = subprocess.Popen(
        [python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def timed(count: int) -> float:
        assert process.stdin is not None and process.stdout is not None
        print(count, file=process.stdin, flush=True)
        return float(process.stdout.readline())

    return timed


def albumentations() -> Any:
    """How long albumentations takes, image by image."""
    import albumentations as a

    transform = a.Compose([a.RandomResizedCrop((SIDE, SIDE)), a.HorizontalFlip(p=0.5)])
    images = pixels(256)

    def timed(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            for image in images:
                transform(image=image)
        return time.perf_counter() - start

    return timed


def photographs() -> tf.data.Dataset:
    """Images of many sizes, decoded, unknown to TensorFlow."""
    generator = np.random.default_rng(0)
    images = [
        generator.integers(0, 256, (*generator.integers(200, 600, 2), 3), "uint8")
        for _ in range(64)
    ]
    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=spec
    )
    return dataset.cache()


def by_tensorflow(image: tf.Tensor) -> tf.Tensor:
    """tf.image's crop of a random window, and its resize."""
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros((0, 0, 4)),
        area_range=(0.08, 1.0),
        min_object_covered=0.0,
        use_image_if_no_bounding_boxes=True,
    )
    crop = tf.slice(image, begin, size)
    resized = tf.image.resize(crop, (SIDE, SIDE))
    return tf.cast(tf.round(tf.ensure_shape(resized, (SIDE, SIDE, 3))), tf.uint8)


def mapped(dataset: tf.data.Dataset, function: Callable[..., Any]) -> Any:
    """How long a map over images of many sizes takes."""
    dataset = dataset.map(function, num_parallel_calls=2).repeat()
    iterator: list[Iterator[Any]] = []

    def timed(count: int) -> float:
        if not iterator:
            iterator.append(iter(dataset))
        start = time.perf_counter()
        for _ in range(count * BATCH):
            next(iterator[0])
        return time.perf_counter() - start

    return timed


def table(python: str | None) -> dict[str, tuple[Any, str]]:
    """Of each row what takes the time, and the row that it is compared with."""
    rrc = kal.RandomResizedCrop
    files = photographs()
    near = {"scale": (0.7, 1.0), "ratio": (0.95, 1.05)}
    plain = rrc(SIDE, SIDE, antialias=False)
    filtered = rrc(SIDE, SIDE)
    rows = {
        "five layers, 224": (compiled(five(), SIDE), "five layers, 224"),
        "crop 256 to 224 in front": (
            compiled([rrc(SIDE, SIDE, **near), *five()], 256),
            "five layers, 224",
        ),
        "crop 512 to 224 in front": (
            compiled([rrc(SIDE, SIDE), *five()], 512),
            "five layers, 224",
        ),
        "crop and flip, 256": (
            compiled([rrc(SIDE, SIDE), kal.RandomFlip()], 256),
            "crop and flip, 256",
        ),
        "albumentations": (albumentations(), "crop and flip, 256"),
        "tf.image, image by image": (
            mapped(files, by_tensorflow),
            "tf.image, image by image",
        ),
        "crop without a filter, image by image": (
            mapped(files, lambda x: plain(x, training=True)),
            "tf.image, image by image",
        ),
        "crop, image by image": (
            mapped(files, lambda x: filtered(x, training=True)),
            "tf.image, image by image",
        ),
    }
    if python is not None:
        rows["torchvision, image by image"] = peer(python), "crop and flip, 256"
    return rows


def main() -> None:
    """Measures, and prints a line of JSON for each row."""
    parser = argparse.ArgumentParser(prog="benchmarks.sizes", description=__doc__)
    parser.add_argument("--torchvision", help="a Python that has it")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", help="parts of the names of rows")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(2)
    rows = table(arguments.torchvision)
    if arguments.only:
        wanted = {k for k in rows if any(part in k for part in arguments.only)}
        wanted |= {rows[key][1] for key in wanted}
        rows = {key: row for key, row in rows.items() if key in wanted}
    samples = in_turn(
        {k: timed for k, (timed, _) in rows.items()}, arguments.rounds, 0.2
    )
    for key, (_, reference) in rows.items():
        relative = np.divide(samples[key], samples[reference])
        line = {
            "row": key,
            "ms per image": round(1e3 * float(np.median(samples[key])) / BATCH, 3),
            "times": round(float(np.median(relative)), 3),
            "compared with": reference,
        }
        print(json.dumps(line))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
