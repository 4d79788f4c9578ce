"""CenterCrop and RandomCrop."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import to_double
from keras_aug_layers.layers.geometry.window import (
    SizeLayer,
    Window,
    central,
    fitting,
    with_fill,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class CenterCrop(SizeLayer):
    """Cuts out the middle of images, in training and outside.

    As `keras.layers.CenterCrop`: of an image that is smaller in height or width, the
    greatest central window of the crop's shape is shown, enlarged; with
    `pad_if_needed` it is filled up instead, as in torchvision.

    Args:
        height: of what comes out, in pixels.
        width: likewise.
        pad_if_needed: whether what a smaller image lacks is added on both sides, of
            its own scale. `fill_mode` is "constant" then, unless it is given.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a size is no whole number above 0.

    Example:
        >>> import numpy as np
        >>> images = np.arange(16, dtype="uint8").reshape(4, 4, 1)
        >>> CenterCrop(2, 2)(images).numpy()[..., 0].tolist()
        [[5, 6], [9, 10]]
    """

    def __init__(
        self, height: int, width: int, *, pad_if_needed: bool = False, **kwargs: Any
    ) -> None:
        pads = arguments.boolean("pad_if_needed", pad_if_needed)
        super().__init__(height, width, **with_fill(pads, kwargs))
        self.pad_if_needed = pads

    def window(self, frame: Frame) -> Window:
        """The middle."""
        middle = central(frame, self.height, self.width)
        return fitting(middle, frame, self.pad_if_needed)


@arguments.in_keras_order("seed", "data_format", "name")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomCrop(SizeLayer):
    """Cuts a window out of each image, at a place that is drawn per image.

    Outside training it is the middle. Of an image that is smaller in height or width,
    the greatest central window of the crop's shape is shown, enlarged, as in
    `keras.layers.RandomCrop`; with `padding` or `pad_if_needed` it is filled up
    instead.

    Args:
        height: of what comes out, in pixels.
        width: likewise.
        padding: pixels by which the window may reach beyond each edge, as torchvision's
            `padding`. Above 0, what a smaller image lacks is added as well.
        pad_if_needed: whether what a smaller image lacks is added on both sides, as
            torchvision does. Here, and with `padding`, `fill_mode` is "constant" unless
            it is given.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a size is no whole number above 0, or `padding` none.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomCrop(32, 32, padding=4)(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        padding: int = 0,
        pad_if_needed: bool = False,
        **kwargs: Any,
    ) -> None:
        padding = arguments.size("padding", padding, 0)
        pads = arguments.boolean("pad_if_needed", pad_if_needed)
        super().__init__(height, width, **with_fill(pads or padding > 0, kwargs))
        self.padding = padding
        self.pad_if_needed = pads

    def window(self, frame: Frame) -> Window:
        """The middle."""
        middle = central(frame, self.height, self.width)
        return fitting(middle, frame, self.pad_if_needed or self.padding > 0)

    def drawn_window(self, random: Cursor, frame: Frame) -> Window:
        """Any place, each with the same chance."""
        size = self.height, self.width
        corner = []
        for length, side in zip((frame.height, frame.width), size, strict=True):
            room = to_double(length + 2 * self.padding - side)
            place = tf.floor(random.uniform() * (tf.abs(room) + 1.0))
            corner.append(place + tf.minimum(room, 0.0) - self.padding)
        drawn = Window(corner[0], corner[1], *size)
        return fitting(drawn, frame, self.pad_if_needed or self.padding > 0)
