"""Every image layer of the installed Keras becomes one of ours, or stays by name."""

import warnings

import keras
import numpy as np
import pytest
from helpers import op_by_op
from keras import layers as kl

import keras_aug_layers as kal
from keras_aug_layers.migrate.converters import CONVERTERS

STAY = {"ContrastLimitedAdaptiveHistogramEqualization", "MaxNumBoundingBoxes"}
"""One looks at neighbourhoods as nothing here does, the other touches no image."""
COLORS = np.array(
    [[200, 30, 60], [20, 180, 90], [120, 130, 250], [255, 255, 0], [7, 7, 7]], "float32"
)


def image_layers():
    """The classes of `keras.layers` that preprocess images, by their module."""
    found = {kl.Rescaling, kl.Normalization}
    for name in dir(kl):
        cls = getattr(kl, name)
        if isinstance(cls, type) and ".image_preprocessing." in cls.__module__:
            found.add(cls)
    return {cls.__name__: cls for cls in found}


def test_every_image_layer_is_converted_or_named():
    known = {cls.__name__ for cls in CONVERTERS}
    assert image_layers().keys() - known == STAY & image_layers().keys()
    assert not known & STAY


@pytest.fixture
def images():
    """One image, in 0 to 255: smooth, with colours of every kind in it."""
    y, x = np.mgrid[:12, :16]
    waves = [np.sin(x / a + y / b) for a, b in ((2.3, 3.1), (1.7, -2.9), (4.1, 1.9))]
    pixels = 127 + 120 * np.stack(waves, -1)
    pixels[:5, 0] = COLORS
    return np.round(pixels)[np.newaxis].astype("float32")


UNIT = {"value_range": (0, 1)}
EXACT = {
    "AutoContrast": kl.AutoContrast,
    "CenterCrop": lambda: kl.CenterCrop(7, 9),
    "Normalization": lambda: kl.Normalization(mean=[1, 20, 70], variance=[9, 2500, 1]),
    "RandomBrightness": lambda: kl.RandomBrightness((0.2, 0.2)),
    "Rescaling": lambda: kl.Rescaling(1 / 127.5, -1.0),
    "Resizing": lambda: kl.Resizing(9, 11),
    "Resizing, nearest": lambda: kl.Resizing(9, 11, interpolation="nearest"),
    "Resizing, a window": lambda: kl.Resizing(6, 6, crop_to_aspect_ratio=True),
    "Resizing, a letterbox": lambda: kl.Resizing(
        16, 16, pad_to_aspect_ratio=True, fill_value=9.0
    ),
}
"""On floats from 0 to 255."""
UNITS = {
    "RandomColorJitter": lambda: kl.RandomColorJitter(
        (0, 1), (0.1, 0.1), None, (0.3, 0.3), (1.0, 1.0)
    ),
    "RandomHue": lambda: kl.RandomHue((1.0, 1.0), **UNIT),
    "RandomSaturation": lambda: kl.RandomSaturation((0.3, 0.3), **UNIT),
    "saturated": lambda: kl.RandomSaturation((0.7, 0.7), **UNIT),
}
"""On floats from 0 to 1: with those to 255 Keras leaves the range, or clips to 1."""
INSIDE = {
    "RandomGaussianBlur": lambda: kl.RandomGaussianBlur(
        (1.0, 1.0), kernel_size=3, sigma=(0.8, 0.8)
    ),
    "RandomSharpness": lambda: kl.RandomSharpness((0.8, 0.8)),
}
"""At the edge Keras takes what is beyond for black."""


def both(theirs, images):
    """What Keras's layer and ours make of images."""
    expected = np.asarray(theirs(images, training=True))
    with op_by_op():
        ours = np.asarray(kal.fuse(theirs)(images, training=True))
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    return ours, expected


@pytest.mark.parametrize("name", EXACT)
def test_where_nothing_is_random_the_pixels_are_kerass(name, images):
    ours, expected = both(EXACT[name](), images)
    np.testing.assert_allclose(ours, expected, atol=0.01)
    assert np.ptp(expected) > 1.5


@pytest.mark.parametrize("name", UNITS)
def test_hsv_is_kerass(name, images):
    ours, expected = both(UNITS[name](), images / 255)
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    assert np.abs(ours - images / 255).max() > 0.1


@pytest.mark.parametrize("name", INSIDE)
def test_neighbourhoods_are_kerass_inside(name, images):
    ours, expected = both(INSIDE[name](), images)
    inner = np.s_[:, 1:-1, 1:-1]
    np.testing.assert_allclose(ours[inner], expected[inner], atol=0.01)
    assert np.abs(ours - images).max() > 5


def test_bits_are_kerass(images):
    theirs, images = kl.RandomPosterization((3, 3)), images.astype("uint8")
    expected = np.asarray(theirs(images, training=True))  # as floats
    np.testing.assert_array_equal(kal.fuse(theirs)(images, training=True), expected)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(3, (3, 3)), (1, (1, 1)), ((2, 5), (2, 5)), ((4, 4), (4, 4))],
)
def test_bits_are_those_that_keras_documents(factor, expected):
    """Keras makes a range of one number, from 1 on, and leaves out its upper end."""
    (layer,) = kal.fuse(kl.RandomPosterization(factor)).layers
    assert layer.factor == expected


def test_every_format_of_boxes_that_keras_has():
    flip = kl.RandomFlip(bounding_box_format="center_yxhw")
    (layer,) = kal.fuse([flip]).layers
    assert layer.bounding_box_format == "center_yxhw"


def test_statistics_of_whole_images_are_each_images_own(images):
    """Where Keras is wrong: it equalises a batch by one histogram."""
    batch = np.concatenate([images, images // 8])
    with op_by_op():
        ours = np.asarray(kal.fuse(kl.Equalization())(batch, training=True))
        alone = [
            np.asarray(kal.fuse(kl.Equalization())(x[np.newaxis], training=True))[0]
            for x in batch
        ]
    np.testing.assert_array_equal(ours, alone)
    theirs = np.asarray(kl.Equalization()(batch))
    assert np.abs(theirs[1] - np.asarray(kl.Equalization()(batch[1:]))[0]).max() > 30


KEPT = {
    "RandomCrop": (lambda: kl.RandomCrop(5, 6), {"height": 5, "width": 6}),
    "CutMix": (lambda: kl.CutMix(0.7), {"alpha": 0.7}),
    "MixUp": (lambda: kl.MixUp(0.4), {"alpha": 0.4}),
    "RandomErasing": (
        lambda: kl.RandomErasing((0.2, 0.6), (0.1, 0.2), fill_value=3.0),
        {"factor": (0.2, 0.6), "scale": (0.1, 0.2), "fill_value": 3.0},
    ),
    "RandomElasticTransform": (
        lambda: kl.RandomElasticTransform(
            (0.5, 0.5), (0.1, 0.4), "nearest", "constant", 2.0
        ),
        {
            "factor": (0.5, 0.5),
            "scale": (0.1, 0.4),
            "interpolation": "nearest",
            "fill_mode": "constant",
            "fill_value": 2.0,
        },
    ),
    "RandAugment": (
        lambda: kl.RandAugment(num_ops=3, factor=0.4),
        {"num_ops": 3, "magnitude": 12.0, "value_range": (0.0, 255.0)},
    ),
    "AugMix": (
        lambda: kl.AugMix(num_chains=2, chain_depth=1, factor=0.5, all_ops=False),
        {"severity": 5, "mixture_width": 2, "chain_depth": 1, "all_ops": False},
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_arguments_arrive(name):
    build, expected = KEPT[name]
    (layer,) = kal.fuse(build()).layers
    assert {key: getattr(layer, key) for key in expected} == expected


STATISTICS = {"mean": [1.0, 20.0, 70.0], "variance": [9.0, 2500.0, 1.0]}
ALONG = {
    "rows": (lambda: kl.Normalization(axis=1, **STATISTICS), (3, 1, 1)),
    "counted from the end": (
        lambda: kl.Normalization(axis=-3, **STATISTICS),
        (3, 1, 1),
    ),
    "channels": (lambda: kl.Normalization(axis=3, **STATISTICS), (3,)),
}
"""Layers of these statistics, and the shape in which NumPy has them."""
RESCALING = {
    "a scale": ([1 / 3, 0.02, 1.0], -1.0),
    "an offset": (2.0, [-1.0, -20.0, -70.0]),
    "both": ([1 / 3, 0.02, 1.0], [-1 / 3, -0.4, -70.0]),
    "arrays": (np.float32([1 / 3, 0.02, 1.0]), np.float32([0.5])),
}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", RESCALING)
def test_numbers_of_a_rescaling_are_along_the_axis_that_keras_has(name, data_format):
    """In newer Keras a scale is along the channels, an offset along the last axis."""
    cube = np.random.default_rng(4).uniform(0, 255, (2, 3, 3, 3)).astype("float32")
    layer = kl.Rescaling(*RESCALING[name])
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(data_format)
    try:
        ours, expected = kal.fuse([layer])(cube), layer(cube)
    finally:
        keras.config.set_image_data_format(before)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
    assert np.ptp(expected) > 100


def test_equal_numbers_are_for_the_channels():
    images = np.random.default_rng(4).uniform(0, 255, (2, 3, 8, 10)).astype("float32")
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        ours = kal.fuse([kl.RandomFlip(), kl.Rescaling([0.5, 0.5, 0.5])])(images)
    finally:
        keras.config.set_image_data_format(before)
    np.testing.assert_allclose(ours, images / 2, rtol=1e-6)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", ALONG)
def test_statistics_are_along_the_axis_that_is_named(name, data_format):
    """Of a cube, whose axes have all the same length.

    Against NumPy: the oldest Keras does not do it itself for rows.
    """
    build, shape = ALONG[name]
    cube = np.random.default_rng(4).uniform(0, 255, (2, 3, 3, 3)).astype("float32")
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(data_format)
    try:
        ours = kal.fuse([build()])
    finally:
        keras.config.set_image_data_format(before)
    assert isinstance(ours, kal.FusedAugmentation)
    mean, variance = (np.reshape(x, shape) for x in STATISTICS.values())
    expected = (cube - mean) / np.sqrt(variance)
    np.testing.assert_allclose(ours(cube), expected, rtol=1e-4, atol=1e-4)


NO_EQUIVALENT = {
    "an interpolation": lambda: kl.Resizing(9, 11, interpolation="lanczos3"),
    "an area": lambda: kl.Resizing(9, 11, interpolation="area"),
    "columns": lambda: kl.Normalization(axis=2, **STATISTICS),
    "a scale of rows": lambda: kl.Rescaling(np.float32([[[1]], [[2]], [[3]]])),
}


@pytest.mark.parametrize("name", NO_EQUIVALENT)
def test_what_ours_does_not_take_stays(name):
    theirs = NO_EQUIVALENT[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fused = kal.fuse([kl.RandomFlip(), theirs])
    assert fused.layers[-1] is theirs


def test_a_random_layer_that_ours_does_not_take_stays_with_the_reason():
    zoom = kl.RandomZoom(1)
    with pytest.warns(kal.NotFusedWarning, match="`height_factor` must be above -1"):
        assert kal.fuse([kl.RandomFlip(), zoom]).layers[-1] is zoom


def test_a_mix_up_without_mixing():
    assert kal.fuse([kl.MixUp(0.0)]).layers[0].alpha == 1e-3


def test_what_was_adapted_stays(images):
    adapted = kl.Normalization()
    adapted.adapt(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fused = kal.fuse([kl.RandomFlip(), adapted])
    assert fused.layers[-1] is adapted


@pytest.mark.thorough
def test_a_keras_pipeline_becomes_one_warp():
    stack = keras.Sequential(
        [
            kl.Resizing(16, 16),
            kl.RandomCrop(12, 12),
            kl.RandomFlip("horizontal"),
            kl.RandomRotation(0.1),
            kl.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1),
            kl.RandomErasing(fill_value=0.0),
            kl.Normalization(mean=[120.0] * 3, variance=[70.0**2] * 3),
        ]
    )
    fused = kal.fuse(stack)
    assert isinstance(fused, kal.FusedAugmentation)
    assert kal.explain(fused, (4, 20, 24, 3)).startswith("1 warp, ")
