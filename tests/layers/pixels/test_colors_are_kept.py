"""Colours in JSON, in a Keras file, and undone."""

import keras
import numpy as np
from coloring import colorful, linear_hue
from helpers import assert_same_bits, drawn

import keras_aug_layers as kal


def test_a_transform_with_a_matrix_goes_through_json(images):
    floats = images.astype("float32")
    transform = colorful().sample(floats)
    again = kal.Transform.from_config(transform.to_config())
    assert_same_bits(again.images(floats), transform.images(floats))
    names = [step.name for step in transform.pixels]
    assert names == ["scale", "contrast", "mix"]
    assert transform.pixels[-1].rows["matrix"].shape == (4, 3, 3)


def test_an_inverse_transform_gives_the_colours_back(images):
    floats = images.astype("float64")
    stack = [kal.RandomBrightness(gain=0.3), linear_hue(0.2), kal.RandomContrast(0.4)]
    transform = kal.FusedAugmentation(stack).sample(floats)
    changed = transform.images(floats)
    np.testing.assert_allclose(transform.inverse().images(changed), floats, atol=1e-9)
    assert np.abs(changed - floats).mean() > 5


def test_a_layer_keeps_its_colours_in_a_keras_file(images, tmp_path):
    model = keras.Sequential([keras.Input((9, 12, 3), dtype="uint8"), colorful()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    expected = drawn(model.layers[-1], images, seed=(1, 2))
    assert_same_bits(drawn(loaded, images, seed=(1, 2)), expected)
