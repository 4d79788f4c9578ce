"""explain: what a stack of layers becomes, in words."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import function_of
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.draws import held_by
from keras_aug_layers.layers.pixels.converter import Converter
from keras_aug_layers.plan import chain
from keras_aug_layers.plan.plan import Plan


def explain(layer: Any, shape: tuple[int | None, ...], dtype: str = "uint8") -> str:
    """Says how often a stack resamples, what runs, and where a chain ends, and why.

    A warp reads images at other places, between their pixels; any other pass colours,
    mixes, blurs or coarsens them where they are. In brackets is what is done in one
    pass: colours are changed as a warp reads them. A "paste" of CutMix may be, too,
    directly behind a warp that is compiled. All that a stage does to an image in turn,
    such as the "either" of a policy, "in_turn", or the "mix_chains" of AugMix, counts
    as one pass, and as a warp if it moves. Nothing is computed: the stack is traced, as
    in training.

    Args:
        layer: a layer or a model, ours or Keras's, or any function of images. A
            functional model gets what its inputs are; any other stack that mixes images
            gets labels with them.
        shape: of the images that go in, (B, H, W, C), with None for what is unknown.
        dtype: of these images.

    Returns:
        Lines of text: the sum, then two for each chain of layers. What others do, such
        as Keras's own layers, is not in it.

    Raises:
        ValueError: if `shape` or `dtype` is invalid, or `layer` is a class, a list, or
            anything else that is not called with images, or with a dict of images and
            labels where it mixes them.

    Example:
        >>> import keras
        >>> import keras_aug_layers as kal
        >>> stack = [kal.RandomFlip(name="flip"), kal.RandomRotate(0.1, name="turn")]
        >>> print(explain(keras.Sequential(stack), (8, 64, 64, 3)))
        1 warp, 0 other passes
        1. flip, turn: one warp (affine)
           begins at flip: its input is no output of a layer of this library
    """
    _check_callable(layer)
    if not isinstance(shape, (tuple, list, tf.TensorShape)):
        raise ValueError(
            "`shape` must be that of images, (B, H, W, C). Received: "
            f"{type(shape).__name__}. Write explain(layer, images.shape)."
        )
    options = {"training": True} if isinstance(layer, keras.layers.Layer) else {}
    chains: list[list[chain.Call]] = []

    def trace(data: Any) -> tf.Tensor:
        with chain.watched() as calls:
            _call(layer, data, **options)
        for call in calls:
            stack = next((s for s in chains if s[-1].now is call.before), None)
            if stack is None:  # its own, or a branch of another
                stack = [x for s in chains for x in _until(s, call.before)]
                chains.append(stack)
            stack.append(call)
        texts.extend(_lines(chains))
        return tf.zeros(())

    texts: list[str] = []
    try:
        images = tf.TensorSpec(shape, dtype)
    except (TypeError, ValueError):
        raise ValueError(
            "`shape` and `dtype` must be those of images. Received: "
            f"{shape!r} and {dtype!r}. Write explain(layer, (8, 64, 64, 3), 'uint8')."
        ) from None
    signature = [_given(layer, images)]
    tf.function(trace, signature, autograph=False).get_concrete_function()
    return "\n".join(texts)


def _check_callable(layer: Any) -> None:
    """Refuses what is not called with images: classes, lists of layers, recipes."""
    if callable(layer) and not isinstance(layer, type):
        return
    received, way = type(layer).__name__, "explain(layer, images.shape)"
    if isinstance(layer, type):
        received, way = repr(layer), f"{layer.__name__}(), a layer and not its class"
    elif isinstance(layer, (tuple, list)):
        way = "explain(keras.Sequential(layers), images.shape)"
    elif hasattr(layer, "train"):
        way = "explain(recipe.train, images.shape)"
    raise ValueError(
        "`layer` must be a layer, a model, or a function of images. Received: "
        f"{received}. Write {way}."
    )


def _given(layer: Any, images: tf.TensorSpec) -> Any:
    """What a stack is traced with: images, or these with what else it wants.

    Args:
        layer: a functional model gets what its inputs are; what else mixes gets one-hot
            labels.
        images: the specification of the images.
    """
    batch = images.shape[:1]
    if _has_inputs(layer):
        single = isinstance(layer, keras.Sequential)
        inputs = layer.inputs[0] if single else layer.input
        of_rank = [x for x in layer.inputs if len(x.shape) == images.shape.rank]
        main = next(iter(of_rank), layer.inputs[0])
        main = inputs.get("images", main) if isinstance(inputs, dict) else main
        return keras.tree.map_structure(
            lambda x: (
                images if x is main else tf.TensorSpec([*batch, *x.shape[1:]], x.dtype)
            ),
            inputs,
        )
    ours = [x for x in held_by(layer) if isinstance(x, AugmentationLayer)]
    if not any(x.mixes() for x in ours):
        return images
    classes = max(x.settings.num_classes or 2 for x in ours)
    return {"images": images, "labels": tf.TensorSpec([*batch, classes])}


def _call(layer: Any, data: Any, **options: Any) -> None:
    """Calls a stack, and says what a model wants that takes no labels, and mixes."""
    try:
        layer(data, **options)
    except Exception as error:
        made = isinstance(layer, keras.Sequential) or _has_inputs(layer)
        if made or not isinstance(layer, keras.Model) or not isinstance(data, dict):
            raise
        raise ValueError(
            "`layer` must take a dict of images and labels, as there are layers in it "
            f"that mix them. Received: {type(layer).__name__}, which fails with one. "
            "Write explain(lambda images: model(images, training=True), images.shape), "
            "and give it there what it takes."
        ) from error


def _has_inputs(layer: Any) -> bool:
    """Whether it is a model whose inputs are known."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _until(stack: Sequence[chain.Call], last: chain.Chain | None) -> list[chain.Call]:
    """The calls of a stack up to one, none where it is not among them."""
    place = [number for number, call in enumerate(stack, 1) if call.now is last]
    return list(stack[: place[0]]) if place else []


def _lines(chains: Sequence[Sequence[chain.Call]]) -> list[str]:
    lines, warps, passes = [], 0, 0
    for number, stack in enumerate(chains, 1):
        plan = stack[-1].now.transform().plan
        parts = [x for part in plan.parts for x in _passes(part)]
        warps += sum(bool(moved) for moved, _ in parts)
        passes += sum(not moved for moved, _ in parts)
        what = ", then ".join(
            f"one {'warp' if moved else 'pass'} ({', '.join((*moved, *done))})"
            for moved, done in parts
        )
        names = ", ".join(call.layer for call in stack)
        lines.append(f"{number}. {names}: {what or 'nothing'}")
        lines.append(f"   begins at {stack[0].layer}: {stack[0].why}")
    return [
        f"{warps} warp{'s' * (warps != 1)}, {passes} other pass{'es' * (passes != 1)}",
        *lines,
    ]


def _passes(part: Plan) -> list[tuple[list[str], list[str]]]:
    """What moves and what colours in each pass: a stage has its own."""
    moved = [step.name for step in part.coordinates]
    found: list[tuple[list[str], list[str]]] = [(moved, [])]
    for step in part.colors:
        function = function_of(step)
        if step.name == "in_between":
            found.append(([], []))
        elif function.kind == "stage":
            stage = ([step.name], []) if function.moves else ([], [step.name])
            found += [stage, ([], [])]
        else:
            found[-1][1].append(step.name)
    return [x for x in found if any(x)]


def describe(layer: AugmentationLayer) -> str:
    """The layer's class, and its arguments where they are not the default."""
    parts = [describe(part) for part in getattr(layer, "layers", ())]
    init = inspect.unwrap(type(layer).__init__)
    parameters = dict(inspect.signature(init).parameters)
    base = inspect.signature(AugmentationLayer.__init__).parameters
    parameters.setdefault("probability", base["probability"])
    for name, parameter in parameters.items():
        made = name == "dtype" and isinstance(layer, Converter)  # not Keras's own
        held = getattr(layer, "output_dtype" if made else name, None)
        value = arguments.held(held)
        listed = name in ("self", "layers", "layer", "weights", "kwargs")
        default = value == parameter.default
        default |= value == (0.0, 0.0) and parameter.default == 0.0
        if not listed and not default:
            parts.append(f"{name}={_short(value)}")
    if getattr(layer, "choice_weights", None) is not None:
        parts.append(f"weights={_short(layer.choice_weights)}")
    return f"{type(layer).__name__}({', '.join(parts)})"


def _short(value: Any) -> str:
    if not isinstance(value, tuple):
        return repr(value)
    if any(isinstance(x, (str, tuple)) for x in value):
        return f"({', '.join(map(_short, value))})"
    if len(value) == 2 and value[0] == -value[1]:
        return f"±{value[1]:g}"
    return f"({', '.join(f'{x:g}' for x in value)})"
