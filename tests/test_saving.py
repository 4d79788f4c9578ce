"""Saved in the middle of training, a model goes on with the draws it would have had."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, random_images

import keras_aug_layers as kal

IMAGES = random_images((8, 9, 12, 3))
TARGETS = np.linspace(0, 1, 8, dtype="float32")[:, None]
EPOCHS = 4
pytestmark = pytest.mark.slow


@keras.saving.register_keras_serializable("test_saving")
class Last(keras.layers.Layer):
    """Keeps the last batch it saw while training."""

    def build(self, shape):
        self.batch = self.add_weight(
            shape=(4, 9, 12, 3), initializer="zeros", trainable=False
        )

    def call(self, images, training=False):
        if training:
            self.batch.assign(images)
        return images


def build():
    model = keras.Sequential(
        [
            keras.Input((9, 12, 3), batch_size=4),
            kal.RandomShift(0.3, 0.3),
            kal.FusedAugmentation(
                [kal.RandomRotate(0.2), kal.RandomBrightness(0.3)], probability=0.9
            ),
            Last(),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


class Record(keras.callbacks.Callback):
    """The augmented batch of every step."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        (last,) = (x for x in self.model.layers if isinstance(x, Last))
        self.batches.append(last.batch.numpy())


def fit(model, epochs, initial_epoch=0, callbacks=()):
    """Trains without shuffling and returns what every step saw, and the weights."""
    record = Record()
    model.fit(
        IMAGES,
        TARGETS,
        batch_size=4,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[*callbacks, record],
    )
    return np.stack(record.batches), model.get_weights()


def initial(path):
    """The same model at every call."""
    model = build()
    model.save(path)
    return lambda: keras.models.load_model(path)


def assert_goes_on(first, rest, whole):
    """Steps and final weights of a stopped run equal those of the whole run."""
    steps, weights = whole
    assert len({step.tobytes() for step in steps}) == len(steps) == 2 * EPOCHS
    assert_same_bits(np.concatenate([first[0], rest[0]]), steps)
    for one, other in zip(rest[1], weights, strict=True):
        assert_same_bits(one, other)


def test_a_saved_model_goes_on(tmp_path):
    load = initial(tmp_path / "initial.keras")
    whole = fit(load(), EPOCHS)
    model = load()
    first = fit(model, 2)
    model.save(tmp_path / "middle.keras")
    keras.utils.set_random_seed(99)
    loaded = keras.models.load_model(tmp_path / "middle.keras")
    assert_goes_on(first, fit(loaded, EPOCHS, initial_epoch=2), whole)


def test_weights_alone_go_on(tmp_path):
    load = initial(tmp_path / "initial.keras")
    whole = [step.tobytes() for step in fit(load(), EPOCHS)[0]]
    model = load()
    fit(model, 2)
    model.save_weights(tmp_path / "middle.weights.h5")
    keras.utils.set_random_seed(99)
    other = build()
    other.load_weights(tmp_path / "middle.weights.h5")
    # The optimizer starts anew there; the draws do not.
    rest = fit(other, EPOCHS, initial_epoch=2)[0]
    assert [step.tobytes() for step in rest] == whole[4:]


def test_model_checkpoint_goes_on(tmp_path):
    load = initial(tmp_path / "initial.keras")
    whole = fit(load(), EPOCHS)
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    first = fit(load(), 3, callbacks=[checkpoint])
    for epoch in (1, 3):
        loaded = keras.models.load_model(tmp_path / f"{epoch}.keras")
        rest = fit(loaded, EPOCHS, initial_epoch=epoch)
        assert_goes_on((first[0][: 2 * epoch],), rest, whole)


class Crash(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        assert epoch < 2, "crash"


def test_backup_and_restore_goes_on(tmp_path):
    load = initial(tmp_path / "initial.keras")
    whole = fit(load(), EPOCHS)

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(AssertionError, match="crash"):
        fit(load(), EPOCHS, callbacks=[backup(), Crash()])
    rest = fit(load(), EPOCHS, callbacks=[backup()])
    assert len(rest[0]) == 4
    assert_goes_on((whole[0][:4],), rest, whole)


def test_a_tensorflow_checkpoint_goes_on(tmp_path):
    layer = kal.RandomRotate(0.2, seed=1)
    layer(IMAGES, training=True)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "checkpoint"))
    expected = layer(IMAGES, training=True)
    other = kal.RandomRotate(0.2, seed=2)
    tf.train.Checkpoint(layer=other).read(path).assert_existing_objects_matched()
    assert_same_bits(other(IMAGES, training=True), expected)
