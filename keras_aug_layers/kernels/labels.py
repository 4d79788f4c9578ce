"""Labels: of which classes an image is, and how much of each."""

from typing import Any

import tensorflow as tf


def encode(
    labels: Any, batched: bool, num_classes: int | None, smoothing: float | None
) -> tf.Tensor:
    """One-hot labels (B, K), smoothed.

    With s for smoothing, s / K is everywhere, and 1 - s more at the label: Szegedy et
    al., "Rethinking the inception architecture for computer vision", CVPR 2016.

    Args:
        labels: integers (B,) or (B, 1), where `num_classes` is given; or the shares of
            the classes (B, K). Without B if not `batched`.
        batched: whether they are of a batch.
        num_classes: K, or None for one-hot labels.
        smoothing: s, or None for 0.

    Returns:
        float32, or the dtype of the labels if they are floating.

    Raises:
        ValueError: if they have another shape, or are integers of unknown classes.
        tf.errors.InvalidArgumentError: if a label is not from 0 to K - 1. XLA does not
            look.
    """
    if isinstance(labels, dict):
        raise ValueError(
            "`labels` must be one tensor where they are mixed, or made one-hot. "
            f"Received: a dict with the keys {sorted(labels)}."
        )
    if isinstance(labels, (tf.SparseTensor, tf.RaggedTensor)):
        raise ValueError(
            "`labels` must be dense where they are mixed, or made one-hot. Received: a "
            f"{type(labels).__name__}. Write tf.sparse.to_dense(labels), or "
            "labels.to_tensor() of ragged ones."
        )
    labels = tf.convert_to_tensor(labels)
    batch = "B, " if batched else ""
    rank = None if labels.shape.rank is None else labels.shape.rank - batched
    last = labels.shape[-1] if rank == 1 else None
    numbers = labels.dtype.is_integer and (rank == 0 or last == 1 != num_classes)
    if numbers and num_classes is None:
        raise ValueError(
            f"`labels` must be one-hot, of shape ({batch}K), where there is no "
            f"`num_classes`. Received: integers of shape {labels.shape}. Write "
            "num_classes=10 for ten classes, or tf.one_hot(labels, 10)."
        )
    if numbers:
        numbers_only = tf.squeeze(labels, -1) if rank == 1 else labels
        known = (numbers_only >= 0) & (numbers_only < num_classes)
        tf.debugging.assert_equal(
            tf.reduce_all(known),
            True,
            f"`labels` must be from 0 on, and below num_classes={num_classes}. Write "
            "labels - 1 if they count from 1.",
        )
        labels = tf.one_hot(numbers_only, num_classes, dtype=tf.float32)
        last = num_classes
    elif (
        rank != 1
        or not (labels.dtype.is_integer or labels.dtype.is_floating)
        or (num_classes is not None and last not in (None, num_classes))
    ):
        classes = num_classes or "K"
        raise ValueError(
            f"`labels` must be integers of shape ({batch.rstrip(', ')}), or one-hot of "
            f"shape ({batch}{classes}). Received: {labels.dtype.name} of shape "
            f"{labels.shape}. Write {_way(labels.dtype, rank, last)}."
        )
    if not labels.dtype.is_floating:
        labels = tf.cast(labels, tf.float32)
    if smoothing and last == 1:
        raise ValueError(
            "`label_smoothing` must be 0 for numbers, which have no classes. Received: "
            f"{smoothing}, for labels of shape {labels.shape}. Write "
            "label_smoothing=0.0, and smoothing=0.0 of a recipe, or tf.one_hot(labels, "
            "10) for ten classes."
        )
    if smoothing:
        classes = tf.cast(tf.shape(labels)[-1], labels.dtype)
        labels = labels * (1.0 - smoothing) + smoothing / classes
    return labels


def _way(dtype: tf.DType, rank: int | None, last: int | None) -> str:
    """What to write in place of labels that are refused."""
    if dtype.is_bool:
        return "tf.cast(labels, 'float32')"
    if not (dtype.is_integer or dtype.is_floating):
        return "integers, as keras.layers.StringLookup makes of texts"
    if dtype.is_floating and (rank == 0 or last == 1):
        classes = "tf.cast(labels, 'int32') for classes"
        return f"{classes}, or labels[..., None] for numbers" if rank == 0 else classes
    return f"num_classes={last}" if rank == 1 else "one number for each image"
