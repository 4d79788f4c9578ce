"""Further images, maps and masks: `extra_targets`, several masks, an alpha channel."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from moving_right import moved

import keras_aug_layers as kal

EXTRA = {"right": "images", "depth": "maps", "labels_2": "segmentation_masks"}


def half_a_pixel(**arguments):
    """Moves everything by half a pixel, and inverts colours."""
    shift = kal.RandomShift((0, 0), (0.5, 0.5), unit="pixels", **arguments)
    return kal.FusedAugmentation([shift, kal.RandomInvert(1.0)])


def test_a_second_image_a_depth_map_and_a_second_mask_move_along(images):
    depth = np.arange(160, dtype="float32").reshape(2, 8, 10)
    labels = (depth % 7).astype("int32")
    data = {"images": images, "right": images, "depth": depth, "labels_2": labels}
    data = {**data, "segmentation_masks": labels, "other": depth}
    with pytest.warns(kal.DataWarning, match="'other'.*is not moved"):
        result = moved(data, half_a_pixel(extra_targets=EXTRA))
    np.testing.assert_array_equal(result["right"], result["images"])
    assert (result["images"] != images).mean() > 0.5
    np.testing.assert_array_equal(result["labels_2"], result["segmentation_masks"])
    assert set(np.unique(result["labels_2"])) <= set(range(7))
    np.testing.assert_allclose(result["depth"][:, :, 1:], depth[:, :, 1:] - 0.5)
    assert result["other"] is depth


def test_a_further_mask_of_the_name_of_one_of_several(images):
    mask = images[..., :1]
    layer = kal.RandomFlip(
        "horizontal", chance=1.0, extra_targets={"left": "segmentation_masks"}
    )
    several = {"left": mask, "right": mask + 1}
    data = {"images": images, "segmentation_masks": several, "left": mask + 2}
    result = moved(data, layer)
    for key, value in several.items():
        found = result["segmentation_masks"][key]
        np.testing.assert_array_equal(found, value[:, :, ::-1])
    np.testing.assert_array_equal(result["left"], mask[:, :, ::-1] + 2)


def test_an_alpha_channel_moves_and_keeps_its_values(images):
    """As the error of a layer that wants three colours says."""
    four = np.concatenate([images, np.where(images[..., :1] > 99, 255, 0)], axis=-1)
    layer = kal.FusedAugmentation(
        [kal.RandomFlip("horizontal", chance=1.0), kal.RandomHue((0.8, 0.8))],
        extra_targets={"alpha": "maps"},
        value_range=(0, 255),
    )
    with pytest.raises(ValueError, match="Received: 4 channels.*x\\[..., :3\\]"):
        moved(four, layer)
    result = moved({"images": four[..., :3], "alpha": four[..., 3:]}, layer)
    np.testing.assert_array_equal(result["alpha"], four[:, :, ::-1, 3:])
    assert (result["images"] != four[:, :, ::-1, :3]).mean() > 0.5


@pytest.mark.slow
def test_further_targets_in_a_compiled_graph_and_a_chain(images):
    data = {"images": images, "right": images, "depth": images[..., 0] / 255.0}
    one, two = (
        kal.RandomRotate(0.2, seed=seed, extra_targets={**EXTRA}) for seed in (1, 2)
    )
    expected = moved(data, kal.FusedAugmentation([one, two]))
    one, two = (
        kal.RandomRotate(0.2, seed=seed, extra_targets={**EXTRA}) for seed in (1, 2)
    )
    chained = tf.function(lambda x: two(one(x, training=True), training=True))(data)
    np.testing.assert_allclose(chained["depth"], expected["depth"], atol=1e-4)
    np.testing.assert_array_equal(chained["right"], chained["images"])


def test_ragged_maps_and_images_move_along(images):
    ragged = tf.ragged.stack([images[0], images[1, :6, :7]])
    data = {"images": ragged, "right": ragged, "depth": ragged}
    result = moved(data, half_a_pixel(extra_targets=EXTRA))
    for a, b in zip(result["right"], result["images"], strict=True):
        np.testing.assert_array_equal(a.to_tensor(), b.to_tensor())
    assert (
        (result["depth"][0].to_tensor() != result["right"][0].to_tensor()).numpy().any()
    )


@pytest.mark.parametrize("container", [dict, list, tuple])
def test_several_masks_move_one_by_one(images, container):
    masks = [images[..., 0], images[..., :1], images[:, ::2, ::2, 0].astype("int64")]
    given = container(masks) if container is not dict else dict(enumerate(masks))
    result = moved({"images": images, "segmentation_masks": given})
    assert type(result["segmentation_masks"]) is container
    for number, mask in enumerate(masks):
        alone = moved({"images": images, "segmentation_masks": mask})
        found = result["segmentation_masks"][number]
        np.testing.assert_array_equal(found, alone["segmentation_masks"], strict=True)


def test_a_list_of_the_masks_of_single_images_is_a_batch(images):
    masks = list(images[..., 0])
    result = moved({"images": list(images), "segmentation_masks": masks})
    assert result["segmentation_masks"].shape == (2, 8, 10)


def test_symbolic_masks_and_further_images_have_the_size_that_comes_out():
    layer = kal.Resizing(4, 5, extra_targets=EXTRA)
    data = {
        "images": keras.Input((8, 10, 3), dtype="uint8"),
        "right": keras.Input((8, 10, 1), dtype="uint8"),
        "depth": keras.Input((8, 10)),
        "segmentation_masks": {"a": keras.Input((8, 10)), "b": keras.Input((8, 10, 2))},
    }
    shapes = tf.nest.map_structure(lambda x: tuple(x.shape[1:]), layer(data))
    assert shapes == {
        "images": (4, 5, 3),
        "right": (4, 5, 1),
        "depth": (4, 5),
        "segmentation_masks": {"a": (4, 5), "b": (4, 5, 2)},
    }


@pytest.mark.parametrize(
    "wrong",
    [{"depth": "map"}, {"images": "maps"}, {3: "maps"}, "depth", {"labels": "maps"}],
)
def test_a_further_target_of_no_kind_is_refused(wrong):
    with pytest.raises(ValueError, match="extra_targets"):
        kal.RandomFlip(extra_targets=wrong)


def test_a_further_image_of_another_size_is_refused(images):
    data = {"images": images, "right": images[:, 1:]}
    layer = kal.RandomRotate(0.1, extra_targets={"right": "images"})
    with pytest.raises(ValueError, match="images/right.*size.*7 x 10.*8 x 10"):
        moved(data, layer)


def test_a_symbolic_mix_leaves_the_number_of_further_points_open():
    extra = {"first": "bounding_boxes", "second": "keypoints"}
    given = {
        "images": keras.Input((8, 8, 1), dtype="uint8"),
        "first": {"boxes": keras.Input((3, 4)), "labels": keras.Input((3,))},
        "second": keras.Input((5, 2)),
    }
    layer = kal.CutMix(extra_targets=extra, bounding_box_format="xyxy")
    made = layer(given)
    assert made["first"]["boxes"].shape == (None, None, 4)
    assert made["first"]["labels"].shape == (None, None)
    assert made["second"].shape == (None, None, 2)
    with pytest.raises(ValueError, match="`first` must hold `weights`"):
        kal.MixUp(extra_targets=extra, bounding_box_format="xyxy")(given)


def test_a_symbolic_call_without_images_is_refused():
    with pytest.raises(ValueError, match="have them as 'images'"):
        kal.RandomFlip()({"image": keras.Input((8, 8, 3))})


def test_shapes_of_masks_in_a_list():
    masks = [(4, 9, 12, 1), (4, 9, 12)]
    shapes = {"images": (4, 9, 12, 3), "segmentation_masks": masks}
    made = kal.CenterCrop(5, 6).compute_output_shape(shapes)
    assert made["segmentation_masks"] == [(4, 5, 6, 1), (4, 5, 6)]


def test_further_images_have_their_own_dtype():
    layer = kal.RandomRotate(0.1, extra_targets={"right": "images"})
    made = layer(
        {
            "images": keras.Input((8, 8, 3), dtype="uint8"),
            "right": keras.Input((8, 8, 1)),
        }
    )
    assert (made["images"].dtype, made["right"].dtype) == ("uint8", "float32")
