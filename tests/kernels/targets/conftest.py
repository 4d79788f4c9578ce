"""Fixtures of the tests in this folder."""

import numpy as np
import pytest


@pytest.fixture
def images():
    """Random images: uint8 (2, 8, 10, 3)."""
    return np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3), "uint8")
