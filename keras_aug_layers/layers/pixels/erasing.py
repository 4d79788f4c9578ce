"""ErasingLayer: what the layers that erase regions share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import followers
from keras_aug_layers.kernels.followers import Boxes, row_of
from keras_aug_layers.kernels.noise import hashed, normal, word
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.kernels.targets.formats import ROUNDING
from keras_aug_layers.kernels.warp import dimension, rows_and_columns
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

NOISE = "noise"
DEVIATION = 0.225
"""Of noise, as a part of the value range: that of the colours of ImageNet."""


def register_eraser(name: str, covers: Callable[..., tf.Tensor]) -> Callable[..., Step]:
    """Enters a function that erases where `covers` says so.

    Args:
        name: of the function.
        covers: of y (1, H, 1, 1), x (1, 1, W, 1) and its rows (B, 1, 1, n), or (B, H,
            W, n): a product of `indicator`, (B, H, W, 1): 1 where pixels are erased,
            else 0.

    Returns:
        What makes steps of it: of the rows of `covers` and those of
        `ErasingLayer.common`.
    """

    def covered(rows: dict[str, tf.Tensor], height: Any, width: Any) -> tf.Tensor:
        wide = {key: row_of(row) for key, row in rows.items()}
        where = covers(*rows_and_columns(height, width), **wide)
        shape = (tf.shape(where)[0], height, width)
        return tf.broadcast_to(where[..., 0] > 0.0, shape)

    def erase(
        pixels: tf.Tensor, y: tf.Tensor, x: tf.Tensor, **rows: tf.Tensor
    ) -> tf.Tensor:
        fill = rows["fill"]
        if "key" in rows:
            fill += rows["deviation"] * _noise(pixels, y, x, **rows)
        if "least" in rows:
            fill = tf.clip_by_value(fill, rows["least"], rows["greatest"])
        y, x = tf.cast(y, pixels.dtype), tf.cast(x, pixels.dtype)
        where = covers(y, x, **rows)
        # Exact, for it is 0 or 1. A choice would cost a comparison for each pixel.
        return pixels * (1.0 - where) + tf.cast(fill, pixels.dtype) * where

    def masks(masks: tf.Tensor, mask_value: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
        where = covered(rows, dimension(masks, 1), dimension(masks, 2))
        label = tf.cast(tf.reshape(mask_value, (-1, 1, 1, 1)), masks.dtype)
        return tf.where(where[..., tf.newaxis], label, masks)

    def boxes(
        boxes: Boxes, size: Any, only: tf.Tensor, visible: float, **rows: tf.Tensor
    ) -> Boxes:
        share = followers.share_covered(covered(rows, *size), boxes.corners)
        gone = only[:, tf.newaxis] & (share > rows["max_covered"] + ROUNDING)
        return boxes._replace(kept=boxes.kept & ~gone)

    def keypoints(
        points: tf.Tensor, size: Any, only: tf.Tensor, **rows: tf.Tensor
    ) -> tf.Tensor:
        gone = followers.at_points(covered(rows, *size), points)
        gone = only[:, tf.newaxis] & gone & (rows["max_covered"] < 1.0)
        return tf.where(gone[..., tf.newaxis], -tf.ones_like(points), points)

    return register(
        name,
        "placed",
        erase,
        by_pixel=True,
        masks=masks,
        boxes=boxes,
        keypoints=keypoints,
        optional={
            "masks": "mask_value",
            "boxes": "max_covered",
            "keypoints": "max_covered",
        },
    )


def indicator(low: tf.Tensor, x: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """1 where low <= x < high, else 0, in the dtype of x."""
    return tf.cast(x >= low, x.dtype) * tf.cast(x < high, x.dtype)


def _noise(
    pixels: tf.Tensor,
    y: tf.Tensor,
    x: tf.Tensor,
    key: tf.Tensor,
    channel: tf.Tensor,
    **rows: tf.Tensor,
) -> tf.Tensor:
    """A normal number for each pixel and channel: `channel` turns with the pixels."""
    sizes = tf.shape(pixels)[2], tf.shape(channel)[3]
    width, channels = (tf.cast(size, tf.uint32) for size in sizes)
    y, x, key, channel = (tf.cast(z, tf.uint32) for z in (y, x, key, channel))
    counter = (y * width + x) * channels + channel
    return tf.cast(normal(counter + hashed(key * word(0x9E3779B9))), pixels.dtype)


class ErasingLayer(ColorLayer):
    """Base class of the layers that erase regions.

    Boxes and keypoints in an erased region stay, and masks too, if not said otherwise.

    Args:
        fill_value: what erased pixels become: a number, one for each channel, or
            "noise", the same as None: a normal number for each value. With a value
            range, given or that of an unsigned integer dtype, its mean is the middle
            and its standard deviation 0.225 of the range, which is what standard normal
            noise in normalised images is before they are normalised; without one it is
            standard normal, of floats.
        mask_value: the label that masks get where pixels are erased; None for none.
        max_covered: the greatest part of a box that may be erased: a box of which
            more is becomes -1, and below 1 an erased keypoint does. None keeps all.
        value_range: (low, high), the range of the pixels, to which they are clipped;
            in a group, behind a change of the unit, only what is erased is.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers.layers.pixels.erasing import (
        ...     ErasingLayer, indicator, register_eraser
        ... )
        >>> cut_top = register_eraser(
        ...     "my_top", lambda y, x, end, **rows: indicator(0.0, y, end)
        ... )
        >>> class RandomTop(ErasingLayer):  # the first rows, up to three
        ...     def draw(self, random, frame):
        ...         end = random.uniform((1.0, 4.0))
        ...         return cut_top(end=end, **self.common(random, frame))
        >>> images = np.full((4, 8, 8, 3), 200, "uint8")
        >>> bool(np.all(RandomTop(fill_value=7)(images, training=True)[:, 0] == 7))
        True
    """

    def __init__(
        self,
        *,
        fill_value: float | tuple[float, ...] | str | None,
        mask_value: float | None = None,
        max_covered: float | None = None,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        if isinstance(fill_value, str):
            arguments.one_of("fill_value", fill_value, (NOISE,))
        elif fill_value is not None:
            fill_value = arguments.per_channel("fill_value", fill_value)
        self.fill_value = fill_value
        number = arguments.number
        self.mask_value = arguments.optional(number, "mask_value", mask_value)
        self.max_covered = arguments.optional(
            number, "max_covered", max_covered, 0.0, 1.0
        )

    def common(self, random: Cursor, frame: Frame) -> dict[str, Any]:
        """The rows that all these layers have."""
        given = {"mask_value": self.mask_value, "max_covered": self.max_covered}
        rows: dict[str, Any] = {k: x for k, x in given.items() if x is not None}
        if self.fill_value in (None, NOISE):
            return {**rows, **self._noisy(random, frame)}
        fill = self.fill_value
        values: Any = fill if isinstance(fill, tuple) else (fill,)
        _check_fill(values, frame)
        fill = np.clip([values], *frame.limits)
        return {**rows, "fill": tf.constant(fill, tf.float64)}

    def _noisy(self, random: Cursor, frame: Frame) -> dict[str, Any]:
        channels = tf.range(frame.known_channels, dtype=tf.float32)
        rows = {
            "fill": 0.0,
            "deviation": 1.0,
            "key": random.key(),
            "channel": channels[tf.newaxis],
        }
        if frame.known_range is None and not frame.whole:
            return rows
        low, high = frame.range_of(self)
        deviation = DEVIATION * (high - low)
        noise = {"fill": (low + high) / 2.0, "deviation": deviation}
        return {**rows, **noise, "least": low, "greatest": high}


def _check_fill(values: tuple[float, ...], frame: Frame) -> None:
    """Refuses values that the images cannot hold, or of another number of channels."""
    if len(values) > 1:
        checks.per_channel("fill_value", values, frame.known_channels)
    if frame.dtype is not None and frame.dtype.is_integer:
        for value in values:
            low, high = float(frame.dtype.min), float(frame.dtype.max)
            arguments.number("fill_value", value, low, high)
