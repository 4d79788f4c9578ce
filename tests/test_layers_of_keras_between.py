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


def augmented(layer, given, **kwargs):
    dataset = tf.data.Dataset.from_tensor_slices(given).batch(3)
    return next(iter(kal.augment_dataset(dataset, layer, seed=1, **kwargs)))


RESIZING = {
    "ZeroPadding2D": (keras.layers.ZeroPadding2D, 2, "segmentation_masks"),
    "Cropping2D": (keras.layers.Cropping2D, 2, "bounding_boxes"),
    "Resizing": (keras.layers.Resizing, (8, 12), "keypoints"),
    "CenterCrop": (keras.layers.CenterCrop, (8, 8), "depth"),
}


@pytest.mark.parametrize("name", RESIZING)
def test_targets_that_would_stay_are_refused(name):
    """They stayed where they were, beside images of another size."""
    cls, size, key = RESIZING[name]
    layer = cls(*np.atleast_1d(size).tolist())
    flip = kal.RandomFlip(extra_targets={"depth": "maps"}, **FORMAT)
    known = {**data(), "keypoints": np.ones((3, 2, 2)), "depth": data()["images"]}
    given = {"images": known["images"], key: known[key]}
    with pytest.raises(ValueError, match=rf"(?s){cls.__name__}.*{key}.*fuse\(layer\)"):
        augmented(keras.Sequential([flip, layer]), given)
    images = augmented(keras.Sequential([flip, layer]), {"images": known["images"]})
    assert images["images"].shape != (3, 16, 24, 3)


def test_boxes_that_would_stay_are_refused():
    layer = keras.layers.MaxNumBoundingBoxes(1, **FORMAT)
    with pytest.raises(ValueError, match="(?s)MaxNumBoundingBoxes.*'bounding_boxes'"):
        augmented(stack(layer), data())
    images = {key: data()[key] for key in ("images", "segmentation_masks")}
    made = augmented(stack(layer), images)
    assert made["images"].shape == (3, 16, 24, 3)


def test_what_fuse_makes_of_them_moves_targets():
    layers = kal.fuse(stack(keras.layers.Resizing(8, 12)))
    made = augmented(layers, data())
    assert made["segmentation_masks"].shape == (3, 8, 12, 1)
    flipped = [[15, 6, 23, 14], [12, 1, 20, 12]]
    boxes = made["bounding_boxes"]["boxes"].numpy()[0] * 2
    np.testing.assert_allclose(boxes, flipped, atol=1e-5)


COLORS = {
    "Rescaling": lambda: keras.layers.Rescaling(1 / 255),
    "Equalization": keras.layers.Equalization,
    "AutoContrast": lambda: keras.layers.AutoContrast(dtype="mixed_float16"),
}


@pytest.mark.parametrize("name", COLORS)
def test_layers_that_move_nothing_leave_targets_as_they_are(name):
    given = {**data(), "file": np.array(["a", "b", "c"]), "labels": np.arange(3)}
    given["segmentation_masks"] = given["segmentation_masks"].astype("int32") + 2048
    made = augmented(stack(COLORS[name]()), given)
    assert made["file"].numpy().tolist() == [b"a", b"b", b"c"]
    assert made["labels"].numpy().tolist() == [0, 1, 2]
    assert made["bounding_boxes"]["labels"].dtype == "int32"
    masks = made["segmentation_masks"]
    assert masks.dtype == "int32"
    np.testing.assert_array_equal(masks, given["segmentation_masks"][:, ::-1, ::-1])


def test_named_tuples_and_parts_of_a_tuple():
    Pair = collections.namedtuple("Pair", "images segmentation_masks")
    given = {key: data()[key] for key in Pair._fields}
    layers = stack(keras.layers.Rescaling(1 / 255))
    for pair in (
        augmented(layers, Pair(**given)),
        augmented(layers, tuple(given.values()), structure=Pair._fields),
    ):
        assert pair[0].numpy().max() <= 1.0
        np.testing.assert_array_equal(
            pair[1], given["segmentation_masks"][:, ::-1, ::-1]
        )


@pytest.mark.parametrize("structure", [5, "images", {"images": 1}, ["labels"]])
def test_a_structure_that_is_none(structure):
    with pytest.raises(ValueError, match=r"`structure` must be names"):
        augmented(stack(), tuple(data().values()), structure=structure)
