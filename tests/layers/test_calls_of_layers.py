"""How layers may be called, and what is said of calls that are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = np.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3).astype("uint8")


def flip():
    return kal.RandomFlip("horizontal", chance=1.0)


LAYERS = {
    "a layer": (flip, lambda y: y),
    "a group": (lambda: kal.FusedAugmentation([flip()]), lambda y: y),
    "views": (lambda: kal.MultiCrop({"a": (1, [flip()])}), lambda y: y["a"][:, 0]),
    "a sequence": (lambda: kal.fuse([flip(), keras.layers.Identity()]), lambda y: y),
}


@pytest.mark.parametrize("make, of", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize(
    "images", [IMAGES, tf.constant(IMAGES)], ids=["array", "tensor"]
)
def test_training_by_its_place(make, of, images):
    np.testing.assert_array_equal(of(make()(images, True)), IMAGES[:, :, ::-1])


def test_a_seed_by_its_place():
    layer = kal.RandomShift(0.3)
    by_name = layer(IMAGES, training=True, seed=(1, 2))
    np.testing.assert_array_equal(layer(IMAGES, True, (1, 2)), by_name)
    with pytest.raises(TypeError, match="takes data, training, seed"):
        layer(IMAGES, True, (1, 2), 3)
    with pytest.raises(TypeError, match="takes data, training, seed"):
        layer(IMAGES, True, training=False)


@pytest.mark.parametrize("make, of", LAYERS.values(), ids=LAYERS)
def test_labels_in_the_place_of_training(make, of):
    pairs = tf.data.Dataset.from_tensors((IMAGES, [0, 1]))
    with pytest.raises(ValueError, match="dataset.map\\(lambda x, y"):
        pairs.map(make())


@pytest.mark.parametrize("seed", [7, (0.2, 0.7), [3], (1, 2, 3), [(1, 2)] * 3])
@pytest.mark.parametrize("name", ["a layer", "views"])
def test_seeds_that_are_none(name, seed):
    with pytest.raises(ValueError, match="`seed` must be two integers"):
        LAYERS[name][0]()(IMAGES, training=True, seed=seed)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_draw_for_a_list_of_images(count):
    images = [np.full((6, 8, 3), i, "uint8") for i in range(count)]
    layer = kal.RandomRotate(0.2)
    found = layer.sample(images, seed=(1, 2)).matrix
    expected = layer.sample(np.stack(images), seed=(1, 2)).matrix
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="must be one batch, or images of one size"):
        layer.sample([images[0], images[1][:3]])


def test_an_argument_of_keras_that_is_always_so():
    assert kal.RandomFlip(autocast=False).autocast is False


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: kal.RandomHSV(0.1), "`dtype`"),
        (lambda: kal.RandomErasing(), "`dtype`"),
        (lambda: kal.CoarseDropout(fill_value=None), "`dtype`"),
        (lambda: kal.GridMask(fill_value="noise"), "`dtype`"),
    ],
)
def test_a_shape_alone_does_not_tell_the_range(make, name):
    layer = make()
    with pytest.raises(ValueError, match=f"{name} must be given"):
        layer.sample(IMAGES.shape)
    assert (
        layer.sample(IMAGES.shape, dtype="uint8").images(IMAGES).shape == IMAGES.shape
    )
