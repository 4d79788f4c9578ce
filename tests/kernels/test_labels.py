"""Labels that cannot be mixed: each error says what to write."""

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels.labels import encode

IMAGES = np.zeros((4, 8, 8, 3), "uint8")
REFUSED = {
    "texts": (np.array(list("abca")), {"num_classes": 3}, "StringLookup"),
    "several texts": (np.array([["a", "b"]] * 4), {}, "StringLookup"),
    "floats": (
        np.zeros(4, "float32"),
        {"num_classes": 3},
        r"tf\.cast.*or labels\[\.\.",
    ),
    "a column of floats": (
        np.zeros((4, 1)),
        {"num_classes": 3},
        r"tf\.cast\(labels, 'i",
    ),
    "truths": (np.eye(4, dtype=bool), {}, r"bool.*tf\.cast\(labels, 'float32'\)"),
    "other classes": (np.eye(5)[:4], {"num_classes": 3}, "num_classes=5"),
    "too many axes": (np.zeros((4, 2, 3)), {}, "one number for each image"),
    "smoothed numbers": (
        np.full((4, 1), 100.0),
        {"label_smoothing": 0.1},
        r"`label_smoothing` must be 0 for numbers.*smoothing=0\.0 of a recipe",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_error_says_what_to_write(case):
    labels, arguments, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        kal.MixUp(**arguments)({"images": IMAGES, "labels": labels}, training=True)


def test_numbers_are_mixed_without_smoothing():
    labels = np.array([[0.0], [100.0], [200.0], [300.0]])
    mixed = kal.MixUp(1.0, per="batch")(
        {"images": IMAGES, "labels": labels}, training=True
    )
    assert mixed["labels"].numpy().sum() == pytest.approx(600.0)
    assert (mixed["labels"].numpy() != labels).all()


def test_integers_in_a_column_are_smoothed_as_others():
    column = encode(np.arange(4)[:, np.newaxis], True, 4, 0.1)
    np.testing.assert_array_equal(column, encode(np.arange(4), True, 4, 0.1))


@pytest.mark.parametrize("kind", ["SparseTensor", "RaggedTensor"])
def test_labels_that_are_not_dense_are_refused(kind):
    shares = np.eye(2, dtype="float32")
    labels = {
        "SparseTensor": tf.sparse.from_dense(shares),
        "RaggedTensor": tf.RaggedTensor.from_tensor(shares),
    }[kind]
    data = {"images": np.zeros((2, 8, 8, 3), "uint8"), "labels": labels}
    with pytest.raises(ValueError, match=f"must be dense.*Received: a {kind}"):
        kal.MixUp()(data, training=True)


def of_unknown_width(labels, *arguments):
    """`encode`, in a graph that does not know how many columns labels have."""
    labels = np.asarray(labels)
    signature = [tf.TensorSpec((None, None), labels.dtype)]
    called = tf.function(
        lambda x: encode(x, True, *arguments), input_signature=signature
    )
    return called(labels)


@pytest.mark.parametrize("smoothing", [None, 0.1])
@pytest.mark.parametrize(
    ("labels", "num_classes"),
    [
        (np.array([[2], [0]]), 3),
        (np.eye(3, dtype="int64")[:2], 3),
        (np.eye(3, dtype="float32")[:2], 3),
        (np.eye(3, dtype="float32")[:2], None),
    ],
)
def test_columns_that_are_counted_when_it_runs(labels, num_classes, smoothing):
    made = of_unknown_width(labels, num_classes, smoothing)
    expected = encode(labels, True, num_classes, smoothing)
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (np.array([[3], [0]]), (3, None), r"below num_classes=3.*\[3 0\]"),
        (np.zeros((2, 5), "float32"), (3, None), r"of shape \(B, 3\).*\[2 5\]"),
        (np.zeros((2, 1), "float32"), (3, None), r"of shape \(B, 3\).*\[2 1\]"),
        (np.zeros((2, 5), "int64"), (3, None), r"of shape \(B, 3\).*\[2 5\]"),
        (np.zeros((2, 0), "int64"), (3, None), r"of shape \(B, 3\).*\[2 0\]"),
        (np.array([[2], [0]]), (None, None), "one-hot.*no `num_classes`"),
        (np.zeros((2, 1), "float32"), (None, 0.1), "must be 0 for numbers"),
    ],
)
def test_wrong_columns_are_refused_when_it_runs(labels, arguments, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        of_unknown_width(labels, *arguments)
