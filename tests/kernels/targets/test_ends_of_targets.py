"""Targets where they end: at edges of the frame, without any, in dtypes that round."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

PLAIN = {"jit_compile": False, "fill_mode": "constant"}


def images(*shape):
    return np.zeros((*shape, 1), "uint8")


def mirror(**kwargs):
    return kal.RandomFlip("horizontal", chance=1.0, jit_compile=False, **kwargs)


@pytest.mark.parametrize("batch, count", [(2, 3), (2, 2), (1, 3), (None, 3)])
def test_weights_of_several_numbers(batch, count):
    lead = () if batch is None else (batch,)
    x = np.arange(count) * 8.0
    box = np.stack([x, x * 0 + 2, x + 3, x * 0 + 9], -1).astype("float32")
    boxes = np.broadcast_to(box, (*lead, count, 4)).copy()
    weights = np.full((*lead, count, 2), 0.5, "float32")
    data = {
        "images": images(*lead, 24, 24),
        "bounding_boxes": {"boxes": boxes, "weights": weights},
    }
    shift = kal.RandomShift((0, 0), (12, 12), unit="pixels", bounding_box_format="xyxy")
    made = shift(data, training=True)["bounding_boxes"]["weights"].numpy()
    expected = np.where(x + 12 < 24, 0.5, 0.0)[:, np.newaxis]
    np.testing.assert_array_equal(made, np.broadcast_to(expected, weights.shape))


def test_weights_of_several_numbers_are_mixed():
    mix = kal.MixUp(alpha=1.0, bounding_box_format="xyxy", jit_compile=False)
    boxes = np.array([[[1, 2, 5, 6]], [[3, 3, 9, 9]]], "float32")
    weights = np.ones((2, 1, 3), "float32")
    data = {
        "images": images(2, 16, 16),
        "labels": np.eye(2, dtype="float32"),
        "bounding_boxes": {"boxes": boxes, "weights": weights},
    }
    made = mix(data, training=True)
    weights, labels = made["bounding_boxes"]["weights"].numpy(), made["labels"].numpy()
    np.testing.assert_allclose(weights[0, 0], labels[0, :1].repeat(3), atol=1e-6)
    np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "uint8", "float16"])
def test_weights_keep_their_dtype(dtype):
    boxes = np.array([[[1, 2, 5, 6], [3, 3, 9, 9]]], "float32")
    given = {"boxes": boxes, "weights": np.array([[1, 0]]).astype(dtype)}
    data = {"images": images(1, 16, 16), "bounding_boxes": given}
    layer = mirror(bounding_box_format="xyxy")
    made = layer(data, training=True)["bounding_boxes"]["weights"]
    assert made.dtype == tf.as_dtype(dtype)
    np.testing.assert_array_equal(made.numpy(), given["weights"])


@pytest.mark.parametrize("shape", [(2, 0, 2), (2, 0, 3), (2, 0, 2, 2), (0, 2)])
def test_pairs_of_no_keypoints(shape):
    lead = shape[:1] if len(shape) > 2 else ()
    data = {"images": images(*lead, 8, 8), "keypoints": np.zeros(shape, "float32")}
    made = mirror(keypoint_pairs=[(0, 1)])(data, training=True)["keypoints"]
    assert made.shape == shape


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64"])
@pytest.mark.parametrize(
    "layer",
    [
        kal.RandomShift((1.5, 1.5), (1.5, 1.5), unit="pixels", **PLAIN),
        kal.RandomZoom((-0.5, -0.5), **PLAIN),
    ],
    ids=["shift", "zoom"],
)
def test_whole_keypoints_are_pixels_of_the_frame(layer, dtype):
    places = [(x, y) for x in range(10) for y in range(10)]
    points = np.array([places])
    data = {"images": images(1, 10, 10), "keypoints": points.astype(dtype)}
    exact = layer.sample(images(1, 10, 10)).keypoints(points.astype("float64"))[0]
    made = layer(data, training=True)["keypoints"].numpy()[0]
    gone = (exact.numpy() == -1).all(-1)
    assert gone.any() and not gone.all() and (exact.numpy() > 9).any()
    np.testing.assert_array_equal((made == -1).all(-1), gone)
    assert made[~gone].min() >= 0 and made.max() == 9
    assert np.abs(made - exact)[~gone].max() <= 0.5


@pytest.mark.parametrize("side", [11, 15])
@pytest.mark.parametrize("form", ["xyxy", "xywh", "yxyx"])
def test_whole_boxes_end_in_the_frame(side, form):
    n = 2 * side
    x, y = (z.ravel() for z in np.meshgrid(range(1, n - 1), range(1, n - 1)))
    rows = {
        "xyxy": (x, y, x * 0 + n, y * 0 + n),
        "yxyx": (y, x, y * 0 + n, x * 0 + n),
        "xywh": (x, y, n - x, n - y),
    }
    boxes = np.stack(rows[form], -1)[np.newaxis].astype("int32")
    layer = kal.Resizing(side, side, bounding_box_format=form)
    data = {"images": images(1, n, n), "bounding_boxes": {"boxes": boxes}}
    made = layer(data)["bounding_boxes"]["boxes"].numpy()[0]
    end = made[:, 2:] + (made[:, :2] if form == "xywh" else 0)
    assert (end == side).all()
    assert (made[:, :2] == np.round(boxes[0, :, :2] / 2)).all()


def test_what_comes_to_minus_one_is_there():
    square = np.array([[[[4, 4], [20, 4], [20, 20], [4, 20]]]], "float32")
    points = np.array([[[4, 4, 2], [6, 8, 2]]], "float32")
    kwargs = {"unit": "pixels", "mark_outside": False, **PLAIN}
    there = kal.RandomShift((-5, -5), (-5, -5), **kwargs)
    back = kal.RandomShift((5, 5), (5, 5), **kwargs)
    data = {
        "images": images(1, 32, 32),
        "polygons": {"points": square},
        "keypoints": points,
    }
    with kal.no_chaining():
        once = there(data, training=True)
        twice = back(once, training=True)
    assert once["keypoints"].numpy()[0, 0, 2] == 2
    np.testing.assert_allclose(once["keypoints"][0, 0, :2], -1.0, atol=1e-5)
    np.testing.assert_allclose(twice["keypoints"], points, atol=1e-4)
    np.testing.assert_allclose(twice["polygons"]["points"], square, atol=1e-4)


def told(layer, data):
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        layer(data, training=True)
    return [str(x.message) for x in noted if x.category is kal.DataWarning]


def test_boxes_among_polygons_are_named():
    triangle = np.array([[1, 1], [6, 1], [1, 6]], "float32")
    polygons = {
        "points": np.tile(triangle, (2, 1, 1, 1)),
        "boxes": np.ones((2, 1, 4), "float32"),
    }
    data = {"images": images(2, 8, 10), "polygons": polygons}
    layer = mirror(bounding_box_format="xyxy")
    assert any("'boxes' of 'polygons' is not moved" in x for x in told(layer, data))


def test_polygons_in_another_unit():
    pixels = np.array([[[[10, 10], [50, 10], [50, 40]]]], "float32")
    data = {"images": images(1, 64, 64), "polygons": {"points": pixels}}
    said = told(mirror(bounding_box_format="rel_xyxy"), data)
    assert any("`polygons['points']` must be parts of the frame" in x for x in said)
    data["polygons"] = {"points": pixels / 64}
    said = told(mirror(bounding_box_format="xyxy"), data)
    assert any("all lie within one pixel" in x for x in said)
    assert not told(mirror(bounding_box_format="rel_xyxy"), data)


def test_rows_of_another_kind_beside_ragged_boxes():
    rows = [[[1.0, 2, 5, 6], [3, 3, 9, 9]], [[2, 2, 8, 8]]]
    boxes = tf.ragged.constant(rows, tf.float32, ragged_rank=1, inner_shape=(4,))
    words, marks = [[7, 8, 9], [4, 5]], [[1, 2], [3]]
    given = {
        "boxes": boxes,
        "words": tf.ragged.constant(words),
        "marks": tf.ragged.constant(marks),
    }
    data = {"images": images(2, 16, 16), "bounding_boxes": given}
    made = mirror(bounding_box_format="xyxy")(data, training=True)["bounding_boxes"]
    assert made["words"].to_list() == words and made["marks"].to_list() == marks
    data["bounding_boxes"] = {"boxes": boxes, "labels": given["words"]}
    with pytest.raises(ValueError, match="must have an element for each box"):
        mirror(bounding_box_format="xyxy")(data, training=True)


def test_angles_of_mirrored_boxes():
    boxes = np.array([[[10.0, 12, 6, 4, 0], [20, 8, 4, 8, 90], [16, 16, 6, 2, 30]]])
    data = {"images": images(1, 32, 32), "rotated_boxes": {"boxes": boxes}}
    made = mirror()(data, training=True)["rotated_boxes"]["boxes"].numpy()[0]
    np.testing.assert_allclose(made[:, 4], [180.0, 90.0, 150.0], atol=1e-6)


@pytest.mark.parametrize(
    "field",
    [
        lambda: kal.RandomElasticTransform(factor=0.0, seed=5),
        lambda: kal.RandomOpticalDistortion(0.0, seed=5),
        lambda: kal.RandomGridDistortion(0.0, seed=5),
    ],
    ids=["elastic", "lens", "grid"],
)
@pytest.mark.parametrize("count, place", [(1, 0), (1, 1), (2, 1), (2, 2)])
def test_keypoints_behind_a_horizon_beside_a_field(field, count, place):
    side, number = 64, 400
    corners = np.float32([[0, 0], [side - 1, 0], [side - 1, side - 1], [0, side - 1]])
    points = np.tile(corners, (number, 1, 1))

    def moved(*more):
        layers = [kal.RandomPerspective(scale=1.0, seed=x) for x in range(count)]
        layers[place:place] = more
        group = kal.FusedAugmentation(layers, fill_mode="constant", mark_outside=False)
        return group.sample((number, side, side, 3), seed=(3, 4)).keypoints(points)

    found, wanted = moved(field()).numpy(), moved().numpy()
    hidden = np.isinf(wanted).any(-1)
    assert not np.isnan(found).any() and hidden.any()
    lost = np.isinf(found).any(-1)
    # What is behind one horizon comes back before another, of two in one matrix only.
    assert lost[hidden].all() and (lost != hidden).mean() < (
        0.005 if place < count else 1e-9
    )
    near = (np.abs(wanted).max(-1) < 10 * side) & ~lost
    np.testing.assert_allclose(found[near], wanted[near], atol=0.5)


def test_views_leave_the_text_of_one_image():
    views = kal.MultiCrop({"v": (2, [mirror(bounding_box_format="xyxy")])})
    boxes = {"boxes": np.array([[1.0, 2, 5, 6]], "float32"), "file": "a.png"}
    made = views({"images": images(8, 8), "bounding_boxes": boxes}, training=True)
    assert made["v"]["bounding_boxes"]["file"] == "a.png"
