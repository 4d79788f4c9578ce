"""What the tests of groups share."""

import tensorflow as tf

import keras_aug_layers as kal

WARP = "ImageProjectiveTransformV3"
STATIC, DYNAMIC = (None, 9, 12, 3), (None, None, None, 3)


def five(seeds=(None,) * 5):
    """The five layers of the benchmark."""
    shift, flip, rotate, zoom, brightness = seeds
    return [
        kal.RandomShift(0.1, 0.1, seed=shift),
        kal.RandomFlip("horizontal", seed=flip),
        kal.RandomRotate(degrees=30, seed=rotate),
        kal.RandomZoom(0.2, seed=zoom),
        kal.RandomBrightness(gain=0.2, seed=brightness),
    ]


def functions_of(layer, shape, dtype="float32"):
    """The graph of a call: its nodes, the compiled functions', the others'."""
    traced = tf.function(lambda x: layer(x, training=True), autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec(shape, dtype))
    graph = concrete.graph.as_graph_def()
    nodes = {"inline": [node.op for node in graph.node], "compiled": [], "others": []}
    for function in graph.library.function:
        compiled = function.attr["_XlaMustCompile"].b
        nodes["compiled" if compiled else "others"] += [
            node.op for node in function.node_def
        ]
    return nodes


def everything(nodes):
    return nodes["inline"] + nodes["compiled"] + nodes["others"]


def traces(layer):
    """How often each function of the layer was traced."""
    return [
        function.experimental_get_tracing_count()
        for _, forms in layer._engine._forms.values()
        for function in forms._traced.values()
    ]
