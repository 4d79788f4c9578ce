"""What was promised, and what the results say: computed, never typed."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks import policies
from benchmarks.cases import SIZES
from benchmarks.contenders import OURS
from benchmarks.timing import ratio


@dataclasses.dataclass(frozen=True)
class Promise:
    """That one row takes at least, or at most, `bound` times as long as another.

    Attributes:
        text: the promise.
        size: of the images.
        mode: eager or function, of both rows.
        rows: keys of the two rows, the slow one first.
        bound: the ratio.
        at_most: whether it is an upper bound.
        dtypes: each must keep the promise.
    """

    text: str
    size: int
    mode: str
    rows: tuple[str, str]
    bound: float
    at_most: bool = False
    dtypes: tuple[str, ...] = ("uint8",)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A promise, what was seen, and whether it was kept; None if not measured.

    Attributes:
        text: the promise.
        bound: the ratio promised.
        at_most: whether it is an upper bound.
        seen: the ratio measured.
        warp_alone: where ours is the fast row, the ratio if OpenCV's hand-written warp,
            with neither draws nor brightness, stood in its place.
    """

    text: str
    bound: float
    at_most: bool
    seen: float | None
    warp_alone: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether what was seen is within the bound."""
        if self.seen is None:
            return None
        return self.seen <= self.bound if self.at_most else self.seen >= self.bound


BOTH = ("uint8", "float32")
PROMISES = [
    Promise(
        "keras.layers / compiled, in a graph", 224, "function", ("keras", OURS), 14
    ),
    Promise(
        "ImageDataGenerator / compiled",
        224,
        "eager",
        ("image_data_generator", OURS),
        20,
    ),
    Promise(
        "compiled / albumentations", 224, "eager", (OURS, "albumentations"), 0.75, True
    ),
    Promise(
        "keras.layers / the fused op, in a graph",
        224,
        "function",
        ("keras", "fused_op"),
        2.3,
        dtypes=BOTH,
    ),
    Promise(
        "keras.layers / compiled, in a graph",
        32,
        "function",
        ("keras", OURS),
        15,
        dtypes=BOTH,
    ),
    Promise(
        "keras.layers / compiled, called eagerly",
        32,
        "eager",
        ("keras", OURS),
        30,
        dtypes=BOTH,
    ),
]
DEPTH_BOUND = 1.15
CHOICE_BOUND = 1.2
RAND_AUGMENT_BOUND = 50
MEMORY_BOUND = 0.1
WARP_ALONE = "eager", "opencv"
"""The mode and the key of the row of OpenCV's warp: it has no other mode."""


def verdicts(results: dict[str, Any]) -> Iterator[Verdict]:
    """Every promise against the results of a run."""
    rows = {
        (row["size"], row["dtype"], row["mode"], row["contender"]): row
        for row in results["rows"]
        if row["batch"] == SIZES[row["size"]]
    }
    for promise in PROMISES:
        for dtype in promise.dtypes:
            found = [
                rows.get((promise.size, dtype, promise.mode, key))
                for key in promise.rows
            ]
            yield Verdict(
                f"{promise.text}, {promise.size} x {promise.size}, {dtype}",
                promise.bound,
                promise.at_most,
                None if None in found else ratio(*found),
                _median_ratio(found[0], rows.get((promise.size, dtype, *WARP_ALONE)))
                if promise.rows[1] == OURS
                else None,
            )
    text = "ten geometric and five colour layers / one of each"
    shallow, *deep = results["depth"]
    seen = ratio(deep[0], shallow) if deep else None
    yield Verdict(text, DEPTH_BOUND, True, seen)
    chosen = {row["contender"]: row for row in results["policies"]}
    seen = ratio(chosen[policies.CHOICE], chosen[policies.ONE]) if chosen else None
    text = "RandomChoice of ten geometric layers / one of them"
    yield Verdict(text, CHOICE_BOUND, True, seen)
    seen = None
    if policies.THEIRS in chosen:
        seen = ratio(chosen[policies.THEIRS], chosen[policies.OURS])
    text = "RandAugment of keras.layers / ours"
    yield Verdict(text, RAND_AUGMENT_BOUND, False, seen)
    parts = [
        row["xla_temporaries"] / row["output"]
        for row in results["memory"]
        if "xla_temporaries" in row
    ]
    text = "memory of the compiled call beyond input and output / output, at worst"
    yield Verdict(text, MEMORY_BOUND, True, max(parts, default=None))


def _median_ratio(
    a: Mapping[str, Any] | None, b: Mapping[str, Any] | None
) -> float | None:
    """The ratio of rows that were not timed in the same rounds."""
    if a is None or b is None:
        return None
    return float(np.median(a["milliseconds"]) / np.median(b["milliseconds"]))
