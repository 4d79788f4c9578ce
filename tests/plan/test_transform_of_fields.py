"""Transforms that are no matrix, or of several sizes: what they say and undo."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import random_images, sampled

import keras_aug_layers as kal


def test_a_field_has_no_matrix():
    transform = sampled(kal.RandomElasticTransform(), np.zeros((2, 16, 16, 3), "uint8"))
    with pytest.raises(ValueError, match=r"Received: the steps bend\. Write transform"):
        _ = transform.matrix


def test_a_crop_is_undone_to_the_size_it_had():
    images = random_images((3, 24, 20, 3), "uint8")
    transform = sampled(kal.RandomCrop(12, 10, seed=1), images)
    back = transform.inverse().images(transform.images(images)).numpy()
    assert back.shape == images.shape
    points = np.random.default_rng(1).uniform(4, 8, (3, 5, 2))
    moved = transform.keypoints(points, mark_outside=False)
    again = transform.inverse().keypoints(moved, mark_outside=False)
    np.testing.assert_allclose(again, points, atol=1e-4)


@pytest.mark.slow
def test_a_crop_of_images_of_unknown_size_cannot_be_undone():
    layer = kal.RandomCrop(12, 10)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    def undone(images):
        return layer.sample(images).inverse().images(images)

    with pytest.raises(ValueError, match="unknown or different sizes"):
        undone.get_concrete_function()


def test_ragged_masks_and_maps_move_with_a_transform():
    sizes = [(12, 9), (16, 14)]
    images = [random_images((*size, 3), "uint8") for size in sizes]
    ragged = tf.ragged.stack([tf.constant(x) for x in images])
    transform = kal.RandomFlip("horizontal", chance=1.0).sample(ragged)
    masks = transform.segmentation_masks(ragged[..., :1])
    maps = transform.segmentation_masks(ragged[..., :1], "bilinear")
    for moved in (masks, maps):
        for one, image in zip(moved, images, strict=True):
            np.testing.assert_array_equal(one.to_tensor(), image[:, ::-1, :1])


@pytest.mark.parametrize("value", [300, -1, (0, 300, 0)])
def test_a_fill_that_ragged_images_cannot_hold_is_refused(value):
    sizes = [(4, 5, 3), (6, 7, 3)]
    ragged = tf.ragged.stack([tf.zeros(size, tf.uint8) for size in sizes])
    layer = kal.RandomRotate(0.1, fill_mode="constant", fill_value=value)
    with pytest.raises(ValueError, match="fill_value"):
        layer(ragged, training=True)


def test_parts_of_the_frame_are_erased_with_their_pixels():
    """Keypoints in "rel_xy" are dropped where those in pixels are; padding stays."""
    images = random_images((4, 20, 16, 3), "uint8")
    points = np.random.default_rng(2).uniform(0, 15, (4, 9, 2)).astype("float32")
    points[:, -1] = -1
    frame = np.array([16, 20], "float32")
    relative = np.where(points == -1, -1, (points + 0.5) / frame)

    def kept(keypoint_format, points):
        layer = kal.GridMask(
            0.3,
            unit_factor=(0.3, 0.5),
            max_covered=0.5,
            keypoint_format=keypoint_format,
        )
        return sampled(layer, images, seed=(1, 2)).keypoints(points).numpy()

    pixels, parts = kept("xy", points), kept("rel_xy", relative)
    gone = (pixels == -1).all(axis=-1)
    assert 4 < gone.sum() < 30
    np.testing.assert_array_equal((parts == -1).all(axis=-1), gone)
    np.testing.assert_allclose(parts[~gone], relative[~gone], atol=1e-5)


@pytest.mark.parametrize("size", [224, 512])
def test_an_elastic_field_is_undone(size):
    """By a field of more control points, for its inverse is no spline."""
    layer = kal.RandomElasticTransform((1, 1), (1, 1), grid=8, seed=1)
    transform = sampled(layer, np.zeros((2, size, size, 1), "uint8"))
    points = np.random.default_rng(1).uniform(0.1 * size, 0.9 * size, (2, 60, 2))
    moved = transform.keypoints(points, mark_outside=False)
    again = transform.inverse().keypoints(moved, mark_outside=False)
    np.testing.assert_allclose(again, points, atol=2e-4 * size)
    assert np.abs(moved - points).max() > 0.01 * size
