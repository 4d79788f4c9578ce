"""What looks at a whole image is done in its place in the list, before a move."""

import keras
import numpy as np
import pytest

import keras_aug_layers as kal

LOOKING = {
    "contrast stretched": lambda: kal.AutoContrast(),
    "equalized": lambda: kal.Equalization(),
    "gamma": lambda: kal.RandomGamma((2.0, 2.0), keep_statistics=True),
    "jitter": lambda: kal.RandomColorJitter(contrast=(1.6, 1.6), order="random"),
    "hue, contrast": lambda: kal.FusedAugmentation(
        [kal.RandomHue(turns=(0.3, 0.3)), kal.RandomContrast((0.5, 0.5))]
    ),
}
MOVES = {
    "crop": lambda: kal.CenterCrop(8, 8),
    "shift": lambda: kal.RandomShift(
        (0.5, 0.5), (0.25, 0.25), fill_mode="constant", fill_value=0
    ),
}


@pytest.fixture(scope="module")
def images():
    """Dull in the middle, bright around it, and nowhere black."""
    random = np.random.default_rng(0)
    made = random.integers(100, 250, (3, 16, 20, 3))
    made[:, 4:12, 6:14] = made[:, 4:12, 6:14] // 4 + 60
    return made.astype("uint8")


CASES = [
    *((look, "crop", "Sequential") for look in LOOKING),
    *((look, "shift", "calls") for look in LOOKING),
    ("equalized", "crop", "group"),
    ("hue, contrast", "shift", "group"),
]


@pytest.mark.parametrize(("look", "move", "form"), CASES)
def test_a_move_behind_does_not_change_what_was_seen(images, look, move, form):
    layers = [LOOKING[look](), MOVES[move]()]
    expected, other_way = images, images
    for layer, turned in zip(layers, reversed(layers), strict=True):
        expected = layer(expected, training=True).numpy()
        other_way = turned(other_way, training=True).numpy()
    assert np.abs(other_way.astype(int) - expected).max() > 5

    def calls(x, training):
        for layer in layers:
            x = layer(x, training=training)
        return x

    model = keras.Sequential([keras.Input((16, 20, 3), dtype="uint8"), *layers])
    forms = {
        "calls": calls,
        "Sequential": model,
        "group": kal.FusedAugmentation(layers),
    }
    made = forms[form](images, training=True).numpy()
    assert np.abs(made.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("look", LOOKING)
def test_behind_a_move_it_is_one_warp(look, images):
    layers = [kal.RandomRotate(0.1), LOOKING[look]()]
    told = kal.explain(kal.FusedAugmentation(layers), images.shape)
    assert told.startswith("1 warp")
    behind = [LOOKING[look](), kal.RandomRotate(0.1)]
    told = kal.explain(kal.FusedAugmentation(behind), images.shape)
    assert told.startswith("1 warp")
