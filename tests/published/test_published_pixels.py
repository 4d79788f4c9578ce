"""The references of pixels against torchvision and Pillow."""

import numpy as np
import pytest

from published.pictures import IMAGES

from . import pixels


@pytest.mark.thorough
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
def test_bit_for_bit(pictures, functional, ours, theirs, args):
    for name, image in pictures.items():
        peer = functional(theirs)(image, *args)
        np.testing.assert_array_equal(ours(image, *args), peer, name)


def test_autocontrast_of_every_range(functional):
    for greatest in range(1, 256):
        ramp = np.arange(greatest + 1, dtype=np.uint8)[:, None, None]
        np.testing.assert_array_equal(
            pixels.autocontrast(ramp), functional("autocontrast")(ramp)
        )


def _adjust(names, factors):
    return [
        (getattr(pixels, name), f"adjust_{name}", (f,))
        for name in names
        for f in factors
    ]


COLOURS = ("brightness", "contrast", "saturation", "sharpness", "gamma")
ROUND = [
    *_adjust(COLOURS, (0.0, 0.1, 0.5, 0.9, 1.0, 1.3, 1.9, 2.0)),
    *_adjust(["hue"], (-0.5, -0.1, 0.0, 0.1, 1 / 6, 0.25, 1 / 3, 0.5)),
]
"""Factors that give many whole numbers."""
UNEVEN = [
    (pixels.grayscale, "rgb_to_grayscale", ()),
    *_adjust(COLOURS, (0.03713, 0.4731, 0.9377, 1.2837, 1.7219)),
    *_adjust(["hue"], (-0.48731, -0.2873, 0.01973, 0.4141)),
]
BLURS = [((3, 3), (0.1, 0.1)), ((3, 5), (0.8, 2.0)), ((7, 7), (2.0, 2.0))]


@pytest.mark.parametrize(("ours", "theirs", "args"), ROUND + UNEVEN)
def test_within_float32(pictures, functional, ours, theirs, args):
    for image in pictures.values():
        _compare(image, functional(theirs)(image, *args), ours, *args)


@pytest.mark.parametrize(("sizes", "sigmas"), [*BLURS, ((23, 23), (1.3, 1.3))])
@pytest.mark.parametrize("name", ["random", "smooth", "one channel"])
def test_gaussian_blur(functional, name, sizes, sigmas):
    image = IMAGES[name]
    peer = functional("gaussian_blur")(image, sizes, sigmas)
    _compare(image, peer, pixels.gaussian_blur, sizes, sigmas)


def _compare(image, peer, ours, *args):
    """The peer's is one of the results that float32 leaves open, and near ours."""
    least, greatest = pixels.float32_bounds(ours, image, *args)
    result = ours(image, *args)
    assert peer.dtype == result.dtype == np.uint8
    np.testing.assert_array_less(least - 1.0, peer)
    np.testing.assert_array_less(peer, greatest + 1.0)
    np.testing.assert_array_less(greatest - least.astype(int), 3)
    np.testing.assert_allclose(result, peer.astype(int), rtol=0, atol=1)


@pytest.mark.parametrize(("ours", "theirs", "args"), UNEVEN)
def test_float32_decides_rarely(functional, ours, theirs, args):
    """One value in a thousand, but for saturation where the channel is the grey.

    There the exact result is the channel itself, and cutting off takes a level.
    """
    image = IMAGES["smooth"]
    grey = pixels.grayscale(image) if theirs == "adjust_saturation" else 256
    apart = ours(image, *args) != functional(theirs)(image, *args)
    assert np.mean(apart & (image != grey)) < 1e-3


@pytest.mark.parametrize(
    ("ours", "theirs", "args"),
    [
        *ROUND,
        *UNEVEN,
        (pixels.invert, "invert", ()),
        (pixels.autocontrast, "autocontrast", ()),
        (pixels.equalize, "equalize", ()),
        *[(pixels.solarize, "solarize", (t,)) for t in (0.0, 0.3, 0.7, 1.0)],
        *[(pixels.posterize, "posterize", (bits,)) for bits in range(9)],
        *[(pixels.gaussian_blur, "gaussian_blur", blur) for blur in BLURS],
        (pixels.normalize, "normalize", ((0.485, 0.456, 0.406), (0.2, 0.3, 0.4))),
    ],
)
@pytest.mark.parametrize("name", ["random", "smooth", "dark", "grey"])
def test_floats(functional, name, ours, theirs, args):
    image = (IMAGES[name] / 255).astype(np.float32)
    result = ours(image, *args)
    assert result.dtype == np.float32
    np.testing.assert_allclose(
        result, functional(theirs)(image, *args), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("value_range", [(0, 255), (-1, 1), (-3, 5)])
@pytest.mark.parametrize(
    ("ours", "args"),
    [
        (pixels.invert, ()),
        (pixels.autocontrast, ()),
        (pixels.equalize, ()),
        (pixels.posterize, (3,)),
        (pixels.gaussian_blur, (5, 1.3)),
        (pixels.saturation_hsv, (1.4,)),
        (pixels.normalize, ((0.4, 0.5, 0.6), 0.3)),
        *[(ours, args) for ours, _, args in UNEVEN],
    ],
)
def test_value_range(ours, args, value_range):
    """Another range is another unit, and nothing else."""
    low, high = value_range
    unit = np.random.default_rng(5).uniform(0.001, 0.999, (12, 15, 3))
    result = ours(low + (high - low) * unit, *args, value_range=value_range)
    expected = ours(unit, *args)
    if ours is not pixels.normalize:
        expected = low + (high - low) * expected
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


def test_solarize_in_units_of_the_image():
    image = np.array([[[-0.5], [0.2], [0.3]]])
    result = pixels.solarize(image, 0.2, value_range=(-1, 1))
    np.testing.assert_array_equal(result, [[[-0.5], [-0.2], [-0.3]]])


@pytest.mark.parametrize("seed", range(6))
def test_color_jitter(functional, torch, v2, seed):
    """The layer itself, with the order and the factors that it drew."""
    layer = v2.ColorJitter(0.8, 0.8, 0.8, 0.2)
    torch.manual_seed(seed)
    drawn = layer.make_params([])
    names = ("brightness", "contrast", "saturation", "hue")
    order = [names[i] for i in drawn["fn_idx"]]
    factors = {name: drawn[f"{name}_factor"] for name in names}
    image = IMAGES["smooth"]
    torch.manual_seed(seed)
    peer = layer(torch.from_numpy(np.moveaxis(image, -1, 0).copy())).numpy()
    result = pixels.color_jitter(image, factors, order)
    apart = np.abs(result - np.moveaxis(peer, 0, -1).astype(int))
    assert apart.max() <= 2
    assert np.mean(apart > 1) < 2e-3
    assert np.mean(apart > 0) < 1e-2


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_gaussian_noise(functional, torch, dtype):
    image = (
        IMAGES["smooth"] if dtype == np.uint8 else np.float32(IMAGES["smooth"] / 255)
    )
    height, width, channels = image.shape
    torch.manual_seed(3)
    normal = np.moveaxis(torch.randn(channels, height, width).numpy(), 0, -1)
    torch.manual_seed(3)
    peer = functional("gaussian_noise")(image, 0.0, 0.1)
    result = pixels.gaussian_noise(image, normal, 0.1)
    assert result.dtype == dtype
    apart = np.abs(result.astype(float) - peer)
    assert np.quantile(apart, 0.999) < 1e-5
    assert apart.max() <= 1


@pytest.mark.parametrize("args", [(3, 0.8), (7, 2.0), (15, 3.0)])
@pytest.mark.parametrize("name", ["1 x 1", "2 x 30", "constant", "smooth"])
def test_blur_of_tiny_images(name, args):
    """SciPy goes on mirroring, where torchvision stops."""
    ndimage = pytest.importorskip("scipy.ndimage")
    size, sigma = args
    image = IMAGES[name].astype(np.float64)
    expected = image
    taps = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    for axis in (0, 1):
        expected = ndimage.correlate1d(expected, taps / taps.sum(), axis, mode="mirror")
    result = pixels.gaussian_blur(image, *args)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs", "args"),
    [
        (pixels.equalize, "equalize", ()),
        (pixels.invert, "invert", ()),
        *[(pixels.solarize, "solarize", (t,)) for t in (0, 1, 100, 128, 255)],
        *[(pixels.posterize, "posterize", (bits,)) for bits in range(1, 9)],
    ],
)
def test_pillow(pictures, ours, theirs, args):
    """Pillow's definitions are the same, bit for bit. Those of the others are not."""
    pil = pytest.importorskip("PIL.Image")
    operations = pytest.importorskip("PIL.ImageOps")
    for name, image in pictures.items():
        picture = pil.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        peer = np.asarray(getattr(operations, theirs)(picture, *args))
        np.testing.assert_array_equal(
            ours(image, *args), peer.reshape(image.shape), name
        )


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.8])
def test_saturation_hsv(factor):
    color = pytest.importorskip("skimage.color")
    image = IMAGES["smooth"] / 255
    hsv = color.rgb2hsv(image)
    hsv[..., 1] = np.minimum(factor * hsv[..., 1], 1)
    result = pixels.saturation_hsv(image, factor)
    np.testing.assert_allclose(result, color.hsv2rgb(hsv), rtol=0, atol=1e-12)
