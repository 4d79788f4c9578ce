"""RandomFlip."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.checked import checked
from keras_aug_layers.kernels.coordinates import upright
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor
from keras_aug_layers.plan.settings import FILL, Settings


def _exchange(
    points: tf.Tensor,
    count: Any,
    mirrored: tf.Tensor,
    first: tf.Tensor,
    second: tf.Tensor,
) -> tf.Tensor:
    """Points (B, M, 2) of which some of each `count` have changed places."""
    if tf.is_tensor(count):  # else the layer has looked
        named = tf.cast(tf.reduce_max(tf.maximum(first, second)), tf.int32)
        message = "`keypoint_pairs` must name keypoints. Received, and there are:"
        right = (named < count) | (count == 0)
        points = checked(points, right, message, tf.stack([named, count]))
    names = tf.range(tf.cast(count, tf.float64), dtype=tf.float64)
    a, b = first[..., tf.newaxis], second[..., tf.newaxis]
    way = tf.where(names == a, b - a, 0.0) + tf.where(names == b, a - b, 0.0)
    way = tf.cast(tf.reduce_sum(way, axis=1) * mirrored, tf.int32)  # (B, count)
    numbers = tf.range(tf.shape(points)[1])
    way = tf.gather(way, numbers % tf.maximum(count, 1), axis=1)
    return tf.gather(points, numbers + way, batch_dims=1)


exchange = register(
    "exchange",
    "targets",
    _exchange,
    neutral={"mirrored": 0.0},
    inverse=lambda step: step,
    reorders=_exchange,
)
"""Keypoints `first` and `second`, numbers (1, P), change places where `mirrored`."""


@arguments.in_keras_order("seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomFlip(GeometricLayer):
    """Mirrors images left-right, top-bottom or both, each with a chance of its own.

    The two axes are drawn independently: with both, a quarter of the images stay as
    they are, a quarter is mirrored left-right, a quarter top-bottom, a quarter both.

    Args:
        mode: "horizontal" (left-right), "vertical" or "horizontal_and_vertical".
        chance: of each axis of the mode, from 0 to 1: a number, or a pair (left-right,
            top-bottom). `probability` is the chance that the layer acts at all.
        keypoint_pairs: numbers of keypoints that change places where an image is
            mirrored, as [(1, 2), (3, 4)] for the left and the right eye, and the left
            and the right ear: a left eye becomes a right one. Mirrored along both axes
            an image is turned, and they stay.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if `mode` is unknown, a chance out of bounds, or `keypoint_pairs`
            are no pairs of numbers.

    Example:
        >>> import numpy as np
        >>> images = np.arange(6, dtype="uint8").reshape(1, 1, 6, 1)
        >>> always = RandomFlip("horizontal", chance=1.0)
        >>> always(images, training=True).numpy().ravel().tolist()
        [5, 4, 3, 2, 1, 0]
    """

    _p = "chance"

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        *,
        chance: float | tuple[float, float] = 0.5,
        keypoint_pairs: Sequence[tuple[int, int]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keypoint_pairs = arguments.optional(
            arguments.pairs, "keypoint_pairs", keypoint_pairs
        )
        self.mode = arguments.one_of(
            "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical")
        )
        self.chance = arguments.per_axis("chance", chance, 0.0, 1.0)

    @property
    def opinions(self) -> Settings:
        """None on what fills: a flip agrees with every neighbour in a stack."""
        return self.settings.without(*FILL)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """A scale of 1 or -1 for each axis, and what of keypoints changes places."""
        horizontal, vertical = (random.coin(p) for p in np.broadcast_to(self.chance, 2))
        horizontal &= "horizontal" in self.mode
        vertical &= "vertical" in self.mode
        step = upright(matrix=matrices.flip(horizontal=horizontal, vertical=vertical))
        if not self.keypoint_pairs:
            return [step]
        pairs = tf.constant([self.keypoint_pairs], tf.float64)
        mirrored = tf.cast(horizontal ^ vertical, tf.float64)
        swap = exchange(mirrored=mirrored, first=pairs[..., 0], second=pairs[..., 1])
        return [step, swap]
