"""The tables of README.md, made from the published results."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import mixes, pixels, sizes, targets, verdict
from benchmarks.cases import PHOTOGRAPH
from benchmarks.contenders import GRAPH_MODES
from benchmarks.paired import Benchmark

README = Path(__file__).parent / "README.md"
READMES = (README, README.parents[1] / "README.md")

Results = Mapping[str, Any]
"""The content of a file of results."""
Files = Mapping[str, Results]
"""By the name of the file, without its suffix."""


def update(files: Files) -> None:
    """Rewrites what stands between the marks `<!-- name -->` and `<!-- end -->`."""
    for readme in READMES:
        readme.write_text(updated(readme.read_text(), files))


def updated(text: str, files: Files) -> str:
    """The text with the tables of these files of results; any may be missing."""
    for name, (file, table) in TABLES.items():
        results = files.get(file, {})
        text = re.sub(
            f"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, table=table, results=results: (
                match[1] + table(results) + match[2]
            ),
            text,
            flags=re.DOTALL,
        )
    return text


def times(results: Results) -> str:
    """Median milliseconds per image, and times ours, where one case stands for all."""
    rows = [
        row
        for row in results.get("rows", [])
        if all(row[key] == value for key, value in vars(PHOTOGRAPH).items())
    ]
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        cell = f"{row['median']:.3g} ({row['times_ours']:.3g})"
        cells.setdefault(row["title"], {})[row["mode"]] = cell
    header = [f"{PHOTOGRAPH}", "eager call", "`tf.function`", "`tf.data`", "`fit`"]
    lines = [
        [title, *(of_title.get(mode, "") for mode in GRAPH_MODES)]
        for title, of_title in cells.items()
    ]
    return verdict.markdown(header, lines)


def promises(results: Results) -> str:
    """What was promised of stacks, and what was seen."""
    return verdict.markdown(*targets.table(results))


def alone(results: Results) -> str:
    """What was promised of single layers, and what was seen."""
    return verdict.markdown(verdict.HEADER, targets.alone(results))


def formulations(results: Results) -> str:
    """What other ways to write the warp cost."""
    lines = [
        [
            row["title"],
            f"{row['median']:.3g}",
            f"{row['times_ours']:.2f}",
            f"{row['xla_temporaries'] / 1e6:.3f}",
        ]
        for row in results.get("formulations", [])
    ]
    return verdict.markdown(["", "ms per image", "relative", "temporaries, MB"], lines)


def _paired(benchmark: Benchmark) -> tuple[str, Callable[[Results], str]]:
    """The table of a command that compares pairs, and the name of its file."""

    def table(results: Results) -> str:
        lines = [seen.cells() for seen in benchmark.verdicts(results)]
        return verdict.markdown(verdict.HEADER, lines)

    return benchmark.name, table


TABLES: dict[str, tuple[str, Callable[[Results], str]]] = {
    "times": ("cpu", times),
    "promises": ("cpu", promises),
    "alone": ("cpu", alone),
    "formulations": ("cpu", formulations),
    **{
        module.BENCHMARK.name: _paired(module.BENCHMARK)
        for module in (pixels, sizes, mixes)
    },
}
"""Each table's file of results, and what makes it."""
