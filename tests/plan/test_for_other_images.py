"""Plans for other images each: by chance, in a choice, with sizes and units."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn, op_by_op, random_images

import keras_aug_layers as kal

ROWS = np.broadcast_to(
    np.arange(40, dtype="uint8")[:, np.newaxis, np.newaxis], (8, 40, 40, 3)
)
"""Each pixel holds the number of its row."""
BEFORE = {
    "a blur": lambda: kal.RandomGaussianBlur(1.0, 3, seed=4),
    "an erasing": lambda: kal.RandomErasing(scale=(0.01, 0.02), fill_value=9, seed=4),
}


def cropped(before):
    """What is done to each image that is chosen."""
    return [BEFORE[before](), kal.RandomCrop(20, 20, seed=3)]


def first_rows(images):
    """The row that the first one shows, of what is erased or blurred nowhere here."""
    return np.median(images[:, 5, :, 0], axis=1) - 5


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("how", ["a group", "an apply", "a choice"])
def test_a_crop_behind_a_place_is_of_the_whole_image(before, how):
    alone = drawn(kal.FusedAugmentation(cropped(before)), ROWS)
    group = kal.FusedAugmentation(cropped(before), probability=0.5, seed=11)
    layer = {
        "a group": group,
        "an apply": kal.RandomApply(
            kal.FusedAugmentation(cropped(before)), 0.5, seed=11
        ),
        "a choice": kal.RandomChoice(
            [kal.CenterCrop(20, 20), kal.FusedAugmentation(cropped(before))], seed=11
        ),
    }[how]
    found, expected = first_rows(drawn(layer, ROWS)), first_rows(alone)
    assert ((found == expected) | (found == 10)).all()
    assert (found == expected).any() and (found != expected).any()


def test_two_changes_of_the_size_for_some_images_are_refused():
    stack = [kal.RandomCrop(30, 30), BEFORE["a blur"](), kal.RandomCrop(20, 20)]
    layer = kal.FusedAugmentation(stack, probability=0.5)
    with pytest.raises(ValueError, match="one crop or resize"):
        drawn(layer, ROWS)
    assert drawn(kal.FusedAugmentation(stack), ROWS).shape == (8, 20, 20, 3)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", [[], [kal.RandomInvert(1.0)]], ids=["none", "one"])
def test_two_changes_of_the_size_in_one_branch_are_refused(other, first):
    """What the first one cuts off would be cut off the other branch's images, too."""
    there_and_back = [kal.CenterCrop(20, 20), BEFORE["a blur"](), kal.Resizing(40, 40)]
    branches = [kal.FusedAugmentation(x) for x in (there_and_back, other)]
    layer = kal.RandomChoice(branches if first else branches[::-1])
    with pytest.raises(ValueError, match="one crop or resize"):
        drawn(layer, ROWS)


def smaller_mosaic(seed=1):
    return kal.FusedAugmentation(
        [
            kal.Mosaic((0.5, 0.5), seed=seed),
            kal.RandomShift((0.25, 0.25), fill_mode="constant"),
            kal.Resizing(20, 20, antialias=False),
        ]
    )


def with_points():
    keypoints = np.full((8, 2, 2), [[4.0, 9.0], [30, 22]])
    labels = np.eye(8, dtype="float32")
    return {"images": ROWS + 40, "keypoints": keypoints, "labels": labels}


def resized():
    return kal.Resizing(20, 20, antialias=False)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("mosaic", [0, 1], ids=["none is one", "all are"])
def test_a_mosaic_that_changes_the_size_for_some_images(mosaic, first):
    layers, weights = [smaller_mosaic(), resized()], [mosaic, 1 - mosaic]
    if not first:
        layers, weights = layers[::-1], weights[::-1]
    found = kal.RandomChoice(layers, weights)(with_points(), training=True, seed=(1, 2))
    alone = smaller_mosaic() if mosaic else resized()
    expected = alone(with_points(), training=True, seed=(1, 2))
    for key in ("images", "labels"):
        np.testing.assert_array_equal(found[key], expected[key])
    count = expected["keypoints"].shape[1]
    np.testing.assert_allclose(found["keypoints"][:, :count], expected["keypoints"])


def test_a_mosaic_by_chance_that_changes_the_size():
    layer = kal.FusedAugmentation(smaller_mosaic().layers, probability=tf.Variable(1.0))
    found = layer(with_points(), training=True, seed=(1, 2))
    expected = smaller_mosaic()(with_points(), training=True, seed=(1, 2))
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value)


@op_by_op()
def test_of_two_mosaics_the_first_is_read_in_a_pass_of_its_own():
    layers = [smaller_mosaic(seed=3), smaller_mosaic(seed=4)]
    mosaic, *others = layers[0].layers
    apart = mosaic(with_points(), training=True, seed=(1, 2))
    apart = kal.FusedAugmentation(others)(kal.settle(apart["images"]), training=True)
    whole = layers[1](with_points(), training=True, seed=(1, 2))["images"]
    for weights, expected in (((1, 0), apart), ((0, 1), whole)):
        choice = kal.RandomChoice(layers, weights)
        found = choice(with_points(), training=True, seed=(1, 2))["images"]
        np.testing.assert_array_equal(found, expected)


GREYS = np.random.default_rng(0).integers(60, 180, (8, 16, 16, 3)).astype("uint8")
LOW, HIGH = (60 / 255 - 0.5) / 0.25, (180 / 255 - 0.5) / 0.25


def normal():
    return kal.Normalize(0.5, 0.25)


def mixed(layer):
    """What becomes of `GREYS`, of eight classes."""
    return drawn_dict(layer)["images"].numpy()


def drawn_dict(layer):
    data = {"images": GREYS, "labels": np.arange(8)}
    return layer(data, training=True)


@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_a_mosaic_of_what_is_normalised(probability):
    stack = [normal(), kal.Mosaic(num_classes=8)]
    layer = kal.FusedAugmentation(stack, probability=probability, seed=1)
    made = mixed(layer)
    assert made.dtype == "float32"
    assert made.min() > LOW - 0.01 and made.max() < HIGH + 0.01


@pytest.mark.parametrize("other", [None, kal.CutMix, kal.MixUp])
def test_partners_of_another_branch_are_normalised(other):
    mix = kal.FusedAugmentation([normal(), kal.MixUp(1.0, seed=1, num_classes=8)])
    layers = [normal()] if other is None else [normal(), other(num_classes=8, seed=2)]
    choice = kal.RandomChoice([mix, kal.FusedAugmentation(layers)], seed=3)
    made = mixed(choice)
    assert made.min() > LOW - 0.01 and made.max() < HIGH + 0.01


@pytest.mark.parametrize(
    "stack",
    [
        [
            kal.RandomContrast((0.2, 0.2)),
            kal.Rescaling(1 / 255),
            kal.RandomBrightness((0.1, 0.1), value_range=(0, 1)),
        ],
        [
            kal.FusedAugmentation([kal.Rescaling(1 / 255)]),
            kal.RandomBrightness((0.5, 0.5), value_range=(0, 1)),
        ],
        [
            kal.Normalize(0.5, 0.25, value_range=(0, 255)),
            kal.RandomShift((0.25, 0.25), fill_mode="constant"),
        ],
    ],
)
def test_floats_in_another_unit_begin_a_new_chain(stack):
    """As integers do, which get another dtype there."""
    images = np.random.default_rng(0).uniform(90, 160, (4, 16, 16, 3)).astype("float32")
    model = keras.Sequential([keras.Input((16, 16, 3)), *stack])
    found = model(images, training=True)
    with kal.no_chaining():
        expected = model(images, training=True)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("mix", [kal.CutMix, kal.MixUp, kal.Mosaic])
def test_a_mix_begins_where_ragged_images_have_got_one_size(mix):
    sizes = (300, 400), (320, 280)
    images = [
        tf.RaggedTensor.from_tensor(random_images((*size, 3), "uint8"))
        for size in sizes
    ]
    data = {"images": tf.ragged.stack(images), "labels": np.arange(2)}
    size, mixes = kal.Resizing(64, 64), mix(num_classes=2)
    found = mixes(size(data, training=True), training=True, seed=(1, 2))
    dense = {**data, "images": kal.settle(size(data, training=True)["images"])}
    expected = mixes(dense, training=True, seed=(1, 2))
    for key in ("images", "labels"):
        np.testing.assert_array_equal(found[key], expected[key])
