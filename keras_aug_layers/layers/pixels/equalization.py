"""Equalization."""

import itertools
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers.kernels import few
from keras_aug_layers.kernels.device import deriving, on_cpu
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

BINS = 256
STRIPS = 4
"""Strips that XLA counts side by side on a CPU, where one core does each."""


def _equalize(images: tf.Tensor, low: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    """Two at a time on a CPU: what is counted stays in its cache."""
    if not on_cpu() or deriving() or images.shape[0] in (1, few.PAIR):
        return _at_once(images, low, span)
    at = few.to_some(_at_once, {"low": low, "span": span})
    return few.made_anew(at, images, tf.ones(tf.shape(images)[:1], tf.bool))


def _at_once(images: tf.Tensor, low: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    low, span = (tf.reshape(row, (-1, 1, 1, 1)) for row in (low, span))
    batch, height, width, channels = tf.unstack(tf.shape(images))
    size, whole = batch * channels * BINS, images.dtype.is_integer
    first = tf.range(0, size, BINS)
    of_channels = tf.reshape(first, (batch, 1, 1, channels))
    if images.dtype == tf.uint8:
        # Bytes are counted as they are: a level is found for each value, not pixel.
        place = tf.cast(images, tf.int32) + of_channels
        each = tf.cast(tf.range(BINS), low.dtype)[tf.newaxis, tf.newaxis, tf.newaxis]
        level = _levels(each, low, span, whole)
        level = tf.reshape(level + tf.reshape(first, (batch, 1, channels, 1)), (-1,))
        pixels = tf.math.unsorted_segment_sum(_counts(place, size), level, size)
    else:
        place = _levels(compute(images), low, span, whole) + of_channels
        level, pixels = tf.range(size), _counts(place, size)

    def values() -> tf.Tensor:
        table = _table(tf.reshape(pixels, (-1, BINS)), height * width)
        equal = tf.cast(tf.gather(tf.reshape(table, (-1,)), level), low.dtype)
        equal = tf.reshape(equal, (batch, 1, channels, BINS))
        made = finish(low + span * equal / (BINS - 1.0), images.dtype)
        return tf.reshape(made, (-1,))

    # Behind a condition: else XLA computes a value for each pixel that looks it up.
    made = tf.cond(
        tf.reduce_any(pixels > 0), values, lambda: tf.zeros((size,), images.dtype)
    )
    return tf.gather(made, place)


def _levels(
    values: tf.Tensor, low: tf.Tensor, span: tf.Tensor, whole: bool
) -> tf.Tensor:
    """The levels of values, int32 from 0 to 255."""
    if whole:
        part = (values - low) * ((BINS - 1.0) / span)
        return tf.cast(tf.round(tf.clip_by_value(part, 0.0, BINS - 1.0)), tf.int32)
    part = (values - low) / span
    part = tf.where(part > 0.0, tf.minimum(part, 1.0), 0.0)  # NaN: 0, which has a level
    # Cut off, as torchvision turns floats into bytes.
    return tf.cast(tf.floor(part * (BINS - 1e-3)), tf.int32)


def _counts(place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """How often each number below `size` occurs in (B, H, W, C), int32 (size,)."""
    strips = STRIPS if on_cpu() else 1
    height = tf.shape(place)[1]
    ends = [height * strip // strips for strip in range(strips + 1)]
    counts = []
    for start, end in itertools.pairwise(ends):
        strip = tf.reshape(place[:, start:end], (-1,))
        ones = tf.ones_like(strip)
        counts.append(tf.math.unsorted_segment_sum(ones, strip, size))
    return tf.add_n(counts)


def _table(pixels: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Pillow's table: what each value of a channel becomes, int32 (n, 256)."""
    greatest = BINS - 1 - tf.argmax(pixels[:, ::-1] > 0, axis=1, output_type=tf.int32)
    last = tf.gather(pixels, greatest, batch_dims=1)
    step = ((count - last) // (BINS - 1))[:, tf.newaxis]
    below = tf.cumsum(pixels, axis=1, exclusive=True)
    table = tf.minimum((step // 2 + below) // tf.maximum(step, 1), BINS - 1)
    return tf.where(step > 0, table, tf.range(BINS)[tf.newaxis])


equalize = register("equalize", "stage", _equalize)
"""Makes the histogram of each channel of each image flat, over 256 levels."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class Equalization(ColorLayer):
    """Makes the histogram of each channel of each image flat, as Pillow does.

    With N pixels, of which L have the greatest value that occurs, a step is (N - L) //
    255 pixels, and value k becomes (step // 2 + pixels below k) // step. Floats go
    and integers of more than 8 bits go through 256 levels. (Keras has one histogram for
    the whole batch.) The histogram is that of the image as it is there: with what
    fills it, behind a move.

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
