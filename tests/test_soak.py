"""The soak runs, a hundredth of it here, and its published figures are flat."""

import json

import pytest

from benchmarks import soak


def layers(results):
    """The runs with a layer; those without are for comparison."""
    runs = {k: v for k, v in results["runs"].items() if "no layer" not in k}
    assert len(runs) == 4
    return runs.values()


@pytest.mark.slow
def test_a_short_soak():
    for run in layers(soak.soak(0.01, 120)):
        assert run["complete"]
        assert run["traces"] >= 1
        assert run["traces_after_warm_up"] == 0
        assert run["threads"]["after"] <= run["threads"]["before"]


def test_the_published_soak():
    results = json.loads(soak.RESULTS.read_text())
    for run, steps in zip(layers(results), (20_000, 20_000, 2_000, 2_000), strict=True):
        assert run["complete"]
        assert run["steps"] == steps
        assert run["traces_after_warm_up"] == 0
        assert run["threads"]["after"] <= run["threads"]["before"]
        # Of three quarters of the run, in bytes: less than a mebibyte.
        assert run["slope_bytes_per_step"] * steps * 0.75 < 2**20
