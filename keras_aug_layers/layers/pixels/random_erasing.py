"""RandomErasing."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.erasing import (
    ErasingLayer,
    indicator,
    register_eraser,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

TRIES = 10
"""How many areas and ratios are drawn until a region fits into the image."""


def _inside(
    y: tf.Tensor,
    x: tf.Tensor,
    top: tf.Tensor,
    left: tf.Tensor,
    bottom: tf.Tensor,
    right: tf.Tensor,
    **others: tf.Tensor,
) -> tf.Tensor:
    """The union of rectangles: products of two indicators, and of several their sum."""
    rows, columns = indicator(top, y, bottom), indicator(left, x, right)
    if rows.shape[-1] == 1:
        return rows * columns
    if not rows.shape[2] == columns.shape[1] == 1:  # of each pixel its own
        return tf.reduce_max(rows * columns, axis=-1, keepdims=True)
    count = tf.matmul(rows[:, :, 0], columns[:, 0], transpose_b=True)
    return tf.minimum(count, 1.0)[..., tf.newaxis]


erase = register_eraser("erase", _inside)
"""Erases rectangles, whose sides are rows of one number for each rectangle."""


@arguments.in_keras_order("seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomErasing(ErasingLayer):
    """Erases a rectangle of random area, ratio and place in each image.

    As torchvision's and timm's (Zhong et al., "Random erasing data augmentation", AAAI
    2020): up to 10 pairs of an area and a ratio are drawn until the rectangle is
    shorter and narrower than the image; where none is, nothing is erased.

    Args:
        factor: the chance of an image, under Keras's name: a number, or a pair from
            which the chance is drawn for each image. (In Keras a number f stands for a
            chance between 0 and f, half of f on average.) `probability` is a chance
            as well, as in every layer; where both are given, they multiply.
        scale: range of the erased part of the image's area: a pair (low, high), or a
            number f for (0, f).
        fill_value: what erased pixels become: a number, one for each channel, or
            "noise", the same as None.
        value_range: (low, high), the range of the pixels.
        ratio: range of height to width, uniform in its logarithm.
        **kwargs: arguments of `ErasingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> erased = RandomErasing(scale=(0.25, 0.25), fill_value=1)
        >>> bool(0.2 < erased(images, training=True).numpy().mean() < 0.3)
        True
    """

    def __init__(
        self,
        factor: float | tuple[float, float] = 1.0,
        scale: float | tuple[float, float] = (0.02, 0.33),
        fill_value: float | tuple[float, ...] | str | None = None,
        value_range: tuple[float, float] | None = None,
        *,
        ratio: tuple[float, float] = (0.3, 3.3),
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_value=fill_value, value_range=value_range, **kwargs)
        self.factor = arguments.fixed("factor", factor, 0.0, 1.0)
        self.scale = arguments.share("scale", scale)
        self.ratio = arguments.pair("ratio", ratio, 1e-3, 1e3)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The first rectangle that fits, and none for those without a chance."""
        height, width = (tf.cast(n, tf.float64) for n in (frame.height, frame.width))
        low, high = (math.log(x) for x in self.ratio)
        areas = random.uniform(self.scale, (TRIES,)) * height * width
        ratios = tf.exp(random.uniform((low, high), (TRIES,)))
        tall, wide = (
            tf.round(tf.sqrt(areas * ratios)),
            tf.round(tf.sqrt(areas / ratios)),
        )
        fits = (tall < height) & (wide < width)
        first = tf.one_hot(
            tf.argmax(tf.cast(fits, tf.int32), axis=1), TRIES, dtype=tf.float64
        ) * tf.cast(fits, tf.float64)
        tall, wide = (tf.reduce_sum(n * first, axis=1) for n in (tall, wide))
        top = tf.floor(random.uniform() * (height - tall + 1.0))
        left = tf.floor(random.uniform() * (width - wide + 1.0))
        erased = random.uniform() < random.uniform(self.factor)
        tall = tf.where(erased, tall, tf.zeros_like(tall))
        common = self.common(random, frame)
        return erase(top=top, left=left, bottom=top + tall, right=left + wide, **common)
