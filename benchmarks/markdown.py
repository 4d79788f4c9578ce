"""The tables of README.md, made from the published results."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import PHOTOGRAPH
from benchmarks.contenders import GRAPH_MODES
from benchmarks.targets import verdicts

README = Path(__file__).parent / "README.md"
READMES = (README, README.parents[1] / "README.md")


def update(results: dict[str, Any]) -> None:
    """Rewrites what stands between the marks `<!-- name -->` and `<!-- end -->`."""
    for readme in READMES:
        readme.write_text(updated(readme.read_text(), results))


def updated(text: str, results: dict[str, Any]) -> str:
    """The text with the tables of these results."""
    for name, table in TABLES.items():
        text = re.sub(
            f"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, table=table: match[1] + table(results) + match[2],
            text,
            flags=re.DOTALL,
        )
    return text


def times(results: dict[str, Any]) -> str:
    """Median milliseconds per image, and times ours, where one case stands for all."""
    rows = [
        row
        for row in results["rows"]
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
    return _table(header, lines)


def promises(results: dict[str, Any]) -> str:
    """What was promised, and what was seen."""
    marks = {True: "kept", False: "**missed**", None: "not measured"}
    lines = []
    for verdict in verdicts(results):
        bound = f"at {'most' if verdict.at_most else 'least'} {verdict.bound:g}"
        seen = "" if verdict.seen is None else f"{verdict.seen:.3g}"
        warp = "" if verdict.warp_alone is None else f"{verdict.warp_alone:.3g}"
        lines.append([verdict.text, bound, seen, marks[verdict.kept], warp])
    return _table(["ratio", "promised", "seen", "", "OpenCV's warp alone"], lines)


def formulations(results: dict[str, Any]) -> str:
    """What other ways to write the warp cost."""
    lines = [
        [
            row["title"],
            f"{row['median']:.3g}",
            f"{row['times_ours']:.2f}",
            f"{row['xla_temporaries'] / 1e6:.3f}",
        ]
        for row in results["formulations"]
    ]
    return _table(["", "ms per image", "relative", "temporaries, MB"], lines)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "times": times,
    "promises": promises,
    "formulations": formulations,
}


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
