"""Recipes for photographs that show different numbers of objects."""

import json

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers import recipes

COUNTS = 1, 3, 0, 2
FORMAT = {"bounding_box_format": "xyxy"}


def photographs():
    """Photographs of any size, with boxes in number as `COUNTS`."""
    random = np.random.default_rng(0)

    def each():
        for count in COUNTS:
            low = random.uniform(0, 8, (count, 2))
            yield {
                "images": random.integers(0, 256, (24, 20 + count, 3)).astype("uint8"),
                "bounding_boxes": {
                    "boxes": np.hstack([low, low + 10]).astype("float32"),
                    "labels": np.arange(count, dtype="int32"),
                    "names": np.array(["car"] * count, "object"),
                    "areas": np.full(count, 7, "uint8"),
                },
            }

    several = tf.TensorSpec((None,), tf.int32)
    spec = {
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
        "bounding_boxes": {
            "boxes": tf.TensorSpec((None, 4), tf.float32),
            "labels": several,
            "names": tf.TensorSpec((None,), tf.string),
            "areas": tf.TensorSpec((None,), tf.uint8),
        },
    }
    return tf.data.Dataset.from_generator(each, output_signature=spec)


def mosaics():
    """A recipe that mixes boxes, as `recipes.yolo`, without what is long to compile."""
    options = {**FORMAT, "antialias": False, "jit_compile": False}
    resized = kal.FusedAugmentation([kal.Resizing(16, 16)], **options)
    train = kal.FusedAugmentation([kal.Resizing(16, 16), kal.Mosaic()], **options)
    return recipes.Recipe("own", {}, train, resized)


@pytest.mark.thorough
def test_boxes_are_filled_up_for_a_validation():
    dataset = recipes.yolo(16, **FORMAT).dataset(photographs(), False, batch_size=3)
    first, last = (batch["bounding_boxes"] for batch in dataset)
    assert first["boxes"].shape == (3, 3, 4) and last["boxes"].shape == (1, 2, 4)
    assert first["labels"].numpy().tolist() == [[0, -1, -1], [0, 1, 2], [-1, -1, -1]]
    assert first["names"].numpy()[0].tolist() == [b"car", b"", b""]
    assert first["areas"].numpy()[0].tolist() == [7, 0, 0]
    there = (first["boxes"].numpy() != -1).any(-1)
    np.testing.assert_array_equal(there, first["labels"] != -1)


@pytest.mark.parametrize(
    "recipe",
    [
        mosaics,
        pytest.param(lambda: recipes.yolo(16, **FORMAT), marks=pytest.mark.slow),
    ],
    ids=["own", "yolo"],
)
def test_boxes_are_filled_up_for_a_training(recipe):
    dataset = recipe().dataset(photographs(), True, batch_size=2)
    batches = [batch["bounding_boxes"] for batch in dataset]
    for boxes in batches:  # four images in one, each with room for the most of them
        count = boxes["boxes"].shape[1]
        assert count % 4 == 0 and boxes["labels"].shape == (2, count)
        there = (boxes["boxes"].numpy() != -1).any(-1)
        np.testing.assert_array_equal(there, boxes["labels"] != -1)
    assert sum((boxes["labels"].numpy() != -1).sum() for boxes in batches) > 2


def test_arrays_as_arguments_are_saved(tmp_path):
    """They came back as dicts, and `replace` failed."""
    mean = np.array([0.1, 0.2, 0.3])
    recipe = recipes.mae(16, mean=mean, std=np.float32(0.5))
    recipe.save(tmp_path / "recipe.json")
    json.loads((tmp_path / "recipe.json").read_text())
    loaded = kal.recipes.Recipe.load(tmp_path / "recipe.json")
    assert loaded.arguments["mean"] == (0.1, 0.2, 0.3)
    images = np.full((1, 16, 16, 3), 51, "uint8")
    expected = (0.2 - mean) / 0.5
    for each in (loaded, loaded.replace(size=12)):
        np.testing.assert_allclose(
            each.validation(images)[0, 0, 0], expected, atol=1e-6
        )


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63)])
def test_every_seed_of_64_bits_is_one(seed):
    dataset = mosaics().dataset(photographs(), True, batch_size=2, seed=seed)
    assert next(iter(dataset))["images"].shape == (2, 16, 16, 3)


def test_images_of_other_sizes_are_no_batch():
    """They are not filled up: -1 is no pixel."""
    sizes = tf.TensorSpec((None, 16, 3), tf.uint8)
    images = (np.full((count, 16, 3), 9, "uint8") for count in (10, 14))
    dataset = tf.data.Dataset.from_generator(lambda: images, output_signature=sizes)
    layers = [kal.FusedAugmentation([kal.RandomFlip()]) for _ in range(2)]
    recipe = recipes.Recipe("own", {}, *layers)
    with pytest.raises(tf.errors.InvalidArgumentError, match="different shapes"):
        next(iter(recipe.dataset(dataset, False, batch_size=2)))
