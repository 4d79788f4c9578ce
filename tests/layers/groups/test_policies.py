"""Policies: what is drawn, and what each operation makes of an image."""

from unittest import mock

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from helpers import drawn
from published import mixing
from published import pixels as reference
from published import policies as tables

import keras_aug_layers as kal
from keras_aug_layers.kernels import matrices
from keras_aug_layers.layers.groups import aug_mix, operations
from keras_aug_layers.layers.groups.auto_augment import POLICIES, TABLE
from keras_aug_layers.plan.frame import Frame

COUNT, SIZE = 20_000, (37, 53)
SHAPE = (COUNT, *SIZE, 3)
RANGE = (0, 255)


def places(layer):
    """What the layer draws: (table, [(operation, strength, done) for each place])."""
    with mock.patch.object(operations, "plan", wraps=operations.plan) as plan:
        layer.sample(SHAPE, dtype="uint8")
    table, every = plan.call_args.args[:2]
    rows = []
    for place in every:
        done = np.ones(COUNT, bool) if place.done is None else place.done.numpy()
        rows.append((place.operation.numpy(), place.strength.numpy(), done))
    return table, rows


def assert_as_often(values, expected):
    """Pearson's test of {value: share}; nothing else may occur."""
    counts = np.array([np.isclose(values, value).sum() for value in expected])
    assert counts.sum() == len(values)
    shares = np.array(list(expected.values())) / sum(expected.values())
    statistic, _ = scipy.stats.chisquare(counts, shares * len(values))
    assert statistic <= scipy.stats.chi2.isf(1e-4, max(len(counts) - 1, 1))


def in_pixels(row):
    """The published strengths, in the units that a draw has: translations in pixels."""
    if row.strengths is None:
        return (0.0,)
    return tables.in_pixels(row, *SIZE)


TORCHVISION = {
    "RandAugment": (kal.RandAugment, tables.RAND_AUGMENT, [9]),
    "TrivialAugment": (kal.TrivialAugment, tables.TRIVIAL_AUGMENT, range(31)),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_every_operation_has_its_chance_and_its_strengths(name):
    make, published, bins = TORCHVISION[name]
    table, every = places(make(value_range=RANGE, seed=1))
    names = np.array([operation.name for operation in table])
    assert list(names) == [row.name for row in published.rows]
    assert len(every) == published.operations[0]
    for operation, strength, done in every:
        assert done.all()
        chances = {number: row.chance for number, row in enumerate(published.rows)}
        assert_as_often(operation, chances)
        for number, row in enumerate(published.rows):
            own = strength[operation == number]
            most = in_pixels(row)
            wanted = {}
            for place in bins:
                value = most[place % len(most)]
                for signed in (value, -value) if row.signed else (value,):
                    wanted[round(signed, 9)] = wanted.get(round(signed, 9), 0) + 1
            assert_as_often(own, wanted)


def test_each_place_draws_anew():
    table, every = places(kal.RandAugment(2, value_range=RANGE, seed=1))
    (first, *_), (second, *_) = every
    pairs = dict.fromkeys(range(len(table) ** 2), 1)
    assert_as_often(first * len(table) + second, pairs)


def test_neighbours_draw_their_own():
    table, ((operation, *_),) = places(kal.TrivialAugment(value_range=RANGE, seed=1))
    pairs = dict.fromkeys(range(len(table) ** 2), 1)
    assert_as_often(operation[:-1:2] * len(table) + operation[1::2], pairs)


@pytest.mark.parametrize("policy", POLICIES)
def test_auto_augments_pairs(policy):
    assert POLICIES[policy] == tables.AUTO_AUGMENT[policy]
    names = [operation.name for operation in TABLE]
    for operation in TABLE[1:]:
        row = tables.AUTO_AUGMENT_STRENGTHS[operation.name]
        assert operation.signed == row.signed
        np.testing.assert_allclose(operation.strengths or (), row.strengths or ())
    _, every = places(kal.AutoAugment(policy, value_range=RANGE, seed=1))
    numbers = {}
    for pair in tables.AUTO_AUGMENT[policy]:
        key = tuple(names.index(name) for name, *_ in pair)
        numbers[key] = numbers.get(key, 0) + 1
    code = len(names)
    seen = every[0][0] * code + every[1][0]
    assert_as_often(seen, {a * code + b: n for (a, b), n in numbers.items()})
    for place, (operation, strength, done) in enumerate(every):
        wanted, chance = set(), np.zeros(code)
        for pair in tables.AUTO_AUGMENT[policy]:
            name, probability, number = pair[place]
            most = in_pixels(tables.AUTO_AUGMENT_STRENGTHS[name])[number or 0]
            wanted |= {(names.index(name), sign * most) for sign in (1, -1)}
            chance[names.index(name)] += probability / 25
        drew = {(o, round(s, 6)) for o, s in zip(operation, strength, strict=True)}
        assert drew <= {(o, round(s, 6)) for o, s in wanted}
        for number in set(operation):
            counted = (done & (operation == number)).sum()
            expected = chance[number]
            assert abs(counted - COUNT * expected) <= 5 * (COUNT * expected) ** 0.5


def test_timms_increasing_strengths():
    recipe = tables.TIMM_RAND_M9_MSTD05_INC1
    layer = kal.RandAugment(
        2, 9, magnitude_std=0.5, increasing=True, value_range=RANGE, seed=1
    )
    table, every = places(layer)
    rows = {row.name.removesuffix("Increasing"): row for row in recipe["rows"]}
    assert [operation.name for operation in table] == list(rows)
    assert len(every) == recipe["operations"]
    for operation, strength, done in every:
        assert_as_often(
            operation, {n: row.chance for n, row in enumerate(rows.values())}
        )
        assert abs(done.mean() - recipe["probability"]) < 0.015
        for number, (name, row) in enumerate(rows.items()):
            assert table[number].signed == row.signed
            own = np.abs(strength[operation == number])
            if row.start is None:
                continue
            unit = {"levels": 1 / 255, "widths": SIZE[1], "heights": SIZE[0]}
            at = unit.get(row.unit, 1.0)
            if name == "Posterize":
                levels = scipy.stats.norm(9, 0.5).cdf([5.0, 7.5])
                assert set(own) <= {0.0, 1.0, 2.0}
                assert abs((own == 2).mean() - levels[1]) < 0.02
                continue
            level = 10 * (own / at - row.start) / (row.end - row.start)
            assert level.max() <= 10 + 1e-9
            assert abs((level > 10 - 1e-9).mean() - scipy.stats.norm.sf(2)) < 0.02
            below = level[level < 10 - 1e-9]
            cut = scipy.stats.truncnorm(-18, 2, 9, 0.5)
            assert scipy.stats.kstest(below, cut.cdf).pvalue > 1e-4


@pytest.mark.thorough
@pytest.mark.parametrize("alpha", [1.0, 0.5, 3.0])
def test_augmix_draws_published_weights(alpha):
    layer = kal.AugMix(alpha=alpha, value_range=RANGE, seed=1)
    (step,) = layer.sample(SHAPE, dtype="uint8").pixels
    weights = step.rows["weights"].numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    generator = np.random.default_rng(2)
    published = np.stack(
        [mixing.augmix_weights(generator, 3, alpha) for _ in range(COUNT)]
    )
    for ours, theirs in zip(weights.T, published.T, strict=True):
        assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-4


def test_augmix_draws_published_operations():
    rows = tables.AUGMIX.rows
    assert [operation.name for operation in aug_mix.TABLE] == [row.name for row in rows]
    for operation, row in zip(aug_mix.TABLE, rows, strict=True):
        assert operation.signed == row.signed
        np.testing.assert_allclose(operation.strengths or (), row.strengths or ())
    (step,) = kal.AugMix(value_range=RANGE, seed=1).sample(SHAPE, dtype="uint8").pixels
    drew = {key: step.rows[key].numpy() for key in ("operation", "number", "done")}
    assert drew["operation"].shape == (COUNT, tables.AUGMIX.chains, 3)
    for chain in range(tables.AUGMIX.chains):
        operation = drew["operation"][:, chain, 0]
        assert_as_often(operation, {n: row.chance for n, row in enumerate(rows)})
        assert_as_often(drew["number"][:, chain, 1], dict.fromkeys((0, 1, 2), 1))
        depth = drew["done"][:, chain].sum(axis=1)
        assert_as_often(depth, dict.fromkeys(tables.AUGMIX.operations, 1))


@pytest.mark.thorough
def test_augmix_is_the_published_mixture():
    """Of equalized and stretched chains, by the numbers that it drew."""
    images = smooth()
    layer = kal.AugMix(chain_depth=1, seed=3)
    transform = layer.sample(images)
    (step,) = transform.pixels
    names = [operation.name for operation in aug_mix.TABLE]
    chosen = [names.index(name) for name in ("Equalize", "AutoContrast")]
    wanted = np.array([[[chosen[(i + k) % 2]] for k in range(3)] for i in range(4)])
    rows = {**step.rows, "operation": tf.constant(wanted, tf.float64)}
    changed = transform._replace(pixels=(kal.Step(step.name, rows),))
    result = changed.images(images).numpy().astype(int)
    functions = {chosen[0]: reference.equalize, chosen[1]: reference.autocontrast}
    for i, image in enumerate(images):
        chains = [functions[number](image) for number in wanted[i, :, 0]]
        expected = mixing.augmix(
            np.stack([image, *chains]), step.rows["weights"].numpy()[i]
        )
        assert np.abs(result[i] - expected).max() <= 1
        assert (result[i] != expected).mean() < 0.02


def smooth():
    """Four images, one of them random: uint8 (4, 24, 31, 3)."""
    y, x = np.mgrid[:24, :31]
    phases = np.arange(12).reshape(4, 1, 1, 3)
    images = 127 + 100 * np.sin(x[..., None] / 5 + y[..., None] / 7 + phases)
    images[0] = np.random.default_rng(0).integers(0, 256, images[0].shape)
    return images.astype("uint8")


class One(kal.GeometricLayer):
    """One operation of a policy at one strength."""

    def __init__(self, operation, strength, **kwargs):
        super().__init__(**kwargs)
        self.operation, self.strength = operation, strength

    def draw(self, random, frame):
        zero = tf.zeros_like(random.uniform())
        place = operations.DrawnOperation(tf.cast(zero, tf.int32), zero + self.strength)
        table = (operations.Operation(self.operation),)
        return operations.plan(table, [place], frame, self)


OPERATIONS = {
    "Brightness": (0.27, -0.63),
    "Color": (0.63, -0.87),
    "Contrast": (0.57, -0.72),
    "Sharpness": (0.42, -0.81),
    "Posterize": (4, 1),
    "Solarize": (0.4, 2 / 3),
    "AutoContrast": (0,),
    "Equalize": (0,),
    "Invert": (0,),
}
CASES = [(name, strength) for name, every in OPERATIONS.items() for strength in every]
ROUNDED = ("Color", "Sharpness", "Contrast")
"""What float32 and float64 may cut off on different sides of a whole number."""


@pytest.mark.parametrize(("name", "strength"), CASES)
def test_operations_are_the_published_ones(name, strength):
    images = smooth()
    result = drawn(One(name, strength), images).astype(int)
    expected = np.stack([tables.PIXELS[name](x, strength) for x in images])
    assert np.abs(result - expected).max() <= (1 if name in ROUNDED else 0)
    # A sharpened image is rounded here, and cut off there.
    most = {"Color": 0.02, "Contrast": 0.02, "Sharpness": 0.6}.get(name, 0)
    assert (result != expected).mean() <= most


def test_solarize_add():
    """timm's: what is below 128 gets more, up to white."""
    images = smooth()
    result = drawn(One("SolarizeAdd", 98.7 / 255), images)
    expected = np.where(images < 128, images + 98, images)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.thorough
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_what_has_no_saturation_keeps_its(channels):
    images = smooth()[..., [0] * channels]
    for policy in (kal.RandAugment, kal.TrivialAugment):
        assert drawn(policy(seed=1), images).shape == images.shape
    np.testing.assert_array_equal(drawn(One("Color", 0.5), images), images)
    changed = drawn(One("Contrast", 0.5), images)
    mean = images.astype(float).mean(axis=(1, 2, 3), keepdims=True)
    expected = np.floor((mean + 1.5 * (images - mean)).clip(0, 255))
    assert np.abs(changed - expected).max() <= 1


EVERY_POLICY = (
    kal.AugMix,
    kal.AutoAugment,
    kal.RandAugment,
    kal.ThreeAugment,
    kal.TrivialAugment,
)


@pytest.mark.thorough
@pytest.mark.parametrize("channels", [1, 4, 5])
def test_what_a_policy_says_of_images_that_are_not_rgb(channels):
    images = smooth()[..., [0] * channels]
    refused = []
    for policy in EVERY_POLICY:
        try:
            assert drawn(policy(seed=1), images).shape == images.shape
        except ValueError:
            refused.append(policy)
    said = [policy for policy in EVERY_POLICY if "are not RGB" in policy.__doc__]
    assert refused == said == [kal.ThreeAugment]


@pytest.mark.thorough
@pytest.mark.parametrize("name", OPERATIONS)
def test_compiled_operations_give_the_same(name):
    images, layer = smooth(), One(name, OPERATIONS[name][0])
    compiled = tf.function(lambda x: layer(x, training=True))(images).numpy()
    apart = compiled.astype(int) - drawn(layer, images)
    assert np.abs(apart).max() <= (1 if name in ROUNDED else 0)
    assert (apart != 0).mean() < 1e-3


def test_all_moves_are_one_warp():
    transform = kal.RandAugment(4, 30, value_range=RANGE, seed=1).sample(
        SHAPE, dtype="uint8"
    )
    assert len(transform.coordinates) == 1 and not transform.earlier
    assert [step.name for step in transform.pixels] == ["either"]


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_policy_for_some_images_is_none_for_the_others(jit_compile):
    """And for these it is what it is for all."""
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3)).astype("uint8")
    policy = kal.RandAugment(seed=1)
    layer = kal.RandomApply(policy, 0.5, seed=2, jit_compile=jit_compile)
    for_all = drawn(policy, images, seed=(1, 2))
    run = tf.function(lambda x: layer(x, training=True, seed=(1, 2)))
    found = run(tf.constant(images)).numpy()
    as_it_came = (found == images).all(axis=(1, 2, 3))
    as_for_all = (np.abs(found.astype(int) - for_all) <= 1).all(axis=(1, 2, 3))
    assert (as_it_came | as_for_all).all()
    assert as_it_came.any() and (as_for_all & ~as_it_came).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ShearX", [[1.0, 0.3, 0.15], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        ("ShearY", [[1.0, 0.0, 0.0], [0.3, 1.0, 0.15], [0.0, 0.0, 1.0]]),
    ],
)
def test_shears_leave_the_corner_of_the_image_in_its_place(name, expected):
    """It lies half a pixel before the centre of the first pixel, in both directions."""
    frame = Frame.of((1, 40, 56, 3), "channels_last")
    step = operations.MOVES[name](tf.constant([0.3], tf.float64), frame)
    matrix = matrices.to_pixels(step.rows["matrix"], (40, 56), (40, 56))
    np.testing.assert_allclose(matrix[0], expected, atol=1e-12)


def test_the_widest_mixture_can_be_drawn():
    layer = kal.AugMix(mixture_width=32, chain_depth=3, alpha=0.5, seed=1)
    (step,) = layer.sample(SHAPE, dtype="uint8").pixels
    assert step.rows["weights"].shape[1] == 33
    with pytest.raises(ValueError, match="`mixture_width`"):
        kal.AugMix(mixture_width=33, chain_depth=1)
