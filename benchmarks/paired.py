"""Ratios of what takes turns, and the command that `pixels`, `sizes`, `mixes` share.

A group's contenders are timed in the same rounds (`timing.in_turn`); each ratio is the
median over the rounds. What is built, and what was promised, is told apart: the table
of promises is there before anything was measured.
"""

import argparse
import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import files, first_call, machine, verdict
from benchmarks.cases import PHOTOGRAPH, Case
from benchmarks.timing import Timed, in_turn, summarise
from benchmarks.verdict import Verdict

QUICK_CASE = Case(32, 4, "uint8")
WIDTH = 120
"""Columns, where the screen has fewer."""

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How many times the time of `fast` `slow` takes, and what was promised of it."""

    slow: str
    fast: str
    bound: float | None = None
    at_most: bool = False

    @property
    def text(self) -> str:
        """As the tables have it."""
        return f"{self.slow} / {self.fast}"


@dataclasses.dataclass(frozen=True)
class Group:
    """Contenders that take turns.

    Attributes:
        name: unique among the groups of a command.
        contenders: makes what is timed, given the case; ImportError for a peer that is
            not installed.
        ratios: between contenders.
        dtype: of the images.
    """

    name: str
    contenders: Mapping[str, Callable[[Case], Timed]]
    ratios: Sequence[Ratio]
    dtype: str = "uint8"

    def measure(
        self, case: Case, rounds: int, least: float, only: str = ""
    ) -> tuple[Rows, dict[str, str]]:
        """A row for each contender that a ratio needs, and why others are missing.

        Args:
            case: the images, of whichever dtype.
            rounds: repetitions of each contender.
            least: the seconds a repetition lasts at least.
            only: what the text of a ratio must hold.
        """
        case = dataclasses.replace(case, dtype=self.dtype)
        needed = {
            name
            for ratio in self.ratios
            if only in ratio.text
            for name in (ratio.slow, ratio.fast)
        }
        timed, missing = {}, {}
        for name in (name for name in self.contenders if name in needed):
            try:
                timed[name] = self.contenders[name](case)
            except ImportError as error:
                missing[name] = str(error)
        samples = in_turn(timed, rounds, least)
        rows = summarise(samples, case.batch, next(iter(samples))) if samples else []
        return [
            {"group": self.name, **vars(case), "title": row["contender"], **row}
            for row in rows
        ], missing

    def verdicts(self, rows: Iterable[Mapping[str, Any]]) -> list[Verdict]:
        """Its promises against rows, among which its own are found."""
        own = {row["contender"]: row for row in rows if row["group"] == self.name}
        return [
            verdict.compared(
                ratio.text,
                own.get(ratio.slow),
                own.get(ratio.fast),
                ratio.bound,
                ratio.at_most,
            )
            for ratio in self.ratios
        ]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A command: measures, prints the table of promises, and writes on request.

    Attributes:
        name: of the module, and of the file of results.
        groups: what is measured.
        first_calls: keys of `first_call.LAYERS`, of which seconds are promised.
    """

    name: str
    groups: Sequence[Group]
    first_calls: Sequence[str] = ()

    def verdicts(self, results: Mapping[str, Any]) -> list[Verdict]:
        """All its promises; "not measured" where there are no rows."""
        rows = results.get("rows", [])
        return [
            *(verdict for group in self.groups for verdict in group.verdicts(rows)),
            *first_call.verdicts(self.first_calls, results.get("first_call", [])),
        ]

    def main(
        self, description: str | None, arguments: Sequence[str] | None = None
    ) -> None:
        """The command line.

        Args:
            description: the module's docstring.
            arguments: those of the process by default.
        """
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}", description=description
        )
        parser.add_argument(
            "--quick", action="store_true", help="tiny images, one round: does it run?"
        )
        parser.add_argument("--only", default="", help="ratios whose text holds this")
        parser.add_argument("--rounds", type=int, default=9, help="repetitions of each")
        published = files.FOLDER / f"{self.name}.json"
        parser.add_argument(
            "--json",
            type=Path,
            nargs="?",
            const=published,
            metavar="FILE",
            help=f"write the figures; without FILE to results/{published.name}, of "
            "which `python -m benchmarks readme` makes the tables",
        )
        options = parser.parse_args(arguments)
        if options.rounds < 1:
            parser.error("--rounds must be at least 1")
        if options.json == published and (options.quick or options.only):
            parser.error("a part is not published: --json needs a FILE here")
        console = Console()
        console.width = max(console.width, WIDTH)
        results = self._measured(options, console)
        lines = [x.cells() for x in self.verdicts(results) if options.only in x.text]
        console.print(verdict.screen(self.name, verdict.HEADER, lines))
        for contender, reason in results["skipped"].items():
            console.print(f"Skipped: {contender}: {reason}", markup=False)
        if options.json is not None:
            files.write(results, options.json)
            console.print(f"Written to {options.json}")

    def _measured(
        self, options: argparse.Namespace, console: Console
    ) -> dict[str, Any]:
        """The content of the file of results."""
        # TensorFlow takes the contenders for one function, traced again and again.
        logging.getLogger("tensorflow").setLevel("ERROR")
        start, before = time.perf_counter(), machine.load()
        case = QUICK_CASE if options.quick else PHOTOGRAPH
        rounds, least = (1, 0.001) if options.quick else (options.rounds, 0.05)
        rows: Rows = []
        skipped: dict[str, str] = {}

        def progress(text: str) -> None:
            console.print(f"{time.perf_counter() - start:4.0f} s  {text}", style="dim")

        for group in self.groups:
            progress(group.name)
            found, missing = group.measure(case, rounds, least, options.only)
            rows += found
            skipped |= missing
        firsts = [
            key
            for key in self.first_calls
            if any(options.only in x.text for x in first_call.verdicts([key]))
        ]
        if firsts:
            progress("first calls")
        return {
            "rows": rows,
            "first_call": first_call.measure(firsts, case, min(rounds, 3)),
            "skipped": skipped,
            "machine": machine.describe(),
            "load_average": {"before": before, "after": machine.load()},
            "settings": {
                "rounds": rounds,
                "quick": options.quick,
                "only": options.only,
                "least_seconds": least,
            },
            "seconds": round(time.perf_counter() - start),
        }
