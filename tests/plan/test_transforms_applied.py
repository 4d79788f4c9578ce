"""A Transform takes what its layer takes, composes, and undoes what can be undone."""

import json

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3)).astype("uint8")
ONE = np.random.default_rng(1).integers(0, 9, (2, 8, 10)).astype("int32")
MIRROR = {"chance": 1.0, "jit_compile": False}
POINTS = np.array([[[1.0, 2.0], [5.0, 6.0]]] * 2)


def mirror(**kwargs):
    return kal.RandomFlip("horizontal", **MIRROR, **kwargs)


@pytest.mark.parametrize(
    "masks",
    [{"a": ONE, "b": ONE[..., None]}, [ONE, ONE[..., None]], [ONE, ONE], (ONE,)],
)
def test_several_masks(masks):
    made = (
        mirror().sample(IMAGES).apply({"images": IMAGES, "segmentation_masks": masks})
    )
    made = made["segmentation_masks"]
    assert type(made) is type(masks)
    for key in masks if isinstance(masks, dict) else range(len(masks)):
        np.testing.assert_array_equal(made[key], masks[key][:, :, ::-1])


def test_two_masks_of_one_image_in_a_list():
    image, mask = IMAGES[0], ONE[0]
    data = {"images": image, "segmentation_masks": [mask, mask]}
    made = mirror().sample(image).apply(data)["segmentation_masks"]
    np.testing.assert_array_equal(made[0], mask[:, ::-1])


def test_entries_of_no_kind_stay():
    data = {"images": IMAGES, 0: "first", "file": "a.png", "keypoints": None}
    made = mirror().sample(IMAGES).apply(data)
    assert made[0] == "first" and made["file"] == "a.png" and made["keypoints"] is None
    np.testing.assert_array_equal(made["images"], IMAGES[:, :, ::-1])


@pytest.mark.parametrize("shape", [(2, 3, 10), (2, 8, 7), (2, 16, 20)])
def test_masks_that_fit_by_no_whole_number(shape):
    transform = mirror().sample(IMAGES)
    data = {"images": IMAGES, "segmentation_masks": np.zeros(shape, "int32")}
    with pytest.raises(ValueError, match="`segmentation_masks` must have the size"):
        transform.apply(data)
    del data["images"]
    with pytest.raises(ValueError, match="`segmentation_masks` must have the size"):
        transform.apply(data)


def test_images_of_another_size_than_it_was_drawn_for():
    data = {"images": IMAGES, "keypoints": POINTS}
    with pytest.raises(ValueError, match="size for which the transform was drawn"):
        mirror().sample((2, 16, 16, 3)).apply(data)


def test_pairs_are_those_of_the_keypoints():
    other = np.array([[[1.0, 1.0], [2.0, 2.0]]] * 2)
    layer = mirror(keypoint_pairs=[(0, 1)], extra_targets={"other": "keypoints"})
    data = {"images": IMAGES, "keypoints": POINTS, "other": other}
    for made in (layer(data, training=True), layer.sample(IMAGES).apply(data)):
        mirrored = POINTS * [-1, 1] + [9, 0]
        np.testing.assert_allclose(made["keypoints"], mirrored[:, ::-1])
        np.testing.assert_allclose(made["other"], other * [-1, 1] + [9, 0])
    data["other"] = other[:, :1]
    assert layer(data, training=True)["other"].shape == (2, 1, 2)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_further_images_of_another_dtype_are_named(dtype):
    layer = kal.RandomBrightness((0.2, 0.2), extra_targets={"thermal": "images"})
    data = {"images": IMAGES, "thermal": np.ones((2, 8, 10, 3), dtype)}
    with pytest.warns(kal.DataWarning, match="in whose unit it is coloured"):
        made = layer(data, training=True)
    assert made["thermal"].dtype == dtype and (made["thermal"].numpy() == 52).all()


FURTHER = {
    "without a hue": (kal.RandomHue(turns=(0.1, 0.1)), "uint8", 1),
    "without the channels of a matrix": (kal.RandomGrayscale(1.0), "uint8", 1),
}


@pytest.mark.parametrize("layer, dtype, channels", FURTHER.values(), ids=FURTHER)
@pytest.mark.parametrize("group", [False, True])
def test_further_images_that_colours_do_not_suit(layer, dtype, channels, group):
    extra = {"thermal": "images"}
    layer = type(layer).from_config({**layer.get_config(), "extra_targets": extra})
    layer = kal.FusedAugmentation([mirror(), layer]) if group else layer
    data = {"images": IMAGES, "thermal": np.ones((2, 8, 10, channels), dtype)}
    with pytest.raises(
        ValueError, match="`thermal` must have the dtype and the channel"
    ):
        layer(data, training=True)


@pytest.mark.parametrize("dtype, channels", [("float32", 1), ("uint16", 4)])
def test_further_images_that_are_only_moved(dtype, channels):
    layer = mirror(extra_targets={"thermal": "images"})
    thermal = np.random.default_rng(0).uniform(0, 9, (2, 8, 10, channels)).astype(dtype)
    made = layer({"images": IMAGES, "thermal": thermal}, training=True)
    np.testing.assert_array_equal(made["thermal"], thermal[:, :, ::-1])


def test_further_images_are_mixed_in_their_own_dtype():
    mix = kal.CutMix(extra_targets={"depth": "images"}, jit_compile=False)
    depth = IMAGES[..., :1].astype("float32") / 7.0
    data = {"images": IMAGES, "depth": depth, "labels": np.eye(2, dtype="float32")}
    made = mix(data, training=True)
    found = np.round(made["depth"].numpy() * 7.0).astype("uint8")
    np.testing.assert_array_equal(found, made["images"][..., :1])


def test_further_grey_images_are_brightened():
    layer = kal.RandomBrightness((0.2, 0.2), extra_targets={"grey": "images"})
    data = {"images": IMAGES, "grey": np.full((2, 8, 10, 1), 100, "uint8")}
    assert (layer(data, training=True)["grey"].numpy() == 151).all()


PAIRS = {
    "a colour of a range": (
        kal.RandomBrightness(gain=0.2, value_range=(0, 255)),
        mirror(),
    ),
    "another fill behind a colour": (
        kal.RandomInvert(1.0),
        kal.RandomShift(0.2, fill_mode="constant", fill_value=7.0),
    ),
    "formats that one has": (mirror(bounding_box_format="xywh"), kal.RandomRotate(0.1)),
}


@pytest.mark.parametrize("one, other", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("turn", [1, -1])
def test_what_composes(one, other, turn):
    one, other = (x.sample(IMAGES) for x in (one, other)[::turn])
    whole = one @ other
    for name in ("value_range", "bounding_box_format"):
        wanted = getattr(one, name) or getattr(other, name)
        assert getattr(whole, name) == wanted
    once = other.images(one.images(IMAGES)).numpy().astype(int)
    off = np.abs(whole.images(IMAGES).numpy() - once)
    assert off[:, 2:-2, 2:-2].max() <= 1  # beside the fill, which has colours too
    fills = {x.fill_mode for x in (one, other)}
    assert whole.fill_mode == ("constant" if "constant" in fills else "reflect")


def test_what_does_not_compose():
    one = kal.RandomShift(0.2, fill_mode="nearest").sample(IMAGES)
    other = kal.RandomShift(0.2, fill_mode="constant").sample(IMAGES)
    with pytest.raises(ValueError, match="`fill_mode` is 'nearest' and 'constant'"):
        one @ other
    with pytest.raises(ValueError, match="both for one image"):
        one @ kal.RandomShift(0.2, fill_mode="nearest").sample(IMAGES[0])


def test_what_a_stage_moves_is_filled_by_its_own_setting():
    images = IMAGES[:1]
    mix = kal.AugMix(fill_mode="constant", jit_compile=False).sample(images)
    shift = kal.RandomShift(0.2, fill_mode="nearest").sample(images)
    with pytest.raises(ValueError, match="`fill_mode` is 'constant' and 'nearest'"):
        mix @ shift
    assert (kal.RandomContrast(0.2).sample(images) @ mix).fill_mode == "constant"


def test_a_range_behind_a_change_of_unit():
    one = kal.Rescaling(1 / 255).sample(IMAGES)
    other = kal.RandomBrightness((0.2, 0.2), value_range=(0, 1))
    with pytest.raises(
        ValueError, match="no value range where the first gives another"
    ):
        one @ other.sample(IMAGES.shape, dtype="float32")


def test_a_fill_behind_a_change_of_unit():
    kwargs = {"unit": "pixels", "fill_mode": "constant"}
    one = kal.Normalize(0.5, 0.5).sample(IMAGES)
    other = kal.RandomShift((2, 2), **kwargs).sample(IMAGES.shape, dtype="float32")
    whole = (one @ other).images(IMAGES)
    np.testing.assert_allclose(whole, other.images(one.images(IMAGES)), atol=1e-6)
    assert (whole.numpy()[:, :2] == 0.0).all()


UNDONE = {
    "erasing": lambda: [mirror(), kal.RandomErasing(1.0, (0.1, 0.2), 0.0)],
    "dropout": lambda: [mirror(), kal.CoarseDropout(1)],
    "pairs and a blur": lambda: [
        mirror(keypoint_pairs=[(0, 1)]),
        kal.RandomGaussianBlur(1.0),
    ],
    "pairs and normalising": lambda: [
        mirror(keypoint_pairs=[(0, 1)]),
        kal.Normalize(0.5, 0.5),
    ],
    "a contrast": lambda: [mirror(), kal.RandomContrast((0.5, 0.5))],
}


@pytest.mark.parametrize("make", UNDONE.values(), ids=UNDONE)
def test_targets_come_back(make):
    transform = kal.FusedAugmentation(make(), jit_compile=False).sample(IMAGES)
    back = transform.inverse()
    np.testing.assert_allclose(back.keypoints(transform.keypoints(POINTS)), POINTS)
    moved = transform.segmentation_masks(ONE)
    np.testing.assert_array_equal(back.segmentation_masks(moved), ONE)
    with pytest.raises(ValueError, match="`images` cannot be undone"):
        back.images(transform.images(IMAGES))


def test_a_contrast_alone_comes_back():
    images = IMAGES.astype("float32")
    transform = kal.RandomContrast((0.5, 0.5)).sample(images)
    back = transform.inverse().images(transform.images(images))
    np.testing.assert_allclose(back, images, atol=1e-2)


@pytest.mark.parametrize(
    "layer", [kal.RandomHSV(0.1), kal.RandAugment(value_range=(0.0, 1.0))]
)
def test_a_config_is_json(layer):
    images = tf.constant(IMAGES / 255.0, tf.float32)
    transform = layer.sample(images)
    text = json.dumps(transform.to_config(), allow_nan=False)
    again = kal.Transform.from_config(json.loads(text))
    np.testing.assert_allclose(
        again.images(images), transform.images(images), atol=1e-5
    )


def test_an_inverse_and_a_product_can_be_cut_into_images():
    images = np.concatenate([IMAGES, IMAGES])
    turn = kal.FusedAugmentation([kal.RandomRotate(0.1, seed=1), kal.Solarization()])
    crop = kal.FusedAugmentation([kal.CenterCrop(8, 10), kal.RandomContrast(0.5)])
    behind = kal.FusedAugmentation([kal.CoarseDropout(seed=2)]).sample(images)
    product = behind @ crop.sample(images)
    for whole in (turn.sample(images).inverse(), product):
        parts = list(tf.data.Dataset.from_tensor_slices(whole).batch(2))
        np.testing.assert_array_equal(parts[1].matrix, whole.matrix[2:])
    made = [t.images(x) for t, x in zip(parts, (images[:2], images[2:]), strict=True)]
    np.testing.assert_array_equal(np.concatenate(made), product.images(images))
