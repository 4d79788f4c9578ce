"""No argument of a layer is lost in a group, in `fuse`, or in a chain."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers.plan import chain

SETTINGS = {
    "antialias": ("auto", False),
    "bounding_box_format": ("rel_xyxy", "xyxy"),
    "box_fit": ("ellipse", "corners"),
    "data_format": ("channels_first", "channels_last"),
    "extra_targets": ((("depth", "maps"),), (("depth", "segmentation_masks"),)),
    "fill_mode": ("wrap", "nearest"),
    "fill_value": (7.0, 3.0),
    "interpolation": ("nearest", "bilinear"),
    "keypoint_format": ("rel_xy", "xy"),
    "mark_outside": (False, True),
    "mask_fill_value": (3.0, 1.0),
    "min_visibility": (0.5, 0.25),
    "value_range": ((0.0, 100.0), (0.0, 50.0)),
}
"""Those on which the layers of a stack have to agree: two values of each."""
OWN = {"jit_compile": True, "probability": 0.5, "seed": 3}
"""Those that each layer has for itself."""
GROUPS = {
    "FusedAugmentation": lambda layer: kal.FusedAugmentation([layer]),
    "nested": lambda layer: kal.FusedAugmentation([kal.FusedAugmentation([layer])]),
    "RandomApply": lambda layer: kal.RandomApply(layer, 1.0),
    "RandomChoice": lambda layer: kal.RandomChoice([layer]),
    "fuse": lambda layer: kal.fuse(keras.Sequential([layer])),
}


def member(name, value):
    """A layer with this argument, which draws the same wherever it is."""
    arguments = {"seed": 3, "bounding_box_format": "xyxy", name: value}
    if name == "value_range":
        return kal.RandomBrightness(gain=(1.2, 1.4), **arguments)
    if name == "fill_value":
        arguments["fill_mode"] = "constant"
    if name == "antialias":
        return kal.RandomZoom((0.9, 1.5), **arguments)
    return kal.RandomShift(0.4, 0.3, **arguments)


def data(layer):
    """Four images and their targets, in the formats of the layer."""
    images = random_images((4, 9, 12, 3), "uint8")
    boxes = np.array([[[2.0, 3, 7, 9], [0, 0, 4, 4]]] * 4)
    points = np.array([[[5.0, 6]]] * 4)
    if layer.bounding_box_format.startswith("rel_"):
        boxes /= (12, 9, 12, 9)
    if layer.keypoint_format == "rel_xy":
        points /= (12, 9)
    if layer.data_format == "channels_first":
        images = images.transpose(0, 3, 1, 2)
    labels = np.ones((4, 2), "int32")
    return {
        "images": tf.constant(images),
        "segmentation_masks": tf.ones((4, 9, 12), tf.uint8),
        "bounding_boxes": {"boxes": tf.constant(boxes), "labels": labels},
        "keypoints": tf.constant(points),
        "depth": tf.constant(random_images((4, 9, 12))),
    }


def test_the_tables_have_every_argument():
    """A new argument of a base class belongs into one of them."""
    bases = kal.AugmentationLayer, kal.GeometricLayer, kal.ColorLayer
    arguments = {
        name
        for base in bases
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert arguments == {*SETTINGS, *OWN}


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:The entry 'depth'")  # which some do not move
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_kept(name, group):
    """A group of one does to every target what the layer does."""
    value, other = SETTINGS[name]
    with op_by_op():
        layer = member(name, value)
        alone = layer(data(layer), training=True)
        grouped = GROUPS[group](member(name, value))(data(layer), training=True)
        without = member(name, other)
        different = without(data(without), training=True)
    alone, grouped, different = (
        [np.asarray(x) for x in tf.nest.flatten(result)]
        for result in (alone, grouped, different)
    )
    for one, another in zip(alone, grouped, strict=True):
        np.testing.assert_allclose(one, another, atol=1e-5)
    assert any(
        one.shape != another.shape or (one != another).any()
        for one, another in zip(alone, different, strict=True)
    )


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("group", [kal.FusedAugmentation, kal.RandomChoice])
def test_a_disagreement_names_both_values(name, group):
    values = SETTINGS[name]
    with pytest.raises(ValueError, match=f"`{name}` must be the same") as error:
        group([member(name, value) for value in values])
    assert all(repr(value) in str(error.value) for value in values)


@pytest.mark.parametrize("name", SETTINGS)
def test_fuse_keeps_both_of_two_that_disagree(name):
    layers = kal.fuse([member(name, value) for value in SETTINGS[name]]).layers
    assert tuple(getattr(x.settings, name) for x in layers) == SETTINGS[name]


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() - {"data_format"}))
def test_a_chain_ends_where_they_disagree(name):
    one, other = (member(name, value) for value in SETTINGS[name])
    with chain.watched() as calls, op_by_op():
        images = data(one)["images"]
        other(one(images, training=True), training=True)
    assert name in calls[1].why
    assert all(repr(value) in calls[1].why for value in SETTINGS[name])


@pytest.mark.parametrize("group", GROUPS)
def test_a_seed_and_a_chance_are_kept(group):
    layer = kal.RandomShift((3, 3), unit="pixels", probability=0.5, seed=3)
    images = random_images((64, 9, 12, 3), "uint8")
    with op_by_op():
        alone = layer(images, training=True).numpy()
        again = kal.RandomShift((3, 3), unit="pixels", probability=0.5, seed=3)
        grouped = GROUPS[group](again)(images, training=True).numpy()
    moved = (alone != images).any((1, 2, 3))
    assert 16 < moved.sum() < 48
    np.testing.assert_array_equal(grouped, alone)


@pytest.mark.parametrize("group", GROUPS)
def test_jit_compile_is_kept(group):
    for value in (True, False):
        grouped = GROUPS[group](kal.RandomZoom(0.1, jit_compile=value))
        assert grouped.jit_compile is value


class Starred(kal.RandomFlip):
    """Takes whatever its base takes."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


def test_a_layer_that_hands_its_arguments_on_has_a_config():
    config = Starred("vertical", seed=3).get_config()
    assert (config["mode"], config["seed"]) == ("vertical", 3)
    copied = keras.models.clone_model(keras.Sequential([Starred("vertical")]))
    assert copied.layers[0].mode == "vertical"
