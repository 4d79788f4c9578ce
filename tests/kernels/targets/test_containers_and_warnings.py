"""Containers and units of what comes in, and what is warned of."""

import collections
import functools
import typing
import warnings

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from moving_right import BOXES, moved, to_the_right

import keras_aug_layers as kal


class Pair(typing.NamedTuple):
    images: typing.Any
    segmentation_masks: typing.Any
    name: str = "a"


@pytest.mark.parametrize(
    "container",
    [
        lambda **entries: collections.OrderedDict(**entries),
        lambda **entries: collections.defaultdict(list, **entries),
        lambda images, segmentation_masks, **_: Pair(images, segmentation_masks),
    ],
)
def test_containers_keep_their_type(images, container):
    data = container(images=images, segmentation_masks=images[..., 0], name="a")
    result = moved(data)
    assert type(result) is type(data)
    masks, name = (
        (result.segmentation_masks, result.name)
        if isinstance(result, Pair)
        else (result["segmentation_masks"], result["name"])
    )
    np.testing.assert_array_equal(masks[..., 4:], images[..., :6, 0])
    assert name == "a"


@pytest.mark.parametrize("training", [True, False])
def test_entries_that_are_none_pass(images, training):
    absent = ("segmentation_masks", "bounding_boxes", "keypoints", "labels", "other")
    data = {"images": images, **dict.fromkeys(absent)}
    for layer in (to_the_right(), kal.Resizing(4, 5), kal.CutMix(num_classes=3)):
        with op_by_op():
            given = data | ({"labels": [0, 1]} if layer.mixes() else {})
            result = layer(given, training=training)
        assert [key for key in absent if result[key] is None] == [
            key for key in absent if given[key] is None
        ]
    boxes = {"boxes": BOXES, "labels": None}
    result = moved({"images": images, "bounding_boxes": boxes})
    assert result["bounding_boxes"]["labels"] is None


def warned(data, layer=None, times=1):
    """The texts of what is warned of in so many calls."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("default", kal.DataWarning)
        for _ in range(times):
            moved(data, layer)
    return [str(x.message) for x in noted if x.category is kal.DataWarning]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("segmentation_mask", "segmentation_masks"),
        ("masks", "segmentation_masks"),
        ("mask", "segmentation_masks"),
        ("boxes", "bounding_boxes"),
        ("bbox", "bounding_boxes"),
        ("keypoint", "keypoints"),
        ("keypoints_2", "keypoints"),
    ],
)
def test_what_looks_like_a_target_is_named_once(images, key, meant):
    data = {"images": images, key: np.ones((2, 8, 10))}
    (text,) = warned(data, times=3)
    assert f"'{key}'" in text and f"Write '{meant}'" in text
    further = to_the_right(extra_targets={key: "maps"})
    assert warned(data, further) == []


@pytest.mark.parametrize(
    ("name", "main", "key", "shape", "meant"),
    [
        ("bounding_boxes", "boxes", "masks", (2, 3, 8, 10), "segmentation_masks"),
        ("bounding_boxes", "boxes", "instances", (2, 3, 8, 10), "segmentation_masks"),
        ("bounding_boxes", "boxes", "keypoints", (2, 3, 5, 2), "keypoints"),
        ("polygons", "points", "keypoints", (2, 3, 5, 2), "keypoints"),
        ("objects", "label", "bbox", (2, 3, 4), "bounding_boxes"),
    ],
)
def test_a_target_within_a_dict_is_named(images, name, main, key, shape, meant):
    """It is carried with its box, and blanked with it, but it is not moved."""
    shapes = {"boxes": (2, 3, 4), "points": (2, 3, 5, 2), "label": (2, 3)}
    entry = {
        main: np.ones(shapes[main]),
        "labels": np.ones((2, 3)),
        key: np.ones(shape),
    }
    (text,) = warned({"images": images, name: entry})
    assert f"{key!r} of {name!r}" in text and f"Write {meant!r}" in text
    entry["embeddings"] = np.ones((2, 3, 8, 9))
    del entry[key]
    assert warned({"images": images, name: entry}) == []


def test_classes_are_named_where_labels_are_mixed(images):
    data = {"images": images, "labels": [0, 1], "classes": np.eye(2)}
    (text,) = warned(data, kal.CutMix(num_classes=2))
    assert "Write 'labels'" in text
    assert warned(data) == []
    data = {"images": images, "names": np.ones((2, 3)), "mask": np.array([True, False])}
    assert warned(data) == []


def test_a_warning_names_the_users_line(images):
    with pytest.warns(kal.DataWarning) as noted, op_by_op():
        to_the_right()({"images": images, "masks": images}, training=True)
    assert noted[0].filename == __file__


@op_by_op()
def pairs(images, masks, **arguments):
    """A dataset of a batch of images and masks, moved."""
    layer = to_the_right(jit_compile=False)
    dataset = tf.data.Dataset.from_tensors((images, masks))
    return kal.augment_dataset(dataset, layer, seed=1, **arguments)


@pytest.mark.parametrize("channels", [True, False])
def test_pairs_of_images_and_masks_move_together(images, channels):
    masks = images[..., :1] if channels else images[..., 0]
    structure = "images", "segmentation_masks"
    ((moved_images, moved_masks),) = pairs(images, masks, structure=structure)
    np.testing.assert_array_equal(moved_images[:, :, 4:], images[:, :, :6])
    np.testing.assert_array_equal(moved_masks[:, :, 4:], masks[:, :, :6])


def test_masks_that_are_passed_through_are_named(images):
    with pytest.warns(kal.DataWarning, match="structure=.*'segmentation_masks'"):
        ((_, masks),) = pairs(images, images[..., 0])
    np.testing.assert_array_equal(masks, images[..., 0])
    for labels in (np.ones((2, 8)), np.ones((2, 5, 4))):
        pairs(images, labels)  # which would raise: a warning is an error here
    pairs(images, images, structure=("images", "labels"))


@pytest.mark.parametrize("key", ["boxes", "bounding_boxes", "keypoints"])
def test_targets_in_the_place_of_labels_are_named(images, key):
    targets = {key: np.ones((2, 3, 4)), "labels": np.ones((2, 3))}
    with pytest.warns(kal.DataWarning, match=f"hold {key!r}, which are not moved"):
        pairs(images, targets)
    pairs(images, {"labels": np.ones((2, 3)), "weights": np.ones(2)})


@pytest.mark.parametrize("rank", [3, 4])
def test_what_has_the_size_of_the_images_is_named(images, rank):
    """Under whatever key, unless it is said what it is."""
    depth = images[..., 0] if rank == 3 else images[..., :1]
    data = {"images": images, "depth": depth, "other": np.ones((2, 5, 4, 1))}
    with pytest.warns(kal.DataWarning, match="'depth' of `data`, .* extra_targets"):
        to_the_right()(data, training=True)
    with pytest.warns(kal.DataWarning, match="'depth' of `data`"):
        pairs(images, depth, structure=("images", "depth"))
    known = to_the_right(extra_targets={"depth": "maps"})
    known(data, training=True)  # which would raise: a warning is an error here


def test_the_names_of_a_named_tuple_count(images):
    dataset = tf.data.Dataset.from_tensors(Pair(images, images[..., 0]))
    with op_by_op():
        layer = to_the_right(jit_compile=False)
        (result,) = kal.augment_dataset(dataset, layer, seed=1)
    assert type(result) is Pair
    masks = result.segmentation_masks
    np.testing.assert_array_equal(masks[..., 4:], images[..., :6, 0])


@pytest.mark.parametrize(
    "structure", ["images", ("masks", "labels"), ("images", "images"), ("images",)]
)
def test_a_structure_that_names_no_images_or_not_all_parts_is_refused(
    images, structure
):
    with pytest.raises(ValueError, match="`structure` must"):
        pairs(images, images, structure=structure)


def test_objects_without_boxes_are_named_where_no_fill_was_chosen(images):
    data = {"images": images, "bounding_boxes": {"boxes": BOXES}}
    shift = functools.partial(kal.RandomShift, 0.1, bounding_box_format="xyxy")
    for layer in (shift(), kal.FusedAugmentation([kal.RandomFlip(), shift()])):
        (text,) = warned(data, layer, times=3)
        assert "fill_mode='constant'" in text
    group = kal.FusedAugmentation([shift()], fill_mode="reflect")
    flip = kal.RandomFlip(bounding_box_format="xyxy")
    for layer in (shift(fill_mode="reflect"), shift(fill_mode="wrap"), group, flip):
        assert warned(data, layer) == []
    assert warned({"images": images}, shift()) == []


def test_pixels_where_parts_of_the_frame_are_expected_are_refused(images):
    layer = to_the_right(bounding_box_format="rel_xyxy", keypoint_format="rel_xy")
    boxes = {"images": images, "bounding_boxes": {"boxes": BOXES}}
    with pytest.raises(ValueError, match="boxes.*parts of the frame.*format='xyxy'"):
        moved(boxes, layer)
    points = {"images": images, "keypoints": np.array([[[5.0, 4], [-1, -1]]] * 2)}
    with pytest.raises(ValueError, match="keypoints.*parts of the frame.*format='xy'"):
        moved(points, layer)


def test_parts_of_the_frame_where_pixels_are_expected_are_named(images):
    parts = np.array([[[0, 0.1, 0.5, 1], [-1, -1, -1, -1]]] * 2)
    boxes = {"images": images, "bounding_boxes": {"boxes": parts}}
    (text,) = warned(boxes)
    assert "bounding_box_format='rel_xyxy'" in text
    (text,) = warned({"images": images, "keypoints": parts[..., 2:]})
    assert "keypoint_format='rel_xy'" in text
    for nothing in (np.zeros((2, 3, 4)), np.full((2, 3, 4), -1.0), np.ones((2, 0, 4))):
        data = {"images": images, "bounding_boxes": {"boxes": nothing}}
        assert warned(data) == []


@pytest.mark.parametrize(
    ("shape", "grey"),
    [
        ((4, 28, 28), True),
        ((28, 24, 32), True),
        ((8, 10, 3), False),
        ((4, 4, 4), False),
        ((32, 32, 13), False),
        ((2, 28, 28, 1), False),
    ],
)
def test_a_batch_of_grey_images_that_is_taken_for_one_image_is_named(shape, grey):
    texts = warned(np.zeros(shape, "uint8"))
    assert len(texts) == grey
    assert all("images[..., None]" in text for text in texts)


def test_what_looks_like_a_target_of_unknown_rank_is_named():
    layer, unknown = kal.RandomFlip(), tf.TensorSpec(None, tf.uint8)
    for name, meant in (("mask", "segmentation_masks"), ("bboxes", "bounding_boxes")):
        call = tf.function(
            lambda x, y, name=name: layer({"images": x, name: y}, training=True)
        )
        with pytest.warns(kal.DataWarning, match=f"{name!r}.*{meant!r}"):
            call.get_concrete_function(tf.TensorSpec((2, 8, 8, 3), tf.uint8), unknown)
