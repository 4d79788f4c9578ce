"""A contrast behind crops is about the mean of what they keep."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn

import keras_aug_layers as kal

HEIGHT, WIDTH = 36, 50
CONTRAST = -0.6, -0.6


def ramps():
    """Images that are brighter at one end: the mean of a part says where it is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    down, right = 20 + 6.0 * y, 20 + 4.4 * x
    pair = np.stack([np.stack([down, right, right], -1), np.stack([right] * 3, -1)])
    return np.concatenate([pair, pair[:, ::-1, ::-1]]).astype("float32")


def in_two_steps(layers, images):
    """What the layers before the contrast give, and its mean of that, by NumPy."""
    before = drawn(kal.FusedAugmentation(layers, seed=5), images, seed=(1, 2))
    before = before.astype("float64")
    mean = before.mean(axis=(1, 2), keepdims=True)
    return mean + (1.0 + CONTRAST[0]) * (before - mean)


STACKS = {
    "a resized crop": lambda: [kal.RandomResizedCrop(24, 30, seed=3)],
    "a crop": lambda: [kal.RandomCrop(12, 16, seed=1)],
    "a crop of a crop": lambda: [
        kal.RandomCrop(20, 30, seed=1),
        kal.RandomCrop(9, 11, seed=2),
    ],
    "a crop of a resized image": lambda: [
        kal.Resizing(72, 100, antialias=False),
        kal.RandomCrop(31, 31, antialias=False, seed=4),
    ],
    "some of them": lambda: [
        kal.RandomCrop(12, 16, seed=1, probability=0.5),
    ],
    "a crop of a mirrored image": lambda: [
        kal.RandomFlip("horizontal_and_vertical", chance=1.0, seed=2),
        kal.RandomCrop(12, 16, seed=1),
    ],
    "a crop of a crop that is mirrored and moved": lambda: [
        kal.RandomCrop(20, 30, seed=1),
        kal.RandomFlip("horizontal_and_vertical", seed=2),
        kal.RandomShift((3, 3), (-2, -2), unit="pixels", fill_mode="nearest"),
        kal.RandomCrop(9, 11, seed=6),
    ],
    "the middle of a moved image": lambda: [
        kal.RandomShift((3, 3), (12, 12), unit="pixels", fill_mode="nearest"),
        kal.CenterCrop(12, 16),
    ],
    "a crop of some, mirrored": lambda: [
        kal.RandomFlip("horizontal_and_vertical", chance=1.0, seed=2),
        kal.RandomApply(kal.RandomResizedCrop(36, 50, scale=(0.1, 0.2)), 0.5),
    ],
    "a mirrored crop": lambda: [kal.RandomCrop(12, 16, seed=1), kal.RandomFlip(seed=2)],
}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "jit_compile"),
    [(name, place % 2 == 0) for place, name in enumerate(STACKS)],
)
def test_the_mean_is_that_of_the_window(name, jit_compile):
    images = ramps()
    layers = [*STACKS[name](), kal.RandomContrast(CONTRAST)]
    stack = kal.FusedAugmentation(layers, seed=5, jit_compile=jit_compile)
    found = stack(images, training=True, seed=(1, 2))
    expected = in_two_steps(STACKS[name](), images)
    apart = np.abs(images.mean(axis=(1, 2)) - expected.mean(axis=(1, 2)))
    assert apart.max() > 10  # the mean of the whole image would be seen
    # Where a window is resized, borders of its pixels are weighted otherwise.
    np.testing.assert_allclose(found, expected, atol=0.5)


MOVES = {
    "a shift": lambda: [kal.RandomShift((3, 3), (12, 12), unit="pixels")],
    "a mirror": lambda: [kal.RandomFlip("horizontal_and_vertical", chance=1.0)],
    "a zoom": lambda: [kal.RandomZoom((-0.3, -0.3)), kal.RandomShift((0.1, 0.1), 0.0)],
    "a resize": lambda: [kal.Resizing(72, 100, antialias=False)],
    "a crop that is moved": lambda: [
        kal.CenterCrop(20, 30, antialias=False),
        kal.RandomShift((3, 3), (4, 4), unit="pixels"),
    ],
    "a turn of a crop": lambda: [
        kal.CenterCrop(30, 40, antialias=False),
        kal.RandomRotate(degrees=(20, 20)),
    ],
}


@pytest.mark.parametrize("name", MOVES)
def test_in_a_group_behind_a_move_it_is_the_same(name):
    images = ramps()
    shown = kal.FusedAugmentation([kal.CenterCrop(9, 11, antialias=False)])
    inner = [kal.CenterCrop(9, 11, antialias=False), kal.RandomContrast(CONTRAST)]
    flat = kal.FusedAugmentation([*MOVES[name](), *inner])
    nested = kal.FusedAugmentation([*MOVES[name](), kal.FusedAugmentation(inner)])
    expected = flat(images, training=True)
    np.testing.assert_allclose(nested(images, training=True), expected, atol=1e-3)
    away = kal.FusedAugmentation([shown, kal.RandomContrast(CONTRAST)])
    other = away(images, training=True)
    assert np.abs(other - expected).max() > 3  # the move is seen


@pytest.mark.slow
def test_in_a_chain_and_in_a_group_it_is_the_same():
    images = ramps()
    layers = [kal.RandomCrop(12, 16, seed=1), kal.RandomContrast(CONTRAST, seed=2)]

    @tf.function
    def chained(images):
        for layer in layers:
            images = layer(images, training=True, seed=(3, 4))
        return images

    def apart(images):
        for layer in layers:
            images = kal.settle(layer(images, training=True, seed=(3, 4)))
        return images

    np.testing.assert_allclose(chained(images), apart(images), atol=1e-3)


def test_what_a_window_shows_beside_the_image_does_not_count():
    images = ramps()
    wide = kal.Resizing(60, 60, pad_to_aspect_ratio=True, fill_mode="constant")
    stack = kal.FusedAugmentation([wide, kal.RandomContrast(CONTRAST)])
    mean = images.mean(axis=(1, 2))
    black = stack(images, training=True).numpy()[:, 1, 1]
    np.testing.assert_allclose(black, 0.6 * mean, rtol=1e-4)


def test_a_saved_transform_knows_the_window():
    images = ramps()
    stack = kal.FusedAugmentation(
        [kal.RandomCrop(12, 16), kal.RandomContrast(CONTRAST)], seed=1
    )
    transform = stack.sample(images)
    again = kal.Transform.from_config(transform.to_config())
    np.testing.assert_array_equal(again.images(images), transform.images(images))


def test_a_group_of_a_crop_and_a_contrast_behind_a_crop():
    images = ramps()
    inner = kal.FusedAugmentation(
        [kal.CenterCrop(10, 12), kal.RandomContrast(CONTRAST)]
    )
    stack = kal.FusedAugmentation([kal.CenterCrop(20, 30), inner])
    shown = images[:, 13:23, 19:31]
    mean = shown.mean(axis=(1, 2), keepdims=True)
    found = stack(images, training=True)
    np.testing.assert_allclose(found, mean + 0.4 * (shown - mean), atol=1e-3)
