"""One contract for every layer, and for pairs of them: every form gives the same.

One by one = a `FusedAugmentation` = a `keras.Sequential` in a graph, with the same
draws, for images, masks, boxes and keypoints.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, ALWAYS, EVERY
from helpers import op_by_op

import keras_aug_layers as kal

SIZE = 16, 18
LAYERS = {**EVERY, **ALWAYS}
NAMES = sorted(LAYERS)
STEPS = {
    *("AutoAugment", "AutoContrast", "Equalization", "RandAugment"),
    *("RandomPosterization", "Solarization", "ThreeAugment", "TrivialAugment"),
}
"""Those with a curve or a table that jumps: a neighbouring grey level may be far."""


SIZES = {"CenterCrop", "RandomCrop", "RandomResizedCrop", "Resizing"}
SIZES |= {"RandomLowResolution"}
"""Those that average where images shrink: many a value of theirs ends in a half."""
UNITS = {"Normalize", "Rescaling"}
"""Those that take images out of their value range: what moves or colours is before."""


def pairs(stride):
    """Each layer, and another one behind it; of policies that are alike, one."""
    first = [name for name in NAMES if name not in UNITS]
    found = [(a, NAMES[(NAMES.index(a) + stride) % len(NAMES)]) for a in first]
    return [pair for pair in found if pair[0] not in ALIKE]


def build(names):
    """Layers that draw the same wherever they stand."""
    return [
        LAYERS[name](seed=place + 1, bounding_box_format="xyxy")
        for place, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def data():
    """Four smooth images with objects, and what belongs to them."""
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    phases = np.arange(12).reshape(4, 1, 1, 3)
    pixels = 127 + 120 * np.sin(x[..., None] * 0.7 + y[..., None] * 0.5 + phases)
    pixels = pixels.astype("uint8")
    return {
        "images": tf.constant(pixels),
        "segmentation_masks": tf.constant(pixels[..., 0] // 64),
        "bounding_boxes": {
            "boxes": tf.constant([[[2.0, 3, 7, 9], [5, 1, 17, 15]]] * 4),
            "labels": tf.constant([[1, 2]] * 4),
        },
        "keypoints": tf.constant([[[5.0, 6], [9, 9]]] * 4),
    }


def one_by_one(layers, data):
    """The layers called one after the other."""
    for layer in layers:
        data = layer(data, training=True)
    return data


def assert_alike(actual, expected, names):
    """Equal to 1e-4 of the range; of integers a few are rounded otherwise."""
    ours, theirs = (x["images"].numpy() for x in (actual, expected))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    difference = np.abs(ours.astype(float) - theirs.astype(float))
    if ours.dtype == np.uint8:
        allowed = 255 if STEPS & set(names) else 1
        assert difference.max() <= allowed
        assert (difference > 0).mean() <= (0.02 if SIZES & set(names) else 0.001)
    else:  # a grey level that was rounded otherwise may lie behind it
        assert (difference > 1e-4 * np.ptp(theirs)).mean() <= 0.001
    masks = [x["segmentation_masks"].numpy() for x in (actual, expected)]
    assert (masks[0] != masks[1]).mean() <= 0.002
    for key in ("boxes", "labels"):
        boxes = [x["bounding_boxes"][key].numpy() for x in (actual, expected)]
        np.testing.assert_allclose(*boxes, atol=1e-3)
    points = [x["keypoints"].numpy() for x in (actual, expected)]
    np.testing.assert_allclose(*points, atol=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("names", pairs(1), ids="-".join)
def test_a_chain_is_a_group(names, data):
    with op_by_op():
        chained = one_by_one(build(names), data)
        group = kal.FusedAugmentation(build(names))(data, training=True)
    assert_alike(chained, group, names)


def in_a_graph(names, data):
    """The layers in a `keras.Sequential`, compiled: the size is known."""
    model = keras.Sequential(build(names))
    return tf.function(lambda data: model(data, training=True))(data)


def spec(value, shape):
    """The specification of tensors of this shape, or of a dict of them."""
    if isinstance(value, dict):
        return {key: spec(value[key], shape[key]) for key in value}
    return tf.TensorSpec(shape, value.dtype)


def of_unknown_size(names, data):
    """The same, with the op where it can be: the size is not known."""
    model = keras.Sequential(build(names))
    shapes = {
        "images": [None, None, None, 3],
        "segmentation_masks": [None, None, None],
        "bounding_boxes": {"boxes": [None, None, 4], "labels": [None, None]},
        "keypoints": [None, None, 2],
    }
    specs = {key: spec(data[key], shape) for key, shape in shapes.items()}
    called = tf.function(
        lambda data: model(data, training=True), input_signature=[specs]
    )
    return called(data)


FORMS = (in_a_graph, of_unknown_size)


def twos():
    """Every layer, in a stack of two."""
    first = [name for name in NAMES if name not in UNITS and name not in ALIKE]
    half = len(first) // 2
    units = [(first[-1], unit) for unit in sorted(UNITS)]
    return [*zip(first[:half], first[half : 2 * half], strict=True), *units]


STACKS = twos()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(STACKS)), ids=map("-".join, STACKS))
def test_a_graph_gives_what_eager_calls_give(number, data):
    """Every stack in one of the forms, its neighbour in the other."""
    names, form = STACKS[number], FORMS[number % 2]
    with op_by_op():
        expected = kal.FusedAugmentation(build(names))(data, training=True)
    assert_alike(form(names, data), expected, names)


SAME_KIND = {
    *("FusedAugmentation", "RandomApply"),  # groups, as RandomChoice
    *("RandomShear", "RandomZoom"),  # matrices, as RandomRotate and RandomShift
    "RandomGridDistortion",  # bends, as RandomOpticalDistortion
    "RandomInvert",  # scales, as RandomBrightness
    *("RandomGamma", "Solarization"),  # pointwise, as RandomPosterization
    "RandomColorDegeneration",  # mixes channels, as RandomGrayscale
    "RandomSaturation",  # the stage of RandomHue
    "CoarseDropout",  # erases, as RandomErasing
}
"""Layers whose functions run where those of others do, see kernels/README.md."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [x for x in EVERY if x not in ALIKE | SAME_KIND])
def test_a_graph_of_one_image_by_chance(name, data):
    """As `augment_dataset` does to single images: it is known that they are one.

    AugMix shears by 1/15 here, which reads at odd thirtieths between two pixels: of
    multiples of 30 no value there ends in a half, which forms round as it comes.
    """
    one = tf.nest.map_structure(lambda x: x[0], data)
    one["images"] = one["images"] // 30 * 30

    def build():
        layer = EVERY[name](seed=2, bounding_box_format="xyxy")
        return kal.RandomApply(layer, probability=0.99, seed=1)

    with op_by_op():
        expected = build()(one, training=True)
    layer = build()
    found = tf.function(lambda one: layer(one, training=True))(one)
    assert_alike(found, expected, {name})
