"""FusedAugmentation: any stack of layers as one warp and one pass of colour."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.group import LayerGroup
from keras_aug_layers.layers.mixes.mixing import MixingLayer
from keras_aug_layers.layers.pixels.converter import Converter
from keras_aug_layers.layers.pixels.erasing import ErasingLayer
from keras_aug_layers.layers.told import converts
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan, as_plan
from keras_aug_layers.plan.random_numbers import Cursor


@keras.saving.register_keras_serializable("keras_aug_layers")
class FusedAugmentation(LayerGroup):
    """Applies a stack of layers as one: one warp, one pass of colour.

    Geometry comes first, colours after it, each in the order of the list, and the
    result is clipped and rounded once. So brightness also changes a constant fill, and
    a colour that leaves the range may come back. A blur, noise or a region in front of
    a move stays in front of it: then the image is warped again.

    Args:
        layers: layers of this library, in order. An empty list is the identity.
        **kwargs: arguments of `LayerGroup`: fill settings, `value_range` and
            `jit_compile`; and of `AugmentationLayer`, such as `seed`.

    Raises:
        ValueError: if the settings of the layers differ and the group's own are not
            given, something in `layers` is no augmentation layer, or a layer that moves
            or colours comes after one that gives pixels another unit.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomFlip, RandomZoom
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> augment = FusedAugmentation([RandomFlip("horizontal"), RandomZoom(0.2)])
        >>> augment(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(self, layers: Sequence[AugmentationLayer], **kwargs: Any) -> None:
        super().__init__(layers, **kwargs)
        check_units(self)

    def rest(self, frame: Frame) -> Plan:
        """What the layers do outside training, one after the other."""
        plan = Plan()
        for layer in self.layers:
            plan = plan.then(as_plan(layer.rest(plan.frame(frame))))
        return plan

    def framed(self, frame: Frame) -> Frame:
        """The images as they come out of the last layer."""
        for layer in self.layers:
            frame = layer.framed(frame)
        return frame

    def _draw(self, cursor: Cursor, cursors: Iterator[Cursor], frame: Frame) -> Plan:
        """The layers' plans, one after the other."""
        plan, told = Plan(), None
        for layer in self.layers:
            now = plan.frame(frame)
            if now.value_range is None:  # behind another unit
                now = now._replace(value_range=layer.settings.value_range or told)
            plan = plan.then(layer.drawn(cursors, now))
            if converts(layer):
                told = layer.framed(now).value_range
        return plan


def check_units(
    layer: AugmentationLayer, before: Converter | None = None
) -> Converter | None:
    """Refuses layers that would get pixels in another unit than their settings have.

    Args:
        layer: the layer, or the group, that is checked.
        before: what gave the pixels that it gets another unit, if anything did.

    Returns:
        The same of the pixels that it gives.
    """
    if isinstance(layer, LayerGroup) and layer.alternatives:
        ends = [check_units(member, before) for member in layer.members()]
        return next((end for end in ends if end is not None), None)
    for member in layer.members():
        before = check_units(member, before)
    if layer.members():
        return before
    if before is not None and not isinstance(layer, (ErasingLayer, MixingLayer)):
        raise ValueError(
            "`layers` must only erase or mix where pixels have got another unit. "
            f"Received: {layer.name!r} after {before.name!r}. Write "
            f"keras.Sequential([…, {type(before).__name__}(…), …]), where pixels "
            f"are read anew behind it, or put {before.name!r} last."
        )
    return layer if isinstance(layer, Converter) else before
