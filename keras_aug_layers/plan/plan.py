"""Plan: the programs of coordinates and of pixels that were drawn for a batch."""

from collections.abc import Iterable
from typing import NamedTuple, Union

import tensorflow as tf

from keras_aug_layers.kernels import program
from keras_aug_layers.kernels.program import Program, Step, function_of
from keras_aug_layers.plan.frame import Frame


class Plan(NamedTuple):
    """What is done to a batch of images; without any step, nothing.

    Attributes:
        coordinates: the steps of coordinates, in the order of the stack.
        pixels: the steps of pixels, likewise; they come after the warp.
        size: height and width of what comes out; None for those of what comes in.
        dtype: of what comes out; None for that of what comes in.
    """

    coordinates: Program = ()
    pixels: Program = ()
    size: tuple[int, int] | None = None
    dtype: str | None = None

    def then(self, after: "Plan") -> "Plan":
        """This plan first, `after` next; neighbours that have a product become one."""
        coordinates, pixels = self.coordinates, self.pixels
        for step in after.coordinates:
            coordinates = program.then(coordinates, step)
        for step in after.pixels:
            pixels = program.then(pixels, step)
        return Plan(
            coordinates, pixels, after.size or self.size, after.dtype or self.dtype
        )

    def frame(self, before: Frame) -> Frame:
        """The images as the plan makes them, of what they were before."""
        height, width = self.size or (before.height, before.width)
        dtype = before.dtype if self.dtype is None else tf.as_dtype(self.dtype)
        return before._replace(height=height, width=width, dtype=dtype)

    def only(self, mask: tf.Tensor) -> "Plan":
        """The plan for the images whose mask (B,) is true, nothing for the others."""
        coordinates, pixels = (
            tuple(program.only(step, mask) for step in steps)
            for steps in (self.coordinates, self.pixels)
        )
        return self._replace(coordinates=coordinates, pixels=pixels)


Drawn = Union[Plan, Step, Iterable[Step]]
"""What a layer may draw: a step, several, or a plan."""


def as_plan(drawn: Drawn) -> Plan:
    """The plan that a layer drew."""
    if isinstance(drawn, Plan):
        return drawn
    plan = Plan()
    for step in [drawn] if isinstance(drawn, Step) else drawn:
        moves = function_of(step).kind == "coordinates"
        plan = plan.then(Plan((step,), ()) if moves else Plan((), (step,)))
    return plan
