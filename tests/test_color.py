"""Colour: each layer against its definition in float64, and the algebra of the maps."""

import itertools

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, drawn
from PIL import Image, ImageEnhance

import keras_aug_layers as kal
from keras_aug_layers import color
from keras_aug_layers.color import Color

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


DEFINED = {
    "brightness": (kal.RandomBrightness, lambda x, u: x * (1 + u)),
    "contrast": (kal.RandomContrast, of_contrast),
    "saturation": (kal.RandomSaturation, of_saturation),
    "hue": (kal.RandomHue, of_hue),
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
    stack = [kal.RandomBrightness((2.0, 2.0)), kal.RandomBrightness((-2 / 3, -2 / 3))]
    fused = kal.FusedAugmentation(stack)
    assert_same_bits(drawn(fused, photographs), photographs)
    one_by_one = drawn(stack[1], drawn(stack[0], photographs))
    assert not np.array_equal(one_by_one, photographs)


def test_contrast_is_lowered_as_often_as_raised():
    """Keras's layer never lowers it."""
    gains = kal.RandomContrast(0.5, seed=1).sample((2000, 4, 4, 3)).color.gain.numpy()
    assert 0.5 <= gains.min() < 0.51 and 1.49 < gains.max() <= 1.5
    assert abs((gains < 1.0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("gain", [0.0, 0.3, 0.8, 1.4, 1.9])
def test_saturation_is_pillows(gain, photographs):
    """Up to Pillow's integers: its luma is rounded, its blend cut."""
    expected = [
        np.asarray(ImageEnhance.Color(Image.fromarray(x)).enhance(gain), "float64")
        for x in photographs
    ]
    layer = kal.RandomSaturation((gain - 1, gain - 1), RANGE)
    difference = drawn(layer, photographs.astype("float32")) - expected
    of_luma = 0.5 * abs(1 - gain) + 0.01
    assert -of_luma < difference.min() and difference.max() < 1 + of_luma


def test_hue_leaves_greys_and_sums(floats):
    grey = np.repeat(floats[..., :1], 3, axis=-1)
    layer = kal.RandomHue(1.0)
    np.testing.assert_allclose(drawn(layer, grey), grey, atol=1e-3)
    result = drawn(layer, floats)
    np.testing.assert_allclose(result.sum(-1), floats.sum(-1), atol=1e-2)
    assert np.abs(result - floats).max() > 20


@pytest.mark.parametrize(("thirds", "order"), [(1, [2, 0, 1]), (2, [1, 2, 0])])
def test_a_third_of_a_turn_permutes_the_channels(thirds, order, photographs):
    for turns in (thirds / 3, thirds / 3 - 1):
        layer = kal.RandomHue((turns, turns))
        assert_same_bits(drawn(layer, photographs), photographs[..., order])


def test_hue_turns_as_in_hsv():
    """Of a pure colour, the hue in HSV changes the same way, within the sextant."""
    red = np.zeros((1, 1, 1, 3), "float32") + [1, 0, 0]
    for turns in (0.05, 0.3, 0.6, 0.95):
        result = drawn(kal.RandomHue((turns, turns)), red)
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
    own = kal.RandomChannelShift((-5, 20)).sample(shape).color.bias.numpy()
    assert own.shape == (20_000, 3)
    np.testing.assert_allclose(own.min(0), -5, atol=0.05)
    np.testing.assert_allclose(own.max(0), 20, atol=0.05)
    assert np.abs(np.corrcoef(own.T) - np.eye(3)).max() < 0.03
    common = kal.RandomChannelShift(5, per_channel=False).sample(shape).color.bias
    assert common.shape == (20_000, 1)


@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_channel_shift_of_each_channel(probability, floats):
    images = np.tile(floats, (8, 1, 1, 1))
    layer = kal.RandomChannelShift(40, probability=probability)
    transform = layer.sample(images, seed=(1, 2))
    shift = np.broadcast_to(transform.color.bias, (len(images), 3))
    expected = images + shift[:, None, None].astype("float64")
    result = drawn(layer, images, seed=(1, 2))
    np.testing.assert_allclose(result, expected, atol=1e-3)
    shifted = (shift != 0).all(axis=1)
    assert set(shifted) == {True, probability == 1.0}


JITTER = {
    "brightness_factor": (0.2, 0.2),
    "contrast_factor": (-0.4, -0.4),
    "saturation_factor": (0.5, 0.5),
    "hue_factor": (0.1, 0.1),
}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_jitter_is_the_four_in_order(count, floats):
    for names in itertools.combinations(JITTER, count):
        expected = floats.astype("float64")
        for name in names:
            _, definition = DEFINED[name.removesuffix("_factor")]
            expected = definition(expected, JITTER[name][0])
        layer = kal.RandomColorJitter(**{name: JITTER[name] for name in names})
        np.testing.assert_allclose(drawn(layer, floats), expected, atol=2e-3)


def test_jitter_draws_the_four_independently():
    layer = kal.RandomColorJitter(brightness_factor=0.5, contrast_factor=0.5)
    drawn_colors = layer.sample((20_000, 4, 4, 3)).color
    level = drawn_colors.level.numpy()[:, 0]
    contrast = drawn_colors.gain.numpy()[:, 0] / level
    assert min(level.std(), contrast.std()) > 0.2
    assert abs(np.corrcoef(level, contrast)[0, 1]) < 0.03


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
    "saturation": kal.RandomSaturation((-0.5, -0.5)),
    "hue": kal.RandomHue((0.2, 0.2)),
    "greyscale": kal.RandomGrayscale(1.0),
    "inversion": kal.RandomInvert(1.0, RANGE),
    "jitter": kal.RandomColorJitter(RANGE, **JITTER),
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
    result = drawn(LAYERS[name], images)
    assert result.shape == images.shape
    assert np.abs(result - images).max(axis=(1, 2)).min() > 0.1


def test_an_inversion_needs_a_range():
    with pytest.raises(ValueError, match="value_range.*float32"):
        drawn(kal.RandomInvert(), np.zeros((1, 4, 4, 3), "float32"))
    with pytest.raises(ValueError, match="low < high"):
        kal.RandomInvert(1.0, (3, 3))


def colorful(**kwargs):
    stack = [
        kal.RandomBrightness((0.1, 0.4)),
        kal.RandomContrast((0.3, 0.6)),
        kal.RandomSaturation((-0.6, -0.2)),
        kal.RandomHue((0.1, 0.2)),
        kal.RandomInvert(0.5, RANGE),
        kal.RandomChannelShift(40, RANGE),
    ]
    return kal.FusedAugmentation(stack, **kwargs)


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
    layer = kal.FusedAugmentation(layers, jit_compile=False)
    function = tf.function(lambda x: layer(x, training=True))
    graph = function.get_concrete_function(tf.TensorSpec(shape, "float32")).graph
    ops = list(graph.as_graph_def().node)
    for inner in graph.as_graph_def().library.function:
        ops += inner.node_def
    return [node.op for node in ops]


PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "Einsum"}
GAINS = [
    kal.RandomBrightness(0.2),
    kal.RandomInvert(0.5, RANGE),
    kal.RandomChannelShift(20),
    kal.RandomColorJitter(brightness_factor=0.2),
]


def test_gains_pay_no_matrix_product():
    assert not PRODUCTS & set(ops_of(GAINS))
    assert not PRODUCTS & set(ops_of([*GAINS, kal.RandomContrast(0.2)]))
    assert PRODUCTS & set(ops_of([*GAINS, kal.RandomSaturation(0.2)]))


def test_only_contrast_pays_for_a_mean():
    assert "Split" not in ops_of([*GAINS, kal.RandomSaturation(0.2)])
    assert ops_of([kal.RandomContrast(0.2), *GAINS]).count("Split") == 1
    assert (
        ops_of([kal.RandomContrast(0.2), kal.RandomContrast(0.1)]).count("Split") == 1
    )


def test_colour_pays_for_no_warp():
    assert "ImageProjectiveTransformV3" not in ops_of(GAINS)


# The algebra. A map is (gain, level, bias), each a number, a row or a matrix.

KINDS = ("number", "row", "matrix")
SHAPES = {"number": (1,), "row": (3,), "matrix": (3, 3)}
BATCH = 2
maps = pytest.mark.parametrize(
    ("gain", "level"), [*itertools.product(KINDS, (None, *KINDS))], ids=str
)


def some_color(rng, gain, level, bias="row"):
    """Gains and levels far from 0 and from each other, none of them singular."""

    def entries(kind):
        shape = (BATCH, *SHAPES[kind])
        values = rng.uniform(0.4, 1.6, shape) * (-1.0) ** rng.integers(0, 2, shape)
        if kind == "matrix":
            values = 0.3 * values + 2 * np.eye(3)
        return tf.constant(values)

    return Color(
        entries(gain),
        None if level is None else entries(level),
        30 * entries(bias),
    )


def in_numpy(c, x):
    """gain (x - m) + level m + bias, in matrices."""

    def matrix(a):
        return a if a.ndim == 3 else a[:, :, None] * np.eye(3)

    gain = matrix(c.gain.numpy())
    level = gain if c.level is None else matrix(c.level.numpy())
    mean = x.mean(axis=(1, 2), keepdims=True)
    parts = [(gain, x - mean), (level, mean)]
    mapped = sum(np.einsum("bij,bhwj->bhwi", a, y) for a, y in parts)
    return mapped + c.bias.numpy()[:, None, None, :]


def pixels(rng):
    return rng.uniform(0, 255, (BATCH, 4, 5, 3))


seeds = hypothesis.given(seed=st.integers(0, 2**32 - 1))
few = hypothesis.settings(max_examples=2)


@maps
@few
@seeds
def test_apply_is_the_definition(gain, level, seed):
    rng = np.random.default_rng(seed)
    for bias in ("number", "row"):
        c, x = some_color(rng, gain, level, bias), pixels(rng)
        np.testing.assert_allclose(c.apply(tf.constant(x)), in_numpy(c, x))


@maps
@few
@seeds
def test_then_is_one_after_the_other(gain, level, seed):
    rng = np.random.default_rng(seed)
    first, x = some_color(rng, gain, level), pixels(rng)
    between = in_numpy(first, x)
    for other in itertools.product(KINDS, (None, *KINDS)):
        after = some_color(rng, *other, bias="number")
        result = first.then(after).apply(tf.constant(x))
        np.testing.assert_allclose(result, in_numpy(after, between), atol=1e-9)
        assert np.abs(in_numpy(after, between) - between).max() > 1


@maps
@few
@seeds
def test_the_inverse_undoes(gain, level, seed):
    rng = np.random.default_rng(seed)
    c, x = some_color(rng, gain, level), pixels(rng)
    mapped = c.apply(tf.constant(x))
    back = c.inverse().apply(mapped)
    np.testing.assert_allclose(back, x, atol=1e-8)
    assert np.abs(mapped - x).max() > 1


def test_the_inverse_of_what_is_lost_is_no_nan():
    for lost in (color.saturation(tf.zeros(2)), color.scale_and_add([0.0, 2.0], 5.0)):
        inverse = lost.inverse()
        x = pixels(np.random.default_rng(1))
        mapped = lost.apply(tf.constant(x))
        again = lost.apply(inverse.apply(mapped))
        np.testing.assert_allclose(again, mapped, atol=1e-8)


@maps
@few
@seeds
def test_where_chooses_for_each_image(gain, level, seed):
    rng = np.random.default_rng(seed)
    first, x = some_color(rng, gain, level), pixels(rng)
    for other in itertools.product(KINDS, (None, *KINDS)):
        second = some_color(rng, *other, bias="number")
        chosen = color.where(tf.constant([True, False]), first, second)
        result = chosen.apply(tf.constant(x))
        expected = [in_numpy(first, x)[0], in_numpy(second, x)[1]]
        np.testing.assert_allclose(result, expected, atol=1e-9)
        assert np.abs(in_numpy(first, x) - in_numpy(second, x)).min(axis=0).max() > 1


def test_where_and_then_take_the_identity():
    rng = np.random.default_rng(2)
    x = pixels(rng)
    for kinds in itertools.product(KINDS, (None, *KINDS)):
        c = some_color(rng, *kinds)
        chosen = color.where(tf.constant([True, False]), c, color.identity())
        result = chosen.apply(tf.constant(x))
        np.testing.assert_allclose(result, [in_numpy(c, x)[0], x[1]], atol=1e-9)
        for product in (c.then(color.identity()), color.identity().then(c)):
            result = product.apply(tf.constant(x))
            np.testing.assert_allclose(result, in_numpy(c, x), atol=1e-9)


def test_bounded_keeps_the_images_own_range():
    x = pixels(np.random.default_rng(3))
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    shift = color.scale_and_add(1.0, [60.0, -60.0], bounded=True)
    expected = (x + np.array([60.0, -60.0])[:, None, None, None]).clip(low, high)
    np.testing.assert_allclose(shift.apply(tf.constant(x)), expected)
    brighter = shift.then(color.scale_and_add(1.5, 0.0))
    np.testing.assert_allclose(brighter.apply(tf.constant(x)), 1.5 * expected)


@pytest.mark.parametrize("bounded_first", [True, False])
def test_bounds_concern_their_own_bias_only(bounded_first):
    x = pixels(np.random.default_rng(3))
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    shift = color.scale_and_add(1.0, 60.0, bounded=True)
    add = color.scale_and_add(1.0, 500.0)
    first, after = (shift, add) if bounded_first else (add, shift)
    expected = (x + 60).clip(low, high) + 500
    result = first.then(after).apply(tf.constant(x))
    np.testing.assert_allclose(result, expected)


def test_bounds_concern_their_own_images_only():
    x = pixels(np.random.default_rng(3))
    shift = color.scale_and_add(1.0, 60.0, bounded=True)
    add = color.scale_and_add(1.0, 500.0)
    chosen = color.where(tf.constant([True, False]), shift, add)
    np.testing.assert_allclose(chosen.apply(tf.constant(x))[1], x[1] + 500)


def test_finish_clips_rounds_and_casts():
    x = tf.constant([-3.0, 0.4, 0.6, 1.5, 2.5, 254.6, 300.0])
    result = color.finish(x, tf.uint8, None)
    assert_same_bits(result, np.array([0, 0, 1, 2, 2, 255, 255], "uint8"))
    result = color.finish(x, tf.float16, (0.5, 2.0))
    assert_same_bits(result, np.array([0.5, 0.5, 0.6, 1.5, 2, 2, 2], "float16"))
    result = color.finish(x, tf.int16, (0.0, 100.0))
    assert_same_bits(result, np.array([0, 0, 1, 2, 2, 100, 100], "int16"))


def test_a_transform_with_a_matrix_goes_through_json(images):
    floats = images.astype("float32")
    transform = colorful().sample(floats)
    again = kal.Transform.from_config(transform.to_config())
    assert_same_bits(again.images(floats), transform.images(floats))
    assert transform.color.gain.shape == (4, 3, 3)


def test_an_inverse_transform_gives_the_colours_back(images):
    floats = images.astype("float64")
    stack = [kal.RandomBrightness(0.3), kal.RandomHue(0.2), kal.RandomContrast(0.4)]
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
