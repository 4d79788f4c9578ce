"""Entries: what belongs to the images in what a user gives, under flat keys.

A flat key begins with a kind, "images" or "segmentation_masks/left": what is behind the
stroke tells apart several entries of one kind. So whoever moves entries looks at the
kind, and never at names.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_aug_layers.plan import strides

PIXELS = ("images", "maps", "segmentation_masks")
POINTS = ("bounding_boxes", "keypoints", "rotated_boxes", "polygons")
NAMES = ("images", "segmentation_masks", *POINTS)
"""The keys of what belongs to images, if nothing else is said."""
KINDS = (*PIXELS, *POINTS)
"""What further entries may be."""

Path = tuple[Any, ...]
Extra = tuple[tuple[str, str], ...] | None
"""Names of further entries, and their kinds."""


def kind_of(key: str) -> str:
    """The kind that a flat key begins with."""
    return key.partition("/")[0]


def is_named(data: Any) -> bool:
    """Whether this is a named tuple that holds images."""
    return "images" in getattr(data, "_fields", ())


def given(data: Any) -> dict[str, Any]:
    """A dict or a named tuple as a dict."""
    return data._asdict() if is_named(data) else data


def merged(data: Any, changes: Mapping[str, Any]) -> Any:
    """A dict or a named tuple with other entries, of the class that it has."""
    if is_named(data):
        return data._replace(**changes)
    if type(data) is dict:
        return {**data, **changes}
    result = copy.copy(data)
    result.update(changes)
    return result


def paths(
    data: dict[str, Any],
    shape: Sequence[int | None],
    extra: Extra,
    data_format: str,
    flat: bool = False,
) -> dict[str, Path]:
    """Where the entries lie that belong to the images, under their flat keys.

    Args:
        data: what a user gave. Several masks may stand under one key, as a dict or as
            a list of arrays.
        shape: of the images.
        extra: further entries, as the settings have them.
        data_format: of the images.
        flat: whether entries may be under flat keys already, and labels among them.
    """
    found: dict[str, Path] = {}

    def enter(key: str, path: Path) -> None:
        """Under another key than one of the several masks that have the same name."""
        found[key + "/" if key in found else key] = path

    kinds = {name: name for name in NAMES} | dict(extra or ())
    if flat:
        known = (*KINDS, "labels")
        names = [name for name in data if isinstance(name, str)]
        kinds = {x: kind_of(x) for x in names if kind_of(x) in known} | kinds
    for name, kind in kinds.items():
        value = data.get(name)
        key = name if kind_of(name) == kind else f"{kind}/{name}"
        if value is None:
            continue
        places = _places(value, shape, data_format) if kind in PIXELS else [None]
        for place in places:
            if place is None:
                enter(key, (name,))
            elif value[place] is not None:
                enter(f"{key}/{place}", (name, place))
    return found


def _places(value: Any, images: Sequence[int | None], data_format: str) -> list[Any]:
    """The places of several arrays in a dict or a list; None for one array."""
    if isinstance(value, dict):
        return list(value)
    known = tf.TensorShape(images).rank is not None
    if isinstance(value, (list, tuple)) and value and known:
        shapes = [tuple(getattr(x, "shape", ())) for x in value if x is not None]
        several = all(len(shape) >= len(images) - 1 for shape in shapes)
        if several and len(images) > 3:  # of one image each they are a batch, in a list
            several = all(
                len(shape) >= len(images) or _of_batch(shape, images, data_format)
                for shape in shapes
            )
        if several:
            return list(range(len(value)))
    return [None]


def _of_batch(
    shape: tuple[int | None, ...], images: Sequence[int | None], data_format: str
) -> bool:
    """Whether masks are (B, H, W), and not (H, W, C) of one image; or of videos."""
    end = len(images) - (data_format == "channels_last")
    height, width = images[end - 2 : end]
    if None in (height, width):  # which might be any
        return shape[0] in (None, images[0])
    as_many = None in (images[0], shape[0]) or shape[0] == images[0]
    return as_many and strides.fits((height, width), (shape[-2], shape[-1]))


def taken(data: dict[str, Any], paths: Mapping[str, Path]) -> dict[str, Any]:
    """The entries at some places, under flat keys."""
    result = {}
    for key, (name, *places) in paths.items():
        result[key] = data[name][places[0]] if places else data[name]
    return result


def put(
    data: dict[str, Any], paths: Mapping[str, Path], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The entries of `data` that values at some places change, under their names."""
    result: dict[str, Any] = {}
    for key, (name, *places) in paths.items():
        if key not in values:
            continue
        if not places:
            result[name] = values[key]
            continue
        if name not in result:
            whole = data[name]
            result[name] = copy.copy(whole) if isinstance(whole, dict) else [*whole]
        result[name][places[0]] = values[key]
    for name, value in result.items():
        whole = data[name]
        if isinstance(value, list) and isinstance(whole, tuple):
            named = hasattr(whole, "_fields")
            result[name] = type(whole)(*value) if named else tuple(value)
    return result


def some_ragged(data: Mapping[str, Any]) -> bool:
    """Whether any pixels among flat entries are ragged."""
    return any(
        isinstance(value, tf.RaggedTensor)
        for key, value in data.items()
        if kind_of(key) in PIXELS
    )
