"""The one place that resamples: `warp`.

The kernel is TensorFlow's op ImageProjectiveTransformV3, and its behaviour is the
reference. Where the op cannot serve, the same function is computed with gathers: in
an XLA context, for which no TensorFlow release has a kernel, and for 32 and 64-bit
integers and float64, which the op would interpolate in float32.
"""

from typing import Any

import tensorflow as tf

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")

_OP_DTYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)


def in_xla_context() -> bool:
    """Whether what is traced now will be compiled by XLA."""
    return tf.__internal__.get_enclosing_xla_context() is not None


def compute_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype in which pixels are interpolated: no value of `dtype` is lost."""
    return tf.float64 if dtype.size >= 4 and dtype != tf.float32 else tf.float32


def dimension(tensor: tf.Tensor, axis: int) -> Any:
    """A size: a Python number where it is static, else a scalar tensor."""
    size = tensor.shape[axis]
    return tf.shape(tensor)[axis] if size is None else size


def warp(
    images: tf.Tensor,
    matrices: tf.Tensor,
    *,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    affine: bool = False,
    output_size: tuple[Any, Any] | None = None,
) -> tf.Tensor:
    """Resamples each image once.

    Args:
        images: (B, H, W, C), of any integer or floating dtype, or bool.
        matrices: float32 (B, 3, 3) or (1, 3, 3), from output to input pixels, with a
            last entry of 1 (pixel centres at integers).
        fill_mode: one of `FILL_MODES`: what lies outside the frame.
        interpolation: one of `INTERPOLATIONS`.
        fill_value: what lies outside if `fill_mode` is "constant".
        affine: whether every matrix ends in the row 0, 0, 1.
        output_size: (height, width) of the result; the input's by default.

    Returns:
        (B, height, width, C): in the images' own dtype for "nearest", which copies
        pixels; in `compute_dtype`, neither rounded nor clipped, for "bilinear".
    """
    if output_size is None:
        output_size = dimension(images, 1), dimension(images, 2)
    dtype = images.dtype
    work = compute_dtype(dtype) if interpolation == "bilinear" else dtype
    form = _warp_with_op
    if in_xla_context() or work == tf.float64:
        form = _warp_with_gathers
    return form(
        images, matrices, fill_mode, interpolation, fill_value, affine, output_size
    )


def _warp_with_op(
    images: tf.Tensor,
    matrices: tf.Tensor,
    fill_mode: str,
    interpolation: str,
    fill_value: float,
    affine: bool,
    output_size: tuple[Any, Any],
) -> tf.Tensor:
    """The op, in float32 for "bilinear", in a dtype that it knows for "nearest"."""
    dtype = tf.float32 if interpolation == "bilinear" else images.dtype
    op_dtype = dtype if dtype in _OP_DTYPES else _wider(dtype)
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, op_dtype),
        transforms=tf.reshape(matrices, (-1, 9))[:, :8],
        output_shape=tf.stack(output_size),
        fill_value=fill_value,
        interpolation=interpolation.upper(),
        fill_mode=fill_mode.upper(),
    )
    static = [size if isinstance(size, int) else None for size in output_size]
    warped.set_shape([images.shape[0], *static, images.shape[3]])
    return tf.cast(warped, dtype)


def _wider(dtype: tf.DType) -> tf.DType:
    """A dtype that the op copies and that holds every value of `dtype`."""
    if dtype.is_floating:
        return tf.float32
    return tf.int64 if dtype.size >= 4 else tf.int32
