"""The layers that mix channels: saturation, hue, greyscale, and colour jitter.

They need images of three channels, red, green and blue.
"""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, color, sampling
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Draw, Frame
from keras_aug_layers.layers.base import ColorLayer


class MixingLayer(ColorLayer):
    """Base class of the layers that mix red, green and blue."""

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """A draw that mixes channels."""
        if frame.channels != 3:
            raise ValueError(
                f"`images` must have three channels for {type(self).__name__}. "
                f"Received: {frame.channels} channels. Write tf.image.grayscale_to_rgb"
                "(images), or images.set_shape((None, None, None, 3))."
            )
        return super().draw(u, frame)


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomSaturation(MixingLayer):
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

    draws = 1

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = checks.factor("factor", factor, -1.0)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A blend of the identity and luma."""
        return color.saturation(1.0 + sampling.uniform(u[:, 0], self.factor))


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomHue(MixingLayer):
    """Turns colours around the grey axis.

    A linear map, which leaves greys and the sum of the channels as they are; hue in
    HSV, as in `keras.layers.RandomHue`, is not linear. The two agree in direction: from
    red to green to blue.

    Args:
        factor: range of the angle as a fraction of a full turn, from -1 to 1: a number
            f for (-f, f), or a pair (low, high).
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[255, 0, 0]]], dtype="uint8")
        >>> RandomHue((1 / 3, 1 / 3))(red, training=True).numpy().ravel()
        array([  0, 255,   0], dtype=uint8)
    """

    draws = 1

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = checks.factor("factor", factor, -1.0, 1.0)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A rotation about the grey axis."""
        return color.hue(sampling.uniform(u[:, 0], self.factor))


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGrayscale(MixingLayer):
    """Turns images grey: each channel becomes the luma of its pixel.

    Args:
        factor: chance, from 0 to 1, that an image turns grey.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if `factor` is out of bounds, or the images have not three channels.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[200, 100, 0]]], dtype="uint8")
        >>> RandomGrayscale(factor=1.0)(images, training=True).numpy().ravel()
        array([118, 118, 118], dtype=uint8)
    """

    draws = 1

    def __init__(self, factor: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = checks.number("factor", factor, 0.0, 1.0)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """A saturation of 0, or nothing."""
        return color.saturation(tf.where(u[:, 0] < self.factor, 0.0, 1.0))


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomColorJitter(MixingLayer):
    """Changes brightness, contrast, saturation and hue, in this order, at random.

    Args:
        value_range: as for every `ColorLayer`.
        brightness_factor: as `factor` of `RandomBrightness`, which multiplies.
        contrast_factor: as `factor` of `RandomContrast`.
        saturation_factor: as `factor` of `RandomSaturation`.
        hue_factor: as `factor` of `RandomHue`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is upside down or out of bounds, or the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> jitter = RandomColorJitter(brightness_factor=0.2, hue_factor=0.05)
        >>> jitter(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    draws = 4

    def __init__(
        self,
        value_range: tuple[float, float] | None = None,
        *,
        brightness_factor: float | tuple[float, float] = 0.0,
        contrast_factor: float | tuple[float, float] = 0.0,
        saturation_factor: float | tuple[float, float] = 0.0,
        hue_factor: float | tuple[float, float] = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        factor = checks.factor
        self.brightness_factor = factor("brightness_factor", brightness_factor, -1.0)
        self.contrast_factor = factor("contrast_factor", contrast_factor, -1.0)
        self.saturation_factor = factor("saturation_factor", saturation_factor, -1.0)
        self.hue_factor = factor("hue_factor", hue_factor, -1.0, 1.0)

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """The product of the four maps."""
        maps = (
            (self.brightness_factor, lambda x: color.scale_and_add(1.0 + x, 0.0)),
            (self.contrast_factor, lambda x: color.contrast(1.0 + x)),
            (self.saturation_factor, lambda x: color.saturation(1.0 + x)),
            (self.hue_factor, color.hue),
        )
        product = color.identity()
        for i, (factor, to_color) in enumerate(maps):
            if factor != (0.0, 0.0):  # no means and no mixing without need
                product = product.then(to_color(sampling.uniform(u[:, i], factor)))
        return product
