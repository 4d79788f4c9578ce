"""Bounding boxes: formats, fits, what is kept, ragged rows."""

import hypothesis.strategies as st
import numpy as np
import pytest
import reference
import tensorflow as tf
from following import (
    BOXES,
    FORMATS,
    SIZE,
    convert,
    filled,
    frame_of,
    move,
    ragged,
    transform_of,
)
from helpers import assert_same_bits
from hypothesis import Phase, assume, given, settings

import keras_aug_layers as kal

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
def test_a_box_that_only_touches_the_frame_is_gone(box_format, box_fit):
    """Parts of a frame, in float32, end beside its edge, on either side of it."""
    size, side = (30, 44), np.arange(4, 26)
    for sign in (-1, 1):
        matrices = [reference.shift(sign * n, sign * n) for n in side]
        edge = np.stack([side, side] if sign < 0 else [44 - side, 30 - side], axis=-1)
        touching = np.concatenate(
            [edge + 3 * min(sign, 0), edge + 3 * max(sign, 0)], -1
        )
        boxes = np.stack([touching, touching - sign * np.ones(4)], axis=1)
        transform = transform_of(
            matrices, size, bounding_box_format=box_format, box_fit=box_fit
        )
        boxes = convert(boxes, box_format, size).astype("float32")
        kept = (transform.bounding_boxes({"boxes": boxes})["boxes"] != -1).numpy()
        np.testing.assert_array_equal(kept.any(-1), [[False, True]] * len(side))


def test_a_small_box_inside_at_the_edge_is_no_touch():
    boxes = np.array([[[0, 0, 4e-4, 4e-4], [64 - 4e-4, 3, 64, 5], [7, 48, 9, 48]]])
    moved = transform_of(reference.shift(0, 0)).bounding_boxes({"boxes": boxes})
    np.testing.assert_allclose(moved["boxes"][0, :2], boxes[0, :2], atol=1e-9)
    assert (moved["boxes"][0, 2] == -1).numpy().all()


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


@pytest.mark.parametrize("box_fit", ["corners", "ellipse"])
def test_a_box_that_reaches_behind_the_horizon_is_around_what_is_seen(box_fit):
    """Draws of the default strength of which a corner of the frame lies behind it."""
    layer = kal.RandomPerspective(
        bounding_box_format="xyxy",
        fill_mode="constant",
        interpolation="nearest",
        box_fit=box_fit,
    )
    transform = layer.sample((4000, 40, 50, 1), seed=(1, 2))
    corners = np.array([[[0, 0], [49, 0], [0, 39], [49, 39.0]]]).repeat(4000, 0)
    moved = transform.keypoints(corners, mark_outside=False).numpy()
    behind = np.flatnonzero(np.isinf(moved).any((1, 2)))
    assert len(behind) >= 3
    box = [[0.0, 0.0, 50.0, 40.0]]
    for number in behind:
        own = transform[number : number + 1]
        mask = own.segmentation_masks(np.ones((1, 40, 50), "uint8")).numpy()[0]
        found = own.bounding_boxes({"boxes": [box]})["boxes"].numpy()[0, 0]
        np.testing.assert_allclose(found, frame_of(mask), atol=1.0)
