"""Stacks of matrices, curves, statistics and blurs against the rules, in NumPy.

The rules: steps come in their order. Affine ones follow one another without a rounding.
What reads stored values (a curve, a statistic's table, a neighbourhood) begins from
values that are clipped and rounded, and the last two leave such. A mean is that of
what the steps before it make of the image; what a table counts is what a crop keeps.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from published import pixels as reference

import keras_aug_layers as kal

LUMA = np.array((0.299, 0.587, 0.114))


def stored(x):
    """As uint8."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def blurred(x):
    """Rows, and then columns, each stored."""
    for size in ((5, 1), (1, 5)):  # torchvision's order: width, height
        x = reference.gaussian_blur(x, size, (0.9, 0.9))
    return x


def about_the_mean(x):
    mean = x.mean(axis=(0, 1))
    return mean + 0.6 * (x - mean)


AFFINE = {
    "brighter": (lambda: kal.RandomBrightness(gain=(1.25, 1.25)), lambda x: 1.25 * x),
    "lighter": (lambda: kal.RandomBrightness((-0.1, -0.1)), lambda x: x - 25.5),
    "paler": (
        lambda: kal.RandomSaturation(gain=(0.4, 0.4), space="linear"),
        lambda x: 0.4 * x + 0.6 * (x @ LUMA)[..., None],
    ),
    "inverted": (lambda: kal.RandomInvert(1.0), lambda x: 255.0 - x),
    "contrast": (lambda: kal.RandomContrast((-0.4, -0.4)), about_the_mean),
}
STORED = {
    "solarized": (
        lambda: kal.Solarization(threshold_factor=(0.5, 0.5)),
        lambda x: reference.solarize(x, 127.5),
    ),
    "posterized": (lambda: kal.RandomPosterization(3), lambda x: x & 0xE0),
    "bent": (
        lambda: kal.RandomGamma((1.6, 1.6)),
        lambda x: 255.0 * (x / 255.0) ** 1.6,
    ),
    "equalized": (kal.Equalization, reference.equalize),
    "blurred": (
        lambda: kal.RandomGaussianBlur(kernel_size=5, sigma=(0.9, 0.9)),
        blurred,
    ),
}
EVERY = {**AFFINE, **STORED}
"""Layers of one strength, and what each makes of an image: of floats, or of uint8."""
STACKS = [
    ("brighter", "solarized", "contrast", "inverted"),
    ("contrast", "bent", "paler", "contrast"),
    ("brighter", "blurred", "contrast", "solarized", "paler"),
    ("lighter", "equalized", "blurred", "contrast", "posterized"),
    ("posterized", "brighter", "bent", "blurred", "inverted", "contrast"),
]
FORMS = {
    "op by op": {"jit_compile": False},
    "compiled": {"jit_compile": True},
}


def expected(image, names):
    """By the rules, in float64."""
    x = image.astype("float64")
    for name in names:
        x = EVERY[name][1](stored(x) if name in STORED else x)
        x = x.astype("float64")
    return stored(x)


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(3)
    y, x = np.mgrid[:30, :36]
    waves = [np.sin(x / a + y / b) for a, b in ((5, 9), (7, -4), (11, 6))]
    smooth = 110 + 70 * np.stack(waves, axis=-1)
    return stored(
        smooth + random.normal(0, 15, (3, 30, 36, 3)) * [[[[1]]], [[[2]]], [[[3]]]]
    )


FORMED = [
    *((names, "op by op") for names in STACKS),
    *((names, "compiled") for names in STACKS[:2]),
    (STACKS[2], "Sequential"),
    (STACKS[3], "compiled"),
    (STACKS[4], "Sequential"),
]
"""Each of them by the op, and compiled, in a group or in a chain."""


@pytest.mark.parametrize(
    ("names", "form"), FORMED, ids=lambda x: x if isinstance(x, str) else "-".join(x)
)
def test_a_stack_follows_the_rules(photos, names, form):
    check(photos, names, form, [], photos)


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (("paler", "equalized", "blurred", "brighter", "posterized"), form)
        for form in FORMS
    ]
    + [(("paler", "solarized", "contrast", "blurred", "contrast"), "Sequential")],
    ids=str,
)
@pytest.mark.thorough
def test_statistics_are_those_of_what_a_crop_keeps(photos, names, form):
    check(photos, names, form, [kal.CenterCrop(20, 22)], photos[:, 5:25, 7:29])


def check(photos, names, form, before, part):
    """A stack behind other layers makes of photos what the rules make of a part."""
    layers = [*before, *(EVERY[name][0]() for name in names)]
    if form == "Sequential":
        stack = keras.Sequential(
            [keras.Input(photos.shape[1:], dtype="uint8"), *layers]
        )
    else:
        stack = kal.FusedAugmentation(layers, **FORMS[form])
    result = tf.function(lambda x: stack(x, training=True))(photos).numpy()
    wanted = np.stack([expected(image, names) for image in part])
    far = np.abs(result.astype(int) - wanted)
    assert result.dtype == np.uint8
    assert np.abs(wanted.astype(int) - part).mean() > 5
    # A value that lies half-way may be rounded up or down, and go through a curve.
    assert (far > 1).mean() < 2e-3
    assert (far > 0).mean() < 2e-2
