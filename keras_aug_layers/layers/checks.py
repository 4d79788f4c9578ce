"""Checks of what a layer is called with, before anything is drawn."""

import difflib
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import notices
from keras_aug_layers.kernels.checked import checked
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.targets import formats, reading, units
from keras_aug_layers.plan import entries, moves, strides
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.settings import Settings, Unchosen

GREY_TO_RGB = "tf.image.grayscale_to_rgb(images)"
SIMILAR = {
    "mask": "segmentation_masks",
    "masks": "segmentation_masks",
    "boxes": "bounding_boxes",
    "bbox": "bounding_boxes",
    "bboxes": "bounding_boxes",
    "landmarks": "keypoints",
}
"""Names of other libraries, and ours."""


def names(layer: Any, data: dict[str, Any]) -> None:
    """Warns of entries that look like targets and are none."""
    known = {*entries.NAMES, *dict(layer.settings.extra_targets or ())}
    sides = slice(-2, None) if layer.data_format == "channels_first" else slice(-3, -1)
    for key, value in data.items():
        meant = None if key in known or key == "labels" else meant_by(key)
        if meant == "labels" and not layer.mixes():
            continue
        if meant is None and isinstance(value, dict):
            _within(key, value, key in known, _shape_of(data["images"])[sides])
        elif meant and _may_be_a_target(value, 1 if meant == "labels" else 2):
            further = f", or for a further one extra_targets={{{key!r}: {meant!r}}}"
            notices.warn(
                f"The entry {key!r} of `data` is not moved with the images: its name "
                f"is not known to the layer. Write {meant!r}"
                f"{further * (meant != 'labels')}."
            )
        elif meant is None and key not in known and key != "labels":
            if strides.sized_as(data["images"], value, layer.data_format):
                notices.warn(
                    f"The entry {key!r} of `data`, of shape {tuple(value.shape)}, has "
                    "the size of the images, and is not moved with them. Write "
                    f"extra_targets={{{key!r}: 'images'}}, or 'maps'."
                )


def _within(name: str, entry: dict[str, Any], known: bool, size: list[Any]) -> None:
    """Warns of targets in a dict, of boxes or unknown, in which they are not moved."""
    form = reading.FORMS.get(entries.kind_of(name)) if known else None
    outline = form is not None
    for key, value in entry.items():
        if known and (form is None or key in (form.main, *reading.BESIDE)):
            continue
        meant, shape = meant_by(key), _shape_of(value)
        if outline and len(shape) > 2 and shape[-2:] == size and None not in size:
            meant = "segmentation_masks"
        if meant not in (None, "labels") and len(shape) > 1:
            notices.warn(
                f"The entry {key!r} of {name!r} is not moved with the images. Write "
                f"{meant!r} beside 'images'."
            )


def _may_be_a_target(value: Any, axes: int) -> bool:
    """Whether a value has, or may have, so many axes."""
    rank = tf.TensorShape(getattr(value, "shape", (0, 0))).rank
    return rank is None or rank >= axes


def _shape_of(value: Any) -> list[int | None]:
    """Of what has one, and a known rank."""
    shape = tf.TensorShape(getattr(value, "shape", ()))
    return [] if shape.rank is None else shape.as_list()


@functools.lru_cache(1024)
def meant_by(key: Any) -> str | None:
    """The name of a target that a key looks like."""
    if not isinstance(key, str):
        return None
    plain = key.lower()
    if plain in ("label", "class", "classes"):
        return "labels"
    close = difflib.get_close_matches(plain, entries.NAMES, 1, 0.85)
    return SIMILAR.get(plain, close[0] if close else None)


def grey(images: Any, data_format: str) -> None:
    """Warns of a batch of grey images, which is taken for one image.

    The last axis of one image cannot be its channels where it is longer than four and
    has from a half to twice the length of the axis before it: that is a width.
    """
    shape = tf.TensorShape(getattr(images, "shape", None))
    if shape.rank != 3 or data_format == "channels_first":
        return
    _, width, channels = shape
    if width and channels and channels > 4 and width <= 2 * channels <= 4 * width:
        notices.warn(
            f"`images` of shape {tuple(shape)} are taken for one image of {channels} "
            "channels. Write images[..., None] for a batch of grey images."
        )


def reflected(layer: Any, points: dict[str, Any]) -> None:
    """Warns of boxes beside a fill that paints objects without any."""
    boxes = any(entries.kind_of(key) == "bounding_boxes" for key in points)
    if boxes and isinstance(layer.opinions.fill_mode, Unchosen):
        notices.warn(
            "Objects without a box appear at the borders of the images: there was no "
            "`fill_mode` given, and 'reflect' mirrors what is near them. Write "
            "fill_mode='constant', or fill_mode='reflect' where this is wanted."
        )


def images(data: dict[str, Any]) -> Any:
    """The images among what a layer is called with."""
    images = data.get("images")
    if images is None:
        found = "None under it" if "images" in data else f"the keys {sorted(data)}"
        raise ValueError(
            f"`data` must be images, or have them as 'images'. Received: {found}."
        )
    one_batch(images)
    backend(images)
    return images


def training(value: Any) -> None:
    """Refuses labels in its place, as a map over pairs gives them, and the unknown."""
    if value is None or isinstance(value, int) and value in (0, 1):
        return
    value = value if hasattr(value, "dtype") else np.array(value)
    dtype = value.dtype
    if dtype == tf.bool and (not tf.is_tensor(value) or hasattr(value, "numpy")):
        return
    way = "tf.cond(training, lambda: layer(x, training=True), lambda: layer(x))"
    if dtype != tf.bool:
        way = "dataset.map(lambda x, y: (layer(x, training=True), y))"
        way += "; without training, to validate, (layer(x), y)"
    raise ValueError(
        "`training` must be true or false where it is called. Received: "
        f"{tf.as_dtype(dtype).name} of shape {value.shape}. Write {way}."
    )


def one_batch(images: Any) -> None:
    """Refuses a list of batches, which is no batch; images in a list are one."""
    if not isinstance(images, (list, tuple)):
        return
    shapes = [getattr(x, "shape", getattr(x, "size", ())) for x in images]
    symbolic = any(map(keras.utils.is_keras_tensor, images))
    if symbolic or any(len(x) > 3 for x in shapes) or len({*map(tuple, shapes)}) > 1:
        way = (
            "layer(images, training=True), and leave labels out; for several batches a "
            'call for each, or {"images": a, "other": b} with extra_targets={"other": '
            '"images"}, to do the same to both.'
        )
        if all(len(x) == 3 for x in shapes) and not symbolic:
            way = "[layer(x, training=True) for x in images], or a tf.ragged.stack."
        raise ValueError(
            "`images` must be one batch, or images of one size. Received: a "
            f"{type(images).__name__} of the shapes {[*map(tuple, shapes)]}. Write "
            f"{way}"
        )


def backend(images: Any) -> None:
    """Refuses tensors of JAX and PyTorch, on which TensorFlow cannot compute."""
    name = keras.backend.backend()
    if name != "tensorflow" and keras.ops.is_tensor(images):
        raise ValueError(
            "`images` must be tensors of TensorFlow, with which the layers compute "
            f"whatever Keras's backend is. Received: a tensor of {name}. Write "
            "augment_dataset(dataset, layer, seed=1), or dataset.map(lambda x: "
            "layer(x, training=True)), in the input pipeline."
        )


def pixels(
    key: str, masks: tf.Tensor, frame: Frame, data_format: str, after: Frame | None
) -> None:
    """A mask has the batch of its images, and their size divided by a whole number.

    Further images have their size.

    Args:
        key: the kind of what is checked, and perhaps a name.
        masks: (B, H, W, C) or (B, H, W), without B for one image.
        frame: the images.
        data_format: of both.
        after: the images that come out, to check sizes at run time too; None for those
            that an earlier layer has checked.
    """
    rank = 3 + frame.batched
    images = entries.kind_of(key) == "images"
    if isinstance(masks, tf.RaggedTensor) != frame.ragged:
        one, other = ("dense", "ragged") if frame.ragged else ("ragged", "dense")
        raise ValueError(
            f"`{key}` must be ragged where the images are, and dense where "
            f"they are dense. Received: {one} masks for {other} images. Write "
            "dataset.ragged_batch(32) for both."
        )
    if frame.ragged:  # whose sizes are checked where they are moved
        return
    if masks.shape.rank not in ((rank,) if images else (rank, rank - 1)):
        raise ValueError(
            f"`{key}` must have the axes of the images, with or without "
            f"channels. Received: masks of shape {masks.shape} for images with "
            f"{rank} axes."
        )
    batch, own = masks.shape[0], frame.batch
    if frame.batched and isinstance(own, int) and batch not in (None, own):
        raise ValueError(
            f"`{key}` must be as many as the images. Received: masks of "
            f"shape {masks.shape} for {own} images."
        )
    if after is not None and not in_xla_context():
        output = after.height, after.width
        size, own_size = (
            (frame.height, frame.width),
            strides.size_of(masks, data_format, rank),
        )
        if images:
            strides.check_same(key, size, own_size)
            return
        known = all(isinstance(x, int) for x in output)
        strides.check(key, size, own_size, output if known else None)


def mask_values(layer: Any, masks: Any) -> None:
    """What a layer, or one of a group, writes into masks is what they can hold."""
    value = getattr(layer, "mask_value", None)
    if value is not None:
        moves.check_holds("mask_value", value, masks.dtype)
    for member in layer.members():
        mask_values(member, masks)


def points(
    points: dict[str, Any], layer: Any, settings: Settings, frame: Frame
) -> None:
    """Refuses bad boxes and keypoints, as far as is known before it runs."""
    batch: tuple[int | None, ...] = ()
    if frame.batched:
        batch = (frame.batch if isinstance(frame.batch, int) else None,)
    for key, value in points.items():
        if entries.kind_of(key) == "bounding_boxes":
            box_format = formats.known_format(settings.bounding_box_format)
            given = reading.read_boxes(value, box_format, batch, when_it_runs=False)
            units.check_box_units(given.boxes, box_format)
        elif entries.kind_of(key) in reading.OUTLINES:
            form = reading.OUTLINES[entries.kind_of(key)]
            outlines = reading.read(value, form, batch, when_it_runs=False).boxes
            if form is reading.POLYGONS:
                unit = settings.bounding_box_format or "xyxy"
                units.check_polygon_units(outlines, unit)
        else:
            read = reading.read_keypoints(value, batch)
            unit = settings.keypoint_format or "xy"
            if unit == "xy" or settings.mark_outside is not False:
                units.check_keypoint_units(read, unit)
            if key == "keypoints":
                _pairs(layer, read.shape[-2])


def _pairs(layer: Any, count: int | None) -> None:
    """Refuses pairs of keypoints that are not there."""
    for each in (layer, *layer.members()):
        named = max(
            (x for pair in getattr(each, "keypoint_pairs", None) or () for x in pair),
            default=-1,
        )
        if count and named >= count:
            raise ValueError(
                f"`keypoint_pairs` of {each.name!r} must name keypoints, from 0 to "
                f"{count - 1}. Received: {named}."
            )
        if each is not layer:
            _pairs(each, count)


def clips(layer: Any) -> None:
    """Refuses videos, for what mixes images."""
    if layer.mixes():
        raise ValueError(
            f"`images` must be images (B, H, W, C) for {layer.name!r}, which mixes "
            "them. Received: videos (B, T, H, W, C). Write layers that move or colour."
        )


def batch(layer: Any, frame: Frame) -> None:
    """Refuses a single image, for what mixes images of a batch."""
    if not frame.batched:
        raise ValueError(
            f"`images` must be a batch (B, H, W, C) for {type(layer).__name__}, which "
            "mixes images. Received: a single image. Write augment_dataset("
            "dataset.batch(32), layer, seed=1)."
        )


def per_channel(name: str, values: float | Sequence[float], channels: Any) -> Any:
    """Numbers as a row, one for all channels or for each; refuses other counts.

    Returns:
        float64 (1,) or (1, n): an array; where only a run tells how many channels
        there are, a tensor that waits for the check.
    """
    row = np.array([values], np.float64)
    if channels is None or not isinstance(values, Sequence) or len(values) == 1:
        return row
    ways = {1: GREY_TO_RGB, 4: "x[..., :3] if the fourth is no colour"}
    known = isinstance(channels, int)
    rest = f" Write {ways[channels]}." if known and channels in ways else ""
    message = (
        f"`{name}` must be one number, or one for each channel. Received: "
        f"{tuple(values)!r} for {channels if known else 'other'} channels.{rest}"
    )
    return checked(row, channels == len(values), message, channels)


def rgb(layer: Any, frame: Frame) -> None:
    """Refuses images that have not three channels, for what mixes them."""
    channels = frame.known_channels
    if channels == 3:
        return
    ways = {
        1: GREY_TO_RGB,
        4: '{"images": x[..., :3], "alpha": x[..., 3:]} and extra_targets={"alpha": '
        '"maps"}, which moves the fourth and leaves its values',
    }
    way = ways.get(channels, "x[..., :3] if the colours are the first three")
    if layer.data_format == "channels_first":
        way = way.replace(GREY_TO_RGB, "tf.repeat(images, 3, axis=-3)")
        way = way.replace(":3]", ":3, :, :]").replace("3:]", "3:, :, :]")
    raise ValueError(
        f"`images` must have three channels for {type(layer).__name__}. Received: "
        f"{channels} channels. Write {way}."
    )
