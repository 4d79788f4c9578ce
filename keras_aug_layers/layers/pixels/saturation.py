"""RandomSaturation."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import mix
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def saturation(gain: tf.Tensor) -> Step:
    """Scales the distance of each pixel to its luma (ITU-R BT.601): gain (B,)."""
    return mix(matrix=_blend(gain, (0.299, 0.587, 0.114)), bias=0.0)


def saturation_of_grey(gain: tf.Tensor, frame: Frame) -> Step:
    """The same about the grey image that torchvision has: gain (B,).

    Its weights end earlier, and the grey image of integers is cut off: half a level.
    """
    gain = tf.cast(gain, tf.float64)
    whole = frame.dtype is None or frame.dtype.is_integer
    bias = -0.5 * (1.0 - gain) if whole else 0.0
    return mix(matrix=_blend(gain, (0.2989, 0.587, 0.114)), bias=bias)


def _blend(gain: tf.Tensor, luma: tuple[float, float, float]) -> tf.Tensor:
    """The matrices (B, 3, 3) that keep `gain` of a pixel, and fill up with its luma."""
    gain = tf.cast(gain, tf.float64)[:, tf.newaxis, tf.newaxis]
    weights = tf.constant([luma] * 3, tf.float64)
    return gain * tf.eye(3, dtype=tf.float64) + (1.0 - gain) * weights


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomSaturation(ColorLayer):
    """Makes colours paler or stronger: a blend with the luma of each pixel.

    The blend is that of Pillow's `ImageEnhance.Color` and torchvision, with the luma
    of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.

    Args:
        factor: range of u: a number f for (-f, f), or a pair (low, high), at least -1.
            A pixel x becomes luma + (1 + u) * (x - luma): grey at -1.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> RandomSaturation((-1, -1))(images, training=True).numpy().ravel()
        array([118, 118, 118], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.factor("factor", factor, -1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A blend of the identity and luma."""
        checks.rgb(self, frame)
        return saturation(1.0 + random.uniform(self.factor))
