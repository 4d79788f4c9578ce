"""Shapes and dtypes of what a layer gives back, for Keras's symbolic calls."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from keras_aug_layers.kernels.labels import check_one
from keras_aug_layers.layers import checks
from keras_aug_layers.plan import entries, strides
from keras_aug_layers.plan.frame import Frame

Shape: TypeAlias = tuple[int | None, ...]


def of_images(
    function: Callable[[Any, dict[str, Any]], dict[str, Any]], layer: Any, given: Any
) -> Any:
    """Applies `shapes` or `specs` to images alone, or to a dict of them and others."""
    if isinstance(given, dict) or entries.is_named(given):
        return entries.merged(given, function(layer, entries.given(given)))
    return function(layer, {"images": given})["images"]


def shapes(layer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The shapes of images and masks as a layer gives them back; others stay.

    Args:
        layer: the layer, with `framed` and `data_format`.
        given: shapes under the keys of a layer's call.
    """
    images = tuple(given["images"])
    if len(images) == 5:
        return _of_clips(layer, given)
    before = Frame.of(images, layer.data_format)
    after = layer.framed(before)

    def framed(kind: str, own: Shape) -> Shape:
        size: Shape = after.height, after.width
        if kind != "images":
            size = _of_masks(layer, before, after, own, len(images))
        begin = strides.axis_of_rows(len(own), layer.data_format, len(images))
        return (*own[:begin], *size, *own[begin + 2 :])

    result = {**given}
    extra = dict(layer.settings.extra_targets or ())
    for key, shape in given.items():
        kind = extra.get(key, entries.kind_of(key))
        if kind in entries.PIXELS and shape is not None:
            result[key] = _each(shape, functools.partial(framed, kind))
    classes = layer.settings.num_classes
    if "labels" in given and classes is not None:
        result["labels"] = (*tuple(given["labels"])[: len(images) - 3], classes)
    return result


def _of_clips(layer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Shapes of videos, and of masks of all their frames."""
    extra = dict(layer.settings.extra_targets or ())
    kinds = {key: extra.get(key, entries.kind_of(key)) for key in given}
    timed = {
        key: given[key]
        for key, kind in kinds.items()
        if kind in entries.PIXELS and given[key] is not None
    }
    one = {key: _each(x, lambda own: (own[0], *own[2:])) for key, x in timed.items()}
    made, (_, count, *_) = shapes(layer, one), given["images"]
    for key in timed:
        made[key] = _each(made[key], lambda own: (own[0], count, *own[1:]))
    return {**given, **made}


def _each(shape: Any, change: Callable[[Shape], Shape]) -> Any:
    """A shape, or those of several masks in a dict or a list, changed."""
    if isinstance(shape, dict):
        return {name: _each(one, change) for name, one in shape.items()}
    if isinstance(shape, (list, tuple)) and isinstance(shape[0], (list, tuple)):
        return [_each(one, change) for one in shape]
    return change(tuple(shape))


def _of_masks(
    layer: Any, before: Frame, after: Frame, shape: Shape, rank: int
) -> Shape:
    """Height and width of masks, which may be of a coarser grid, as they come out."""
    first = strides.axis_of_rows(len(shape), layer.data_format, rank)
    coarse = shape[first], shape[first + 1]
    whole, output = (before.height, before.width), (after.height, after.width)
    if whole == output:
        return coarse
    if None in (whole[0], coarse[0]) and None in (whole[1], coarse[1]):
        return None, None  # for the masks may be coarser
    stride = strides.of(whole, coarse)
    return output[0] // stride, output[1] // stride


def specs(layer: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Symbolic tensors for a dict of them, or of other values, as a layer gives it."""
    images = checks.images(data)
    places = entries.paths(
        data, images.shape, layer.settings.extra_targets, layer.data_format
    )
    given = entries.taken(data, places)
    shaped: dict[str, Any] = {
        key: x.shape
        for key, x in given.items()
        if entries.kind_of(key) in entries.PIXELS
    }
    labels = data.get("labels")
    if labels is not None and layer.settings.num_classes is not None:
        check_one(labels)
        places["labels"], given["labels"] = ("labels",), labels
        shaped["labels"] = labels.shape
    shaped = shapes(layer, shaped)
    frame = Frame.of(tuple(images.shape)[-4:], layer.data_format)
    made: dict[str, Any] = {}
    for key, shape in shaped.items():
        own = keras.backend.standardize_dtype(given[key].dtype)
        if entries.kind_of(key) == "images":
            own = layer.framed(frame._replace(dtype=tf.as_dtype(own))).dtype.name
        if key == "labels" and not tf.as_dtype(own).is_floating:
            own = "float32"
        made[key] = keras.KerasTensor(shape, own)
    if layer.mixes():
        for key, (name, *_) in places.items():
            if entries.kind_of(key) in ("bounding_boxes", "keypoints"):
                made[key] = _open(layer, name, given[key], axis=len(images.shape) - 3)
    others = {key: _alike(x) for key, x in data.items()}
    return {**others, **entries.put(data, places, made)}


def _open(layer: Any, name: str, value: Any, axis: int) -> Any:
    """Boxes or keypoints of an open number: there are more in training.

    Raises:
        ValueError: if there would be `weights` in training only.
    """
    if not isinstance(value, dict):
        return _of_any_number(value, axis)
    if layer.weighs() and value.get("weights") is None:
        raise ValueError(
            f"`{name}` must hold `weights` where a symbolic call may blend images, as "
            f"MixUp does. Received: the keys {sorted(value)}. Write weights of ones, "
            "(B, N), beside the boxes."
        )
    count = value["boxes"].shape[axis]
    return {
        key: _of_any_number(x, axis) if _has(x, axis, count) else _alike(x)
        for key, x in value.items()
    }


def _has(value: Any, axis: int, count: int | None) -> bool:
    """Whether a symbolic tensor has an element for each box, or may have."""
    if value is None or len(value.shape) <= axis:
        return False
    return value.shape[axis] == count or None in (value.shape[axis], count)


def _of_any_number(value: Any, axis: int) -> Any:
    """The same, of an unknown size along an axis."""
    shape = (*value.shape[:axis], None, *value.shape[axis + 1 :])
    return keras.KerasTensor(shape, value.dtype)


def _alike(value: Any) -> Any:
    """Symbolic tensors of the shapes and dtypes of some; None stays."""
    return keras.tree.map_structure(
        lambda x: None if x is None else keras.KerasTensor(x.shape, x.dtype), value
    )
