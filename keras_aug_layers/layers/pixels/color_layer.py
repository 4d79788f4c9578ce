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

    Raises:
        ValueError: if `value_range` is no pair of numbers in order.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import register
        >>> fade = register(
        ...     "my_fade", "pointwise", lambda x, share, to: x + share * (to - x)
        ... )
        >>> class RandomFade(ColorLayer):  # towards grey, by up to a half
        ...     def draw(self, random, frame):
        ...         middle = sum(frame.range_of(self)) / 2
        ...         return fade(share=random.uniform((0.0, 0.5)), to=middle)
        >>> images = np.full((4, 8, 8, 3), 200, "uint8")
        >>> bool(np.all(RandomFade()(images, training=True) < 201))
        True
    """

    def __init__(
        self, *, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set(value_range=value_range)
