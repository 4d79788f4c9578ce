"""Whatever is given for an argument: it is taken, or the error names the argument."""

import fractions
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

pytestmark = pytest.mark.thorough

ODD = {
    "tensor": tf.constant(0.1),
    "whole tensor": tf.constant(1),
    "tensor of two": tf.constant([0.1, 0.2]),
    "array": np.array(0.1),
    "whole array": np.array(1),
    "array of three": np.array([0.1, 0.2, 0.3]),
    "array of arrays": np.zeros((2, 2)),
    "variable": tf.Variable(1),
    "variables": tf.Variable([0.5, 0.5]),
    "object": object(),
    "class": int,
    "function": len,
    "layer": kal.RandomFlip(),
    "dict": {"a": 1},
    "set": {0.1, 0.2},
    "text": "x",
    "bytes": b"x",
    "nothing": "",
    "true": True,
    "complex": 1j,
    "nan": float("nan"),
    "inf": float("inf"),
    "negative": -1,
    "huge": 10**400,
    "half": 2.5,
    "fraction": fractions.Fraction(1, 10),
    "one in a list": [0.1],
    "nested": [[0, 1], [2]],
    "pair of none": (None, 0.1),
    "pair of text": ("a", 0.1),
    "pair of huge": (0, 10**400),
}
NEEDED = {
    "layers": [kal.RandomFlip()],
    "layer": kal.RandomFlip(),
    "height": 8,
    "width": 8,
    "mean": 0.5,
    "std": 0.5,
    "factor": 1,
    "scale": 1,
    "gain": 0.2,
    "turns": 0.1,
    "height_factor": 0.1,
    "fill_value": 0.0,
}
"""What an argument is where there has to be one, and another is tried."""
LAYERS = {
    name: value
    for name in kal.__all__
    if inspect.isclass(value := getattr(kal, name))
    and issubclass(value, keras.layers.Layer)
}
RECIPES = {name: getattr(kal.recipes, name) for name in kal.recipes.__all__}
RECIPES = {name: x for name, x in RECIPES.items() if inspect.isfunction(x)}


def named(function):
    parameters = inspect.signature(function).parameters.values()
    return {x.name: x for x in parameters if x.kind is not x.VAR_KEYWORD}


def problems(function, names, needed):
    """What was raised, and does not name the argument."""
    for name in names:
        for kind, value in ODD.items():
            try:
                function(**{**needed, name: value})
            except (TypeError, ValueError) as error:
                if name not in str(error) and "Exactly one of" not in str(error):
                    yield f"{name}={kind}: {error!r}"
            except Exception as error:
                yield f"{name}={kind}: {error!r}"


def of_layer(cls):
    own = named(cls)
    needed = {
        name: NEEDED[name]
        for name, x in own.items()
        if name in NEEDED and x.default is x.empty
    }
    return list(problems(cls, own, needed))


@pytest.mark.parametrize("name", LAYERS)
def test_an_argument_of_a_layer(name):
    assert not of_layer(LAYERS[name])


def test_an_argument_of_every_layer():
    bases = kal.AugmentationLayer, kal.GeometricLayer
    names = {name for base in bases for name in named(base.__init__)} - {"self"}
    assert {"seed", "fill_mode", "probability", "antialias"} <= names
    assert not [*problems(kal.RandomRotate, names, {"factor": 0.1})]


@pytest.mark.parametrize("name", RECIPES)
def test_an_argument_of_a_recipe(name):
    assert not [*problems(RECIPES[name], named(RECIPES[name]), {})]
