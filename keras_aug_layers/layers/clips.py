"""Clips: videos (B, T, H, W, C), of which all frames are moved and coloured alike.

Their frames are a batch of B * T images, which draw from B origins. A volume of slices
is a video too.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.checked import checked
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.plan import notes, random_numbers
from keras_aug_layers.plan.entries import POINTS, kind_of
from keras_aug_layers.plan.moves import stacked


class Clips(NamedTuple):
    """How many clips there are, and of how many frames: numbers, or scalar tensors."""

    count: Any
    frames: Any

    @classmethod
    def of(cls, images: Any) -> "Clips | None":
        """Those of videos; None for images."""
        if tf.TensorShape(getattr(images, "shape", None)).rank != 5:
            return None
        if isinstance(images, tf.RaggedTensor):
            raise ValueError(
                "`images` that are videos must be dense, clips of one length and size. "
                f"Received: a tf.RaggedTensor of shape {images.shape}. Write "
                "images.to_tensor(0), or give each clip by itself as a batch of one."
            )
        videos = tf.convert_to_tensor(images)
        return cls(dimension(videos, 0), dimension(videos, 1))

    def origins(self, origins: list[tf.Tensor]) -> list[tf.Tensor]:
        """Where the random numbers start: those of all frames of a clip at one."""
        return [
            tf.repeat(random_numbers.of_each(x, self.count), self.frames, axis=0)
            for x in origins
        ]

    def joined(self, key: str, value: Any) -> Any:
        """An entry as that of a batch of frames."""
        if isinstance(value, dict) and kind_of(key) in POINTS:
            return {
                name: self._join(name, x, name in notes.MAIN)
                if name in notes.MAIN or self._has(x)
                else x
                for name, x in value.items()
            }
        return value if key == "labels" else self._join(key, value)

    def parted(self, key: str, value: Any, joined: Any, given: Any) -> Any:
        """Undoes `joined`, of what became of an entry.

        Args:
            key: its key.
            value: what became of it.
            joined: the entry as that of a batch of frames.
            given: the entry as it came.
        """
        if isinstance(value, dict):
            return {
                name: x
                if joined.get(name) is given.get(name)
                else (self if name in notes.MAIN else _clips_of(given[name]))._part(x)
                for name, x in value.items()
            }
        return value if key == "labels" else self._part(value)

    def _has(self, value: Any) -> bool:
        """Whether a value has, or may have, elements for each frame of each clip."""
        shape = tf.TensorShape(_shape(value))
        known = [x if isinstance(x, int) else None for x in self]
        return (shape.rank or 0) > 2 and shape[:2].is_compatible_with(known)

    def _join(self, key: str, value: Any, must: bool = True) -> tf.Tensor:
        """An entry that must have the clips of the images, or one that may."""
        if isinstance(value, tf.RaggedTensor):
            raise ValueError(
                f"`{key}` must be dense beside videos, padded with -1. Received: a "
                "tf.RaggedTensor. Write value.to_tensor(-1)."
            )
        value = tf.convert_to_tensor(stacked(value))
        joined = notes.seen_as(value)
        if joined is not None:
            return joined
        count, frames = self if must else _clips_of(value)
        if must and key != "images":
            value = self._checked(key, value)
        rest = [dimension(value, axis) for axis in range(2, value.shape.rank)]
        return tf.reshape(value, [count * frames, *rest])

    def _checked(self, key: str, value: tf.Tensor) -> tf.Tensor:
        right: Any = self._has(value)
        known = all(isinstance(x, int) for x in (*self, *value.shape[:2]))
        if right and not known:
            right = tf.reduce_all(tf.shape(value)[:2] == tf.stack(self))
        message = (
            f"`{key}` must have the axes (B, T) of the videos. Received: "
            f"shape={value.shape}."
        )
        return checked(value, right, message)

    def _part(self, value: tf.Tensor) -> tf.Tensor:
        rest = [dimension(value, axis) for axis in range(1, value.shape.rank)]
        parted = tf.reshape(value, [self.count, self.frames, *rest])
        notes.see_as(parted, value)
        return parted


def _clips_of(value: Any) -> Clips:
    """Those of an entry beside boxes; only a run tells whether they are the images'."""
    value = tf.convert_to_tensor(value)
    return Clips(dimension(value, 0), dimension(value, 1))


def _shape(value: Any) -> Any:
    """Of arrays, tensors and lists; None where there is none, or rows differ."""
    if not isinstance(value, (list, tuple)):
        return getattr(value, "shape", None)
    try:
        return np.shape(value)
    except ValueError:
        return None
