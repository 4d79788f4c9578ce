"""Elements: what a dataset holds, images with labels, and what is done to them."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_aug_layers import notices
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.plan import entries, strides


def of_element(
    apply: Callable[[Any], Any],
    element: Any,
    layers: Sequence[keras.layers.Layer],
    structure: Sequence[str] | None = None,
) -> Any:
    """Applies a function to the images of an element, with labels where they change.

    Args:
        apply: what the layers do to images, or to a dict of images and labels.
        element: images, or a tuple of them, labels and weights.
        layers: the layers.
        structure: what the element's parts are; None for the above, or what the names
            of a named tuple say.
    """
    if structure is None and entries.is_named(element):
        structure = element._fields
    if structure is not None:
        return _of_parts(apply, element, structure)
    parts = element if isinstance(element, tuple) else (element,)
    ours = [x for x in layers if isinstance(x, AugmentationLayer)]
    labelled = any(x.mixes() or x.settings.num_classes is not None for x in ours)
    if isinstance(parts[0], tuple) and not entries.is_named(parts[0]):
        raise ValueError(
            "The elements of `dataset` must be images, or dicts with the key 'images', "
            f"alone or with labels. Received: {len(parts[0])} parts in the images' "
            'place. Write {"images": a, "other": b} with extra_targets={"other": '
            '"images"}, to do the same to both.'
        )
    given, beside = parts[0], False
    if len(parts) > 1:
        formats = [x.data_format for x in ours] or [keras.config.image_data_format()]
        _warn_of_targets(parts[0], parts[1], formats[0])
    if labelled and len(parts) > 1:
        several = isinstance(parts[0], dict) or entries.is_named(parts[0])
        images = entries.given(parts[0]) if several else {"images": parts[0]}
        beside = "labels" not in images
        given = {"labels": parts[1], **images}
    done = apply(given)
    if beside:
        images = {key: x for key, x in done.items() if key != "labels"}
        images = entries.merged(parts[0], images) if several else images["images"]
        return (images, done["labels"], *parts[2:])
    return (done, *parts[1:]) if isinstance(element, tuple) else done


def _of_parts(
    apply: Callable[[Any], Any], element: Any, structure: Sequence[str]
) -> Any:
    """Applies a function to a tuple whose parts are named."""
    if not isinstance(element, tuple) or len(element) != len(structure):
        count = len(element) if isinstance(element, tuple) else 1
        raise ValueError(
            "`structure` must name each part of the elements of `dataset`. Received: "
            f"{structure!r} for {count} part{'s' * (count != 1)}."
        )
    done = apply(dict(zip(structure, element, strict=True)))
    parts = [done[name] for name in structure]
    return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)


def check_structure(structure: Any) -> None:
    """Refuses what does not name parts, one of them the images."""
    if structure is None:
        return
    several = isinstance(structure, (list, tuple))
    names = list(structure) if several else []
    if "images" not in names or len({*names}) != len(names):
        raise ValueError(
            "`structure` must be names, each once, and 'images' among them. Received: "
            f"{structure!r}. Write ('images', 'segmentation_masks')."
        )


def _warn_of_targets(images: Any, labels: Any, data_format: str) -> None:
    """Warns where labels look like targets, which are not moved in their place."""
    several = isinstance(images, dict) or entries.is_named(images)
    images = entries.given(images).get("images") if several else images
    found = _targets(images, labels, data_format)
    if () in found:
        notices.warn(
            f"The labels of `dataset`, of shape {labels.shape}, have the size of the "
            "images, and are not moved with them. Write structure=('images', "
            "'segmentation_masks') if they are masks, ('images', 'labels') if not."
        )
    elif found:
        meant = next(iter(found.values()))
        notices.warn(
            f"The labels of `dataset` hold {', '.join(map(_place, found))}, which are "
            "not moved with the images. Write one dict, "
            f"{{'images': …, {meant!r}: …}}, or structure=('images', {meant!r}) where "
            "the labels are nothing else."
        )


def _targets(
    images: Any, labels: Any, data_format: str, path: entries.Path = ()
) -> dict[entries.Path, str]:
    """Where labels look like targets, by their name or their size, and like which."""
    if hasattr(labels, "_asdict"):
        labels = labels._asdict()
    elif isinstance(labels, (tuple, list)):
        labels = dict(enumerate(labels))
    if not isinstance(labels, dict):
        alike = strides.sized_as(images, labels, data_format, unknown=True)
        return {path: "segmentation_masks"} if alike else {}
    found: dict[entries.Path, str] = {}
    for key, value in labels.items():
        meant, place = checks.meant_by(key), (*path, key)
        if meant in (None, "labels"):
            found |= _targets(images, value, data_format, place)
        else:
            found[place] = meant
    return found


def _place(path: entries.Path) -> str:
    """A place among labels, in words."""
    names = (repr(x) if isinstance(x, str) else f"part {x}" for x in path)
    return " of ".join(reversed([*names]))
