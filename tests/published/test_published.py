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


# Pixels


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


# Policies


SIZES = [(224, 224), (32, 32), (231, 517)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({row.name: row for row in policies.RAND_AUGMENT.rows}, "RandAugment"),
        (
            {row.name: row for row in policies.TRIVIAL_AUGMENT.rows},
            "TrivialAugmentWide",
        ),
        ({row.name: row for row in policies.AUGMIX.rows}, "AugMix"),
        (policies.AUTO_AUGMENT_STRENGTHS, "AutoAugment"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_strengths(v2, ours, theirs, size):
    space = getattr(v2, theirs)._AUGMENTATION_SPACE
    assert sorted(ours) == sorted(space)
    bins = {"AugMix": 10, "AutoAugment": 10}.get(theirs, 31)
    for name, (strengths, signed) in space.items():
        row, peer = ours[name], strengths(bins, *size)
        assert row.signed == signed
        assert (row.strengths is None) == (peer is None) == (row.unit == "")
        np.testing.assert_allclose(
            [] if peer is None else policies.in_pixels(row, *size),
            [] if peer is None else peer.numpy(),
            rtol=1e-6,
            atol=1e-6,
        )


@pytest.mark.parametrize(
    "policy", [policies.RAND_AUGMENT, policies.TRIVIAL_AUGMENT, policies.AUGMIX]
)
def test_chances(policy):
    np.testing.assert_allclose(
        [row.chance for row in policy.rows], 1 / len(policy.rows)
    )


def test_defaults(v2):
    rand, trivial, augmix = v2.RandAugment(), v2.TrivialAugmentWide(), v2.AugMix()
    assert policies.RAND_AUGMENT.operations == (rand.num_ops,)
    assert policies.RAND_AUGMENT.bins == (rand.magnitude,)
    assert rand.num_magnitude_bins == trivial.num_magnitude_bins == 31
    assert policies.TRIVIAL_AUGMENT.bins == tuple(range(31))
    assert policies.AUGMIX.bins == tuple(range(augmix.severity))
    assert policies.AUGMIX.chains == augmix.mixture_width
    assert augmix.chain_depth == -1 and augmix.all_ops


def test_float32_strengths(v2, functional):
    """Where torchvision's strengths in float32 are not what they are exactly."""
    space = v2.TrivialAugmentWide._AUGMENTATION_SPACE
    rows = {row.name: row for row in policies.TRIVIAL_AUGMENT.rows}
    moves = [space["TranslateX"][0](31, 224, 224), rows["TranslateX"].strengths]
    theirs, ours = ([int(m) for m in strengths] for strengths in moves)
    assert [(a, b) for a, b in zip(theirs, ours, strict=True) if a != b] == [(15, 16)]
    levels = np.arange(256, dtype=np.uint8)[:, None, None]
    differ = []
    for k, theirs in enumerate(space["Solarize"][0](31, 224, 224).tolist()):
        peer = functional("solarize")(levels, 255 * theirs)
        result = policies.PIXELS["Solarize"](levels, rows["Solarize"].strengths[k])
        differ += [(k, int(level)) for level in np.flatnonzero(peer != result)]
    assert differ == [(16, 119), (18, 102), (24, 51)]


@pytest.mark.parametrize("name", policies.AUTO_AUGMENT)
def test_auto_augment(v2, name):
    layer = v2.AutoAugment(v2.AutoAugmentPolicy(name))
    assert policies.AUTO_AUGMENT[name] == tuple(layer._policies)


@pytest.mark.parametrize("name", policies.PIXELS)
def test_operations_on_pixels(torch, v2, name):
    """What the strengths mean, by what torchvision does with them."""
    row = policies.AUTO_AUGMENT_STRENGTHS.get(name, policies.Row(name, 1.0))
    image = IMAGES["smooth"]
    planes = torch.from_numpy(np.moveaxis(image, -1, 0).copy())
    signs = (1, -1) if row.signed else (1,)
    for strength in [s * sign for s in row.strengths or (0.0,) for sign in signs]:
        peer = v2.AutoAugment()._apply_image_or_video_transform(
            planes, name, strength, "nearest", {}
        )
        apart = np.moveaxis(peer.numpy(), 0, -1) - policies.PIXELS[name](
            image, strength
        ).astype(int)
        assert np.abs(apart).max() <= 1
        assert np.mean(apart != 0) < 0.1


def test_timm_increasing(monkeypatch):
    timm = pytest.importorskip("timm.data.auto_augment")
    monkeypatch.setattr(timm, "_randomly_negate", lambda level: level)
    rows = policies.TIMM_INCREASING
    assert [row.name for row in rows] == timm._RAND_INCREASING_TRANSFORMS
    np.testing.assert_allclose([row.chance for row in rows], 1 / 15)
    levels = np.linspace(0, 10, 777)
    for row in rows:
        function = timm.LEVEL_TO_ARG[row.name] or (lambda level, _: (None,))
        peer = [function(level, {})[0] for level in levels]
        result = [row.strength(level) for level in levels]
        if row.unit == "share":
            peer = [factor - 1 for factor in peer]
        np.testing.assert_allclose(
            np.array(result, float), np.array(peer, float), rtol=0, atol=1e-12
        )


def test_timm_signs(monkeypatch):
    timm = pytest.importorskip("timm.data.auto_augment")
    negated = []
    monkeypatch.setattr(timm, "_randomly_negate", lambda v: negated.append(v) or v)
    for row in policies.TIMM_INCREASING:
        negated.clear()
        (timm.LEVEL_TO_ARG[row.name] or (lambda level, _: None))(9, {})
        assert bool(negated) == row.signed


def test_timm_rand_augment():
    timm = pytest.importorskip("timm.data.auto_augment")
    peer = timm.rand_augment_transform("rand-m9-mstd0.5-inc1", {})
    ours = policies.TIMM_RAND_M9_MSTD05_INC1
    assert [op.name for op in peer.ops] == [row.name for row in ours["rows"]]
    assert peer.num_layers == ours["operations"] and peer.choice_weights is None
    for op in peer.ops:
        assert op.prob == ours["probability"] and op.magnitude == ours["level"]
        assert op.magnitude_std == ours["level_std"] and op.magnitude_max is None
    assert ours["level_range"] == (0, timm._LEVEL_DENOM)


def test_three_augment():
    timm = pytest.importorskip("timm.data.auto_augment")
    (solarize,), (desaturate,), (blur,) = timm.auto_augment_policy("3a")
    ours = policies.THREE_AUGMENT
    assert (solarize.name, solarize.level_fn(5, {})) == (
        ours[0].name,
        ours[0].strengths,
    )
    assert (desaturate.name, desaturate.level_fn(10, {})) == (
        ours[1].name,
        ours[1].strengths,
    )
    assert blur.name == "GaussianBlurRand" and blur.level_fn(10, {}) == (1.0,)


# Crops


CROPS = [
    (224, 224, (0.08, 1.0), (3 / 4, 4 / 3)),
    (375, 500, (0.08, 1.0), (3 / 4, 4 / 3)),
    (40, 900, (0.08, 1.0), (3 / 4, 4 / 3)),
    (700, 50, (0.3, 1.0), (3 / 4, 4 / 3)),
    (32, 32, (0.9, 1.0), (0.5, 0.6)),
    (64, 64, (0.1, 0.3), (0.5, 0.9)),
    (5, 7, (0.08, 1.0), (3 / 4, 4 / 3)),
    (1, 3, (0.08, 1.0), (3 / 4, 4 / 3)),
]


@pytest.mark.parametrize(("height", "width", "scale", "ratio"), CROPS)
def test_random_resized_crop(torch, stats, height, width, scale, ratio):
    layer = pytest.importorskip("torchvision.transforms").RandomResizedCrop
    torch.manual_seed(1)
    image, generator = torch.empty(1, height, width), np.random.default_rng(2)
    _same_windows(
        stats,
        [layer.get_params(image, scale, ratio) for _ in range(DRAWS)],
        [
            crops.random_resized_crop(generator, height, width, scale, ratio)
            for _ in range(DRAWS)
        ],
    )


@pytest.mark.parametrize(
    ("height", "width", "arguments"),
    [
        *[
            (*size, crops.ERASING["torchvision"])
            for size in [(224, 224), (60, 400), (300, 90), (32, 32), (4, 5), (1, 1)]
        ],
        (64, 64, {"scale": (0.1, 0.3), "ratio": (0.5, 0.9)}),
    ],
)
def test_random_erasing(torch, stats, height, width, arguments):
    layer = pytest.importorskip("torchvision.transforms").RandomErasing
    torch.manual_seed(3)
    image, generator = torch.empty(1, height, width), np.random.default_rng(4)
    peer = [layer.get_params(image, **arguments, value=[0.0])[:4] for _ in range(DRAWS)]
    nothing = (0, 0, height, width)
    ours = [
        crops.random_erasing(generator, height, width, **arguments) or [nothing]
        for _ in range(DRAWS)
    ]
    _same_windows(stats, peer, [window for (window,) in ours])


def test_torchvisions_erasing(v2):
    layer = v2.RandomErasing()
    assert crops.ERASING["torchvision"] == {"scale": layer.scale, "ratio": layer.ratio}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(224, 224), (60, 400), (24, 24)])
def test_timms_erasing(torch, stats, height, width, count):
    """timm's windows, read from what it erased, one at a time."""
    timm = pytest.importorskip("timm.data.random_erasing")
    layer = timm.RandomErasing(1.0, min_count=count, max_count=count, device="cpu")
    random.seed(5)
    generator = np.random.default_rng(6)
    peer = [[] for _ in range(DRAWS // 10)]
    ours = [
        crops.random_erasing(
            generator, height, width, **crops.ERASING["timm"], count=count
        )
        for _ in range(DRAWS)
    ]
    for windows in peer:
        layer._erase(_Canvas(windows), 1, height, width, torch.float32)
    assert abs(np.mean([len(w) for w in peer]) - np.mean([len(w) for w in ours])) < 0.02
    _same_windows(stats, sum(peer, []), sum(ours, []))


class _Canvas:
    """Notes the windows that are written."""

    def __init__(self, windows):
        self.windows = windows

    def __setitem__(self, key, value):
        _, rows, columns = key
        top, left = rows.start, columns.start
        self.windows.append((top, left, rows.stop - top, columns.stop - left))


@pytest.mark.parametrize(
    ("height", "width", "size", "padding", "if_needed"),
    [
        (40, 60, (32, 32), 0, False),
        (32, 32, (32, 32), 4, False),
        (32, 32, (32, 32), 0, False),
        (20, 50, (32, 32), 0, True),
        (28, 30, (35, 32), 2, True),
    ],
)
def test_random_crop(torch, v2, stats, height, width, size, padding, if_needed):
    layer = v2.RandomCrop(size, padding or None, pad_if_needed=if_needed)
    torch.manual_seed(7)
    image, generator = torch.empty(1, height, width), np.random.default_rng(8)
    peer = []
    for _ in range(DRAWS // 4):
        drawn = layer.make_params([image])
        left, top, _, _ = drawn["padding"]
        peer.append((drawn["top"] - top, drawn["left"] - left, *size))
    ours = [
        crops.random_crop(generator, height, width, size, padding, if_needed)
        for _ in range(DRAWS // 4)
    ]
    _same_windows(stats, peer, ours)


def test_random_crop_too_large():
    with pytest.raises(ValueError, match="does not fit"):
        crops.random_crop(np.random.default_rng(0), 20, 50, (32, 32))


def _same_windows(stats, peer, ours):
    """Two samples of windows: areas, ratios, corners and centres by themselves."""
    for statistic in (
        lambda top, left, h, w: h * w,
        lambda top, left, h, w: h / np.maximum(w, 0.5),
        lambda top, left, h, w: top,
        lambda top, left, h, w: left,
        lambda top, left, h, w: 2 * top + h,
        lambda top, left, h, w: 2 * left + w,
        lambda top, left, h, w: (top + 0.37) * (left + 0.59),
    ):
        samples = [statistic(*np.transpose(windows)) for windows in (peer, ours)]
        assert stats.ks_2samp(*samples).pvalue > 1e-3
        # Where there are few values, Kolmogorov and Smirnov see little.
        values = np.concatenate(samples)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 30)))
        bins = [np.searchsorted(edges, sample, side="right") for sample in samples]
        table = np.stack([np.bincount(b, minlength=len(edges) + 1) for b in bins])
        table = table[:, table.sum(0) > 0]
        assert stats.chi2_contingency(table).pvalue > 1e-4


# Mixing


@pytest.mark.parametrize(("height", "width"), [(224, 224), (15, 40), (1, 1)])
def test_cutmix_window(torch, v2, height, width):
    layer = v2.CutMix(num_classes=3)
    for seed in range(100):
        torch.manual_seed(seed)
        peer = layer.make_params([torch.empty(2, 1, height, width)])
        torch.manual_seed(seed)
        lam = float(layer._dist.sample(()))
        x, y = int(torch.randint(width, (1,))), int(torch.randint(height, (1,)))
        window, share = mixing.cutmix_window(y, x, lam, height, width)
        top, left, h, w = window
        assert (left, top, left + w, top + h) == peer["box"]
        assert share == pytest.approx(peer["lam_adjusted"], abs=1e-12)


@pytest.mark.parametrize(("height", "width"), [(224, 224), (15, 40), (1, 1)])
def test_timm_cutmix_window(height, width):
    timm = pytest.importorskip("timm.data.mixup")
    for seed in range(100):
        lam = np.random.default_rng(seed).uniform()
        np.random.seed(seed)
        (*box,), peer = timm.cutmix_bbox_and_lam((3, height, width), lam)
        np.random.seed(seed)
        y, x = np.random.randint(0, height), np.random.randint(0, width)
        window, share = mixing.timm_cutmix_window(y, x, lam, height, width)
        top, left, h, w = window
        assert [top, top + h, left, left + w] == box
        assert share == pytest.approx(peer, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_cutmix_draws(torch, v2, stats, alpha):
    layer, generator = v2.CutMix(alpha=alpha, num_classes=3), np.random.default_rng(9)
    torch.manual_seed(10)
    images = [torch.empty(2, 1, 60, 90)]
    peer = [layer.make_params(images) for _ in range(DRAWS)]
    ours = [mixing.draw_cutmix(generator, 60, 90, alpha) for _ in range(DRAWS)]
    lams = [[drawn["lam_adjusted"] for drawn in peer], [lam for _, lam in ours]]
    assert stats.ks_2samp(*lams).pvalue > 1e-3
    boxes = [(y, x, y2 - y, x2 - x) for x, y, x2, y2 in (d["box"] for d in peer)]
    _same_windows(stats, boxes, [window for window, _ in ours])


def test_timm_lambdas(stats):
    timm = pytest.importorskip("timm.data.mixup")
    np.random.seed(11)
    peer, peer_cut = timm.Mixup(0.8, 1.0, prob=0.9)._params_per_elem(DRAWS)
    lam, cut = mixing.timm_lambdas(np.random.default_rng(12), DRAWS, probability=0.9)
    for one, other in [(cut, peer_cut), (lam == 1, peer == 1)]:
        assert abs(one.mean() - other.mean()) < 0.02
    for of in (True, False):
        samples = lam[cut == of], peer[peer_cut == of]
        assert stats.ks_2samp(*samples).pvalue > 1e-3


@pytest.mark.parametrize("layer", ["MixUp", "CutMix"])
def test_mixes(torch, v2, layer):
    """torchvision's own batch: pixels and labels, with the batch rolled by one."""
    mix = getattr(v2, layer)(num_classes=5)
    images = np.random.default_rng(13).uniform(size=(4, 20, 30, 3)).astype(np.float32)
    labels = np.array([2, 0, 4, 1])
    torch.manual_seed(14)
    drawn = mix.make_params([torch.empty(4, 3, 20, 30)])
    torch.manual_seed(14)
    peer, peer_labels = mix(
        torch.from_numpy(np.moveaxis(images, -1, 1).copy()), torch.from_numpy(labels)
    )
    if layer == "MixUp":
        lam, how = drawn["lam"], (mixing.mixup, drawn["lam"])
    else:
        x, y, x2, y2 = drawn["box"]
        lam, how = drawn["lam_adjusted"], (mixing.cutmix, (y, x, y2 - y, x2 - x))
    function, argument = how
    result = [
        function(*pair, argument)
        for pair in zip(images, np.roll(images, 1, 0), strict=True)
    ]
    np.testing.assert_allclose(result, np.moveaxis(peer.numpy(), 1, -1), atol=1e-6)
    one_hot = mixing.one_hot(labels, 5)
    np.testing.assert_allclose(
        mixing.mix_labels(one_hot, np.roll(one_hot, 1, 0), lam), peer_labels, atol=1e-6
    )


def test_timm_mixes_uint8(torch):
    timm = pytest.importorskip("timm.data.mixup")
    images = np.random.default_rng(15).integers(0, 256, (4, 20, 30, 3), np.uint8)
    labels = [2, 0, 4, 1]
    mix = timm.FastCollateMixup(0.8, num_classes=5, label_smoothing=0.1)
    np.random.seed(16)
    lam, _ = mix._params_per_batch()
    np.random.seed(16)
    peer, peer_labels = mix(list(zip(np.moveaxis(images, -1, 1), labels, strict=True)))
    result = [
        mixing.mixup(*pair, lam) for pair in zip(images, images[::-1], strict=True)
    ]
    np.testing.assert_array_equal(result, np.moveaxis(peer.numpy(), 1, -1))
    one_hot = mixing.one_hot(np.array(labels), 5, 0.1)
    np.testing.assert_allclose(
        mixing.mix_labels(one_hot, one_hot[::-1], lam), peer_labels, atol=1e-6
    )


def test_augmix(torch, v2):
    """torchvision's own mixing, of equalized images."""
    layer, image = v2.AugMix(chain_depth=1), IMAGES["smooth"]
    first, rest = 0.3721, np.array([0.1137, 0.5202, 0.3661])
    weights = iter([[first, 1 - first], rest])
    equalize = SimpleNamespace(strengths=lambda *size: None)
    layer._sample_dirichlet = lambda _: torch.tensor([list(next(weights))])
    layer._get_random_item = lambda _: ("Equalize", (equalize.strengths, False))
    peer = layer(torch.from_numpy(np.moveaxis(image, -1, 0).copy())).numpy()
    stack = np.stack([image, *[pixels.equalize(image)] * 3])
    result = mixing.augmix(stack, np.append(first, (1 - first) * rest))
    apart = result - np.moveaxis(peer, 0, -1).astype(int)
    assert np.abs(apart).max() <= 1
    assert np.mean((apart != 0) & (stack[0] != stack[1])) < 1e-3


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_augmix_weights(torch, v2, stats, alpha):
    layer, generator = v2.AugMix(alpha=alpha), np.random.default_rng(17)
    torch.manual_seed(18)
    parts = layer._sample_dirichlet(torch.full((DRAWS, 2), alpha)).numpy()
    chains = layer._sample_dirichlet(torch.full((DRAWS, 3), alpha)).numpy()
    peer = np.append(parts[:, :1], parts[:, 1:] * chains, axis=1)
    ours = np.stack([mixing.augmix_weights(generator, 3, alpha) for _ in range(DRAWS)])
    np.testing.assert_allclose(ours.sum(1), 1)
    for samples in zip(ours.T, peer.T, strict=True):
        assert stats.ks_2samp(*samples).pvalue > 1e-3
