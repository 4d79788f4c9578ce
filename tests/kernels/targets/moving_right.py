"""What the tests of the kinds of targets share."""

import numpy as np
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal

BOXES = np.array([[[1, 1, 4, 4], [7, 1, 9, 4], [-1, -1, -1, -1]]] * 2, "float32")
"""The second one leaves the frame four pixels to the right, the third is none."""


def to_the_right(pixels=4, **arguments):
    """Moves everything to the right."""
    arguments = {"bounding_box_format": "xyxy", "fill_mode": "constant", **arguments}
    return kal.RandomShift((0, 0), (pixels, pixels), unit="pixels", **arguments)


def plain(x):
    """A tensor as NumPy's array; whatever else as it is."""
    return x.numpy() if isinstance(x, tf.Tensor) else x


@op_by_op()
def moved(data, layer=None):
    """What becomes of data in training."""
    result = (layer or to_the_right())(data, training=True)
    return tf.nest.map_structure(plain, result)
