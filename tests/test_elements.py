"""Elements of datasets: what moves in them, what is mixed, and what is warned of."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal

IMAGES = random_images((4, 20, 24, 3), "uint8")
LABELS = np.arange(4)
MASKS = IMAGES[..., :1]
Pair = collections.namedtuple("Pair", "images labels")
Heads = collections.namedtuple("Heads", "boxes kind")


@op_by_op()
def augmented(elements, layer, batch=4, **kwargs):
    """The first element of an augmented dataset of batches."""
    dataset = tf.data.Dataset.from_tensor_slices(elements).batch(batch)
    return next(iter(kal.augment_dataset(dataset, layer, seed=1, **kwargs)))


def flip():
    return kal.RandomFlip("horizontal", chance=1.0, jit_compile=False)


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        ((IMAGES, {"decoder": MASKS, "head": LABELS}), "'decoder'"),
        ((IMAGES, {"decoder": MASKS[..., 0], "head": LABELS}), "'decoder'"),
        ((IMAGES, {"labels": MASKS}), "'labels'"),
        ((IMAGES, (MASKS, LABELS)), "part 0"),
        ((IMAGES, (LABELS, {"far": MASKS})), "'far' of part 1"),
        ((IMAGES, Heads(np.ones((4, 2, 4)), LABELS)), "'boxes'"),
        ((IMAGES, (LABELS, {"boxes": np.ones((4, 2, 4))})), "'boxes' of part 1"),
        (({"images": IMAGES}, {"decoder": MASKS}), "'decoder'"),
        ((Pair(IMAGES, LABELS), (LABELS, MASKS)), "part 1"),
    ],
)
def test_targets_among_several_labels_are_named(elements, name):
    with pytest.warns(kal.DataWarning, match=f"hold {name}, which are not moved"):
        augmented(elements, flip())


def test_masks_beside_a_named_tuple_are_named():
    with pytest.warns(kal.DataWarning, match=r"of shape \(None, 20, 24, 1\), have the"):
        augmented((Pair(IMAGES, LABELS), MASKS), flip())


def test_what_is_no_target_among_labels_is_not_named():
    """Which would raise: a warning is an error here."""
    several = {"one_hot": np.eye(4), "grid": np.ones((4, 5, 6, 1)), "kind": LABELS}
    made, labels = augmented((IMAGES, (several, LABELS)), flip())
    np.testing.assert_array_equal(made, IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(labels[0]["one_hot"], np.eye(4))
