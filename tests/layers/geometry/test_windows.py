"""Windows as published, and targets that follow them."""

import contextlib
import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from hypothesis import given, settings
from hypothesis import strategies as st
from published import crops

import keras_aug_layers as kal
from keras_aug_layers.kernels import upright

DRAWS = 20_000
SHAPES = ((100, 100), (400, 30), (30, 400), (3, 5), (1, 1), (9, 2))
LIMIT = 1.95 * math.sqrt(2 / DRAWS)  # of Kolmogorov and Smirnov, at 1 in 1,000


def windows(layer, height, width):
    """Top, left, height and width of what is shown, of whole pixels."""
    matrix = layer.sample((DRAWS, height, width, 3)).matrix.numpy().astype("float64")
    scale, offset = matrix[:, (1, 0), (1, 0)], matrix[:, (1, 0), (2, 2)]
    size = scale * (layer.height, layer.width)
    corner = offset + 0.5 - scale / 2.0
    whole = np.concatenate([corner, size], axis=1)
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-2)
    return np.round(whole)


def distance(a, b):
    """The greatest distance of two distribution functions."""
    places = np.union1d(a, b)
    one, other = (
        np.searchsorted(np.sort(x), places, side="right") / len(x) for x in (a, b)
    )
    return np.abs(one - other).max()


@pytest.mark.thorough
@pytest.mark.parametrize("shape", SHAPES)
def test_random_resized_crop_is_torchvisions(shape):
    found = windows(kal.RandomResizedCrop(16, 16, seed=1), *shape)
    generator = np.random.default_rng(2)
    draws = [crops.random_resized_crop(generator, *shape) for _ in range(DRAWS)]
    expected = np.array(draws, np.float64)
    for column in range(4):
        assert distance(found[:, column], expected[:, column]) < LIMIT
    assert distance(*(x[:, 2] * x[:, 3] for x in (found, expected))) < LIMIT
    assert distance(*(x[:, 3] / x[:, 2] for x in (found, expected))) < LIMIT


@pytest.mark.thorough
@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("shape", [(20, 31), (16, 16), (17, 90)])
def test_random_crop_is_torchvisions(shape, padding):
    found = windows(kal.RandomCrop(16, 16, padding=padding, seed=1), *shape)
    generator = np.random.default_rng(2)
    expected = np.array(
        [crops.random_crop(generator, *shape, (16, 16), padding) for _ in range(DRAWS)],
        np.float64,
    )
    for column in range(4):
        assert distance(found[:, column], expected[:, column]) < LIMIT


LAYERS = (
    lambda: kal.Resizing(24, 31),
    lambda: kal.Resizing(24, 31, crop_to_aspect_ratio=True),
    lambda: kal.Resizing(24, 31, pad_to_aspect_ratio=True, fill_mode="constant"),
    lambda: kal.CenterCrop(24, 31),
    lambda: kal.RandomCrop(24, 31, fill_mode="constant"),
    lambda: kal.RandomCrop(24, 31, padding=4),
    lambda: kal.RandomResizedCrop(24, 31, scale=(0.4, 1.0)),
)


@pytest.mark.thorough
@settings(max_examples=25)
@given(
    st.integers(0, len(LAYERS) - 1),
    st.integers(20, 60),
    st.integers(20, 60),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_a_landmark_follows_its_pixel(number, height, width, turned, training, seed):
    generator = np.random.default_rng(seed)
    x, y = generator.integers(4, width - 4), generator.integers(4, height - 4)
    image = np.zeros((1, height, width, 1), "float32")
    image[0, y - 2 : y + 3, x - 2 : x + 3] = 1.0
    layers = [LAYERS[number]()]
    if turned:
        layers.append(kal.RandomRotate(degrees=40, fill_mode="constant"))
    stack = kal.FusedAugmentation(
        layers, bounding_box_format="xyxy", keypoint_format="xy", fill_mode="constant"
    )
    data = {
        "images": image,
        "segmentation_masks": (image > 0.5).astype("int32"),
        "keypoints": np.array([[[x, y]]], "float32"),
        "bounding_boxes": {
            "boxes": np.array([[[x - 2, y - 2, x + 3, y + 3]]], "float32"),
            "labels": np.array([[7]]),
        },
    }
    with op_by_op():
        moved = stack(data, training=training, seed=(seed, 1))
    point = moved["keypoints"].numpy()[0, 0]
    box = moved["bounding_boxes"]["boxes"].numpy()[0, 0]
    inside = (point > 4.0).all() and (point < [26.0, 19.0]).all()
    shown = moved["images"].numpy()[0, ..., 0]
    rows, columns = np.nonzero(shown > 0.5)
    found = np.array([columns.mean(), rows.mean()]) if len(rows) else point
    assert not inside or np.abs(found - point).max() < 0.75
    assert not inside or (box[:2] <= point).all() and (box[2:] >= point + 0.4).all()
    mask = moved["segmentation_masks"].numpy()[0, ..., 0]
    assert mask.shape == shown.shape
    sure = np.abs(shown - 0.5) > 0.45
    assert np.mean(mask[sure] == (shown[sure] > 0.5)) > 0.99


@pytest.mark.thorough
def test_targets_of_a_crop():
    layer = kal.CenterCrop(
        10, 10, bounding_box_format="xyxy", min_visibility=0.5, keypoint_format="xy"
    )
    boxes = [[0, 0, 8, 8], [8, 8, 12, 12], [0, 0, 20, 20], [5, 5, 15, 15]]
    data = {
        "images": np.zeros((20, 20, 1), "uint8"),
        "bounding_boxes": {
            "boxes": np.array(boxes, "float32"),
            "labels": np.arange(4),
        },
        "keypoints": np.array([[4, 9], [5, 5], [14, 14], [15, 9]], "float32"),
    }
    for training in (True, False):
        moved = layer(data, training=training)
        np.testing.assert_array_equal(
            moved["bounding_boxes"]["boxes"],
            [[-1] * 4, [3, 3, 7, 7], [-1] * 4, [0, 0, 10, 10]],
        )
        np.testing.assert_array_equal(
            moved["keypoints"], [[-1, -1], [0, 0], [9, 9], [-1, -1]]
        )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("dtype", "interpolation", "jit_compile"),
    [
        ("uint8", "bilinear", True),
        ("uint8", "bicubic", False),
        ("float32", "bicubic", True),
        ("float32", "nearest", False),
        ("float64", "bilinear", False),
        ("int32", "nearest", True),
    ],
)
def test_a_fill_value_for_each_channel(dtype, interpolation, jit_compile):
    """What is not compiled is done by the op, traced or not."""
    options = {"fill_mode": "constant", "interpolation": interpolation, "seed": 1}
    options |= {"jit_compile": jit_compile}
    images = np.random.default_rng(0).integers(0, 256, (4, 21, 30, 3)).astype(dtype)
    many = kal.RandomRotate(0.2, fill_value=(10, 20, 200), **options)
    with contextlib.nullcontext() if jit_compile else op_by_op():
        found = many(images, training=True, seed=(1, 2)).numpy()
        for channel, value in enumerate((10, 20, 200)):
            one = kal.RandomRotate(0.2, fill_value=value, **options)
            expected = one(images, training=True, seed=(1, 2)).numpy()[..., channel]
            np.testing.assert_allclose(found[..., channel], expected, atol=1e-3)
        with pytest.raises(ValueError, match="one for each channel"):
            many(images[..., :1], training=True)
    assert many.get_config()["fill_value"] == (10.0, 20.0, 200.0)
    padded = kal.Resizing(40, 40, pad_to_aspect_ratio=True, fill_value=(1, 2, 3))
    with op_by_op():
        for training in (True, False):
            border = padded(images, training=training).numpy()[0, 0, 0]
            assert border.tolist() == [1, 2, 3]


@pytest.mark.thorough
def test_bicubic_is_pils():
    from PIL import Image

    image = np.random.default_rng(0).uniform(0, 255, (20, 31)).astype("float32")
    expected = np.array(Image.fromarray(image).resize((77, 60), Image.BICUBIC))
    layer = kal.Resizing(60, 77, "bicubic")
    for jit_compile in (True, False):
        layer.jit_compile = jit_compile
        for training in (True, False):
            found = layer(image[..., None], training=training).numpy()[..., 0]
            np.testing.assert_allclose(
                found[8:-8, 8:-8], expected[8:-8, 8:-8], atol=0.03
            )
    same = kal.Resizing(20, 31, "bicubic")(image[..., None], training=True)
    np.testing.assert_array_equal(same[..., 0], image)


@pytest.mark.thorough
def test_masks_of_a_batch_follow_in_a_dataset():
    images = np.random.default_rng(0).integers(0, 5, (6, 30, 40, 1), "uint8")
    layer = kal.RandomCrop(12, 17)
    data = tf.data.Dataset.from_tensor_slices(
        {"images": images, "segmentation_masks": images}
    )
    for moved in data.map(lambda x: layer(x, training=True)):
        np.testing.assert_array_equal(moved["images"], moved["segmentation_masks"])


@pytest.mark.thorough
def test_a_window_at_the_border_is_what_the_warp_reads(monkeypatch):
    """The op for upright windows knows no fill mode, and serves inside alone."""
    image = np.random.default_rng(3).integers(0, 256, (13, 12, 3)).astype("uint8")
    layer = kal.RandomResizedCrop(
        16, 17, scale=(0.3, 0.6), antialias=False, jit_compile=False
    )

    def drawn():
        crops = (layer(image, training=True, seed=(5, n)) for n in range(60))
        return np.array([crop.numpy() for crop in crops], int)

    result = drawn()
    # Traces are kept by layer: another one for the warp.
    layer = kal.RandomResizedCrop.from_config(layer.get_config())
    monkeypatch.setattr(upright, "cut", lambda images, matrix, size, warp: warp())
    assert np.abs(result - drawn()).max() <= 1


INTO = {
    "resized": lambda: kal.Resizing(48, 41),
    "letterbox": lambda: kal.Resizing(48, 48, pad_to_aspect_ratio=True),
    "shrunk": lambda: kal.Resizing(19, 20),
    "shrunk a lot": lambda: kal.Resizing(5, 6),
    "crop": lambda: kal.RandomResizedCrop(48, 40, scale=(0.5, 1.0)),
    "small crop": lambda: kal.RandomResizedCrop(14, 14),
}
READ = [
    ("resized", "bilinear", False, "uint8"),
    ("letterbox", "bicubic", "auto", "float32"),
    ("shrunk", "bilinear", "auto", "uint8"),
    ("shrunk a lot", "bicubic", "auto", "float32"),
    ("crop", "bilinear", "auto", "float32"),
    ("crop", "bicubic", False, "uint8"),
    ("small crop", "bilinear", "auto", "uint8"),
]
"""Every window, and every pair of an interpolation and of whether it is filtered."""
FORMS = {
    "eager": lambda f, x: f(x),
    "graph": lambda f, x: tf.function(f)(x),
    "unknown": lambda f, x: tf.function(f, [tf.TensorSpec((None,) * 4, x.dtype)])(x),
}


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("into", "interpolation", "antialias", "dtype"), READ)
def test_a_fill_does_not_blend_into_a_window(
    into, interpolation, antialias, dtype, form
):
    """Not even at the edges of the image that is enlarged, as in torchvision."""
    layer = kal.FusedAugmentation(
        [INTO[into](), kal.RandomFlip()],
        fill_mode="constant",
        fill_value=9.0,
        interpolation=interpolation,
        antialias=antialias,
    )
    augment = functools.partial(layer, training=True)
    result = FORMS[form](augment, np.full((8, 24, 24, 3), 200, dtype))
    np.testing.assert_allclose(result, 200, atol=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_a_fill_begins_within_a_pixel_of_what_comes_out(form):
    """Beside an image that is enlarged four times, and turned by a right angle."""
    layer = kal.FusedAugmentation(
        [kal.CenterCrop(12, 16), kal.Resizing(36, 64), kal.RandomRotate((0.25, 0.25))],
        fill_mode="constant",
        fill_value=9.0,
    )
    augment = functools.partial(layer, training=True)
    result = FORMS[form](augment, np.full((2, 12, 16, 3), 200, "uint8")).numpy()
    assert (result[:, :, 14:-14] == 200).all()
    assert (result[:, :, :14] == 9).all() and (result[:, :, -14:] == 9).all()


ANY = [tf.TensorSpec((None,) * 4, tf.uint8), tf.TensorSpec((2,), tf.int32)]


@pytest.mark.parametrize("form", [lambda f: f, lambda f: tf.function(f, ANY)])
@pytest.mark.parametrize("shape", [(20, 24), (33, 17)])
def test_mirrored_crops_are_slices(shape, form):
    """Those that end at the first row or column, too."""
    height, width = 16, 13
    images = np.random.default_rng(0).integers(1, 256, (2, *shape, 3)).astype("uint8")
    mirror = kal.RandomFlip("horizontal_and_vertical", chance=1.0)
    stack = kal.FusedAugmentation([kal.RandomCrop(height, width), mirror], seed=2)
    augment = form(lambda images, seed: stack(images, training=True, seed=seed))
    ends = 0
    for seed in range(12):
        found = augment(images, tf.constant([seed, 1])).numpy()
        places = stack.sample(images, seed=(seed, 1)).matrix.numpy()[:, (1, 0), 2]
        for image, made, (y, x) in zip(images, found, places.astype(int), strict=True):
            window = image[y - height + 1 : y + 1, x - width + 1 : x + 1]
            np.testing.assert_array_equal(made, window[::-1, ::-1])
            ends += y == height - 1 or x == width - 1
    assert ends > 0


@pytest.mark.parametrize("layer", [kal.CenterCrop, kal.RandomCrop])
def test_what_a_smaller_image_lacks_is_added(layer):
    """At its own scale, where nothing else is said black."""
    crop = layer(6, 9, pad_if_needed=True)
    images = np.full((8, 4, 12, 1), 200, "uint8")
    for training in (False, True):
        made = crop(images, training=training).numpy()[..., 0]
        assert made.shape == (8, 6, 9)
        filled = (made == 200).all(axis=2)
        np.testing.assert_array_equal(filled.sum(axis=1), 4)
        np.testing.assert_array_equal(made[~filled], 0)
    middle = crop(images).numpy()[..., 0]
    assert (middle[:, 1:5] == 200).all()
    assert crop.opinions.fill_mode == "constant"
    assert (
        layer(6, 9, pad_if_needed=True, fill_mode="wrap").opinions.fill_mode == "wrap"
    )


@pytest.mark.parametrize(("size", "first"), [((4, 6), 1), ((3, 6), 2), ((7, 9), 0)])
def test_of_an_odd_rest_more_is_added_below(size, first):
    """As torchvision's `center_crop`."""
    images = np.full((1, *size, 1), 200, "uint8")
    for layer in (kal.CenterCrop, kal.RandomCrop):
        made = layer(7, 9, pad_if_needed=True)(images).numpy()[0, ..., 0]
        rows = np.nonzero(made.any(axis=1))[0]
        assert rows[0] == first
        assert len(rows) == size[0]


def test_a_window_that_fits_does_not_reach_beyond():
    """Of an image that is no smaller nothing is padded."""
    images = np.full((200, 7, 9, 1), 200, "uint8")
    crop = kal.RandomCrop(6, 9, pad_if_needed=True, seed=1)
    assert (crop(images, training=True) == 200).numpy().all()


def test_a_smaller_image_lies_anywhere_as_in_torchvision():
    crop = kal.RandomCrop(6, 9, pad_if_needed=True, seed=1)
    images = np.full((2000, 4, 9, 1), 200, "uint8")
    made = crop(images, training=True).numpy()[..., 0]
    first = (made == 200).all(axis=2).argmax(axis=1)
    counts = np.bincount(first, minlength=3)
    assert len(counts) == 3
    assert (abs(counts - 2000 / 3) < 5 * np.sqrt(2000 * 2 / 9)).all()
