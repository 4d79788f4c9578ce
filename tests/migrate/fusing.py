"""What the tests of `fuse` share."""

import contextlib
import warnings

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.layers import LayerSequence

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
RANGES = {"bytes": (0.0, 255.0), "unit": (0.0, 1.0), "uint8": (0, 255)}
ranges = pytest.mark.parametrize("values", RANGES)


def as_values(photographs, values):
    """The photographs as uint8, or as floats of the range."""
    if values == "uint8":
        return photographs
    return (photographs * (RANGES[values][1] / 255.0)).astype("float32")


def keras_result(layer, images):
    """Keras's layer on floats; rounded and clipped where ours is of integers."""
    result = np.asarray(layer(images.astype("float32"), training=True))
    if images.dtype == "uint8":
        return np.clip(np.round(result), 0, 255).astype("uint8")
    return result


def error(result, expected, values):
    """The greatest difference of each pixel, as part of the range."""
    assert result.dtype == expected.dtype
    difference = np.abs(result.astype(float) - expected)
    return difference.max(axis=-1) / RANGES[values][1]


def tolerance(values):
    """A thousandth; half-way between two integers, rounding may go either way."""
    return 1.001 / 255 if values == "uint8" else 1e-3


@contextlib.contextmanager
def op_by_op():
    """No time for tracing, as in `drawn`."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def silently_fused(stack, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kal.NotFusedWarning)
        return kal.fuse(stack, **kwargs)


def names(layer):
    """The fused layers' classes in lists, the classes of those that stay."""
    if isinstance(layer, kal.FusedAugmentation):
        return [[type(x).__name__ for x in layer.layers]]
    if isinstance(layer, LayerSequence):
        return [name for x in layer.layers for name in names(x)]
    return [type(layer).__name__]
