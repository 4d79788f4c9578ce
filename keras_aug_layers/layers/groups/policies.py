"""RandAugment, TrivialAugment and ThreeAugment, drawn for each image."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, only
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.layers.groups import operations
from keras_aug_layers.layers.groups.operations import DrawnOperation, Operation
from keras_aug_layers.layers.pixels.gaussian_blur import gaussian_blur
from keras_aug_layers.layers.pixels.saturation import saturation
from keras_aug_layers.layers.pixels.solarization import solarize
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.random_numbers import Cursor
from keras_aug_layers.plan.variables import number_now

BINS = 31
MAX_MAGNITUDE = BINS - 1
TABLE = operations.table(BINS, 0.3, 150 / 331, 30.0, 0.9, 4)
"""RandAugment's operations."""
WIDE = operations.table(BINS, 0.99, 32.0, 135.0, 0.99, 2, parts=False)
"""TrivialAugment's."""
MAX_LEVEL = 10
"""timm's greatest magnitude."""
MOST = 32
"""Operations in a row, at most: they are unrolled."""


class Policy(GeometricLayer):
    """Base class of the policies.

    Args:
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: fill settings, and other arguments of `GeometricLayer`.
    """

    def __init__(
        self, *, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set(value_range=value_range)

    def _drawn(
        self,
        table: tuple[Operation, ...],
        random: Cursor,
        number: tf.Tensor,
        frame: Frame,
    ) -> DrawnOperation:
        """An operation of a table, all with the same chance, and its strength."""
        chosen = random.index((1.0,) * len(table))
        negative = random.coin(0.5)
        strength = operations.strengths(table, chosen, number, negative, frame)
        return DrawnOperation(chosen, strength)


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandAugment(Policy):
    """RandAugment (Cubuk et al., 2020, arXiv:1909.13719), drawn for each image.

    `num_ops` operations one after the other, each drawn anew for each image, of the
    fourteen that torchvision has: identity, shears, translations, rotation, brightness,
    colour (saturation), contrast, sharpness, posterize, solarize, auto-contrast and
    equalize. All that moves is one warp, before the colours; see
    `layers/groups/operations.py`. The saturation of images that have not three channels
    stays.

    With `increasing` they are timm's fifteen ("inc1"), where posterize and solarize do
    more the greater the magnitude is: no identity, but inversion, and solarize-add.
    `RandAugment(2, 9, magnitude_std=0.5, increasing=True)` is its rand-m9-mstd0.5-inc1.

    Args:
        num_ops: how many operations one image gets, at most 32.
        magnitude: their strength, from 0 to 30, where shears reach 0.3, translations
            150/331 of the frame, rotations 30 degrees, factors change by 0.9, posterize
            keeps 4 bits, and solarize turns the whole image into its negative. With
            `increasing` from 0 to 10, where translations reach 0.45 of the frame,
            posterize keeps nothing, and solarize-add adds 110 of 255. A number, or a
            scalar `tf.Variable`, as for `probability`.
        magnitude_std: the standard deviation of a magnitude that each operation draws
            about `magnitude`, within its range.
        increasing: whether the operations are timm's.
        chance: that an operation that was drawn is done; by default 1, and with
            `increasing` 0.5.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: fill settings, and other arguments of `GeometricLayer`.

    Raises:
        ValueError: if `num_ops` is no whole number above 0, or another argument is out
            of range.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandAugment(num_ops=2, magnitude=9)(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: float | tf.Variable = 9,
        *,
        magnitude_std: float = 0.0,
        increasing: bool = False,
        chance: float | None = None,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        arguments.number("num_ops", num_ops, 1.0, MOST)
        self.num_ops = arguments.size("num_ops", num_ops)
        self.increasing = arguments.boolean("increasing", increasing)
        self._most = MAX_LEVEL if increasing else MAX_MAGNITUDE
        self.magnitude = arguments.changing("magnitude", magnitude, 0.0, self._most)
        self.magnitude_std = arguments.number("magnitude_std", magnitude_std, 0.0)
        self.chance = arguments.optional(arguments.number, "chance", chance, 0.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Plan:
        """As many draws from the table."""
        table = operations.INCREASING if self.increasing else TABLE
        places = [self._place(table, random, frame) for _ in range(self.num_ops)]
        return operations.plan(table, places, frame, self)

    def _place(
        self, table: tuple[Operation, ...], random: Cursor, frame: Frame
    ) -> DrawnOperation:
        magnitude = number_now(self.magnitude)
        if self.magnitude_std:
            magnitude += self.magnitude_std * random.normal()
        magnitude = tf.clip_by_value(magnitude, 0.0, self._most)
        bins = 1.0 / MAX_LEVEL if self.increasing else 1.0
        number = tf.zeros((frame.batch,), tf.float64) + bins * magnitude
        drawn = self._drawn(table, random, number, frame)
        chance = self.chance
        if chance is None:
            chance = 0.5 if self.increasing else 1.0
        return drawn if chance == 1.0 else drawn._replace(done=random.coin(chance))


@keras.saving.register_keras_serializable("keras_aug_layers")
class TrivialAugment(Policy):
    """TrivialAugment (Müller and Hutter, 2021, arXiv:2103.10158), drawn for each image.

    One operation for each image, of those of `RandAugment`, at one of 31 strengths. The
    ranges are the "wide" ones of the paper: shears up to 0.99, translations up to 32
    pixels, rotations up to 135 degrees, factors changed by up to 0.99, posterize down
    to 2 bits. The saturation of images that have not three channels stays.

    Args:
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: fill settings, and other arguments of `GeometricLayer`.

    Raises:
        ValueError: if `value_range` is missing, or the number of channels is unknown.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> TrivialAugment()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def draw(self, random: Cursor, frame: Frame) -> Plan:
        """One draw from the table, at a strength of its own."""
        number = tf.floor(random.uniform((0.0, float(BINS))))
        drawn = self._drawn(WIDE, random, number, frame)
        return operations.plan(WIDE, [drawn], frame, self)


@keras.saving.register_keras_serializable("keras_aug_layers")
class ThreeAugment(Policy):
    """3-Augment (Touvron et al., 2022, arXiv:2204.07118: DeiT III), for each image.

    One of three, all with the same chance: greyscale, the negative of the brighter half
    (solarize at 128), or a Gaussian blur with a sigma of 0.1 to 2.

    Args:
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if `value_range` is missing, or images are not RGB.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> ThreeAugment()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    KERNEL_SIZE = 9
    """Taps of the blur, which holds 97 % of its weight at a sigma of 2."""

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """The three, each for the images that drew it."""
        checks.rgb(self, frame)
        low, high = frame.range_of(self)
        chosen = random.index((1.0, 1.0, 1.0))
        threshold = low + (high - low) * 128 / 255
        steps = [
            only(saturation(tf.zeros_like(random.uniform())), tf.equal(chosen, 0)),
            only(solarize(threshold=threshold, total=low + high), tf.equal(chosen, 1)),
        ]
        sigma = random.uniform((0.1, 2.0))
        blur = gaussian_blur(sigma, (self.KERNEL_SIZE, self.KERNEL_SIZE))
        return [*steps, *(only(step, tf.equal(chosen, 2)) for step in blur)]
