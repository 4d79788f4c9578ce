"""RandomErasing, CoarseDropout and GridMask: where, what and nothing else."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn, random_images, sampled
from published import crops

import keras_aug_layers as kal
from keras_aug_layers.kernels import followers

MANY = 20_000
LAYERS = {
    "erasing": lambda **kwargs: kal.RandomErasing(seed=1, **kwargs),
    "coarse": lambda **kwargs: kal.CoarseDropout((1, 5), seed=2, **kwargs),
    "grid": lambda **kwargs: kal.GridMask(0.5, (4, 9), seed=3, **kwargs),
    "upright": lambda **kwargs: kal.GridMask(
        0.6, (5, 9), degrees=0.0, seed=4, **kwargs
    ),
}
layers = pytest.mark.parametrize("name", LAYERS)


def rectangles(layer, height, width, count=MANY):
    """Top, left, height and width of what a layer erases, (count, 4)."""
    (step,) = sampled(layer, (count, height, width, 3)).pixels
    top, left, bottom, right = (
        step.rows[key].numpy()[:, 0] for key in ("top", "left", "bottom", "right")
    )
    return np.stack([top, left, bottom - top, right - left], axis=1)


def largest_gap(one, other):
    """The Kolmogorov-Smirnov distance of two samples."""
    places = np.sort(np.concatenate([one, other]))
    below = [
        np.searchsorted(np.sort(x), places, "right") / len(x) for x in (one, other)
    ]
    return np.abs(below[0] - below[1]).max()


@pytest.mark.parametrize(("height", "width"), [(224, 224), (48, 20)])
def test_rectangles_are_those_of_the_published_code(height, width):
    ours = rectangles(kal.RandomErasing(fill_value=0, seed=5), height, width)
    generator = np.random.default_rng(6)
    settings = crops.ERASING["torchvision"]
    theirs = [
        *(
            crops.random_erasing(generator, height, width, **settings)
            for _ in range(MANY)
        )
    ]
    theirs = np.array([window for windows in theirs for window in windows])
    ours = ours[ours[:, 2] > 0]
    assert abs(len(ours) - len(theirs)) < 0.005 * MANY
    measures = (
        lambda x: x[:, 2] * x[:, 3],
        lambda x: x[:, 2] / x[:, 3],
        lambda x: x[:, 0] / (height - x[:, 2]),
        lambda x: x[:, 1] / (width - x[:, 3]),
    )
    for measure in measures:
        assert largest_gap(measure(ours), measure(theirs)) < 0.02


def test_the_chance_of_an_image():
    def share(**kwargs):
        layer = kal.RandomErasing(fill_value=0, seed=7, **kwargs)
        images = np.ones((2000, 8, 8, 1), "uint8")
        return (drawn(layer, images) == 0).any(axis=(1, 2, 3)).mean()

    assert share(scale=(0.1, 0.3)) == 1.0
    assert abs(share(factor=0.25, scale=(0.1, 0.3)) - 0.25) < 0.03
    assert abs(share(factor=(0.2, 0.8), scale=(0.1, 0.3)) - 0.5) < 0.04
    assert abs(share(probability=0.25, scale=(0.1, 0.3)) - 0.25) < 0.03


@layers
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32", "float64"])
def test_erased_pixels_hold_the_value_and_no_others_change(name, dtype):
    images = random_images((6, 21, 26, 3), dtype) + np.array(2).astype(dtype)
    erased = drawn(LAYERS[name](fill_value=1), images)
    changed = (erased != images).any(axis=-1)
    assert 0.01 < changed.mean() < 0.7
    assert changed.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(erased[changed], 1)
    np.testing.assert_array_equal(erased[~changed], images[~changed])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_value_for_each_channel(data_format):
    images = np.full((4, 16, 16, 3), 200, "uint8")
    layer = kal.RandomErasing(fill_value=(1, 2, 3), data_format=data_format)
    if data_format == "channels_first":
        erased = drawn(layer, images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    else:
        erased = drawn(layer, images)
    changed = (erased != images).any(axis=-1)
    assert changed.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(erased[changed], [[1, 2, 3]] * changed.sum())


def test_a_value_for_each_channel_behind_a_step_that_turns_them():
    images = random_images((3, 16, 16, 3), "uint8")
    stack = [
        kal.RandomErasing(fill_value=(9, 0, 0)),
        kal.RandomSaturation(gain=0.3, space="linear", seed=2),
    ]
    erased = drawn(kal.FusedAugmentation(stack), images, seed=(1, 2))
    plain = drawn(kal.FusedAugmentation(stack[1:]), images, seed=(1, 2))
    changed = (erased != plain).any(axis=-1)
    for image, where in zip(erased, changed, strict=True):
        assert len(np.unique(image[where], axis=0)) == 1


@pytest.mark.parametrize("fill_value", ["noise", None])
def test_noise(fill_value):
    layer = kal.RandomErasing(scale=(0.5, 0.5), ratio=(1, 1), fill_value=fill_value)
    images = np.zeros((16, 128, 128, 3), "float32")
    noise = drawn(layer, images)
    noise = noise[noise != 0]
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1.0) < 0.01
    assert abs((np.abs(noise) < 1.0).mean() - 0.6827) < 0.01
    assert len(np.unique(noise)) > 10_000
    ranged = drawn(layer, images.astype("uint8"))
    # A few of the erased values are 0 as those around them, being clipped.
    values = ranged[ranged.any(axis=-1)]
    assert abs(values.mean() - 127.5) < 1.0
    assert abs(values.std() - 0.225 * 255) < 1.5
    channels = np.corrcoef(values.T.astype(float))
    assert np.abs(channels - np.eye(3)).max() < 0.02


@layers
def test_masks_are_erased_where_asked(name):
    images = np.full((4, 24, 30, 3), 7, "uint8")
    masks = np.ones((4, 24, 30), "int32")
    data = {"images": images, "segmentation_masks": masks}
    kept = LAYERS[name](fill_value=0)(data, training=True)
    np.testing.assert_array_equal(kept["segmentation_masks"], masks)
    erased = LAYERS[name](fill_value=0, mask_value=255)(data, training=True)
    expected = np.where(erased["images"].numpy()[..., 0] == 0, 255, 1)
    assert (expected == 255).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(erased["segmentation_masks"], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("grouped", [False, True])
def test_a_mask_that_is_moved_afterwards_stays_with_its_image(grouped):
    stack = [
        kal.RandomFlip("horizontal", seed=1),
        kal.RandomErasing(fill_value=0, mask_value=9, seed=2),
        kal.RandomRotate(degrees=(90, 90), seed=3),
        kal.CoarseDropout(2, fill_value=0, mask_value=9, seed=4),
    ]
    layer = kal.FusedAugmentation(stack) if grouped else keras.Sequential(stack)
    data = {
        "images": np.full((5, 24, 24, 3), 7, "uint8"),
        "segmentation_masks": np.ones((5, 24, 24), "uint8"),
    }
    result = layer(data, training=True)
    erased = result["images"].numpy()[..., 0] == 0
    assert 0.05 < erased.mean() < 0.6
    np.testing.assert_array_equal(result["segmentation_masks"].numpy() == 9, erased)


@layers
def test_boxes_and_keypoints_stay(name):
    data = {
        "images": np.ones((4, 24, 30, 3), "uint8"),
        "bounding_boxes": {"boxes": np.array([[[2, 3, 9, 8]]] * 4, "float32")},
        "keypoints": np.array([[[4, 5], [20, 11]]] * 4, "float32"),
    }
    layer = LAYERS[name](fill_value=0, bounding_box_format="xyxy")
    result = layer(data, training=True)
    boxes = result["bounding_boxes"]["boxes"]
    np.testing.assert_array_equal(boxes, data["bounding_boxes"]["boxes"])
    np.testing.assert_array_equal(result["keypoints"], data["keypoints"])


@layers
@pytest.mark.parametrize("box_format", ["xyxy", "rel_center_xywh"])
def test_boxes_that_are_covered_go_where_asked(name, box_format):
    height, width, limit = 24, 30, 0.35
    generator = np.random.default_rng(3)
    low = generator.integers(0, 16, (8, 40, 2))
    corners = np.concatenate([low, low + generator.integers(1, 9, (8, 40, 2))], axis=-1)
    points = generator.integers(0, 24, (8, 50, 2))
    boxes = corners.astype("float64")
    if box_format != "xyxy":
        sizes = boxes[..., 2:] - boxes[..., :2]
        boxes = np.concatenate([boxes[..., :2] + sizes / 2, sizes], axis=-1)
        boxes /= [width, height, width, height]
    data = {
        "images": np.full((8, height, width, 1), 7, "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((8, 40), "int32")},
        "keypoints": points.astype("float32"),
    }
    layer = LAYERS[name](
        fill_value=0, max_covered=limit, bounding_box_format=box_format
    )
    result = layer(data, training=True)
    erased = result["images"].numpy()[..., 0] == 0
    covered = np.array(
        [
            [erased[i, y0:y1, x0:x1].mean() for x0, y0, x1, y1 in corners[i]]
            for i in range(8)
        ]
    )
    gone = covered > limit
    assert 0.05 < gone.mean() < 0.95
    found = result["bounding_boxes"]
    np.testing.assert_array_equal(found["labels"], np.where(gone, -1, 1))
    expected = np.where(gone[..., np.newaxis], -1.0, boxes)
    np.testing.assert_allclose(found["boxes"], expected, atol=1e-6)
    hidden = np.array([erased[i, points[i, :, 1], points[i, :, 0]] for i in range(8)])
    assert 0.05 < hidden.mean() < 0.95
    moved = np.where(hidden[..., np.newaxis], -1.0, points)
    np.testing.assert_array_equal(result["keypoints"], moved)


def test_the_squares_of_a_grid():
    masked = drawn(
        kal.GridMask(0.5, (8, 8), degrees=0.0, fill_value=0),
        np.ones((64, 32, 48, 1), "uint8"),
    )[..., 0]
    np.testing.assert_array_equal((masked == 0).mean(axis=(1, 2)), 0.25)
    np.testing.assert_array_equal(masked, np.roll(masked, (8, 8), (1, 2)))
    assert len(np.unique(masked.reshape(64, -1), axis=0)) > 20
    turned = drawn(
        kal.GridMask(0.6, fill_value=0), np.ones((200, 224, 224, 1), "uint8")
    )
    assert abs((turned == 0).mean() - 0.16) < 0.01


def test_periods_of_a_grid_are_drawn_evenly():
    layer = kal.GridMask(0.5, (8, 11), fill_value=0, seed=1)
    step = sampled(layer, (4000, 32, 32, 1), dtype="uint8").pixels[0]
    periods, counts = np.unique(step.rows["unit"], return_counts=True)
    assert periods.tolist() == [8, 9, 10, 11]
    assert abs(counts / 4000 - 0.25).max() < 0.03
    narrow = kal.GridMask(0.5, (7.5, 8.5), fill_value=0, seed=1)
    step = sampled(narrow, (50, 32, 32, 1), dtype="uint8").pixels[0]
    assert np.unique(step.rows["unit"]).tolist() == [8]


@pytest.mark.thorough
@layers
def test_every_form_gives_the_same(name):
    layer = LAYERS[name](fill_value=None)
    images = random_images((5, 20, 24, 3), "uint8")
    stack = [kal.RandomFlip(seed=8), layer]
    fused = drawn(kal.FusedAugmentation(stack), images, seed=(1, 2))

    def one_by_one(images):
        for each in stack:
            images = each(images, training=True, seed=(1, 2))
        return images

    np.testing.assert_array_equal(one_by_one(images), fused)
    for jit_compile in (False, True):
        run = tf.function(one_by_one, jit_compile=jit_compile)
        np.testing.assert_array_equal(run(tf.constant(images)), fused)


@layers
def test_config_and_transform_round_trips(name):
    layer = LAYERS[name](fill_value=(1, 2, 3), mask_value=4, max_covered=0.5)
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    images = random_images((3, 16, 18, 3), "uint8")
    expected = drawn(layer, images, seed=(3, 4))
    np.testing.assert_array_equal(drawn(again, images, seed=(3, 4)), expected)
    transform = sampled(layer, images, seed=(3, 4))
    config = json.loads(json.dumps(transform.to_config()))
    loaded = kal.Transform.from_config(config)
    np.testing.assert_array_equal(loaded.images(images), expected)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: kal.RandomErasing(factor=1.5), "factor"),
        (lambda: kal.RandomErasing(scale=(-0.5, 0.2)), "scale"),
        (lambda: kal.RandomErasing(ratio=(0, 1)), "ratio"),
        (lambda: kal.RandomErasing(fill_value="snow"), "fill_value"),
        (lambda: kal.RandomErasing(max_covered=2), "max_covered"),
        (lambda: kal.CoarseDropout(0), "count"),
        (lambda: kal.CoarseDropout((1, 2.5)), "count"),
        (lambda: kal.CoarseDropout(height_factor=2.0), "height_factor"),
        (lambda: kal.GridMask(1.5), "ratio"),
        (lambda: kal.GridMask(unit=(1, 4)), "unit"),
        (lambda: kal.GridMask(unit=(4, 8), unit_factor=(0.1, 0.2)), "unit"),
    ],
)
def test_wrong_arguments(wrong, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        wrong()


@pytest.mark.parametrize("fill_value", [300, (1, 2)])
def test_a_value_that_the_images_cannot_hold(fill_value):
    layer = kal.RandomErasing(fill_value=fill_value)
    with pytest.raises(ValueError, match="`fill_value`"):
        layer(np.zeros((2, 8, 8, 3), "uint8"), training=True)


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ([10, 0, 30, 20], 0.6),  # of what is seen of it
        ([-8, -9, 30, 30], 0.3),
        ([16, 0, 40, 20], 1.0),
        ([10, 0, 20, 20], 0.6),
        ([2, 2, 12, 12], 0.0),
    ],
)
def test_the_share_of_a_box_is_that_of_what_the_frame_shows(box, share):
    covered = np.zeros((1, 20, 20), bool)
    covered[:, :, 14:] = True
    for turned in (covered, covered[:, :, ::-1]):
        mirrored = (
            box if turned is covered else [20 - box[2], box[1], 20 - box[0], box[3]]
        )
        corners = tf.constant([[mirrored]], tf.float64)
        found = followers.share_covered(tf.constant(turned), corners)
        np.testing.assert_allclose(found, [[share]], atol=1e-12)


def test_behind_normalize_noise_is_normal_whatever_the_range_was():
    images = tf.cast(random_images((4, 16, 16, 3), "uint8"), tf.float32)
    normal = kal.Normalize(0.5, 0.25, value_range=(0, 255))
    erase = kal.RandomErasing(1.0, (0.9, 0.9), "noise", seed=1)
    made = drawn(kal.FusedAugmentation([normal, erase]), images)
    assert 0.8 < made.std() < 1.3


def test_relative_targets_of_a_ragged_batch_are_erased_in_their_own_image():
    """As those of the image alone, which is of another size than the first."""
    sizes = (32, 128)
    images = tf.RaggedTensor.from_row_lengths(
        tf.RaggedTensor.from_row_lengths(
            tf.zeros((sum(x * x for x in sizes), 3), tf.uint8),
            np.repeat(sizes, sizes),
        ),
        sizes,
    )
    layer = kal.RandomErasing(
        1.0,
        (0.3, 0.3),
        0.0,
        max_covered=0.3,
        bounding_box_format="rel_xyxy",
        keypoint_format="rel_xy",
    )
    places = np.random.default_rng(0).uniform(0.1, 0.6, (2, 6, 2))
    boxes = np.concatenate([places, places + 0.3], axis=-1)
    seeds = np.array([[1, 2], [3, 4]])
    data = {
        "images": images,
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((2, 6))},
        "keypoints": places,
    }
    made = layer(data, training=True, seed=seeds)
    gone = 0
    for i, size in enumerate(sizes):
        one = {
            "images": tf.zeros((1, size, size, 3), tf.uint8),
            "bounding_boxes": {"boxes": boxes[[i]], "labels": np.ones((1, 6))},
            "keypoints": places[[i]],
        }
        alone = layer(one, training=True, seed=seeds[[i]])
        np.testing.assert_array_equal(made["keypoints"][i], alone["keypoints"][0])
        pair = (x["bounding_boxes"]["boxes"] for x in (made, alone))
        np.testing.assert_array_equal(
            *(x[j] for x, j in zip(pair, (i, 0), strict=True))
        )
        gone += np.sum(alone["keypoints"] == -1.0)
    assert 0 < gone < 24
