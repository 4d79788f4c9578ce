"""What a caller gives, as the engine takes it, and hidden from Keras if need be."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers.layers import checks
from keras_aug_layers.plan import entries, moves


@dataclasses.dataclass
class Opaque:
    """Hides a dict from Keras, which refuses mixtures of tensors and other values."""

    value: Any

    def __repr__(self) -> str:
        """What Keras writes below an error: shapes, not screens of values."""
        return repr(keras.tree.map_structure(_shape, self.value))


def opaque(data: Any) -> Any:
    """A dict or a named tuple hidden from Keras, unless Keras's symbols are in it."""
    several = isinstance(data, dict) or entries.is_named(data)
    if several and not any(map(keras.utils.is_keras_tensor, keras.tree.flatten(data))):
        return Opaque(data)
    return data


def by_name(
    args: tuple[Any, ...], kwargs: dict[str, Any], *names: str
) -> dict[str, Any]:
    """The arguments of a call under their names: Keras would give those once more.

    Args:
        args: those behind the data.
        kwargs: those under their names.
        *names: of `args`.
    """
    if len(args) > len(names) or kwargs.keys() & {*names[: len(args)]}:
        raise TypeError(
            f"A call takes data, {', '.join(names)}, each once. Received: {args!r} and "
            f"{', '.join(kwargs)}."
        )
    kwargs |= zip(names, args, strict=False)
    checks.training(kwargs.get("training"))
    return kwargs


def _shape(x: Any) -> Any:
    name = getattr(getattr(x, "dtype", None), "name", None)
    return f"{name} {x.shape}" if hasattr(x, "shape") else x


def tensor(name: str, x: Any) -> tf.Tensor:
    """A tensor; of arrays or pictures in a list of their dtype."""
    objects = isinstance(x, np.ndarray) and x.dtype.kind == "O"
    if objects or isinstance(x, (tf.SparseTensor, set)):
        raise ValueError(
            f"`{name}` must be a dense array of numbers. Received: {type(x).__name__}"
            f"{' of objects' * objects}. Write "
            "tf.sparse.to_dense(x), or np.stack(x) of arrays of one shape, or "
            "tf.ragged.stack(list(x)) of several."
        )
    return tf.convert_to_tensor(moves.stacked(x))


def opened(x: Any) -> Any:
    """A batch that is known to be empty as one of any number of images.

    TensorFlow's optimizer divides by zero, and ends the process, where it finds an
    empty constant multiplied by ones: random numbers for no images are such constants.
    """
    if isinstance(x, tf.RaggedTensor) or x.shape[:1] != [0]:
        return x
    return tf.raw_ops.PlaceholderWithDefault(input=x, shape=[None, *x.shape[1:]])


def is_eager(data: Any) -> bool:
    """Whether this is a TensorFlow tensor with a value, outside any graph."""
    return tf.is_tensor(data) and hasattr(data, "numpy") and tf.executing_eagerly()
