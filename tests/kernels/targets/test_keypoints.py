"""Keypoints, and points and boxes against the peers on the same matrix."""

import numpy as np
import pytest
import reference
from following import BOXES, SIZE, move, transform_of

import keras_aug_layers as kal


def test_keypoints_that_leave_are_marked():
    transform = transform_of(reference.shift(-20, 0))
    points = np.array([[[19, 5], [20, 5], [83, 47], [-1, -1], [84, 3]]], "float32")
    expected = [[[-1, -1], [0, 5], [63, 47], [-1, -1], [-1, -1]]]
    np.testing.assert_array_equal(transform.keypoints(points), expected)
    everywhere = [[[-1, 5], [0, 5], [63, 47], [-1, -1], [64, 3]]]
    np.testing.assert_array_equal(
        transform.keypoints(points, mark_outside=False), everywhere
    )


def test_a_relative_keypoint_on_the_edge_stays():
    """Parts of a frame, in float32, end beside its edge, on either side of it."""
    size, side = (30, 44), np.arange(4, 26)
    for sign in (-1, 1):
        matrices = [reference.shift(sign * n, sign * n) for n in side]
        edge = np.stack([side, side] if sign < 0 else [44 - side, 30 - side], axis=-1)
        points = (edge / size[::-1]).astype("float32")[:, np.newaxis]
        moved = transform_of(matrices, size, keypoint_format="rel_xy").keypoints(points)
        assert (moved >= 0).numpy().all() and (moved <= 1).numpy().all()
        np.testing.assert_allclose(moved, np.full_like(points, max(sign, 0)), atol=1e-7)


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


@pytest.mark.parametrize("mix", [kal.CutMix(probability=0.0), kal.MixUp(alpha=0.2)])
def test_a_point_that_passes_through_minus_one_is_there(mix):
    """Around a mix it is moved twice; (-1, -1) between is a place like any other."""
    away = kal.RandomShift((-5, -5), (-5, -5), unit="pixels")
    back = kal.RandomShift((9, 9), (9, 9), unit="pixels")
    stack = kal.FusedAugmentation([away, mix, back], mark_outside=False)
    data = {
        "images": np.zeros((1, 32, 32, 3), "uint8"),
        "labels": np.ones((1, 1), "float32"),
        "keypoints": np.array([[[4.0, 4.0], [4.0, 5.0], [-1.0, -1.0]]]),
    }
    moved = stack(data, training=True)["keypoints"].numpy()[0]
    np.testing.assert_allclose(moved[:3], [[8, 8], [8, 9], [-1, -1]], atol=1e-6)
