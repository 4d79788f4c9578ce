"""Elements of datasets: what moves in them, what is mixed, and what is warned of."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal

IMAGES = random_images((4, 20, 24, 3), "uint8")
LABELS = np.arange(4)
MASKS = IMAGES[..., :1]
Pair = collections.namedtuple("Pair", "images labels")
Triple = collections.namedtuple("Triple", "segmentation_masks images labels weights")
Pictures = collections.namedtuple("Pictures", "images segmentation_masks names")
Heads = collections.namedtuple("Heads", "boxes kind")


@op_by_op()
def augmented(elements, layer, batch=4, **kwargs):
    """The first element of an augmented dataset of batches."""
    dataset = tf.data.Dataset.from_tensor_slices(elements).batch(batch)
    return next(iter(kal.augment_dataset(dataset, layer, seed=1, **kwargs)))


def flip():
    return kal.RandomFlip("horizontal", chance=1.0, jit_compile=False)


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        ((IMAGES, {"decoder": MASKS, "head": LABELS}), "'decoder'"),
        ((IMAGES, {"decoder": MASKS[..., 0], "head": LABELS}), "'decoder'"),
        ((IMAGES, {"labels": MASKS}), "'labels'"),
        ((IMAGES, (MASKS, LABELS)), "part 0"),
        ((IMAGES, (LABELS, {"far": MASKS})), "'far' of part 1"),
        ((IMAGES, Heads(np.ones((4, 2, 4)), LABELS)), "'boxes'"),
        ((IMAGES, (LABELS, {"boxes": np.ones((4, 2, 4))})), "'boxes' of part 1"),
        (({"images": IMAGES}, {"decoder": MASKS}), "'decoder'"),
        ((Pair(IMAGES, LABELS), (LABELS, MASKS)), "part 1"),
    ],
)
def test_targets_among_several_labels_are_named(elements, name):
    with pytest.warns(kal.DataWarning, match=f"hold {name}, which are not moved"):
        augmented(elements, flip())


def test_masks_beside_a_named_tuple_are_named():
    with pytest.warns(kal.DataWarning, match=r"of shape \(None, 20, 24, 1\), have the"):
        augmented((Pair(IMAGES, LABELS), MASKS), flip())


def test_what_is_no_target_among_labels_is_not_named():
    """Which would raise: a warning is an error here."""
    several = {"one_hot": np.eye(4), "grid": np.ones((4, 5, 6, 1)), "kind": LABELS}
    made, labels = augmented((IMAGES, (several, LABELS)), flip())
    np.testing.assert_array_equal(made, IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(labels[0]["one_hot"], np.eye(4))


def views(*layers, count=2):
    """Views of the left part: `near` as `layers` make them, and `far` as they are."""
    crop = [kal.CenterCrop(20, 24, antialias=False, jit_compile=False)]
    return kal.MultiCrop({"near": (count, [*crop, *layers]), "far": (1, crop)})


def mix():
    return kal.CutMix(num_classes=5, jit_compile=False)


@pytest.mark.thorough
def test_views_that_mix_have_labels_of_their_own():
    """Views stand in the images' place, and their labels in the labels' place."""
    weights = np.arange(4.0)
    images, labels, kept = augmented((IMAGES, LABELS, weights), views(mix()))
    assert images["near"].shape == (4, 2, 20, 24, 3)
    assert labels["near"].shape == (4, 2, 5) and labels["far"].shape == (4, 1)
    np.testing.assert_array_equal(labels["far"][:, 0], LABELS)
    np.testing.assert_array_equal(images["far"][:, 0], IMAGES)
    np.testing.assert_array_equal(kept, weights)
    direct = {"images": IMAGES, "labels": LABELS}
    made = augmented(direct, views(mix()))
    np.testing.assert_array_equal(made["near"]["labels"], labels["near"])
    np.testing.assert_array_equal(made["near"]["images"], images["near"])


def test_what_is_mixed_before_its_views_has_a_label_in_each():
    stack = keras.Sequential([mix(), views()])
    images, labels = augmented((IMAGES, LABELS), stack)
    assert images["near"].shape == (4, 2, 20, 24, 3)
    np.testing.assert_allclose(labels["near"][:, 0], labels["far"][:, 0])
    np.testing.assert_allclose(np.sum(labels["near"], -1), 1.0, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("layers", [[], [mix]])
def test_each_named_part_is_that_of_the_views(layers):
    elements = Triple(MASKS, IMAGES, LABELS, np.arange(4.0))
    layer = views(flip(), *(make() for make in layers), count=1)
    made = augmented(elements, layer)
    assert type(made) is Triple
    for name in ("segmentation_masks", "images", "labels"):
        assert set(getattr(made, name)) == {"near", "far"}
    np.testing.assert_array_equal(made.segmentation_masks["far"][:, 0], MASKS)
    np.testing.assert_array_equal(made.weights, elements.weights)
    again = augmented(tuple(elements), layer, structure=Triple._fields)
    assert type(again) is tuple
    np.testing.assert_array_equal(again[0]["near"], made.segmentation_masks["near"])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [dict, lambda **x: Pictures(**x)])
def test_what_stands_beside_the_images_of_views_stays(kind):
    images = kind(images=IMAGES, segmentation_masks=MASKS, names=LABELS)
    made, labels = augmented((images, LABELS), views(mix(), count=1))
    assert set(made) == {"names", "near", "far"}
    assert set(made["near"]) == {"images", "segmentation_masks"}
    assert labels["near"].shape == (4, 1, 5)


@pytest.mark.parametrize("behind", [keras.layers.Rescaling(1 / 255), kal.RandomFlip()])
def test_nothing_comes_behind_views(behind):
    with pytest.raises(ValueError, match="`layer` must have MultiCrop as its last"):
        augmented(IMAGES, keras.Sequential([views(), behind]))


def test_further_targets_of_views_are_known():
    """To a layer of Keras, too, which would leave them as they are."""
    stack = [kal.CenterCrop(8, 8, extra_targets={"depth": "maps"}, jit_compile=False)]
    stack = keras.Sequential(
        [keras.layers.Resizing(9, 9), kal.MultiCrop({"a": (1, stack)})]
    )
    with pytest.raises(ValueError, match="would leave 'depth'"):
        augmented({"images": IMAGES, "depth": MASKS}, stack)


@pytest.mark.parametrize(
    ("key", "received"),
    [
        (lambda image, label: tf.cast(label, "float32"), r"float32 of shape \(None,\)"),
        (lambda image, label: tf.strings.as_string(label), r"string of shape"),
        (lambda image, label: label > 2, r"bool of shape"),
        (lambda image, label: label[:, None], r"int64 of shape \(None, 1\)"),
        (lambda image, label: (label, label), "tuple"),
        (lambda image, label: 0.5, "float32 of shape"),
        (lambda image, label: None, "NoneType"),
    ],
)
def test_a_key_that_is_no_integer_for_each_image_is_refused(key, received):
    with pytest.raises(ValueError, match=f"`key` must return.* Received: {received}"):
        augmented((IMAGES, LABELS), flip(), key=key)


@pytest.mark.parametrize(
    "wrong", [{"key": 3}, {"num_parallel_calls": 0}, {"num_parallel_calls": "two"}]
)
def test_what_no_map_takes_is_refused(wrong):
    dataset = tf.data.Dataset.from_tensors(np.zeros((4, 4, 3), "uint8"))
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {value!r}"):
        kal.augment_dataset(dataset, kal.RandomFlip(), seed=1, **wrong)


@pytest.mark.parametrize(
    "calls", [tf.constant(2, tf.int64), np.array(2), 2.0, tf.data.AUTOTUNE, None]
)
def test_what_a_map_takes_is_taken(calls):
    dataset = tf.data.Dataset.from_tensors(np.zeros((4, 4, 3), "uint8"))
    layer = kal.RandomFlip(jit_compile=False)
    made = kal.augment_dataset(dataset, layer, seed=1, num_parallel_calls=calls)
    assert len(list(made)) == 1


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_a_key_may_be_any_integer(dtype):
    turn = kal.RandomRotate(0.1, jit_compile=False)
    keys = {
        name: augmented((IMAGES, LABELS), turn, key=lambda _, x, d=name: tf.cast(x, d))
        for name in (dtype, "int64")
    }
    np.testing.assert_array_equal(keys[dtype][0], keys["int64"][0])
    assert (keys[dtype][0] != IMAGES).numpy().any()


def test_weights_are_named_in_what_to_write():
    elements = (IMAGES, MASKS, np.ones(4, "float32"))
    written = "structure=\\('images', 'segmentation_masks', 'weights'\\)"
    with pytest.warns(kal.DataWarning, match=written):
        augmented(elements, flip())
    names = ("images", "segmentation_masks", "weights")
    masks = augmented(elements, flip(), structure=names)[1]
    np.testing.assert_array_equal(masks, MASKS[:, :, ::-1])
