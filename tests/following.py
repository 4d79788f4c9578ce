"""What the tests of targets share."""

import numpy as np
import tensorflow as tf

import keras_aug_layers as kal

SIZE = (48, 64)
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")


FORMATS += tuple("rel_" + order for order in FORMATS)


BOXES = np.array([[10, 8, 30, 25], [25, 20, 50, 40], [2, 30, 12, 46]], "float32")


def transform_of(matrices, size=SIZE, **settings):
    """A Transform made of matrices (B, 3, 3) or (3, 3), output to input, in pixels."""
    matrices = np.reshape(np.asarray(matrices, np.float64), (-1, 3, 3))
    settings = {"bounding_box_format": "xyxy", **settings}
    layer = kal.RandomShift(0.1, **settings)
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
            "center_yxhw": ((y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1),
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


def ragged(rows, inner=(4,), dtype="float32"):
    return tf.ragged.constant(rows, dtype, ragged_rank=1, inner_shape=inner)
