"""Maps of a coarser grid than their images: masks of half the size, heatmaps.

A pixel of such a map is as wide as several of the image, the same number across and
down: its stride. The edges of the two grids are one, so that a map is moved by the same
matrices, in its own unit.
"""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.coordinates import is_one
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.warp import dimension

Size = tuple[Any, Any]
"""Height and width: numbers, or tensors where they are not known."""


def of(size: Size, coarse: Size) -> Any:
    """The stride of a map: a number where the heights or the widths are known.

    Args:
        size: of the images.
        coarse: of the map.
    """
    for whole, part in zip(size, coarse, strict=True):
        if isinstance(whole, int) and isinstance(part, int) and part > 0:
            return max(whole // part, 1)
    parts = tf.maximum(tf.cast(coarse[0], tf.int32), 1)
    return tf.maximum(tf.cast(size[0], tf.int32) // parts, 1)


def size_of(images: tf.Tensor, data_format: str, rank: int) -> Size:
    """Height and width of images, or of maps without an axis of channels.

    Args:
        images: a tensor.
        data_format: of the images.
        rank: that of images; maps without channels have one less.
    """
    first = axis_of_rows(images.shape.rank, data_format, rank)
    return dimension(images, first), dimension(images, first + 1)


def frame_of(size: tf.Tensor, otherwise: Size) -> Size:
    """The height and the width of images of one size.

    Args:
        size: int32 (B, 2), of each image.
        otherwise: what stands for that of no images.
    """
    known = tf.get_static_value(size)
    if known is not None:
        return (int(known[0, 0]), int(known[0, 1])) if len(known) else otherwise
    height, width = tf.unstack(tf.concat([size, [otherwise]], axis=0)[0])
    return height, width


def axis_of_rows(own: int, data_format: str, rank: int) -> int:
    """The axis of rows of images, or of maps, of `own` axes; see `size_of`."""
    last = data_format == "channels_first" or own == rank - 1
    return own - (2 if last else 3)


def fits(size: Size, coarse: Size) -> bool:
    """Whether a map may have the size, as far as it is known."""
    pairs = [*zip(size, coarse, strict=True)]
    known = [(a, b) for a, b in pairs if isinstance(a, int) and isinstance(b, int)]
    whole = [(a, b) for a, b in known if b and a % b == 0 or a == b]
    return known == whole and len({a // b for a, b in whole if b}) <= 1


def check_same(key: str, size: Size, other: Size) -> None:
    """Refuses further images of another size, at run time too."""
    message = f"`{key}` must have the size of the images. "
    pairs = [*zip(size, other, strict=True)]
    known = [all(isinstance(x, int) for x in pair) for pair in pairs]
    if any(a != b for (a, b), sure in zip(pairs, known, strict=True) if sure):
        raise ValueError(
            f"{message}Received: {_text(other)} beside images of {_text(size)}. Write "
            "'maps' in extra_targets for what is coarser."
        )
    for (a, b), sure in zip(pairs, known, strict=True):
        if not sure:
            tf.debugging.assert_equal(a, b, message)


def check_drawn(key: str, size: Size, own: Size) -> None:
    """Refuses images of another size than that of a draw, where both are known."""
    pairs = zip(size, own, strict=True)
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
        raise ValueError(
            f"`{key}` must have the size for which the transform was drawn. Received: "
            f"{_text(own)} for one of {_text(size)}. Write layer.sample(images)."
        )


def check(
    key: str, size: Size, coarse: Size, output: tuple[int, int] | None = None
) -> None:
    """Refuses a map that fits its images by no whole number, at run time too.

    Args:
        key: what is checked, for the error.
        size: of the images.
        coarse: of the map.
        output: the size of the images that come out, if it is another one.

    Raises:
        ValueError: where sizes are known; else an InvalidArgumentError when it runs.
    """
    message = (
        f"`{key}` must have the size of the images, or that divided by a "
        "whole number, and so must what comes out. "
    )
    known = all(isinstance(x, int) for x in (*size, *coarse))
    if not fits(size, coarse):
        raise ValueError(
            f"{message}Received: masks of {_text(coarse)} for images of {_text(size)}."
        )
    stride = of(size, coarse)
    sure = known or (isinstance(size[0], int) and isinstance(coarse[0], int))
    if sure and output is not None and any(x % stride for x in output):
        raise ValueError(
            f"{message}Received: masks of {_text(coarse)} for images of "
            f"{_text(size)}, which become {_text(output)}."
        )
    if known:
        return
    whole, part = (tf.stack([tf.cast(x, tf.int32) for x in s]) for s in (size, coarse))
    right = tf.reduce_all(tf.equal(part * stride, whole))
    if output is not None:
        right &= tf.reduce_all(tf.equal(tf.constant(output) % stride, 0))
    tf.debugging.Assert(
        right, [message + "Received: sizes of masks and of images", part, whole]
    )


def check_on_the_way(size: tuple[int, int], stride: Any) -> None:
    """Refuses a map that fits images by no whole number at one point of a stack."""
    message = (
        "`segmentation_masks`, or maps, that are coarser must be of images whose sizes "
        "are multiples of the same number all the way. Received: images that become "
        f"{_text(size)}. Write masks of the size of the images."
    )
    if not isinstance(stride, int):
        if not in_xla_context():
            tf.debugging.assert_equal(tf.constant(size) % stride, 0, message)
    elif any(x % stride for x in size):
        raise ValueError(message)


def _text(size: Size) -> str:
    return " x ".join(str(x) if isinstance(x, int) else "?" for x in size)


def refined(values: tf.Tensor, stride: Any) -> tf.Tensor:
    """A map (B, H, W, C) on the grid of its images, each pixel repeated."""
    if is_one(stride):
        return values
    for axis in (1, 2):
        places = tf.range(dimension(values, axis) * stride) // stride
        values = tf.gather(values, places, axis=axis)
    return values


def coarsened(values: tf.Tensor, stride: Any) -> tf.Tensor:
    """Undoes `refined`: the middle of what a pixel of the map was."""
    if is_one(stride):
        return values
    for axis in (1, 2):
        count = dimension(values, axis) // stride
        places = tf.range(count) * stride + stride // 2
        values = tf.gather(values, places, axis=axis)
    return values


def sized_as(images: Any, values: Any, data_format: str, unknown: bool = False) -> bool:
    """Whether values have the height and width of images, and so look like masks.

    Args:
        images: (B, H, W, C), or one image.
        values: the values.
        data_format: of both.
        unknown: whether those of the images' rank do where no size is known.
    """
    shape, own = (tf.TensorShape(getattr(x, "shape", None)) for x in (images, values))
    if None in (shape.rank, own.rank):
        return False
    if shape.rank < 3 or own.rank not in (shape.rank, shape.rank - 1):
        return False
    size, size_of_own = (
        x[axis_of_rows(x.rank, data_format, shape.rank) :][:2] for x in (shape, own)
    )
    sure = size.is_fully_defined() and size_of_own.is_fully_defined()
    return size.is_compatible_with(size_of_own) and (
        sure or (unknown and own.rank == shape.rank)
    )
