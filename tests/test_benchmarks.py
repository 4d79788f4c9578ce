"""The benchmarks run and say what they should. No time is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    depth,
    files,
    first_call,
    markdown,
    mixes,
    paired,
    pixels,
    single,
    sizes,
    statements,
    targets,
    timing,
    verdict,
)
from benchmarks.cases import Case
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.files import RESULTS
from benchmarks.formulations import CHOSEN, FORMULATIONS
from keras_aug_layers.kernels import taps, warp

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """What `python -m benchmarks --quick` writes, and what it prints."""
    output = tmp_path_factory.mktemp("benchmarks") / "quick.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(output)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(output.read_text()), run.stdout


@pytest.mark.slow
def test_quick_measures_every_contender_or_says_why_not(quick):
    results, _ = quick
    skipped = {row["contender"] for row in results["skipped"]}
    assert OURS not in skipped
    measured = {row["contender"] for row in results["rows"]}
    assert measured | skipped == set(CONTENDERS)
    assert all(row["reason"] for row in results["skipped"])


@pytest.mark.slow
def test_quick_measures_ours_in_every_mode(quick):
    results, _ = quick
    modes = {row["mode"] for row in results["rows"] if row["contender"] == OURS}
    assert modes == {"eager", "function", "data", "fit"}


@pytest.mark.parametrize("table", ["rows", "depth", "single", "formulations"])
@pytest.mark.slow
def test_every_row_has_its_statistics(quick, table):
    results, _ = quick
    assert results[table]
    for row in results[table]:
        low, high = row["quartiles"]
        assert len(row["milliseconds"]) == results["settings"]["rounds"] == 3
        assert 0 < min(row["milliseconds"]) <= low <= row["median"] <= high
        assert row["times_ours_quartiles"][0] <= row["times_ours"]
        assert row["title"]


@pytest.mark.slow
def test_the_machine_is_described(quick):
    results, _ = quick
    machine = results["machine"]
    assert machine["cores"] >= 1
    assert machine["versions"]["tensorflow"]
    assert {"processor", "system", "python", "commit", "date"} <= machine.keys()
    assert {len(load) for load in results["load_average"].values()} == {3}


@pytest.mark.slow
def test_memory_of_the_compiled_call_is_in_the_results(quick):
    results, _ = quick
    (row,) = results["memory"]
    assert row["contender"] == OURS
    assert row["output"] == row["input"] == 32 * 32 * 32 * 3
    assert 0 < row["xla_temporaries"] < row["output"]


@pytest.mark.slow
def test_the_tables_are_printed(quick):
    _, printed = quick
    for title in (
        "ours, fused, compiled",
        "Depth",
        "Formulations",
        "alone",
        "Promises",
    ):
        assert title in printed


def test_formulations_start_with_the_chosen_one():
    assert next(iter(FORMULATIONS)) == CHOSEN


def test_formulations_exchange_what_is_there():
    parts = {name for form in FORMULATIONS.values() for name in form.parts}
    assert parts
    assert {x for x in parts if not (hasattr(warp, x) or hasattr(taps, x))} == set()


@pytest.mark.thorough
def test_contenders_are_timed_in_turn():
    calls = []

    def contender(name):
        return lambda n: calls.append(name) or 1.0 * n

    samples = timing.in_turn({"a": contender("a"), "b": contender("b")}, 3, 0.0)
    assert samples == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert calls == [*"aabb", *"ab", *"ba", *"ab"]


def test_statistics_compare_within_each_round():
    samples = {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 4.0, 20.0]}
    ours, theirs = timing.summarise(samples, images=10, reference="ours")
    assert ours["times_ours"] == 1
    assert theirs["milliseconds"] == [300.0, 400.0, 2000.0]
    assert theirs["median"] == 400.0
    assert theirs["quartiles"] == [350.0, 1200.0]
    assert theirs["times_ours"] == 3.0  # of 3, 2 and 5; the medians' ratio is 2


PAIR = {"milliseconds": [1.0, 2.0, 4.0]}, {"milliseconds": [2.0, 2.0, 1.0]}


def test_a_verdict_compares_within_each_round():
    seen = verdict.compared("a / b", *PAIR, bound=1.5, at_most=True)
    assert (seen.seen, seen.quartiles, seen.kept) == (1.0, (0.75, 2.5), True)
    cells = ["a / b", "2 / 2", "at most 1.5", "1", "0.75 to 2.5", "kept"]
    assert seen.cells() == cells
    assert verdict.compared("a / b", *PAIR, bound=1.5).mark == "**missed**"
    assert verdict.compared("a / b", *PAIR).mark == ""


@pytest.mark.parametrize("rows", [(None, PAIR[1]), (PAIR[0], None)])
def test_what_is_not_there_is_not_measured(rows):
    seen = verdict.compared("a / b", *rows, bound=1.5)
    assert seen.cells() == ["a / b", "", "at least 1.5", "", "", "not measured"]


def by_text(verdicts):
    found = {seen.text: seen for seen in verdicts}
    assert len(found) == len(verdicts)
    return found


@pytest.mark.parametrize(("keras", "kept"), [(14.5, True), (13.5, False)])
def test_promises_are_computed_from_the_results(keras, kept):
    row = {"size": 224, "batch": 32, "dtype": "uint8", "mode": "function"}
    slow = list(keras * np.array([1.0, 2.0, 1.0]))
    times = {OURS: [1.0, 2.0, 1.0], "sequential": [1.0, 4.0, 1.2], "keras": slow}
    results = {
        "rows": [
            *(
                {**row, "contender": key, "milliseconds": milliseconds}
                for key, milliseconds in times.items()
            ),
            {**row, "mode": "eager", "contender": "opencv", "milliseconds": [0.5, 0.4]},
        ],
        "depth": [
            {"contender": depth.SHALLOW, "milliseconds": [1.0]},
            {"contender": depth.DEEP, "milliseconds": [1.1]},
        ],
        "first_call": [
            {"contender": "sequential", "seconds": [3.0, 4.0]},
            {"contender": "fused", "seconds": [2.0, 4.0]},
        ],
        "memory": [{"xla_temporaries": 20, "output": 100}, {"output": 7}],
    }
    found = by_text(list(targets.verdicts(results)))
    size = "224 x 224, uint8"
    measured = {
        f"keras.layers / compiled, in a graph, {size}": (keras, kept),
        f"keras.layers / Sequential, in a graph, {size}": (keras / 1.2, True),
        f"Sequential / FusedAugmentation, in a graph, {size}": (1.2, False),
        "ten geometric and five colour layers / one of each": (1.1, True),
        "first call: fifteen layers in a Sequential / fifteen layers, fused": (
            1.25,
            True,
        ),
        "memory of the compiled call beyond input and output / output, at worst": (
            0.2,
            False,
        ),
    }
    for text, (ratio, within) in measured.items():
        seen = found.pop(text)
        assert seen.seen == pytest.approx(ratio)
        assert seen.kept is within
    assert {seen.mark for seen in found.values()} == {"not measured"}


def test_opencv_is_beside_what_is_compared_with_the_compiled_row():
    row = {"size": 224, "batch": 32, "dtype": "uint8"}
    pair = {"mode": "function", "milliseconds": [9.0, 9.0]}
    results = {
        "rows": [
            {**row, **pair, "contender": "keras"},
            {**row, **pair, "contender": OURS},
            {**row, "mode": "eager", "contender": "opencv", "milliseconds": [0.5, 0.4]},
        ]
    }
    beside = [x for x in targets.verdicts(results) if x.warp_alone is not None]
    (seen,) = beside
    assert seen.warp_alone == pytest.approx(9 / 0.45)
    assert seen.text.startswith("keras.layers / compiled, in a graph, 224")


def test_without_results_nothing_is_measured():
    header, lines = targets.table({})
    assert {line[header.index("")] for line in lines} == {"not measured"}
    assert {line[-1] for line in targets.alone({})} == {"not measured"}


def test_each_single_layer_has_its_promise():
    (group,) = [x for x in single.GROUPS if x.name == "rotation, uint8"]
    row = {"group": group.name}
    (ratio,) = group.ratios
    rows = [
        {**row, "contender": ratio.slow, "milliseconds": [5.0, 5.0]},
        {**row, "contender": ratio.fast, "milliseconds": [2.0, 2.0]},
    ]
    (line,) = [x for x in targets.alone({"single": rows}) if x[3]]
    assert line[0] == "rotation of keras.layers / ours, uint8"
    assert line[2:] == ["at least 3", "2.5", "2.5 to 2.5", "**missed**"]
    bounds = {group.name: group.ratios[0].bound for group in single.GROUPS}
    assert bounds["perspective, uint8"] == 2.0
    assert bounds["perspective, float32"] == bounds["zoom, float32"] == 1.6
    assert bounds["flip, uint8"] == bounds["flip, float32"] == 1.0


def test_a_limit_of_seconds_is_no_ratio():
    rows = [{"contender": "rand_augment", "seconds": [3.0, 5.0], "tracing": [1.0, 2.0]}]
    (seen,) = first_call.verdicts(["rand_augment"], rows)
    assert (seen.seen, seen.bound, seen.kept) == (4.0, 4.0, True)


def test_a_group_measures_what_is_asked_for():
    built = []

    def contender(name):
        def make(case):
            built.append((name, case.dtype))
            if name == "absent":
                raise ImportError("no absent here")
            return lambda n: {"slow": 3.0, "fast": 1.0}.get(name, 1.0) * n

        return make

    names = "slow", "fast", "absent", "never"
    ratios = [
        paired.Ratio("slow", "fast", 2.0),
        paired.Ratio("absent", "fast"),
        paired.Ratio("never", "never"),
    ]
    group = paired.Group("g", {x: contender(x) for x in names}, ratios, "float32")
    rows, missing = group.measure(Case(32, 4, "uint8"), 2, 0.0, only=" / fast")
    assert built == [(name, "float32") for name in ("slow", "fast", "absent")]
    assert missing == {"absent": "no absent here"}
    assert [row["title"] for row in rows] == ["slow", "fast"]
    marks = [seen.mark for seen in group.verdicts(rows)]
    assert marks == ["kept", "not measured", "not measured"]
    assert group.verdicts(rows)[0].seen == 3.0
    assert paired.Group("other", {}, ratios).verdicts(rows)[0].seen is None


BENCHMARKS = [mixes.BENCHMARK, pixels.BENCHMARK, sizes.BENCHMARK]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda x: x.name)
def test_ratios_are_between_contenders_of_their_group(benchmark):
    names = [group.name for group in benchmark.groups]
    assert len(set(names)) == len(names)
    for group in benchmark.groups:
        compared = {x for ratio in group.ratios for x in (ratio.slow, ratio.fast)}
        assert compared == set(group.contenders)
    found = by_text(benchmark.verdicts({}))
    assert {seen.mark for seen in found.values()} == {"not measured"}


PROMISED = {
    "RandAugment of keras.layers / ours, uint8": (25, False),
    "RandAugment of keras.layers / ours, float32": (10, False),
    "TrivialAugment / the five layers": (3, True),
    "the five, solarize and posterize / the five layers": (1.15, True),
    "GaussianBlur (7 taps) of keras.layers / ours, uint8": (30, False),
    "Sharpness of keras.layers / ours, uint8": (8, False),
    "ColorJitter (HSV; ours in random order) of keras.layers / ours, uint8": (6, False),
    "Equalization of keras.layers / ours, uint8": (5, False),
    "AutoContrast of keras.layers / ours, uint8": (8, False),
    "first call: RandAugment, seconds": (4, True),
    "crop 256 to 224, then the five / the five layers": (1.25, True),
    "crop 512 to 224, then the five / the five layers": (3.3, True),
    "crop and flip of 256, ours / torchvision, image by image": (1, True),
    "crop, image by image / tf.image with antialias": (1.5, True),
    "with RandomErasing, noise / the five layers": (1.1, True),
    "elastic last / the five layers": (1.3, True),
    "elastic first / the five layers": (1.6, True),
    "with CutMix / the five layers": (1.3, True),
    "with MixUp / the five layers": (1.4, True),
    "elastic, either mix, erasing and Normalize / the five layers": (2.2, True),
    "elastic transform of keras.layers / ours": (200, False),
    "erasing in a stack of keras.layers / ours": (10, False),
    "CutMix of keras.layers / ours": (3, False),
}


def test_the_promises_are_these():
    found = by_text([seen for x in BENCHMARKS for seen in x.verdicts({})])
    bounds = {text: (found[text].bound, found[text].at_most) for text in PROMISED}
    assert bounds == PROMISED


@pytest.mark.parametrize("option", ["--quick", "--only=crop"])
def test_a_part_is_not_published(option, capsys):
    with pytest.raises(SystemExit):
        sizes.BENCHMARK.main("", [option, "--json"])
    assert "--json needs a FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_a_benchmark_of_pairs_writes_what_it_prints(tmp_path):
    output = tmp_path / "pixels.json"
    command = [sys.executable, "-m", "benchmarks.pixels", "--quick", "--json"]
    command += [str(output), "--only", "Sharpness"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    results = json.loads(output.read_text())
    seen = [x for x in pixels.BENCHMARK.verdicts(results) if x.seen is not None]
    assert [x.text for x in seen] == ["Sharpness of keras.layers / ours, uint8"]
    assert verdict.digits(seen[0].seen) in run.stdout
    assert results["machine"]["cores"] >= 1


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing is published yet")
@pytest.mark.parametrize("readme", markdown.READMES, ids=["benchmarks", "project"])
def test_the_readme_shows_the_published_results(readme):
    readme = readme.read_text()
    assert markdown.updated(readme, files.published()) == readme


def test_the_notebook_shows_the_published_results():
    published = json.loads((ROOT / "benchmarks/results/cpu.json").read_text())
    notebook = (ROOT / "notebooks/speed_and_xla.ipynb").read_text()
    assert f"'commit': '{published['machine']['commit']}'" in notebook


@pytest.mark.slow
def test_the_readme_has_a_place_for_each_table(quick):
    results, _ = quick
    made = {"cpu": results}
    updated = [markdown.updated(x.read_text(), made) for x in markdown.READMES]
    for table in markdown.TABLES.values():
        assert any(table(made) in text for text in updated)


@pytest.mark.slow
def test_statements_are_counted_without_docstrings():
    lines = ['"""Page."""', "class A:", "    x = 1; y = 2", "    'What y is.'"]
    text = "\n".join([*lines, "def f():", "    'Doc.'"])
    assert statements.statements(text) == 4  # a class, two assignments, a function
    ours = statements.counted()["ours"]
    assert set(ours) == set(statements.PEERS["kornia"][1])
    *parts, everything = ours.values()
    assert min(parts) > 100 and sum(parts) < everything
