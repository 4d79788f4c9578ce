"""Keypoints that `dataset.ragged_batch` makes: of each image another number."""

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

LENGTHS = 3, 0, 1
POINTS = tf.RaggedTensor.from_row_lengths(
    tf.constant([[1.0, 2], [-1, -1], [5, 6], [3, 1]]), LENGTHS
)
IMAGES = np.zeros((3, 8, 9, 3), "uint8")


def flip(**kwargs):
    return kal.RandomFlip("horizontal", chance=1.0, seed=1, **kwargs)


def sizes():
    """Photographs of several sizes."""
    return tf.ragged.stack([np.zeros((8, 9 + 2 * i, 3), "uint8") for i in range(3)])


@pytest.mark.parametrize("form", ["eager", "graph", "data", "chain"])
@pytest.mark.parametrize("images", [IMAGES, sizes()], ids=["dense", "ragged"])
def test_they_move_and_stay_ragged(images, form):
    layers = [flip(), flip(), flip()] if form == "chain" else [flip()]

    def call(data):
        for layer in layers:
            data = layer(data, training=True)
        return data

    data = {"images": images, "keypoints": POINTS}
    if form == "data":
        # `ragged_batch` would make ragged images of these, too.
        [made] = tf.data.Dataset.from_tensors(data).map(call)
    else:
        made = (tf.function(call) if form == "graph" else call)(data)
    assert isinstance(made["keypoints"], tf.RaggedTensor)
    widths = [9, 9, 9] if images is IMAGES else [9, 11, 13]
    expected = [
        [[widths[0] - 2, 2], [-1, -1], [widths[0] - 6, 6]],
        [],
        [[widths[2] - 4, 1]],
    ]
    assert made["keypoints"].to_list() == expected


def test_as_they_come_from_a_ragged_batch():
    elements = tf.data.Dataset.from_tensor_slices((IMAGES, POINTS))
    elements = elements.map(lambda x, y: {"images": x, "keypoints": y})
    crop = kal.CenterCrop(6, 7)
    [made] = elements.ragged_batch(3).map(lambda x: crop(x, training=True))
    assert made["images"].shape == (3, 6, 7, 3)
    assert made["keypoints"].to_list() == [[[0, 1], [-1, -1], [4, 5]], [], [[2, 0]]]


def test_those_of_partners_are_behind_an_images_own():
    mix = kal.MixUp(partners="roll", num_classes=2, seed=1)
    data = {"images": IMAGES.astype("float32") / 255, "keypoints": POINTS}
    made = mix({**data, "labels": np.array([0, 1, 0])}, training=True)["keypoints"]
    assert isinstance(made, tf.RaggedTensor)
    assert made.row_lengths().numpy().tolist() == [6, 6, 6]
    dense = POINTS.to_tensor(-1).numpy()
    np.testing.assert_array_equal(made.to_tensor()[:, :3], dense)
    partners = made.to_tensor()[:, 3:].numpy()
    assert any(np.array_equal(partners, np.roll(dense, by, 0)) for by in (1, -1))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (tf.ragged.constant([[[1.0, 2], [3]], []]), "ragged in their number only"),
        (tf.ragged.constant([[[1, 2]], []], "uint8", ragged_rank=1), "holds -1"),
    ],
)
def test_others_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        flip()({"images": IMAGES[:2], "keypoints": points}, training=True)


def test_a_function_that_xla_compiles_takes_none():
    layer = flip()
    call = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    with pytest.raises(ValueError, match=r"dense.*to_tensor\(-1\)"):
        call({"images": IMAGES, "keypoints": POINTS})
