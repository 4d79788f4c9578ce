"""Elements: what a dataset holds, images with labels, and what is done to them."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras

from keras_aug_layers import notices
from keras_aug_layers.layers import MultiCrop, checks
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.sequence import is_sequence
from keras_aug_layers.plan import entries, strides


def stacked(layer: Any) -> list[keras.layers.Layer]:
    """The layers of a stack, with those of the stacks in it, or the one layer."""
    if is_sequence(layer):
        return [x for each in layer.layers for x in stacked(each)]
    return [layer]


def augmenting(layer: Any) -> list[AugmentationLayer]:
    """The augmentation layers of a stack, with those that make views of the images."""
    found: list[Any] = []
    for each in stacked(layer):
        found += each.stacks.values() if isinstance(each, MultiCrop) else [each]
    return [x for x in found if isinstance(x, AugmentationLayer)]


def of_element(
    apply: Callable[[Any], Any],
    element: Any,
    layer: keras.layers.Layer,
    structure: Sequence[str] | None = None,
) -> Any:
    """Applies a function to the images of an element, with labels where they change.

    Args:
        apply: what the layer does to images, or to a dict of images and labels.
        element: images, or a tuple of them, labels and weights.
        layer: the layer, or a stack of several.
        structure: what the element's parts are; None for the above, or what the names
            of a named tuple say.
    """
    ours = augmenting(layer)
    crops = (x for x in stacked(layer) if isinstance(x, MultiCrop))
    views = [name for crop in crops for name in crop.stacks]
    if (data := named(element, structure)) is not None:
        done = apply(data)
        return _like(element, [_part(done, name, views) for name in data])
    parts = element if isinstance(element, tuple) else (element,)
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
        _warn_of_targets(parts[0], parts[1], formats[0], len(parts) > 2)
    if labelled and len(parts) > 1:
        several = isinstance(parts[0], dict) or entries.is_named(parts[0])
        images = entries.given(parts[0]) if several else {"images": parts[0]}
        beside = "labels" not in images
        given = {"labels": parts[1], **images}
    done = apply(given)
    if beside:
        images = _part(done, "images", views)
        if several:
            images = _without_labels(done, views)
            images = images if views else entries.merged(parts[0], images)
        return _like(element, (images, _part(done, "labels", views), *parts[2:]))
    return _like(element, (done, *parts[1:])) if isinstance(element, tuple) else done


def _like(element: tuple[Any, ...], parts: Collection[Any]) -> tuple[Any, ...]:
    """A tuple of parts; with the names of an element that has some."""
    return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)


def _part(done: dict[str, Any], name: str, views: Collection[str]) -> Any:
    """What an entry has become: where images have views, a dict of what is theirs."""
    of_views = {view: done[view][name] for view in views if name in done[view]}
    return of_views or done[name]


def _without_labels(done: dict[str, Any], views: Collection[str]) -> dict[str, Any]:
    """The entries but for the labels, of each view too."""
    return {
        key: _without_labels(value, ()) if key in views else value
        for key, value in done.items()
        if key != "labels"
    }


def named(element: Any, structure: Sequence[str] | None) -> dict[str, Any] | None:
    """The parts of an element under their names; None where they have none.

    Args:
        element: an element of a dataset, or what its parts are like.
        structure: the names; None for those that a named tuple says.

    Raises:
        ValueError: if `structure` are no names, "images" among them, of the parts.
    """
    if structure is None:
        return element._asdict() if entries.is_named(element) else None
    several = isinstance(structure, (list, tuple))
    names = list(structure) if several else []
    if "images" not in names or len({*names}) != len(names):
        raise ValueError(
            "`structure` must be names, each once, and 'images' among them. Received: "
            f"{structure!r}. Write ('images', 'segmentation_masks')."
        )
    count = len(element) if isinstance(element, tuple) else 1
    if not isinstance(element, tuple) or count != len(names):
        raise ValueError(
            "`structure` must name each part of the elements of `dataset`. Received: "
            f"{structure!r} for {count} part{'s' * (count != 1)}."
        )
    return dict(zip(names, element, strict=True))


def _warn_of_targets(
    images: Any, labels: Any, data_format: str, weighted: bool
) -> None:
    """Warns where labels look like targets, which are not moved in their place."""
    last = ", 'weights')" if weighted else ")"
    several = isinstance(images, dict) or entries.is_named(images)
    images = entries.given(images).get("images") if several else images
    found = _targets(images, labels, data_format)
    if () in found:
        notices.warn(
            f"The labels of `dataset`, of shape {labels.shape}, have the size of the "
            "images, and are not moved with them. Write structure=('images', "
            f"'segmentation_masks'{last} if they are masks, ('images', 'labels'{last} "
            "if not."
        )
    elif found:
        meant = next(iter(found.values()))
        notices.warn(
            f"The labels of `dataset` hold {', '.join(map(_place, found))}, which are "
            "not moved with the images. Write one dict, "
            f"{{'images': …, {meant!r}: …}}, or structure=('images', {meant!r}{last} "
            "where the labels are nothing else."
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
