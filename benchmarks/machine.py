"""What the figures were measured on."""

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "albumentations",
    "opencv-python-headless",
    "opencv-python",
    "kornia",
    "torch",
    "torchvision",
)


def describe() -> dict[str, Any]:
    """Processor, memory, system, versions, commit and date; None of what none tells."""
    changes = _git("status", "--porcelain", "--", "keras_aug_layers", "benchmarks/*.py")
    return {
        "processor": _processor(),
        "vectors": _vectors(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1
        ),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": _versions(),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": None if changes is None else bool(changes),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds"),
    }


def load() -> list[float]:
    """How many processes wanted a core over the last 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()]


def _processor() -> str:
    return _of_cpu("model name") or platform.processor() or platform.machine()


def _vectors() -> str | None:
    """The widest vector instructions, on which ratios depend."""
    flags = _of_cpu("flags").split()
    return next((x for x in ("avx512f", "avx2") if x in flags), None)


def _of_cpu(name: str) -> str:
    """What Linux says of the first core; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith(name))
    return next(found, "")


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git(*arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()
