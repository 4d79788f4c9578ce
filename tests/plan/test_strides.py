"""Masks and maps of a coarser grid than their images."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal


def places(height, width, stride=1):
    """The x and y of each pixel's middle, in pixels of the image: (2, H, W, 2)."""
    y, x = (np.mgrid[: height // stride, : width // stride] + 0.5) * stride - 0.5
    return np.stack([np.stack([x, y], axis=-1)] * 2).astype("float32")


def pooled(images, stride):
    batch, height, width, channels = images.shape
    shape = batch, height // stride, stride, width // stride, stride, channels
    return images.reshape(shape).mean(axis=(2, 4))


MOVES = {
    "affine": lambda: [kal.RandomRotate(0.1), kal.RandomShift(0.1, 0.2)],
    "perspective": lambda: [kal.RandomPerspective(scale=0.3)],
    "field": lambda: [kal.RandomElasticTransform((0.02, 0.02)), kal.RandomFlip()],
    "crop": lambda: [
        kal.RandomResizedCrop(32, 40, scale=(0.9, 1)),
        kal.RandomZoom(0.1),
    ],
    "slice": lambda: [kal.RandomCrop(32, 40), kal.RandomFlip()],
}


def check(found, smooth, nearest, stride):
    """What a map shows is the mean of what the image shows there."""
    expected = pooled(found.numpy(), stride)
    assert smooth.shape == nearest.shape == expected.shape
    # A map does not reach as far as its images: inside all four neighbours are there.
    height, width = 48, 64
    inner = (expected > stride) & (expected < [width - stride - 1, height - stride - 1])
    inner = inner.all(axis=-1)
    assert inner.mean() > 0.5
    off = np.abs(smooth.numpy() - expected)[inner]
    assert off.max() < 0.15 * stride and off.mean() < 0.03 * stride
    off = np.abs(nearest.numpy() - expected)[inner]
    assert off.max() < 0.65 * stride


def moved(stack, images, maps):
    """The images, the maps interpolated, and the maps as they are."""
    transform = stack.sample(images)
    smooth = transform.segmentation_masks(maps, "bilinear")
    return transform.images(images), smooth, transform.segmentation_masks(maps)


OPTIONS = {"fill_mode": "nearest", "antialias": False, "seed": 1}


@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("stride", [2, 4])
def test_a_map_shows_what_its_image_shows(moves, stride):
    stack = kal.FusedAugmentation(MOVES[moves](), **OPTIONS)
    images, maps = places(48, 64), places(48, 64, stride)
    with op_by_op():
        check(*moved(stack, images, maps), stride)


@pytest.mark.thorough
@pytest.mark.parametrize("moves", ["affine", "crop"])
def test_sizes_may_be_unknown(moves):
    stack = kal.FusedAugmentation(MOVES[moves](), **OPTIONS)
    spec = tf.TensorSpec([None] * 4)
    move = tf.function(lambda *x: moved(stack, *x), [spec, spec], autograph=False)
    for stride in (2, 4):
        check(*move(places(48, 64), places(48, 64, stride)), stride)


@pytest.mark.thorough
def test_a_line_lands_where_it_should():
    images = np.zeros((1, 16, 16, 1), "uint8")
    line = np.zeros((1, 8, 8, 1), "int32")
    line[:, 4] = 7
    down = kal.RandomShift((0.25, 0.25), 0.0, fill_mode="constant")
    data = {"images": images, "segmentation_masks": line}
    signature = {k: tf.TensorSpec([None] * 4, v.dtype) for k, v in data.items()}
    unknown = tf.function(lambda x: down(x, training=True), [signature])
    for call in (lambda x: down(x, training=True), unknown):
        moved = call(data)["segmentation_masks"].numpy()
        assert np.flatnonzero(moved[0, :, 0, 0]).tolist() == [6]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("data_format", "channels", "training"),
    [  # every pair of values
        ("channels_last", True, True),
        ("channels_last", False, False),
        ("channels_first", True, False),
        ("channels_first", False, True),
    ],
)
def test_layers_and_models_take_them(data_format, channels, training):
    first = data_format == "channels_first"
    images = places(24, 32)
    masks = images[:, ::2, ::2] + 0.5  # in the middle of four pixels
    masks = masks[..., :1] if channels else masks[..., 0]
    layer = kal.RandomCrop(12, 16, seed=3, data_format=data_format)
    flip = kal.RandomFlip(seed=4, data_format=data_format)
    if first:
        images, masks = (
            np.moveaxis(x, 3, 1) if x.ndim == 4 else x for x in (images, masks)
        )
    data = {"images": images, "segmentation_masks": masks}
    inputs = {
        key: keras.Input(x.shape[1:], dtype=x.dtype.name, name=key)
        for key, x in data.items()
    }
    model = keras.Model(inputs, flip(layer(inputs)))
    found = model(data, training=training)
    shape = model.output["segmentation_masks"].shape
    assert tuple(found["segmentation_masks"].shape[1:]) == shape[1:]
    result, mask = (found[key].numpy() for key in inputs)
    if first:
        result = np.moveaxis(result, 1, 3)
    expected = pooled(result, 2)[..., 0]
    # Where the corner of the crop is odd, the mask is between two of its pixels.
    assert np.abs(mask.reshape(2, 6, 8) - expected).max() <= 1.0


@pytest.mark.thorough
def test_what_fits_by_no_whole_number_is_refused():
    images = np.zeros((1, 16, 16, 1), "uint8")
    unknown = {
        "images": tf.TensorSpec([None, None, None, 1], tf.uint8),
        "segmentation_masks": tf.TensorSpec([None, None, None, 1], tf.float64),
    }
    for layer, shapes in (
        (kal.RandomRotate(0.1), [(7, 8), (8, 4), (16, 8), (32, 32)]),
        (kal.RandomCrop(9, 9), [(8, 8)]),
    ):
        call = functools.partial(layer, training=True)
        graph = tf.function(call, [unknown], autograph=False)
        plain = layer.sample(images)
        alone = tf.function(
            plain.segmentation_masks,
            [unknown["segmentation_masks"]],
            autograph=False,
        )
        for height, width in shapes:
            masks = np.zeros((1, height, width, 1))
            data = {"images": images, "segmentation_masks": masks}
            with pytest.raises(ValueError, match=f"Received: masks of {height} x"):
                layer(data, training=True)
            with pytest.raises(ValueError, match=f"Received: masks of {height} x"):
                layer.sample(images).segmentation_masks(masks)
            for function, given in ((graph, data), (alone, masks)):
                with pytest.raises(
                    tf.errors.InvalidArgumentError, match="segmentation_masks"
                ):
                    function(given)


@pytest.mark.thorough
def test_what_is_erased_is_erased_in_a_coarser_mask():
    images = np.full((8, 24, 32, 1), 9, "uint8")
    layer = kal.RandomErasing(scale=(0.2, 0.4), fill_value=0, mask_value=5, seed=2)
    masks = np.ones((8, 6, 8, 1), "int32")
    moved = layer({"images": images, "segmentation_masks": masks}, training=True)
    erased = moved["images"].numpy() == 0
    assert erased.any()
    # The mask tells of the pixel next to the middle of its own.
    expected = np.where(erased[:, 2::4, 2::4], 5, 1)
    np.testing.assert_array_equal(moved["segmentation_masks"], expected)


def test_a_map_of_true_and_false_does_not_grow():
    """A quarter of a pixel to the side, one of a half is none."""
    images = np.zeros((1, 9, 9, 3), "uint8")
    valid = np.zeros((1, 9, 9, 1), bool)
    valid[0, 4, 4] = True
    layer = kal.RandomShift(
        (2.25, 2.25), (1.0, 1.0), unit="pixels", extra_targets={"valid": "maps"}
    )
    moved = layer({"images": images, "valid": valid}, training=True)["valid"].numpy()
    expected = np.zeros_like(valid)
    expected[0, 6, 5] = True
    np.testing.assert_array_equal(moved, expected)
