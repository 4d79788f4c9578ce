"""RandomSharpness."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute, in_rows
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _sharpen(
    images: tf.Tensor,
    amount: tf.Tensor,
    low: tf.Tensor | None = None,
    high: tf.Tensor | None = None,
) -> tf.Tensor:
    channels = dimension(images, 3)
    stored = in_rows(images)
    x = compute(stored)
    rows, columns = (_inner(dimension(images, axis)) for axis in (1, 2))
    end = columns * channels
    # What lies inside has all its neighbours: slices, which XLA reads without asking.
    sums = sum(x[:, start : start + rows] for start in range(3))
    around = sum(
        sums[:, :, start : start + end] for start in (0, channels, 2 * channels)
    )
    own = x[:, 1 : 1 + rows, channels : channels + end]
    blurred = (around + 4.0 * own) / 13.0
    if images.dtype.is_integer:
        blurred = tf.round(blurred)  # as torchvision and Pillow do
    changed = own + (1.0 - tf.reshape(amount, (-1, 1, 1))) * (blurred - own)
    if images.dtype.is_integer:
        changed = tf.floor(changed + HAIR)  # likewise
    if low is not None:
        limits = (tf.reshape(end, (-1, 1, 1)) for end in (low, high))
        changed = tf.clip_by_value(changed, *limits)
    # One pixel of border stays as it is.
    middle = stored[:, 1 : 1 + rows]
    sides = middle[:, :, :channels], middle[:, :, channels + end :]
    middle = tf.concat([sides[0], finish(changed, images.dtype), sides[1]], axis=2)
    sharp = tf.concat([stored[:, :1], middle, stored[:, 1 + rows :]], axis=1)
    return tf.reshape(sharp, tf.shape(images))


def _inner(length: Any) -> Any:
    """How many pixels of a row have one on either side."""
    return max(length - 2, 0) if isinstance(length, int) else tf.maximum(length - 2, 0)


sharpen = register("sharpen", "stage", _sharpen)
"""Blends with a blurred image: 0 is blurred, 1 the image, 2 sharpened.

The blur is [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13, Pillow's `ImageFilter.SMOOTH`. Where
more is done in the same stage, it clips to `low` and `high` itself.
"""


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomSharpness(ColorLayer):
    """Blurs or sharpens images by a random amount.

    Args:
        factor: range of the amount, from 0 to 1: a number f for (0, f), or a pair (low,
            high). 0 is blurred, 0.5 the image, 1 sharpened, as in Keras: 0.3 only
            blurs, (0.5, 1) only sharpens. Pillow and torchvision count twice as much.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the factor is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((3, 3, 1), "uint8")
        >>> images[1, 1] = 130
        >>> RandomSharpness((0, 0))(images, training=True).numpy()[1, 1]
        array([50], dtype=uint8)
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.share("factor", factor)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Twice the factor: 1 is the image."""
        return sharpen(amount=2.0 * random.uniform(self.factor))
