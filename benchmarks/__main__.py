"""The command line: `python -m benchmarks`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.files import RESULTS, published, write

WIDTH = 140
"""Columns, where the screen has fewer."""


def main() -> None:
    """Measures and reports, or reports what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        default="run",
        choices=("run", "report", "targets", "readme"),
        help="run: measure and write; report: print the tables of a results file; "
        "targets: only what was promised and what was seen; readme: write its tables",
    )
    parser.add_argument(
        "--output", type=Path, help=f"the results file, {RESULTS} by default"
    )
    parser.add_argument(
        "--rounds", type=int, default=9, help="repetitions of each row, at least 9"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small part in under a minute, written only to --output",
    )
    arguments = parser.parse_args()
    if arguments.rounds < 9:
        parser.error("--rounds must be at least 9")
    console = Console()
    console.width = max(console.width, WIDTH)

    if arguments.command == "run":
        from benchmarks.run import run

        results = run(arguments.quick, arguments.rounds, console)
        output = arguments.output or (None if arguments.quick else RESULTS)
        if output is not None:
            write(results, output)
            console.print(f"Written to {output}")
    else:
        results = json.loads((arguments.output or RESULTS).read_text())
    from benchmarks import markdown, report

    publish = arguments.command == "run" and output == RESULTS
    if publish or arguments.command == "readme":
        markdown.update(published())
    if arguments.command == "targets":
        report.show_targets(results, console)
    else:
        report.show(results, console)


if __name__ == "__main__":
    if sys.argv[1:2] == ["recipes"]:
        from benchmarks.recipes import main
    main()
