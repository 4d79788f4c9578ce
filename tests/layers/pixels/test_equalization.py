"""Equalization: how levels are counted, of which size and in which form."""

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal


def equalized(image, low, high):
    """Pillow's table for each channel of an image, in 256 levels of a value range."""
    result = np.empty(image.shape)
    for channel in range(image.shape[-1]):
        values = np.clip(image[..., channel].astype("float64"), low, high)
        levels = np.rint((values - low) * 255 / (high - low)).astype(int)
        counts = np.bincount(levels.ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        table = np.arange(256)
        if step:
            below = np.cumsum(counts) - counts
            table = np.minimum((step // 2 + below) // step, 255)
        result[..., channel] = low + (high - low) * table[levels] / 255
    return np.rint(result)


ODD, PAIR, LINES = (5, 33, 40, 3), (2, 40, 33, 4), (1, 300, 2, 1)


@pytest.mark.parametrize("form", ["eager", "op", "compiled", "unknown sizes"])
@pytest.mark.parametrize(
    ("dtype", "value_range", "shape"),
    [
        ("uint8", (0, 255), ODD),
        ("uint8", (16, 235), PAIR),
        ("uint8", (100, 110), LINES),
        ("int8", (-100, 100), LINES),
        ("uint16", (0, 65535), ODD),
        ("int32", (-1000, 3000), PAIR),
    ],
)
def test_levels_of_integers_are_those_of_a_value_range(dtype, value_range, shape, form):
    low, high = value_range
    random = np.random.default_rng(1)
    # Beyond the range, too, and more often dark than bright.
    spread = (high - low) * (random.random(shape) ** 2 * 1.1 - 0.02)
    ends = np.iinfo(dtype)
    images = np.clip(low + spread, ends.min, ends.max).astype(dtype)
    layer = kal.Equalization(value_range, jit_compile=form != "op")
    if form == "eager":
        made = layer(images, training=True)
    else:
        known = shape if form == "compiled" else (None, None, None, shape[-1])
        signature = [tf.TensorSpec(known, dtype)]
        made = tf.function(lambda x: layer(x, training=True), signature)(images)
    expected = np.stack([equalized(image, low, high) for image in images])
    assert np.abs(expected - images).max() > (high - low) / 20
    np.testing.assert_array_equal(made, expected)
