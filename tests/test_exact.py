"""Moves that send pixels onto pixels equal NumPy's, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf
from examples import EXAMPLES
from helpers import assert_same_bits, drawn, random_images
from reference import PAD_MODES

import keras_aug_layers as kal

DTYPES = ("uint8", "int32", "float16", tf.bfloat16.as_numpy_dtype, "float32", "float64")
FILL_MODES = tuple(PAD_MODES)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
fill_modes = pytest.mark.parametrize("fill_mode", FILL_MODES)


def numpy_shift(images, dy, dx, fill_mode, **constant):
    """Shifts (B, H, W, C) down and right by padding and cropping."""
    pad = max(abs(dy), abs(dx))
    widths = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    padded = np.pad(images, widths, PAD_MODES[fill_mode], **constant)
    height, width = images.shape[1:3]
    top, left = pad - dy, pad - dx
    return padded[:, top : top + height, left : left + width]


def shift_layer(dy, dx, **kwargs):
    return kal.RandomShift((dy, dy), (dx, dx), unit="pixels", **kwargs)


@dtypes
@fill_modes
@pytest.mark.parametrize(
    ("shift", "interpolation"),
    [((3, 0), "bilinear"), ((7, -10), "bilinear"), ((-2, 5), "nearest")],
)
def test_integer_shifts(dtype, fill_mode, shift, interpolation):
    images = random_images((2, 9, 12, 3), dtype)
    layer = shift_layer(*shift, fill_mode=fill_mode, interpolation=interpolation)
    expected = numpy_shift(images, *shift, fill_mode)
    assert_same_bits(drawn(layer, images), expected)


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest"])
@pytest.mark.parametrize("shift", [(9, -12), (-9, 12), (21, 30), (-40, 50)])
def test_shifts_by_frames_and_more(fill_mode, shift):
    images = random_images((2, 9, 12, 3))
    layer = shift_layer(*shift, fill_mode=fill_mode)
    assert_same_bits(drawn(layer, images), numpy_shift(images, *shift, fill_mode))


@dtypes
def test_constant_fill_is_exact(dtype):
    images = random_images((2, 9, 12, 3), dtype)
    layer = shift_layer(2, -3, fill_mode="constant", fill_value=7)
    expected = numpy_shift(images, 2, -3, "constant", constant_values=7)
    assert_same_bits(drawn(layer, images), expected)


@dtypes
@pytest.mark.parametrize("fraction", [(0.25, -0.5), (-0.125, 0.25)])
def test_shifts_by_fractions(dtype, fraction):
    dy, dx = fraction
    images = random_images((2, 8, 16, 3), dtype)
    layer = kal.RandomShift((dy, dy), (dx, dx), fill_mode="wrap")
    expected = np.roll(images, (int(8 * dy), int(16 * dx)), axis=(1, 2))
    assert_same_bits(drawn(layer, images), expected)


@dtypes
@fill_modes
@pytest.mark.parametrize(
    ("size", "interpolation"), [((9, 12), "bilinear"), ((1, 7), "nearest")]
)
def test_flips(dtype, fill_mode, size, interpolation):
    image = random_images((*size, 3), dtype)
    batch = np.stack([image] * 24)
    layer = kal.RandomFlip(seed=4, fill_mode=fill_mode, interpolation=interpolation)
    results = drawn(layer, batch)
    assert results.dtype == image.dtype
    assert {result.tobytes() for result in results} == {
        image[::down, ::right].tobytes() for down in (1, -1) for right in (1, -1)
    }


@pytest.mark.parametrize(
    ("mode", "flipped"),
    [("horizontal", np.s_[:, :, ::-1]), ("vertical", np.s_[:, ::-1])],
)
def test_flips_along_one_axis_only(mode, flipped):
    images = random_images((32, 5, 6, 3))
    results = drawn(kal.RandomFlip(mode, seed=1), images)
    is_flipped = (results == images[flipped]).all((1, 2, 3))
    is_same = (results == images).all((1, 2, 3))
    assert (is_flipped ^ is_same).all()
    assert 0 < is_flipped.sum() < 32


@dtypes
@fill_modes
@pytest.mark.parametrize(
    ("quarters", "interpolation"), [(1, "bilinear"), (2, "bilinear"), (-1, "nearest")]
)
def test_quarter_turns(dtype, fill_mode, quarters, interpolation):
    images = random_images((2, 8, 8, 3), dtype)
    layer = kal.RandomRotate(
        (quarters / 4, quarters / 4), fill_mode=fill_mode, interpolation=interpolation
    )
    assert_same_bits(drawn(layer, images), np.rot90(images, quarters, axes=(1, 2)))


@dtypes
@fill_modes
@pytest.mark.parametrize(
    ("size", "degrees"), [((5, 9), 90), ((10, 6), -90), ((6, 10), 180)]
)
def test_quarter_turns_of_oblong_frames(dtype, fill_mode, size, degrees):
    """The turned picture is laid over the frame, middle on middle."""
    images = random_images((2, *size, 3), dtype)
    layer = kal.RandomRotate(degrees=(degrees, degrees), fill_mode=fill_mode)
    pad = max(size)
    widths = ((0, 0), (pad - size[0] // 2,) * 2, (pad - size[1] // 2,) * 2, (0, 0))
    padded = np.pad(images, widths, PAD_MODES[fill_mode])
    turned = np.rot90(padded, degrees // 90, axes=(1, 2))
    top, left = ((turned.shape[axis + 1] - size[axis]) // 2 for axis in (0, 1))
    expected = turned[:, top : top + size[0], left : left + size[1]]
    assert_same_bits(drawn(layer, images), expected)


@dtypes
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_in_degrees_are_the_same(dtype, quarters):
    images = random_images((2, 7, 7, 3), dtype)
    degrees = 90.0 * quarters
    layer = kal.RandomRotate(degrees=(degrees, degrees))
    assert_same_bits(drawn(layer, images), np.rot90(images, quarters, axes=(1, 2)))


ZERO_DRAWS = {
    "brightness": lambda: kal.RandomBrightness(gain=(1, 1)),
    "brightness, add": lambda: kal.RandomBrightness((0, 0), (0, 2**31)),
    "flip": lambda: kal.RandomFlip(probability=0.0),
    "rotate": lambda: kal.RandomRotate((0, 0)),
    "shift": lambda: kal.RandomShift((0, 0), (0, 0)),
    "zoom": lambda: kal.RandomZoom((0, 0), (0, 0)),
}


@dtypes
@pytest.mark.parametrize("zero_draw", ZERO_DRAWS.values(), ids=ZERO_DRAWS)
def test_the_zero_draw_changes_nothing(dtype, zero_draw):
    images = random_images((2, 9, 12, 3), dtype)
    assert_same_bits(drawn(zero_draw(), images), images)


@dtypes
@pytest.mark.parametrize("name", EXAMPLES)
def test_probability_zero_changes_nothing(dtype, name):
    images = random_images((2, 9, 12, 3), dtype)
    layer = EXAMPLES[name](probability=0.0)
    assert_same_bits(drawn(layer, images), images)
