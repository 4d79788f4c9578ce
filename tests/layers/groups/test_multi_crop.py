"""MultiCrop: views of their own, each of the image that came in."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal


def views():
    return kal.MultiCrop(
        {
            "global": (2, [kal.RandomResizedCrop(24, 24, seed=1), kal.RandomFlip()]),
            "local": (3, [kal.RandomResizedCrop(9, 12, scale=(0.05, 0.4))]),
        }
    )


@op_by_op()
def test_one_layer_is_a_stack_of_one():
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3), "uint8")
    one, several = (
        kal.MultiCrop({"a": (2, layers)})(images, training=True, seed=(1, 2))["a"]
        for layers in (kal.RandomCrop(4, 4), [kal.RandomCrop(4, 4)])
    )
    np.testing.assert_array_equal(one, several)


@pytest.mark.parametrize("view", [2, (2,), [kal.RandomFlip()]])
def test_a_view_is_a_number_and_layers(view):
    with pytest.raises(ValueError, match="`views` .*Received: .*'a'.*Write"):
        kal.MultiCrop({"a": view})


@pytest.mark.parametrize("name", ["images", "labels", "bounding_boxes", 3])
def test_a_view_is_no_target(name):
    with pytest.raises(ValueError, match=f"`views` .*Received: {name!r}"):
        kal.MultiCrop({name: (2, [kal.RandomFlip()])})


@pytest.mark.thorough
@op_by_op()
def test_shapes_and_draws():
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 50, 3), "uint8")
    layer = views()
    made = layer(images, training=True)
    assert {k: tuple(v.shape) for k, v in made.items()} == {
        "global": (4, 2, 24, 24, 3),
        "local": (4, 3, 9, 12, 3),
    }
    assert not np.array_equal(made["global"][:, 0], made["global"][:, 1])
    one = layer(images, training=True, seed=(1, 2))
    same = layer(images, training=True, seed=(1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
    assert not np.array_equal(one["local"][:, 0], one["local"][:, 1])
    still = layer(images)
    np.testing.assert_array_equal(still["global"][:, 0], still["global"][:, 1])
    assert layer(images[0], training=True)["local"].shape == (3, 9, 12, 3)


@pytest.mark.thorough
def test_in_models_and_datasets(tmp_path):
    layer = views()
    inputs = keras.Input((None, None, 3), dtype="uint8")
    model = keras.Model(inputs, layer(inputs))
    assert tuple(model.output["local"].shape) == (None, 3, 9, 12, 3)
    twin = kal.MultiCrop.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    images = tf.zeros((3, 40, 50, 3), tf.uint8)
    dataset = tf.data.Dataset.from_tensor_slices(images)
    dataset = dataset.map(lambda x: layer(x, training=True))
    assert dataset.element_spec["global"].shape == (2, 24, 24, 3)
    with pytest.raises(ValueError, match="Received"):
        kal.MultiCrop({})
    with pytest.raises(ValueError, match="Received"):
        kal.MultiCrop({"global": (0, [])})


@pytest.mark.thorough
@op_by_op()
def test_targets_follow_every_view():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 200, (3, 40, 50, 1), "uint8")
    images[:, 12:20, 20:30] = 255
    data = {
        "images": images,
        "segmentation_masks": (images == 255).astype("int32"),
        "bounding_boxes": {
            "boxes": np.array([[[20, 12, 30, 20]]] * 3, "float32"),
            "labels": np.full((3, 1), 7),
        },
        "keypoints": np.full((3, 1, 2), (20, 12), "float32"),
        "labels": np.arange(3),
        "names": tf.constant(["a", "b", "c"]),
    }
    crop = {"bounding_box_format": "xyxy"}
    layer = kal.MultiCrop(
        {
            "one": (2, [kal.RandomCrop(30, 40, **crop), kal.RandomFlip(**crop)]),
            "other": (3, [kal.RandomCrop(36, 44, **crop)]),
        }
    )
    made = layer(data, training=True)
    assert set(made) == {"one", "other", "names"}
    for name, count in (("one", 2), ("other", 3)):
        view = made[name]
        shown = view["images"].numpy()[..., 0] == 255
        np.testing.assert_array_equal(view["segmentation_masks"][..., 0], shown)
        np.testing.assert_array_equal(view["labels"], [[i] * count for i in range(3)])
        boxes = view["bounding_boxes"]["boxes"].numpy()
        assert boxes.shape == (3, count, 1, 4)
        assert view["bounding_boxes"]["labels"].shape == (3, count, 1)
        assert view["keypoints"].shape == (3, count, 1, 2)
        for image in range(3):
            for number in range(count):
                y, x = np.nonzero(shown[image, number])
                edges = [x.min(), y.min(), x.max() + 1, y.max() + 1]
                assert boxes[image, number, 0].tolist() == edges
                corner = view["keypoints"].numpy()[image, number, 0]
                assert corner[0] in (x.min(), x.max())
                assert corner[1] in (y.min(), y.max())
    with pytest.raises(ValueError, match="name of a view"):
        layer({**data, "one": data["labels"]}, training=True)


@pytest.mark.thorough
def test_what_belongs_to_images_may_be_lists_and_nothing():
    """Of a named tuple or a dict, videos included."""
    videos = np.zeros((2, 4, 20, 20, 3), "uint8")
    layer = kal.MultiCrop({"one": (3, [kal.RandomFlip(bounding_box_format="xyxy")])})
    for images, boxes in ((videos, (2, 4, 1, 4)), (videos[:, 0], (2, 1, 4))):
        flat = {
            "boxes": np.zeros(boxes).tolist(),
            "labels": np.ones(boxes[:-1]).tolist(),
        }
        data = {"images": images, "labels": [1, 2], "keypoints": None}
        made = layer({**data, "bounding_boxes": flat}, training=True)
        assert made.keys() == {"one", "keypoints"} and made["keypoints"] is None
        view = made["one"]
        assert view["images"].shape == (2, 3, *images.shape[1:])
        np.testing.assert_array_equal(view["labels"], [[1] * 3, [2] * 3])
        assert view["bounding_boxes"]["boxes"].shape == (2, 3, *boxes[1:])
        assert view["bounding_boxes"]["labels"].shape == (2, 3, *boxes[1:-1])
        kind = collections.namedtuple("kind", data)
        assert layer(kind(**data), training=True)["one"]["labels"].shape == (2, 3)


@pytest.mark.thorough
def test_views_of_a_stack_are_warped_once():
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), "uint8")
    turn = kal.RandomRotate(0.1, seed=1)
    crop = kal.RandomCrop(20, 20, seed=2, fill_mode="reflect", antialias=False)
    turned = turn(images, training=True, seed=(1, 2))
    made = kal.MultiCrop({"one": (1, [crop])})(turned, training=True, seed=(3, 4))
    drawn = turn.sample(images, seed=(1, 2))
    with kal.no_chaining():
        again = kal.MultiCrop({"one": (1, [crop])})(turned, training=True, seed=(3, 4))
    # A window of whole pixels shows the turned image itself, chained or not.
    np.testing.assert_allclose(
        made["one"].numpy().astype(int), again["one"].numpy(), atol=1
    )
    before = drawn.images(images).numpy()
    assert before.shape == (2, 40, 50, 3)
    twice = kal.MultiCrop({"one": (1, [kal.RandomRotate(0.1, seed=5)])})
    one = twice(turned, training=True, seed=(3, 4))["one"].numpy().astype(float)
    with kal.no_chaining():
        two = twice(turned, training=True, seed=(3, 4))["one"].numpy().astype(float)
    assert np.std(one) > np.std(two)  # a second warp blurs


class Views(keras.Model):
    """A subclass, whose layers get `training` from the call around them."""

    def __init__(self, as_dict):
        super().__init__()
        self.views = kal.MultiCrop({"a": (2, [kal.RandomRotate((0.1, 0.2))])})
        self.drop, self.as_dict = keras.layers.Dropout(0.5), as_dict

    def call(self, x):
        views = self.views({"images": x, "file": "a.png"} if self.as_dict else x)["a"]
        views = views["images"] if self.as_dict else views
        return views, self.drop(tf.ones(999))


@pytest.mark.parametrize("as_dict", [False, True])
def test_training_is_that_of_the_model_around(as_dict):
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 3)).astype("float32")
    model = Views(as_dict)
    for training in (True, False):
        views, dropped = model(images, training=training)
        assert (views[:, 0] != images).numpy().any() == training
        assert (dropped != 1.0).numpy().any() == training


def test_shapes_without_images():
    """As `keras.Sequential` asks for them."""
    views = {"a": (2, kal.RandomResizedCrop(8, 6)), "b": (1, kal.Resizing(5, 5))}
    layer = kal.MultiCrop(views)
    shapes = {"a": (4, 2, 8, 6, 3), "b": (4, 1, 5, 5, 3)}
    assert layer.compute_output_shape((4, 20, 20, 3)) == shapes
    assert keras.Sequential([layer]).compute_output_shape((4, 20, 20, 3)) == shapes
    given = {
        "images": (None, 20, 20, 3),
        "bounding_boxes": {"boxes": (None, 7, 4), "labels": (None, 7)},
        "file": (None,),
    }
    made = layer.compute_output_shape(given)
    assert made["file"] == (None,)
    assert made["a"]["images"] == (None, 2, 8, 6, 3)
    assert made["b"]["bounding_boxes"] == {
        "boxes": (None, 1, 7, 4),
        "labels": (None, 1, 7),
    }


def test_entries_that_are_no_tensors_pass():
    """As in every layer."""
    images = random_images((3, 8, 8, 3), "uint8")
    beside = {"source": "a.json", "scale": 2.0, "labels": None}
    boxes = {"boxes": np.full((3, 1, 4), [1.0, 1, 6, 6]), **beside}
    data = {"images": images, "bounding_boxes": boxes}
    data["labels"] = tf.sparse.from_dense(np.eye(3))
    flip = kal.RandomFlip(bounding_box_format="xyxy")
    view = kal.MultiCrop({"a": (2, [flip])})(data, training=True)["a"]
    assert {key: view["bounding_boxes"][key] for key in beside} == beside
    assert view["bounding_boxes"]["boxes"].shape == (3, 2, 1, 4)
    np.testing.assert_array_equal(
        tf.sparse.to_dense(view["labels"]), np.stack([np.eye(3)] * 2, axis=1)
    )
