"""What `fuse` leaves as it is, it names where it is random, or one's own."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal


class Half(keras.layers.Resizing):
    def transform_images(self, images, transformation=None, training=True):
        return super().transform_images(images, transformation, training) * 0.5


class Shifted(keras.layers.Rescaling):
    def call(self, inputs):
        return super().call(inputs) + 1.0


class Speckle(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = tf.random.Generator.from_seed(1)

    def call(self, x, training=False):
        return x + self.generator.normal(tf.shape(x)) if training else x


class Jolt(keras.layers.Layer):
    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


class Holder(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.several = {"a": keras.random.SeedGenerator(1)}

    def call(self, x):
        return x


NAMED = {
    "overrides a resize": lambda: Half(8, 8),
    "overrides a rescaling": lambda: Shifted(1 / 255),
    "a generator of TensorFlow": Speckle,
    "numbers of Keras without a seed": Jolt,
    "a generator in a dict": Holder,
    "a Lambda": lambda: keras.layers.Lambda(lambda x: x + tf.random.normal((1,))),
    "views": lambda: kal.MultiCrop({"a": (2, [kal.RandomResizedCrop(8, 8)])}),
    "ours in a wrapper": lambda: keras.layers.TimeDistributed(kal.RandomRotate(0.1)),
}


@pytest.mark.parametrize("make", NAMED.values(), ids=NAMED)
def test_it_is_named(make):
    layer = make()
    with pytest.warns(kal.NotFusedWarning, match=type(layer).__name__):
        kal.fuse([keras.layers.RandomFlip(), layer])


class Plain(keras.layers.Layer):
    def call(self, x):
        return keras.ops.abs(x)


@pytest.mark.parametrize(
    "make",
    [Plain, keras.layers.Identity, lambda: keras.layers.Lambda(lambda x: np.abs(x))],
)
def test_what_is_neither_is_not(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error", kal.NotFusedWarning)
        kal.fuse([keras.layers.RandomFlip(), make()])
