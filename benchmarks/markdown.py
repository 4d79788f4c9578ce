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
    for name, table in TABLES.items():
        text = re.sub(
            f"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, table=table: match[1] + table(files) + match[2],
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


def _of(file: str, table: Callable[[Results], str]) -> Callable[[Files], str]:
    """A table of one file of results, which may be missing."""
    return lambda files: table(files.get(file, {}))


def _lines(benchmark: Benchmark, files: Files) -> list[list[str]]:
    results = files.get(benchmark.name, {})
    return [seen.cells() for seen in benchmark.verdicts(results)]


def speed(files: Files) -> str:
    """Six rows of the other tables, for those who read no more."""
    stacks, by_text = files.get("cpu", {}), _by_text(files)
    table = verdict.markdown(verdict.HEADER, [by_text[text] for text in SIX])
    if "machine" not in stacks:
        return table
    how = "in a `tf.function` but for `fit`; a Sequential has five layers."
    return f"{table}\nMeasured on {_machine(stacks)}, {how}\n"


def another(files: Files) -> str:
    """What was missed on one of two processors, or on both, and seen on each."""
    here = _by_text(files)
    there = {
        name.removeprefix(ANOTHER): results
        for name, results in files.items()
        if name.startswith(ANOTHER)
    }
    lines = [
        [text, bound, *(" ".join(cells) for cells in ((seen, mark), other[3::2]))]
        for text, other in _by_text(there).items()
        for _, _, bound, seen, _, mark in [here[text]]
        if "**missed**" in (mark, other[5])
    ]
    return verdict.markdown(["ratio", "promised", "seen", "on the other"], lines)


def _by_text(files: Files) -> dict[str, list[str]]:
    """The cells of all that was promised of layers and stacks, by its text."""
    stacks = files.get("cpu", {})
    every = [
        *targets.table(stacks)[1],
        *targets.alone(stacks),
        *_lines(pixels.BENCHMARK, files),
        *_lines(sizes.BENCHMARK, files),
        *_lines(mixes.BENCHMARK, files),
    ]
    return {line[0]: line[: len(verdict.HEADER)] for line in every}


def _machine(results: Results) -> str:
    """The processor and its cores, in words."""
    found = results["machine"]
    vectors = f" ({found['vectors']})" if found.get("vectors") else ""
    return f"{found['cores']} cores of an {found['processor']}{vectors}"


def machines(files: Files) -> str:
    """What each file of results was measured on, of which commit, and when."""
    header = ["results", "machine", "Python, TensorFlow, Keras", "commit", "day"]
    lines = []
    for name in sorted(files):
        found = files[name].get("machine")
        if found is None:
            continue
        versions = found["versions"]
        lines.append(
            [
                f"`{name}.json`",
                _machine(files[name]),
                f"{found['python']}, {versions['tensorflow']}, {versions['keras']}",
                "not known" if found["commit"] is None else found["commit"][:7],
                found["date"][:10],
            ]
        )
    return verdict.markdown(header, lines)


def first_calls(results: Results) -> str:
    """Seconds until a recipe's first batch: built, traced and compiled."""
    seconds: dict[str, dict[str, str]] = {}
    for row in results.get("rows", []):
        if row["title"] in COMPILED and "first_call" in row:
            cells = seconds.setdefault(row["recipe"], {})
            cells[row["title"]] = verdict.digits(row["first_call"])
    lines = [
        [f"`{name}`" if name.isidentifier() else name]
        + [of_title.get(title, "") for title in COMPILED]
        for name, of_title in seconds.items()
    ]
    return verdict.markdown(["seconds of the first call", *COMPILED], lines)


def whole(results: Results) -> str:
    """Milliseconds an image of whole recipes, and times ours; shares of a step."""
    rows = results.get("rows", [])
    titles = list(dict.fromkeys(row["title"] for row in rows))
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        cell = f"{row['median']:.3g} ({row['times_ours']:.3g})"
        cells.setdefault(row["recipe"], {})[row["title"]] = cell
    lines = [
        [f"`{name}`" if name.isidentifier() else name]
        + [of_title.get(title, "") for title in titles]
        for name, of_title in cells.items()
    ]
    shares = [
        [row["contender"], f"{row['median']:.3g}", f"{row['share_of_the_step']:.1%}"]
        for row in results.get("fit", [])
    ]
    header = ["a step of a ResNet-50", "ms an image", "share of augmentation"]
    found = {(row["recipe"], row["title"]): row for row in rows}
    seen = [
        verdict.compared(text, found.get(above), found.get(below), bound, at_most)
        for text, above, below, bound, at_most in RECIPES
    ]
    return "\n".join(
        [
            verdict.markdown(["ms an image (times ours)", *titles], lines),
            verdict.markdown(verdict.HEADER, [x.cells() for x in seen]),
            verdict.markdown(header, shares),
        ]
    )


_LAYER = "ours, a layer"
RECIPES = [
    (
        "torchvision's own / its recipe without mixing",
        ("torchvision, no mixing", "torchvision v2"),
        ("torchvision, no mixing", _LAYER),
        1.0,
        False,
    ),
    (
        "nearest keras.layers / torchvision's recipe",
        ("torchvision_resnet50", "keras.layers, the nearest"),
        ("torchvision_resnet50", _LAYER),
        15.0,
        False,
    ),
    *(
        (
            f"{name} / albumentations",
            (name, _LAYER),
            (name, "albumentations"),
            1.3,
            True,
        )
        for name in ("torchvision, no policy", "simclr", "dino", "mae")
    ),
]
"""What was promised of whole recipes: a text, both rows, the bound, whether at most."""
COMPILED = ("ours, a layer", "ours, in tf.data", "keras.layers, the nearest")
"""The rows of recipes that are traced, and compiled where they can be."""
ANOTHER = "another_processor/"
"""The folder of results of another processor."""
SIX = (
    "keras.layers / Sequential, in a graph, 224 x 224, uint8",
    "keras.layers / Sequential, in fit, 224 x 224, uint8",
    "rotation of keras.layers / ours, uint8",
    "RandAugment of keras.layers / ours, uint8",
    "GaussianBlur (7 taps) of keras.layers / ours, uint8",
    "crop and flip of 256, ours / torchvision, image by image",
)
"""The rows of `speed`."""
TABLES: dict[str, Callable[[Files], str]] = {
    "speed": speed,
    "another": another,
    "machines": machines,
    "first_calls": _of("recipes", first_calls),
    "times": _of("cpu", times),
    "promises": _of("cpu", promises),
    "alone": _of("cpu", alone),
    "formulations": _of("cpu", formulations),
    "recipes": _of("recipes", whole),
    **{
        module.BENCHMARK.name: lambda files, benchmark=module.BENCHMARK: (
            verdict.markdown(verdict.HEADER, _lines(benchmark, files))
        )
        for module in (pixels, sizes, mixes)
    },
}
"""What makes each table, of the files of results."""
