"""What of four images ends where the next one begins: maps, boxes, keypoints."""

import numpy as np
import pytest
from helpers import op_by_op

import keras_aug_layers as kal

FRAME = 32


def four(entries, **arguments):
    """What a Mosaic about the middle makes of entries beside four images."""
    layer = kal.Mosaic((0.5, 0.5), seed=1, bounding_box_format="xyxy", **arguments)
    images = np.zeros((4, FRAME, FRAME, 3), "uint8")
    with op_by_op():
        return layer({"images": images, **entries}, training=True, seed=(1, 2))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_map_of_a_coarser_grid_is_not_blended_with_the_fill(stride):
    """Floor(0.32 * 32) = 10 is no multiple of 4."""
    mosaic = kal.Mosaic((0.32, 0.32), seed=1)
    layer = kal.FusedAugmentation(
        [mosaic], fill_mode="constant", extra_targets={"heat": "maps"}
    )
    size = FRAME // stride
    data = {
        "images": np.zeros((4, FRAME, FRAME, 3), "uint8"),
        "heat": np.ones((4, size, size, 1), "float32"),
    }
    with op_by_op():
        heat = layer(data, training=True)["heat"].numpy()
    np.testing.assert_allclose(heat, 1.0, atol=1e-6)


def test_a_map_of_a_coarser_grid_shows_its_pixels():
    """About a multiple of the stride each map is a slice of its own."""
    layer = kal.Mosaic((0.5, 0.5), seed=1, extra_targets={"heat": "maps"})
    heat = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    images = np.zeros((4, FRAME, FRAME, 3), "uint8")
    with op_by_op():
        made = layer({"images": images, "heat": heat}, training=True)["heat"].numpy()
    first, second = made[0, :4, :4], made[0, :4, 4:]
    np.testing.assert_allclose(first, heat[0, 4:, 4:], atol=1e-6)
    np.testing.assert_allclose(second, heat[3, 4:, :4], atol=1e-6)


@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_a_box_outside_of_its_image_is_not_in_the_mosaic(probability):
    """Neither by the chance of its own image, of which a partner takes it."""
    boxes = np.tile([[[40.0, 4, 50, 9], [32, 4, 40, 9], [4, 4, 12, 12]]], (4, 1, 1))
    labels = np.tile([[7, 8, 1]], (4, 1))
    entries = {"bounding_boxes": {"boxes": boxes, "labels": labels}}
    made = four(entries, probability=probability)["bounding_boxes"]
    labels, boxes = made["labels"].numpy(), made["boxes"].numpy()
    mixed = (labels[:, 3:] != -1).any(axis=1)
    assert mixed.any()
    assert not np.isin(labels[mixed], [7, 8]).any()
    assert (labels[mixed] == 1).sum() > 0
    sides = boxes[mixed][labels[mixed] == 1]
    assert (sides[:, 2:] - sides[:, :2] > 1).all()


def test_a_box_is_cut_off_where_its_image_ends_whatever_was_drawn_for_that():
    """Each box reaches 8 pixels beyond its image, where the next one begins."""
    boxes = np.tile([[[-8.0, -8, 40, 40]]], (4, 1, 1))
    entries = {"bounding_boxes": {"boxes": boxes, "labels": np.ones((4, 1))}}
    made = four(entries, probability=0.5)["bounding_boxes"]
    found, labels = made["boxes"].numpy(), made["labels"].numpy()
    mixed = (labels[:, 1:] != -1).any(axis=1)
    assert 0 < mixed.sum() < 4
    quarters = [[0, 0, 16, 16], [16, 0, 32, 16], [0, 16, 16, 32], [16, 16, 32, 32]]
    for row in found[mixed]:
        np.testing.assert_array_equal(row, quarters)


def test_keypoints_outside_of_their_image_are_not_in_the_mosaic():
    points = np.tile([[[40.0, 4], [31.5, 20], [20, 20], [4, 4]]], (4, 1, 1))
    found = four({"keypoints": points}, probability=0.5)["keypoints"].numpy()
    mixed = (found[:, 4:] != -1).any(axis=(1, 2))
    assert 0 < mixed.sum() < 4
    for row in found[mixed]:
        own = row.reshape(4, 4, 2)
        np.testing.assert_array_equal(own[:, 0], -1.0)
        np.testing.assert_array_equal(own[0, 1], [15.5, 4.0])  # at its very edge
        np.testing.assert_array_equal(own[0, 2], [4.0, 4.0])
        np.testing.assert_array_equal(own[3, 3], [20.0, 20.0])
