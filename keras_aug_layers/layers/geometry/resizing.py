"""Resizing."""

from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.layers.geometry.window import (
    SizeLayer,
    Window,
    greatest,
    least,
    whole,
    with_fill,
)
from keras_aug_layers.plan.frame import Frame


@arguments.in_keras_order("fill_mode", "fill_value", "antialias", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class Resizing(SizeLayer):
    """Brings images of any size to one size, in training and outside.

    The pixels of `keras.layers.Resizing`, windows and padding included, with three
    exceptions. An enlarged crop reads the pixels beside it, where Keras repeats those
    of its edge. Keras blends an enlarged letterbox with its bars. Bicubic pixels differ
    at edges, and filtered ones everywhere, by some grey levels.

    Args:
        height: of what comes out, in pixels.
        width: likewise.
        interpolation: "bilinear", "bicubic" or "nearest".
        crop_to_aspect_ratio: whether the greatest central window of the new shape is
            shown, so that nothing is distorted.
        pad_to_aspect_ratio: whether all of the image is shown, and filled up to the new
            shape on both sides (a letterbox); `fill_mode` is then "constant" unless it
            is given.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a size is no whole number above 0, or both ratios are kept.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((2, 300, 400, 3), "uint8")
        >>> Resizing(224, 224)(images).shape
        TensorShape([2, 224, 224, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        **kwargs: Any,
    ) -> None:
        crop = arguments.boolean("crop_to_aspect_ratio", crop_to_aspect_ratio)
        pad = arguments.boolean("pad_to_aspect_ratio", pad_to_aspect_ratio)
        if crop and pad:
            raise ValueError(
                "`crop_to_aspect_ratio` and `pad_to_aspect_ratio` exclude one another. "
                "Received: True and True."
            )
        kwargs = with_fill(pad, kwargs)
        super().__init__(height, width, interpolation=interpolation, **kwargs)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop, pad

    def window(self, frame: Frame) -> Window:
        """All of the image, the greatest window in it, or the least around it."""
        if self.crop_to_aspect_ratio:
            return greatest(frame, self.height, self.width)
        if self.pad_to_aspect_ratio:
            return least(frame, self.height, self.width)
        return whole(frame)
