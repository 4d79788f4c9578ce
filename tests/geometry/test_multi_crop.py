"""MultiCrop: views of their own, each of the image that came in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal


def views():
    return kal.MultiCrop(
        {
            "global": (2, [kal.RandomResizedCrop(24, 24, seed=1), kal.RandomFlip()]),
            "local": (3, [kal.RandomResizedCrop(9, 12, scale=(0.05, 0.4))]),
        }
    )


def test_shapes_and_draws():
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 50, 3), "uint8")
    layer = views()
    made = layer(images, training=True)
    assert {k: tuple(v.shape) for k, v in made.items()} == {
        "global": (4, 2, 24, 24, 3),
        "local": (4, 3, 9, 12, 3),
    }
    assert not np.array_equal(made["global"][:, 0], made["global"][:, 1])
    one = layer(images, training=True, seed=(1, 2))
    same = layer(images, training=True, seed=(1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
    assert not np.array_equal(one["local"][:, 0], one["local"][:, 1])
    still = layer(images)
    np.testing.assert_array_equal(still["global"][:, 0], still["global"][:, 1])
    assert layer(images[0], training=True)["local"].shape == (3, 9, 12, 3)


def test_in_models_and_datasets(tmp_path):
    layer = views()
    inputs = keras.Input((None, None, 3), dtype="uint8")
    model = keras.Model(inputs, layer(inputs))
    assert tuple(model.output["local"].shape) == (None, 3, 9, 12, 3)
    twin = kal.MultiCrop.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    images = tf.zeros((3, 40, 50, 3), tf.uint8)
    dataset = tf.data.Dataset.from_tensor_slices(images)
    dataset = dataset.map(lambda x: layer(x, training=True))
    assert dataset.element_spec["global"].shape == (2, 24, 24, 3)
    with pytest.raises(ValueError, match="Received"):
        kal.MultiCrop({})
    with pytest.raises(ValueError, match="Received"):
        kal.MultiCrop({"global": (0, [])})
