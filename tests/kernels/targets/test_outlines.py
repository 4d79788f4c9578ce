"""Rotated boxes and polygons; how many objects a model that mixes gives."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from moving_right import moved, to_the_right

import keras_aug_layers as kal


def corners_of(box):
    """Those of a rotated box, in pixel edges, clockwise from its own top left."""
    x, y, width, height, angle = box
    angle = np.deg2rad(angle)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (width, height)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return signs @ turn + (x, y)


ROTATED = np.array([[20.0, 16, 12, 4, 30], [25, 20, 3, 9, -100], [24, 15, 0, 5, 10]])


@pytest.mark.parametrize(
    "layer",
    [
        kal.RandomRotate(degrees=(25, 25)),
        kal.RandomFlip("horizontal", seed=1),
        kal.RandomZoom((0.5, 0.5)),
        kal.FusedAugmentation([kal.RandomRotate(0.5), kal.RandomFlip(seed=1)]),
        kal.Resizing(64, 96),
    ],
    ids=["rotate", "flip", "zoom", "group", "resize"],
)
def test_rotated_boxes_move_with_their_corners(layer):
    """Exactly, and their first corner stays the first."""
    count = 8
    boxes = np.tile(ROTATED, (count, 1, 1))
    points = np.array([[corners_of(box) for box in ROTATED]] * count)
    data = {
        "images": np.zeros((count, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": boxes, "labels": np.ones((count, 3), "int32")},
        "polygons": {"points": points},
    }
    result = moved(data, layer)
    found, outlines = result["rotated_boxes"]["boxes"], result["polygons"]["points"]
    assert np.abs(found - boxes).max() > 1
    for box, corners in zip(
        found.reshape(-1, 5), outlines.reshape(-1, 4, 2), strict=True
    ):
        own = corners_of(box)
        flipped = own[[3, 2, 1, 0]]  # the box of a mirrored image runs the other way
        nearest = min((own, flipped), key=lambda x: np.abs(x - corners).max())
        np.testing.assert_allclose(nearest, corners, atol=1e-9)


def test_angles_count_as_those_of_a_turn_do():
    """From the x axis on, counter-clockwise as it is seen."""
    layer = kal.RandomRotate(degrees=(25, 25), fill_mode="constant")
    images = np.zeros((1, 32, 48, 1), "uint8")
    data = {"images": images, "rotated_boxes": {"boxes": ROTATED[None]}}
    ((*_, first), (*_, second), _) = moved(data, layer)["rotated_boxes"]["boxes"][0]
    np.testing.assert_allclose([first, second], [55, -75], atol=1e-9)


def test_a_rotated_box_encloses_its_sheared_corners():
    layer = kal.RandomShear((0.5, 0.5), fill_mode="constant")
    data = {
        "images": np.zeros((1, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": ROTATED[None]},
        "polygons": {"points": np.array([[corners_of(box) for box in ROTATED]])},
    }
    result = moved(data, layer)
    boxes, outlines = result["rotated_boxes"]["boxes"], result["polygons"]["points"]
    for box, outline in zip(boxes[0], outlines[0], strict=True):
        own = corners_of(box)
        along, across = own[1] - own[0], own[3] - own[0]
        for axis in (along, across):
            reach, low = outline @ axis, own @ axis
            np.testing.assert_allclose(reach.max(), low.max(), atol=1e-6)
            np.testing.assert_allclose(reach.min(), low.min(), atol=1e-6)


def test_a_polygon_that_only_touches_the_frame_is_gone():
    """Parts of a frame, in float32, end beside its edge, on either side of it."""
    for gone in range(4, 40):
        triangle = [[gone - 3, 1], [gone, 3], [gone - 3, 5]]
        points = np.array([[triangle, np.add(triangle, 1)]]) / (44, 30)
        layer = kal.RandomShift(
            0.0, (-gone, -gone), unit="pixels", bounding_box_format="rel_xyxy"
        )
        data = {
            "images": np.zeros((1, 30, 44, 1), "uint8"),
            "polygons": {"points": points.astype("float32")},
        }
        ((touching, seen),) = moved(data, layer)["polygons"]["points"]
        assert (touching == -1).all() and (seen != -1).all()


def test_rotated_boxes_and_polygons_that_leave_are_removed(images):
    boxes = [[3, 4, 2, 2, 0], [7, 4, 2, 2, 0], [-1] * 5]
    triangle, inside, gone = (
        [[1, 1], [9, 1], [-2, 7]],
        [[1, 1], [3, 1], [-1, -1]],
        [9, 2],
    )
    points = np.array([[triangle, inside, [gone] * 3, [[-1, -1]] * 3]] * 2, "float32")
    data = {
        "images": images,
        "rotated_boxes": {"boxes": np.array([boxes] * 2, "float32"), "labels": None},
        "polygons": {"points": points, "names": np.array([["a", "b", "c", "d"]] * 2)},
    }
    result = moved(data)
    expected = [[7, 4, 2, 2, 0], [-1] * 5, [-1] * 5]
    np.testing.assert_allclose(result["rotated_boxes"]["boxes"][0], expected, atol=1e-6)
    found = result["polygons"]["points"][0]
    assert found[0].tolist() == [[5, 1], [13, 1], [2, 7]]
    assert found[1].tolist() == [[5, 1], [7, 1], [-1, -1]]
    assert (found[2:] == -1).all()
    assert result["polygons"]["names"][0].tolist() == [b"a", b"b", b"", b""]
    layer = to_the_right(bounding_box_format="rel_xyxy")
    relative = {"images": images, "polygons": {"points": points[:, :1] / (10, 8)}}
    found = moved(relative, layer)["polygons"]["points"][0, 0]
    np.testing.assert_allclose(found, np.array([[5, 1], [13, 1], [2, 7]]) / (10, 8))


def test_rotated_boxes_and_polygons_follow_a_chain_as_a_group():
    outlines = np.array([[corners_of(box) for box in ROTATED]])
    data = {
        "images": np.zeros((1, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": ROTATED[None], "labels": np.ones((1, 3))},
        "polygons": {"points": outlines},
    }
    shift = functools.partial(kal.RandomShift, (0, 0), unit="pixels")
    layers = [shift((40, 40)), shift((-40, -40))]
    result = data
    for layer in layers:
        result = moved_as_tensors(result, layer)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), result, data
    )


@op_by_op()
def moved_as_tensors(data, layer):
    return layer(data, training=True)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("rotated_boxes", {"boxes": np.ones((2, 3, 4))}, r"\(B, N, 5\)"),
        ("rotated_boxes", np.ones((2, 3, 5)), "dict with the key 'boxes'"),
        ("polygons", {"points": np.ones((2, 3, 2))}, r"\(B, N, P, 2\)"),
        ("polygons", {"boxes": np.ones((2, 3, 4, 2))}, "dict with the key 'points'"),
    ],
)
def test_outlines_of_another_shape_are_refused(images, key, value, match):
    with pytest.raises(ValueError, match=f"`{key}.*{match}"):
        moved({"images": images, key: value})


def objects(**more):
    """Symbolic images with two boxes and three keypoints each."""
    boxes = {"boxes": keras.Input((2, 4)), "labels": keras.Input((2,)), **more}
    points = keras.Input((3, 2))
    images = keras.Input((8, 10, 3))
    return {"images": images, "bounding_boxes": boxes, "keypoints": points}


def test_a_model_that_mixes_leaves_open_how_many_objects_come_out():
    """There are more in training than outside it."""
    layer = kal.FusedAugmentation([kal.RandomFlip(), kal.CutMix()])
    result = layer(objects())
    assert result["bounding_boxes"]["boxes"].shape == (None, None, 4)
    assert result["bounding_boxes"]["labels"].shape == (None, None)
    assert result["keypoints"].shape == (None, None, 2)
    assert kal.RandomFlip()(objects())["keypoints"].shape == (None, 3, 2)


def test_a_model_that_blends_wants_the_weights_of_boxes():
    """Else they would come out in training only, and a model's outputs are fixed."""
    with pytest.raises(ValueError, match="`bounding_boxes` must hold `weights`"):
        kal.RandomApply(kal.MixUp(), 0.5)(objects())
    result = kal.MixUp()(objects(weights=keras.Input((2,))))
    assert result["bounding_boxes"]["weights"].shape == (None, None)


def test_outlines_are_not_mixed(images):
    data = {"images": images, "rotated_boxes": {"boxes": np.ones((2, 1, 5))}}
    with pytest.raises(ValueError, match="`rotated_boxes` cannot be mixed"):
        moved(data, kal.CutMix())
