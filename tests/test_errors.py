"""Every wrong argument is a ValueError: its name, what came, what to write."""

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from examples import EVERY, EXAMPLES, GEOMETRIC

import keras_aug_layers as kal
from keras_aug_layers import migrate


def call(layer, data, **kwargs):
    return lambda: layer(data, training=True, **kwargs)


def images(shape=(2, 9, 12, 3), dtype="uint8"):
    return np.ones(shape, dtype)


def with_masks(*shape):
    return {"images": images(), "segmentation_masks": images(shape)}


class Tinted(kal.ColorLayer):
    """Of one's own, for three channels, and not checked."""

    def draw(self, random, frame):
        return tint(gains=tf.constant([[0.5, 1.0, 0.5]]))


tint = kal.register("tests.tint", "pointwise", lambda x, gains: x * gains)
NAN, INF = float("nan"), float("inf")
FILLED = {"fill_mode": "constant"}

ERRORS = {
    # Options.
    "flip mode": (lambda: kal.RandomFlip("both"), ["`mode`", "'both'", "'vertical'"]),
    "flip mode case": (lambda: kal.RandomFlip("Vertical"), ["`mode`", "'Vertical'"]),
    "flip mode type": (lambda: kal.RandomFlip(1), ["`mode`", "1", "'horizontal'"]),
    "flip chance": (
        lambda: kal.RandomFlip(chance=(0.5, 1.5)),
        ["`chance`", "between 0 and 1", "Received: 1.5"],
    ),
    "flip chances": (
        lambda: kal.RandomFlip(chance=(0.5,)),
        ["`chance`", "one for each axis", "(0.5,)"],
    ),
    "unit": (lambda: kal.RandomShift(unit="px"), ["`unit`", "'px'", "'pixels'"]),
    "brightness in two units": (
        lambda: kal.RandomBrightness(0.1, gain=0.1),
        ["Exactly one of `factor` or `gain`", "factor, gain"],
    ),
    "brightness in none": (
        lambda: kal.RandomBrightness(),
        ["Exactly one of `factor` or `gain`", "none of them"],
    ),
    # What is likely to be written first.
    "degrees as a factor": (
        lambda: kal.RandomRotate((-30, 30)),
        ["`factor`", "-30", "Write degrees=30 for degrees"],
    ),
    "pixels as a fraction": (
        lambda: kal.RandomShift(10, 10),
        ["`height_factor`", "10", "Write unit='pixels'"],
    ),
    "misspelt": (
        lambda: kal.RandomRotate(degree=30),
        ["`degree` is no argument of RandomRotate", "Write degrees."],
    ),
    "p": (lambda: kal.RandomFlip(p=0.5), ["`p`", "Write chance."]),
    "like nothing": (
        lambda: kal.RandomFlip(xyzzy=1),
        ["`xyzzy`", "It takes mode, seed, ", "jit_compile."],
    ),
    "labels in the place of training": (
        lambda: kal.RandomFlip()(images(), np.arange(2)),
        ["`training`", "int64", "(2,)", "Write dataset.map(lambda x, y:"],
    ),
    "labels in a list in the place of training": (
        lambda: kal.RandomFlip()(images(), [0, 1]),
        ["`training`", "int64", "(2,)", "Write dataset.map(lambda x, y:"],
    ),
    "a text for training": (
        lambda: kal.RandomFlip()(images(), training="False"),
        ["`training` must be true or false", "Write dataset.map(lambda x, y:"],
    ),
    "labels beside images": (
        call(kal.RandomFlip(), (images(), np.arange(2))),
        ["`images`", "leave labels out"],
    ),
    "one number for a seed": (
        call(kal.RandomFlip(), images(), seed=1),
        ["`seed` must be two integers", "Write seed=(0, 1)"],
    ),
    "a class in a group": (
        lambda: kal.FusedAugmentation([kal.RandomFlip]),
        ["`layers`", "Write RandomFlip()"],
    ),
    "arrays for a dataset": (
        lambda: kal.augment_dataset((images(), 1), kal.RandomFlip(), seed=1),
        ["`dataset`", "tuple", "from_tensor_slices"],
    ),
    "images for a shape": (
        lambda: kal.explain(kal.RandomFlip(), images()),
        ["`shape`", "ndarray", "Write explain(layer, images.shape)"],
    ),
    "a class to explain": (
        lambda: kal.explain(keras.layers.RandomFlip, (2, 9, 12, 3)),
        ["`layer` must be", "RandomFlip'>", "Write RandomFlip(), a layer and not its"],
    ),
    "a list to explain": (
        lambda: kal.explain([kal.RandomFlip()], (2, 9, 12, 3)),
        ["`layer` must be", "list", "Write explain(keras.Sequential(layers), images.s"],
    ),
    "a recipe to explain": (
        lambda: kal.explain(kal.recipes.mae(size=16), (2, 9, 12, 3)),
        ["`layer` must be", "Recipe", "Write explain(recipe.train, images.shape)"],
    ),
    "nothing to explain": (
        lambda: kal.explain(None, (2, 9, 12, 3)),
        ["`layer` must be", "NoneType", "Write explain(layer, images.shape)"],
    ),
    # A number for each channel, of images that have others.
    "mean of grey": (
        call(kal.Normalize((0.5,) * 3, 0.5), images((2, 9, 12, 1))),
        ["`mean`", "(0.5, 0.5, 0.5) for 1 channels", "grayscale_to_rgb"],
    ),
    "std of four": (
        call(kal.Normalize(0.5, (0.5,) * 3), images((2, 9, 12, 4))),
        ["`std`", "(0.5, 0.5, 0.5) for 4 channels", "x[..., :3]"],
    ),
    "scale of two": (
        call(kal.Rescaling((0.5,) * 3), images((2, 9, 12, 2))),
        ["`scale`", "(0.5, 0.5, 0.5) for 2 channels"],
    ),
    "three augment of four": (
        call(kal.ThreeAugment(), images((2, 9, 12, 4))),
        ["`images` must have three channels for ThreeAugment", "extra_targets"],
    ),
    "a row of one's own, of grey": (
        call(Tinted(), images((2, 9, 12, 1))),
        ["'tests.tint' must give as many channels as it gets", "3 of 1"],
    ),
    # Ranges.
    "shift out of bounds": (
        lambda: kal.RandomShift(0.1, 1.5),
        ["`width_factor`", "1.5", "between -1 and 1"],
    ),
    "shift nan": (lambda: kal.RandomShift(NAN), ["`height_factor`", "nan"]),
    "shift inf": (
        lambda: kal.RandomShift((0, INF), unit="pixels"),
        ["`height_factor`", "inf", "between"],
    ),
    "shift three": (
        lambda: kal.RandomShift((1, 2, 3)),
        ["`height_factor`", "(1, 2, 3)", "(low, high)"],
    ),
    "shift text": (lambda: kal.RandomShift("0.1"), ["`height_factor`", "'0.1'"]),
    "shift none": (lambda: kal.RandomShift(None), ["`height_factor`", "None"]),
    "shift truth": (lambda: kal.RandomShift(True), ["`height_factor`", "True"]),
    "rotate out of bounds": (
        lambda: kal.RandomRotate(30),
        ["`factor`", "30", "between -1 and 1"],
    ),
    "rotate degrees out of bounds": (
        lambda: kal.RandomRotate(degrees=(0, 400)),
        ["`degrees`", "400", "between -360 and 360"],
    ),
    "rotate both": (
        lambda: kal.RandomRotate(0.1, degrees=36),
        ["`factor`", "`degrees`", "0.1", "36", "RandomRotate(degrees=30)"],
    ),
    "rotate neither": (
        lambda: kal.RandomRotate(),
        ["`factor`", "`degrees`", "None", "RandomRotate(degrees=30)"],
    ),
    "zoom to nothing": (
        lambda: kal.RandomZoom((-1, 0)),
        ["`height_factor`", "Received: -1", "above -1"],
    ),
    "zoom of one number": (
        lambda: kal.RandomZoom(1.5),
        ["above -1 and below 1", "one number", "Received: 1.5.", "Write a pair"],
    ),
    "zoom width to nothing": (
        lambda: kal.RandomZoom(0.1, (-1.5, 0)),
        ["`width_factor`", "Received: -1.5"],
    ),
    "brightness below": (
        lambda: kal.RandomBrightness((-1.5, 0)),
        ["`factor`", "-1.5", "between -1"],
    ),
    "brightness above": (
        lambda: kal.RandomBrightness((0, 2)),
        ["`factor`", "2", "between -1 and 1"],
    ),
    "brightness of one number": (
        lambda: kal.RandomBrightness(1.1),
        ["`factor`", "between -1 and 1", "one number", "Received: 1.1."],
    ),
    "a number for a pair": (
        lambda: kal.RandomGamma(2.0),
        ["`gamma` must be a pair (low, high). Received: 2.0"],
    ),
    "a number of pixels": (
        lambda: kal.Resizing(NAN, 9),
        ["`height`", "whole number of at least 1", "nan"],
    ),
    "value range empty": (
        lambda: kal.RandomBrightness(0.1, (1, 1)),
        ["`value_range`", "(1, 1)", "(0, 255)"],
    ),
    "value range number": (
        lambda: kal.RandomBrightness(0.1, 255),
        ["`value_range`", "255", "(low, high)"],
    ),
    "value range missing": (
        call(kal.RandomBrightness(0.1), images(dtype="float32")),
        ["`value_range`", "None", "float32", "value_range=(0, 1)"],
    ),
    # Pixels.
    "fill value too great": (
        call(kal.RandomShift(0.1, **FILLED, fill_value=300), images()),
        ["`fill_value`", "300", "uint8", "0", "255"],
    ),
    "fill value too low": (
        call(kal.RandomShift(0.1, **FILLED, fill_value=-1), images()),
        ["`fill_value`", "-1", "uint8", "0", "255"],
    ),
    "fill value not whole": (
        call(kal.RandomShift(0.1, **FILLED, fill_value=0.5), images()),
        ["`fill_value`", "0.5", "uint8", "whole"],
    ),
    "fill value of float16": (
        call(kal.RandomShift(0.1, **FILLED, fill_value=1e5), images(dtype="float16")),
        ["`fill_value`", "100000", "float16", "65504"],
    ),
    # Data.
    "no images": (
        call(kal.RandomFlip(), {"labels": np.ones(2)}),
        ["`data`", "'images'", "'labels'"],
    ),
    "training of a graph": (
        lambda: tf.function(lambda x: kal.RandomFlip()(images(), training=x))(
            tf.constant(True)
        ),
        ["`training`", "bool of shape ()", "tf.cond(training, "],
    ),
    "pictures of several sizes": (
        call(kal.RandomFlip(), [PIL.Image.new("RGB", (8, side)) for side in (8, 9)]),
        ["`images`", "(8, 8)", "(8, 9)"],
    ),
    "objects": (
        call(kal.RandomFlip(), images(dtype=object)),
        ["`images`", "ndarray of objects", "np.stack"],
    ),
    "sparse images": (
        call(kal.RandomFlip(), tf.sparse.from_dense(images())),
        ["`images`", "SparseTensor", "tf.sparse.to_dense"],
    ),
    "masks of objects": (
        call(
            kal.RandomFlip(),
            {"images": images(), "segmentation_masks": images(dtype=object)},
        ),
        ["`segmentation_masks`", "ndarray of objects", "np.stack"],
    ),
    "unknown rank": (
        lambda: tf.function(
            lambda x: kal.RandomFlip()(x, training=True)
        ).get_concrete_function(tf.TensorSpec(None)),
        ["`images`", "unknown", "set_shape"],
    ),
    "mask size": (
        call(kal.RandomFlip(), with_masks(2, 9, 11, 1)),
        ["`segmentation_masks`", "masks of 9 x 11", "images of 9 x 12"],
    ),
    "flat mask size": (
        call(kal.RandomFlip(), with_masks(2, 8, 12)),
        ["`segmentation_masks`", "masks of 8 x 12", "images of 9 x 12"],
    ),
    "mask batch": (
        call(kal.RandomFlip(), with_masks(3, 9, 12, 1)),
        ["`segmentation_masks`", "(3, 9, 12, 1)", "for 2 images"],
    ),
    "mask rank": (
        call(kal.RandomFlip(), with_masks(9, 12)),
        ["`segmentation_masks`", "(9, 12)", "images with 4 axes"],
    ),
    "transform of a batch for one image": (
        lambda: kal.RandomFlip().sample(images()).images(images((9, 12, 3))),
        ["(B, H, W, C)", "(9, 12, 3)"],
    ),
    "transform of one image for a batch": (
        lambda: kal.RandomFlip().sample(images((9, 12, 3))).images(images()),
        ["(H, W, C)", "(2, 9, 12, 3)"],
    ),
}

for name, example in EXAMPLES.items():
    for value in (-0.1, 1.5, NAN, "1", None, True):
        ERRORS[f"{name} probability {value}"] = (
            lambda example=example, value=value: example(probability=value),
            ["`probability`", repr(value), "0", "1"]
            if isinstance(value, float)
            else ["`probability`", repr(value), "number"],
        )
    for value in (1.5, "3", True, (1, 2)):
        ERRORS[f"{name} seed {value}"] = (
            lambda example=example, value=value: example(seed=value),
            ["`seed`", repr(value), "integer"],
        )
    ERRORS[f"{name} data_format"] = (
        lambda example=example: example(data_format="NHWC"),
        ["`data_format`", "'NHWC'", "'channels_last'", "'channels_first'"],
    )
    for shape in ((9, 12), (1, 1, 2, 9, 12, 3)):
        ERRORS[f"{name} rank {len(shape)}"] = (
            lambda example=example, shape=shape: example()(
                images(shape), training=True
            ),
            ["`images`", str(shape), "(H, W, C)", "(B, H, W, C)"],
        )
    for shape in ((9, 12), (1, 2, 9, 12, 3)):  # a video is none for it
        ERRORS[f"{name} sample of rank {len(shape)}"] = (
            lambda example=example, shape=shape: example().sample(shape),
            ["`images`", str(shape), "(H, W, C)", "(B, H, W, C)"],
        )
    for dtype in ("bool", "complex64"):
        ERRORS[f"{name} {dtype} images"] = (
            lambda example=example, dtype=dtype: example()(
                images(dtype=dtype), training=True
            ),
            ["`images`", dtype, "tf.cast"],
        )
    for value in (1, (1, 2, 3), (0.5, 1.0), np.ones((3, 2), int)):
        ERRORS[f"{name} seed of a call {value}"] = (
            lambda example=example, value=value: example()(
                images(), training=True, seed=value
            ),
            ["`seed`", "two integers", "(B, 2)", str(tf.constant(value).shape)],
        )

for name in GEOMETRIC:
    for argument, value, options in (
        ("fill_mode", "Reflect", ["'reflect'", "'constant'", "'nearest'", "'wrap'"]),
        ("interpolation", "lanczos", ["'bilinear'", "'bicubic'"]),
        ("interpolation", "BILINEAR", ["'bilinear'", "'nearest'"]),
        ("fill_value", "0", ["number"]),
        ("fill_value", NAN, ["finite"]),
    ):
        ERRORS[f"{name} {argument} {value}"] = (
            lambda name=name, argument=argument, value=value: EXAMPLES[name](
                **{argument: value}
            ),
            [f"`{argument}`", repr(value), *options],
        )


@pytest.mark.parametrize(("wrong", "fragments"), ERRORS.values(), ids=ERRORS)
def test_message(wrong, fragments):
    with pytest.raises(ValueError) as error:
        wrong()
    missing = [part for part in fragments if part not in str(error.value)]
    assert not missing, str(error.value)


def test_an_error_does_not_show_every_pixel():
    """Keras writes below it what the layer was called with."""
    data = {"images": images(), "bounding_boxes": {"boxes": images((2, 1, 4))}}
    with pytest.raises(ValueError, match="bounding_box_format") as error:
        kal.RandomFlip()(data, training=True)
    assert "'images': 'uint8 (2, 9, 12, 3)'" in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_unknown_argument_is_an_error(name):
    with pytest.raises((TypeError, ValueError), match="fillmode"):
        EXAMPLES[name](fillmode="reflect")


def test_nothing_is_refused_where_no_pixel_is_filled():
    """A fill value matters for fill_mode="constant" only."""
    layer = kal.RandomShift((0.3, 0.3), fill_value=-1.5)
    assert layer(images(), training=True).dtype == "uint8"


@pytest.mark.parametrize("name", GEOMETRIC)
@pytest.mark.parametrize(
    ("argument", "value", "default"),
    [
        ("fill_mode", "wrap", "reflect"),
        ("interpolation", "nearest", "bilinear"),
        ("fill_value", 3.0, 0.0),
        ("mask_fill_value", 3.0, None),
    ],
)
def test_none_is_no_opinion(name, argument, value, default):
    """Such a layer agrees with any neighbour, and alone has the default."""
    layer = EXAMPLES[name](**{argument: None})
    other = kal.RandomShift(0.1, **{argument: value})
    group = kal.FusedAugmentation([layer, other])
    assert getattr(group.settings, argument) == value
    assert getattr(layer.settings, argument) is None
    assert getattr(layer.sample((2, 9, 12, 3)), argument) == default


@pytest.mark.parametrize("found", ["3.10.1", "3.9.2", "2.15.0"])
def test_an_old_keras_is_refused(found):
    with pytest.raises(ImportError, match=f"3.11 or newer. Found: {found}. Write pip"):
        migrate.check_keras(found)


@pytest.mark.parametrize("found", ["3.11.0", "3.15.1", "4.0.0rc1"])
def test_a_newer_keras_is_not(found):
    migrate.check_keras(found)


UNKNOWN = {
    "AugMix",
    "AutoAugment",
    "RandAugment",
    "RandomChannelShift",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomGrayscale",
    "RandomHSV",
    "RandomHue",
    "RandomSaturation",
    "ThreeAugment",
    "TrivialAugment",
}
"""Layers that have to know how many channels there are."""


def without_channels(layer):
    """The layer in a graph that does not know how many channels there are."""
    return tf.function(
        lambda x: layer(x, training=True, seed=(1, 2)),
        input_signature=[tf.TensorSpec([None, None, None, None], tf.uint8)],
    )


@pytest.mark.parametrize("name", sorted(EVERY.keys() - UNKNOWN))
def test_channels_that_are_not_known_do_no_harm(name):
    """As of `tf.io.decode_jpeg` without `channels`."""
    layer = EVERY[name](jit_compile=False)
    expected = layer(images(), training=True, seed=(1, 2))
    np.testing.assert_array_equal(without_channels(layer)(images()), expected)


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_channels_that_have_to_be_known(name):
    with pytest.raises(ValueError, match=r"known number of channels.*Write tf\.io"):
        without_channels(EVERY[name]())(images())


@pytest.mark.parametrize("value", [300, -1, 0.5])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_label_that_masks_cannot_hold(value, grouped):
    layer = kal.RandomErasing(fill_value=0.0, mask_value=value)
    layer = kal.FusedAugmentation([layer]) if grouped else layer
    data = {"images": images(), "segmentation_masks": images()[..., :1]}
    with pytest.raises(ValueError, match=f"mask_value.*0 and 255.*uint8.*{value}"):
        layer(data, training=True)


def test_several_batches_are_no_batch():
    """Keras's models of two inputs take lists; a layer takes images."""
    layer = kal.RandomRotate(0.1)
    several = [images(), images()]
    symbolic = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    sizes = [images()[0], images()[0][1:]]
    for data in (several, tuple(several), symbolic, {"images": several}):
        with pytest.raises(ValueError, match="(?s)one batch.*a call for each"):
            layer(data, training=True)
    with pytest.raises(ValueError, match=r"(?s)one size.*for x in images\], or a tf.r"):
        layer(sizes, training=True)
    assert [layer(x, training=True).shape for x in sizes] == [x.shape for x in sizes]
    ragged = layer(tf.ragged.stack(sizes), training=True)
    assert [x.to_tensor().shape for x in ragged] == [x.shape for x in sizes]
    assert layer([*images()], training=True).shape == images().shape
    dataset = tf.data.Dataset.from_tensors(((images(), images()), 1))
    with pytest.raises(ValueError, match="(?s)2 parts in the images' place.*extra"):
        kal.augment_dataset(dataset, layer, seed=1)
    with pytest.raises(ValueError, match="(?s)have them as 'images'.*'image'"):
        kal.augment_dataset(
            tf.data.Dataset.from_tensors(({"image": images()}, 1)), layer, seed=1
        )
