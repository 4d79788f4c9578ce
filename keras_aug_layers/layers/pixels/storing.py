"""Steps that store: pixels as they would be if another layer began here."""

import tensorflow as tf

from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.plan.frame import Frame

HAIR = 1e-3
"""A value so little below a whole number is that number, before it is cut off."""

store = register("store", "pointwise", lambda x, one: x, stored=True, by_pixel=True)
"""Clips and rounds as if the pixels were stored here; changes nothing else."""


def _cut(x: tf.Tensor, low: tf.Tensor, high: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    x = tf.clip_by_value(x, low, high)
    return tf.where(whole > 0.0, tf.floor(x + HAIR), x)


_cut_off = register("cut", "pointwise", _cut, by_pixel=True)


def cut(frame: Frame) -> Step:
    """Clips, and cuts integers off, as torchvision does after most operations."""
    low, high = frame.limits
    return _cut_off(low=low, high=high, whole=float(frame.whole))
