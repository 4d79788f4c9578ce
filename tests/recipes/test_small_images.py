"""nnunet on images that are smaller than its patch, or just as large."""

import numpy as np
import pytest
from helpers import op_by_op

from keras_aug_layers import recipes


@op_by_op()
def made(height, width, training):
    """What becomes of images of 200, which no rotation, scale or colour changes."""
    recipe = recipes.nnunet(size=64, degrees=0, scale=(1.0, 1.0), dtype="float32")
    images = np.full((16, height, width, 1), 200, "uint8")
    masks = np.ones((16, height, width, 1), "int32")
    data = {"images": images, "segmentation_masks": masks}
    layer = recipe.train if training else recipe.validation
    return layer(data, training=training)["segmentation_masks"].numpy()[..., 0]


@pytest.mark.parametrize("training", [True, False])
def test_a_smaller_image_keeps_its_scale(training):
    masks = made(40, 48, training)
    np.testing.assert_array_equal(masks.sum(axis=(1, 2)), 40 * 48)


def test_outside_training_it_lies_in_the_middle():
    masks = made(40, 48, False)
    assert masks[:, 12:52, 8:56].all()


@pytest.mark.parametrize("training", [True, False])
def test_a_patch_that_fits_shows_nothing_but_the_image(training):
    assert made(64, 64, training).all()
    assert made(64, 80, training).all()
