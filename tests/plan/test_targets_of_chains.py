"""Targets go along with their images: as far as these, and no further."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers.plan import chain

SIZE = 32
BOXES = {"bounding_box_format": "xyxy"}
SHIFTS = {**BOXES, "fill_mode": "constant", "mask_fill_value": 255}
LEAST = {"value_range": (0, 255), **BOXES}


def data():
    """A grey image, all of one class, and targets of which a shift takes some away."""
    box = {"boxes": [[[14.0, 14, 30, 30], [2, 2, 6, 6]]], "labels": [[1, 2]]}
    turned = {"boxes": [[[24.0, 24, 8, 8, 0], [4, 4, 4, 4, 0]]]}
    corners = {"points": [[[[20.0, 20], [30, 20], [30, 30]], [[2, 2], [6, 2], [2, 6]]]]}
    return {
        "images": tf.fill((1, SIZE, SIZE, 3), tf.constant(200, tf.uint8)),
        "segmentation_masks": tf.fill((1, SIZE, SIZE, 1), tf.constant(7, tf.uint8)),
        "keypoints": tf.constant([[[24.0, 24], [4, 4]]]),
        "bounding_boxes": {key: tf.constant(x) for key, x in box.items()},
        "rotated_boxes": {key: tf.constant(x) for key, x in turned.items()},
        "polygons": {key: tf.constant(x) for key, x in corners.items()},
    }


def there(by):
    return kal.RandomShift((by, by), (by, by), seed=1, **SHIFTS)


def one_after_the_other(layers):
    """The calls of the layers."""

    def call(given):
        for layer in layers:
            given = layer(given, training=True)
        return given

    return call


def apart(layers):
    """The same, each from the pixels that it gets."""

    def call(given):
        with kal.no_chaining():
            return one_after_the_other(layers)(given)

    return call


def group(layers):
    layer = kal.FusedAugmentation(layers)
    return lambda given: layer(given, training=True)


def model(layers):
    stack = keras.Sequential(layers)
    return lambda given: stack(given, training=True)


WAYS = {"a chain": one_after_the_other, "apart": apart, "a group": group}
FORMS = {
    "eager": lambda call: call,
    "a graph": tf.function,
    "compiled as a whole": lambda call: tf.function(call, jit_compile=True),
    "sizes unknown": lambda call: tf.function(call, input_signature=[unsized()]),
    "op by op": lambda call: op_by_op()(call),
}


def unsized():
    """What data are, of any number and size."""

    def of(x):
        pixels = x.shape.rank == 4 and x.dtype == tf.uint8
        return tf.TensorSpec(
            [None, None, None, x.shape[-1]] if pixels else x.shape, x.dtype
        )

    return tf.nest.map_structure(of, data())


BETWEEN = {
    "RandomGaussianBlur": lambda: kal.RandomGaussianBlur(1.0, 3, (0.1, 0.1), **BOXES),
    "RandomGaussianNoise": lambda: kal.RandomGaussianNoise((0.01, 0.01), **LEAST),
    "RandomSharpness": lambda: kal.RandomSharpness((0.6, 0.6), **LEAST),
    "RandomErasing": lambda: kal.RandomErasing(scale=(0.002, 0.002), **BOXES),
    "RandomLowResolution": lambda: kal.RandomLowResolution((0.9, 0.9), **BOXES),
    "CoarseDropout": lambda: kal.CoarseDropout(1, 0.03, width_factor=0.03, **BOXES),
}


def assert_lost(made):
    """What left the frame and came back is fill, and no target is on it."""
    mask = made["segmentation_masks"].numpy()[0, ..., 0]
    dark = made["images"].numpy()[0].max(-1) < 100
    assert (mask == 255).sum() == SIZE * SIZE * 3 // 4
    assert (dark != (mask == 255)).sum() <= 2  # what is erased
    assert made["keypoints"].numpy().tolist() == [[[-1, -1], [4, 4]]]
    boxes = made["bounding_boxes"]
    assert boxes["boxes"].numpy().tolist() == [[[14, 14, 16, 16], [2, 2, 6, 6]]]
    assert made["rotated_boxes"]["boxes"].numpy()[0, :, 0].tolist() == [-1, 4]
    assert made["polygons"]["points"].numpy()[0, :, 0, 0].tolist() == [-1, 2]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BETWEEN)
@op_by_op()
def test_what_the_image_loses_its_targets_lose(name, way):
    """With a step between that has a place, an image is moved twice."""
    layers = [there(0.5), BETWEEN[name](), there(-0.5)]
    assert_lost(WAYS[way](layers)(data()))


def test_what_the_image_loses_its_targets_lose_in_eager_calls():
    layers = [there(0.5), BETWEEN["RandomGaussianBlur"](), there(-0.5)]
    assert_lost(group(layers)(data()))


@pytest.mark.parametrize("form", FORMS)
def test_what_the_image_loses_its_targets_lose_in_every_form(form):
    layers = [there(0.5), BETWEEN["RandomGaussianBlur"](), there(-0.5)]
    given = data()
    if form == "compiled as a whole":  # in which targets of points are not allowed
        given = {key: given[key] for key in ("images", "segmentation_masks")}
    made = FORMS[form](group(layers))(given)
    mask = made["segmentation_masks"].numpy()
    assert (mask == 255).sum() == SIZE * SIZE * 3 // 4


@op_by_op()
def test_a_crop_loses_what_a_zoom_would_show():
    """Behind a blur, so that the crop is made first."""
    layers = [
        kal.CenterCrop(16, 16, **SHIFTS),
        BETWEEN["RandomGaussianBlur"](),
        kal.RandomZoom((0.5, 0.5), (0.5, 0.5), **SHIFTS),
    ]
    made = group(layers)(data())
    mask = made["segmentation_masks"].numpy()[0, ..., 0]
    dark = made["images"].numpy()[0].max(-1) < 100
    assert 100 < (mask == 255).sum() < 256
    assert ((mask == 255) != dark).mean() < 0.1
    assert made["bounding_boxes"]["boxes"].numpy()[0, 1].tolist() == [-1] * 4


def test_a_transform_moves_masks_as_two_do():
    first = group_of([there(0.5)])
    second = group_of([BETWEEN["RandomGaussianBlur"](), there(-0.5)])
    mask = data()["segmentation_masks"]
    both = (first @ second).segmentation_masks(mask)
    in_turn = second.segmentation_masks(first.segmentation_masks(mask))
    np.testing.assert_array_equal(both, in_turn)
    assert (both.numpy() == 255).any()


def group_of(layers):
    return kal.FusedAugmentation(layers).sample(data()["images"], seed=(1, 2))


FIRST = {
    "RandomBrightness": lambda: kal.RandomBrightness(gain=0.1, **BOXES),
    "AutoContrast": lambda: kal.AutoContrast((0, 255), **BOXES),
    "Solarization": lambda: kal.Solarization(value_range=(0, 255), **BOXES),
    "RandomGrayscale": lambda: kal.RandomGrayscale(1.0, **BOXES),
    "RandomApply": lambda: kal.RandomApply(
        kal.RandomBrightness(gain=0.1), 0.5, **BOXES
    ),
}


IN_FORMS = [
    *((name, "op by op") for name in FIRST),
    *((name, "sizes unknown") for name in ("RandomBrightness", "Solarization")),
    *((name, "eager") for name in ("RandomBrightness", "AutoContrast")),
    ("RandomApply", "a graph"),
    *((name, "compiled as a whole") for name in ("AutoContrast", "RandomGrayscale")),
]


@pytest.mark.parametrize(("name", "form"), IN_FORMS)
def test_targets_come_along_behind_layers_that_leave_them(name, form):
    """Nothing is lost between two moves, whatever stands in front of them."""
    layers = [FIRST[name](), there(0.5), there(-0.5)]
    given = data()
    made = FORMS[form](model(layers))(given)
    assert (made["images"].numpy() > 0).all()
    for key in given.keys() - {"images"}:
        tf.nest.map_structure(np.testing.assert_allclose, made[key], given[key])


@pytest.mark.parametrize("first", ["nothing", "RandomFlip", "RandomBrightness"])
@pytest.mark.parametrize("labels", ["a tensor", "an array"])
@op_by_op()
def test_labels_are_smoothed_once(first, labels):
    stack = [
        kal.MixUp(label_smoothing=0.2, num_classes=2, probability=0.0),
        kal.CutMix(label_smoothing=0.2, num_classes=2, probability=0.0),
    ]
    stack = {
        "nothing": [],
        "RandomFlip": [kal.RandomFlip()],
        "RandomBrightness": [kal.RandomBrightness(gain=0.1)],
    }[first] + stack
    numbers = np.array([0, 1, 1, 0])
    given = {"images": tf.zeros((4, 8, 8, 3), tf.uint8), "labels": numbers}
    if labels == "a tensor":
        given["labels"] = tf.constant(numbers)
    made = one_after_the_other(stack)(given)["labels"].numpy()
    expected = np.where(np.eye(2)[numbers], 0.9, 0.1)
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_a_buffer_that_is_filled_anew_changes_nothing():
    """What a chain began with are its values then, of arrays and variables too."""
    points = np.full((1, 2, 2), 24.0, "float32")
    variable = tf.Variable(points)
    boxes = {"boxes": np.array([[[8.0, 8, 16, 16]]])}
    labels = np.array([1])
    given = {
        "images": data()["images"],
        "keypoints": points,
        "bounding_boxes": boxes,
        "labels": labels,
    }
    stack = [kal.RandomBrightness(gain=0.1, **BOXES), there(1 / 8)]
    first = stack[0](given, training=True)
    held = stack[0]({**given, "keypoints": variable}, training=True)
    several = [np.array([[8.0, 8, 16, 16]])]
    listed = stack[0](
        {"images": data()["images"], "bounding_boxes": {"boxes": several}},
        training=True,
    )
    points[:] = 1.0
    variable.assign(points)
    boxes["boxes"] = np.ones((1, 1, 4))
    several[0][:] = 1.0
    labels[:] = 0
    made = stack[1](first, training=True)
    assert made["keypoints"].numpy().tolist() == [[[28.0, 28.0]] * 2]
    assert made["bounding_boxes"]["boxes"].numpy().tolist() == [[[12, 12, 20, 20]]]
    made = stack[1](listed, training=True)
    assert made["bounding_boxes"]["boxes"].numpy().tolist() == [[[12, 12, 20, 20]]]
    made = stack[1](held, training=True)
    assert made["keypoints"].numpy().tolist() == [[[28.0, 28.0]] * 2]


def test_labels_that_are_filled_anew_change_nothing():
    numbers = np.array([0, 1])
    given = {"images": tf.zeros((2, 8, 8, 3), tf.uint8), "labels": numbers}
    mixes = [kal.MixUp(probability=0.0, num_classes=2) for _ in range(2)]
    first = mixes[0](kal.RandomFlip()(given, training=True), training=True)
    numbers[:] = 0
    made = mixes[1](first, training=True)["labels"].numpy()
    np.testing.assert_allclose(made, np.eye(2), atol=1e-6)


CARRIED = {
    "images": lambda x, layer: {"images": layer(x["images"], training=True)},
    "masks": lambda x, layer: layer(
        {"images": tf.zeros((1, 8, 8, 3)), "masks": x["masks"]}, training=True
    ),
    "keypoints": lambda x, layer: layer(
        {"images": tf.zeros((1, 8, 8, 3)), "keypoints": x["keypoints"]}, training=True
    ),
}


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.parametrize("cls", ["RandomFlip", "RandomBrightness"])
def test_a_loop_holds_no_more_than_a_chain(name, cls):
    """What a chain began with lets go of the chain before it."""
    layer = {
        "RandomFlip": lambda: kal.RandomFlip(extra_targets={"masks": "maps"}),
        "RandomBrightness": lambda: kal.RandomBrightness(
            gain=0.1, value_range=(0, 1), extra_targets={"masks": "maps"}
        ),
    }[cls]()
    state = {
        "images": tf.zeros((1, 8, 8, 3)),
        "masks": tf.zeros((1, 8, 8, 1)),
        "keypoints": tf.ones((1, 2, 2)),
    }
    first = weakref.ref(state[name])
    for _ in range(2 * chain.LONGEST + 2):
        state = CARRIED[name](state, layer)
    gc.collect()
    assert first() is None


POINTS = [[1.0, 1], [2, 2], [3, 3]]


def test_keypoints_change_places_in_the_order_of_the_layers():
    given = {"images": data()["images"], "keypoints": tf.constant([POINTS])}
    layers = [
        kal.RandomFlip("horizontal", chance=1.0, keypoint_pairs=pairs)
        for pairs in ([(0, 1)], [(1, 2)])
    ]
    for way in WAYS.values():
        made = way(layers)(given)["keypoints"].numpy()[0]
        assert made[:, 1].tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    "mix", [kal.MixUp, kal.CutMix, kal.Mosaic], ids=lambda x: x.__name__
)
def test_a_dict_of_labels_is_refused_behind_other_layers(mix):
    """A StopIteration, which Keras takes for the end of the data."""
    given = {
        "images": tf.zeros((4, 8, 8, 3), tf.uint8),
        "labels": {"a": tf.constant([0, 1, 1, 0])},
    }
    flipped = kal.RandomFlip()(given, training=True)
    with pytest.raises(ValueError, match=r"must be one tensor.*\['a'\]"):
        mix(num_classes=2)(flipped, training=True)


def test_a_number_of_coordinates_that_is_unknown_is_refused():
    layer = kal.RandomShift(0.1)
    spec = {
        "images": tf.TensorSpec([None, None, None, 3], tf.uint8),
        "keypoints": tf.TensorSpec([None, None, None]),
    }
    call = tf.function(lambda x: layer(x, training=True), input_signature=[spec])
    with pytest.raises(ValueError, match=r"`keypoints` must have 2 numbers"):
        call.get_concrete_function()


def test_a_choice_of_sizes_is_refused_where_sizes_are_unknown():
    layer = kal.RandomChoice([kal.RandomRotate(0.1), kal.RandomCrop(12, 20)])
    spec = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    call = tf.function(lambda x: layer(x, training=True), input_signature=spec)
    with pytest.raises(ValueError, match="one size and dtype"):
        call.get_concrete_function()
    same = kal.RandomChoice([kal.RandomRotate(0.1), kal.RandomFlip()])
    call = tf.function(lambda x: same(x, training=True), input_signature=spec)
    assert call(data()["images"]).shape == (1, SIZE, SIZE, 3)
