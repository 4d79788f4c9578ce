"""One of several stages for each image, and that several times: what policies are.

All of it is one stage. On a processor each stage is done to the images that drew it,
two at a time, and so what is dear is paid for by these: the programs are compiled once,
however many places there are. Where XLA does not compile, each image is by itself, on
as many cores as there are.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels import few
from keras_aug_layers.kernels.condition import in_turn
from keras_aug_layers.kernels.device import CPU, deriving, in_xla_context, traced
from keras_aug_layers.kernels.program import Step, function_of, register


def either(places: Sequence[Sequence[Step]], chosen: Sequence[tf.Tensor]) -> Step:
    """A step that does to each image, at each place, the stage that it chose.

    Args:
        places: for each place the stages to choose from, without an `only`: those of
            the same functions, in the same order, at every place.
        chosen: int32 (B,) for each place: the number of a stage, or any other number
            for none of them.
    """
    rows = {"chosen": tf.cast(tf.stack(list(chosen), axis=1), tf.float64)}
    for number, steps in enumerate(zip(*places, strict=True)):
        for key in steps[0].rows:
            every = [step.rows[key] for step in steps]
            rows[f"{number}/{steps[0].name}/{key}"] = tf.stack(every, axis=1)
    return _either(**rows)


def stages_of(rows: Mapping[str, tf.Tensor]) -> list[Step]:
    """The stages to choose from, read off the rows (B, 1, …) of one place."""
    every: dict[int, tuple[str, dict[str, tf.Tensor]]] = {}
    for name, row in rows.items():
        if name != "chosen":
            number, function, key = name.split("/")
            _, own = every.setdefault(int(number), (function, {}))
            own[key] = row[:, 0]
    return [Step(*step) for _, step in sorted(every.items())]


def _run(images: tf.Tensor, **rows: tf.Tensor) -> tf.Tensor:
    count, alone = rows["chosen"].shape[1], images.shape[0] == 1 and not deriving()
    sorts = not alone and in_xla_context() and not deriving() and traced() == CPU
    # Side by side in one tensor: of rows that only one stage has, XLA would look up
    # the place anew for each pixel.
    flat = [
        tf.reshape(row, (-1, count, math.prod(row.shape[2:]))) for row in rows.values()
    ]
    sizes = [row.shape[2] for row in flat]
    together = tf.concat(flat, axis=2)

    def at_place(place: Any, images: tf.Tensor) -> tuple[tf.Tensor]:
        parts = tf.split(together[:, place], sizes, axis=1)
        now = {
            key: tf.reshape(part, (-1, 1, *row.shape[2:]))
            for (key, row), part in zip(rows.items(), parts, strict=True)
        }
        chosen = tf.cast(now["chosen"][:, 0], tf.int32)
        if sorts:
            for number, step in enumerate(stages_of(now)):
                did = tf.equal(chosen, number)
                at = few.to_some(function_of(step).call, step.rows)
                images = few.made_anew(at, images, did)
            return (images,)
        branches = [
            lambda step=step: tf.ensure_shape(
                function_of(step).call(images, **step.rows), images.shape
            )
            for step in stages_of(now)
        ]
        if alone:
            return (tf.switch_case(chosen[0], [*branches, lambda: images]),)
        result = images
        for number, branch in enumerate(branches):
            mask = tf.reshape(tf.equal(chosen, number), (-1, 1, 1, 1))
            result = tf.where(mask, branch(), result)
        return (result,)

    return in_turn(at_place, count, images)[0]


_either = register(
    "either", "stage", _run, neutral={"chosen": -1.0}, one_by_one=True, sorts=True
)
