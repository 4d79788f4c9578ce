"""Kept: what of a layer is kept, its arguments and the state of its random numbers."""

import difflib
import inspect
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

    def get_config(self) -> dict[str, Any]:
        """Every argument of `__init__`, as the attribute of the same name."""
        names = argument_names(type(self))
        given = {name: arguments.held(getattr(self, name)) for name in names}
        return {**super().get_config(), **given}

    def save_own_variables(self, store: Any) -> None:
        """Saves its weights, and the state of the random numbers, which is none."""
        super().save_own_variables(store)
        store["random_state"] = own(self.random_state).numpy()

    def load_own_variables(self, store: Any) -> None:
        """Loads them, where they were saved: not by a net without this layer."""
        if "random_state" in store.keys():
            weights = {key: store[key] for key in store.keys() if key.isdigit()}
            super().load_own_variables(weights)
            self.random_state.assign(store["random_state"])


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
