"""RandAugment and TrivialAugment, of the operations that are matrices."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, color, matrices
from keras_aug_layers.draw import Draw, Frame
from keras_aug_layers.layers.base import GeometricLayer
from keras_aug_layers.layers.fused import FusedAugmentation

_OPERATIONS = 9  # the identity, then eight in the order of `draw`
MAX_MAGNITUDE = 30


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomOperation(GeometricLayer):
    """Applies one of nine operations to each image: a step of a policy.

    The identity, shears along x and y, shifts along x and y, rotation, brightness,
    saturation and contrast are equally likely; their direction is a coin toss.

    Args:
        shear: the greatest shear.
        shift: the greatest shift, as a fraction of the frame.
        degrees: the greatest angle.
        color: the greatest change u of brightness, saturation and contrast, which
            become 1 + u or 1 - u.
        magnitude: the strength, from 0 to 30, at which the greatest are reached; None
            draws it for each image.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if `magnitude` is out of range.
    """

    draws = 3

    def __init__(
        self,
        shear: float,
        shift: float,
        degrees: float,
        color: float,
        *,
        magnitude: float | None = None,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shear = checks.number("shear", shear, 0.0, 1.0)
        self.shift = checks.number("shift", shift, 0.0, 1.0)
        self.degrees = checks.number("degrees", degrees, 0.0, 360.0)
        self.color = checks.number("color", color, 0.0)
        if magnitude is not None:
            magnitude = checks.number("magnitude", magnitude, 0.0, MAX_MAGNITUDE)
        self.magnitude = magnitude
        if value_range is not None:
            value_range = checks.value_range("value_range", value_range)
        self.value_range = value_range

    @property
    def settings(self) -> dict[str, Any]:
        """Fill settings and value range."""
        own = {} if self.value_range is None else {"value_range": self.value_range}
        return {**super().settings, **own}

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """The product of all operations, of which only the chosen one is not 1."""
        chosen = tf.cast(u[:, 0] * _OPERATIONS, tf.int32)
        strength = tf.ones_like(u[:, 2])
        if self.magnitude is not None:
            strength *= self.magnitude / MAX_MAGNITUDE
        else:
            strength = tf.floor(u[:, 2] * (MAX_MAGNITUDE + 1)) / MAX_MAGNITUDE
        strength = tf.where(u[:, 1] < 0.5, -strength, strength)
        only = tf.one_hot(chosen, _OPERATIONS, dtype=tf.float64)
        _, shear_x, shear_y, shift_x, shift_y, turn, bright, saturation, contrast = (
            tf.unstack(strength[:, tf.newaxis] * only, axis=1)
        )
        matrix = matrices.compose(
            matrices.rotate(turn * self.degrees / 360.0),
            matrices.shear(shear_x * self.shear, shear_y * self.shear),
        )
        matrix = matrices.compose(
            matrix,
            matrices.shift(
                shift_x * self.shift * tf.cast(frame.width, tf.float64),
                shift_y * self.shift * tf.cast(frame.height, tf.float64),
            ),
        )
        colors = color.scale_and_add(1.0 + bright * self.color, 0.0)
        colors = colors.then(color.contrast(1.0 + contrast * self.color))
        if frame.channels == 3:
            colors = colors.then(color.saturation(1.0 + saturation * self.color))
        return Draw(matrix, colors)


class Policy(FusedAugmentation):
    """Base class of the policies, whose layers follow from their other arguments."""

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        config = super().get_config()
        del config["layers"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Policy":
        """Builds the policy."""
        return cls(**config)


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandAugment(Policy):
    """RandAugment (Cubuk et al., 2020, arXiv:1909.13719), chosen per image.

    `num_ops` operations one after the other, each drawn anew for each image, at the
    cost of one warp and one pass of colour. Of the published operations those that are
    matrices: identity, shears, shifts, rotation, brightness, colour (saturation) and
    contrast. Missing, since no matrix does them: auto-contrast, equalize, solarize,
    posterize and sharpness. Images of one or two channels keep their saturation.

    Args:
        num_ops: how many operations one image gets.
        magnitude: their strength, from 0 to 30, where shears reach 0.3, shifts 150/331
            of the frame, rotations 30 degrees and colours change by 0.9.
        value_range: as for every `ColorLayer`.
        **kwargs: fill settings and arguments of `FusedAugmentation`.

    Raises:
        ValueError: if `num_ops` is no whole number above 0, or `magnitude` is out of
            range.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandAugment(num_ops=2, magnitude=9)(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: float = 9,
        *,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(num_ops, bool) or not isinstance(num_ops, int) or num_ops < 1:
            raise ValueError(
                f"`num_ops` must be a whole number above 0. Received: {num_ops!r}"
            )
        magnitude = checks.number("magnitude", magnitude, 0.0, MAX_MAGNITUDE)
        steps = [
            RandomOperation(0.3, 150 / 331, 30.0, 0.9, magnitude=magnitude)
            for _ in range(num_ops)
        ]
        super().__init__(steps, value_range=value_range, **kwargs)
        self.num_ops, self.magnitude = num_ops, magnitude


@keras.saving.register_keras_serializable("keras_aug_layers")
class TrivialAugment(Policy):
    """TrivialAugment (Müller and Hutter, 2021, arXiv:2103.10158), chosen per image.

    One operation per image, at a strength drawn for each image. The operations are
    those of `RandAugment`, with the "wide" ranges of the paper: shears up to 0.99,
    shifts up to a quarter of the frame (the paper: 32 pixels), rotations up to 135
    degrees, colours changed by up to 0.99. Missing, since no matrix does them:
    auto-contrast, equalize, solarize, posterize and sharpness.

    Args:
        value_range: as for every `ColorLayer`.
        **kwargs: fill settings and arguments of `FusedAugmentation`.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> TrivialAugment()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self, *, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        step = RandomOperation(0.99, 0.25, 135.0, 0.99)
        super().__init__([step], value_range=value_range, **kwargs)
