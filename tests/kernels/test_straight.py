"""Crops of which few are turned: the others are read in two passes, these anew."""

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from helpers import drawn, op_by_op, sampled

import keras_aug_layers as kal
from keras_aug_layers.kernels import separable

BATCHES = {
    "few are turned": {"upright": 9, "turned": 7},  # two at a time
    "none is turned": {"upright": 16, "turned": 0},
    "most are turned": {"upright": 4, "turned": 12, "least": 1.25},
    "all are turned": {"upright": 0, "turned": 16, "least": 1.25},
    "none shrinks": {"upright": 9, "turned": 7, "most": 1.15},
}


def photographs(dtype="uint8"):
    photo = skimage.data.astronaut()[100:164, 180:260].astype(dtype)
    return np.stack([np.roll(photo, 3 * i, axis=1) for i in range(16)])


def crops(interpolation):
    """Crops that shrink, or enlarge; one in three is turned or slanted."""
    return kal.FusedAugmentation(
        [
            kal.RandomResizedCrop(40, 44, scale=(0.3, 1.0), seed=1),
            kal.RandomFlip("horizontal", seed=2),
            kal.RandomApply(kal.RandomRotate(0.1, seed=3), 0.2, seed=4),
            kal.RandomApply(kal.RandomShear(0.3, 0.0, seed=6), 0.2, seed=7),
            kal.RandomContrast(0.5, seed=5),
        ],
        antialias="auto",
        value_range=(0, 255),
        interpolation=interpolation,
        fill_mode="constant",
        fill_value=50.0,
        jit_compile=True,
    )


def linear(layer, seeds):
    """The matrices that are drawn of some seeds, without their shifts."""
    images = np.zeros((len(seeds), 64, 80, 3), "uint8")
    return sampled(layer, images, seed=seeds).matrix.numpy()[:, :2, :2]


def is_turned(matrices):
    return (matrices[:, 0, 1] != 0.0) | (matrices[:, 1, 0] != 0.0)


def seeds_of(layer, upright, turned, least=0.0, most=9.0):
    """Seeds of so many images that stay upright, and of so many that turn.

    Each shrinks by more than `least`, and less than `most`. So one program that is
    compiled does for batches of all kinds.
    """
    tried = np.stack([np.ones(800, int), np.arange(800)], axis=1)
    matrices = linear(layer, tried)
    turns, shrink = is_turned(matrices), np.linalg.norm(matrices, 2, axis=(1, 2))
    fits = (least < shrink) & (shrink < most)
    chosen = [
        *np.flatnonzero(fits & ~turns)[:upright],
        *np.flatnonzero(fits & turns)[:turned],
    ]
    seeds = tried[np.sort(chosen)]
    assert len(seeds) == 16 and is_turned(linear(layer, seeds)).sum() == turned
    return seeds


def reads(monkeypatch):
    """Counts the programs of two passes that are traced from here on."""
    traced = []
    in_two_passes = separable.in_two_passes

    def counted(*arguments):
        traced.append(1)
        return in_two_passes(*arguments)

    monkeypatch.setattr(separable, "in_two_passes", counted)
    return traced


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("interpolation", "dtype"), [("bilinear", "uint8"), ("bicubic", "float32")]
)
def test_it_gives_what_the_other_forms_give(interpolation, dtype, monkeypatch):
    """Those that read each image alone, as a turned one."""
    images, layer = photographs(dtype), crops(interpolation)
    tolerance = 1 if dtype == "uint8" else 0.02
    traced = reads(monkeypatch)
    for name, batch in BATCHES.items():
        seeds = seeds_of(layer, **batch)
        found = layer(images, training=True, seed=seeds).numpy().astype("float64")
        assert traced
        expected = drawn(layer, images, seed=seeds).astype("float64")
        np.testing.assert_allclose(found, expected, atol=tolerance, err_msg=name)
        assert expected.std(axis=(1, 2, 3)).min() > 10


@pytest.mark.thorough
def test_floats_and_their_gradient():
    """Likewise; and an upright image is read by the weights of its own.

    Whatever the others hold: what is no number stays in its image.
    """
    layer = crops("bilinear")
    seeds = seeds_of(layer, **BATCHES["few are turned"])
    images = 70.0 + 0.4 * photographs("float32")  # so that nothing is clipped

    def derived(images):
        images = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            result = layer(images, training=True, seed=seeds)
            total = tf.reduce_sum(result**2)
        return result.numpy(), tape.gradient(total, images).numpy()

    found, gradient = derived(images)
    with op_by_op():
        expected, expected_gradient = derived(images)
    np.testing.assert_allclose(found, expected, atol=0.02)
    np.testing.assert_allclose(gradient, expected_gradient, atol=0.5)
    assert np.abs(gradient).mean() > 1.0
    which = is_turned(linear(layer, seeds))
    hurt = images.copy()
    hurt[which] = np.nan
    odd, _ = derived(hurt)
    np.testing.assert_array_equal(odd[~which], found[~which])
    assert (odd[which] != found[which]).any(axis=(1, 2, 3)).all()
