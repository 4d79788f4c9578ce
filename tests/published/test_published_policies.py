"""The references of policies against torchvision and timm."""

import numpy as np
import pytest

from published.pictures import IMAGES

from . import policies

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
