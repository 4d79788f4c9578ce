"""Mixing in `tf.data` and in models: reproducible, and nothing is lost."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import random_images

import keras_aug_layers as kal

CLASSES = 6
LAYERS = {
    "mixup": lambda **kwargs: kal.MixUp(0.8, num_classes=CLASSES, **kwargs),
    "cutmix": lambda **kwargs: kal.CutMix(num_classes=CLASSES, **kwargs),
    "mosaic": lambda **kwargs: kal.Mosaic(num_classes=CLASSES, **kwargs),
}


def whole():
    """A move, and a mix for each image."""
    either = [LAYERS["mixup"](seed=1), LAYERS["cutmix"](seed=2)]
    return kal.FusedAugmentation([kal.RandomRotate(0.1), kal.RandomChoice(either)])


@pytest.mark.thorough
def test_a_dataset_is_the_same_at_any_parallelism():
    images = random_images((11, 12, 12, 3), "uint8")
    labels = np.arange(11) % CLASSES
    layer = kal.FusedAugmentation(
        [
            kal.RandomRotate(0.1),
            kal.RandomElasticTransform(),
            kal.RandomChoice([x(partners="random") for x in LAYERS.values()]),
        ],
        jit_compile=False,
    )
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)

    def epochs(calls):
        augmented = kal.augment_dataset(
            dataset, layer, seed=5, num_parallel_calls=calls
        )
        return [[(x.numpy(), y.numpy()) for x, y in augmented] for _ in "ab"]

    one, four = epochs(1), epochs(4)
    assert [len(x) for x, _ in one[0]] == [4, 4, 3]
    for first, second in zip(one, four, strict=True):
        for (x, y), (x2, y2) in zip(first, second, strict=True):
            np.testing.assert_array_equal(x, x2)
            np.testing.assert_array_equal(y, y2)
            np.testing.assert_allclose(y.sum(axis=1), 1.0, atol=1e-6)
    assert (one[0][0][0] != one[1][0][0]).any()


def test_a_named_tuple_beside_labels():
    """As without a mix: its images and masks are mixed, and the labels."""
    kind = collections.namedtuple("kind", ("images", "segmentation_masks"))
    images = random_images((4, 8, 8, 3), "uint8")
    parts = kind(images, images[..., :1]), np.eye(4, dtype="float32")
    dataset = tf.data.Dataset.from_tensor_slices(parts).batch(4)
    layer = kal.CutMix(jit_compile=False)
    ((made, labels),) = kal.augment_dataset(dataset, layer, seed=1)
    assert type(made) is kind and (made.images != images).numpy().any()
    np.testing.assert_array_equal(made.segmentation_masks, made.images[..., :1])
    assert (labels.numpy() != parts[1]).any()


@pytest.mark.parametrize("label", [-1, CLASSES])
def test_a_label_of_no_class_is_an_error(label):
    """As where they count from 1; they would be of no class, or hardly of any."""
    data = {"images": random_images((3, 8, 8, 3), "uint8"), "labels": [0, 1, label]}
    layer = LAYERS["mixup"](jit_compile=False)
    for call in (layer, tf.function(layer)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_classes=6"):
            call(data, training=True)
    assert layer({**data, "labels": [0, 1, 5]}, training=True)["labels"].shape == (3, 6)


@pytest.mark.parametrize("labels", [[0, 1], np.eye(1, 6), tf.constant([0, 1, 2, 3])])
def test_labels_are_as_many_as_images(labels):
    data = {"images": random_images((3, 8, 8, 3), "uint8"), "labels": labels}
    for call in (LAYERS["mixup"](), tf.function(LAYERS["cutmix"]())):
        with pytest.raises(ValueError, match=r"labels.* of 3 images"):
            call(data, training=True)


def test_labels_may_be_a_list_in_a_graph():
    images = random_images((2, 8, 8, 3), "uint8")
    layer = LAYERS["mixup"](seed=1)

    @tf.function
    def call(one, other):
        return layer({"images": images, "labels": [one, other]}, training=True)

    made = call(tf.constant(0), tf.constant(5))["labels"]
    np.testing.assert_allclose(tf.reduce_sum(made, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(made[:, 0] + made[:, 5], 1.0, rtol=1e-6)


def test_labels_of_no_known_shape_are_refused():
    images = random_images((2, 8, 8, 3), "uint8")
    layer = LAYERS["mixup"]()
    signature = [tf.TensorSpec(None, tf.int32)]
    call = tf.function(
        lambda labels: layer({"images": images, "labels": labels}, training=True),
        input_signature=signature,
        autograph=False,
    )
    with pytest.raises(ValueError, match=r"`labels` must.*set_shape\(\[None\]\)"):
        call(tf.constant([0, 1]))


class Mixed(keras.Model):
    """Takes a dict with labels: mixes both, and learns from what comes out."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.head = keras.Sequential(
            [keras.layers.Flatten(), keras.layers.Dense(CLASSES)]
        )

    def call(self, data, training=False):
        data = self.layer(data, training=training)
        pixels = tf.cast(data["images"], "float32") / 255.0
        logits = self.head(pixels)
        loss = keras.losses.categorical_crossentropy(
            data["labels"], logits, from_logits=True
        )
        self.add_loss(tf.reduce_mean(loss))
        return logits


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_model_whose_input_holds_labels_learns(jit_compile):
    images = random_images((8, 8, 8, 3), "uint8")
    data = {"images": images, "labels": np.arange(8) % CLASSES}
    model = Mixed(whole())
    model.compile("sgd", jit_compile=jit_compile)
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(4)
    history = model.fit(dataset.map(lambda x: (x,)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # Outside of training the labels are one-hot, and the images are as they were.
    expected = model.head(images.astype("float32") / 255.0)
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_model_without_labels_says_what_to_write(name):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), LAYERS[name](), keras.layers.Flatten()]
    )
    images = random_images((4, 8, 8, 3))
    np.testing.assert_array_equal(model(images), images.reshape(4, -1))
    with pytest.raises(ValueError, match="augment_dataset"):
        model(images, training=True)


@pytest.mark.thorough
def test_weights_of_samples_and_other_entries_stay():
    images = random_images((5, 8, 8, 3), "uint8")
    weights = np.linspace(0.1, 1.0, 5, dtype="float32")
    data = {"images": images, "labels": np.arange(5), "sample_weights": weights}
    data["names"] = np.array(list("abcde"))
    result = LAYERS["mixup"]()(data, training=True)
    assert result["sample_weights"] is weights
    assert result["names"] is data["names"]
    elements = tf.data.Dataset.from_tensor_slices((images, np.arange(5), weights))
    (_, labels, kept), *_ = kal.augment_dataset(
        elements.batch(5), LAYERS["mixup"](), seed=1
    )
    np.testing.assert_array_equal(kept, weights)
    assert labels.shape == (5, CLASSES)


def test_of_an_image_that_is_its_own_partner_nothing_is_there_twice():
    data = {
        "images": random_images((3, 16, 16, 3), "uint8"),
        "bounding_boxes": {"boxes": np.full((3, 1, 4), [2.0, 2.0, 12.0, 12.0])},
        "keypoints": np.full((3, 1, 2), 7.0),
    }
    layer = kal.MixUp(1.0, partners="reverse", bounding_box_format="xyxy", seed=3)
    made = layer(data, training=True)
    boxes, points = made["bounding_boxes"], made["keypoints"].numpy()
    kept = (boxes["boxes"].numpy() >= 0).all(axis=-1)
    np.testing.assert_array_equal(kept, [[True, True], [True, False], [True, True]])
    np.testing.assert_array_equal((points >= 0).all(axis=-1), kept)
    np.testing.assert_array_equal(boxes["weights"][1, 0], 1.0)
    assert (boxes["weights"].numpy()[::2] < 1.0).all()


def test_an_image_that_is_its_own_partner_keeps_its_boxes():
    """The middle one of three, where the last is the first one's partner."""
    boxes = np.full((3, 1, 4), [2.0, 2.0, 12.0, 12.0])
    points = np.full((3, 1, 2), 7.0)
    data = {
        "images": random_images((3, 16, 16, 3), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((3, 1))},
        "keypoints": points,
    }
    layer = kal.CutMix(partners="reverse", bounding_box_format="xyxy", seed=3)
    cut = 0
    for _ in range(8):
        made = layer(data, training=True)
        np.testing.assert_array_equal(made["images"][1], data["images"][1])
        kept = made["bounding_boxes"]["boxes"].numpy()
        np.testing.assert_array_equal(kept[1], [boxes[1, 0], [-1.0] * 4])
        np.testing.assert_array_equal(made["keypoints"][1, 0], points[1, 0])
        cut += np.any(kept[[0, 2], 0] != boxes[[0, 2], 0])
    assert cut > 0


TUPLED = {
    "either": lambda: kal.RandomChoice(
        [LAYERS["mixup"](seed=3), LAYERS["cutmix"](seed=4)], seed=5
    ),
    "mosaic": lambda: LAYERS["mosaic"](seed=6),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TUPLED)
def test_tuples_in_a_dataset(name):
    images = random_images((11, 8, 9, 3), "uint8")
    labels, weights = np.arange(11) % CLASSES, np.arange(11.0)
    layer = TUPLED[name]()

    def elements(*parts, **kwargs):
        dataset = tf.data.Dataset.from_tensor_slices(parts).batch(4)
        return list(kal.augment_dataset(dataset, layer, seed=1, **kwargs))

    three = elements(images, labels, weights)
    assert [len(x) for x, *_ in three] == [4, 4, 3]
    for (x, y, _), (x2, y2) in zip(three, elements(images, labels), strict=True):
        assert y.shape == (len(x), CLASSES)
        np.testing.assert_allclose(tf.reduce_sum(y, axis=1), 1.0, atol=1e-6)
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
    np.testing.assert_array_equal(np.concatenate([w for *_, w in three]), weights)
    alone = elements(images, labels, num_parallel_calls=1)
    for (x, y), (x2, y2, _) in zip(alone, three, strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
    dicts = tf.data.Dataset.from_tensor_slices(({"images": images}, labels)).batch(4)
    (x, y), *_ = kal.augment_dataset(dicts, layer, seed=1)
    np.testing.assert_array_equal(x["images"], three[0][0])
    np.testing.assert_array_equal(y, three[0][1])
