"""Videos: one draw for each clip."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal


def stack(**arguments):
    """A turn and a colour, drawn for each clip."""
    turn = kal.RandomRotate(0.2, seed=1, bounding_box_format="xyxy", fill_mode="wrap")
    return kal.FusedAugmentation([turn, kal.RandomBrightness(0.3, seed=2)], **arguments)


@pytest.fixture
def videos():
    """Two clips of three random frames: uint8 (2, 3, 8, 10, 3)."""
    return random_images((2, 3, 8, 10, 3), "uint8")


@op_by_op()
def of_frames(data, layer, frame, seed=(1, 2)):
    """What becomes of one frame of each clip."""
    one = tf.nest.map_structure(lambda x: x[:, frame], data)
    return layer(one, training=True, seed=seed)


@pytest.mark.parametrize("seed", [(1, 2), [(1, 2), (3, 4)]])
def test_all_frames_of_a_clip_move_alike(videos, seed):
    """Images, masks, boxes and what belongs to them, keypoints."""
    boxes = np.tile(np.array([[1.0, 1, 7, 6], [2, 2, 4, 4]]), (2, 3, 1, 1))
    data = {
        "images": videos,
        "segmentation_masks": videos[..., 0] // 64,
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((2, 3, 2), "uint8")},
        "keypoints": boxes[..., :2] + 1,
    }
    layer = stack()
    with op_by_op():
        result = layer(data, training=True, seed=seed)
    clips = result["images"].numpy()
    assert clips.shape == videos.shape and (clips != videos).mean() > 0.5
    for frame in range(3):
        expected = of_frames(data, layer, frame, seed)
        found = tf.nest.map_structure(lambda x: x[:, frame], result)  # noqa: B023
        tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
    first, second = result["bounding_boxes"]["boxes"].numpy()[:, 0]
    assert np.abs(first - second).max() > 0.1


def test_clips_draw_what_images_would(videos):
    """Without a seed in the call as with one: a layer's own stream goes on."""
    alone, clips = stack(), stack()
    with op_by_op():
        for _ in range(2):
            expected = alone(videos[:, 0], training=True)
            found = clips(videos, training=True)
            np.testing.assert_array_equal(found[:, 0], expected)


def test_a_chain_of_layers_on_a_video_is_one_warp(videos):
    kind = functools.partial(kal.RandomRotate, 0.2, jit_compile=False)
    turns = [kind(seed=seed) for seed in (1, 2)]
    model = keras.Sequential(turns)
    assert kal.explain(model, videos.shape).startswith("1 warp,")
    with op_by_op():
        turned = turns[0](videos, training=True, seed=(1, 2))
        chained = turns[1](turned, training=True, seed=(1, 2))
        expected = kal.FusedAugmentation(turns)(videos, training=True, seed=(1, 2))
    np.testing.assert_array_equal(chained, expected)


@pytest.mark.parametrize("training", [True, False])
def test_videos_are_cropped(videos, training):
    with op_by_op():
        result = kal.Resizing(4, 5)({"images": videos, "name": "a"}, training=training)
    assert result["images"].shape == (2, 3, 4, 5, 3)
    symbolic = kal.Resizing(4, 5)(keras.Input((None, 8, 10, 3), dtype="uint8"))
    assert symbolic.shape == (None, None, 4, 5, 3)


@pytest.mark.slow
def test_videos_of_unknown_length_in_a_graph(videos):
    layer = stack()
    signature = [tf.TensorSpec((None, None, 8, 10, 3), tf.uint8)]
    called = tf.function(
        lambda x: layer(x, training=True, seed=(1, 2)), input_signature=signature
    )
    expected = of_frames(videos, layer, 1)
    difference = np.abs(called(videos)[:, 1] - expected.numpy().astype(int))
    assert difference.max() <= 1


def test_videos_are_not_mixed(videos):
    with pytest.raises(ValueError, match="mixes.*videos"):
        kal.CutMix()({"images": videos, "labels": np.eye(2)}, training=True)


@op_by_op()
def test_what_belongs_to_boxes_may_be_in_lists(videos):
    labels = np.arange(12).reshape(2, 3, 2)
    layer, made = stack(), []
    for given in (labels, labels.tolist()):
        boxes = {"boxes": np.full((2, 3, 2, 4), [1.0, 1, 6, 6]), "labels": given}
        data = {"images": videos, "bounding_boxes": boxes}
        made.append(layer(data, training=True, seed=(1, 2))["bounding_boxes"])
    np.testing.assert_array_equal(made[0]["labels"], labels)
    np.testing.assert_array_equal(made[1]["labels"], labels)


def test_videos_of_different_lengths_are_refused(videos):
    ragged = tf.ragged.stack([videos[0], videos[1, :2]])
    with pytest.raises(ValueError, match="videos must be dense"):
        kal.RandomFlip()(ragged, training=True)


SHIFT = {"bounding_box_format": "xyxy", "fill_mode": "constant"}


def in_a_graph(layer, data):
    """What becomes of data in a graph that does not know how many clips there are."""
    specs = tf.nest.map_structure(
        lambda x: tf.TensorSpec([None] * min(x.ndim, 3) + [*x.shape[3:]], x.dtype), data
    )
    called = tf.function(
        lambda x: layer(x, training=True), input_signature=[specs], autograph=False
    )
    with op_by_op():
        return called(data)


@pytest.mark.parametrize(
    ("shape", "gone"),
    [
        ((2, 3, 2), [0, 1]),
        ((2, 3, 7), [0] * 7),
        ((2, 4, 7), [0] * 7),
        ((2, 7), [0] * 7),
    ],
)
def test_what_no_box_of_a_clip_has_stays_as_it_came(videos, shape, gone):
    boxes = np.tile([[1.0, 1, 7, 3], [2, 5, 4, 7]], (2, 3, 1, 1))
    given = {"boxes": boxes, "mine": np.arange(np.prod(shape)).reshape(shape)}
    data = {"images": videos, "bounding_boxes": given}
    layer = kal.RandomShift((4, 4), (0, 0), unit="pixels", **SHIFT)
    with op_by_op():
        found = [layer(data, training=True), in_a_graph(layer, data)]
    for result in found:
        mine = result["bounding_boxes"]["mine"]
        np.testing.assert_array_equal(mine, np.where(gone, -1, given["mine"]))


@pytest.mark.parametrize("key", ["segmentation_masks", "keypoints"])
def test_other_clips_are_refused_when_it_runs(videos, key):
    """Two clips of three frames are no three clips of two."""
    shape = {"segmentation_masks": (3, 2, 8, 10, 1), "keypoints": (3, 2, 5, 2)}[key]
    data = {"images": videos, key: np.ones(shape, "int32")}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"axes \(B, T\)"):
        in_a_graph(kal.RandomFlip(), data)


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ((2, 3, 8, 10, 1), (2, 3, 4, 5, 1)),
        (
            {"a": (2, 3, 8, 10, 1), "b": (2, 3, 8, 10, 1)},
            {"a": (2, 3, 4, 5, 1), "b": (2, 3, 4, 5, 1)},
        ),
        ([(2, 3, 8, 10, 1), (2, 3, 8, 10)], [(2, 3, 4, 5, 1), (2, 3, 4, 5)]),
        (None, None),
    ],
    ids=str,
)
def test_shapes_of_videos_with_masks(masks, expected):
    """As of images: one, several, or none."""
    shapes = {"images": (2, 3, 8, 10, 3), "segmentation_masks": masks}
    made = kal.Resizing(4, 5).compute_output_shape(shapes)
    assert made == {"images": (2, 3, 4, 5, 3), "segmentation_masks": expected}
