"""Changes of colour in an order of each image's own, for RandomColorJitter."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.condition import in_turn
from keras_aug_layers.kernels.device import deriving
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers.pixels.hsv import turned_planes
from keras_aug_layers.layers.pixels.hue import hue
from keras_aug_layers.layers.pixels.saturation import GREY, LUMA
from keras_aug_layers.layers.pixels.tone import changed_planes
from keras_aug_layers.plan.frame import Frame


class Change(NamedTuple):
    """A change of colours: that of `tone`, or of `turn_hsv`, under their names.

    Attributes:
        gain: of `tone`; a number, or (B,).
        grey: of `tone`, likewise.
        centre: of `tone`, likewise.
        bias: of `tone`, likewise.
        of_grey: of `tone`.
        turns: of `turn_hsv`; a number, or (B,).
        hsv: 1 if it is that of `turn_hsv`.
        cut: of `tone`.
    """

    gain: Any = 1.0
    grey: Any = 0.0
    centre: Any = 0.0
    bias: Any = 0.0
    of_grey: float = 0.0
    turns: Any = 0.0
    hsv: float = 0.0
    cut: float = 0.0


def shuffled(changes: list[Change], order: tf.Tensor | None, frame: Frame) -> Step:
    """The changes one after the other, in an order of each image's own.

    Each begins from what the one before it would store: clipped, and whole numbers
    where the images are integers.

    Args:
        changes: what is done.
        order: int32 (B, n): which of them comes first, second …; None for theirs.
        frame: the images.
    """
    zero = tf.zeros((frame.batch,), tf.float64)
    low, high = frame.ends
    rows = {}
    for key, column in zip(Change._fields, zip(*changes, strict=True), strict=True):
        every = tf.stack([zero + tf.cast(x, tf.float64) for x in column], axis=1)
        rows[key] = every if order is None else tf.gather(every, order, batch_dims=1)
    means = any(tf.is_tensor(change.centre) for change in changes)
    step = _about_means if means else _in_turn
    return step(low=low, high=high, black=frame.low, **rows)


def _done_in_turn(
    images: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    black: tf.Tensor,
    **rows: tf.Tensor,
) -> tf.Tensor:
    """The channels stay apart from the first change to the last one."""
    count = rows["gain"].shape[1]
    low, high, black = (tf.reshape(x, (-1,)) for x in (low, high, black))
    # Together, for the reason given in kernels/either.py.
    together = tf.stack(list(rows.values()), axis=2)

    def at(place: Any, *planes: tf.Tensor) -> Sequence[tf.Tensor]:
        now = dict(zip(rows, tf.unstack(together[:, place], axis=1), strict=True))
        hsv, turns = now.pop("hsv"), now.pop("turns")

        def toned() -> list[tf.Tensor]:
            return changed_planes([*planes], low=low, high=high, **now)

        def turned() -> list[tf.Tensor]:
            cut = now["cut"] * (0.999 / (high - low))  # as `turn_hsv` has it
            least = tf.where(low < -(2.0**53), black, low)
            return turned_planes([*planes], turns, now["gain"], black, cut, least)

        if len(planes) != 3:
            return toned()
        if images.shape[0] == 1 and not deriving():
            return tf.cond(hsv[0] > 0.0, turned, toned)
        mask = tf.reshape(hsv > 0.0, (-1, 1, 1))
        pairs = zip(turned(), toned(), strict=True)
        return [tf.where(mask, *pair) for pair in pairs]

    return tf.stack(in_turn(at, count, *tf.unstack(images, axis=-1)), axis=-1)


_in_turn = register("in_turn", "stage", _done_in_turn, placed=False, one_by_one=True)
_about_means = register("in_turn_about_means", "stage", _done_in_turn, one_by_one=True)


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
    size, batch = frame.known_channels, tf.shape(order)[0]
    eye = tf.eye(size, dtype=tf.float64)
    rgb = size == 3
    luma, grey_weights = (
        tf.constant([weights if rgb else [1.0 / size] * size] * size, tf.float64)
        for weights in (LUMA, GREY)
    )

    def placed(every: list[tf.Tensor]) -> list[tf.Tensor]:
        every = [tf.broadcast_to(x, (batch, *x.shape[1:])) for x in every]
        chosen = tf.gather(tf.stack(every, axis=1), order, batch_dims=1)
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


_matrix_about_the_mean = register("matrix_about_the_mean", "measured", _about_the_mean)
