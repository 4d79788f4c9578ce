"""Under KERAS_BACKEND=jax and torch: the tf.data path works, models refuse politely."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest
from helpers import run_engine

LAYERS = ("FusedAugmentation",)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tensorflow():
    return run_engine("backend.py", "--backend", "tensorflow")


@pytest.fixture(scope="module", params=["jax", "torch"])
def other(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    seen = run_engine("backend.py", "--backend", request.param)
    assert seen["backend"] == request.param
    return seen


@pytest.mark.parametrize("layer", LAYERS)
def test_tf_data_gives_what_it_gives_under_tensorflow(tensorflow, other, layer):
    """Bit for bit: images, masks, boxes and keypoints, single and batched."""
    assert other[layer]["digests"] == tensorflow[layer]["digests"]
    digests = dict(other[layer]["digests"])
    assert digests.pop("augment again") == digests["augment"]
    assert len(set(digests.values())) == len(digests) == 8


PATHS = {
    # Of one test the case "True", of another one the case "False".
    "jax": "ten_epochs and True or with_a_key and False",
    "torch": "parallel_calls or without_order",
}


def test_the_tests_of_tf_data_pass(other):
    """Some of those of tests/test_reproducible.py, in a process with this backend."""
    tests = str(pathlib.Path(__file__).parent / "test_reproducible.py")
    command = [sys.executable, *"-m pytest -q -n 0 -k".split()]
    command += [PATHS[other["backend"]], "-m", "", tests]
    environment = {**os.environ, "KERAS_BACKEND": other["backend"]}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_run_draws_anew(other, layer):
    assert len(set(other[layer]["calls"])) == 4
    assert other[layer]["eager_calls_differ"]


@pytest.mark.parametrize("layer", LAYERS)
def test_masks_and_boxes_follow(other, layer):
    assert other[layer]["masks_follow"]
    assert other[layer]["masks_moved"]
    assert other[layer]["boxes_moved"]


@pytest.mark.parametrize("layer", LAYERS)
def test_nothing_at_all_outside_training(other, layer):
    assert other[layer]["identity_of_arrays"]
    assert other[layer]["identity_of_tensors"]
    assert other[layer]["predict_error"] < 1e-3
    assert other[layer]["call_error"] < 1e-3


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("way", ["eager_refusal", "dict_refusal", "fit_refusal"])
def test_the_backends_own_tensors_are_refused_with_the_way_out(other, layer, way):
    refusal = other[layer][way]
    assert refusal is not None
    assert "augment_dataset(dataset, layer, seed=1)" in refusal
    assert f"a tensor of {other['backend']}" in refusal


@pytest.mark.parametrize("layer", LAYERS)
def test_the_way_out_trains(other, layer):
    assert other[layer]["way_out_trains"]
