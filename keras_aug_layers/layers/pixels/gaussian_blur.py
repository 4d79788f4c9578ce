"""RandomGaussianBlur."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import Step, only, register
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.stages import compute, in_rows
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor


def _along(axis: int, images: tf.Tensor, taps: tf.Tensor) -> tf.Tensor:
    reach = taps.shape[-1] // 2
    length = dimension(images, axis)
    step = dimension(images, 3) if axis == 2 else 1  # of a list of rows

    def blurred(pixels: tf.Tensor) -> tf.Tensor:
        """Of pixels, those that have as many as `reach` on either side."""
        count = dimension(pixels, axis) - 2 * reach
        rows, total = compute(in_rows(pixels)), 0.0
        for place in range(2 * reach + 1):
            weight = tf.reshape(taps[:, place], (-1, 1, 1))
            total += weight * _part(rows, axis, place * step, count * step)
        return finish(total, images.dtype)

    def by_slices() -> tf.Tensor:
        # Where the edges are done apart, XLA reads what lies inside without asking.
        before, after = (
            tf.reverse(_part(images, axis, start, reach), [axis])
            for start in (1, length - reach - 1)
        )
        first = _part(images, axis, 0, 2 * reach)
        last = _part(images, axis, length - 2 * reach, 2 * reach)
        parts = (
            tf.concat([before, first], axis),
            images,
            tf.concat([last, after], axis),
        )
        return tf.concat([blurred(part) for part in parts], axis)

    def by_places() -> tf.Tensor:
        return blurred(tf.gather(images, _mirrored(length, reach), axis=axis))

    if isinstance(length, int):
        result = by_slices() if length > 2 * reach else by_places()
    else:
        result = tf.cond(length > 2 * reach, by_slices, by_places)
    return tf.reshape(result, tf.shape(images))


def _part(x: tf.Tensor, axis: int, start: Any, length: Any) -> tf.Tensor:
    begin, count = [0] * x.shape.rank, [-1] * x.shape.rank
    begin[axis], count[axis] = start, length
    return tf.slice(x, begin, count)


def _mirrored(size: Any, reach: int) -> tf.Tensor:
    """The places of d c b | a b c d | c b a, however far."""
    period = tf.maximum(2 * size - 2, 1)
    place = tf.range(-reach, size + reach) % period
    return tf.minimum(place, period - place)


blur_rows = register("blur_rows", "stage", lambda images, taps: _along(2, images, taps))
blur_columns = register(
    "blur_columns", "stage", lambda images, taps: _along(1, images, taps)
)


def gaussian_blur(sigma: tf.Tensor, sizes: tuple[int, int]) -> list[Step]:
    """Blurs along rows, then along columns.

    Args:
        sigma: (B,), in pixels.
        sizes: odd numbers of taps, along the height and along the width.
    """

    def taps(size: int) -> tf.Tensor:
        place = tf.range(-(size // 2), size // 2 + 1, dtype=tf.float64)
        weights = tf.exp(-0.5 * (place / sigma[:, tf.newaxis]) ** 2)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)

    height, width = sizes
    return [blur_rows(taps=taps(width)), blur_columns(taps=taps(height))]


@arguments.in_keras_order("sigma", "value_range", "data_format", "seed")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomGaussianBlur(ColorLayer):
    """Blurs images, each with a width of its own.

    Beyond the edge the image is mirrored about its last pixel, as in torchvision.
    Integers are rounded behind each axis, so that some pixels are a level off.

    Args:
        factor: chance, from 0 to 1, that an image is blurred; of a pair, its middle.
        kernel_size: how many pixels are blended along each axis: an odd number, or a
            pair (height, width) of them.
        sigma: the standard deviation in pixels, above 0: a pair (low, high), or a
            number s for (0, s), as in Keras, where it cannot exceed 1.
        value_range: as for every `ColorLayer`.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a kernel size is not odd, or a number out of bounds.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((1, 5, 1), "float32")
        >>> images[0, 2] = 1
        >>> blur = RandomGaussianBlur(kernel_size=(1, 3), sigma=(0.5, 0.5))
        >>> blur(images, training=True).numpy().ravel().round(2)
        array([0.  , 0.11, 0.79, 0.11, 0.  ], dtype=float32)
    """

    def __init__(
        self,
        factor: float | tuple[float, float] = 1.0,
        kernel_size: int | tuple[int, int] = 3,
        *,
        sigma: float | tuple[float, float] = 1.0,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.factor = arguments.chance("factor", factor)
        sizes = arguments.per_axis("kernel_size", kernel_size, 1.0, arguments.LARGEST)
        height, width = sizes if isinstance(sizes, tuple) else (sizes, sizes)
        if height % 2 != 1 or width % 2 != 1:
            raise ValueError(
                f"`kernel_size` must be odd. Received: {kernel_size!r}. Write 3, or "
                "(3, 5)."
            )
        self.kernel_size = int(height), int(width)
        self.sigma = arguments.share("sigma", sigma, 1e3)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """The taps along both axes."""
        sigma = tf.maximum(random.uniform(self.sigma), 1e-6)
        blurred = random.coin(self.factor)
        steps = gaussian_blur(sigma, self.kernel_size)
        return steps if self.factor == 1.0 else [only(x, blurred) for x in steps]
