"""Recipes for elements whose parts are named: pairs of images and masks."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers import recipes

IMAGES = random_images((4, 20, 24, 1), "uint8")
STRUCTURE = "images", "segmentation_masks", "labels"
Reverse = collections.namedtuple("Reverse", "labels segmentation_masks images")


def turned(mix):
    """Of one's own, which moves whole pixels: images stay as their masks are."""
    layers = [kal.RandomCrop(16, 16)] + [kal.CutMix()] * mix
    middle = kal.FusedAugmentation([kal.CenterCrop(16, 16)], antialias=False)
    train = kal.FusedAugmentation(layers, antialias=False, jit_compile=False)
    return recipes.Recipe("own", {}, train, middle)


@op_by_op()
def first(recipe, elements, training, batch_size, **kwargs):
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    dataset = dataset if batch_size else dataset.batch(4)
    made = recipe.dataset(dataset, training, batch_size=batch_size, **kwargs)
    return next(iter(made))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("batch_size", "training", "mix"),
    [  # every pair of values
        (4, True, True),
        (4, False, False),
        (None, True, False),
        (None, False, True),
    ],
)
def test_masks_move_with_their_images(batch_size, training, mix):
    elements = IMAGES, IMAGES, np.eye(4, dtype="float32")
    made = first(turned(mix), elements, training, batch_size, structure=STRUCTURE)
    images, masks, labels = made
    assert images.shape == (4, 16, 16, 1) and labels.shape == (4, 4)
    np.testing.assert_array_equal(masks, images)
    named = Reverse(*reversed(elements))
    again = first(turned(mix), named, training, batch_size, seed=0)
    assert type(again) is Reverse
    np.testing.assert_array_equal(again.segmentation_masks, again.images)


def test_masks_of_nnunet():
    images, masks = first(
        recipes.nnunet(size=16),
        (IMAGES, IMAGES[..., 0]),
        False,
        4,
        structure=STRUCTURE[:2],
    )
    np.testing.assert_allclose(images[..., 0] * 255.0, masks, atol=1e-3)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", [4, None])
@pytest.mark.parametrize("structure", ["images", STRUCTURE[1:], STRUCTURE[:1]])
def test_what_does_not_name_the_parts_is_refused(structure, batch_size, training):
    pair = IMAGES, IMAGES
    with pytest.raises(ValueError, match="`structure` must"):
        first(turned(False), pair, training, batch_size, structure=structure)


def test_single_images_that_are_mixed_want_a_batch_size_in_any_order():
    single = tf.data.Dataset.from_tensor_slices(Reverse(np.eye(4), IMAGES, IMAGES))
    with pytest.raises(ValueError, match="`batch_size` must be given"):
        turned(True).dataset(single, True)
    with pytest.raises(ValueError, match="`batch_size` is for single images"):
        turned(True).dataset(single.batch(2), True, batch_size=2)
