"""Where data flows: tf.data, fit, dicts, masks, and nothing at all."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, ALWAYS, EVERY, EXAMPLES, GEOMETRIC, stack
from helpers import assert_same_bits, drawn, random_images, sampled

import keras_aug_layers as kal

examples = pytest.mark.parametrize("name", EXAMPLES)


def augmentation(layers):
    def augment(data):
        for layer in layers:
            data = layer(data, training=True)
        return data

    return augment


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("shape", "dtype", "parallel_calls"),
    [
        ((None, None, None, 3), "uint8", 4),
        ((None, None, None, 3), "float32", None),
        ((None, None, 3), "uint8", None),
        ((9, 12, 3), "float32", 4),
    ],
)
def test_stack_in_tf_data(shape, dtype, parallel_calls):
    images = random_images((16, 9, 12, 3), dtype)
    elements = images.reshape(4, 4, 9, 12, 3) if len(shape) == 4 else images
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(elements), output_signature=tf.TensorSpec(shape, dtype)
    )
    dataset = dataset.map(augmentation(stack()), num_parallel_calls=parallel_calls)
    assert dataset.element_spec.dtype == dtype
    assert dataset.element_spec.shape.rank == len(shape)
    first, second = (np.stack(list(dataset.as_numpy_iterator())) for _ in range(2))
    assert first.shape == elements.shape
    assert first.dtype == dtype
    different = (first != elements).reshape(16, -1).any(axis=1)
    assert different.all()
    assert (first != second).any()


@examples
def test_shapes_and_dtype_are_static_in_a_graph(name):
    layer = EXAMPLES[name]()
    dataset = tf.data.Dataset.from_tensors(random_images((4, 9, 12, 3), "uint8"))
    spec = dataset.map(lambda x: layer(x, training=True)).element_spec
    assert spec == tf.TensorSpec((4, 9, 12, 3), "uint8")


@pytest.mark.parametrize("jit_compile", ["auto", True, False])
def test_one_image_of_known_size_gets_another(jit_compile):
    """Its first axis is its height, and no number of images."""
    layer = kal.Resizing(6, 7, jit_compile=jit_compile)
    dataset = tf.data.Dataset.from_tensor_slices(random_images((4, 9, 12, 3), "uint8"))
    spec = dataset.map(lambda x: layer(x, training=True)).element_spec
    assert spec == tf.TensorSpec((6, 7, 3), "uint8")


COMPILED = ("RandomColorJitter", "RandomCrop", "RandomGaussianBlur", "RandomRotate")
"""Of which the number is said in one place, whatever the layer."""
COUNTED = [(name, False) for name in [*EVERY, *ALWAYS] if name not in ALIKE]
COUNTED += [(name, "auto") for name in COMPILED]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "jit_compile"), COUNTED)
def test_the_number_of_images_is_known_in_a_graph(name, jit_compile):
    """As a loop of TensorFlow's needs it, and a model with a batch shape."""
    layer = {**EVERY, **ALWAYS}[name](jit_compile=jit_compile)
    images = tf.TensorSpec((4, 9, 12, 3), "uint8")
    called = tf.function(lambda x: layer(x, training=True), input_signature=[images])
    made = called.get_concrete_function().structured_outputs
    assert made.shape == layer.compute_output_shape(images.shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "dtype"),
    [("mixed_float16", "uint8"), ("mixed_float16", "float32"), ("float32", "uint8")],
    indirect=["policy"],
)
def test_fit(policy, dtype):
    model = keras.Sequential(
        [
            keras.Input((None, None, 3), dtype=dtype),
            *stack(),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, dtype="float32", activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    before = [layer.random_state.numpy() for layer in model.layers[: len(EXAMPLES)]]
    images = random_images((8, 16, 20, 3), dtype)
    history = model.fit(images, np.arange(8) % 2, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = [layer.random_state.numpy() for layer in model.layers[: len(EXAMPLES)]]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    assert model.layers[0](images).dtype == dtype
    assert model.trainable_variables and not model.layers[0].trainable_variables


def sample_dict(mask_dtype="uint8", mask_channels=1):
    """Images whose masks are read off them: wherever a pixel is bright."""
    images = random_images((6, 9, 12, 3), "uint8")
    masks = (images[..., :1] > 127).astype(mask_dtype)
    return {
        "images": images,
        "labels": np.arange(6),
        "segmentation_masks": masks if mask_channels else masks[..., 0],
        "weights": np.linspace(0, 1, 6),
    }


@examples
def test_the_callers_dict_is_not_changed(name):
    data = sample_dict()
    before = {key: value.copy() for key, value in data.items()}
    identities = {key: id(value) for key, value in data.items()}
    layer = EXAMPLES[name]()
    result = layer(data, training=True)
    assert result is not data
    assert {key: id(value) for key, value in data.items()} == identities
    for key, value in before.items():
        assert_same_bits(data[key], value)
    assert result.keys() == data.keys()
    assert_same_bits(result["labels"], data["labels"])
    assert_same_bits(result["weights"], data["weights"])
    assert (result["images"].numpy() != data["images"]).any()
    assert layer(data) is data


@examples
def test_a_dict_gets_the_draw_of_its_images(name):
    data, layer = sample_dict(), EXAMPLES[name]()
    result = layer(data, training=True, seed=(1, 2))["images"]
    assert_same_bits(result, layer(data["images"], training=True, seed=(1, 2)))


@pytest.mark.parametrize("name", GEOMETRIC)
@pytest.mark.parametrize("mask_channels", [0, 1])
@pytest.mark.parametrize(
    ("mask_dtype", "fill_mode"),
    [
        ("bool", "reflect"),
        ("uint8", "constant"),
        ("int16", "nearest"),
        ("int64", "wrap"),
        ("float32", "constant"),
    ],
)
def test_masks_move_with_their_images(name, mask_channels, fill_mode, mask_dtype):
    """With nearest neighbours, a mask of the result is the result of the mask."""
    data = sample_dict(mask_dtype, mask_channels)
    layer = EXAMPLES[name](fill_mode=fill_mode, interpolation="nearest")
    transform = sampled(layer, data["images"])
    images = transform.images(data["images"]).numpy()
    masks = transform.segmentation_masks(data["segmentation_masks"]).numpy()
    expected = sample_dict(mask_dtype, mask_channels)["segmentation_masks"]
    assert (masks != expected).any()
    expected = (images[..., :1] > 127).astype(mask_dtype)
    assert_same_bits(masks, expected if mask_channels else expected[..., 0])


@pytest.mark.parametrize("name", GEOMETRIC)
@pytest.mark.parametrize("mask_dtype", ["bool", "uint8", "int16", "int64"])
def test_bilinear_images_leave_masks_their_labels(name, mask_dtype):
    data = sample_dict()
    labels = np.array([0, 1]) if mask_dtype == "bool" else np.array([0, 7, 100])
    masks = labels.astype(mask_dtype)[data["images"][..., 0] % len(labels)]
    # bfloat16 or float32 would lose labels beyond 2**24.
    masks += np.array(2**40 if mask_dtype == "int64" else 0, mask_dtype)
    layer = EXAMPLES[name](fill_mode="reflect")
    data = {"images": data["images"], "segmentation_masks": masks}
    result = layer(data, training=True)["segmentation_masks"].numpy()
    assert result.dtype == mask_dtype
    assert result.shape == masks.shape
    assert (result != masks).any()
    assert set(np.unique(result)) == set(np.unique(masks))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("mask_channels", [0, 1])
def test_masks_of_one_image(data_format, mask_channels):
    data = {key: value[0] for key, value in sample_dict("uint8", mask_channels).items()}
    if data_format == "channels_first":
        data["images"] = np.moveaxis(data["images"], -1, 0)
    if data_format == "channels_first" and mask_channels:
        data["segmentation_masks"] = np.moveaxis(data["segmentation_masks"], -1, 0)
    layer = kal.RandomRotate(
        (0.1, 0.1), interpolation="nearest", data_format=data_format
    )
    result = layer(data, training=True)
    masks = result["segmentation_masks"].numpy()
    assert masks.shape == data["segmentation_masks"].shape
    images = np.moveaxis(result["images"].numpy(), 0, -1)
    bright = result["images"].numpy()[..., 0]
    bright = images[..., 0] if data_format == "channels_first" else bright
    assert_same_bits(masks.reshape(9, 12), (bright > 127).astype("uint8"))


def test_colour_leaves_masks_alone():
    data = sample_dict()
    result = kal.RandomBrightness(gain=(1.5, 1.5))(data, training=True)
    assert_same_bits(result["segmentation_masks"], data["segmentation_masks"])


@pytest.mark.thorough
def test_dicts_in_tf_data():
    layers = [EXAMPLES[name](interpolation="nearest") for name in GEOMETRIC]
    dataset = tf.data.Dataset.from_tensor_slices(sample_dict())
    batched = next(iter(dataset.batch(6).map(augmentation(layers))))
    alone = list(dataset.map(augmentation(layers)))
    assert batched.keys() == sample_dict().keys()
    for result in [batched, *alone]:
        bright = (result["images"].numpy()[..., :1] > 127).astype("uint8")
        assert_same_bits(result["segmentation_masks"], bright)
    assert [int(result["labels"]) for result in alone] == list(range(6))


@examples
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_empty_batch(name, dtype):
    images = np.zeros((0, 9, 12, 3), dtype)
    layer = EXAMPLES[name](probability=0.5)
    assert_same_bits(layer(images, training=True), images)
    assert_same_bits(drawn(layer, images), images)
    assert layer.sample(images).matrix.shape == (0, 3, 3)


@examples
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_any_number_of_channels(name, channels):
    images = random_images((4, 9, 12, channels), "uint8")
    layer = EXAMPLES[name](seed=1)
    results = drawn(layer, images, seed=(1, 2))
    assert results.shape == images.shape
    for channel in range(channels):
        alone = drawn(layer, images[..., channel : channel + 1], seed=(1, 2))
        assert_same_bits(results[..., channel : channel + 1], alone)


def test_an_endless_dataset_stays_endless():
    """Places are numbers, of which there are 2 ** 63."""
    dataset = tf.data.Dataset.from_tensors(np.zeros((4, 4, 3), "uint8"))
    layer = kal.RandomFlip(jit_compile=False)
    for given in (dataset.repeat(), dataset.repeat(3), dataset):
        made = kal.augment_dataset(given, layer, seed=1)
        assert int(made.cardinality()) == int(given.cardinality())


@pytest.mark.parametrize("calls", [None, 2])
def test_tensorflow_has_nothing_to_warn_of(calls, caplog):
    """It does where an order is given to a map that is not parallel."""
    dataset = tf.data.Dataset.from_tensors(np.zeros((4, 4, 3), "uint8"))
    layer = kal.RandomFlip(jit_compile=False)
    with warnings.catch_warnings(), caplog.at_level("WARNING"):
        warnings.simplefilter("error")
        kal.augment_dataset(dataset, layer, seed=1, num_parallel_calls=calls)
    assert not caplog.records
