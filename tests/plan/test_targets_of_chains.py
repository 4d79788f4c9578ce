"""Targets go along with their images: as far as these, and no further."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

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
def test_what_the_image_loses_its_targets_lose(name, way):
    """With a step between that has a place, an image is moved twice."""
    layers = [there(0.5), BETWEEN[name](), there(-0.5)]
    assert_lost(WAYS[way](layers)(data()))


@pytest.mark.parametrize("form", FORMS)
def test_what_the_image_loses_its_targets_lose_in_every_form(form):
    layers = [there(0.5), BETWEEN["RandomGaussianBlur"](), there(-0.5)]
    given = data()
    if form == "compiled as a whole":  # in which targets of points are not allowed
        given = {key: given[key] for key in ("images", "segmentation_masks")}
    made = FORMS[form](group(layers))(given)
    mask = made["segmentation_masks"].numpy()
    assert (mask == 255).sum() == SIZE * SIZE * 3 // 4


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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FIRST)
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
