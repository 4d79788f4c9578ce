"""fuse: Keras's own augmentation layers, and stacks of ours, as the fewest layers."""

import itertools
import warnings
from collections.abc import Iterable
from typing import Any

import keras

from keras_aug_layers.layers import FusedAugmentation, LayerSequence
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.draws import draws, held_by
from keras_aug_layers.layers.groups.fused import check_units
from keras_aug_layers.layers.groups.group import opinions_in_order, share_variables
from keras_aug_layers.layers.groups.sequence import (
    STACKS,
    FromIntegers,
    own_calls,
)
from keras_aug_layers.migrate.converters import CONVERTERS
from keras_aug_layers.plan.jit import check_jit_compile
from keras_aug_layers.plan.settings import Settings


class NotFusedWarning(UserWarning):
    """A layer stays as it is that is random, or overrides what has an equivalent.

    Silence it with `warnings.filterwarnings("ignore", category=NotFusedWarning)`.
    """


def fuse(stack: Any, *, jit_compile: bool | str = "auto") -> keras.layers.Layer:
    """Turns a stack of augmentation layers into the fewest fused layers.

    Converted are the layers of `keras.layers` that `CONVERTERS` of
    `migrate/converters.py` names: all that augment, crop, resize or rescale images,
    but `MaxNumBoundingBoxes` and `ContrastLimitedAdaptiveHistogramEqualization`, which
    stay in their place, as everything else does; they get images in the dtype in which
    Keras's layer before them would have given them.
    Neighbours that share fill settings, value range, data format and unit become one
    `FusedAugmentation`.

    Where a layer of Keras does not do what its documentation says, ours does what is
    written there; this and other differences are listed in `migrate/converters.py`.

    Args:
        stack: a `keras.Sequential`, a functional model whose layers stand in a line, a
            `keras.layers.Pipeline`, a list of layers, or one layer. Subclasses of the
            layers above are converted where they override nothing but `__init__`, those
            of stacks where they are called as Keras calls them.
        jit_compile: as for `FusedAugmentation`.

    Returns:
        A `FusedAugmentation`, or a `LayerSequence` of them and what stays.

    Raises:
        ValueError: if the stack holds a layer with trained weights, or something that
            is no layer.

    Example:
        >>> import keras
        >>> old = keras.Sequential(
        ...     [keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.2)]
        ... )
        >>> [type(layer).__name__ for layer in fuse(old).layers]
        ['RandomRotate', 'RandomZoom']
    """
    check_jit_compile(jit_compile)
    runs: list[list[AugmentationLayer] | keras.layers.Layer] = []
    dtype = None  # in which Keras would have given the images, where it did
    for layer in _flatten(stack):
        ours, why = _convert(layer)
        if ours is None and dtype is not None and not isinstance(layer, _AS_THEY_ARE):
            runs.append(FromIntegers(dtype))
            dtype = None
        elif ours is not None:
            dtype = None if ours is layer else layer.compute_dtype
        if ours is not None and not ours.fusible:
            runs.append(_in_form(ours, jit_compile))
        elif ours is None:
            _check_stays(layer, why)
            runs.append(layer)
        elif runs and isinstance(runs[-1], list) and _agree(runs[-1], ours):
            runs[-1].append(ours)
        else:
            runs.append([ours])
    fused = [
        FusedAugmentation(run, jit_compile=jit_compile)
        if isinstance(run, list)
        else run
        for run in runs
    ]
    if not fused:
        return FusedAugmentation([], jit_compile=jit_compile)
    return fused[0] if len(fused) == 1 else LayerSequence(fused)


_AS_THEY_ARE = keras.layers.MaxNumBoundingBoxes
"""Leaves images as they are."""


def _in_form(layer: AugmentationLayer, jit_compile: bool | str) -> AugmentationLayer:
    """A layer that no group takes, or a copy of it in the form that was asked for."""
    if jit_compile in ("auto", layer.jit_compile):
        return layer
    copy = layer.from_config({**layer.get_config(), "jit_compile": jit_compile})
    share_variables(copy, layer)
    return copy


def _flatten(stack: Any) -> Iterable[Any]:
    """The layers of a stack, in order, those of nested stacks among them."""
    if isinstance(stack, (list, tuple)):
        layers: Iterable[Any] = stack
    elif not _is_stack(stack) or own_calls(stack):
        yield stack
        return
    else:
        layers = _in_a_line(stack) if _is_functional(stack) else stack.layers
    for layer in layers:
        if not isinstance(layer, keras.layers.InputLayer):
            yield from _flatten(layer)


def _is_functional(stack: Any) -> bool:
    functional = isinstance(stack, keras.Model) and hasattr(stack, "_nodes_by_depth")
    return functional and not isinstance(stack, keras.Sequential)


def _is_stack(stack: Any) -> bool:
    """Whether this calls layers one after the other, or is made of them."""
    return isinstance(stack, STACKS) or _is_functional(stack)


def _in_a_line(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a functional model, each of which gets what the last one gave."""
    nodes = [model._nodes_by_depth[x] for x in sorted(model._nodes_by_depth)[::-1]]
    tensors = [(x.input_tensors, x.outputs) for several in nodes for x in several]
    linear = all(len(several) == 1 for several in nodes) and all(
        len(given) == len(made) == 1 and given[0] is made[0]
        for (_, made), (given, _) in itertools.pairwise(tensors)
    )
    layers = [several[0].operation for several in nodes]
    linear &= all(isinstance(layer, keras.layers.Layer) for layer in layers)
    if not linear or len(model.outputs) != 1:
        raise ValueError(
            "`stack` must be a line of layers, from one input to one output. Received: "
            f"the model {model.name!r}, which branches or computes between its layers. "
            "Write fuse([...]) for each line in it."
        )
    return layers


def _agree(run: list[AugmentationLayer], layer: AugmentationLayer) -> bool:
    """Whether a layer can join a run: they have one warp, one clip and one unit."""
    layers, agreed, before = [*run, layer], Settings(), None
    try:
        for other, opinions in zip(layers, opinions_in_order(layers), strict=True):
            before = check_units(other, before)
            agreed = agreed.join(opinions)
    except ValueError:
        return False
    return len({x.jit_compile for x in layers} - {"auto"}) < 2


def _check_stays(layer: Any, why: str) -> None:
    """Refuses what is no preprocessing, and names what is random, or one's own."""
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "`stack` must hold Keras layers. Received: "
            f"{layer!r}. Write fuse([keras.layers.RandomFlip(), …])."
        )
    if _is_trained(layer):
        raise ValueError(
            "`stack` must hold preprocessing layers only. Received: "
            f"{type(layer).__name__} {layer.name!r} with trained weights. Write "
            "keras.Sequential([fuse(augmentation), *rest_of_the_model])."
        )
    ours = any(isinstance(x, AugmentationLayer) for x in held_by(layer))
    if ours or draws(layer) or _overrides(layer):
        warnings.warn(
            f"{type(layer).__name__} {layer.name!r} stays as it is: {why}. It does as "
            "before, and outside training if it did, and costs a pass of its own.",
            NotFusedWarning,
            stacklevel=3,
        )


def _is_trained(layer: keras.layers.Layer) -> bool:
    """Whether a layer has weights, or will have, of Keras's own that is not built."""
    if layer.built or layer.trainable_weights or not layer.trainable:
        return bool(layer.trainable_weights)
    if isinstance(layer, keras.layers.Wrapper):
        return _is_trained(layer.layer)
    builder = next(cls for cls in type(layer).__mro__ if "build" in vars(cls))
    module = builder.__module__
    of_keras = (
        module.startswith("keras.src.layers.") and ".preprocessing." not in module
    )
    return of_keras and builder is not keras.layers.Layer


def _convert(layer: Any) -> tuple[AugmentationLayer | None, str]:
    """Our layer for one of Keras's, ours as it is; else None, and why."""
    if isinstance(layer, AugmentationLayer):
        return layer, ""
    overrides = own_calls(layer) if _is_stack(layer) else _overrides(layer)
    if overrides:
        return None, f"it overrides {', '.join(overrides)}"
    known = next((cls for cls in type(layer).__mro__ if cls in CONVERTERS), None)
    if known is None:
        return None, "it has no equivalent here"
    common = {}
    for name in ("name", "seed", "data_format", "bounding_box_format"):
        common[name] = getattr(layer, name, None)
    try:
        return CONVERTERS[known](layer, common), "it has no equivalent here"
    except ValueError as error:  # what Keras takes, and ours does not
        reason = str(error)
        return None, reason[:1].lower() + reason[1:].rstrip(".")


def _overrides(layer: Any) -> list[str]:
    """What a subclass of a layer that is known does in its own way."""
    overridden: set[str] = set()
    for cls in type(layer).__mro__:
        if cls in CONVERTERS:
            return sorted(overridden - _HARMLESS)
        overridden |= {
            name
            for name, value in vars(cls).items()
            if callable(value) or not name.startswith("__")
        }
    return []


_HARMLESS = {"__init__", "__repr__", "__annotate__", "get_config", "from_config"}
"""What a subclass may override."""
