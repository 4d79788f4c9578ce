"""What the demo does with a recipe: datasets of one-hot labels, and pictures of it."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.commands import CommandError
from keras_aug_layers.constructors import build_recipe
from keras_aug_layers.layers import MultiCrop
from keras_aug_layers.recipes import Recipe

CROP = 7 / 8
"""The share of the shorter side that an evaluation sees, where a recipe asks."""


def build(text: str, size: int) -> Recipe:
    """Builds a recipe for images of a size, where its text names none.

    Raises:
        CommandError: if there is no such recipe, it is not for classifying, or it
            makes images of one size for the training, and of another for the test.
    """
    sizes = {"val_crop_size": size, "val_resize_size": round(size / CROP)}
    try:
        recipe = build_recipe(text, size=size, **sizes)
    except ValueError as error:
        raise CommandError(f"--recipe: {error}") from error
    if isinstance(recipe.train, MultiCrop):
        raise CommandError(
            f"--recipe: {recipe.name} gives views without labels; the demo trains a "
            "classifier, such as with timm"
        )
    shape = (1, size, size, 3)
    trained, tested = (
        layer.compute_output_shape(shape)[1:3]
        for layer in (recipe.train, recipe.validation)
    )
    if trained != tested:
        raise CommandError(
            f"--recipe: {recipe.name} trains on {trained[0]} x {trained[1]} pixels and "
            f"tests on {tested[0]} x {tested[1]}; the demo's network takes one size: "
            "give the same to both"
        )
    return recipe


def check_classes(recipe: Recipe, classes: int) -> None:
    """Refuses a recipe of another number of classes than the data has."""
    told = recipe.arguments.get("num_classes", classes)
    if told not in (None, classes):
        raise CommandError(
            f"--recipe: {recipe.name} is of {told} classes, and the data of {classes}; "
            "leave num_classes out"
        )


def photographs(dataset: tf.data.Dataset, classes: int) -> tf.data.Dataset:
    """What a recipe takes: bytes of three channels, and one-hot labels, to be mixed."""

    def converted(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.saturate_cast(tf.round(images), tf.uint8)
        if images.shape[-1] == 1:
            images = tf.image.grayscale_to_rgb(images)
        return images, tf.one_hot(labels, classes)

    return dataset.map(converted, num_parallel_calls=tf.data.AUTOTUNE)


def datasets(
    recipe: Recipe, train: tf.data.Dataset, test: tf.data.Dataset, seed: int
) -> list[tf.data.Dataset]:
    """The training without the recipe and with it, and the test."""
    made = [
        recipe.dataset(train, training=False),
        recipe.dataset(train, training=True, seed=seed),
        recipe.dataset(test, training=False),
    ]
    return [dataset.prefetch(tf.data.AUTOTUNE) for dataset in made]


def drawn(recipe: Recipe, images: tf.Tensor) -> tf.Tensor:
    """What the training sees, mixed images too: pixels from 0 to 255."""
    classes = recipe.arguments.get("num_classes") or len(images)
    labels = tf.one_hot(tf.range(len(images)) % classes, classes)
    data = {"images": images, "labels": labels}
    return _shown(recipe, recipe.train(data, training=True)["images"])


def seen(recipe: Recipe, images: tf.Tensor) -> tf.Tensor:
    """What the test sees."""
    return _shown(recipe, recipe.validation(images))


def _shown(recipe: Recipe, images: Any) -> tf.Tensor:
    mean, std = (np.float32(recipe.arguments[name]) for name in ("mean", "std"))
    images = tf.cast(images, tf.float32)
    return tf.clip_by_value(255.0 * (images * std + mean), 0.0, 255.0)
