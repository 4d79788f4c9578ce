"""What recipes of self-supervised training have of their own publications."""

import numpy as np
import pytest
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers import recipes


def layers_of(stack, cls):
    within = [
        x for layer in getattr(stack, "layers", ()) for x in layers_of(layer, cls)
    ]
    return [stack] * isinstance(stack, cls) + within


@pytest.mark.parametrize("view", ["first", "second"])
def test_the_jitter_of_byol_is_that_of_its_code(view):
    stack = recipes.byol(size=32).train.stacks[view]
    (jitter,) = layers_of(stack, kal.RandomColorJitter)
    assert jitter.brightness is None and jitter.contrast is None
    assert jitter.brightness_factor == (-0.4, 0.4) == jitter.contrast_factor
    gains = [x / (1.0 - x) for x in jitter.saturation_factor]
    np.testing.assert_allclose(gains, [0.8, 1.2])
    assert (jitter.hue, jitter.order, jitter.probability) == (
        (-0.1, 0.1),
        "random",
        0.8,
    )
    grey = np.full((64, 16, 16, 3), 51, "uint8")  # a fifth
    shown = jitter(grey, training=True).numpy() / 255.0
    assert shown.min() < 0.01 and shown.max() > 0.5  # what is added, not a gain


def test_the_blur_of_dino_is_in_pixels():
    for size, local in ((224, 96), (64, 40)):
        stacks = recipes.dino(size, local).train.stacks
        blurs = [
            x for s in stacks.values() for x in layers_of(s, kal.RandomGaussianBlur)
        ]
        assert [blur.kernel_size for blur in blurs] == [(13, 13)] * 3


@op_by_op()
def test_dino_without_local_views():
    images = np.zeros((2, 40, 40, 3), "uint8")
    made = recipes.dino(24, 16, local_views=0).train(images, training=True)
    assert {k: tuple(v.shape) for k, v in made.items()} == {
        "first": (2, 1, 24, 24, 3),
        "second": (2, 1, 24, 24, 3),
    }


def test_mae_shows_all_of_a_large_image():
    ramp = np.arange(256, dtype="uint8")[:, None, None]
    ramp = np.broadcast_to(ramp, (1, 256, 256, 3))
    recipe = recipes.mae(256, mean=(0.0,) * 3, std=(1.0,) * 3)
    result = recipe.validation(ramp).numpy() * 255.0
    np.testing.assert_allclose(result, ramp, atol=0.01)
    small = recipes.mae(224, mean=(0.0,) * 3, std=(1.0,) * 3)
    assert small.validation(ramp).numpy().min() > 10.0 / 255.0  # an eighth is left out
