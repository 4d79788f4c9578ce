"""What a group is in a graph: one op, or one compiled function."""

import numpy as np
import pytest
import tensorflow as tf
from fusing_five import DYNAMIC, STATIC, WARP, everything, five, functions_of
from helpers import random_images

import keras_aug_layers as kal


@pytest.mark.parametrize("shape", [STATIC, DYNAMIC, (9, 12, 3)], ids=str)
def test_five_layers_are_one_op(shape):
    nodes = functions_of(kal.FusedAugmentation(five(), jit_compile=False), shape)
    assert everything(nodes).count(WARP) == 1
    assert not [op for op in everything(nodes) if "While" in op or "Map" in op]
    assert "GatherV2" not in everything(nodes)
    assert nodes["compiled"] == []


@pytest.mark.parametrize("jit_compile", [True, "auto"])
@pytest.mark.parametrize("shape", [STATIC, (9, 12, 3)], ids=str)
def test_compiled_there_is_no_op(jit_compile, shape):
    nodes = functions_of(kal.FusedAugmentation(five(), jit_compile=jit_compile), shape)
    assert WARP not in everything(nodes)
    assert not [op for op in everything(nodes) if "While" in op or "Map" in op]
    assert nodes["compiled"].count("GatherV2") == 4  # the four neighbours
    assert "GatherV2" not in nodes["inline"] + nodes["others"]


@pytest.mark.parametrize("jit_compile", [True, "auto"])
@pytest.mark.parametrize(
    "shape", [DYNAMIC, (None, None, 12, 3), (None, 9, None, 3), (None, 9, 12, None)]
)
def test_a_graph_of_dynamic_size_takes_the_op(jit_compile, shape):
    layers = five()[:-1]
    nodes = functions_of(kal.FusedAugmentation(layers, jit_compile=jit_compile), shape)
    assert everything(nodes).count(WARP) == 1
    assert nodes["compiled"] == []


@pytest.mark.parametrize(
    ("jit_compile", "is_compiled"), [("auto", False), (False, False), (True, True)]
)
def test_the_form_of_an_eager_call(jit_compile, is_compiled):
    layer = kal.FusedAugmentation(five(), jit_compile=jit_compile)
    images = random_images((2, 9, 12, 3))
    augmented = layer(images, training=True)
    ((_, forms),) = layer._engine._forms.values()
    (function,) = forms._traced.values()
    (concrete,) = function._list_all_concrete_functions()
    ops = [node.op for node in concrete.graph.as_graph_def().node]
    assert (ops.count(WARP), ops.count("GatherV2") >= 4) == (
        1 - is_compiled,
        is_compiled,
    )
    assert concrete.function_def.attr["_XlaMustCompile"].b == is_compiled
    assert np.abs(augmented - images).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("size", [(9, 12), (1, 1)])
def test_the_forms_agree(size):
    """Eager, in a graph of static and of dynamic size, with the op and compiled."""
    layer = {
        jit_compile: kal.FusedAugmentation(five(), jit_compile=jit_compile)
        for jit_compile in (True, False, "auto")
    }
    images = random_images((2, *size, 3))
    expected = layer[False](images, training=True, seed=(1, 2)).numpy()
    assert np.abs(expected - images).max() > 0.01
    for jit_compile in layer:
        for shape in ((None, *size, 3), DYNAMIC):

            def call(x, jit_compile=jit_compile):
                return layer[jit_compile](x, training=True, seed=(1, 2))

            spec = [tf.TensorSpec(shape)]
            in_graph = tf.function(call, input_signature=spec, autograph=False)
            np.testing.assert_allclose(in_graph(images), expected, rtol=0, atol=1e-4)
            np.testing.assert_allclose(call(images), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("jit_compile", [False, "auto"])
def test_no_warp_without_geometry(jit_compile):
    layers = [kal.RandomBrightness(gain=0.2), kal.RandomBrightness(gain=0.1)]
    nodes = functions_of(kal.FusedAugmentation(layers, jit_compile=jit_compile), STATIC)
    assert not {WARP, "GatherV2"} & set(everything(nodes))


def image_ops(layer):
    """The types of the ops whose result is as large as the images."""
    traced = tf.function(lambda x: layer(x, training=True), autograph=False)
    graph = traced.get_concrete_function(tf.TensorSpec((2, 9, 12, 3))).graph
    outputs = [op.outputs[0] for op in graph.get_operations() if op.outputs]
    return {output.op.type for output in outputs if output.shape == (2, 9, 12, 3)}


def test_no_colour_without_colour():
    """Of float images, what is done behind the warp is nothing at all."""
    none = {"Placeholder", "Identity", "IdentityN", "EnsureShape"}
    geometry, colour = kal.RandomRotate(0.1), kal.RandomBrightness(gain=0.2)
    for layers, expected in (
        ([], none),
        ([geometry], {WARP, *none}),
        ([colour], {"Mul", "AddV2", *none}),
        ([geometry, colour], {WARP, "Mul", "AddV2", *none}),
    ):
        ops = image_ops(kal.FusedAugmentation(layers, jit_compile=False))
        assert expected - none <= ops <= expected
