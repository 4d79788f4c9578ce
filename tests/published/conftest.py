"""Fixtures of the tests in this folder."""

import numpy as np
import pytest

from published.pictures import IMAGES, PHOTOGRAPHS


@pytest.fixture(scope="module")
def pictures():
    """The images and two photographs, uint8 (H, W, C)."""
    data = pytest.importorskip("skimage.data")
    photographs = {name: getattr(data, name)()[at] for name, at in PHOTOGRAPHS.items()}
    return IMAGES | photographs


@pytest.fixture(scope="module")
def functional():
    """torchvision's functions, on arrays (H, W, C)."""
    torch = pytest.importorskip("torch")
    own = pytest.importorskip("torchvision.transforms.v2.functional")

    def on_arrays(name):
        def run(image, *args, **kwargs):
            planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))
            result = getattr(own, name)(torch.from_numpy(planes), *args, **kwargs)
            return np.moveaxis(result.numpy(), 0, -1)

        return run

    return on_arrays


@pytest.fixture(scope="module")
def v2():
    """torchvision's layers."""
    return pytest.importorskip("torchvision.transforms.v2")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def stats():
    return pytest.importorskip("scipy.stats")
