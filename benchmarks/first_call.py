"""What a first call costs: to trace, to compile, and to run once.

    python -m benchmarks.first_call             # all, three processes each, in turn

Each call is the first one of a process of its own, for what is traced once is shared by
all layers after it. TensorFlow and XLA themselves are awake before the clock starts.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import verdict
from benchmarks.cases import PHOTOGRAPH, Case
from benchmarks.verdict import Verdict

ROOT = Path(__file__).parent.parent


@dataclasses.dataclass(frozen=True)
class First:
    """A layer whose first call is timed.

    Attributes:
        title: in the tables.
        build: makes it, given the case.
    """

    title: str
    build: Callable[[Case], Any]


def _fifteen(case: Case) -> list[Any]:
    from benchmarks.contenders import our_layers

    return [layer for _ in range(3) for layer in our_layers(case)]


def _sequential(case: Case) -> Any:
    from benchmarks.contenders import stacked

    return stacked(case, _fifteen(case))


def _fused(case: Case) -> Any:
    import keras_aug_layers as kal

    return kal.FusedAugmentation(_fifteen(case), jit_compile=True)


def _rand_augment(case: Case) -> Any:
    import keras_aug_layers as kal

    return kal.RandAugment()


SEQUENTIAL, FUSED, RAND_AUGMENT = "sequential", "fused", "rand_augment"
LAYERS = {
    SEQUENTIAL: First("fifteen layers in a Sequential", _sequential),
    FUSED: First("fifteen layers, fused", _fused),
    RAND_AUGMENT: First("RandAugment", _rand_augment),
}
STACK = (SEQUENTIAL, FUSED)
RATIO_BOUND = 1.5
"""How many times `FUSED`'s time `SEQUENTIAL` may take."""
SECONDS = {RAND_AUGMENT: 4.0}
"""How long the first call may take at most."""


def measure(keys: Iterable[str], case: Case, rounds: int) -> list[dict[str, Any]]:
    """A row for each layer; the processes take turns.

    Args:
        keys: of `LAYERS`.
        case: the images.
        rounds: processes of each.
    """
    parts: dict[str, list[tuple[float, float]]] = {key: [] for key in keys}
    for i in range(rounds):
        for key in list(parts)[:: -1 if i % 2 else 1]:
            parts[key].append(_in_a_process(key, case))
    return [
        {
            **vars(case),
            "contender": key,
            "title": LAYERS[key].title,
            "seconds": [round(sum(pair), 3) for pair in pairs],
            "tracing": [round(pair[0], 3) for pair in pairs],
        }
        for key, pairs in parts.items()
    ]


def verdicts(
    keys: Iterable[str], rows: Iterable[Mapping[str, Any]] = ()
) -> list[Verdict]:
    """What was promised of the first calls of these layers."""
    keys, found = list(keys), {row["contender"]: row for row in rows}
    given = []
    if set(STACK) <= set(keys):
        slow, fast = STACK
        text = f"first call: {LAYERS[slow].title} / {LAYERS[fast].title}"
        given.append(
            verdict.compared(
                text, found.get(slow), found.get(fast), RATIO_BOUND, at_most=True
            )
        )
    for key in (key for key in keys if key in SECONDS):
        text = f"first call: {LAYERS[key].title}, seconds"
        seen = Verdict(text, SECONDS[key], at_most=True)
        if key in found:
            low, middle, high = np.percentile(found[key]["seconds"], (25, 50, 75))
            traced = float(np.median(found[key]["tracing"]))
            seen = dataclasses.replace(
                seen,
                seen=float(middle),
                quartiles=(float(low), float(high)),
                times=f"{verdict.digits(traced)} s of it tracing",
            )
        given.append(seen)
    return given


def first_call(key: str, case: Case) -> tuple[float, float]:
    """This process's first call: the seconds of tracing, and those of the rest."""
    import tensorflow as tf

    from benchmarks.modes import training, wait

    tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(3))
    function = tf.function(training(LAYERS[key].build(case)))
    images = tf.constant(case.images())
    start = time.perf_counter()
    function.get_concrete_function(images)
    traced = time.perf_counter()
    wait(function(images))
    return traced - start, time.perf_counter() - traced


def _in_a_process(key: str, case: Case) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.first_call", "--one", key]
    command += map(str, vars(case).values())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    traced, rest = done.stdout.split()[-2:]
    return float(traced), float(rest)


def main() -> None:
    """Prints the seconds of all, or those of one case, for the process above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--one", nargs=4, metavar=("KEY", "SIZE", "BATCH", "DTYPE"), help="here"
    )
    options = parser.parse_args()
    if options.one:
        key, size, batch, dtype = options.one
        print(*first_call(key, Case(int(size), int(batch), dtype)))
        return
    rows = measure(LAYERS, PHOTOGRAPH, options.rounds)
    for row in rows:
        print(json.dumps(row))
    for seen in verdicts(LAYERS, rows):
        print(*seen.cells(), sep=" | ")


if __name__ == "__main__":
    main()
