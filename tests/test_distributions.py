"""What is drawn has the distribution that the docs promise, and the seed decides it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import EXAMPLES
from helpers import assert_same_bits, drawn, random_images
from scipy import stats

import keras_aug_layers as kal
from keras_aug_layers.plan import random_numbers

DRAWS = 20_000
FRAME = (DRAWS, 8, 10, 3)
LIKELY = 1e-3
"""A correct generator falls below this p-value for one seed in a thousand."""

examples = pytest.mark.parametrize("name", EXAMPLES)


def height_shift(transform):
    return -transform.matrix[:, 1, 2]


def width_shift(transform):
    return -transform.matrix[:, 0, 2]


def turns(transform):
    matrix = transform.matrix.numpy()
    return np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]) / (2 * np.pi)


def zoom_height(transform):
    return transform.matrix[:, 1, 1] - 1


def zoom_width(transform):
    return transform.matrix[:, 0, 0] - 1


def rows(transform):
    (step,) = transform.pixels
    assert step.name == "scale"
    return step.rows


def gain(transform):
    return rows(transform)["gain"][:, 0] - 1


def bias(transform):
    return rows(transform)["bias"][:, 0]


PROMISES = [
    (kal.RandomShift(0.2, 0.4, seed=1), height_shift, -0.2 * 8, 0.2 * 8),
    (kal.RandomShift(0.2, 0.4, seed=1), width_shift, -0.4 * 10, 0.4 * 10),
    (kal.RandomShift((1, 5), unit="pixels", seed=1), height_shift, 1, 5),
    (kal.RandomRotate(0.25, seed=1), turns, -0.25, 0.25),
    (kal.RandomRotate(degrees=(-30, 90), seed=1), turns, -30 / 360, 90 / 360),
    (kal.RandomZoom(0.3, seed=1), zoom_height, -0.3, 0.3),
    (kal.RandomZoom(0.3, (-0.5, 0.1), seed=1), zoom_height, -0.3, 0.3),
    (kal.RandomZoom(0.3, (-0.5, 0.1), seed=1), zoom_width, -0.5, 0.1),
    (kal.RandomBrightness(gain=(0.7, 1.6), seed=1), gain, -0.3, 0.6),
    (kal.RandomBrightness(0.4, (-1, 1), seed=1), bias, -0.8, 0.8),
]


@pytest.mark.parametrize(
    ("layer", "parameter", "low", "high"),
    PROMISES,
    ids=[f"{layer.name}-{parameter.__name__}" for layer, parameter, *_ in PROMISES],
)
def test_each_parameter_is_uniform(layer, parameter, low, high):
    values = np.asarray(parameter(layer.sample(FRAME)))
    assert values.shape == (DRAWS,)
    assert values.min() >= low - 1e-5 and values.max() <= high + 1e-5
    assert stats.kstest(values, "uniform", (low, high - low)).pvalue > LIKELY


def test_two_parameters_of_a_layer_are_independent():
    layer = kal.RandomShift(0.2, 0.4, seed=1)
    transform = layer.sample(FRAME)
    correlation = stats.pearsonr(height_shift(transform), width_shift(transform))
    assert correlation.pvalue > LIKELY


def test_zoom_keeps_the_aspect_ratio_by_default():
    transform = kal.RandomZoom(0.3, seed=1).sample(FRAME)
    np.testing.assert_array_equal(zoom_height(transform), zoom_width(transform))


def test_flip_reaches_its_four_states_a_quarter_each():
    transform = kal.RandomFlip("horizontal_and_vertical", seed=1).sample(FRAME)
    states = np.stack([zoom_width(transform), zoom_height(transform)], axis=1)
    found, counts = np.unique(states, axis=0, return_counts=True)
    np.testing.assert_array_equal(found, [[-2, -2], [-2, 0], [0, -2], [0, 0]])
    assert stats.chisquare(counts).pvalue > LIKELY


@pytest.mark.parametrize("mode", ["horizontal", "vertical"])
def test_flip_along_one_axis_is_a_half(mode):
    transform = kal.RandomFlip(mode, seed=1).sample(FRAME)
    flipped = {"horizontal": zoom_width, "vertical": zoom_height}[mode](transform) < 0
    count = int(np.sum(flipped))
    assert stats.binomtest(count, DRAWS, 0.5).pvalue > LIKELY


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {"RandomFlip"}))
def test_probability_leaves_the_rest_as_they_are(name):
    images = random_images((2000, 5, 6, 1), "uint8")
    results = drawn(EXAMPLES[name](probability=0.3, seed=5), images)
    same = int((results == images).all(axis=(1, 2, 3)).sum())
    assert stats.binomtest(same, 2000, 0.7).pvalue > LIKELY


def test_probability_is_apart_from_the_draw():
    """Flips with a probability: 0.3 of the images, and half of those are mirrored."""
    layer = kal.RandomFlip("horizontal", probability=0.3, seed=1)
    flipped = int(np.sum(zoom_width(layer.sample(FRAME)) < 0))
    assert stats.binomtest(flipped, DRAWS, 0.15).pvalue > LIKELY


@examples
def test_images_of_a_batch_differ(name):
    images = np.repeat(random_images((1, 9, 12, 3), "uint8"), 32, axis=0)
    results = drawn(EXAMPLES[name](seed=2), images)
    distinct = len({result.tobytes() for result in results})
    assert distinct == {"RandomFlip": 4}.get(name, 32)


@examples
def test_two_calls_differ(name):
    images = random_images((32, 9, 12, 3), "uint8")
    layer = EXAMPLES[name](seed=1)
    assert (drawn(layer, images) != drawn(layer, images)).any()


@examples
@pytest.mark.parametrize("seed", [0, 1, -1, 2**40])
def test_a_seed_decides_the_draws(name, seed):
    images = random_images((8, 9, 12, 3), "uint8")
    first, second = (EXAMPLES[name](seed=seed) for _ in range(2))
    for _ in range(2):
        assert_same_bits(drawn(first, images), drawn(second, images))


def draws_of(layer):
    return layer.sample((64, 8, 8, 3)).matrix.numpy().tobytes()


def test_seeds_differ():
    seeds = [0, 1, 2, -1, 2**32, 2**32 + 1, 2**62]
    assert len({draws_of(kal.RandomRotate(0.5, seed=seed)) for seed in seeds}) == 7


def test_without_a_seed_layers_differ_unless_keras_is_seeded():
    drawn_by = [draws_of(kal.RandomRotate(0.5)) for _ in range(3)]
    assert len(set(drawn_by)) == 3
    keras.utils.set_random_seed(1)
    assert [draws_of(kal.RandomRotate(0.5)) for _ in range(3)] == drawn_by


@examples
def test_a_seed_in_the_call_makes_it_stateless(name):
    images = random_images((16, 9, 12, 3), "uint8")
    layer, other = EXAMPLES[name](), EXAMPLES[name]()
    before = layer.random_state.numpy()
    first = drawn(layer, images, seed=(3, 4))
    np.testing.assert_array_equal(layer.random_state.numpy(), before)
    assert_same_bits(drawn(layer, images, seed=(3, 4)), first)
    assert_same_bits(drawn(other, images, seed=(3, 4)), first)
    assert (drawn(layer, images, seed=(4, 4)) != first).any()
    assert (drawn(layer, images, seed=(3, 3)) != first).any()


@examples
def test_the_seed_of_a_layer_takes_part_in_that_of_the_call(name):
    """So two layers with seeds of their own differ in `augment_dataset` too."""
    images = random_images((16, 9, 12, 3), "uint8")
    layer, again = EXAMPLES[name](seed=1), EXAMPLES[name](seed=1)
    before = layer.random_state.numpy()
    first = drawn(layer, images, seed=(3, 4))
    np.testing.assert_array_equal(layer.random_state.numpy(), before)
    assert_same_bits(drawn(again, images, seed=(3, 4)), first)
    for other in (EXAMPLES[name](), EXAMPLES[name](seed=0), EXAMPLES[name](seed=2)):
        assert (drawn(other, images, seed=(3, 4)) != first).any()
    assert (drawn(layer, images, seed=(4, 4)) != first).any()
    assert (drawn(layer, images, seed=(3, 3)) != first).any()


@examples
def test_a_seed_for_each_image_is_the_seed_of_the_image_alone(name):
    images = random_images((6, 9, 12, 3), "uint8")
    seeds = np.array([[0, 0], [0, 1], [1, 0], [-5, 7], [2**40, -1], [3, 2**50]])
    layer = EXAMPLES[name]()
    results = drawn(layer, images, seed=seeds)
    for result, image, seed in zip(results, images, seeds, strict=True):
        assert_same_bits(result, drawn(layer, image, seed=seed))
        assert_same_bits(result[None], drawn(layer, image[None], seed=seed))


SEEDS = np.array(
    [[0, 0], [0, 1], [1, 0], [-1, -1], [2**31, 2**32], [2**63 - 1, -(2**63)], [7, 9]]
)


PAGE = random_numbers.PAGE


def kernels_words(origin, count, blocks=0):
    """What TensorFlow's own kernel draws from an origin, so many blocks farther on."""
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[count],
        key=tf.bitcast(origin[2:], tf.uint64),
        counter=tf.bitcast(origin[:2] + tf.constant([blocks, 0], tf.int64), tf.uint64),
        alg=random_numbers.PHILOX,
        dtype=tf.uint32,
    ).numpy()


@pytest.mark.parametrize("page", [0, 1, 3, 127])
@pytest.mark.parametrize("low", [0, 5, 2**40])
def test_words_of_many_seeds_are_those_of_tensorflows_kernel(page, low):
    """Of one stream, and of two; a page lies behind those of 2**24 images."""
    origins = random_numbers.seeded_origin(tf.constant(SEEDS))
    origins += tf.constant([low, 0, 0], "int64")
    assert origins.dtype == tf.int64
    expected = [kernels_words(origin, PAGE, page * 2 * 2**24) for origin in origins]
    for streams in (origins[tf.newaxis], tf.stack([origins, origins[::-1]])):
        actual = random_numbers.words(streams, len(SEEDS), page)
        assert_same_bits(actual[0], np.stack(expected))
    assert_same_bits(actual[1], np.stack(expected[::-1]))


@pytest.mark.parametrize("page", [0, 1, 127])
def test_words_of_many_images_are_those_of_tensorflows_kernel(page):
    """Of one stream, which is a single op, and of several, which are written out."""
    origins = random_numbers.seeded_origin(tf.constant(SEEDS))
    batch, behind = 5, page * 2 * 2**24
    expected = np.stack(
        [kernels_words(origin, batch * PAGE, behind) for origin in origins]
    ).reshape(len(SEEDS), batch, PAGE)
    assert_same_bits(random_numbers.words(origins, batch, page), expected)
    for stream, origin in enumerate(origins):
        words = random_numbers.words(origin[tf.newaxis], batch, page)
        assert_same_bits(words, expected[stream : stream + 1])


def test_calls_do_not_overlap():
    """A call owns the 128 pages of 2**24 images, and replicas have their own."""
    state = tf.Variable(random_numbers.initial_state(7), dtype=tf.int64)
    first, second, third = (
        random_numbers.next_origin(state.handle, replica) for replica in (None, None, 1)
    )
    np.testing.assert_array_equal(first, [0, 0, 7])
    np.testing.assert_array_equal(second - first, [128 * 2 * 2**24, 0, 0])
    np.testing.assert_array_equal(third - second, [128 * 2 * 2**24, 2**32, 0])


@pytest.mark.thorough
@pytest.mark.parametrize("streams", ["one", "each", "two"])
def test_the_bits_of_the_words_are_uniform(streams):
    images = np.arange(DRAWS)
    seeds = np.stack([images, images], 1)[np.newaxis]
    seeds = {"one": [[7, 9]], "each": seeds, "two": [[7, 9], [8, 9]]}[streams]
    origins = random_numbers.seeded_origin(tf.constant(seeds))
    words = np.concatenate(random_numbers.words(origins, DRAWS), axis=1)
    bits = np.unpackbits(words.astype("<u4").view("uint8").reshape(DRAWS, -1), axis=1)
    counts = bits.sum(axis=0, dtype=np.int64)
    assert len(counts) == len(origins) * PAGE * 32
    pvalues = [stats.binomtest(int(count), DRAWS, 0.5).pvalue for count in counts]
    assert min(pvalues) > LIKELY / len(pvalues)
    assert len(np.unique(words)) > 0.999 * words.size
    assert stats.kstest(words.ravel() / 2**32, "uniform").pvalue > LIKELY


@pytest.mark.thorough
@pytest.mark.parametrize("seeds", [SEEDS[5], SEEDS], ids=["one", "each"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.3, 0.7), (-np.pi, 1e-3)])
def test_xla_draws_the_same_numbers(seeds, count, bounds):
    def draw(seed):
        origin = random_numbers.seeded_origin(seed)
        origins = random_numbers.streams([origin] * count, range(count), range(count))
        words = random_numbers.words(origins, len(SEEDS))
        return random_numbers.scaled(random_numbers.unit(words), bounds)

    seeds = tf.constant(seeds)
    eager = draw(seeds).numpy()
    assert (bounds[0] <= eager).all() and (eager < bounds[1]).all()
    assert_same_bits(tf.function(draw)(seeds), eager)
    assert_same_bits(tf.function(draw, jit_compile=True)(seeds), eager)


# What a layer asks for, and what it gets.


def cursor(seeds=SEEDS[6]):
    origins = random_numbers.seeded_origin(tf.constant(seeds))[tf.newaxis]
    return next(random_numbers.cursors(origins, len(SEEDS)))


@pytest.mark.parametrize("seeds", [SEEDS[6], SEEDS], ids=["one", "each"])
def test_numbers_come_one_after_the_other(seeds):
    """However many are asked for at a time, and past the end of a page."""
    one_by_one = cursor(seeds)
    singles = np.stack([one_by_one.uniform() for _ in range(30)], axis=1)
    assert len(np.unique(singles)) == singles.size
    other = cursor(seeds)
    together = [other.uniform(shape=(n,)) for n in (3, 12, 9)]
    together.append(tf.reshape(other.uniform(shape=(3, 2)), (-1, 6)))
    assert_same_bits(np.concatenate(together, axis=1), singles)
    another = cursor(seeds)
    assert_same_bits(another.uniform((-2.0, 6.0)), 8.0 * singles[:, 0] - 2.0)
    assert_same_bits(another.coin(0.25), singles[:, 1] < 0.25)
    shares = [np.sum(x >= np.array([0.1, 0.4])) for x in singles[:, 2]]
    assert_same_bits(another.index((1, 3, 6)), np.array(shares, "int32"))


def test_pages_come_to_an_end():
    all_of_them = cursor()
    assert all_of_them.uniform(shape=(32, 32)).shape == (len(SEEDS), 32, 32)
    with pytest.raises(ValueError, match="1024 numbers"):
        all_of_them.uniform()


def test_every_place_of_a_stack_has_a_number_of_its_own():
    places = [(), *((i,) for i in range(20))]
    places += [(i, j) for i in range(20) for j in range(20)]
    places += [(i, j, k) for i in range(9) for j in range(9) for k in range(9)]
    folds = [random_numbers.fold(*place) for place in places]
    assert len(set(folds)) == len(places)
    assert random_numbers.fold() == 0
    bits = np.unpackbits(
        np.array(folds[1:], "<i8").view("uint8").reshape(-1, 8), axis=1
    )
    counts = bits.sum(axis=0, dtype=np.int64)
    pvalues = [stats.binomtest(int(x), len(places) - 1, 0.5).pvalue for x in counts]
    assert min(pvalues) > LIKELY / len(pvalues)
