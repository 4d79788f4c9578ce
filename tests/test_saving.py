"""Saved in the middle of training, a model goes on with the draws it would have had."""

import logging

import h5py
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


def build(jit_compile=False):
    model = keras.Sequential(
        [
            keras.Input((9, 12, 3), batch_size=4),
            kal.RandomShift(0.3, 0.3, jit_compile=jit_compile),
            kal.FusedAugmentation(
                [kal.RandomRotate(0.2, seed=4), kal.RandomBrightness(gain=0.3)],
                probability=0.9,
                jit_compile=jit_compile,
            ),
            Last(),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=jit_compile)
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


def initial(path, jit_compile=False):
    """The same model at every call; compiled in one test, as that takes seconds."""
    model = build(jit_compile)
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
    load = initial(tmp_path / "initial.keras", jit_compile=True)
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


LAYERS = {
    "one layer": lambda seed: kal.RandomRotate(0.2, seed=seed),
    "a group": lambda seed: kal.RandomChoice(
        [
            kal.RandomRotate(0.2, seed=seed),
            kal.FusedAugmentation([kal.RandomZoom(0.3, seed=seed + 1)]),
        ]
    ),
    "a sequence": lambda seed: kal.fuse(
        [
            keras.layers.RandomRotation(0.1, seed=seed),
            keras.layers.Rescaling(2.0),
            keras.layers.RandomZoom(0.3, seed=seed + 1),
        ]
    ),
    "several views": lambda seed: kal.MultiCrop(
        {"views": (2, [kal.RandomResizedCrop(16, 16, seed=seed), kal.RandomFlip()])}
    ),
}


@pytest.mark.parametrize("build_layer", LAYERS.values(), ids=LAYERS)
def test_a_tensorflow_checkpoint_goes_on(build_layer, tmp_path):
    layer = build_layer(1)
    layer(IMAGES, training=True)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "checkpoint"))
    expected = layer(IMAGES, training=True)
    other = build_layer(3)
    tf.train.Checkpoint(layer=other).read(path).assert_existing_objects_matched()
    again = other(IMAGES, training=True)
    for one, two in zip(*map(tf.nest.flatten, (again, expected)), strict=True):
        assert_same_bits(one, two)


def test_a_checkpoint_of_a_model_goes_on(tmp_path):
    load = initial(tmp_path / "initial.keras")
    whole = fit(load(), EPOCHS)
    model = load()
    first = fit(model, 2)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    other = load()
    tf.train.Checkpoint(model=other).read(path).assert_existing_objects_matched()
    assert_goes_on(first, fit(other, EPOCHS, initial_epoch=2), whole)


# The state is no weight.


def nets():
    """A net with our layers and the same without them; their weights differ."""
    with_ours, without = (
        keras.Sequential(
            [
                keras.Input((9, 12, 3)),
                *front,
                keras.layers.Conv2D(4, 3),
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )
        for front in ([kal.RandomShift(0.3), stack_with_seeds()], [])
    )
    return with_ours, without


def stack_with_seeds():
    return kal.FusedAugmentation(
        [kal.RandomRotate(0.2, seed=4), kal.RandomBrightness(gain=0.3)]
    )


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_same_bits(a, b)


def test_the_state_is_no_weight():
    with_ours, without = nets()
    shapes = [[tuple(x.shape) for x in net.weights] for net in (with_ours, without)]
    assert shapes[0] == shapes[1] and len(shapes[0]) == 4
    assert with_ours.count_params() == without.count_params()
    assert len(with_ours.variables) == len(without.variables)
    lines = []
    with_ours.summary(print_fn=lambda text, **_: lines.extend(text.splitlines()))
    for layer in with_ours.layers[:2]:
        assert layer.weights == layer.variables == layer.get_weights() == []
        assert layer.count_params() == 0
        (line,) = (x for x in lines if layer.name in x)
        assert line.rstrip(" │").endswith(" 0")
    total = f"Total params: {without.count_params():,}"
    assert total in "\n".join(lines)
    assert "Non-trainable params: 0" in "\n".join(lines)


@pytest.mark.parametrize("into_ours", [True, False])
def test_weights_go_both_ways(into_ours, tmp_path):
    target, source = nets() if into_ours else reversed(nets())
    assert (source.get_weights()[0] != target.get_weights()[0]).any()
    target.set_weights(source.get_weights())
    assert_same_weights(target, source)


@pytest.mark.parametrize("into_ours", [True, False])
def test_weight_files_go_both_ways(into_ours, tmp_path):
    target, source = nets() if into_ours else reversed(nets())
    assert (source.get_weights()[0] != target.get_weights()[0]).any()
    draws = [x.random_state.numpy() for x in target.layers if hasattr(x, "seed")]
    source.save_weights(tmp_path / "net.weights.h5")
    target.load_weights(tmp_path / "net.weights.h5")
    assert_same_weights(target, source)
    after = [x.random_state.numpy() for x in target.layers if hasattr(x, "seed")]
    np.testing.assert_array_equal(after, draws)  # of which the file knew nothing
    assert len(draws) == (2 if into_ours else 0)


def net_behind(front):
    return keras.Sequential(
        [
            keras.Input((9, 12, 3)),
            *front,
            keras.layers.Conv2D(4, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )


def kerass_layers():
    return [keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1)]


@pytest.mark.parametrize("nested", [True, False])
def test_weights_beside_kerass_layers_load_after_fuse(nested, tmp_path):
    layers = kerass_layers()
    old = net_behind([keras.Sequential(layers)] if nested else layers)
    new = net_behind([kal.fuse(kerass_layers())])
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    for one, other in zip(new.weights, old.trainable_weights, strict=True):
        assert_same_bits(one, other)


@pytest.mark.parametrize("back", [False, True])
def test_weights_go_both_ways_to_kerass_layers_of_the_same_name(back, tmp_path):
    """Which stand at the same place of the file."""
    names = "Resizing", "Rescaling", "RandomFlip", "RandomZoom"
    arguments = {"Resizing": (9, 12), "Rescaling": (0.5,), "RandomZoom": (0.1,)}
    nets = [
        net_behind([getattr(each, name)(*arguments.get(name, ())) for name in names])
        for each in (kal, keras.layers)
    ]
    source, target = reversed(nets) if back else nets
    source.save_weights(tmp_path / "net.weights.h5")
    target.load_weights(tmp_path / "net.weights.h5")
    ours, kerass = nets
    for one, other in zip(ours.weights, kerass.trainable_weights, strict=True):
        assert_same_bits(one, other)


def test_a_state_beside_the_weights_is_loaded_as_version_2_kept_it(tmp_path):
    layer, path = kal.RandomFlip(seed=1), tmp_path / "flip.weights.h5"
    net = net_behind([layer])
    net.save_weights(path)
    with h5py.File(path, "r+") as file:
        state = file.pop("layers/random_flip/_state")["vars/random_state"]
        file["layers/random_flip/vars/random_state"] = state[...] + 7
    before = layer.random_state.numpy()
    net.load_weights(path)
    np.testing.assert_array_equal(layer.random_state, before + 7)


def test_a_checkpoint_beside_kerass_layers_loads_after_fuse(tmp_path):
    """TensorFlow counts the layers: the stack has to be one of them, as fused it is."""
    old = net_behind([keras.Sequential(kerass_layers())])
    new = net_behind([kal.fuse(kerass_layers())])
    path = tf.train.Checkpoint(model=old).save(tmp_path / "old")
    tf.train.Checkpoint(model=new).restore(path)
    for one, other in zip(new.weights, old.trainable_weights, strict=True):
        assert_same_bits(one, other)


def test_whole_numbers_are_exported_without_a_warning(tmp_path):
    """For their gradients, which are 0, TensorFlow would warn of what is watched."""
    warned = []
    noting = logging.Handler()
    noting.emit = warned.append
    tf.get_logger().addHandler(noting)
    front = kal.recipes.timm(size=16, num_classes=4).validation
    images = keras.Input((None, None, 3), dtype="uint8")
    model = keras.Model(images, keras.layers.Conv2D(2, 3)(front(images)))
    model.export(tmp_path / "model", verbose=False)
    tf.get_logger().removeHandler(noting)
    assert not [x for x in warned if "watched" in x.getMessage()]


def test_a_clone_draws_by_itself():
    """`clone_model` copies configurations; weights can be copied, the state is none."""
    model, _ = nets()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert_same_weights(clone, model)
    for one, other in zip(model.layers[:2], clone.layers[:2], strict=True):
        assert one.random_state is not other.random_state


@pytest.mark.thorough
def test_a_training_endpoint_of_an_export_archive(tmp_path):
    """Keras saves there the variables that a function reads."""
    stack = [kal.RandomRotate(0.1), kal.FusedAugmentation([kal.RandomFlip(seed=1)])]
    model = keras.Sequential([keras.Input((8, 8, 3)), *stack])
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, 8, 8, 3))]
    archive.add_endpoint("train", lambda x: model(x, training=True), signature)
    archive.write_out(str(tmp_path / "model"), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    images = random_images((4, 8, 8, 3))
    assert (loaded.train(images) != loaded.train(images)).numpy().any()
