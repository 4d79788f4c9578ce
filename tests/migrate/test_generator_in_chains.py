"""A generator's layer that normalises, among others: pixels are read once."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal

STANDARDS = {
    "rescale": {"rescale": 1 / 255},
    "samplewise": {"samplewise_std_normalization": True},
    "featurewise": {
        "featurewise_std_normalization": True,
        "mean": [90.0, 120.0, 150.0],
        "std": [40.0, 50.0, 60.0],
    },
}
standards = pytest.mark.parametrize("standard", STANDARDS.values(), ids=STANDARDS)


@pytest.fixture
def images():
    noise = np.random.default_rng(0).normal(120, 50, (2, 20, 20, 3))
    return np.clip(noise, 0, 255).round()


@standards
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
@op_by_op()
def test_integers_are_read_once_as_floats_are(standard, dtype, images):
    """They were read twice, and blurred: the zoom out had been rounded between."""
    images = tf.cast(images, dtype)
    out = kal.RandomZoom((0.25, 0.25), fill_mode="nearest")
    back = kal.from_image_data_generator(zoom_range=(0.8, 0.8), **standard)
    made = back(out(images, training=True), training=True)
    assert made.dtype == "float32"
    np.testing.assert_allclose(made, back(images), atol=2e-3)


@standards
def test_what_is_too_bright_is_clipped_before_it_is_normalised(standard, images):
    bright = kal.RandomBrightness(gain=(2.0, 2.0))
    layer = kal.from_image_data_generator(**standard)
    x = tf.cast(images, "uint8")
    made = layer(bright(x, training=True), training=True)
    expected = layer(np.minimum(2 * images, 255.0))
    np.testing.assert_allclose(made, expected, atol=2e-3)


def test_what_is_too_bright_is_clipped_to_the_range_of_those_before(images):
    bright = kal.RandomBrightness(gain=(2.0, 2.0), value_range=(0.0, 200.0))
    layer = kal.from_image_data_generator(rescale=0.5)
    for dtype in ("float32", "uint8"):
        made = layer(bright(tf.cast(images, dtype), training=True), training=True)
        np.testing.assert_allclose(made, np.minimum(images, 100.0), atol=1e-3)


def test_pixels_are_between_whole_numbers(images):
    """As the generator's, which computes with floats."""
    layer = kal.from_image_data_generator(rotation_range=30, rescale=0.5)
    results = [
        layer(tf.cast(images, dtype), training=True, seed=(1, 2)).numpy()
        for dtype in ("uint8", "float32")
    ]
    np.testing.assert_array_equal(*results)
    assert (results[0] * 2 % 1 > 0.1).mean() > 0.5


def test_by_chance_pixels_are_between_whole_numbers_too(images):
    """Those that are augmented, beside others that rest."""
    layer = kal.from_image_data_generator(rotation_range=30, rescale=0.5)
    layer.probability = 0.5
    x = np.repeat(images, 8, axis=0)
    results = [
        layer(tf.cast(x, dtype), training=True, seed=(1, 2)).numpy()
        for dtype in ("uint8", "float32")
    ]
    np.testing.assert_array_equal(*results)
    rests = (np.abs(results[0] - x / 2) < 1e-3).all((1, 2, 3))
    assert 0 < rests.sum() < 16


def test_explained():
    flip, turn = kal.RandomFlip(name="flip"), kal.RandomRotate(0.1, name="turn")
    layer = kal.from_image_data_generator(rotation_range=20, rescale=1 / 255.0)
    layer.name = "made"
    text = kal.explain(keras.Sequential([flip, layer, turn]), (4, 20, 20, 3))
    assert text.splitlines() == [
        "2 warps, 0 other passes",
        "1. flip, made: one warp (affine, convert_unrounded, scale)",
        "   begins at flip: its input is no output of a layer of this library",
        "2. turn: one warp (affine)",
        "   begins at turn: its input has been converted to another dtype or range",
    ]


def test_explain_names_how_images_are_normalised():
    own = "subtract_own_mean, divide_by_own_deviation"
    for name, steps in (("samplewise", own), ("featurewise", "scale")):
        layer = kal.from_image_data_generator(**STANDARDS[name])
        said = f"one warp (affine, convert_unrounded, {steps})"
        assert said in kal.explain(layer, (4, 20, 20, 3))


def test_floats_are_converted_too():
    """Their dtype stays; their range does not."""
    layer = kal.from_image_data_generator(rotation_range=20, rescale=1 / 255)
    stack = keras.Sequential([layer, kal.RandomRotate(0.1)])
    said = kal.explain(stack, (4, 20, 20, 3), "float32")
    assert said.startswith("2 warps") and "converted to another dtype or range" in said


@standards
@pytest.mark.parametrize("training", [False, True])
def test_ragged_images_are_normalised_one_by_one(standard, training, images):
    images = images.astype("uint8")
    layer = kal.from_image_data_generator(vertical_flip=True, **standard)
    made = layer(tf.ragged.stack([images[0], images[1, :9]]), training=training)
    assert made.dtype == "float32"
    for one, image in zip(made, (images[0], images[1, :9]), strict=True):
        one, rests = one.to_tensor().numpy(), layer(image).numpy()
        errors = [np.abs(x - rests).max() for x in (one, one[::-1])]
        assert min(errors) < 1e-4 < 0.1 < max(errors)


def test_statistics_that_are_found_anew_are_used(images):
    layer = kal.from_image_data_generator(featurewise_center=True)
    x = images.astype("uint8")
    for added in (0.0, 50.0):
        layer.adapt(images + added)
        expected = images - (images + added).mean((0, 1, 2))
        for training in (False, True):
            made = layer(x, training=training)
            np.testing.assert_allclose(made, expected, atol=1e-3)
