"""RandomContrast."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.saturation import GREY, black_of_grey
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _about_the_mean(mean: tf.Tensor, gain: tf.Tensor) -> Step:
    return Step("scale", {"gain": gain, "bias": (1.0 - gain) * mean})


contrast = register(
    "contrast",
    "measured",
    _about_the_mean,
    neutral={"gain": 1.0},
    inverse=lambda step: Step(
        "contrast", {"gain": tf.math.reciprocal_no_nan(step.rows["gain"])}
    ),
)
"""Scales the distance to the mean colour of the image, and keeps the mean."""


def contrast_of_grey(gain: tf.Tensor, frame: Frame) -> Step:
    """Scales the distance to the mean of the grey image, as torchvision does.

    Args:
        gain: (B,).
        frame: the images; those without three channels have no grey but their mean.
    """
    rgb = frame.known_channels == 3
    luma = [GREY] if rgb else 1.0 / frame.known_channels
    black = black_of_grey(frame) if rgb else 0.0
    return _contrast_of_grey(gain=gain, luma=luma, black=black)


def _about_the_grey(
    mean: tf.Tensor, gain: tf.Tensor, luma: tf.Tensor, black: tf.Tensor
) -> Step:
    grey = tf.reduce_sum(mean * luma, axis=-1, keepdims=True) + black
    return Step("scale", {"gain": gain, "bias": (1.0 - gain) * grey})


_contrast_of_grey = register(
    "contrast_of_grey",
    "measured",
    _about_the_grey,
    neutral={"gain": 1.0},
)


@arguments.in_keras_order("seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomContrast(ColorLayer):
    """Scales the distance of the pixels to the mean of their channel.

    The mean is that of the image that comes in, before any warp: behind crops, of the
    part of it that they show. In a stack it is carried through the colour layers before
    this one; what a turn fills, and what it turns out of sight, is ignored. Behind a
    pass of its own, such as HSV or a blur, it is that of what that has made.

    Args:
        factor: range of u: a number f for (-f, f), or a pair (low, high), at least -1.
            A pixel x becomes mean + (1 + u) * (x - mean).
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[50], [150]]], dtype="uint8")
        >>> RandomContrast((1, 1))(images, training=True).numpy().ravel()
        array([  0, 200], dtype=uint8)
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
        """A gain for the differences to the mean."""
        return contrast(gain=1.0 + random.uniform(self.factor))
