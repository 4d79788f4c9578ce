"""The distributions that ImageDataGenerator draws from."""

import functools

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from generating import RANGES
from keras.src.legacy.preprocessing.image import ImageDataGenerator

import keras_aug_layers as kal

COUNT = 20_000
FRAME = (37, 53, 3)
SHIFTS = {
    "fraction": 0.3,
    "pixels": 7.5,
    "integer": 6,
    "one": 1,
    "list": [1, 4, -9],
    "fractions": [0.1, 0.2, 0.45],
    "negative": [-3.0, -0.5],
}
READ = {
    "theta": (
        "rotation_range",
        lambda m: np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0])),
    ),
    "shear": ("shear_range", lambda m: np.degrees(np.arctan2(-m[:, 0, 1], m[:, 1, 1]))),
    "zx": ("zoom_range", lambda m: m[:, 0, 0]),
    "zy": ("zoom_range", lambda m: m[:, 1, 1]),
    "flip_horizontal": ("horizontal_flip", lambda m: m[:, 0, 0] < 0),
    "flip_vertical": ("vertical_flip", lambda m: m[:, 1, 1] < 0),
}


@functools.cache
def draws_of_the_generator(shift):
    """20,000 draws: its parameters are independent, so those of all at once."""
    np.random.seed(5)
    reach = SHIFTS[shift]
    others = RANGES if shift == "fraction" else {}
    generator = ImageDataGenerator(
        **others, width_shift_range=reach, height_shift_range=reach
    )
    draws = [generator.get_random_transform(FRAME) for _ in range(COUNT)]
    return {
        name: np.array([draw[name] for draw in draws], "float32") for name in draws[0]
    }


def sample(**arguments):
    layer = kal.from_image_data_generator(**arguments)
    return layer.sample((COUNT, *FRAME))


def assert_same_distribution(ours, expected):
    """Kolmogorov and Smirnov's test; the spread tells the two from a constant."""
    ours, expected = np.float32(ours), np.float32(expected)
    assert ours.shape == expected.shape == (COUNT,)
    assert ours.std() > 0.1
    assert scipy.stats.ks_2samp(ours, expected).pvalue > 1e-3


@pytest.mark.thorough
@pytest.mark.parametrize("name", READ)
def test_the_distribution_of_each_move(name):
    argument, read = READ[name]
    transform = sample(**{argument: RANGES[argument]})
    expected = draws_of_the_generator("fraction")[name]
    assert_same_distribution(read(transform.matrix.numpy()), expected)


def test_the_axes_are_zoomed_independently():
    m = sample(zoom_range=0.4).matrix.numpy()
    expected = np.random.default_rng(1).uniform(0.6, 1.4, COUNT)
    assert_same_distribution(m[:, 0, 0], expected)
    assert abs(np.corrcoef(m[:, 0, 0], m[:, 1, 1])[0, 1]) < 0.03


def test_the_distribution_of_brightness():
    (step,) = sample(brightness_range=RANGES["brightness_range"]).pixels
    expected = draws_of_the_generator("fraction")["brightness"]
    assert step.name == "gain_within_range" and list(step.rows) == ["gain"]
    assert_same_distribution(step.rows["gain"][:, 0], expected)


def test_the_distribution_of_the_channel_shift():
    (step,) = sample(channel_shift_range=RANGES["channel_shift_range"]).pixels
    expected = draws_of_the_generator("fraction")["channel_shift_intensity"]
    assert step.name == "add_within_range" and list(step.rows) == ["bias"]
    assert step.rows["bias"].shape == (COUNT, 1)  # one number for all channels
    assert_same_distribution(step.rows["bias"][:, 0], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", sorted(SHIFTS.keys() - {"one"}))
@pytest.mark.parametrize(
    ("argument", "entry", "name"),
    # In the generator, tx comes from the height's range, and ty from the width's.
    [("width_shift_range", 0, "ty"), ("height_shift_range", 1, "tx")],
)
def test_the_distribution_of_each_shift(kind, argument, entry, name):
    matrix = sample(**{argument: SHIFTS[kind]}).matrix.numpy()
    expected = draws_of_the_generator(kind)[name]
    assert_same_distribution(matrix[:, entry, 2], expected)
    np.testing.assert_array_equal(matrix[:, 1 - entry, 2], 0.0)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["integer", "list", "fractions", "negative"])
def test_shifts_from_a_set_are_of_the_set_each_as_often(kind):
    matrix = sample(width_shift_range=SHIFTS[kind]).matrix.numpy()
    ours, ours_count = np.unique(matrix[:, 0, 2], return_counts=True)
    values, count = np.unique(draws_of_the_generator(kind)["ty"], return_counts=True)
    np.testing.assert_allclose(ours, values, rtol=1e-6)
    assert len(values) >= 4
    test = scipy.stats.chi2_contingency(np.stack([ours_count, count]))
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("reach", [0, 1])
def test_an_integer_shift_below_two_is_none(reach):
    assert not np.random.choice(1)  # as in the generator
    assert not sample(width_shift_range=reach).matrix.numpy()[:, 0, 2].any()


def test_parameters_are_independent():
    """Together, no two parameters share a random number."""
    layer = kal.from_image_data_generator(
        width_shift_range=0.3,
        height_shift_range=[5, 9],
        channel_shift_range=30,
        brightness_range=(0.5, 1.5),
        horizontal_flip=True,
        vertical_flip=True,
    )
    transform = layer.sample((COUNT, *FRAME))
    m, (shift, gain) = transform.matrix.numpy(), transform.pixels
    width, height = FRAME[1] - 1, FRAME[0] - 1
    flip_x, flip_y = m[:, 0, 0], m[:, 1, 1]
    columns = [
        m[:, 0, 2] - width * (flip_x < 0),
        m[:, 1, 2] - height * (flip_y < 0),
        flip_x,
        flip_y,
        gain.rows["gain"].numpy()[:, 0],
        shift.rows["bias"].numpy()[:, 0],
    ]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.03
    assert np.std(columns, axis=1).min() > 0.1
