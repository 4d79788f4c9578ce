"""Breaks the code on purpose, and says whether the tests see it.

    python tests/mutations.py            # all; a quarter of an hour on one core
    python tests/mutations.py 3 17       # some of them

Each mutation changes one place of a copy of the package. It is caught if the tests that
are named with it fail there. The exit code is the number of those that live on.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
SIGNS = "test_conventions.py test_peers.py"
MUTATIONS = [
    # the module, what it says, what it shall say, the tests that must see it
    ("matrices", "(1.0, 0.0, -dx)", "(1.0, 0.0, dx)", SIGNS),
    ("matrices", "(cos, -sin, 0.0), (sin, cos", "(cos, sin, 0.0), (-sin, cos", SIGNS),
    ("matrices", "(width, tf.float64) - 1.0)", "(width, tf.float64))", "test_exact.py"),
    ("matrices", "- quarters / 4.0", "- 0.0 * quarters", "test_exact.py"),
    (
        "matrices",
        "a[:, :, :, tf.newaxis] * b[",
        "b[:, :, :, tf.newaxis] * a[",
        "test_fused.py",
    ),
    ("warp", "return x / depth + 0.5", "return x + 0.5", "test_xla.py"),
    ("warp", "tf.abs(x - 2.0 * n * tf", "(x - 2.0 * n * tf", "test_xla.py"),
    ("warp", "finite & (cover > 0.0)", "finite", "test_xla.py"),
    (
        "warp",
        "_to_int(x, 1, size - step) - 1",
        "_to_int(x, 1, size) - 1",
        "test_xla.py",
    ),
    (
        "warp",
        "up * right * b + down * left * c",
        "up * right * c + down * left * b",
        "test_xla.py",
    ),
    (
        "color",
        "tf.round(tf.clip_by_value(pixels, low, high))",
        "tf.clip_by_value(pixels, low, high)",
        "test_dtypes.py",
    ),
    (
        "color",
        "bias = _everywhere(shared - ",
        "bias = _everywhere(shared + ",
        "test_color.py",
    ),
    (
        "color",
        "_product(after.gain, self.gain)",
        "_product(self.gain, after.gain)",
        "test_color.py",
    ),
    (
        "color",
        "tf.roll(eye, turn, axis=1)",
        "tf.roll(eye, turn, axis=0)",
        "test_color.py",
    ),
    ("color", "0.299, 0.587, 0.114", "0.333, 0.333, 0.334", "test_color.py"),
    ("targets", "return centres + 0.5", "return centres", "test_targets.py"),
    ("targets", "(moved > frame)", "(moved > frame + 1.0)", "test_targets.py"),
    (
        "targets",
        "[0, 1, 2, 1, 2, 3, 0, 3]",
        "[0, 1, 0, 1, 2, 3, 2, 3]",
        "test_targets.py",
    ),
    (
        "targets",
        "(visible >= min_visibility)",
        "(visible > min_visibility)",
        "test_targets.py",
    ),
    (
        "sampling",
        "drawn, tf.constant(3, tf.uint32)",
        "drawn, tf.constant(4, tf.uint32)",
        "test_distributions.py",
    ),
    (
        "sampling",
        "cast(stream, tf.int64) * 2**32",
        "cast(stream, tf.int64) * 0",
        "test_fused.py::test_mirrored_strategy",
    ),
    (
        "sampling",
        "low0, high0 = split(x0",
        "low0, high0 = split(x1",
        "test_distributions.py",
    ),
]


def caught(module, old, new, tests):
    """Whether the tests fail once `old` became `new`."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        skip = shutil.ignore_patterns(".*", "notebooks", "__pycache__")
        shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=skip)
        path = copy / "keras_aug_layers" / f"{module}.py"
        text = path.read_text()
        if text.count(old) != 1:
            sys.exit(f"{module}.py must have {old!r} once, not {text.count(old)} times")
        path.write_text(text.replace(old, new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", ""]
        command += ["-p", "no:cacheprovider", *(f"tests/{x}" for x in tests.split())]
        # The copy comes first on the path: pytest is run in it as a module.
        process = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        if process.returncode not in (0, 1):
            sys.exit(process.stdout + process.stderr)
        return process.returncode == 1


def main():
    """Runs those whose numbers are given, or all."""
    chosen = [int(x) for x in sys.argv[1:]] or range(1, len(MUTATIONS) + 1)
    alive = 0
    for number in chosen:
        module, old, new, tests = MUTATIONS[number - 1]
        seen = caught(module, old, new, tests)
        alive += not seen
        verdict = "caught" if seen else "LIVES"
        print(f"{number:2} {verdict}  {module}: {old}  ->  {new}", flush=True)
    print(f"{alive} of {len(chosen)} live")
    sys.exit(alive)


if __name__ == "__main__":
    main()
