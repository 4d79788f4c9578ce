"""What the tests of previews share."""

import pytest
import tensorflow as tf


@pytest.fixture
def workplace(monkeypatch, tmp_path):
    """A folder of its own; layers run op by op: tracing takes longer than they do."""
    monkeypatch.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
