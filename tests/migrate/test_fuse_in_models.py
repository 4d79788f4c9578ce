"""What `fuse` makes in models: the identity in inference, saving, XLA; errors."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from fusing import names, op_by_op
from helpers import assert_same_bits, drawn
from keras import layers as kl

import keras_aug_layers as kal


def full_stack():
    return [
        kl.RandomFlip(),
        kl.RandomTranslation(0.1, 0.1),
        kl.RandomRotation(0.1),
        kl.RandomZoom(0.1),
        kl.RandomShear((0.1, 0.2), (0.0, 0.2)),
        kl.RandomBrightness(0.2),
        kl.RandomContrast(0.2),
        kl.RandomColorDegeneration(0.2),
        kl.RandomGrayscale(),
        kl.RandomInvert(0.2),
        kl.RandomPerspective(1.0, 0.3),
    ]


@pytest.mark.thorough
def test_inference_is_the_identity_where_kerass_is_not(images):
    x = tf.constant(images.astype("float32"))
    fused = kal.fuse(full_stack())
    assert len(names(fused)) == 2  # the perspective fills with a constant
    assert_same_bits(fused(x), x)
    assert not np.array_equal(keras.Sequential(full_stack())(x), x)
    one = kal.fuse(full_stack()[:-1])
    assert one(x) is x
    assert not np.array_equal(drawn(one, x), x)
    assert not np.array_equal(drawn(fused, x), x)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("count", "dtype", "training"),
    [
        (10, "uint8", True),
        (10, "uint8", False),
        (10, "float64", False),
        (11, "uint8", False),
        (11, "float64", False),
        (11, "float64", True),
    ],
)
def test_dtypes_stay(count, dtype, training, images):
    fused = kal.fuse(full_stack()[:count])
    with op_by_op():
        result = fused(tf.constant(images.astype(dtype)), training=training)
    assert result.dtype == dtype


@pytest.mark.thorough
def test_dicts_go_through(images):
    fused = kal.fuse(full_stack())
    data = {"images": images, "labels": np.arange(4)}
    same = fused(data)
    with op_by_op():
        moved = fused(data, training=True)
    assert_same_bits(same["images"], images)
    np.testing.assert_array_equal(moved["labels"], np.arange(4))
    assert moved["images"].dtype == "uint8"
    assert not np.array_equal(moved["images"], images)


def test_saving_and_exporting(images, tmp_path):
    x = images.astype("float32")
    model = keras.Sequential([keras.Input((9, 12, 3)), kal.fuse(full_stack())])
    model.save(tmp_path / "model.keras")
    tf.saved_model.save(model, str(tmp_path / "saved"))
    model.export(str(tmp_path / "exported"), verbose=False)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    saved = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    (from_saved,) = saved(tf.constant(x)).values()
    for result in (loaded(x), loaded.predict(x, verbose=0), from_saved):
        assert_same_bits(result, x)
    assert_same_bits(exported.serve(x), x)
    ops = {node.op for node in saved.graph.as_graph_def().node}
    assert not ops & {"ImageProjectiveTransformV3", "RngReadAndSkip"}
    assert not np.array_equal(drawn(loaded, x), x)


def test_round_trips(images):
    for fused in (kal.fuse(full_stack()), kal.fuse(full_stack()[:-1])):
        config = keras.saving.serialize_keras_object(fused)
        again = keras.saving.deserialize_keras_object(config)
        assert names(again) == names(fused)
        assert keras.saving.serialize_keras_object(again) == config
    assert_same_bits(
        drawn(again, images, seed=(1, 2)), drawn(fused, images, seed=(1, 2))
    )


def test_xla(images):
    x = tf.constant(images.astype("float32"))
    fused = kal.fuse([*full_stack()[2:5], kl.RandomContrast(0.2)])
    assert isinstance(fused, kal.FusedAugmentation)

    def augment(x):
        return fused(x, training=True, seed=(3, 4))

    compiled = tf.function(augment, jit_compile=True)(x).numpy()
    np.testing.assert_allclose(compiled, augment(x), atol=255e-4)
    assert not np.array_equal(compiled, x)


@pytest.mark.thorough
def test_a_compiled_model_trains(images):
    stack = [kl.RandomFlip(), kl.RandomZoom(0.1), kl.RandomShear((0.1, 0.2), 0.2)]
    model = keras.Sequential(
        [keras.Input((9, 12, 3)), kal.fuse(stack), kl.Flatten(), kl.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras: "model does not support jit"
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        history = model.fit(images / 255.0, np.zeros(4), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_in_tf_data(images, dtype="uint8"):
    fused = kal.fuse(full_stack()[:-1], jit_compile=False)
    dataset = tf.data.Dataset.from_tensors(images.astype(dtype))
    (result,) = dataset.map(lambda x: fused(x, training=True))
    assert result.dtype == dtype and result.shape == images.shape
    assert not np.array_equal(result, images)


@pytest.mark.parametrize("training", [False, True])
def test_a_converted_generator_still_normalises(training, images):
    generator = kal.from_image_data_generator(rescale=1 / 255)
    fused = kal.fuse([generator, kl.RandomFlip()])
    with op_by_op():
        result = fused(images.astype("float32"), training=training)
    assert np.max(result) <= 1.0


def trained_dense():
    layer = kl.Dense(3, name="head")
    layer.build((None, 4))
    return layer


def trained_stack():
    return keras.Sequential(
        [keras.Input((4, 4, 3)), kl.RandomFlip(), kl.Conv2D(2, 3, name="head")]
    )


ERRORS = {
    "trained": (
        lambda: [kl.RandomFlip(), trained_dense()],
        r"Dense 'head' with trained weights.*Write keras.Sequential\(\[fuse",
    ),
    "trained Sequential": (trained_stack, "Conv2D 'head' with trained weights"),
    "trained alone": (trained_dense, "Dense 'head' with trained weights"),
    "nested": (lambda: [[kl.Pipeline([trained_dense()])]], "Dense 'head'"),
    "function": (lambda: [kl.RandomFlip(), tf.image.flip_left_right], "Keras layers"),
    "string": (lambda: "flip", r"'flip'.*Write fuse\(\["),
    "None": (lambda: None, "None.*Write fuse"),
    "None in a list": (lambda: [None], "None.*Write fuse"),
    "class": (lambda: [kl.RandomFlip], "RandomFlip.*Write fuse"),
}


@pytest.mark.parametrize(("stack", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(stack, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        kal.fuse(stack())


def test_an_unknown_jit_compile():
    with pytest.raises(ValueError, match="jit_compile.*'auto'.*'yes'"):
        kal.fuse([], jit_compile="yes")
