"""Whether a function that is registered is the one that is known, written again."""

from collections.abc import Callable
from typing import Any

import numpy as np


def written_again(known: Callable[..., Any], call: Callable[..., Any]) -> bool:
    """Whether a function is the known one: of the same lines, or the same `def`.

    Of the same lines are all functions that one `def` or `lambda` makes inside of a
    function: they are the same where they know the same.
    """
    named = "<" not in getattr(call, "__qualname__", "<")  # no <lambda>, no <locals>
    if named and all(_same(known, call, x) for x in ("__qualname__", "__module__")):
        return True
    own, others = _known_to(known), _known_to(call)
    return (
        _same(known, call, "__code__")
        and len(own) == len(others)
        and all(map(_alike, own, others))
    )


def _same(one: Any, other: Any, attribute: str) -> bool:
    return bool(getattr(one, attribute, one) == getattr(other, attribute, other))


def _known_to(call: Callable[..., Any]) -> list[Any]:
    """What a function has from where it was made, and its defaults."""
    cells = getattr(call, "__closure__", None) or ()
    defaults = getattr(call, "__defaults__", None) or ()
    return [*(cell.cell_contents for cell in cells), *defaults]


def _alike(one: Any, other: Any) -> bool:
    """Whether values are equal; of functions, the lines: they may know themselves."""
    return (
        _same(one, other, "__code__") if callable(one) else np.array_equal(one, other)
    )
