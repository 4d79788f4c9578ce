"""Threads that share a layer: no exception, and no draw twice."""

import concurrent.futures
import threading

import numpy as np
import pytest
import tensorflow as tf
from examples import EXAMPLES
from helpers import random_images

import keras_aug_layers as kal

THREADS = 8
pytestmark = pytest.mark.slow


def together(function, calls):
    """What `function` gives in eight threads that start at once, `calls` times each."""
    barrier = threading.Barrier(THREADS)

    def work():
        barrier.wait(timeout=60)
        return [function() for _ in range(calls)]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(work) for _ in range(THREADS)]
        return [x for future in futures for x in future.result(timeout=300)]


def test_eight_threads_never_draw_the_same():
    layer, images = kal.RandomShift(0.5, 0.5, seed=1), random_images((4, 8, 8, 1))
    draws = together(lambda: layer.sample(images).matrix.numpy(), 100)
    assert len(draws) == 800
    # Two float32 shifts: equal by chance once in 2**40 pairs, of which there are 2**23.
    assert len(np.unique(np.concatenate(draws).reshape(3200, 9), axis=0)) == 3200


def test_the_draws_of_threads_are_those_of_one():
    """Only who gets which is up to chance."""

    def drawer():
        layer, images = kal.RandomShift(0.5, 0.5, seed=1), random_images((4, 8, 8, 1))
        return lambda: layer.sample(images).matrix.numpy().tobytes()

    alone = drawer()
    expected = sorted(alone() for _ in range(20 * THREADS))
    assert sorted(together(drawer(), 20)) == expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_call_may_come_from_all_threads(name):
    """Each traces the layer's function, or finds it traced."""
    images = random_images((16, 9, 12, 3), "uint8")
    layer = EXAMPLES[name](seed=1)
    results = together(lambda: layer(images, training=True).numpy().tobytes(), 2)
    assert len(set(results)) == 2 * THREADS


def test_the_first_calls_may_differ_in_size():
    layer = kal.FusedAugmentation(
        [kal.RandomRotate(0.2), kal.RandomShift(0.2)], jit_compile=True, seed=1
    )
    sizes = iter([(4, 6 + i % 3, 8, 3) for i in range(2 * THREADS)])
    lock = threading.Lock()

    def call():
        with lock:
            shape = next(sizes)
        result = layer(random_images(shape, "uint8"), training=True)
        assert result.shape == shape
        return result.numpy().tobytes()

    assert len(set(together(call, 2))) == 2 * THREADS


@pytest.mark.parametrize("fused", [False, True])
def test_a_parallel_map_never_draws_the_same(fused):
    layer = kal.RandomShift(0.5, 0.5, seed=1)
    layer = kal.FusedAugmentation([layer]) if fused else layer
    image = random_images((8, 8, 1))
    dataset = tf.data.Dataset.from_tensors(image).repeat(2000)
    dataset = dataset.map(lambda x: layer(x, training=True), num_parallel_calls=8)
    results = {x.tobytes() for x in dataset.as_numpy_iterator()}
    assert len(results) == 2000


def test_eight_threads_go_on_from_the_same_images():
    """What the first layer made of them is drawn once, and for all."""
    images, turn = random_images((4, 8, 8, 3)), kal.RandomRotate(0.1, seed=1)
    flip = kal.RandomFlip(chance=1.0)
    for _ in range(20):
        turned = turn(images, training=True)
        both = together(lambda turned=turned: flip(turned, training=True).numpy(), 2)
        assert all(np.array_equal(both[0], other) for other in both)
