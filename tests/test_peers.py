"""The same draw gives what Keras's own layers give."""

import keras
import numpy as np
import pytest
from helpers import drawn, random_images, sampled
from reference import PAD_MODES, well_defined

import keras_aug_layers as kal

MOVES = {
    "rotation": (
        lambda a, b, **fill: kal.RandomRotate((a, a), **fill),
        lambda a, b, **fill: keras.layers.RandomRotation((a, a), **fill),
    ),
    "zoom": (
        lambda a, b, **fill: kal.RandomZoom((a, a), (b, b), **fill),
        lambda a, b, **fill: keras.layers.RandomZoom((a, a), (b, b), **fill),
    ),
    "zoom, aspect kept": (
        lambda a, b, **fill: kal.RandomZoom((a, a), **fill),
        lambda a, b, **fill: keras.layers.RandomZoom((a, a), **fill),
    ),
    "translation": (
        lambda a, b, **fill: kal.RandomShift((a, a), (b, b), **fill),
        lambda a, b, **fill: keras.layers.RandomTranslation((a, a), (b, b), **fill),
    ),
}


@pytest.mark.parametrize(("ours", "keras_own"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("fill_mode", PAD_MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("size", "values"),
    [((13, 17), (0.13, -0.21)), ((16, 12), (-0.37, 0.29)), ((11, 14), (0.4, 0.45))],
)
def test_moves(ours, keras_own, fill_mode, interpolation, size, values):
    images = random_images((2, *size, 3))
    fill = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 0.4}
    layer = ours(*values, **fill)
    clear = well_defined(sampled(layer, images).matrix, size, fill_mode, interpolation)
    assert clear.mean() > 0.5
    expected = np.asarray(keras_own(*values, **fill)(images, training=True))
    actual = drawn(layer, images)
    np.testing.assert_allclose(actual[clear], expected[clear], rtol=0, atol=1e-4)


@pytest.mark.parametrize("value_range", [(0, 1), (0, 255), (-1, 1)])
@pytest.mark.parametrize("factor", [-0.8, -0.15, 0.3, 1.0])
@pytest.mark.parametrize("size", [(5, 7), (6, 4)])
def test_brightness(value_range, factor, size):
    low, high = value_range
    images = low + (high - low) * random_images((2, *size, 3))
    ours = kal.RandomBrightness((factor, factor), value_range)
    keras_own = keras.layers.RandomBrightness((factor, factor), value_range)
    np.testing.assert_allclose(
        drawn(ours, images),
        np.asarray(keras_own(images, training=True)),
        rtol=0,
        atol=1e-6 * (high - low),
    )
