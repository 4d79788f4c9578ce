"""Entries beside boxes and polygons, in whatever form they come."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal

FRAME = 32
IMAGES = np.zeros((2, FRAME, FRAME, 3), "uint8")
BOXES = [[[2.0, 2, 6, 6], [26, 2, 30, 6]], [[2, 8, 6, 12], [26, 8, 30, 12]]]


def shifted(**beside):
    """Boxes, of which the second of each image leaves the frame on the right."""
    shift = kal.RandomShift(
        (0, 0), (8, 8), unit="pixels", fill_mode="constant", bounding_box_format="xyxy"
    )
    data = {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, **beside}}
    with op_by_op():
        return shift(data, training=True)["bounding_boxes"]


@pytest.mark.parametrize("form", [list, tuple, np.array, tf.constant])
def test_an_entry_follows_its_boxes_in_any_form(form):
    made = shifted(track=form([[11, 12], [13, 14]]))
    np.testing.assert_array_equal(made["track"], [[11, -1], [13, -1]])


@pytest.mark.parametrize("of", [list, tf.constant, np.array])
def test_texts_in_a_list_follow_too(of):
    made = shifted(name=[of(["a", "b"]), of(["c", "d"])])
    np.testing.assert_array_equal(made["name"], [[b"a", b""], [b"c", b""]])


@pytest.mark.parametrize(
    "entry",
    [
        ["a.png", "b.png"],
        [[1, 2], [3]],
        "a.png",
        [[[1], [2]]],
        [[{"a": 1}, {"a": 2}]] * 2,
        [["a", None]] * 2,
    ],
    ids=str,
)
def test_a_list_that_is_none_of_them_stays(entry):
    assert shifted(own=entry)["own"] == entry


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_keep_their_dtype(dtype):
    weights = np.full((2, 2), 0.1, dtype)
    made = shifted(weights=weights)["weights"]
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, weights * np.array([[1, 0]], dtype))
    data = {"boxes": BOXES, "weights": weights}
    mix = kal.MixUp(jit_compile=False, bounding_box_format="xyxy")
    with op_by_op():
        made = mix({"images": IMAGES, "bounding_boxes": data}, training=True)
    mixed = made["bounding_boxes"]["weights"]
    assert mixed.dtype == dtype
    np.testing.assert_allclose(mixed.numpy().sum(axis=1), 0.2, rtol=1e-2)


@pytest.mark.parametrize("key", ["weights", "labels", "scores"])
def test_weights_are_as_many_as_boxes(key):
    with pytest.raises(ValueError, match=rf"\['{key}'\]` must have an element"):
        shifted(**{key: np.full((2, 1), 0.5)})


@pytest.mark.parametrize("key", ["weights", "labels", "scores"])
def test_ragged_weights_have_the_rows_of_the_boxes(key):
    boxes = [[[1, 1, 5, 5], [2, 2, 8, 8]], [[3, 3, 9, 9]]]
    boxes = tf.ragged.constant(boxes, tf.float32, ragged_rank=1, inner_shape=(4,))
    wrong = tf.ragged.constant([[0.1], [0.2, 0.3]])
    data = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, key: wrong}}
    flip = kal.RandomFlip("horizontal", bounding_box_format="xyxy")
    with op_by_op(), pytest.raises(ValueError, match=rf"\['{key}'\]` must have the"):
        flip(data, training=True)


def none_of_any(inner):
    """Images without things, as `ragged_batch` gives them: ragged in two axes."""
    splits = [tf.zeros(3, tf.int64), tf.zeros(1, tf.int64)]
    return tf.RaggedTensor.from_nested_row_splits(tf.zeros((0, *inner)), splits)


def test_a_batch_in_which_nothing_is_there():
    flip = kal.RandomFlip("horizontal", chance=1.0, bounding_box_format="xyxy")
    boxes = tf.RaggedTensor.from_row_splits(tf.zeros((0, 4)), tf.zeros(3, tf.int64))
    data = {
        "images": IMAGES,
        "polygons": {"points": none_of_any((2,))},
        "bounding_boxes": {"boxes": boxes, "labels": none_of_any(())},
    }
    with op_by_op():
        made = flip(data, training=True)
    assert made["polygons"]["points"].row_lengths().numpy().tolist() == [0, 0]
    assert made["bounding_boxes"]["labels"].to_list() == [[], []]


def test_a_corner_of_a_polygon_may_be_anywhere_between_two_moves():
    """At (-1, -1) it is no padding."""
    points = np.array([[[[1, 1], [8, 2], [8, 8], [2, 8], [-1, -1]]]], "float32")
    layers = [
        kal.CenterCrop(8, 8),  # takes 2 of 12
        kal.RandomGaussianBlur(1.0, 3, sigma=(0.1, 0.1)),
        kal.RandomFlip("horizontal", chance=1.0),  # x becomes 8 - x
    ]
    layer = kal.FusedAugmentation(layers, fill_mode="constant")
    data = {"images": np.zeros((1, 12, 12, 3), "uint8"), "polygons": {"points": points}}
    with op_by_op():
        found = layer(data, training=True)["polygons"]["points"].numpy()[0, 0]
    expected = points[0, 0] - 2
    expected[:, 0] = 8 - expected[:, 0]
    expected[4] = -1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_no_more_than_all_of_a_box_is_covered():
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 50, (4, 200, 2))
    boxes = np.concatenate([low, low + generator.uniform(1, 14, low.shape)], -1)
    labels = np.ones((4, 200), "int32")
    data = {
        "images": np.full((4, 64, 64, 3), 9, "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
    }
    whole = {"width_factor": (1.0, 1.0), "bounding_box_format": "xyxy"}
    layer = kal.CoarseDropout(1, (1.0, 1.0), max_covered=1.0, **whole)
    with op_by_op():
        made = layer(data, training=True)
    assert not made["images"].numpy().any()
    np.testing.assert_array_equal(made["bounding_boxes"]["labels"], labels)


def test_keypoints_in_parts_of_the_frame_are_noticed_wherever_they_may_lie():
    data = {"images": IMAGES, "keypoints": np.full((2, 1, 2), 0.5, "float32")}
    flip = kal.RandomFlip("horizontal", mark_outside=False)
    with op_by_op(), pytest.warns(kal.DataWarning, match="rel_xy"):
        flip(data, training=True)


@pytest.mark.parametrize("mark_outside", [False, True])
def test_relative_keypoints_go_on_from_outside_of_the_frame(mark_outside):
    """0.9 of 64 is 3.7 of the 8 in the middle: no pixels, as 3.7 might be."""
    kinds = {"keypoint_format": "rel_xy", "mark_outside": mark_outside}
    crop = kal.CenterCrop(8, 8, **kinds)
    flip = kal.RandomFlip("horizontal", chance=1.0, **kinds)
    data = {
        "images": np.zeros((2, 64, 64, 3), "uint8"),
        "keypoints": np.full((2, 1, 2), 0.9, "float32"),
    }
    with op_by_op():
        found = flip(crop(data, training=True), training=True)["keypoints"]
    place = (0.9 * 64 - 28) / 8
    expected = [-1.0, -1.0] if mark_outside else [1 - place, place]
    np.testing.assert_allclose(found, np.tile(expected, (2, 1, 1)), atol=1e-4)
