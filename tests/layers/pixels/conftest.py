"""Fixtures of the tests in this folder."""

import pytest


@pytest.fixture
def floats(photographs):
    """Photographs in float32, which the tests' shades do not reach the ends of."""
    return photographs.astype("float32")
