"""Products of matrices on a GPU, whose rounding of factors is imitated here."""

import numpy as np
import pytest
import tensorflow as tf

from keras_aug_layers.kernels import products
from keras_aug_layers.kernels.products import product

MATMUL = tf.matmul


def in_tf32(a, b, **how):
    """`tf.matmul` as an A100 does it: ten digits behind the first one of a factor."""

    def rounded(x):
        bits = tf.bitcast(x, tf.int32)
        bits += 0xFFF + (bits // (1 << 13)) % 2  # halves to even
        return tf.bitcast(tf.bitwise.bitwise_and(bits, -1 << 13), tf.float32)

    return MATMUL(rounded(a), rounded(b), **how)


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(products, "has_gpu", lambda: True)
    monkeypatch.setattr(tf, "matmul", in_tf32)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_on_a_gpu_is_exact(gpu, transposed):
    random = np.random.default_rng(0)
    a, b = (random.normal(0.0, 30.0, (2, 40, 40)).astype("float32") for _ in range(2))
    exact = a.astype("float64") @ np.swapaxes(b, 1, 2 if transposed else 1)
    largest = np.abs(a).astype("float64") @ np.abs(b).swapaxes(
        1, 2 if transposed else 1
    )
    rounded = tf.matmul(a, b, transpose_b=transposed)
    assert (np.abs(rounded - exact) / largest).max() > 1e-5
    made = product(tf.constant(a), tf.constant(b), transpose_b=transposed)
    assert (np.abs(made - exact) / largest).max() < 3e-7


def test_its_gradient_is_that_of_the_product(monkeypatch):
    monkeypatch.setattr(products, "has_gpu", lambda: True)
    a, b = tf.constant([[1.1, 2.3]]), tf.constant([[3.7], [5.9]])
    with tf.GradientTape() as tape:
        tape.watch((a, b))
        made = product(a, b)
    of_a, of_b = tape.gradient(made, (a, b))
    np.testing.assert_allclose(of_a, [[3.7, 5.9]], rtol=1e-6)
    np.testing.assert_allclose(of_b, [[1.1], [2.3]], rtol=1e-6)
