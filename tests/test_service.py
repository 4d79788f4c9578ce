"""A real tf.data service on loopback gives the elements that one process gives."""

import pytest
from helpers import run_engine

NUMBER = 100
EPOCHS = 2
LAYERS = ("RandomRotate", "FusedAugmentation")
layers = pytest.mark.parametrize("layer", LAYERS)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen():
    """What the engine printed: a dispatcher, two workers, one of them killed."""
    return run_engine("service.py", "--elements", NUMBER)


@layers
@pytest.mark.parametrize("mode", ["parallel_epochs", "parallel_epochs, key"])
def test_in_parallel_epochs_each_worker_gives_every_element(seen, layer, mode):
    """ShardingPolicy.OFF: "Each worker produces the entire dataset"."""
    assert seen[layer][mode] == {
        "elements": 2 * EPOCHS * NUMBER,
        "wrong": 0,
        "distinct": EPOCHS * NUMBER,
        "copies": [2],
        "different_pixels": EPOCHS * NUMBER,
        "times": [2 * EPOCHS],
    }


@layers
def test_in_a_distributed_epoch_each_element_comes_once(seen, layer):
    assert seen[layer]["distributed_epoch, key"] == {
        "elements": EPOCHS * NUMBER,
        "wrong": 0,
        "distinct": EPOCHS * NUMBER,
        "copies": [1],
        "different_pixels": EPOCHS * NUMBER,
        "times": [EPOCHS],
    }


@layers
def test_without_a_key_a_distributed_epoch_repeats_no_draw(seen, layer):
    """Places are handed out by chance there, as documented, but each one once."""
    assert seen[layer]["distributed_epoch"]["elements"] == EPOCHS * NUMBER
    assert seen[layer]["distributed_epoch"]["different_pixels"] == EPOCHS * NUMBER
    assert seen[layer]["distributed_epoch"]["times"] == [EPOCHS]


def test_a_stateful_call_would_repeat_its_draws_on_every_worker(seen):
    """Each worker gets a copy of the state: why `augment_dataset` is stateless."""
    assert seen["stateful"]["elements"] == 2 * NUMBER
    assert seen["stateful"]["different_pixels"] == NUMBER


def test_a_killed_worker_takes_only_what_it_held(seen):
    """ShardingPolicy.DYNAMIC: "at-most once", "some may be missed"; and none wrong.

    The epoch ends once the worker's address answers again; until then the client waits.
    """
    killed = seen["killed"]
    assert killed["exit"] == -9
    assert killed["wrong"] == 0
    assert killed["copies"] == [1]
    assert killed["elements"] == killed["distinct"]
    assert killed["elements"] > killed["after"]
    assert EPOCHS * NUMBER - killed["elements"] <= killed["held_at_most"]
