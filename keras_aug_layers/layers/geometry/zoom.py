"""RandomZoom."""

import math
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import upright
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

_ABOVE_MINUS_ONE = math.nextafter(-1.0, 0.0)


@arguments.in_keras_order(
    "fill_mode", "interpolation", "seed", "fill_value", "data_format"
)
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomZoom(GeometricLayer):
    """Zooms images in or out about their centre by a random factor.

    The output shows 1 + u times the height of the source, as in
    `keras.layers.RandomZoom`: a positive u zooms out, a negative one in.

    Args:
        height_factor: range of u for the height, above -1: a number f for (-f, f), or a
            pair (low, high). Either this or `scale` is given.
        width_factor: the same for the width; None, the default, keeps the aspect ratio.
        scale: range of what lengths in the image are multiplied by, above 0, as
            torchvision's `RandomAffine` has it: a number s for (1 - s, 1 + s), or a
            pair (low, high). It keeps the aspect ratio.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a range is out of bounds, or `scale` is given beside a factor.

    Example:
        >>> import numpy as np
        >>> images = np.arange(16, dtype="float32").reshape(4, 4, 1)
        >>> zoom_in = RandomZoom((-0.5, -0.5))
        >>> zoom_in(images, training=True).numpy()[0, :, 0]
        array([3.75, 4.25, 4.75, 5.25], dtype=float32)
    """

    def __init__(
        self,
        height_factor: float | tuple[float, float] | None = None,
        width_factor: float | tuple[float, float] | None = None,
        *,
        scale: float | tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        arguments.exactly_one(height_factor=height_factor, scale=scale)
        if scale is not None and width_factor is not None:
            arguments.exactly_one(width_factor=width_factor, scale=scale)
        self.height_factor = arguments.optional(
            arguments.factor, "height_factor", height_factor, _ABOVE_MINUS_ONE
        )
        self.width_factor = arguments.optional(
            arguments.factor, "width_factor", width_factor, _ABOVE_MINUS_ONE
        )
        self.scale: arguments.Range | None = None
        if scale is not None:
            if arguments.is_number(scale):
                arguments.number("scale", scale, 0.0, math.nextafter(1.0, 0.0))
            lengths = arguments.gain("scale", scale)
            self.scale = arguments.pair("scale", lengths, math.nextafter(0.0, 1.0))

    def draw(self, random: Cursor, frame: Frame) -> Step:
        """A scale of 1 + u, for both axes at once or one by one."""
        drawn = random.uniform(self.scale or self.height_factor or (0.0, 0.0))
        sy = sx = 1.0 / drawn if self.scale else 1.0 + drawn
        if self.width_factor is not None:
            sx = 1.0 + random.uniform(self.width_factor)
        return upright(matrix=matrices.scale(sx, sy))
