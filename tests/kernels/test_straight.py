"""Crops of which few are turned: the others are read in two passes, these anew."""

import numpy as np
import pytest
import skimage.data
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels import few, separable

SEED = (1, 13)


def photographs(dtype="uint8"):
    photo = skimage.data.astronaut()[100:164, 180:260].astype(dtype)
    return np.stack([np.roll(photo, 3 * i, axis=1) for i in range(16)])


def crops(interpolation, scale, chance=0.2, jit_compile=True):
    return kal.FusedAugmentation(
        [
            kal.RandomResizedCrop(40, 44, scale=scale, seed=1),
            kal.RandomFlip("horizontal", seed=2),
            kal.RandomApply(kal.RandomRotate(0.1, seed=3), chance, seed=4),
            kal.RandomApply(kal.RandomShear(0.3, 0.0, seed=6), chance, seed=7),
            kal.RandomContrast(0.5, seed=5),
        ],
        antialias="auto",
        value_range=(0, 255),
        interpolation=interpolation,
        fill_mode="constant",
        fill_value=50.0,
        jit_compile=jit_compile,
    )


def turned(layer, images):
    matrix = layer.sample(images, seed=SEED).matrix.numpy()
    return (matrix[:, 0, 1] != 0.0) | (matrix[:, 1, 0] != 0.0)


def reads(monkeypatch):
    """Counts the programs of two passes that are traced from here on."""
    traced = []
    in_two_passes = separable.in_two_passes

    def counted(*arguments):
        traced.append(1)
        return in_two_passes(*arguments)

    monkeypatch.setattr(separable, "in_two_passes", counted)
    return traced


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("interpolation", "scale", "dtype"),
    [
        ("bilinear", (0.5, 1.0), "uint8"),  # some of them are filtered
        ("bicubic", (0.5, 1.0), "float32"),
        ("bicubic", (0.1, 0.2), "uint8"),
    ],
)
def test_it_gives_what_the_other_forms_give(interpolation, scale, dtype, monkeypatch):
    images = photographs(dtype)
    layer = crops(interpolation, scale)
    assert turned(layer, images).sum() == 7  # two at a time
    traced = reads(monkeypatch)
    apart = layer(images, training=True, seed=SEED).numpy().astype("float64")
    assert traced
    eager = crops(interpolation, scale, jit_compile=False)
    expected = eager(images, training=True, seed=SEED).numpy().astype("float64")
    np.testing.assert_allclose(apart, expected, atol=1 if dtype == "uint8" else 0.02)
    assert expected.std(axis=(1, 2, 3)).min() > 10
    monkeypatch.setattr(few, "are_few", lambda *_: tf.constant(False))
    together = crops(interpolation, scale)(images, training=True, seed=SEED).numpy()
    np.testing.assert_allclose(apart, together, atol=1 if dtype == "uint8" else 0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_where_none_are_turned_and_where_all_are(chance):
    images = photographs("float32")
    layer = crops("bilinear", (0.5, 1.0), chance)
    assert turned(layer, images).mean() == chance
    found = layer(images, training=True, seed=SEED)
    eager = crops("bilinear", (0.5, 1.0), chance, jit_compile=False)
    np.testing.assert_allclose(
        found, eager(images, training=True, seed=SEED), atol=0.02
    )


@pytest.mark.thorough
def test_what_is_no_number_stays_in_its_image():
    """An upright image is read by the weights of its own, whatever the others hold."""
    images = photographs("float32")
    layer = crops("bilinear", (0.5, 1.0))
    clean = layer(images, training=True, seed=SEED).numpy()
    which = turned(layer, images)
    hurt = images.copy()
    hurt[which] = np.nan
    found = layer(hurt, training=True, seed=SEED).numpy()
    np.testing.assert_array_equal(found[~which], clean[~which])
    assert (found[which] != clean[which]).any(axis=(1, 2, 3)).all()


@pytest.mark.thorough
def test_a_gradient_passes():
    """The same as that of the form which reads all images as turned ones."""
    images = tf.constant(photographs("float32"))

    def gradient(layer):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(layer(images, training=True, seed=SEED) ** 2)
        return tape.gradient(total, images).numpy()

    found = gradient(crops("bilinear", (0.5, 1.0)))
    expected = gradient(crops("bilinear", (0.5, 1.0), jit_compile=False))
    np.testing.assert_allclose(found, expected, atol=0.5)
    assert np.abs(found).mean() > 1.0
