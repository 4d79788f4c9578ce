"""Checks of arguments: each error names the argument, what came and what to write."""

import functools
import inspect
import math
import sys
from collections.abc import Callable, Collection, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

Range = tuple[float, float]
Class = TypeVar("Class")

LARGEST = 1e12
"""Of factors: products of a few of them, and of pixels, are float32 numbers still."""
PAIR = "a pair (low, high)"
EITHER = f"a number or {PAIR}"


def in_keras_order(*names: str) -> Callable[[type[Class]], type[Class]]:
    """Lets a class take further arguments by position, as Keras's class of its name.

    Args:
        names: those that follow the class's own positional arguments in Keras.
    """

    def decorated(cls: Any) -> Any:
        init = cls.__init__
        known = {
            name: parameter.replace(kind=parameter.POSITIONAL_OR_KEYWORD)
            for base in reversed(cls.__mro__)
            for name, parameter in inspect.signature(base.__init__).parameters.items()
        }
        parameters = inspect.signature(init).parameters.values()
        first = [x for x in parameters if x.kind is x.POSITIONAL_OR_KEYWORD]
        last = [x for x in parameters if x not in first and x.name not in names]
        own, most = len(first) - 1, len(first) - 1 + len(names)

        @functools.wraps(init)
        def ordered(self: Any, *args: Any, **kwargs: Any) -> None:
            if len(args) > most:
                raise TypeError(
                    f"{cls.__name__} takes at most {most} arguments by position, at "
                    f"last {', '.join(names)}. Received: {len(args)}"
                )
            further = dict(zip(names, args[own:], strict=False))
            init(self, *args[:own], **further, **kwargs)

        order = [*first, *(known[name] for name in names), *last]
        vars(ordered)["__signature__"] = inspect.Signature(order)
        cls.__init__ = ordered
        return cls

    return decorated


def one_of(name: str, value: Any, options: Collection[str]) -> str:
    """Returns `value` if it is among `options`, else raises a ValueError."""
    if not isinstance(value, str) or value not in options:
        choices = ", ".join(repr(option) for option in options)
        raise ValueError(f"`{name}` must be one of {choices}. Received: {value!r}")
    return value


def number(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> float:
    """Returns `value` as a float if it is finite and low <= value <= high."""
    if not is_number(value):
        raise ValueError(f"`{name}` must be a number. Received: {value!r}")
    real = _real(value)
    if not (math.isfinite(real) and low <= real <= high):
        raise ValueError(f"`{name}` must be {_bounds(low, high)}. Received: {value!r}")
    return real


def changing(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> Any:
    """A number, or a variable that holds one: it counts what it holds at each call.

    Args:
        name: the argument's name, for the error.
        value: a number, or a scalar, floating `tf.Variable` or `keras.Variable`.
        low: the least value; of variables what they hold now is checked.
        high: the greatest.
    """
    inner = getattr(value, "value", None)
    variable: Any = inner if is_variable(inner) else value
    if not is_variable(variable):
        return number(name, value, low, high)
    if variable.shape.rank != 0 or not variable.dtype.is_floating:
        raise ValueError(
            f"`{name}` must be a number, or a scalar variable of a floating dtype. "
            f"Received: a variable of shape {variable.shape} and dtype "
            f"{variable.dtype.name}. Write tf.Variable(0.5, trainable=False)."
        )
    number(name, held(variable), low, high)
    return variable


def is_variable(value: Any) -> bool:
    """Whether it is a `tf.Variable`."""
    tensorflow = sys.modules.get("tensorflow")  # the command line sets its log before
    return tensorflow is not None and isinstance(value, tensorflow.Variable)


def held(value: Any) -> Any:
    """The number that a variable holds now; whatever else as it is."""
    if not is_variable(value):
        return value
    with sys.modules["tensorflow"].init_scope():  # also where a graph is being built
        return float(value.numpy())


def factor(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    way: str = "",
) -> Range:
    """Reads a range: f means (-f, f), a pair (low, high).

    Args:
        name: the argument's name, for the error.
        value: a number, or a pair of numbers, in either order.
        low: the least value that may be drawn.
        high: the greatest.
        way: what to write where greater numbers are meant, for the error.
    """
    low, high = max(low, -LARGEST), min(high, LARGEST)
    way = f" Write {way}." if way else ""
    if is_number(value):
        reach, most = min(-low, high), abs(_real(value))
        if not most <= reach:
            other = f" Write a pair, of numbers {_bounds(low, high)}."
            raise ValueError(
                f"`{name}` must be {_bounds(-reach, reach)} where it is one number: f "
                f"means the range (-f, f). Received: {value!r}."
                f"{other if -low != high else ''}{way}"
            )
        value = -most, most
    try:
        return pair(name, value, low, high, expected=EITHER)
    except ValueError as error:
        if not way:
            raise
        raise ValueError(f"{str(error).rstrip('.')}.{way}") from None


def share(name: str, value: Any, whole: float = 1.0) -> Range:
    """Reads a range of parts of a whole: f means (0, f), a pair (low, high)."""
    if is_number(value):
        value = (0.0, number(name, value, 0.0, whole))
    return pair(name, value, 0.0, whole, expected=EITHER)


def gain(name: str, value: Any) -> Range:
    """Reads a range of gains: v means (1 - v, 1 + v), a pair (low, high)."""
    if is_number(value):
        value = number(name, value, 0.0)
        value = (max(0.0, 1.0 - value), 1.0 + value)
    return pair(name, value, 0.0, LARGEST, expected=EITHER)


def fixed(name: str, value: Any, low: float, high: float) -> Range:
    """Reads a range: v means (v, v), a pair (low, high)."""
    if is_number(value):
        value = value, value
    return pair(name, value, low, high, expected=EITHER)


def chance(name: str, value: Any) -> float:
    """Reads a chance: a number, or the middle of a pair from which it is drawn.

    As many images are chosen where each draws its chance as where all have the middle.
    """
    return sum(fixed(name, value, 0.0, 1.0)) / 2.0


def optional(check: Callable[..., Any], name: str, value: Any, *bounds: float) -> Any:
    """None, or the value after its check."""
    return None if value is None else check(name, value, *bounds)


def exactly_one(**values: Any) -> None:
    """Refuses none and several of arguments that say the same thing in other units."""
    given = [name for name, value in values.items() if value is not None]
    if len(given) != 1:
        names = " or ".join(f"`{name}`" for name in values)
        raise ValueError(
            f"Exactly one of {names} must be given. Received: "
            f"{', '.join(given) or 'none of them'}"
        )


def whole(name: str, value: Any) -> int:
    """Returns `value` as an integer if it is a whole number."""
    if value != int(value):
        raise ValueError(f"`{name}` must be a whole number. Received: {value!r}")
    return int(value)


def size(name: str, value: Any, low: int = 1) -> int:
    """Returns `value` if it is a whole number of at least `low`, of 32 bits."""
    if not is_number(value) or not low <= _real(value) < 2**31 or value % 1 != 0:
        raise ValueError(
            f"`{name}` must be a whole number of at least {low}, of 32 bits. Received: "
            f"{value!r}"
        )
    return int(value)


def per_channel(
    name: str, value: Any, low: float = -math.inf
) -> float | tuple[float, ...]:
    """Returns one number, or a tuple of one for each channel."""
    if is_number(value):
        return number(name, value, low)
    numbers = value.ravel() if isinstance(value, np.ndarray) and value.ndim else value
    if not (numbers := _listed(numbers)):
        raise ValueError(
            f"`{name}` must be a number, or one for each channel. Received: {value!r}"
        )
    return tuple(number(name, x, low) for x in numbers)


def per_axis(
    name: str, value: Any, low: float, high: float
) -> float | tuple[float, float]:
    """Returns one number, or a pair of one for each axis, in the order given."""
    if is_number(value):
        return number(name, value, low, high)
    if len(numbers := _listed(value)) != 2:
        raise ValueError(
            f"`{name}` must be a number, or a pair of one for each axis. Received: "
            f"{value!r}"
        )
    first, second = (number(name, each, low, high) for each in numbers)
    return first, second


def pair(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    expected: str = PAIR,
) -> Range:
    """Returns (lower, upper) as floats within low and high, in whichever order given.

    Args:
        name: the argument's name, for the error.
        value: two numbers.
        low: the least that either may be.
        high: the greatest.
        expected: what the argument may be, for the error.
    """
    if len(ends := _listed(value)) != 2:
        raise ValueError(f"`{name}` must be {expected}. Received: {value!r}")
    lower, upper = sorted(number(name, end, low, high) for end in ends)
    return lower, upper


def value_range(name: str, value: Any) -> Range:
    """Returns (low, high) with low < high."""
    low, high = pair(name, value)
    if low == high:
        raise ValueError(
            f"`{name}` must be (low, high) with low < high. Received: {value!r}. "
            "Write (0, 255) or (0, 1)."
        )
    return low, high


def pairs(name: str, value: Any) -> tuple[tuple[int, int], ...]:
    """Returns pairs of whole numbers from 0 on, none of them twice."""
    try:
        checked = tuple((size(name, a, 0), size(name, b, 0)) for a, b in value)
        right = len({x for one in checked for x in one}) == 2 * len(checked)
    except (TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(
            f"`{name}` must be pairs of numbers of keypoints, each number once. "
            f"Received: {value!r}. Write [(1, 2), (3, 4)]."
        )
    return checked


def seed(name: str, value: Any) -> int | None:
    """Returns an integer of 64 bits, or None."""
    if value is None:
        return None
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not -(2**63) <= value < 2**63:
        raise ValueError(
            f"`{name}` must be an integer of 64 bits, or None. Received: {value!r}"
        )
    return int(value)


def boolean(name: str, value: Any) -> bool:
    """Returns `value` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}")
    return bool(value)


def is_number(value: Any) -> bool:
    """Python's and NumPy's numbers count; booleans, arrays and tensors do not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _real(value: Any) -> float:
    """A number as a float; integers beyond every float are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _listed(value: Any) -> Sequence[Any]:
    """The elements of a tuple, a list or an array; none of whatever else."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return value if isinstance(value, (tuple, list)) else ()


def _bounds(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "finite"
    # The float beside a whole number stands for an end that is left out.
    lower, upper = ("at least", low), ("at most", high)
    if not math.isinf(low) and low == math.nextafter(round(low), math.inf):
        lower = "above", round(low)
    if not math.isinf(high) and high == math.nextafter(round(high), -math.inf):
        upper = "below", round(high)
    if math.isinf(high):
        return f"finite and {lower[0]} {lower[1]:g}"
    if (lower[0], upper[0]) == ("at least", "at most"):
        return f"between {low:g} and {high:g}"
    return f"{lower[0]} {lower[1]:g} and {upper[0]} {upper[1]:g}"
