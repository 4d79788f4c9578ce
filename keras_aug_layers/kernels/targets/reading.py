"""What users pass as boxes and keypoints, checked, as dense tensors."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.targets.formats import to_xyxy


def read_boxes(
    bounding_boxes: Any, box_format: str, batch: tuple[int | None, ...]
) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor | None]:
    """Boxes and labels as dense tensors, and the row lengths if they were ragged.

    Args:
        bounding_boxes: what a user passes: a dict of `boxes` and `labels`.
        box_format: one of `BOX_FORMATS`.
        batch: (B,), or () for the boxes of one image.

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    if not isinstance(bounding_boxes, dict) or "boxes" not in bounding_boxes:
        raise ValueError(
            "`bounding_boxes` must be a dict with the key 'boxes', and 'labels'. "
            f"Received: {bounding_boxes!r}"
        )
    boxes, lengths = _dense("boxes", bounding_boxes["boxes"])
    b = "B, " if batch else ""
    _check_shape(
        "bounding_boxes['boxes']",
        boxes,
        (*batch, None, 4),
        f"the shape ({b}N, 4)",
    )
    _check_order(boxes, box_format)
    if bounding_boxes.get("labels") is None:
        return boxes, None, lengths
    labels, label_lengths = _dense("labels", bounding_boxes["labels"])
    count = boxes.shape[len(batch)]
    _check_shape(
        "bounding_boxes['labels']",
        labels,
        (*batch, count),
        f"a label for each box, the shape ({b}N) or ({b}N, K)",
    )
    if (lengths is None) != (label_lengths is None) or _differ(lengths, label_lengths):
        raise ValueError(
            "`bounding_boxes['labels']` must have the rows of the boxes. Received: "
            "rows of other lengths. Write both as ragged tensors, a label for each box."
        )
    return boxes, labels, lengths


def read_keypoints(keypoints: Any, batch: tuple[int | None, ...]) -> tf.Tensor:
    """Keypoints as a tensor, (B, …, N, 2) if `batch` is (B,), else (…, N, 2).

    Raises:
        ValueError: naming the key, what came and what to write.
    """
    if isinstance(keypoints, tf.RaggedTensor):
        raise ValueError(
            "`keypoints` must be dense, padded with -1. Received: a ragged tensor. "
            "Write keypoints.to_tensor(-1)."
        )
    keypoints = tf.convert_to_tensor(keypoints)
    between = [None] * max((keypoints.shape.rank or 0) - len(batch) - 2, 0)
    _check_shape(
        "keypoints",
        keypoints,
        (*batch, *between, None, 2),
        f"the shape ({'B, ' if batch else ''}…, N, 2)",
    )
    return keypoints


def _check_shape(
    key: str, value: tf.Tensor, expected: tuple[int | None, ...], wanted: str
) -> None:
    """Refuses an unknown rank, and axes that differ from the expected ones."""
    shape = value.shape
    if shape.rank is None or not shape[: len(expected)].is_compatible_with(expected):
        raise ValueError(f"`{key}` must have {wanted}. Received: shape={shape}")


def _differ(a: tf.Tensor | None, b: tf.Tensor | None) -> bool:
    """Whether row lengths are known to differ."""
    if a is None or b is None or not tf.executing_eagerly():
        return False
    return a.numpy().tolist() != b.numpy().tolist()


def _check_order(boxes: tf.Tensor, box_format: str) -> None:
    """Refuses boxes that end before they begin, where their values are known."""
    values = tf.get_static_value(boxes)
    if values is None:
        return
    with tf.init_scope():  # also where a graph is being built: the values are there
        batch = tf.reshape(tf.constant(values, tf.float64), (1, -1, 4))
        unit = tf.ones((1, 1, 4), tf.float64)
        corners = to_xyxy(batch, unit, box_format)[0]
        wrong = (corners[:, 2:] < corners[:, :2]).numpy().any(axis=1)
    wrong &= (values.reshape(-1, 4) != -1).any(axis=1)
    if wrong.any():
        raise ValueError(
            "`bounding_boxes['boxes']` must not end before they begin. Received: "
            f"{values.reshape(-1, 4)[wrong][0].tolist()} as "
            f"{box_format!r}. Write the format that they are in as "
            "`bounding_box_format`."
        )


def _dense(key: str, value: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
    """A dense tensor, padded with -1, and its row lengths if the value was ragged."""
    if isinstance(value, tf.RaggedTensor):
        if value.ragged_rank != 1:
            raise ValueError(
                f"`bounding_boxes[{key!r}]` must be ragged in the number of boxes "
                f"only. Received: ragged_rank={value.ragged_rank}. Write "
                "tf.ragged.constant(…, ragged_rank=1)."
            )
        padding = tf.cast(-1, value.dtype)
        return value.to_tensor(default_value=padding), value.row_lengths()
    try:
        return tf.convert_to_tensor(value), None
    except (ValueError, TypeError):
        raise ValueError(
            f"`bounding_boxes[{key!r}]` must be a dense tensor padded with -1, or a "
            "tf.RaggedTensor. Received rows of different lengths. Write "
            "tf.ragged.constant(…, ragged_rank=1)."
        ) from None
