"""Plans as dicts of numbers, lists and strings, for JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.program import Step
from keras_aug_layers.plan.plan import Plan


def to_config(plan: Plan) -> dict[str, Any]:
    """A plan's parts, first to last, and the dtype that comes out."""
    parts = [_part(part) for part in plan.parts]
    return {"parts": parts, "dtype": plan.dtype}


def from_config(config: Mapping[str, Any]) -> Plan:
    """The plan that `to_config` described."""
    *earlier, last = (_plan(part) for part in config["parts"])
    return last._replace(dtype=config["dtype"], earlier=tuple(earlier))


def _part(part: Plan) -> dict[str, Any]:
    steps = {"coordinates": part.coordinates, "pixels": part.pixels}
    described = {key: [_describe(step) for step in x] for key, x in steps.items()}
    return {**described, "size": part.size}


def _describe(step: Step) -> dict[str, Any]:
    only = None if step.only is None else step.only.numpy().tolist()
    rows = {key: _numbers(row) for key, row in step.rows.items()}
    return {"name": step.name, "rows": rows, "only": only, "beside": step.beside}


def _numbers(row: tf.Tensor) -> dict[str, Any]:
    """A row; of one for no image the values do not tell the shape.

    JSON has no infinity: an end that is none is the greatest number of float32.
    """
    most = tf.float32.max
    values = np.clip(row.numpy(), -most, most) if row.dtype.is_floating else row.numpy()
    values = values.tolist()
    return {"dtype": row.dtype.name, "shape": row.shape.as_list(), "values": values}


def _plan(config: Mapping[str, Any]) -> Plan:
    steps = {
        key: tuple(_described(step) for step in config[key])
        for key in ("coordinates", "pixels")
    }
    size = None if config["size"] is None else tuple(config["size"])
    return Plan(steps["coordinates"], steps["pixels"], size)


def _described(config: Mapping[str, Any]) -> Step:
    only = config["only"]
    rows = {
        key: tf.constant(row["values"], row["dtype"], row.get("shape"))
        for key, row in config["rows"].items()
    }
    only = None if only is None else tf.constant(only, bool)
    return Step(config["name"], rows, only, config.get("beside", False))
