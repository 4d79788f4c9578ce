"""The layers of a preview: from texts, from a recipe, or from a saved config."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from keras_aug_layers import layers as kal
from keras_aug_layers.constructors import build_layer, build_recipe
from keras_aug_layers.layers.base import AugmentationLayer

FORMATS: dict[str, Any] = {
    "data_format": "channels_last",
    "bounding_box_format": "xyxy",
}
"""Those of the preview, whatever those of the training data are."""


class Chosen(NamedTuple):
    """What is shown.

    Attributes:
        layers: one for each row.
        fused: the layer of the last row, of all of them; None where there is none.
        left_out: the names of what a photograph alone does not show.
    """

    layers: Sequence[AugmentationLayer]
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
        layers.append(built)
    shown = [x for x in layers if not x.mixes()]
    if not shown:
        names = " and ".join(type(x).__name__ for x in layers)
        verb = "mixes" if len(layers) == 1 else "mix"
        raise ValueError(
            f"{names} {verb} the images of a batch: one shows nothing of it"
        )
    mixing = [type(x).__name__ for x in layers if x.mixes()]
    return Chosen(shown, kal.FusedAugmentation(shown, **settings, **FORMATS), mixing)


def from_recipe(text: str) -> Chosen:
    """Builds what a recipe does to a photograph, layer by layer or view by view.

    Left out is what photographs alone do not show: mixing, and from normalising on.

    Raises:
        ValueError: if there is no such recipe, or an argument is refused.
    """
    train = build_recipe(text).train
    if isinstance(train, kal.MultiCrop):
        stacks = [stack.layers[0] for stack in train.stacks.values()]
        return Chosen([_shown(x) for x in stacks], None, _left_out(*stacks))
    shown = _shown(train)
    return Chosen(shown.layers, shown, _left_out(train))


def _shown(stack: Any) -> Any:
    """A stack without what mixes, and up to where it normalises, in our formats."""
    kept = [_formatted(x) for x in _kept(stack)]
    return stack.with_layers(kept, **FORMATS)


def _kept(stack: Any) -> list[AugmentationLayer]:
    until = itertools.takewhile(
        lambda x: not isinstance(x, kal.Normalize), stack.layers
    )
    return [x for x in until if not x.mixes()]


def _left_out(*stacks: Any) -> list[str]:
    layers = (x for each in stacks for x in each.layers if x not in _kept(each))
    return list(dict.fromkeys(type(x).__name__ for x in layers))


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
        ValueError: if it describes anything else.
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
    if len(stack) == 1 and type(stack[0]) is kal.FusedAugmentation:
        return Chosen(stack[0].layers, stack[0])
    if len(stack) == 1 and isinstance(stack[0], keras.Sequential):
        stack = stack[0].layers
    return Chosen(stack, kal.FusedAugmentation(stack, **FORMATS))


def _in_our_formats(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: FORMATS.get(key, value) for key, value in entry.items()}
