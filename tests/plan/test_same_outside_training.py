"""What acts outside training does the same there as in training, whatever is beside."""

import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

import keras_aug_layers as kal
from keras_aug_layers.plan import chain

DEEP = np.random.default_rng(0).integers(0, 4096, (2, 8, 8, 3)).astype("uint16")
NO_CHANGE = (0.0, 0.0)


def dark(value_range=(0, 4095)):
    return kal.RandomBrightness(NO_CHANGE, value_range=value_range)


def in_turn(layers, images, training):
    for layer in layers:
        images = layer(images, training=training)
    return images


@pytest.mark.parametrize(
    "behind",
    [
        [kal.Normalize(0.5, 0.25)],
        [kal.Rescaling(1 / 4095), kal.Normalize(0.5, 0.25)],
        [kal.RandomFlip(chance=0.0), kal.Normalize(0.5, 0.25)],
        [kal.FusedAugmentation([kal.RandomFlip(), kal.Normalize(0.5, 0.25)])],
    ],
    ids=["normalize", "rescaling", "a flip", "a group"],
)
@pytest.mark.parametrize("images", [DEEP, DEEP.astype("float32")])
def test_a_range_that_only_training_knows_is_refused(behind, images):
    with pytest.raises(ValueError, match="acts outside training too"):
        in_turn([dark(), *behind], images, True)


def test_in_a_model_it_is_refused_too():
    layers = [keras.Input((8, 8, 3), dtype="uint16"), dark(), kal.Normalize(0.5, 0.25)]
    with pytest.raises(ValueError, match="acts outside training too"):
        keras.Sequential(layers)(DEEP, training=True)


def test_a_range_that_it_is_told_is_its_own():
    layers = [dark(), kal.Normalize(0.5, 0.25, value_range=(0, 4095))]
    expected = (DEEP / 4095.0 - 0.5) / 0.25
    for training in (True, False):
        result = in_turn(layers, DEEP, training)
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_range_that_the_dtype_tells_as_well():
    images = (DEEP // 16).astype("uint8")
    layers = [dark((0, 255)), kal.Normalize(0.5, 0.25)]
    expected = (images / 255.0 - 0.5) / 0.25
    for training in (True, False):
        result = in_turn(layers, images, training)
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_one_layer_may_be_called_behind_both():
    normal = kal.Normalize(0.5, 0.25)
    expected = (DEEP / 65535.0 - 0.5) / 0.25
    result = in_turn([dark((0, 65535)), normal], DEEP, True)
    np.testing.assert_allclose(result, expected, atol=1e-5)
    with pytest.raises(ValueError, match="acts outside training too"):
        in_turn([dark((0, 65535)), dark(), normal], DEEP, True)


@pytest.mark.parametrize("mix", [kal.MixUp, kal.CutMix])
def test_labels_stay_smooth_behind_it(mix):
    images = (DEEP // 16).astype("uint8")
    data = {"images": tf.constant(images), "labels": tf.range(2)}
    smoothed = mix(1.0, num_classes=4, label_smoothing=0.2)(data, training=True)
    assert smoothed["labels"].numpy().min() == pytest.approx(0.05)
    for behind in (kal.Normalize(0.5, 0.5), kal.CenterCrop(6, 6)):
        found = behind(smoothed)["labels"]
        np.testing.assert_allclose(found, smoothed["labels"], atol=1e-6)


@op_by_op()
def test_bars_are_those_that_a_letterbox_was_told():
    wide = np.full((1, 32, 64, 3), 200, "uint8")
    turn = kal.RandomRotate(NO_CHANGE, fill_mode="constant", fill_value=114.0)
    for fill, expected in (({}, 0), ({"fill_value": 114.0}, 114)):
        box = kal.Resizing(64, 64, pad_to_aspect_ratio=True, **fill)
        for training in (True, False):
            bars = in_turn([box, turn], wide, training)[0, 0, 0, 0]
            assert int(bars) == expected


@op_by_op()
def test_labels_in_the_bars_of_masks():
    turn = kal.RandomRotate(NO_CHANGE, fill_mode="constant", mask_fill_value=255)
    crop = kal.RandomCrop(24, 24, pad_if_needed=True)
    ones = tf.ones((1, 16, 16, 1), tf.uint8)
    data = {"images": tf.zeros((1, 16, 16, 3), tf.uint8), "segmentation_masks": ones}
    for training in (True, False):
        masks = in_turn([turn, crop], data, training)["segmentation_masks"]
        assert np.unique(masks).tolist() == [0, 1]


def test_keypoints_are_read_as_it_was_told():
    flip = kal.RandomFlip("horizontal", chance=0.0, keypoint_format="rel_xy")
    points = tf.constant([[[0.5, 0.5], [0.625, 0.375]]])
    data = {"images": tf.zeros((1, 32, 32, 3), tf.uint8), "keypoints": points}
    crop = kal.CenterCrop(16, 16, keypoint_format="rel_xy")
    expected = (points.numpy() * 32 - 8) / 16
    for training in (True, False):
        result = in_turn([flip, crop], data, training)["keypoints"]
        np.testing.assert_allclose(result, expected, atol=1e-5)
    with pytest.raises(ValueError, match="`keypoint_format` must be given"):
        in_turn([flip, kal.CenterCrop(16, 16)], data, True)


def test_what_only_turns_or_mixes_labels_keeps_what_a_chain_was_told():
    flip = kal.RandomFlip("horizontal", chance=0.0, keypoint_format="rel_xy")
    points = tf.constant([[[0.5, 0.5]], [[0.625, 0.375]]])
    images = tf.zeros((2, 32, 32, 3), tf.uint8)
    data = {"images": images, "keypoints": points, "labels": tf.range(2)}
    for behind in (kal.Normalize(0.5, 0.5), kal.Mosaic(num_classes=2, probability=0.0)):
        flipped = flip(data, training=True)
        with chain.watched() as calls, warnings.catch_warnings():
            warnings.simplefilter("ignore", kal.DataWarning)  # of one told nothing
            result = behind(flipped, training=True)["keypoints"]
        assert [call.why for call in calls] == [""]
        np.testing.assert_allclose(result[:, :1], points, atol=1e-6)


@op_by_op()
def test_a_group_that_crops_says_its_range():
    crop = kal.RandomResizedCrop(6, 6, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    group = kal.FusedAugmentation([crop, dark(None)], value_range=(0, 4095))
    floats = np.full((2, 8, 8, 3), 2048.0, "float32")
    for training in (True, False):
        result = in_turn([group, kal.Normalize(0.5, 0.25)], floats, training)
        expected = np.full((2, 6, 6, 3), (2048 / 4095 - 0.5) / 0.25)
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_step_of_training_is_compiled_to_its_end():
    layers = [kal.RandomRotate(0.1), kal.Normalize(0.5, 0.5)]

    @tf.function(autograph=False)
    def step(images):
        return layers[1](layers[0](images, training=True))  # without `training`

    graph = step.get_concrete_function(tf.zeros((2, 8, 8, 3), tf.uint8)).graph
    (called,) = graph.get_operations()[-2].inputs or graph.get_operations()[-1].inputs
    assert "Partitioned" in called.op.type


def test_a_served_chain_is_not_compiled(tmp_path):
    layers = [kal.Resizing(32, 32), kal.Normalize(0.5, 0.5)]
    model = keras.Sequential([keras.Input((64, 64, 3), dtype="uint8"), *layers])
    model.export(tmp_path, verbose=False)
    data = pathlib.Path(tmp_path, "saved_model.pb").read_bytes()
    functions = SavedModel.FromString(data).meta_graphs[0].graph_def.library.function
    assert functions
    assert not any(function.attr["_XlaMustCompile"].b for function in functions)
    served = tf.saved_model.load(tmp_path).serve(tf.zeros((3, 64, 64, 3), tf.uint8))
    np.testing.assert_allclose(served, -np.ones((3, 32, 32, 3)), atol=1e-5)
