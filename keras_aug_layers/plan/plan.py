"""Plan: the programs of coordinates and of pixels that were drawn for a batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from keras_aug_layers.kernels import program
from keras_aug_layers.kernels.coordinates import crop_of
from keras_aug_layers.kernels.measured import in_window
from keras_aug_layers.kernels.pixels import convert
from keras_aug_layers.kernels.program import Program, Step, function_of
from keras_aug_layers.plan.frame import Frame


class Plan(NamedTuple):
    """What is done to a batch of images; without any step, nothing.

    Attributes:
        coordinates: the steps of coordinates, in the order of the stack.
        pixels: the steps of pixels, likewise; they come after the warp.
        size: height and width of what comes out; None for those of what comes in.
        dtype: of what comes out; None for that of what comes in.
        earlier: plans that come first, each with a warp of its own. There are some
            where a step with a place (a blur, a region) stands before one that moves
            pixels: the two are not exchanged. And what reads other images of the batch
            reads them as they are by then: it comes first in its part.
    """

    coordinates: Program = ()
    pixels: Program = ()
    size: tuple[int, int] | None = None
    dtype: str | None = None
    earlier: tuple["Plan", ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the last part moves pixels."""
        return bool(self.coordinates) or self.size is not None

    @property
    def colors(self) -> Program:
        """The steps of pixels that pixels see."""
        return tuple(x for x in self.pixels if function_of(x).kind != "targets")

    @property
    def gathers(self) -> bool:
        """Whether the last part reads other images of the batch."""
        return any(function_of(step).gathers for step in self.coordinates)

    def then(self, after: "Plan") -> "Plan":
        """This plan first, `after` next; neighbours that have a product become one."""
        plan = self
        for part in (*after.earlier, after):
            plan = plan._and(part)
        return plan

    def _and(self, part: "Plan") -> "Plan":
        if self._ends_before(part):
            earlier = (*self.earlier, self._replace(earlier=()))
            return part._replace(earlier=earlier)
        coordinates, pixels = self.coordinates, self.pixels
        crop = crop_of(coordinates)
        for step in part.coordinates:
            coordinates = program.then(coordinates, step)
        for step in part.pixels:
            if crop is not None and self.size is not None:
                step = in_window(step, crop, self.size)
            if function_of(step).kind == "targets":  # it stands between no others
                pixels = (step, *pixels)
            else:
                pixels = program.then(pixels, step)
        return self._replace(
            coordinates=coordinates,
            pixels=pixels,
            size=part.size or self.size,
            dtype=part.dtype or self.dtype,
        )

    def _ends_before(self, part: "Plan") -> bool:
        """Whether a part needs a pass of its own, over what this plan made."""
        if part.gathers:
            return self.moves or bool(self.pixels)
        if self.gathers and any(
            function_of(step).kind == "measured" for step in part.pixels
        ):
            return True  # the mean is that of all images that it shows
        placed = any(function_of(step).has_place for step in self.pixels)
        return part.moves and placed

    def whole(self) -> "Plan":
        """The plan as if it were one warp, for what has no pixels: points, masks."""
        plan = Plan()
        for part in (*self.earlier, self):
            for step in part.coordinates:
                plan = plan._replace(coordinates=program.then(plan.coordinates, step))
            plan = plan._replace(
                pixels=(*plan.pixels, *part.pixels), size=part.size or plan.size
            )
        return plan

    def until(self, ends: Callable[[Step], bool]) -> list["Plan"]:
        """The plan in parts, which end with such a step, or before one that gathers."""
        parts: list[Plan] = []
        begun = Plan()
        for part in (*self.earlier, self):
            if part.gathers:
                parts.append(begun)
                begun = Plan()
            begun = Plan(earlier=(begun, part._replace(earlier=()))).whole()
            if any(ends(step) for step in part.pixels):
                parts.append(begun)
                begun = Plan()
        return [*parts, begun]

    def map(self, function: Callable[[Step], Step]) -> "Plan":
        """Applies a function to every step."""
        return self._replace(
            coordinates=tuple(function(step) for step in self.coordinates),
            pixels=tuple(function(step) for step in self.pixels),
            earlier=tuple(part.map(function) for part in self.earlier),
        )

    def frame(self, before: Frame) -> Frame:
        """The images as the plan makes them, of what they were before."""
        height, width = self.whole().size or (before.height, before.width)
        frame = before._replace(height=height, width=width)
        if self.dtype is None:
            return frame
        return frame._replace(dtype=tf.as_dtype(self.dtype), value_range=None)

    def kind(self) -> tuple[Any, ...]:
        """The plan without its numbers: plans of one kind have the same program."""
        parts = tuple(
            (_kinds(part.coordinates), _kinds(part.pixels), part.size)
            for part in (*self.earlier, self)
        )
        return parts, self.dtype

    def only(self, mask: tf.Tensor) -> "Plan":
        """The plan for the images whose mask (B,) is true, nothing for the others."""
        return self.map(lambda step: program.only(step, mask))

    def divided(self) -> tuple["Plan", Program | None]:
        """The plan up to where pixels get another unit, and the steps behind that."""
        for place, step in enumerate(self.pixels):
            if step.name == "convert":
                before, behind = self.pixels[:place], self.pixels[place + 1 :]
                return self._replace(pixels=before, dtype=None), behind
        return self, None

    def beside(self) -> "Plan":
        """The plan of other images, which reads what the one in front of it reads."""
        return self.map(lambda step: Step(step.name, step.rows, step.only, True))


def of_each(plans: Sequence[Plan]) -> Plan:
    """One plan of several, each of which is for other images.

    Where they give pixels another unit, that is done to all images at once: what one
    plan stores would else be rounded for those that another plan has converted.
    """
    divided = [plan.divided() for plan in plans]
    whole = Plan()
    for head, _ in divided:
        whole = whole.then(head)
    tails = [tail for _, tail in divided if tail is not None]
    if tails:
        dtype = next(plan.dtype for plan in plans if plan.dtype is not None)
        whole = whole.then(Plan(pixels=(convert(one=1.0),), dtype=dtype))
    for tail in tails:
        whole = whole.then(Plan(pixels=tail))
    return whole


def _kinds(steps: tuple[Step, ...]) -> tuple[Any, ...]:
    return tuple(
        (
            program.function_of(step),
            step.only is None,
            step.beside,
            *((key, row.dtype, *row.shape[1:]) for key, row in step.rows.items()),
        )
        for step in steps
    )


Drawn: TypeAlias = Plan | Step | Iterable[Step]
"""What a layer may draw: a step, several, or a plan."""


def as_plan(drawn: Drawn) -> Plan:
    """The plan that a layer drew."""
    if isinstance(drawn, Plan):
        return drawn
    if drawn is None:
        raise ValueError(
            "`draw` must return a step, several, or a plan. Received: None. Write "
            "return my_function(strength=…), of what `register` made."
        )
    plan = Plan()
    for step in [drawn] if isinstance(drawn, Step) else drawn:
        moves = function_of(step).kind == "coordinates"
        plan = plan.then(Plan((step,), ()) if moves else Plan((), (step,)))
    return plan
