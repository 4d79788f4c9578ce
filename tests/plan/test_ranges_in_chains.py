"""A range that one layer was told, or makes, is that of the layers behind it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

BYTES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
FLOATS = (BYTES / 255.0).astype("float32")
WAYS = {
    "eager": lambda call, x: call(tf.constant(x)),
    "graph": lambda call, x: tf.function(call, autograph=False)(tf.constant(x)),
    "map": lambda call, x: next(iter(tf.data.Dataset.from_tensors(x).map(call))),
}


@pytest.fixture(params=WAYS)
def done(request):
    """Calls layers one after the other in one way of several."""

    def run(layers, x, training=True):
        def call(x):
            for layer in layers:
                x = layer(x, training=training)
            return x

        return WAYS[request.param](call, x).numpy()

    return run


def brighter(**kwargs):
    return kal.RandomBrightness((0.2, 0.2), **kwargs)


def noisy():
    return kal.RandomErasing(scale=(0.3, 0.3), fill_value="noise", seed=2)


@pytest.mark.parametrize("second", [lambda: kal.RandomInvert(1.0), noisy])
def test_what_the_first_was_told(done, second):
    layers = [brighter(value_range=(0, 1)), second()]
    group = kal.FusedAugmentation(layers)
    once = done([layers[0], second()], FLOATS)
    np.testing.assert_allclose(once, done([group], FLOATS), atol=1e-5)


def test_behind_rescaling(done):
    result = done([kal.Rescaling(1 / 255), brighter()], BYTES)
    np.testing.assert_allclose(result, np.clip(FLOATS + 0.2, 0, 1), atol=1e-5)
    stack = [kal.Rescaling(-1 / 127.5, 1.0), kal.RandomInvert(1.0)]
    np.testing.assert_allclose(done(stack, BYTES), BYTES / 127.5 - 1.0, atol=1e-5)


def test_behind_two_of_them(done):
    stack = [kal.Rescaling(1 / 255), kal.Rescaling(2.0, -1.0), brighter()]
    expected = np.clip(2.0 * FLOATS - 1.0 + 0.4, -1.0, 1.0)
    np.testing.assert_allclose(done(stack, BYTES), expected, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_normalize_behind_rescaling(done, training):
    stack = [kal.Rescaling(1 / 255), kal.Normalize(0.5, 0.25)]
    result = done(stack, BYTES, training)
    np.testing.assert_allclose(result, (FLOATS - 0.5) / 0.25, atol=1e-5)


def test_a_range_that_is_known_yields_to_one_that_is_told():
    stack = [
        kal.Rescaling(1 / 256),
        kal.RandomFlip("horizontal", chance=1.0),
        brighter(value_range=(0, 1)),
        kal.RandomFlip("horizontal", chance=1.0),
    ]
    said = kal.explain(keras.Sequential(stack), BYTES.shape)
    assert said.startswith("1 warp")
    images = BYTES
    for layer in stack:
        images = layer(images, training=True)
    expected = np.clip(BYTES / 256 + 0.2, 0, 1)
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_a_choice_of_two_ranges_has_none():
    choice = kal.RandomChoice([kal.Rescaling(1 / 255), kal.Rescaling(1 / 127.5, -1.0)])
    with pytest.raises(ValueError, match="`value_range` must be given"):
        brighter()(choice(BYTES, training=True), training=True)
    choice = kal.RandomChoice([kal.Rescaling(1 / 255), kal.Rescaling(-1 / 255, 1.0)])
    result = brighter()(choice(BYTES, training=True), training=True)
    assert result.numpy().max() <= 1.0


def test_a_draw_for_images_of_a_known_range():
    images = kal.Rescaling(1 / 255)(BYTES)
    result = brighter().sample(images).images(images)
    np.testing.assert_allclose(result, np.clip(FLOATS + 0.2, 0, 1), atol=1e-5)


def test_in_a_model():
    stack = [kal.Rescaling(1 / 255), kal.RandomFlip(chance=0.0), brighter()]
    model = keras.Sequential([keras.Input((8, 8, 3), dtype="uint8"), *stack])
    result = model(BYTES, training=True).numpy()
    np.testing.assert_allclose(result, np.clip(FLOATS + 0.2, 0, 1), atol=1e-5)
    np.testing.assert_allclose(model.predict(BYTES, verbose=0), FLOATS, atol=1e-6)


def test_its_own_counts_more():
    stack = [kal.Rescaling(1 / 255), brighter(value_range=(0, 2))]
    result = stack[1](stack[0](BYTES), training=True).numpy()
    np.testing.assert_allclose(result, FLOATS + 0.4, atol=1e-5)


def test_of_ragged_images():
    images = tf.RaggedTensor.from_tensor(BYTES, ragged_rank=2)
    result = brighter()(kal.Rescaling(1 / 255)(images, training=True), training=True)
    expected = np.clip(FLOATS + 0.2, 0, 1)
    np.testing.assert_allclose(result.to_tensor().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    "first",
    [kal.Normalize(0.5, 0.5), kal.Rescaling((1.0, 2.0, 3.0)), kal.Rescaling(0.0)],
)
def test_where_it_is_not_known(first):
    with pytest.raises(ValueError, match="`value_range` must be given"):
        brighter()(first(BYTES), training=True)


def test_in_a_group_behind_rescaling():
    group = kal.FusedAugmentation([kal.Rescaling(1 / 255), noisy()])
    layers = [kal.Rescaling(1 / 255), noisy()]
    once = layers[1](layers[0](BYTES, training=True), training=True)
    grouped = group(BYTES, training=True).numpy()
    np.testing.assert_allclose(grouped, once.numpy(), atol=1e-6)
    assert grouped.min() >= 0.0 and grouped.max() <= 1.0


@pytest.mark.parametrize("cls", [kal.MixUp, kal.CutMix, kal.Mosaic])
def test_labels_are_smoothed_in_training_only(cls):
    crop, mix = kal.CenterCrop(6, 6), cls(num_classes=4, label_smoothing=0.2)
    data = {"images": BYTES, "labels": np.array([1, 3])}
    labels = mix(crop(data))["labels"].numpy()
    np.testing.assert_array_equal(labels, np.eye(4, dtype="float32")[[1, 3]])
    trained = mix(crop(data, training=True), training=True)["labels"].numpy()
    assert trained.min() == pytest.approx(0.05)


def _doubled(x, one):
    y = tf.numpy_function(lambda v: v * v.dtype.type(2), [x], x.dtype)
    return tf.ensure_shape(y, x.shape)


doubled = kal.register("test_ranges_in_chains.doubled", "pointwise", _doubled)


class Doubled(kal.ColorLayer):
    """What XLA cannot compile."""

    def draw(self, random, frame):
        return doubled(one=1.0)


@pytest.mark.parametrize("order", [1, -1])
def test_one_layer_that_is_not_compiled(done, order):
    x = np.full((2, 8, 8, 3), 10, "uint8")
    layers = [Doubled(jit_compile=False), kal.RandomFlip("horizontal", chance=1.0)]
    np.testing.assert_array_equal(done(layers[::order], x), 2 * x)


def test_forms_that_disagree_end_a_chain():
    layers = [
        kal.RandomFlip(jit_compile=True),
        kal.RandomRotate(0.1, jit_compile=False),
    ]
    said = kal.explain(keras.Sequential(layers), (2, 8, 8, 3))
    assert "one layer is compiled, and the other one is not" in said
    assert said.startswith("2 warps")
