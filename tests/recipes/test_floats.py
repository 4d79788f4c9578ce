"""Recipes take floats of a value range, and do to them what they do to bytes."""

import numpy as np
import pytest
import tensorflow as tf
from examples import FEW_VIEWS, LABELLED
from examples import small_recipe as made
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers import recipes

NAMES = sorted(name for name in recipes.__all__ if name != "Recipe")
LEVEL = 1.0 / 255.0 / 0.224
"""A grey level, in normalised images."""


def smooth_images():
    """Photograph-like, so that a hair's breadth more or less changes no edge."""
    coarse = tf.cast(random_images((4, 6, 6, 3), "uint8"), tf.float32)
    return tf.cast(tf.round(tf.image.resize(coarse, (40, 44))), tf.uint8)


def results(layer, images, name, training):
    """All images that come out, in one row."""
    data = {"images": images}
    if name in (*LABELLED, "yolo"):
        data["labels"] = tf.one_hot(tf.range(4) % 3, 10)
    with op_by_op():
        made = layer(data, training=training, seed=tf.constant([3, 4]))
    made = {key: x for key, x in made.items() if key != "labels"}
    return np.concatenate([np.ravel(x) for x in tf.nest.flatten(made)])


@pytest.mark.thorough
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_floats_are_what_bytes_are(name, training):
    images = smooth_images()
    floats = tf.cast(images, tf.float32) / 127.5 - 1.0
    few = FEW_VIEWS.get(name, {})
    of_bytes, of_floats = made(name, **few), made(name, value_range=(-1.0, 1.0), **few)
    layers = [x.train if training else x.validation for x in (of_bytes, of_floats)]
    expected, got = (
        results(layer, x, name, training)
        for layer, x in zip(layers, (images, floats), strict=True)
    )
    # Bytes are rounded between the passes, and a curve may have a step there.
    assert np.quantile(np.abs(got - expected), 0.95) < 3.0 * LEVEL
    assert np.std(expected) > 10.0 * LEVEL


def test_what_lies_beside_an_image_of_yolo_is_grey():
    images = tf.ones((1, 20, 40, 3))
    beside = recipes.yolo(size=40, value_range=(-1.0, 1.0)).validation(images)
    grey = tf.fill((3,), 114.0 / 255.0)
    np.testing.assert_allclose(beside[0, 0, 0], grey, atol=1e-6)
    own = recipes.yolo(size=40, value_range=(-1.0, 1.0), fill_value=-1.0)
    np.testing.assert_allclose(own.validation(images)[0, 0, 0], 0.0, atol=1e-6)


@pytest.mark.parametrize("dtype, high", [("uint16", 4095), ("int16", 1000)])
@pytest.mark.parametrize("training", [True, False])
def test_integers_of_any_range_have_whole_numbers_beside_them(dtype, high, training):
    images = tf.fill((2, 20, 40, 3), tf.constant(high, dtype))
    beside = recipes.yolo(size=40, value_range=(0, high)).validation(images)
    np.testing.assert_allclose(beside[0, 0, 0], [114.0 / 255.0] * 3, atol=0.6 / high)
    recipe = recipes.timm(size=16, mixup=0.0, cutmix=0.0, value_range=(0, high))
    layer = recipe.train if training else recipe.validation
    assert layer(images, training=training).shape == (2, 16, 16, 3)


def test_beside_an_image_it_is_black():
    recipe = recipes.torchvision_resnet50(size=16, value_range=(-1.0, 1.0))
    assert recipe.train.fill_value == -1.0
    views = recipes.simclr(size=16, value_range=(-1.0, 1.0)).train
    assert isinstance(views, kal.MultiCrop)
    (view,) = views.stacks.values()
    assert view.layers[0].fill_value == -1.0


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 255.0), (3.0, 5.0)])
def test_beside_an_image_of_nnunet_it_is_black(value_range):
    """Whatever the range: of a patch that is larger than its image, too."""
    images = tf.cast(smooth_images()[:, :12, :12], tf.float32) / 255.0
    made = []
    for low, high in ((0.0, 1.0), value_range):
        recipe = recipes.nnunet(size=16, value_range=(low, high))
        floats = low + (high - low) * images
        with op_by_op():
            made.append(recipe.train(floats, training=True, seed=(1, 2)).numpy())
        assert recipe.train.fill_value == recipe.validation.fill_value == low
    np.testing.assert_allclose(made[0], made[1], atol=1e-4)
    assert (made[0] < 0.01).all(axis=-1).mean() > 0.1
