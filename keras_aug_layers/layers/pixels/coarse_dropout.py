"""CoarseDropout."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.erasing import ErasingLayer
from keras_aug_layers.layers.pixels.random_erasing import erase
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

MOST = 64
"""Holes of an image: each takes four numbers, of which 1024 can be drawn."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class CoarseDropout(ErasingLayer):
    """Erases several rectangles of random size in each image; they may overlap.

    As albumentations' `CoarseDropout` (DeVries and Taylor, "Improved regularization of
    convolutional neural networks with cutout", 2017, is one square of fixed size).

    Args:
        count: range of how many rectangles: a pair of whole numbers, or one for
            always as many.
        height_factor: range of their heights, as a part of the image's: a pair, or a
            number f for (0, f).
        width_factor: range of their widths, likewise.
        fill_value: what erased pixels become: a number, one for each channel, or
            "noise", the same as None.
        value_range: (low, high), the range of the pixels.
        **kwargs: arguments of `ErasingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.full((8, 32, 32, 3), 7, "uint8")
        >>> holes = CoarseDropout(3)(images, training=True).numpy()
        >>> np.unique(holes).tolist()
        [0, 7]
    """

    def __init__(
        self,
        count: int | tuple[int, int] = (1, 2),
        height_factor: float | tuple[float, float] = (0.1, 0.2),
        *,
        width_factor: float | tuple[float, float] = (0.1, 0.2),
        fill_value: float | tuple[float, ...] | str | None = 0.0,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_value=fill_value, value_range=value_range, **kwargs)
        low, high = arguments.fixed("count", count, 1, MOST)
        self.count = arguments.whole("count", low), arguments.whole("count", high)
        self.height_factor = arguments.share("height_factor", height_factor)
        self.width_factor = arguments.share("width_factor", width_factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """As many rectangles as there can be, of which the last ones are empty."""
        low, high = self.count
        height, width = (tf.cast(n, tf.float64) for n in (frame.height, frame.width))
        count = tf.floor(random.uniform((low, high + 1.0)))[:, tf.newaxis]
        tall = tf.floor(random.uniform(self.height_factor, (high,)) * height)
        wide = tf.floor(random.uniform(self.width_factor, (high,)) * width)
        top = tf.floor(random.uniform(shape=(high,)) * (height - tall + 1.0))
        left = tf.floor(random.uniform(shape=(high,)) * (width - wide + 1.0))
        there = tf.range(high, dtype=tf.float64) < count
        tall = tf.where(there, tall, tf.zeros_like(tall))
        common = self.common(random, frame)
        return erase(top=top, left=left, bottom=top + tall, right=left + wide, **common)
