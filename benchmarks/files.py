"""The files of results: one for each command, each published in the README."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
RESULTS = FOLDER / "cpu.json"
"""Of `python -m benchmarks` itself."""


def write(results: Mapping[str, Any], output: Path) -> None:
    """One line for each row: short enough to read, and to compare in git."""
    lines = []
    for key, value in results.items():
        text = json.dumps(value)
        if isinstance(value, list) and value:
            inner = ",\n    ".join(json.dumps(entry) for entry in value)
            text = f"[\n    {inner}\n  ]"
        lines.append(f"  {json.dumps(key)}: {text}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def published() -> dict[str, dict[str, Any]]:
    """What is published, by the file's name: "cpu", "another_processor/cpu", …"""
    return {
        path.relative_to(FOLDER).with_suffix("").as_posix(): json.loads(
            path.read_text()
        )
        for path in FOLDER.rglob("*.json")
    }
