"""Peak memory, in a process of its own: `python -m benchmarks.memory OUTPUT`.

Two figures. For the compiled rows, XLA's own: the sizes of all buffers of the compiled
program that are neither input nor output, from its buffer assignment. For all rows,
what the process's resident memory rises to during an eager call (Linux only). There,
memory that is freed must go back to the system at once, or the second call would find
it there: that is what `ENVIRONMENT` asks of glibc.
"""

import argparse
import ctypes
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "CUDA_VISIBLE_DEVICES": "",
}


def measure(quick: bool) -> dict[str, Any]:
    """Runs this module as a child and returns what it found."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "memory.json"
        flags = f"--xla_dump_to={folder}/dump --xla_dump_hlo_as_text"
        subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.memory", str(output)),
                *(["--quick"] if quick else []),
            ],
            env={**os.environ, **ENVIRONMENT, "XLA_FLAGS": flags},
            check=True,
        )
        return json.loads(output.read_text())


def main() -> None:
    """Measures all cases and writes the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    dump = Path(re.search(r"--xla_dump_to=(\S+)", os.environ["XLA_FLAGS"])[1])

    from benchmarks import formulations
    from benchmarks.cases import CASES, PHOTOGRAPH, QUICK_CASES
    from benchmarks.contenders import CONTENDERS, OURS

    cases = QUICK_CASES if arguments.quick else CASES
    found: dict[str, Any] = {"rows": [], "formulations": {}}
    for case in cases:
        keys = list(CONTENDERS) if case.size == PHOTOGRAPH.size else [OURS]
        found["rows"] += _rows(case, keys, dump)
    case = cases[0] if arguments.quick else PHOTOGRAPH
    inputs = formulations.arguments(case)
    for key in formulations.keys(arguments.quick):
        _clear(dump)
        formulations.FORMULATIONS[key].function()(*inputs)
        found["formulations"][key] = temporaries(dump)
    arguments.output.write_text(json.dumps(found))


def temporaries(dump: Path) -> int:
    """The bytes of all buffers in a dump that are neither input nor output."""
    total = 0
    for path in dump.glob("*buffer-assignment.txt"):
        for size, kind in re.findall(
            r"^allocation \d+: size (\d+), (.*):$", path.read_text(), re.MULTILINE
        ):
            if "parameter" not in kind and "live-out" not in kind:
                total += int(size)
    return total


def _rows(case: Any, keys: list[str], dump: Path) -> list[dict[str, Any]]:
    from benchmarks.contenders import CONTENDERS, OURS
    from benchmarks.modes import training

    rows = []
    for key in keys:
        contender = CONTENDERS[key]
        if "eager" not in contender.modes:
            continue
        try:
            augment = contender.build(case)
            batch = contender.prepare(case.images())
        except ImportError:
            continue
        if contender.is_layer:
            augment = training(augment)
        _clear(dump)
        row = {**vars(case), "contender": key, "input": case.images().nbytes}
        row["output"] = _size(augment(batch))
        if key == OURS:
            row["xla_temporaries"] = temporaries(dump)
        row["peak_rss"] = _peak(augment, batch)
        rows.append(row)
    return rows


def _peak(augment: Any, batch: Any) -> int | None:
    """What resident memory rises by, the output included; the lesser of two calls."""
    peaks = []
    try:
        for _ in range(2):
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            before = _status("VmRSS")
            augment(batch)
            peaks.append(_status("VmHWM") - before)
    except (OSError, AttributeError):
        return None
    return min(peaks)


def _status(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{key}:\s+(\d+)", status)[1])


def _size(result: Any) -> int:
    import numpy as np

    if isinstance(result, list):
        return sum(_size(part) for part in result)
    return np.asarray(result).nbytes


def _clear(dump: Path) -> None:
    for path in dump.glob("*"):
        path.unlink()


if __name__ == "__main__":
    main()
