"""Gradients of our own: right in every graph, and gone with it."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.framework.func_graph import FuncGraph

import keras_aug_layers as kal
from keras_aug_layers.kernels.derivative import own_gradient


@own_gradient
def tripled(x):
    """3 x, of which the gradient is said to be 5 x."""
    return 3.0 * x, lambda upstream: 5.0 * x * upstream


def derived(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tripled(x)
    return y, tape.gradient(y, x)


def nested(x):
    inner = tf.function(tripled)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cond(x[0] > 0.0, lambda: inner(x), lambda: x)
    return y, tape.gradient(y, x)


def from_outside(x):
    function = tf.function(tripled)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y, tape.gradient(y, x)


@pytest.mark.parametrize(
    "way",
    [derived, tf.function(derived), nested, tf.function(nested), from_outside],
    ids=["eager", "graph", "eager, nested", "graph, nested", "eager, of a graph"],
)
def test_it_is_the_gradient(way):
    y, gradient = way(tf.constant([1.0, 2.0]))
    np.testing.assert_array_equal(y, [3.0, 6.0])
    np.testing.assert_array_equal(gradient, [5.0, 10.0])


def test_it_is_saved(tmp_path):
    """Another program may train through what was exported."""
    module = tf.Module()
    signature = [tf.TensorSpec([2])]
    module.run = tf.function(lambda x: tripled(x) + tripled(x + 1.0), signature)
    tf.saved_model.save(
        module,
        str(tmp_path),
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True),
    )
    x = tf.constant([1.0, 2.0])
    loaded = tf.saved_model.load(str(tmp_path))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = loaded.run(x)
    np.testing.assert_array_equal(tape.gradient(y, x), 5.0 * x + 5.0 * (x + 1.0))


def graphs():
    keras.backend.clear_session()
    gc.collect()
    return sum(isinstance(x, FuncGraph) for x in gc.get_objects())


def registered():
    return len(ops.gradient_registry.list())


def eagerly(layer, images):
    return layer(images, training=True)


def in_a_graph(layer, images):
    return tf.function(lambda x: layer(x, training=True), autograph=False)(images)


def trained(layer, images):
    @tf.function(autograph=False)
    def step(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            moved = layer(images, training=True)
        return tape.gradient(moved, images)

    return step(images)


MADE = {
    "a warp": lambda **how: kal.RandomRotate(0.1, **how),
    "a stage": lambda **how: kal.RandomGaussianBlur(1.0, 3, (0.5, 1.0), (0, 1), **how),
}


@pytest.mark.parametrize(
    ("name", "way", "jit_compile"),
    [
        ("a warp", eagerly, False),
        ("a warp", in_a_graph, False),
        ("a warp", trained, True),
        ("a stage", trained, False),
        ("a stage", eagerly, True),
        ("a stage", in_a_graph, True),
    ],
)
def test_graphs_are_let_go(name, way, jit_compile, monkeypatch):
    """As often as layers are made and thrown away."""
    monkeypatch.setenv("KERAS_AUG_LAYERS_DEVICE", "gpu" if jit_compile else "cpu")
    images = tf.random.uniform((2, 12, 12, 3))

    def once():
        layer = MADE[name](jit_compile=jit_compile)
        assert np.all(np.isfinite(way(layer, images)))

    once()
    before = graphs(), registered()
    once()
    assert (graphs(), registered()) == before
