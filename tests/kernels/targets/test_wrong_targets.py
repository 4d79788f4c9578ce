"""What the caller has stays the caller's, and what is wrong is said."""

import copy
import re

import numpy as np
import pytest
import tensorflow as tf
from following import FORMATS, SIZE, convert, ragged
from helpers import assert_same_bits

import keras_aug_layers as kal


def example_data():
    return {
        "images": np.random.default_rng(1).integers(0, 256, (2, 9, 12, 3), "uint8"),
        "segmentation_masks": np.random.default_rng(1).integers(0, 9, (2, 9, 12)),
        "bounding_boxes": {
            "boxes": np.array([[[1, 2, 5, 6]], [[0, 0, 12, 9]]], "float32"),
            "labels": np.array([[3], [4]]),
            "scores": np.array([[0.5], [0.25]]),
        },
        "keypoints": np.array([[[1.0, 2.0]], [[5.0, 6.0]]]),
        "labels": np.array([0, 1]),
        "names": ["first", "second"],
        "meta": {"source": None},
    }


def test_the_callers_structures_are_never_changed():
    layer = kal.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    data = example_data()
    before, inner = copy.deepcopy(data), data["bounding_boxes"]
    for training in (True, False):
        result = layer(data, training=training, seed=(1, 1))
        assert list(data) == list(before)
        assert data["bounding_boxes"] is inner
        for key in ("images", "segmentation_masks", "keypoints", "labels"):
            assert_same_bits(data[key], before[key])
        for key in before["bounding_boxes"]:
            assert_same_bits(inner[key], before["bounding_boxes"][key])
    augmented = layer(data, training=True, seed=(1, 1))
    assert result is data  # training=False
    assert augmented is not data and augmented["bounding_boxes"] is not inner
    for key in ("labels", "names", "meta"):
        assert augmented[key] is data[key]
    assert_same_bits(augmented["bounding_boxes"]["scores"], inner["scores"])
    assert list(augmented) == list(data)
    assert not np.array_equal(augmented["keypoints"], data["keypoints"])


GOOD = [[[1, 2, 5, 6], [0, 0, 3, 3]]] * 2
ROWS = [GOOD[0], GOOD[0][:1]]
WRONG_BOXES = {
    "no labels for some": ({"labels": np.ones((2, 3))}, "labels.*each box"),
    "labels of another batch": ({"labels": np.ones((3, 2))}, "labels.*each box"),
    "rank": ({"boxes": np.ones((2, 4))}, r"boxes.*\(B, N, 4\)"),
    "five numbers": ({"boxes": np.ones((2, 2, 5))}, r"boxes.*\(B, N, 4\)"),
    "too few": ({"boxes": np.ones((1, 2, 4))}, "boxes.*shape"),
    "too many": ({"boxes": np.ones((4, 2, 4))}, "boxes.*shape"),
    "ragged in all": (
        {"boxes": tf.ragged.constant([[[1.0, 2, 5, 6]], [[1.0, 2]]])},
        "boxes.*4 numbers",
    ),
    "lists": ({"boxes": [[[1.0, 2, 5, 6]], []]}, "boxes.*RaggedTensor"),
    "ragged otherwise": (
        {"boxes": ragged(ROWS), "labels": ragged([[1], [1, 2]], ())},
        "labels.*each box",
    ),
    "boxes ragged": ({"boxes": ragged(ROWS), "labels": np.ones((2, 2))}, "labels"),
    "labels ragged": ({"labels": ragged([[1, 2], [1]], ())}, "labels"),
}
"""What is wrong in `bounding_boxes`, and what the error says."""
WRONG_SIDES = {
    "xyxy": ([5, 2, 1, 6], "5"),
    "yxyx": ([5, 2, 1, 6], "5"),
    "rel_xyxy": ([0.5, 0, 0.25, 1], "0.5"),
    "rel_yxyx": ([0.25, 0.75, 0.5, 0.5], "0.75"),
    "xywh": ([5, 2, -2, 6], "-2"),
    "rel_xywh": ([0.5, 0.25, 0.125, -0.5], "-0.5"),
    "center_xywh": ([5, 2, 2, -6], "-6"),
    "center_yxhw": ([5, 2, -6, 2], "-6"),
    "rel_center_xywh": ([0.5, 0.25, -0.25, 0.5], "-0.25"),
}
"""A box whose right is left of its left, or its bottom above its top."""
WRONG_ELSEWHERE = {
    "no boxes": ({"bounding_boxes": {"labels": [[1]]}}, "boxes"),
    "no dict": ({"bounding_boxes": np.ones((2, 1, 4))}, "bounding_boxes.*dict"),
    "keypoints, rank": ({"keypoints": np.ones((2, 2))}, r"keypoints.*\(B, …, N, 2\)"),
    "keypoints, z": ({"keypoints": np.ones((2, 4, 4))}, r"keypoints.*\(B, …, N, 2\)"),
    "too few keypoints": ({"keypoints": np.ones((1, 4, 2))}, "keypoints.*shape"),
    "too many keypoints": ({"keypoints": np.ones((3, 4, 2))}, "keypoints.*shape"),
    "ragged twice": (
        {"keypoints": tf.ragged.constant([[[1, 2]], [[3]]])},
        r"`keypoints`.*in their number only.*to_tensor\(-1\)",
    ),
    "masks": ({"segmentation_masks": np.ones((2, 9, 13))}, "segmentation_masks"),
}
WRONG = {
    "format missing": (None, {}, "bounding_box_format.*Received: None"),
    **{
        "boxes, " + name: (
            "xyxy",
            {"bounding_boxes": {"boxes": np.array(GOOD, "float32"), **wrong}},
            match,
        )
        for name, (wrong, match) in WRONG_BOXES.items()
    },
    **{
        "sides, " + box_format: (
            box_format,
            {"bounding_boxes": {"boxes": np.array([[box], [box]], "float32")}},
            "bounding_boxes.*boxes.*" + received,
        )
        for box_format, (box, received) in WRONG_SIDES.items()
    },
    **{name: ("xyxy", *wrong) for name, wrong in WRONG_ELSEWHERE.items()},
}


@pytest.mark.parametrize(("box_format", "wrong", "match"), WRONG.values(), ids=WRONG)
def test_errors_name_key_and_expectation(box_format, wrong, match):
    layer = kal.RandomShift((0.3, 0.3), bounding_box_format=box_format, seed=1)
    data = {**example_data(), **wrong}
    before = {**data}
    with pytest.raises(ValueError) as error:
        layer(data, training=True)
    ours, _, _ = str(error.value).partition("Arguments received by")  # Keras's part
    assert re.search(match, ours, re.DOTALL), ours
    assert "Received" in ours
    assert data.keys() == before.keys()
    assert all(data[key] is before[key] for key in data)


@pytest.mark.parametrize(
    "name",
    ["format missing", "boxes, rank", "sides, xyxy", "keypoints, rank", "masks"],
)
def test_an_error_leaves_the_stream_of_draws_where_it_was(name):
    box_format, wrong, _ = WRONG[name]
    layer = kal.RandomShift((0.3, 0.3), bounding_box_format=box_format, seed=1)
    state = layer.random_state.numpy()
    with pytest.raises(ValueError):
        layer({**example_data(), **wrong}, training=True)
    np.testing.assert_array_equal(layer.random_state, state)


@pytest.mark.parametrize("unknown", ["", "XYXY", "coco", 3, "rel"])
def test_an_unknown_format_is_an_error(unknown):
    with pytest.raises(ValueError, match="`bounding_box_format`.*'rel_center_xywh'"):
        kal.RandomFlip(bounding_box_format=unknown)
    with pytest.raises(ValueError, match="`keypoint_format`.*'rel_xy'"):
        kal.RandomFlip(keypoint_format=unknown)
    with pytest.raises(ValueError, match="`box_fit`.*'ellipse'"):
        kal.RandomFlip(box_fit=unknown)


@pytest.mark.parametrize("box_format", FORMATS)
def test_padding_and_empty_boxes_are_no_error(box_format):
    """-1 has x2 = x1, and in xywh a width of -1: it is padding all the same."""
    transform = kal.RandomShift(
        (0, 0), (3, 3), unit="pixels", bounding_box_format=box_format
    ).sample((1, *SIZE, 3))
    boxes = np.array([[[4, 5, 4, 5], [4, 5, 8, 9]]], "float64")
    padding = np.full((1, 2, 4), -1.0)
    mixed = np.concatenate([convert(boxes, box_format), padding], axis=1)
    moved = transform.bounding_boxes({"boxes": mixed})["boxes"]
    expected = convert(boxes + [3, 0, 3, 0], box_format)
    expected = np.concatenate([expected, padding], axis=1)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("key", ["keypoints", "boxes", "labels"])
def test_an_unknown_rank_is_a_value_error(key):
    layer = kal.RandomShift(0.3, bounding_box_format="xyxy")
    data = example_data()

    def call(value):
        if key == "keypoints":
            return layer({"images": data["images"], key: value}, training=True)
        boxes = {"boxes": data["bounding_boxes"]["boxes"], key: value}
        return layer({"images": data["images"], "bounding_boxes": boxes}, training=True)

    traced = tf.function(call, autograph=False)
    with pytest.raises(ValueError, match=f"`.*{key}.*` must have") as error:
        traced.get_concrete_function(tf.TensorSpec(None, tf.float32))
    assert "unknown" in str(error.value)
