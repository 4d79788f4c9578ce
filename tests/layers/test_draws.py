"""What is taken for random among layers of others, by what their code names."""

import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_aug_layers.layers.draws import draws

GENERATOR = np.random.default_rng(0)


def noisy(x):
    return x + np.random.normal()


def scaled(x, by=2.0):
    return x * by


def inner(x):
    return tf.map_fn(lambda y: y + tf.random.uniform(()), x)


class InAMethod(keras.layers.Layer):
    def call(self, x):
        return self.shaken(x)

    def shaken(self, x):
        return noisy(x)


class Inherited(InAMethod):
    def call(self, x):
        return super().call(x) * 2.0


class Held(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.numbers = random.Random(0)

    def call(self, x):
        return x * self.numbers.uniform(0.0, 1.0)


class Plain(keras.layers.Layer):
    """Random weights make no random call."""

    def build(self, shape):
        self.start = tf.random.normal((shape[-1],))

    def call(self, x):
        return scaled(x) + self.start


def of_a_closure():
    numbers = np.random.default_rng(1)
    return keras.layers.Lambda(lambda x: x + numbers.uniform())


RANDOM = {
    "a method": InAMethod,
    "a base class": Inherited,
    "a function within": lambda: keras.layers.Lambda(inner),
    "a helper": lambda: keras.layers.Lambda(lambda x: noisy(x)),
    "a partial": lambda: keras.layers.Lambda(functools.partial(noisy)),
    "a tf.function": lambda: keras.layers.Lambda(tf.function(noisy)),
    "a generator of the module": lambda: keras.layers.Lambda(
        lambda x: x + GENERATOR.uniform()
    ),
    "a closure": of_a_closure,
    "Python's generator": Held,
    "a wrapper": lambda: keras.layers.TimeDistributed(InAMethod()),
}
CERTAIN = {
    "random weights": Plain,
    "a partial": lambda: keras.layers.Lambda(functools.partial(scaled, by=3.0)),
    "a convolution": lambda: keras.layers.Conv2D(2, 3),
    "rescaling": lambda: keras.layers.Rescaling(2.0),
}


@pytest.mark.parametrize("name", RANDOM)
def test_what_is_random_is_seen(name):
    assert draws(RANDOM[name]())


@pytest.mark.parametrize("name", CERTAIN)
def test_what_is_not_is_not_taken_for_it(name):
    assert not draws(CERTAIN[name]())
