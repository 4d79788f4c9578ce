"""What the tests of colours share."""

import numpy as np

import keras_aug_layers as kal

RANGE = (0.0, 255.0)
LUMA = np.array([0.299, 0.587, 0.114])


def linear_hue(turns, value_range=None, **kwargs):
    return kal.RandomHue(turns=turns, value_range=value_range, space="linear", **kwargs)


def linear_saturation(factor, value_range=None):
    """With the range of a change of the gain: f for (-f, f), or a pair."""
    gain = tuple(1.0 + x for x in factor) if isinstance(factor, tuple) else factor
    return kal.RandomSaturation(gain=gain, value_range=value_range, space="linear")


JITTER = {
    "brightness": (1.2, 1.2),
    "contrast_factor": (-0.4, -0.4),
    "saturation": (1.5, 1.5),
    "hue": (0.1, 0.1),
}


def colorful(**kwargs):
    stack = [
        kal.RandomBrightness(gain=(1.1, 1.4)),
        kal.RandomContrast((0.3, 0.6)),
        linear_saturation((-0.6, -0.2)),
        linear_hue((0.1, 0.2)),
        kal.RandomInvert(0.5, RANGE),
        kal.RandomChannelShift(40, RANGE),
    ]
    return kal.FusedAugmentation(stack, **kwargs)
