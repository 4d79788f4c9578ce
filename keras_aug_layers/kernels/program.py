"""Programs: named pure functions, with a row of parameters for each image.

A step names a function of this module's register and holds its rows. A program is a
tuple of steps, in the order in which a user stacked them: of coordinates, or of pixels.
Two operations carry everything else:

- `then` appends a step; neighbours that have a product become one step.
- `only` keeps a step for some images of the batch, and makes it the identity for the
  others.

A function is entered under its name with `register`, ours and a user's alike:

    >>> def gamma(x, power, high):
    ...     return high * tf.maximum(x / high, 0.0) ** power
    >>> _ = register("my_gamma", "pointwise", gamma, neutral={"power": 1.0})

Its kind says what it gets, and what it gives back:

- "coordinates": x and y of the frame that comes out, counted from its middle, which is
  at (n - 1) / 2 of n pixels, of shapes that broadcast to (B, H, W); it gives those of
  the frame that comes in, likewise. One that `gathers` gives the number of the image in
  the batch, too, in which they are read.
- "pointwise": the values of pixels, perhaps of one channel alone; it gives values.
- "mixing": a tuple of a channel, the next, the one after …, with rows that turn with
  them; it gives the values of the first.
- "measured": the mean colour of each image; it gives a step without one.
- "placed": the values, then the rows (1, H, 1, 1) and the columns (1, 1, W, 1) of the
  pixels; it gives values.
- "whole": whole images (B, H, W, C) of floating values; it gives the same.
- "stage": stored images (B, H, W, C), in the user's dtype; it gives the same.
- "targets": nothing of the pixels; it is there for what follows them.

All of them get their rows as keyword arguments: of pixels as (B, 1, 1, n), of
coordinates as (B, 1, 1), or (B, n, 1, 1) if there are several numbers; of stages and
statistics as (B, n). They are of the dtype of what is computed, which is float64 for
pixels of 32-bit and 64-bit integers and of float64, else float32. Rows and columns of
pixels are float32: cast them. A row with an entry for each channel turns with the
channels.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Optional

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.again import written_again

KINDS = (
    "coordinates",
    "pointwise",
    "mixing",
    "measured",
    "placed",
    "whole",
    "stage",
    "targets",
)


class Step(tf.experimental.BatchableExtensionType):
    """One function of a program and its parameters.

    Attributes:
        name: the function's name in the register.
        rows: tensors of shape (B, …), or (1, …) where all images share them.
        only: bool (B,), the images for which it is done; None for all.
        beside: whether it reads the images that the step before it read, and not what
            that made of them: the two are for different images of the batch.
    """

    __name__ = "keras_aug_layers.Step"  # under which a SavedModel knows it

    name: str
    rows: Mapping[str, tf.Tensor]
    only: Optional[tf.Tensor] = None  # noqa: UP045 (extension types read no other form)
    beside: bool = False

    def map(self, function: Callable[[tf.Tensor], tf.Tensor]) -> "Step":
        """Applies a function to every tensor of the step."""
        rows = {key: function(row) for key, row in self.rows.items()}
        only = None if self.only is None else function(self.only)
        return Step(self.name, rows, only, self.beside)


Program = tuple[Step, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Function:
    """What the register knows of a function; entered once more, it is another one.

    Attributes:
        name: its name.
        kind: one of `KINDS`.
        call: the function itself.
        neutral: the rows with which it is the identity: numbers, or functions of the
            row that they stand for. Where it is given, `only` costs nothing.
        for_some: the function that it is where it is for some images only.
        product: makes one step of two neighbours, or returns None where it cannot.
        inverse: the step that undoes a step.
        stored: whether it reads what would be stored before it: clipped values, whole
            numbers where the images are integers.
        rounds: of such a function, whether these are whole numbers.
        by_pixel: of pixels, whether it takes rows (B, H, W, n), too, of each pixel its
            own: behind a window of a partner, others are called once for the partner.
        alone: of a stage, whether each image is by itself.
        one_by_one: of a stage, whether images are done one after the other by XLA on
            a processor: where what an image drew decides how much there is to do.
        sorts: of such a stage, whether XLA is given all images, since those that drew
            the same are done together.
        programs: of a stage, whether it does programs of its own: then it gets `run`,
            a function of images, a program of pixels and, perhaps, one of coordinates.
        moves: of such a stage, whether it has programs of coordinates: it is a warp.
        placed: of a stage, whether what it does to a pixel depends on where it lies or
            on other pixels, so that it cannot be exchanged with a move.
        picks: of a stage that shows, in each pixel, an image or its `partner`: whether
            it is the partner, given rows and columns and its rows, see `picks.Pick`.
        gathers: of coordinates, whether they are read in other images of the batch.
            One that takes a `pixel`, 1 by default, is told how wide those of maps of a
            coarser grid are.
        labels: what it makes of one-hot labels (B, K), given its rows.
        masks: what it makes of segmentation masks (B, H, W, C), given its rows.
        boxes: what it makes of `followers.Boxes`, given the size of the frame, the
            images that it is for, the least visible part and its rows.
        keypoints: what it makes of keypoints (B, M, …, 2), pixel centres at integers,
            given the `size` of the frame, `only`, the images that it is for, bool (B,),
            and its rows.
        reorders: of "targets", what it makes of keypoints (B, M, 2), given how many of
            them in a row have a name each, and its rows.
        optional: under the name of a target, the row without which it stays as it is.
    """

    name: str
    kind: str
    call: Callable[..., Any]
    neutral: Mapping[str, Any] | None = None
    for_some: str | None = None
    product: Callable[[Step, Step], Step | None] | None = None
    inverse: Callable[[Step], Step] | None = None
    stored: bool = False
    rounds: bool = True
    by_pixel: bool = False
    alone: bool = True
    one_by_one: bool = False
    sorts: bool = False
    programs: bool = False
    moves: bool = False
    placed: bool = True
    picks: Callable[..., Any] | None = None
    gathers: bool = False
    labels: Callable[..., Any] | None = None
    masks: Callable[..., Any] | None = None
    boxes: Callable[..., Any] | None = None
    keypoints: Callable[..., Any] | None = None
    reorders: Callable[..., Any] | None = None
    optional: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def has_place(self) -> bool:
        """Whether it cannot be exchanged with a move of the pixels."""
        return self.kind == "stage" and self.placed or self.kind in ("placed", "whole")


_REGISTER: dict[str, Function] = {}


def register(
    name: str, kind: str, call: Callable[..., Any], **facts: Any
) -> Callable[..., Step]:
    """Enters a function, and returns what makes steps of it.

    Args:
        name: under which saved programs find it; a name that stands for another
            function already is refused. The same `def`, changed and run once more in a
            notebook, takes the place of what it was, in layers made from then on.
        kind: what the function gets and gives, one of the kinds that
            `keras_aug_layers.kernels.program` lists.
        call: the function.
        **facts: further attributes of `keras_aug_layers.kernels.program.Function`, such
            as `neutral` and `inverse`.

    Returns:
        A function that takes the rows as keyword arguments, numbers or tensors of shape
        (B,) or (B, …), and makes a step of them.

    Raises:
        ValueError: if the name is none or taken, the kind unknown, or `call` cannot be
            called.

    Example:
        >>> negative = register("my_negative", "pointwise", lambda x, top: top - x)
        >>> negative(top=255.0).rows["top"].shape
        TensorShape([1, 1])
    """
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"`name` must be a text. Received: {name!r}. Write 'mine.gamma', say."
        )
    arguments.one_of("kind", kind, KINDS)
    if not callable(call):
        raise ValueError(f"`call` must be a function. Received: {call!r}")
    names = [field.name for field in dataclasses.fields(Function)]
    unknown = sorted(facts.keys() - names)
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` is no attribute of a function. Received: {unknown}. Write "
            f"some of {', '.join(names[3:])}."
        )
    known = _REGISTER.get(name)
    if known is not None and not written_again(known.call, call):
        raise ValueError(
            f"`name` must be new in the register. Received: {name!r}, which is "
            f"{known.call!r}. Write a prefix of your own, such as 'mine.gamma'; a "
            "function that you mean to change needs a `def` with the name it had."
        )
    _REGISTER[name] = Function(name, kind, call, **facts)

    def make(**rows: Any) -> Step:
        return Step(name, {key: as_row(row) for key, row in rows.items()})

    make.__name__ = make.__qualname__ = name
    return make


def function_of(step: Step) -> Function:
    """What the register knows of a step's function.

    Raises:
        ValueError: if nothing has its name, as where a program was saved by code that
            this process has not imported.
    """
    if step.name not in _REGISTER:
        raise ValueError(
            f"No function has the name {step.name!r}. Import the module that enters it "
            "with keras_aug_layers.register before the program is loaded."
        )
    return _REGISTER[step.name]


def as_row(value: Any) -> tf.Tensor:
    """A number or (B,) as float64 (1, 1) or (B, 1); more axes stay as they are."""
    value = to_double(value)
    return value if (value.shape.rank or 0) > 1 else tf.reshape(value, (-1, 1))


def for_all_axes(row: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """A number for each image, (B,) or (B, 1), with as many axes as another tensor."""
    return tf.reshape(row, (-1,) + (1,) * (like.shape.rank - 1))


def to_double(x: Any) -> tf.Tensor:
    """A float64 tensor; of a Python number without a detour through float32."""
    if tf.is_tensor(x):
        return tf.cast(x, tf.float64)
    return tf.constant(x, tf.float64)


def then(program: Program, step: Step) -> Program:
    """The program, and the step after it."""
    if program and program[-1].only is None and step.only is None:
        product = function_of(program[-1]).product
        merged = product(program[-1], step) if product else None
        if merged is not None:
            return (*program[:-1], merged)
    return (*program, step)


def only(step: Step, mask: tf.Tensor) -> Step:
    """The step for the images whose mask (B,) is true, the identity for the others."""
    function = function_of(step)
    neutral = function.neutral if function.alone else None  # partners' labels follow it
    if neutral is None or step.only is not None:
        mask = mask if step.only is None else step.only & mask
        return Step(step.name, step.rows, mask, step.beside)
    rows = {}
    for key, row in step.rows.items():
        if key in neutral:
            idle = neutral[key](row) if callable(neutral[key]) else neutral[key]
            chosen = for_all_axes(mask, row)
            row = tf.where(chosen, row, tf.cast(idle, row.dtype))
        rows[key] = row
    return Step(function.for_some or step.name, rows)


def check_each_channel(
    function: Function, own: tf.Tensor, channels: Any, rows: dict[str, tf.Tensor]
) -> None:
    """Refuses a number for each channel that is no row: it is not turned as those are.

    The `function` gets `own`, some of the `channels`, with their `rows`.
    """
    ours = str(getattr(function.call, "__module__", "")).startswith("keras_aug_layers.")
    if ours or not isinstance(channels, int) or channels == 1:
        return
    wide = tuple((key, row.dtype, row.shape[-1]) for key, row in rows.items())
    width = _width(function, own.dtype, channels, wide)
    if width in (0, channels):  # 0 of a row that is taken apart
        raise ValueError(
            f"{function.name!r} must get a number for each channel as a row. Received: "
            f"a function that makes {width} channels of one. Write "
            f"{function.name}(…, offset=[[20.0, 0.0, -20.0]]), and take that."
        )


@functools.lru_cache(1024)
def _width(
    function: Function, dtype: tf.DType, channels: int, rows: tuple[Any, ...]
) -> int | None:
    """How many channels a function makes of one, if a trace of nothing tells it."""
    sizes = {key: 1 if width == channels else width for key, _, width in rows}
    with contextlib.suppress(Exception), tf.Graph().as_default():
        given = {key: tf.zeros((1, 1, 1, sizes[key]), kind) for key, kind, _ in rows}
        one = tf.zeros((1, 1, 1, 1), dtype)
        pixels: Any = {"placed": [one] * 3, "mixing": [[one] * channels]}
        made = function.call(*pixels.get(function.kind, [one]), **given).shape[-1]
        return None if made is None else int(made)
    return None


def inverse(program: Program) -> Program:
    """The program that undoes this one, as far as its steps can be undone.

    Raises:
        ValueError: if a step has no inverse.
    """
    undone: Program = ()
    for step in reversed(program):
        invert = function_of(step).inverse
        if invert is None:
            raise ValueError(
                f"`inverse` needs steps that can be undone. Received: {step.name!r}, "
                "which cannot."
            )
        inverted = invert(step)
        undone = then(
            undone, inverted if step.only is None else only(inverted, step.only)
        )
    return undone
