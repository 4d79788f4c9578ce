"""Colour: each layer against its definition in float64, and the programs of pixels."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, drawn
from PIL import Image, ImageEnhance

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

RANGE = (0.0, 255.0)
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture
def floats(photographs):
    """Photographs in float32, which the tests' shades do not reach the ends of."""
    return photographs.astype("float32")


# Each layer against its definition, in float64.


def of_contrast(x, u):
    mean = x.mean(axis=(1, 2), keepdims=True)
    return mean + (1 + u) * (x - mean)


def of_saturation(x, u):
    luma = (x @ LUMA)[..., None]
    return luma + (1 + u) * (x - luma)


def of_hue(x, turns):
    """Rotates the part across the grey axis, in a basis of its own."""
    grey = x.mean(axis=-1, keepdims=True)
    e1 = np.array([2, -1, -1]) / 6**0.5
    e2 = np.array([0, 1, -1]) / 2**0.5
    a, b = ((x - grey) @ e1)[..., None], ((x - grey) @ e2)[..., None]
    t = 2 * np.pi * turns
    return (
        grey
        + (a * np.cos(t) - b * np.sin(t)) * e1
        + (a * np.sin(t) + b * np.cos(t)) * e2
    )


def linear_hue(turns, value_range=None, **kwargs):
    return kal.RandomHue(turns=turns, value_range=value_range, space="linear", **kwargs)


def linear_saturation(factor, value_range=None):
    """With the range of a change of the gain: f for (-f, f), or a pair."""
    gain = tuple(1.0 + x for x in factor) if isinstance(factor, tuple) else factor
    return kal.RandomSaturation(gain=gain, value_range=value_range, space="linear")


def brightness(u, value_range=None):
    """With the range of a change of the gain."""
    gain = tuple(1.0 + x for x in u) if isinstance(u, tuple) else u
    return kal.RandomBrightness(gain=gain, value_range=value_range)


DEFINED = {
    "brightness": (brightness, lambda x, u: x * (1 + u)),
    "contrast": (kal.RandomContrast, of_contrast),
    "saturation": (linear_saturation, of_saturation),
    "hue": (linear_hue, of_hue),
    "channel shift": (kal.RandomChannelShift, lambda x, u: x + u),
}
defined = pytest.mark.parametrize(
    ("layer", "definition"), DEFINED.values(), ids=DEFINED
)


@defined
@pytest.mark.parametrize("u", [-0.7, -0.2, 0.35, 0.9])
def test_layers_do_what_they_are_defined_to(layer, definition, u, floats):
    expected = definition(floats.astype("float64"), u)
    result = drawn(layer((u, u)), floats)
    np.testing.assert_allclose(result, expected, atol=1e-3)
    assert np.abs(result - floats).max() > 0.1

    clipped = drawn(layer((u, u), RANGE), floats)
    np.testing.assert_allclose(clipped, np.clip(expected, *RANGE), atol=1e-3)


@defined
def test_each_image_has_its_own_strength(layer, definition, floats):
    images = np.tile(floats[:1], (30, 1, 1, 1))
    result = drawn(layer(0.8), images)
    assert len({image.tobytes() for image in result}) == 30


def test_integers_are_rounded_and_clipped_once(photographs):
    for layer, definition in DEFINED.values():
        result = drawn(layer((0.6, 0.6)), photographs)
        expected = definition(photographs.astype("float64"), 0.6).clip(0, 255)
        assert result.dtype == "uint8"
        assert np.abs(result - expected).max() < 0.5 + 1e-3


def test_nothing_is_cut_between_two_layers(photographs):
    """Three times as bright, a third: neither clipped nor rounded in between."""
    stack = [kal.RandomBrightness(gain=(g, g)) for g in (3.0, 1 / 3)]
    fused = kal.FusedAugmentation(stack)
    assert_same_bits(drawn(fused, photographs), photographs)
    one_by_one = drawn(stack[1], drawn(stack[0], photographs))
    assert not np.array_equal(one_by_one, photographs)


def test_contrast_is_lowered_as_often_as_raised():
    """Keras's layer never lowers it."""
    (step,) = kal.RandomContrast(0.5, seed=1).sample((2000, 4, 4, 3)).pixels
    assert step.name == "contrast"
    gains = step.rows["gain"].numpy()
    assert 0.5 <= gains.min() < 0.51 and 1.49 < gains.max() <= 1.5
    assert abs((gains < 1.0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("gain", [0.0, 0.3, 0.8, 1.4, 1.9])
def test_saturation_is_pillows(gain, photographs):
    """Up to Pillow's integers: its luma is rounded, its blend cut."""
    expected = [
        np.asarray(ImageEnhance.Color(Image.fromarray(x)).enhance(gain), "float64")
        for x in photographs
    ]
    layer = linear_saturation((gain - 1, gain - 1), RANGE)
    difference = drawn(layer, photographs.astype("float32")) - expected
    of_luma = 0.5 * abs(1 - gain) + 0.01
    assert -of_luma < difference.min() and difference.max() < 1 + of_luma


def test_hue_leaves_greys_and_sums(floats):
    grey = np.repeat(floats[..., :1], 3, axis=-1)
    layer = linear_hue(1.0)
    np.testing.assert_allclose(drawn(layer, grey), grey, atol=1e-3)
    result = drawn(layer, floats)
    np.testing.assert_allclose(result.sum(-1), floats.sum(-1), atol=1e-2)
    assert np.abs(result - floats).max() > 20


@pytest.mark.parametrize(("thirds", "order"), [(1, [2, 0, 1]), (2, [1, 2, 0])])
def test_a_third_of_a_turn_permutes_the_channels(thirds, order, photographs):
    for turns in (thirds / 3, thirds / 3 - 1):
        layer = linear_hue((turns, turns))
        assert_same_bits(drawn(layer, photographs), photographs[..., order])


def test_hue_turns_as_in_hsv():
    """Of a pure colour, the hue in HSV changes the same way, within the sextant."""
    red = np.zeros((1, 1, 1, 3), "float32") + [1, 0, 0]
    for turns in (0.05, 0.3, 0.6, 0.95):
        result = drawn(linear_hue((turns, turns)), red)
        red_hue = (tf.image.rgb_to_hsv(tf.nn.relu(result)).numpy()[..., 0]).item()
        assert abs(red_hue - turns) < 1 / 12


def test_greyscale(photographs):
    images = np.tile(photographs, (40, 1, 1, 1))
    result = drawn(kal.RandomGrayscale(0.3), images)
    luma = np.round(images @ LUMA)[..., None]
    grey = (np.abs(result - luma) <= 1).all(axis=(1, 2, 3))
    same = (result == images).all(axis=(1, 2, 3))
    assert (grey ^ same).all()
    assert 0.15 < grey.mean() < 0.45
    assert (result[grey] == result[grey][..., :1]).all()


@pytest.mark.parametrize("value_range", [(0.0, 255.0), (-1.0, 1.0), (10.0, 300.0)])
def test_inversion(value_range, floats):
    images = np.tile(floats, (40, 1, 1, 1)).clip(*value_range)
    result = drawn(kal.RandomInvert(0.6, value_range), images)
    negative = np.isclose(result, sum(value_range) - images).all(axis=(1, 2, 3))
    assert ((result == images).all(axis=(1, 2, 3)) ^ negative).all()
    assert 0.45 < negative.mean() < 0.75


def test_channel_shift_is_of_each_channel_or_of_all():
    shape = (20_000, 4, 4, 3)

    def bias(layer):
        (step,) = layer.sample(shape).pixels
        np.testing.assert_array_equal(step.rows["gain"], 1.0)
        return step.rows["bias"].numpy()

    own = bias(kal.RandomChannelShift((-5, 20)))
    assert own.shape == (20_000, 3)
    np.testing.assert_allclose(own.min(0), -5, atol=0.05)
    np.testing.assert_allclose(own.max(0), 20, atol=0.05)
    assert np.abs(np.corrcoef(own.T) - np.eye(3)).max() < 0.03
    common = bias(kal.RandomChannelShift(5, per_channel=False))
    assert common.shape == (20_000, 1)


@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_channel_shift_of_each_channel(probability, floats):
    images = np.tile(floats, (8, 1, 1, 1))
    layer = kal.RandomChannelShift(40, probability=probability)
    transform = layer.sample(images, seed=(1, 2))
    (step,) = transform.pixels
    shift = np.broadcast_to(step.rows["bias"], (len(images), 3))
    expected = images + shift[:, None, None].astype("float64")
    result = drawn(layer, images, seed=(1, 2))
    np.testing.assert_allclose(result, expected, atol=1e-3)
    shifted = (shift != 0).all(axis=1)
    assert set(shifted) == {True, probability == 1.0}


JITTER = {
    "brightness": (1.2, 1.2),
    "contrast_factor": (-0.4, -0.4),
    "saturation": (1.5, 1.5),
    "hue": (0.1, 0.1),
}
STRENGTH = {"brightness": 0.2, "contrast_factor": -0.4, "saturation": 0.5, "hue": 0.1}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_jitter_is_the_four_in_order(count, floats):
    for names in itertools.combinations(JITTER, count):
        expected = floats.astype("float64")
        for name in names:
            _, definition = DEFINED[name.removesuffix("_factor")]
            expected = definition(expected, STRENGTH[name])
        own = {name: JITTER[name] for name in names}
        layer = kal.RandomColorJitter(space="linear", **own)
        np.testing.assert_allclose(drawn(layer, floats), expected, atol=2e-3)


def test_jitter_draws_the_four_independently():
    layer = kal.RandomColorJitter(brightness=0.5, contrast_factor=0.5, space="linear")
    brighter, contrasted = layer.sample((20_000, 4, 4, 3)).pixels
    assert (brighter.name, contrasted.name) == ("scale", "contrast")
    gains = [step.rows["gain"].numpy()[:, 0] for step in (brighter, contrasted)]
    assert min(gain.std() for gain in gains) > 0.2
    assert abs(np.corrcoef(gains)[0, 1]) < 0.03


def test_the_mean_is_of_the_image_that_came_in():
    """Shifted out of the frame, an image keeps the mean of what came in."""
    images = np.random.default_rng(1).uniform(0, 99, (2, 8, 8, 3)).astype("float32")
    shift = kal.RandomShift((0.5, 0.5), fill_mode="constant", fill_value=99.0)
    fused = kal.FusedAugmentation([shift, kal.RandomContrast((0.5, 0.5))])
    mean = images.mean(axis=(1, 2), keepdims=True)
    expected = mean + 1.5 * (drawn(shift, images) - mean)
    np.testing.assert_allclose(drawn(fused, images), expected, atol=1e-3)


# Formats.

LAYERS = {
    "contrast": kal.RandomContrast((0.5, 0.5)),
    "saturation": linear_saturation((-0.5, -0.5)),
    "hue": linear_hue((0.2, 0.2)),
    "greyscale": kal.RandomGrayscale(1.0),
    "inversion": kal.RandomInvert(1.0, RANGE),
    "jitter": kal.RandomColorJitter(RANGE, space="linear", **JITTER),
    "channel shift": kal.RandomChannelShift(40),
}
MIXING = ("saturation", "hue", "greyscale", "jitter")


@pytest.mark.parametrize("name", LAYERS)
def test_channels_first(name, floats):
    layer = LAYERS[name]
    first = type(layer).from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    expected = drawn(layer, floats, seed=(1, 2))
    result = drawn(first, floats.transpose(0, 3, 1, 2), seed=(1, 2))
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, atol=1e-3)
    assert np.abs(expected - floats).max() > 5


@pytest.mark.parametrize("name", LAYERS)
def test_one_image(name, floats):
    layer = LAYERS[name]
    expected = drawn(layer, floats[:1], seed=(1, 2))[0]
    np.testing.assert_allclose(drawn(layer, floats[0], seed=(1, 2)), expected)


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("name", MIXING)
def test_three_channels_are_needed_to_mix(name, channels):
    images = np.zeros((2, 5, 6, channels), "uint8")
    message = f"three channels for {type(LAYERS[name]).__name__}.*{channels} channels"
    with pytest.raises(ValueError, match=message):
        drawn(LAYERS[name], images)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("name", sorted(LAYERS.keys() - set(MIXING)))
def test_other_layers_take_any_number_of_channels(name, channels):
    rng = np.random.default_rng(1)
    images = rng.uniform(50, 200, (2, 5, 6, channels)).astype("float32")
    result = drawn(LAYERS[name], images, seed=(1, 2))
    assert result.shape == images.shape
    assert np.abs(result - images).max(axis=(1, 2)).min() > 0.1


def test_an_inversion_needs_a_range():
    with pytest.raises(ValueError, match="value_range.*float32"):
        drawn(kal.RandomInvert(), np.zeros((1, 4, 4, 3), "float32"))
    with pytest.raises(ValueError, match="low < high"):
        kal.RandomInvert(1.0, (3, 3))


def colorful(**kwargs):
    stack = [
        kal.RandomBrightness(gain=(1.1, 1.4)),
        kal.RandomContrast((0.3, 0.6)),
        linear_saturation((-0.6, -0.2)),
        linear_hue((0.1, 0.2)),
        kal.RandomInvert(0.5, RANGE),
        kal.RandomChannelShift(40, RANGE),
    ]
    return kal.FusedAugmentation(stack, **kwargs)


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_op_graph_and_xla_agree(dtype, images):
    images = tf.constant(images.astype(dtype))
    layer = colorful(jit_compile=False)

    def augment(x):
        return layer(x, training=True, seed=(1, 2))

    expected = drawn(layer, images, seed=(1, 2)).astype("float64")
    off = 1.0 if dtype == "uint8" else 0.0255  # a tie of the rounding; 1e-4
    for result in (
        layer(images, training=True, seed=(1, 2)),
        tf.function(augment)(images),
        tf.function(augment, jit_compile=True)(images),
    ):
        assert np.abs(result - expected).max() <= off
        assert (np.abs(result - expected) > 0.0255).mean() < 0.01
    assert np.abs(expected - images).mean() > 10


# What is paid for.


def ops_of(layers, shape=(4, 9, 12, 3)):
    """The ops that augment floats: all of them, and those that give an image."""
    layer = kal.FusedAugmentation(layers, jit_compile=False)
    function = tf.function(lambda x: layer(x, training=True))
    graph = function.get_concrete_function(tf.TensorSpec(shape, "float32")).graph
    ops = graph.get_operations()
    inner = graph.as_graph_def().library.function
    everything = [op.type for op in ops] + [x.op for f in inner for x in f.node_def]
    images = [op.type for op in ops if [x.shape for x in op.outputs] == [shape]]
    return everything, images


PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "Einsum"}
GAINS = [
    kal.RandomBrightness(gain=0.2),
    kal.RandomInvert(0.5, RANGE),
    kal.RandomChannelShift(20),
    kal.RandomColorJitter(brightness=0.2, space="linear"),
]


def test_gains_are_one_gain():
    """However many there are; where there is a matrix, all of them are one."""
    shape = (4, 9, 12, 3)
    (step,) = kal.FusedAugmentation(GAINS).sample(shape).pixels
    assert (step.name, step.rows["gain"].shape) == ("scale", (4, 1))
    mixing = [GAINS[0], linear_saturation(0.2), *GAINS, linear_hue(0.1)]
    (step,) = kal.FusedAugmentation(mixing).sample(shape).pixels
    assert (step.name, step.rows["matrix"].shape) == ("mix", (4, 3, 3))


@pytest.mark.thorough
def test_gains_pay_no_matrix_product():
    def products(layers):
        everything, _ = ops_of(layers)
        return PRODUCTS & set(everything)

    assert not products(GAINS)
    assert not products([*GAINS, kal.RandomContrast(0.2)])
    assert products([*GAINS, linear_saturation(0.2)])


def test_mixing_pays_one_product():
    layers = [*GAINS, linear_saturation(0.2), *GAINS, linear_hue(0.1)]
    everything, _ = ops_of(layers)
    assert sum(op in PRODUCTS for op in everything) == 1


def test_only_contrast_pays_for_a_mean():
    def means(*layers):
        everything, _ = ops_of(layers)
        return everything.count("Split")

    assert means(*GAINS, linear_saturation(0.2)) == 0
    assert means(kal.RandomContrast(0.2), *GAINS) == 1
    assert means(kal.RandomContrast(0.2), kal.RandomContrast(0.1)) == 1


def test_colour_pays_for_no_warp():
    everything, _ = ops_of(GAINS)
    assert "ImageProjectiveTransformV3" not in everything


# Programs: affine maps with a number, a row or a matrix for a gain, and contrast.

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


def test_what_has_no_inverse_says_so():
    transform = as_transform([scale(gain=2.0, bias=0.0), add_within_range(bias=9.0)])
    with pytest.raises(ValueError, match="can be undone.*'add_within_range'"):
        transform.inverse()


# Steps for some images only.

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
    "test_color.gamma", "pointwise", lambda x, power: 255.0 * (x / 255.0) ** power
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


# What is measured, and what is no affine map.


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
    "test_color.other_channels",
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


def test_a_transform_with_a_matrix_goes_through_json(images):
    floats = images.astype("float32")
    transform = colorful().sample(floats)
    again = kal.Transform.from_config(transform.to_config())
    assert_same_bits(again.images(floats), transform.images(floats))
    names = [step.name for step in transform.pixels]
    assert names == ["scale", "contrast", "mix"]
    assert transform.pixels[-1].rows["matrix"].shape == (4, 3, 3)


def test_an_inverse_transform_gives_the_colours_back(images):
    floats = images.astype("float64")
    stack = [kal.RandomBrightness(gain=0.3), linear_hue(0.2), kal.RandomContrast(0.4)]
    transform = kal.FusedAugmentation(stack).sample(floats)
    changed = transform.images(floats)
    np.testing.assert_allclose(transform.inverse().images(changed), floats, atol=1e-9)
    assert np.abs(changed - floats).mean() > 5


def test_a_layer_keeps_its_colours_in_a_keras_file(images, tmp_path):
    model = keras.Sequential([keras.Input((9, 12, 3), dtype="uint8"), colorful()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    expected = drawn(model.layers[-1], images, seed=(1, 2))
    assert_same_bits(drawn(loaded, images, seed=(1, 2)), expected)
