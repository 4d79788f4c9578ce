"""What the generator does to values, and its arguments."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from generating import RANGES
from helpers import assert_same_bits, drawn
from keras.src.legacy.preprocessing.image import ImageDataGenerator

import keras_aug_layers as kal
from keras_aug_layers.layers.generator import GeneratorAugmentation


@pytest.fixture
def floats():
    return np.random.default_rng(6).uniform(0, 255, (5, 8, 11, 3)).astype("float32")


STANDARDS = {
    "rescale": {"rescale": 1 / 255},
    "samplewise center": {"samplewise_center": True},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise center": {"featurewise_center": True, "rescale": 1 / 255},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "all": {
        "rescale": 0.1,
        "samplewise_center": True,
        "samplewise_std_normalization": True,
        "featurewise_center": True,
        "featurewise_std_normalization": True,
    },
}
standards = pytest.mark.parametrize("arguments", STANDARDS.values(), ids=STANDARDS)


def standardized(generator, images):
    return np.stack([generator.standardize(x.astype("float64")) for x in images])


@standards
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_standardize(floats, arguments, data_format):
    """In inference as the generator; in training, the same after the augmentation."""
    axes = {"channels_last": (0, 1, 2, 3), "channels_first": (0, 3, 1, 2)}[data_format]
    floats = floats.transpose(axes)
    generator = ImageDataGenerator(
        **arguments, vertical_flip=True, data_format=data_format, dtype="float64"
    )
    generator.fit(floats[:3])
    layer = kal.from_image_data_generator(
        **arguments, vertical_flip=True, data_format=data_format
    )
    layer.adapt(floats[:3])
    expected = standardized(generator, floats)
    np.testing.assert_allclose(layer(floats), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected - floats).max() > 0.5

    only_moves = kal.from_image_data_generator(
        vertical_flip=True, data_format=data_format
    )
    moved = drawn(only_moves, floats, seed=(1, 2))
    result = drawn(layer, floats, seed=(1, 2))
    expected = standardized(generator, moved)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    assert not np.array_equal(moved, floats)

    of_generator = kal.from_image_data_generator(generator)  # with its statistics
    result = drawn(of_generator, floats, seed=(1, 2))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_deviations_imply_means(floats):
    arguments = {"samplewise_std_normalization": True}
    with pytest.warns(UserWarning, match="samplewise_center"):
        generator = ImageDataGenerator(**arguments)
    layer = kal.from_image_data_generator(**arguments)
    expected = standardized(generator, floats)
    np.testing.assert_allclose(layer(floats), expected, atol=1e-4)


def test_without_normalisation_inference_is_the_identity(floats):
    layer = kal.from_image_data_generator(rotation_range=30, brightness_range=(0.5, 1))
    x = tf.constant(floats)
    assert layer(x) is x
    assert not np.array_equal(drawn(layer, x), floats)


@pytest.mark.parametrize("training", [False, True])
def test_integers_become_floats_where_they_are_normalised(floats, training):
    images = floats.astype("uint8")
    layer = kal.from_image_data_generator(rescale=1 / 255, rotation_range=20)
    result = layer(images, training=training, seed=(1, 2))
    expected = layer(images.astype("float32"), training=training, seed=(1, 2))
    assert_same_bits(result, expected)
    assert result.dtype == tf.float32
    assert 0.5 < result.numpy().max() <= 1.0
    spec = layer(keras.KerasTensor((None, 8, 11, 3), "uint8"))
    assert spec.dtype == "float32"


def test_integers_stay_integers_otherwise(floats):
    images = floats.astype("uint8")
    layer = kal.from_image_data_generator(rotation_range=20, brightness_range=(1.5, 2))
    result = drawn(layer, images, seed=(1, 2))
    assert result.dtype == "uint8"
    expected = drawn(layer, images.astype("float32"), seed=(1, 2))
    np.testing.assert_array_equal(result, np.round(expected))
    assert result.max() == 255


def test_other_entries_of_a_dict_stay(floats):
    layer = kal.from_image_data_generator(rescale=1 / 255)
    data = {"images": floats.astype("uint8"), "labels": np.arange(5)}
    result = layer(data)
    np.testing.assert_allclose(result["images"], data["images"] / 255.0, atol=1e-6)
    assert result["labels"] is data["labels"]


def test_statistics_are_needed():
    layer = kal.from_image_data_generator(featurewise_center=True)
    with pytest.raises(ValueError, match="layer.adapt"):
        layer(np.zeros((1, 4, 4, 3), "float32"))
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        layer.adapt(np.zeros((4, 4, 3)))


FEATUREWISE = {"featurewise_center": True, "featurewise_std_normalization": True}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_statistics_of_a_dataset(floats, data_format):
    """Of batches, the last one smaller, those of all images at once."""
    axes = {"channels_last": (0, 1, 2, 3), "channels_first": (0, 3, 1, 2)}[data_format]
    floats = floats.transpose(axes)
    images, pairs, dicts = (
        kal.from_image_data_generator(
            **FEATUREWISE, rescale=-2, data_format=data_format
        )
        for _ in range(3)
    )
    dataset = tf.data.Dataset.from_tensor_slices((floats, np.arange(5)))
    pairs.adapt(dataset.batch(2))
    dicts.adapt(dataset.map(lambda x, y: {"images": x, "labels": y}).batch(3))
    images.adapt(tuple(floats))
    of_all = floats * -2.0
    channels = {"channels_last": (0, 1, 2), "channels_first": (0, 2, 3)}[data_format]
    for layer in (images, pairs, dicts):
        np.testing.assert_allclose(layer.mean, of_all.mean(channels), rtol=1e-5)
        np.testing.assert_allclose(layer.std, of_all.std(channels), rtol=1e-5)


def test_statistics_of_no_dataset_and_of_one_without_an_end(floats):
    layer = kal.from_image_data_generator(**FEATUREWISE)
    dataset = tf.data.Dataset.from_tensor_slices(floats).batch(2)
    with pytest.raises(ValueError, match=r"take\(100\)"):
        layer.adapt(dataset.repeat())
    with pytest.raises(ValueError, match="empty dataset"):
        layer.adapt(dataset.take(0))
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        layer.adapt(dataset.unbatch())
    assert layer.mean is None


NO_IMAGES = {
    "what flows": (
        lambda x: ImageDataGenerator().flow(x),
        "NumpyArrayIterator.*`flow`",
    ),
    "an iterator": (lambda x: iter([x]), "Received: list_iterator"),
    "a text": (lambda x: "images", "Received: str"),
    "sizes": (lambda x: [x[0], x[0][:4]], "one size.*list.*Resizing"),
    "ragged": (
        lambda x: tf.ragged.stack([x[0], x[0][:4]]),
        "one size.*RaggedTensor",
    ),
    "a ragged dataset": (
        lambda x: tf.data.Dataset.from_tensors(tf.ragged.stack([x[0], x[0][:4]])),
        "one size.*RaggedTensor",
    ),
}


@pytest.mark.parametrize("name", NO_IMAGES)
def test_statistics_of_what_is_no_batch(name, floats):
    """Those of an iterator were never found: it does not end."""
    build, message = NO_IMAGES[name]
    layer = kal.from_image_data_generator(**FEATUREWISE)
    with pytest.raises(ValueError, match=f"(?s)`images` must be.*{message}"):
        layer.adapt(build(floats))


def test_a_generator_whose_statistics_were_set(floats):
    generator = ImageDataGenerator(featurewise_center=True)
    generator.mean = [1.0, 2.0, 3.0]
    layer = kal.from_image_data_generator(generator)
    np.testing.assert_allclose(layer(floats), floats - [1.0, 2.0, 3.0], atol=1e-4)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["mean", "std"])
def test_statistics_are_those_of_the_channels(name, training, data_format):
    """Grey images did not become three channels by them."""
    statistics = {"mean": 1.0, "std": 2.0, name: (1.0, 2.0, 3.0)}
    layer = kal.from_image_data_generator(
        **FEATUREWISE, **statistics, data_format=data_format
    )
    images = np.ones((2, 4, 4, 1) if data_format == "channels_last" else (2, 1, 4, 4))
    with pytest.raises(ValueError, match=f"(?s)`{name}`.*3.0.* for 1 channels.*Write"):
        layer(images, training=training)
    axis = -1 if data_format == "channels_last" else 1
    made = layer(np.repeat(images, 3, axis=axis), training=training)
    assert made.shape[axis] == 3


def test_one_number_is_for_all_channels(floats):
    made = []
    for mean, std in ((5.0, 2.0), ([5.0] * 3, np.full((1, 1, 3), 2.0)), ([5.0], [2.0])):
        layer = kal.from_image_data_generator(**FEATUREWISE, mean=mean, std=std)
        again = type(layer).from_config(layer.get_config())
        assert (again.mean, again.std) == (layer.mean, layer.std)
        made.append(layer(floats).numpy())
    np.testing.assert_allclose(made[0], (floats - 5.0) / 2.0, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


WRONG = {
    "unknown": ({"rotation": 20}, "`rotation` is no argument.*rotation_range"),
    "zca": (
        {"zca_whitening": True},
        r"zca_whitening.*\.map\(whiten\) behind the layer",
    ),
    "function": (
        {"preprocessing_function": abs, "rescale": None},
        r"preprocessing_function.*\.map\(function\) behind the layer.$",
    ),
    "function before others": (
        {"preprocessing_function": abs, "rescale": 2, "samplewise_center": True},
        r"function\) behind the layer, and behind that from_image_data_generator\("
        r"rescale=…, samplewise_center=…\), which the layer goes without\.$",
    ),
    "order": ({"interpolation_order": 3}, "interpolation_order.*0 or 1.*3"),
    "both": ({"generator": ImageDataGenerator(), "rescale": 2}, "both.*rescale"),
    "no generator": ({"generator": 3}, "ImageDataGenerator.*3"),
    "shift": ({"width_shift_range": -3}, "width_shift_range"),
    "empty shift": ({"height_shift_range": []}, "height_shift_range.*empty"),
    "zoom": ({"zoom_range": 1.5}, "zoom_range.*Received: 1.5"),
    "no zoom": ({"zoom_range": 1}, "zoom_range.*Received: 1$"),
    "brightness": ({"brightness_range": 0.5}, "brightness_range.*pair"),
    "dark": ({"brightness_range": (-0.5, 1)}, "brightness_range"),
    "two deviations": (
        {**FEATUREWISE, "mean": [1, 2, 3], "std": [1, 2]},
        r"`std` must have as many.*Received: \[1, 2\] and mean=\[1, 2, 3\]",
    ),
    "mean of text": ({"mean": "abc"}, "`mean` must be a number, or one.*'abc'"),
    "no mean": ({"mean": []}, r"`mean` must be a number, or one.*Received: \[\]"),
    "mean of none": ({"mean": [1, None]}, "`mean` must be a number. Received: None"),
    "mean nan": ({"mean": [float("nan")]}, "`mean` must be finite.*nan"),
    "negative": ({"std": (1, -1)}, "`std` must be finite and at least 0.*-1"),
    "fill mode": ({"fill_mode": "mirror"}, "fill_mode.*nearest"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        kal.from_image_data_generator(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"zca_whitening": True, "featurewise_center": True}, "zca_whitening"),
        ({"preprocessing_function": abs}, "preprocessing_function"),
        ({"interpolation_order": 3}, "interpolation_order"),
    ],
)
def test_wrong_generators(arguments, message):
    with pytest.raises(ValueError, match=message):
        kal.from_image_data_generator(ImageDataGenerator(**arguments))


def test_where_the_generator_calls_a_function(floats):
    """The way out that the error says: behind the moves, before the other values."""
    generator = ImageDataGenerator(
        horizontal_flip=True,
        preprocessing_function=np.sqrt,
        rescale=0.1,
        samplewise_center=True,
    )
    flip = kal.from_image_data_generator(horizontal_flip=True)
    last = kal.from_image_data_generator(rescale=0.1, samplewise_center=True)
    moved = drawn(flip, floats)
    expected = standardized(generator, moved)
    np.testing.assert_allclose(last(np.sqrt(moved)), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["self", "kwargs"])
def test_names_of_python_are_no_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` is no argument"):
        kal.from_image_data_generator(**{name: 3})


GENERATORS = {
    "all": {
        **RANGES,
        "width_shift_range": [1, 2],
        "height_shift_range": 3,
        "fill_mode": "constant",
        "cval": 9.0,
        "rescale": 0.5,
        "interpolation_order": 0,
        "featurewise_std_normalization": True,
        "featurewise_center": True,
        "validation_split": 0.1,
        "dtype": "float32",
    },
    "none": {},
}


@pytest.mark.parametrize("arguments", GENERATORS.values(), ids=GENERATORS)
def test_a_generator_is_its_arguments(arguments, floats):
    generator = ImageDataGenerator(**arguments)
    layer = kal.from_image_data_generator(generator)
    expected = kal.from_image_data_generator(**arguments)
    ignored = {"name", "seed"}
    configs = [
        {k: v for k, v in x.get_config().items() if k not in ignored}
        for x in (layer, expected)
    ]
    assert configs[0] == configs[1]
    assert set(arguments) - set(configs[0]) == set(arguments) & {
        "cval",
        "interpolation_order",
        "validation_split",
    }


def test_signs_of_ranges_are_the_generators():
    layer = kal.from_image_data_generator(width_shift_range=-0.3)
    assert layer.width_shift_range == 0.3


def test_arguments_arrive():
    config = kal.from_image_data_generator(**GENERATORS["all"]).get_config()
    for name in RANGES:
        assert config[name] == RANGES[name]
    assert config["width_shift_range"] == (1.0, 2.0)
    assert config["height_shift_range"] == 3
    assert isinstance(config["height_shift_range"], int)
    assert (config["fill_mode"], config["fill_value"]) == ("constant", 9.0)
    assert config["interpolation"] == "nearest"
    assert config["rescale"] == 0.5


def test_config_round_trip(floats):
    layer = kal.from_image_data_generator(**GENERATORS["all"])
    layer.adapt(floats)
    layer = type(layer)(**{**layer.get_config(), "seed": 3})
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.mean == layer.mean and len(again.std) == 3
    assert_same_bits(
        drawn(again, floats, seed=(3, 4)), drawn(layer, floats, seed=(3, 4))
    )


@pytest.mark.thorough
def test_keras_files_keep_the_statistics(floats, tmp_path):
    layer = kal.from_image_data_generator(
        rotation_range=20, featurewise_center=True, rescale=0.1
    )
    layer.adapt(floats)
    model = keras.Sequential([keras.Input((8, 11, 3), dtype="uint8"), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = floats.astype("uint8")
    result = loaded(images).numpy()
    assert_same_bits(result, model(images).numpy())
    expected = images * 0.1 - 0.1 * floats.astype("float64").mean((0, 1, 2))
    np.testing.assert_allclose(result, expected, atol=1e-4)
    result = loaded.layers[-1](images, training=True, seed=(1, 2))
    assert_same_bits(result, layer(images, training=True, seed=(1, 2)))


def test_named_tuples_and_further_images_are_normalised():
    further = {"right": "images"}
    layer = GeneratorAugmentation(rescale=1 / 255, extra_targets=further)
    Pair = collections.namedtuple("Pair", "images right labels")
    x = np.full((2, 8, 8, 3), 255, "uint8")
    made = layer(Pair(x, x // 5, np.arange(2)))
    assert isinstance(made, Pair) and np.array_equal(made.labels, [0, 1])
    np.testing.assert_allclose(made.images, 1.0, rtol=1e-6)
    np.testing.assert_allclose(made.right, 0.2, rtol=1e-6)
    symbolic = layer(Pair(*[keras.Input((8, 8, 3), dtype="uint8")] * 3))
    assert [part.dtype for part in symbolic] == ["float32", "float32", "uint8"]
