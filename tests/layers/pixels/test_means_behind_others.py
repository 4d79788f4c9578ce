"""Means that are measured where a crop, a pass of its own or an erasing came before."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers.kernels.flat import Flat
from keras_aug_layers.kernels.flat import mean_color as mean_of_list
from keras_aug_layers.kernels.measured import mean_color
from keras_aug_layers.kernels.program import register

GAIN = -0.5


def ramps():
    """Images of which any part has a mean of its own: float32 (6, 64, 64, 3)."""
    y, x = np.mgrid[:64, :64]
    ramp = 20 + 2.0 * y + 1.3 * x
    images = np.stack([ramp, ramp + 5, ramp + 9], axis=-1)
    return np.tile(images, (6, 1, 1, 1)).astype("float32")


BEHIND = {
    "HSV": lambda: [kal.RandomSaturation((0.45, 0.45), seed=2)],
    "a blur": lambda: [kal.RandomGaussianBlur(sigma=(0.5, 0.5), seed=2)],
    "sharpness": lambda: [kal.RandomSharpness((0.6, 0.6), seed=2)],
    "some": lambda: [kal.RandomSharpness((0.6, 0.6), probability=0.5, seed=2)],
    "an erasing": lambda: [kal.RandomErasing(scale=(0.3, 0.3), fill_value=0, seed=2)],
    "an erasing, brighter": lambda: [
        kal.RandomErasing(scale=(0.3, 0.3), fill_value=0, seed=2),
        kal.RandomBrightness(gain=(1.1, 1.1), seed=4),
    ],
}


def made(layers, form, images):
    """What a stack makes of images, in a form, with the same draws in each."""
    layers = [layer for each in layers for layer in each]

    def one_by_one(x):
        for layer in layers:
            x = layer(x, training=True)
        return x

    if form == "Sequential":
        return tf.function(one_by_one)(tf.constant(images)).numpy()
    if form == "one by one":
        with op_by_op():
            return one_by_one(tf.constant(images)).numpy()
    group = kal.FusedAugmentation(layers, seed=5)
    if form == "graph":
        call = tf.function(lambda x: group(x, training=True))
        return call(tf.constant(images)).numpy()
    with op_by_op():
        return group(images, training=True).numpy()


FORMED = [
    *((behind, "eager") for behind in BEHIND),
    *((behind, "one by one") for behind in BEHIND),
    ("HSV", "graph"),
    ("a blur", "Sequential"),
    ("some", "Sequential"),
    ("an erasing, brighter", "graph"),
]
"""All of them in a group and in a chain, and a few compiled, which takes long."""


@pytest.mark.parametrize(("behind", "form"), FORMED)
def test_a_mean_is_that_of_the_crop(behind, form):
    """Of what the layers between have made of it, too."""
    images = ramps()
    first = [[kal.RandomCrop(16, 16, seed=1)], BEHIND[behind]()]
    before = made(first, "eager", images).astype("float64")
    again = [[kal.RandomCrop(16, 16, seed=1)], BEHIND[behind]()]
    again.append([kal.RandomContrast((GAIN, GAIN), seed=3)])
    found = made(again, form, images)
    mean = before.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, mean + (1 + GAIN) * (before - mean), atol=0.01)
    assert np.ptp(mean) > 20  # windows differ


def test_equalize_in_front_of_a_crop_is_a_pass_too():
    """The crop is done first, so that its window is no longer one."""
    images = ramps()
    layers = [kal.Equalization(value_range=(0, 255)), kal.RandomCrop(16, 16, seed=1)]
    before = made([layers], "eager", images).astype("float64")
    layers = [kal.Equalization(value_range=(0, 255)), kal.RandomCrop(16, 16, seed=1)]
    more = kal.RandomContrast((GAIN, GAIN), seed=3)
    found = made([layers, [more]], "eager", images)
    mean = before.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, mean + (1 + GAIN) * (before - mean), atol=0.01)


HALF = register("test.half", "whole", lambda x, one: x - x % 100.0)
"""A function of a whole image, which a user may write."""


class Halved(kal.ColorLayer):
    """Applies it."""

    def draw(self, random, frame):
        return HALF(one=1.0)


def test_a_function_of_whole_images_is_one_of_the_crop():
    layers = [kal.RandomCrop(16, 16, seed=1), Halved()]
    before = made([layers], "eager", ramps()).astype("float64")
    layers = [kal.RandomCrop(16, 16, seed=1), Halved()]
    more = kal.RandomContrast((GAIN, GAIN), seed=3)
    found = made([layers, [more]], "eager", ramps())
    mean = before.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, mean + (1 + GAIN) * (before - mean), atol=0.01)


def test_another_choice_does_not_change_the_mean():
    """Beside a blur, or an erasing, a mean is what it is alone."""

    def alone():
        turn = kal.RandomRotate((0.1, 0.1), fill_mode="constant", seed=7)
        return [kal.CenterCrop(16, 16), turn, kal.RandomContrast((GAIN, GAIN), seed=3)]

    erasing = {"scale": (0.3, 0.3), "fill_value": 0}
    erased = [kal.CenterCrop(16, 16), kal.RandomErasing(**erasing)]
    blurred = [kal.CenterCrop(16, 16), kal.RandomGaussianBlur(sigma=(0.5, 0.5))]
    later = [*alone()[::2], kal.RandomErasing(**erasing)]
    expected = made([alone()], "eager", ramps())
    for other in (erased, blurred, later):
        options = {"fill_mode": "constant"}
        groups = [kal.FusedAugmentation(x, **options) for x in (other, alone())]
        choice = kal.RandomChoice(groups, weights=(1.0, 1.0), seed=1)
        found = made([[choice]], "eager", ramps())
        same = (np.abs(found - expected) < 0.01).all(axis=(1, 2, 3))
        assert 0 < same.sum() < 6


def test_explain_counts_no_pass_that_does_nothing():
    layers = [kal.CenterCrop(16, 16), *BEHIND["an erasing"]()]
    layers.append(kal.RandomContrast(0.5))
    text = kal.explain(kal.FusedAugmentation(layers), (4, 64, 64, 3))
    assert text.startswith("1 warp, 1 other pass\n")


def large(height, width):
    """Bright above, dark below: of a sum of float32, one by one, the dark is lost."""
    image = np.full((1, height, width, 1), 200, "uint8")
    image[:, height // 2 :] = 1
    return image


@pytest.mark.thorough
def test_the_mean_of_a_large_ragged_image():
    ragged = tf.RaggedTensor.from_tensor(large(1500, 1400), ragged_rank=2)
    mean = mean_of_list(Flat.of(ragged))
    assert mean.dtype == tf.float32
    np.testing.assert_allclose(mean, [[100.5]], atol=0.01)
    window = tf.constant([[0.0, 0.0, 700.0, 375.0]])
    np.testing.assert_allclose(mean_of_list(Flat.of(ragged), window), [[100.5]], 1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [(None, None), (3002, 4001)], ids=str)
def test_the_mean_of_a_large_image(size, jit_compile):
    run = tf.function(
        lambda x: mean_color(x, tf.float32),
        input_signature=[tf.TensorSpec((1, *size, 1), tf.uint8)],
        jit_compile=jit_compile,
    )
    np.testing.assert_allclose(run(large(3002, 4001)), [[100.5]], atol=0.01)


@pytest.mark.parametrize("crop_first", [False, True])
def test_the_window_of_a_choice_is_that_of_its_own_crop(crop_first):
    """A shift behind a crop is none, though another choice is a crop as well."""
    y = np.arange(40, dtype="float32")[None, :, None, None]
    ramp = np.broadcast_to(20 + 4 * y, (2, 40, 40, 3)).copy()
    shift = kal.RandomShift((6, 6), (0, 0), unit="pixels", fill_mode="nearest")
    moved = kal.FusedAugmentation([kal.CenterCrop(20, 20), shift])
    crop = kal.CenterCrop(20, 20)
    layers, weights = ([crop, moved], (0, 1)) if crop_first else ([moved, crop], (1, 0))
    choice = kal.RandomChoice(layers, weights)
    contrast = kal.RandomContrast((GAIN, GAIN))
    found = made([[choice, contrast]], "eager", ramp)
    mean, shown = ramp[:, 10:30].mean(), ramp[:, 4:24, 10:30]
    np.testing.assert_allclose(found, mean + (1 + GAIN) * (shown - mean), atol=0.01)


@pytest.mark.parametrize("form", ["eager", "graph"])
def test_statistics_read_what_a_bicubic_move_leaves_within_the_range(form):
    """Moved, and clipped, the image has 0 and 1: nothing is to be stretched."""
    images = np.zeros((1, 32, 32, 3), "float32")
    images[:, 8:24, 8:24] = 1.0
    half = {"unit": "pixels", "interpolation": "bicubic", "fill_mode": "nearest"}
    shift = kal.RandomShift((0.5, 0.5), (0.5, 0.5), **half)
    group = kal.FusedAugmentation([shift, kal.AutoContrast()], value_range=(0, 1))
    call = tf.function(group) if form == "graph" else group
    found = call(images, training=True).numpy()
    assert abs(found[0, 1, 1, 0]) < 1e-5
    assert abs(found[0, 16, 16, 0] - 1.0) < 1e-5
    whole = kal.FusedAugmentation([shift])(images, training=True).numpy()
    np.testing.assert_allclose(found, np.clip(whole, 0, 1), atol=1e-5)
