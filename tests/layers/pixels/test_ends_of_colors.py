"""Colours at the ends of ranges and dtypes, and their gradients there."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal


@pytest.mark.parametrize(
    "dtype, low, high",
    [("int8", -128, 127), ("int16", -1000, 1000), ("uint8", 0, 255), ("int32", 0, 999)],
)
@pytest.mark.parametrize("further", [{}, {"brightness": (1.0, 1.0)}])
def test_a_hue_of_0_leaves_integers(dtype, low, high, further):
    x = np.random.default_rng(0).integers(low, high + 1, (2, 16, 16, 3)).astype(dtype)
    kwargs = {**further, "value_range": (low, high)}
    layer = kal.RandomColorJitter(hue=(0.0, 0.0), **kwargs)
    np.testing.assert_array_equal(layer(x, training=True), x)


@pytest.mark.parametrize("further", [{}, {"brightness": (1.0, 1.0)}])
def test_a_hue_of_0_leaves_int64_of_no_range(further):
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    layer = kal.RandomColorJitter(hue=(0.0, 0.0), **further)
    np.testing.assert_array_equal(layer(x, training=True), x)


def published(pixel):
    """torchvision: to 0 ... 1, turned, and back by x * 255.999, cut off."""
    h, s, v = colorsys.rgb_to_hsv(*(pixel / 255.0))
    return [int(c * 255.999 + 1e-6) for c in colorsys.hsv_to_rgb((h + 0.1) % 1.0, s, v)]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "int64"])
def test_integers_of_bytes_are_cut_off_as_bytes(dtype):
    x = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3))
    expected = np.array([published(p) for p in x.reshape(-1, 3)]).reshape(x.shape)
    layer = kal.RandomColorJitter(hue=(0.1, 0.1), value_range=(0, 255))
    result = layer(x.astype(dtype), training=True).numpy().astype("int64")
    assert (result != expected).mean() < 0.02
    assert np.abs(result - expected).max() <= 1


@pytest.mark.parametrize("factor", [0.9, 0.999, 0.99999, 1.0])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_greys_stay_in_a_linear_saturation(factor, dtype):
    levels = np.arange(256, dtype=dtype).reshape(1, 16, 16, 1)
    grey = np.repeat(levels, 3, axis=-1)
    kwargs = {"value_range": (0, 255), "space": "linear"}
    for layer in (
        kal.RandomSaturation((factor, factor), **kwargs),
        kal.RandomColorJitter(saturation_factor=(factor, factor), **kwargs),
    ):
        result = layer(grey, training=True).numpy().astype("float64")
        assert np.abs(result - grey).max() <= 1.0


FORMS = {
    "eager": lambda run: run,
    "graph": lambda run: tf.function(run, autograph=False),
    "compiled": lambda run: tf.function(run, autograph=False, jit_compile=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_of_a_value_without_an_end(form):
    layer = kal.RandomHSV(hue=(0, 0), saturation=(1, 1), value=(0.5, 0.5))
    x = tf.random.uniform((2, 6, 6, 3), 0.2, 0.8, seed=1)

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, x)

    y, gradient = FORMS[form](run)(x)
    np.testing.assert_allclose(y, x / 2, atol=1e-5)
    np.testing.assert_allclose(gradient, np.full(x.shape, 0.5), atol=1e-3)


@pytest.mark.parametrize("form", ["eager", "graph"])
def test_the_gradient_of_a_deviation_of_0(form):
    layer = kal.from_image_data_generator(samplewise_std_normalization=True)
    x = np.random.default_rng(0).uniform(0, 1, (2, 6, 6, 3)).astype("float32")
    x[0] = 0.5

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x)

    y, gradient = FORMS[form](run)(tf.constant(x))
    assert np.isfinite(gradient).all() and (y[0].numpy() == 0.0).all()
    expected = (x[1] - x[1].mean()) / (x[1].std() + 1e-6)
    np.testing.assert_allclose(y[1], expected, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_own_means_of_a_large_image(form):
    x = np.full((1, 1024, 1024, 3), 80, "uint8")
    x[0, ::2] = 240
    layer = kal.from_image_data_generator(samplewise_center=True)
    result = FORMS[form](layer)(tf.constant(x)).numpy()
    np.testing.assert_allclose(result, x - 160.0, atol=0.05)


@pytest.mark.parametrize("mean, std", [(0, 255), ((0, 0, 0), (58.4, 57.1, 57.4))])
def test_deviations_in_grey_levels_are_refused(mean, std):
    with pytest.raises(ValueError, match="`mean` must be a part of the value range"):
        kal.Normalize(mean, std)
