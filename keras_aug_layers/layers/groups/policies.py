"""RandAugment and TrivialAugment, of the operations that are matrices."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.base import GeometricLayer
from keras_aug_layers.layers.groups.fused import FusedAugmentation
from keras_aug_layers.layers.pixels.contrast import contrast
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

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
        self.shear = arguments.number("shear", shear, 0.0, 1.0)
        self.shift = arguments.number("shift", shift, 0.0, 1.0)
        self.degrees = arguments.number("degrees", degrees, 0.0, 360.0)
        self.color = arguments.number("color", color, 0.0)
        if magnitude is not None:
            magnitude = arguments.number("magnitude", magnitude, 0.0, MAX_MAGNITUDE)
        self.magnitude = magnitude
        self._set(value_range=value_range)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """All operations, of which only the chosen one is not the identity."""
        chosen = random.index((1.0,) * _OPERATIONS)
        sign = tf.where(random.coin(0.5), -1.0, 1.0)
        strength = tf.cast(sign, tf.float64)
        if self.magnitude is not None:
            strength *= self.magnitude / MAX_MAGNITUDE
        else:
            step = tf.floor(random.uniform((0.0, MAX_MAGNITUDE + 1.0)))
            strength *= step / MAX_MAGNITUDE
        only = tf.one_hot(chosen, _OPERATIONS, dtype=tf.float64)
        _, shear_x, shear_y, shift_x, shift_y, turn, bright, paler, contrasted = (
            tf.unstack(strength[:, tf.newaxis] * only, axis=1)
        )
        steps = [
            affine(matrix=matrices.rotate(turn * self.degrees / 360.0)),
            affine(matrix=matrices.shear(shear_x * self.shear, shear_y * self.shear)),
            affine(
                matrix=matrices.shift(
                    shift_x * self.shift * tf.cast(frame.width, tf.float64),
                    shift_y * self.shift * tf.cast(frame.height, tf.float64),
                )
            ),
            scale(gain=1.0 + bright * self.color, bias=0.0),
            contrast(gain=1.0 + contrasted * self.color),
        ]
        if frame.channels == 3:
            steps.append(saturation(1.0 + paler * self.color))
        return steps


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
        magnitude = arguments.number("magnitude", magnitude, 0.0, MAX_MAGNITUDE)
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
