"""Functions that a user registers: what would be done wrong is refused."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels import device

SHIFTS = [20.0, 0.0, -20.0]
warm = kal.register(
    "test_functions_of_ones_own.warm",
    "pointwise",
    lambda x, amount: x + amount * tf.constant(SHIFTS, x.dtype),
    neutral={"amount": 0.0},
)
warm_by_row = kal.register(
    "test_functions_of_ones_own.warm_by_row",
    "pointwise",
    lambda x, offset: x + offset,
    neutral={"offset": 0.0},
)


class Warm(kal.ColorLayer):
    def draw(self, random, frame):
        return warm(amount=tf.ones_like(random.uniform()))


class WarmByRow(kal.ColorLayer):
    def draw(self, random, frame):
        return warm_by_row(offset=[SHIFTS])


IMAGES = tf.fill((2, 8, 8, 3), 100.0)


@pytest.mark.parametrize("kind", device.DEVICES)
@pytest.mark.parametrize("graph", [False, True])
def test_a_number_for_each_channel_is_a_row(kind, graph, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, kind)
    grey = kal.RandomSaturation(gain=(0, 0), space="linear")
    for layer in (Warm(), kal.FusedAugmentation([Warm(), grey])):
        call = tf.function(layer, autograph=False) if graph else layer
        with pytest.raises(ValueError, match="number for each channel as a row"):
            call(IMAGES, training=True)
    stack = kal.FusedAugmentation([WarmByRow(), grey])
    call = tf.function(stack, autograph=False) if graph else stack
    expected = 100.0 + np.dot([0.299, 0.587, 0.114], SHIFTS)
    np.testing.assert_allclose(
        call(IMAGES, training=True), expected * tf.ones_like(IMAGES), atol=0.01
    )


SEVERAL = {
    "two numbers": (lambda x, k: x * k[..., 0:1] + k[..., 1:2], [[2.0, 1.0]], 201.0),
    "a table": (
        lambda x, k: tf.gather(k[0, 0, 0], tf.cast(x, tf.int32)),
        np.arange(256.0)[np.newaxis] / 2.0,
        50.0,
    ),
    "a partial": (
        functools.partial(lambda x, k, by: x + k * by, by=2.0),
        [[3.0]],
        106.0,
    ),
    "parts": (
        lambda x, k: x + tf.add_n(tf.unstack(k, axis=-1))[..., None],
        [[1.0] * 4],
        104.0,
    ),
}


@pytest.mark.parametrize("kind", device.DEVICES)
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", SEVERAL)
def test_rows_of_other_numbers_than_channels(name, graph, kind, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, kind)
    function, row, expected = SEVERAL[name]
    step = kal.register(f"test_functions_of_ones_own.{name}", "pointwise", function)

    class Own(kal.ColorLayer):
        def draw(self, random, frame):
            return step(k=row)

    layer = Own()
    call = tf.function(layer, autograph=False) if graph else layer
    np.testing.assert_allclose(call(IMAGES, training=True), expected)


def test_a_key_for_noise_of_ones_own():
    seen = []

    class Keys(kal.ColorLayer):
        def draw(self, random, frame):
            seen.append(random.key())
            return warm_by_row(offset=[SHIFTS])

    Keys().sample((500, 8, 8, 3), seed=(1, 2), dtype="float32")
    keys = seen[0].numpy()
    assert keys.shape == (500,) and len(set(keys)) > 490
    assert (keys == np.floor(keys)).all() and keys.min() >= 0 and keys.max() < 2**24


@pytest.mark.parametrize("kind", device.DEVICES)
@pytest.mark.slow
def test_a_picked_partner_behind_what_is_of_one_image(kind, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, kind)
    x = np.empty((8, 16, 16, 3), "float32")
    x[::2], x[1::2] = 100.0, 200.0
    shift = kal.from_image_data_generator(channel_shift_range=60.0)
    layer = kal.FusedAugmentation([shift, kal.CutMix(num_classes=8)])
    data = {"images": tf.constant(x), "labels": tf.range(8)}

    @tf.function(autograph=False, jit_compile=True)
    def run(data):
        return layer(data, training=True, seed=(1, 2))["images"]

    assert set(np.round(run(data).numpy(), 2).ravel()) == {100.0, 200.0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, value",
    [("int32", 1_000_000_007), ("int64", 2**40 + 1), ("uint32", 4_000_000_001)],
)
def test_whole_numbers_stay_in_the_form_for_gpus(dtype, value, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "gpu")
    layer = kal.RandomRotate(degrees=(20, 20))
    run = tf.function(layer, autograph=False, jit_compile=True)
    x = np.full((2, 12, 14, 3), value, dtype)
    np.testing.assert_array_equal(run(tf.constant(x), training=True), x)


@pytest.mark.slow
def test_a_batch_of_one_in_a_chain():
    x = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype("uint8")
    first = kal.RandomFlip(chance=0.0)
    second = kal.RandomLowResolution((0.5, 0.5), probability=0.5)

    def chain(x):
        return second(first(x, training=True), training=True)

    images = tf.data.Dataset.from_tensor_slices(x).repeat(3).batch(1, True).map(chain)
    assert [y.shape for y in images] == [x.shape] * 3
    whole = tf.function(chain, autograph=False, jit_compile=True)(tf.constant(x))
    assert whole.shape == x.shape
