"""Means and deviations of the channels of images that are known before a training."""

from typing import Any

import numpy as np
import tensorflow as tf


def of_channels(
    images: Any, data_format: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The channels' means and standard deviations.

    Those of several batches are joined by the formulas of Chan, Golub and LeVeque
    ("Updating formulae and a pairwise algorithm for computing sample variances", 1979).

    Args:
        images: array (N, H, W, C), or with the channels first; or a `tf.data.Dataset`
            of such batches, or of tuples that begin with one, or of dicts.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: for another shape, images of different sizes, an iterator, and for a
            dataset without an end or an image.
    """
    several = isinstance(images, tf.data.Dataset)
    if several and images.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`images` must be a dataset that ends. Received: an infinite one. Write "
            "layer.adapt(dataset.take(100))."
        )
    count = 0
    mean = squares = np.zeros(1)
    for batch in images if several else [images]:
        if several:
            batch = batch[0] if isinstance(batch, tuple) else batch
            batch = batch["images"] if isinstance(batch, dict) else batch
        pixels = _pixels(batch, data_format)
        more, apart = len(pixels), pixels.mean(0) - mean
        both = count + more
        squares = squares + more * pixels.var(0) + apart**2 * (count * more / both)
        mean = mean + apart * (more / both)
        count = both
    if not count:
        raise ValueError("`images` must hold an image. Received: an empty dataset.")
    return tuple(mean.tolist()), tuple(np.sqrt(squares / count).tolist())


def _pixels(images: Any, data_format: str) -> np.ndarray:
    """The pixels of a batch: float64 (N, C)."""
    if not hasattr(images, "__array__") and not isinstance(
        images, (list, tuple, tf.RaggedTensor)
    ):
        raise ValueError(
            "`images` must be an array, or a tf.data.Dataset. Received: "
            f"{type(images).__name__}. Write layer.adapt(x), with the array x that was "
            "given to `flow` where this is an iterator, which need not end."
        )
    try:
        images = np.asarray(images, "float64")
    except (TypeError, ValueError):
        raise ValueError(
            "`images` must be numbers, and images of one size. Received: a "
            f"{type(images).__name__} of others. Write layer.adapt(resized), with what "
            "Resizing(224, 224) makes of each image."
        ) from None
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            "`images` must have the shape (N, H, W, C), and hold pixels. Received: "
            f"shape={images.shape}"
        )
    channels = -1 if data_format == "channels_last" else 1
    images = np.moveaxis(images, channels, -1)
    return images.reshape(-1, images.shape[-1])
