"""Pictures in lists, tuples with names, and outlines of several lengths."""

import collections

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 10, 3)).astype("uint8")
MASKS = IMAGES[..., :1] // 64


def flip(**kwargs):
    return kal.RandomFlip("horizontal", chance=1.0, **kwargs)


def test_a_draw_keeps_the_dtype_of_lists():
    brighter = kal.RandomBrightness((0.8, 0.8)).sample(list(IMAGES))
    expected = np.minimum(IMAGES.astype(int) + 204, 255)
    for result in (
        brighter.images(list(IMAGES)),
        brighter.apply({"images": list(IMAGES)})["images"],
    ):
        assert result.dtype == tf.uint8
        np.testing.assert_array_equal(result, expected)
    masks = flip().sample(IMAGES).segmentation_masks(list(MASKS))
    assert masks.dtype == tf.uint8
    np.testing.assert_array_equal(masks, MASKS[:, :, ::-1])


def test_a_draw_takes_several_masks_beside_a_list():
    several = [MASKS[..., 0], MASKS[..., 0] + 9]
    data = {"images": list(IMAGES), "segmentation_masks": several}
    result = flip().sample(list(IMAGES)).apply(data)["segmentation_masks"]
    for one, mask in zip(result, several, strict=True):
        np.testing.assert_array_equal(one, mask[:, :, ::-1])


def test_masks_of_videos_in_a_list():
    videos = np.stack([IMAGES, IMAGES[::-1]])
    masks = videos[..., 0] // 64
    data = {"images": videos, "segmentation_masks": list(masks)}
    result = flip()(data, training=True)["segmentation_masks"]
    assert result.dtype == tf.uint8
    np.testing.assert_array_equal(result, masks[:, :, :, ::-1])


@pytest.mark.parametrize(
    "layer", [kal.RandomFlip(), kal.MixUp(num_classes=3)], ids=["flip", "mix"]
)
def test_a_named_tuple_stays_one(layer):
    pair = collections.namedtuple("pair", "image label")
    dataset = tf.data.Dataset.from_tensor_slices(pair(IMAGES, np.arange(3))).batch(3)
    made = kal.augment_dataset(dataset, layer, seed=1)
    assert isinstance(made.element_spec, pair)
    assert next(iter(made)).label.shape[0] == 3


def test_polygons_of_several_lengths_in_a_ragged_batch():
    shapes = [
        np.float32([[[2, 3], [9, 3], [6, 7]]]),
        np.float32([[[1, 1], [5, 1], [5, 7], [1, 7]]] * 2),
    ]
    spec = {
        "images": tf.TensorSpec((8, 10, 3), tf.uint8),
        "polygons": {"points": tf.TensorSpec((None, None, 2), tf.float32)},
    }

    def elements():
        for image, points in zip(IMAGES, shapes, strict=False):
            yield {"images": image, "polygons": {"points": points}}

    dataset = tf.data.Dataset.from_generator(elements, output_signature=spec)
    layer = flip()
    made = dataset.ragged_batch(2).map(lambda data: layer(data, training=True))
    result = next(iter(made))["polygons"]["points"].to_tensor(-1).numpy()
    for number, points in enumerate(shapes):
        expected = points * [-1, 1] + [10, 0]
        found = result[number, : len(points), : points.shape[1]]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("label", [np.arange(3), np.eye(3, dtype="float32")])
def test_labels_under_another_name(label):
    data = {"images": IMAGES, "segmentation_masks": MASKS, "label": label}
    with pytest.warns(kal.DataWarning, match="'label' of `data` is not moved"):
        kal.CutMix()(data, training=True)
