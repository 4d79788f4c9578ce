"""Masks, boxes and keypoints move with their images; a draw is kept, undone, replayed.

Expectations come from the pixels themselves, from float64 NumPy, and from figures
recorded from OpenCV and albumentations.
"""

import copy
import json
import re

import hypothesis.strategies as st
import numpy as np
import pytest
import reference
import tensorflow as tf
from examples import EXAMPLES, GEOMETRIC
from helpers import assert_same_bits
from hypothesis import Phase, assume, given, settings

import keras_aug_layers as kal

SIZE = (48, 64)
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh")
FORMATS += tuple("rel_" + order for order in FORMATS)
BOXES = np.array([[10, 8, 30, 25], [25, 20, 50, 40], [2, 30, 12, 46]], "float32")


def transform_of(matrices, size=SIZE, **settings):
    """A Transform made of matrices (B, 3, 3) or (3, 3), output to input, in pixels."""
    matrices = np.reshape(np.asarray(matrices, np.float64), (-1, 3, 3))
    layer = kal.RandomShift(0.1, bounding_box_format="xyxy", **settings)
    config = layer.sample((len(matrices), *size, 1)).to_config()
    to_middle = np.eye(3)
    to_middle[:2, 2] = (np.array(size[::-1]) - 1) / 2
    centred = np.linalg.inv(to_middle) @ matrices @ to_middle
    affine = (matrices[:, 2] == [0, 0, 1]).all()
    step = {
        "name": "affine" if affine else "homography",
        "rows": {"matrix": {"dtype": "float64", "values": centred.tolist()}},
        "only": None,
    }
    part = {"coordinates": [step], "pixels": [], "size": None}
    return kal.Transform.from_config({**config, "parts": [part]})


def move(matrix, points):
    """Where points (…, 2) of the input are shown, in float64 NumPy."""
    points = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    moved = points @ np.swapaxes(np.linalg.inv(np.asarray(matrix, np.float64)), -1, -2)
    return moved[..., :2] / moved[..., 2:]


def convert(boxes, box_format, size=SIZE):
    """From xyxy in pixels to any format, in NumPy."""
    x1, y1, x2, y2 = np.moveaxis(np.asarray(boxes, np.float64), -1, 0)
    if box_format.startswith("rel_"):
        x1, y1, x2, y2 = x1 / size[1], y1 / size[0], x2 / size[1], y2 / size[0]
    return np.stack(
        {
            "xyxy": (x1, y1, x2, y2),
            "yxyx": (y1, x1, y2, x2),
            "xywh": (x1, y1, x2 - x1, y2 - y1),
            "center_xywh": ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
        }[box_format.removeprefix("rel_")],
        axis=-1,
    )


def frame_of(mask):
    """The pixel edges around what is not 0 in a mask (H, W); -1 if there is nothing."""
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        return [-1.0] * 4
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def filled(boxes, size):
    """A mask of each box: int32 (B, H, W)."""
    y, x = np.mgrid[: size[0], : size[1]]
    x1, y1, x2, y2 = (np.asarray(boxes)[:, i, None, None] for i in range(4))
    return ((x >= x1) & (x < x2) & (y >= y1) & (y < y2)).astype("int32")


# A landmark follows its pixel.


def blobs(keypoints, size, sigma):
    """A bright blob around each keypoint: float32 (B, H, W, 1)."""
    y, x = np.mgrid[: size[0], : size[1]]
    squared = [(x - kx) ** 2 + (y - ky) ** 2 for kx, ky in keypoints]
    return np.exp(-np.stack(squared)[..., None] / (2 * sigma**2)).astype("float32")


def centres_of_mass(images):
    """(B, 2): x and y."""
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    weights = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    return np.stack([(weights * x).sum((1, 2)), (weights * y).sum((1, 2))], axis=-1)


def whole_in_frame(matrices, keypoints, radius, size):
    """(B,): whether a disc around each keypoint is shown whole."""
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    moved = move(matrices, keypoints[:, None] + circle)
    return ((moved > 0) & (moved < np.array(size[::-1]) - 1)).all(axis=(1, 2))


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["op", "XLA"])
@pytest.mark.parametrize(
    ("size", "data_format"),
    [((45, 51), "channels_last"), ((46, 52), "channels_first")],
)
def test_a_landmark_follows_its_pixel(form, size, data_format):
    first = data_format == "channels_first"
    sigma, count = 1.5, 12

    @tf.function(jit_compile=form == "XLA", autograph=False)
    def moved_images(transform, images):
        return transform.images(images)

    @settings(max_examples=30, phases=[Phase.generate])  # shrinking takes minutes
    @given(
        names=st.permutations(GEOMETRIC).flatmap(
            lambda names: st.integers(1, len(names)).map(lambda stop: names[:stop])
        ),
        seed=st.tuples(*[st.integers(0, 2**31)] * 2),
    )
    def check(names, seed):
        kwargs = {"data_format": data_format, "fill_mode": "constant"}
        layer = kal.FusedAugmentation([EXAMPLES[name](**kwargs) for name in names])
        layer.data_format = data_format
        generator = np.random.default_rng(seed[0])
        middle, reach = (np.array(size[::-1]) - 1) / 2, np.array(size[::-1]) / 4
        keypoints = middle + generator.uniform(-reach, reach, (count, 2))
        images = blobs(keypoints, size, sigma)
        images = np.moveaxis(images, -1, 1) if first else images
        transform = layer.sample(images.shape, seed=seed)
        found = moved_images(transform, images).numpy()
        found = centres_of_mass(np.moveaxis(found, 1, -1) if first else found)
        moved = transform.keypoints(keypoints[:, None]).numpy()[:, 0]
        seen = whole_in_frame(transform.matrix, keypoints, 3.5 * sigma, size)
        assume(seen.sum() >= 3)
        assert np.abs(found - moved)[seen].max() < 0.5
        np.testing.assert_allclose(
            moved[seen], move(transform.matrix, keypoints[:, None])[:, 0][seen], 0, 1e-3
        )

    check()


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_dict_moves_as_one(jit_compile, data_format):
    """The layer's own call: everything under the draw that `sample` shows."""
    first = data_format == "channels_first"
    layer = kal.FusedAugmentation(
        [EXAMPLES[name](data_format=data_format) for name in GEOMETRIC],
        data_format=data_format,
        bounding_box_format="xyxy",
        jit_compile=jit_compile,
    )
    keypoints = np.tile([[[20.0, 15.0], [40.0, 30.0]]], (3, 1, 1)).astype("float32")
    images = blobs(keypoints[:, 0], SIZE, 3.0)
    masks = (images > 0.5).astype("uint8")
    data = {
        "images": np.moveaxis(images, -1, 1) if first else images,
        "segmentation_masks": np.moveaxis(masks, -1, 1) if first else masks,
        "bounding_boxes": {
            "boxes": np.tile(BOXES, (3, 1, 1)),
            "labels": [[1, 2, 3]] * 3,
        },
        "keypoints": keypoints,
    }
    result = layer(data, training=True, seed=(3, 4))
    transform = layer.sample(data["images"].shape, seed=(3, 4))
    for key in ("images", "segmentation_masks", "keypoints"):
        expected = getattr(transform, key)(data[key]).numpy()
        assert result[key].dtype == expected.dtype
        np.testing.assert_allclose(result[key], expected, rtol=0, atol=1e-4)
        assert np.abs(expected - data[key]).max() > 0.5
    expected = transform.bounding_boxes(data["bounding_boxes"])
    for key in ("boxes", "labels"):
        np.testing.assert_allclose(
            result["bounding_boxes"][key], expected[key], 0, 1e-4
        )


@pytest.mark.thorough
def test_one_image_is_a_batch_of_one():
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="rel_xywh"
    )
    data = {
        "images": blobs([(20, 15)], SIZE, 2.0),
        "segmentation_masks": filled([[5, 6, 40, 30]], SIZE),
        "bounding_boxes": {
            "boxes": convert(BOXES, "rel_xywh")[None],
            "labels": np.array([[7, 8, 9]]),
        },
        "keypoints": np.array([[[20.0, 15.0]]]),
    }
    single = tf.nest.map_structure(lambda x: x[0], data)
    of_batch = layer(data, training=True, seed=(5, 6))
    of_single = layer(single, training=True, seed=(5, 6))
    tf.nest.map_structure(lambda a, b: assert_same_bits(a, b[0]), of_single, of_batch)
    assert tf.nest.map_structure(np.shape, of_single) == tf.nest.map_structure(
        np.shape, single
    )


@pytest.mark.slow
def test_a_dict_under_xla_and_in_a_graph():
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="xywh"
    )
    data = {
        "images": blobs([(20, 15), (30, 30)], SIZE, 3.0),
        "bounding_boxes": {
            "boxes": tf.constant(convert(BOXES, "xywh")[None].repeat(2, 0), tf.float32),
            "labels": tf.constant([[7, 8, 9]] * 2),
        },
        "keypoints": tf.constant([[[20.0, 15.0]], [[30.0, 30.0]]]),
    }
    expected = layer(data, training=True, seed=(1, 2))
    for jit_compile in (True, False):
        call = tf.function(layer, jit_compile=jit_compile, autograph=False)
        result = call(data, training=True, seed=(1, 2))
        tf.nest.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-4),
            result,
            expected,
        )


@pytest.mark.slow
@pytest.mark.parametrize("batched", [True, False])
def test_a_dict_in_tf_data(batched):
    layer = kal.FusedAugmentation(
        [EXAMPLES[name]() for name in GEOMETRIC], bounding_box_format="xyxy"
    )
    data = {
        "images": blobs([(20, 15)] * 4, SIZE, 3.0),
        "bounding_boxes": {
            "boxes": np.stack([BOXES] * 4),
            "labels": np.array([[7, 8, 9]] * 4),
        },
        "name": np.array(["a", "b", "c", "d"]),
    }
    dataset = tf.data.Dataset.from_tensor_slices(data)
    dataset = dataset.batch(4) if batched else dataset
    dataset = dataset.map(lambda d: layer(d, training=True, seed=(1, 2)))
    result = next(iter(dataset))
    shown = data if batched else tf.nest.map_structure(lambda x: x[0], data)
    expected = layer(shown, training=True, seed=(1, 2))
    for key in ("boxes", "labels"):
        np.testing.assert_allclose(
            result["bounding_boxes"][key], expected["bounding_boxes"][key], 0, 1e-4
        )
    np.testing.assert_allclose(result["images"], expected["images"], 0, 1e-4)
    assert np.array_equal(result["name"], [b"a", b"b", b"c", b"d"] if batched else b"a")
    assert np.abs(result["images"] - shown["images"]).max() > 0.3


# Boxes.

INTEGER_MOVES = {
    "shift": (
        lambda **kw: kal.RandomShift((-9, 9), (-12, 12), unit="pixels", **kw),
        [(20, 31), (13, 16)],
    ),
    "flip": (kal.RandomFlip, [(20, 31), (13, 8)]),
    "quarter": (lambda **kw: kal.RandomRotate((0.25, 0.25), **kw), [(20, 20), (9, 21)]),
    "half": (lambda **kw: kal.RandomRotate((0.5, 0.5), **kw), [(20, 31), (13, 8)]),
    "three": (lambda **kw: kal.RandomRotate((-0.25, -0.25), **kw), [(7, 7), (22, 8)]),
}


@pytest.mark.parametrize(("build", "sizes"), INTEGER_MOVES.values(), ids=INTEGER_MOVES)
@pytest.mark.parametrize("even", [0, 1])
def test_a_rectangle_and_its_box_move_alike(build, sizes, even):
    size, count = sizes[even], 40
    generator = np.random.default_rng(4)
    low = np.stack([generator.integers(0, n - 2, count) for n in size[::-1]], axis=-1)
    extent = np.stack([generator.integers(1, n, count) for n in size[::-1]], axis=-1)
    boxes = np.concatenate([low, np.minimum(low + extent, size[::-1])], axis=-1)
    layer = build(fill_mode="constant", bounding_box_format="xyxy", seed=3)
    transform = layer.sample((count, *size, 1))
    # Shifts are drawn in parts of pixels; the other moves are whole as they are.
    transform = transform_of(np.round(transform.matrix), size, fill_mode="constant")
    moved = transform.bounding_boxes({"boxes": boxes[:, None].astype("float32")})
    masks = transform.segmentation_masks(filled(boxes, size)).numpy()
    expected = np.array([frame_of(mask) for mask in masks])
    np.testing.assert_array_equal(moved["boxes"].numpy()[:, 0], expected)
    assert (expected != boxes).any(axis=1).sum() > count / 2
    assert (expected >= 0).all(axis=1).sum() > count / 8


@pytest.mark.parametrize("size", [(60, 71), (61, 70)])
def test_a_box_encloses_its_rectangle(size):
    """In the frame: every pixel's centre is inside, and at most a pixel is spare.

    Corners stay right angles, so that the last pixel centre of a tip that points at a
    side is at most one pixel and a half from it.
    """
    layer = kal.FusedAugmentation(
        [kal.RandomRotate(0.5), kal.RandomZoom(0.2), kal.RandomShift(0.05, 0.05)],
        fill_mode="constant",
        bounding_box_format="xyxy",
        seed=2,
    )
    count = 200
    generator = np.random.default_rng(4)
    middle = np.array([*size[::-1]]) // 2
    low = middle - generator.integers(3, 14, (count, 2))
    high = middle + generator.integers(3, 14, (count, 2))
    boxes = np.concatenate([low, high], axis=-1)
    transform = layer.sample((count, *size, 1))
    masks = transform.segmentation_masks(filled(boxes, size)).numpy()
    actual = np.array([frame_of(mask) for mask in masks])
    moved = transform.bounding_boxes({"boxes": boxes[:, None].astype("float32")})
    moved = moved["boxes"].numpy()[:, 0]
    whole = (moved[:, :2] > 0).all(1) & (moved[:, 2:] < np.array(size[::-1])).all(1)
    assert whole.mean() > 0.9
    # How far the box goes beyond the outermost pixels' edges, each side.
    spare = np.concatenate(
        [actual[:, :2] - moved[:, :2], moved[:, 2:] - actual[:, 2:]], 1
    )
    assert spare[whole].min() > -0.5 - 1e-3  # their centres are inside
    assert spare[whole].max() < 1.0


@pytest.mark.parametrize("size", [(48, 64), (7, 5), (8, 5), (1, 1)])
@pytest.mark.parametrize("box_fit", ["corners", "ellipse"])
def test_the_full_frame_at_180_degrees(size, box_fit):
    layer = kal.RandomRotate(
        (0.5, 0.5), bounding_box_format="xyxy", box_fit=box_fit, min_visibility=1.0
    )
    full = np.array([[[0, 0, size[1], size[0]]]], "float32")
    moved = layer.sample((1, *size, 3)).bounding_boxes({"boxes": full})["boxes"]
    np.testing.assert_array_equal(moved, full)


@pytest.mark.parametrize("box_format", FORMATS)
def test_formats_at_zero_strength(box_format):
    layer = kal.RandomRotate((0, 0), bounding_box_format=box_format)
    boxes = convert(BOXES, box_format)[None]
    for dtype in ("float32", "float64"):
        moved = layer.sample((1, *SIZE, 3)).bounding_boxes(
            {"boxes": boxes.astype(dtype), "labels": np.array([[1, 2, 3]])}
        )
        assert moved["boxes"].dtype == dtype
        np.testing.assert_allclose(moved["boxes"], boxes, rtol=0, atol=1e-4)
        np.testing.assert_array_equal(moved["labels"], [[1, 2, 3]])


@pytest.mark.parametrize("box_fit", ["corners", "ellipse"])
@pytest.mark.parametrize("box_format", FORMATS)
def test_formats_say_the_same(box_format, box_fit):
    """The same draw in each format, dropped and clipped boxes among them."""
    boxes = np.concatenate([BOXES, [[55, 0, 64, 9], [0, 0, 64, 48], [3, 3, 3, 3]]])
    results = {}
    for name in ("xyxy", box_format):
        layer = kal.FusedAugmentation(
            [kal.RandomRotate(degrees=(35, 35)), kal.RandomShift((-0.2, -0.2), 0.1)],
            bounding_box_format=name,
            box_fit=box_fit,
        )
        transform = layer.sample((1, *SIZE, 3), seed=(1, 2))
        results[name] = transform.bounding_boxes({"boxes": convert(boxes, name)[None]})
    pixels = results["xyxy"]["boxes"].numpy()[0]
    dropped = (pixels == -1).all(axis=-1)
    assert 0 < dropped.sum() < len(boxes) - 2
    expected = np.where(dropped[:, None], -1, convert(pixels, box_format))
    np.testing.assert_allclose(results[box_format]["boxes"][0], expected, atol=1e-9)
    assert np.abs(pixels - boxes)[~dropped].max() > 3


def test_the_order_of_labels_and_count_stay():
    """What leaves the frame becomes -1, and so does its label; padding stays."""
    transform = transform_of(reference.shift(-20, 0))
    boxes = np.array(
        [[[2, 2, 12, 12], [30, 5, 40, 9], [-1, -1, -1, -1], [10, 0, 30, 4]]], "float32"
    )
    labels = np.array([[4, 5, -1, 0]], "int64")
    one_hot = np.eye(6, dtype="float32")[labels]
    expected = [[[-1] * 4, [10, 5, 20, 9], [-1] * 4, [0, 0, 10, 4]]]
    moved = transform.bounding_boxes({"boxes": boxes, "labels": labels})
    np.testing.assert_array_equal(moved["boxes"], expected)
    assert_same_bits(moved["labels"], np.array([[-1, 5, -1, 0]], "int64"))
    moved = transform.bounding_boxes({"boxes": boxes, "labels": one_hot})
    one_hot[0, [0, 2]] = -1
    assert_same_bits(moved["labels"], one_hot)


@pytest.mark.parametrize(
    ("min_visibility", "kept"),
    [(0.0, [1, 1, 1, 0]), (0.25, [1, 1, 1, 0]), (0.26, [1, 1, 0, 0])]
    + [(0.5, [1, 1, 0, 0]), (0.51, [1, 0, 0, 0]), (1.0, [1, 0, 0, 0])],
)
def test_min_visibility(min_visibility, kept):
    """All, a half, a quarter and nothing of a box stay inside."""
    transform = transform_of(reference.shift(-8, -8), min_visibility=min_visibility)
    boxes = [[8, 8, 16, 16], [4, 10, 12, 18], [4, 4, 12, 12], [0, 20, 8, 30]]
    moved = transform.bounding_boxes(
        {"boxes": np.array([boxes], "float32"), "labels": [[1, 2, 3, 4]]}
    )
    expected = np.array([[0, 0, 8, 8], [0, 2, 4, 10], [0, 0, 4, 4], [-1] * 4])
    expected[~np.array(kept, bool)] = -1
    np.testing.assert_array_equal(moved["boxes"][0], expected)
    labels = np.where(kept, [1, 2, 3, 4], -1)
    np.testing.assert_array_equal(moved["labels"][0], labels)


def test_ellipse_is_tight_for_a_disc():
    """A disc and its moved box: its own outline, point by point, in NumPy."""
    generator = np.random.default_rng(1)
    count, middle, radius = 30, np.array([31.0, 24.0]), 7.0
    angle = np.linspace(0, 2 * np.pi, 20_000)
    outline = middle - 0.5 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    matrices = [
        reference.rotate(degrees, SIZE)
        @ reference.zoom(*generator.uniform(-0.3, 0.3, 2), SIZE)
        @ np.array([[1, 0, 0], [0, 1, 0], [*generator.uniform(-3e-3, 3e-3, 2), 1]])
        for degrees in generator.uniform(-180, 180, count)
    ]
    matrices = np.asarray(matrices) / np.asarray(matrices)[:, 2:, 2:]
    disc = np.concatenate([middle - radius, middle + radius])
    boxes = np.tile(disc, (count, 1, 1)).astype("float64")
    moved = {
        fit: transform_of(matrices, box_fit=fit).bounding_boxes({"boxes": boxes})
        for fit in ("ellipse", "corners")
    }
    tight, loose = (moved[fit]["boxes"].numpy()[:, 0] for fit in ("ellipse", "corners"))
    shown = move(matrices.astype("float32"), np.tile(outline, (count, 1, 1))) + 0.5
    expected = np.concatenate([shown.min(axis=1), shown.max(axis=1)], axis=-1)
    expected = np.clip(expected, 0, [*SIZE[::-1]] * 2)
    seen = (expected[:, :2] < expected[:, 2:]).all(axis=-1)
    assert seen.mean() > 0.9
    np.testing.assert_allclose(tight[seen], expected[seen], rtol=0, atol=1e-3)
    assert np.mean(loose[:, 2] - loose[:, 0]) > 1.1 * np.mean(tight[:, 2] - tight[:, 0])


@pytest.mark.thorough
@settings(max_examples=40, phases=[Phase.generate])
@given(
    st.floats(-180, 180),
    st.tuples(*[st.floats(-0.5, 0.5)] * 2),
    st.tuples(*[st.floats(-2e-3, 2e-3)] * 2),
    st.tuples(*[st.floats(0, 20)] * 2),
    st.tuples(*[st.floats(0.5, 30)] * 2),
)
def test_an_ellipse_lies_within_its_corners(degrees, zoom, tilt, low, extent):
    matrix = reference.rotate(degrees, SIZE) @ reference.zoom(*zoom, SIZE)
    matrix = matrix @ np.array([[1, 0, 0], [0, 1, 0], [*tilt, 1]])
    matrix = matrix / matrix[2, 2]
    boxes = np.array([[[*low, *np.add(low, extent)]]])
    tight, loose = (
        transform_of(matrix, box_fit=fit).bounding_boxes({"boxes": boxes})["boxes"]
        for fit in ("ellipse", "corners")
    )
    tight, loose = tight.numpy()[0, 0], loose.numpy()[0, 0]
    assume(tight[0] >= 0 and loose[0] >= 0)
    assert (tight[:2] >= loose[:2] - 1e-6).all()
    assert (tight[2:] <= loose[2:] + 1e-6).all()


def ragged(rows, inner=(4,), dtype="float32"):
    return tf.ragged.constant(rows, dtype, ragged_rank=1, inner_shape=inner)


def test_ragged_boxes():
    transform = transform_of([reference.shift(-20, 0)] * 3)
    rows = [[[2, 2, 12, 12], [30, 5, 40, 9]], [], [[10, 0, 30, 4]]]
    expected = [[[-1] * 4, [10, 5, 20, 9]], [], [[0, 0, 10, 4]]]
    moved = transform.bounding_boxes(
        {"boxes": ragged(rows), "labels": ragged([[1, 2], [], [3]], (), "int32")}
    )
    assert moved["boxes"].to_list() == expected
    assert moved["labels"].to_list() == [[-1, 2], [], [3]]
    assert moved["labels"].dtype == tf.int32
    moved = transform.bounding_boxes({"boxes": ragged(rows)})
    assert moved["boxes"].to_list() == expected


@pytest.mark.thorough
def test_ragged_boxes_in_tf_data():
    layer = kal.RandomShift(
        (0, 0), (-20, -20), unit="pixels", bounding_box_format="xyxy"
    )
    data = {
        "images": np.zeros((3, *SIZE, 1), "float32"),
        "bounding_boxes": {
            "boxes": ragged([[[2, 2, 12, 12], [30, 5, 40, 9]], [], [[10, 0, 30, 4]]]),
            "labels": ragged([[1, 2], [], [3]], (), "int32"),
        },
    }
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(3)
    dataset = dataset.map(lambda d: layer(d, training=True))
    moved = next(iter(dataset))["bounding_boxes"]
    assert moved["boxes"].to_list() == [[[-1] * 4, [10, 5, 20, 9]], [], [[0, 0, 10, 4]]]
    assert moved["labels"].to_list() == [[-1, 2], [], [3]]


@pytest.mark.parametrize("box_fit", ["corners", "ellipse"])
def test_no_boxes_at_all(box_fit):
    """Images without objects: dense, and ragged with empty rows only."""
    transform = transform_of([reference.shift(3, 2)] * 2, box_fit=box_fit)
    moved = transform.bounding_boxes(
        {"boxes": np.zeros((2, 0, 4), "float32"), "labels": np.zeros((2, 0), "int32")}
    )
    assert (moved["boxes"].shape, moved["labels"].shape) == ((2, 0, 4), (2, 0))
    moved = transform.bounding_boxes({"boxes": ragged([[], []])})
    assert moved["boxes"].to_list() == [[], []]


@pytest.mark.thorough
def test_an_empty_batch():
    layer = kal.RandomRotate(0.2, bounding_box_format="xyxy")
    data = {
        "images": np.zeros((0, 9, 12, 3), "uint8"),
        "segmentation_masks": np.zeros((0, 9, 12), "int32"),
        "bounding_boxes": {"boxes": np.zeros((0, 5, 4), "float32")},
        "keypoints": np.zeros((0, 5, 2), "float32"),
    }
    result = layer(data, training=True)
    tf.nest.map_structure(lambda a, b: assert_same_bits(a, b), result, data)


# Keypoints.


def test_keypoints_that_leave_are_marked():
    transform = transform_of(reference.shift(-20, 0))
    points = np.array([[[19, 5], [20, 5], [83, 47], [-1, -1], [84, 3]]], "float32")
    expected = [[[-1, -1], [0, 5], [63, 47], [-1, -1], [-1, -1]]]
    np.testing.assert_array_equal(transform.keypoints(points), expected)
    everywhere = [[[-1, 5], [0, 5], [63, 47], [-1, -1], [64, 3]]]
    np.testing.assert_array_equal(
        transform.keypoints(points, mark_outside=False), everywhere
    )


@pytest.mark.parametrize("shape", [(2, 5, 2), (2, 3, 5, 2), (2, 1, 2, 4, 2)])
def test_keypoints_of_any_rank(shape):
    matrices = [reference.rotate(40, SIZE), reference.shift(3.5, -2.25)]
    points = np.random.default_rng(2).uniform(15, 30, shape)
    moved = transform_of(matrices).keypoints(points.astype("float32")).numpy()
    flat = points.reshape(2, -1, 2)
    expected = move(np.asarray(matrices), flat).reshape(shape)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-3)


def test_relative_keypoints_are_the_same_points():
    """Relative coordinates count from the frame's edges, half a pixel further out."""
    matrix, points = (
        reference.rotate(40, SIZE),
        np.array([[[20.0, 15.0], [40.0, 30.0]]]),
    )
    frame = np.array(SIZE[::-1])
    pixels = transform_of(matrix).keypoints(points)
    relative = transform_of(matrix, keypoint_format="rel_xy").keypoints(
        (points + 0.5) / frame
    )
    np.testing.assert_allclose(relative, (pixels + 0.5) / frame, rtol=0, atol=1e-9)


@pytest.mark.parametrize("flip", ["horizontal", "vertical"])
def test_a_flip_maps_x_to_w_minus_1_minus_x(flip):
    matrix = reference.flip(flip == "horizontal", flip == "vertical", SIZE)
    moved = transform_of(matrix).keypoints(np.array([[[0, 0], [63, 47], [5, 7]]]))
    points = {
        "horizontal": [[63, 0], [0, 47], [58, 7]],
        "vertical": [[0, 47], [63, 0], [5, 40]],
    }
    np.testing.assert_array_equal(moved, [points[flip]])


def strong_perspective():
    """Every pixel shows something; the source's pixel (0, 0) is past the horizon."""
    mirror = reference.flip(True, False, SIZE)
    matrix = mirror @ np.array([[2, 0, 0], [0, 1, 0], [0.05, 0, 1]]) @ mirror
    return matrix / matrix[2, 2]


PERSPECTIVES = {
    "mild": np.array([[1.1, 0.1, -5], [0, 0.9, 2], [4e-3, -2e-3, 1]]),
    "source's corner past the horizon": strong_perspective(),
    # 1 - u / 12 is negative in the middle of the frame, and 1 in its corner.
    "output's corner past the horizon": np.array(
        [[-0.9, 0.1, 5], [0, -0.9, 2], [-1 / 12, 0, 1]]
    ),
}


@pytest.mark.parametrize("matrix", PERSPECTIVES.values(), ids=PERSPECTIVES)
def test_points_under_perspective(matrix):
    """What an output pixel shows comes to that pixel, on the middle's side."""
    shown = np.array([[[17.0, 10.0], [20.0, 4.0], [40.0, 40.0], [61.0, 30.0]]])
    source = move(np.linalg.inv(matrix), shown)
    transform = transform_of(matrix)
    moved = transform.keypoints(source, mark_outside=False)
    np.testing.assert_allclose(moved, shown, rtol=0, atol=1e-3)


def test_points_on_the_horizon_are_outside():
    matrix = np.array([[1, 0, 0], [0, 1, 0], [0.05, 0, 1]])
    # x = u / (1 + u / 20) < 20 for every u: what lies at 20 and beyond is never shown.
    points = np.array([[[20.0, 3.0], [30.0, 3.0], [10.0, 3.0]]])
    moved = transform_of(matrix).keypoints(points).numpy()
    np.testing.assert_allclose(moved, [[[-1, -1], [-1, -1], [20, 6]]], atol=1e-3)
    boxes = np.array([[[25, 2, 30, 5]]], "float32")
    moved = transform_of(matrix).bounding_boxes({"boxes": boxes})["boxes"]
    np.testing.assert_array_equal(moved, [[[-1] * 4]])


# Against the peers, on the same matrix.

MATRICES = {
    "affine": [
        [1.178200125694275, -0.15683305263519287, -7.177727222442627],
        [0.549403727054596, 0.8095698952674866, -9.331110000610352],
        [0.0, 0.0, 1.0],
    ],
    "perspective": [
        [1.1638447046279907, -0.1496553272008896, -7.177727222442627],
        [0.5307415127754211, 0.818901002407074, -9.331110000610352],
        [0.0020000000949949026, -0.0010000000474974513, 1.0],
    ],
}
OPENCV_POINTS = {
    "affine": [
        [24.82518, 13.20709],
        [42.65585, 19.6349],
        [35.05897, 16.76147],
        [34.82267, 37.30302],
        [6.99452, 6.77927],
    ],
    "perspective": [
        [25.76411, 13.7066],
        [45.65428, 21.01511],
        [37.03502, 17.70621],
        [35.98656, 38.54981],
        [7.04531, 6.82851],
    ],
}
"""OpenCV 5.0.0: cv2.perspectiveTransform(points[None], np.linalg.inv(matrix))[0]."""

ALBUMENTATIONS_BOXES = {
    ("corners", 25): [
        [5.299337, 10.344312, 30.610002, 34.203909],
        [23.965372, 12.767640, 55.075431, 41.459252],
        [7.346476, 37.890212, 23.171446, 48.0],
    ],
    ("corners", -70): [
        [23.535865, 0.0, 46.351041, 22.462635],
        [14.570778, 16.054071, 41.915134, 46.386789],
        [1.066159, 0.0, 19.521441, 12.730590],
    ],
    ("ellipse", 25): [
        [8.205848, 13.487483, 27.703491, 31.060738],
        [27.429329, 16.623226, 51.611476, 37.603666],
        [9.605209, 39.701727, 20.912713, 48.0],
    ],
    ("ellipse", -70): [
        [26.254646, 0.322238, 43.632261, 19.994837],
        [17.919535, 18.986563, 38.566376, 43.454295],
        [2.584245, 0.0, 18.003356, 10.733035],
    ],
}
"""albumentations 2.0.8, of BOXES in a frame of 48 x 64, by "largest_box", "ellipse":

A.Compose(
    [A.Rotate(limit=(degrees, degrees), p=1, border_mode=0, rotate_method=method)],
    bbox_params=A.BboxParams("pascal_voc", label_fields=["l"]),
)(image=np.zeros((48, 64, 3), "uint8"), bboxes=BOXES, l=[0, 1, 2])["bboxes"]
"""

ALBUMENTATIONS_AFFINE = {
    "matrix": [
        [0.72504622962932, 0.5071419140888394, 1.743208785588699],
        [-0.3380946093925596, 1.0875693444439798, 5.592100601432103],
        [0.0, 0.0, 1.0],
    ],
    "boxes": [
        [12.934712, 4.275080, 36.057049, 29.525650],
        [29.896108, 10.564019, 58.165103, 40.767771],
        [18.291465, 34.287308, 33.656197, 48.0],
    ],
    "keypoints": [[23.851261, 15.143747], [45.959316, 24.695395], [36.5, 20.5]]
    + [[42.330177, 39.628227], [1.743209, 5.592101]],
}
"""albumentations 2.0.8, of BOXES and POINTS in a frame of 48 x 64: A.Compose([A.Affine(
rotate=(25, 25), scale={"x": (0.8, 0.8), "y": (1.2, 1.2)}, translate_px={"x": (5, 5),
"y": (-3, -3)}, p=1)], bbox_params=…, keypoint_params=A.KeypointParams("xy"),
save_applied_params=True); the matrix is from applied_transforms[0][1]["matrix"].
"""

POINTS = np.array([[20, 15], [40, 30], [31.5, 23.5], [28, 40], [0, 0]], "float64")


@pytest.mark.parametrize("kind", MATRICES)
def test_points_are_opencvs(kind):
    moved = transform_of(MATRICES[kind]).keypoints(POINTS[None])
    np.testing.assert_allclose(moved[0], OPENCV_POINTS[kind], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("box_fit", "degrees"), ALBUMENTATIONS_BOXES)
def test_boxes_are_albumentations(box_fit, degrees):
    layer = kal.RandomRotate(
        degrees=(degrees, degrees), bounding_box_format="xyxy", box_fit=box_fit
    )
    moved = layer.sample((1, *SIZE, 3)).bounding_boxes({"boxes": BOXES[None]})
    expected = ALBUMENTATIONS_BOXES[box_fit, degrees]
    np.testing.assert_allclose(moved["boxes"][0], expected, rtol=0, atol=1e-3)


def test_an_affine_map_is_albumentations():
    transform = transform_of(np.linalg.inv(ALBUMENTATIONS_AFFINE["matrix"]))
    moved = transform.apply({"bounding_boxes": {"boxes": BOXES[None]}})
    boxes = moved["bounding_boxes"]["boxes"][0]
    np.testing.assert_allclose(boxes, ALBUMENTATIONS_AFFINE["boxes"], rtol=0, atol=1e-3)
    points = transform.keypoints(POINTS[None])[0]
    expected = ALBUMENTATIONS_AFFINE["keypoints"]
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-3)


# The Transform as a value.


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


# Masks.


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


# What the caller has stays the caller's, and what is wrong is said.


def example_data():
    return {
        "images": np.random.default_rng(1).integers(0, 256, (2, 9, 12, 3), "uint8"),
        "segmentation_masks": np.random.default_rng(1).integers(0, 9, (2, 9, 12)),
        "bounding_boxes": {
            "boxes": np.array([[[1, 2, 5, 6]], [[0, 0, 12, 9]]], "float32"),
            "labels": np.array([[3], [4]]),
            "scores": np.array([[0.5], [0.25]]),
        },
        "keypoints": np.array([[[1.0, 2.0]], [[5.0, 6.0]]]),
        "labels": np.array([0, 1]),
        "names": ["first", "second"],
        "meta": {"source": None},
    }


def test_the_callers_structures_are_never_changed():
    layer = kal.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    data = example_data()
    before, inner = copy.deepcopy(data), data["bounding_boxes"]
    for training in (True, False):
        result = layer(data, training=training, seed=(1, 1))
        assert list(data) == list(before)
        assert data["bounding_boxes"] is inner
        for key in ("images", "segmentation_masks", "keypoints", "labels"):
            assert_same_bits(data[key], before[key])
        for key in before["bounding_boxes"]:
            assert_same_bits(inner[key], before["bounding_boxes"][key])
    augmented = layer(data, training=True, seed=(1, 1))
    assert result is data  # training=False
    assert augmented is not data and augmented["bounding_boxes"] is not inner
    for key in ("labels", "names", "meta"):
        assert augmented[key] is data[key]
    assert_same_bits(augmented["bounding_boxes"]["scores"], inner["scores"])
    assert list(augmented) == list(data)
    assert not np.array_equal(augmented["keypoints"], data["keypoints"])


GOOD = [[[1, 2, 5, 6], [0, 0, 3, 3]]] * 2
ROWS = [GOOD[0], GOOD[0][:1]]
WRONG_BOXES = {
    "no labels for some": ({"labels": np.ones((2, 3))}, "labels.*each box"),
    "labels of another batch": ({"labels": np.ones((3, 2))}, "labels.*each box"),
    "rank": ({"boxes": np.ones((2, 4))}, r"boxes.*\(B, N, 4\)"),
    "five numbers": ({"boxes": np.ones((2, 2, 5))}, r"boxes.*\(B, N, 4\)"),
    "too few": ({"boxes": np.ones((1, 2, 4))}, "boxes.*shape"),
    "too many": ({"boxes": np.ones((4, 2, 4))}, "boxes.*shape"),
    "ragged in all": (
        {"boxes": tf.ragged.constant([[[1.0, 2, 5, 6]], [[1.0, 2]]])},
        "boxes.*4 numbers",
    ),
    "lists": ({"boxes": [[[1.0, 2, 5, 6]], []]}, "boxes.*RaggedTensor"),
    "ragged otherwise": (
        {"boxes": ragged(ROWS), "labels": ragged([[1], [1, 2]], ())},
        "labels.*each box",
    ),
    "boxes ragged": ({"boxes": ragged(ROWS), "labels": np.ones((2, 2))}, "labels"),
    "labels ragged": ({"labels": ragged([[1, 2], [1]], ())}, "labels"),
}
"""What is wrong in `bounding_boxes`, and what the error says."""

WRONG_SIDES = {
    "xyxy": ([5, 2, 1, 6], "5"),
    "yxyx": ([5, 2, 1, 6], "5"),
    "rel_xyxy": ([0.5, 0, 0.25, 1], "0.5"),
    "rel_yxyx": ([0.25, 0.75, 0.5, 0.5], "0.75"),
    "xywh": ([5, 2, -2, 6], "-2"),
    "rel_xywh": ([0.5, 0.25, 0.125, -0.5], "-0.5"),
    "center_xywh": ([5, 2, 2, -6], "-6"),
    "rel_center_xywh": ([0.5, 0.25, -0.25, 0.5], "-0.25"),
}
"""A box whose right is left of its left, or its bottom above its top."""

WRONG_ELSEWHERE = {
    "no boxes": ({"bounding_boxes": {"labels": [[1]]}}, "boxes"),
    "no dict": ({"bounding_boxes": np.ones((2, 1, 4))}, "bounding_boxes.*dict"),
    "keypoints, rank": ({"keypoints": np.ones((2, 2))}, r"keypoints.*\(B, …, N, 2\)"),
    "keypoints, z": ({"keypoints": np.ones((2, 4, 4))}, r"keypoints.*\(B, …, N, 2\)"),
    "too few keypoints": ({"keypoints": np.ones((1, 4, 2))}, "keypoints.*shape"),
    "too many keypoints": ({"keypoints": np.ones((3, 4, 2))}, "keypoints.*shape"),
    "ragged keypoints": ({"keypoints": ragged([[[1, 2]], []], (2,))}, "`keypoints`"),
    "masks": ({"segmentation_masks": np.ones((2, 9, 13))}, "segmentation_masks"),
}

WRONG = {
    "format missing": (None, {}, "bounding_box_format.*Received: None"),
    **{
        "boxes, " + name: (
            "xyxy",
            {"bounding_boxes": {"boxes": np.array(GOOD, "float32"), **wrong}},
            match,
        )
        for name, (wrong, match) in WRONG_BOXES.items()
    },
    **{
        "sides, " + box_format: (
            box_format,
            {"bounding_boxes": {"boxes": np.array([[box], [box]], "float32")}},
            "bounding_boxes.*boxes.*" + received,
        )
        for box_format, (box, received) in WRONG_SIDES.items()
    },
    **{name: ("xyxy", *wrong) for name, wrong in WRONG_ELSEWHERE.items()},
}


@pytest.mark.parametrize(("box_format", "wrong", "match"), WRONG.values(), ids=WRONG)
def test_errors_name_key_and_expectation(box_format, wrong, match):
    layer = kal.RandomShift((0.3, 0.3), bounding_box_format=box_format, seed=1)
    data = {**example_data(), **wrong}
    before = {**data}
    with pytest.raises(ValueError) as error:
        layer(data, training=True)
    ours, _, _ = str(error.value).partition("Arguments received by")  # Keras's part
    assert re.search(match, ours, re.DOTALL), ours
    assert "Received" in ours
    assert data.keys() == before.keys()
    assert all(data[key] is before[key] for key in data)


@pytest.mark.parametrize(
    "name",
    ["format missing", "boxes, rank", "sides, xyxy", "keypoints, rank", "masks"],
)
def test_an_error_leaves_the_stream_of_draws_where_it_was(name):
    box_format, wrong, _ = WRONG[name]
    layer = kal.RandomShift((0.3, 0.3), bounding_box_format=box_format, seed=1)
    state = layer.random_state.numpy()
    with pytest.raises(ValueError):
        layer({**example_data(), **wrong}, training=True)
    np.testing.assert_array_equal(layer.random_state, state)


@pytest.mark.parametrize("unknown", ["", "XYXY", "coco", 3, "rel"])
def test_an_unknown_format_is_an_error(unknown):
    with pytest.raises(ValueError, match="`bounding_box_format`.*'rel_center_xywh'"):
        kal.RandomFlip(bounding_box_format=unknown)
    with pytest.raises(ValueError, match="`keypoint_format`.*'rel_xy'"):
        kal.RandomFlip(keypoint_format=unknown)
    with pytest.raises(ValueError, match="`box_fit`.*'ellipse'"):
        kal.RandomFlip(box_fit=unknown)


@pytest.mark.parametrize("box_format", FORMATS)
def test_padding_and_empty_boxes_are_no_error(box_format):
    """-1 has x2 = x1, and in xywh a width of -1: it is padding all the same."""
    transform = kal.RandomShift(
        (0, 0), (3, 3), unit="pixels", bounding_box_format=box_format
    ).sample((1, *SIZE, 3))
    boxes = np.array([[[4, 5, 4, 5], [4, 5, 8, 9]]], "float64")
    padding = np.full((1, 2, 4), -1.0)
    mixed = np.concatenate([convert(boxes, box_format), padding], axis=1)
    moved = transform.bounding_boxes({"boxes": mixed})["boxes"]
    expected = convert(boxes + [3, 0, 3, 0], box_format)
    expected = np.concatenate([expected, padding], axis=1)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("key", ["keypoints", "boxes", "labels"])
def test_an_unknown_rank_is_a_value_error(key):
    layer = kal.RandomShift(0.3, bounding_box_format="xyxy")
    data = example_data()

    def call(value):
        if key == "keypoints":
            return layer({"images": data["images"], key: value}, training=True)
        boxes = {"boxes": data["bounding_boxes"]["boxes"], key: value}
        return layer({"images": data["images"], "bounding_boxes": boxes}, training=True)

    traced = tf.function(call, autograph=False)
    with pytest.raises(ValueError, match=f"`.*{key}.*` must have") as error:
        traced.get_concrete_function(tf.TensorSpec(None, tf.float32))
    assert "unknown" in str(error.value)
