"""The recipes' parameters against the code of those who published them, imported.

`pip install -e ".[peers]"` brings torchvision and timm. Without them these tests are
skipped, and say so.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, sampled

import keras_aug_layers as kal
from keras_aug_layers import recipes
from keras_aug_layers.layers.groups import aug_mix, auto_augment, operations, policies
from keras_aug_layers.plan.frame import Frame

pytestmark = pytest.mark.slow
DRAWS = 10_000
INSTALL = 'it is not installed: pip install -e ".[peers]"'
LETTERS = {"X": 2, "Y": 1}
"""The axes of a batch that translations are parts of."""
FRAME = Frame.of((1, 160, 200, 3), "channels_last")


@pytest.fixture(scope="module")
def v2():
    pytest.importorskip("torchvision", reason=INSTALL)
    from torchvision.transforms import v2

    return v2


@pytest.fixture(scope="module")
def timm_data():
    pytest.importorskip("timm", reason=INSTALL)
    import timm.data

    return timm.data


def of(layers, cls):
    """The one layer, or transform, of a class."""
    (found,) = [x for x in layers if isinstance(x, cls)]
    return found


def strength(table, name, number):
    """The positive strength of an operation in a bin, or between two."""
    place = [x.name for x in table].index(name)
    return float(
        operations.strengths(
            table,
            tf.constant([place]),
            tf.constant([number], tf.float64),
            tf.constant([False]),
            FRAME,
        )[0]
    )


# torchvision.


def test_the_crop_of_torchvision(v2):
    theirs = v2.RandomResizedCrop(176)
    ours = of(recipes.torchvision_resnet50().train.layers, kal.RandomResizedCrop)
    assert (ours.height, ours.width) == tuple(theirs.size)
    assert ours.scale == tuple(theirs.scale)
    assert ours.ratio == pytest.approx(tuple(theirs.ratio))
    settings = recipes.torchvision_resnet50().train.settings
    assert settings.interpolation == v2.InterpolationMode(theirs.interpolation).value
    assert (settings.antialias == "auto") == theirs.antialias


def test_the_erasing_and_the_flip_of_torchvision(v2):
    theirs = v2.RandomErasing(p=0.1)
    layers = recipes.torchvision_resnet50().train.layers
    ours = of(layers, kal.RandomErasing)
    assert ours.factor == (theirs.p, theirs.p)
    assert ours.scale == tuple(theirs.scale)
    assert ours.ratio == tuple(theirs.ratio)
    assert [ours.fill_value] == theirs.value
    flip = of(layers, kal.RandomFlip)
    assert (flip.mode, flip.probability / 2.0) == (
        "horizontal",
        v2.RandomHorizontalFlip().p,
    )


TABLES = {
    "TrivialAugmentWide": (31, policies.WIDE),
    "RandAugment": (31, policies.TABLE),
    "AutoAugment": (10, auto_augment.TABLE),
    "AugMix": (10, aug_mix.TABLE),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_operations_of_torchvisions_policies(v2, name):
    space = getattr(v2, name)()._AUGMENTATION_SPACE
    bins, table = TABLES[name]
    names = {x.name for x in table}
    # AutoAugment's policies have no identity: a chance stands for it.
    assert names - {"Identity"} == set(space) - {"Identity"}
    for operation in table:
        if operation.name == "Identity":
            continue
        magnitudes, signed = space[operation.name]
        expected = magnitudes(bins, *FRAME[1:3])
        assert operation.signed == signed
        assert (operation.strengths is None) == (expected is None)
        expected = [] if expected is None else expected.numpy().tolist()
        ours = [strength(table, operation.name, i) for i in range(len(expected))]
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_the_policies_of_torchvision(v2):
    assert v2.TrivialAugmentWide().num_magnitude_bins == policies.BINS
    theirs, ours = v2.RandAugment(), kal.RandAugment()
    assert (ours.num_ops, ours.magnitude) == (theirs.num_ops, theirs.magnitude)
    theirs, ours = v2.AugMix(), kal.AugMix()
    for name in ("severity", "mixture_width", "chain_depth", "alpha", "all_ops"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert list(auto_augment.POLICIES["imagenet"]) == v2.AutoAugment()._policies


def test_the_evaluation_of_torchvision(v2):
    from torchvision.models import ResNet50_Weights

    weights = ResNet50_Weights.IMAGENET1K_V2
    theirs = weights.transforms()
    layers = recipes.torchvision_resnet50().validation.layers
    assert [of(layers, kal.Resizing).height] == theirs.resize_size
    assert [of(layers, kal.CenterCrop).height] == theirs.crop_size
    normal = of(layers, kal.Normalize)
    assert list(normal.mean) == theirs.mean and list(normal.std) == theirs.std


def test_the_mixing_of_torchvision(v2):
    """Labels of one lambda; the partner is the image before."""
    import torch

    labels = np.arange(4)
    ours = of(
        recipes.torchvision_resnet50(num_classes=4).train.layers, kal.RandomChoice
    )
    assert (ours.layers[0].alpha, ours.layers[1].alpha) == (0.2, 1.0)
    pixels = np.random.default_rng(0).random((4, 8, 8, 3), "float32")
    mix = ours.layers[0]
    transform = sampled(kal.MixUp(0.2, num_classes=4, per="batch"), pixels)
    lam = float(transform.pixels[-1].rows["lam"][0, 0])
    theirs = v2.MixUp(alpha=0.2, num_classes=4)
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    params = {"lam": lam, "labels": torch.from_numpy(labels), "batch_size": 4}
    expected = theirs.transform(images, params).numpy().transpose(0, 2, 3, 1)
    with op_by_op():
        made = transform.images(pixels).numpy()
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert mix.partners == "roll"


# timm.


def theirs_of_timm(timm_data, **arguments):
    """create_transform as its published commands call it."""
    given = {
        "auto_augment": "rand-m9-mstd0.5-inc1",
        "interpolation": "bicubic",
        "re_prob": 0.25,
        "re_mode": "pixel",
        "is_training": True,
    }
    return timm_data.create_transform(224, **{**given, **arguments}).transforms


def test_the_crop_and_the_flip_of_timm(timm_data, v2):
    crop, flip, *_ = theirs_of_timm(timm_data)
    layers = recipes.timm().train.layers
    ours = of(layers, kal.RandomResizedCrop)
    assert (ours.height, ours.width) == tuple(crop.size)
    assert ours.scale == tuple(crop.scale)
    assert ours.ratio == pytest.approx(tuple(crop.ratio))
    assert crop.interpolation.value == recipes.timm().train.settings.interpolation
    assert of(layers, kal.RandomFlip).probability / 2.0 == flip.p


def test_the_policy_of_timm(timm_data):
    from timm.data.auto_augment import LEVEL_TO_ARG

    theirs = theirs_of_timm(timm_data)[2]
    ours = of(recipes.timm().train.layers, kal.RandAugment)
    assert ours.num_ops == theirs.num_layers
    table = operations.INCREASING
    assert [x.name for x in table] == [
        x.name.removesuffix("Increasing") for x in theirs.ops
    ]
    for op, operation in zip(theirs.ops, table, strict=True):
        assert (op.prob, op.magnitude) == (ours.chance or 0.5, ours.magnitude)
        assert op.magnitude_std == ours.magnitude_std
        to_arg = LEVEL_TO_ARG[op.name]
        assert (to_arg is None) == (operation.strengths is None)
        levels = () if to_arg is None else (0.0, 3.0, 8.4, 9.0, 9.7)
        for level in levels:
            expected = abs(to_arg(level, {})[0])
            made = strength(table, operation.name, level / policies.MAX_LEVEL)
            if operation.name in ("Color", "Contrast", "Brightness", "Sharpness"):
                expected = abs(expected - 1.0)
            elif operation.name.startswith("Translate"):
                made /= FRAME[LETTERS[operation.name[9]]]
            elif operation.name == "Solarize":
                made = math.ceil(255 * made - 1e-6)
            elif operation.name == "SolarizeAdd":
                made = math.floor(255 * made + 1e-6)
            assert made == pytest.approx(expected, abs=1e-6), (operation, level)


def test_what_the_policy_of_timm_leaves_beyond_the_frame(timm_data):
    for mean in (0.485, 0.456, 0.406), (0.1, 0.502, 1.0):
        theirs = theirs_of_timm(timm_data, mean=mean)[2].ops[0].kwargs["fillcolor"]
        settings = recipes.timm(mean=mean).train.settings
        assert (settings.fill_mode, settings.fill_value) == ("constant", theirs)
        parts = recipes.timm(mean=mean, value_range=(-1, 1)).train.settings.fill_value
        assert parts == pytest.approx([x / 127.5 - 1.0 for x in theirs])


def test_the_erasing_of_timm(timm_data):
    theirs = theirs_of_timm(timm_data)[-1]
    ours = of(recipes.timm().train.layers, kal.RandomErasing)
    assert ours.factor == (theirs.probability, theirs.probability)
    assert ours.scale == pytest.approx((theirs.min_area, theirs.max_area))
    assert np.log(ours.ratio) == pytest.approx(theirs.log_aspect_ratio)
    assert theirs.per_pixel and ours.fill_value == "noise"
    assert theirs_of_timm(timm_data, re_mode="const")[-1].rand_color is False
    const = of(recipes.timm(remode="const").train.layers, kal.RandomErasing)
    assert const.fill_value == 0.0


def test_the_jitter_of_timm(timm_data, v2):
    theirs = theirs_of_timm(timm_data, auto_augment=None, color_jitter=0.4)[2]
    ours = of(recipes.timm(auto_augment=None).train.layers, kal.RandomColorJitter)
    for name in ("brightness", "contrast", "saturation"):
        assert getattr(ours, name) == pytest.approx(tuple(getattr(theirs, name)))
    assert theirs.hue is None and ours.hue is None


def test_the_evaluation_of_timm(timm_data):
    resize, crop, *_ = theirs_of_timm(timm_data, is_training=False, crop_pct=0.875)
    layers = recipes.timm().validation.layers
    assert of(layers, kal.Resizing).height == resize.size
    assert of(layers, kal.CenterCrop).height == crop.size[0]


def test_the_mixing_of_timm(timm_data):
    """What Mixup's defaults of the published commands are, and its labels."""
    import torch
    from timm.data.mixup import mixup_target

    theirs = timm_data.Mixup(0.8, 1.0, label_smoothing=0.1, num_classes=10)
    recipe = recipes.timm(num_classes=10)
    either = of(recipe.train.layers, kal.RandomChoice)
    mix, cut = either.layers
    assert (mix.alpha, cut.alpha) == (theirs.mixup_alpha, theirs.cutmix_alpha)
    weights = 1.0 - theirs.switch_prob, theirs.switch_prob
    assert tuple(either.get_config()["weights"]) == weights
    assert mix.probability == cut.probability == theirs.mix_prob
    assert {x.per for x in either.layers} == {theirs.mode}
    assert mix.label_smoothing == theirs.label_smoothing
    images, labels = np.zeros((4, 8, 8, 3), "uint8"), np.arange(4) + 2
    transform = sampled(mix, images)
    lam = float(transform.pixels[-1].rows["lam"][0, 0])
    target = mixup_target(torch.from_numpy(labels), 10, lam, smoothing=0.1)
    made = transform.labels(labels)
    np.testing.assert_allclose(made, target.numpy(), atol=1e-6)


# Draws.


def far(ours, theirs):
    """Kolmogorov and Smirnov's statistic: how far two distributions are apart."""
    places = np.sort(np.concatenate([ours, theirs]))
    parts = [
        np.searchsorted(np.sort(x), places, "right") / len(x) for x in (ours, theirs)
    ]
    return np.abs(parts[0] - parts[1]).max()


ALIKE = 1.95 * math.sqrt(2.0 / DRAWS)
"""What two samples of one distribution exceed once in a thousand."""


def test_windows_are_drawn_alike(v2):
    """Area, shape and place of the crop; torchvision draws them for each image."""
    import torch

    torch.manual_seed(0)
    image = torch.zeros((3, 60, 90))
    drawn = (v2.RandomResizedCrop(16).make_params([image]) for _ in range(DRAWS))
    theirs = np.array(
        [[x[k] for k in ("top", "left", "height", "width")] for x in drawn]
    )
    layer = of(
        recipes.torchvision_resnet50(size=16).train.layers, kal.RandomResizedCrop
    )
    with op_by_op():
        transform = layer.sample((DRAWS, 60, 90, 3), seed=(0, 5))
        matrix = transform.matrix.numpy()
    height, width = 16 * matrix[:, 1, 1], 16 * matrix[:, 0, 0]
    # Where the middle of the first pixel reads, less half of its height.
    left = matrix[:, 0, 2] + 0.5 - matrix[:, 0, 0] / 2
    top = matrix[:, 1, 2] + 0.5 - matrix[:, 1, 1] / 2
    for ours, column in zip((top, left, height, width), theirs.T, strict=True):
        assert far(ours.round(), column) < ALIKE


def test_lambdas_are_drawn_alike(timm_data):
    """Of an image; in timm's mode "elem", and with it here."""
    np.random.seed(0)
    theirs, cuts = timm_data.Mixup(0.8, 1.0, mode="elem")._params_per_elem(DRAWS)
    either = of(recipes.timm(mixup_mode="elem").train.layers, kal.RandomChoice)
    mix = either.layers[0]
    with op_by_op():
        step = mix.sample((DRAWS, 4, 4, 3), seed=(0, 5)).pixels[-1]
        chosen = either.sample((DRAWS, 4, 4, 3), seed=(0, 5)).pixels
    assert far(step.rows["lam"].numpy().ravel(), theirs[~cuts]) < 1.95 * math.sqrt(
        1 / DRAWS + 1 / (~cuts).sum()
    )
    cut = next(x for x in chosen if x.name == "paste")
    assert abs(cut.only.numpy().mean() - cuts.mean()) < 0.025
