"""A gradient of one's own, which goes when its graph goes.

In a graph `tf.custom_gradient` enters the gradient into a registry of the process, and
with it the tensors that it needs: a graph of a few MB for each trace, for good.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

_HELD = "_keras_aug_layers_gradients"


def own_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """What `tf.custom_gradient` makes of a function, kept as long as its graph is.

    Args:
        function: of tensors, gives a result, and the function of its gradient.
    """
    derived = tf.custom_gradient(function)

    @functools.wraps(function)
    def called(*tensors: tf.Tensor) -> Any:
        result = derived(*tensors)
        if not tf.executing_eagerly():
            _let_go(tf.nest.flatten(result)[0].op)
        return result

    return called


def _let_go(op: tf.Operation) -> None:
    """Gives an op's gradient to its graph, and leaves the registry a way to it."""
    registry = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    name, graph = op.get_attr("_gradient_op_type").decode(), op.graph
    entry = registry.get(name)
    if entry is None:  # in a TensorFlow that keeps it elsewhere
        return
    gradient = entry["type"]
    setattr(graph, _HELD, [*getattr(graph, _HELD, []), gradient])
    reference = weakref.ref(gradient)

    def of_op(op: tf.Operation, *upstream: tf.Tensor) -> Any:
        held = reference()
        if held is None:
            raise LookupError(f"The graph is gone that knew the gradient of {op.name}.")
        return held(op, *upstream)

    entry["type"] = of_op
    weakref.finalize(graph, registry.pop, name, None)
