"""dtype in is dtype out, under every policy, without bias and without wrap-around."""

import ml_dtypes
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from examples import ALIKE, ALWAYS, EVERY, EXAMPLES, GEOMETRIC
from helpers import assert_same_bits, drawn, random_images

import keras_aug_layers as kal

DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "uint32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
)
POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "float64")

WITHOUT_MIXES = {**EVERY, **ALWAYS}

examples = pytest.mark.parametrize("name", EXAMPLES)
policies = pytest.mark.parametrize("policy", POLICIES, indirect=True)


@examples
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_dtype_in_is_dtype_out(name, dtype, interpolation):
    images = tf.cast(random_images((8, 9, 12, 3)) * 90, dtype)
    fill = {"interpolation": interpolation} if name in GEOMETRIC else {}
    layer = EXAMPLES[name](seed=1, **fill)
    result = drawn(layer, images)
    assert result.dtype == images.dtype
    assert result.shape == images.shape
    assert (result != images.numpy()).any()
    assert layer.compute_output_spec(images).dtype == dtype
    # The values are those of float64, to the precision of the dtype.
    layer = EXAMPLES[name](seed=1, **fill)
    expected = drawn(layer, tf.cast(images, "float64"))
    step = 1.0 if images.dtype.is_integer else 128 * ml_dtypes.finfo(dtype).eps
    np.testing.assert_allclose(
        result.astype("float64"), expected, rtol=0, atol=1e-3 + float(step) / 2
    )


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for place, name in enumerate(WITHOUT_MIXES)
        for dtype in (("uint16", "float64"), ("int32", "float16"))[place % 2]
        if name not in ALIKE
    ],
)
def test_every_layer_takes_every_width_of_numbers_and_one_row(name, dtype):
    """Others than uint8 and float32, in which most is tested."""
    layer = kal.FusedAugmentation([WITHOUT_MIXES[name](seed=1)], value_range=(0, 255))
    narrow = (4, 1, 12, 3) if "int" in dtype else (4, 9, 1, 3)
    for shape in ((4, 9, 12, 3), narrow):
        images = tf.cast(random_images(shape) * 90, dtype)
        result = drawn(layer, images)
        assert np.isfinite(result.astype("float64")).all()
        assert result.dtype == images.dtype or name in ("Normalize", "Rescaling")


@examples
@policies
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_policies_do_not_matter(name, policy, dtype):
    images = random_images((2, 9, 12, 3), dtype)
    results = [
        drawn(layer, images)
        for layer in (EXAMPLES[name](seed=1), EXAMPLES[name](seed=1, dtype="float32"))
    ]
    assert_same_bits(*results)
    assert results[0].dtype == dtype
    assert_same_bits(EXAMPLES[name]()(images), images)


@pytest.mark.parametrize("name", ["RandomRotate", "RandomShift", "RandomZoom"])
def test_bilinear_uint8_has_no_bias(name):
    images = random_images((64, 64, 64, 3), "uint8")
    layer = EXAMPLES[name](seed=3)
    transform = layer.sample(images)
    rounded = transform.images(images).numpy().astype("float64")
    exact = transform.images(images.astype("float32")).numpy().astype("float64")
    assert np.abs((rounded - exact).mean()) < 0.01
    assert np.abs(rounded - exact).max() < 0.5 + 1e-3
    assert (rounded != images).mean() > 0.5


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_brightness_saturates(dtype):
    top = np.iinfo(dtype).max
    images = np.array([[[[0], [5], [100], [top - 5], [top]]]], dtype)

    def brighten(**kwargs):
        return drawn(kal.RandomBrightness(**kwargs), images).ravel().tolist()

    assert brighten(gain=(1.3, 1.3)) == [0, 6, 130, top, top]
    assert brighten(gain=(0.0, 0.0)) == [0, 0, 0, 0, 0]
    assert brighten(factor=(1.0, 1.0)) == [top] * 5
    assert brighten(factor=(-1.0, -1.0)) == [0] * 5
    assert brighten(gain=(1.5, 1.5), value_range=(0, 120)) == [0, 8, 120, 120, 120]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_signed_integers_saturate_at_the_ends_of_their_dtype(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    images = np.array([[[[low], [-7], [0], [7], [high]]]], dtype)
    result = drawn(kal.RandomBrightness(gain=(1.5, 1.5)), images)
    # Halves go to the even neighbour.
    assert result.ravel().tolist() == [low, -10, 0, 10, high]


def test_floats_are_clipped_to_a_given_range_only():
    images = np.array([[[[-0.5], [0.4], [0.9], [2.0]]]], "float32")
    free = kal.RandomBrightness(gain=(1.5, 1.5))
    clipped = kal.RandomBrightness(gain=(1.5, 1.5), value_range=(0, 1))
    np.testing.assert_allclose(drawn(free, images).ravel(), [-0.75, 0.6, 1.35, 3.0])
    np.testing.assert_allclose(drawn(clipped, images).ravel(), [0.0, 0.6, 1.0, 1.0])


def test_a_list_of_arrays_or_pictures_has_their_dtype():
    photos = list(random_images((3, 8, 9, 3), "uint8"))
    masks = [photo[..., :1] // 100 for photo in photos]
    layer = kal.FusedAugmentation([kal.RandomFlip("vertical", chance=1.0)])
    layer = kal.FusedAugmentation([layer, kal.RandomBrightness((0.8, 0.8))])
    for given in (photos, tuple(photos), [PIL.Image.fromarray(x) for x in photos]):
        data = {"images": given, "segmentation_masks": masks}
        result = layer(data, training=True)
        assert result["images"].dtype == result["segmentation_masks"].dtype == tf.uint8
        expected = np.minimum(np.array(photos, "int32") + 204, 255)
        np.testing.assert_array_equal(result["images"], expected[:, ::-1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_infinities_and_the_largest_numbers_stay(dtype):
    top = float(tf.as_dtype(dtype).max)
    images = tf.constant([[[[np.inf], [-np.inf], [top], [-top], [1.0]]]], dtype)
    images = tf.repeat(images, 16, axis=0)
    flip = kal.RandomFlip("horizontal", seed=1, interpolation="nearest")
    results = drawn(flip, images)
    line = images.numpy()[0]
    assert {result.tobytes() for result in results} == {
        line.tobytes(),
        line[:, ::-1].tobytes(),
    }
    assert_same_bits(drawn(kal.RandomBrightness(gain=(1, 1)), images), images)
    doubled = drawn(kal.RandomBrightness(gain=(2, 2)), images[:1, :, :2])
    assert doubled.ravel().tolist() == [np.inf, -np.inf]


def test_the_largest_numbers_do_not_overflow_between_pixels():
    images = np.full((1, 8, 8, 1), np.finfo("float16").max, "float16")
    assert_same_bits(drawn(kal.RandomShift((0.3, 0.3)), images), images)


@pytest.mark.parametrize("dtype", ["uint32", "int64", "float64"])
def test_the_value_range_clips_wide_dtypes(dtype):
    images = tf.constant([[[[1], [70], [200]]]], dtype)
    layer = kal.RandomBrightness(gain=(1.5, 1.5), value_range=(0, 120))
    assert drawn(layer, images).ravel().tolist() == pytest.approx(
        [2 if images.dtype.is_integer else 1.5, 105, 120]
    )


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", 255),
        ("int8", -128),
        ("int16", -32768),
        ("int32", 2**30 + 64),
        ("float16", -0.25),
        ("bfloat16", 0.5),
        ("float32", 1e30),
        ("float64", -1e30),
    ],
)
def test_fill_values(interpolation, dtype, value):
    images = tf.ones((2, 6, 8, 3), dtype)
    layer = kal.RandomShift(
        (0.5, 0.5),
        fill_mode="constant",
        fill_value=value,
        interpolation=interpolation,
    )
    expected = images.numpy()
    expected[:, :3] = value
    assert_same_bits(drawn(layer, images), expected)


def test_color_shares_one_rounding_with_the_warp():
    """Between 10 and 11 lies 10.5, rounded once: a warp that rounds is 10 or 11."""
    images = np.array([[[[10], [11]]]], "uint8")
    layer = kal.RandomShift((0, 0), (0.5, 0.5), unit="pixels")
    assert drawn(layer, images).ravel().tolist() == [10, 10]
