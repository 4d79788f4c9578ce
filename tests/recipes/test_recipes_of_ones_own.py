"""Recipes of one's own layers: what mixes gets batches, whatever holds it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import FEW_VIEWS, small_recipe
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers import recipes

LABELS = np.arange(4)


def mix():
    return kal.CutMix(num_classes=4, jit_compile=False)


def crop():
    return kal.CenterCrop(12, 12, antialias=False, jit_compile=False)


def flip():
    return kal.RandomFlip(chance=1.0)


WHOLE = {
    "a layer": mix,
    "a choice": lambda: kal.RandomChoice([mix(), kal.MixUp(num_classes=4)]),
    "by chance": lambda: kal.RandomApply(mix(), 0.9),
    "always": lambda: kal.RandomApply(mix(), 1.0),
    "a group by chance": lambda: kal.FusedAugmentation(
        [flip(), mix()], probability=0.9
    ),
    "a group by a chance that changes": lambda: kal.FusedAugmentation(
        [flip(), mix()], probability=tf.Variable(0.9)
    ),
    "chosen": lambda: kal.RandomApply(kal.FusedAugmentation([crop(), mix()]), 0.9),
}
PARTED = {
    "sequential": lambda: keras.Sequential([crop(), kal.RandomFlip(), mix(), crop()]),
    "pipeline": lambda: keras.layers.Pipeline([crop(), mix()]),
    "fused": lambda: kal.fuse([crop(), keras.layers.Rescaling(1.0), mix()]),
    "nested": lambda: kal.FusedAugmentation([kal.FusedAugmentation([crop(), mix()])]),
    "in stacks": lambda: keras.Sequential([crop(), keras.Sequential([crop(), mix()])]),
}


@op_by_op()
def batches(train, dataset):
    recipe = recipes.Recipe("own", {}, train, kal.FusedAugmentation([crop()]))
    return list(recipe.dataset(dataset, True, batch_size=2))


@pytest.mark.parametrize("name", WHOLE)
def test_what_mixes_gets_batches(name):
    elements = random_images((4, 12, 12, 3), "uint8"), LABELS
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    made = batches(WHOLE[name](), dataset)
    assert [x.shape for x, _ in made] == [(2, 12, 12, 3)] * 2
    assert [x.shape for _, x in made] == [(2, 4)] * 2
    recipe = recipes.Recipe("own", {}, WHOLE[name](), crop())
    with pytest.raises(ValueError, match="`batch_size` must be given"):
        recipe.dataset(dataset, True)


def test_a_group_has_one_chance():
    """Images that are flipped are those that are cut."""
    images = np.zeros((64, 12, 12, 3), "uint8")
    images[:, :, :6] = 200
    dataset = tf.data.Dataset.from_tensor_slices((images, np.eye(64, dtype="float32")))
    mixing = kal.MixUp(1e6, jit_compile=False)  # halves
    group = kal.FusedAugmentation([flip(), mixing], probability=0.5, seed=1)
    recipe = recipes.Recipe("own", {}, group, crop())
    ((found, labels),) = recipe.dataset(dataset, True, batch_size=64)
    flipped = found.numpy()[:, 0, 0, 0] < 100
    mixed = labels.numpy().max(axis=1) < 1.0
    assert 16 < mixed.sum() < 48
    assert not (flipped & ~mixed).any()


def test_both_halves_of_a_group_have_what_all_its_layers_say():
    """Of floats the first half knows the range, for the noise of the second."""
    images = np.random.default_rng(0).uniform(0, 1, (8, 12, 12, 3)).astype("float32")
    masks = np.ones((8, 12, 12, 1), "uint8")
    elements = {"images": images, "segmentation_masks": masks, "labels": np.eye(8)}
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    group = kal.FusedAugmentation(
        [
            kal.RandomBrightness(0.1, value_range=(0, 1)),
            kal.CutMix(),
            kal.RandomErasing(1.0, scale=(0.5, 0.5)),
            kal.RandomShift((0.5, 0.5), fill_mode="constant", mask_fill_value=7),
        ]
    )
    recipe = recipes.Recipe("own", {}, group, crop())
    with op_by_op():
        (made,) = recipe.dataset(dataset, True, batch_size=8)
    assert 0.0 <= made["images"].numpy().min() and made["images"].numpy().max() <= 1.0
    assert set(np.unique(made["segmentation_masks"])) == {1, 7}


def test_behind_a_normalising_the_range_is_another():
    images = np.random.default_rng(0).uniform(0, 1, (8, 12, 12, 3)).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((images, np.eye(8, dtype="float32")))
    group = kal.FusedAugmentation(
        [kal.Normalize(0.5, 0.25), kal.CutMix()], value_range=(0, 1)
    )
    recipe = recipes.Recipe("own", {}, group, crop())
    with op_by_op():
        ((made, _),) = recipe.dataset(dataset, True, batch_size=8)
    assert made.numpy().min() < -1.5 and made.numpy().max() > 1.5


@pytest.mark.parametrize(
    "name", ["simclr", pytest.param("dino", marks=pytest.mark.thorough)]
)
def test_views_of_named_parts_get_batches(name):
    images = random_images((4, 20, 24, 3), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices((images, images[..., 0]))
    recipe = small_recipe(name, **FEW_VIEWS.get(name, {}))
    made = recipe.dataset(
        dataset, True, batch_size=2, structure=("images", "segmentation_masks")
    )
    views, masks = made.element_spec
    assert {k: x.shape[:2] for k, x in views.items()} == {
        k: x.shape[:2] for k, x in masks.items()
    }


@pytest.mark.thorough
@pytest.mark.parametrize("name", PARTED)
def test_what_comes_before_a_mix_gets_photographs_of_any_size(name):
    photographs = [random_images((14 + x, 20 - x, 3), "uint8") for x in LABELS]
    specs = tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(photographs, LABELS, strict=True), output_signature=specs
    )
    made = batches(PARTED[name](), dataset)
    assert [x.shape for x, _ in made] == [(2, 12, 12, 3)] * 2
    assert [x.shape for _, x in made] == [(2, 4)] * 2


def test_views_that_mix_get_batches():
    elements = random_images((4, 12, 12, 3), "uint8"), LABELS
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    ((images, labels), _) = batches(kal.MultiCrop({"near": (2, [mix()])}), dataset)
    assert images["near"].shape == (2, 2, 12, 12, 3)
    assert labels["near"].shape == (2, 2, 4)


def test_what_has_one_part_stays_so():
    dataset = tf.data.Dataset.from_tensor_slices((random_images((4, 12, 14, 3)),))
    recipe = recipes.Recipe("own", {}, crop(), crop())
    for training in (True, False):
        for elements, size in ((dataset, 4), (dataset.batch(4), None)):
            (element,) = recipe.dataset(elements, training, batch_size=size)
            assert type(element) is tuple
            assert element[0].shape == (4, 12, 12, 3)


@pytest.mark.parametrize("stack", [keras.Sequential, kal.FusedAugmentation])
def test_a_validation_makes_labels_one_hot(stack):
    elements = random_images((4, 12, 14, 3), "uint8"), LABELS[:, None]
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    recipe = recipes.Recipe("own", {}, mix(), stack([crop(), mix()]))
    images, labels = next(iter(recipe.dataset(dataset, False, batch_size=4)))
    assert images.shape == (4, 12, 12, 3) and images.dtype == "uint8"
    np.testing.assert_array_equal(labels, np.eye(4))
