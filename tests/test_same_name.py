"""A name that Keras has means what it means in Keras."""

import inspect

import keras
import numpy as np
import pytest
from helpers import drawn, random_images, sampled

import keras_aug_layers as kal

SPOKEN_ALIKE = {
    "negative rotation": (kal.RandomRotate(-0.2), {"factor": (-0.2, 0.2)}),
    "negative shift": (kal.RandomShift(-0.2, 0.1), {"height_factor": (-0.2, 0.2)}),
    "negative zoom": (kal.RandomZoom(-0.2), {"height_factor": (-0.2, 0.2)}),
    "negative brightness": (kal.RandomBrightness(-0.2), {"factor": (-0.2, 0.2)}),
    "descending shift": (kal.RandomShift((0.3, -0.1)), {"height_factor": (-0.1, 0.3)}),
    "descending shear": (kal.RandomShear(0.1, (0.3, 0)), {"y_factor": (0.0, 0.3)}),
    "descending hue": (kal.RandomHue((0.4, 0.1)), {"factor": (0.1, 0.4)}),
    "descending bits": (kal.RandomPosterization((5, 3)), {"factor": (3, 5)}),
    "descending value range": (
        kal.RandomSharpness(0.5, (255, 0)),
        {"value_range": (0.0, 255.0)},
    ),
    "descending zoom of a generator": (
        kal.from_image_data_generator(zoom_range=(1.2, 0.8)),
        {"zoom_range": (0.8, 1.2)},
    ),
    "chances of a negative": (kal.RandomInvert((0.2, 0.6)), {"factor": 0.4}),
    "chances of a tilt": (kal.RandomPerspective((1.0, 0.0)), {"factor": 0.5}),
    "chances of a blur": (kal.RandomGaussianBlur((0.0, 0.5)), {"factor": 0.25}),
    "none in the jitter": (
        kal.RandomColorJitter(None, 0.2, None, None, 0.1),
        {"brightness_factor": (-0.2, 0.2), "contrast_factor": None},
    ),
}


@pytest.mark.parametrize(("layer", "expected"), SPOKEN_ALIKE.values(), ids=SPOKEN_ALIKE)
def test_ranges_are_accepted_as_keras_accepts_them(layer, expected):
    config = layer.get_config()
    assert {name: pytest.approx(config[name]) for name in expected} == expected
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: kal.FusedAugmentation([x])])
@pytest.mark.parametrize(
    ("mode", "chance", "expected"),
    [
        ("horizontal", 0.9, (0.9, 0.0)),
        ("horizontal_and_vertical", (0.2, 0.7), (0.2, 0.7)),
        ("vertical", (0.2, 1.0), (0.0, 1.0)),
    ],
)
def test_a_flip_has_a_chance_of_each_axis(mode, chance, expected, wrap):
    layer = kal.RandomFlip(mode, chance=chance, seed=1)
    again = kal.RandomFlip.from_config(layer.get_config())
    matrix = sampled(wrap(again), (2000, 4, 4, 1)).matrix.numpy()
    flipped = matrix[:, (0, 1), (0, 1)] < 0
    np.testing.assert_allclose(flipped.mean(0), expected, atol=0.04)


def members(layer):
    """The layer's, and theirs, and so on."""
    return [x for each in layer.members() for x in (each, *members(each))]


@pytest.mark.parametrize("chance", [0.8, 1.0])
def test_a_recipe_flips_more_than_half_of_the_images(chance):
    recipe = kal.recipes.timm(size=8, hflip=chance, auto_augment=None)
    (flip,) = (x for x in members(recipe.train) if isinstance(x, kal.RandomFlip))
    assert (flip.mode, flip.chance, flip.probability) == ("horizontal", chance, 1.0)


OLD = {
    "multiply": (0.2, 0.2),
    "add": (-0.1, -0.1),
}


@pytest.mark.parametrize("method", OLD)
def test_a_saved_brightness_keeps_its_meaning(method):
    """Version 0.1 had `method`: a gain of 1 + u, or a part of the range."""
    new = kal.RandomBrightness(0.5, (0, 200), seed=1).get_config()
    old = {**new, "factor": OLD[method], "method": method}
    del old["gain"]
    layer = kal.RandomBrightness.from_config(old)
    pixels = drawn(layer, np.full((1, 2, 2, 3), 100, "uint8"))
    assert pixels.ravel()[0] == {"multiply": 120, "add": 80}[method]
    assert kal.RandomBrightness.from_config(layer.get_config()).gain == layer.gain


@pytest.mark.parametrize(
    "layer", [kal.RandomRotation(0.1), kal.RandomTranslation(0.1, 0.2)]
)
def test_a_name_of_kerass_is_saved_under_ours(layer):
    saved = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is type(layer) in (kal.RandomRotate, kal.RandomShift)
    assert again.get_config() == layer.get_config()


def peers():
    """Layers of one value in Keras's units, which are the same here."""
    color = {"value_range": (0, 1)}
    for name, factor in {
        "RandomBrightness": (0.3, 0.3),
        "RandomSaturation": (0.5, 0.5),
        "RandomHue": (1.0, 1.0),
        "RandomSharpness": (0.5, 0.5),
        "RandomColorDegeneration": (0.3, 0.3),
    }.items():
        yield name, (factor,), color
    yield "RandomSaturation", ((0.2, 0.2),), color
    yield "RandomColorJitter", ((0, 1), (-0.3, -0.3)), {}
    yield "RandomColorJitter", ((0, 1), None, None, (0.3, 0.3)), {}
    yield "RandomInvert", ((1.0, 1.0),), color


@pytest.mark.parametrize(("name", "given", "named"), [*peers()])
def test_keras_units_are_ours(name, given, named):
    images = random_images((4, 7, 9, 3))
    expected = getattr(keras.layers, name)(*given, **named)(images, training=True)
    result = drawn(getattr(kal, name)(*given, **named), images)
    np.testing.assert_allclose(result, expected, atol=1e-4)  # of grey, four digits


ANOTHER_ORDER = {
    "AugMix": "the published arguments",
    "Equalization": "always 256 bins",
    "RandAugment": "the published arguments",
}
"""Layers of both whose arguments are others, and what they are."""
RENAMED = {("CutMix", "factor"): "alpha"}
VALUES = {
    "addition_factor": 0.1,
    "alpha": 0.3,
    "antialias": False,
    "brightness_factor": 0.1,
    "contrast_factor": 0.2,
    "crop_to_aspect_ratio": False,
    "data_format": "channels_first",
    "factor": 0.3,
    "fill_mode": "wrap",
    "fill_value": 3.0,
    "height": 5,
    "height_factor": 0.1,
    "hue_factor": 0.4,
    "interpolation": "nearest",
    "kernel_size": 5,
    "mode": "vertical",
    "name": "mine",
    "pad_to_aspect_ratio": True,
    "saturation_factor": 0.3,
    "scale": 0.2,
    "seed": 7,
    "sigma": 0.6,
    "threshold_factor": 0.5,
    "value_range": (0.0, 100.0),
    "width": 6,
    "width_factor": 0.2,
    "x_factor": 0.1,
    "y_factor": 0.2,
    ("RandomPosterization", "factor"): 3,
}
SHARED = [
    name
    for name, cls in vars(keras.layers).items()
    if ".image_preprocessing." in getattr(cls, "__module__", "") and hasattr(kal, name)
]


def test_most_layers_of_keras_are_here():
    assert len(SHARED) >= 28
    assert ANOTHER_ORDER.keys() <= set(SHARED)


@pytest.mark.parametrize("name", sorted(set(SHARED) - ANOTHER_ORDER.keys()))
def test_arguments_come_in_the_order_of_keras(name):
    ours, keras_own = getattr(kal, name), getattr(keras.layers, name)
    named = list(inspect.signature(keras_own).parameters)
    assert named.pop() == "kwargs"
    values = [VALUES.get((name, key), VALUES.get(key)) for key in named]
    keyed = dict(zip([RENAMED.get((name, k), k) for k in named], values, strict=True))
    config = ours(*values).get_config()
    expected = ours(**keyed).get_config()
    if "name" not in keyed:  # Keras counts them up
        del config["name"], expected["name"]
    assert config == expected
    keras_own(*values)  # to which they mean something as well
    with pytest.raises(TypeError):
        ours(*values, 1)
    with pytest.raises(TypeError, match="multiple values"):
        ours(*values, **dict([keyed.popitem()]))


@pytest.mark.parametrize("name", ["AugMix", "RandAugment"])
def test_arguments_in_the_order_of_keras_are_refused_elsewhere(name):
    with pytest.raises(ValueError, match=r"Received: \(0, 255\)"):
        getattr(kal, name)((0, 255))


def test_what_keras_calls_antialias_is_taken():
    assert kal.Resizing(5, 6, antialias=True).antialias == "auto"
