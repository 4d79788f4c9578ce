"""Every layer draws from a stream of its own: places, seeds and views name them."""

import itertools

import keras
import numpy as np
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = tf.zeros((1, 8, 8, 3))
SEED = (5, 6)
DRAWN = []


class Probe(kal.ColorLayer):
    """Notes what it draws, and does nothing."""

    def draw(self, random, frame):
        tf.py_function(lambda u: DRAWN.append(float(u[0])), [random.uniform()], [])
        return ()


def probes(*seeds):
    return [Probe(seed=seed, jit_compile=False) for seed in seeds]


def group():
    """Members without a seed, and with seeds that are places, too."""
    return kal.FusedAugmentation(probes(None, None, None, 0, 1, 2, 3))


def of_one_seed():
    """A group, a member and a group within it have one seed: what usually is 42."""
    inner = kal.FusedAugmentation(probes(None), seed=3)
    layer = kal.FusedAugmentation([*probes(None, 3), inner], seed=3)
    layer(IMAGES, training=True, seed=SEED)


def called():
    group()(IMAGES, training=True, seed=SEED)


def mapped():
    stack = keras.Sequential([group(), *probes(None, None, None)])
    [*kal.augment_dataset(tf.data.Dataset.from_tensors(IMAGES[0]), stack, seed=1)]


def viewed():
    views = kal.MultiCrop({"a": (3, probes(None, None, None))})
    views(IMAGES, training=True, seed=SEED)


def test_places_seeds_layers_and_views_have_streams_of_their_own():
    """The same small numbers everywhere, not to be mistaken for each other."""
    for call, count in ((called, 7), (of_one_seed, 3), (mapped, 10), (viewed, 9)):
        DRAWN.clear()
        call()
        assert len(DRAWN) == count
        pairs = itertools.combinations(DRAWN, 2)
        assert np.min([abs(a - b) for a, b in pairs]) > 1e-6


def test_a_coin_is_not_the_strength_of_a_layer_of_its_seed():
    layer = kal.RandomApply(kal.RandomRotate(degrees=30, seed=3), 0.5, seed=3)
    for seed in (None, SEED):
        matrix = layer.sample((1000, 8, 8, 3), seed=seed).matrix.numpy()
        turned = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
        assert 0.4 < (turned != 0.0).mean() < 0.6
        assert 0.4 < (turned[turned != 0.0] > 0.0).mean() < 0.6


def test_a_seed_draws_the_same_wherever_its_layer_stands_in_a_dataset():
    """In a group behind another layer, too."""
    images = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3)).astype("uint8")
    dataset = tf.data.Dataset.from_tensor_slices(images)

    def turn():
        return kal.RandomRotate(0.3, seed=7, jit_compile=False)

    def still():
        return kal.RandomFlip(probability=0.0, jit_compile=False)

    def made(layer):
        return np.stack([*kal.augment_dataset(dataset, layer, seed=1)])

    alone = made(turn())
    for stack in (
        kal.FusedAugmentation([still(), turn()]),
        keras.Sequential([still(), turn()]),
        keras.Sequential([still(), kal.FusedAugmentation([turn()])]),
        keras.Sequential([still(), kal.RandomApply(turn(), 1.0)]),
    ):
        np.testing.assert_array_equal(made(stack), alone)
    seedless = [kal.RandomRotate(0.3, jit_compile=False) for _ in range(2)]
    both = made(keras.Sequential(seedless))
    assert (both != made(keras.Sequential([seedless[0], still()]))).any()
