"""FusedAugmentation: one warp and one pass of colour, whatever the stack.

A plain `tf.function` around a layer is the graph of a `tf.data.map` or a `fit`.
"""

import itertools
import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf
from examples import EXAMPLES, GEOMETRIC
from helpers import assert_same_bits, drawn, random_images

import keras_aug_layers as kal
from keras_aug_layers.plan.chain import Settle

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
        for function in layer._engine.forms._traced.values()
    ]


# The graph.


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
    (function,) = layer._engine.forms._traced.values()
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


# Composition.


@pytest.mark.parametrize("jit_compile", [True, False, "auto"])
def test_an_empty_list_is_the_identity(jit_compile):
    layer = kal.FusedAugmentation([], jit_compile=jit_compile)
    for dtype in ("uint8", "float32", "float64"):
        images = tf.constant(random_images((2, 9, 12, 3), dtype))
        assert_same_bits(layer(images, training=True), images)
        nodes = functions_of(layer, STATIC, dtype)
        assert not {WARP, "GatherV2", "Round"} & set(everything(nodes))


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_layer_is_a_pipeline_of_one(name, dtype):
    images = random_images((4, 9, 12, 3), dtype)
    layer = (
        EXAMPLES[name](seed=1, value_range=(0, 255))
        if name not in GEOMETRIC
        else (EXAMPLES[name](seed=1))
    )
    alone = drawn(layer, images, seed=(3, 4))
    assert_same_bits(drawn(kal.FusedAugmentation([layer]), images, seed=(3, 4)), alone)
    assert not np.array_equal(alone, images)


def test_nested_pipelines_flatten():
    """Layers with seeds of their own draw the same wherever they stand."""
    images = random_images((4, 9, 12, 3))
    layers = five(seeds=range(5))
    flat = kal.FusedAugmentation(layers, jit_compile=False)
    nested = kal.FusedAugmentation(
        [
            kal.FusedAugmentation(layers[:2]),
            kal.FusedAugmentation([layers[2], kal.FusedAugmentation([layers[3]])]),
            kal.FusedAugmentation([]),
            layers[4],
        ],
        jit_compile=False,
    )
    result = nested(images, training=True, seed=(1, 2))
    assert_same_bits(result, flat(images, training=True, seed=(1, 2)))
    assert np.abs(result - images).max() > 0.1
    assert everything(functions_of(nested, STATIC)).count(WARP) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [None, (3, 4), [(3, 4), (5, 6), (7, 8), (9, 9)]])
def test_a_member_with_a_seed_draws_as_it_does_alone(seed):
    """Its neighbours take nothing from it, however much they draw."""
    images = random_images((4, 9, 12, 3))

    def turns(layer):
        transforms = [layer.sample(images, seed=seed) for _ in range(2)]
        return np.stack([transform.matrix for transform in transforms])

    alone = turns(kal.RandomRotate(0.1, seed=7))
    for group in (
        lambda x: kal.FusedAugmentation([x], seed=1),
        lambda x: kal.FusedAugmentation([kal.RandomBrightness(gain=0.3), x]),
        lambda x: kal.FusedAugmentation(
            [kal.RandomHue(turns=0.1), kal.FusedAugmentation([x])]
        ),
        lambda x: kal.RandomApply(x, 1.0),
        lambda x: kal.RandomChoice([x]),
    ):
        assert_same_bits(turns(group(kal.RandomRotate(0.1, seed=7))), alone)
    assert (alone[0] != alone[1]).any() == (seed is None)


@pytest.mark.thorough
def test_a_member_without_a_seed_draws_by_its_place():
    """The seed of the group and the place decide; nobody else's layers do."""
    images = random_images((4, 9, 12, 3))

    def turns(*layers, seed=1):
        fused = kal.FusedAugmentation(layers, seed=seed)
        return fused.sample(images).matrix.numpy()

    def brighter():
        return kal.RandomBrightness(gain=0.3)

    def turn():
        return kal.RandomRotate(0.1)

    first = turns(turn(), brighter())
    assert_same_bits(turns(turn(), kal.RandomChannelShift(9)), first)
    assert_same_bits(turns(turn()), first)
    others = [
        turns(brighter(), turn()),
        turns(kal.FusedAugmentation([turn()])),
        turns(turn(), seed=2),
        turns(kal.FusedAugmentation([turn()], seed=1)),
        kal.RandomRotate(0.1, seed=1).sample(images).matrix.numpy(),
    ]
    assert len({draws.tobytes() for draws in (first, *others)}) == 5
    assert_same_bits(others[3], first)  # as if the group stood alone


def test_children_draw_independently():
    """Down, right and turned: no draw says anything about another."""
    layers = [kal.RandomShift(0.5), kal.RandomShift(0, 0.5), kal.RandomRotate(0.1)]
    matrices = kal.FusedAugmentation(layers, seed=1).sample((4000, 11, 101, 1)).matrix
    centre = np.array([50.0, 5.0, 1.0])
    dx, dy, _ = centre[:, None] - (matrices.numpy() @ centre).T
    draws = np.stack([dx / 101, dy / 11, np.arcsin(matrices[:, 1, 0]) / (0.4 * np.pi)])
    np.testing.assert_allclose(draws.mean(axis=1), 0, atol=0.02)
    np.testing.assert_allclose(draws.std(axis=1), 1 / np.sqrt(12), atol=0.01)
    correlation = np.corrcoef(draws) - np.eye(3)
    assert np.abs(correlation).max() < 0.06  # of 4000 draws, 0.016 is one sigma


def test_the_same_layer_twice_draws_twice():
    """Independent draws add up in their squares."""
    layer = kal.RandomShift(0, 0.5)
    fused = kal.FusedAugmentation([layer, kal.RandomShift(0, 0.5), layer], seed=1)
    shifts = -fused.sample((4000, 8, 100, 1)).matrix.numpy()[:, 0, 2] / 100
    np.testing.assert_allclose(shifts.std(), np.sqrt(3 / 12), atol=0.02)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fill_mode", ("reflect", "wrap")),
        ("interpolation", ("bilinear", "nearest")),
        ("fill_value", (0.0, 3.0)),
        ("mask_fill_value", (7.0, 255.0)),
        ("bounding_box_format", ("xyxy", "xywh")),
        ("box_fit", ("corners", "ellipse")),
        ("min_visibility", (0.0, 0.25)),
        ("keypoint_format", ("xy", "rel_xy")),
    ],
)
def test_settings_that_disagree_are_an_error(name, values):
    one, other = (kal.RandomZoom(0.1, **{name: value}) for value in values)
    for layers in ([one, other], [one, kal.FusedAugmentation([other])]):
        with pytest.raises(ValueError, match=f"`{name}` must be the same") as error:
            kal.FusedAugmentation(layers)
        said = (*map(repr, values), f"FusedAugmentation(…, {name}=…)")
        assert all(part in str(error.value) for part in said)
        override = values[1]
        fused = kal.FusedAugmentation(layers, **{name: override})
        assert getattr(fused.sample((2, 9, 12, 3)), name) == override
    fused = kal.FusedAugmentation([other, other])
    assert getattr(fused.sample((2, 9, 12, 3)), name) == values[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mask_fill_value", 255.0),
        ("bounding_box_format", "xywh"),
        ("box_fit", "ellipse"),
        ("min_visibility", 0.25),
        ("keypoint_format", "rel_xy"),
    ],
)
def test_who_has_no_opinion_agrees(name, value):
    """A setting that one layer alone has been given is that of all."""
    silent, loud = kal.RandomZoom(0.1), kal.RandomZoom(0.1, **{name: value})
    for layers in ([silent, loud], [loud, silent], [kal.FusedAugmentation([loud])]):
        fused = kal.FusedAugmentation(layers)
        assert getattr(fused.sample((2, 9, 12, 3)), name) == value
        assert getattr(fused, name) is None  # so it is not saved as if it were given


def test_value_ranges_that_disagree_are_an_error():
    layers = [
        kal.RandomBrightness(gain=0.2, value_range=value_range)
        for value_range in ((0, 1), (0, 255))
    ]
    with pytest.raises(ValueError, match="`value_range` must be the same"):
        kal.FusedAugmentation(layers)
    fused = kal.FusedAugmentation(layers, value_range=(0, 100))
    assert fused.sample((2, 9, 12, 3)).value_range == (0.0, 100.0)


@pytest.mark.parametrize("wrong", [None, 3, "flip", keras.layers.Dense(1)])
def test_only_our_layers_fuse(wrong):
    with pytest.raises(ValueError, match="`layers` must be augmentation layers"):
        kal.FusedAugmentation([kal.RandomFlip(), wrong])


@pytest.mark.parametrize(
    "after",
    [
        kal.RandomRotate(0.1),
        kal.RandomBrightness(gain=0.1, value_range=(0, 1)),
        kal.FusedAugmentation([kal.RandomErasing(), kal.RandomFlip()]),
    ],
    ids=lambda layer: layer.name,
)
@pytest.mark.parametrize("unit", [kal.Rescaling(1 / 255), kal.Normalize(0.5, 0.5)])
def test_only_regions_and_mixes_follow_another_unit(unit, after):
    message = "must only erase or mix where pixels have got another unit"
    for layers in ([unit, after], [kal.FusedAugmentation([unit]), after]):
        with pytest.raises(ValueError, match=message):
            kal.FusedAugmentation(layers)
    mixes = kal.RandomChoice([kal.MixUp(), kal.CutMix()])
    assert kal.FusedAugmentation([unit, kal.RandomErasing(), mixes])


@pytest.mark.parametrize("wrong", [None, "yes", "XLA"])
def test_an_unknown_jit_compile_is_an_error(wrong):
    with pytest.raises(ValueError, match="`jit_compile` must be True, False or 'auto'"):
        kal.FusedAugmentation([], jit_compile=wrong)


# Against the layers one by one, and against the truth.


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_integer_moves_are_the_layers_one_by_one(dtype, jit_compile):
    """Each image is what the layers make of it for one of the four pairs of flips.

    No path is longer than a frame: further out, the op's "wrap" has a rule of its own.
    """
    images = random_images((16, 12, 12, 3), dtype)
    shift = kal.RandomShift((2, 2), (-3, -3), unit="pixels", fill_mode="wrap")
    turn = kal.RandomRotate((0.25, 0.25), fill_mode="wrap")
    jump = kal.RandomShift((0.25, 0.25), (-0.25, -0.25), fill_mode="wrap")
    flips = [kal.RandomFlip(m, fill_mode="wrap") for m in ("horizontal", "vertical")]
    layers = [shift, flips[0], turn, jump, flips[1], shift]
    fused = kal.FusedAugmentation(layers, jit_compile=jit_compile)
    result = fused(images, training=True, seed=(5, 6)).numpy()
    ways = []
    for right, down in itertools.product((1, -1), (1, -1)):
        expected = drawn(shift, images)[:, :, ::right]
        expected = drawn(jump, drawn(turn, expected))[:, ::down]
        ways.append(drawn(shift, expected))
    matches = (np.stack(ways) == result).all(axis=(2, 3, 4))
    assert result.dtype == dtype
    np.testing.assert_array_equal(matches.sum(axis=0), 1)
    assert (matches.sum(axis=1) > 0).all()


def analytic(x, y):
    """A smooth picture, at any coordinates: values from 0 to 1."""
    waves = [(0.31, 0.23, 0.4), (-0.45, 0.52, 1.3), (0.08, -0.61, 2.2), (0.7, 0.1, 0.9)]
    return 0.5 + sum(np.sin(a * x + b * y + c) for a, b, c in waves) / 8


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
def test_fused_is_nearer_to_the_truth_than_the_chain(jit_compile):
    size = (64, 72)
    layers = [
        kal.RandomShift((0.04, 0.04), (-0.03, -0.03)),
        kal.RandomRotate(degrees=(17, 17)),
        kal.RandomZoom((-0.1, -0.1)),
        kal.RandomRotate(degrees=(-29, -29)),
    ]
    matrix = (
        reference.shift(-0.03 * size[1], 0.04 * size[0])
        @ reference.rotate(17, size)
        @ reference.zoom(-0.1, -0.1, size)
        @ reference.rotate(-29, size)
    )
    y, x = np.mgrid[: size[0], : size[1]]
    image = analytic(x, y).astype("float32")[None, ..., None]
    x, y = reference.coordinates([matrix], size)[0]
    truth = analytic(x, y)
    chain = image
    for layer in layers:
        chain = drawn(layer, chain)
    fused = kal.FusedAugmentation(layers, jit_compile=jit_compile)
    fused = fused(image, training=True).numpy()
    inside = np.s_[16:-16, 16:-16]

    def error(result):
        return np.sqrt(np.mean((result[0, ..., 0] - truth)[inside] ** 2))

    assert 0 < error(fused) <= 0.5 * error(chain)
    assert error(fused) < 0.02
    assert error(image) > 0.1


# Traces: an epoch costs none.


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


# Saving.


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
