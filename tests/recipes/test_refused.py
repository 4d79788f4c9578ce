"""Recipes: the texts that they read, and the errors of what they refuse."""

import collections
import re

import numpy as np
import pytest
import tensorflow as tf
from examples import small_recipe as made
from helpers import op_by_op

from keras_aug_layers import recipes
from keras_aug_layers.recipes.supervised import rand_augment


def test_timms_texts():
    policy = rand_augment("rand-m7-n3-mstd1-p0.25-inc1")
    found = policy.magnitude, policy.num_ops, policy.magnitude_std, policy.chance
    assert found == (7.0, 3, 1.0, 0.25)


@pytest.mark.parametrize(
    "text",
    ["rand-m9", "rand-m9-inc0", "augmix-m5", "rand-m9-tall-inc1", "rand-mx-inc1"],
)
def test_texts_that_are_refused(text):
    with pytest.raises(ValueError, match="`auto_augment` must be 'rand' with"):
        recipes.timm(auto_augment=text)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"remode": "rand"}, "`remode` must be one of 'pixel', 'const'"),
        ({"remode": "rand", "reprob": 0.0}, "`remode` must be one of"),  # not used
        ({"color_jitter": "x"}, "`color_jitter` must be"),  # likewise
        ({"mixup_mode": "pair"}, "`mixup_mode` must be one of 'batch', 'elem'"),
        ({"size": (32, 48)}, "recipes.timm: `size`"),
        ({"mixup": -1.0}, r"recipes.timm\(mixup=-1.0\): `alpha`"),
    ],
)
def test_arguments_that_are_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        recipes.timm(**arguments)


STRENGTHS = "recipes.timm: `color_jitter` must be a number, or three or four: .*"


@pytest.mark.parametrize(
    "strengths",
    [(0.1, 0.2), (0.1, 0.2, 0.3, 0.4, 0.5), (), "abcd", np.array(0.1), np.ones(2)],
    ids=["two", "five", "none", "text", "array", "array of two"],
)
def test_other_numbers_of_strengths_are_refused(strengths):
    received = re.escape(f"Received: {strengths!r}. Write color_jitter=0.4, or (")
    with pytest.raises(ValueError, match=STRENGTHS + received):
        recipes.timm(auto_augment=None, color_jitter=strengths)


@pytest.mark.parametrize("strength", [-0.1, "a", None, [0.1]])
def test_a_strength_is_a_number_from_0_on(strength):
    received = re.escape(f"Received: {strength!r}")
    with pytest.raises(ValueError, match="recipes.timm: `color_jitter`.*" + received):
        recipes.timm(auto_augment=None, color_jitter=(0.1, strength, 0.1))


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("yolo", {"scale": 1.0}, "recipes.yolo: `scale`"),
        ("deit3", {"color_jitter": None}, "recipes.deit3: `color_jitter`"),
        ("timm", {"crop_pct": 0.0}, "recipes.timm: `crop_pct`"),
        ("dino", {"global_scale": (0.0, 3.0)}, "recipes.dino: `scale`"),
        ("yolo", {"translate": 2.0}, r"recipes.yolo\(translate=2.0\): `height_factor`"),
        ("timm", {"smoothing": 2.0}, r"recipes.timm\(smoothing=2.0\): `label_smooth"),
    ],
)
def test_no_argument_is_blamed_for_another(name, arguments, problem):
    with pytest.raises(ValueError, match=f"^{problem}"):
        getattr(recipes, name)(**arguments)


NOTHING_MIXED = {
    "timm": {"mixup": 0.0, "cutmix": 0.0, "auto_augment": None, "color_jitter": None},
    "deit3": {"mixup": 0.0, "cutmix": 0.0},
    "torchvision_resnet50": dict(mixup_alpha=0.0, cutmix_alpha=0.0, auto_augment=None),
}
"""And, where that is possible, nothing that takes seconds to trace."""


@pytest.mark.parametrize(
    "name",
    [
        "timm",
        pytest.param("deit3", marks=pytest.mark.thorough),
        pytest.param("torchvision_resnet50", marks=pytest.mark.thorough),
    ],
)
def test_classes_of_labels_that_stay_integers_are_refused(name):
    """They were ignored: labels came out as integers, where one-hot ones are asked."""
    none = NOTHING_MIXED[name]
    problem = f"recipes.{name}: `num_classes` must be None where nothing is mixed"
    with pytest.raises(ValueError, match=problem):
        made(name, **none)
    recipe = made(name, num_classes=None, **none)
    elements = np.zeros((2, 20, 20, 3), "uint8"), np.arange(2)
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    for training in (True, False):
        with op_by_op():
            ((_, labels),) = recipe.dataset(dataset, training, batch_size=2)
        np.testing.assert_array_equal(labels, [0, 1])


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match="recipes.timm: .*'img_size'.*takes size, num"):
        recipes.timm(img_size=32)


@pytest.mark.parametrize(
    ("batch", "problem"),
    [(1, "for single images. Received: 4, and batches"), (0, "Received: 4 for 3 im")],
)
def test_batches_of_batches_and_of_too_few_are_refused(batch, problem):
    images = np.zeros((3, 20, 20, 3), "uint8")
    pair = collections.namedtuple("pair", "images labels")(images, np.arange(3))
    for given in (images, tuple(pair), {"images": images}, (pair, pair.labels)):
        dataset = tf.data.Dataset.from_tensor_slices(given)
        dataset = dataset.batch(3) if batch else dataset
        with pytest.raises(ValueError, match=problem):
            made("mae").dataset(dataset, training=True, batch_size=4)


@pytest.mark.parametrize("training", [None, "train", 1])
def test_training_is_a_flag(training):
    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((3, 20, 20, 3), "uint8"))
    with pytest.raises(ValueError, match=f"`training` .*Received: {training!r}"):
        made("mae").dataset(dataset, training, batch_size=2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", ["4", 0, -1, True, 2.5, (4,), 2**31])
def test_what_is_no_size_of_a_batch_is_refused(batch_size, training):
    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((3, 20, 20, 3), "uint8"))
    received = re.escape(f"Received: {batch_size!r}")
    problem = f"`batch_size` must be a whole number of at least 1, .*{received}"
    with pytest.raises(ValueError, match=problem):
        made("mae").dataset(dataset, training=training, batch_size=batch_size)


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="`auto_augment` must be one of .ta_wide"):
        recipes.torchvision_resnet50(auto_augment="wide")


@pytest.mark.parametrize("name", ["timm", "yolo"])
def test_single_images_that_are_mixed_want_a_batch_size(name):
    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((3, 20, 20, 3), "uint8"))
    dataset = dataset.map(lambda x: {"images": x, "labels": 0})
    with pytest.raises(ValueError, match="`batch_size` must be given.*batch_size=32"):
        made(name).dataset(dataset, training=True)
    assert made(name).dataset(dataset, training=False)
