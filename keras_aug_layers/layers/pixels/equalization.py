"""Equalization."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

BINS = 256


def _equalize(images: tf.Tensor, low: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    x, wide = compute(images), (-1, 1, 1, 1)
    low, span = (tf.reshape(row, wide) for row in (low, span))
    part = (x - low) / span
    part = tf.where(part > 0.0, tf.minimum(part, 1.0), 0.0)  # NaN: 0, which has a level
    level = tf.cast(tf.round(part * (BINS - 1)), tf.int32)
    if not images.dtype.is_integer:  # cut off, as torchvision turns floats into bytes
        level = tf.cast(tf.floor(part * (BINS - 1e-3)), tf.int32)
    shape = tf.shape(level)
    owner = tf.range(shape[0] * shape[3]) * BINS
    place = level + tf.reshape(owner, (shape[0], 1, 1, shape[3]))
    pixels = tf.math.unsorted_segment_sum(
        tf.ones_like(tf.reshape(place, (-1,))),
        tf.reshape(place, (-1,)),
        tf.size(owner) * BINS,
    )
    pixels = tf.reshape(pixels, (-1, BINS))
    # Behind a condition: else XLA divides anew for each pixel that looks it up.
    table = tf.cond(
        tf.reduce_any(pixels > 0),
        lambda: _table(pixels, shape[1] * shape[2]),
        lambda: pixels,
    )
    equal = tf.gather(tf.reshape(table, (-1,)), place)
    return finish(low + span * tf.cast(equal, x.dtype) / (BINS - 1.0), images.dtype)


def _table(pixels: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Pillow's table: what each value of a channel becomes, int32 (n, 256)."""
    greatest = BINS - 1 - tf.argmax(pixels[:, ::-1] > 0, axis=1, output_type=tf.int32)
    last = tf.gather(pixels, greatest, batch_dims=1)
    step = ((count - last) // (BINS - 1))[:, tf.newaxis]
    below = tf.cumsum(pixels, axis=1, exclusive=True)
    table = tf.minimum((step // 2 + below) // tf.maximum(step, 1), BINS - 1)
    return tf.where(step > 0, table, tf.range(BINS)[tf.newaxis])


equalize = register("equalize", "stage", _equalize, placed=False)
"""Makes the histogram of each channel of each image flat, over 256 levels."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class Equalization(ColorLayer):
    """Makes the histogram of each channel of each image flat, as Pillow does.

    With N pixels, of which L have the greatest value that occurs, a step is (N - L) //
    255 pixels, and value k becomes (step // 2 + pixels below k) // step. Floats go
    and integers of more than 8 bits go through 256 levels. (Keras has one histogram for
    the whole batch.) The histogram is that of the image as it is there: moved, with
    what fills it.

    Args:
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `ColorLayer`, such as `probability`.

    Raises:
        ValueError: if `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.arange(1024).reshape(32, 32, 1).astype("uint8") // 4 + 100
        >>> equal = Equalization()(images, training=True).numpy()
        >>> int(images.max()), int(equal.max())
        (163, 255)
    """

    def __init__(
        self, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Nothing is random but the chance."""
        low, high = frame.range_of(self)
        return equalize(low=low, span=high - low)
