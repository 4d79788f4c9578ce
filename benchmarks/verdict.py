"""What was promised and what was seen: computed from rounds, in one form of table."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

HEADER = ("ratio", "ms per image", "promised", "seen", "quartiles", "")
"""What `Verdict.cells` gives."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A promise, what was seen, and whether it was kept; None if not measured.

    Attributes:
        text: the promise.
        bound: the ratio promised; None where a ratio is only published.
        at_most: whether it is an upper bound.
        seen: the ratio measured: the median over the rounds.
        quartiles: those over the rounds.
        times: what both sides take, as text.
        warp_alone: where ours is the fast row, the ratio if OpenCV's hand-written warp,
            with neither draws nor brightness, stood in its place.
    """

    text: str
    bound: float | None
    at_most: bool = False
    seen: float | None = None
    quartiles: tuple[float, float] | None = None
    times: str = ""
    warp_alone: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether what was seen is within the bound."""
        if self.seen is None or self.bound is None:
            return None
        return self.seen <= self.bound if self.at_most else self.seen >= self.bound

    @property
    def mark(self) -> str:
        """One word or two."""
        if self.seen is None:
            return "not measured"
        return {None: "", True: "kept", False: "**missed**"}[self.kept]

    def cells(self) -> list[str]:
        """Under `HEADER`."""
        limit = "most" if self.at_most else "least"
        return [
            self.text,
            self.times,
            "" if self.bound is None else f"at {limit} {self.bound:g}",
            digits(self.seen),
            "" if self.quartiles is None else " to ".join(map(digits, self.quartiles)),
            self.mark,
        ]


def compared(
    text: str,
    slow: Mapping[str, Any] | None,
    fast: Mapping[str, Any] | None,
    bound: float | None = None,
    at_most: bool = False,
) -> Verdict:
    """How many times the time of one row another takes, round by round.

    Args:
        text: the promise.
        slow: the row above the line; "milliseconds", or "seconds", has its rounds.
        fast: the row below it, timed in the same rounds. If a row is None, nothing
            was measured.
        bound: what was promised.
        at_most: whether that is an upper bound.
    """
    if slow is None or fast is None:
        return Verdict(text, bound, at_most)
    key = "milliseconds" if "milliseconds" in slow else "seconds"
    ratios = np.divide(slow[key], fast[key])
    low, seen, high = (float(x) for x in np.percentile(ratios, (25, 50, 75)))
    times = " / ".join(digits(float(np.median(row[key]))) for row in (slow, fast))
    times += " s" if key == "seconds" else ""
    return Verdict(text, bound, at_most, seen, (low, high), times)


def digits(x: float | None) -> str:
    """Three of them, without an exponent; nothing for None."""
    if x is None:
        return ""
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:.0f}"


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table for a page."""
    rows = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def screen(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    """A table for the screen: the same words, and colours."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i else "left")
    colours = {"kept": "[green]kept[/]", "**missed**": "[red]missed[/]"}
    for line in lines:
        table.add_row(*(colours.get(cell, cell) for cell in line))
    return table
