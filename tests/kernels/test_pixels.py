"""Programs of pixels: steps, products, inverses, masks, what is measured."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits

import keras_aug_layers as kal
from keras_aug_layers.kernels import program
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.pixels import finish, mix, scale
from keras_aug_layers.layers.generator import add_within_range
from keras_aug_layers.layers.pixels.contrast import contrast
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan, as_plan
from keras_aug_layers.plan.settings import Settings

BATCH = 2
KINDS = ("number", "row", "matrix", "contrast", "contrast of a row")
SHAPES = {"number": (1,), "contrast": (1,), "matrix": (3, 3)}
kinds = pytest.mark.parametrize("kind", KINDS)


def pixels(rng):
    return rng.uniform(0, 255, (BATCH, 4, 5, 3))


def some_step(rng, kind, bias="row"):
    """Gains far from 0 and from each other, none of them singular."""
    shape = (BATCH, *SHAPES.get(kind, (3,)))
    gain = rng.uniform(0.4, 1.6, shape) * (-1.0) ** rng.integers(0, 2, shape)
    if kind.startswith("contrast"):
        return contrast(gain=gain)
    bias = 30 * rng.uniform(0.4, 1.6, (BATCH, *SHAPES.get(bias, (3,))))
    if kind == "matrix":
        return mix(matrix=0.3 * gain + 2 * np.eye(3), bias=bias)
    return scale(gain=gain, bias=bias)


def in_numpy(step, x):
    """What a step does to all images, from its definition."""
    rows = {key: row.numpy()[:, None, None] for key, row in step.rows.items()}
    if step.name == "mix":
        return (rows["matrix"] @ x[..., None])[..., 0] + rows["bias"]
    if step.name == "scale":
        return x * rows["gain"] + rows["bias"]
    mean = x.mean(axis=(1, 2), keepdims=True)
    return mean + rows["gain"] * (x - mean)


def all_in_numpy(steps, x):
    for step in steps:
        x = in_numpy(step, x)
    return x


def as_transform(plan, x=None, **settings):
    """The transform of a plan, of steps or of a step, for images x."""
    x = np.zeros((BATCH, 4, 5, 3)) if x is None else x
    frame = Frame.of(tf.constant(x), "channels_last")
    return kal.Transform.of(as_plan(plan), frame, Settings(**settings).resolved())


def run(plan, x, **settings):
    return as_transform(plan, x, **settings).images(tf.constant(x)).numpy()


def compiled(plan, x, **settings):
    transform = as_transform(plan, x, **settings)
    return tf.function(transform.images, jit_compile=True)(tf.constant(x)).numpy()


@pytest.mark.thorough
@kinds
@pytest.mark.parametrize("bias", ["number", "row"])
def test_a_step_is_its_definition(kind, bias):
    rng = np.random.default_rng(1)
    step, x = some_step(rng, kind, bias), pixels(rng)
    np.testing.assert_allclose(run(step, x), in_numpy(step, x))
    np.testing.assert_allclose(compiled(step, x), in_numpy(step, x))


@kinds
def test_steps_are_done_one_after_the_other(kind):
    """Pairs and triples. The mean is that of the pixels as the steps before left them,
    though it is measured once, on what came in."""
    rng = np.random.default_rng(2)
    for others in itertools.product(KINDS, (None, *KINDS)):
        steps = [some_step(rng, k, "number") for k in (kind, *others) if k is not None]
        x = pixels(rng)
        expected = all_in_numpy(steps, x)
        np.testing.assert_allclose(run(steps, x), expected, atol=1e-8)
        assert np.abs(expected - all_in_numpy(steps[:-1], x)).max() > 1


def test_affine_neighbours_are_one_step():
    """With the product of their gains, and the first bias through the second gain."""
    rng = np.random.default_rng(3)
    for kinds in itertools.product(KINDS[:3], repeat=2):
        first, after = (some_step(rng, kind) for kind in kinds)
        (step,) = program.then((first,), after)
        assert step.name == ("mix" if "matrix" in kinds else "scale")
        a, b = (
            x.rows["matrix"].numpy()
            if x.name == "mix"
            else x.rows["gain"].numpy()[:, :, None] * np.eye(3)
            for x in (after, first)
        )
        gain = step.rows.get("matrix", step.rows.get("gain")).numpy()
        if step.name == "scale":
            gain = gain[:, :, None] * np.eye(3)
        np.testing.assert_allclose(gain, a @ b)
        bias = np.einsum("bij,bj->bi", a, first.rows["bias"]) + after.rows["bias"]
        np.testing.assert_allclose(step.rows["bias"] + np.zeros((BATCH, 3)), bias)


def test_contrast_stays_a_step_of_its_own():
    """What it does is known when the pixels are; what stands on either side is one."""
    rng = np.random.default_rng(4)
    steps = [some_step(rng, kind) for kind in (*KINDS[:3], "contrast", *KINDS[:2])]
    names = [step.name for step in as_plan(steps).pixels]
    assert names == ["mix", "contrast", "scale"]


@kinds
def test_the_inverse_undoes(kind):
    rng = np.random.default_rng(5)
    for others in itertools.product((None, *KINDS), repeat=2):
        steps = [some_step(rng, k) for k in (kind, *others) if k is not None]
        x = pixels(rng)
        transform = as_transform(steps)
        mapped = transform.images(tf.constant(x))
        back = transform.inverse().images(mapped)
        np.testing.assert_allclose(back, x, atol=1e-8)
        assert np.abs(mapped - x).max() > 1


def test_the_inverse_of_what_is_lost_is_no_nan():
    for lost in (saturation(tf.zeros(2)), scale(gain=[0.0, 2.0], bias=5.0)):
        transform = as_transform(lost)
        x = tf.constant(pixels(np.random.default_rng(1)))
        mapped = transform.images(x)
        again = transform.images(transform.inverse().images(mapped))
        np.testing.assert_allclose(again, mapped, atol=1e-8)


def test_where_colours_are_lost_only_images_cannot_be_undone():
    layers = [kal.RandomRotate((0.1, 0.1)), kal.RandomBrightness((0.2, 0.2))]
    stack = kal.FusedAugmentation([*layers, kal.Normalize(0.5, 0.5)], seed=1)
    images = pixels(np.random.default_rng(0)).astype("uint8")
    transform = stack.sample(images)
    points = np.array([[[3.0, 4.0]]] * len(images))
    moved = transform.keypoints(points, mark_outside=False)
    back = transform.inverse().keypoints(moved, mark_outside=False)
    np.testing.assert_allclose(back, points, atol=1e-9)
    assert np.abs(moved - points).max() > 0.5
    with pytest.raises(ValueError, match="`images` cannot be undone where colours"):
        transform.inverse().images(transform.images(images))


FIRST = tf.constant([True, False])


@kinds
def test_only_some_images_are_changed(kind):
    """`only` between two others, each of which is done to all images."""
    rng = np.random.default_rng(6)
    for other, mask in itertools.product(KINDS, (FIRST, ~FIRST)):
        steps, x = [some_step(rng, k) for k in (other, kind, other)], pixels(rng)
        chosen = [steps[0], program.only(steps[1], mask), steps[2]]
        with_it = all_in_numpy(steps, x)
        without = all_in_numpy([steps[0], steps[2]], x)
        expected = np.where(mask[:, None, None, None], with_it, without)
        np.testing.assert_allclose(run(chosen, x), expected, atol=1e-8)
        assert np.abs(with_it - without).max(axis=(1, 2, 3)).min() > 1


def test_only_costs_no_step():
    """A choice of affine maps is one affine map: each has rows that do nothing."""
    rng = np.random.default_rng(7)
    steps = [some_step(rng, kind) for kind in KINDS[:3]]
    plan = Plan()
    for number, step in enumerate(steps):
        chosen = tf.constant([number == 0, number == 2])
        plan = plan.then(as_plan(step).only(chosen))
    (step,) = plan.pixels
    assert (step.name, step.only) == ("mix", None)
    x = pixels(rng)
    expected = [in_numpy(steps[0], x)[0], in_numpy(steps[2], x)[1]]
    np.testing.assert_allclose(run(plan, x), expected, atol=1e-9)


gamma = kal.register(
    "test_pixels.gamma", "pointwise", lambda x, power: 255.0 * (x / 255.0) ** power
)
"""No rows make it the identity by themselves."""


def gamma_in_numpy(power, x):
    return 255.0 * (x / 255.0) ** np.array(power)[:, None, None, None]


@pytest.mark.thorough
def test_only_of_what_has_no_neutral_rows():
    """A mask stays on the step, and masks of masks are both true."""
    x = pixels(np.random.default_rng(8))
    step = gamma(power=[0.5, 2.0])
    expected = gamma_in_numpy([0.5, 2.0], x)
    np.testing.assert_allclose(run(step, x), expected)
    once = program.only(step, FIRST)
    np.testing.assert_array_equal(once.only, FIRST)
    np.testing.assert_allclose(run(once, x), [expected[0], x[1]])
    np.testing.assert_allclose(compiled(once, x), [expected[0], x[1]])
    np.testing.assert_allclose(run(program.only(once, ~FIRST), x), x)
    both = program.only(once, tf.constant([True, True]))
    np.testing.assert_allclose(run(both, x), [expected[0], x[1]])


def test_a_mask_keeps_neighbours_apart():
    """A product is that of rows: where a mask is left, there is none."""
    first, after = scale(gain=2.0, bias=1.0), scale(gain=3.0, bias=5.0)
    masked = kal.Step(first.name, first.rows, FIRST)
    for pair in ((masked, after), (after, masked)):
        assert len(as_plan(pair).pixels) == 2
    x = pixels(np.random.default_rng(9))
    expected = [3 * (2 * x[0] + 1) + 5, 3 * x[1] + 5]
    np.testing.assert_allclose(run([masked, after], x), expected)
    expected = np.stack([2 * (3 * x[0] + 5) + 1, 3 * x[1] + 5])
    np.testing.assert_allclose(run([after, masked], x), expected)
    mean = expected.mean(axis=(1, 2), keepdims=True)
    result = run([after, masked, contrast(gain=0.5)], x)
    np.testing.assert_allclose(result, mean + 0.5 * (expected - mean), atol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("form", [run, compiled])
def test_the_mean_goes_through_a_curve(form):
    """Of a curve the mean is not the curve of the mean: it is measured behind it."""
    rng = np.random.default_rng(10)
    x, power = pixels(rng), [0.5, 2.0]
    between, after = (some_step(rng, kind) for kind in ("row", "matrix"))
    steps = [gamma(power=power), between, contrast(gain=0.5), after]
    expected = in_numpy(between, gamma_in_numpy(power, x))
    mean = expected.mean(axis=(1, 2), keepdims=True)
    expected = in_numpy(after, mean + 0.5 * (expected - mean))
    np.testing.assert_allclose(form(steps, x), expected, atol=1e-8)
    naive = gamma_in_numpy(power, x.mean(axis=(1, 2), keepdims=True))
    assert (
        np.abs(naive - gamma_in_numpy(power, x).mean((1, 2), keepdims=True)).max() > 1
    )


@pytest.mark.parametrize("curve", [False, True])
def test_the_mean_ignores_the_fill(curve):
    """Shifted out of the frame, an image keeps the mean of what came in."""
    x = pixels(np.random.default_rng(11))
    away = np.tile(
        [[1.0, 0.0, -100.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], (BATCH, 1, 1)
    )
    power = [0.5, 2.0] if curve else [1.0, 1.0]
    steps = [affine(matrix=away), *[gamma(power=power)] * curve, contrast(gain=0.25)]
    result = run(steps, x, fill_mode="constant", fill_value=99.0)
    mean = gamma_in_numpy(power, x).mean(axis=(1, 2), keepdims=True)
    fill = gamma_in_numpy(power, np.full_like(x, 99.0))
    np.testing.assert_allclose(result, mean + 0.25 * (fill - mean))


other_channels = kal.register(
    "test_pixels.other_channels",
    "mixing",
    lambda channels, gain: channels[0] + gain * channels[1] * channels[2],
)
"""Not linear, and with a row for each channel that turns as the channels do."""


@pytest.mark.parametrize("form", [run, compiled])
def test_functions_that_mix_see_themselves_first(form):
    """Twice, with a curve between them: turns of turns."""
    x = pixels(np.random.default_rng(12)) / 255
    gain = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    twice = [gamma(power=[0.5, 2.0]), other_channels(gain=gain)] * 2

    def mixed(x):
        x = gamma_in_numpy([0.5, 2.0], x)
        return x + gain[:, None, None] * x[..., [1, 2, 0]] * x[..., [2, 0, 1]]

    np.testing.assert_allclose(form(twice, x), mixed(mixed(x)))


@pytest.mark.thorough
def test_mixing_reads_an_image_once():
    """Outside XLA, where a warp is an op: one for all turns of the channels."""
    away = affine(matrix=[[[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]] * BATCH)
    steps = [away, *[gamma(power=[0.5, 2.0]), other_channels(gain=0.5)] * 3]
    spec = tf.TensorSpec((BATCH, 4, 5, 3), "float32")
    graph = tf.function(as_transform(steps).images).get_concrete_function(spec).graph
    ops = [node.op for node in graph.as_graph_def().node]
    assert ops.count("ImageProjectiveTransformV3") == 1
    assert ops.count("Pow") == 3


@pytest.mark.thorough
@pytest.mark.parametrize("form", [run, compiled])
def test_added_numbers_keep_the_images_own_range(form):
    x = pixels(np.random.default_rng(3))
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    shift = add_within_range(bias=[60.0, -60.0])
    expected = (x + np.array([60.0, -60.0])[:, None, None, None]).clip(low, high)
    np.testing.assert_allclose(form(shift, x), expected)
    brighter = [shift, scale(gain=1.5, bias=0.0)]
    np.testing.assert_allclose(form(brighter, x), 1.5 * expected)
    mixed = [shift, saturation(tf.constant([0.5, 1.5]))]
    expected = in_numpy(mixed[1], expected)
    np.testing.assert_allclose(form(mixed, x), expected)


@pytest.mark.parametrize("bounded_first", [True, False])
def test_bounds_concern_their_own_bias_only(bounded_first):
    x = pixels(np.random.default_rng(3))
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    shift, add = add_within_range(bias=60.0), scale(gain=1.0, bias=500.0)
    steps = [shift, add] if bounded_first else [add, shift]
    expected = (x + 60).clip(low, high) + 500
    np.testing.assert_allclose(run(steps, x), expected)


def test_bounds_concern_their_own_images_only():
    x = pixels(np.random.default_rng(3))
    shift = program.only(add_within_range(bias=60.0), FIRST)
    add = program.only(scale(gain=1.0, bias=500.0), ~FIRST)
    low, high = x[0].min(), x[0].max()
    expected = [(x[0] + 60).clip(low, high), x[1] + 500]
    np.testing.assert_allclose(run([shift, add], x), expected)


def test_finish_clips_rounds_and_casts():
    x = tf.constant([-3.0, 0.4, 0.6, 1.5, 2.5, 254.6, 300.0])
    result = finish(x, tf.uint8, None)
    assert_same_bits(result, np.array([0, 0, 1, 2, 2, 255, 255], "uint8"))
    result = finish(x, tf.float16, (0.5, 2.0))
    assert_same_bits(result, np.array([0.5, 0.5, 0.6, 1.5, 2, 2, 2], "float16"))
    result = finish(x, tf.int16, (0.0, 100.0))
    assert_same_bits(result, np.array([0, 0, 1, 2, 2, 100, 100], "int16"))


@pytest.mark.parametrize("wide", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32", "int64"])
def test_what_a_dtype_does_not_hold_is_its_end(dtype, wide):
    """Of int64 the greatest number is no float, and the one above it would wrap."""
    info = np.iinfo(dtype)
    values = tf.constant([-1e30, -1e10, 2.0**31, 2.0**63, 1e30, np.inf], wide)
    found = finish(values, tf.as_dtype(dtype)).numpy().astype(object)
    exact = values.numpy().astype(object)
    right = [min(max(x, info.min), info.max) for x in exact]
    mantissa = np.finfo(wide).nmant + 1
    pairs = zip(found, right, strict=True)
    assert all(abs(a - b) <= info.max / 2**mantissa for a, b in pairs)
