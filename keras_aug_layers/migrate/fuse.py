"""fuse: Keras's own augmentation layers, and stacks of ours, as the fewest layers."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.layers import (
    FusedAugmentation,
    LayerSequence,
    RandomBrightness,
    RandomChoice,
    RandomContrast,
    RandomFlip,
    RandomGrayscale,
    RandomInvert,
    RandomPerspective,
    RandomRotate,
    RandomSaturation,
    RandomShear,
    RandomShift,
    RandomZoom,
)
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.plan.jit import check_jit_compile
from keras_aug_layers.plan.settings import Disagreement, Settings

arguments.keras_version(keras.__version__)


class NotFusedWarning(UserWarning):
    """A random layer stays as it is: there is no equivalent of it here.

    Silence it with `warnings.filterwarnings("ignore", category=NotFusedWarning)`.
    """


def fuse(stack: Any, *, jit_compile: bool | str = "auto") -> keras.layers.Layer:
    """Turns a stack of augmentation layers into the fewest fused layers.

    Converted are, of `keras.layers`, RandomFlip, RandomTranslation, RandomRotation,
    RandomZoom, RandomShear, RandomPerspective, RandomBrightness, RandomContrast,
    RandomColorDegeneration, RandomGrayscale and RandomInvert, and all layers of this
    library. Neighbours that share fill settings, value range and data format become
    one `FusedAugmentation`; everything else, such as Rescaling, Resizing or RandomHue,
    stays in its place between them.

    Where a layer of Keras does not do what its documentation says, ours does what is
    written there:

    - RandomFlip("horizontal_and_vertical") draws its axes one by one.
    - RandomContrast(f) also lowers the contrast: the gain is from 1 - f to 1 + f.
    - RandomContrast((0, f)) is the same as RandomContrast(f), which Keras stores alike.
    - RandomShear((a, b)) keeps the random sign that Keras's has.
    - RandomColorDegeneration(f) only pales: its factor is from 0 to f.
    - RandomPerspective moves all four corners (Keras: never the top left), by at most
      a quarter of `scale` times the size, and nothing folds over.
    - RandomInvert and RandomPerspective with a range of chances use its middle, which
      gives the same images as often.
    - Integers are rounded and clipped; the chain is clipped once, at its end.

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
        >>> old = keras.Sequential(
        ...     [keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.2)]
        ... )
        >>> [type(layer).__name__ for layer in fuse(old).layers]
        ['RandomRotate', 'RandomZoom']
    """
    check_jit_compile(jit_compile)
    runs: list[list[AugmentationLayer] | keras.layers.Layer] = []
    for layer in _flatten(stack):
        ours = _convert(layer)
        if ours is not None and not ours.fusible:
            runs.append(ours)
        elif ours is None:
            _check_stays(layer)
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
    for layer in stack:
        nested = (keras.Model, keras.layers.Pipeline, LayerSequence, list, tuple)
        if isinstance(layer, nested):
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
    """Whether a layer can join a run: they have one warp and one clip."""
    try:
        agreed = Settings()
        for other in (*run, layer):
            agreed = agreed.join(other.opinions)
    except Disagreement:
        return False
    return len({x.jit_compile for x in (*run, layer)} - {"auto"}) < 2


def _check_stays(layer: Any) -> None:
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
        name = f"{type(layer).__name__} {layer.name!r}"
        overrides = _overrides(layer)
        why = (
            f"it overrides {', '.join(overrides)}"
            if overrides
            else ("it has no equivalent here")
        )
        warnings.warn(
            f"{name} stays as it is: {why}. It may still augment outside training, and "
            "costs a pass of its own.",
            NotFusedWarning,
            stacklevel=3,
        )


def draws(layer: keras.layers.Layer) -> bool:
    """Whether a layer, or one within it, holds a generator of random numbers."""
    layers = [layer, *getattr(layer, "_flatten_layers", list)()]
    return any(
        isinstance(value, keras.random.SeedGenerator)
        for each in layers
        for value in vars(each).values()
    ) or type(layer).__name__.startswith(("Rand", "AugMix", "CutMix", "MixUp"))


def _convert(layer: Any) -> AugmentationLayer | None:
    """Our layer for one of Keras's, ours as it is, None for all others."""
    if isinstance(layer, AugmentationLayer):
        return layer
    known = next((cls for cls in type(layer).__mro__ if cls in _CONVERTERS), None)
    if known is None or _overrides(layer):
        return None
    common = {"seed": layer.seed, "name": None}
    for name in ("data_format", "bounding_box_format"):
        common[name] = getattr(layer, name, None)
    return _CONVERTERS[known](layer, common)


def _overrides(layer: Any) -> list[str]:
    """What a subclass of a layer that is known does in its own way."""
    overridden: set[str] = set()
    for cls in type(layer).__mro__:
        if cls in _CONVERTERS:
            return sorted(overridden)
        own = {name for name in vars(cls) if not name.startswith("__")}
        overridden |= own - {"get_config", "from_config"}
    return []


def _fill(layer: Any) -> dict[str, Any]:
    names = ("fill_mode", "interpolation", "fill_value")
    return {name: getattr(layer, name) for name in names}


def _pair(layer: Any, name: str) -> tuple[float, float]:
    """The range that Keras holds in two attributes."""
    return getattr(layer, f"{name}_lower"), getattr(layer, f"{name}_upper")


def _flip(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomFlip(layer.mode, **common)


def _translation(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomShift(
        _pair(layer, "height"), _pair(layer, "width"), **_fill(layer), **common
    )


def _rotation(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomRotate(tuple(layer.factor), **_fill(layer), **common)


def _zoom(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    width = None if layer.width_factor is None else _pair(layer, "width")
    return RandomZoom(_pair(layer, "height"), width, **_fill(layer), **common)


def _shear(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    """Keras draws a sign for both axes after the factors."""
    factors = layer.x_factor, layer.y_factor
    mirrored = [(-high, -low) for low, high in factors]
    settings = {**_fill(layer), **common, "origin": "top_left"}
    if all(low == -high for low, high in factors):
        return RandomShear(*factors, **settings)
    either = {**settings, "seed": None}
    return RandomChoice(
        [RandomShear(*factors, **either), RandomShear(*mirrored, **either)], **common
    )


def _perspective(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomPerspective(
        sum(layer.factor) / 2.0,
        layer.scale,
        fill_mode="constant",
        fill_value=layer.fill_value,
        interpolation=layer.interpolation,
        **common,
    )


def _brightness(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    value_range = tuple(layer.value_range)
    return RandomBrightness(tuple(layer.factor), value_range, method="add", **common)


def _contrast(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    """Keras keeps (0, f) of a single f, though it documents 1 - f … 1 + f."""
    low, high = layer.factor
    return RandomContrast((-(low or high), high), tuple(layer.value_range), **common)


def _degeneration(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    """Keras draws a single f from (-f, f), though it documents 0 … f."""
    low, high = layer.factor
    gain = 1.0 - high, 1.0 - max(low, 0.0)
    return RandomSaturation(
        None, tuple(layer.value_range), gain=gain, space="linear", **common
    )


def _grayscale(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomGrayscale(layer.factor, **common)


def _invert(layer: Any, common: dict[str, Any]) -> AugmentationLayer:
    return RandomInvert(sum(layer.factor) / 2.0, tuple(layer.value_range), **common)


_CONVERTERS: dict[type, Callable[[Any, dict[str, Any]], AugmentationLayer]] = {
    keras.layers.RandomFlip: _flip,
    keras.layers.RandomTranslation: _translation,
    keras.layers.RandomRotation: _rotation,
    keras.layers.RandomZoom: _zoom,
    keras.layers.RandomShear: _shear,
    keras.layers.RandomPerspective: _perspective,
    keras.layers.RandomBrightness: _brightness,
    keras.layers.RandomContrast: _contrast,
    keras.layers.RandomColorDegeneration: _degeneration,
    keras.layers.RandomGrayscale: _grayscale,
    keras.layers.RandomInvert: _invert,
}
