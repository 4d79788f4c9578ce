"""The one table of layers over which every generic test runs.

A public layer that is missing here fails tests/test_conventions.py.
"""

import functools

import keras_aug_layers as kal

EXAMPLES = {
    "RandomBrightness": functools.partial(kal.RandomBrightness, 0.4),
    "RandomFlip": kal.RandomFlip,
    "RandomRotate": functools.partial(kal.RandomRotate, 0.1),
    "RandomShift": functools.partial(kal.RandomShift, 0.2, 0.3),
    "RandomZoom": functools.partial(kal.RandomZoom, 0.3, 0.2),
}
"""Each layer with a typical strength; more keyword arguments may be added."""

GEOMETRIC = ("RandomFlip", "RandomRotate", "RandomShift", "RandomZoom")

ARGUMENTS = {
    "bounding_box_format": "xywh",
    "data_format": "channels_first",
    "factor": (-0.2, 0.3),
    "degrees": (-20.0, 30.0),
    "fill_mode": "wrap",
    "fill_value": 7.0,
    "height_factor": (-0.1, 0.2),
    "interpolation": "nearest",
    "method": "add",
    "mode": "vertical",
    "probability": 0.25,
    "seed": 3,
    "unit": "pixels",
    "value_range": (0.0, 100.0),
    "width_factor": (-0.3, 0.4),
}
"""A value other than the default for each argument of each layer."""

EXCLUSIVE = {"RandomRotate": ({"factor"}, {"degrees"})}
"""Arguments that a layer does not take together: leave out one set at a time."""


def stack(**kwargs):
    """One layer of each kind, in a list."""
    return [example(**kwargs) for example in EXAMPLES.values()]
