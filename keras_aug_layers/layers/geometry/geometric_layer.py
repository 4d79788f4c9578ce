"""GeometricLayer: what the layers that move pixels share."""

from typing import Any

from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.plan.settings import Unchosen


class GeometricLayer(AugmentationLayer):
    """Base class of the layers that move pixels.

    Args:
        fill_mode: what lies outside the frame: "reflect", "constant", "nearest" or
            "wrap". The default mirrors objects that are near the border, and these
            copies have no boxes: beside boxes choose "constant". There is a warning
            where boxes come and no fill was chosen.
        interpolation: "bilinear", "bicubic" (Keys, a = -0.5, as PIL) or "nearest".
        antialias: "auto", or True, filters images that shrink by more than 1.2 in
            their middle, however they are turned, and wholly where they shrink by at
            most four times what the sizes say; False never does. None leaves it to the
            neighbours in a stack, and is False where none of them says "auto".
        fill_value: the value outside the frame if `fill_mode` is "constant": a number,
            or one for each channel.
        mask_fill_value: the label outside the frame in segmentation masks, such as 255
            for "ignore"; by default masks are filled as the images are, with 0 for
            "constant", which is what one-hot masks need.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if an argument is none of those above.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from keras_aug_layers import register
        >>> swing = register(
        ...     "my_swing", "coordinates", lambda x, y, by: (x + by * tf.sin(y / 8), y)
        ... )
        >>> class RandomSwing(GeometricLayer):  # rows, by up to two pixels
        ...     def draw(self, random, frame):
        ...         return swing(by=random.uniform((-2.0, 2.0)))
        >>> RandomSwing()(np.zeros((4, 8, 8, 3), "uint8"), training=True).shape
        TensorShape([4, 8, 8, 3])
    """

    def __init__(
        self,
        *,
        fill_mode: str | None = Unchosen("reflect"),  # noqa: B008 (it is a string)
        interpolation: str | None = "bilinear",
        antialias: bool | str | None = None,
        fill_value: float | tuple[float, ...] | None = 0.0,
        mask_fill_value: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set(
            fill_mode=fill_mode,
            interpolation=interpolation,
            antialias=antialias,
            fill_value=fill_value,
            mask_fill_value=mask_fill_value,
        )
