"""MultiCrop: several views of each image, of several sizes."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.given import Opaque, by_name, opaque
from keras_aug_layers.layers.groups.fused import FusedAugmentation
from keras_aug_layers.layers.streams import checked_seed, track
from keras_aug_layers.plan import entries
from keras_aug_layers.plan.random_numbers import VIEW, fold
from keras_aug_layers.plan.uncast import Uncast

Views = Mapping[str, tuple[int, Sequence[AugmentationLayer]]]
TARGETS = {*entries.NAMES, "labels"}
"""What belongs to the images of a dict: no names for views."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class MultiCrop(Uncast):
    """Makes several views of each image, as DINO and SimCLR train on.

    Every view is drawn by itself and resampled once, from the image that came in.
    Outside training every view is what its layers do there: its crop in the middle.
    Masks, boxes, keypoints and labels in a dict follow every view.

    Args:
        views: for each name how many views there are, and the layers that make one.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if there are no views, one has the name of a target, or a number is
            no whole number above 0.

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
        super().__init__(**kwargs)
        if not isinstance(views, Mapping) or not views:
            raise ValueError(
                "`views` must be a dict such as {'global': (2, [RandomResizedCrop(224, "
                f"224)])}}. Received: {views!r}"
            )
        self.counts, self.stacks = {}, {}
        for name, view in views.items():
            if not isinstance(name, str) or name in TARGETS:
                raise ValueError(
                    "`views` must have texts as names, and none that a dict of images "
                    f"has. Received: {name!r}. Write 'global'."
                )
            if not isinstance(view, (list, tuple)) or len(view) != 2:
                raise ValueError(
                    "`views` must have a number and layers for each name. Received: "
                    f"{view!r} for {name!r}. Write (2, [RandomResizedCrop(224, 224)])."
                )
            count, layers = view
            if isinstance(layers, AugmentationLayer):
                layers = [layers]
            self.counts[name] = arguments.size("views", count)
            self.stacks[name] = FusedAugmentation(list(layers))
        track(self, list(self.stacks.values()))

    @property
    def _keys(self) -> set[str]:
        """What belongs to the images, and so to each of their views."""
        named = (stack.settings.extra_targets or () for stack in self.stacks.values())
        extra = {name for pairs in named for name, _ in pairs}
        return TARGETS | extra

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; a dict may hold whatever it likes beside tensors."""
        kwargs = by_name(args, kwargs, "training", "seed")
        return super().__call__(opaque(entries.given(data)), **kwargs)

    def call(self, data: Any, training: bool = False, seed: Any = None) -> Any:
        """Makes the views: a dict of (B, n, H, W, C), or (n, H, W, C) of one image.

        Of videos they are (B, n, T, H, W, C).

        Args:
            data: images (B, H, W, C) or (H, W, C); or a dict with `images` and what
                belongs to them: then every view is a dict, in which masks, boxes,
                keypoints and labels have an axis of n too. Other entries stay beside
                the views.
            training: whether to augment.
            seed: two integers that make the call stateless, or (B, 2).
        """
        data = data.value if isinstance(data, Opaque) else data
        given = self._given(data)
        images = data["images"] if isinstance(data, dict) else data
        images = images if tf.is_tensor(images) else np.asarray(images)
        axis = _axis(images.shape)
        if seed is not None:
            seed = checked_seed(seed, images.shape[0] if axis else 1)
        made, number = {}, 0
        for name, stack in self.stacks.items():
            views = []
            for _ in range(self.counts[name]):
                number += 1
                own = None if seed is None else _other(seed, number)
                views.append(stack(given, training=training, seed=own))
            made[name] = tf.nest.map_structure(
                functools.partial(_stacked, axis), *views
            )
        if not isinstance(data, dict):
            return made
        return {**{k: v for k, v in data.items() if k not in given}, **made}

    def _given(self, data: Any) -> Any:
        """What every view gets, lists of numbers as arrays.

        Refused are entries that would be lost.
        """
        if not isinstance(data, dict):
            return data
        both = sorted((set(data) - self._keys) & set(self.stacks))
        if both or "images" not in data:
            raise ValueError(
                "`data` must have the key 'images', and no key that is the name of a "
                f"view. Received keys: {sorted(data)}, views: {sorted(self.stacks)}."
            )
        keys = [key for key in self._keys if data.get(key) is not None]
        return {key: _arrays(data[key]) for key in keys}

    def compute_output_spec(
        self, data: Any, training: bool = False, seed: Any = None
    ) -> dict[str, Any]:
        """Shapes and dtypes of the views."""
        given = self._given(data)
        images = data["images"] if isinstance(data, dict) else data
        axis = _axis(images.shape)

        def several(one: Any, count: int) -> keras.KerasTensor:
            shape = (*one.shape[:axis], count, *one.shape[axis:])
            return keras.KerasTensor(shape, one.dtype)

        made = {
            name: keras.tree.map_structure(
                functools.partial(several, count=self.counts[name]),
                stack.compute_output_spec(given),
            )
            for name, stack in self.stacks.items()
        }
        if not isinstance(data, dict):
            return made
        rest = {key: x for key, x in data.items() if key not in given}
        same = keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), rest
        )
        return {**same, **made}

    def compute_output_shape(self, input_shape: Any) -> dict[str, Any]:
        """The shapes of the views, of one shape or a dict of them."""
        made = self.compute_output_spec(_specs(input_shape))
        return keras.tree.map_structure(lambda x: tuple(x.shape), made)

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


def _axis(shape: Sequence[Any]) -> int:
    """That of the views: behind the batch, of a single image the first."""
    return min(len(shape) - 3, 1)


def _stacked(axis: int, *views: Any) -> Any:
    """An entry of each view as one; what has no such axis, a text or None, stays."""
    first = views[0]
    if isinstance(first, tf.SparseTensor):
        return tf.sparse.concat(axis, [tf.sparse.expand_dims(x, axis) for x in views])
    rank = len(first.shape) if hasattr(first, "shape") else np.ndim(first)
    if first is None or isinstance(first, (str, bytes)) or rank < axis:
        return first
    return tf.stack(views, axis)


def _specs(shape: Any) -> Any:
    """Symbolic tensors of shapes, in dicts as those are."""
    if isinstance(shape, dict):
        return {key: _specs(x) for key, x in shape.items()}
    return keras.KerasTensor(shape, "float32")


def _arrays(x: Any) -> Any:
    """Lists of numbers as arrays; lists of arrays stay."""
    if isinstance(x, Mapping):
        return {key: _arrays(value) for key, value in x.items()}
    arrays = any(hasattr(value, "shape") for value in tf.nest.flatten(x))
    return np.asarray(x) if isinstance(x, (list, tuple)) and not arrays else x


def _other(seed: Any, number: int) -> tf.Tensor:
    """The seeds of another view."""
    key = tf.constant([fold(VIEW, number), 0], tf.int64)
    return tf.bitwise.bitwise_xor(tf.cast(tf.convert_to_tensor(seed), tf.int64), key)
