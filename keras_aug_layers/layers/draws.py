"""Whether a layer draws random numbers, as far as its attributes and its code tell."""

import contextlib
import functools
import random
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_GENERATORS = (
    keras.random.SeedGenerator,
    tf.random.Generator,
    np.random.Generator,
    np.random.RandomState,
    random.Random,
)
_LIBRARIES = ("keras.", "tensorflow.", "numpy.")
"""Modules whose functions are not looked into."""


def held_by(layer: Any) -> list[Any]:
    """A layer, and all that it holds, however deep."""
    return [layer, *getattr(layer, "_flatten_layers", list)()]


def draws(layer: keras.layers.Layer) -> bool:
    """Whether a layer, or one within it, draws random numbers.

    It does if it holds a generator, has a name as random layers have, or if a function
    of its user's own, or one that this calls, names what is random.
    """
    every = held_by(layer)
    values = [value for each in every for value in vars(each).values()]
    for several in [x for x in values if isinstance(x, (dict, list, tuple))]:
        values += several.values() if isinstance(several, dict) else several
    return (
        type(layer).__name__.startswith(("Rand", "AugMix", "CutMix", "MixUp"))
        or any(isinstance(value, _GENERATORS) for value in values)
        or any(_names_random(each) for each in every)
    )


def _names_random(layer: Any) -> bool:
    """Whether code that a call of a layer runs, and its user wrote, is random."""
    calls = [vars(cls).get("call") for cls in type(layer).__mro__]
    left, seen = [*calls, getattr(layer, "function", None)], set()
    while left:
        function = _plain(left.pop())
        if function is None or function in seen:
            continue
        seen.add(function)
        named = _named(function, layer)
        if any(name == "random" or _is_random(value) for name, value in named):
            return True
        left += [value for _, value in named]
    return False


def _is_random(value: Any) -> bool:
    """Whether something is a generator, a module of random numbers, or of one."""
    owner = getattr(value, "__self__", None)
    if isinstance(value, _GENERATORS) or isinstance(owner, _GENERATORS):
        return True
    name = "__name__" if isinstance(value, types.ModuleType) else "__module__"
    module = f"{getattr(value, name, '')}."
    return module.startswith(("random.", *_LIBRARIES)) and "random" in module


def _plain(value: Any) -> types.FunctionType | None:
    """The function that a user wrote, of what may be one; None for others."""
    while isinstance(value, functools.partial):
        value = value.func
    value = getattr(value, "__func__", value)  # of a method
    value = getattr(value, "python_function", value)  # of a `tf.function`
    value = getattr(value, "fget", value)  # of a property
    if not isinstance(value, types.FunctionType):
        return None
    module = f"{value.__module__}."
    return None if module.startswith((*_LIBRARIES, "keras_aug_layers.")) else value


def _named(function: types.FunctionType, layer: Any) -> list[tuple[str, Any]]:
    """What the code of a function names, and what that is, where it can be known."""
    named = []
    for name in _names(function.__code__):
        named.append((name, function.__globals__.get(name)))
        named.append((name, getattr(type(layer), name, None)))
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # of one that is empty yet
            named.append(("", cell.cell_contents))
    return named


def _names(code: types.CodeType) -> set[str]:
    """The names in a function's code, and in that of functions within it."""
    inner = [x for x in code.co_consts if isinstance(x, types.CodeType)]
    return {*code.co_names}.union(*map(_names, inner))
