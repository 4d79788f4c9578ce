"""Other ways to write the compiled warp: the library's own, with a part exchanged."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case
from benchmarks.contenders import our_layers
from benchmarks.modes import calls
from benchmarks.timing import Timed
from keras_aug_layers.kernels import pixels as kernels
from keras_aug_layers.kernels import taps, warp
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.kernels.places import Places

CHOSEN = "as it is"


@dataclasses.dataclass(frozen=True)
class Formulation:
    """One way to write the warp.

    Attributes:
        title: what is different.
        parts: replacements for functions that `keras_aug_layers.kernels.warp` or
            `taps` calls, by name.
    """

    title: str
    parts: dict[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)

    def function(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """The warp of images by matrices, compiled."""

        def warped(images: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
            with contextlib.ExitStack() as stack:
                for name, part in self.parts.items():
                    owner = warp if hasattr(warp, name) else taps
                    stack.enter_context(mock.patch.object(owner, name, part))
                pixels = warp.warp(images, Reader(matrices, affine=True))
            return kernels.finish(pixels, images.dtype, None)

        # An object of its own, lest TensorFlow warn of retracing.
        warped = functools.partial(warped)
        return tf.function(warped, autograph=False, jit_compile=True)


def cast_to_int(x: tf.Tensor, low: int, high: int) -> tf.Tensor:
    """XLA guards the cast against NaN and overflow."""
    return tf.clip_by_value(tf.cast(tf.round(x), tf.int32), low, high)


def branching_fold(x: tf.Tensor, size: int, fill_mode: str) -> tf.Tensor:
    """The op's own rule for "reflect", case by case."""
    x, n, period = x - 0.5, float(size), 2.0 * size
    below = x - period * tf.math.ceil(x / period)
    below = tf.where(below < -n, below + period, -below - 1.0)
    above = x - period * tf.floor(x / period)
    above = tf.where(above >= n, period - above - 1.0, above)
    x = tf.where(x < 0.0, below, tf.where(x > n - 1.0, above, x))
    return tf.clip_by_value(x, 0.0, n - 1.0) + 0.5


def op_order(reader: Reader, height: int, width: int) -> Any:
    """Coordinates summed from left to right, as the op sums them."""
    m = tf.reshape(reader.matrix, (-1, 3, 3, 1, 1))
    u, v = tf.range(float(width)), tf.range(float(height))[:, tf.newaxis]
    x = m[:, 0, 0] * u + m[:, 0, 1] * v + m[:, 0, 2]
    y = m[:, 1, 0] * u + m[:, 1, 1] * v + m[:, 1, 2]
    return Places(x + 0.5, y + 0.5, None)


def four_weights(corners: list[tf.Tensor], x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The weighted sum, as the library has it."""
    a, b, c, d = corners
    return (1 - y) * (1 - x) * a + (1 - y) * x * b + y * (1 - x) * c + y * x * d


def lerp(corners: list[tf.Tensor], x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Half the multiplications, but not exact where a weight is 1."""
    a, b, c, d = corners
    top, bottom = a + x * (b - a), c + x * (d - c)
    return top + y * (bottom - top)


def two_views(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """A view for each column, an index for each row, as the library has it."""
    above, length = first + inner, warp.dimension(pixels, 0) - 1
    indices = above, above + width
    return [tf.gather(pixels[k : k + length], i) for i in indices for k in (0, 1)]


def four_views(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """Four views of the pixels and one index."""
    length = pixels.shape[0] - width - 1
    steps = 0, 1, width, width + 1
    return [tf.gather(pixels[k : k + length], first + inner) for k in steps]


def four_indices(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """One view and four indices, each of which XLA keeps in bounds."""
    steps = 0, 1, width, width + 1
    return [tf.gather(pixels, first + inner + k) for k in steps]


def batched_gather(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """A gather within each image."""
    batch = first.shape[0]
    pixels = tf.reshape(pixels, (batch, -1, pixels.shape[1]))
    length = pixels.shape[1] - width - 1
    steps = 0, 1, width, width + 1
    return [
        tf.gather(pixels[:, k : k + length], inner, axis=1, batch_dims=1) for k in steps
    ]


def kept_index(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """An index of two columns, which XLA computes first and keeps in memory."""
    index = tf.stack([first + inner, tf.zeros_like(inner)], axis=-1)
    length = pixels.shape[0] - width - 1
    steps = 0, 1, width, width + 1
    return [tf.gather_nd(pixels[k : k + length, tf.newaxis], index) for k in steps]


def packed_words(
    pixels: tf.Tensor, first: tf.Tensor, inner: tf.Tensor, width: int
) -> list[tf.Tensor]:
    """Three bytes as one 32-bit word, gathered once and taken apart."""
    padded = tf.pad(pixels, ((0, 0), (0, 1)))
    words = two_views(tf.bitcast(padded, tf.int32), first, inner, width)
    shifts = tf.constant([0, 8, 16])
    return [
        tf.bitwise.right_shift(word[..., tf.newaxis], shifts) & 255 for word in words
    ]


def bilinear(
    gather: Callable[..., list[tf.Tensor]] = two_views,
    blend: Callable[..., tf.Tensor] = four_weights,
) -> dict[str, Callable[..., Any]]:
    """A replacement for the part that reads four neighbours and weighs them."""

    def _bilinear(pixels, first, x, y, width):  # type: ignore[no-untyped-def]
        (column, right, _), (row, down, _) = x, y
        corners = gather(pixels, first, row * width + column, width)
        corners = [tf.cast(corner, tf.float32) for corner in corners]
        return blend(corners, right[..., tf.newaxis], down[..., tf.newaxis])

    return {"_bilinear": _bilinear}


FORMULATIONS = {
    CHOSEN: Formulation("as it is in the library"),
    "first": Formulation(
        "the first form: branches in the fold, a cast to int, four indices",
        {
            "folded": branching_fold,
            "to_int": cast_to_int,
            "places_of": op_order,
            **bilinear(four_indices),
        },
    ),
    "order": Formulation("coordinates in the op's order", {"places_of": op_order}),
    "branches": Formulation(
        "the op's branches in the fold", {"folded": branching_fold}
    ),
    "cast": Formulation("a cast to int, clamped after it", {"to_int": cast_to_int}),
    "indices": Formulation("an index for each neighbour", bilinear(four_indices)),
    "views": Formulation("a view for each neighbour", bilinear(four_views)),
    "lerp": Formulation("three lerps for the weighted sum", bilinear(blend=lerp)),
    "batched": Formulation("a gather with batch_dims", bilinear(batched_gather)),
    "kept": Formulation("the index kept in memory", bilinear(kept_index)),
    "packed": Formulation("pixels packed into 32-bit words", bilinear(packed_words)),
}


def arguments(case: Case) -> tuple[tf.Tensor, tf.Tensor]:
    """Images, and the matrices of the five layers."""
    images = tf.constant(case.images())
    return images, kal.FusedAugmentation(our_layers(case), seed=1).sample(images).matrix


def keys(quick: bool) -> list[str]:
    """The formulations to measure: each takes a second to compile."""
    return list(FORMULATIONS)[: 2 if quick else None]


def timed(case: Case, quick: bool) -> dict[str, Timed]:
    """All formulations, or the first two.

    Raises:
        RuntimeError: if one gives another image: off by more than a rounding.
    """
    images, matrices = arguments(case)
    functions = {key: FORMULATIONS[key].function() for key in keys(quick)}
    expected = functions[CHOSEN](images, matrices).numpy().astype(int)
    for key, function in functions.items():
        error = np.abs(function(images, matrices).numpy() - expected).max()
        if error > 1:
            raise RuntimeError(f"The formulation {key!r} is off by {error} levels.")
    return {
        key: calls(function, images, matrices) for key, function in functions.items()
    }
