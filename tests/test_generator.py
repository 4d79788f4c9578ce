"""from_image_data_generator: the generator's pixels, distributions and statistics.

The generator itself is the peer, through `get_random_transform`, `apply_transform` and
`standardize`. On images that are not square it turns about a point that is not the
middle (it exchanges the axes after the origin was moved), so there the reference is
its documented matrix in float64, resampled by SciPy.
"""

import functools

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import skimage.data
import tensorflow as tf
from helpers import assert_same_bits, drawn
from keras.src.legacy.preprocessing.image import ImageDataGenerator

import keras_aug_layers as kal
from keras_aug_layers.layers.generator import GeneratorAugmentation, steps_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import as_plan

FILL_MODES = ("nearest", "reflect", "constant")
NEUTRAL = {"channel_shift_intensity": 0.0, "brightness": 1.0}


def photograph(height, width):
    """A photograph, reduced: float32 (height, width, 3), with its greatest value."""
    image = skimage.data.astronaut()[10 : 10 + 5 * height, 60 : 60 + 5 * width]
    return image[::5, ::5].astype("float32")


def random_arguments(rng):
    """Constructor arguments of every kind."""
    shifts = [
        lambda: rng.uniform(0.0, 0.5),
        lambda: rng.uniform(1.0, 20.0),
        lambda: int(rng.integers(1, 20)),
        lambda: [5, -9, int(rng.integers(-20, 20))],
        lambda: [0.1, 0.3],
    ]
    return {
        "rotation_range": rng.uniform(0, 180),
        "width_shift_range": shifts[rng.integers(5)](),
        "height_shift_range": shifts[rng.integers(5)](),
        "shear_range": rng.uniform(0, 50),
        "zoom_range": [0.3, rng.uniform(0.01, 0.8), [0.5, 2.0]][rng.integers(3)],
        "channel_shift_range": rng.uniform(0, 90) * rng.integers(2),
        "horizontal_flip": bool(rng.integers(2)),
        "vertical_flip": bool(rng.integers(2)),
    }


def transform_of(parameters, image, **settings):
    """Our Transform for many sets of the generator's parameters."""
    stacked = {
        name: np.array(
            [NEUTRAL.get(name) if p[name] is None else p[name] for p in parameters]
        )
        for name in parameters[0]
    }
    layer = GeneratorAugmentation(brightness_range=(1, 1), **settings)
    frame = Frame.of((len(parameters), *image.shape), "channels_last")
    plan = as_plan(steps_of(**stacked))
    return kal.Transform.of(plan, frame, layer.settings.resolved())


def pixels_of(transform, image):
    images = np.broadcast_to(image, (transform.matrix.shape[0], *image.shape))
    return transform.images(images).numpy()


def interior(transform, image, order=1):
    """Where the source lies in the frame, and no jump of order 0 is near: (B, H, W)."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x, y, np.ones_like(x)], axis=-1)
    source = grid @ transform.matrix.numpy().astype(float).transpose(0, 2, 1)[:, None]
    source = source[..., :2]
    inside = (source > 1e-3) & (source < np.array([width, height]) - 1.001)
    if order == 0:
        inside &= np.abs(source - np.floor(source) - 0.5) > 1e-3
    return inside.all(axis=-1)


# The pixels.


@pytest.mark.parametrize("order", [1, 0])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("size", [63, 64])
def test_pixels_are_the_generators(size, fill_mode, order):
    rng = np.random.default_rng(size)
    image = photograph(size, size)
    fill = {"fill_mode": fill_mode, "cval": 50.0, "interpolation_order": order}
    parameters, expected = [], []
    for _ in range(200):
        generator = ImageDataGenerator(**random_arguments(rng), **fill)
        parameters.append(generator.get_random_transform(image.shape))
        expected.append(generator.apply_transform(image.copy(), parameters[-1]))
    transform = transform_of(
        parameters,
        image,
        fill_mode=fill_mode,
        fill_value=50.0,
        interpolation=("nearest", "bilinear")[order],
    )
    error = np.abs(pixels_of(transform, image) - expected).max(axis=-1)
    inside = interior(transform, image, order)
    assert error[inside].max() < 1e-2
    assert inside.mean() > 0.3
    assert np.abs(np.array(expected) - image).mean(axis=(1, 2, 3)).min() > 3.0


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect"])
def test_what_lies_outside_is_the_generators(fill_mode):
    rng = np.random.default_rng(3)
    image = photograph(63, 63)
    parameters, expected = [], []
    for _ in range(50):
        generator = ImageDataGenerator(**random_arguments(rng), fill_mode=fill_mode)
        parameters.append(generator.get_random_transform(image.shape))
        expected.append(generator.apply_transform(image.copy(), parameters[-1]))
    transform = transform_of(parameters, image, fill_mode=fill_mode)
    np.testing.assert_allclose(pixels_of(transform, image), expected, atol=1e-2)


@pytest.mark.parametrize("size", [63, 64])
def test_brightness_is_the_generators_without_its_truncations(size):
    """Pillow cuts to whole numbers twice: before the gain, and after it."""
    rng = np.random.default_rng(size)
    image = photograph(size, size)
    parameters, expected = [], []
    for _ in range(200):
        generator = ImageDataGenerator(
            **random_arguments(rng), brightness_range=(0.3, 1.7)
        )
        parameters.append(generator.get_random_transform(image.shape))
        expected.append(generator.apply_transform(image.copy(), parameters[-1]))
    transform = transform_of(parameters, image, fill_mode="nearest")
    gain = np.array([p["brightness"] for p in parameters])[:, None]
    error = (pixels_of(transform, image) - expected).max(axis=-1)
    inside = interior(transform, image)
    assert error[inside].min() > -1e-2
    assert (error - gain[..., None])[inside].max() < 1.0 + 1e-2


def test_brightness_of_images_in_0_to_1_is_a_gain():
    """Keras's generator turns them black."""
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    layer = kal.from_image_data_generator(brightness_range=(0.5, 0.5))
    np.testing.assert_allclose(drawn(layer, images), 0.5 * images, atol=1e-6)


def test_brightness_of_whole_numbers_is_within_one():
    image = photograph(64, 64)
    generator = ImageDataGenerator(
        brightness_range=(0.1, 3.0),
        horizontal_flip=True,
        vertical_flip=True,
        width_shift_range=9,
        height_shift_range=[2, 5],
    )
    parameters = [generator.get_random_transform(image.shape) for _ in range(100)]
    expected = [generator.apply_transform(image.copy(), p) for p in parameters]
    result = pixels_of(transform_of(parameters, image), image)
    assert np.abs(result - expected).max() < 1.0
    assert result.max() == 255.0
    assert {p["flip_horizontal"] for p in parameters} == {0, 1}


def documented(image, p, fill_mode):
    """What the generator documents, in float64: about the middle of any frame."""
    theta, shear = np.radians(p["theta"]), np.radians(p["shear"])
    rotation = [
        [np.cos(theta), -np.sin(theta), 0],
        [np.sin(theta), np.cos(theta), 0],
        [0, 0, 1],
    ]
    shift = [[1, 0, p["tx"]], [0, 1, p["ty"]], [0, 0, 1]]
    slant = [[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]]
    matrix = np.linalg.multi_dot(
        [np.array(m, float) for m in (rotation, shift, slant)]
        + [np.diag([p["zx"], p["zy"], 1.0])]
    )
    matrix = matrix[np.ix_([1, 0, 2], [1, 0, 2])]  # (row, column), for SciPy
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre + matrix[:2, 2] - matrix[:2, :2] @ centre
    moved = np.stack(
        [
            scipy.ndimage.affine_transform(
                channel, matrix[:2, :2], offset, order=1, mode=fill_mode
            )
            for channel in np.moveaxis(image.astype(float), -1, 0)
        ],
        axis=-1,
    )
    low, high = moved.min(), moved.max()
    moved = np.clip(moved + p["channel_shift_intensity"], low, high)
    moved = moved[:, :: -1 if p["flip_horizontal"] else 1]
    moved = moved[:: -1 if p["flip_vertical"] else 1]
    return np.clip(p["brightness"] * moved, 0, 255)


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect"])
@pytest.mark.parametrize("size", [(41, 76), (60, 47)])
def test_pixels_are_the_documented_ones_where_the_frame_is_not_square(size, fill_mode):
    rng = np.random.default_rng(4)
    image = photograph(*size)
    parameters = [
        {
            "theta": rng.uniform(-180, 180),
            "tx": rng.uniform(-10, 10),
            "ty": rng.uniform(-10, 10),
            "shear": rng.uniform(-50, 50),
            "zx": rng.uniform(0.4, 1.6),
            "zy": rng.uniform(0.4, 1.6),
            "flip_horizontal": rng.integers(2),
            "flip_vertical": rng.integers(2),
            "channel_shift_intensity": rng.uniform(-60, 60),
            "brightness": rng.uniform(0.3, 1.7),
        }
        for _ in range(40)
    ]
    transform = transform_of(parameters, image, fill_mode=fill_mode)
    expected = [documented(image, p, fill_mode) for p in parameters]
    np.testing.assert_allclose(pixels_of(transform, image), expected, atol=1e-2)


@pytest.mark.parametrize(("name", "axis"), [("height", 0), ("width", 1)])
def test_each_shift_moves_along_its_own_axis(name, axis):
    image = photograph(20, 30)
    layer = kal.from_image_data_generator(**{f"{name}_shift_range": [4]})
    result = drawn(layer, np.stack([image] * 16))
    pad = [(0, 0)] * 3
    pad[axis] = (4, 4)
    padded = np.pad(image, pad, mode="edge")
    length = image.shape[axis]
    back = np.take(padded, range(length), axis)
    forth = np.take(padded, range(8, 8 + length), axis)
    seen = {moved.tobytes() for moved in result}
    assert seen == {back.tobytes(), forth.tobytes()}


# The distributions: 20,000 draws each, one argument at a time.

COUNT = 20_000
FRAME = (37, 53, 3)
RANGES = {
    "rotation_range": 35.0,
    "shear_range": 25.0,
    "zoom_range": (0.7, 1.4),
    "channel_shift_range": 42.0,
    "brightness_range": (0.4, 1.9),
    "horizontal_flip": True,
    "vertical_flip": True,
}
SHIFTS = {
    "fraction": 0.3,
    "pixels": 7.5,
    "integer": 6,
    "one": 1,
    "list": [1, 4, -9],
    "fractions": [0.1, 0.2, 0.45],
    "negative": [-3.0, -0.5],
}
READ = {
    "theta": (
        "rotation_range",
        lambda m: np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0])),
    ),
    "shear": ("shear_range", lambda m: np.degrees(np.arctan2(-m[:, 0, 1], m[:, 1, 1]))),
    "zx": ("zoom_range", lambda m: m[:, 0, 0]),
    "zy": ("zoom_range", lambda m: m[:, 1, 1]),
    "flip_horizontal": ("horizontal_flip", lambda m: m[:, 0, 0] < 0),
    "flip_vertical": ("vertical_flip", lambda m: m[:, 1, 1] < 0),
}


@functools.cache
def draws_of_the_generator(shift):
    """20,000 draws: its parameters are independent, so those of all at once."""
    np.random.seed(5)
    reach = SHIFTS[shift]
    others = RANGES if shift == "fraction" else {}
    generator = ImageDataGenerator(
        **others, width_shift_range=reach, height_shift_range=reach
    )
    draws = [generator.get_random_transform(FRAME) for _ in range(COUNT)]
    return {
        name: np.array([draw[name] for draw in draws], "float32") for name in draws[0]
    }


def sample(**arguments):
    layer = kal.from_image_data_generator(**arguments)
    return layer.sample((COUNT, *FRAME))


def assert_same_distribution(ours, expected):
    """Kolmogorov and Smirnov's test; the spread tells the two from a constant."""
    ours, expected = np.float32(ours), np.float32(expected)
    assert ours.shape == expected.shape == (COUNT,)
    assert ours.std() > 0.1
    assert scipy.stats.ks_2samp(ours, expected).pvalue > 1e-3


@pytest.mark.thorough
@pytest.mark.parametrize("name", READ)
def test_the_distribution_of_each_move(name):
    argument, read = READ[name]
    transform = sample(**{argument: RANGES[argument]})
    expected = draws_of_the_generator("fraction")[name]
    assert_same_distribution(read(transform.matrix.numpy()), expected)


def test_the_axes_are_zoomed_independently():
    m = sample(zoom_range=0.4).matrix.numpy()
    expected = np.random.default_rng(1).uniform(0.6, 1.4, COUNT)
    assert_same_distribution(m[:, 0, 0], expected)
    assert abs(np.corrcoef(m[:, 0, 0], m[:, 1, 1])[0, 1]) < 0.03


def test_the_distribution_of_brightness():
    (step,) = sample(brightness_range=RANGES["brightness_range"]).pixels
    expected = draws_of_the_generator("fraction")["brightness"]
    assert step.name == "scale"
    assert_same_distribution(step.rows["gain"][:, 0], expected)
    np.testing.assert_array_equal(step.rows["bias"], 0.0)


def test_the_distribution_of_the_channel_shift():
    (step,) = sample(channel_shift_range=RANGES["channel_shift_range"]).pixels
    expected = draws_of_the_generator("fraction")["channel_shift_intensity"]
    assert step.name == "add_within_range" and list(step.rows) == ["bias"]
    assert step.rows["bias"].shape == (COUNT, 1)  # one number for all channels
    assert_same_distribution(step.rows["bias"][:, 0], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", sorted(SHIFTS.keys() - {"one"}))
@pytest.mark.parametrize(
    ("argument", "entry", "name"),
    # In the generator, tx comes from the height's range, and ty from the width's.
    [("width_shift_range", 0, "ty"), ("height_shift_range", 1, "tx")],
)
def test_the_distribution_of_each_shift(kind, argument, entry, name):
    matrix = sample(**{argument: SHIFTS[kind]}).matrix.numpy()
    expected = draws_of_the_generator(kind)[name]
    assert_same_distribution(matrix[:, entry, 2], expected)
    np.testing.assert_array_equal(matrix[:, 1 - entry, 2], 0.0)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["integer", "list", "fractions", "negative"])
def test_shifts_from_a_set_are_of_the_set_each_as_often(kind):
    matrix = sample(width_shift_range=SHIFTS[kind]).matrix.numpy()
    ours, ours_count = np.unique(matrix[:, 0, 2], return_counts=True)
    values, count = np.unique(draws_of_the_generator(kind)["ty"], return_counts=True)
    np.testing.assert_allclose(ours, values, rtol=1e-6)
    assert len(values) >= 4
    test = scipy.stats.chi2_contingency(np.stack([ours_count, count]))
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("reach", [0, 1])
def test_an_integer_shift_below_two_is_none(reach):
    assert not np.random.choice(1)  # as in the generator
    assert not sample(width_shift_range=reach).matrix.numpy()[:, 0, 2].any()


def test_parameters_are_independent():
    """Together, no two parameters share a random number."""
    layer = kal.from_image_data_generator(
        width_shift_range=0.3,
        height_shift_range=[5, 9],
        channel_shift_range=30,
        brightness_range=(0.5, 1.5),
        horizontal_flip=True,
        vertical_flip=True,
    )
    transform = layer.sample((COUNT, *FRAME))
    m, (shift, gain) = transform.matrix.numpy(), transform.pixels
    width, height = FRAME[1] - 1, FRAME[0] - 1
    flip_x, flip_y = m[:, 0, 0], m[:, 1, 1]
    columns = [
        m[:, 0, 2] - width * (flip_x < 0),
        m[:, 1, 2] - height * (flip_y < 0),
        flip_x,
        flip_y,
        gain.rows["gain"].numpy()[:, 0],
        shift.rows["bias"].numpy()[:, 0],
    ]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.03
    assert np.std(columns, axis=1).min() > 0.1


# What it does to the values.


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


# Arguments.

WRONG = {
    "unknown": ({"rotation": 20}, "`rotation` is no argument.*rotation_range"),
    "zca": ({"zca_whitening": True}, "zca_whitening.*before training"),
    "function": ({"preprocessing_function": abs}, r"preprocessing_function.*\.map"),
    "order": ({"interpolation_order": 3}, "interpolation_order.*0 or 1.*3"),
    "both": ({"generator": ImageDataGenerator(), "rescale": 2}, "both.*rescale"),
    "no generator": ({"generator": 3}, "ImageDataGenerator.*3"),
    "shift": ({"width_shift_range": -0.1}, "width_shift_range"),
    "empty shift": ({"height_shift_range": []}, "height_shift_range.*empty"),
    "zoom": ({"zoom_range": 1.5}, "zoom_range"),
    "brightness": ({"brightness_range": 0.5}, "brightness_range.*pair"),
    "dark": ({"brightness_range": (-0.5, 1)}, "brightness_range"),
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
