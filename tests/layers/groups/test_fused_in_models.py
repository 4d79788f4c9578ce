"""Groups in tf.data, models and strategies; traces and saving."""

import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from fusing_five import five, traces
from helpers import assert_same_bits, random_images

import keras_aug_layers as kal
from keras_aug_layers.plan.chain import Settle


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [True, False, "auto"])
def test_batch_sizes_never_retrace_eager_calls(jit_compile):
    layer = kal.FusedAugmentation(five(), jit_compile=jit_compile)
    for _ in range(2):
        for batch in (4, 4, 3):
            images = random_images((batch, 9, 12, 3))
            assert layer(images, training=True).shape == images.shape
    assert traces(layer) == [1]


def test_image_sizes_never_retrace_the_op():
    layer = kal.FusedAugmentation(five())
    for size in ((9, 12), (5, 7), (12, 9), (30, 30)):
        images = random_images((2, *size, 3))
        assert layer(images, training=True).shape == images.shape
    assert traces(layer) == [1]


@pytest.mark.thorough
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("jit_compile", [True, False, "auto"])
def test_tf_data(batched, jit_compile):
    """Two epochs of a dataset whose last batch is smaller."""
    layer = kal.FusedAugmentation(five(), jit_compile=jit_compile)
    images = random_images((7, 9, 12, 3), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices(images)
    dataset = dataset.batch(3) if batched else dataset
    calls = []

    def augment(x):
        calls.append(x.shape)
        return layer(x, training=True)

    dataset = dataset.map(augment)
    dataset = dataset if batched else dataset.batch(3)
    assert dataset.element_spec.shape[1:] == (9, 12, 3)
    epochs = [np.concatenate(list(dataset.as_numpy_iterator())) for _ in range(2)]
    assert len(calls) == 1
    assert traces(layer) == [1] * (jit_compile is not False)
    for epoch in epochs:
        assert (epoch.shape, epoch.dtype) == (images.shape, images.dtype)
        assert (epoch != images).mean() > 0.5
    assert (epochs[0] != epochs[1]).mean() > 0.5


def model_with(*layers, **kwargs):
    model = keras.Sequential(
        [
            keras.Input((9, 12, 3)),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="head"),
        ]
    )
    model.compile("sgd", "mse", **kwargs)
    return model


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, "auto"])
def test_an_uncompiled_fit(jit_compile):
    layer = kal.FusedAugmentation(five(), jit_compile=jit_compile)
    model = model_with(layer, jit_compile=False)
    images, targets = random_images((7, 9, 12, 3)), np.ones((7, 2))
    before = model.get_weights()[-1]
    model.fit(images, targets, batch_size=3, epochs=1, verbose=0)
    after_one = traces(layer)
    model.fit(images, targets, batch_size=3, epochs=2, verbose=0)
    assert traces(layer) == after_one == [1] * (jit_compile == "auto")
    assert np.abs(model.get_weights()[-1] - before).max() > 0
    kernel, bias = model.get_layer("head").get_weights()
    expected = images.reshape(7, -1) @ kernel + bias  # nothing is augmented
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("settled", [True, False])
def test_two_fusions_in_one_model(settled):
    """Each is a function of its own if its pixels are settled; else the second goes on
    from the pixels of the first, in a function of the two."""
    a, b = kal.FusedAugmentation(five()), kal.FusedAugmentation(five()[:2])
    model = model_with(a, *[Settle()] * settled, b, jit_compile=False)
    images = random_images((7, 9, 12, 3))
    model.fit(images, np.ones((7, 2)), batch_size=3, epochs=2, verbose=0)
    assert (traces(a), traces(b)) == ([1], [1] * settled)
    assert a.name != b.name


STRATEGY = """
    import numpy as np
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    import keras
    import keras_aug_layers as kal

    keras.utils.set_random_seed(1)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {"replicas": strategy.num_replicas_in_sync}
    for jit_compile in (False, "auto"):
        with strategy.scope():
            layer = kal.FusedAugmentation(
                [kal.RandomShift(0.3, 0.3), kal.RandomRotate(0.2),
                 kal.RandomBrightness(gain=0.3)],
                jit_compile=jit_compile,
            )
            model = keras.Sequential([
                keras.Input((9, 12, 3)), layer,
                keras.layers.Flatten(), keras.layers.Dense(2),
            ])
            model.compile("sgd", "mse", jit_compile=False)
        image = np.random.default_rng(1).uniform(size=(9, 12, 3)).astype("float32")
        images = np.stack([image] * 8)
        before = model.get_weights()[-1]
        history = model.fit(images, np.ones((8, 2)), batch_size=4, verbose=0)

        @tf.function
        def step():
            return strategy.run(lambda: layer(tf.constant(images[:4]), training=True))

        shown = np.concatenate(strategy.experimental_local_results(step()))
        found[str(jit_compile)] = {
            "finite": bool(np.isfinite(history.history["loss"]).all()),
            "trained": bool((model.get_weights()[-1] != before).any()),
            "different": len({one.tobytes() for one in shown}),
        }
    import json
    print("FOUND" + json.dumps(found))
"""


@pytest.mark.slow
def test_mirrored_strategy():
    """Logical devices are set before TensorFlow starts: a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STRATEGY)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.partition("FOUND")[2])
    as_hoped = {"finite": True, "trained": True, "different": 8}
    assert found == {
        "replicas": 2,
        **{str(jit_compile): as_hoped for jit_compile in (False, "auto")},
    }


def nested_pipeline():
    inner = kal.FusedAugmentation(
        [kal.RandomRotate(0.1, seed=4, fill_mode="wrap"), kal.RandomZoom(0.3, seed=5)],
        fill_mode="nearest",
        probability=0.75,
        seed=6,
    )
    return kal.FusedAugmentation(
        [
            kal.RandomFlip("vertical", seed=3),
            inner,
            kal.RandomBrightness(gain=0.3, seed=7),
        ],
        fill_mode="constant",
        interpolation="nearest",
        fill_value=0.5,
        mask_fill_value=255,
        value_range=(0, 2),
        jit_compile=False,
        probability=0.9,
        bounding_box_format="xywh",
        box_fit="ellipse",
        min_visibility=0.25,
        keypoint_format="rel_xy",
        seed=9,
        name="augment",
    )


@pytest.mark.thorough
def test_config_round_trip():
    layer = nested_pipeline()
    config = json.loads(json.dumps(layer.get_config()))
    again = kal.FusedAugmentation.from_config(config)
    assert again.get_config() == layer.get_config()
    assert [type(child) for child in again.layers] == [
        type(child) for child in layer.layers
    ]
    for name in ("jit_compile", "probability", "box_fit", "keypoint_format", "name"):
        assert getattr(again, name) == getattr(layer, name)
    images = random_images((4, 9, 12, 3))
    for seed in (None, (1, 2)):
        result = again(images, training=True, seed=seed)
        assert_same_bits(result, layer(images, training=True, seed=seed))
        assert np.abs(result - images).max() > 0.1


@pytest.mark.thorough
def test_a_saved_model_goes_on_where_it_was(tmp_path):
    """The .keras file holds the stack, its settings, and the state of the draws."""
    model = keras.Sequential(
        [keras.Input((9, 12, 3)), nested_pipeline(), keras.layers.Flatten()]
    )
    images = random_images((4, 9, 12, 3))
    first = model(images, training=True).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second, again = (m(images, training=True).numpy() for m in (model, loaded))
    assert_same_bits(again, second)
    assert not np.array_equal(first, second)
    assert_same_bits(loaded(images), images.reshape(4, -1))
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
