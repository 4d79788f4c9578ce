"""Between the pixels, float64 NumPy agrees to 1e-3 of the value range."""

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import reference
import tensorflow as tf
from helpers import drawn, sampled
from hypothesis import given
from scipy import ndimage

import keras_aug_layers as kal
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.warp import warp

SCIPY_MODES = {
    "reflect": "reflect",
    "nearest": "nearest",
    "constant": "grid-constant",
    "wrap": "grid-wrap",
}

fill_modes = pytest.mark.parametrize("fill_mode", SCIPY_MODES)
interpolations = pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])


@st.composite
def affine(draw, reach):
    """A rotation by any angle, with zoom, shear and shift up to `reach`."""
    angle = draw(st.floats(-180, 180))
    strength = st.floats(-reach, reach)
    zoom_x, zoom_y, shear, dx, dy = (draw(strength) for _ in range(5))

    def matrix(size):
        shift = reference.shift(dx * size[1], dy * size[0])
        shear_and_zoom = [[1 + zoom_x, shear], [0, 1 + zoom_y]]
        return (
            shift
            @ reference.rotate(angle, size)
            @ reference.about_centre(shear_and_zoom, size)
        ).astype("float32")

    return matrix


def assert_close(actual, images, matrices, fill_mode, interpolation, fill_value=0.0):
    """Agrees with the reference wherever no jump is near."""
    size = images.shape[1:3]
    clear = reference.well_defined(matrices, size, fill_mode, interpolation)
    assert clear.mean() > 0.3
    expected = reference.reference_warp(
        images, matrices, fill_mode, interpolation, fill_value
    )
    span = 255 if images.max() > 1 else 1
    np.testing.assert_allclose(actual[clear], expected[clear], rtol=0, atol=1e-3 * span)


@pytest.mark.thorough
@fill_modes
@interpolations
@pytest.mark.parametrize("size", [(23, 28), (24, 21), (16, 20), (17, 15)])
def test_random_matrices(fill_mode, interpolation, size):
    # "wrap" stays within a frame around the frame here; test_wrap_far goes on.
    reach = 0.1 if fill_mode == "wrap" else 0.6
    images = np.random.default_rng(5).uniform(size=(3, *size, 2)).astype("float32")

    @hypothesis.settings(max_examples=15)
    @given(st.tuples(*[affine(reach)] * 3))
    def check(draws):
        matrices = np.stack([draw(size) for draw in draws])
        settings = {"fill_mode": fill_mode, "interpolation": interpolation}
        reader = Reader(matrices, affine=True)
        actual = warp(tf.constant(images), reader, fill_value=0.25, **settings)
        assert_close(actual.numpy(), images, matrices, **settings, fill_value=0.25)

    check()


LAYERS = {
    "shift": (kal.RandomShift, {"height_factor": 0.3, "width_factor": 0.4}),
    "rotate": (kal.RandomRotate, {"factor": 0.5}),
    "zoom": (kal.RandomZoom, {"height_factor": 0.4, "width_factor": 0.5}),
    "zoom, aspect kept": (kal.RandomZoom, {"height_factor": (-0.6, -0.2)}),
}
layers = pytest.mark.parametrize(("layer", "arguments"), LAYERS.values(), ids=LAYERS)


@layers
@fill_modes
@interpolations
def test_layers_on_photographs(photographs, layer, arguments, fill_mode, interpolation):
    fill = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 99.0}
    layer = layer(**arguments, **fill)
    photographs = photographs.astype("float32")
    transform = sampled(layer, photographs)
    actual = transform.images(photographs).numpy()
    assert_close(actual, photographs, transform.matrix, fill_mode, interpolation, 99.0)


@layers
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("batched", [True, False])
def test_layouts(photographs, layer, arguments, data_format, batched):
    photographs = photographs[: 3 if batched else 1].astype("float32")
    layer = layer(**arguments, data_format=data_format)
    shown = photographs if batched else photographs[0]
    if data_format == "channels_first":
        shown = np.moveaxis(shown, -1, -3)
    transform = sampled(layer, shown, seed=(1, 2))
    actual = drawn(layer, shown, seed=(1, 2))
    assert actual.shape == shown.shape
    if data_format == "channels_first":
        actual = np.moveaxis(actual, -3, -1)
    actual = actual.reshape(photographs.shape)
    assert_close(actual, photographs, transform.matrix, "reflect", "bilinear")


SIZE = (9, 14)
DEGENERATE = {
    "shift": (
        kal.RandomShift((0.25, 0.25), (-0.4, -0.4)),
        reference.shift(-0.4 * SIZE[1], 0.25 * SIZE[0]),
    ),
    "shift by pixels": (
        kal.RandomShift((-1.5, -1.5), (2.5, 2.5), unit="pixels"),
        reference.shift(2.5, -1.5),
    ),
    "rotate": (kal.RandomRotate((0.15, 0.15)), reference.rotate(54, SIZE)),
    "rotate by degrees": (
        kal.RandomRotate(degrees=(-200, -200)),
        reference.rotate(-200, SIZE),
    ),
    "zoom": (
        kal.RandomZoom((0.3, 0.3), (-0.2, -0.2)),
        reference.zoom(0.3, -0.2, SIZE),
    ),
    "zoom, aspect kept": (
        kal.RandomZoom((-0.3, -0.3)),
        reference.zoom(-0.3, -0.3, SIZE),
    ),
}


@pytest.mark.parametrize(("layer", "matrix"), DEGENERATE.values(), ids=DEGENERATE)
def test_matrices_of_the_layers(layer, matrix):
    sampled = layer.sample((2, *SIZE, 3)).matrix
    np.testing.assert_allclose(sampled, np.stack([matrix] * 2), rtol=0, atol=2e-6)


def test_matrices_of_flips():
    sampled = kal.RandomFlip(seed=1).sample((32, *SIZE, 3)).matrix.numpy()
    four = [reference.flip(*flips, SIZE) for flips in itertools.product((0, 1), (0, 1))]
    states = [np.abs(sampled - state).max(axis=(1, 2)) == 0 for state in four]
    np.testing.assert_array_equal(np.sum(states, axis=0), 1)
    assert np.all(np.sum(states, axis=1) > 0)


@fill_modes
@interpolations
def test_the_reference_is_scipys(fill_mode, interpolation):
    """Where SciPy has the mode; in the seam of "wrap" it interpolates."""
    image = np.random.default_rng(3).uniform(size=(9, 12))
    matrix = (
        reference.shift(3.3, -2.6)
        @ reference.rotate(40, image.shape)
        @ reference.zoom(2.1, 1.3, image.shape)
    )
    ours = reference.reference_warp(
        image[None, ..., None], [matrix], fill_mode, interpolation, 0.5
    )
    x, y = reference.coordinates([matrix], image.shape)[0]
    order = 1 if interpolation == "bilinear" else 0
    scipys = ndimage.map_coordinates(
        image, [y, x], order=order, mode=SCIPY_MODES[fill_mode], cval=0.5
    )
    seams = fill_mode == "wrap" and (np.mod(y, 9) > 8) | (np.mod(x, 12) > 11)
    inside = np.broadcast_to(~np.asarray(seams), image.shape)
    np.testing.assert_allclose(ours[0, ..., 0][inside], scipys[inside], atol=1e-12)
