"""The layers of a preview: from texts, from a recipe, or from a saved config."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras

from keras_aug_layers import layers as kal
from keras_aug_layers.constructors import build_layer, build_recipe
from keras_aug_layers.elements import stacked
from keras_aug_layers.explain import describe
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.group import opinions_in_order
from keras_aug_layers.layers.groups.sequence import is_sequence
from keras_aug_layers.layers.told import converts

FORMATS: dict[str, Any] = {
    "data_format": "channels_last",
    "bounding_box_format": "xyxy",
}
"""Those of the preview, whatever those of the training data are."""


class Chosen(NamedTuple):
    """What is shown.

    Attributes:
        layers: one for each row.
        titles: what the rows are called.
        fused: all layers in one; None where they are alternatives.
        left_out: what a photograph alone does not show, and why.
    """

    layers: Sequence[AugmentationLayer]
    titles: Sequence[str]
    fused: AugmentationLayer | None = None
    left_out: Sequence[str] = ()


def from_texts(texts: Sequence[str], **settings: Any) -> Chosen:
    """Builds layers, and their fusion, from the texts of their constructors.

    Raises:
        ValueError: if a text is none, or an argument is refused.
    """
    layers = []
    for text in texts:
        try:
            built = build_layer(text, **settings, **FORMATS)
        except ValueError as error:
            raise ValueError(f"--layer {text}: {error}") from error
        layers.append(_formatted(built))
    kept = _kept(layers)
    titles = [y for x, y in zip(layers, texts, strict=True) if x in kept]
    return _of_layers(layers, titles, **settings)


def _of_layers(layers: Sequence[Any], titles: Sequence[str], **settings: Any) -> Chosen:
    """Rows of layers that stand in no group, in the range that one of them says."""
    kept, ours = _kept(layers), [x for x in layers if isinstance(x, AugmentationLayer)]
    ranges = (opinions.value_range for opinions in opinions_in_order(ours))
    settings["value_range"] = next((x for x in ranges if x is not None), None)
    fused = kal.FusedAugmentation(kept, **settings, **FORMATS)
    rows = kept
    if fused.value_range is not None:  # which one that is left out may have said
        rows = [fused.with_layers([layer]) for layer in kept]
    return Chosen(rows, titles, fused, _left_out(layers))


def from_recipe(text: str) -> Chosen:
    """Builds what a recipe does to a photograph, layer by layer or view by view.

    Left out is what photographs alone do not show: mixing, and from normalising on.

    Raises:
        ValueError: if there is no such recipe, or an argument is refused.
    """
    train = build_recipe(text).train
    if not isinstance(train, kal.MultiCrop):
        return _of_group(_shown(train), _left_out(train.layers))
    views = {name: stack.layers[0] for name, stack in train.stacks.items()}
    shown = [_shown(view) for view in views.values()]
    titles = [
        f"{name}: {', '.join(map(describe, view.layers))}"
        for name, view in zip(views, shown, strict=True)
    ]
    left_out = _left_out(*(view.layers for view in views.values()))
    return Chosen(shown, titles, None, left_out)


def _of_group(group: Any, left_out: Sequence[str] = ()) -> Chosen:
    """Rows of a group's layers, each with the settings that it has there."""
    rows = [group.with_layers([layer]) for layer in group.layers]
    return Chosen(rows, [describe(x) for x in group.layers], group, left_out)


def _shown(stack: Any) -> Any:
    """A stack without what mixes, and up to where it normalises, in our formats."""
    kept = [_formatted(x) for x in _kept(stack.layers)]
    return stack.with_layers(kept, value_range=stack.settings.value_range, **FORMATS)


def _kept(layers: Sequence[Any]) -> list[Any]:
    """What a photograph alone shows: without what mixes, and up to a normalising.

    Raises:
        ValueError: if nothing is left.
    """
    mixing, behind = _parted(layers)
    kept = [x for x in layers if x not in (*mixing, *behind)]
    if layers and not kept:
        raise ValueError(
            f"a photograph alone shows nothing of {'; '.join(_left_out(layers))}"
        )
    return kept


def _parted(layers: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Those that mix images, and those from the normalising on that do not."""
    ours = [x for x in layers if isinstance(x, AugmentationLayer)]
    mixing = [x for x in ours if x.mixes()]
    behind = itertools.dropwhile(lambda x: x not in ours or not converts(x), layers)
    return mixing, [x for x in behind if x not in mixing]


def _left_out(*stacks: Sequence[Any]) -> list[str]:
    """The names of what is not shown, each with the reason."""
    mixing, behind = zip(*map(_parted, stacks), strict=True)
    parts = (mixing, "mixes images"), (behind, "normalised pixels")
    return [
        f"{_names(itertools.chain(*layers))} ({why})"
        for layers, why in parts
        if any(layers)
    ]


def _names(layers: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(type(x).__name__ for x in layers))


def _formatted(layer: AugmentationLayer) -> AugmentationLayer:
    config = json.dumps(keras.saving.serialize_keras_object(layer))
    ours = json.loads(config, object_hook=_in_our_formats)
    return keras.saving.deserialize_keras_object(ours)


def from_config(config: Any) -> Chosen:
    """Builds layers, and their fusion, from what was saved of them.

    Args:
        config: what `keras.saving.serialize_keras_object` makes of a layer, of a
            `FusedAugmentation` or of a `keras.Sequential`, a list of such, or what
            `get_config` of a `FusedAugmentation` gives.

    Raises:
        ValueError: if it describes anything else, or no layer.
    """
    config = json.loads(json.dumps(config), object_hook=_in_our_formats)
    if isinstance(config, list):
        stack = [keras.saving.deserialize_keras_object(entry) for entry in config]
    elif isinstance(config, dict) and "class_name" in config:
        stack = [keras.saving.deserialize_keras_object(config)]
    elif isinstance(config, dict) and "layers" in config:
        stack = [kal.FusedAugmentation.from_config(config)]
    else:
        raise ValueError(
            "expected what keras.saving.serialize_keras_object(layer) gives, a list of "
            "such, or the get_config() of a FusedAugmentation"
        )
    group = None
    if len(stack) == 1 and type(stack[0]) is kal.FusedAugmentation:
        group, stack = stack[0], stack[0].layers
    elif len(stack) == 1 and is_sequence(stack[0]):
        stack = stacked(stack[0])
    if not stack:
        raise ValueError("there is no layer in it")
    if group is not None:
        return _of_group(_shown(group), _left_out(stack))
    return _of_layers(stack, [describe(x) for x in _kept(stack)])


def _in_our_formats(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: FORMATS.get(key, value) for key, value in entry.items()}
