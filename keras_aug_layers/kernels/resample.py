"""Where pixels are read: which of the forms of the warp does it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels import planes, separable, upright, warp
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.picks import Pick
from keras_aug_layers.kernels.places import Places, numbers, places_of
from keras_aug_layers.kernels.taps import filled_from, summed, taps
from keras_aug_layers.kernels.warp import dimension

INTERPOLATIONS = (*warp.INTERPOLATIONS, "bicubic")


def resample(
    images: tf.Tensor,
    reader: Reader,
    *,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: Any = 0.0,
    output_size: tuple[Any, Any] | None = None,
    exact: bool = True,
) -> tf.Tensor:
    """Resamples each image once, at one point for each pixel of what comes out.

    Args:
        images: (B, H, W, C), of any integer or floating dtype, or bool for "nearest".
        reader: where each output pixel reads.
        fill_mode: what lies outside the frame.
        interpolation: one of `INTERPOLATIONS`.
        fill_value: what lies outside if `fill_mode` is "constant": a number, or one for
            each channel.
        output_size: (height, width) of the result; the input's by default.
        exact: whether pixels that are only copied must be the same bit for bit.

    Returns:
        (B, height, width, C): in the images' own dtype for "nearest"; else in
        `compute_dtype`, neither rounded nor clipped.
    """
    fill = {
        "fill_mode": fill_mode,
        "interpolation": interpolation,
        "fill_value": fill_value,
    }
    if planes.fits(images):
        return planes.warped(images, reader, **fill, output_size=output_size)

    def warped() -> tf.Tensor:
        return warp.warp(images, reader, **fill, output_size=output_size)

    if reader.shared and output_size is not None and not in_xla_context():
        axes = reader.of_first()
        return upright.by_axes(images, axes, output_size, reader.windowed, **fill)
    size = output_size or (dimension(images, 1), dimension(images, 2))
    by_axes = separable.fits(reader, interpolation)
    if by_axes and separable.narrow(dimension(images, 2), size):
        grid = separable.Grid(reader, size, fill_mode, interpolation)
        return separable.in_two_passes(images, grid, fill_value)
    if interpolation == "bicubic":
        return _cubic(images, reader, output_size, fill_mode, fill_value)
    small = images.dtype in (tf.uint8, tf.int8) or (
        not exact and images.dtype in (tf.float16, tf.float32)
    )
    if (
        reader.upright
        and output_size is not None
        and all(isinstance(x, int) for x in output_size)
        and small
        and interpolation == "bilinear"
        and not in_xla_context()
    ):
        return upright.cut(images, reader.matrix, output_size, warped)
    return warped()


def _cubic(
    images: tf.Tensor,
    reader: Reader,
    output_size: tuple[Any, Any] | None,
    fill_mode: str,
    fill_value: Any,
) -> tf.Tensor:
    """Sixteen gathers for each pixel."""
    batch, height, width, channels = (dimension(images, axis) for axis in range(4))
    places = places_of(reader, *(output_size or (height, width)))
    pixels = tf.reshape(images, (-1, channels))
    first, size = numbers(places, batch) * (height * width), (height, width)
    return by_taps(pixels, first, width, size, places, fill_mode, "bicubic", fill_value)


def by_taps(
    pixels: tf.Tensor,
    first: tf.Tensor,
    stride: Any,
    size: tuple[Any, Any],
    places: Places,
    fill_mode: str,
    interpolation: str,
    fill_value: Any,
) -> tf.Tensor:
    """What is read of a list of pixels at places, by the weights of `taps`.

    Args:
        pixels: as in `summed`.
        first: likewise.
        stride: likewise.
        size: height and width of the images.
        places: where they are read.
        fill_mode: what lies outside.
        interpolation: as in `taps`.
        fill_value: as in `filled_from`.
    """
    wide, high = places.steps or (None, None)
    across = taps(places.x, size[1], fill_mode, interpolation, wide)
    along = taps(places.y, size[0], fill_mode, interpolation, high)
    dtype = warp.compute_dtype(pixels.dtype)
    values = summed(pixels, first, stride, across, along, dtype)
    return filled_from(values, across, along, places.finite, fill_value)


def stay(images: tf.Tensor) -> tf.Tensor:
    """Moves nothing."""
    return images


class Warp(NamedTuple):
    """A warp that is yet to be done: a function of images.

    Attributes:
        reader: gives where each pixel of what comes out reads.
        how: arguments of `resample`.
        pick: which pixels show the partner of their image.
    """

    reader: Callable[[], Reader]
    how: dict[str, Any]
    pick: Pick | None = None

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Moves images (B, H, W, C)."""
        return resample(images, self._reader(), **self.how)

    def picking(self, pick: Pick) -> "Warp | None":
        """The same, where pixels are picked as they are read; None if they cannot."""
        reader = self.reader()
        if not in_xla_context() or reader.matrix is None:
            return None
        by_axes = separable.fits(reader, self.how["interpolation"])
        return None if by_axes else self._replace(pick=pick)

    def in_planes(self, images: tf.Tensor, copies: int) -> list[planes.Planes]:
        """The channels of moved images, for a GPU, as often as they are needed."""
        return planes.read(images, self._reader(), **self.how, copies=copies)

    def _reader(self) -> Reader:
        return self.reader()._replace(pick=self.pick)
