"""The two forms of the warp agree, and the layers cost no model its XLA.

The op is compared with what XLA compiles over many matrices at once: they are the
batch, so that a size is compiled once, all fill modes and interpolations together.
"""

import itertools
import types
import warnings

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import reference
import tensorflow as tf
from examples import ALIKE, EVERY, stack
from helpers import random_images
from hypothesis import Phase, given, settings

import keras_aug_layers as kal
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.warp import (
    FILL_MODES,
    INTERPOLATIONS,
    in_xla_context,
    warp,
)

WAYS = tuple(itertools.product(FILL_MODES, INTERPOLATIONS))
FILL = 0.25
BATCH = 24


def all_ways(images, matrices, ways=WAYS, fill_value=FILL, affine=False):
    images = tf.convert_to_tensor(images)
    reader = Reader(matrices, affine)
    return {
        f"{fill_mode} {interpolation}": warp(
            images,
            reader,
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
        )
        for fill_mode, interpolation in ways
    }


def compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)


def homographies(size, parts, perspective=True):
    """Turns numbers in [-1, 1] (B, 8) into matrices whose depth stays above 0.4."""
    height, width = size
    matrices = []
    for angle, zoom_x, zoom_y, shear, dx, dy, g, h in parts:
        linear = [[1 + 0.7 * zoom_x, shear], [0, 1 + 0.7 * zoom_y]]
        tilt = np.eye(3)
        tilt[2, :2] = 0.3 * g / width, 0.3 * h / height
        matrix = (
            reference.shift(0.8 * dx * width, 0.8 * dy * height)
            @ reference.rotate(180 * angle, size)
            @ reference.about_centre(linear, size)
            @ (tilt if perspective else np.eye(3))
        )
        matrices.append(matrix / matrix[2, 2])
    return np.asarray(matrices, "float32")


def well_defined(matrices, size, way, margin=3e-4):
    """Where no jump of what the op computes is within the margin: (B, H, W)."""
    fill_mode, interpolation = way.split()
    at = reference.coordinates(matrices, size)
    far = np.ones_like(at, bool)
    if interpolation == "nearest":
        far &= np.abs(at - np.floor(at) - 0.5) > margin
    if fill_mode == "wrap":  # the op counts turns of n - 1 pixels
        turn = np.maximum(np.array(size[::-1]).reshape(1, 2, 1, 1) - 1, 1)
        far &= np.abs(at - turn * np.round(at / turn)) > margin
    return far.all(axis=1)


parts = hnp.arrays(
    np.float64, (BATCH, 8), elements=st.floats(-1, 1, width=16), fill=st.nothing()
)
"""Each element is drawn; a failing batch is not shrunk, which takes minutes."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "perspective"),
    [
        ((1, 1, 1), True),
        ((1, 6, 2), False),
        ((9, 1, 3), True),
        ((16, 13, 4), False),
        ((16, 13, 4), True),
        ((65, 33, 5), False),
    ],
    ids=str,
)
def test_op_and_gathers_agree(size, perspective):
    size, channels = size[:2], size[2]
    images = np.random.default_rng(1).uniform(size=(BATCH, *size, channels))
    images = images.astype("float32")
    gathers = compiled(lambda x, m: all_ways(x, m, affine=not perspective))
    seen = dict.fromkeys(map(" ".join, WAYS), 0)

    @settings(max_examples=10, phases=[Phase.generate])
    @given(parts)
    def check(parts):
        matrices = homographies(size, parts, perspective)
        with_op = all_ways(images, matrices)
        for way, actual in gathers(images, matrices).items():
            clear = well_defined(matrices, size, way)
            seen[way] += clear.sum()
            atol = 0 if way.endswith("nearest") else 1e-4
            actual, expected = actual.numpy()[clear], with_op[way].numpy()[clear]
            np.testing.assert_allclose(actual, expected, 0, atol, err_msg=way)

    check()
    assert min(seen.values()) > BATCH * size[0] * size[1]


@pytest.mark.thorough
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_ties_go_the_same_way(interpolation):
    """Shifts by exact halves, along either axis, and past the frame."""
    images = random_images((9, 7, 8, 2))
    shifts = [0.5, -0.5, 1.5, -2.5, 4.5, -5.5, 9.5, -12.5, 3.25]
    matrices = [reference.shift(dx, -dx) for dx in shifts]
    matrices = np.asarray(matrices, "float32")
    ways = [(fill_mode, interpolation) for fill_mode in FILL_MODES]
    gathers = compiled(lambda x, m: all_ways(x, m, ways))(images, matrices)
    for way, with_op in all_ways(images, matrices, ways).items():
        np.testing.assert_allclose(gathers[way], with_op, 0, 1e-6, err_msg=way)


DTYPES = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32"
DTYPES = (*DTYPES.split(), "float64")


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_every_dtype(interpolation):
    """Each over its whole range; nearest copies the bits."""
    size = (11, 14)
    matrices = homographies(size, np.random.default_rng(2).uniform(-1, 1, (BATCH, 8)))
    names = [*DTYPES, *(["bool"] if interpolation == "nearest" else [])]
    generator, images = np.random.default_rng(3), {}
    for name in names:
        dtype = tf.as_dtype(name)
        shape = (BATCH, *size, 2)
        bits = np.frombuffer(generator.bytes(8 * np.prod(shape)), np.uint64)
        values = generator.uniform(0, 1, shape)
        if dtype.is_integer:
            values = bits.astype(name).reshape(shape)
        elif dtype.is_bool:
            values = values > 0.5
        images[name] = tf.constant(values, dtype)
    ways = [("reflect", interpolation), ("constant", interpolation)]

    def both(images):
        return {
            name: all_ways(image, matrices, ways, fill_value=1)
            for name, image in images.items()
        }

    with_op, gathers = both(images), compiled(both)(images)
    for name, way in itertools.product(names, map(" ".join, ways)):
        clear = well_defined(matrices, size, way)
        assert clear.mean() > 0.9
        expected, actual = with_op[name][way], gathers[name][way]
        assert actual.dtype == expected.dtype
        expected, actual = expected.numpy()[clear], actual.numpy()[clear]
        atol = 0.0 if interpolation == "nearest" else 1e-4
        span = 1.0 * expected.max() - 1.0 * expected.min()
        assert span > 0.5
        difference = np.abs(expected.astype("float64") - actual.astype("float64"))
        assert difference.max() <= atol * span, (name, way)


# Gradients.


def adjoint(matrix, size, way, upstream):
    """What float64 NumPy says: the columns of the warp's matrix, one pixel each."""
    pixels = np.eye(size[0] * size[1]).reshape(-1, *size, 1)
    fill_mode, interpolation = way.split()
    rows = reference.reference_warp(
        pixels, [matrix] * len(pixels), fill_mode, interpolation
    )
    return np.einsum("phwc,hwk->pk", rows, upstream).reshape(*size, -1)


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(7, 9), (8, 6)])
def test_gradients_to_the_images(size):
    """Of the op, of what XLA compiles, and by a numerical adjoint."""
    count, generator = 6, np.random.default_rng(5)
    matrices = homographies(size, generator.uniform(-0.5, 0.5, (count, 8)))
    images = generator.uniform(size=(count, *size, 2)).astype("float32")
    upstream = {
        way: np.where(
            well_defined(matrices, size, way, 1e-3)[..., None]
            & reference.well_defined(matrices, size, *way.split())[..., None],
            generator.normal(size=images.shape),
            0,
        ).astype("float32")
        for way in map(" ".join, WAYS)
    }

    def gradients(images, upstream):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            warped = all_ways(images, matrices)
        return {
            way: tape.gradient(warped[way], images, upstream[way]) for way in warped
        }

    images = tf.constant(images)
    with_op = gradients(images, upstream)
    gathers = compiled(gradients)(images, upstream)
    for way in map(" ".join, WAYS):
        expected = np.stack(
            [
                adjoint(matrix, size, way, above)
                for matrix, above in zip(matrices, upstream[way], strict=True)
            ]
        )
        assert np.abs(expected).max() > 0.5
        tolerance = {"rtol": 0, "atol": 1e-4, "err_msg": way}
        np.testing.assert_allclose(with_op[way], expected, **tolerance)
        np.testing.assert_allclose(gathers[way], expected, **tolerance)


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [True, False])
def test_gradients_through_a_layer(jit_compile):
    """<A x, g> = <x, Aᵀ g>: what a layer draws is linear in the images."""
    layer = kal.FusedAugmentation(
        [*stack()[:2], kal.RandomRotate(0.2)], jit_compile=jit_compile
    )
    images, upstream = random_images((2, 3, 9, 8, 3))
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        augmented = layer(images, training=True, seed=(1, 2))
    gradient = tape.gradient(augmented, images, upstream)
    left = np.sum(augmented.numpy() * upstream, axis=(1, 2, 3))
    right = np.sum(images.numpy() * gradient.numpy(), axis=(1, 2, 3))
    np.testing.assert_allclose(left, right, rtol=1e-5)
    assert np.abs(gradient - upstream).max() > 0.1


# Coordinates and pixels that are no ordinary numbers.


def wild_matrices():
    """Huge, tiny, infinite and NaN, in each place of the matrix but the last."""
    values = [1e8, -3e9, 4e18, -1e30, 3e38, -3e38, np.inf, -np.inf, np.nan, 1e-42]
    matrices = []
    for place, value in itertools.product(range(8), values):
        matrix = np.eye(3).ravel()
        matrix[place] = value
        matrices.append(matrix.reshape(3, 3))
    return np.asarray(matrices, "float32")


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1, 1), (6, 5)])
def test_wild_matrices_give_no_wild_values(size):
    matrices = wild_matrices()
    images = 0.5 * random_images((len(matrices), *size, 2)) + 0.5
    for way, warped in compiled(all_ways)(images, matrices).items():
        warped = warped.numpy()
        # A NaN that reaches the weights shows; where the frame ends, there is a fill.
        may_be_nan = way in ("reflect bilinear", "nearest bilinear", "wrap bilinear")
        assert np.isnan(warped).any() <= may_be_nan, way
        warped = warped[~np.isnan(warped)]
        least = FILL if way.startswith("constant") else images.min()
        assert warped.size > images.size / 2
        # x / 0 is nowhere: it shows the fill value in every mode.
        assert ((warped >= least - 1e-6) | (warped == FILL)).all(), way
        assert (warped <= images.max() + 1e-6).all(), way
    for way, warped in all_ways(images, matrices).items():
        # The op gives 0 or NaN for what is nowhere.
        warped = warped.numpy()[np.isfinite(warped)]
        assert warped.size > images.size / 2
        assert ((warped >= FILL - 1e-6) | (warped == 0)).all(), way
        assert (warped <= images.max() + 1e-6).all(), way


def folded(at, size, fill_mode):
    """Coordinates (B, 2, H, W) brought into the frame; NaN where nothing is read."""
    n = np.array(size[::-1], np.float64).reshape(1, 2, 1, 1)
    if fill_mode == "reflect":
        at = np.mod(at + 0.5, 2 * n)
        at = np.minimum(at, 2 * n - at) - 0.5
    if fill_mode == "constant":
        at = np.where((at > -1 - 1e-4) & (at < n + 1e-4), at, np.nan)
    return np.clip(at, 0, n - 1)


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["op", "XLA"])
def test_odd_pixels_spread_no_further_than_the_stencil(form):
    """NaN and infinite pixels show within a pixel of themselves, and nowhere else."""
    size, (row, column) = (9, 11), (1, 9)
    images = random_images((1, *size, 3)).repeat(BATCH, 0)
    images[:, row, column] = np.nan, np.inf, -np.inf
    matrices = homographies(size, np.random.default_rng(7).uniform(-1, 1, (BATCH, 8)))
    modes = [mode for mode in FILL_MODES if mode != "wrap"]
    ways = tuple(itertools.product(modes, INTERPOLATIONS))
    run = compiled(all_ways) if form == "XLA" else all_ways
    for way, warped in run(images, matrices, ways).items():
        fill_mode, interpolation = way.split()
        at = folded(reference.coordinates(matrices, size), size, fill_mode)
        off = np.abs(at - np.array([column, row]).reshape(1, 2, 1, 1))
        reach = {"bilinear": 1.0, "nearest": 0.5}[interpolation] + 1e-4
        touched = (off <= reach).all(axis=1)[..., None]
        odd = ~np.isfinite(warped)
        assert not (odd & ~touched).any(), way
        assert odd.any(axis=(0, 1, 2)).all(), way


# Models.


@pytest.mark.parametrize("build", EVERY.values(), ids=EVERY)
def test_no_layer_switches_xla_off(build):
    assert build().supports_jit
    assert kal.FusedAugmentation([build()]).supports_jit


TOGETHER = 4
"""Layers in one model: more would compile for minutes."""
TRAINED = sorted(EVERY.keys() - ALIKE - {"AugMix"})[::2]
"""Every second one: test_gpu_forms.py compiles them all, and derives them."""


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, len(TRAINED), TOGETHER))
def test_a_compiled_model_trains_without_a_warning(first):
    """Of layers, groups among them, a few in each model."""
    contexts = []

    class Probe(keras.layers.Layer):
        """Notes whether it is traced for XLA."""

        def call(self, x, training=False):
            contexts.append((training, in_xla_context()))
            return x

    layers = [EVERY[name]() for name in TRAINED[first : first + TOGETHER]]
    images = random_images((6, 8, 9, 3), "uint8")
    labels = np.arange(6) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = keras.Sequential(
            [
                keras.Input((8, 9, 3), dtype="uint8"),
                *layers,
                Probe(),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, jit_compile=True)
        before = model.get_weights()[-1]
        contexts.clear()
        history = model.fit(images, labels, batch_size=3, epochs=2, verbose=0)
        model.train_on_batch(images[:3], labels[:3])
        assert contexts and set(contexts) == {(True, True)}
        evaluated = model.evaluate(images, labels, batch_size=3, verbose=0)
        predicted = model.predict(images, batch_size=3, verbose=0)
    assert set(contexts) == {(True, True), (False, True)}
    assert model.jit_compile is True
    assert np.isfinite(history.history["loss"]).all()
    assert np.isfinite(evaluated) and np.isfinite(predicted).all()
    assert np.abs(model.get_weights()[-1] - before).max() > 0
    np.testing.assert_allclose(predicted, model(images), rtol=1e-5, atol=1e-6)


FUNCTIONS = (types.FunctionType, type(tf.function(lambda: None)))


def inner_function(function):
    """The tf.function in the closures of what Keras wraps around it."""
    if hasattr(function, "get_concrete_function"):
        return function
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    cells = [f for f in cells if f is not function]
    found = [inner_function(f) for f in cells if isinstance(f, FUNCTIONS)]
    return next((f for f in found if f is not None), None)


@pytest.mark.thorough
def test_the_trained_step_is_compiled_as_a_whole():
    """One function that XLA must compile, and nothing of ours outside it."""
    model = keras.Sequential(
        [
            keras.Input((8, 9, 3)),
            kal.FusedAugmentation(stack()),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse", jit_compile=True)
    images, targets = random_images((4, 8, 9, 3)), np.zeros((4, 2), "float32")
    model.train_on_batch(images, targets)
    step = inner_function(model.train_function)
    dataset = tf.data.Dataset.from_tensors((images, targets))
    graph = step.get_concrete_function(iter(dataset)).graph.as_graph_def()
    functions = {f.signature.name: f for f in graph.library.function}

    def ops_outside_of_xla(nodes):
        for node in nodes:
            called = [functions[a.func.name] for a in node.attr.values() if a.func.name]
            yield node.op
            for function in called:
                if not function.attr["_XlaMustCompile"].b:
                    yield from ops_outside_of_xla(function.node_def)

    everywhere = {node.op for f in functions.values() for node in f.node_def}
    work = {"GatherV2", "MatMul", "ResourceApplyGradientDescent"}
    work &= everywhere
    assert {"GatherV2", "MatMul"} <= work
    assert not work & set(ops_outside_of_xla(graph.node))
    assert "ImageProjectiveTransformV3" not in everywhere
