"""Normalize for some images: by chance, in a choice, behind what is not done to all."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn

import keras_aug_layers as kal

LEVELS = np.arange(256, dtype="uint8").repeat(8).reshape(8, 16, 16, 1)
"""Each of eight images has 32 grey levels."""


def normal(**kwargs):
    return kal.Normalize(0.5, 0.25, **kwargs)


def group(*layers, **kwargs):
    return kal.FusedAugmentation([*layers, normal()], **kwargs)


# All of these move pixels, or nothing: what is normalised are the levels.
STACKS = {
    "a chance": lambda: normal(probability=0.5),
    "an apply": lambda: kal.RandomApply(normal(), 0.5),
    "a group": lambda: group(kal.RandomFlip(), probability=0.5),
    "a group, never": lambda: group(kal.RandomFlip(), probability=tf.Variable(0.0)),
    "stored": lambda: group(kal.RandomPosterization(8), probability=0.5),
    "a choice": lambda: kal.RandomChoice(
        [group(kal.RandomFlip()), group(kal.RandomPosterization(8))]
    ),
    "a choice in a choice": lambda: kal.RandomChoice(
        [
            kal.RandomChoice([normal(), group(kal.RandomPosterization(8))]),
            kal.RandomApply(group(kal.RandomFlip("vertical")), 0.5),
        ]
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_all_images_are_normalised_once(name):
    layer = kal.FusedAugmentation([STACKS[name]()], seed=2)
    expected = (LEVELS / 255.0 - 0.5) / 0.25
    made = drawn(layer, LEVELS).reshape(8, -1)
    np.testing.assert_allclose(
        np.sort(made), np.sort(expected.reshape(8, -1)), atol=1e-5
    )


def test_what_follows_in_one_branch_is_for_its_images():
    """Erased are the normalised pixels of those that were chosen, and no others."""
    erased = kal.RandomErasing(scale=(0.3, 0.3), ratio=(1, 1), fill_value=9.0)
    choice = kal.RandomChoice(
        [kal.FusedAugmentation([normal(), erased]), normal()], seed=3
    )
    made = drawn(choice, LEVELS.repeat(4, 0))
    gone = made == 9.0
    assert set(gone.any((1, 2, 3))) == {True, False}
    expected = (LEVELS.repeat(4, 0) / 255.0 - 0.5) / 0.25
    np.testing.assert_allclose(made[~gone], expected[~gone], atol=1e-5)
