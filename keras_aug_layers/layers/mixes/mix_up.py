"""MixUp."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.followers import Boxes
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute
from keras_aug_layers.layers.mixes.mixing import (
    MixingLayer,
    of_partner,
    points_with_partners,
    weighted,
    with_another,
    with_partners,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _blend(images: tf.Tensor, lam: tf.Tensor, partner: tf.Tensor) -> tf.Tensor:
    own, other = compute(images), compute(of_partner(images, partner))
    rest = tf.reshape(1.0 - lam, (-1, 1, 1, 1))
    # Of an image that is its own partner this is the image, bit for bit.
    return finish(own + rest * (other - own), images.dtype)


def _masks(masks: tf.Tensor, lam: tf.Tensor, partner: tf.Tensor) -> tf.Tensor:
    if not masks.dtype.is_floating:
        raise ValueError(
            "`segmentation_masks`, and maps, must be floating, such as one-hot ones, "
            f"to be mixed by MixUp. Received: {masks.dtype.name}. Write tf.one_hot("
            "masks, 10), for ten classes, with masks[..., 0] where they are (B, H, W, "
            "1); or CutMix, which copies them."
        )
    return weighted(masks, lam, partner)


def _boxes(
    boxes: Boxes,
    size: Any,
    only: tf.Tensor,
    visible: float,
    lam: tf.Tensor,
    partner: tf.Tensor,
) -> Boxes:
    return with_partners(boxes, with_another(only, partner), partner, share=lam)


def _keypoints(
    points: tf.Tensor, size: Any, only: tf.Tensor, lam: tf.Tensor, partner: tf.Tensor
) -> tf.Tensor:
    only = with_another(only, partner)
    return tf.concat(points_with_partners(points, only, partner), axis=1)


blend = register(
    "blend",
    "stage",
    _blend,
    alone=False,
    labels=weighted,
    masks=_masks,
    boxes=_boxes,
    keypoints=_keypoints,
)
"""The `lam`-th part of each image, and the rest of its `partner`."""


@arguments.in_keras_order("data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class MixUp(MixingLayer):
    """Blends each image with another one of its batch, and their labels likewise.

    Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018: the image has
    the part lambda, which is drawn from Beta(alpha, alpha), its partner the rest.

    Masks are blended if they are floating, such as one-hot ones; integer masks are an
    error. Boxes and keypoints of both are kept; beside the boxes stand `weights`, one
    for each: the part that its image has. In a functional model they must stand there
    before, as ones, since a model gives the same entries in training and outside it.

    Args:
        alpha: the parameter of the Beta distribution, above 0.
        **kwargs: arguments of `MixingLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> data = {"images": np.zeros((8, 32, 32, 3), "uint8"), "labels": np.arange(8)}
        >>> mixed = MixUp(num_classes=10)(data, training=True)
        >>> mixed["labels"].shape
        TensorShape([8, 10])
    """

    def __init__(self, alpha: float = 0.2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = arguments.number("alpha", alpha, 1e-3, 1e6)

    def weighs(self) -> bool:
        """Each box has the part that its image has."""
        return True

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A partner, and its part."""
        lam = self.shared(random.beta(self.alpha))
        return blend(lam=lam, partner=self.partner(random, frame))
