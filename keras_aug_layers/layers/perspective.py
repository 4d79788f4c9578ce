"""RandomPerspective."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, matrices, sampling
from keras_aug_layers.draw import Draw, Frame
from keras_aug_layers.layers.base import GeometricLayer


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomPerspective(GeometricLayer):
    """Tilts images as if they were seen from another point.

    Each corner of the frame shows a point of the source that lies, along either axis,
    up to a quarter of `scale` times the size of the frame away from its own corner. So
    the image never folds over.

    Args:
        factor: chance, from 0 to 1, that an image is tilted.
        scale: strength, from 0 to 1.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if `factor` or `scale` is out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomPerspective(scale=0.5)(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    draws = 9
    affine = False

    def __init__(self, factor: float = 1.0, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = checks.number("factor", factor, 0.0, 1.0)
        self.scale = checks.number("scale", scale, 0.0, 1.0)

    def matrices(self, u: tf.Tensor, frame: Frame) -> tf.Tensor:
        """The map of the frame to a quadrilateral with random corners."""
        reach = self.scale / 4.0
        offset = sampling.uniform(tf.reshape(u[:, :8], (-1, 4, 2)), (-reach, reach))
        corners = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
        size = tf.stack([tf.cast(x, tf.float64) for x in (frame.width, frame.height)])
        quadrilateral = (tf.constant(corners, tf.float64) + offset) * size
        return matrices.perspective(quadrilateral, frame.height, frame.width)

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Tilts with the chance `factor`."""
        return super().draw(u, frame).where(u[:, 8] < self.factor, Draw())
