"""Few images of a batch, made anew in a loop."""

import numpy as np
import pytest
import tensorflow as tf

from keras_aug_layers.kernels import few

IMAGES = np.arange(9 * 12).reshape(9, 2, 2, 3).astype("float32")


@pytest.mark.parametrize("wanted", [[2], [], [3, 8], [0, 4, 5], range(9)])
@pytest.mark.parametrize("known", [True, False])
def test_each_image_is_made_anew_once(wanted, known):
    """Those alone that want it, whether XLA knows which they are or not."""
    mask = np.isin(np.arange(9), wanted)

    def anew(images, mask):
        return few.made_anew(lambda at, x: 300.0 - tf.gather(x, at), images, mask)

    if known:
        run = tf.function(lambda x: anew(x, tf.constant(mask)), jit_compile=True)
        found = run(IMAGES)
    else:
        found = tf.function(anew, jit_compile=True)(IMAGES, tf.constant(mask))
    expected = np.where(mask[:, None, None, None], 300.0 - IMAGES, IMAGES)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("count", "few_of_them"), [(0, True), (4, True), (5, False)])
def test_half_of_a_batch_is_few(count, few_of_them):
    assert few.are_few(tf.range(8) < count, IMAGES[:8]) == few_of_them
