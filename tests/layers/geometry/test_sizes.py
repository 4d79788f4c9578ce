"""Crops and resizes: exact, against Keras and TensorFlow, in every place and form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal

DTYPES = ("uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64")
SIZES = ((1, 1), (7, 12), (61, 83))
LAYERS = {
    "resizing": lambda: kal.Resizing(12, 17, seed=1),
    "cropped": lambda: kal.Resizing(12, 17, crop_to_aspect_ratio=True, seed=1),
    "padded": lambda: kal.Resizing(12, 17, pad_to_aspect_ratio=True, seed=1),
    "center": lambda: kal.CenterCrop(12, 17, seed=1),
    "random": lambda: kal.RandomCrop(12, 17, seed=1),
    "shifted": lambda: kal.RandomCrop(12, 17, padding=3, seed=1),
    "resized": lambda: kal.RandomResizedCrop(12, 17, seed=1),
}


def pixels(shape, dtype="uint8", seed=0):
    values = np.random.default_rng(seed).integers(0, 256, shape)
    return values.astype(dtype)


@pytest.fixture(params=LAYERS)
def layer(request):
    return LAYERS[request.param]()


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("training", [True, False])
@op_by_op()
def test_a_crop_is_a_slice(dtype, training):
    images = pixels((3, 23, 40, 3), dtype)
    found = kal.CenterCrop(12, 17)(images, training=training)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, images[:, 5:17, 11:28])


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
@op_by_op()
def test_random_crops_are_slices(dtype, size):
    images = np.arange(4 * 61 * 83).reshape(4, 61, 83, 1).astype(dtype)
    images = images + (np.random.default_rng(0).integers(0, 99, images.shape)).astype(
        dtype
    )
    found = kal.RandomCrop(*size, seed=2)(images, training=True).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], size, (1, 2))
    for crop, places in zip(found[..., 0], windows, strict=True):
        assert (places == crop).all(axis=(2, 3)).any()
    single = kal.RandomCrop(*size, seed=2)(images[0], training=True).numpy()
    assert (windows[0] == single[..., 0]).all(axis=(2, 3)).any()


@pytest.mark.thorough
@op_by_op()
def test_each_image_has_a_place_of_its_own():
    images = np.arange(64, dtype="float32")[None, None, :, None] + np.zeros(
        (32, 9, 1, 1)
    )
    found = kal.RandomCrop(9, 8, seed=1)(images.astype("float32"), training=True)
    assert len(np.unique(found[:, 0, 0, 0])) > 10


@pytest.mark.thorough
@op_by_op()
def test_padding_is_seen_around_a_small_image():
    images = np.full((64, 5, 6, 1), 9, "uint8")
    found = kal.RandomCrop(8, 8, padding=1, seed=1)(images, training=True).numpy()
    assert (found.sum(axis=(1, 2, 3)) == 9 * 30).all()
    rows = {tuple(np.flatnonzero(x[..., 0].any(axis=1))) for x in found}
    # One row of padding on either side makes 7 of 5, and what lacks is added on both
    # sides, as by torchvision's `pad_if_needed`: two places.
    assert rows == {(1, 2, 3, 4, 5), (2, 3, 4, 5, 6)}
    still = kal.RandomCrop(8, 8, padding=1)(images).numpy()
    assert still[0, 2:7, 1:7].all() or still[0, 1:6, 1:7].all()


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1, 1), (9, 1), (31, 46), (64, 64)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@op_by_op()
def test_the_whole_frame_at_its_own_size_is_the_identity(size, dtype):
    images = pixels((2, *size, 3), dtype)
    ratio = size[1] / size[0]
    whole = kal.RandomResizedCrop(*size, scale=(1, 1), ratio=(ratio, ratio))
    for training in (True, False):
        np.testing.assert_array_equal(whole(images, training=training), images)


@pytest.mark.parametrize("target", [(1, 1), (12, 17), (90, 70), (61, 83), (200, 3)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("training", [True, False])
@op_by_op()
def test_resizing_is_tensorflows(target, interpolation, training):
    images = pixels((2, 61, 83, 3), "float32")
    layer = kal.Resizing(*target, interpolation, antialias=False)
    expected = tf.image.resize(images, target, interpolation)
    found = layer(images, training=training).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=255e-4)


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("side", [361, 828, 968])
def test_on_the_edge_of_two_pixels_the_nearest_is_tensorflows(side, jit_compile):
    """Places that are whole numbers, rounded once: rounded twice, some fall below."""
    images = pixels((1, 512, 512, 1), "float32")
    layer = kal.FusedAugmentation(
        [kal.Resizing(side, side)],
        interpolation="nearest",
        antialias=False,
        jit_compile=jit_compile,
    )
    expected = tf.image.resize(images, (side, side), "nearest")
    np.testing.assert_array_equal(layer(images, training=True), expected)


@pytest.mark.parametrize("target", [(12, 17), (40, 30), (30, 40), (20, 60)])
@pytest.mark.parametrize("keep", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
@pytest.mark.parametrize("training", [True, False])
@op_by_op()
def test_the_aspect_ratio_is_kept_as_keras_does(target, keep, training):
    images = pixels((2, 61, 83, 3), "float32")
    expected = keras.layers.Resizing(*target, **{keep: True})(images)
    layer = kal.Resizing(*target, **{keep: True}, antialias=False)
    found = layer(images, training=training)
    np.testing.assert_allclose(found, expected, atol=255e-4)


@pytest.mark.parametrize("size", [(61, 83), (5, 83), (61, 5), (7, 6), (12, 17)])
@op_by_op()
def test_center_crop_is_keras(size):
    images = pixels((2, *size, 3), "float32")
    expected = keras.layers.CenterCrop(12, 17)(images).numpy()
    for training in (True, False):
        found = kal.CenterCrop(12, 17, antialias=False)(images, training=training)
        inner = np.s_[:, 2:-2, 3:-3]  # enlarged, ours reads beyond the window's edge
        np.testing.assert_allclose(found[inner], expected[inner], atol=255e-4)


FORMED = [
    ("resizing", "uint8", (61, 83)),
    ("padded", "float32", (5, 40)),
    ("shifted", "int32", (1, 1)),
    ("resized", "uint8", (5, 40)),
]
"""One of each kind: a fixed window, one with a border, moved and resized ones."""


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "dtype", "size"), FORMED)
def test_all_forms_agree(name, dtype, size):
    layer, images = LAYERS[name](), pixels((3, *size, 3), dtype)
    twin = type(layer).from_config(layer.get_config())
    compiled = type(layer).from_config({**layer.get_config(), "jit_compile": True})
    inline = type(layer).from_config({**layer.get_config(), "jit_compile": False})
    eager = layer(images, training=True, seed=(3, 4)).numpy()
    assert eager.shape == (3, 12, 17, 3) and eager.dtype == dtype

    def check(found):
        tolerance = 1 if np.dtype(dtype).kind in "iu" else 255e-4
        np.testing.assert_allclose(
            found.numpy().astype("float64"), eager.astype("float64"), atol=tolerance
        )

    check(compiled(images, training=True, seed=(3, 4)))
    for other, shape in ((twin, (None, None, None, 3)), (inline, images.shape)):
        graph = tf.function(
            lambda x, other=other: other(x, training=True, seed=(3, 4)),
            [tf.TensorSpec(shape, dtype)],
        )
        check(graph(images))
        outputs = graph.get_concrete_function().structured_outputs
        assert outputs.shape[1:3] == (12, 17)
    with op_by_op():
        fused = kal.FusedAugmentation([twin])(images, training=True)
        one = layer(images[0], training=True)
    assert fused.shape == eager.shape
    assert one.shape == (12, 17, 3)


@pytest.mark.thorough
@op_by_op()
def test_channels_first(layer):
    images = pixels((3, 61, 83, 3))
    config = {**layer.get_config(), "data_format": "channels_first"}
    first = type(layer).from_config(config)
    for training in (True, False):
        options = {"training": training, "seed": (1, 2)}
        expected = layer(images, **options)
        found = first(np.moveaxis(images, 3, 1).copy(), **options)
        np.testing.assert_array_equal(np.moveaxis(found.numpy(), 1, 3), expected)
    assert first.compute_output_shape((2, 3, None, None)) == (2, 3, 12, 17)


def test_outside_training_nothing_is_random(layer):
    images = pixels((3, 61, 83, 3))
    np.testing.assert_array_equal(layer(images), layer(images))
    graph = tf.function(layer).get_concrete_function(
        tf.TensorSpec((None, None, None, 3), tf.uint8)
    )
    assert graph.structured_outputs.shape.as_list() == [None, 12, 17, 3]
    ops = {x.type for x in graph.graph.get_operations()}
    assert not {x for x in ops if "Random" in x or "Projective" in x or "Rng" in x}


@pytest.mark.thorough
def test_a_stack_is_one_warp():
    stack = [
        kal.RandomResizedCrop(12, 17, seed=1),
        kal.RandomFlip(seed=2),
        kal.RandomRotate(0.1, seed=3),
        kal.RandomBrightness(gain=0.2, seed=4),
    ]
    sequential = keras.Sequential(stack)
    assert kal.explain(sequential, (None, None, None, 3)).startswith("1 warp")
    images = pixels((3, 61, 83, 3))
    with op_by_op():
        expected = sequential(images, training=True)
        again = [type(x).from_config(x.get_config()) for x in stack]
        found = kal.FusedAugmentation(again)(images, training=True)
    np.testing.assert_allclose(found, tf.cast(expected, tf.uint8), atol=1)


@pytest.mark.thorough
def test_a_map_over_images_of_any_size_gives_one_size():
    augment = kal.FusedAugmentation(
        [kal.RandomResizedCrop(12, 17), kal.RandomRotate(0.1), kal.Normalize(0.5, 0.5)]
    )
    images = [pixels((20 + 9 * i, 50 - 8 * i, 3)) for i in range(5)]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=tf.TensorSpec((None, None, 3), tf.uint8)
    )
    dataset = dataset.map(lambda x: augment(x, training=True))
    assert dataset.element_spec == tf.TensorSpec((12, 17, 3), tf.float32)
    assert next(iter(dataset.batch(5))).shape == (5, 12, 17, 3)


@pytest.mark.thorough
@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
@op_by_op()
def test_under_a_chance_the_others_are_cropped_in_the_middle(probability):
    images = pixels((64, 30, 40, 3))
    layer = kal.RandomApply(kal.RandomCrop(12, 17), probability, seed=1)
    found = layer(images, training=True).numpy()
    still = layer(images).numpy()
    np.testing.assert_array_equal(still, images[:, 9:21, 11:28])
    share = np.mean((found == still).all(axis=(1, 2, 3)))
    assert abs(share - (1.0 - probability)) < 0.2
    own = kal.RandomCrop(12, 17, probability=probability, seed=1)
    assert own(images, training=True).shape == found.shape


@pytest.mark.thorough
@op_by_op()
def test_a_choice_gives_one_size():
    images = pixels((64, 30, 40, 3))
    layers = [
        kal.RandomResizedCrop(12, 17),
        kal.CenterCrop(12, 17),
        kal.Resizing(12, 17),
    ]
    choice = kal.RandomChoice(layers, seed=1)
    found = choice(images, training=True).numpy()
    middle = (found == images[:, 9:21, 11:28]).all(axis=(1, 2, 3))
    assert 8 < middle.sum() < 40
    np.testing.assert_array_equal(choice(images), layers[0](images))
    with pytest.raises(ValueError, match="one size and dtype.*12 x 17.*30 x 40"):
        kal.RandomChoice([layers[1], kal.RandomFlip()])(images, training=True)


@pytest.mark.thorough
def test_a_model_serves_any_size(tmp_path):
    inputs = keras.Input((None, None, 3), dtype="uint8")
    outputs = kal.RandomFlip()(kal.RandomResizedCrop(12, 17)(inputs))
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (None, 12, 17, 3)
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model")
    for size in ((61, 83), (30, 90), (5, 4)):
        images = pixels((2, *size, 3))
        np.testing.assert_array_equal(served.serve(images), model(images))


@pytest.mark.thorough
@pytest.mark.parametrize("batch", [1, None])
def test_tflite_has_the_ops(batch):
    dtype = "uint8"
    inputs = keras.Input((61, 83, 3), batch_size=batch, dtype=dtype)
    stacked = kal.CenterCrop(12, 17)(kal.Resizing(20, 23)(inputs))
    model = keras.Model(inputs, kal.RandomFlip()(stacked))
    graph = tf.function(model, [tf.TensorSpec((batch, 61, 83, 3), dtype)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [graph.get_concrete_function()], model
    )
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    images = pixels((batch or 2, 61, 83, 3), dtype)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, images)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, model(images), atol=1e-3)


def test_round_trips(layer, tmp_path):
    images = pixels((3, 61, 83, 3))
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    model = keras.Sequential([keras.Input((None, None, 3), dtype="uint8"), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    transform = layer.sample(images)
    again = kal.Transform.from_config(transform.to_config())
    np.testing.assert_array_equal(again.images(images), transform.images(images))


@pytest.mark.parametrize(
    "make",
    [
        lambda: kal.Resizing(0, 3),
        lambda: kal.Resizing(3, 2.5),
        lambda: kal.Resizing(3, 3, "lanczos"),
        lambda: kal.Resizing(3, 3, "bilinear", True, True),
        lambda: kal.CenterCrop(True, 3),
        lambda: kal.RandomCrop(3, 3, padding=-1),
        lambda: kal.RandomResizedCrop(3, 3, scale=(-0.1, 0.5)),
        lambda: kal.RandomResizedCrop(3, 3, ratio=(0.0, 1.0)),
        lambda: kal.RandomResizedCrop(3, 3, scale=(0.5, 2.0)),
    ],
)
def test_wrong_arguments(make):
    with pytest.raises(ValueError, match="Received"):
        make()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "whole"),
    [((1, 16), False), ((16, 1), True)],
    ids=["one row, nested", "one column, whole"],
)
def test_a_fill_is_seen_beside_images_one_pixel_wide(size, whole):
    """Half a pixel is shown of what lies outside, eagerly as in a graph.

    In one that XLA compiles as a whole, too.
    """
    images = np.full((2, *size, 1), 200, "uint8")
    along = [(-0.5, -0.5) if n == 1 else (0.0, 0.0) for n in size]
    shift = kal.RandomShift(*along, unit="pixels")
    crop = kal.RandomCrop(*(min(n, 8) for n in size))
    stack = kal.FusedAugmentation([shift, crop], fill_mode="constant")
    for call in (stack, tf.function(stack, jit_compile=whole)):
        assert (call(images, training=True, seed=(1, 2)).numpy() == 100).all()
