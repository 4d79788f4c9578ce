"""The benchmarks run and say what they should. No time is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import markdown, targets, timing
from benchmarks.__main__ import RESULTS
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.formulations import CHOSEN, FORMULATIONS

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


@pytest.mark.parametrize("table", ["rows", "depth", "policies", "formulations"])
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
    for title in ("ours, fused, compiled", "Depth", "Formulations", "Promises"):
        assert title in printed


def test_formulations_start_with_the_chosen_one():
    assert next(iter(FORMULATIONS)) == CHOSEN


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
    assert timing.ratio(theirs, ours) == 3.0


@pytest.mark.parametrize(("keras", "kept"), [(14.5, True), (13.5, False)])
def test_promises_are_computed_from_the_results(keras, kept):
    row = {"size": 224, "batch": 32, "dtype": "uint8", "mode": "function"}
    results = {
        "rows": [
            {**row, "contender": OURS, "milliseconds": [1.0, 2.0, 1.0]},
            {**row, "contender": "keras", "milliseconds": keras * np.array([1, 2, 1])},
            {**row, "mode": "eager", "contender": "opencv", "milliseconds": [0.5, 0.4]},
        ],
        "depth": [{"milliseconds": [1.0]}, {"milliseconds": [1.1]}],
        "policies": [],
        "memory": [{"xla_temporaries": 20, "output": 100}, {"output": 7}],
    }
    first, *others, depth, choice, rand_augment, memory = targets.verdicts(results)
    assert (first.seen, first.kept) == (keras, kept)
    assert first.warp_alone == pytest.approx(keras / 0.45)
    assert {verdict.warp_alone for verdict in (*others, depth, memory)} == {None}
    unmeasured = (*others, choice, rand_augment)
    assert {verdict.kept for verdict in unmeasured} == {None}
    assert (round(depth.seen, 3), depth.kept) == (1.1, True)
    assert (memory.seen, memory.kept) == (0.2, False)


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing is published yet")
@pytest.mark.parametrize("readme", markdown.READMES, ids=["benchmarks", "project"])
def test_the_readme_shows_the_published_results(readme):
    readme = readme.read_text()
    assert markdown.updated(readme, json.loads(RESULTS.read_text())) == readme


@pytest.mark.slow
def test_the_readme_has_a_place_for_each_table(quick):
    results, _ = quick
    updated = markdown.updated(markdown.README.read_text(), results)
    for table in markdown.TABLES.values():
        assert table(results) in updated
