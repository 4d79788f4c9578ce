"""Labels of every dtype of integers are made one-hot; several in a dict are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = np.zeros((4, 8, 8, 3), "uint8")
CASES = [
    *((x, 4, (0, 1, 2, 3)) for x in ("int8", "uint8", "int16", "uint16", "int32")),
    *((x, 4, (0, 1, 2, 3)) for x in ("int64", "uint32", "uint64")),
    ("uint8", 256, (0, 1, 200, 255)),
    ("uint8", 300, (0, 1, 200, 255)),
    ("int8", 128, (0, 1, 100, 127)),
]


@pytest.mark.parametrize("dtype, classes, values", CASES)
@pytest.mark.parametrize("graph", [False, True])
def test_labels_of_every_dtype(dtype, classes, values, graph):
    layer = kal.MixUp(num_classes=classes, jit_compile=False)
    call = tf.function(layer) if graph else layer
    made = call({"images": IMAGES, "labels": np.array(values, dtype)})["labels"]
    expected = np.zeros((4, classes), "float32")
    expected[np.arange(4), values] = 1.0
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("dtype, value", [("uint8", 255), ("int16", -1), ("uint64", 4)])
def test_labels_that_are_no_class(dtype, value):
    layer = kal.MixUp(num_classes=4, jit_compile=False)
    labels = np.array([0, 1, 2, value], dtype)
    with pytest.raises(tf.errors.InvalidArgumentError, match="below num_classes=4"):
        layer({"images": IMAGES, "labels": labels})


@pytest.mark.parametrize("symbolic", [False, True])
def test_several_labels_in_a_dict(symbolic):
    data = {"images": IMAGES, "labels": {"a": np.arange(4)}}
    if symbolic:
        labels = {"a": keras.Input((), dtype="int32")}
        data = {"images": keras.Input((8, 8, 3)), "labels": labels}
    with pytest.raises(ValueError, match="`labels` must be one tensor"):
        kal.MixUp(num_classes=4)(data)
