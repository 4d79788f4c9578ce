"""The written definitions against the libraries that they were read in."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from . import crops, mixing, pixels, policies

DRAWS = 20_000


def _images():
    """uint8 images by name: random, smooth, and the special cases."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:64, :81] / 64
    waves = [np.sin((5 + c) * x + 3 * y * y + c) for c in range(3)]
    smooth = (127.5 + 110 * np.stack(waves, axis=-1)).astype(np.uint8)
    return {
        "random": rng.integers(0, 256, (61, 83, 3), np.uint8),
        "smooth": smooth,
        "dark": smooth // 5 + 3,
        "two values": np.where(smooth > 90, 201, 40).astype(np.uint8),
        "grey": np.repeat(smooth[..., :1], 3, axis=-1),
        "one channel": rng.integers(0, 256, (40, 52, 1), np.uint8),
        "constant": np.full((9, 14, 3), 131, np.uint8),
        "white": np.full((9, 14, 3), 255, np.uint8),
        "2 x 30": rng.integers(0, 256, (2, 30, 3), np.uint8),
        "1 x 1": np.array([[[3, 200, 77]]], np.uint8),
        "1 x 1 x 1": np.array([[[94]]], np.uint8),
    }


IMAGES = _images()
PHOTOGRAPHS = {"astronaut": np.s_[60:184, 150:301], "coffee": np.s_[100:290, 150:420]}


@pytest.fixture(params=[*IMAGES, *PHOTOGRAPHS])
def image(request):
    """Each of the images, uint8 (H, W, C)."""
    if request.param in IMAGES:
        return IMAGES[request.param]
    data = pytest.importorskip("skimage.data")
    return getattr(data, request.param)()[PHOTOGRAPHS[request.param]]


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


# Pixels


@pytest.mark.parametrize(
    ("ours", "theirs", "args"),
    [
        (pixels.invert, "invert", ()),
        (pixels.autocontrast, "autocontrast", ()),
        (pixels.equalize, "equalize", ()),
        *[(pixels.solarize, "solarize", (t,)) for t in (0, 1, 127.5, 128, 200, 255)],
        *[(pixels.posterize, "posterize", (bits,)) for bits in range(9)],
    ],
)
def test_bit_for_bit(image, functional, ours, theirs, args):
    np.testing.assert_array_equal(ours(image, *args), functional(theirs)(image, *args))


def test_autocontrast_of_every_range(functional):
    for greatest in range(1, 256):
        ramp = np.arange(greatest + 1, dtype=np.uint8)[:, None, None]
        np.testing.assert_array_equal(
            pixels.autocontrast(ramp), functional("autocontrast")(ramp)
        )


FACTORS = (0.0, 0.1, 0.4731, 0.9, 1.0, 1.3, 1.7218, 1.9, 2.5)
NEAR = [
    (pixels.grayscale, "rgb_to_grayscale", ()),
    *[
        (getattr(pixels, name), f"adjust_{name}", (factor,))
        for name in ("brightness", "contrast", "saturation", "sharpness", "gamma")
        for factor in FACTORS
    ],
    *[
        (pixels.hue, "adjust_hue", (shift,))
        for shift in (-0.5, -0.2873, -0.1, 0.0, 1 / 6, 0.25, 1 / 3, 0.4141, 0.5)
    ],
    (pixels.gaussian_blur, "gaussian_blur", (3, 0.1)),
    (pixels.gaussian_blur, "gaussian_blur", (3, 0.8)),
    (pixels.gaussian_blur, "gaussian_blur", (7, 2.0)),
    (pixels.gaussian_blur, "gaussian_blur", ((3, 9), (0.6, 1.9))),
    (pixels.gaussian_blur, "gaussian_blur", (23, 1.3)),
]
"""Compared up to what float32 leaves open."""


def test_near(image, functional):
    """Equal, but where float32 decides; that is rare unless a factor is a round one."""
    values, off = 0, 0
    for ours, theirs, args in NEAR:
        if theirs == "gaussian_blur":
            if min(image.shape[:2]) <= np.max(args[0]) // 2:
                continue  # torchvision cannot
            peer = functional(theirs)(image, *np.broadcast_arrays(*args, [0, 0])[:2])
        else:
            peer = functional(theirs)(image, *args)
        least, greatest = pixels.float32_bounds(ours, image, *args)
        assert np.all((least <= peer) & (peer <= greatest)), (theirs, args)
        result = ours(image, *args)
        apart = np.abs(result.astype(int) - peer)
        assert apart.max() <= 1, (theirs, args)
        values, off = values + apart.size, off + (apart > 0).sum()
    assert off / values < 0.01
