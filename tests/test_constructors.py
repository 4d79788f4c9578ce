"""Layers and recipes from text: what is read, and that nothing is run."""

import pytest

import keras_aug_layers as kal
from keras_aug_layers.constructors import build_layer, build_recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RandomRotate(degrees=30)", kal.RandomRotate(degrees=30)),
        (" RandomFlip ", kal.RandomFlip()),
        ("RandomZoom((-0.3, 0), None)", kal.RandomZoom((-0.3, 0))),
        (
            "FusedAugmentation([RandomFlip, RandomHue(0.5)], fill_mode='wrap')",
            kal.FusedAugmentation(
                [kal.RandomFlip(), kal.RandomHue(0.5)], fill_mode="wrap"
            ),
        ),
    ],
)
def test_layers(text, expected):
    built = build_layer(text)
    assert type(built) is type(expected)
    assert arguments(built) == arguments(expected)


def arguments(layer):
    """A layer's configuration without names."""
    layers = [arguments(x) for x in layer.members()]
    config = layer.get_config()
    return {**{k: config[k] for k in config.keys() - {"name", "layers"}}, "in": layers}


def test_defaults_go_where_they_fit():
    text = "FusedAugmentation([RandomShift(0.1), RandomHue(0.1)])"
    group = build_layer(text, fill_mode="wrap", bounding_box_format="xywh")
    assert group.layers[0].fill_mode == group.fill_mode == "wrap"
    assert group.layers[1].bounding_box_format == "xywh"
    assert build_layer("RandomShift(0.1, fill_mode='nearest')", fill_mode="wrap")


def test_recipes():
    assert build_recipe("mae").name == "mae"
    recipe = build_recipe("timm(size=32, scale=(0.5, 1), reprob=0)")
    assert recipe.arguments["scale"] == (0.5, 1)
    assert build_recipe("mae", size=20, num_classes=3).arguments["size"] == 20
    assert build_recipe("mae(size=24)", size=20).arguments["size"] == 24


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RandomRotate(", "is no call"),
        ("Conv2D(3, 3)", "'Conv2D' is no layer. There are: .*RandomRotate"),
        ("keras.layers.Dense(3)", "'keras.layers.Dense' is no layer"),
        ("RandomRotate(factor=1, degrees=2)", "`degrees`"),
        ("RandomRotate(turn=3)", "`turn` is no argument of RandomRotate"),
        ("RandomRotate(2 ** 3)", r"'2 \*\* 3' is no number, string or layer"),
        ("RandomRotate(**{'degrees': 3})", "has .* in it"),
        ("RandomRotate(__import__('os').getpid())", "is no layer"),
        ("[RandomFlip()]", "is no layer"),
    ],
)
def test_errors(text, problem):
    with pytest.raises(ValueError, match=problem):
        build_layer(text)


def test_a_place_counts_more_than_a_default():
    recipe = build_recipe("timm(28)", size=32)
    assert recipe.arguments["size"] == 28
    text = "RandomShift(0.1, 0.1, 'nearest')"
    assert build_layer(text, fill_mode="constant").fill_mode == "nearest"


@pytest.mark.parametrize(
    "text, name, value",
    [
        ("RandomRotate(30 / 360)", "factor", (-1 / 12, 1 / 12)),
        ("RandomResizedCrop(8, 8, ratio=(3 / 4, 4 / 3))", "ratio", (0.75, 4 / 3)),
        ("Rescaling(1 / 255)", "scale", 1 / 255),
    ],
)
def test_fractions(text, name, value):
    assert getattr(build_layer(text), name) == pytest.approx(value)


@pytest.mark.parametrize("text", ["RandomRotate(1 / 0)", "RandomRotate(2 ** 3)"])
def test_what_is_no_fraction(text):
    with pytest.raises(ValueError, match="is no number"):
        build_layer(text)
