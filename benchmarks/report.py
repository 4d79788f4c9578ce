"""The results on the screen."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import targets, verdict
from benchmarks.cases import Case
from benchmarks.contenders import GRAPH_MODES, OURS

MODES = {
    "eager": "eager call",
    "function": "tf.function",
    "data": "tf.data map",
    "fit": "step of fit",
}


def show(results: dict[str, Any], console: Console) -> None:
    """Prints all tables."""
    machine, load = results["machine"], results["load_average"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"TensorFlow {machine['versions'].get('tensorflow')}; load average before "
        f"{load['before'][0]}, after {load['after'][0]}; "
        f"{results['settings']['rounds']} rounds."
    )
    cases = {Case(x["size"], x["batch"], x["dtype"]): None for x in results["rows"]}
    for case in cases:
        console.print(_times(results, case))
    for skipped in results["skipped"]:
        console.print(f"Skipped: {skipped['title']}: {skipped['reason']}", markup=False)
    console.print(_side_table("Depth, and a choice", results["depth"]))
    console.print(_side_table("Formulations of the warp", results["formulations"]))
    show_targets(results, console)


def show_targets(results: Mapping[str, Any], console: Console) -> None:
    """Prints what was promised and what was seen."""
    for title, header, lines in (
        ("Promises", *targets.table(results)),
        ("Each layer alone", verdict.HEADER, targets.alone(results)),
    ):
        console.print(verdict.screen(title, header, lines))


def _times(results: dict[str, Any], case: Case) -> Table:
    """A row for each contender, a column for each mode, and the memory."""
    rows = _of(case, results["rows"])
    table = Table(
        "",
        title=f"{case}: ms per image, times ours; quartiles",
        title_justify="left",
    )
    for mode in GRAPH_MODES:
        table.add_column(MODES[mode], justify="right")
    table.add_column("peak MB", justify="right")
    memory = {row["contender"]: row for row in _of(case, results["memory"])}
    for title in dict.fromkeys(row["title"] for row in rows):
        of_title = {row["mode"]: row for row in rows if row["title"] == title}
        cells = [_cell(of_title.get(mode)) for mode in GRAPH_MODES]
        key = next(iter(of_title.values()))["contender"]
        style = "bold" if key == OURS else None
        table.add_row(title, *cells, _peak(memory.get(key)), style=style)
    return table


def _of(case: Case, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if all(row[k] == v for k, v in vars(case).items())]


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    low, high = row["quartiles"]
    return (
        f"{row['median']:.3g}  x{row['times_ours']:.3g}\n[dim]{low:.3g}-{high:.3g}[/]"
    )


def _peak(row: dict[str, Any] | None) -> str:
    """What resident memory rises by, and XLA's own figure for what is temporary."""
    if row is None or row["peak_rss"] is None:
        return ""
    peak = f"{row['peak_rss'] / 1e6:.1f}"
    if "xla_temporaries" in row:
        peak += f"\n[dim]XLA: {row['xla_temporaries'] / 1e6:.3f}[/]"
    return peak


def _side_table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table("", "ms per image, relative; quartiles", title=title)
    table.title_justify = "left"
    temporaries = any("xla_temporaries" in row for row in rows)
    if temporaries:
        table.add_column("temporaries, MB", justify="right")
    for row in rows:
        more = [f"{row['xla_temporaries'] / 1e6:.3f}"] if temporaries else []
        table.add_row(row["title"], _cell(row), *more)
    return table
