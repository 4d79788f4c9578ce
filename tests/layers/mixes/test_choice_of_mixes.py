"""What an image gets of a choice does not hang on what its neighbours chose."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers.kernels.program import Step, only
from keras_aug_layers.layers.mixes.mix_up import blend
from keras_aug_layers.plan import carry
from keras_aug_layers.plan.plan import Plan

BATCH, SIZE, CLASSES = 32, (12, 14), 5
SEED = 3, 4


LAYERS = {
    "mixup": lambda: kal.MixUp(4.0, seed=1, num_classes=CLASSES),
    "cutmix": lambda: kal.CutMix(8.0, seed=2, num_classes=CLASSES),
    "again": lambda: kal.MixUp(2.0, seed=7, num_classes=CLASSES, partners="reverse"),
}
"""With seeds of their own they draw the same in a choice and alone."""


def behind_a_flip(*layers):
    flip = kal.RandomFlip("horizontal", chance=1.0, seed=9)
    return kal.FusedAugmentation([flip, *layers], bounding_box_format="xyxy")


def choice(names):
    return behind_a_flip(kal.RandomChoice([LAYERS[name]() for name in names], seed=5))


def alone(name):
    return behind_a_flip(LAYERS[name]())


def dense(dtype="uint8"):
    """A batch with everything that is mixed: masks of floats, for MixUp."""
    generator = np.random.default_rng(6)
    low = generator.integers(0, 6, (BATCH, 3, 2))
    boxes = np.concatenate([low, low + generator.integers(2, 7, low.shape)], axis=2)
    boxes[::2, 2] = -1
    masks = generator.integers(0, 3, (BATCH, *SIZE))
    return {
        "images": random_images((BATCH, *SIZE, 3), "uint8").astype(dtype),
        "labels": generator.integers(0, CLASSES, BATCH),
        "segmentation_masks": np.eye(3, dtype="float32")[masks],
        "bounding_boxes": {
            "boxes": boxes.astype("float32"),
            "labels": generator.integers(0, 9, (BATCH, 3)),
        },
        "keypoints": generator.integers(0, 12, (BATCH, 4, 2)).astype("float32"),
    }


def rows(result):
    """All that belongs to each image, as one row of numbers."""
    boxes = result["bounding_boxes"]
    whole = (np.asarray(boxes["boxes"]) != -1).any(axis=-1).astype("float32")
    boxes = {"weights": whole, **boxes}  # which CutMix does not give
    result = {**result, "bounding_boxes": boxes}
    flat = [np.asarray(x, "float64") for x in tf.nest.flatten(result)]
    return np.concatenate([x.reshape(BATCH, -1) for x in flat], axis=1)


def eager(layer, data):
    return layer(data, training=True, seed=SEED)


def untraced(layer, data):
    with op_by_op():
        return layer(data, training=True, seed=SEED)


def graph(layer, data):
    return tf.function(lambda data: layer(data, training=True, seed=SEED))(data)


def assert_each_is_as_if_alone(found, apart):
    same = np.stack([np.abs(found - x).max(axis=1) <= 1.0 for x in apart])
    assert same.any(axis=0).all()
    assert (same & (same.sum(axis=0) == 1)).sum(axis=1).min() >= 5


@pytest.mark.parametrize(
    ("names", "run"),
    [
        (("mixup", "cutmix"), untraced),
        (("cutmix", "mixup"), untraced),
        (("cutmix", "mixup", "again"), untraced),
        pytest.param(("mixup", "cutmix"), eager, marks=pytest.mark.thorough),
        pytest.param(("cutmix", "mixup"), graph, marks=pytest.mark.thorough),
        pytest.param(("mixup", "again", "cutmix"), graph, marks=pytest.mark.thorough),
    ],
)
def test_an_image_gets_what_its_layer_alone_would_give_it(names, run):
    data = dense()
    apart = [rows(untraced(alone(name), data)) for name in names]
    assert_each_is_as_if_alone(rows(run(choice(names), data)), apart)


@pytest.mark.thorough
def test_ragged_boxes_of_a_choice():
    names, data = ("mixup", "cutmix"), dense()
    boxes = data["bounding_boxes"]
    boxes["boxes"] = tf.RaggedTensor.from_tensor(
        boxes["boxes"], lengths=[2 + i % 2 for i in range(BATCH)]
    )
    boxes["labels"] = tf.RaggedTensor.from_tensor(
        boxes["labels"], lengths=[2 + i % 2 for i in range(BATCH)]
    )
    apart = [untraced(alone(name), data)["bounding_boxes"] for name in names]
    found = untraced(choice(names), data)["bounding_boxes"]
    chosen = [
        [
            all(np.allclose(found[key][i], x[key][i], atol=1e-4) for key in x)
            for x in apart
        ]
        for i in range(BATCH)
    ]
    assert np.any(chosen, axis=1).all()
    assert np.min(np.sum(chosen, axis=0)) >= 5


@pytest.mark.thorough
def test_the_gradient_is_that_of_the_partners_too():
    data = dense("float32")
    weights = np.random.default_rng(8).normal(size=data["images"].shape)

    def slopes(layer):
        images = tf.constant(data["images"])
        with tf.GradientTape() as tape:
            tape.watch(images)
            mixed = layer(
                {"images": images, "labels": data["labels"]}, training=True, seed=SEED
            )["images"]
            loss = tf.reduce_sum(mixed * tf.cast(weights, tf.float32))
        return tape.gradient(loss, images).numpy(), mixed.numpy()

    names = ("mixup", "cutmix")
    found, mixed = slopes(choice(names))
    first = np.abs(mixed - slopes(alone(names[0]))[1]).max(axis=(1, 2, 3)) < 1e-2
    second = ~first
    assert min(first.sum(), second.sum()) >= 5

    # Behind the flip, each is its own part and that of the image before it.
    step, cut = choice(names).sample(data["images"], seed=SEED).pixels
    share = 1.0 - step.rows["lam"].numpy()[:, 0]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    low, high = (
        [cut.rows[key].numpy()[:, :, None] for key in keys]
        for keys in (("top", "left"), ("bottom", "right"))
    )
    inside = (y >= low[0]) & (y < high[0]) & (x >= low[1]) & (x < high[1])
    share = np.where(second[:, None, None], inside, share[:, None, None])[..., None]
    expected = weights * (1.0 - share) + np.roll(weights * share, -1, axis=0)
    mirrored = expected[:, :, ::-1]
    np.testing.assert_allclose(found, mirrored, atol=1e-4)


def test_a_plan_of_a_choice_is_saved():
    data = dense()
    transform = choice(("mixup", "cutmix")).sample(data["images"], seed=SEED)
    again = kal.Transform.from_config(transform.to_config())
    assert [step.beside for step in again.pixels] == [False, True]
    for one, other in zip(
        *(tf.nest.flatten(x.apply(data)) for x in (transform, again)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_beside_a_step_that_leaves_labels_alone_they_are_read_as_they_are():
    swapped = kal.register(
        "test_choice.swapped", "stage", lambda x, partner: x[::-1], alone=False
    )
    partner = np.roll(np.arange(3.0), 1)
    mixed = blend(lam=np.full(3, 0.5), partner=partner)
    first, other = (
        only(step, tf.constant(mask))
        for step, mask in (
            (mixed, [True, False, False]),
            (swapped(partner=partner), [False, True, False]),
        )
    )
    last = Step(mixed.name, mixed.rows, tf.constant([False, False, True]), beside=True)
    labels = tf.constant(np.eye(3), tf.float32)
    found = carry.labels(Plan(pixels=(first, other, last)), labels)
    np.testing.assert_allclose(found, [[0.5, 0, 0.5], [0, 1, 0], [0, 0.5, 0.5]])
    # Beside the swap, which follows the blend, the blended labels are those before it.
    first_too = Step(mixed.name, mixed.rows, tf.constant([False, True, False]), True)
    found = carry.labels(Plan(pixels=(first, other, first_too)), labels)
    np.testing.assert_allclose(found[1], [0.25, 0.5, 0.25])
