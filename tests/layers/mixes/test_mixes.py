"""MixUp and CutMix: what is mixed with what, by how much, and every target with it."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images, sampled
from published import mixing

import keras_aug_layers as kal

MANY = 20_000
CLASSES = 10
LAYERS = {
    "mixup": lambda **kwargs: kal.MixUp(0.8, seed=1, **kwargs),
    "cutmix": lambda **kwargs: kal.CutMix(seed=2, **kwargs),
    "either": lambda **kwargs: kal.RandomChoice(
        [kal.MixUp(0.8, seed=3, **kwargs), kal.CutMix(seed=4, **kwargs)], seed=5
    ),
    "mosaic": lambda **kwargs: kal.Mosaic(seed=6, **kwargs),
}
layers = pytest.mark.parametrize("name", LAYERS)
pairs = pytest.mark.parametrize("name", ["mixup", "cutmix", "either"])


def labelled(images, **others):
    return {"images": images, "labels": np.arange(len(images)) % CLASSES, **others}


def rows(layer, shape=(MANY, 224, 224, 3)):
    (step,) = sampled(layer, shape).pixels
    return {key: row.numpy()[:, 0] for key, row in step.rows.items()}


def largest_gap(one, other):
    """The Kolmogorov-Smirnov distance of two samples."""
    places = np.sort(np.concatenate([one, other]))
    below = [
        np.searchsorted(np.sort(x), places, "right") / len(x) for x in (one, other)
    ]
    return np.abs(below[0] - below[1]).max()


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.4, 0.8, 0.999, 1.0, 1.5, 8.0])
def test_lambda_is_beta(alpha):
    ours = rows(kal.MixUp(alpha, seed=6))["lam"]
    theirs = np.random.default_rng(7).beta(alpha, alpha, MANY)
    assert largest_gap(ours, np.round(theirs * 2**24) / 2**24) < 0.018
    assert abs(ours.mean() - 0.5) < 0.02


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize(("height", "width"), [(224, 224), (31, 12)])
def test_windows_are_those_of_the_published_code(height, width, alpha):
    ours = rows(kal.CutMix(alpha, seed=8), (MANY, height, width, 3))
    generator = np.random.default_rng(9)
    theirs = [mixing.draw_cutmix(generator, height, width, alpha) for _ in range(MANY)]
    windows = np.array([window for window, _ in theirs])
    heights, widths = ours["bottom"] - ours["top"], ours["right"] - ours["left"]
    np.testing.assert_array_equal(ours["lam"], 1 - heights * widths / (height * width))
    pairs = (
        (ours["lam"], np.array([lam for _, lam in theirs])),
        (heights, windows[:, 2]),
        (widths, windows[:, 3]),
        (ours["top"], windows[:, 0]),
        (ours["left"], windows[:, 1]),
        (heights * (widths + 1000), windows[:, 2] * (windows[:, 3] + 1000)),
    )
    for one, other in pairs:
        assert largest_gap(one, other) < 0.02


@pytest.mark.parametrize(
    ("partners", "expected"), [("roll", [4, 0, 1, 2, 3]), ("reverse", [4, 3, 2, 1, 0])]
)
def test_partners(partners, expected):
    layer = kal.MixUp(partners=partners)
    np.testing.assert_array_equal(rows(layer, (5, 8, 8, 3))["partner"], expected)


@pytest.mark.thorough
def test_random_partners_are_a_permutation():
    layer = kal.MixUp(partners="random", seed=1)
    images = np.zeros((4, 8, 8, 3), "uint8")
    steps = [layer.sample(images).pixels for _ in range(400)]  # traced once
    drawn = np.array([step.rows["partner"].numpy()[:, 0] for (step,) in steps])
    np.testing.assert_array_equal(np.sort(drawn, axis=1), [[0, 1, 2, 3]] * 400)
    counts = (drawn[..., np.newaxis] == np.arange(4)).mean(axis=0)
    assert np.abs(counts - 0.25).max() < 0.08


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("dtype", "partners"),
    [
        ("uint8", "roll"),
        ("int32", "random"),
        ("float16", "roll"),
        ("float32", "random"),
        ("float64", "roll"),
    ],
)
def test_cutmix_copies_augmented_pixels_bit_for_bit(dtype, partners):
    images = random_images((8, 21, 26, 3), dtype)
    cut = kal.CutMix(num_classes=CLASSES, partners=partners, seed=1)
    turn = kal.RandomRotate(0.1, seed=2)
    data = labelled(images)
    alone = turn(data, training=True, seed=(1, 2))["images"].numpy()
    fused = kal.FusedAugmentation([turn, cut])
    result = fused(data, training=True, seed=(1, 2))
    (step,) = fused.sample(images, seed=(1, 2)).pixels
    step = {key: row.numpy()[:, 0].astype(int) for key, row in step.rows.items()}
    mixed = result["images"].numpy()
    labels = np.eye(CLASSES)[data["labels"]]
    for i, partner in enumerate(step["partner"]):
        top, left, bottom, right = (
            step[key][i] for key in ("top", "left", "bottom", "right")
        )
        window = top, left, bottom - top, right - left
        expected = mixing.cutmix(alone[i], alone[partner], window)
        np.testing.assert_array_equal(mixed[i], expected)
        lam = 1 - (bottom - top) * (right - left) / (21 * 26)
        expected = lam * labels[i] + (1 - lam) * labels[partner]
        np.testing.assert_allclose(result["labels"][i], expected, atol=1e-7)


def test_the_label_is_the_share_of_pixels():
    values = np.arange(1, 9, dtype="uint8")
    images = np.zeros((8, 16, 32, 1), "uint8") + values[:, None, None, None]
    data = {"images": images, "labels": np.arange(8)}
    result = kal.CutMix(num_classes=8, seed=1)(data, training=True)
    shares = (result["images"].numpy() == values).mean(axis=(1, 2))
    assert (shares.max(axis=1) < 1).any()
    np.testing.assert_array_equal(result["labels"], shares.astype("float32"))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_mixup_blends(dtype):
    images = random_images((8, 9, 11, 3), dtype)
    layer = kal.MixUp(1.0, num_classes=CLASSES, label_smoothing=0.1, seed=1)
    result = layer(labelled(images), training=True, seed=(1, 2))
    (step,) = layer.sample(images, seed=(1, 2)).pixels
    lam = step.rows["lam"].numpy()
    assert len(np.unique(lam)) == 8
    smooth = mixing.one_hot(np.arange(8), CLASSES, 0.1)
    expected = mixing.mix_labels(smooth, np.roll(smooth, 1, axis=0), lam)
    np.testing.assert_allclose(result["labels"], expected, atol=1e-7)
    mixed = [
        mixing.mixup(image, partner, x)
        for image, partner, x in zip(
            images, np.roll(images, 1, 0), lam[:, 0], strict=True
        )
    ]
    tolerance = 1 if dtype == "uint8" else 1e-6
    difference = result["images"].numpy() - np.array(mixed, "float64")
    assert np.abs(difference).max() <= tolerance
    assert (difference != 0).mean() < 1e-3 or dtype != "uint8"


def test_one_lambda_for_the_batch():
    for layer in (kal.MixUp(per="batch", seed=1), kal.CutMix(per="batch", seed=1)):
        found = rows(layer, (50, 32, 32, 3))
        del found["partner"]
        assert all(len(np.unique(row)) == 1 for row in found.values())
        assert not np.array_equal(found["lam"], rows(layer, (50, 32, 32, 3))["lam"])


@layers
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@op_by_op()
def test_labels_sum_to_one(name, smoothing):
    data = labelled(random_images((64, 8, 8, 3), "uint8"))
    layer = LAYERS[name](num_classes=CLASSES, label_smoothing=smoothing)
    labels = layer(data, training=True)["labels"]
    assert labels.dtype == tf.float32
    np.testing.assert_allclose(tf.reduce_sum(labels, axis=1), 1.0, atol=1e-6)
    assert labels.numpy().min() == pytest.approx(smoothing / CLASSES)
    own = labels.numpy()[np.arange(64), data["labels"]]
    assert 0.1 < (own < 0.9 * own.max()).mean() < 0.99


@pytest.mark.thorough
@layers
@op_by_op()
def test_those_without_a_chance_stay_but_are_smoothed(name):
    images = random_images((200, 8, 8, 3), "uint8")
    data = labelled(images)
    layer = kal.RandomApply(LAYERS[name](num_classes=CLASSES, label_smoothing=0.1), 0.3)
    result = layer(data, training=True)
    same = (result["images"].numpy() == images).all(axis=(1, 2, 3))
    assert 0.6 < same.mean() < 0.85
    smooth = mixing.one_hot(data["labels"], CLASSES, 0.1)
    unmixed = np.isclose(result["labels"], smooth, atol=1e-6).all(axis=1)
    assert abs(unmixed.mean() - same.mean()) < 0.1


@layers
def test_outside_training_labels_are_one_hot_and_nothing_else_happens(name):
    data = labelled(random_images((4, 8, 8, 3), "uint8"))
    result = LAYERS[name](num_classes=CLASSES, label_smoothing=0.1)(data)
    assert result["images"] is data["images"]
    expected = np.eye(CLASSES, dtype="float32")[data["labels"]]
    np.testing.assert_array_equal(result["labels"], expected)
    assert LAYERS[name]()(data) is data


@pytest.mark.thorough
def test_a_choice_for_each_image():
    values = np.arange(8, dtype="uint8") * 30
    images = np.zeros((8, 32, 32, 1), "uint8") + values[:, None, None, None]
    layer = kal.RandomChoice([kal.MixUp(4.0, seed=1), kal.CutMix(8.0, seed=2)], seed=3)
    data = {"images": np.tile(images, (20, 1, 1, 1)), "labels": np.eye(160)}
    mixed = layer(data, training=True)["images"].numpy()
    flat = mixed.reshape(160, -1)
    blended = (flat == flat[:, :1]).all(axis=1)
    assert 60 < blended.sum() < 100


@pytest.mark.thorough
@pairs
def test_a_batch_of_one_stays(name):
    images = random_images((1, 8, 8, 3), "float32")
    layer = LAYERS[name](num_classes=CLASSES)
    result = layer(labelled(images), training=True)
    np.testing.assert_array_equal(result["images"], images)
    np.testing.assert_allclose(result["labels"], np.eye(CLASSES)[:1], atol=1e-7)


@layers
@op_by_op()
def test_seeds_for_each_image(name):
    images = random_images((6, 8, 8, 3), "uint8")
    layer = LAYERS[name](num_classes=CLASSES, partners="random")
    seeds = np.stack([np.arange(6), np.full(6, 7)], axis=1)
    once, twice = (layer(labelled(images), training=True, seed=seeds) for _ in "ab")
    np.testing.assert_array_equal(once["images"], twice["images"])
    changed = (once["images"].numpy() != images).any(axis=(1, 2, 3))
    assert changed.sum() >= 3


def test_masks():
    images = random_images((6, 16, 18, 3), "uint8")
    masks = np.zeros((6, 16, 18), "int32") + np.arange(6)[:, None, None]
    data = {"images": images, "segmentation_masks": masks}
    cut = kal.CutMix(seed=1)
    result = cut(data, training=True, seed=(1, 2))
    theirs = result["segmentation_masks"].numpy() != masks
    pasted = (result["images"].numpy() != images).any(axis=-1)
    assert 0.1 < theirs.mean() < 0.9
    assert (theirs >= pasted).all() and (theirs != pasted).mean() < 0.01
    with pytest.raises(ValueError, match="tf.one_hot"):
        kal.MixUp()(data, training=True)
    soft = kal.MixUp(seed=1)(
        {**data, "segmentation_masks": np.eye(6, dtype="float32")[masks]}, training=True
    )["segmentation_masks"]
    np.testing.assert_allclose(tf.reduce_sum(soft, axis=-1), 1.0, atol=1e-6)
    assert 0.01 < soft.numpy()[..., 0].max() < 1


@pytest.mark.parametrize("ragged", [False, True])
def test_boxes_of_mixup(ragged):
    boxes = [[[0, 0, 4, 4], [2, 2, 8, 8]], [[1, 1, 5, 5]], [[3, 3, 9, 9]]]
    labels = [[1, 2], [3], [4]]
    boxes = tf.ragged.constant(boxes, ragged_rank=1, dtype=tf.float32)
    labels = tf.ragged.constant(labels)
    if not ragged:
        boxes, labels = boxes.to_tensor(-1.0), labels.to_tensor(-1)
    data = {
        "images": random_images((3, 16, 16, 3), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
    }
    layer = kal.MixUp(bounding_box_format="xyxy", seed=1)
    result = layer(data, training=True, seed=(1, 2))["bounding_boxes"]
    lam = layer.sample(data["images"], seed=(1, 2)).pixels[0].rows["lam"].numpy()[:, 0]
    if ragged:
        assert result["labels"].to_list() == [[1, 2, 4], [3, 1, 2], [4, 3]]
        weights = result["weights"].to_list()
        np.testing.assert_allclose(weights[0], [lam[0], lam[0], 1 - lam[0]], atol=1e-6)
        assert result["boxes"].shape[-1] == 4
    else:
        expected = [[1, 2, 4, -1], [3, -1, 1, 2], [4, -1, 3, -1]]
        np.testing.assert_array_equal(result["labels"], expected)
        weights = [[lam[0], lam[0], 1 - lam[0], 0], [lam[1], 0, *[1 - lam[1]] * 2]]
        np.testing.assert_allclose(result["weights"][:2], weights, atol=1e-6)
        np.testing.assert_array_equal(result["boxes"][1, 2:], boxes[0])


@pytest.mark.parametrize("box_format", ["xyxy", "rel_xywh"])
@pytest.mark.parametrize("visible", [0.0, 0.4])
def test_boxes_of_cutmix(box_format, visible):
    """Against the frame around the pixels of each box that are seen."""
    height, width, count = 23, 31, 6
    generator = np.random.default_rng(3)
    low = generator.integers(0, 13, (16, count, 2))
    corners = np.concatenate([low, low + generator.integers(2, 10, low.shape)], axis=-1)
    boxes = corners.astype("float64")
    if box_format != "xyxy":
        boxes[..., 2:] -= boxes[..., :2]
        boxes = (boxes / [width, height, width, height]).astype("float32")
    layer = kal.CutMix(seed=1, bounding_box_format=box_format, min_visibility=visible)
    data = {
        "images": np.zeros((16, height, width, 3), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((16, count), "int32")},
    }
    result = layer(data, training=True, seed=(1, 2))["bounding_boxes"]
    (step,) = layer.sample(data["images"], seed=(1, 2)).pixels
    step = {key: row.numpy()[:, 0].astype(int) for key, row in step.rows.items()}
    found, dropped = result["boxes"].numpy(), 0
    if box_format != "xyxy":
        found = np.where(found == -1, found, found * [width, height, width, height])
        found[..., 2:] += np.where(found[..., 2:] == -1, 0, found[..., :2])
    for i in range(16):
        window = np.zeros((height, width), bool)
        window[
            step["top"][i] : step["bottom"][i], step["left"][i] : step["right"][i]
        ] = 1
        both = [(x, ~window) for x in corners[i]]
        both += [(x, window) for x in corners[step["partner"][i]]]
        for number, ((x0, y0, x1, y1), where) in enumerate(both):
            inside = np.zeros_like(window)
            inside[y0:y1, x0:x1] = True
            seen = inside & where
            if seen.sum() == 0 or seen.sum() < visible * inside.sum():
                dropped += 1
                np.testing.assert_array_equal(result["boxes"][i, number], -1)
                assert result["labels"][i, number] == -1
                continue
            ys, xs = np.nonzero(seen)
            expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            np.testing.assert_allclose(found[i, number], expected, atol=1e-5)
            assert result["labels"][i, number] == 1
    assert 10 < dropped < 16 * 2 * count - 10
    assert "weights" not in result


def test_keypoints():
    points = np.random.default_rng(1).integers(0, 16, (6, 5, 2)).astype("float32")
    data = {"images": np.zeros((6, 16, 16, 3), "uint8"), "keypoints": points}
    both = kal.MixUp()(data, training=True)["keypoints"].numpy()
    np.testing.assert_array_equal(
        both, np.concatenate([points, np.roll(points, 1, 0)], 1)
    )
    layer = kal.CutMix(seed=1)
    seen = layer(data, training=True, seed=(1, 2))["keypoints"].numpy()
    (step,) = layer.sample(data["images"], seed=(1, 2)).pixels
    step = {key: row.numpy()[:, 0] for key, row in step.rows.items()}
    for i in range(6):
        for number, (x, y) in enumerate(both[i]):
            across = step["left"][i] <= x < step["right"][i]
            inside = across and step["top"][i] <= y < step["bottom"][i]
            expected = (x, y) if inside == (number >= 5) else (-1, -1)
            np.testing.assert_array_equal(seen[i, number], expected)


@pytest.mark.thorough
def test_a_move_behind_a_mix_moves_everything():
    """What the window shows of the partner's mask turns with its pixels."""
    values = np.arange(1, 7, dtype="uint8")
    images = np.zeros((6, 24, 24, 3), "uint8") + values[:, None, None, None]
    data = {
        "images": images,
        "segmentation_masks": images[..., 0].astype("int32"),
        "labels": np.arange(6),
    }
    stack = [
        kal.CutMix(num_classes=6, seed=1),
        kal.RandomRotate(degrees=(90, 90), seed=2),
        kal.CutMix(num_classes=6, seed=3),
    ]
    for layer in (kal.FusedAugmentation(stack), keras.Sequential(stack)):
        result = layer(data, training=True)
        images = result["images"].numpy()[..., 0]
        np.testing.assert_array_equal(result["segmentation_masks"], images)
        assert max(len(np.unique(image)) for image in images) == 3
        np.testing.assert_allclose(tf.reduce_sum(result["labels"], 1), 1, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "graphs"),
    [
        ("mixup", ["nested"]),
        ("cutmix", ["whole"]),
        ("either", ["nested", "whole"]),
        ("mosaic", ["nested", "whole"]),
    ],
    ids=["mixup", "cutmix", "either", "mosaic"],
)
def test_every_form_gives_the_same(name, graphs):
    """In a graph, too, of which XLA compiles the layers, or the whole."""
    data = labelled(random_images((6, 16, 18, 3), "uint8"))
    data = {key: tf.constant(value) for key, value in data.items()}
    stack = [
        kal.RandomFlip(seed=1),
        LAYERS[name](num_classes=CLASSES, label_smoothing=0.1, partners="random"),
        kal.RandomShift((3, 3), (2, 2), unit="pixels", seed=2),
    ]
    expected = kal.FusedAugmentation(stack)(data, training=True, seed=(1, 2))

    def one_by_one(data):
        for layer in stack:
            data = layer(data, training=True, seed=(1, 2))
        return data

    forms = [tf.function(one_by_one, jit_compile=graph == "whole") for graph in graphs]
    for form in (one_by_one, *forms):
        result = form(data)
        np.testing.assert_array_equal(result["images"], expected["images"])
        np.testing.assert_allclose(result["labels"], expected["labels"], atol=1e-6)


def test_in_a_model_whose_input_holds_labels():
    inputs = {
        "images": keras.Input((8, 8, 3), dtype="uint8", name="images"),
        "labels": keras.Input((), dtype="int32", name="labels"),
    }
    outputs = LAYERS["either"](num_classes=CLASSES)(inputs)
    assert outputs["labels"].shape == (None, CLASSES)
    assert outputs["labels"].dtype == "float32"
    model = keras.Model(inputs, outputs)
    data = labelled(random_images((5, 8, 8, 3), "uint8"))
    mixed = model(data, training=True)
    assert (mixed["images"].numpy() != data["images"]).any()
    np.testing.assert_allclose(tf.reduce_sum(mixed["labels"], axis=1), 1.0, atol=1e-6)
    same = model(data)
    np.testing.assert_array_equal(same["images"], data["images"])


@pytest.mark.thorough
@layers
def test_config_round_trip(name):
    layer = LAYERS[name](num_classes=CLASSES, label_smoothing=0.1, partners="random")
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    data = labelled(random_images((5, 8, 8, 3), "uint8"))
    one, two = (x(data, training=True, seed=(1, 2)) for x in (layer, again))
    np.testing.assert_array_equal(one["images"], two["images"])
    np.testing.assert_array_equal(one["labels"], two["labels"])
    transform = layer.sample(data["images"], seed=(1, 2))
    loaded = kal.Transform.from_config(json.loads(json.dumps(transform.to_config())))
    np.testing.assert_array_equal(loaded.images(data["images"]), one["images"])
    np.testing.assert_array_equal(loaded.labels(data["labels"]), one["labels"])


IMAGES = np.zeros((4, 8, 8, 3), "uint8")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (IMAGES, "augment_dataset"),
        ({"images": IMAGES}, "augment_dataset"),
        ({"images": IMAGES[0], "labels": np.zeros(10, "float32")}, "a single image"),
        ({"images": IMAGES, "labels": np.arange(4)}, "num_classes=10"),
        ({"images": IMAGES, "labels": np.zeros((4, 2, 3), "float32")}, "one-hot"),
        ({"images": IMAGES, "labels": np.zeros(4, "float32")}, "one-hot"),
    ],
)
@layers
def test_wrong_data(name, data, message):
    with pytest.raises(ValueError, match=message):
        LAYERS[name]()(data, training=True)


def test_labels_of_other_classes():
    data = {"images": IMAGES, "labels": np.zeros((4, 7), "float32")}
    with pytest.raises(ValueError, match="`labels`"):
        kal.MixUp(num_classes=10)(data, training=True)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: kal.MixUp(0), "alpha"),
        (lambda: kal.CutMix(-1), "alpha"),
        (lambda: kal.MixUp(num_classes=0), "num_classes"),
        (lambda: kal.MixUp(num_classes=2.5), "num_classes"),
        (lambda: kal.MixUp(label_smoothing=2), "label_smoothing"),
        (lambda: kal.MixUp(partners="next"), "partners"),
        (lambda: kal.CutMix(per="epoch"), "per"),
        (
            lambda: kal.RandomChoice(
                [kal.MixUp(num_classes=3), kal.CutMix(num_classes=4)]
            ),
            "num_classes",
        ),
    ],
)
def test_wrong_arguments(wrong, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        wrong()
