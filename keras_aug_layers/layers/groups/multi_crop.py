"""MultiCrop: several views of each image, of several sizes."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.fused import FusedAugmentation
from keras_aug_layers.plan.random_numbers import fold

Views = Mapping[str, tuple[int, Sequence[AugmentationLayer]]]


@keras.saving.register_keras_serializable("keras_aug_layers")
class MultiCrop(keras.layers.Layer):
    """Makes several views of each image, as DINO and SimCLR train on.

    Every view is drawn by itself and resampled once, from the image that came in.
    Outside training every view is what its layers do there: its crop in the middle.

    Args:
        views: for each name how many views there are, and the layers that make one.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if there are no views, or a number is no whole number above 0.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomFlip, RandomResizedCrop
        >>> views = {
        ...     "global": (2, [RandomResizedCrop(64, 64, scale=(0.4, 1.0))]),
        ...     "local": (6, [RandomResizedCrop(32, 32, scale=(0.05, 0.4))]),
        ... }
        >>> made = MultiCrop(views)(np.zeros((4, 80, 80, 3), "uint8"), training=True)
        >>> made["local"].shape
        TensorShape([4, 6, 32, 32, 3])
    """

    def __init__(self, views: Views, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        if not isinstance(views, Mapping) or not views:
            raise ValueError(
                "`views` must be a dict such as {'global': (2, [RandomResizedCrop(224, "
                f"224)])}}. Received: {views!r}"
            )
        self.counts = {
            name: arguments.size("views", count) for name, (count, _) in views.items()
        }
        self.stacks = {
            name: FusedAugmentation(list(layers)) for name, (_, layers) in views.items()
        }
        self.built = True

    def call(self, images: Any, training: bool = False, seed: Any = None) -> Any:
        """Makes the views: a dict of (B, n, H, W, C), or (n, H, W, C) of one image.

        Args:
            images: (B, H, W, C) or (H, W, C).
            training: whether to augment.
            seed: two integers that make the call stateless, or (B, 2).
        """
        images = tf.convert_to_tensor(images)
        made, number = {}, 0
        for name, stack in self.stacks.items():
            views = []
            for _ in range(self.counts[name]):
                number += 1
                own = None if seed is None else _other(seed, number)
                views.append(stack(images, training=training, seed=own))
            made[name] = tf.stack(views, axis=images.shape.rank - 3)
        return made

    def compute_output_spec(
        self, images: Any, training: bool = False, seed: Any = None
    ) -> dict[str, Any]:
        """Shapes and dtypes of the views."""
        made = {}
        for name, stack in self.stacks.items():
            one = stack.compute_output_spec(images)
            first = len(one.shape) - 3
            shape = (*one.shape[:first], self.counts[name], *one.shape[first:])
            made[name] = keras.KerasTensor(shape, one.dtype)
        return made

    def get_config(self) -> dict[str, Any]:
        """The views, with their layers serialised."""
        views = {
            name: [
                self.counts[name],
                [keras.saving.serialize_keras_object(x) for x in stack.layers],
            ]
            for name, stack in self.stacks.items()
        }
        return {**super().get_config(), "views": views}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MultiCrop":
        """Builds the layers of the views."""
        views = {
            name: (count, [keras.saving.deserialize_keras_object(x) for x in layers])
            for name, (count, layers) in config["views"].items()
        }
        return cls(**{**config, "views": views})


def _other(seed: Any, number: int) -> tf.Tensor:
    """The seeds of another view."""
    key = tf.constant([fold(number), 0], tf.int64)
    return tf.bitwise.bitwise_xor(tf.cast(tf.convert_to_tensor(seed), tf.int64), key)
