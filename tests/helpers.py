"""What several test modules need."""

import contextlib
import json
import pathlib
import subprocess
import sys
from unittest import mock

import numpy as np

from keras_aug_layers.plan.jit import Forms

ENGINES = pathlib.Path(__file__).parent / "engines"


@contextlib.contextmanager
def op_by_op():
    """Runs the layers' functions untraced, which is most of a short test's time.

    test_identity.py shows that a layer gives the same in either form.
    """
    untraced = mock.patch.object(Forms, "_trace", lambda self, *_, **__: self._function)
    with untraced:
        yield


@op_by_op()
def drawn(layer, images, **kwargs):
    """What the layer makes of images while training."""
    return layer(images, training=True, **kwargs).numpy()


@op_by_op()
def sampled(layer, images, **kwargs):
    """What the layer draws for images."""
    return layer.sample(images, **kwargs)


def assert_same_bits(actual, expected):
    """Same dtype, same shape, same bytes."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected, strict=True)
    assert actual.tobytes() == expected.tobytes()


def random_images(shape, dtype="float32", seed=0):
    """Random pixels over the whole precision of the dtype, positive."""
    generator = np.random.default_rng(seed)
    if np.dtype(dtype) == np.uint8:
        return generator.integers(0, 256, shape).astype(dtype)
    if np.dtype(dtype).kind in "iu":
        return generator.integers(2**24, np.iinfo(dtype).max, shape).astype(dtype)
    return generator.uniform(1e-3, 1.0, shape).astype(dtype)


def run_engine(name, *arguments, timeout=300):
    """Runs a script of tests/engines in a process of its own: the JSON it prints."""
    command = [sys.executable, str(ENGINES / name), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])
