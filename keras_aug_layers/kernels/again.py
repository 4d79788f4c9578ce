"""Whether a function that is registered is the one that is known, written again."""

from collections.abc import Callable
from typing import Any

import numpy as np


def written_again(known: Callable[..., Any], call: Callable[..., Any]) -> bool:
    """Whether a function is the known one: of the same lines, or the same `def`.

    Of the same lines are all functions that one `def` or `lambda` makes inside of a
    function: they are the same where they know the same.
    """

    def same(attribute: str) -> bool:
        return bool(getattr(known, attribute, known) == getattr(call, attribute, call))

    named = "<" not in getattr(call, "__qualname__", "<")  # no <lambda>, no <locals>
    if named and same("__qualname__") and same("__module__"):
        return True
    return same("__code__") and _equal(_known_to(known), _known_to(call))


def _known_to(call: Callable[..., Any]) -> list[Any]:
    """What a function has from where it was made, and its defaults."""
    cells = getattr(call, "__closure__", None) or ()
    defaults = getattr(call, "__defaults__", None) or ()
    return [*(cell.cell_contents for cell in cells), *defaults]


def _equal(own: list[Any], others: list[Any]) -> bool:
    return len(own) == len(others) and all(
        a is b or (written_again(a, b) if callable(a) else np.array_equal(a, b))
        for a, b in zip(own, others, strict=True)
    )
