"""One run: every case, every mode, every contender."""

import logging
import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from benchmarks import depth, first_call, formulations, machine, memory, modes, single
from benchmarks.cases import CASES, PHOTOGRAPH, QUICK_CASES, Case
from benchmarks.contenders import CONTENDERS, GRAPH_MODES, OURS
from benchmarks.timing import Timed, in_turn, summarise

SHORT = {512: ("eager", "function")}
"""Sizes of which only some modes are measured, for the others say nothing new."""
FIRST_CALLS = 3
"""Rounds of first calls: each is a process."""
QUICK_KEYS = (OURS, "albumentations", "nothing")
"""Who is left in --quick outside eager calls: building the others takes seconds."""


def run(quick: bool, rounds: int, console: Console) -> dict[str, Any]:
    """Measures and returns the results, in the form of the results file.

    Args:
        quick: the smallest case alone, three rounds.
        rounds: repetitions of each row.
        console: where progress is shown.
    """
    # TensorFlow takes the rows for one function that is traced again and again.
    logging.getLogger("tensorflow").setLevel("ERROR")
    start = time.perf_counter()
    rounds, least = (3, 0.002) if quick else (rounds, 0.05)
    cases = QUICK_CASES if quick else CASES
    side_case = cases[0] if quick else PHOTOGRAPH
    before = machine.load()
    skipped: dict[str, str] = {}

    def progress(text: str) -> None:
        console.print(f"{time.perf_counter() - start:4.0f} s  {text}", style="dim")

    def compare(timed: dict[str, Timed], case: Case, reference: str) -> list[Any]:
        samples = in_turn(timed, rounds, least)
        return summarise(samples, case.batch, reference)

    progress("memory")
    found = memory.measure(quick)
    rows = []
    for case in cases:
        for mode in SHORT.get(case.size, GRAPH_MODES):
            progress(f"{case}: {mode}")
            keys = QUICK_KEYS if quick and mode != "eager" else CONTENDERS
            timed = _timed(case, mode, keys, skipped)
            for row in compare(timed, case, OURS):
                title = CONTENDERS[row["contender"]].title
                rows.append({**vars(case), "mode": mode, "title": title, **row})
    alone = []
    for group in single.GROUPS[:1] if quick else single.GROUPS:
        progress(f"alone: {group.name}")
        alone += group.measure(side_case, rounds, least)[0]
    progress("first calls")
    times = 1 if quick else min(rounds, FIRST_CALLS)
    firsts = first_call.measure(first_call.STACK, side_case, times)
    progress("depth, a choice and formulations")
    deep = compare(depth.timed(side_case, quick), side_case, depth.SHALLOW)
    forms = formulations.timed(side_case, quick)
    forms = compare(forms, side_case, formulations.CHOSEN)
    return {
        "machine": machine.describe(),
        "load_average": {"before": before, "after": machine.load()},
        "settings": {"rounds": rounds, "quick": quick, "least_seconds": least},
        "seconds": round(time.perf_counter() - start),
        "rows": rows,
        "skipped": [
            {"contender": key, "title": CONTENDERS[key].title, "reason": reason}
            for key, reason in skipped.items()
        ],
        "memory": found["rows"],
        "depth": [{**row, "title": row["contender"]} for row in deep],
        "single": alone,
        "first_call": firsts,
        "formulations": [
            {
                "title": formulations.FORMULATIONS[row["contender"]].title,
                "xla_temporaries": found["formulations"][row["contender"]],
                **row,
            }
            for row in forms
        ],
    }


def _timed(
    case: Case, mode: str, keys: Iterable[str], skipped: dict[str, str]
) -> dict[str, Timed]:
    """Builds the rows of a table; what cannot be imported is noted in `skipped`."""
    timed = {}
    for key in keys:
        contender = CONTENDERS[key]
        if mode not in contender.modes:
            continue
        try:
            timed[key] = modes.timed(contender, case, mode)
        except ImportError as error:
            skipped[key] = str(error)
    return timed
