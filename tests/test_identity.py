"""Outside training, a layer is nothing at all: no op, no cast, no random number."""

import os
import pathlib
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import EVERY, EXAMPLES, GEOMETRIC, stack
from helpers import assert_same_bits, drawn, random_images
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

STACKS = {
    name: lambda example=example: [example()] for name, example in EXAMPLES.items()
}
STACKS["the five"] = stack
STACKS["every layer"] = lambda: [example() for example in EVERY.values()]

stacks = pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
OF_DTYPES = [
    pytest.param(STACKS[name], dtype, id=f"{name}-{dtype}")
    for place, name in enumerate(STACKS)
    for number, dtype in enumerate(("uint8", "float32"))
    if name == "every layer" or (place + number) % 2 == 0
]
"""All layers in both dtypes, and each of the five by itself in one of them."""
every = pytest.mark.parametrize("name", EVERY)

TRACES = ("Random", "Rng", "Stateless", "Multinomial", "ProjectiveTransform", "Gather")
"""What an op that draws or warps has in its name."""


def sequential(layers, dtype="float32"):
    return keras.Sequential([keras.Input((None, None, 3), dtype=dtype), *layers])


def ops_of(path):
    """The ops of all graphs and functions of a SavedModel that draw or warp."""
    saved = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    functions = [
        node for function in graph.library.function for node in function.node_def
    ]
    ops = {node.op for node in [*graph.node, *functions]}
    assert ops
    return {op for op in ops if any(trace in op for trace in TRACES)}


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "dtype"), OF_DTYPES)
def test_models_give_the_input_back(layers, dtype, tmp_path):
    images = random_images((4, 9, 12, 3), dtype)
    model = sequential(layers(), dtype)
    assert_same_bits(model(images), images)
    assert_same_bits(model(images, training=False), images)
    assert_same_bits(model.predict(images, verbose=0), images)
    model.compile(loss="mse")
    assert model.evaluate(images, images.astype("float32"), verbose=0) == 0.0

    model.export(tmp_path / "exported", verbose=False)
    assert not ops_of(tmp_path / "exported")
    assert_same_bits(tf.saved_model.load(tmp_path / "exported").serve(images), images)

    tf.saved_model.save(model, tmp_path / "saved")
    assert not ops_of(tmp_path / "saved")
    serve = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    (served,) = serve(tf.constant(images)).values()
    assert_same_bits(served, images)


@pytest.mark.thorough
@stacks
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_tflite_gives_the_input_back(layers, tmp_path):
    images = random_images((4, 9, 12, 3), "uint8")
    sequential(layers(), "uint8").export(tmp_path, verbose=False)
    converted = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path)).convert()
    lite = tf.lite.Interpreter(model_content=converted)
    assert lite._get_ops_details() == []
    runner = lite.get_signature_runner()
    (name,) = runner.get_input_details()
    (served,) = runner(**{name: images}).values()
    assert_same_bits(served, images)


@every
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float64"])
def test_a_layer_returns_the_very_tensor(name, dtype):
    images = tf.constant(random_images((4, 9, 12, 3), dtype))
    layer = EVERY[name]()
    assert layer(images) is images
    assert layer(images, training=False) is images
    array = images.numpy()
    assert layer(array) is array


@every
def test_no_op_in_the_graph(name):
    layer = EVERY[name]()
    images = random_images((4, 9, 12, 3))
    inference = tf.function(layer).get_concrete_function(images)
    assert {op.type for op in inference.graph.get_operations()} <= {
        "Placeholder",
        "Identity",
        "Const",
    }


@every
def test_training_draws_and_inference_does_not(name):
    """The state moves on in training only."""
    layer, images = EVERY[name](), random_images((16, 18, 20, 3), "uint8")
    before = layer.random_state.numpy()
    layer(images)
    np.testing.assert_array_equal(layer.random_state.numpy(), before)
    assert (drawn(layer, images) != images).any()
    assert (layer.random_state.numpy() != before).any()


@pytest.mark.thorough
@pytest.mark.parametrize("name", EXAMPLES)
def test_one_draw_however_it_is_called(name):
    """A call, a graph of it, a sample applied and the tests' `drawn`: the same."""
    layer, images = EXAMPLES[name](), random_images((4, 9, 12, 3), "uint8")
    expected = drawn(layer, images, seed=(1, 2))
    graph = tf.function(lambda x: layer(x, training=True, seed=(1, 2)))
    assert_same_bits(layer(images, training=True, seed=(1, 2)), expected)
    assert_same_bits(graph(images), expected)
    assert_same_bits(layer.sample(images, seed=(1, 2)).images(images), expected)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_saved_training_function_draws_anew(dtype, tmp_path):
    images = random_images((4, 9, 12, 3), dtype)
    module = tf.Module()
    module.model = sequential(stack(), dtype)
    module.augment = tf.function(
        lambda x: module.model(x, training=True),
        input_signature=[tf.TensorSpec((None, None, None, 3), dtype)],
    )
    tf.saved_model.save(module, tmp_path)
    assert {"RngReadAndSkip", "ImageProjectiveTransformV3"} <= ops_of(tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    results = [loaded.augment(tf.constant(images)).numpy() for _ in range(3)]
    assert all(result.dtype == images.dtype for result in results)
    assert len({result.tobytes() for result in [images, *results]}) == 4


@pytest.mark.slow
def test_keras_files_load_in_a_process_that_only_imports_the_package(tmp_path):
    layers = [EXAMPLES[name](fill_mode="wrap", seed=7) for name in GEOMETRIC]
    model = sequential([*layers, EXAMPLES["RandomBrightness"](seed=7)], "uint8")
    images = random_images((4, 9, 12, 3), "uint8")
    model(images, training=True)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    script = """
        import sys
        import keras, keras_aug_layers
        import numpy as np
        model = keras.saving.load_model("model.keras")
        images = np.load("images.npy")
        np.save("same.npy", model(images))
        np.save("drawn.npy", model(images, training=True))
    """
    root = pathlib.Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
    )
    assert_same_bits(np.load(tmp_path / "same.npy"), images)
    # The state travels: the process draws what this one draws next.
    expected = model(images, training=True)
    assert_same_bits(np.load(tmp_path / "drawn.npy"), expected)
