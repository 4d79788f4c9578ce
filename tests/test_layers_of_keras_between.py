"""Stacks for `augment_dataset` in which layers of Keras stand between ours."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

FORMAT = {"bounding_box_format": "xyxy"}


def data():
    """Three images with targets, in a dict."""
    random = np.random.default_rng(0)
    boxes = np.tile([[[1.0, 2, 9, 10], [4, 4, 12, 15]]], (3, 1, 1)).astype("float32")
    return {
        "images": random.integers(0, 256, (3, 16, 24, 3)).astype("uint8"),
        "segmentation_masks": random.integers(0, 5, (3, 16, 24, 1)).astype("uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((3, 2), "int32")},
    }


def stack(*layers):
    """A flip of all images, and what follows it."""
    return keras.Sequential([kal.RandomFlip(chance=1.0, **FORMAT), *layers])


def called(given, layer):
    """What both make of it in a map, where Keras's layers leave floats."""
    flip = kal.RandomFlip(chance=1.0, **FORMAT)
    dataset = tf.data.Dataset.from_tensors(given)
    return next(iter(dataset.map(lambda x: layer(flip(x, training=True)))))


def augmented(layer, given, **kwargs):
    dataset = tf.data.Dataset.from_tensor_slices(given).batch(3)
    return next(iter(kal.augment_dataset(dataset, layer, seed=1, **kwargs)))


MOVING = {
    "CenterCrop": lambda: keras.layers.CenterCrop(8, 8),
    "Resizing": lambda: keras.layers.Resizing(8, 12),
    "Resizing of another kind": lambda: keras.layers.Resizing(
        8, 12, interpolation="lanczos3"
    ),
    "MaxNumBoundingBoxes": lambda: keras.layers.MaxNumBoundingBoxes(1, **FORMAT),
}


@pytest.mark.parametrize("name", MOVING)
def test_targets_follow_layers_of_keras(name):
    """As where the stack is called: they stayed where they were."""
    layer = MOVING[name]()
    layer.bounding_box_format = "xyxy"
    given = data()
    expected = called(given, layer)
    made = augmented(stack(layer), given)
    tf.nest.map_structure(np.testing.assert_array_equal, made, expected)
    changed = made["bounding_boxes"]["boxes"]
    assert not np.array_equal(changed, given["bounding_boxes"]["boxes"])


PADDING = {
    "ZeroPadding2D": (keras.layers.ZeroPadding2D, 2, "segmentation_masks"),
    "Cropping2D": (keras.layers.Cropping2D, 2, "bounding_boxes"),
    "Resizing": (keras.layers.Resizing, (8, 12), "keypoints"),
    "CenterCrop": (keras.layers.CenterCrop, (8, 8), "depth"),
}


@pytest.mark.parametrize("name", PADDING)
def test_targets_that_would_stay_are_refused(name):
    cls, size, key = PADDING[name]
    layer = cls(*np.atleast_1d(size).tolist())
    flip = kal.RandomFlip(extra_targets={"depth": "maps"}, **FORMAT)
    known = {**data(), "keypoints": np.ones((3, 2, 2)), "depth": data()["images"]}
    given = {"images": known["images"], key: known[key]}
    with pytest.raises(ValueError, match=rf"(?s){cls.__name__}.*{key}.*fuse\(layer\)"):
        augmented(keras.Sequential([flip, layer]), given)
    images = augmented(keras.Sequential([flip, layer]), {"images": known["images"]})
    assert images["images"].shape != (3, 16, 24, 3)


def test_other_entries_stay_beside_layers_that_move_nothing():
    given = {**data(), "file": np.array(["a", "b", "c"]), "labels": np.arange(3)}
    made = augmented(stack(keras.layers.Rescaling(1 / 255)), given)
    assert made["images"].numpy().max() <= 1.0
    assert made["file"].numpy().tolist() == [b"a", b"b", b"c"]
    assert made["labels"].numpy().tolist() == [0, 1, 2]
    expected = given["segmentation_masks"][:, ::-1, ::-1]
    np.testing.assert_array_equal(made["segmentation_masks"], expected)


def test_named_tuples_and_parts_of_a_tuple():
    Pair = collections.namedtuple("Pair", "images segmentation_masks")
    given = {key: data()[key] for key in Pair._fields}
    resizing = keras.layers.Resizing(8, 12)
    layers, expected = stack(resizing), called(given, resizing)
    for pair in (
        augmented(layers, Pair(**given)),
        augmented(layers, tuple(given.values()), structure=Pair._fields),
    ):
        for made, key in zip(pair, Pair._fields, strict=True):
            np.testing.assert_array_equal(made, expected[key])


@pytest.mark.parametrize("structure", [5, "images", {"images": 1}, ["labels"]])
def test_a_structure_that_is_none(structure):
    with pytest.raises(ValueError, match=r"`structure` must be names"):
        augmented(stack(), tuple(data().values()), structure=structure)
