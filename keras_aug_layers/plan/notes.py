"""Notes on tensors: by which layers one was made, and of what.

A note is an attribute of the very tensor, so that it is lost where anything else is
computed. What a chain is, and where it ends, says `plan/chain.py`.
"""

from typing import Any

import numpy as np
import tensorflow as tf

_ATTRIBUTE = "_keras_aug_layers_source"
_SEEN_AS = "_keras_aug_layers_seen_as"

MAIN = ("boxes", "points")
"""The names of the numbers of boxes and polygons in their dicts."""


def made_by(tensor: Any) -> tuple[Any, Any]:
    """The chain of layers that made a tensor, and of what; twice None without one."""
    return getattr(tensor, _ATTRIBUTE, (None, None))


def remembered(result: Any, chain: Any, source: Any) -> Any:
    """A result with a note on its tensors of what they were made, and how.

    What nothing was done to is made anew, as a tensor of its own that goes along: the
    next layer would else move what this one has left as it came, and lose what returns
    into the frame.

    Args:
        result: a tensor, or the dict of bounding boxes.
        chain: the layers that made it.
        source: what they made it of.
    """
    if result is source:
        result = again(result)
    for tensor in _made(result, source):
        setattr(tensor, _ATTRIBUTE, (chain, source))
    return result


def first_of(value: Any) -> Any:
    """The numbers of boxes in a dict; another value itself."""
    if not isinstance(value, dict):
        return value
    return next((value[key] for key in MAIN if key in value), None)


def again(value: Any) -> Any:
    """The same value, in tensors of their own."""
    if not isinstance(value, dict):
        return tf.identity(value)
    first = first_of(value)
    return {key: tf.identity(x) if x is first else x for key, x in value.items()}


def as_source(value: Any) -> Any:
    """A value that a chain may begin with: its own, and without a note of another one.

    An array that the user fills anew would change what the next layer reads; and what
    another chain was made of would be kept as long as this one.
    """
    if isinstance(value, dict):
        return {key: as_source(x) for key, x in value.items()}
    if isinstance(value, list):
        return [as_source(x) for x in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tf.Variable) or hasattr(value, _ATTRIBUTE):
        return tf.identity(value)
    return value


def see_as(tensor: tf.Tensor, other: tf.Tensor) -> None:
    """Notes that a tensor is another one in another shape, as a video is its frames."""
    setattr(tensor, _SEEN_AS, other)


def seen_as(tensor: tf.Tensor) -> tf.Tensor | None:
    """The other one of which `see_as` told."""
    return getattr(tensor, _SEEN_AS, None)


def source_of(result: Any, chain: Any) -> Any:
    """What the layers of a chain made a result of; None if they did not make it."""
    source = made_by(first_of(result))[1]
    if isinstance(result, dict) and (source is None or source.keys() - result.keys()):
        return None
    notes = [made_by(x) for x in _made(result, source)]
    ours = all(maker is chain and x is source for maker, x in notes)
    return source if ours else None


def _made(result: Any, source: Any) -> list[Any]:
    """The tensors that were made, of bounding boxes not those that stayed."""
    if not isinstance(result, dict):
        return [result]
    return [x for key, x in result.items() if x is not source.get(key)]
