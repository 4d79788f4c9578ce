"""The Transform as a value: undone, replayed, composed, sliced, saved."""

import json

import numpy as np
import pytest
import reference
import tensorflow as tf
from examples import EXAMPLES, GEOMETRIC
from following import SIZE, transform_of
from helpers import assert_same_bits, op_by_op

import keras_aug_layers as kal


def full_layer(**kwargs):
    """All geometry, and colour."""
    layers = [build() for build in EXAMPLES.values()]
    return kal.FusedAugmentation(layers, bounding_box_format="xyxy", **kwargs)


@pytest.fixture
def photos():
    return np.random.default_rng(3).uniform(0.1, 0.9, (4, 21, 24, 3)).astype("float32")


def same_transform(actual, expected):
    for key, value in expected.to_config().items():
        assert actual.to_config()[key] == value, key


@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_brings_keypoints_back(seed):
    transform = kal.FusedAugmentation([EXAMPLES[name]() for name in GEOMETRIC]).sample(
        (16, *SIZE, 3), seed=(seed, 5)
    )
    points = np.random.default_rng(seed).uniform(0, 47, (16, 30, 2)).astype("float32")
    moved = transform.keypoints(points, mark_outside=False)
    back = transform.inverse().keypoints(moved, mark_outside=False)
    assert np.abs(moved - points).max() > 5
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-3)


def test_the_inverse_of_a_perspective_brings_keypoints_back():
    matrix = np.array([[1.1, 0.1, -5], [0.1, 0.9, 2], [4e-3, -2e-3, 1]])
    points = np.random.default_rng(1).uniform(5, 45, (1, 30, 2))
    transform = transform_of(matrix)
    moved = transform.keypoints(points, mark_outside=False)
    back = transform.inverse().keypoints(moved, mark_outside=False)
    assert np.abs(moved - points).max() > 4
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-3)


def test_the_inverse_brings_the_interior_of_an_image_back():
    """Bilinear interpolation errs by at most (|f_xx| + |f_yy|) / 8, and here twice."""
    size, wave = (60, 70), np.array([0.31, 0.23])
    y, x = np.mgrid[: size[0], : size[1]]
    images = np.sin(wave[0] * x + wave[1] * y + 0.5)[None, ..., None].repeat(8, 0)
    layers = [kal.RandomRotate(0.5), kal.RandomZoom(0.15), kal.RandomShift(0.05, 0.05)]
    layer = kal.FusedAugmentation([*layers, kal.RandomBrightness(gain=(1.3, 1.5))])
    transform = layer.sample((8, *size, 1), seed=(1, 2))
    back = transform.inverse().images(transform.images(images.astype("float32")))
    stretch = np.linalg.norm(transform.matrix[:, :2, :2], ord=2, axis=(1, 2))
    bound = (wave @ wave) * (1 + stretch**2) / 8
    there = np.minimum(1.0, bound)[:, None, None] + 1e-4
    inside = np.s_[:, 20:40, 25:45]
    error = np.abs(back - images)[..., 0]
    assert (error <= there)[inside].all()
    assert np.abs(transform.images(images) - images)[inside].max() > 1.0


@pytest.mark.thorough
def test_a_replay_is_bit_exact(photos):
    layer = full_layer(jit_compile=False)
    transform = layer.sample(photos, seed=(6, 7))
    first = layer(photos, training=True, seed=(6, 7))
    assert_same_bits(transform.images(photos), first)
    assert_same_bits(transform.images(photos), first)
    assert_same_bits(layer(photos, training=True, seed=(6, 7)), first)
    others = photos[::-1].copy()
    assert_same_bits(
        transform.images(others), layer(others, training=True, seed=(6, 7))
    )
    assert np.abs(first - photos).max() > 0.3


@pytest.mark.thorough
def test_composition_is_one_after_the_other(photos):
    a, b = (full_layer().sample(photos, seed=(seed, 1)) for seed in (1, 2))
    points = np.random.default_rng(1).uniform(5, 15, (4, 9, 2))
    one_by_one = b.keypoints(a.keypoints(points, False), False)
    np.testing.assert_allclose((a @ b).keypoints(points, False), one_by_one, atol=1e-3)
    other_way = (b @ a).keypoints(points, False)
    assert np.abs(other_way - one_by_one).max() > 0.5


def test_composed_integer_moves_are_bit_exact():
    images = np.random.default_rng(1).integers(0, 256, (1, 12, 12, 3), "uint8")
    a = transform_of(reference.shift(3, -2), (12, 12), fill_mode="wrap")
    b = transform_of(reference.rotate(90, (12, 12)).round(), (12, 12), fill_mode="wrap")
    expected = np.rot90(np.roll(images, (-2, 3), axis=(1, 2)), axes=(1, 2))
    assert_same_bits((a @ b).images(images), expected)
    assert_same_bits(b.images(a.images(images)), expected)


def test_composition_of_different_settings_is_an_error():
    a = transform_of(np.eye(3), fill_mode="wrap")
    with pytest.raises(ValueError, match="fill_mode"):
        a @ transform_of(np.eye(3), fill_mode="nearest")


def test_composition_of_other_sizes_is_an_error():
    cut = kal.CenterCrop(8, 8).sample((1, 16, 16, 3))
    for size in (16, 7):
        after = kal.CenterCrop(4, 4).sample((1, size, size, 3))
        with pytest.raises(ValueError, match=rf"\[\[8, 8\]\].*\[\[{size}, {size}\]\]"):
            cut @ after
    after = kal.CenterCrop(4, 4).sample((1, 8, 8, 3))
    assert (cut @ after).images(np.zeros((1, 16, 16, 3))).shape == (1, 4, 4, 3)


def test_json_of_no_image():
    layer = kal.FusedAugmentation([full_layer(), kal.RandomApply(kal.RandomFlip())])
    transform = layer.sample((0, 8, 9, 3))
    again = kal.Transform.from_config(json.loads(json.dumps(transform.to_config())))
    assert again.images(np.zeros((0, 8, 9, 3), "uint8")).shape == (0, 8, 9, 3)


def test_a_transform_ends_with_its_images():
    transform = full_layer().sample((3, 8, 9, 3))
    assert len([*transform]) == 3
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"3 images.*{index}"):
            transform[index]


@pytest.mark.parametrize(
    "index", [np.s_[1:3], np.s_[::2], np.s_[::-1], 0, 2, -1], ids=str
)
def test_slices(photos, index):
    transform = full_layer().sample(photos, seed=(8, 9))
    rows = np.atleast_1d(np.arange(4)[index])
    part = transform[index]
    assert_same_bits(part.matrix, transform.matrix.numpy()[rows])
    expected = transform.images(photos).numpy()[rows]
    assert_same_bits(part.images(photos[rows]), expected)
    points = np.full((4, 1, 2), 9.0)
    moved = transform.keypoints(points).numpy()[rows]
    assert_same_bits(part.keypoints(points[rows]), moved)


MIXES = {
    "MixUp": lambda: kal.MixUp(num_classes=3),
    "CutMix": lambda: kal.CutMix(num_classes=3),
    "Mosaic": lambda: kal.Mosaic(num_classes=3),
    "a group": lambda: kal.FusedAugmentation(
        [kal.RandomFlip(), kal.RandomChoice([kal.MixUp(), kal.CutMix()])]
    ),
}


@pytest.mark.parametrize("name", MIXES)
@pytest.mark.parametrize("index", [0, -1, slice(1, 3)])
def test_what_mixes_has_no_slices(photos, name, index):
    """Numbers of partners are those of the batch: others would have been mixed."""
    sample = MIXES[name]().sample(photos, seed=(1, 2))
    with pytest.raises(ValueError, match=r"(?s)mixes images.*\[index\]"):
        sample[index]


@pytest.mark.thorough
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_json_round_trip(photos, data_format):
    shown = np.moveaxis(photos, -1, 1) if data_format == "channels_first" else photos
    layer = kal.FusedAugmentation(
        [build(data_format=data_format) for build in EXAMPLES.values()],
        data_format=data_format,
        value_range=(0.0, 1.0),
        mask_fill_value=255,
        bounding_box_format="rel_xywh",
    )
    for transform in (layer.sample(shown, seed=(1, 2)), layer.sample(shown[0])):
        text = json.dumps(transform.to_config())
        again = kal.Transform.from_config(json.loads(text))
        same_transform(again, transform)
        images = shown if transform.batched else shown[0]
        assert_same_bits(again.images(images), transform.images(images))
        assert tf.type_spec_from_value(again) == tf.type_spec_from_value(transform)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_transform_crosses_tf_function(photos, jit_compile):
    layer = full_layer()

    @tf.function(jit_compile=jit_compile)
    def draw(images):
        return layer.sample(images, seed=(4, 5))

    @tf.function(jit_compile=jit_compile)
    def move(transform, images):
        there = transform.images(images)
        return there, transform.inverse().images(there), (transform @ transform)[1:]

    transform = draw(photos)
    assert isinstance(transform, kal.Transform)
    expected = layer.sample(photos, seed=(4, 5))
    np.testing.assert_allclose(transform.matrix, expected.matrix, rtol=1e-6, atol=1e-6)
    there, back, twice = move(transform, photos)
    tolerance = {"rtol": 0, "atol": 1e-4}
    np.testing.assert_allclose(there, expected.images(photos), **tolerance)
    undone = expected.inverse().images(expected.images(photos))
    np.testing.assert_allclose(back, undone, **tolerance)
    assert isinstance(twice, kal.Transform)
    matrix = (expected @ expected)[1:].matrix
    np.testing.assert_allclose(twice.matrix, matrix, rtol=1e-5, atol=1e-5)


@pytest.mark.thorough
def test_a_transform_travels_through_tf_data(photos):
    transform = full_layer().sample(photos, seed=(4, 5))
    dataset = tf.data.Dataset.from_tensor_slices((photos, transform)).batch(3)
    dataset = dataset.map(lambda images, part: part.images(images))
    moved = np.concatenate([batch.numpy() for batch in dataset])
    np.testing.assert_allclose(moved, transform.images(photos), rtol=0, atol=1e-5)


@pytest.mark.thorough
def test_samples_of_tf_data_batch_to_a_transform(photos):
    """Drawn element by element, applied to the batch."""
    layer = full_layer()
    seeds = np.stack([np.arange(4), np.arange(4)], axis=1)
    dataset = tf.data.Dataset.from_tensor_slices((photos, seeds))
    dataset = dataset.batch(2).map(lambda x, s: (x, layer.sample(x, seed=s)))
    images, part = next(iter(dataset))
    with op_by_op():
        expected = layer.sample(photos, seed=seeds)
    np.testing.assert_allclose(part.matrix, expected.matrix[:2], rtol=0, atol=1e-5)
    moved = part.images(images)
    np.testing.assert_allclose(moved, expected.images(photos)[:2], rtol=0, atol=1e-4)


@pytest.mark.thorough
def test_a_transform_in_a_saved_model(photos, tmp_path):
    """As what a signature's function takes and gives back."""

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.layer = full_layer()

        @tf.function(input_signature=[tf.TensorSpec((None, 21, 24, 3))])
        def draw(self, images):
            return self.layer.sample(images, seed=(4, 5))

        @tf.function
        def move(self, transform, images):
            return transform.images(images)

    module = Module()
    transform = module.draw(photos)
    expected = module.move(transform, photos)
    tf.saved_model.save(module, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    again = loaded.draw(photos)
    assert isinstance(again, kal.Transform)
    assert_same_bits(again.matrix, transform.matrix)
    assert_same_bits(loaded.move(again, photos), expected)


def test_time_augmentation(photos):
    """Maps predicted on augmented images, brought back, averaged: the map itself."""
    layer = kal.FusedAugmentation(
        [kal.RandomFlip(), kal.RandomShift((-2, -2), (3, 3), unit="pixels")],
        fill_mode="constant",
    )
    transform = layer.sample(photos, seed=(1, 2))
    predicted = transform.images(photos)[..., 0] * 2
    back = transform.inverse().segmentation_masks(predicted, "bilinear").numpy()
    inside = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(back[inside], 2 * photos[..., 0][inside], atol=1e-5)
    assert np.abs(predicted - 2 * photos[..., 0]).max() > 0.5


def test_a_transform_in_a_plain_function_is_silent(caplog):
    """AutoGraph converts what is called there, and could not follow a name."""
    images = np.zeros((2, 9, 12, 3), "uint8")
    layer = kal.FusedAugmentation([EXAMPLES[name]() for name in GEOMETRIC])
    transform = layer.sample(images)
    with caplog.at_level("WARNING", logger="tensorflow"):
        tf.function(lambda x, t: t.images(x))(images, transform)
    assert not [x for x in caplog.records if "AutoGraph" in x.getMessage()]


def test_masks_of_no_images():
    """Nothing says how large those were: what comes in tells."""
    images, masks = np.zeros((0, 8, 8, 3), "uint8"), np.zeros((0, 8, 8, 1), "uint8")
    transform = kal.RandomFlip("horizontal").sample(images)
    assert transform.segmentation_masks(masks).shape == (0, 8, 8, 1)
    assert (
        transform.apply({"segmentation_masks": masks})["segmentation_masks"].shape[0]
        == 0
    )


@pytest.mark.parametrize("ragged", [False, True])
def test_a_transform_takes_the_dict_of_its_layer(photos, ragged):
    """Entries of the layer's own names among it, and others, which stay."""
    layer = kal.FusedAugmentation(
        [kal.RandomFlip("horizontal", chance=1.0), kal.RandomInvert((1, 1))],
        extra_targets={"heat": "maps", "left": "images"},
        value_range=(0, 1),
        jit_compile=False,
    )
    photos = tf.constant(photos)
    if ragged:
        photos = tf.RaggedTensor.from_tensor(photos, ragged_rank=2)
    data = {"images": photos, "heat": photos, "left": photos, "file": "a.png"}
    transform = layer.sample(photos)
    made, expected = transform.apply(data), layer(data, training=True)
    assert made.keys() == data.keys()
    assert made["file"] is data["file"]
    for key in ("images", "heat", "left"):
        one, other = (
            x.to_tensor() if ragged else x for x in (made[key], expected[key])
        )
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.abs(dense_of(made["heat"]) - dense_of(made["left"])).max() > 0.5


def dense_of(x):
    return (x.to_tensor() if isinstance(x, tf.RaggedTensor) else x).numpy()
