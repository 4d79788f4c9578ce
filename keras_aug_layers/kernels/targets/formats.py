"""Formats of boxes and keypoints, and where they count from.

Two conventions meet here, and only here. Keypoints name pixels: the centre of pixel
(0, 0) is (0, 0), and a flip maps x to W - 1 - x. Boxes name the edges of pixels: the
full frame is (0, 0, W, H), and the centre of pixel (0, 0) is (0.5, 0.5). So edges are
centres plus one half. Relative coordinates are edges over the size of the frame: 0 is
its left or top edge, 1 its right or bottom edge.

    edges       0     1     2     3           W = 3
                |  .  |  .  |  .  |
    centres        0     1     2

What leaves the frame, and what was -1 to begin with, is -1: padding, as in Keras.
"""

import tensorflow as tf

BOX_FORMATS = tuple(
    relative + order
    for relative in ("", "rel_")
    for order in ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
)
ROWS_FIRST = ("yxyx", "center_yxhw")
BOX_FITS = ("corners", "ellipse")
KEYPOINT_FORMATS = ("xy", "rel_xy")
TOUCHING = 1e-3
"""Pixels: what lies no further beyond an edge touches it. Parts of a frame in float32
end on either side of an edge."""
ROUNDING = 1e-5
"""How much of a part, such as what is seen of a box, is lost by rounding."""


def in_frame(low: tf.Tensor, high: tf.Tensor, frame: tf.Tensor) -> tf.Tensor:
    """Whether boxes do more than touch a frame: bool (B, N).

    Args:
        low: (B, N, 2): left and top.
        high: right and bottom.
        frame: (B, 1, 2): width and height.
    """
    hair = tf.minimum((high - low) / 2.0, TOUCHING)  # of what is as small, a part
    return tf.reduce_all((low < frame - hair) & (high > hair), axis=-1)


def known_format(box_format: str | None) -> str:
    """Returns the layer's box format; a ValueError if it was given none."""
    if box_format is None:
        raise ValueError(
            "`bounding_box_format` must be given to the layer where the data has "
            "`bounding_boxes`. Received: None. Write bounding_box_format='xyxy', or "
            f"another of {', '.join(BOX_FORMATS)}."
        )
    return box_format


def there(points: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """Moved points, of which those at (-1, -1) are not taken for none.

    They are a millionth of a pixel off, which float32 has.

    Args:
        points: (B, N, 2), or more of each behind x and y.
        before: the same before they were moved.
    """
    none = [
        tf.reduce_all(tf.equal(x[..., :2], -1.0), -1, True) for x in (points, before)
    ]
    aside = points + tf.constant(
        [2.0**-20] * 2 + [0.0] * (points.shape[-1] - 2), points.dtype
    )
    return tf.where(none[0] & ~none[1], aside, points)


def nothing(dtype: tf.DType) -> tf.Tensor:
    """What stands where nothing is: -1; 0, False or "" in a dtype without it."""
    return tf.cast(-1, dtype) if holds_minus_one(dtype) else tf.zeros((), dtype)


def holds_minus_one(dtype: tf.DType) -> bool:
    """Whether a dtype has the number that stands for what is not there."""
    return dtype.is_floating or (dtype.is_integer and not dtype.is_unsigned)


def to_edges(centres: tf.Tensor) -> tf.Tensor:
    """From coordinates of pixel centres to those of pixel edges."""
    return centres + 0.5


def to_centres(edges: tf.Tensor) -> tf.Tensor:
    """From coordinates of pixel edges to those of pixel centres."""
    return edges - 0.5


def to_xyxy(boxes: tf.Tensor, frame: tf.Tensor, box_format: str) -> tf.Tensor:
    """From any of `BOX_FORMATS` to left, top, right, bottom in pixels.

    Args:
        boxes: (B, N, 4).
        frame: (B, 1, 4): width, height, width, height.
        box_format: the format of `boxes`.
    """
    order = box_format.removeprefix("rel_")
    if order in ROWS_FIRST:
        boxes = tf.gather(boxes, [1, 0, 3, 2], axis=-1)
    if order == "xywh":
        boxes = tf.concat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)
    elif order.startswith("center_"):
        half = boxes[..., 2:] / 2.0
        boxes = tf.concat([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
    return boxes * frame if box_format.startswith("rel_") else boxes


def whole(boxes: tf.Tensor, box_format: str) -> tf.Tensor:
    """Boxes in whole numbers; those with a corner end where their end is rounded to."""
    if box_format != "xywh":
        return tf.round(boxes)
    low, high = tf.round(boxes[..., :2]), tf.round(boxes[..., :2] + boxes[..., 2:])
    return tf.concat([low, high - low], axis=-1)


def from_xyxy(boxes: tf.Tensor, frame: tf.Tensor, box_format: str) -> tf.Tensor:
    """The inverse of `to_xyxy`."""
    if box_format.startswith("rel_"):
        boxes = boxes / frame
    order = box_format.removeprefix("rel_")
    low, high = boxes[..., :2], boxes[..., 2:]
    if order == "xywh":
        boxes = tf.concat([low, high - low], axis=-1)
    elif order.startswith("center_"):
        boxes = tf.concat([(low + high) / 2.0, high - low], axis=-1)
    return tf.gather(boxes, [1, 0, 3, 2], axis=-1) if order in ROWS_FIRST else boxes
