"""Each layer of colours against its definition, in float64."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from coloring import JITTER, LUMA, RANGE, linear_hue, linear_saturation
from helpers import assert_same_bits, drawn
from PIL import Image, ImageEnhance

import keras_aug_layers as kal


def of_contrast(x, u):
    mean = x.mean(axis=(1, 2), keepdims=True)
    return mean + (1 + u) * (x - mean)


def of_saturation(x, u):
    luma = (x @ LUMA)[..., None]
    return luma + (1 + u) * (x - luma)


def of_hue(x, turns):
    """Rotates the part across the grey axis, in a basis of its own."""
    grey = x.mean(axis=-1, keepdims=True)
    e1 = np.array([2, -1, -1]) / 6**0.5
    e2 = np.array([0, 1, -1]) / 2**0.5
    a, b = ((x - grey) @ e1)[..., None], ((x - grey) @ e2)[..., None]
    t = 2 * np.pi * turns
    return (
        grey
        + (a * np.cos(t) - b * np.sin(t)) * e1
        + (a * np.sin(t) + b * np.cos(t)) * e2
    )


def brightness(u, value_range=None):
    """With the range of a change of the gain."""
    gain = tuple(1.0 + x for x in u) if isinstance(u, tuple) else u
    return kal.RandomBrightness(gain=gain, value_range=value_range)


DEFINED = {
    "brightness": (brightness, lambda x, u: x * (1 + u)),
    "contrast": (kal.RandomContrast, of_contrast),
    "saturation": (linear_saturation, of_saturation),
    "hue": (linear_hue, of_hue),
    "channel shift": (kal.RandomChannelShift, lambda x, u: x + u),
}
defined = pytest.mark.parametrize(
    ("layer", "definition"), DEFINED.values(), ids=DEFINED
)


@defined
@pytest.mark.parametrize("u", [-0.7, -0.2, 0.35, 0.9])
def test_layers_do_what_they_are_defined_to(layer, definition, u, floats):
    expected = definition(floats.astype("float64"), u)
    result = drawn(layer((u, u)), floats)
    np.testing.assert_allclose(result, expected, atol=1e-3)
    assert np.abs(result - floats).max() > 0.1

    clipped = drawn(layer((u, u), RANGE), floats)
    np.testing.assert_allclose(clipped, np.clip(expected, *RANGE), atol=1e-3)


@defined
def test_each_image_has_its_own_strength(layer, definition, floats):
    images = np.tile(floats[:1], (30, 1, 1, 1))
    result = drawn(layer(0.8), images)
    assert len({image.tobytes() for image in result}) == 30


def test_integers_are_rounded_and_clipped_once(photographs):
    for layer, definition in DEFINED.values():
        result = drawn(layer((0.6, 0.6)), photographs)
        expected = definition(photographs.astype("float64"), 0.6).clip(0, 255)
        assert result.dtype == "uint8"
        assert np.abs(result - expected).max() < 0.5 + 1e-3


def test_nothing_is_cut_between_two_layers(photographs):
    """Three times as bright, a third: neither clipped nor rounded in between."""
    stack = [kal.RandomBrightness(gain=(g, g)) for g in (3.0, 1 / 3)]
    fused = kal.FusedAugmentation(stack)
    assert_same_bits(drawn(fused, photographs), photographs)
    one_by_one = drawn(stack[1], drawn(stack[0], photographs))
    assert not np.array_equal(one_by_one, photographs)


def test_contrast_is_lowered_as_often_as_raised():
    """Keras's layer never lowers it."""
    (step,) = kal.RandomContrast(0.5, seed=1).sample((2000, 4, 4, 3)).pixels
    assert step.name == "contrast"
    gains = step.rows["gain"].numpy()
    assert 0.5 <= gains.min() < 0.51 and 1.49 < gains.max() <= 1.5
    assert abs((gains < 1.0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("gain", [0.0, 0.3, 0.8, 1.4, 1.9])
def test_saturation_is_pillows(gain, photographs):
    """Up to Pillow's integers: its luma is rounded, its blend cut."""
    expected = [
        np.asarray(ImageEnhance.Color(Image.fromarray(x)).enhance(gain), "float64")
        for x in photographs
    ]
    layer = linear_saturation((gain - 1, gain - 1), RANGE)
    difference = drawn(layer, photographs.astype("float32")) - expected
    of_luma = 0.5 * abs(1 - gain) + 0.01
    assert -of_luma < difference.min() and difference.max() < 1 + of_luma


def test_hue_leaves_greys_and_sums(floats):
    grey = np.repeat(floats[..., :1], 3, axis=-1)
    layer = linear_hue(1.0)
    np.testing.assert_allclose(drawn(layer, grey), grey, atol=1e-3)
    result = drawn(layer, floats)
    np.testing.assert_allclose(result.sum(-1), floats.sum(-1), atol=1e-2)
    assert np.abs(result - floats).max() > 20


def test_hue_leaves_greys_of_doubles():
    grey = np.full((3, 2, 2, 3), 1.0)
    assert abs(drawn(linear_hue((0.2, 0.2)), grey) - grey).max() < 1e-15


@pytest.mark.parametrize(("thirds", "order"), [(1, [2, 0, 1]), (2, [1, 2, 0])])
def test_a_third_of_a_turn_permutes_the_channels(thirds, order, photographs):
    for turns in (thirds / 3, thirds / 3 - 1):
        layer = linear_hue((turns, turns))
        assert_same_bits(drawn(layer, photographs), photographs[..., order])


def test_hue_turns_as_in_hsv():
    """Of a pure colour, the hue in HSV changes the same way, within the sextant."""
    red = np.zeros((1, 1, 1, 3), "float32") + [1, 0, 0]
    for turns in (0.05, 0.3, 0.6, 0.95):
        result = drawn(linear_hue((turns, turns)), red)
        red_hue = (tf.image.rgb_to_hsv(tf.nn.relu(result)).numpy()[..., 0]).item()
        assert abs(red_hue - turns) < 1 / 12


def test_greyscale(photographs):
    images = np.tile(photographs, (40, 1, 1, 1))
    result = drawn(kal.RandomGrayscale(0.3), images)
    luma = np.round(images @ LUMA)[..., None]
    grey = (np.abs(result - luma) <= 1).all(axis=(1, 2, 3))
    same = (result == images).all(axis=(1, 2, 3))
    assert (grey ^ same).all()
    assert 0.15 < grey.mean() < 0.45
    assert (result[grey] == result[grey][..., :1]).all()


@pytest.mark.parametrize("value_range", [(0.0, 255.0), (-1.0, 1.0), (10.0, 300.0)])
def test_inversion(value_range, floats):
    images = np.tile(floats, (40, 1, 1, 1)).clip(*value_range)
    result = drawn(kal.RandomInvert(0.6, value_range), images)
    negative = np.isclose(result, sum(value_range) - images).all(axis=(1, 2, 3))
    assert ((result == images).all(axis=(1, 2, 3)) ^ negative).all()
    assert 0.45 < negative.mean() < 0.75


def test_channel_shift_is_of_each_channel_or_of_all():
    shape = (20_000, 4, 4, 3)

    def bias(layer):
        (step,) = layer.sample(shape).pixels
        np.testing.assert_array_equal(step.rows["gain"], 1.0)
        return step.rows["bias"].numpy()

    own = bias(kal.RandomChannelShift((-5, 20)))
    assert own.shape == (20_000, 3)
    np.testing.assert_allclose(own.min(0), -5, atol=0.05)
    np.testing.assert_allclose(own.max(0), 20, atol=0.05)
    assert np.abs(np.corrcoef(own.T) - np.eye(3)).max() < 0.03
    common = bias(kal.RandomChannelShift(5, per_channel=False))
    assert common.shape == (20_000, 1)


@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_channel_shift_of_each_channel(probability, floats):
    images = np.tile(floats, (8, 1, 1, 1))
    layer = kal.RandomChannelShift(40, probability=probability)
    transform = layer.sample(images, seed=(1, 2))
    (step,) = transform.pixels
    shift = np.broadcast_to(step.rows["bias"], (len(images), 3))
    expected = images + shift[:, None, None].astype("float64")
    result = drawn(layer, images, seed=(1, 2))
    np.testing.assert_allclose(result, expected, atol=1e-3)
    shifted = (shift != 0).all(axis=1)
    assert set(shifted) == {True, probability == 1.0}


STRENGTH = {"brightness": 0.2, "contrast_factor": -0.4, "saturation": 0.5, "hue": 0.1}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_jitter_is_the_four_in_order(count, floats):
    for names in itertools.combinations(JITTER, count):
        expected = floats.astype("float64")
        for name in names:
            _, definition = DEFINED[name.removesuffix("_factor")]
            expected = definition(expected, STRENGTH[name])
        own = {name: JITTER[name] for name in names}
        layer = kal.RandomColorJitter(space="linear", **own)
        np.testing.assert_allclose(drawn(layer, floats), expected, atol=2e-3)


def test_jitter_draws_the_four_independently():
    layer = kal.RandomColorJitter(brightness=0.5, contrast_factor=0.5, space="linear")
    brighter, contrasted = layer.sample((20_000, 4, 4, 3)).pixels
    assert (brighter.name, contrasted.name) == ("scale", "contrast")
    gains = [step.rows["gain"].numpy()[:, 0] for step in (brighter, contrasted)]
    assert min(gain.std() for gain in gains) > 0.2
    assert abs(np.corrcoef(gains)[0, 1]) < 0.03


def test_the_mean_is_of_the_image_that_came_in():
    """Shifted out of the frame, an image keeps the mean of what came in."""
    images = np.random.default_rng(1).uniform(0, 99, (2, 8, 8, 3)).astype("float32")
    shift = kal.RandomShift((0.5, 0.5), fill_mode="constant", fill_value=99.0)
    fused = kal.FusedAugmentation([shift, kal.RandomContrast((0.5, 0.5))])
    mean = images.mean(axis=(1, 2), keepdims=True)
    expected = mean + 1.5 * (drawn(shift, images) - mean)
    np.testing.assert_allclose(drawn(fused, images), expected, atol=1e-3)
