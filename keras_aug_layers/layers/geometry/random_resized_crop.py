"""RandomResizedCrop."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import to_double
from keras_aug_layers.layers.geometry.window import (
    SizeLayer,
    Window,
    central,
    greatest,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

_TRIES = 10


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomResizedCrop(SizeLayer):
    """Shows a window of random area, shape and place, brought to one size.

    As torchvision draws it: up to ten tries of an area and a ratio until the window
    fits, at any place with the same chance; else the central window of the nearest
    ratio. Outside training it is the greatest central window of the new shape.

    Args:
        height: of what comes out, in pixels.
        width: likewise.
        scale: range of the window's area, as a part of the image's.
        ratio: range of the window's width over its height, uniform in its logarithm.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a size is no whole number above 0, or a range out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 300, 400, 3), "uint8")
        >>> RandomResizedCrop(224, 224)(images, training=True).shape
        TensorShape([8, 224, 224, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        scale: arguments.Range = (0.08, 1.0),
        ratio: arguments.Range = (3 / 4, 4 / 3),
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, **kwargs)
        self.scale = arguments.pair("scale", scale, 0.0, 1.0)
        self.ratio = arguments.pair("ratio", ratio, 1e-6, 1e6)

    def window(self, frame: Frame) -> Window:
        """The greatest window in the middle that is not distorted."""
        return greatest(frame, self.height, self.width)

    def drawn_window(self, random: Cursor, frame: Frame) -> Window:
        """All tries at once, of which the first that fits counts."""
        height, width = to_double(frame.height), to_double(frame.width)
        column = tf.reshape(height, (-1, 1)), tf.reshape(width, (-1, 1))
        area = column[0] * column[1] * random.uniform(self.scale, (_TRIES,))
        low, high = map(math.log, self.ratio)
        stretch = tf.exp(random.uniform((low, high), (_TRIES,)))
        wide = tf.round(tf.sqrt(area * stretch))
        tall = tf.round(tf.sqrt(area / stretch))
        fits = (wide >= 1.0) & (wide <= column[1]) & (tall >= 1.0) & (tall <= column[0])
        first = tf.argmax(tf.cast(fits, tf.int32), axis=1)
        wide, tall = (tf.gather(x, first, batch_dims=1) for x in (wide, tall))
        drawn = Window(
            tf.floor(random.uniform() * (height - tall + 1.0)),
            tf.floor(random.uniform() * (width - wide + 1.0)),
            tall,
            wide,
        )
        return drawn.where(tf.reduce_any(fits, axis=1), self._nearest(frame))

    def _nearest(self, frame: Frame) -> Window:
        """As much as there is of the nearest ratio that is allowed, in the middle."""
        height, width = to_double(frame.height), to_double(frame.width)
        low, high = self.ratio
        return central(
            frame._replace(height=height, width=width),
            tf.minimum(height, tf.round(width / low)),
            tf.minimum(width, tf.round(height * high)),
        )
