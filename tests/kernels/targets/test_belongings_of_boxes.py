"""What belongs to boxes goes with them; ragged ones; dtypes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from moving_right import BOXES, moved, to_the_right

import keras_aug_layers as kal


@pytest.mark.parametrize(
    ("dtype", "nothing"),
    [("int64", -1), ("float16", -1), ("uint8", 0), ("bool", False), ("str", b"")],
)
@pytest.mark.parametrize("key", ["labels", "classes", "scores", "difficult", "mine"])
def test_whatever_belongs_to_a_box_leaves_with_it(images, key, dtype, nothing):
    values = np.array([[1, 1, 1]] * 2).astype(dtype)
    boxes = moved({"images": images, "bounding_boxes": {"boxes": BOXES, key: values}})
    (_, gone, _), _ = boxes["bounding_boxes"]["boxes"]
    assert (gone == -1).all()
    (kept, *others), _ = boxes["bounding_boxes"][key]
    assert kept == (b"1" if dtype == "str" else 1)
    assert others == [nothing, nothing]


def test_what_has_no_element_for_each_box_stays(images):
    given = {"boxes": BOXES, "image_id": np.array([4, 5]), "meta": "a"}
    boxes = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert boxes["image_id"].tolist() == [4, 5]
    assert boxes["meta"] == "a"


@pytest.mark.parametrize("inner", [1, 2])
@pytest.mark.parametrize("splits", ["int32", "int64"])
def test_boxes_are_ragged_in_one_axis_or_in_two(images, inner, splits):
    rows = [BOXES[0, :2].tolist(), BOXES[1, :1].tolist()]
    kind = {"ragged_rank": inner, "row_splits_dtype": splits}
    boxes = tf.ragged.constant(rows, tf.float32, **kind)
    labels = tf.ragged.constant([[3, 4], [5]], row_splits_dtype=splits)
    given = {"boxes": boxes, "labels": labels}
    result = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert result["boxes"].to_list() == [[[5, 1, 8, 4], [-1] * 4], [[5, 1, 8, 4]]]
    assert result["labels"].to_list() == [[3, -1], [5]]
    assert result["boxes"].ragged_rank == inner
    assert result["boxes"].row_splits.dtype == splits


def test_polygons_are_ragged_in_two_axes(images):
    """As `tf.ragged.stack` makes them."""
    corners = tf.reshape(tf.range(18.0) / 3.0, (3, 3, 2))
    given = tf.ragged.stack([corners[:1], corners[1:]])
    assert given.ragged_rank == 2
    points = moved({"images": images, "polygons": {"points": given}})
    points = points["polygons"]["points"]
    assert points.row_lengths().numpy().tolist() == [1, 2]
    np.testing.assert_allclose(points.flat_values, given.flat_values + (4.0, 0.0))


def test_one_hot_labels_are_ragged_in_two_axes(images):
    boxes = tf.ragged.stack([BOXES[0, :2], BOXES[1, :1]])
    labels = tf.ragged.constant([[[0, 1], [1, 0]], [[0, 1]]])
    given = {"boxes": boxes, "labels": labels}
    result = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert result["labels"].to_list() == [[[0, 1], [-1, -1]], [[0, 1]]]


def test_a_chain_sees_labels_that_were_changed_between_its_layers(images):
    labels = np.array([[1, 2, 3]] * 2)
    first = to_the_right()(
        {"images": images, "bounding_boxes": {"boxes": BOXES, "labels": labels}},
        training=True,
    )
    first["bounding_boxes"]["labels"] += 10
    again = moved(first, to_the_right(-2))["bounding_boxes"]
    assert again["labels"][0].tolist() == [11, -1, -1]
    del first["bounding_boxes"]["labels"]
    assert moved(first)["bounding_boxes"].keys() == {"boxes"}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "float64"])
def test_boxes_and_keypoints_keep_their_dtype(images, dtype, training):
    """In training, outside it, and symbolically."""
    dtype = tf.as_dtype(dtype)
    layer = kal.Resizing(4, 5, bounding_box_format="xyxy")
    data = {
        "images": images,
        "bounding_boxes": {"boxes": tf.cast(BOXES, dtype)},
        "keypoints": tf.cast([[[3, 3]]] * 2, dtype),
    }
    with op_by_op():
        result = layer(data, training=training)
    symbols = tf.nest.map_structure(
        lambda x: keras.KerasTensor(x.shape, tf.as_dtype(x.dtype).name), data
    )
    symbolic = layer(symbols)
    for made in (result, symbolic):
        for x in (made["bounding_boxes"]["boxes"], made["keypoints"]):
            assert tf.as_dtype(x.dtype) == dtype
    assert result["keypoints"].numpy()[0, 0].astype(float).tolist() == (
        [1, 1] if dtype.is_integer else [1.25, 1.25]
    )


@pytest.mark.parametrize("key", ["boxes", "keypoints"])
def test_a_dtype_without_minus_one_is_refused(images, key):
    data = {"images": images, "keypoints": np.ones((2, 1, 2), "uint8")}
    if key == "boxes":
        data = {"images": images, "bounding_boxes": {"boxes": BOXES.astype("uint8")}}
    with pytest.raises(ValueError, match=f"{key}.*holds -1.*uint8.*float32"):
        moved(data)


def test_ragged_boxes_are_refused_where_xla_compiles(images):
    ragged = tf.ragged.constant([[BOXES[0, 0].tolist()], []], tf.float32, 1, (4,))
    compiled = tf.function(
        lambda x, boxes: moved({"images": x, "bounding_boxes": {"boxes": boxes}}),
        jit_compile=True,
    )
    with pytest.raises(ValueError, match="must be dense in a function that XLA"):
        compiled(images, ragged)
