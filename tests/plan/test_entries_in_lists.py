"""Several masks under one key, and single masks in a list, which are a batch."""

import types

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers.plan import entries

FLIP = {"chance": 1.0}


def flipped(images, masks, **arguments):
    layer = kal.RandomFlip("horizontal", **FLIP, **arguments)
    data = {"images": images, "segmentation_masks": masks}
    with op_by_op():
        return layer(data, training=True)["segmentation_masks"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", [16, 32])
def test_masks_of_one_image_each_are_a_batch(batch, channels):
    """Also of as many images as they have rows."""
    generator = np.random.default_rng(0)
    masks = generator.integers(0, 5, (batch, 32, 32, 1)).astype("uint8")
    images = np.zeros((batch, 32, 32, channels), "uint8")
    made = flipped(images, list(masks))
    np.testing.assert_array_equal(made, masks[:, :, ::-1])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masks_of_the_whole_batch_are_several(data_format):
    masks = np.random.default_rng(0).integers(0, 5, (4, 8, 12)).astype("uint8")
    shape = (4, 8, 12, 3) if data_format == "channels_last" else (4, 3, 8, 12)
    given = [masks, masks[:, ::2, ::2]]
    made = flipped(np.zeros(shape, "uint8"), given, data_format=data_format)
    for one, own in zip(made, given, strict=True):
        np.testing.assert_array_equal(one, own[:, :, ::-1])


def test_masks_without_channels_beside_an_unknown_batch():
    masks = np.random.default_rng(0).integers(0, 5, (4, 8, 12)).astype("uint8")
    layer = kal.RandomFlip("horizontal", **FLIP, jit_compile=False)

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 12, 3), tf.uint8)])
    def run(images):
        data = {"images": images, "segmentation_masks": [tf.constant(masks)] * 2}
        return layer(data, training=True)["segmentation_masks"]

    made = run(np.zeros((4, 8, 12, 3), "uint8"))
    assert len(made) == 2
    np.testing.assert_array_equal(made[1], masks[:, :, ::-1])


@pytest.mark.parametrize(
    ("shape", "images", "several"),
    [
        ((32, 32, 1), (32, 32, 32, 3), False),
        ((32, 32, 1), (32, 32, 32, 1), False),
        ((32, 32, 5), (32, 32, 32, 3), False),
        ((32, 16, 16), (32, 32, 32, 3), True),
        ((4, 8, 12), (None, 8, 12, 3), True),
        ((8, 12, 1), (None, 8, 12, 3), False),
        ((None, 8, 12), (None, 8, 12, 3), True),
        ((4, 8, 12), (4, None, None, 3), True),
        ((8, 12, 1), (4, None, None, 3), False),
    ],
    ids=str,
)
def test_what_is_of_the_batch(shape, images, several):
    data = {"segmentation_masks": [types.SimpleNamespace(shape=shape)]}
    found = entries.paths(data, images, None, "channels_last")
    assert (("segmentation_masks", 0) in found.values()) == several


def test_masks_without_channels_of_one_image_each_are_a_batch():
    masks = np.random.default_rng(0).integers(0, 5, (4, 8, 12)).astype("uint8")
    images = np.zeros((4, 8, 12, 3), "uint8")
    for given in ([*masks], masks.tolist()):
        np.testing.assert_array_equal(flipped(images, given), masks[:, :, ::-1])


def test_several_masks_of_videos():
    masks = np.random.default_rng(0).integers(0, 5, (2, 3, 8, 12)).astype("uint8")
    made = flipped(np.zeros((2, 3, 8, 12, 3), "uint8"), [masks, masks[..., None]])
    np.testing.assert_array_equal(made[0], masks[..., ::-1])
    np.testing.assert_array_equal(made[1], masks[..., ::-1, None])
