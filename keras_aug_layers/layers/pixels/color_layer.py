"""ColorLayer: what the layers that change colours share."""

from typing import Any

from keras_aug_layers.layers.base import AugmentationLayer


class ColorLayer(AugmentationLayer):
    """Base class of the layers that change colours.

    Args:
        value_range: (low, high): the range of the pixels, to which the result is
            clipped. By default the range of an unsigned integer dtype; results of
            other dtypes are then not clipped.
        **kwargs: arguments of `AugmentationLayer`.
    """

    def __init__(
        self, *, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set(value_range=value_range)
