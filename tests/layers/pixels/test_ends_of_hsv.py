"""Where saturation and hue end, and what a jitter needs to know."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

MUCH = {"saturation_factor": (0.9, 0.9)}  # a gain of 9
PURE = {
    "alone": lambda: kal.RandomSaturation((0.9, 0.9)),
    "in order": lambda: kal.RandomColorJitter(**MUCH, hue_factor=(0.0, 0.0)),
    "in an order of its own": lambda: kal.RandomColorJitter(
        **MUCH, hue_factor=(0.0, 0.0), order="random"
    ),
    "beside a gain": lambda: kal.RandomColorJitter(**MUCH, brightness=(1.0, 1.0)),
}


@pytest.mark.parametrize("name", PURE)
def test_a_color_is_no_purer_than_pure(name):
    pixel = (0.8, 0.4, 0.2)
    hue, _, value = colorsys.rgb_to_hsv(*pixel)
    floats = np.tile(np.float32(pixel), (1, 4, 4, 1))
    result = PURE[name]()(floats, training=True)
    np.testing.assert_allclose(
        result[0, 0, 0], colorsys.hsv_to_rgb(hue, 1.0, value), atol=1e-3
    )
    whole = np.tile(np.int16([200, 100, 50]), (1, 4, 4, 1))
    result = PURE[name]()(whole, training=True)[0, 0, 0]
    np.testing.assert_allclose(result, [200, 67, 0], atol=1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("further", [{}, {"brightness": (1.0, 1.0)}])
def test_a_hue_of_0_leaves_greys(dtype, further):
    most = np.iinfo(dtype).max
    grey = np.arange(most - 255, most + 1).astype(dtype).reshape(1, 16, 16, 1)
    grey = grey.repeat(3, axis=-1)
    layer = kal.RandomColorJitter(hue=(0.0, 0.0), **further)
    np.testing.assert_array_equal(layer(grey, training=True), grey)


@pytest.mark.parametrize("dtype", ["uint8", "uint32"])
def test_what_is_stored_on_the_way_is_of_the_dtype(dtype):
    most = float(np.iinfo(dtype).max)
    dark = np.full((2, 4, 4, 3), int(most) // 4, dtype)
    down = kal.RandomBrightness((-0.5, -0.5))
    group = kal.FusedAugmentation([down, kal.Rescaling(1.0 / most)])
    np.testing.assert_allclose(group(dark, training=True), np.zeros(dark.shape))
    up = kal.RandomBrightness((0.5, 0.5))
    group = kal.FusedAugmentation([down, kal.RandomPosterization(8), up])
    result = group(dark, training=True).numpy() / most
    np.testing.assert_allclose(result, 0.5, atol=0.01)


@pytest.mark.parametrize("space", ["linear", "hsv"])
def test_a_brightness_asks_for_no_number_of_channels(space):
    images = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 4)).astype("float32")
    layer = kal.RandomColorJitter(brightness=(1.2, 1.2), space=space)
    signature = [tf.TensorSpec((None, 8, 8, None), tf.float32)]

    @tf.function(input_signature=signature, autograph=False)
    def run(images):
        return layer(images, training=True)

    np.testing.assert_allclose(run(images), 1.2 * images, atol=1e-5)
