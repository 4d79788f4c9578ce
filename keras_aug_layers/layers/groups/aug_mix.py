"""AugMix."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.groups import operations
from keras_aug_layers.layers.groups.policies import Policy
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

BINS = 10
DEEPEST = 3
"""Operations in a chain at most, where their number is drawn."""
WIDEST = 32
"""Chains at most: each needs many random numbers."""
MOST_CHAINED = 96
"""Operations in all chains: what is unrolled is compiled."""
TABLE = operations.table(BINS, 0.3, 1 / 3, 30.0, 0.9, 0, first_bits=4)[1:]
COLOURS = ("Brightness", "Color", "Contrast", "Sharpness")
"""Those that are left out unless all operations are wanted."""


def _mix(
    images: tf.Tensor,
    operation: tf.Tensor,
    number: tf.Tensor,
    negative: tf.Tensor,
    done: tf.Tensor,
    weights: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    run: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """All chains of all images are one batch, so that they are compiled once."""
    batch, (width, depth) = tf.shape(images)[0], operation.shape[1:]
    shape = [dimension(images, axis) for axis in (1, 2, 3)]
    every = tf.reshape(tf.stack([images] * width, axis=1), (batch * width, *shape))
    # The same for all images, of which there may be none, or some that only fill up.
    low, high = tf.reduce_max(low[:1]), tf.reduce_max(high[:1])
    limits = tf.cast(low, tf.float64), tf.cast(high, tf.float64)
    frame = Frame.of(every, "channels_last")._replace(value_range=limits)

    def of_place(rows: tf.Tensor, place: int) -> tf.Tensor:
        return tf.reshape(rows[:, :, place], (-1,))

    places = []
    for place in range(depth):
        chosen = tf.cast(of_place(operation, place), tf.int32)
        bins = tf.cast(of_place(number, place), tf.float64)
        signs = of_place(negative, place) > 0.0
        strength = operations.strengths(TABLE, chosen, bins, signs, frame)
        places.append(
            operations.DrawnOperation(chosen, strength, of_place(done, place) > 0.0)
        )
    plan = operations.plan(TABLE, places, frame, None)
    every = run(plan.pixels, every, plan.coordinates)
    own, *parts = tf.unstack(weights[..., tf.newaxis, tf.newaxis, tf.newaxis], axis=1)
    chains = tf.reshape(every, (batch, width, *shape))
    mixed = own * compute(images)
    for part, chain in zip(parts, tf.unstack(chains, width, axis=1), strict=True):
        mixed += part * compute(chain)
    if images.dtype.is_integer:
        mixed = tf.floor(mixed + HAIR)  # torchvision cuts off
    return finish(mixed, images.dtype)


mix_chains = register("mix_chains", "stage", _mix, programs=True, moves=True)
"""The weighted sum of images and of chains of operations on them."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class AugMix(Policy):
    """AugMix (Hendrycks et al., 2020, arXiv:1912.02781), drawn for each image.

    Several chains of operations are done to each image, each chain to the image itself,
    and mixed with it: all chains together have a weight of Beta(alpha, alpha), which a
    Dirichlet(alpha, …) draw divides among them. Operations, strengths and weights are
    torchvision's. Within a chain, moves come before colours. Masks, boxes and keypoints
    stay where they are, as in torchvision.

    Args:
        severity: how many of the ten strengths are drawn from, beginning with the
            least: the greatest shear is 0.3, the greatest translation a third of the
            frame, the greatest rotation 30 degrees; factors change by up to 0.9, and
            posterize keeps 4 bits to none.
        mixture_width: the number of chains, at most 32, of at most 96 operations
            together.
        chain_depth: the number of operations in a chain; -1 draws 1, 2 or 3.
        alpha: the parameter of the Beta and Dirichlet distributions, above 0.
        all_ops: False leaves out brightness, colour, contrast and sharpness, which the
            benchmark ImageNet-C has.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        **kwargs: fill settings, and other arguments of `GeometricLayer`.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> AugMix()(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        *,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        arguments.number("severity", severity, 1.0, BINS)
        self.severity = arguments.size("severity", severity)
        self.mixture_width = arguments.size("mixture_width", mixture_width)
        deepest = arguments.is_number(chain_depth) and chain_depth == -1
        self.chain_depth = -1 if deepest else arguments.size("chain_depth", chain_depth)
        arguments.number("chain_depth", self.chain_depth, -1.0, MOST_CHAINED)
        depth = DEEPEST if deepest else self.chain_depth
        most = min(WIDEST, MOST_CHAINED // depth)
        arguments.number("mixture_width", mixture_width, 1.0, most)
        self.alpha = arguments.number("alpha", alpha, 1e-3, 1e6)
        self.all_ops = arguments.boolean("all_ops", all_ops)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """Operations, bins, signs, depths, and the weights of image and chains."""
        low, high = frame.range_of(self)
        width = self.mixture_width
        deepest = DEEPEST if self.chain_depth == -1 else self.chain_depth
        shape = (width, deepest)
        allowed = [
            float(number)
            for number, operation in enumerate(TABLE)
            if self.all_ops or operation.name not in COLOURS
        ]
        place = tf.cast(random.uniform((0.0, float(len(allowed))), shape), tf.int32)
        depth = deepest + tf.zeros_like(random.uniform(shape=(width, 1)))
        if self.chain_depth == -1:
            depth = tf.floor(random.uniform((1.0, DEEPEST + 1.0), (width, 1)))
        first = random.beta(self.alpha)[:, tf.newaxis]
        chains = random.dirichlet(self.alpha, width)
        return mix_chains(
            operation=tf.gather(tf.constant(allowed, tf.float64), place),
            number=tf.floor(random.uniform((0.0, float(self.severity)), shape)),
            negative=tf.cast(random.uniform(shape=shape) < 0.5, tf.float64),
            done=tf.cast(tf.range(deepest, dtype=tf.float64) < depth, tf.float64),
            weights=tf.concat([first, (1.0 - first) * chains], axis=1),
            low=low,
            high=high,
        )
