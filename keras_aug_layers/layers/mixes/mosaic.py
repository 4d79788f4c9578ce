"""Mosaic."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.followers import Boxes
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.targets.formats import (
    TOUCHING,
    in_frame,
    there,
    to_edges,
)
from keras_aug_layers.layers.mixes.mixing import (
    MixingLayer,
    of_partner,
    points_with_partners,
    with_partners,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

RIGHT, BELOW = (0.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)
"""Which of the four are right of the middle, and which are below it."""

COUNT = len(RIGHT)


def _read(
    x: tf.Tensor,
    y: tf.Tensor,
    share: tf.Tensor,
    images: tf.Tensor,
    centre_x: tf.Tensor,
    centre_y: tf.Tensor,
    width: tf.Tensor,
    height: tf.Tensor,
    pixel: tf.Tensor | float = 1.0,
) -> tuple[tf.Tensor, ...]:
    """Where the four images are read, and which: that on whose side a place lies.

    Between its last pixel and the next image, an image shows its last pixel.
    """
    rim = pixel / 2.0

    def along(
        place: tf.Tensor, centre: tf.Tensor, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        beyond, half = place - centre, size / 2.0
        after = beyond > 0.0
        first = tf.minimum(beyond + half, half - rim)
        return tf.where(after, tf.maximum(beyond, rim) - half, first), after

    at_x, right = along(x, centre_x, width)
    at_y, below = along(y, centre_y, height)
    a, b, c, d = (images[:, i] for i in range(COUNT))
    number = tf.where(below, tf.where(right, d, c), tf.where(right, b, a))
    return at_x, at_y, number


def _labels(
    labels: tf.Tensor, share: tf.Tensor, images: tf.Tensor, **places: tf.Tensor
) -> tf.Tensor:
    """The labels of the four, by what is seen of them."""
    share = tf.cast(share, labels.dtype)
    shown = (
        share[:, i : i + 1] * of_partner(labels, images[:, i : i + 1])
        for i in range(COUNT)
    )
    return tf.add_n([*shown])


def _shifts(
    centre_x: tf.Tensor, centre_y: tf.Tensor, width: tf.Tensor, height: tf.Tensor
) -> tf.Tensor:
    """By how much each of the four is moved, along x and y: (B, 4, 2)."""
    right, below = (tf.constant(x, width.dtype) for x in (RIGHT, BELOW))
    x = centre_x + (right - 0.5) * width
    y = centre_y + (below - 0.5) * height
    return tf.stack([x, y], axis=-1)


def _boxes(
    boxes: Boxes,
    size: Any,
    only: tf.Tensor,
    visible: float,
    share: tf.Tensor,
    images: tf.Tensor,
    **places: tf.Tensor,
) -> Boxes:
    """The boxes of the four, where their images lie, also outside of the frame."""
    count = tf.shape(boxes.corners)[1]
    limit = tf.stack([places["width"], places["height"]], axis=-1)  # (B, 1, 2)
    four = with_partners(boxes, only, images[:, 1:])
    shown = in_frame(four.corners[..., :2], four.corners[..., 2:], limit)
    inside = tf.clip_by_value(four.corners, 0.0, tf.tile(limit, (1, 1, 2)))
    shifts = tf.repeat(_shifts(**places), count, axis=1)
    moved = inside + tf.tile(shifts, (1, 1, 2))
    mixed = tf.reshape(only, (-1, 1, 1))
    return four._replace(
        corners=tf.where(mixed, moved, four.corners),
        kept=four.kept & (shown | ~only[:, tf.newaxis]),
    )


def _keypoints(
    points: tf.Tensor,
    size: Any,
    only: tf.Tensor,
    share: tf.Tensor,
    images: tf.Tensor,
    **places: tf.Tensor,
) -> tf.Tensor:
    """The points of the four, where their images lie; -1 for those outside of them."""
    limit = tf.stack([places["width"], places["height"]], axis=-1)  # (B, 1, 2)
    mixed = tf.reshape(only, (-1, 1, 1))
    four = []
    for i, shift in enumerate(tf.split(_shifts(**places), COUNT, axis=1)):
        own, theirs = points_with_partners(points, only, images[:, i : i + 1])
        shown = theirs if i else own
        place = to_edges(shown[..., :2])
        beyond = (place < -TOUCHING) | (place > limit + TOUCHING)
        padding = tf.reduce_all(tf.equal(shown, -1.0), axis=-1)
        gone = (tf.reduce_any(beyond, axis=-1) | padding)[..., tf.newaxis]
        # Where the frame is shown larger, (-1, -1) is a place as any other.
        moved = there(shown[..., :2] + shift, shown)
        moved = tf.concat([moved, shown[..., 2:]], axis=-1)
        moved = tf.where(gone, -tf.ones_like(moved), moved)
        four.append(tf.where(mixed, moved, shown))
    return tf.concat(four, axis=1)


compose = register(
    "compose",
    "coordinates",
    _read,
    gathers=True,
    labels=_labels,
    boxes=_boxes,
    keypoints=_keypoints,
)
"""Shows the four `images` (B, 4) about a place, `centre_x` and `centre_y` from the
middle; `share` (B, 4) is the part of the frame that each has. `pixel` is how wide one
of what is read is, of a map of a coarser grid."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class Mosaic(MixingLayer):
    """Shows four images of the batch about a random place.

    As Ultralytics' YOLO (Bochkovskiy et al., "YOLOv4: optimal speed and accuracy of
    object detection", 2020): on a canvas of twice the height and width the image lies
    at the top left, its partners at the top right, the bottom left and the bottom
    right, at their own size, all with a corner at one place. What comes out is the
    frame about it, of the size of the images. Layers that follow, such as a zoom by
    one half, read the canvas itself, in the same warp: what lies outside of the frame
    is not lost. The four are whole, also beyond the end of the canvas; what lies
    outside of them is filled as everywhere.

    Between two images no pixels are blended: each shows its last one there.

    Labels are mixed by the part of the frame that each image has. There are four times
    as many boxes and keypoints, of which those that are not seen are -1. An image that
    is its own partner, as in a batch of one, is shown again.

    Args:
        center_range: range of the place where the four meet, as a part of height and
            width: a pair. (0, 1) is Ultralytics'; albumentations has (0.3, 0.7).
        partners: "roll": those of image i are i - 1, i - 2 and i - 3; "random": those
            of three random permutations.
        **kwargs: arguments of `MixingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> boxes = {"boxes": np.array([[[4.0, 4.0, 9.0, 9.0]]] * 8)}
        >>> layer = Mosaic(bounding_box_format="xyxy")
        >>> four = layer({"images": images, "bounding_boxes": boxes}, training=True)
        >>> four["images"].shape, four["bounding_boxes"]["boxes"].shape
        (TensorShape([8, 32, 32, 3]), TensorShape([8, 4, 4]))
    """

    def __init__(
        self,
        center_range: tuple[float, float] = (0.0, 1.0),
        *,
        partners: str = "roll",
        **kwargs: Any,
    ) -> None:
        arguments.one_of("partners", partners, ("roll", "random"))
        super().__init__(partners=partners, **kwargs)
        self.center_range = arguments.pair("center_range", center_range, 0.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The place where the images meet, and which they are."""
        rows: dict[str, tf.Tensor] = {}
        parts = []
        for size, name, axis in (
            (frame.width, "width", "x"),
            (frame.height, "height", "y"),
        ):
            size = tf.cast(size, tf.float64)
            drawn = self.shared(random.uniform(self.center_range))
            centre = tf.floor(drawn * size)
            rows |= {name: size, f"centre_{axis}": centre - size / 2.0}
            parts.append((centre / size, 1.0 - centre / size))
        (left, right), (above, below) = parts
        shares = left * above, right * above, left * below, right * below
        return compose(
            share=tf.stack(shares, axis=-1),
            images=tf.stack(self._four(random, frame), axis=-1),
            **rows,
        )

    def _four(self, random: Cursor, frame: Frame) -> list[tf.Tensor]:
        """The number of each image, and those of its partners: float64 (B,) each."""
        if self.partners == "random":
            others = [self.partner(random, frame) for _ in range(1, COUNT)]
        else:
            partner = tf.cast(self.partner(random, frame), tf.int32)
            others, number = [], tf.range(frame.batch)
            for _ in range(1, COUNT):
                number = tf.gather(partner, number)
                others.append(tf.cast(number, tf.float64))
        return [tf.cast(tf.range(frame.batch), tf.float64), *others]
