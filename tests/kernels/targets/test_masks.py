"""Masks keep their dtype and their values."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits

import keras_aug_layers as kal


@pytest.mark.parametrize("fill", [None, 1, 100])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_masks_keep_dtype_and_values(fill, jit_compile):
    layer = kal.FusedAugmentation(
        [kal.RandomRotate(0.5), kal.RandomShift(0.4, 0.4), kal.RandomZoom(0.5)],
        mask_fill_value=fill,
        jit_compile=jit_compile,
    )
    generator = np.random.default_rng(1)
    labels = {
        "uint8": [3, 7, 255],
        "int8": [-128, -1, 127],
        "uint16": [0, 40_000, 65_535],
        "int16": [-30_000, -1, 30_000],
        "int32": [-(2**31), 5, 2**31 - 1],
        "int64": [-(2**63), 2**53 + 1, 2**62 + 1],
        "float32": [0.1, 0.7, np.inf],
    }
    images = np.zeros((6, 25, 30, 1), "float32")

    @tf.function(jit_compile=jit_compile, autograph=False)
    def move(masks):
        transform = layer.sample(images, seed=(1, 1))
        return {key: transform.segmentation_masks(mask) for key, mask in masks.items()}

    pattern = generator.integers(0, 3, (6, 25, 30))
    masks = {key: np.sort(labels[key])[pattern].astype(key) for key in labels}
    moved = move(masks)
    for dtype, values in labels.items():
        result = moved[dtype].numpy()
        assert result.dtype == dtype
        allowed = np.array(values, dtype)
        known = np.isin(result, allowed)
        assert (known | (result == (np.nan if fill is None else fill))).all()
        assert known.mean() > 0.3
        assert (~known).any() == (fill is not None)
        # The same pattern in every dtype: the same pixels are shown.
        shown = np.searchsorted(np.sort(allowed), result)
        first = np.searchsorted(np.sort(labels["uint8"]), moved["uint8"].numpy())
        np.testing.assert_array_equal(shown[known], first[known])


@pytest.mark.parametrize("fill", [None, 1])
def test_boolean_masks(fill):
    masks = np.random.default_rng(1).integers(0, 2, (6, 25, 30, 3)).astype(bool)
    layer = kal.RandomShift(0.4, 0.4, fill_mode="constant", mask_fill_value=fill)
    transform = layer.sample((6, 25, 30, 3), seed=(1, 1))
    moved = transform.segmentation_masks(masks)
    assert_same_bits(moved, transform.segmentation_masks(masks.astype("uint8")) == 1)
    outside = transform.segmentation_masks(np.ones_like(masks, "int32")).numpy() == 0
    assert outside.any() == (fill is None)
    assert moved.numpy()[outside].sum() == 0


def test_one_hot_masks_stay_one_hot():
    labels = np.random.default_rng(1).integers(0, 5, (6, 25, 30))
    for fill_mode in ("reflect", "nearest", "wrap"):
        layer = kal.RandomRotate(0.5, fill_mode=fill_mode)
        transform = layer.sample((6, 25, 30, 3), seed=(1, 1))
        moved = transform.segmentation_masks(np.eye(5, dtype="uint8")[labels]).numpy()
        np.testing.assert_array_equal(moved.sum(axis=-1), 1)
        expected = transform.segmentation_masks(labels).numpy()
        np.testing.assert_array_equal(moved.argmax(axis=-1), expected)
        assert (expected != labels).mean() > 0.3


def test_the_ignore_label_is_what_comes_from_outside():
    """255 outside, nothing else; the images are filled as they were."""
    layer = kal.RandomShift(
        (2, 2), (-3, -3), unit="pixels", fill_mode="nearest", mask_fill_value=255
    )
    images = np.random.default_rng(1).integers(0, 200, (2, 9, 12, 1), "uint8")
    result = layer({"images": images, "segmentation_masks": images}, training=True)
    expected = np.full_like(images, 255)
    expected[:, 2:, :-3] = images[:, :-2, 3:]
    assert_same_bits(result["segmentation_masks"], expected)
    padded = np.pad(images, ((0, 0), (2, 0), (0, 3), (0, 0)), "edge")[:, :9, 3:]
    assert_same_bits(result["images"], padded)


@pytest.mark.parametrize(
    ("dtype", "fill"), [("uint8", 256), ("uint8", -1), ("bool", 2), ("int32", 0.5)]
)
def test_a_fill_that_masks_cannot_hold_is_an_error(dtype, fill):
    layer = kal.RandomRotate(0.2, mask_fill_value=fill)
    masks = np.ones((2, 9, 12), dtype)
    with pytest.raises(ValueError, match="`mask_fill_value`.*" + dtype):
        layer.sample((2, 9, 12, 3)).segmentation_masks(masks)
