"""Elastic, grid and optical distortions: pixels, masks and points move together."""

import itertools
import json
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, drawn, random_images, sampled
from scipy import ndimage

import keras_aug_layers as kal
from keras_aug_layers.kernels import coordinates, fields

SIDE = 96
LAYERS = {
    "elastic": lambda strength, **kwargs: kal.RandomElasticTransform(
        scale=(strength, strength), seed=1, **kwargs
    ),
    "grid": lambda strength, **kwargs: kal.RandomGridDistortion(
        0.3 + 0.3 * (strength - 0.5), seed=2, **kwargs
    ),
    "optical": lambda strength, **kwargs: kal.RandomOpticalDistortion(
        (-0.3 * strength, 0.3 * strength), seed=3, **kwargs
    ),
}
layers = pytest.mark.parametrize("name", LAYERS)
STACKS = {
    "alone": lambda bent: [bent],
    "first": lambda bent: [bent, kal.RandomRotate(degrees=(30, 30), seed=4)],
    "last": lambda bent: [kal.RandomRotate(degrees=(30, 30), seed=4), bent],
    "between": lambda bent: [
        kal.RandomFlip(seed=5),
        bent,
        kal.RandomZoom(0.1, seed=6),
        kal.RandomShift(0.1, seed=7),
    ],
    "twice": lambda bent: [
        bent,
        kal.RandomShear(0.1, seed=8),
        kal.RandomElasticTransform(scale=(0.5, 0.5), seed=9),
    ],
}


def spots(points, side=SIDE):
    """A smooth spot about each point (B, 2), float32 images."""
    place = np.arange(side)
    x, y = (place - points[:, i, np.newaxis] for i in (0, 1))
    square = y[:, :, np.newaxis] ** 2 + x[:, np.newaxis] ** 2
    return np.exp(-square / 18.0)[..., np.newaxis].astype("float32")


def found(images):
    """The middles of the spots: (B, 2)."""
    weights = images[..., 0] ** 2
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    place = np.arange(images.shape[1])
    return np.stack(
        [(weights.sum(1) * place).sum(1), (weights.sum(2) * place).sum(1)], 1
    )


def map_of(layer, seed, side=SIDE, batch=4):
    """Where each output pixel reads, from images of coordinates: x and y."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    images = np.stack([x, y], axis=-1)[np.newaxis].repeat(batch, 0).astype("float64")
    return drawn(layer, images, seed=seed)


STRENGTHS = ((0.5, 0.1), (1.0, 0.5))
"""With how far a keypoint may be off, at most."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "stack", "strength", "most"),
    [
        (name, stack, *STRENGTHS[place % 2])
        for place, (name, stack) in enumerate(itertools.product(LAYERS, STACKS))
    ],
)
def test_a_landmark_follows_its_pixel(name, stack, strength, most):
    """Each pixel shows the place whose keypoint moves to it."""
    layer = kal.FusedAugmentation(
        STACKS[stack](LAYERS[name](strength)), fill_mode="nearest"
    )
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    pixels = np.stack([x, y], axis=-1)[np.newaxis].repeat(6, 0).astype("float64")
    transform = sampled(layer, (6, SIDE, SIDE, 2), seed=(1, 2))
    read = transform.images(pixels).numpy()[:, ::5, ::5]
    inside = ((read > 1) & (read < SIDE - 2)).all(axis=-1)
    assert inside.mean() > 0.7
    pixels = pixels[:, ::5, ::5]
    moved = transform.keypoints(read.reshape(6, -1, 2), mark_outside=False)
    error = np.abs(moved.numpy().reshape(pixels.shape) - pixels)[inside]
    assert np.abs(read - pixels)[inside].max() > 0.5
    assert error.max() < most


@pytest.mark.thorough
def test_a_spot_is_where_its_keypoint_is():
    points = np.random.default_rng(1).uniform(40, 56, (8, 1, 2))
    layer = kal.FusedAugmentation(STACKS["first"](LAYERS["elastic"](0.5)))
    transform = sampled(layer, (8, SIDE, SIDE, 1), seed=(1, 2))
    moved = transform.keypoints(points).numpy()[:, 0]
    seen = found(transform.images(spots(points[:, 0])).numpy())
    assert np.abs(seen - moved).max() < 0.35  # a spot that is stretched leans over


def test_a_field_is_read_by_rows_and_columns():
    """Splines at each row and each column, not at each pixel: two matrix products."""
    images = tf.zeros((2, 40, 50, 3), tf.uint8)
    asked, basis = [], fields.basis

    def counted(x, half, count):
        asked.append(max(x.shape[1:]))
        assert x.shape.num_elements() == asked[-1]
        return basis(x, half, count)

    with mock.patch.object(fields, "basis", counted):
        for jit_compile in (True, False):
            layer = kal.RandomElasticTransform(jit_compile=jit_compile)
            tf.function(lambda x, layer=layer: layer(x, training=True))(images)
    assert asked == [50, 40] * 2


@layers
def test_nothing_folds(name):
    read = map_of(LAYERS[name](1.0, fill_mode="nearest"), (3, 4), batch=32)
    inner = read[:, 12:-12, 12:-12]
    xx, xy = (np.diff(inner[..., i], axis=2)[:, :-1] for i in (0, 1))
    yx, yy = (np.diff(inner[..., i], axis=1)[:, :, :-1] for i in (0, 1))
    assert (xx * yy - xy * yx).min() > 0


@pytest.mark.thorough
@layers
def test_each_image_and_each_axis_has_a_field_of_its_own(name):
    read = map_of(LAYERS[name](1.0, fill_mode="nearest"), (3, 4), batch=64)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    moves = (read - np.stack([x, y], -1))[:, 24:-24:8, 24:-24:8]
    flat = moves.reshape(64, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(64)).min(axis=1).max() < 0.5
    assert len(np.unique(flat.round(6), axis=0)) == 64


def test_dx_and_dy_are_uncorrelated():
    (step,) = sampled(kal.RandomElasticTransform(seed=1), (400, 64, 64, 3)).coordinates
    dx, dy = (step.rows[key].numpy().ravel() for key in ("dx", "dy"))
    assert abs(np.corrcoef(dx, dy)[0, 1]) < 0.02
    uniform = dx / np.abs(step.rows["dx"].numpy()).max((1, 2)).repeat(121)
    assert abs(uniform.mean()) < 0.02
    assert abs(uniform.std() - 3**-0.5) < 0.02


@pytest.mark.parametrize(
    ("grid", "most", "deviation", "reach"), [(8, 7.0, 1.9, 32), (26, 2.15, 0.58, 10)]
)
def test_the_strength_in_pixels(grid, most, deviation, reach):
    """The docstring's figures; over the reach the correlation falls to 1/e."""
    layer = kal.RandomElasticTransform(
        scale=(1, 1), grid=grid, seed=1, fill_mode="nearest"
    )
    (step,) = sampled(layer, (400, 224, 224, 3)).coordinates
    assert 0.93 * most < np.abs(step.rows["dx"].numpy()).max() < most
    read = map_of(layer, (1, 2), 224, 8)
    x, y = np.meshgrid(np.arange(224), np.arange(224))
    moves = (read - np.stack([x, y], -1))[:, 16:-16, 16:-16]
    assert abs(moves.std() - deviation) < 0.08 * deviation
    apart = (moves[:, :, reach:, 0] * moves[:, :, :-reach, 0]).mean()
    assert abs(apart / moves[..., 0].var() - np.exp(-1)) < 0.12


def test_torchvisions_strength_in_pixels():
    """Its own steps: uniform noise, blurred, in parts of half an image."""
    noise = np.random.default_rng(1).uniform(-1, 1, (8, 224, 224))
    blurred = ndimage.gaussian_filter(noise, 5.0, axes=(1, 2), mode="reflect")
    pixels = blurred * 50.0 / 224 * (224 / 2)
    assert abs(pixels.std() - 50 / (4 * 5 * np.sqrt(3 * np.pi))) < 0.06
    apart = (pixels[:, :, 10:] * pixels[:, :, :-10]).mean() / pixels.var()
    assert abs(apart - np.exp(-1)) < 0.06


@pytest.mark.thorough
@layers
@pytest.mark.parametrize("stack", ["alone", "first"])
def test_image_and_mask_agree(name, stack):
    images = random_images((3, 40, 44, 1), "uint8")
    layers = STACKS[stack](LAYERS[name](1.0))
    layer = kal.FusedAugmentation(layers, interpolation="nearest")
    data = {"images": images, "segmentation_masks": images[..., 0]}
    result = layer(data, training=True)
    assert (result["images"].numpy() != images).any()
    np.testing.assert_array_equal(
        result["segmentation_masks"], result["images"][..., 0]
    )


@pytest.mark.thorough
@layers
def test_a_field_a_blur_and_a_crop(name):
    """The field is a warp of its own, and a grid's columns do not ask for the row."""
    images = random_images((2, 40, 50, 3), "uint8")

    def bent(*crop):  # little, so that nothing is filtered
        blur = kal.RandomGaussianBlur(kernel_size=3, seed=4)
        return drawn(kal.FusedAugmentation([LAYERS[name](0.1), blur, *crop]), images)

    assert_same_bits(bent(kal.CenterCrop(30, 36)), bent()[:, 5:35, 7:43])


def elastic_and(*layers):
    bent = kal.RandomElasticTransform(scale=(1, 1), seed=1)
    return kal.FusedAugmentation([bent, *layers], fill_mode="constant")


TURN = {"degrees": (30, 30), "seed": 4}


@pytest.mark.parametrize(
    ("behind", "most"),
    [
        ([kal.RandomZoom((3, 3), seed=6)], 1e-3),
        ([kal.RandomFlip(seed=3), kal.RandomResizedCrop(60, 70, seed=5)], 1e-3),
        ([kal.RandomGridDistortion(0.9, grid=12, seed=2)], 1e-3),
        ([kal.RandomRotate(**TURN)], 0.2),
        ([kal.RandomRotate(**TURN), kal.RandomZoom((3, 3), seed=6)], 0.3),
        ([kal.RandomPerspective(scale=0.4, seed=3)], 0.2),
        ([kal.RandomOpticalDistortion((0.3, 0.3), seed=3)], 0.2),
        ([kal.RandomElasticTransform(scale=(1, 1), seed=9)], 0.2),
    ],
)
def test_a_field_behind_other_steps_is_that_of_its_place(behind, most):
    """Against the steps one after the other, looked up pixel by pixel."""
    transform = sampled(elastic_and(*behind), (4, SIDE, SIDE, 3), seed=(1, 2))
    size = transform.plan.size or (SIDE, SIDE)
    y, x = (tf.range(n, dtype=tf.float32) for n in size)

    def read(x, y):
        reader = coordinates.reader(transform.coordinates, (SIDE, SIDE), size)
        places = [tf.broadcast_to(c, (4, *size)) for c in reader.function(x, y)]
        return tf.stack(places, axis=-1).numpy()

    found = read(x[tf.newaxis, tf.newaxis], y[tf.newaxis, :, tf.newaxis])
    with mock.patch.object(fields, "in_front", lambda program, *_: program):
        every = tf.meshgrid(x, y)
        exact = read(*(c[tf.newaxis] for c in every))
    inside = ((exact > 0) & (exact < SIDE - 1)).all(axis=-1)
    assert inside.mean() > 0.05
    assert np.abs(found - exact)[inside].max() < most


def test_nothing_moves_in_one_pixel():
    layer = kal.RandomElasticTransform(scale=(1, 1), bounding_box_format="xyxy")
    transform = sampled(layer, (2, 1, 1, 3))
    assert (transform.keypoints(np.zeros((2, 3, 2))).numpy() == 0).all()
    boxes = transform.bounding_boxes({"boxes": [[[0.0, 0.0, 1.0, 1.0]]] * 2})["boxes"]
    np.testing.assert_allclose(boxes, [[[0, 0, 1, 1]]] * 2, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("behind", [kal.RandomZoom(0.3), kal.RandomRotate(0.1)])
def test_of_images_of_several_sizes_each_has_its_own_frame(behind):
    """What lies beside an image in its batch does not move its keypoints."""
    stack = elastic_and(behind)
    points = np.random.default_rng(0).uniform(20, 43, (2, 40, 2))
    seeds = np.array([[1, 2], [3, 4]])

    def moved(side):
        sides = 64, side
        images = [np.zeros((n, n, 3), "uint8") for n in sides]
        images = [tf.RaggedTensor.from_tensor(x) for x in images]
        data = {"images": tf.ragged.stack(images), "keypoints": points}
        return stack(data, training=True, seed=seeds)["keypoints"][0]

    alone = {"images": np.zeros((1, 64, 64, 3), "uint8"), "keypoints": points[:1]}
    expected = stack(alone, training=True, seed=seeds[:1])["keypoints"][0]
    for side in (40, 256):
        np.testing.assert_allclose(moved(side), expected, atol=1e-3)


@layers
def test_boxes_follow(name):
    """A bent box holds the moved points of its inside, and is no wider than them."""
    layer = LAYERS[name](0.5, bounding_box_format="xyxy")
    transform = sampled(layer, (4, SIDE, SIDE, 3), seed=(1, 2))
    boxes = np.array([[[20.0, 30.0, 50.0, 70.0]]] * 4)
    (moved,) = np.split(transform.bounding_boxes({"boxes": boxes})["boxes"], 1)
    x, y = np.meshgrid(np.linspace(20, 50, 31), np.linspace(30, 70, 41))
    points = np.stack([x, y], -1).reshape(1, -1, 2).repeat(4, 0) - 0.5
    inside = transform.keypoints(points).numpy() + 0.5
    frame = np.concatenate([inside.min(1), inside.max(1)], -1)
    np.testing.assert_allclose(moved[:, 0], frame, atol=0.15)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "jit_compile"), [("elastic", True), ("grid", False), ("optical", True)]
)
def test_every_form_gives_the_same(name, jit_compile):
    images = tf.constant(random_images((3, 24, 28, 3), "float32"))
    stack = STACKS["between"](LAYERS[name](1.0))
    fused = drawn(kal.FusedAugmentation(stack), images, seed=(1, 2))

    def one_by_one(images):
        for layer in stack:
            images = layer(images, training=True, seed=(1, 2))
        return images

    np.testing.assert_allclose(one_by_one(images), fused, atol=2e-4)
    graph = tf.function(one_by_one, jit_compile=jit_compile)(images)
    np.testing.assert_allclose(graph, fused, atol=2e-3)
    sequential = keras.Sequential(stack)(images, training=True)
    assert sequential.shape == fused.shape


@pytest.mark.thorough
@layers
def test_the_inverse_undoes_it(name):
    layer = LAYERS[name](0.5)
    transform = sampled(layer, (2, SIDE, SIDE, 1), seed=(1, 2))
    points = np.random.default_rng(1).uniform(20, 76, (2, 30, 2))
    moved = transform.keypoints(points, mark_outside=False)
    back = transform.inverse().keypoints(moved, mark_outside=False)
    np.testing.assert_allclose(back, points, atol=0.1)


@layers
def test_config_and_chances(name):
    layer = LAYERS[name](0.5, probability=0.4)
    images = random_images((60, 24, 24, 1), "uint8")
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    one, two = (drawn(x, images, seed=(1, 2)) for x in (layer, again))
    np.testing.assert_array_equal(one, two)
    same = (one == images).all(axis=(1, 2, 3)).mean()
    assert 0.4 < same < 0.8
    transform = sampled(layer, images, seed=(1, 2))
    loaded = kal.Transform.from_config(json.loads(json.dumps(transform.to_config())))
    np.testing.assert_array_equal(loaded.images(images), one)
    assert layer(images) is images


def test_the_factor_is_a_chance():
    images = random_images((200, 12, 12, 1), "uint8")
    moved = drawn(kal.RandomElasticTransform(0.3, (1, 1), grid=3, seed=1), images)
    assert abs((moved != images).any(axis=(1, 2, 3)).mean() - 0.3) < 0.1


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: kal.RandomElasticTransform(2.0), "factor"),
        (lambda: kal.RandomElasticTransform(scale=1.5), "scale"),
        (lambda: kal.RandomElasticTransform(grid=0), "grid"),
        (lambda: kal.RandomGridDistortion(1.0), "factor"),
        (lambda: kal.RandomGridDistortion(grid=2.5), "grid"),
        (lambda: kal.RandomOpticalDistortion(0.5), "factor"),
    ],
)
def test_wrong_arguments(wrong, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        wrong()
