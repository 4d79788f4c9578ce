"""What a layer knows when it draws, and what it draws: matrices, not yet applied."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers import color as colors
from keras_aug_layers import matrices
from keras_aug_layers.checks import Range
from keras_aug_layers.color import Color
from keras_aug_layers.warp import dimension


class Frame(NamedTuple):
    """What a layer may know of the images when it draws."""

    batch: Any
    height: Any
    width: Any
    channels: Any
    dtype: tf.DType | None
    batched: bool
    value_range: Range | None = None

    @classmethod
    def of(cls, images: Any, data_format: str) -> "Frame":
        """Reads the frame off images or their shape, (H, W, C) or (B, H, W, C)."""
        dtype = getattr(images, "dtype", None)
        shape = tuple(images) if dtype is None else images.shape
        if dtype is None:
            sizes = list(shape)
        elif images.shape.rank is None:
            raise ValueError(
                "`images` must have a known rank, 3 or 4. Received a tensor of unknown "
                "shape. Write images.set_shape((None, None, None, 3))."
            )
        else:
            sizes = [dimension(images, axis) for axis in range(images.shape.rank)]
        if len(sizes) not in (3, 4):
            raise ValueError(
                "`images` must have the shape (H, W, C) or (B, H, W, C). Received: "
                f"shape={tuple(shape)}"
            )
        batched = len(sizes) == 4
        batch, height, width, channels = sizes if batched else [1, *sizes]
        if data_format == "channels_first":
            height, width, channels = width, channels, height
        if dtype is not None and not (dtype.is_integer or dtype.is_floating):
            raise ValueError(
                "`images` must be integers or floating point numbers. Received: "
                f"dtype={dtype.name}. Write tf.cast(images, 'float32')."
            )
        return cls(batch, height, width, channels, dtype, batched)


class Draw(NamedTuple):
    """The matrices of one or more layers; None stands for the identity.

    Attributes:
        matrix: float64 (B, 3, 3) in centred coordinates, from output to input.
        color: the colour map.
        affine: whether the last row of every matrix is 0, 0, 1.
    """

    matrix: tf.Tensor | None = None
    color: Color | None = None
    affine: bool = True

    def then(self, after: "Draw") -> "Draw":
        """This draw first, `after` next."""
        return Draw(
            join(self.matrix, after.matrix, matrices.compose),
            join(self.color, after.color, Color.then),
            self.affine and after.affine,
        )

    def where(self, condition: tf.Tensor, otherwise: "Draw") -> "Draw":
        """Chooses between two draws for each image; the condition is (B,)."""
        matrix, color = None, None
        if self.matrix is not None or otherwise.matrix is not None:
            matrix = tf.where(
                condition[:, tf.newaxis, tf.newaxis],
                matrices.identity() if self.matrix is None else self.matrix,
                matrices.identity() if otherwise.matrix is None else otherwise.matrix,
            )
        if self.color is not None or otherwise.color is not None:
            color = colors.where(
                condition,
                colors.identity() if self.color is None else self.color,
                colors.identity() if otherwise.color is None else otherwise.color,
            )
        return Draw(matrix, color, self.affine and otherwise.affine)


def join(first: Any, second: Any, product: Any) -> Any:
    """The product of two maps, of which either may be None, the identity."""
    if first is None or second is None:
        return second if first is None else first
    return product(first, second)
