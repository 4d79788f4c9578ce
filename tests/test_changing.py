"""Chances and strengths that change during a training, without a new trace."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, op_by_op, random_images

import keras_aug_layers as kal


def variable(value):
    return tf.Variable(value, trainable=False)


def flip(chance, **arguments):
    """Mirrors images with a chance."""
    return kal.RandomFlip("horizontal", chance=1.0, probability=chance, **arguments)


@pytest.fixture
def images():
    return random_images((4, 8, 10, 3), "uint8")


def assert_follows(call, images, chance):
    """Nothing, all, and nothing again."""
    for value, expected in ((0.0, images), (1.0, images[:, :, ::-1]), (0.0, images)):
        chance.assign(value)
        assert_same_bits(call(), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, "auto", True])
def test_a_chance_is_that_of_the_moment(images, jit_compile):
    chance = variable(1.0)
    layer = flip(chance, jit_compile=jit_compile)
    assert_follows(lambda: layer(images, training=True), images, chance)
    called = tf.function(lambda x: layer(x, training=True))
    assert_follows(lambda: called(tf.constant(images)), images, chance)
    assert called.experimental_get_tracing_count() == 1


@pytest.mark.thorough
def test_in_tf_data(images):
    chance = variable(1.0)
    dataset = tf.data.Dataset.from_tensors(images)
    layer = flip(chance)
    augmented = kal.augment_dataset(dataset, layer, seed=1)
    mapped = dataset.map(lambda x: layer(x, training=True))
    for made in (augmented, mapped):
        assert_follows(lambda made=made: next(iter(made)), images, chance)


@pytest.mark.thorough
def test_in_a_group_a_chain_and_a_copy(images):
    chance = variable(1.0)
    nothing = kal.RandomShift(0.0)
    group = kal.FusedAugmentation([nothing, flip(chance)])
    copy = group.with_layers(group.layers)
    model = keras.Sequential([keras.Input((8, 10, 3), dtype="uint8"), nothing])
    model.add(flip(chance))
    called = tf.function(lambda x: model(x, training=True))
    for call in (group, copy):
        assert_follows(lambda call=call: call(images, training=True), images, chance)
    assert_follows(lambda: called(tf.constant(images)), images, chance)


@pytest.mark.thorough
def test_while_a_model_is_fitted():
    """The loss of a model of one number is that of what it sees."""
    chance = variable(0.0)
    left = (np.arange(10) < 5).astype("float32")[:, np.newaxis]
    marked = left * np.ones((4, 8, 10, 3), "float32")
    model = keras.Sequential(
        [
            keras.Input((8, 10, 3)),
            flip(chance),
            keras.layers.Cropping2D(((0, 0), (0, 5))),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="ones", trainable=False),
        ]
    )
    model.compile("sgd", "mae")

    class Switch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            chance.assign(float(epoch % 2))

    history = model.fit(
        marked, np.zeros(4), epochs=4, verbose=0, callbacks=[Switch()]
    ).history["loss"]
    np.testing.assert_allclose(history, [120.0, 0.0, 120.0, 0.0])


@pytest.mark.thorough
def test_a_magnitude_is_that_of_the_moment(images):
    magnitude = variable(2.0)
    how = {"training": True, "seed": (3, 4)}
    changing = kal.RandAugment(magnitude=magnitude, seed=1)
    results = []
    for value in (2.0, 25.0):
        magnitude.assign(value)
        fixed = kal.RandAugment(magnitude=value, seed=1)
        results.append(changing(images, **how))
        assert_same_bits(results[-1], fixed(images, **how))
    assert (results[0].numpy() != results[1].numpy()).mean() > 0.2


@pytest.mark.thorough
def test_a_recipe_ends_its_mosaics_and_its_mixing(images, tmp_path):
    chance = variable(1.0)
    recipe = kal.recipes.yolo(size=16, mosaic=chance, bounding_box_format="xyxy")
    boxes = np.tile(np.float32([[[1, 1, 9, 7]]]), (4, 1, 1))
    data = {"images": images, "bounding_boxes": {"boxes": boxes}}
    dataset = tf.data.Dataset.from_tensor_slices(data)
    with op_by_op():
        made = recipe.dataset(dataset, True, batch_size=4)

    def others():
        """Boxes of the other three images of each."""
        shown = next(iter(made))["bounding_boxes"]["boxes"].numpy()
        return (shown[:, 1:] != -1).any(axis=-1).sum()

    assert others() > 0
    chance.assign(0.0)
    assert others() == 0

    mixing = variable(1.0)
    recipe = kal.recipes.timm(
        size=16, num_classes=4, auto_augment=None, mixup_prob=mixing, smoothing=0.0
    )
    pairs = tf.data.Dataset.from_tensors((images, np.arange(4)))
    with op_by_op():
        made = recipe.dataset(pairs, True)
    labels = next(iter(made))[1].numpy()
    assert ((0 < labels) & (labels < 1)).any()
    mixing.assign(0.0)
    np.testing.assert_array_equal(next(iter(made))[1], np.eye(4))
    recipe.save(tmp_path / "recipe.json")
    loaded = kal.recipes.Recipe.load(tmp_path / "recipe.json")
    assert loaded.arguments["mixup_prob"] == 0.0
    assert "mixup_prob=0.0" in repr(recipe)


def test_a_config_holds_the_number():
    layer = flip(variable(0.25))
    assert layer.get_config()["probability"] == 0.25
    assert type(layer).from_config(layer.get_config()).probability == 0.25
    assert not layer.weights


def test_variables_of_keras_will_do(images):
    chance = keras.Variable(1.0, trainable=False)
    layer = flip(chance)
    assert_follows(lambda: layer(images, training=True), images, chance)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (tf.Variable([0.5, 0.5]), r"scalar variable.*shape \(2,\)"),
        (tf.Variable(1), "scalar variable.*int32"),
        (tf.Variable(1.5), "between 0 and 1.*1.5"),
    ],
)
def test_variables_that_are_refused(wrong, match):
    with pytest.raises(ValueError, match=f"`probability`.*{match}"):
        kal.RandomFlip(probability=wrong)


ELSEWHERE = """
import numpy as np
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
import keras_aug_layers as kal

with tf.device("CPU:1"):  # where a GPU would be, on which variables lie
    chance, magnitude = tf.Variable(0.0), tf.Variable(0.0)
images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype("uint8")
layer = kal.FusedAugmentation(
    [kal.RandomInvert(1.0, probability=chance), kal.RandAugment(1, magnitude)]
)
dataset = kal.augment_dataset(tf.data.Dataset.from_tensors(images), layer, seed=1)
(before,) = dataset
chance.assign(1.0)
(after,) = dataset
negatives = np.mean(after.numpy() == 255 - before.numpy(), axis=(1, 2, 3)) > 0.9
assert negatives.sum() >= 4, negatives
"""


@pytest.mark.slow
def test_a_variable_may_lie_on_another_device():
    """`tf.data` runs on the CPU, and is compiled there."""
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
