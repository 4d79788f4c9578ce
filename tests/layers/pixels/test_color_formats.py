"""Colours of all formats and forms, and what they cost."""

import numpy as np
import pytest
import tensorflow as tf
from coloring import JITTER, RANGE, colorful, linear_hue, linear_saturation
from helpers import drawn

import keras_aug_layers as kal

LAYERS = {
    "contrast": kal.RandomContrast((0.5, 0.5)),
    "saturation": linear_saturation((-0.5, -0.5)),
    "hue": linear_hue((0.2, 0.2)),
    "greyscale": kal.RandomGrayscale(1.0),
    "inversion": kal.RandomInvert(1.0, RANGE),
    "jitter": kal.RandomColorJitter(RANGE, space="linear", **JITTER),
    "channel shift": kal.RandomChannelShift(40),
}
MIXING = ("saturation", "hue", "greyscale", "jitter")


@pytest.mark.parametrize("name", LAYERS)
def test_channels_first(name, floats):
    layer = LAYERS[name]
    first = type(layer).from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    expected = drawn(layer, floats, seed=(1, 2))
    result = drawn(first, floats.transpose(0, 3, 1, 2), seed=(1, 2))
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, atol=1e-3)
    assert np.abs(expected - floats).max() > 5


@pytest.mark.parametrize("name", LAYERS)
def test_one_image(name, floats):
    layer = LAYERS[name]
    expected = drawn(layer, floats[:1], seed=(1, 2))[0]
    np.testing.assert_allclose(drawn(layer, floats[0], seed=(1, 2)), expected)


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("name", MIXING)
def test_three_channels_are_needed_to_mix(name, channels):
    images = np.zeros((2, 5, 6, channels), "uint8")
    message = f"three channels for {type(LAYERS[name]).__name__}.*{channels} channels"
    with pytest.raises(ValueError, match=message):
        drawn(LAYERS[name], images)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("name", sorted(LAYERS.keys() - set(MIXING)))
def test_other_layers_take_any_number_of_channels(name, channels):
    rng = np.random.default_rng(1)
    images = rng.uniform(50, 200, (2, 5, 6, channels)).astype("float32")
    result = drawn(LAYERS[name], images, seed=(1, 2))
    assert result.shape == images.shape
    assert np.abs(result - images).max(axis=(1, 2)).min() > 0.1


def test_an_inversion_needs_a_range():
    with pytest.raises(ValueError, match="value_range.*float32"):
        drawn(kal.RandomInvert(), np.zeros((1, 4, 4, 3), "float32"))
    with pytest.raises(ValueError, match="low < high"):
        kal.RandomInvert(1.0, (3, 3))


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_op_graph_and_xla_agree(dtype, images):
    images = tf.constant(images.astype(dtype))
    layer = colorful(jit_compile=False)

    def augment(x):
        return layer(x, training=True, seed=(1, 2))

    expected = drawn(layer, images, seed=(1, 2)).astype("float64")
    off = 1.0 if dtype == "uint8" else 0.0255  # a tie of the rounding; 1e-4
    for result in (
        layer(images, training=True, seed=(1, 2)),
        tf.function(augment)(images),
        tf.function(augment, jit_compile=True)(images),
    ):
        assert np.abs(result - expected).max() <= off
        assert (np.abs(result - expected) > 0.0255).mean() < 0.01
    assert np.abs(expected - images).mean() > 10


def ops_of(layers, shape=(4, 9, 12, 3)):
    """The ops that augment floats: all of them, and those that give an image."""
    layer = kal.FusedAugmentation(layers, jit_compile=False)
    function = tf.function(lambda x: layer(x, training=True))
    graph = function.get_concrete_function(tf.TensorSpec(shape, "float32")).graph
    ops = graph.get_operations()
    inner = graph.as_graph_def().library.function
    everything = [op.type for op in ops] + [x.op for f in inner for x in f.node_def]
    images = [op.type for op in ops if [x.shape for x in op.outputs] == [shape]]
    return everything, images


PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "Einsum"}
GAINS = [
    kal.RandomBrightness(gain=0.2),
    kal.RandomInvert(0.5, RANGE),
    kal.RandomChannelShift(20),
    kal.RandomColorJitter(brightness=0.2, space="linear"),
]


def test_gains_are_one_gain():
    """However many there are; where there is a matrix, all of them are one."""
    shape = (4, 9, 12, 3)
    (step,) = kal.FusedAugmentation(GAINS).sample(shape).pixels
    assert (step.name, step.rows["gain"].shape) == ("scale", (4, 1))
    mixing = [GAINS[0], linear_saturation(0.2), *GAINS, linear_hue(0.1)]
    (step,) = kal.FusedAugmentation(mixing).sample(shape).pixels
    assert (step.name, step.rows["matrix"].shape) == ("mix", (4, 3, 3))


@pytest.mark.thorough
def test_gains_pay_no_matrix_product():
    def products(layers):
        everything, _ = ops_of(layers)
        return PRODUCTS & set(everything)

    assert not products(GAINS)
    assert not products([*GAINS, kal.RandomContrast(0.2)])
    assert products([*GAINS, linear_saturation(0.2)])


def test_mixing_pays_one_product():
    layers = [*GAINS, linear_saturation(0.2), *GAINS, linear_hue(0.1)]
    everything, _ = ops_of(layers)
    assert sum(op in PRODUCTS for op in everything) == 1


def test_only_contrast_pays_for_a_mean():
    def means(*layers):
        everything, _ = ops_of(layers)
        return everything.count("Split")

    assert means(*GAINS, linear_saturation(0.2)) == 0
    assert means(kal.RandomContrast(0.2), *GAINS) == 1
    assert means(kal.RandomContrast(0.2), kal.RandomContrast(0.1)) == 1


def test_colour_pays_for_no_warp():
    everything, _ = ops_of(GAINS)
    assert "ImageProjectiveTransformV3" not in everything
