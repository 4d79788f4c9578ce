"""Graphs that do not know how many boxes there are: as eager calls, or refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from moving_right import BOXES, moved, plain, to_the_right

import keras_aug_layers as kal

SPECS = {
    "ids": {"boxes": (2, 3, 4), "labels": (2, 3), "mine": (2, None)},
    "boxes": {"boxes": (2, None, 4), "labels": (2, None), "mine": (2, 3)},
    "size": {"boxes": (2, None, 4), "labels": (2, None), "mine": (2, 2)},
    "none": {
        "boxes": (None, None, 4),
        "labels": (None, None),
        "mine": (None, None),
    },
}


def in_a_graph(layer, images, boxes, shapes):
    """What becomes of boxes in a graph that knows such shapes."""
    spec = {key: tf.TensorSpec(shapes[key], tf.float32) for key in boxes}

    @tf.function(input_signature=[spec], autograph=False)
    def called(boxes):
        data = {"images": images, "bounding_boxes": boxes}
        return layer(data, training=True, seed=(1, 2))["bounding_boxes"]

    with op_by_op():
        given = {key: tf.cast(x, tf.float32) for key, x in boxes.items()}
        return {key: plain(x) for key, x in called(given).items()}


@pytest.mark.parametrize(
    ("known", "number"),
    [("ids", 3), ("ids", 2), ("boxes", 3), ("size", 2), ("none", 2), ("none", 3)],
)
def test_what_fits_when_it_runs_goes_with_its_box(images, known, number):
    shapes = SPECS[known]
    mine = np.arange(2.0 * number).reshape(2, number)
    given = {"boxes": BOXES, "labels": np.ones((2, 3)), "mine": mine}
    expected = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    found = in_a_graph(to_the_right(), images, given, shapes)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize(("number", "after"), [(2, 2), (3, 6)])
def test_what_is_mixed_has_more_where_it_fits(images, number, after):
    layer = kal.MixUp(per="batch", bounding_box_format="xyxy")
    given = {"boxes": BOXES, "mine": np.ones((2, number))}
    shapes = {"boxes": (2, None, 4), "mine": (2, number)}
    found = in_a_graph(layer, images, given, shapes)
    assert found["boxes"].shape == (2, 6, 4)
    assert found["mine"].shape == (2, after)


def test_symbols_of_what_may_be_mixed_are_open():
    boxes = {
        "boxes": keras.KerasTensor((None, None, 4)),
        "weights": keras.KerasTensor((None, None)),
        "mine": keras.KerasTensor((None, 3)),
        "id": keras.KerasTensor((None,)),
    }
    layer = kal.MixUp(bounding_box_format="xyxy")
    data = {"images": keras.KerasTensor((None, 8, 8, 3)), "bounding_boxes": boxes}
    made = layer(data)["bounding_boxes"]
    assert made["mine"].shape == (None, None)
    assert made["id"].shape == (None,)


@pytest.mark.parametrize("shape", [(2, 1), (2, 2), (1, 3)])
def test_other_numbers_of_labels_are_refused_when_it_runs(images, shape):
    given = {"boxes": BOXES, "labels": np.ones(shape)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels.*for each box"):
        in_a_graph(to_the_right(), images, given, SPECS["none"])


@pytest.mark.parametrize("rows", [[[1], [2, 3]], [[1, 2, 3], [4]], [[1, 2]]])
def test_other_rows_of_labels_are_refused_when_it_runs(images, rows):
    boxes = tf.RaggedTensor.from_tensor(BOXES, lengths=[2, 1])
    right = tf.ragged.constant([[1, 7], [1]], tf.int64, row_splits_dtype="int32")
    labels = tf.ragged.constant(rows, tf.int64, row_splits_dtype="int32")
    layer = to_the_right()
    specs = {
        "boxes": tf.RaggedTensorSpec((None, None, 4), tf.float32, 1, tf.int64),
        "labels": tf.RaggedTensorSpec((None, None), tf.int64, 1, tf.int32),
    }

    @tf.function(input_signature=[specs], autograph=False)
    def called(data):
        data = {"images": images, "bounding_boxes": data}
        return layer(data, training=True, seed=(1, 2))["bounding_boxes"]

    with op_by_op():
        made = called({"boxes": boxes, "labels": right})
        assert made["labels"].to_list() == [[1, -1], [1]]
        with pytest.raises(tf.errors.InvalidArgumentError, match="rows of the boxes"):
            called({"boxes": boxes, "labels": labels})
