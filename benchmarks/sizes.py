"""What crops and resizes cost, alone and before other layers.

    python -m benchmarks.sizes           # three minutes on two quiet cores
    python -m benchmarks.sizes --quick   # tiny images, one round: does it run?

uint8, on two threads; what is compared takes its turns in the same rounds. A batch is
cropped in a `tf.function` of static size; "image by image" is a `tf.data` map, two
calls at a time, of decoded pictures of many sizes, which TensorFlow does not know.
torchvision takes part in a process of its own: where it is not installed here,
TORCHVISION_PYTHON may name an interpreter that has it.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import functools
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.contenders import keras_layers, our_layers
from benchmarks.modes import calls, training
from benchmarks.paired import Benchmark, Group, Ratio
from benchmarks.timing import Timed

THREADS = 2

PEER = """
import sys, time
import torch
try:
    import torchvision
except RuntimeError:  # it is for another torch, whose operators this does not use
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor boxes, Tensor scores, float at) -> Tensor")
from torchvision.transforms import v2
threads, batch, source, side = map(int, sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(0)
images = torch.randint(0, 256, (batch, 3, source, source), dtype=torch.uint8)
augment = v2.Compose(
    [v2.RandomResizedCrop(side, antialias=True), v2.RandomHorizontalFlip()]
)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        for image in images:
            augment(image)
    print(time.perf_counter() - start, flush=True)
"""


def source(case: Case, sevenths: int) -> Case:
    """Larger images, of which the case's are cropped: 256 for 224, by 8 sevenths."""
    return Case(case.size * sevenths // 7, case.batch, case.dtype)


def crop(case: Case, **arguments: Any) -> keras.layers.Layer:
    """A crop to the size of the case."""
    return kal.RandomResizedCrop(case.size, case.size, **arguments)


def _stack(
    sevenths: int, layers: Callable[[Case], list[keras.layers.Layer]]
) -> Callable[[Case], Timed]:
    """A stack that takes a batch of larger images."""

    def make(case: Case) -> Timed:
        stack = kal.FusedAugmentation(layers(case))
        images = tf.constant(source(case, sevenths).images())
        return calls(tf.function(training(stack)), images)

    return make


def _mild(case: Case) -> keras.layers.Layer:
    """From 256 to 224, windows of at most 223: with the zoom behind it, below 1.2."""
    return crop(case, scale=(0.5, 0.72), ratio=(0.95, 1.05))


def _filled(case: Case) -> list[keras.layers.Layer]:
    return [crop(case, fill_mode="constant"), kal.RandomFlip()]


def torchvision(case: Case) -> Timed:
    """torchvision's crop and flip, image by image, in its own process.

    Raises:
        ImportError: if no interpreter is known that has it.
    """
    python = os.environ.get("TORCHVISION_PYTHON")
    if python is None:
        if importlib.util.find_spec("torchvision") is None:
            raise ImportError("not installed, and TORCHVISION_PYTHON is not set")
        python = sys.executable
    numbers = THREADS, case.batch, source(case, 8).size, case.size
    # It ends when its input does, with this process.
    process = subprocess.Popen(
        [python, "-c", PEER, *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pipes = process.stdin, process.stdout

    def seconds(n: int) -> float:
        print(n, file=pipes[0], flush=True)
        return float(pipes[1].readline())

    try:
        seconds(0)
    except (BrokenPipeError, ValueError) as error:
        raise ImportError(f"{python} does not run torchvision") from error
    return seconds


def albumentations(case: Case) -> Timed:
    """albumentations' crop and flip, image by image."""
    import albumentations

    transform = albumentations.Compose(
        [
            albumentations.RandomResizedCrop((case.size, case.size)),
            albumentations.HorizontalFlip(p=0.5),
        ]
    )
    images = source(case, 8).images()

    def seconds(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            for image in images:
                transform(image=image)
        return time.perf_counter() - start

    return seconds


@functools.cache
def photographs(side: int, count: int) -> tf.data.Dataset:
    """Decoded pictures of many sizes about a side's, unknown to TensorFlow."""
    generator = np.random.default_rng(0)
    low, high = round(0.9 * side), round(2.7 * side)
    images = [
        generator.integers(0, 256, (*generator.integers(low, high, 2), 3), "uint8")
        for _ in range(count)
    ]
    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=spec
    )
    return dataset.cache()


def by_tensorflow(case: Case, antialias: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    """tf.image's crop of a random window, and its resize."""

    def cropped(image: tf.Tensor) -> tf.Tensor:
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros((1, 0, 4)),
            area_range=(0.08, 1.0),
            min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.slice(image, begin, size)
        side = case.size, case.size
        resized = tf.image.resize(window, side, antialias=antialias)
        return tf.cast(tf.round(tf.ensure_shape(resized, (*side, 3))), tf.uint8)

    return cropped


Map = Callable[[Case], Callable[[tf.Tensor], tf.Tensor]]


def _mapped(function: Map) -> Callable[[Case], Timed]:
    """A map over pictures of many sizes, of which a batch is all, for every map."""

    def make(case: Case) -> Timed:
        pictures = photographs(case.size, case.batch)
        dataset = pictures.map(function(case), THREADS).repeat()
        options = tf.data.Options()  # nothing is fetched before the clock starts
        options.autotune.enabled = False
        options.experimental_optimization.inject_prefetch = False
        iterator: Iterator[Any] = iter(dataset.with_options(options))

        def seconds(n: int) -> float:
            start = time.perf_counter()
            for _ in range(n * case.batch):
                next(iterator)
            return time.perf_counter() - start

        return seconds

    return make


def _in_turn(*functions: Callable[[tf.Tensor], tf.Tensor]) -> Any:
    def each(image: tf.Tensor) -> tf.Tensor:
        for function in functions:
            image = function(image)
        return image

    return each


def _then_five(case: Case) -> Callable[[tf.Tensor], tf.Tensor]:
    return _in_turn(*map(training, [crop(case), *our_layers(case)]))


def _tensorflow_then_five(case: Case) -> Callable[[tf.Tensor], tf.Tensor]:
    return _in_turn(by_tensorflow(case, False), *map(training, keras_layers(case)))


def _resting(case: Case) -> Callable[[tf.Tensor], tf.Tensor]:
    layer = kal.Resizing(case.size, case.size)
    return lambda image: layer(image, training=False)


def _resized(case: Case) -> Callable[[tf.Tensor], tf.Tensor]:
    size = case.size, case.size

    def resized(image: tf.Tensor) -> tf.Tensor:
        values = tf.image.resize(image, size, antialias=True)
        return tf.cast(tf.round(values), tf.uint8)

    return resized


FIVE = "the five layers"
MILD, STRONG = "crop 256 to 224, then the five", "crop 512 to 224, then the five"
OURS, TORCHVISION, ALBUMENTATIONS = (
    "crop and flip of 256, ours",
    "torchvision, image by image",
    "albumentations, image by image",
)
FILLED = "crop and flip of 256, with a constant fill"
BY_IMAGE, PLAIN = "crop, image by image", "crop without antialias, image by image"
TF_FILTERED, TF_PLAIN = "tf.image with antialias", "tf.image"
RESIZED, TF_RESIZED = (
    "Resizing outside training, image by image",
    "tf.image.resize with antialias",
)
BEHIND, TF_BEHIND = (
    "crop and the five, image by image",
    "tf.image and five of keras.layers, image by image",
)
GROUPS = [
    Group(
        "before five layers",
        {
            FIVE: _stack(7, our_layers),
            MILD: _stack(8, lambda case: [_mild(case), *our_layers(case)]),
            STRONG: _stack(16, lambda case: [crop(case), *our_layers(case)]),
        },
        [
            Ratio(MILD, FIVE, 1.25, at_most=True),
            Ratio(STRONG, FIVE, 3.3, at_most=True),
        ],
    ),
    Group(
        "crop and flip",
        {
            OURS: _stack(8, lambda case: [crop(case), kal.RandomFlip()]),
            TORCHVISION: torchvision,
            ALBUMENTATIONS: albumentations,
            FILLED: _stack(8, _filled),
        },
        [
            Ratio(OURS, TORCHVISION, 1.0, at_most=True),
            Ratio(OURS, ALBUMENTATIONS),
            Ratio(FILLED, OURS, 1.2, at_most=True),
        ],
    ),
    Group(
        "image by image",
        {
            TF_PLAIN: _mapped(lambda case: by_tensorflow(case, False)),
            TF_FILTERED: _mapped(lambda case: by_tensorflow(case, True)),
            PLAIN: _mapped(lambda case: training(crop(case, antialias=False))),
            BY_IMAGE: _mapped(lambda case: training(crop(case))),
            BEHIND: _mapped(_then_five),
            TF_BEHIND: _mapped(_tensorflow_then_five),
            RESIZED: _mapped(_resting),
            TF_RESIZED: _mapped(_resized),
        },
        [
            Ratio(PLAIN, TF_PLAIN, 1.5, at_most=True),
            Ratio(BY_IMAGE, TF_FILTERED, 1.5, at_most=True),
            Ratio(BY_IMAGE, TF_PLAIN),
            Ratio(BEHIND, BY_IMAGE),
            Ratio(TF_BEHIND, BEHIND),
            Ratio(RESIZED, TF_RESIZED),
        ],
    ),
]
BENCHMARK = Benchmark("sizes", GROUPS)

if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    BENCHMARK.main(__doc__)
