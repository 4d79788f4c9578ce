"""Told: what a layer must be told itself, since outside training nobody else says it.

A layer that does nothing outside training says nothing then. What another one does in
both must not hang on it: its range, its bars, and how it reads keypoints.
"""

from typing import Any

from keras_aug_layers.plan import chain
from keras_aug_layers.plan.entries import kind_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.settings import Settings


def converts(layer: Any) -> bool:
    """Whether a layer, or one within it, gives pixels another unit."""
    own: bool = getattr(layer, "changes_unit", False)
    return own or any(map(converts, layer.members()))


def resizes(layer: Any) -> bool:
    """Whether a layer, or one within it, names a size, outside training too."""
    own: bool = getattr(layer, "names_size", False)
    return own or any(map(resizes, layer.members()))


def has_bars(layer: Any) -> bool:
    """Whether such a layer shows what is beside the image."""
    own = getattr(layer, "names_size", False)
    bars: bool = own and layer.opinions.fill_mode == "constant"
    return bars or any(map(has_bars, layer.members()))


def opinions(layer: Any, data: dict[str, Any], training: bool) -> Settings:
    """The layer's settings, on which its neighbours in a chain must agree."""
    own: Settings = layer.opinions
    if not training:
        own = own.without("label_smoothing")
    firm: dict[str, Any] = {}
    if has_bars(layer):
        firm |= {"fill_value": 0.0, "mask_fill_value": 0.0}
    if resizes(layer) and any(kind_of(key) == "keypoints" for key in data):
        firm |= {"keypoint_format": "xy", "mark_outside": True}
    return own.over(Settings(**firm)) if firm else own


def ranged(layer: Any, frame: Frame, images: Any) -> Frame:
    """The frame, with the range that the layer or one before it was told, or knows.

    Outside training only what gives pixels another unit or size says what it was told.
    """
    known, own = chain.ranged(frame, images), layer.settings.value_range
    if own is None:
        return known
    always = own == known.known_range and not known.in_training
    in_training = not (always or converts(layer) or resizes(layer))
    return known._replace(value_range=own, in_training=in_training)


def check_keypoints(layer: Any, why: str) -> None:
    """Refuses keypoints that a layer would read otherwise than those before it.

    Args:
        layer: the layer.
        why: the chain of those before it ends.
    """
    if "`keypoint_format` is" in why and layer.settings.keypoint_format is None:
        raise ValueError(
            "`keypoint_format` must be given to whatever crops or resizes outside "
            f"training too. Received: None of {layer.name!r}, behind a layer that was "
            f"told another one. Write {type(layer).__name__}(…, "
            "keypoint_format='rel_xy')."
        )
