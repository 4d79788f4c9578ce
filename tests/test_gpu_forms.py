"""The form for GPUs gives what the form for CPUs gives: every layer, on the CPU."""

import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, ALWAYS, EVERY, MIXES
from helpers import random_images

from keras_aug_layers.kernels import device

ALL = {**EVERY, **ALWAYS, **MIXES}
QUICK = ("RandomColorJitter", "RandomErasing")
GRADED = (
    "FusedAugmentation",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomHue",
    "RandomOpticalDistortion",
    "RandomPerspective",
    "RandomResizedCrop",
)
"""Of which the gradient is compared, and with it what they make of floats; the first
and the last one, the stack and the filtered crop, on integers too."""
FEW = 1e-4
"""Of the values, so many may be a grey level off."""


def in_form(kind, name, images, monkeypatch):
    """What a layer makes of images, and the gradient of a weighted sum of it."""
    monkeypatch.setenv(device.VARIABLE, kind)
    layer = ALL[name](seed=3)
    data = {"images": images, "labels": tf.eye(images.shape[0])}

    @tf.function(jit_compile=True, autograph=False)
    def run(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            given = {**data, "images": images} if layer.mixes() else images
            result = layer(given, training=True, seed=(1, 2))
            result = result["images"] if layer.mixes() else result
            weights = tf.reshape(tf.range(tf.size(result)) % 7, tf.shape(result))
            loss = tf.reduce_sum(result * tf.cast(weights, result.dtype))
        if images.dtype.is_integer:
            return result, result
        return result, tape.gradient(loss, images)

    return [x.numpy().astype("float64") for x in run(images)]


def assert_forms_agree(name, monkeypatch):
    images = tf.constant(random_images((8, 40, 36, 3), "uint8"))
    cpu, gpu = (in_form(kind, name, images, monkeypatch)[0] for kind in device.DEVICES)
    off = np.abs(cpu - gpu)
    assert off.max() <= (1.0 if cpu.max() > 8 else 1e-2)
    assert np.mean(off > 1e-5) < FEW


@pytest.mark.thorough
@pytest.mark.parametrize("name", QUICK)
def test_two_layers(name, monkeypatch):
    assert_forms_agree(name, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALL.keys() - ALIKE - {*QUICK, *GRADED[1:-1]}))
def test_every_other_layer(name, monkeypatch):
    assert_forms_agree(name, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRADED)
def test_gradients(name, monkeypatch):
    images = tf.constant(random_images((4, 24, 20, 3)))
    cpu, gpu = (in_form(kind, name, images, monkeypatch) for kind in device.DEVICES)
    for ours, theirs in zip(gpu, cpu, strict=True):
        assert np.abs(theirs).max() > 0.1
        off = np.abs(ours - theirs)
        assert np.mean(off > 1e-4 * np.abs(theirs).max()) < FEW
