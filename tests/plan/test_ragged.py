"""Ragged batches: images of different sizes, with masks, boxes and keypoints."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels.flat import images_for, pixels_for

SIZES = ((1, 1), (40, 30), (17, 64), (120, 90), (9, 9))
SEEDS = np.arange(10).reshape(5, 2)


def pictures(sizes=SIZES, channels=3):
    """Smooth images, so that roundings of places do not show."""
    generator, made = np.random.default_rng(0), []
    for height, width in sizes:
        y, x = np.mgrid[:height, :width]
        wave = generator.uniform(0.05, 0.3, (2, channels))
        values = np.sin(y[..., None] * wave[0] + x[..., None] * wave[1])
        made.append((127.5 + 127.0 * values).astype("uint8"))
    return made


def ragged(images):
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(images),
        output_signature=tf.TensorSpec([None, None, *images[0].shape[2:]], "uint8"),
    )
    return next(iter(dataset.ragged_batch(len(images))))


def dense(image):
    return image.to_tensor() if isinstance(image, tf.RaggedTensor) else image


STACKS = {
    "crop": lambda: [
        kal.RandomResizedCrop(24, 20, seed=1),
        kal.RandomFlip(),
        kal.RandomContrast(0.3),
    ],
    "moved": lambda: [kal.RandomShift(0.2, 0.2), kal.RandomCrop(16, 20)],
    "free": lambda: [
        kal.RandomPerspective(scale=0.3),
        kal.RandomShift(0.2, 0.2),
        kal.RandomErasing(fill_value=0.0, probability=0.5),
    ],
    "copied": lambda: [
        kal.RandomShift(0.4, 0.4, fill_mode="constant", interpolation="nearest"),
        kal.RandomCrop(24, 20, fill_mode="constant", interpolation="nearest"),
    ],
}


@pytest.mark.parametrize(
    ("stack", "form"),
    [
        pytest.param("crop", "graph", marks=pytest.mark.slow),
        pytest.param("free", "eager", marks=pytest.mark.thorough),
        pytest.param("copied", "graph", marks=pytest.mark.thorough),
        pytest.param("crop", "eager", marks=pytest.mark.slow),
        pytest.param("moved", "graph", marks=pytest.mark.slow),
    ],
)
def test_they_equal_the_images_one_by_one(stack, form):
    layer = kal.FusedAugmentation(STACKS[stack](), bounding_box_format="xyxy")
    images = pictures()
    masks = [image[..., 0] // 64 for image in images]
    boxes = np.array([[[0, 0, w, h]] for h, w in SIZES], "float32")
    keypoints = np.array([[[w // 2, h // 3]] for h, w in SIZES], "float32")
    data = {
        "images": ragged(images),
        "segmentation_masks": ragged(masks),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((5, 1), "int32")},
        "keypoints": keypoints,
    }

    def call(images, masks):
        given = {**data, "images": images, "segmentation_masks": masks}
        return layer(given, training=True, seed=SEEDS)

    call = tf.function(call) if form == "graph" else call
    found = call(data["images"], data["segmentation_masks"])
    kept = stack == "free"
    assert isinstance(found["images"], tf.RaggedTensor) == kept
    assert isinstance(found["segmentation_masks"], tf.RaggedTensor) == kept
    for number in range(5):
        here = slice(number, number + 1)
        one = layer(
            {
                "images": images[number][None],
                "segmentation_masks": masks[number][None],
                "bounding_boxes": {
                    "boxes": boxes[here],
                    "labels": np.ones((1, 1), "int32"),
                },
                "keypoints": keypoints[here],
            },
            training=True,
            seed=SEEDS[here],
        )
        image, mask = (
            dense(found[key][number]).numpy()
            for key in ("images", "segmentation_masks")
        )
        expected = one["images"].numpy()[0]
        assert image.shape == expected.shape and image.dtype == expected.dtype
        assert np.abs(image.astype(int) - expected).max() <= 1
        np.testing.assert_array_equal(mask, one["segmentation_masks"][0])
        np.testing.assert_allclose(found["keypoints"][number], one["keypoints"][0])
        np.testing.assert_allclose(
            found["bounding_boxes"]["boxes"][number], one["bounding_boxes"]["boxes"][0]
        )


@pytest.mark.thorough
def test_chains_models_and_datasets():
    images = pictures()
    many = pictures(SIZES * 2 + SIZES[:1])  # batches that are filled up to one number
    stack = keras.Sequential([kal.RandomResizedCrop(12, 17, seed=1), kal.RandomFlip()])
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(many), output_signature=tf.TensorSpec((None, None, 3), "uint8")
    )
    dataset = dataset.ragged_batch(6).map(lambda x: stack(x, training=True))
    assert dataset.element_spec.shape.as_list() == [None, 12, 17, 3]
    assert [x.shape[0] for x in dataset] == [6, 5]
    still = kal.Resizing(12, 17, antialias=False)
    found = still(ragged(images)).numpy().astype(int)
    for image, resized in zip(images, found, strict=True):
        assert np.abs(resized - still(image).numpy()).max() <= 1
    augmented = kal.augment_dataset(
        tf.data.Dataset.from_tensors(ragged(images)), stack, seed=1
    )
    assert next(iter(augmented)).shape == (5, 12, 17, 3)
    transform = kal.RandomRotate(0.1, seed=1).sample(ragged(images))
    assert transform.size.numpy().tolist() == [list(size) for size in SIZES]
    turned = transform.images(ragged(images))
    assert [x.to_tensor().shape[:2] for x in turned] == list(SIZES)


def test_code_is_compiled_for_few_shapes():
    generator, shapes = np.random.default_rng(0), set()
    for _ in range(500):
        count = generator.integers(1, 65)
        sides = np.exp(generator.uniform(np.log(64), np.log(1000), (count, 2)))
        total = int(np.prod(sides.astype(int), axis=1).sum())
        pixels = int(pixels_for(tf.constant(total), base=4))
        images = int(images_for(tf.constant(count, tf.int32)))
        assert pixels >= total and images >= count and images <= 1.5 * count
        shapes.add((pixels, images))
    assert len(shapes) <= 32


def test_what_is_no_batch_of_images_is_refused():
    images, masks = ragged(pictures()), ragged(pictures(channels=1))
    layer = kal.RandomRotate(0.1)
    dense_masks = np.zeros((5, 9, 9, 1), "uint8")
    for data in (
        {"images": images, "segmentation_masks": dense_masks},
        {"images": dense_masks, "segmentation_masks": masks},
    ):
        with pytest.raises(ValueError, match="must be ragged where"):
            layer(data, training=True)
    other = ragged(pictures(SIZES[::-1], 1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the sizes"):
        layer({"images": images, "segmentation_masks": other}, training=True)
    with pytest.raises(ValueError, match="must be of one size"):
        kal.CutMix()({"images": images, "labels": np.eye(5)}, training=True)
    first = kal.RandomRotate(0.1, data_format="channels_first")
    with pytest.raises(ValueError, match="channels last"):
        first(images, training=True)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    with pytest.raises(ValueError, match="must be dense where"):
        compiled(images)


@pytest.mark.parametrize("splits", [tf.int32, tf.int64])
def test_images_of_one_width(splits):
    pixels = np.concatenate(pictures(((10, 12), (14, 12))))
    images = tf.RaggedTensor.from_row_lengths(pixels, [10, 14])
    layer = kal.RandomRotate(0.1)
    found = layer(images.with_row_splits_dtype(splits), training=True, seed=(1, 2))
    expected = layer(ragged([pixels[:10], pixels[10:]]), training=True, seed=(1, 2))
    np.testing.assert_array_equal(found.flat_values, expected.flat_values)
