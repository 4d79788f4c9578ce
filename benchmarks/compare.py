"""Two commits of this library against each other, in one run on one machine.

    python -m benchmarks.compare 4c267d0                # the working tree against it
    python -m benchmarks.compare 4c267d0 --head main --json build/compare.json
    python -m benchmarks.compare 4c267d0 --quick        # some cases, in two minutes

What: `CASES` are calls of layers that are traced and compiled, in milliseconds per
image; `FIRST_CALLS` are the very first call, tracing and compiling included, in
seconds. For each the table has the medians of both commits, and the median and the
quartiles of head / base: below 1 the head is faster. The last column is that ratio of
processor time, of all threads: what it says less exactly, it also says on a busy
machine, where the others are wide.

How: each commit gets a git worktree of its own in a temporary folder (without --head
the working tree is the head, as it is) and a worker: this file, run with PYTHONPATH set
to that tree, which answers JSON lines. It uses only names that both commits have, so
that anything may change below them. While a worker times, the other one waits for its
next line, and the cores are quiet. A first call has a worker that did nothing else.

Why paired: a machine that is shared, or gets warm, drifts by more than what a commit
changes. So the two take turns, base head, head base, and each round gives one ratio:
what is slow for a while is slow for both, and drops out. Two processes still differ by
a percent or so in where their memory lies: a commit against itself shows how much.
"""

import argparse
import contextlib
import gc
import inspect
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parent.parent
BATCH = {32: 256, 224: 32}
"""How many images of a size a batch has."""
PAUSE = 0.01
"""Seconds before each repetition, for the last one's threads to stop spinning."""
LEAST, MOST_CALLS = 0.05, 1000
"""Seconds of a repetition, for the faster one; and calls in it. Many short ones say
more than a few long ones: what disturbs a few pairs leaves the median alone."""

WIDTH = 110
"""Columns, where the screen has fewer."""

# The cases. Only the workers import the library; `kal` is theirs.


def _brightness(kal: Any, case: "Case") -> Any:
    """A gain of 1 + u, u from -0.2 to 0.2: by `gain` where there is such an argument.

    Where there is none, the factor is that; elsewhere it may be what Keras makes of it.
    """
    parameters = inspect.signature(kal.RandomBrightness.__init__).parameters
    if "gain" in parameters:
        return kal.RandomBrightness(gain=0.2, value_range=case.value_range)
    return kal.RandomBrightness(0.2, value_range=case.value_range)


def _five(kal: Any, case: "Case") -> list[Any]:
    return [
        kal.RandomShift(0.1, 0.1),
        kal.RandomFlip("horizontal"),
        kal.RandomRotate(degrees=30),
        kal.RandomZoom(0.2),
        _brightness(kal, case),
    ]


def _jitter(kal: Any, case: "Case") -> Any:
    """The four as one matrix, in whichever words there are for it."""
    parameters = inspect.signature(kal.RandomColorJitter.__init__).parameters
    if "space" in parameters:
        return kal.RandomColorJitter(
            brightness=0.2,
            contrast_factor=0.2,
            saturation=0.2,
            hue=0.1,
            space="linear",
        )
    return kal.RandomColorJitter(
        brightness_factor=0.2,
        contrast_factor=0.2,
        saturation_factor=0.2,
        hue_factor=0.1,
    )


def _one_by_one(kal: Any, case: "Case") -> Any:
    import keras

    images = keras.Input((case.size, case.size, 3), dtype=case.dtype)
    return keras.Sequential([images, *_five(kal, case)])


LAYERS: dict[str, Callable[[Any, "Case"], Any]] = {
    "five": lambda kal, case: kal.FusedAugmentation(_five(kal, case)),
    "five, op": lambda kal, case: kal.FusedAugmentation(
        _five(kal, case), jit_compile=False
    ),
    "fifteen": lambda kal, case: kal.FusedAugmentation(
        [layer for _ in range(3) for layer in _five(kal, case)]
    ),
    "one by one": _one_by_one,
    "jitter": _jitter,
    "RandAugment": lambda kal, case: kal.RandAugment(),
    "choice of ten": lambda kal, case: kal.RandomChoice(
        [kal.RandomRotate(degrees=30 - i) for i in range(10)]
    ),
}
"""How each is built, given the package and the case."""


class Case(NamedTuple):
    """A layer, what it is given, and whether it is called in a `tf.function`."""

    layer: str
    size: int = 224
    dtype: str = "uint8"
    mode: str = "function"

    def __str__(self) -> str:
        return f"{self.layer}: {self.size} x {self.size}, {self.dtype}, {self.mode}"

    @property
    def value_range(self) -> tuple[float, float]:
        """Integers fill their range, floats lie in [0, 1]."""
        return (0.0, 255.0) if self.dtype == "uint8" else (0.0, 1.0)

    def images(self) -> np.ndarray:
        """The same random pixels in each process: (batch, size, size, 3)."""
        shape = BATCH[self.size], self.size, self.size, 3
        pixels = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        return pixels if self.dtype == "uint8" else pixels.astype(self.dtype) / 255


CASES = [
    *(
        Case(layer, size, dtype)
        for layer in ("five", "five, op")
        for size in (224, 32)
        for dtype in ("uint8", "float32")
    ),
    Case("five", 32, mode="eager"),
    *map(Case, ("one by one", "jitter", "RandAugment", "choice of ten")),
]
FIRST_CALLS = [*map(Case, ("five", "fifteen", "RandAugment"))]
QUICK_CASES = [Case("five", 32), Case("five", 32, mode="eager"), Case("five, op", 32)]
QUICK_FIRST_CALLS = FIRST_CALLS[:1]

# The worker: a process that has one of the two trees on its path.


def work() -> None:
    """Answers requests on stdin, a line each, until it is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    sys.path.remove(str(Path(__file__).parent))  # modules of any name
    built: dict[Case, Callable[[], Any]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        case = Case(*request["case"])
        try:
            if request["first"]:
                answer = _first_call(case)
            else:
                if case not in built:
                    built.clear()
                    built[case] = _call(case)
                    for _ in range(3):  # the first one traces and compiles
                        built[case]()
                answer = _seconds(built[case], request["calls"])
        except Exception as error:  # of this case; the others may well work
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def _call(case: Case) -> Callable[[], Any]:
    """A function of no arguments that augments a batch and waits for the result."""
    import keras
    import tensorflow as tf

    import keras_aug_layers as kal

    tree = Path(os.environ["PYTHONPATH"])
    if tree not in Path(kal.__file__).resolve().parents:
        raise RuntimeError(f"{kal.__file__} was imported, which is not in {tree}")
    keras.utils.set_random_seed(1)
    images, layer = tf.constant(case.images()), LAYERS[case.layer](kal, case)

    def augment(x: Any) -> Any:
        return layer(x, training=True)

    called = tf.function(augment) if case.mode == "function" else augment
    # Its memory is read, nothing is copied.
    return lambda: np.asarray(memoryview(called(images))).item(0)


def _first_call(case: Case) -> dict[str, float]:
    """What the first call takes once TensorFlow and XLA themselves are awake."""
    import tensorflow as tf

    tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(3))
    return _seconds(_call(case), 1)


def _seconds(call: Callable[[], Any], calls: int) -> dict[str, float]:
    """The time that one of `calls` calls in a row takes, and the processors' time."""
    gc.collect()
    gc.disable()
    time.sleep(PAUSE)
    start, worked = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    gc.enable()
    return {"seconds": seconds / calls, "processor": worked / calls}


# The parent: it has the workers take turns, and never imports TensorFlow.


class Failed(Exception):
    """A case that one of the commits cannot run."""


Times = tuple[float, float]
"""Seconds, and seconds of the processors."""
Pair = dict[str, list[Times]]
"""Those of the base and of the head in each round."""


class Worker:
    """The process of a commit."""

    def __init__(self, name: str, tree: Path) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # TensorFlow greets there
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=tree,
            env={
                **os.environ,
                "PYTHONPATH": str(tree),
                "PYTHONDONTWRITEBYTECODE": "1",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        )

    def times(self, case: Case, calls: int = 1, first: bool = False) -> Times:
        """What a call takes, the mean of `calls`, or the first one of the process.

        Raises:
            Failed: with what the case said.
        """
        request = {"case": case, "calls": calls, "first": first}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            code = self._process.wait()
            self._errors.seek(0)
            tail = self._errors.read()[-2000:]
            raise RuntimeError(f"{self.name}: the worker ended with {code}:\n{tail}")
        answer = json.loads(answer)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer["seconds"], answer["processor"]

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._errors.close()


def repeated(workers: dict[str, Worker], case: Case, rounds: int) -> Pair:
    """Both commits' calls, in turn."""
    fastest, _ = min(worker.times(case) for worker in workers.values())
    calls = min(max(math.ceil(LEAST / fastest), 1), MOST_CALLS)
    return _in_turn(rounds, lambda name: workers[name].times(case, calls))


def first(trees: dict[str, Path], case: Case, rounds: int) -> Pair:
    """Both commits' first calls, in turn, each in a process of its own."""

    def times(name: str) -> Times:
        worker = Worker(name, trees[name])
        try:
            return worker.times(case, first=True)
        finally:
            worker.close()

    return _in_turn(rounds, times)


def _in_turn(rounds: int, times: Callable[[str], Times]) -> Pair:
    pair: Pair = {"base": [], "head": []}
    for i in range(rounds):
        for name in list(pair)[:: -1 if i % 2 else 1]:
            pair[name].append(times(name))
    return pair


def summarise(case: Case, pair: Pair, scale: float) -> dict[str, Any]:
    """A row: medians and all values times `scale`, and the ratios of the rounds."""
    (base, base_worked), (head, head_worked) = (
        np.transpose(pair[name]) * scale for name in ("base", "head")
    )
    low, middle, high = np.percentile(head / base, (25, 50, 75))
    return {
        "case": str(case),
        "base": _rounded(np.median(base)),
        "head": _rounded(np.median(head)),
        "ratio": _rounded(middle),
        "quartiles": [_rounded(low), _rounded(high)],
        "processor_ratio": _rounded(np.median(head_worked / base_worked)),
        "base_rounds": [_rounded(x) for x in base],
        "head_rounds": [_rounded(x) for x in head],
    }


def _rounded(x: float) -> float:
    """Four digits: the fifth is noise."""
    return float(f"{x:.4g}")


def run(trees: dict[str, Path], rounds: int, quick: bool) -> dict[str, list[Any]]:
    """All cases: the two tables; a case that fails has a row that says why."""
    start = time.perf_counter()
    rows: list[Any] = []
    first_rows: list[Any] = []

    def add(
        rows: list[Any], case: Case, scale: float, measure: Callable[[], Pair]
    ) -> None:
        try:
            row = summarise(case, measure(), scale)
        except Failed as failure:
            row = {"case": str(case), "error": str(failure)}
        rows.append(row)
        seen = f"{time.perf_counter() - start:4.0f} s  {case}  {row.get('ratio')}"
        print(seen, file=sys.stderr, flush=True)

    workers = {name: Worker(name, tree) for name, tree in trees.items()}
    try:
        for case in QUICK_CASES if quick else CASES:
            measure = partial(repeated, workers, case, rounds)
            add(rows, case, 1e3 / BATCH[case.size], measure)
    finally:
        for worker in workers.values():
            worker.close()
    for case in QUICK_FIRST_CALLS if quick else FIRST_CALLS:
        times = min(rounds, 2 if quick else 5)
        add(first_rows, case, 1.0, partial(first, trees, case, times))
    return {"rows": rows, "first_calls": first_rows}


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """A table on the screen, with rich where it is installed."""
    header = (title, "base", "head", "head / base", "quartiles", "processor")
    lines = [
        (
            row["case"],
            f"{row['base']:.4g}",
            f"{row['head']:.4g}",
            f"{row['ratio']:.3f}",
            "{:.3f} … {:.3f}".format(*row["quartiles"]),
            f"{row['processor_ratio']:.3f}",
        )
        for row in rows
        if "error" not in row
    ]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
        for line in (header, *lines):
            cells = zip(line, widths, strict=True)
            print("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())
    else:
        table = Table()
        for i, name in enumerate(header):
            table.add_column(name, justify="right" if i else "left", no_wrap=True)
        for line in lines:
            table.add_row(*line)
        console = Console()
        console.width = max(console.width, WIDTH)
        console.print(table)
    for row in rows:
        if "error" in row:
            print(f"{row['case']}: {row['error']}")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextlib.contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "tree"
        _git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def main() -> None:
    """Compares, prints, and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="a commit")
    parser.add_argument("--head", help="another; the working tree by default")
    parser.add_argument("--rounds", type=int, help="31 by default, 9 if --quick")
    parser.add_argument("--quick", action="store_true", help="a few cases only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="for the figures")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (9 if arguments.quick else 31)
    from benchmarks import machine

    base = _git("rev-parse", "--verify", arguments.base + "^{commit}")
    head = _git("rev-parse", "--verify", (arguments.head or "HEAD") + "^{commit}")
    names = {"base": base, "head": head if arguments.head else f"{head}, working tree"}
    before = machine.load()
    if before[0] > os.cpu_count() / 4:
        print(f"The machine is busy: a load of {before[0]}.", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        trees = {"base": stack.enter_context(worktree(base)), "head": ROOT.resolve()}
        if arguments.head:
            trees["head"] = stack.enter_context(worktree(head))
        tables = run(trees, rounds, arguments.quick)
    for name, commit in names.items():
        print(f"{name}: {commit}")
    show("ms per image", tables["rows"])
    show("first call, s", tables["first_calls"])
    if arguments.json:
        results = {
            **names,
            "machine": machine.describe(),
            "load_average": {"before": before, "after": machine.load()},
            "settings": {"rounds": rounds, "quick": arguments.quick},
            **tables,
        }
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
        print(f"Written to {arguments.json}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        work()
    else:
        main()
