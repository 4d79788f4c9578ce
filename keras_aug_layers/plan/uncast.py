"""Uncast: a layer of Keras that gets what its caller gives, and in its dtype."""

from typing import Any

import keras


class Uncast(keras.layers.Layer):
    """A layer without weights, which Keras casts nothing for and converts nothing.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")  # not the policy's: pixels are not cast
        super().__init__(**{**kwargs, "autocast": False})
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True
