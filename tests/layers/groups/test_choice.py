"""Choices per image: RandomApply, RandomChoice, RandAugment and TrivialAugment."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from helpers import assert_same_bits, drawn, random_images

import keras_aug_layers as kal

COUNT = 20_000
FRAME = (37, 53, 3)
SHAPE = (COUNT, *FRAME)


def shifts(count, **kwargs):
    """Layers that are told apart by where they move: 1, 2, 3, … pixels."""
    return [
        kal.RandomShift((i, i), (-i, -i), unit="pixels", **kwargs)
        for i in range(1, count + 1)
    ]


def pixels_down(transform):
    """How far down each image goes: which of `shifts` it got, 0 for none."""
    matrix = transform.matrix.numpy()
    np.testing.assert_array_equal(matrix[:, 0, 2], -matrix[:, 1, 2])
    np.testing.assert_array_equal(matrix[:, :2, :2] - np.eye(2), 0)
    return np.round(-matrix[:, 1, 2]).astype(int)


def assert_frequencies(values, expected):
    """Pearson's test of {value: share}; nothing else may occur."""
    counts = [(values == value).sum() for value in expected]
    assert sum(counts) == len(values)
    shares = np.array(list(expected.values()))
    never = shares == 0
    assert not np.array(counts)[never].any()
    test = scipy.stats.chisquare(
        np.array(counts)[~never], shares[~never] / shares.sum() * len(values)
    )
    assert test.pvalue > 1e-3


# RandomChoice.

WEIGHTS = {
    "none": (None, [1, 1, 1, 1]),
    "some": ((1, 2, 3, 4), [1, 2, 3, 4]),
    "none of the first": ((0, 1, 1, 3), [0, 1, 1, 3]),
    "none of the last": ((0.2, 0, 0.7, 0.0), [2, 0, 7, 0]),
    "large": ([1e6, 3e6, 1e6, 1e6], [1, 3, 1, 1]),
}


@pytest.mark.parametrize(("weights", "shares"), WEIGHTS.values(), ids=WEIGHTS)
def test_a_choice_is_as_frequent_as_its_weight(weights, shares):
    layer = kal.RandomChoice(shifts(4), weights)
    chosen = pixels_down(layer.sample(SHAPE))
    assert_frequencies(chosen, dict(enumerate(shares, start=1)))


def test_all_weight_on_one():
    layer = kal.RandomChoice(shifts(4), (0, 0, 5, 0))
    assert set(pixels_down(layer.sample(SHAPE))) == {3}


def test_a_choice_is_of_each_image():
    """Neighbours in a batch know nothing of each other."""
    chosen = pixels_down(kal.RandomChoice(shifts(3)).sample(SHAPE))
    pairs = 3 * chosen[:-1] + chosen[1:]
    shares = {3 * a + b: 1 for a in (1, 2, 3) for b in (1, 2, 3)}
    assert_frequencies(pairs[::2], shares)


def test_the_choice_is_apart_from_the_draw():
    """The first half of the choices do not get the first half of a layer's range."""
    layers = [
        kal.RandomShift((low, low + 1), unit="pixels") for low in (10, 20, 30, 40)
    ]
    down = -kal.RandomChoice(layers).sample(SHAPE).matrix.numpy()[:, 1, 2]
    for low in (10, 20, 30, 40):
        of_layer = down[(down >= low) & (down <= low + 1)]
        assert len(of_layer) > 4_000
        assert scipy.stats.kstest(of_layer - low, "uniform").pvalue > 1e-3


def test_the_chosen_layer_does_what_it_does_alone(images):
    """Geometry, colour and neither: images of one batch get different policies."""
    layers = [
        kal.RandomRotate(degrees=(90, 90)),
        kal.RandomBrightness(gain=(0.5, 0.5)),
        kal.RandomSaturation(gain=(0, 0), space="linear"),
        kal.RandomContrast((0.5, 0.5)),
        kal.FusedAugmentation([]),
    ]
    square = np.tile(images[:1, :9, :9], (64, 1, 1, 1))
    result = drawn(kal.RandomChoice(layers), square)
    expected = {drawn(layer, square[:1]).tobytes() for layer in layers}
    assert len(expected) == 5
    assert {image[None].tobytes() for image in result} == expected


def test_a_choice_of_one_is_that_one(images):
    choice = kal.RandomChoice([kal.RandomRotate((0.1, 0.1))])
    assert_same_bits(drawn(choice, images), drawn(kal.RandomRotate((0.1, 0.1)), images))


def test_probability_of_a_choice():
    layer = kal.RandomChoice(shifts(2), (1, 3), probability=0.4)
    chosen = pixels_down(layer.sample(SHAPE))
    assert_frequencies(chosen, {0: 6, 1: 1, 2: 3})


def test_probability_of_what_is_chosen():
    layers = [*shifts(2), *shifts(3, probability=0.5)[2:]]
    chosen = pixels_down(kal.RandomChoice(layers).sample(SHAPE))
    assert_frequencies(chosen, {0: 1, 1: 2, 2: 2, 3: 1})


# RandomApply.


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_apply(probability):
    layer = kal.RandomApply(shifts(1)[0], probability)
    chosen = pixels_down(layer.sample(SHAPE))
    assert_frequencies(chosen, {0: 1 - probability, 1: probability})


@pytest.mark.parametrize(("probability", "values"), [(0.0, {0}), (1.0, {1})])
def test_apply_never_and_always(probability, values):
    layer = kal.RandomApply(shifts(1)[0], probability)
    assert set(pixels_down(layer.sample(SHAPE))) == values


def test_apply_is_a_half_by_default():
    chosen = pixels_down(kal.RandomApply(shifts(1)[0]).sample(SHAPE))
    assert_frequencies(chosen, {0: 1, 1: 1})


def test_apply_to_several_at_once():
    """A pipeline in a RandomApply is applied as a whole, or not at all."""
    fused = kal.FusedAugmentation([*shifts(2), kal.RandomBrightness(gain=(1.5, 1.5))])
    transform = kal.RandomApply(fused, 0.3).sample(SHAPE)
    chosen = pixels_down(transform)
    assert_frequencies(chosen, {0: 7, 3: 3})
    (step,) = transform.pixels
    gain = step.rows["gain"].numpy()[:, 0]
    np.testing.assert_array_equal(gain, np.where(chosen == 3, 1.5, 1.0))


# Nests.


def test_choices_nest():
    inner = kal.RandomChoice(shifts(2), (1, 2))
    layer = kal.RandomChoice([inner, shifts(4)[3]], (3, 1))
    chosen = pixels_down(layer.sample(SHAPE))
    assert_frequencies(chosen, {1: 3, 2: 6, 4: 3})
    layer = kal.RandomApply(kal.RandomChoice([kal.RandomApply(inner, 0.5), inner]))
    chosen = pixels_down(layer.sample(SHAPE))
    assert_frequencies(chosen, {0: 15, 1: 3, 2: 6})


def test_choices_in_a_pipeline_are_independent():
    ones, tens = shifts(2), [kal.RandomShift((10, 10), (-10, -10), unit="pixels")]
    fused = kal.FusedAugmentation(
        [
            kal.RandomChoice(ones, (1, 2)),
            kal.RandomApply(tens[0], 0.25),
            kal.RandomChoice([*tens, kal.FusedAugmentation([])]),
        ]
    )
    chosen = pixels_down(fused.sample(SHAPE))
    expected = {1: 3, 11: 3 + 1, 21: 1, 2: 6, 12: 6 + 2, 22: 2}
    assert_frequencies(chosen, expected)


@pytest.mark.thorough
def test_policies_nest(images):
    layer = kal.RandomChoice(
        [
            kal.RandAugment(2, 20),
            kal.TrivialAugment(),
            kal.RandomApply(kal.RandomFlip()),
        ]
    )
    fused = kal.FusedAugmentation([layer, kal.RandomShift(0.1)])
    tiled = np.tile(images[:1], (32, 1, 1, 1))
    assert len({image.tobytes() for image in drawn(fused, tiled)}) == 32


@pytest.mark.parametrize("value_range", [None, (0.0, 300.0)])
def test_colours_of_all_ranks_in_one_choice(value_range):
    """Numbers, rows, matrices and contrast among the chosen: each as alone."""
    layers = [
        kal.RandomBrightness(gain=(1.5, 1.5)),
        kal.RandomChannelShift((20, 20)),
        kal.RandomHue(turns=(0.2, 0.2), space="linear"),
        kal.RandomContrast((0.5, 0.5)),
        kal.FusedAugmentation(
            [
                kal.RandomContrast((0.2, 0.2)),
                kal.RandomSaturation(gain=(0.6, 0.6), space="linear"),
            ]
        ),
    ]
    rng = np.random.default_rng(1)
    images = np.tile(rng.uniform(0, 255, (1, 5, 6, 3)), (50, 1, 1, 1))
    result = drawn(kal.RandomChoice(layers, value_range=value_range), images)
    expected = [
        drawn(kal.FusedAugmentation([layer], value_range=value_range), images[:1])
        for layer in layers
    ]
    distance = np.abs(result[:, None] - np.stack(expected, axis=1)).max((2, 3, 4))
    assert distance.min(axis=1).max() < 1e-9
    assert set(distance.argmin(axis=1)) == set(range(5))
    assert np.sort(distance)[:, 1].min() > 5


# What it costs.


def ops_of(layer):
    function = tf.function(lambda x: layer(x, training=True))
    spec = tf.TensorSpec((4, 9, 12, 3), "float32")
    graph = function.get_concrete_function(spec).graph.as_graph_def()
    ops = [node.op for node in graph.node]
    return ops + [node.op for f in graph.library.function for node in f.node_def]


CONDITIONS = {"If", "StatelessIf", "Case", "While", "StatelessWhile"}


@pytest.mark.parametrize("form", ["choice", "choice of choices"])
def test_one_warp_and_one_colour_pass(form):
    ten = [
        *shifts(3),
        kal.RandomRotate(0.1),
        kal.RandomZoom(0.1),
        kal.RandomShear(0.1, 0.2),
        kal.RandomFlip(),
        kal.RandomPerspective(),
        kal.RandomHue(turns=0.1, space="linear"),
        kal.RandomContrast(0.1),
    ]
    layer = {
        "choice": lambda: kal.RandomChoice(ten, jit_compile=False),
        "choice of choices": lambda: kal.RandomChoice(
            [kal.RandomChoice(ten[:5]), kal.RandomApply(kal.RandomChoice(ten[5:]))],
            jit_compile=False,
        ),
    }[form]()
    ops = ops_of(layer)
    assert len(layer.layers) in (10, 2)
    assert ops.count("ImageProjectiveTransformV3") == 1
    assert ops.count("BatchMatMulV2") == 1
    assert not CONDITIONS & set(ops)


def test_all_first_numbers_are_drawn_at_once():
    """The ten rounds of Philox have two products each, for all layers together."""

    def products(count):
        layers = [kal.RandomApply(layer) for layer in shifts(count)]
        layer = kal.RandomChoice(layers, jit_compile=False)
        function = tf.function(lambda x: layer(x, training=True))
        spec = tf.TensorSpec((4, 9, 12, 3), "float32")
        nodes = function.get_concrete_function(spec).graph.as_graph_def().node
        word = tf.uint64.as_datatype_enum
        return sum(x.op == "Mul" and x.attr["T"].type == word for x in nodes)

    assert 20 <= products(1) == products(7) < 30


# The policies; what they draw is in layers/groups/test_policies.py.


@pytest.mark.thorough
@pytest.mark.parametrize("policy", [kal.RandAugment, kal.TrivialAugment])
def test_images_of_one_batch_get_different_policies(policy, images):
    tiled = np.tile(images[:1], (64, 1, 1, 1))
    result = drawn(policy(), tiled)
    assert len({image.tobytes() for image in result}) > 15
    assert result.dtype == "uint8"


@pytest.mark.thorough
@pytest.mark.parametrize("policy", [kal.RandAugment, kal.TrivialAugment])
def test_policies_take_fill_settings_and_range(policy):
    layer = policy(fill_mode="constant", fill_value=300.0, value_range=(0, 200))
    images = np.full((32, 9, 12, 3), 100.0, "float32")
    result = drawn(layer, images)
    assert (result.min(), result.max()) >= (0.0, 200.0)
    assert result.max() == 200.0
    assert layer.settings.fill_mode == "constant"
    assert policy().settings.fill_mode == "reflect"


# Configurations.

CONFIGURED = {
    "apply": lambda: kal.RandomApply(kal.RandomRotate(0.1, seed=2), 0.3, seed=1),
    "choice": lambda: kal.RandomChoice(
        [kal.RandomRotate(0.1), kal.RandomHue(turns=0.1, space="linear")],
        (1, 3),
        seed=1,
        probability=0.9,
    ),
    "choice without weights": lambda: kal.RandomChoice(shifts(2), seed=1),
    "choice of own settings": lambda: kal.RandomChoice(
        [kal.RandomRotate(0.1), kal.RandomZoom(0.1, fill_mode="wrap")],
        fill_mode="nearest",
        interpolation="nearest",
        fill_value=3.0,
        value_range=(0, 99),
        jit_compile=False,
    ),
    "policy": lambda: kal.RandAugment(3, 12.5, fill_mode="wrap", value_range=(0, 1)),
    "trivial": lambda: kal.TrivialAugment(fill_mode="nearest", probability=0.5),
    "nested": lambda: kal.FusedAugmentation(
        [
            kal.RandomApply(kal.RandomChoice([kal.RandAugment(), *shifts(2)]), 0.7),
            kal.RandomChoice([kal.TrivialAugment(), kal.RandomApply(kal.RandomFlip())]),
        ],
        value_range=(0, 255),
        seed=4,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("make", CONFIGURED.values(), ids=CONFIGURED)
def test_config_round_trips(make, images):
    layer = make()
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    expected = drawn(layer, images, seed=(5, 6))
    assert_same_bits(drawn(again, images, seed=(5, 6)), expected)


def test_arguments_survive_the_config():
    config = CONFIGURED["choice of own settings"]().get_config()
    kept = {name: config[name] for name in ("fill_mode", "interpolation", "fill_value")}
    assert kept == {
        "fill_mode": "nearest",
        "interpolation": "nearest",
        "fill_value": 3.0,
    }
    assert (config["value_range"], config["jit_compile"]) == ((0.0, 99.0), False)
    assert CONFIGURED["choice"]().get_config()["weights"] == (1.0, 3.0)
    config = CONFIGURED["policy"]().get_config()
    assert (config["num_ops"], config["magnitude"]) == (3, 12.5)
    assert CONFIGURED["apply"]().get_config()["probability"] == 0.3


def test_keras_files(images, tmp_path):
    model = keras.Sequential(
        [keras.Input((9, 12, 3), dtype="uint8"), CONFIGURED["nested"]()]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    layer = model.layers[-1]
    expected = drawn(layer, images, seed=(5, 6))
    assert_same_bits(drawn(loaded, images, seed=(5, 6)), expected)
    assert_same_bits(model(images), images)


@pytest.mark.thorough
def test_xla(images):
    x = tf.constant(images.astype("float32"))
    layer = CONFIGURED["nested"]()

    def augment(x):
        return layer(x, training=True, seed=(3, 4))

    compiled = tf.function(augment, jit_compile=True)(x).numpy()
    np.testing.assert_allclose(compiled, drawn(layer, x, seed=(3, 4)), atol=0.0255)
    assert np.abs(compiled - x).mean() > 5


# Errors.

TWO = [kal.RandomFlip(), kal.RandomRotate(0.1)]
ERRORS = {
    "no layers": (lambda: kal.RandomChoice([]), "at least one layer.*RandomChoice"),
    "weights of 0": (lambda: kal.RandomChoice(TWO, (0, 0)), "weights.*above 0.*0.0"),
    "no weights": (lambda: kal.RandomChoice(TWO, ()), "one number for each layer"),
    "a weight too few": (lambda: kal.RandomChoice(TWO, (1,)), "for 2 layers"),
    "a weight too many": (lambda: kal.RandomChoice(TWO, (1, 1, 1)), "for 2 layers"),
    "negative": (lambda: kal.RandomChoice(TWO, (1, -1)), "weights.*at least 0.*-1"),
    "infinite": (lambda: kal.RandomChoice(TWO, (1, math.inf)), "weights.*finite"),
    "NaN": (lambda: kal.RandomChoice(TWO, (1, math.nan)), "weights.*nan"),
    "Keras's": (
        lambda: kal.RandomChoice([keras.layers.RandomFlip()]),
        r"layers of keras_aug_layers.*fuse\(",
    ),
    "settings": (
        lambda: kal.RandomChoice([*TWO, kal.RandomZoom(0.1, fill_mode="wrap")]),
        r"fill_mode.*'reflect'.*'wrap'.*RandomChoice\(",
    ),
    "apply": (lambda: kal.RandomApply(keras.layers.Dense(1)), "keras_aug_layers"),
    "probability": (lambda: kal.RandomApply(TWO[0], 1.5), "probability.*0 and 1.*1.5"),
    "magnitude": (lambda: kal.RandAugment(2, 31), "magnitude.*0 and 30.*31"),
    "negative magnitude": (lambda: kal.RandAugment(2, -1), "magnitude.*0 and 30.*-1"),
    "magnitude of no number": (lambda: kal.RandAugment(2, "9"), "magnitude.*'9'"),
    "num_ops": (lambda: kal.RandAugment(0), "num_ops.*between 1 and 32.*0"),
    "fraction of num_ops": (lambda: kal.RandAugment(1.5), "num_ops.*1.5"),
    "num_ops of a boolean": (lambda: kal.RandAugment(True), "num_ops.*True"),
    "no flag": (lambda: kal.RandAugment(increasing="no"), "increasing.*True or.*'no'"),
    "no list": (lambda: kal.FusedAugmentation(None), "layers.*list.*None.*Write"),
    "one weight": (lambda: kal.RandomChoice(TWO, 1.0), "weights.*for 2 layers"),
}


@pytest.mark.parametrize(("wrong", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(wrong, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        wrong()


def crop_or_flip(**kwargs):
    """A choice of a crop to the size that images of 12 x 12 have, and of a flip."""
    crop = kal.RandomCrop(12, 12, padding=2)
    flip = kal.RandomFlip("horizontal", chance=1)
    return kal.RandomChoice([crop, flip], seed=3, **kwargs)


def assert_some_are_flipped(made, images):
    flipped = (made.numpy() == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 0 < flipped.sum() < 16


def test_a_crop_to_the_size_that_images_have_is_a_choice():
    """Also in an eager call, which is traced for all sizes."""
    images = random_images((16, 12, 12, 3), "uint8")
    choice = crop_or_flip()
    assert_some_are_flipped(choice(images, training=True), images)
    assert_some_are_flipped(choice.sample(images).images(images), images)
    with pytest.raises(ValueError, match="must give images of one size"):
        choice(images[:, 1:], training=True)
    with pytest.raises(ValueError, match="must give images of one size"):
        choice.sample(images[:, 1:])


@pytest.mark.thorough
def test_a_crop_to_their_size_is_a_choice_for_some_images():
    images = random_images((16, 12, 12, 3), "uint8")
    rarely = crop_or_flip(probability=0.9)
    grouped = kal.FusedAugmentation([crop_or_flip()], probability=0.9)
    for layer in (rarely, grouped):
        assert_some_are_flipped(layer(images, training=True), images)


def test_a_dtype_that_is_not_known_may_be_any():
    """A shape says nothing of it."""
    keeps = kal.RandomErasing(fill_value=0.0, value_range=(0, 1))
    choice = kal.RandomChoice([kal.Normalize(0.5, 0.25, value_range=(0, 1)), keeps])
    assert choice.compute_output_shape((4, 8, 8, 3)) == (4, 8, 8, 3)
    assert choice(keras.Input((8, 8, 3))).dtype == "float32"
    with pytest.raises(ValueError, match="one size and dtype"):
        choice(keras.Input((8, 8, 3), dtype="float16"))
    with pytest.raises(ValueError, match="one size and dtype"):
        choice.sample((4, 8, 8, 3), dtype="float16")
