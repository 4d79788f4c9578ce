"""What belongs to images is as many as they are, also where only a run tells."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn, op_by_op, random_images

import keras_aug_layers as kal

IMAGES = np.zeros((2, 8, 8, 3), "uint8")
MASKS = np.zeros((3, 8, 8, 1), "uint8")
WRONG = {
    "segmentation_masks": MASKS,
    "right": np.zeros((3, 8, 8, 3), "uint8"),
    "keypoints": np.ones((3, 4, 2)),
    "bounding_boxes": {"boxes": np.ones((3, 2, 4))},
    "polygons": {"points": np.ones((3, 1, 3, 2))},
}


def turn():
    """Turns whatever there is."""
    return kal.RandomRotate(
        0.1,
        bounding_box_format="xyxy",
        fill_mode="constant",
        extra_targets={"right": "images"},
    )


def in_a_graph(layer, data, seed=(1, 2)):
    """What becomes of data in a graph that does not know how many images there are."""
    data = {"data": data, "seed": np.asarray(seed)}
    specs = tf.nest.map_structure(
        lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), data
    )
    called = tf.function(
        lambda x: layer(x["data"], training=True, seed=x["seed"]),
        input_signature=[specs],
        autograph=False,
    )
    with op_by_op():
        return called(data)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("key", WRONG)
def test_others_than_the_images_are_refused_when_it_runs(key, count):
    wrong = tf.nest.map_structure(lambda x: x[:count], WRONG[key])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{key}` must be as m"):
        in_a_graph(turn(), {"images": IMAGES, key: wrong})


@pytest.mark.parametrize("count", [1, 3])
def test_other_labels_are_refused_when_they_are_mixed(count):
    data = {"images": IMAGES, "labels": np.ones((count, 3), "float32")}
    with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` must be as"):
        in_a_graph(kal.MixUp(), data)
    assert in_a_graph(turn(), data)["labels"].shape == (count, 3)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (2, 3, 8, 8, 3)])
@pytest.mark.parametrize("count", [1, 3])
def test_other_seeds_are_refused_when_it_runs(shape, count):
    """Of videos they are as many as the clips."""
    images = random_images(shape, "uint8")
    seeds = [(1, 2), (3, 4), (5, 6)]
    expected = drawn(turn(), images, seed=seeds[:2])
    found = in_a_graph(turn(), {"images": images}, seeds[:2])["images"]
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`seed` must be as many"):
        in_a_graph(turn(), {"images": images}, seeds[:count])


def test_what_a_layer_made_is_counted_once():
    """To count it again would compute what nothing else needs."""
    layers = [turn(), turn(), kal.RandomFlip()]
    specs = {
        "images": tf.TensorSpec((None, 8, 8, 3), tf.uint8),
        "segmentation_masks": tf.TensorSpec((None, 8, 8, 1), tf.uint8),
    }

    def called(data):
        for layer in layers:
            data = layer(data, training=True)
        return data

    traced = tf.function(called, input_signature=[specs]).get_concrete_function()
    kinds = [x.type for x in traced.graph.get_operations()]
    assert kinds.count("Assert") == 1


def test_known_numbers_are_not_counted_when_it_runs():
    data = {"images": IMAGES, "segmentation_masks": MASKS[:2]}
    layer = turn()
    called = tf.function(lambda x: layer(x, training=True), autograph=False)
    graph = called.get_concrete_function(data).graph
    assert "Assert" not in [x.type for x in graph.get_operations()]


def test_masks_in_a_list_are_counted_one_by_one():
    """Whose number is known, where that of the images is not."""
    layer, masks = turn(), [MASKS, MASKS]

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.uint8)])
    def called(images):
        data = {"images": images, "segmentation_masks": masks}
        return layer(data, training=True, seed=(1, 2))["segmentation_masks"]

    message = r"_masks/0`, `segmentation_masks/1` must be as many.*\[3 3\].*2"
    with op_by_op(), pytest.raises(tf.errors.InvalidArgumentError, match=message):
        called(IMAGES)
    with pytest.raises(ValueError, match="masks/0` must be as many.* for 2 images"):
        layer({"images": IMAGES, "segmentation_masks": masks}, training=True)
