"""The pixels of ImageDataGenerator, of the same parameters."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from generating import (
    FILL_MODES,
    interior,
    photograph,
    pixels_of,
    random_arguments,
    transform_of,
)
from helpers import drawn
from keras.src.legacy.preprocessing.image import ImageDataGenerator

import keras_aug_layers as kal


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


WIDE = {
    "int16": (-3000, 9000),
    "uint16": (500, 65535),
    "int32": (-128, 500),
    "float32": (-1.0, 1.0),
    "float64": (-20.0, 1000.0),
    "float16": (0.0, 900.0),
}


@pytest.mark.parametrize("gain", [0.4, 1.0, 1.7])
@pytest.mark.parametrize("dtype", WIDE)
def test_brightness_beyond_bytes_is_within_each_images_own_range(dtype, gain):
    """They were cut to 0 … 255, even by a gain of 1. The second image is in there."""
    low, high = WIDE[dtype]
    parts = np.linspace(0, 1, 2 * 8 * 9 * 3).reshape(2, 8, 9, 3)
    ends = np.float64([[low, high], [40, 120]])
    images = ends[:, :1, None, None] + parts * np.diff(ends)[..., None, None]
    images = np.random.default_rng(1).permuted(images.astype(dtype), axis=1)
    shift = {"brightness": gain}
    expected = [
        ImageDataGenerator().apply_transform(image.astype("float32"), shift)
        for image in images
    ]
    layer = kal.from_image_data_generator(brightness_range=(gain, gain))
    made = drawn(layer, images)
    assert made.dtype == dtype
    for image, one, other in zip(images.astype(float), made, expected, strict=True):
        level = (1.1 + gain) * max(np.ptp(image), 255) / 255  # Pillow cuts twice
        level += 0.5 * ("int" in dtype)
        assert np.abs(one - other.astype(float)).max() < level
        assert np.ptp(one.astype(float)) > 0.3 * np.ptp(image)


def test_brightness_of_bytes_is_that_of_floats_like_them():
    """Where pixels are between two: nothing is beyond their range."""
    images = np.stack([photograph(16, 24)] * 4)
    images[:, :, ::2] = 255
    arguments = {"brightness_range": (0.5, 1.5), "rotation_range": 30}
    layer = kal.from_image_data_generator(**arguments)
    bytes_, floats = (
        drawn(layer, images.astype(dtype), seed=(1, 2))
        for dtype in ("uint8", "float32")
    )
    np.testing.assert_allclose(bytes_, floats, atol=0.501)


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
