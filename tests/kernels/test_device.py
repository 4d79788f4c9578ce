"""Which form is compiled where, on a machine with a GPU that is simulated.

There is no GPU: `has_gpu` says that there is one, and the op that tells on which kind
of device it runs is asked as it is in a `tf.data` map, or answers "GPU" where a model
on a GPU is played. What is seen is the device for which the forms were traced and run.
"""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels import device, plane_pixels
from keras_aug_layers.plan.jit import Forms

LAYER = kal.RandomRotate(0.1, seed=1)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 9, 1)).astype("uint8")


@pytest.fixture
def gpu(monkeypatch):
    """A machine with a GPU."""
    monkeypatch.delenv(device.VARIABLE, raising=False)
    monkeypatch.setattr(device, "has_gpu", lambda: True)


@pytest.fixture
def ran(monkeypatch):
    """The kinds of device whose forms ran, in turn."""
    kinds = []
    real = Forms._for

    def spied(self, kind, numbers, data):
        tf.py_function(lambda: kinds.append(kind), [], [])
        return real(self, kind, numbers, data)

    def untraced(self, numbers, data, kind, concrete=False):
        return lambda numbers, data: spied(self, kind, numbers, data)

    monkeypatch.setattr(Forms, "_trace", untraced)
    return kinds


def on_a_gpu():
    """Within it, graphs that are built are placed on a GPU."""
    answer = mock.Mock(side_effect=lambda device_names: tf.constant(1))
    return mock.patch.object(tf.raw_ops, "DeviceIndex", answer)


def mapped():
    dataset = tf.data.Dataset.from_tensors(IMAGES).map(
        lambda x: LAYER(x, training=True)
    )
    return next(iter(dataset))


def in_a_model():
    return tf.function(lambda x: LAYER(x, training=True), autograph=False)(IMAGES)


def test_without_a_gpu_there_is_one_form(ran, monkeypatch):
    monkeypatch.delenv(device.VARIABLE, raising=False)
    mapped()
    assert ran == ["cpu"]


@pytest.mark.thorough
def test_a_map_gets_the_form_for_cpus(gpu, ran):
    mapped()
    assert ran == ["cpu"]


@pytest.mark.thorough
def test_a_model_gets_the_form_for_gpus(gpu, ran):
    with on_a_gpu():
        in_a_model()
    assert ran == ["gpu"]


def test_eager_calls_follow_the_device_scope(gpu, ran):
    compiled = kal.RandomRotate(0.1, seed=1, jit_compile=True)
    with tf.device("/CPU:0"):
        compiled(IMAGES, training=True)
    assert ran == ["cpu"]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_the_variable_wins(gpu, ran, monkeypatch, kind):
    monkeypatch.setenv(device.VARIABLE, kind.upper())
    mapped()
    with on_a_gpu():
        in_a_model()
    assert ran == [kind, kind]


def test_another_value_is_refused(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "tpu")
    with pytest.raises(ValueError, match=r"must be .cpu. or .gpu.*Write KERAS"):
        in_a_model()


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_a_function_that_xla_compiles_has_the_form_of_the_machine(monkeypatch, kind):
    monkeypatch.delenv(device.VARIABLE, raising=False)
    monkeypatch.setattr(device, "has_gpu", lambda: kind == "gpu")
    with mock.patch.object(
        plane_pixels, "in_planes", side_effect=plane_pixels.in_planes
    ) as planes:
        function = tf.function(
            lambda x: LAYER(x, training=True), jit_compile=True, autograph=False
        )
        function.get_concrete_function(tf.TensorSpec(IMAGES.shape, tf.uint8))
    assert planes.called == (kind == "gpu")


@pytest.mark.parametrize("parallel", [None, 2])
def test_a_function_that_xla_compiles_in_a_map_has_the_form_for_cpus(gpu, parallel):
    """Whatever the function is called, and however deep in the map's it is."""
    with mock.patch.object(
        plane_pixels, "in_planes", side_effect=plane_pixels.in_planes
    ) as planes:
        function = tf.function(
            lambda x: LAYER(x, training=True), jit_compile=True, autograph=False
        )
        dataset = tf.data.Dataset.from_tensors(IMAGES)
        dataset.map(lambda x: tf.function(function)(x), num_parallel_calls=parallel)
    assert not planes.called


@pytest.mark.thorough
def test_both_forms_are_compiled_and_differentiable_in_one_graph(gpu):
    """Here the CPU's runs, for the graph is placed on the CPU."""
    images = tf.constant(IMAGES, tf.float32)

    @tf.function(autograph=False)
    def run(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            moved = LAYER(images, training=True, seed=(1, 2))
        return moved, tape.gradient(moved, images)

    moved, gradient = run(images)
    assert moved.shape == images.shape
    assert np.abs(gradient).max() > 0.1
