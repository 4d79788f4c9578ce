"""Shapes and dtypes of what a layer gives back, for Keras's symbolic calls."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from keras_aug_layers.plan import strides
from keras_aug_layers.plan.frame import Frame

Shape: TypeAlias = tuple[int | None, ...]


def of_images(
    function: Callable[[Any, dict[str, Any]], dict[str, Any]], layer: Any, given: Any
) -> Any:
    """Applies `shapes` or `specs` to images alone, or to a dict of them and others."""
    if isinstance(given, dict):
        return function(layer, given)
    return function(layer, {"images": given})["images"]


def shapes(layer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The shapes of images and masks as a layer gives them back; others stay.

    Args:
        layer: the layer, with `framed` and `data_format`.
        given: shapes under the keys of a layer's call.
    """
    images = tuple(given["images"])
    before = Frame.of(images, layer.data_format)
    after = layer.framed(before)
    first = layer.data_format == "channels_first"

    def sized(shape: Shape, channels: bool, size: Shape) -> Shape:
        end = len(shape) if first or not channels else len(shape) - 1
        return (*shape[: end - 2], *size, *shape[end:])

    result = {**given, "images": sized(images, True, (after.height, after.width))}
    if "segmentation_masks" in given:
        masks = tuple(given["segmentation_masks"])
        size = _of_masks(layer, before, after, masks, len(images))
        result["segmentation_masks"] = sized(masks, len(masks) == len(images), size)
    classes = layer.settings.num_classes
    if "labels" in given and classes is not None:
        result["labels"] = (*tuple(given["labels"])[: len(images) - 3], classes)
    return result


def _of_masks(
    layer: Any, before: Frame, after: Frame, shape: Shape, rank: int
) -> Shape:
    """Height and width of masks, which may be of a coarser grid, as they come out."""
    coarse = strides.size_of(tf.TensorSpec(shape), layer.data_format, rank)
    whole, output = (before.height, before.width), (after.height, after.width)
    if whole == output:
        return coarse
    if None in (whole[0], coarse[0]) and None in (whole[1], coarse[1]):
        return None, None  # for the masks may be coarser
    stride = strides.of(whole, coarse)
    return output[0] // stride, output[1] // stride


def specs(layer: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Symbolic tensors for a dict of them, or of other values, as a layer gives it."""
    keys = ["images", "segmentation_masks"]
    shaped: dict[str, Any] = {key: data[key].shape for key in keys if key in data}
    if "labels" in data and layer.settings.num_classes is not None:
        shaped["labels"] = data["labels"].shape
    shaped = shapes(layer, shaped)
    before = tf.as_dtype(keras.backend.standardize_dtype(data["images"].dtype))
    frame = Frame.of(tuple(data["images"].shape), layer.data_format)
    dtype = layer.framed(frame._replace(dtype=before)).dtype.name
    specs = {
        key: keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), x)
        for key, x in data.items()
        if key not in shaped
    }
    for key, shape in shaped.items():
        own = dtype if key == "images" else data[key].dtype
        if key == "labels" and not tf.as_dtype(own).is_floating:
            own = "float32"
        specs[key] = keras.KerasTensor(shape, own)
    return {key: specs[key] for key in data}
