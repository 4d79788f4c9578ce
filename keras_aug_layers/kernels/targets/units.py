"""Whether boxes and points are in the unit that is said, where values are known."""

import numpy as np
import tensorflow as tf

from keras_aug_layers import notices
from keras_aug_layers.kernels.targets.formats import to_xyxy


def known(boxes: tf.Tensor, box_format: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Boxes that are no padding, and their corners, where their values are known."""
    values = tf.get_static_value(boxes)
    if values is None:
        return None
    with tf.init_scope():  # also where a graph is being built: the values are there
        batch = tf.reshape(tf.constant(values, tf.float64), (1, -1, 4))
        unit = tf.ones((1, 1, 4), tf.float64)
        corners = to_xyxy(batch, unit, box_format)[0].numpy()
    values = values.reshape(-1, 4)
    real = (values != -1).any(axis=1)
    return values[real], corners[real]


def check_box_units(boxes: tf.Tensor, box_format: str) -> None:
    """Checks that boxes are in the unit of their format, where values are known."""
    found = known(boxes, box_format)
    if found is not None:
        relative, other = _other_unit(box_format)
        check_units("bounding_boxes['boxes']", found[1], relative, other)


def _other_unit(box_format: str) -> tuple[bool, str]:
    """Whether a format has parts of the frame, and the same in the other unit."""
    if box_format.startswith("rel_"):
        return True, box_format.removeprefix("rel_")
    return False, "rel_" + box_format


def check_polygon_units(points: tf.Tensor, box_format: str) -> None:
    """The same of the corners of polygons: a warning, for they may lie far outside."""
    relative, other = _other_unit(box_format)
    try:
        _check_points("polygons['points']", points, relative, other)
    except ValueError as error:
        notices.warn(str(error))


def check_keypoint_units(keypoints: tf.Tensor, keypoint_format: str) -> None:
    """The same of keypoints."""
    relative = keypoint_format == "rel_xy"
    _check_points("keypoints", keypoints, relative, "xy" if relative else "rel_xy")


def _check_points(key: str, points: tf.Tensor, relative: bool, other: str) -> None:
    values = tf.get_static_value(points)
    if values is not None:
        places = values.reshape(-1, values.shape[-1])[:, :2].astype(float)
        real = (places != -1.0).any(axis=1)
        check_units(key, places[real], relative, other)


def check_units(key: str, values: np.ndarray, relative: bool, other: str) -> None:
    """Refuses pixels where parts of the frame are expected, and warns of the reverse.

    Parts are pixels where more than half of them lie beyond two frames; pixels are
    parts where all are from 0 to 1, and not all of them 0 or 1.

    Args:
        key: whose values they are, for the error.
        values: a row for each box or point.
        relative: whether they are said to be parts of the frame.
        other: the format to write if it is the other one.
    """
    name = "keypoint_format" if key == "keypoints" else "bounding_box_format"
    if relative and len(values) and (values > 2.0).any(axis=1).mean() > 0.5:
        raise ValueError(
            f"`{key}` must be parts of the frame, from 0 to 1, as `{name}` says. "
            f"Received: {values[(values > 2.0).any(axis=1)][0].tolist()}. Write "
            f"{name}={other!r} for pixels."
        )
    within = ((values >= 0.0) & (values <= 1.0)).all()
    if not relative and within and ((values > 0.0) & (values < 1.0)).any():
        notices.warn(
            f"`{key}` all lie within one pixel, from 0 to 1, and are taken for "
            f"pixels, as `{name}` says. Write {name}={other!r} for parts of the frame."
        )
