"""`fuse` and the layers that stay: what they get, of which dtype, and in dicts."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from fusing import op_by_op, silently_fused
from helpers import drawn
from keras import layers as kl

import keras_aug_layers as kal
from keras_aug_layers.layers import LayerSequence

CLAHE = "ContrastLimitedAdaptiveHistogramEqualization"
STAYING = {
    "noise": lambda: kl.GaussianNoise(0.1, seed=1),
    "a function": lambda: kl.Lambda(lambda x: x * 2 - 255),
    "a mean": lambda: kl.AveragePooling2D(2, strides=1, padding="same"),
}
if hasattr(kl, CLAHE):  # not in the oldest Keras
    STAYING["CLAHE"] = lambda: getattr(kl, CLAHE)(tile_grid_size=(2, 2))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", STAYING)
def test_a_layer_that_stays_gets_floats_as_keras_would_give_it(name, training, images):
    staying = STAYING[name]()
    fused = silently_fused([kl.RandomInvert((1.0, 1.0)), staying])
    with op_by_op():
        made = fused(images, training=training)
        given = (255.0 - images if training else images).astype("float32")
        expected = STAYING[name]()(given, training=training)
    assert made.dtype == "float32"
    np.testing.assert_allclose(made, expected, atol=1e-3)
    assert fused(keras.Input((9, 12, 3), dtype="uint8")).dtype == "float32"


def test_a_layer_that_stays_in_front_gets_what_came(images):
    dtypes = []
    spy = kl.Lambda(lambda x: (dtypes.append(x.dtype), x)[1])
    fused = kal.fuse([spy, kl.RandomFlip(), spy])
    drawn(fused, images)
    assert dtypes == ["uint8", "float32"]


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_the_dtype_is_that_of_the_layers_policy(policy, images):
    fused = kal.fuse([kl.RandomFlip(), kl.AveragePooling2D(2)])
    assert fused(images).dtype == "float16"


def test_augment_dataset_gives_them_floats_too(images):
    layers = kal.fuse([kl.RandomFlip(), STAYING["a function"]()])
    dataset = tf.data.Dataset.from_tensors({"images": images, "file": "a"})
    (made,) = kal.augment_dataset(dataset, layers, seed=1)
    assert made["images"].dtype == "float32"
    assert made["images"].numpy().min() < 0


def with_targets(images):
    return {
        "images": images,
        "segmentation_masks": images[..., :1] // 64,
        "labels": np.arange(4),
        "file": ["a", "b", "c", "d"],
        "keypoints": None,
    }


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", sorted(STAYING.keys() - {"a function"}))
def test_dicts_that_hold_anything(name, training, images):
    fused = silently_fused(
        [kl.RandomInvert((1.0, 1.0)), STAYING[name](), kl.RandomFlip()]
    )
    data = with_targets(images)
    with op_by_op():
        made = fused(data, training=training)
        alone = fused(images, training=training)
    assert made["file"] == data["file"] and made["keypoints"] is None
    np.testing.assert_array_equal(made["labels"], data["labels"])
    assert made["images"].dtype == alone.dtype == "float32"
    assert data["images"] is images


BOXES = np.full((4, 1, 4), [2.0, 3.0, 5.0, 6.0])


def mirror():
    return kal.RandomFlip("horizontal", chance=1.0, bounding_box_format="xyxy")


class OfDicts(keras.layers.Layer):
    """A user's layer, which takes whatever it gets."""

    def call(self, data):
        return {**data, "labels": data["labels"] + 1}


class InItsOwnWay(keras.layers.Pipeline):
    def call(self, data, training=None, mask=None):
        return super().call(data, training=training)


WHOLE = {
    "a stack": lambda: keras.Sequential([mirror()]),
    "a stack with a call of its own": lambda: InItsOwnWay([mirror()]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_stacks_get_dicts_whole(name, images):
    brightness = kal.RandomBrightness((0.1, 0.1), bounding_box_format="xyxy")
    fused = LayerSequence([WHOLE[name](), brightness])
    data = {"images": images, "bounding_boxes": {"boxes": BOXES}}
    moved = fused(data, training=True)["bounding_boxes"]["boxes"]
    width = images.shape[2]
    expected = [[width - 5.0, 3.0, width - 2.0, 6.0]]
    np.testing.assert_array_equal(moved[0], expected)


def test_functions_and_layers_of_ones_own_get_dicts_whole(images):
    halved = kl.Lambda(lambda data: {**data, "images": data["images"] / 2})
    fused = silently_fused([kl.RandomFlip(), halved, OfDicts()])
    made = fused({"images": images, "labels": np.arange(4)}, training=True)
    np.testing.assert_array_equal(made["labels"], np.arange(4) + 1)
    assert np.max(made["images"]) < 128


def test_integers_stay_behind_layers_that_were_ours(images):
    """Which Keras has never given as floats."""
    bits = kl.Lambda(lambda x: tf.bitwise.bitwise_and(x, 0xF0))
    for stack in ([kal.RandomFlip(), bits], [kal.RandomFlip(), kl.Identity()]):
        dataset = tf.data.Dataset.from_tensors(images)
        (made,) = kal.augment_dataset(dataset, keras.Sequential(stack), seed=1)
        assert made.dtype == "uint8"
    count = kl.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    fused = silently_fused([kl.RandomFlip(), count, kal.Solarization(0.5)])
    assert fused(images, training=True).dtype == "uint8"


def test_what_is_given_in_floats_is_saved(images, tmp_path):
    fused = silently_fused([kl.RandomInvert((1.0, 1.0)), kl.AveragePooling2D(2)])
    model = keras.Sequential([keras.Input((9, 12, 3), dtype="uint8"), fused])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert loaded(images).dtype == "float32"


def test_a_named_tuple(images):
    Pair = collections.namedtuple("Pair", "images labels")
    fused = silently_fused([kl.RandomFlip(), STAYING["noise"]()])
    made = fused(Pair(images, np.arange(4)), training=True)
    assert type(made) is Pair and made.images.dtype == "float32"


def test_keras_moves_the_targets_of_its_own_layers(images):
    """To the area's mean is none of ours: it stays, and its masks go with it."""
    fused = silently_fused([kl.RandomFlip(), kl.Resizing(18, 24, "area")])
    made = fused(with_targets(images), training=True)
    assert made["images"].shape == (4, 18, 24, 3)
    assert made["segmentation_masks"].shape == (4, 18, 24, 1)
    assert made["file"] == ["a", "b", "c", "d"]


def test_targets_that_would_stay_are_refused(images):
    fused = silently_fused([kl.RandomFlip(), kl.AveragePooling2D(2)])
    with pytest.raises(ValueError, match="(?s)AveragePooling2D.*'segmentation_masks'"):
        fused(with_targets(images), training=True)


def test_shapes_and_symbols_of_dicts():
    fused = silently_fused([kl.RandomFlip(), kl.AveragePooling2D(2)])
    shapes = fused.compute_output_shape({"images": (2, 8, 8, 3), "labels": (2,)})
    assert shapes == {"images": (2, 4, 4, 3), "labels": (2,)}
    images = keras.Input((8, 8, 3), dtype="uint8")
    made = fused({"images": images, "labels": keras.Input(())})
    assert made["images"].shape == (None, 4, 4, 3)
    assert made["images"].dtype == "float32"


@pytest.mark.parametrize(
    "layer", [kl.Conv2D(4, 3), kl.Dense(2), kl.BatchNormalization(), kl.PReLU()]
)
def test_layers_that_will_have_weights_are_refused(layer):
    """Not built, they have none yet: a model around them would not train these."""
    with pytest.raises(ValueError, match="`stack` must hold preprocessing layers only"):
        kal.fuse([kl.RandomFlip(), layer])


def test_weights_that_a_layer_makes_before_it_is_built_are_trained():
    class Own(kl.Layer):
        def __init__(self):
            super().__init__()
            self.gain = self.add_weight(shape=())

    with pytest.raises(ValueError, match="`stack` must hold preprocessing layers only"):
        kal.fuse([kl.RandomFlip(), Own()])


def test_layers_without_weights_stay_though_they_are_not_built():
    staying = kl.Rescaling(1 / 127.5), kl.Dropout(0.1), kl.MaxPooling2D(2)
    fused = silently_fused([kl.RandomFlip(), *staying, kl.Normalization()])
    assert [type(x).__name__ for x in fused.layers][-3:] == [
        "Dropout",
        "MaxPooling2D",
        "Normalization",
    ]


def test_labels_in_the_place_of_training_are_explained(images):
    """A map over pairs gives them."""
    fused = kal.fuse([kl.RandomFlip(), kl.Activation("relu")])
    pairs = tf.data.Dataset.from_tensor_slices((images, np.arange(len(images))))
    with pytest.raises(ValueError, match="`training` must be true or false"):
        pairs.batch(2).map(fused)
