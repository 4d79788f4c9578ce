"""The references of crops and erasing against torchvision and timm."""

import random

import numpy as np
import pytest

from published.pictures import DRAWS, _same_windows

from . import crops

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
