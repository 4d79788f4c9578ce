"""Kept: what of a layer is kept, its arguments and the state of its random numbers."""

import difflib
import inspect
import weakref
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers.streams import own
from keras_aug_layers.plan.uncast import Uncast

OF_KERAS = {
    *inspect.signature(keras.layers.Layer.__init__).parameters,
    "input_shape",
    "input_dim",
}
"""The arguments of every layer of Keras."""


class Kept(Uncast):
    """A layer whose arguments are its attributes of the same names."""

    random_state: Any
    _p = "probability"
    """The argument that others call p."""

    def __init__(self, **kwargs: Any) -> None:
        for name in kwargs.keys() - OF_KERAS:
            known = list(dict.fromkeys(argument_names(type(self))))
            similar = difflib.get_close_matches(name, known, 1, cutoff=0.5)
            meant = self._p if name == "p" else next(iter(similar), None)
            way = f"Write {meant}" if meant else f"It takes {', '.join(known)}"
            raise ValueError(
                f"`{name}` is no argument of {type(self).__name__}. Received: "
                f"{name}={kwargs[name]!r}. {way}."
            )
        super().__init__(**kwargs)
        self._state = RandomState(self)

    def get_config(self) -> dict[str, Any]:
        """Every argument of `__init__`, as the attribute of the same name."""
        names = argument_names(type(self))
        given = {name: arguments.held(getattr(self, name)) for name in names}
        return {**super().get_config(), **given}

    def load_own_variables(self, store: Any) -> None:
        """Loads its weights, if it has some: the layers of this library have none."""
        weights = {key: store[key] for key in store.keys() if key.isdigit()}
        super().load_own_variables(weights)
        _loaded(self, store)  # where files of before have it


class RandomState(keras.losses.Loss):
    """Has Keras keep the state of a layer's random numbers beside its weights.

    There a layer of Keras's own, which takes the place of this one, does not look for
    its weights. (Keras keeps what a layer holds if it is of a kind that it knows, of
    which a loss is the least.)

    Args:
        layer: the layer.
    """

    def __init__(self, layer: Kept) -> None:
        super().__init__()
        self._layer = weakref.ref(layer)

    def save_own_variables(self, store: Any) -> None:
        """Saves the state, which is no weight."""
        layer: Any = self._layer()
        store[_STATE] = own(layer.random_state).numpy()

    def load_own_variables(self, store: Any) -> None:
        """Loads it, where it was saved: not by a net without this layer."""
        _loaded(self._layer(), store)


_STATE = "random_state"


def _loaded(layer: Any, store: Any) -> None:
    if _STATE in store.keys():
        layer.random_state.assign(store[_STATE])


def variables_of(layer: Any) -> list[tf.Variable]:
    """Those among the arguments of a layer and of its members, each once."""
    found = {}
    for name in argument_names(type(layer)):
        value = getattr(layer, name, None)  # a layer of one's own may have none
        if arguments.is_variable(value):
            found[id(value)] = value
    for member in layer.members():
        found |= {id(x): x for x in variables_of(member)}
    return list(found.values())


def argument_names(layer: type[Kept]) -> list[str]:
    """The names of the arguments of a class, but for those of Keras's own layers."""
    names = []
    for cls in layer.__mro__[: layer.__mro__.index(keras.layers.Layer)]:
        init = vars(cls).get("__init__", lambda self: None)
        for name, parameter in inspect.signature(init).parameters.items():
            others = parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL
            if name != "self" and parameter.kind not in others:
                names.append(name)
    return names
