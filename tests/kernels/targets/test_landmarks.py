"""A landmark, its mask, its box and its keypoint move as their image does."""

import functools

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from examples import EVERY, EXAMPLES, GEOMETRIC
from following import BOXES, SIZE, convert, filled, move
from helpers import assert_same_bits, sampled
from hypothesis import Phase, assume, given, settings

import keras_aug_layers as kal
from keras_aug_layers.kernels import program

CROPS = "CenterCrop", "RandomCrop", "RandomResizedCrop", "Resizing"
LAYERS = EVERY | {name: functools.partial(getattr(kal, name), 30, 40) for name in CROPS}
STILL = "AugMix", "ThreeAugment"
"""They take a fill, and keep what is at each place there, or move it in stages."""
MOVING = [
    name
    for name, layer in LAYERS.items()
    if "fill_mode" in layer().get_config() and name not in STILL
]


def blobs(keypoints, size, sigma):
    """A bright blob around each keypoint: float32 (B, H, W, 1)."""
    y, x = np.mgrid[: size[0], : size[1]]
    squared = [(x - kx) ** 2 + (y - ky) ** 2 for kx, ky in keypoints]
    return np.exp(-np.stack(squared)[..., None] / (2 * sigma**2)).astype("float32")


def centres_of_mass(images):
    """(B, 2): x and y."""
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    weights = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    return np.stack([(weights * x).sum((1, 2)), (weights * y).sum((1, 2))], axis=-1)


def whole_in_frame(matrices, keypoints, radius, size):
    """(B,): whether a disc around each keypoint is shown whole."""
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    moved = move(matrices, keypoints[:, None] + circle)
    return ((moved > 0) & (moved < np.array(size[::-1]) - 1)).all(axis=(1, 2))


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["op", "XLA"])
@pytest.mark.parametrize(
    ("size", "data_format"),
    [((45, 51), "channels_last"), ((46, 52), "channels_first")],
)
def test_a_landmark_follows_its_pixel(form, size, data_format):
    first = data_format == "channels_first"
    sigma, count = 1.5, 12

    @tf.function(jit_compile=form == "XLA", autograph=False)
    def moved_images(transform, images):
        return transform.images(images)

    @settings(max_examples=30, phases=[Phase.generate])  # shrinking takes minutes
    @given(
        names=st.permutations(GEOMETRIC).flatmap(
            lambda names: st.integers(1, len(names)).map(lambda stop: names[:stop])
        ),
        seed=st.tuples(*[st.integers(0, 2**31)] * 2),
    )
    def check(names, seed):
        kwargs = {"data_format": data_format, "fill_mode": "constant"}
        layer = kal.FusedAugmentation([EXAMPLES[name](**kwargs) for name in names])
        layer.data_format = data_format
        generator = np.random.default_rng(seed[0])
        middle, reach = (np.array(size[::-1]) - 1) / 2, np.array(size[::-1]) / 4
        keypoints = middle + generator.uniform(-reach, reach, (count, 2))
        images = blobs(keypoints, size, sigma)
        images = np.moveaxis(images, -1, 1) if first else images
        transform = layer.sample(images.shape, seed=seed)
        found = moved_images(transform, images).numpy()
        found = centres_of_mass(np.moveaxis(found, 1, -1) if first else found)
        moved = transform.keypoints(keypoints[:, None]).numpy()[:, 0]
        seen = whole_in_frame(transform.matrix, keypoints, 3.5 * sigma, size)
        assume(seen.sum() >= 3)
        assert np.abs(found - moved)[seen].max() < 0.5
        np.testing.assert_allclose(
            moved[seen], move(transform.matrix, keypoints[:, None])[:, 0][seen], 0, 1e-3
        )

    check()


def places(layer):
    """Where pixels read, where keypoints there move to, and where both count.

    Read are maps of x and of y, and one of the image's area, which the fill leaves.
    """
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    maps = np.stack([x, y, np.ones_like(x)], axis=-1)[np.newaxis].repeat(8, 0)
    transform = sampled(layer, np.zeros((8, *SIZE, 3), "uint8"), seed=(1, 2))
    read = transform.segmentation_masks(maps.astype("float64"), "bilinear").numpy()
    pixels = np.mgrid[: read.shape[1], : read.shape[2]][::-1]
    pixels = np.moveaxis(pixels, 0, -1)[np.newaxis].repeat(8, 0)
    read, pixels = (each[:, ::2, ::2] for each in (read, pixels))
    read, area = read[..., :2], read[..., 2]
    edge = np.array(SIZE[::-1]) - 2
    inside = (area > 1.0 - 1e-6) & (read > 1).all(-1) & (read < edge).all(-1)
    moved = transform.keypoints(read.reshape(8, -1, 2), mark_outside=False)
    return read, moved.numpy().reshape(read.shape) - pixels, inside, transform


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "place"),
    [
        *((name, "alone") for name in MOVING),
        *((name, ("first", "last")[n % 2]) for n, name in enumerate(MOVING)),
    ],
)
def test_the_keypoint_of_what_a_pixel_shows_is_that_pixel(name, place):
    """Of every layer that moves pixels, alone and with a rotation."""
    settings = {"fill_mode": "constant"}
    layer = LAYERS[name](seed=4, **settings)
    turn = kal.RandomRotate(degrees=(20, 20), seed=3, **settings)
    layers = {"alone": [layer], "first": [layer, turn], "last": [turn, layer]}[place]
    read, error, inside, transform = places(
        kal.FusedAugmentation(layers, **settings) if layers[1:] else layer
    )
    assert np.ptp(read[inside], axis=0).min() > 15
    bent = any(step.name in ("bend", "unbend") for step in transform.coordinates)
    assert np.abs(error[inside]).max() < (0.5 if bent else 1e-3)


def test_each_function_of_coordinates_is_in_a_layer_that_moves():
    """Of the library's own: whose inverse would be seen by no test otherwise."""
    own = {
        name
        for name, function in program._REGISTER.items()
        if function.kind == "coordinates"
        and function.call.__module__.startswith("keras_aug_layers.")
    }
    images, seen = np.zeros((2, *SIZE, 3), "uint8"), set()
    for name in MOVING:
        for step in sampled(LAYERS[name](), images).coordinates:
            seen |= {step.name, program.function_of(step).inverse(step).name}
    # Mosaic's, which says of points whose they are: tests/layers/mixes.
    assert own - seen == {"compose"}


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_dict_moves_as_one(jit_compile, data_format):
    """The layer's own call: everything under the draw that `sample` shows."""
    first = data_format == "channels_first"
    layer = kal.FusedAugmentation(
        [EXAMPLES[name](data_format=data_format) for name in GEOMETRIC],
        data_format=data_format,
        bounding_box_format="xyxy",
        jit_compile=jit_compile,
    )
    keypoints = np.tile([[[20.0, 15.0], [40.0, 30.0]]], (3, 1, 1)).astype("float32")
    images = blobs(keypoints[:, 0], SIZE, 3.0)
    masks = (images > 0.5).astype("uint8")
    data = {
        "images": np.moveaxis(images, -1, 1) if first else images,
        "segmentation_masks": np.moveaxis(masks, -1, 1) if first else masks,
        "bounding_boxes": {
            "boxes": np.tile(BOXES, (3, 1, 1)),
            "labels": [[1, 2, 3]] * 3,
        },
        "keypoints": keypoints,
    }
    result = layer(data, training=True, seed=(3, 4))
    transform = layer.sample(data["images"].shape, seed=(3, 4))
    for key in ("images", "segmentation_masks", "keypoints"):
        expected = getattr(transform, key)(data[key]).numpy()
        assert result[key].dtype == expected.dtype
        np.testing.assert_allclose(result[key], expected, rtol=0, atol=1e-4)
        assert np.abs(expected - data[key]).max() > 0.5
    expected = transform.bounding_boxes(data["bounding_boxes"])
    for key in ("boxes", "labels"):
        np.testing.assert_allclose(
            result["bounding_boxes"][key], expected[key], 0, 1e-4
        )


@pytest.mark.thorough
def test_one_image_is_a_batch_of_one():
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="rel_xywh"
    )
    data = {
        "images": blobs([(20, 15)], SIZE, 2.0),
        "segmentation_masks": filled([[5, 6, 40, 30]], SIZE),
        "bounding_boxes": {
            "boxes": convert(BOXES, "rel_xywh")[None],
            "labels": np.array([[7, 8, 9]]),
        },
        "keypoints": np.array([[[20.0, 15.0]]]),
    }
    single = tf.nest.map_structure(lambda x: x[0], data)
    of_batch = layer(data, training=True, seed=(5, 6))
    of_single = layer(single, training=True, seed=(5, 6))
    tf.nest.map_structure(lambda a, b: assert_same_bits(a, b[0]), of_single, of_batch)
    assert tf.nest.map_structure(np.shape, of_single) == tf.nest.map_structure(
        np.shape, single
    )


@pytest.mark.slow
def test_a_dict_under_xla_and_in_a_graph():
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="xywh"
    )
    data = {
        "images": blobs([(20, 15), (30, 30)], SIZE, 3.0),
        "bounding_boxes": {
            "boxes": tf.constant(convert(BOXES, "xywh")[None].repeat(2, 0), tf.float32),
            "labels": tf.constant([[7, 8, 9]] * 2),
        },
        "keypoints": tf.constant([[[20.0, 15.0]], [[30.0, 30.0]]]),
    }
    expected = layer(data, training=True, seed=(1, 2))
    for jit_compile in (True, False):
        call = tf.function(layer, jit_compile=jit_compile, autograph=False)
        result = call(data, training=True, seed=(1, 2))
        tf.nest.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-4),
            result,
            expected,
        )


@pytest.mark.slow
@pytest.mark.parametrize("batched", [True, False])
def test_a_dict_in_tf_data(batched):
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="xyxy"
    )
    data = {
        "images": blobs([(20, 15)] * 4, SIZE, 3.0),
        "bounding_boxes": {
            "boxes": np.stack([BOXES] * 4),
            "labels": np.array([[7, 8, 9]] * 4),
        },
        "name": np.array(["a", "b", "c", "d"]),
    }
    dataset = tf.data.Dataset.from_tensor_slices(data)
    dataset = dataset.batch(4) if batched else dataset
    dataset = dataset.map(lambda d: layer(d, training=True, seed=(1, 2)))
    result = next(iter(dataset))
    shown = data if batched else tf.nest.map_structure(lambda x: x[0], data)
    expected = layer(shown, training=True, seed=(1, 2))
    for key in ("boxes", "labels"):
        np.testing.assert_allclose(
            result["bounding_boxes"][key], expected["bounding_boxes"][key], 0, 1e-4
        )
    np.testing.assert_allclose(result["images"], expected["images"], 0, 1e-4)
    assert np.array_equal(result["name"], [b"a", b"b", b"c", b"d"] if batched else b"a")
    assert np.abs(result["images"] - shown["images"]).max() > 0.3
