"""What users bring as targets: every kind of it moves, or is named."""

import collections
import functools
import typing
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal

BOXES = np.array([[[1, 1, 4, 4], [7, 1, 9, 4], [-1, -1, -1, -1]]] * 2, "float32")
"""The second one leaves the frame four pixels to the right, the third is none."""


@pytest.fixture
def images():
    """Random images: uint8 (2, 8, 10, 3)."""
    return np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3), "uint8")


def to_the_right(pixels=4, **arguments):
    """Moves everything to the right."""
    arguments = {"bounding_box_format": "xyxy", "fill_mode": "constant", **arguments}
    return kal.RandomShift((0, 0), (pixels, pixels), unit="pixels", **arguments)


def plain(x):
    """A tensor as NumPy's array; whatever else as it is."""
    return x.numpy() if isinstance(x, tf.Tensor) else x


@op_by_op()
def moved(data, layer=None):
    """What becomes of data in training."""
    result = (layer or to_the_right())(data, training=True)
    return tf.nest.map_structure(plain, result)


@pytest.mark.parametrize(
    ("dtype", "nothing"),
    [("int64", -1), ("float16", -1), ("uint8", 0), ("bool", False), ("str", b"")],
)
@pytest.mark.parametrize("key", ["labels", "classes", "scores", "difficult", "mine"])
def test_whatever_belongs_to_a_box_leaves_with_it(images, key, dtype, nothing):
    values = np.array([[1, 1, 1]] * 2).astype(dtype)
    boxes = moved({"images": images, "bounding_boxes": {"boxes": BOXES, key: values}})
    (_, gone, _), _ = boxes["bounding_boxes"]["boxes"]
    assert (gone == -1).all()
    (kept, *others), _ = boxes["bounding_boxes"][key]
    assert kept == (b"1" if dtype == "str" else 1)
    assert others == [nothing, nothing]


def test_what_has_no_element_for_each_box_stays(images):
    given = {"boxes": BOXES, "image_id": np.array([4, 5]), "meta": "a"}
    boxes = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert boxes["image_id"] is given["image_id"]
    assert boxes["meta"] == "a"


@pytest.mark.parametrize("inner", [1, 2])
@pytest.mark.parametrize("splits", ["int32", "int64"])
def test_boxes_are_ragged_in_one_axis_or_in_two(images, inner, splits):
    rows = [BOXES[0, :2].tolist(), BOXES[1, :1].tolist()]
    kind = {"ragged_rank": inner, "row_splits_dtype": splits}
    boxes = tf.ragged.constant(rows, tf.float32, **kind)
    labels = tf.ragged.constant([[3, 4], [5]], row_splits_dtype=splits)
    given = {"boxes": boxes, "labels": labels}
    result = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert result["boxes"].to_list() == [[[5, 1, 8, 4], [-1] * 4], [[5, 1, 8, 4]]]
    assert result["labels"].to_list() == [[3, -1], [5]]
    assert result["boxes"].ragged_rank == inner
    assert result["boxes"].row_splits.dtype == splits


def test_polygons_are_ragged_in_two_axes(images):
    """As `tf.ragged.stack` makes them."""
    corners = tf.reshape(tf.range(18.0) / 3.0, (3, 3, 2))
    given = tf.ragged.stack([corners[:1], corners[1:]])
    assert given.ragged_rank == 2
    points = moved({"images": images, "polygons": {"points": given}})
    points = points["polygons"]["points"]
    assert points.row_lengths().numpy().tolist() == [1, 2]
    np.testing.assert_allclose(points.flat_values, given.flat_values + (4.0, 0.0))


def test_one_hot_labels_are_ragged_in_two_axes(images):
    boxes = tf.ragged.stack([BOXES[0, :2], BOXES[1, :1]])
    labels = tf.ragged.constant([[[0, 1], [1, 0]], [[0, 1]]])
    given = {"boxes": boxes, "labels": labels}
    result = moved({"images": images, "bounding_boxes": given})["bounding_boxes"]
    assert result["labels"].to_list() == [[[0, 1], [-1, -1]], [[0, 1]]]


def test_a_chain_sees_labels_that_were_changed_between_its_layers(images):
    labels = np.array([[1, 2, 3]] * 2)
    first = to_the_right()(
        {"images": images, "bounding_boxes": {"boxes": BOXES, "labels": labels}},
        training=True,
    )
    first["bounding_boxes"]["labels"] += 10
    again = moved(first, to_the_right(-2))["bounding_boxes"]
    assert again["labels"][0].tolist() == [11, -1, -1]
    del first["bounding_boxes"]["labels"]
    assert moved(first)["bounding_boxes"].keys() == {"boxes"}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "float64"])
def test_boxes_and_keypoints_keep_their_dtype(images, dtype, training):
    """In training, outside it, and symbolically."""
    dtype = tf.as_dtype(dtype)
    layer = kal.Resizing(4, 5, bounding_box_format="xyxy")
    data = {
        "images": images,
        "bounding_boxes": {"boxes": tf.cast(BOXES, dtype)},
        "keypoints": tf.cast([[[3, 3]]] * 2, dtype),
    }
    with op_by_op():
        result = layer(data, training=training)
    symbols = tf.nest.map_structure(
        lambda x: keras.KerasTensor(x.shape, tf.as_dtype(x.dtype).name), data
    )
    symbolic = layer(symbols)
    for made in (result, symbolic):
        for x in (made["bounding_boxes"]["boxes"], made["keypoints"]):
            assert tf.as_dtype(x.dtype) == dtype
    assert result["keypoints"].numpy()[0, 0].astype(float).tolist() == (
        [1, 1] if dtype.is_integer else [1.25, 1.25]
    )


@pytest.mark.parametrize("key", ["boxes", "keypoints"])
def test_a_dtype_without_minus_one_is_refused(images, key):
    data = {"images": images, "keypoints": np.ones((2, 1, 2), "uint8")}
    if key == "boxes":
        data = {"images": images, "bounding_boxes": {"boxes": BOXES.astype("uint8")}}
    with pytest.raises(ValueError, match=f"{key}.*holds -1.*uint8.*float32"):
        moved(data)


POINTS = np.array(
    [[[1, 2, 2], [8, 1, 1], [-1, -1, 2], [0, 0, 0], [0, 3, 0]]] * 2, "float32"
)
"""With a visibility: the second one leaves, the third and fourth are not there."""


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_keypoints_may_have_a_visibility(images, dtype):
    data = {"images": images, "keypoints": POINTS.astype(dtype)}
    (points, _) = moved(data)["keypoints"]
    nothing = [-1, -1, 0]
    assert points.dtype == dtype
    assert points.tolist() == [[5, 2, 2], nothing, nothing, nothing, [4, 3, 0]]
    layer = to_the_right(keypoint_format="rel_xy")
    relative = (POINTS[..., :2] + 0.5) / (10, 8)
    relative = np.concatenate([relative, POINTS[..., 2:]], -1)[:, [0, 1, 4]]
    result = moved({"images": images, "keypoints": relative}, layer)["keypoints"]
    expected = [[0.55, 0.3125, 2], nothing, [0.45, 0.4375, 0]]
    np.testing.assert_allclose(result[0], expected, atol=1e-6)


def test_visibilities_are_mixed_and_erased_with_their_keypoints(images):
    """Each point's is the number of its image here."""
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(8.0)), -1).reshape(-1, 2)
    points = np.stack([np.insert(grid, 2, number, axis=1) for number in (1, 2)])
    data = {"images": images, "labels": np.eye(2), "keypoints": points}
    for layer in (kal.CutMix(seed=3), kal.MixUp(), kal.Mosaic(seed=1)):
        result = moved(data, layer)["keypoints"]
        there = result[..., 0] >= 0
        assert (result[~there] == [-1, -1, 0]).all()
        numbers = np.repeat([[1, 2, 1, 2], [2, 1, 2, 1]], 80, axis=1)
        numbers = numbers[:, : result.shape[1]]
        np.testing.assert_array_equal(result[there][:, 2], numbers[there])
        assert there[:, :80].any() and there[:, 80:].any()
    eraser = kal.RandomErasing(1.0, (0.2, 0.3), 0.0, max_covered=0.5)
    result = moved(data, eraser)["keypoints"]
    gone = (result[..., :2] == -1).all(axis=-1)
    assert gone.any() and (result[gone][:, 2] == 0).all()


def test_keypoints_outside_are_kept_on_request_in_the_layers_call(images):
    """As the corners of a polygon must be."""
    points = np.array([[[1.0, 2], [8, 1], [-1, -1]]] * 2)
    data = {"images": images, "keypoints": points}
    result = moved(data, to_the_right(mark_outside=False))["keypoints"]
    assert result[0].tolist() == [[5, 2], [12, 1], [-1, -1]]
    assert moved(data)["keypoints"][0].tolist() == [[5, 2], [-1, -1], [-1, -1]]


PAIRS = [(1, 2), (3, 4)]
FACE = np.array([[5, 2], [3, 3], [7, 3], [2, 4], [8, 4], [5, 6]], "float64")
"""A nose, the left eye, the right one, the ears, the chin."""


def mirrored(points, width=10):
    return np.stack([width - 1 - points[..., 0], points[..., 1]], axis=-1)


@pytest.mark.parametrize(
    "group",
    [
        lambda *layers: kal.FusedAugmentation(layers),
        lambda flip, turn: kal.FusedAugmentation([kal.RandomChoice([flip]), turn]),
        lambda flip, turn: kal.FusedAugmentation([kal.RandomApply(flip, 1.0), turn]),
        lambda *layers: keras.Sequential(layers),
        lambda *layers: kal.fuse(list(layers)),
    ],
    ids=["group", "choice", "apply", "chain", "fuse"],
)
@pytest.mark.parametrize("several", [1, 3])
def test_left_and_right_change_places_after_a_flip(group, several):
    count = 16
    images = np.zeros((count, 8, 10, 1), "uint8")
    points = np.tile(FACE, (count, several, 1, 1))
    flip = kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=2)
    shift = kal.RandomShift((0, 0), (1, 1), unit="pixels", fill_mode="constant")
    data = {"images": images, "keypoints": points}
    with op_by_op():
        result = group(flip, shift)(data, training=True)["keypoints"].numpy()
    other = mirrored(FACE)[[0, 2, 1, 4, 3, 5]] + [1, 0]
    flipped = [np.array_equal(face, np.tile(other, (several, 1, 1))) for face in result]
    stayed = [np.array_equal(face, points[0] + [1, 0]) for face in result]
    assert all(a or b for a, b in zip(flipped, stayed, strict=True))
    assert any(flipped) and any(stayed)


def test_what_is_flipped_and_back_has_its_left_where_it_was():
    """Nothing that left the frame between two layers is lost, as without pairs."""
    images = np.zeros((32, 8, 10, 1), "uint8")
    layer = kal.FusedAugmentation(
        [
            kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=3),
            to_the_right(),
            kal.RandomFlip("horizontal", keypoint_pairs=PAIRS, seed=3),
            to_the_right(),
        ]
    )
    points = moved({"images": images, "keypoints": np.tile(FACE, (32, 1, 1))}, layer)
    flipped = [np.array_equal(face, FACE) for face in points["keypoints"]]
    assert 8 < sum(flipped) < 24
    transform = layer.sample(images)
    there = transform.keypoints(np.tile(FACE, (32, 1, 1)), mark_outside=False)
    back = transform.inverse().keypoints(there)
    np.testing.assert_allclose(back, np.tile(FACE, (32, 1, 1)), atol=1e-9)


def test_a_turn_by_two_flips_is_no_mirror():
    images = np.zeros((64, 8, 10, 1), "uint8")
    layer = kal.RandomFlip(keypoint_pairs=PAIRS, seed=3)
    points = moved({"images": images, "keypoints": np.tile(FACE, (64, 1, 1))}, layer)
    swapped = [0, 2, 1, 4, 3, 5]
    below = [10 - 1, 8 - 1] - FACE
    expected = [FACE, mirrored(FACE)[swapped], mirrored(below)[swapped], below]
    found = {
        tuple(np.array_equal(face, x) for x in expected) for face in points["keypoints"]
    }
    assert sorted(map(sum, found)) == [1, 1, 1, 1]


def test_pixels_do_not_see_pairs(images):
    plain, named = (
        kal.RandomFlip(seed=1, keypoint_pairs=pairs) for pairs in (None, PAIRS)
    )
    np.testing.assert_array_equal(moved(images, plain), moved(images, named))
    assert "exchange" not in kal.explain(named, images.shape)


@pytest.mark.parametrize(
    "wrong", [[(1, 1)], [(0, 1), (1, 2)], [(0, -1)], 3, [(1, 2, 3)]]
)
def test_pairs_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="`keypoint_pairs` must be pairs"):
        kal.RandomFlip(keypoint_pairs=wrong)


def test_pairs_of_keypoints_that_are_not_there_are_refused(images):
    layer = kal.FusedAugmentation([kal.RandomFlip(keypoint_pairs=[(1, 2)])])
    with pytest.raises(ValueError, match="from 0 to 1.*Received: 2"):
        moved({"images": images, "keypoints": np.ones((2, 2, 2))}, layer)


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
    result = moved(data, half_a_pixel(extra_targets=EXTRA))
    np.testing.assert_array_equal(result["right"], result["images"])
    assert (result["images"] != images).mean() > 0.5
    np.testing.assert_array_equal(result["labels_2"], result["segmentation_masks"])
    assert set(np.unique(result["labels_2"])) <= set(range(7))
    np.testing.assert_allclose(result["depth"][:, :, 1:], depth[:, :, 1:] - 0.5)
    assert result["other"] is depth


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


class Pair(typing.NamedTuple):
    images: typing.Any
    segmentation_masks: typing.Any
    name: str = "a"


@pytest.mark.parametrize(
    "container",
    [
        lambda **entries: collections.OrderedDict(**entries),
        lambda **entries: collections.defaultdict(list, **entries),
        lambda images, segmentation_masks, **_: Pair(images, segmentation_masks),
    ],
)
def test_containers_keep_their_type(images, container):
    data = container(images=images, segmentation_masks=images[..., 0], name="a")
    result = moved(data)
    assert type(result) is type(data)
    masks, name = (
        (result.segmentation_masks, result.name)
        if isinstance(result, Pair)
        else (result["segmentation_masks"], result["name"])
    )
    np.testing.assert_array_equal(masks[..., 4:], images[..., :6, 0])
    assert name == "a"


@pytest.mark.parametrize("training", [True, False])
def test_entries_that_are_none_pass(images, training):
    absent = ("segmentation_masks", "bounding_boxes", "keypoints", "labels", "other")
    data = {"images": images, **dict.fromkeys(absent)}
    for layer in (to_the_right(), kal.Resizing(4, 5), kal.CutMix(num_classes=3)):
        with op_by_op():
            given = data | ({"labels": [0, 1]} if layer.mixes() else {})
            result = layer(given, training=training)
        assert [key for key in absent if result[key] is None] == [
            key for key in absent if given[key] is None
        ]
    boxes = {"boxes": BOXES, "labels": None}
    result = moved({"images": images, "bounding_boxes": boxes})
    assert result["bounding_boxes"]["labels"] is None


def warned(data, layer=None, times=1):
    """The texts of what is warned of in so many calls."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("default", kal.DataWarning)
        for _ in range(times):
            moved(data, layer)
    return [str(x.message) for x in noted if x.category is kal.DataWarning]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("segmentation_mask", "segmentation_masks"),
        ("masks", "segmentation_masks"),
        ("mask", "segmentation_masks"),
        ("boxes", "bounding_boxes"),
        ("bbox", "bounding_boxes"),
        ("keypoint", "keypoints"),
        ("keypoints_2", "keypoints"),
    ],
)
def test_what_looks_like_a_target_is_named_once(images, key, meant):
    data = {"images": images, key: np.ones((2, 8, 10))}
    (text,) = warned(data, times=3)
    assert f"'{key}'" in text and f"Write '{meant}'" in text
    further = to_the_right(extra_targets={key: "maps"})
    assert warned(data, further) == []


def test_classes_are_named_where_labels_are_mixed(images):
    data = {"images": images, "labels": [0, 1], "classes": np.eye(2)}
    (text,) = warned(data, kal.CutMix(num_classes=2))
    assert "Write 'labels'" in text
    assert warned(data) == []
    data = {"images": images, "names": np.ones((2, 3)), "mask": np.array([True, False])}
    assert warned(data) == []


def test_a_warning_names_the_users_line(images):
    with pytest.warns(kal.DataWarning) as noted, op_by_op():
        to_the_right()({"images": images, "masks": images}, training=True)
    assert noted[0].filename == __file__


@op_by_op()
def pairs(images, masks, **arguments):
    """A dataset of a batch of images and masks, moved."""
    layer = to_the_right(jit_compile=False)
    dataset = tf.data.Dataset.from_tensors((images, masks))
    return kal.augment_dataset(dataset, layer, seed=1, **arguments)


@pytest.mark.parametrize("channels", [True, False])
def test_pairs_of_images_and_masks_move_together(images, channels):
    masks = images[..., :1] if channels else images[..., 0]
    structure = "images", "segmentation_masks"
    ((moved_images, moved_masks),) = pairs(images, masks, structure=structure)
    np.testing.assert_array_equal(moved_images[:, :, 4:], images[:, :, :6])
    np.testing.assert_array_equal(moved_masks[:, :, 4:], masks[:, :, :6])


def test_masks_that_are_passed_through_are_named(images):
    with pytest.warns(kal.DataWarning, match="structure=.*'segmentation_masks'"):
        ((_, masks),) = pairs(images, images[..., 0])
    np.testing.assert_array_equal(masks, images[..., 0])
    for labels in (np.ones((2, 8)), np.ones((2, 5, 4))):
        pairs(images, labels)  # which would raise: a warning is an error here
    pairs(images, images, structure=("images", "labels"))


def test_the_names_of_a_named_tuple_count(images):
    dataset = tf.data.Dataset.from_tensors(Pair(images, images[..., 0]))
    with op_by_op():
        layer = to_the_right(jit_compile=False)
        (result,) = kal.augment_dataset(dataset, layer, seed=1)
    assert type(result) is Pair
    masks = result.segmentation_masks
    np.testing.assert_array_equal(masks[..., 4:], images[..., :6, 0])


@pytest.mark.parametrize(
    "structure", ["images", ("masks", "labels"), ("images", "images"), ("images",)]
)
def test_a_structure_that_names_no_images_or_not_all_parts_is_refused(
    images, structure
):
    with pytest.raises(ValueError, match="`structure` must"):
        pairs(images, images, structure=structure)


def test_objects_without_boxes_are_named_where_no_fill_was_chosen(images):
    data = {"images": images, "bounding_boxes": {"boxes": BOXES}}
    shift = functools.partial(kal.RandomShift, 0.1, bounding_box_format="xyxy")
    for layer in (shift(), kal.FusedAugmentation([kal.RandomFlip(), shift()])):
        (text,) = warned(data, layer, times=3)
        assert "fill_mode='constant'" in text
    group = kal.FusedAugmentation([shift()], fill_mode="reflect")
    flip = kal.RandomFlip(bounding_box_format="xyxy")
    for layer in (shift(fill_mode="reflect"), shift(fill_mode="wrap"), group, flip):
        assert warned(data, layer) == []
    assert warned({"images": images}, shift()) == []


def test_pixels_where_parts_of_the_frame_are_expected_are_refused(images):
    layer = to_the_right(bounding_box_format="rel_xyxy", keypoint_format="rel_xy")
    boxes = {"images": images, "bounding_boxes": {"boxes": BOXES}}
    with pytest.raises(ValueError, match="boxes.*parts of the frame.*format='xyxy'"):
        moved(boxes, layer)
    points = {"images": images, "keypoints": np.array([[[5.0, 4], [-1, -1]]] * 2)}
    with pytest.raises(ValueError, match="keypoints.*parts of the frame.*format='xy'"):
        moved(points, layer)


def test_parts_of_the_frame_where_pixels_are_expected_are_named(images):
    parts = np.array([[[0, 0.1, 0.5, 1], [-1, -1, -1, -1]]] * 2)
    boxes = {"images": images, "bounding_boxes": {"boxes": parts}}
    (text,) = warned(boxes)
    assert "bounding_box_format='rel_xyxy'" in text
    (text,) = warned({"images": images, "keypoints": parts[..., 2:]})
    assert "keypoint_format='rel_xy'" in text
    for nothing in (np.zeros((2, 3, 4)), np.full((2, 3, 4), -1.0), np.ones((2, 0, 4))):
        data = {"images": images, "bounding_boxes": {"boxes": nothing}}
        assert warned(data) == []


@pytest.mark.parametrize(
    ("shape", "grey"),
    [
        ((4, 28, 28), True),
        ((28, 24, 32), True),
        ((8, 10, 3), False),
        ((4, 4, 4), False),
        ((32, 32, 13), False),
        ((2, 28, 28, 1), False),
    ],
)
def test_a_batch_of_grey_images_that_is_taken_for_one_image_is_named(shape, grey):
    texts = warned(np.zeros(shape, "uint8"))
    assert len(texts) == grey
    assert all("images[..., None]" in text for text in texts)


def corners_of(box):
    """Those of a rotated box, in pixel edges, clockwise from its own top left."""
    x, y, width, height, angle = box
    angle = np.deg2rad(angle)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (width, height)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return signs @ turn + (x, y)


ROTATED = np.array([[20.0, 16, 12, 4, 30], [25, 20, 3, 9, -100], [24, 15, 0, 5, 10]])


@pytest.mark.parametrize(
    "layer",
    [
        kal.RandomRotate(degrees=(25, 25)),
        kal.RandomFlip("horizontal", seed=1),
        kal.RandomZoom((0.5, 0.5)),
        kal.FusedAugmentation([kal.RandomRotate(0.5), kal.RandomFlip(seed=1)]),
        kal.Resizing(64, 96),
    ],
    ids=["rotate", "flip", "zoom", "group", "resize"],
)
def test_rotated_boxes_move_with_their_corners(layer):
    """Exactly, and their first corner stays the first."""
    count = 8
    boxes = np.tile(ROTATED, (count, 1, 1))
    points = np.array([[corners_of(box) for box in ROTATED]] * count)
    data = {
        "images": np.zeros((count, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": boxes, "labels": np.ones((count, 3), "int32")},
        "polygons": {"points": points},
    }
    result = moved(data, layer)
    found, outlines = result["rotated_boxes"]["boxes"], result["polygons"]["points"]
    assert np.abs(found - boxes).max() > 1
    for box, corners in zip(
        found.reshape(-1, 5), outlines.reshape(-1, 4, 2), strict=True
    ):
        own = corners_of(box)
        flipped = own[[3, 2, 1, 0]]  # the box of a mirrored image runs the other way
        nearest = min((own, flipped), key=lambda x: np.abs(x - corners).max())
        np.testing.assert_allclose(nearest, corners, atol=1e-9)


def test_angles_count_as_those_of_a_turn_do():
    """From the x axis on, counter-clockwise as it is seen."""
    layer = kal.RandomRotate(degrees=(25, 25), fill_mode="constant")
    images = np.zeros((1, 32, 48, 1), "uint8")
    data = {"images": images, "rotated_boxes": {"boxes": ROTATED[None]}}
    ((*_, first), (*_, second), _) = moved(data, layer)["rotated_boxes"]["boxes"][0]
    np.testing.assert_allclose([first, second], [55, -75], atol=1e-9)


def test_a_rotated_box_encloses_its_sheared_corners():
    layer = kal.RandomShear((0.5, 0.5), fill_mode="constant")
    data = {
        "images": np.zeros((1, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": ROTATED[None]},
        "polygons": {"points": np.array([[corners_of(box) for box in ROTATED]])},
    }
    result = moved(data, layer)
    boxes, outlines = result["rotated_boxes"]["boxes"], result["polygons"]["points"]
    for box, outline in zip(boxes[0], outlines[0], strict=True):
        own = corners_of(box)
        along, across = own[1] - own[0], own[3] - own[0]
        for axis in (along, across):
            reach, low = outline @ axis, own @ axis
            np.testing.assert_allclose(reach.max(), low.max(), atol=1e-6)
            np.testing.assert_allclose(reach.min(), low.min(), atol=1e-6)


def test_rotated_boxes_and_polygons_that_leave_are_removed(images):
    boxes = [[3, 4, 2, 2, 0], [7, 4, 2, 2, 0], [-1] * 5]
    triangle, inside, gone = (
        [[1, 1], [9, 1], [-2, 7]],
        [[1, 1], [3, 1], [-1, -1]],
        [9, 2],
    )
    points = np.array([[triangle, inside, [gone] * 3, [[-1, -1]] * 3]] * 2, "float32")
    data = {
        "images": images,
        "rotated_boxes": {"boxes": np.array([boxes] * 2, "float32"), "labels": None},
        "polygons": {"points": points, "names": np.array([["a", "b", "c", "d"]] * 2)},
    }
    result = moved(data)
    expected = [[7, 4, 2, 2, 0], [-1] * 5, [-1] * 5]
    np.testing.assert_allclose(result["rotated_boxes"]["boxes"][0], expected, atol=1e-6)
    found = result["polygons"]["points"][0]
    assert found[0].tolist() == [[5, 1], [13, 1], [2, 7]]
    assert found[1].tolist() == [[5, 1], [7, 1], [-1, -1]]
    assert (found[2:] == -1).all()
    assert result["polygons"]["names"][0].tolist() == [b"a", b"b", b"", b""]
    layer = to_the_right(bounding_box_format="rel_xyxy")
    relative = {"images": images, "polygons": {"points": points[:, :1] / (10, 8)}}
    found = moved(relative, layer)["polygons"]["points"][0, 0]
    np.testing.assert_allclose(found, np.array([[5, 1], [13, 1], [2, 7]]) / (10, 8))


def test_rotated_boxes_and_polygons_follow_a_chain_as_a_group():
    outlines = np.array([[corners_of(box) for box in ROTATED]])
    data = {
        "images": np.zeros((1, 32, 48, 1), "uint8"),
        "rotated_boxes": {"boxes": ROTATED[None], "labels": np.ones((1, 3))},
        "polygons": {"points": outlines},
    }
    shift = functools.partial(kal.RandomShift, (0, 0), unit="pixels")
    layers = [shift((40, 40)), shift((-40, -40))]
    result = data
    for layer in layers:
        result = moved_as_tensors(result, layer)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), result, data
    )


@op_by_op()
def moved_as_tensors(data, layer):
    return layer(data, training=True)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("rotated_boxes", {"boxes": np.ones((2, 3, 4))}, r"\(B, N, 5\)"),
        ("rotated_boxes", np.ones((2, 3, 5)), "dict with the key 'boxes'"),
        ("polygons", {"points": np.ones((2, 3, 2))}, r"\(B, N, P, 2\)"),
        ("polygons", {"boxes": np.ones((2, 3, 4, 2))}, "dict with the key 'points'"),
    ],
)
def test_outlines_of_another_shape_are_refused(images, key, value, match):
    with pytest.raises(ValueError, match=f"`{key}.*{match}"):
        moved({"images": images, key: value})


def objects(**more):
    """Symbolic images with two boxes and three keypoints each."""
    boxes = {"boxes": keras.Input((2, 4)), "labels": keras.Input((2,)), **more}
    points = keras.Input((3, 2))
    images = keras.Input((8, 10, 3))
    return {"images": images, "bounding_boxes": boxes, "keypoints": points}


def test_a_model_that_mixes_leaves_open_how_many_objects_come_out():
    """There are more in training than outside it."""
    layer = kal.FusedAugmentation([kal.RandomFlip(), kal.CutMix()])
    result = layer(objects())
    assert result["bounding_boxes"]["boxes"].shape == (None, None, 4)
    assert result["bounding_boxes"]["labels"].shape == (None, None)
    assert result["keypoints"].shape == (None, None, 2)
    assert kal.RandomFlip()(objects())["keypoints"].shape == (None, 3, 2)


def test_a_model_that_blends_wants_the_weights_of_boxes():
    """Else they would come out in training only, and a model's outputs are fixed."""
    with pytest.raises(ValueError, match="`bounding_boxes` must hold `weights`"):
        kal.RandomApply(kal.MixUp(), 0.5)(objects())
    result = kal.MixUp()(objects(weights=keras.Input((2,))))
    assert result["bounding_boxes"]["weights"].shape == (None, None)


def test_outlines_are_not_mixed(images):
    data = {"images": images, "rotated_boxes": {"boxes": np.ones((2, 1, 5))}}
    with pytest.raises(ValueError, match="`rotated_boxes` cannot be mixed"):
        moved(data, kal.CutMix())
