"""Under tf.distribute replicas draw differently, and a rerun draws the same."""

import pytest
from helpers import run_engine

LIKELY = 1e-3
"""A correct generator falls below this p-value for one seed in a thousand."""
STEPS = 100
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mirrored():
    return run_engine("mirrored.py", "--steps", STEPS, timeout=400)


def check(seen, steps, reach):
    assert seen["shape"] == [steps, 2, 2]
    assert seen["steps_with_equal_replicas"] == 0
    # Of a few hundred float32, two may be equal by chance.
    assert seen["distinct"] >= 4 * steps - 1
    assert seen["rerun_differs"] == 0
    assert seen["equal_to_another_seed"] <= 1
    assert -reach <= seen["low"] < -0.9 * reach
    assert 0.9 * reach < seen["high"] <= reach
    assert seen["p_value"] > LIKELY
    assert seen["replicas_correlate_p"] > LIKELY


@pytest.mark.parametrize(
    "case",
    [
        "custom loop",
        "created outside",
        "fit",
        "fit, fused",
        "tf.data, created outside",
        "tf.data, augment_dataset",
        "tf.data, created inside",
    ],
)
def test_mirrored_strategy_over_two_devices(mirrored, case):
    check(mirrored[case], STEPS, 3)


def test_multi_worker_mirrored_strategy_in_two_processes():
    seen = run_engine("multiworker.py", "--steps", STEPS, timeout=400)
    check(seen, STEPS, 4)
    # The two did talk to each other: what each got as the sum is the sum.
    assert seen["largest_error_of_the_sum"] < 1e-6


@pytest.fixture(scope="module")
def mixing():
    return run_engine("mixing.py", timeout=400)


@pytest.mark.parametrize("layer", ["cutmix", "mixup", "mosaic"])
def test_partners_are_of_the_replicas_own_batch(mixing, layer):
    """In a last, smaller batch too; and the replicas draw differently."""
    seen = mixing[layer]
    assert seen["sizes"] == [[4, 4], [3, 3]] * 3
    assert seen["strangers"] == seen["wrong"] == seen["equal"] == 0
