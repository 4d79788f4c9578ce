"""Recipes: their numbers, what comes out, and that they can be kept."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import FEW_VIEWS, LABELLED
from examples import small_recipe as made
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers import recipes

VIEWS = ("simclr", "byol", "dino")
NAMES = sorted(name for name in recipes.__all__ if name != "Recipe")


def stacks(recipe):
    """The layers of the training, for each view."""
    if isinstance(recipe.train, kal.MultiCrop):
        found = recipe.train.stacks.items()
        return {name: stack.layers[0].layers for name, stack in found}
    return {"train": recipe.train.layers}


def of(layers, cls):
    """The one layer of a class."""
    (found,) = [x for x in layers if isinstance(x, cls)]
    return found


@pytest.fixture
def images():
    return tf.constant(random_images((4, 20, 24, 3), "uint8"))


def test_the_table_has_every_recipe():
    assert {*LABELLED, *VIEWS, "mae", "nnunet", "yolo"} == set(NAMES)


# Numbers, as published.


def test_torchvisions_numbers():
    """presets.py and train.py of its references, and the recipe's own blog post."""
    recipe = recipes.torchvision_resnet50(num_classes=1000)
    layers = recipe.train.layers
    crop = of(layers, kal.RandomResizedCrop)
    assert (crop.height, crop.width) == (176, 176)
    assert (crop.scale, crop.ratio) == ((0.08, 1.0), (3 / 4, 4 / 3))
    assert of(layers, kal.RandomFlip).mode == "horizontal"
    assert of(layers, kal.TrivialAugment)
    erasing = of(layers, kal.RandomErasing)
    assert (erasing.factor, erasing.scale) == ((0.1, 0.1), (0.02, 0.33))
    assert (erasing.ratio, erasing.fill_value) == ((0.3, 3.3), 0.0)
    mixed = of(layers, kal.RandomChoice)
    assert [type(x) for x in mixed.layers] == [kal.MixUp, kal.CutMix]
    assert [x.alpha for x in mixed.layers] == [0.2, 1.0]
    assert {x.label_smoothing for x in mixed.layers} == {0.1}
    assert {x.num_classes for x in mixed.layers} == {1000}
    assert list(mixed.get_config()["weights"]) == [0.5, 0.5]
    assert recipe.train.settings.fill_value == 0.0
    assert recipe.train.settings.interpolation == "bilinear"
    resized = of(recipe.validation.layers, kal.Resizing)
    cropped = of(recipe.validation.layers, kal.CenterCrop)
    assert (resized.height, cropped.height) == (232, 224)


def test_timms_numbers():
    """create_transform, RandomErasing, Mixup, with the published commands' values."""
    recipe = recipes.timm(num_classes=1000)
    layers = recipe.train.layers
    policy = of(layers, kal.RandAugment)
    assert (policy.num_ops, policy.magnitude) == (2, 9.0)
    assert (policy.magnitude_std, policy.increasing) == (0.5, True)
    erasing = of(layers, kal.RandomErasing)
    assert (erasing.factor, erasing.fill_value) == ((0.25, 0.25), "noise")
    assert (erasing.scale, erasing.ratio) == ((0.02, 1 / 3), (0.3, 1 / 0.3))
    place = [type(x) for x in layers]
    assert place.index(kal.RandomErasing) > place.index(kal.Normalize)
    mixed = of(layers, kal.RandomChoice)
    assert [x.alpha for x in mixed.layers] == [0.8, 1.0]
    assert {x.partners for x in mixed.layers} == {"reverse"}
    assert {x.per for x in mixed.layers} == {"batch"}
    assert recipe.train.settings.interpolation == "bicubic"
    resized = of(recipe.validation.layers, kal.Resizing)
    assert resized.height == 256  # 224 / 0.875


def test_without_a_policy_timm_jitters():
    recipe = recipes.timm(auto_augment=None, reprob=0.0, mixup=0.0, cutmix=0.0)
    jitter = of(recipe.train.layers, kal.RandomColorJitter)
    assert {jitter.brightness, jitter.contrast, jitter.saturation} == {(0.6, 1.4)}
    assert (jitter.hue, jitter.order) == (None, "random")
    assert len(recipe.train.layers) == 4


def test_deit3s_numbers():
    """Table 1 of the paper, augment.py and the commands of README_revenge.md."""
    recipe = recipes.deit3()
    layers = recipe.train.layers
    assert of(layers, kal.ThreeAugment)
    assert of(layers, kal.RandomColorJitter).brightness == (0.7, 1.3)
    mixed = of(layers, kal.RandomChoice)
    assert [x.alpha for x in mixed.layers] == [0.8, 1.0]
    assert {x.label_smoothing for x in mixed.layers} == {0.0}
    resized = of(recipe.validation.layers, kal.Resizing)
    cropped = of(recipe.validation.layers, kal.CenterCrop)
    assert (resized.height, cropped.height) == (224, 224)


COLORS = {
    # the view: jitter, blur, solarize; SimCLR appendix A, BYOL table 6, DINO's code
    ("simclr", "views"): ((0.8, 0.8, 0.8, 0.2), 0.5, None),
    ("byol", "first"): ((0.4, 0.4, 0.2, 0.1), 1.0, None),
    ("byol", "second"): ((0.4, 0.4, 0.2, 0.1), 0.1, 0.2),
    ("dino", "first"): ((0.4, 0.4, 0.2, 0.1), 1.0, None),
    ("dino", "second"): ((0.4, 0.4, 0.2, 0.1), 0.1, 0.2),
    ("dino", "local"): ((0.4, 0.4, 0.2, 0.1), 0.5, None),
}


def gains(jitter):
    """Of brightness, contrast and saturation; BYOL's code adds the first, from 1 on."""
    if jitter.brightness is not None:
        return jitter.brightness, jitter.contrast, jitter.saturation
    plain = [jitter.brightness_factor, jitter.contrast_factor]
    added = [tuple(1 + x for x in factor) for factor in plain]
    return *added, tuple(x / (1 - x) for x in jitter.saturation_factor)


@pytest.mark.parametrize(("name", "view"), COLORS)
def test_the_numbers_of_views(name, view):
    strengths, blurred, solarized = COLORS[name, view]
    layers = stacks(getattr(recipes, name)())[view]
    jitter = of(layers, kal.RandomColorJitter)
    *factors, hue = strengths
    for (low, high), x in zip(gains(jitter), factors, strict=True):
        assert (low, high) == pytest.approx((1 - x, 1 + x))
    assert jitter.hue == (-hue, hue)
    assert (jitter.probability, jitter.order) == (0.8, "random")
    assert of(layers, kal.RandomGrayscale).factor == 0.2
    blur = of(layers, kal.RandomGaussianBlur)
    assert (blur.probability, blur.sigma) == (blurred, (0.1, 2.0))
    chances = [x.probability for x in layers if isinstance(x, kal.Solarization)]
    assert chances == ([] if solarized is None else [solarized])


def test_the_crops_of_views():
    crops = {
        (name, view): of(layers, kal.RandomResizedCrop)
        for name in (*VIEWS, "mae")
        for view, layers in stacks(getattr(recipes, name)()).items()
    }
    assert {key: (x.height, x.scale) for key, x in crops.items()} == {
        ("simclr", "views"): (224, (0.08, 1.0)),
        ("byol", "first"): (224, (0.08, 1.0)),
        ("byol", "second"): (224, (0.08, 1.0)),
        ("dino", "first"): (224, (0.4, 1.0)),
        ("dino", "second"): (224, (0.4, 1.0)),
        ("dino", "local"): (96, (0.05, 0.4)),
        ("mae", "train"): (224, (0.2, 1.0)),
    }
    assert recipes.dino().train.counts == {"first": 1, "second": 1, "local": 8}


def test_yolos_numbers():
    """default.yaml of Ultralytics, and what its augment.py makes of it."""
    recipe = recipes.yolo()
    layers = recipe.train.layers
    assert of(layers, kal.Mosaic).center_range == (0.0, 1.0)
    assert of(layers, kal.RandomZoom).scale == (0.5, 1.5)
    shift = of(layers, kal.RandomShift)
    assert shift.height_factor == shift.width_factor == (-0.1, 0.1)
    assert of(layers, kal.RandomFlip).probability == 1.0  # half of which it mirrors
    hsv = of(layers, kal.RandomHSV)
    assert (hsv.hue, hsv.value) == ((-0.015, 0.015), (0.6, 1.4))
    assert hsv.saturation == pytest.approx((0.3, 1.7))
    for layer in (recipe.train, recipe.validation):
        letterbox = of(layer.layers, kal.Resizing)
        assert (letterbox.height, letterbox.pad_to_aspect_ratio) == (640, True)
        assert layer.settings.fill_value == 114.0
    assert recipe.train.settings.min_visibility == 0.1
    assert of(recipe.replace(degrees=10.0).train.layers, kal.RandomRotate)
    last = recipe.replace(mosaic=0.0).train.layers
    kinds = [type(x) for x in layers if not isinstance(x, kal.Mosaic)]
    assert [type(x) for x in last] == kinds


def test_nnunets_numbers():
    """get_training_transforms of nnUNetTrainer."""
    layers = recipes.nnunet().train.layers
    crop, turn = of(layers, kal.RandomCrop), of(layers, kal.RandomRotate)
    assert (crop.height, crop.width) == (512, 512)
    assert (turn.degrees, turn.probability) == ((-180.0, 180.0), 0.2)
    zoom = of(layers, kal.RandomZoom)
    assert zoom.height_factor == pytest.approx((-0.3, 0.4))
    assert (zoom.width_factor, zoom.probability) == (None, 0.2)
    modes = [x.mode for x in layers if isinstance(x, kal.RandomFlip)]
    assert modes == ["horizontal", "vertical"]
    blur = of(layers, kal.RandomGaussianBlur)
    assert (blur.sigma, blur.kernel_size) == ((0.5, 1.0), (7, 7))
    assert of(layers, kal.RandomGaussianNoise).factor == (0.0, 0.1)
    assert of(layers, kal.RandomColorJitter).brightness == (0.75, 1.25)
    assert of(layers, kal.RandomContrast).factor == (-0.25, 0.25)
    assert of(layers, kal.RandomLowResolution).scale == (0.5, 1.0)
    powers = [x for x in layers if isinstance(x, kal.RandomGamma)]
    assert [x.invert for x in powers] == [True, False]
    kinds = {(x.gamma, x.keep_statistics, x.balanced) for x in powers}
    assert kinds == {((0.7, 1.5), True, True)}
    chances = [x.probability for x in layers if isinstance(x, kal.ColorLayer)]
    assert chances == [0.1, 0.1, 0.15, 0.15, 0.125, 0.1, 0.3]


def test_a_long_patch_of_nnunet_is_hardly_turned():
    layers = recipes.nnunet(size=(256, 512)).train.layers
    assert of(layers, kal.RandomRotate).degrees == (-15.0, 15.0)
    assert of(layers, kal.RandomCrop).height == 256


# What comes out.


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_dtypes(name, images):
    recipe = made(name, dtype="float16", **FEW_VIEWS.get(name, {}))
    mixed = name in (*LABELLED, "yolo")  # which mixes what belongs to its images
    labels = tf.range(4) if name in LABELLED else tf.one_hot(range(4), 10)
    data = {"images": images, "labels": labels} if mixed else images
    with op_by_op():
        trained = recipe.train(data, training=True)
        seen = recipe.validation(data)
    if name in LABELLED:
        assert trained["labels"].shape == seen["labels"].shape == (4, 10)
        np.testing.assert_allclose(tf.reduce_sum(trained["labels"], 1), 1, atol=1e-6)
        np.testing.assert_array_equal(tf.argmax(seen["labels"], 1), range(4))
    if mixed:
        trained, seen = trained["images"], seen["images"]
    for x in tf.nest.flatten([trained, seen]):
        assert x.dtype == tf.float16
    assert seen.shape == (4, 16, 16, 3)
    for x in tf.nest.flatten(trained):
        assert x.shape[0] == 4 and x.shape[-1] == 3
    assert np.isfinite(
        np.concatenate([np.ravel(x) for x in tf.nest.flatten(trained)])
    ).all()


@pytest.mark.thorough
@pytest.mark.parametrize("name", LABELLED)
def test_labels_may_be_one_hot(name, images):
    recipe = made(name).replace(num_classes=None)
    data = {"images": images, "labels": tf.one_hot(range(4), 7)}
    with op_by_op():
        labels = recipe.train(data, training=True)["labels"].numpy()
    assert labels.shape == (4, 7)
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)


SLOW = {"byol", "deit3", "nnunet", "timm"}  # to trace


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(x, marks=[pytest.mark.slow] * (x in SLOW))
        for x in NAMES
        if x != "dino"  # of views as BYOL's; kernels/test_passes.py counts them
    ],
)
def test_one_warp(name):
    """All of a recipe, or of a view of it, is resampled once (DINO: see above)."""
    recipe = made(name)
    for layers in stacks(recipe).values():
        alone = kal.FusedAugmentation(
            [x for x in layers if not x.mixes()], fill_mode="constant"
        )
        assert kal.explain(alone, (4, 20, 24, 3)).startswith("1 warp, ")


def test_boxes_of_yolo():
    """Each box of a mosaic is about what it was about."""
    dark = np.full((4, 32, 32, 3), 40, "uint8")
    dark[:, 8:16, 4:24] = 250  # a bright plate
    boxes = {"boxes": np.array([[[4.0, 8, 24, 16]]] * 4), "labels": [[3]] * 4}
    recipe = recipes.yolo(size=32, bounding_box_format="xyxy")
    data = {"images": dark, "bounding_boxes": boxes}
    with op_by_op():
        made = recipe.train(data, training=True, seed=(0, 3))
        seen = recipe.validation(data)
    np.testing.assert_allclose(seen["bounding_boxes"]["boxes"], boxes["boxes"])
    found = made["bounding_boxes"]["boxes"].numpy()
    assert found.shape == (4, 4, 4)
    kept = found[..., 2] > 0
    assert 4 < kept.sum() < 16
    labels = made["bounding_boxes"]["labels"].numpy()
    np.testing.assert_array_equal(labels, np.where(kept, 3, -1))
    inside = np.zeros((4, 32, 32), bool)
    for i, box in zip(*np.nonzero(kept), strict=True):
        left, top, right, bottom = found[i, box].round().astype(int)
        inside[i, top:bottom, left:right] = True
    bright = made["images"].numpy().max(-1) > 0.5
    assert inside.sum() > 200
    assert (inside == bright).mean() > 0.97


def test_masks_of_nnunet():
    """A mask moves as its image does, and holds no label that it did not hold."""
    masks = np.zeros((16, 40, 48, 1), "int32")
    masks[:, 12:30, 16:36] = 7
    data = {"images": np.where(masks == 7, 200, 60).astype("uint8")}
    data["segmentation_masks"] = masks
    with op_by_op():
        made = recipes.nnunet(size=32).train(data, training=True, seed=(0, 2))
    labels = made["segmentation_masks"].numpy()[..., 0]
    assert labels.dtype == np.int32 and set(np.unique(labels)) == {0, 7}
    bright = made["images"].numpy()[..., 0] > 0.5
    assert ((labels == 7) == bright).mean() > 0.97
    assert (labels != labels[:1]).any(axis=(1, 2)).sum() > 12


@pytest.mark.parametrize("form", ["eager", "graph"])
def test_what_is_mixed_is_normalised(form, images):
    """Negative values, fractions and all: it is not stored as bytes before it."""
    normal = kal.Normalize((0.5, 0.4, 0.3), (0.2, 0.25, 0.3), dtype="float32")
    mix = kal.RandomChoice([kal.MixUp(0.8, seed=1), kal.CutMix(seed=2)], seed=3)
    layer = kal.FusedAugmentation([kal.RandomFlip(seed=4), normal, mix])
    data = {"images": images, "labels": tf.one_hot(range(4), 4)}
    step = tf.function(lambda x: layer(x, training=True, seed=(0, 7)))
    with op_by_op():
        made = (step if form == "graph" else step.python_function)(data)["images"]
        apart = kal.FusedAugmentation(layer.layers[:2])(
            data, training=True, seed=(0, 7)
        )
        expected = mix(apart, training=True, seed=(0, 7))["images"]
    assert made.dtype == tf.float32
    assert made.numpy().min() < -1.2
    np.testing.assert_allclose(made, expected, atol=1e-4)


# Datasets.


@op_by_op()
def batches_of(recipe, dataset, training, **kwargs):
    return list(recipe.dataset(dataset, training, **kwargs))


@pytest.mark.thorough
def test_a_dataset_of_photographs_of_any_size():
    sizes = [(20, 24), (31, 18), (17, 40), (25, 25), (22, 30)]

    def photographs():
        for label, size in enumerate(sizes):
            yield random_images((*size, 3), "uint8", seed=label), label

    specs = tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int32)
    dataset = tf.data.Dataset.from_generator(photographs, output_signature=specs)
    recipe = made("torchvision_resnet50", auto_augment=None)
    batches = batches_of(recipe, dataset, True, batch_size=2)
    assert [x.shape for x, _ in batches] == [(2, 16, 16, 3)] * 2
    assert [y.shape for _, y in batches] == [(2, 10)] * 2
    mixed = np.concatenate([y for _, y in batches])
    assert ((mixed > 0.011).sum(1) == 2).any()  # two classes in one label
    again = batches_of(recipe, dataset, True, batch_size=2)
    for one, other in zip(batches, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    seen = batches_of(recipe, dataset, False, batch_size=2)
    assert [x.shape for x, _ in seen] == [(2, 16, 16, 3)] * 2 + [(1, 16, 16, 3)]
    np.testing.assert_array_equal(np.argmax(seen[0][1], 1), [0, 1])


@pytest.mark.thorough
def test_a_dataset_of_batches_is_one_warp(images):
    dataset = tf.data.Dataset.from_tensors((images, tf.range(4))).repeat(2)
    recipe = made("torchvision_resnet50", auto_augment=None, mixup_alpha=0.0)
    one, two = (x.numpy() for x, _ in recipe.dataset(dataset, True, seed=1))
    assert one.shape == (4, 16, 16, 3)
    assert (one != two).any()


@pytest.mark.thorough
def test_a_seed_decides_on_all_draws(images):
    dataset = tf.data.Dataset.from_tensors((images, tf.range(4)))
    recipe = made("mae")

    def drawn(seed):
        ((pixels, labels),) = batches_of(recipe, dataset, True, seed=seed)
        np.testing.assert_array_equal(labels, range(4))
        return np.concatenate([np.ravel(x) for x in tf.nest.flatten(pixels)])

    one = drawn(1)
    np.testing.assert_array_equal(one, drawn(1))
    assert (one != drawn(2)).any()


# Keeping.


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_loaded(name, tmp_path):
    recipe = made(name)
    recipe.save(tmp_path / "recipe.json")
    loaded = kal.recipes.Recipe.load(tmp_path / "recipe.json")
    assert repr(loaded) == repr(recipe)
    assert loaded.arguments == recipe.arguments
    changed = loaded.replace(size=12)
    assert changed.arguments["size"] == 12
    assert type(changed.train) is type(recipe.train)


FRESH = """
import sys, numpy, tensorflow as tf, keras_aug_layers as kal
images, labels = numpy.load(sys.argv[1]), tf.range(4)
dataset = tf.data.Dataset.from_tensors((images, labels))
recipe = kal.recipes.Recipe.load(sys.argv[2])
(made, mixed), = recipe.dataset(dataset, True, seed=3)
numpy.savez(sys.argv[3], made=made, mixed=mixed)
"""


@pytest.mark.slow
def test_a_fresh_process_draws_the_same(images, tmp_path):
    recipe = made("deit3")
    recipe.save(tmp_path / "recipe.json")
    np.save(tmp_path / "images.npy", images)
    files = [str(tmp_path / x) for x in ("images.npy", "recipe.json", "out.npz")]
    subprocess.run([sys.executable, "-c", FRESH, *files], check=True)
    dataset = tf.data.Dataset.from_tensors((images, tf.range(4)))
    ((pixels, labels),) = recipe.dataset(dataset, True, seed=3)
    with np.load(files[2]) as there:
        np.testing.assert_array_equal(there["made"], pixels)
        np.testing.assert_array_equal(there["mixed"], labels)


@pytest.mark.thorough
def test_in_a_saved_model(images, tmp_path):
    recipe = made("mae")
    model = keras.Sequential([keras.Input((20, 24, 3), dtype="uint8"), recipe.train])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    with op_by_op():
        made_by_it, expected = (x(images, training=True) for x in (loaded, model))
    np.testing.assert_array_equal(made_by_it, expected)


def test_it_says_what_it_is():
    lines = repr(made("mae")).splitlines()
    assert lines[0].startswith("recipes.mae(size=16, scale=(0.2, 1.0), ")
    assert lines[1:3] == [
        "train:",
        "  RandomResizedCrop(height=16, width=16, scale=(0.2, 1))",
    ]


def test_a_recipe_is_json(tmp_path):
    made("dino").save(tmp_path / "recipe.json")
    assert json.loads((tmp_path / "recipe.json").read_text())["class_name"] == "Recipe"
