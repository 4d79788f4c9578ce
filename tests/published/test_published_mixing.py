"""The references of mixing against torchvision and timm."""

from types import SimpleNamespace

import numpy as np
import pytest

from published.pictures import DRAWS, IMAGES, _same_windows

from . import mixing, pixels


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
