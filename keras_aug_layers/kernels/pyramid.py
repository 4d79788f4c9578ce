"""Pyramids: images, halved again and again, in one list of pixels."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.places import Places, numbers
from keras_aug_layers.kernels.warp import compute_dtype, dimension

LEVELS = 6
"""Halvings, at most."""


class Pyramid(NamedTuple):
    """The levels of images, each of which is read in one of its own.

    Attributes:
        pixels: (N, C), level by level, image by image, row by row.
        start: int32 (B, 1, 1), the first pixel of the level of each image.
        area: how many pixels the images have in that level.
        size: their height and width in it.
        stride: from a row to the next one.
        batch: how many images there are.
    """

    pixels: tf.Tensor
    start: tf.Tensor
    area: tf.Tensor
    size: tuple[Any, Any]
    stride: tf.Tensor
    batch: Any

    def first(self, places: Places) -> tf.Tensor:
        """The first pixel of the images in which places read."""
        return self.start + numbers(places, self.batch) * self.area


def of(images: tf.Tensor, level: tf.Tensor, halvings: int) -> Pyramid:
    """The pyramid of images (B, H, W, C), of their own pixels if nothing is halved.

    Args:
        images: the images.
        level: int32 (B,) or (1,), in which each is read.
        halvings: how many there are.
    """
    batch, height, width = (dimension(images, axis) for axis in range(3))
    levels, sizes, starts, start = [], [], [], 0
    now = images
    if halvings:
        now = padded(tf.cast(images, compute_dtype(images.dtype)), 2**halvings)
    for number in range(halvings + 1):
        h, w = dimension(now, 1), dimension(now, 2)
        levels.append(tf.reshape(now, (-1, dimension(images, 3))))
        sizes.append((h, w))
        starts.append(start)
        start += batch * h * w
        if number < halvings:
            now = halve(now)
    pixels = tf.concat(levels, axis=0) if halvings else levels[0]
    own = tf.broadcast_to(level, (batch,)) if halvings else 0
    rows, stride, first = (
        tf.reshape(tf.gather(tf.stack(x), own), (-1, 1, 1))
        for x in ([x[0] for x in sizes], [x[1] for x in sizes], starts)
    )
    halved = tf.convert_to_tensor(tf.reshape(own, (-1, 1, 1)))
    # Not 2**halved: XLA takes a division by a power for a product with its inverse,
    # which is 0 among integers.
    parts = tf.bitwise.left_shift(tf.ones_like(halved), halved)
    size = -(-height // parts), -(-width // parts)
    return Pyramid(pixels, first, rows * stride, size, stride, batch)


def levels(source: tuple[Any, Any], target: tuple[Any, Any]) -> Any:
    """How many halvings there are: as many as a frame needs that is zoomed out by 2.

    A number where the sizes are static, so that no more are compiled than are needed.

    Args:
        source: height and width of the images.
        target: height and width of what comes out.
    """
    (height, width), (new_height, new_width) = source, target
    total: Any = 0
    for n in range(LEVELS):
        zoom = 2 ** (n + 2)
        needed = (2 * height >= zoom * new_height) | (2 * width >= zoom * new_width)
        for side in (height, width):  # a single row or column is repeated
            needed &= (side > 2**n) | (side == 1)
        total += tf.cast(needed, tf.int32) if tf.is_tensor(needed) else int(needed)
    return total


def padded(images: tf.Tensor, multiple: Any) -> tf.Tensor:
    """Repeats the last row and column until the sizes are multiples of a number."""
    for axis in (1, 2):
        size = dimension(images, axis)
        places = tf.range(-(-size // multiple) * multiple)
        images = tf.gather(images, tf.minimum(places, size - 1), axis=axis)
    return images


def halve(images: tf.Tensor) -> tf.Tensor:
    """Means of 2 x 2 pixels."""
    if not in_xla_context():  # where the op takes a quarter of the time
        return tf.nn.avg_pool2d(images, 2, 2, "VALID")
    height, width = dimension(images, 1), dimension(images, 2)
    first = -1 if images.shape[0] is None else images.shape[0]
    shape = [first, height // 2, 2, width // 2, 2, dimension(images, 3)]
    return tf.reduce_mean(tf.reshape(images, shape), axis=(2, 4))
