"""CutMix behind a warp: in the warp's own pass, and what a pass of its own gives."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from helpers import random_images

import keras_aug_layers as kal
from keras_aug_layers.kernels import device, stages
from keras_aug_layers.kernels.resample import Warp

CLASSES = 4
faded = kal.register(
    "test_picks.faded",
    "pointwise",
    lambda x, share: x * tf.reshape(share, (-1, 1, 1, 1)),
)


class Fade(kal.ColorLayer):
    """A layer of one's own, whose function takes rows of images at their word."""

    def draw(self, random, frame):
        return faded(share=random.uniform((0.2, 1.0)))


FRONTS = {
    "a turn": lambda: [kal.RandomRotate(0.2)],
    "a perspective": lambda: [kal.RandomPerspective(0.4)],
    "filled": lambda: [
        kal.RandomZoom(0.5, fill_mode="constant", fill_value=(9.0, 8.0, 7.0))
    ],
    "nearest": lambda: [kal.RandomShear(0.2, 0.2, interpolation="nearest")],
    "bicubic": lambda: [kal.RandomRotate(0.2, interpolation="bicubic")],
    "a crop": lambda: [kal.RandomResizedCrop(24, 20, antialias=False)],
    "colours": lambda: [
        kal.RandomRotate(0.2),
        kal.RandomContrast(0.5),
        kal.Solarization(),
        kal.RandomPosterization(4),
    ],
    "an erasing": lambda: [kal.RandomRotate(0.2), kal.RandomErasing()],
    "holes": lambda: [kal.RandomRotate(0.2), kal.CoarseDropout()],
    "a lattice": lambda: [kal.RandomRotate(0.2), kal.GridMask()],
    "one's own": lambda: [kal.RandomRotate(0.2), Fade()],
    "for some": lambda: [kal.RandomRotate(0.2), kal.Solarization(probability=0.5)],
    "another dtype": lambda: [
        kal.RandomRotate(0.2),
        kal.Normalize((0.4, 0.5, 0.6), 0.3, dtype="float16"),
    ],
}
MIXING = {
    "saturation": lambda: [
        kal.RandomRotate(0.2),
        kal.RandomSaturation(0.9, space="linear"),
    ]
}
CPU, GPU = device.DEVICES
thorough = pytest.mark.thorough


def traced(front, dtype="uint8", channels=3, cut=None, behind=()):
    """What mixes a batch, the batch, and the stages that have their own pass."""
    cut = cut or kal.CutMix(num_classes=CLASSES)
    layer = kal.FusedAugmentation([*front(), cut, *behind], value_range=(0, 255))
    images = tf.constant(random_images((6, 24, 20, channels), "uint8"), dtype=dtype)
    names, run = [], stages.run

    def counted(step, *args, **kwargs):
        names.append(step.name)
        return run(step, *args, **kwargs)

    @tf.function(jit_compile=True, autograph=False)
    def result(images):
        data = {"images": images, "labels": tf.range(6) % CLASSES}
        with tf.GradientTape() as tape:
            tape.watch(images)
            data = layer(data, training=True, seed=(3, 4))
            out = data["images"]
            weights = tf.reshape(tf.range(tf.size(out)) % 7, tf.shape(out))
            loss = tf.reduce_sum(tf.cast(out, tf.float32) * tf.cast(weights, "float32"))
        slope = out if images.dtype.is_integer else tape.gradient(loss, images)
        return out, slope, data["labels"]

    with mock.patch.object(stages, "run", counted):
        return result.get_concrete_function(images), images, names


def mixed(*args, **kwargs):
    """What is made of a batch, the gradient, and the stages that had their own pass."""
    result, images, names = traced(*args, **kwargs)
    out, slope, labels = result(images)
    assert np.count_nonzero(np.max(labels, axis=-1) < 0.95) >= 2  # as windows are large
    return out, slope, names


def staged(*args, **kwargs):
    """The same where CutMix is a pass of its own."""
    with mock.patch.object(Warp, "picking", lambda self, pick: None):
        return mixed(*args, **kwargs)


def assert_same(one, other, most=1e-3):
    """All values but few that XLA rounded the other way."""
    one, other = (np.asarray(x, "float64") for x in (one, other))
    assert one.shape == other.shape
    scale = np.abs(other).max()
    assert np.mean(np.abs(one - other) > 1e-5 * scale) < most
    assert np.abs(one - other).max() <= max(1.0, 0.01 * scale)


# Those that are smooth are compared as floats, with their gradients: see below.
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a turn", CPU),
        pytest.param("a turn", GPU, marks=thorough),
        pytest.param("nearest", CPU, marks=thorough),
        pytest.param("colours", CPU, marks=thorough),
        pytest.param("holes", CPU, marks=thorough),
        pytest.param("holes", GPU, marks=thorough),
        pytest.param("a lattice", CPU, marks=thorough),
        pytest.param("one's own", CPU, marks=thorough),
        pytest.param("one's own", GPU, marks=thorough),
        pytest.param("for some", GPU, marks=thorough),
        pytest.param("another dtype", CPU, marks=thorough),
    ],
)
def test_it_is_what_a_pass_of_its_own_gives(name, kind, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, kind)
    out, _, names = mixed(FRONTS[name])
    expected, _, apart = staged(FRONTS[name])
    assert names == []
    assert apart == ["paste"]
    assert out.dtype == expected.dtype
    assert_same(out, expected)


@thorough
@pytest.mark.parametrize(
    ("name", "kind", "channels"),
    [
        ("a turn", CPU, 3),
        ("a perspective", GPU, 2),  # of two channels, as each is read by itself
        ("filled", CPU, 3),
        ("bicubic", GPU, 2),
        ("a crop", CPU, 3),
        ("an erasing", GPU, 3),
    ],
)
def test_floats_and_their_gradient(name, kind, channels, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, kind)
    out, slope, _ = mixed(FRONTS[name], "float32", channels)
    expected, expected_slope, _ = staged(FRONTS[name], "float32", channels)
    assert_same(out, expected)
    assert_same(slope, expected_slope, most=1e-2)
    assert np.abs(expected_slope).max() > 0.0


@thorough
def test_a_part_of_the_images_and_what_follows(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, GPU)
    arguments = {
        "cut": kal.CutMix(num_classes=CLASSES, probability=0.5, partners="random"),
        "behind": [kal.RandomInvert(1.0), kal.RandomGaussianBlur(kernel_size=3)],
    }
    out, _, names = mixed(FRONTS["a turn"], **arguments)
    expected, _, _ = staged(FRONTS["a turn"], **arguments)
    assert names == ["blur_rows", "blur_columns"]
    assert_same(out, expected)


@thorough
def test_matrices_of_colours_keep_their_own_pass(monkeypatch):
    """On a CPU, where they would be made for each pixel."""
    monkeypatch.setenv(device.VARIABLE, CPU)
    assert traced(MIXING["saturation"])[2] == ["paste"]
    monkeypatch.setenv(device.VARIABLE, GPU)
    out, _, names = mixed(MIXING["saturation"])
    assert names == []
    assert_same(out, staged(MIXING["saturation"])[0])
