"""fuse: Keras's own augmentation layers, and stacks of ours, as the fewest layers."""

import warnings
from collections.abc import Iterable
from typing import Any

import keras

from keras_aug_layers.layers import FusedAugmentation, LayerSequence
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.fused import check_units
from keras_aug_layers.layers.groups.group import opinions_in_order
from keras_aug_layers.layers.streams import draws
from keras_aug_layers.migrate.converters import CONVERTERS
from keras_aug_layers.plan.jit import check_jit_compile
from keras_aug_layers.plan.settings import Settings


class NotFusedWarning(UserWarning):
    """A random layer stays as it is: there is no equivalent of it here.

    Silence it with `warnings.filterwarnings("ignore", category=NotFusedWarning)`.
    """


def fuse(stack: Any, *, jit_compile: bool | str = "auto") -> keras.layers.Layer:
    """Turns a stack of augmentation layers into the fewest fused layers.

    Converted are the layers of `keras.layers` that `CONVERTERS` of
    `migrate/converters.py` names: all that augment, crop, resize or rescale images,
    but `MaxNumBoundingBoxes` and `ContrastLimitedAdaptiveHistogramEqualization`, which
    stay in their place, as everything else does.
    Neighbours that share fill settings, value range, data format and unit become one
    `FusedAugmentation`.

    Where a layer of Keras does not do what its documentation says, ours does what is
    written there; this and other differences are listed in `migrate/converters.py`.

    Args:
        stack: a `keras.Sequential`, a functional model whose layers stand in a line, a
            `keras.layers.Pipeline`, a list of layers, or one layer. Subclasses of the
            layers above are converted where they override nothing but `__init__`.
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
    for layer in _flatten(stack):
        ours, why = _convert(layer)
        if ours is not None and not ours.fusible:
            runs.append(ours)
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


def _flatten(stack: Any) -> Iterable[Any]:
    """The layers of a stack, in order, those of nested stacks among them."""
    if isinstance(stack, (keras.Sequential, keras.layers.Pipeline)):
        stack = stack.layers
    elif isinstance(stack, keras.Model) and hasattr(stack, "operations"):
        stack = _in_a_line(stack)
    elif isinstance(stack, LayerSequence):
        stack = stack.layers
    if not isinstance(stack, (list, tuple)):
        stack = [stack]
    nested = (keras.Sequential, keras.layers.Pipeline, LayerSequence, list, tuple)
    for layer in stack:
        functional = isinstance(layer, keras.Model) and hasattr(layer, "operations")
        if functional or isinstance(layer, nested):
            yield from _flatten(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _in_a_line(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a functional model, each of which gets what the last one gave."""
    layers = model.layers
    linear = len(model.operations) == len(layers) and all(
        len(after._inbound_nodes) == 1 and after.input is before.output
        for before, after in zip(layers, layers[1:], strict=False)
    )
    if not linear or model.output is not layers[-1].output:
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
    """Refuses what is no preprocessing, and names random layers that stay."""
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "`stack` must hold Keras layers. Received: "
            f"{layer!r}. Write fuse([keras.layers.RandomFlip(), …])."
        )
    if layer.trainable_weights:
        raise ValueError(
            "`stack` must hold preprocessing layers only. Received: "
            f"{type(layer).__name__} {layer.name!r} with trained weights. Write "
            "keras.Sequential([fuse(augmentation), *rest_of_the_model])."
        )
    if draws(layer):
        warnings.warn(
            f"{type(layer).__name__} {layer.name!r} stays as it is: {why}. It draws as "
            "before, and outside training if it did, and costs a pass of its own.",
            NotFusedWarning,
            stacklevel=3,
        )


def _convert(layer: Any) -> tuple[AugmentationLayer | None, str]:
    """Our layer for one of Keras's, ours as it is; else None, and why."""
    if isinstance(layer, AugmentationLayer):
        return layer, ""
    known = next((cls for cls in type(layer).__mro__ if cls in CONVERTERS), None)
    overrides = _overrides(layer)
    if overrides:
        return None, f"it overrides {', '.join(overrides)}"
    if known is None:
        return None, "it has no equivalent here"
    common = {"name": None}
    for name in ("seed", "data_format", "bounding_box_format"):
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
            return sorted(overridden)
        own = {name for name in vars(cls) if not name.startswith("__")}
        overridden |= own - {"get_config", "from_config"}
    return []
