"""What was promised, and what the results say: computed, never typed."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks import depth, first_call, single, verdict
from benchmarks.cases import SIZES
from benchmarks.contenders import OURS
from benchmarks.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Promise:
    """That one row takes at least, or at most, `bound` times as long as another.

    Attributes:
        text: the promise.
        size: of the images.
        mode: of both rows.
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


WHERE = {"in a graph": "function", "in tf.data": "data", "in fit": "fit"}
KERAS_SEQUENTIAL = "keras", "sequential"
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
    Promise(
        "keras.layers / Sequential, in a graph", 224, "function", KERAS_SEQUENTIAL, 9
    ),
    Promise("keras.layers / Sequential, in tf.data", 224, "data", KERAS_SEQUENTIAL, 9),
    Promise("keras.layers / Sequential, in fit", 224, "fit", KERAS_SEQUENTIAL, 5),
    Promise(
        "keras.layers / Sequential, in a graph", 32, "function", KERAS_SEQUENTIAL, 6
    ),
    Promise("keras.layers / Sequential, in tf.data", 32, "data", KERAS_SEQUENTIAL, 6),
    *(
        Promise(
            f"Sequential / FusedAugmentation, {where}",
            224,
            mode,
            ("sequential", OURS),
            1.15,
            at_most=True,
        )
        for where, mode in WHERE.items()
    ),
]
DEPTH_BOUND = 1.15
CHOICE_BOUND = 1.2
MEMORY_BOUND = 0.1
WARP_ALONE = "eager", "opencv"
"""The mode and the key of the row of OpenCV's warp: it has no other mode."""


def verdicts(results: Mapping[str, Any]) -> Iterator[Verdict]:
    """Every promise of stacks against the results of a run, which may lack any row."""
    rows = {
        (row["size"], row["dtype"], row["mode"], row["contender"]): row
        for row in results.get("rows", [])
        if row["batch"] == SIZES[row["size"]]
    }
    for promise in PROMISES:
        for dtype in promise.dtypes:
            slow, fast = (
                rows.get((promise.size, dtype, promise.mode, key))
                for key in promise.rows
            )
            seen = verdict.compared(
                f"{promise.text}, {promise.size} x {promise.size}, {dtype}",
                slow,
                fast,
                promise.bound,
                promise.at_most,
            )
            if promise.rows[1] == OURS and not promise.at_most:
                warp = rows.get((promise.size, dtype, *WARP_ALONE))
                seen = dataclasses.replace(seen, warp_alone=_median_ratio(slow, warp))
            yield seen
    # Version 0.1 had the choice among its policies.
    many = [*results.get("depth", []), *results.get("policies", [])]
    found = {row["contender"]: row for row in many}
    for text, slow, fast, bound in (
        (
            "ten geometric and five colour layers / one of each",
            depth.DEEP,
            depth.SHALLOW,
            DEPTH_BOUND,
        ),
        (
            "RandomChoice of ten geometric layers / one of them",
            depth.CHOICE,
            depth.ONE,
            CHOICE_BOUND,
        ),
    ):
        yield verdict.compared(text, found.get(slow), found.get(fast), bound, True)
    yield from first_call.verdicts(first_call.STACK, results.get("first_call", []))
    parts = [
        row["xla_temporaries"] / row["output"]
        for row in results.get("memory", [])
        if "xla_temporaries" in row
    ]
    text = "memory of the compiled call beyond input and output / output, at worst"
    yield Verdict(text, MEMORY_BOUND, True, max(parts, default=None))


def table(results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The header and the lines of `verdicts`."""
    header = [*verdict.HEADER, "OpenCV's warp alone"]
    return header, [
        [*seen.cells(), verdict.digits(seen.warp_alone)] for seen in verdicts(results)
    ]


def alone(results: Mapping[str, Any]) -> list[list[str]]:
    """The lines of every promise of single layers, under the common header."""
    rows = results.get("single", [])
    return [seen.cells() for group in single.GROUPS for seen in group.verdicts(rows)]


def _median_ratio(
    a: Mapping[str, Any] | None, b: Mapping[str, Any] | None
) -> float | None:
    """The ratio of rows that were not timed in the same rounds."""
    if a is None or b is None:
        return None
    return float(np.median(a["milliseconds"]) / np.median(b["milliseconds"]))
