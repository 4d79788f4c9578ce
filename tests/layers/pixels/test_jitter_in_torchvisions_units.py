"""RandomColorJitter in torchvision's units, one change at a time, and older configs."""

import numpy as np
import pytest
from helpers import drawn, random_images
from published import pixels

import keras_aug_layers as kal

GAIN = 1.37
CHANGES = {
    "brightness": pixels.brightness,
    "contrast": pixels.contrast,
    "saturation": pixels.saturation,
}


def jitter(name, value, **kwargs):
    return kal.RandomColorJitter(**{name: (value, value)}, **kwargs)


@pytest.mark.parametrize("gain", [0.0, 0.5, GAIN])
@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_the_published_one(name, gain):
    """But where a number that is almost whole is cut off.

    The first image is of one colour, whose grey is not the mean of greys cut off.
    """
    images = random_images((4, 24, 20, 3), "uint8")
    images[0] = 10, 200, 31
    result = drawn(jitter(name, gain), images).astype(int)
    expected = np.stack([CHANGES[name](image, gain) for image in images])
    assert np.abs(result - expected).max() <= 1
    assert np.mean(result != expected) <= 2e-3
    assert np.abs(result - images).max() > 20


def test_two_changes_begin_from_what_is_stored():
    images = random_images((4, 24, 20, 3), "uint8")
    layer = kal.RandomColorJitter(contrast=(GAIN, GAIN), saturation=(0.4, 0.4))
    result = drawn(layer, images).astype(int)
    expected = np.stack(
        [pixels.saturation(pixels.contrast(image, GAIN), 0.4) for image in images]
    )
    assert np.abs(result - expected).max() <= 2


@pytest.mark.parametrize("channels", [1, 4])
def test_a_contrast_of_what_has_no_grey_is_about_its_mean(channels):
    images = random_images((3, 12, 10, channels), "float32")
    layer = jitter("contrast", 0.5, value_range=(0, 1))
    mean = images.mean(axis=(1, 2, 3), keepdims=True, dtype="float64")
    np.testing.assert_allclose(
        drawn(layer, images), mean + 0.5 * (images - mean), atol=1e-5
    )


OLD = {
    "RandomHue": ({"factor": (0.25, 0.25)}, {"turns": (0.25, 0.25)}),
    "RandomSaturation": ({"factor": (-0.5, -0.5)}, {"gain": (0.5, 0.5)}),
    "RandomColorJitter": (
        {
            "brightness_factor": (0.2, 0.2),
            "contrast_factor": (0.1, 0.1),
            "saturation_factor": (-0.5, -0.5),
            "hue_factor": (0.25, 0.25),
        },
        {
            "brightness": (1.2, 1.2),
            "contrast_factor": (0.1, 0.1),
            "saturation": (0.5, 0.5),
            "hue": (0.25, 0.25),
        },
    ),
}


@pytest.mark.parametrize("name", OLD)
def test_a_config_of_version_0_1_keeps_its_meaning(name):
    """It had gains and turns under Keras's names, and no `space` but the matrix."""
    old, new = OLD[name]
    made = getattr(kal, name)
    base = {"value_range": (0, 255), "seed": 1, "name": "old"}
    layer = made.from_config({**base, **old})
    assert layer.space == "linear"
    images = random_images((2, 8, 8, 3), "uint8")
    expected = drawn(made(**base, **new, space="linear"), images)
    np.testing.assert_array_equal(drawn(layer, images), expected)
    assert np.mean(expected != images) > 0.5


def test_a_hue_alone_is_stored_as_published():
    """As it is behind a change of brightness that changes nothing."""
    images = random_images((4, 24, 20, 3), "uint8")
    alone = drawn(jitter("hue", 0.13), images)
    behind = drawn(kal.RandomColorJitter(brightness=(1, 1), hue=(0.13, 0.13)), images)
    assert np.mean(alone != behind) < 1e-3
    assert np.mean(alone != images) > 0.5


def test_what_is_drawn_for_a_shape_is_that_of_the_dtype():
    images = random_images((4, 24, 20, 3), "float32")
    layer = jitter("contrast", GAIN, value_range=(0, 1), space="linear")
    of_shape = layer.sample(images.shape, seed=(1, 2), dtype="float32")
    expected = layer.sample(images, seed=(1, 2)).images(images)
    np.testing.assert_array_equal(of_shape.images(images), expected)
    assert len(np.unique(expected)) > 1000
    with pytest.raises(ValueError, match="`dtype` must be given where only the shape"):
        layer.sample(images.shape)
