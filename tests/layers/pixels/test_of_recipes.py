"""What YOLO's and nnU-Net's recipes are made of, against its definitions."""

import colorsys

import numpy as np
import pytest
from helpers import drawn, op_by_op, random_images, sampled

import keras_aug_layers as kal


@pytest.fixture
def batch():
    return random_images((2, 17, 24, 3), "uint8", seed=3).astype("float32")


def shrunk_and_enlarged(line, scale):
    """The nearest of fewer pixels, then blended: one line at a time."""
    size, count = len(line), round(len(line) * scale)
    small = [line[int((i + 0.5) * size / count)] for i in range(count)]
    places = (np.arange(size) + 0.5) * count / size - 0.5
    return np.interp(places, np.arange(count), small)


@pytest.mark.parametrize("scale", [0.5, 0.73])
def test_a_low_resolution(batch, scale):
    made = drawn(kal.RandomLowResolution((scale, scale)), batch)
    for axis in (1, 2):
        batch = np.apply_along_axis(shrunk_and_enlarged, axis, batch, scale)
    np.testing.assert_allclose(made, batch, atol=2e-3)


@pytest.mark.parametrize("invert", [False, True])
def test_a_power_that_keeps_mean_and_deviation(batch, invert):
    """nnU-Net's GammaTransform, channel by channel."""
    layer = kal.RandomGamma((0.7, 0.7), invert=invert, keep_statistics=True)
    made = drawn(layer, batch)
    sign = -1.0 if invert else 1.0
    for i, channel in np.ndindex(2, 3):
        x = sign * batch[i, ..., channel].astype("float64")
        y = ((x - x.min()) / (x.max() - x.min())) ** 0.7
        y = (y - y.mean()) / y.std() * x.std() + x.mean()
        np.testing.assert_allclose(made[i, ..., channel], sign * y, atol=1e-3)


def test_a_flat_image_stays():
    flat = np.full((1, 5, 6, 1), 0.3, "float32")
    made = drawn(kal.RandomGamma((1.4, 1.4), keep_statistics=True), flat)
    np.testing.assert_allclose(made, flat, atol=1e-6)


def test_a_power_of_the_negative(batch):
    layer = kal.RandomGamma((0.7, 0.7), value_range=(0, 255), invert=True)
    expected = 255 - 255 * ((255 - batch) / 255) ** 0.7
    np.testing.assert_allclose(drawn(layer, batch), expected, atol=1e-3)


def test_exponents_below_and_above_1_are_as_frequent():
    images = np.zeros((4000, 1, 1, 1), "uint8")
    transform = sampled(kal.RandomGamma((0.7, 1.5), balanced=True, seed=1), images)
    exponents = transform.pixels[-1].rows["exponent"].numpy()
    below = exponents[exponents < 1]
    assert abs(len(below) / 4000 - 0.5) < 0.03
    assert abs(below.mean() - 0.85) < 0.01
    assert abs(exponents[exponents > 1].mean() - 1.25) < 0.02


def test_hsv(batch):
    layer = kal.RandomHSV(
        (0.1, 0.1), (1.4, 1.4), value=(1.3, 1.3), value_range=(0, 255)
    )
    made = drawn(layer, batch)
    for before, after in zip(batch.reshape(-1, 3), made.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*before / 255)
        h, s, v = (h + 0.1) % 1.0, min(1.0, 1.4 * s), min(1.0, 1.3 * v)
        expected = 255 * np.array(colorsys.hsv_to_rgb(h, s, v))
        np.testing.assert_allclose(after, expected, atol=2e-3)


def test_a_zoom_by_lengths():
    """Lengths are multiplied by what is spread evenly, not divided by it."""
    images = np.zeros((4000, 8, 8, 1), "uint8")
    with op_by_op():
        matrices = kal.RandomZoom(scale=0.5, seed=1).sample(images).matrix.numpy()
    lengths = 1.0 / matrices[:, 0, 0]
    np.testing.assert_allclose(matrices[:, 0, 0], matrices[:, 1, 1])
    assert 0.5 <= lengths.min() < 0.51 and 1.49 < lengths.max() <= 1.5
    assert abs(lengths.mean() - 1.0) < 0.02


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: kal.RandomZoom(), "Exactly one of `height_factor` or `scale`"),
        (
            lambda: kal.RandomZoom(width_factor=0.1, scale=0.5),
            "Exactly one of `width_factor` or `scale`",
        ),
        (lambda: kal.RandomZoom(scale=1.0), "`scale` must be at least 0 and below 1"),
        (
            lambda: kal.RandomGamma((0.5, 0.9), balanced=True),
            "`gamma` must have 1 within it",
        ),
        (lambda: kal.RandomLowResolution((0.5, 1.1)), "`scale` must be"),
        (lambda: kal.RandomHSV(value=(-1, 1)), "`value` must be"),
    ],
)
def test_arguments_that_are_refused(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()
