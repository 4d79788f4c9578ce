"""CutMix."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.followers import Boxes, row_of
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.targets.formats import ROUNDING, TOUCHING, in_frame
from keras_aug_layers.kernels.warp import dimension, rows_and_columns
from keras_aug_layers.layers.mixes.mixing import (
    MixingLayer,
    of_partner,
    points_with_partners,
    weighted,
    with_another,
    with_partners,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _inside(
    y: tf.Tensor,
    x: tf.Tensor,
    top: tf.Tensor,
    left: tf.Tensor,
    bottom: tf.Tensor,
    right: tf.Tensor,
    **others: tf.Tensor,
) -> tf.Tensor:
    """Whether pixels lie in the window."""
    return (y >= top) & (y < bottom) & (x >= left) & (x < right)


def _paste(
    images: tf.Tensor, lam: tf.Tensor, partner: tf.Tensor, **window: tf.Tensor
) -> tf.Tensor:
    """The partner's pixels in the window, bit for bit, of images or of masks."""
    y, x = rows_and_columns(dimension(images, 1), dimension(images, 2))
    inside = _inside(y, x, **{key: row_of(row) for key, row in window.items()})
    return tf.where(inside, of_partner(images, partner), images)


def _boxes(
    boxes: Boxes,
    size: Any,
    only: tf.Tensor,
    visible: float,
    lam: tf.Tensor,
    partner: tf.Tensor,
    **window: tf.Tensor,
) -> Boxes:
    """What is left of each image's boxes, and what is shown of its partner's."""
    only = with_another(only, partner)
    both = with_partners(boxes, only, partner)
    window_low = tf.stack([window["left"], window["top"]], axis=-1)  # (B, 1, 2)
    window_high = tf.stack([window["right"], window["bottom"]], axis=-1)
    whole_low, whole_high = both.corners[..., :2], both.corners[..., 2:]
    frame = tf.cast(tf.stack([size[1], size[0]]), whole_low.dtype)
    low, high = (tf.clip_by_value(x, 0.0, frame) for x in (whole_low, whole_high))
    inner_low, inner_high = tf.maximum(low, window_low), tf.minimum(high, window_high)
    whole, area, inner = (
        tf.reduce_prod(tf.maximum(b - a, 0.0), axis=-1)
        for a, b in ((whole_low, whole_high), (low, high), (inner_low, inner_high))
    )
    hair = tf.minimum((high - low) / 2.0, TOUCHING)  # of a line or a point none
    meets = tf.reduce_all(
        (low < window_high - hair) & (high > window_low + hair), axis=-1
    )

    # Where the window covers a box along one axis, it may cut it short on the other.
    from_low, to_high = window_low <= low + TOUCHING, window_high >= high - TOUCHING
    spans = tf.reverse(from_low & to_high, [-1]) & meets[..., tf.newaxis]
    left_low = tf.where(spans & from_low, inner_high, low)
    left_high = tf.where(spans & to_high, inner_low, high)

    theirs = tf.range(tf.shape(area)[1]) >= tf.shape(boxes.corners)[1]
    covered = tf.reduce_all(from_low & to_high, axis=-1)
    there = tf.where(theirs, meets, ~covered) & in_frame(whole_low, whole_high, frame)
    seen = tf.where(theirs, inner, area - inner)
    enough = there & (seen >= (visible - ROUNDING) * whole)
    theirs = theirs[tf.newaxis, :, tf.newaxis]
    cut = tf.concat(
        [
            tf.where(theirs, inner_low, left_low),
            tf.where(theirs, inner_high, left_high),
        ],
        axis=-1,
    )
    only = only[:, tf.newaxis]
    return both._replace(
        corners=tf.where(only[..., tf.newaxis], cut, both.corners),
        kept=both.kept & (enough | ~only),
    )


def _keypoints(
    points: tf.Tensor,
    size: Any,
    only: tf.Tensor,
    lam: tf.Tensor,
    partner: tf.Tensor,
    **window: tf.Tensor,
) -> tf.Tensor:
    """The image's keypoints outside of the window, and its partner's inside."""
    only = with_another(only, partner)
    own, theirs = points_with_partners(points, only, partner)

    def inside(points: tf.Tensor) -> tf.Tensor:
        x, y = points[..., 0] + 0.5, points[..., 1] + 0.5
        across = (x >= window["left"]) & (x < window["right"])
        return (across & (y >= window["top"]) & (y < window["bottom"]))[..., tf.newaxis]

    gone = inside(own) & only[:, tf.newaxis, tf.newaxis]
    own = tf.where(gone, -tf.ones_like(own), own)
    theirs = tf.where(inside(theirs), theirs, -tf.ones_like(theirs))
    return tf.concat([own, theirs], axis=1)


paste = register(
    "paste",
    "stage",
    _paste,
    alone=False,
    picks=_inside,
    labels=weighted,
    masks=_paste,
    boxes=_boxes,
    keypoints=_keypoints,
)
"""A window of each image shows its `partner`; `lam` is the part outside of it."""


@arguments.in_keras_order("seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class CutMix(MixingLayer):
    """Shows, in a random window of each image, another one of its batch.

    Yun et al., "CutMix: regularization strategy to train strong classifiers with
    localizable features", ICCV 2019, as torchvision draws it: with lambda from
    Beta(alpha, alpha), the window reaches a half of sqrt(1 - lambda) of the sides to
    both sides of any pixel, and is clipped to the image. Labels are mixed by the part
    of the pixels that is seen of either image.

    The window shows the partner's pixels as they are augmented at this point of the
    stack. Masks are cut likewise. Boxes are cut to what is seen of them, and are -1
    where it is nothing, or less than `min_visibility`; keypoints that are covered are
    -1.

    Args:
        alpha: the parameter of the Beta distribution, above 0.
        **kwargs: arguments of `MixingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> data = {"images": np.zeros((8, 32, 32, 3), "uint8"), "labels": np.arange(8)}
        >>> mixed = CutMix(num_classes=10)(data, training=True)
        >>> mixed["labels"].shape
        TensorShape([8, 10])
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = arguments.number("alpha", alpha, 1e-3, 1e6)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A partner, a window, and the part of the pixels outside of it."""
        reach = tf.sqrt(1.0 - self.shared(random.beta(self.alpha))) / 2.0
        sides, area, pixels = {}, 1.0, 1.0
        for size, first, last in (
            (frame.height, "top", "bottom"),
            (frame.width, "left", "right"),
        ):
            size = tf.cast(size, tf.float64)
            centre = tf.floor(self.shared(random.uniform()) * size)
            half = tf.floor(reach * size)
            sides[first] = tf.maximum(centre - half, 0.0)
            sides[last] = tf.minimum(centre + half, size)
            area, pixels = area * (sides[last] - sides[first]), pixels * size
        partner = self.partner(random, frame)
        return paste(lam=1.0 - area / pixels, partner=partner, **sides)
