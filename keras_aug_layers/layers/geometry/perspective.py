"""RandomPerspective."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import homography
from keras_aug_layers.kernels.program import Step, only
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


@arguments.in_keras_order("interpolation", "fill_value", "seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomPerspective(GeometricLayer):
    """Tilts images as if they were seen from another point.

    Each corner of the frame shows a point of the source that lies, along either axis,
    up to a quarter of `scale` times the size of the frame away from its own corner. So
    the image never folds over.

    Args:
        factor: chance, from 0 to 1, that an image is tilted; of a pair, its middle.
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

    def __init__(
        self,
        factor: float | tuple[float, float] = 1.0,
        scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.factor = arguments.chance("factor", factor)
        self.scale = arguments.number("scale", scale, 0.0, 1.0)

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """The map of the frame to a quadrilateral with random corners, or nothing."""
        reach = self.scale / 4.0
        offset = random.uniform((-reach, reach), (4, 2))
        corners = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
        size = tf.stack([tf.cast(x, tf.float64) for x in (frame.width, frame.height)])
        quadrilateral = (tf.constant(corners, tf.float64) + offset) * size
        tilt = matrices.perspective(quadrilateral, frame.height, frame.width)
        return only(homography(matrix=tilt), random.coin(self.factor))
