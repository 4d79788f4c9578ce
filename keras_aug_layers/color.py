"""Colour as an affine map of the channels, and the one pass over the pixels.

With m the mean colour of the image that comes in, a pixel x becomes

    y = gain (x - m) + level m + bias

where `gain` and `level` are numbers, one number per channel, or matrices that mix the
channels: `gain` maps what an image's pixels differ in, `level` what they share. The
two are equal, and no mean is computed, unless contrast is in play. Such maps compose:
gains and levels multiply, and the bias goes through the second level. (The channel
shift of `ImageDataGenerator` has a bias of its own, `bounded`, which is clipped to the
image's range: it composes as a bias does, and is clipped once.)
"""

import math
from collections.abc import Callable
from typing import Any, Optional

import tensorflow as tf

from keras_aug_layers import matrices
from keras_aug_layers.checks import Range
from keras_aug_layers.warp import compute_dtype, dimension, in_xla_context

_FIELDS = ("gain", "level", "bias", "bounded")


class Color(tf.experimental.BatchableExtensionType):
    """The colour map of each image of a batch.

    Attributes:
        gain: (B, 1) or (B, C), or (B, C, C) where channels mix.
        level: like `gain`; None where it equals the gain.
        bias: (B, 1) or (B, C), in units of the pixels.
        bounded: a bias of its own, like `bias`, with which an image keeps within the
            least and the greatest of the values it has without any bias; or None.
    """

    __name__ = "keras_aug_layers.Color"  # under which a SavedModel knows it

    gain: tf.Tensor
    level: Optional[tf.Tensor]  # noqa: UP045 (extension types read no other form)
    bias: tf.Tensor
    bounded: Optional[tf.Tensor] = None  # noqa: UP045

    def then(self, after: "Color") -> "Color":
        """The map that applies this one first, then `after`."""
        level = None
        if self.level is not None or after.level is not None:
            level = _product(after._level, self._level)
        return Color(
            gain=_product(after.gain, self.gain),
            level=level,
            bias=_product(after._level, self.bias, vector=True) + after.bias,
            bounded=_sum(self.bounded, after.bounded, after._level),
        )

    def inverse(self) -> "Color":
        """The map that undoes this one, as far as it can be undone.

        A gain of 0 and a matrix of less than full rank lose colours: there it is the
        pseudo-inverse. What `bounded` clipped is lost, and none of it undone.
        """
        level = None if self.level is None else _inverse(self.level)
        gain = _inverse(self.gain)
        bias = _product(gain if level is None else level, -self.bias, vector=True)
        return Color(gain, level, bias)

    @property
    def _level(self) -> tf.Tensor:
        return self.gain if self.level is None else self.level

    def cast(self, dtype: tf.DType) -> "Color":
        """The same map in another dtype."""
        return self._map(lambda x: tf.cast(x, dtype))

    def spread(self, batch: Any) -> "Color":
        """The same map with a row for each image, where it had one for all."""

        def rows(x: tf.Tensor) -> tf.Tensor:
            return tf.broadcast_to(x, tf.concat([[batch], tf.shape(x)[1:]], axis=0))

        return self._map(rows)

    def __getitem__(self, images: Any) -> "Color":
        return self._map(lambda x: x[images])

    def _map(self, function: Callable[[tf.Tensor], tf.Tensor]) -> "Color":
        """Applies a function to every tensor."""
        fields = (self.gain, self.level, self.bias, self.bounded)
        return Color(*(None if x is None else function(x) for x in fields))

    def to_config(self) -> dict[str, Any]:
        """The map as numbers and lists, for JSON."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        values = {
            name: None if value is None else value.numpy().tolist()
            for name, value in fields.items()
        }
        return {**values, "dtype": self.gain.dtype.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Color":
        """The map that `to_config` described."""
        return cls(
            *(
                None
                if config[name] is None
                else tf.constant(config[name], config["dtype"])
                for name in _FIELDS
            )
        )

    def apply(
        self,
        images: tf.Tensor,
        move: Callable[[tf.Tensor], tf.Tensor] = lambda images: images,
    ) -> tf.Tensor:
        """Moves images (B, H, W, C), and maps their pixels.

        Args:
            images: as they came in: their mean is m.
            move: resamples images, each channel by itself.

        Returns:
            The pixels in `compute_dtype`.
        """
        dtype = compute_dtype(images.dtype)
        color, bias = self.cast(dtype), 0.0
        if color.level is not None:
            mean = _mean(images, dtype)
            shared = _product(color.level, mean, vector=True)
            bias = _everywhere(shared - _product(color.gain, mean, vector=True))
        if color.gain.shape.rank == 2:
            pixels = _everywhere(color.gain) * tf.cast(move(images), dtype) + bias
        else:
            pixels = _mix(images, color.gain, lambda x: tf.cast(move(x), dtype)) + bias
        if color.bounded is not None:
            low = tf.reduce_min(pixels, axis=(1, 2, 3), keepdims=True)
            high = tf.reduce_max(pixels, axis=(1, 2, 3), keepdims=True)
            pixels = tf.clip_by_value(pixels + _everywhere(color.bounded), low, high)
        return pixels + _everywhere(color.bias)


def identity() -> Color:
    """The map that changes nothing, for any number of images and channels."""
    return scale_and_add(1.0, 0.0)


def scale_and_add(gain: Any, bias: Any, bounded: bool = False) -> Color:
    """Multiplies by `gain`, then adds `bias`: scalars, (B,) or one column a channel.

    If `bounded`, the image keeps within its least and greatest value.
    """
    bias = _columns(bias)
    if bounded:
        return Color(_columns(gain), None, tf.zeros_like(bias), bias)
    return Color(_columns(gain), None, bias)


def contrast(gain: Any) -> Color:
    """Scales the distance to the mean colour of the image and keeps the mean."""
    gain = _columns(gain)
    return Color(gain, tf.ones_like(gain), tf.zeros_like(gain))


def mix(matrix: tf.Tensor) -> Color:
    """Mixes the channels by a matrix (B, C, C): y = matrix x."""
    return Color(matrix, None, tf.zeros((1, 1), matrix.dtype))


def saturation(gain: tf.Tensor) -> Color:
    """Scales the distance of each pixel to its luma (ITU-R BT.601): gain (B,)."""
    gain = tf.cast(gain, tf.float64)[:, tf.newaxis, tf.newaxis]
    luma = tf.constant([[0.299, 0.587, 0.114]] * 3, tf.float64)
    return mix(gain * tf.eye(3, dtype=tf.float64) + (1.0 - gain) * luma)


def hue(turns: tf.Tensor) -> Color:
    """Turns colours about the grey axis, red to green to blue: turns (B,).

    Rodrigues' rotation by an angle t about the unit vector k = (1, 1, 1) / sqrt(3):
    cos t I + sin t K + (1 - cos t) k kᵀ, where K is the cross product with k.
    """
    angle = 2.0 * math.pi * tf.cast(turns, tf.float64)[:, tf.newaxis, tf.newaxis]
    cross = tf.constant([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], tf.float64) / 3.0**0.5
    eye, axis = tf.eye(3, dtype=tf.float64), tf.fill((3, 3), tf.cast(1 / 3, tf.float64))
    return mix(tf.cos(angle) * eye + tf.sin(angle) * cross + (1 - tf.cos(angle)) * axis)


def where(condition: tf.Tensor, color: Color, otherwise: Color) -> Color:
    """Chooses one of two maps for each image; the condition is (B,)."""
    gain = _choose(condition, color.gain, otherwise.gain)
    level = None
    if color.level is not None or otherwise.level is not None:
        level = _choose(condition, color._level, otherwise._level)
    bounded = None
    if color.bounded is not None or otherwise.bounded is not None:
        zero = tf.zeros((1, 1), tf.float64)
        first = zero if color.bounded is None else color.bounded
        second = zero if otherwise.bounded is None else otherwise.bounded
        bounded = _choose(condition, first, second)
    bias = _choose(condition, color.bias, otherwise.bias)
    return Color(gain, level, bias, bounded)


def finish(pixels: tf.Tensor, dtype: tf.DType, value_range: Range | None) -> tf.Tensor:
    """Clips to the value range, rounds where the dtype is an integer, casts once."""
    if value_range is None and pixels.dtype == dtype:
        return pixels
    if dtype.is_integer and dtype.size <= 2:  # whose limits float32 holds
        limits = dtype.min, dtype.max
        low, high = (sorted((*limits, x))[1] for x in value_range or limits)
        return tf.cast(tf.round(tf.clip_by_value(pixels, low, high)), dtype)
    if value_range is not None:
        pixels = tf.clip_by_value(pixels, *value_range)
    if dtype.is_integer:
        return tf.saturate_cast(tf.round(pixels), dtype)
    return tf.cast(pixels, dtype)


def _columns(value: Any) -> tf.Tensor:
    """A scalar, (B,) or (B, C) as float64 (1, 1), (B, 1) or (B, C)."""
    value = matrices.to_double(value)
    return value if value.shape.rank == 2 else tf.reshape(value, (-1, 1))


def _sum(
    bias: tf.Tensor | None, later: tf.Tensor | None, level: tf.Tensor
) -> tf.Tensor | None:
    """A bias that goes through a later level, plus a later bias; None is zero."""
    if bias is None:
        return later
    moved = _product(level, bias, vector=True)
    return moved if later is None else moved + later


def _everywhere(x: tf.Tensor) -> tf.Tensor:
    """(B, 1) or (B, C) for every pixel of (B, H, W, C)."""
    return x[:, tf.newaxis, tf.newaxis, :]


def _product(a: tf.Tensor, b: tf.Tensor, vector: bool = False) -> tf.Tensor:
    """The product of two maps, or of a map and a `vector`: numbers, rows, matrices."""
    if a.shape.rank == 2:
        return a * b if b.shape.rank == 2 else a[:, :, tf.newaxis] * b
    if vector:
        return tf.reduce_sum(a * b[:, tf.newaxis, :], axis=2)
    if b.shape.rank == 2:
        return a * b[:, tf.newaxis, :]
    return tf.reduce_sum(a[:, :, :, tf.newaxis] * b[:, tf.newaxis, :, :], axis=2)


def _mean(images: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The mean colour (B, C) of images (B, H, W, C).

    Strips of each image are added first: without that, XLA copies the images to `dtype`
    and adds one pixel at a time.
    """
    height, width = dimension(images, 1), dimension(images, 2)
    strips = math.gcd(height, 8) if isinstance(height, int) else 1
    total = sum(tf.cast(x, dtype) for x in tf.split(images, strips, axis=1))
    return tf.reduce_sum(total, axis=(1, 2)) / tf.cast(height * width, dtype)


def _mix(
    pixels: tf.Tensor, gain: tf.Tensor, move: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """The product of each moved pixel (B, H, W, C) with its image's matrix (B, C, C).

    For a matrix product, XLA would keep the moved pixels in memory; for a sum of
    columns, it would read them once per channel. So under XLA the product is a sum over
    the matrix's diagonals: of the images with their channels turned, each moved, in one
    loop, which reads each pixel once.
    """
    channels = pixels.shape[-1]
    if in_xla_context():
        eye, mixed = tf.eye(channels, dtype=gain.dtype), 0.0
        for turn in range(channels):
            diagonal = tf.reduce_sum(gain * tf.roll(eye, turn, axis=1), axis=2)
            turned = tf.concat([pixels[..., turn:], pixels[..., :turn]], axis=-1)
            mixed += _everywhere(diagonal) * move(turned)
        return mixed
    pixels = move(pixels)
    if tf.config.list_physical_devices("GPU"):  # which would round a product to TF32
        columns = tf.unstack(gain[:, tf.newaxis, tf.newaxis], axis=-1)
        return sum(pixels[..., i : i + 1] * column for i, column in enumerate(columns))
    shape = tf.shape(pixels)
    flat = tf.reshape(pixels, (shape[0], -1, channels))
    return tf.reshape(tf.linalg.matmul(flat, gain, transpose_b=True), shape)


def _inverse(a: tf.Tensor) -> tf.Tensor:
    if a.shape.rank == 3:
        return tf.linalg.pinv(a)
    return tf.math.reciprocal_no_nan(a)


def _choose(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """tf.where per image, after numbers are spread to a matrix if one of them is."""
    if a.shape.rank != b.shape.rank:
        channels = max(a, b, key=lambda x: x.shape.rank).shape[-1]
        eye = tf.eye(channels, dtype=a.dtype)
        a, b = (x if x.shape.rank == 3 else x[:, :, tf.newaxis] * eye for x in (a, b))
    condition = tf.reshape(condition, (-1,) + (1,) * (a.shape.rank - 1))
    return tf.where(condition, a, b)
