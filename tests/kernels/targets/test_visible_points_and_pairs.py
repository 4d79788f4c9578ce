"""Visibilities of keypoints, and left and right after a flip."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from moving_right import moved, to_the_right

import keras_aug_layers as kal

POINTS = np.array(
    [[[1, 2, 2], [8, 1, 1], [-1, -1, 2], [0, 0, 0], [0, 3, 0]]] * 2, "float32"
)
"""With a visibility: the second one leaves, the third and fourth are not there."""


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_keypoints_may_have_a_visibility(images, dtype):
    data = {"images": images, "keypoints": POINTS.astype(dtype)}
    (points, _) = moved(data)["keypoints"]
    nothing = [-1, -1, 0]
    assert points.dtype == dtype
    assert points.tolist() == [[5, 2, 2], nothing, nothing, nothing, [4, 3, 0]]
    layer = to_the_right(keypoint_format="rel_xy")
    relative = (POINTS[..., :2] + 0.5) / (10, 8)
    relative = np.concatenate([relative, POINTS[..., 2:]], -1)[:, [0, 1, 4]]
    result = moved({"images": images, "keypoints": relative}, layer)["keypoints"]
    expected = [[0.55, 0.3125, 2], nothing, [0.45, 0.4375, 0]]
    np.testing.assert_allclose(result[0], expected, atol=1e-6)


def test_visibilities_are_mixed_and_erased_with_their_keypoints(images):
    """Each point's is the number of its image here."""
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(8.0)), -1).reshape(-1, 2)
    points = np.stack([np.insert(grid, 2, number, axis=1) for number in (1, 2)])
    data = {"images": images, "labels": np.eye(2), "keypoints": points}
    for layer in (kal.CutMix(seed=3), kal.MixUp(), kal.Mosaic(seed=1)):
        result = moved(data, layer)["keypoints"]
        there = result[..., 0] >= 0
        assert (result[~there] == [-1, -1, 0]).all()
        numbers = np.repeat([[1, 2, 1, 2], [2, 1, 2, 1]], 80, axis=1)
        numbers = numbers[:, : result.shape[1]]
        np.testing.assert_array_equal(result[there][:, 2], numbers[there])
        assert there[:, :80].any() and there[:, 80:].any()
    eraser = kal.RandomErasing(1.0, (0.2, 0.3), 0.0, max_covered=0.5)
    result = moved(data, eraser)["keypoints"]
    gone = (result[..., :2] == -1).all(axis=-1)
    assert gone.any() and (result[gone][:, 2] == 0).all()


def test_keypoints_outside_are_kept_on_request_in_the_layers_call(images):
    """As the corners of a polygon must be."""
    points = np.array([[[1.0, 2], [8, 1], [-1, -1]]] * 2)
    data = {"images": images, "keypoints": points}
    result = moved(data, to_the_right(mark_outside=False))["keypoints"]
    assert result[0].tolist() == [[5, 2], [12, 1], [-1, -1]]
    assert moved(data)["keypoints"][0].tolist() == [[5, 2], [-1, -1], [-1, -1]]


PAIRS = [(1, 2), (3, 4)]
FACE = np.array([[5, 2], [3, 3], [7, 3], [2, 4], [8, 4], [5, 6]], "float64")
"""A nose, the left eye, the right one, the ears, the chin."""


def mirrored(points, width=10):
    return np.stack([width - 1 - points[..., 0], points[..., 1]], axis=-1)


@pytest.mark.parametrize(
    "group",
    [
        lambda *layers: kal.FusedAugmentation(layers),
        lambda flip, turn: kal.FusedAugmentation([kal.RandomChoice([flip]), turn]),
        lambda flip, turn: kal.FusedAugmentation([kal.RandomApply(flip, 1.0), turn]),
        lambda *layers: keras.Sequential(layers),
        lambda *layers: kal.fuse(list(layers)),
    ],
    ids=["group", "choice", "apply", "chain", "fuse"],
)
@pytest.mark.parametrize("several", [1, 3])
def test_left_and_right_change_places_after_a_flip(group, several):
    count = 16
    images = np.zeros((count, 8, 10, 1), "uint8")
    points = np.tile(FACE, (count, several, 1, 1))
    flip = kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=2)
    shift = kal.RandomShift((0, 0), (1, 1), unit="pixels", fill_mode="constant")
    data = {"images": images, "keypoints": points}
    with op_by_op():
        result = group(flip, shift)(data, training=True)["keypoints"].numpy()
    other = mirrored(FACE)[[0, 2, 1, 4, 3, 5]] + [1, 0]
    flipped = [np.array_equal(face, np.tile(other, (several, 1, 1))) for face in result]
    stayed = [np.array_equal(face, points[0] + [1, 0]) for face in result]
    assert all(a or b for a, b in zip(flipped, stayed, strict=True))
    assert any(flipped) and any(stayed)


def test_what_is_flipped_and_back_has_its_left_where_it_was():
    """Nothing that left the frame between two layers is lost, as without pairs."""
    images = np.zeros((32, 8, 10, 1), "uint8")
    layer = kal.FusedAugmentation(
        [
            kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=3),
            to_the_right(),
            kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=3),
            to_the_right(),
        ]
    )
    points = moved({"images": images, "keypoints": np.tile(FACE, (32, 1, 1))}, layer)
    flipped = [np.array_equal(face, FACE) for face in points["keypoints"]]
    assert 8 < sum(flipped) < 24
    transform = layer.sample(images)
    there = transform.keypoints(np.tile(FACE, (32, 1, 1)), mark_outside=False)
    back = transform.inverse().keypoints(there)
    np.testing.assert_allclose(back, np.tile(FACE, (32, 1, 1)), atol=1e-9)


def test_a_turn_by_two_flips_is_no_mirror():
    images = np.zeros((64, 8, 10, 1), "uint8")
    layer = kal.RandomFlip(keypoint_pairs=PAIRS, seed=3)
    points = moved({"images": images, "keypoints": np.tile(FACE, (64, 1, 1))}, layer)
    swapped = [0, 2, 1, 4, 3, 5]
    below = [10 - 1, 8 - 1] - FACE
    expected = [FACE, mirrored(FACE)[swapped], mirrored(below)[swapped], below]
    found = {
        tuple(np.array_equal(face, x) for x in expected) for face in points["keypoints"]
    }
    assert sorted(map(sum, found)) == [1, 1, 1, 1]


def test_pixels_do_not_see_pairs(images):
    plain, named = (
        kal.RandomFlip(seed=1, keypoint_pairs=pairs) for pairs in (None, PAIRS)
    )
    np.testing.assert_array_equal(moved(images, plain), moved(images, named))
    assert "exchange" not in kal.explain(named, images.shape)


@pytest.mark.parametrize(
    "wrong", [[(1, 1)], [(0, 1), (1, 2)], [(0, -1)], 3, [(1, 2, 3)]]
)
def test_pairs_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="`keypoint_pairs` must be pairs"):
        kal.RandomFlip(keypoint_pairs=wrong)


def test_pairs_of_keypoints_that_are_not_there_are_refused(images):
    layer = kal.FusedAugmentation([kal.RandomFlip(keypoint_pairs=[(1, 2)])])
    with pytest.raises(ValueError, match="from 0 to 1.*Received: 2"):
        moved({"images": images, "keypoints": np.ones((2, 2, 2))}, layer)


def test_pairs_are_looked_for_when_it_runs(images):
    """Of as many points, or of none, nothing is wrong."""
    layer = kal.RandomFlip(keypoint_pairs=[(0, 5)])

    @tf.function(input_signature=[tf.TensorSpec((2, None, 2))], autograph=False)
    def called(points):
        data = {"images": images, "keypoints": points}
        return layer(data, training=True, seed=(1, 2))["keypoints"]

    with op_by_op():
        assert called(tf.ones((2, 6, 2))).shape == (2, 6, 2)
        assert called(tf.ones((2, 0, 2))).shape == (2, 0, 2)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"_pairs.*\[5 3\]"):
            called(tf.ones((2, 3, 2)))
