"""What the tests of the references share."""

import numpy as np

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
