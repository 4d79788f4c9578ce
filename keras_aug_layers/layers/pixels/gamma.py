"""RandomGamma."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register, to_double
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.kernels.warp import known_channels
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.tone import mean_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _power(part: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """Of numbers from 0 to 1, of which 0 stays 0 however small the exponent is."""
    some = tf.maximum(part, 1e-30)
    return tf.where(part > 1e-30, tf.exp(exponent * tf.math.log(some)), 0.0)


def _gamma(
    x: tf.Tensor, exponent: tf.Tensor, low: tf.Tensor, span: tf.Tensor
) -> tf.Tensor:
    return low + span * _power((x - low) / span, exponent)


gamma = register(
    "gamma",
    "pointwise",
    _gamma,
    inverse=lambda step: Step(
        "gamma", {**step.rows, "exponent": 1.0 / step.rows["exponent"]}
    ),
    stored=True,
)
"""Takes the place between `low` and `low` + `span` to a power."""


def _keeping(images: tf.Tensor, exponent: tf.Tensor, sign: tf.Tensor) -> tf.Tensor:
    exponent, sign = (tf.reshape(x, (-1, 1, 1)) for x in (exponent, sign))
    planes = []
    channels = known_channels(images.shape[-1])
    for plane in tf.unstack(compute(images), channels, axis=-1):
        x = sign * plane
        low = tf.reduce_min(x, axis=(1, 2), keepdims=True)
        span = tf.reduce_max(x, axis=(1, 2), keepdims=True) - low
        part = tf.math.divide_no_nan(x - low, span)
        bent = _power(part, exponent)
        mean, now = mean_of(part), mean_of(bent)
        # Of squares, so that the ratio has one root.
        ratio = tf.math.divide_no_nan(
            mean_of(tf.square(part - mean)), mean_of(tf.square(bent - now))
        )
        part = mean + tf.sqrt(ratio) * (bent - now)
        planes.append(sign * (low + span * part))
    return finish(tf.stack(planes, axis=-1), images.dtype)


gamma_keeping = register("gamma_keeping", "stage", _keeping)
"""Likewise between the least and the greatest value of each channel, of the negative
for a `sign` of -1; mean and standard deviation of the channel stay."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGamma(ColorLayer):
    """Takes the pixels, as parts of their range, to a random power.

    An exponent above 1 darkens the middle tones, one below 1 brightens them, as
    torchvision's `adjust_gamma` with a gain of 1. The last three arguments make it the
    `GammaTransform` of nnU-Net.

    Args:
        gamma: range (low, high) of the exponent, above 0.
        value_range: (low, high); needed unless the dtype is an unsigned integer, or
            `keep_statistics` is True.
        invert: whether the negative is taken to the power, and made positive again.
        keep_statistics: whether pixels are parts of the range that each channel of the
            image has, and keep the channel's mean and standard deviation.
        balanced: whether exponents below and above 1 have the same chance, whatever
            the range, which then has 1 within it.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if the range is out of bounds, or `value_range` is missing.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0], [51], [255]]], dtype="uint8")
        >>> RandomGamma((2, 2))(images, training=True).numpy().ravel()
        array([  0,  10, 255], dtype=uint8)
    """

    def __init__(
        self,
        gamma: tuple[float, float] = (0.7, 1.5),
        value_range: tuple[float, float] | None = None,
        *,
        invert: bool = False,
        keep_statistics: bool = False,
        balanced: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.gamma = arguments.pair("gamma", gamma, 1e-3, 1e3)
        self.invert = arguments.boolean("invert", invert)
        self.keep_statistics = arguments.boolean("keep_statistics", keep_statistics)
        self.balanced = arguments.boolean("balanced", balanced)
        if balanced and not self.gamma[0] <= 1.0 <= self.gamma[1]:
            raise ValueError(
                "`gamma` must have 1 within it where `balanced` is True. Received: "
                f"{gamma!r}. Write (0.7, 1.5), or balanced=False."
            )

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """An exponent, spread evenly over its range, or over each side of 1."""
        if self.balanced:
            part = random.uniform((-1.0, 1.0))
            below, above = (abs(end - 1.0) for end in self.gamma)
            exponent = 1.0 + part * tf.where(part < 0.0, to_double(below), above)
        else:
            exponent = random.uniform(self.gamma)
        if self.keep_statistics:
            return gamma_keeping(exponent=exponent, sign=-1.0 if self.invert else 1.0)
        low, high = frame.range_of(self)[:: -1 if self.invert else 1]
        return gamma(exponent=exponent, low=low, span=high - low)
