"""The public API keeps its own rules, and every sign and unit is what the docs say."""

import doctest
import importlib
import importlib.metadata
import inspect
import itertools
import json
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import ALWAYS, ARGUMENTS, EVERY, EXCLUSIVE, MIXES, PRESET
from helpers import drawn, op_by_op

import keras_aug_layers as kal
from keras_aug_layers.layers.base import AugmentationLayer

BASES = (
    "AugmentationLayer",
    "ColorLayer",
    "ErasingLayer",
    "GeometricLayer",
    "LayerGroup",
    "MixingLayer",
)
"""Of which users make layers of their own; none does anything by itself."""
ALIASES = {"RandomRotation": "RandomRotate", "RandomTranslation": "RandomShift"}
"""Keras's names of layers of ours."""
PUBLIC_LAYERS = [
    name
    for name in kal.__all__
    if name not in (*BASES, *ALIASES)
    and inspect.isclass(getattr(kal, name))
    and issubclass(getattr(kal, name), AugmentationLayer)
]
LAYERS = {**EVERY, **ALWAYS, **MIXES}
layers = pytest.mark.parametrize("name", PUBLIC_LAYERS)
"""Every public layer, read off the package."""


def own_bases(cls):
    """The class and its bases, up to AugmentationLayer."""
    mro = cls.__mro__
    return mro[: mro.index(AugmentationLayer) + 1]


def written(cls):
    """The arguments of the constructor, without those that Keras's order adds."""
    return inspect.signature(inspect.unwrap(cls.__init__)).parameters


def parameters(cls):
    """Every named argument of the constructor, those of its bases included."""
    return {
        name: parameter
        for base in reversed(own_bases(cls))
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if name not in {"self", "name"} | PRESET.get(cls.__name__, set())
        and parameter.kind is not parameter.VAR_KEYWORD
    }


def test_the_tables_of_examples_hold_every_public_layer_and_no_other():
    assert not LAYERS.keys() ^ set(PUBLIC_LAYERS), "tests/examples.py"


def test_every_module_of_layers_is_imported_and_public():
    """A layer that stands in a file, and nowhere else, is named."""
    found = set()
    for info in pkgutil.walk_packages(kal.layers.__path__, "keras_aug_layers.layers."):
        for name, value in vars(importlib.import_module(info.name)).items():
            ours = inspect.isclass(value) and value.__module__ == info.name
            if ours and issubclass(value, AugmentationLayer):
                if keras.saving.get_registered_name(value) != name:
                    found.add(name)
    assert found >= set(PUBLIC_LAYERS) - {"FusedAugmentation"}
    made = {"GeneratorAugmentation"}  # by `from_image_data_generator`
    assert not found - made - set(kal.__all__), "keras_aug_layers/__init__.py"


def test_all_names_are_there_once():
    assert len(set(kal.__all__)) == len(kal.__all__)
    assert all(hasattr(kal, name) for name in kal.__all__)


def test_the_version_is_that_of_the_package():
    assert importlib.metadata.version("keras-aug-layers") == kal.__version__


@pytest.mark.parametrize("name", kal.__all__)
def test_public_names_are_documented(name):
    assert inspect.getdoc(getattr(kal, name))


@pytest.mark.parametrize("name", [*BASES, *PUBLIC_LAYERS])
def test_layers_have_an_example(name):
    doc = inspect.getdoc(getattr(kal, name))
    assert "Example:" in doc
    assert ">>> " in doc


@layers
def test_layers_are_registered_and_documented(name):
    cls = getattr(kal, name)
    registered = keras.saving.get_registered_name(cls)
    assert registered == f"keras_aug_layers>{name}"
    assert keras.saving.get_registered_object(registered) is cls
    makers = [base for base in own_bases(cls) if "__init__" in vars(base)]
    for maker in makers:
        doc = inspect.getdoc(maker)
        own = written(maker).keys() - {"self", "kwargs"}
        assert not [argument for argument in own if f"    {argument}: " not in doc]


POSITIONAL = {
    "SizeLayer": 2,  # of whose layers they are the first two
    "RandomColorJitter": 5,  # those of keras.layers.RandomColorJitter
    "RandomErasing": 4,  # all of keras.layers.RandomErasing's
    "Resizing": 5,  # all of keras.layers.Resizing's
}


@layers
def test_arguments_after_the_first_two_are_keyword_only(name):
    for base in own_bases(getattr(kal, name)):
        _, *arguments = written(base).values()
        kinds = [argument.kind for argument in arguments]
        first = POSITIONAL.get(base.__name__, 2 if base.__name__ == name else 1)
        named = kinds[first:]
        allowed = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
        assert set(named) <= allowed, base
        assert inspect.Parameter.VAR_POSITIONAL not in kinds


def made(layer, images, **kwargs):
    """What the layer makes of images while training, and of labels if it needs them."""
    if not layer.mixes():
        return drawn(layer, images, **kwargs)
    data = {"images": images, "labels": np.eye(7, dtype="float32")[: len(images)]}
    with op_by_op():
        result = layer(data, training=True, **kwargs)
    return np.concatenate([np.ravel(result[key]) for key in data])


def value_for(name, argument):
    return ARGUMENTS.get(f"{name}.{argument}", ARGUMENTS.get(argument))


@layers
def test_every_argument_has_another_value_in_the_table(name):
    arguments = parameters(getattr(kal, name))
    assert {"probability", "seed", "data_format"} <= arguments.keys()
    lacking = {
        argument
        for argument, parameter in arguments.items()
        if value_for(name, argument) in (None, parameter.default)
    }
    assert not lacking


@layers
def test_every_argument_survives_the_config(name):
    cls = getattr(kal, name)
    arguments = parameters(cls)
    survived = set()
    for left_out in EXCLUSIVE.get(name, (set(),)):
        given = {key: value_for(name, key) for key in arguments.keys() - left_out}
        layer = cls(**given, name="mine")
        config = layer.get_config()
        again = cls.from_config(config)
        assert again.get_config() == config
        assert again.name == "mine"
        plain = given.keys() - {"layer", "layers"}  # these are compared serialised
        assert {key: config[key] for key in plain} == {key: given[key] for key in plain}
        assert given.keys() <= config.keys()
        serialized = keras.saving.serialize_keras_object(layer)
        through_json = keras.saving.deserialize_keras_object(
            json.loads(json.dumps(serialized))
        )
        assert type(through_json) is cls
        assert keras.saving.serialize_keras_object(through_json) == serialized
        images = np.arange(6 * 3 * 8 * 9).reshape(6, 3, 8, 9).astype("uint8")
        expected = made(layer, images, seed=(1, 2))
        for copy in (again, through_json):
            found = made(copy, images, seed=(1, 2))
            np.testing.assert_array_equal(found, expected)
        survived |= given.keys()
    assert survived == arguments.keys()


@pytest.mark.thorough
@layers
def test_defaults_survive_the_config(name):
    layer = LAYERS[name](seed=3)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    images = np.arange(4 * 8 * 9 * 3).reshape(4, 8, 9, 3).astype("uint8")
    np.testing.assert_array_equal(made(again, images), made(layer, images))


@layers
def test_a_call_defaults_to_inference(name):
    call = inspect.signature(getattr(kal, name).call).parameters
    assert call["training"].default is False
    assert LAYERS[name]().supports_jit


@layers
def test_layers_keep_kerass_own_arguments(name):
    layer = LAYERS[name](name="mine")
    assert layer.name == "mine"
    assert not layer.trainable_variables


@pytest.mark.parametrize("name", {**EVERY, **ALWAYS})
def test_symbolic_shapes(name):
    """Those of EVERY change nothing; all say before what comes out."""
    layer = LAYERS[name]()
    inputs = keras.Input((None, 9, 3), dtype="uint8")
    outputs = layer(inputs)
    if name in EVERY:
        assert outputs.shape == inputs.shape
        assert outputs.dtype == "uint8"
        assert layer.compute_output_shape((2, 8, 9, 3)) == (2, 8, 9, 3)
    for training in (False, True):
        with op_by_op():
            result = layer(np.zeros((2, 8, 9, 3), "uint8"), training=training)
        assert result.dtype == outputs.dtype
        assert result.shape == layer.compute_output_shape((2, 8, 9, 3))
        assert tf.TensorShape(outputs.shape).is_compatible_with(result.shape)


# Signs and units, one by one. The picture is a single bright pixel.


def spot(y, x, size=(5, 7)):
    image = np.zeros((*size, 1), "uint8")
    image[y, x] = 100
    return image


def where(image):
    (place,) = np.argwhere(image[..., 0] == 100)
    return tuple(int(i) for i in place)


CONSTANT = {"fill_mode": "constant"}
ONE, MINUS_ONE, ZERO = (1, 1), (-1, -1), (0, 0)

SIGNS = {
    "positive height shift: down": (
        kal.RandomShift(ONE, ZERO, unit="pixels", **CONSTANT),
        (3, 2),
    ),
    "negative height shift: up": (
        kal.RandomShift(MINUS_ONE, ZERO, unit="pixels", **CONSTANT),
        (1, 2),
    ),
    "positive width shift: right": (
        kal.RandomShift(ZERO, ONE, unit="pixels", **CONSTANT),
        (2, 3),
    ),
    "negative width shift: left": (
        kal.RandomShift(ZERO, MINUS_ONE, unit="pixels", **CONSTANT),
        (2, 1),
    ),
    "height shift: fraction of the height": (
        kal.RandomShift((0.4, 0.4), ZERO, **CONSTANT),
        (4, 2),
    ),
    "width shift: fraction of the width": (
        kal.RandomShift(ZERO, (4 / 7, 4 / 7), interpolation="nearest", **CONSTANT),
        (2, 6),
    ),
    # (2, 2) is one pixel left of the middle (2, 3): counter-clockwise leads below it.
    "positive turn: counter-clockwise": (
        kal.RandomRotate((0.25, 0.25), **CONSTANT),
        (3, 3),
    ),
    "negative turn: clockwise": (
        kal.RandomRotate((-0.25, -0.25), **CONSTANT),
        (1, 3),
    ),
    "degrees: counter-clockwise, 360 a turn": (
        kal.RandomRotate(degrees=(90, 90), **CONSTANT),
        (3, 3),
    ),
}


@pytest.mark.parametrize(("layer", "place"), SIGNS.values(), ids=SIGNS)
def test_moves(layer, place):
    assert where(drawn(layer, spot(2, 2))) == place


def bright_size(layer):
    """Height and width of a bright square of 8 x 8 after the layer."""
    image = np.zeros((32, 32, 1), "float32")
    image[12:20, 12:20] = 1
    result = drawn(layer, image)[..., 0] > 0.5
    return int(result.any(axis=1).sum()), int(result.any(axis=0).sum())


def test_positive_zoom_zooms_out():
    assert bright_size(kal.RandomZoom(ONE, **CONSTANT)) == (4, 4)


def test_negative_zoom_zooms_in():
    assert bright_size(kal.RandomZoom((-0.5, -0.5), **CONSTANT)) == (16, 16)


def test_zoom_takes_the_height_first():
    assert bright_size(kal.RandomZoom(ONE, (-0.5, -0.5), **CONSTANT)) == (4, 16)


@pytest.mark.parametrize(
    ("mode", "places"),
    [
        ("horizontal", {(1, 2), (1, 4)}),
        ("vertical", {(1, 2), (3, 2)}),
        ("horizontal_and_vertical", set(itertools.product((1, 3), (2, 4)))),
    ],
)
def test_flip_axes(mode, places):
    images = np.stack([spot(1, 2)] * 40)
    results = drawn(kal.RandomFlip(mode, seed=1), images)
    assert {where(result) for result in results} == places


@pytest.mark.parametrize(
    ("unit", "value", "value_range", "expected"),
    [
        ("gain", 1.5, None, 150),
        ("gain", 0.5, None, 50),
        ("factor", 0.2, None, 151),
        ("factor", -0.2, None, 49),
        ("factor", 0.2, (0, 100), 100),
        ("factor", 0.2, (50, 150), 120),
    ],
)
def test_positive_brightness_brightens(unit, value, value_range, expected):
    image = np.full((4, 5, 3), 100, "uint8")
    layer = kal.RandomBrightness(value_range=value_range, **{unit: (value, value)})
    np.testing.assert_array_equal(drawn(layer, image), expected)


def test_a_number_is_a_range_around_zero():
    assert kal.RandomShift(0.2).height_factor == (-0.2, 0.2)
    assert kal.RandomShift(0.2).width_factor == (0.0, 0.0)
    assert kal.RandomRotate(0.25).factor == (-0.25, 0.25)
    assert kal.RandomRotate(degrees=30).degrees == (-30.0, 30.0)
    assert kal.RandomZoom(0.3).height_factor == (-0.3, 0.3)
    assert kal.RandomBrightness(0.3).factor == (-0.3, 0.3)


def test_defaults():
    layer = kal.RandomShift(0.2)
    assert (layer.fill_mode, layer.interpolation) == ("reflect", "bilinear")
    assert (layer.fill_value, layer.probability) == (0.0, 1.0)
    assert layer.data_format == keras.config.image_data_format()
    assert layer.seed is None


MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(kal.__path__, "keras_aug_layers.")
    if not module.name.endswith("__main__")
]
PUBLIC_NAMES = {name: getattr(kal, name) for name in kal.__all__}
DOCTESTS = {
    test.name: test
    for module in MODULES
    for test in doctest.DocTestFinder().find(module, extraglobs=PUBLIC_NAMES)
    if test.examples
}


@pytest.mark.parametrize("test", DOCTESTS.values(), ids=DOCTESTS)
def test_examples_of_the_docstrings(test):
    keras.utils.clear_session()  # layers are named as in a fresh process
    output = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with op_by_op():
        results = runner.run(test, out=output.append)
    assert results.attempted > 0
    assert not results.failed, "".join(output)


def test_the_layers_have_examples_that_run():
    assert len(DOCTESTS) >= len(PUBLIC_LAYERS)


def test_a_transform_is_a_value():
    """It crosses a tf.function and tf.data as tensors do."""
    images = np.arange(4 * 8 * 9 * 3).reshape(4, 8, 9, 3).astype("uint8")
    layer = kal.RandomRotate(0.2)
    transform = layer.sample(images)
    expected = transform.images(images).numpy()
    through_graph = tf.function(lambda t: t)(transform)
    np.testing.assert_array_equal(through_graph.images(images), expected)
    (through_data,) = tf.data.Dataset.from_tensors(transform)
    np.testing.assert_array_equal(through_data.images(images), expected)
    np.testing.assert_array_equal(transform.images(images), expected)
