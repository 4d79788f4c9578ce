"""Images, seeds and settings for all tests."""

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Notebooks train: they are slow."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")


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
