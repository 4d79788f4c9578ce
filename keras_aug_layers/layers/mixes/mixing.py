"""MixingLayer: what the layers that mix images share."""

from typing import Any

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.followers import Boxes, along, weights_of
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


class MixingLayer(AugmentationLayer):
    """Base class of the layers that mix each image with another one of its batch.

    They need a batch, and in training a dict with `images` and what is mixed with them:
    `labels`, or masks, boxes or keypoints. In a batch of one the image is its own
    partner, and stays as it is, or is shown again by a `Mosaic`. A call with a seed for
    each image draws the numbers of an image from its own, with `per="batch"` those of
    all from the first one's; who its partner is depends on the batch.

    Labels are mixed as their images are, also by layers of a group or chain before and
    behind. Integers (B,) or (B, 1) become one-hot labels (B, `num_classes`) in float32,
    outside training too, there without smoothing. One-hot labels keep their dtype, if
    they are floating.

    Keypoints and boxes of the partner are appended along axis 1: there are twice as
    many, of which those that are not seen are -1.

    Args:
        num_classes: of how many classes integer labels are.
        label_smoothing: the part of each label that all classes share; it is the same
            for images that are not mixed, and applied once in a group or chain.
        partners: the partner of image i in a batch of B: image i - 1 for "roll", which
            is torchvision's, B - 1 - i for "reverse", which is timm's, and for "random"
            that of a random permutation.
        per: "image" draws for each image, "batch" once for all of them.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers.layers.mixes.mix_up import blend
        >>> class RandomGhost(MixingLayer):  # at most a tenth of the partner
        ...     def draw(self, random, frame):
        ...         lam = self.shared(random.uniform((0.9, 1.0)))
        ...         return blend(lam=lam, partner=self.partner(random, frame))
        >>> data = {"images": np.zeros((8, 32, 32, 3), "uint8"), "labels": np.arange(8)}
        >>> mixed = RandomGhost(num_classes=8, partners="random")(data, training=True)
        >>> float(mixed["labels"].numpy().max()) >= 0.9
        True
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        label_smoothing: float = 0.0,
        partners: str = "roll",
        per: str = "image",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        smoothing = arguments.number("label_smoothing", label_smoothing, 0.0, 1.0)
        self._set(num_classes=num_classes, label_smoothing=smoothing or None)
        self.label_smoothing = smoothing
        self.partners = arguments.one_of(
            "partners", partners, ("roll", "reverse", "random")
        )
        self.per = arguments.one_of("per", per, ("image", "batch"))

    def mixes(self) -> bool:
        """Images are mixed with others."""
        return True

    def partner(self, random: Cursor, frame: Frame) -> tf.Tensor:
        """The number of each image's partner: float64 (B,)."""
        checks.batch(self, frame)
        numbers = tf.range(frame.batch)
        if self.partners == "roll":
            numbers = tf.roll(numbers, 1, axis=0)
        elif self.partners == "reverse":
            numbers = tf.reverse(numbers, [0])
        else:
            numbers = tf.argsort(random.uniform(), stable=True)
        return tf.cast(numbers, tf.float64)

    def shared(self, drawn: tf.Tensor) -> tf.Tensor:
        """What was drawn for each image, or the first of it for all."""
        if self.per == "image":
            return drawn
        return tf.repeat(drawn[:1], tf.shape(drawn)[0], axis=0)


def of_partner(values: tf.Tensor, partner: tf.Tensor) -> tf.Tensor:
    """The values (B, …) of each image's partner, whose numbers are (B, 1)."""
    return tf.gather(values, tf.cast(partner[:, 0], tf.int32))


def with_another(only: tf.Tensor, partner: tf.Tensor) -> tf.Tensor:
    """The images that a step is for, (B,), but for those that are their own partner."""
    return only & (tf.cast(partner[:, 0], tf.int32) != tf.range(tf.shape(partner)[0]))


def weighted(
    values: tf.Tensor, lam: tf.Tensor, partner: tf.Tensor, **others: tf.Tensor
) -> tf.Tensor:
    """The lam-th part of floating values, and the rest of the partner's.

    What the other rows of a step say, such as its window, does not matter.
    """
    lam = tf.cast(tf.reshape(lam, (-1,) + (1,) * (values.shape.rank - 1)), values.dtype)
    return values * lam + of_partner(values, partner) * (1.0 - lam)


def with_partners(
    boxes: Boxes, only: tf.Tensor, partner: tf.Tensor, share: tf.Tensor | None = None
) -> Boxes:
    """Each image's boxes and its partner's.

    Args:
        boxes: those of the images.
        only: bool (B,): the images that are mixed.
        partner: (B, 1); or (B, n) for n partners of each.
        share: (B, 1), the part of an image that is its own; None where boxes need no
            weights.
    """
    partners = tf.split(partner, partner.shape[1], axis=1)

    def both(values: tf.Tensor | None) -> tf.Tensor | None:
        if values is None:
            return None
        theirs = (of_partner(values, each) for each in partners)
        return tf.concat([values, *theirs], axis=1)

    kept = both(boxes.kept)
    count = tf.shape(boxes.kept)[1]
    theirs = tf.range((1 + len(partners)) * count) >= count
    kept &= ~theirs | only[:, tf.newaxis]
    weights = both(boxes.weights)
    if share is not None:
        whole = weights_of(boxes)
        share = tf.cast(share, whole.dtype)
        own = tf.where(only[:, tf.newaxis], share, tf.ones_like(share))
        weights = both(whole) * along(tf.where(theirs, 1.0 - own, own), whole)
    lengths = boxes.lengths
    if lengths is not None:
        theirs_too = (of_partner(x, each) for each in partners for x in lengths)
        lengths = (*lengths, *theirs_too)
    beside = {key: both(values) for key, values in boxes.beside.items()}
    return Boxes(both(boxes.corners), kept, beside, weights, lengths)


def points_with_partners(
    points: tf.Tensor, only: tf.Tensor, partner: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image's keypoints, and its partner's, -1 where it is not mixed."""
    theirs = of_partner(points, partner)
    only = only[:, tf.newaxis, tf.newaxis]
    return points, tf.where(only, theirs, -tf.ones_like(theirs))
