"""Colours changed in an order of each image's own: the stage of RandomColorJitter."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.stages import compute, restore
from keras_aug_layers.layers.pixels.hsv import turned
from keras_aug_layers.layers.pixels.hue import hue
from keras_aug_layers.layers.pixels.saturation import GREY, LUMA
from keras_aug_layers.layers.pixels.storing import HAIR
from keras_aug_layers.plan.frame import Frame


class Change(NamedTuple):
    """A change of colours: gain x + grey g + centre m + bias, or one in HSV.

    Attributes:
        gain: of the pixel x; in HSV of the saturation.
        grey: of g, the pixel's grey.
        centre: of m, the mean of the channel, or that of the grey image.
        bias: what is added.
        of_grey: 1 if m is the mean of the grey image, 0 if it is the channel's.
        turns: of the hue.
        hsv: 1 if it is in HSV.
        cut: 1 if integers are cut off afterwards, as in torchvision; 0 to round them.
    """

    gain: Any = 1.0
    grey: Any = 0.0
    centre: Any = 0.0
    bias: Any = 0.0
    of_grey: float = 0.0
    turns: Any = 0.0
    hsv: float = 0.0
    cut: float = 0.0


def shuffled(
    changes: list[Change], order: tf.Tensor | None, frame: Frame
) -> list[Step]:
    """The changes one after the other, in an order of each image's own.

    Each begins from what the one before it would store: clipped, and whole numbers
    where the images are integers.

    Args:
        changes: what is done.
        order: int32 (B, n): which of them comes first, second …; None for theirs.
        frame: the images.
    """
    rows, zero = {}, tf.zeros((frame.batch,), tf.float64)
    for name, column in zip(Change._fields, zip(*changes, strict=True), strict=True):
        every = tf.stack([zero + tf.cast(x, tf.float64) for x in column], axis=1)
        rows[name] = every if order is None else _gathered(every, order)
    low, high = frame.limits
    return [_shuffled(black=frame.low, low=low, high=high, **rows)]


def _gathered(every: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    return tf.gather(every, order, batch_dims=1)


def _run(images: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
    """One change after the other, in a loop: it keeps XLA from fusing through them."""
    count = rows["gain"].shape[-1]

    def change(number: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        own = {key: x[:, number] if x.shape[1] > 1 else x for key, x in rows.items()}
        own = {key: tf.reshape(x, (-1, 1, 1)) for key, x in own.items()}
        forms = [lambda form=form: form(images, **own) for form in (_in_hsv, _affine)]
        in_hsv = own["hsv"] > 0.0
        if images.shape[-1] != 3:
            changed = forms[1]()
        elif images.shape[0] == 1:
            changed = tf.cond(in_hsv[0, 0, 0], *forms)
        else:
            changed = tf.where(in_hsv[..., tf.newaxis], *(form() for form in forms))
        return number + 1, tf.ensure_shape(changed, images.shape)

    _, images = tf.while_loop(
        lambda number, _: number < count,
        change,
        (tf.constant(0), images),
        maximum_iterations=count,
    )
    return images


def _in_hsv(
    images: tf.Tensor,
    gain: tf.Tensor,
    turns: tf.Tensor,
    black: tf.Tensor,
    cut: tf.Tensor,
    **others: tf.Tensor,
) -> tf.Tensor:
    planes = turned(tf.unstack(compute(images), axis=-1), turns, gain, black)
    if images.dtype.is_integer:  # torchvision goes by 0 ... 1, and back to 255.999
        wide = 1.0 + 0.999 / float(images.dtype.max)
        planes = [tf.where(cut > 0.0, tf.floor(x * wide + HAIR), x) for x in planes]
    return restore(tf.stack(planes, axis=-1), images.dtype)


def _affine(
    images: tf.Tensor,
    gain: tf.Tensor,
    grey: tf.Tensor,
    centre: tf.Tensor,
    bias: tf.Tensor,
    of_grey: tf.Tensor,
    cut: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    **others: tf.Tensor,
) -> tf.Tensor:
    planes = tf.unstack(compute(images), axis=-1)
    whole = (cut > 0.0) & images.dtype.is_integer
    if len(planes) == 3:
        tone = sum(weight * x for weight, x in zip(GREY, planes, strict=True))
        tone = tf.where(whole, tf.floor(tone + HAIR), tone)
    else:
        tone = sum(planes) / len(planes)
    of_tone = _mean(tone)
    changed = []
    for x in planes:
        mean = tf.where(of_grey > 0.0, of_tone, _mean(x))
        x = tf.clip_by_value(gain * x + grey * tone + centre * mean + bias, low, high)
        changed.append(tf.where(whole, tf.floor(x + HAIR), x))
    return restore(tf.stack(changed, axis=-1), images.dtype)


def _mean(plane: tf.Tensor) -> tf.Tensor:
    """Of (B, H, W): along rows first, whose sums float32 can hold."""
    return tf.reduce_mean(
        tf.reduce_mean(plane, axis=2, keepdims=True), axis=1, keepdims=True
    )


_shuffled = register("shuffled", "stage", _run, placed=False, one_by_one=True)
"""The changes whose rows are (B, n), one for each place."""


def shuffled_matrices(
    changes: list[Change], order: tf.Tensor, frame: Frame
) -> list[Step]:
    """The same as a matrix, and a part of the mean, for each place: one in the end.

    The hue is turned about the grey axis, and nothing is stored between.

    Args:
        changes: what is done.
        order: int32 (B, n): which of them comes first, second …
        frame: the images.
    """
    size, batch = frame.channels, tf.shape(order)[0]
    eye = tf.eye(size, dtype=tf.float64)
    rgb = size == 3
    luma, grey_weights = (
        tf.constant([weights if rgb else [1.0 / size] * size] * size, tf.float64)
        for weights in (LUMA, GREY)
    )

    def placed(every: list[tf.Tensor]) -> list[tf.Tensor]:
        every = [tf.broadcast_to(x, (batch, *x.shape[1:])) for x in every]
        chosen = _gathered(tf.stack(every, axis=1), order)
        return tf.unstack(chosen, len(every), axis=1)

    matrices, abouts, biases = [], [], []
    for change in changes:
        gain, grey, centre, bias = (
            tf.reshape(tf.cast(x, tf.float64), (-1, 1, 1))
            for x in (change.gain, change.grey, change.centre, change.bias)
        )
        turned = change.hsv and tf.is_tensor(change.turns)
        matrices.append(
            hue(change.turns).rows["matrix"] if turned else gain * eye + grey * luma
        )
        abouts.append(centre * (grey_weights if change.of_grey else eye))
        half = 0.5 * centre if change.of_grey and rgb and frame.whole else 0.0
        biases.append((bias - half)[..., 0] * tf.ones((1, size), tf.float64))
    places = zip(placed(matrices), placed(abouts), placed(biases), strict=True)
    return [
        _matrix_about_the_mean(matrix=matrix, about=about, bias=bias)
        for matrix, about, bias in places
    ]


def _about_the_mean(
    mean: tf.Tensor, matrix: tf.Tensor, about: tf.Tensor, bias: tf.Tensor
) -> Step:
    bias += tf.reduce_sum(about * mean[:, tf.newaxis], axis=-1)
    return Step("mix", {"matrix": matrix, "bias": bias})


_matrix_about_the_mean = register(
    "matrix_about_the_mean", "measured", _about_the_mean, statistic="mean"
)
