"""Images, seeds and settings for all tests."""

import collections
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import keras
import numpy as np
import pytest
import skimage.data

hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("tests")

PHOTOGRAPHS = {
    "odd": [("astronaut", 70, 180), ("chelsea", 90, 120), ("coffee", 60, 200)],
    "even": [("astronaut", 60, 190), ("rocket", 150, 300), ("coffee", 50, 180)],
}
"""Photograph, top, left: where there is something to see."""
SIZES = {"odd": (61, 83), "even": (64, 80)}


FEW = 2
"""So many cases of a test are in the quick tier."""
COMPILING = {
    "test_curves_and_stages.py",
    "test_mixes.py",
    "test_sizes.py",
    "test_targets_of_chains.py",
}
"""Files whose other cases are slow, not thorough. What XLA compiled stays in a process,
and the thorough tier, of two, ends with most of a machine's 24 GB."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Notebooks train: they are slow. Of many cases all but a few are thorough."""
    cases = collections.defaultdict(list)
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")
        elif not any(item.iter_markers("slow")):
            cases[item.path, getattr(item, "originalname", item.name)].append(item)
    for case in cases.values():
        quick = {len(case) * i // FEW + i for i in range(FEW)}  # not the same of each
        for place, item in enumerate(case):
            if len(case) > FEW and place not in quick:
                said = any(item.iter_markers("thorough"))
                compiles = item.path.name in COMPILING and not said
                item.add_marker("slow" if compiles else "thorough")


def pytest_collection_finish():
    """What was imported stays: the collector need not look at it over and over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def memory():
    """What a module compiled is let go: a gigabyte, where layers compile a lot."""
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.fixture(autouse=True)
def seeds():
    """Every test starts from the same seeds."""
    keras.utils.set_random_seed(1)


@pytest.fixture(params=["odd", "even"])
def photographs(request):
    """Three photographs of odd, or of even size: uint8 (3, H, W, 3)."""
    height, width = SIZES[request.param]
    return np.stack(
        [
            getattr(skimage.data, name)()[top : top + height, left : left + width]
            for name, top, left in PHOTOGRAPHS[request.param]
        ]
    )


@pytest.fixture
def images():
    """Random images of odd height and even width: uint8 (4, 9, 12, 3)."""
    return np.random.default_rng(2).integers(0, 256, (4, 9, 12, 3), "uint8")


@pytest.fixture
def policy(request):
    """Sets Keras's global dtype policy to the test's parameter, for this test."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)
