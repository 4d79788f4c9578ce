"""Labels: of which classes an image is, and how much of each."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.checked import Known, checked


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
    check_one(labels)
    if isinstance(labels, (tf.SparseTensor, tf.RaggedTensor)):
        raise ValueError(
            "`labels` must be dense where they are mixed, or made one-hot. Received: a "
            f"{type(labels).__name__}. Write tf.sparse.to_dense(labels), or "
            "labels.to_tensor() of ragged ones."
        )
    labels = tf.convert_to_tensor(labels)
    batch = "B, " if batched else ""
    rank = None if labels.shape.rank is None else labels.shape.rank - batched
    last: Any = labels.shape[-1] if rank == 1 else None
    if rank == 1 and last is None:
        last = tf.shape(labels)[-1]
    integers = labels.dtype.is_integer
    if integers and num_classes is None and rank in (0, 1):
        labels = checked(
            labels,
            rank == 1 and last != 1,
            f"`labels` must be one-hot, of shape ({batch}K), where there is no "
            f"`num_classes`. Received: integers of shape {labels.shape}. Write "
            "num_classes=10 for ten classes, or tf.one_hot(labels, 10).",
        )
    numbers: Any = integers and num_classes is not None
    numbers = numbers and (rank == 0 or (num_classes != 1 and last == 1))
    if numbers is not True:
        right: Any = rank == 1 and (integers or labels.dtype.is_floating)
        right = right and (num_classes is None or (last == num_classes) | numbers)
        labels = checked(
            labels,
            right,
            f"`labels` must be integers of shape ({batch.rstrip(', ')}), or one-hot of "
            f"shape ({batch}{num_classes or 'K'}). Received: {labels.dtype.name} of "
            f"shape {labels.shape}. Write {_way(labels, rank)}.",
        )
    if numbers is not False:
        assert num_classes is not None
        labels = _one_hot(labels, numbers, num_classes, rank == 1)
    if num_classes is not None:
        if labels.shape[-1] is None:
            labels = tf.ensure_shape(labels, (*labels.shape[:-1], num_classes))
        last = num_classes
    if not labels.dtype.is_floating:
        labels = tf.cast(labels, tf.float32)
    if smoothing:
        labels = checked(
            labels,
            last != 1,
            "`label_smoothing` must be 0 for numbers, which have no classes. Received: "
            f"{smoothing}, for labels of shape {labels.shape}. Write "
            "label_smoothing=0.0, and smoothing=0.0 of a recipe, or tf.one_hot(labels, "
            "10) for ten classes.",
        )
        classes = tf.cast(tf.shape(labels)[-1], labels.dtype)
        labels = labels * (1.0 - smoothing) + smoothing / classes
    return labels


def check_one(labels: Any) -> None:
    """Refuses several labels in a dict."""
    if isinstance(labels, dict):
        raise ValueError(
            "`labels` must be one tensor where they are mixed, or made one-hot. "
            f"Received: a dict with the keys {sorted(labels)}."
        )


def _one_hot(
    labels: tf.Tensor, numbers: Known, num_classes: int, column: bool
) -> tf.Tensor:
    """Numbers made one-hot; what is so already stays, where only a run tells.

    Args:
        labels: integers.
        numbers: whether they are numbers, bool () where it is not known.
        num_classes: K.
        column: whether they have an axis more.
    """
    places = tf.cast(labels[..., 0] if column else labels, tf.int64)
    known = (places >= 0) & (places < num_classes)
    if numbers is not True:
        known |= ~numbers
    message = (
        f"`labels` must be from 0 on, and below num_classes={num_classes}. Write "
        "labels - 1 if they count from 1, or the number of all classes."
    )
    places = checked(places, tf.reduce_all(known), message, places)
    encoded = tf.one_hot(places, num_classes, dtype=tf.float32)
    if numbers is True:
        return encoded
    return tf.where(numbers, encoded, tf.cast(labels, tf.float32))


def _way(labels: tf.Tensor, rank: int | None) -> str:
    """What to write in place of labels that are refused."""
    dtype, last = labels.dtype, labels.shape[-1] if rank == 1 else None
    if rank is None:
        return "labels.set_shape([None]) behind what loses shapes, as tf.py_function"
    if dtype.is_bool:
        return "tf.cast(labels, 'float32')"
    if not (dtype.is_integer or dtype.is_floating):
        return "integers, as keras.layers.StringLookup makes of texts"
    if dtype.is_floating and (rank == 0 or last == 1):
        classes = "tf.cast(labels, 'int32') for classes"
        return f"{classes}, or labels[..., None] for numbers" if rank == 0 else classes
    known = f"num_classes={last}" if last else "the `num_classes` that they have"
    return known if rank == 1 else "one number for each image"
