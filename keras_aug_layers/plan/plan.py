"""Plan: the programs of coordinates and of pixels that were drawn for a batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from keras_aug_layers.kernels import program
from keras_aug_layers.kernels.coordinates import crop_of
from keras_aug_layers.kernels.measured import (
    OF_THE_FRAME,
    WINDOW,
    in_window,
    measured_behind_a_stage,
    measuring,
)
from keras_aug_layers.kernels.pixels import converts
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
        """This plan, and a part behind it."""
        if self._ends_before(part):
            earlier = tuple(self.parts)
            return part._replace(earlier=earlier, dtype=part.dtype or self.dtype)

        def seen(step: Step) -> Step:
            if function_of(step).kind != "measured":
                return step
            # A window that is there already lies in what this plan shows, moved or not.
            crop = crop_of(self.coordinates, moved=WINDOW in step.rows)
            return step if crop is None else in_window(step, crop, self.size)

        return self._with(part._replace(pixels=tuple(map(seen, part.pixels))))

    def _with(self, part: "Plan") -> "Plan":
        """The steps of this plan, and those of a part, in one pass."""
        coordinates, pixels = self.coordinates, self.pixels
        for step in part.coordinates:
            coordinates = program.then(coordinates, step)
        for step in part.pixels:
            if function_of(step).kind == "targets":  # it stands between no others
                count = len(pixels) - len(self._replace(pixels=pixels).colors)
                pixels = (*pixels[:count], step, *pixels[count:])
            else:
                for now in measuring(pixels, step):
                    pixels = program.then(pixels, now)
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
        return part.moves and (
            placed or converts(self.pixels) or measured_behind_a_stage(self.pixels)
        )

    def whole(self) -> "Plan":
        """The plan as if it were one warp: where pixels come from, and the size."""
        plan = Plan()
        for part in self.parts:
            for step in part.coordinates:
                plan = plan._replace(coordinates=program.then(plan.coordinates, step))
            plan = plan._replace(
                pixels=(*plan.pixels, *part.pixels), size=part.size or plan.size
            )
        return plan

    def map(self, function: Callable[[Step], Step]) -> "Plan":
        """Applies a function to every step."""
        return self._replace(
            coordinates=tuple(function(step) for step in self.coordinates),
            pixels=tuple(function(step) for step in self.pixels),
            earlier=tuple(part.map(function) for part in self.earlier),
        )

    def unpaired(self) -> "Plan":
        """The plan without the steps that change the order of keypoints."""
        return self._replace(
            pixels=tuple(x for x in self.pixels if function_of(x).reorders is None),
            earlier=tuple(part.unpaired() for part in self.earlier),
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
            for part in self.parts
        )
        return parts, self.dtype

    def only(self, mask: tf.Tensor) -> "Plan":
        """The plan for the images whose mask (B,) is true, nothing for the others."""
        return self.map(lambda step: program.only(step, mask))

    @property
    def parts(self) -> list["Plan"]:
        """The plans that come first, and the last part, each by itself."""
        return [*self.earlier, self._replace(earlier=())]

    def divided(self) -> tuple["Plan", "Plan | None"]:
        """The plan up to where pixels get another unit, and from there on."""
        parts = self.parts
        for number, part in enumerate(parts):
            for place, step in enumerate(part.pixels):
                if not converts((step,)):
                    continue
                before, behind = part.pixels[:place], part.pixels[place:]
                head = [*parts[:number], part._replace(pixels=before)]
                tail = [Plan(pixels=behind), *parts[number + 1 :]]
                return _joined(head)._replace(dtype=None), _joined(tail)
        return self, None

    def beside(self) -> "Plan":
        """The plan of other images, which reads what the one in front of it reads."""
        return self.map(lambda step: Step(step.name, step.rows, step.only, True))


def of_each(plans: Sequence[Plan]) -> Plan:
    """One plan of several, each of which is for other images.

    Where they give pixels another unit, that is done to all images at once: what one
    plan stores would else be rounded for those that another plan has converted.

    Raises:
        ValueError: if their images would differ in size between two passes.
    """
    divided = [plan.divided() for plan in plans]
    whole = _side_by_side([head for head, _ in divided])
    tails = [tail for _, tail in divided if tail is not None]
    if tails:
        dtype = next(plan.dtype for plan in plans if plan.dtype is not None)
        firsts = [tail.parts[0].pixels[:2] for tail in tails]
        whole = whole.then(Plan(pixels=firsts[0][:1], dtype=dtype))
        for steps in firsts:  # the maps, before one image is mixed with another
            whole = whole.then(Plan(pixels=steps[1:]))
    for tail in tails:
        first, *others = tail.parts
        whole = whole.then(_joined([first._replace(pixels=first.pixels[2:]), *others]))
    return whole


def _side_by_side(plans: Sequence[Plan]) -> Plan:
    """Plans for other images each, part by part; those that change the size at once.

    In turn, what one plan makes smaller would be cut out of the images of the next.
    """
    every = [plan.parts for plan in plans]
    sized = [[i for i, part in enumerate(x) if part.size is not None] for x in every]
    flat = [part for parts in every for part in parts]
    alone = all(function_of(step).alone for part in flat for step in part.pixels)
    if not any(sized) and (not alone or any(part.gathers for part in flat)):
        whole = Plan()
        for plan in plans:  # partners are as those before have left them
            whole = whole.then(plan)
        return whole
    latest = max((places[0] for places in sized if places), default=0)
    first = [latest - places[0] if places else 0 for places in sized]
    kinds = {
        tuple((begin + i, parts[i].size) for i in places)
        for begin, places, parts in zip(first, sized, every, strict=True)
    }
    if any(len(places) > 1 for places in sized) and len(kinds) > 1:
        raise ValueError(
            "`layers` that are for some images only must change the size at one place. "
            f"Received: {len(kinds)} ways, with a blur, an erasing or a mix between. "
            "Write one crop or resize in each of them."
        )
    together: list[Plan] = []
    count = max(begin + len(parts) for begin, parts in zip(first, every, strict=True))
    for number in range(count):
        now = [
            parts[number - begin]
            for begin, parts in zip(first, every, strict=True)
            if 0 <= number - begin < len(parts)
        ]
        together += _in_one_pass(now)
    return _joined([part for part in together if any(part[:4])] or [Plan()])


def _in_one_pass(parts: Sequence[Plan]) -> list[Plan]:
    """Parts that are for other images each, together, in one pass where they can be.

    What reads other images of the batch comes first in it. Of several that do, all but
    the last read them in passes of their own before.
    """
    reading = [part for part in parts if part.gathers]
    passes = [Plan(part.coordinates[:1]) for part in reading[:-1]]
    rest = [part._replace(coordinates=part.coordinates[1:]) for part in reading[:-1]]
    others = [part for part in parts if not part.gathers]
    if all(function_of(step).alone for part in parts for step in part.pixels):
        # Means of the images as they came in, before a part makes another pass.
        pairs = [_after_means(part) for part in others]
        others = [*(first for first, _ in pairs), *(rest for _, rest in pairs)]
    now = Plan()
    for part in (*reading[-1:], *rest, *others):
        now = now._with(part)
    return [*passes, now]


def _after_means(part: Plan) -> tuple[Plan, Plan]:
    """A part up to the last mean of the images as they came in, and what is behind."""
    place = 0
    for number, step in enumerate(part.pixels):
        kind = function_of(step).kind
        if kind in ("stage", *OF_THE_FRAME):
            break
        if kind == "measured":
            place = number + 1
    behind = Plan(pixels=part.pixels[place:])
    return part._replace(pixels=part.pixels[:place]), behind


def _joined(parts: Sequence[Plan]) -> Plan:
    """A plan of parts."""
    *earlier, last = parts
    return last._replace(earlier=tuple(earlier))


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
