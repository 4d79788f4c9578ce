"""Sizes that only some forms know, or that images have between two steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn

import keras_aug_layers as kal

REFUSED = ValueError, tf.errors.InvalidArgumentError


def masks_of_a_stride(size, stride):
    x = np.full((2, size, size, 3), 100, "uint8")
    side = size // stride
    return {"images": x, "segmentation_masks": np.ones((2, side, side, 1), "uint8")}


WAYS = {
    "eager": lambda layers, x: [x := each(x, training=True) for each in layers][-1],
    "outside training": lambda layers, x: [x := each(x) for each in layers][-1],
    "a model": lambda layers, x: keras.Sequential(layers)(x, training=True),
    "a group": lambda layers, x: kal.FusedAugmentation(layers)(x, training=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stride_that_divides_no_size_on_the_way(way):
    data = {k: tf.constant(x) for k, x in masks_of_a_stride(64, 4).items()}
    with pytest.raises(REFUSED, match="`segmentation_masks`"):
        WAYS[way]([kal.Resizing(32, 32), kal.CenterCrop(30, 30)], data)


@pytest.mark.thorough
def test_a_stride_that_divides_no_size_of_an_earlier_warp():
    layers = [kal.CenterCrop(39, 39), kal.RandomGaussianBlur(), kal.Resizing(64, 64)]
    with pytest.raises(REFUSED, match="multiples of the same number all the way"):
        kal.FusedAugmentation(layers)(masks_of_a_stride(64, 8), training=True)
    layers[0] = kal.CenterCrop(40, 40)
    made = kal.FusedAugmentation(layers)(masks_of_a_stride(64, 8), training=True)
    assert (made["segmentation_masks"].numpy() == 1).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("form", ["outside training", "eager", "graph"])
def test_a_single_row_is_filtered(turned, form):
    x = np.random.default_rng(0).uniform(0, 255, (1, 1, 4096, 1)).astype("float32")
    x = x.transpose(0, 2, 1, 3) if turned else x
    layer = kal.Resizing(32, 1) if turned else kal.Resizing(1, 32)

    def call(x):
        return layer(x, training=form != "outside training")

    call = tf.function(call, autograph=False) if form == "graph" else call
    means = x.reshape(32, 128).mean(1)
    found = call(tf.constant(x)).numpy().ravel()
    assert np.abs(found - means).std() < means.std()
    assert found.std() < 1.7 * means.std()


@pytest.mark.parametrize(
    "layers",
    [
        [kal.RandomResizedCrop(16, 16)],
        [kal.RandomResizedCrop(16, 16), kal.RandomElasticTransform()],
        [
            kal.RandomOpticalDistortion(0.3),
            kal.RandomZoom((0.5, 0.5), antialias="auto"),
        ],
    ],
    ids=["crop", "crop and field", "lens and zoom"],
)
def test_channels_that_are_not_known(layers):
    x = np.random.default_rng(0).integers(0, 256, (40, 44, 3)).astype("uint8")
    group = kal.FusedAugmentation(layers, jit_compile=False)

    def augmented(file):
        return group(tf.io.decode_png(file), training=True)

    files = tf.data.Dataset.from_tensors(tf.io.encode_png(x).numpy())
    made = next(iter(files.map(augmented)))
    assert made.shape == ((16, 16, 3) if layers[0].rests() else (40, 44, 3))


def test_a_field_does_not_filter_an_image_as_a_whole():
    x = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 1)).astype("float32")
    strong = {"scale": (1.0, 1.0), "grid": 6, "seed": 1}
    plain, auto = (
        kal.FusedAugmentation([kal.RandomElasticTransform(**strong)], antialias=how)
        for how in (False, "auto")
    )
    wanted = drawn(plain, x, seed=(1, 2))
    np.testing.assert_array_equal(drawn(auto, x, seed=(1, 2)), wanted)


@pytest.mark.slow
def test_augmix_of_ragged_batches_below_0():
    low, high = -5.0, -1.0
    like = np.random.default_rng(0).uniform(low, high, (5, 24, 24, 3)).astype("float32")
    sizes = [(16 + 2 * (i % 3), 20 - 2 * (i % 2)) for i in range(5)]
    pixels = [like[i, :h, :w] for i, (h, w) in enumerate(sizes)]

    def made(jit_compile):
        mix = kal.AugMix(severity=10, value_range=(low, high))
        layer = kal.FusedAugmentation(
            [kal.CenterCrop(16, 16), mix], jit_compile=jit_compile
        )
        spec = tf.TensorSpec((None, None, 3), tf.float32)
        data = tf.data.Dataset.from_generator(
            lambda: iter(pixels), output_signature=spec
        )
        data = data.ragged_batch(5).map(lambda x: layer(x, training=True, seed=(1, 2)))
        return next(iter(data)).numpy()

    far = ~(np.abs(made("auto") - made(False)) <= 0.1 * (high - low))
    assert far.mean() < 0.02


@pytest.mark.parametrize("first", [True, False])
def test_what_is_said_of_ragged_images_that_cannot_be(first):
    pixels = [np.zeros((3, 5, 6) if first else (5, 6, 3), "uint8")] * 2
    spec = tf.TensorSpec((3, None, None) if first else (None, None, None), tf.uint8)
    data = tf.data.Dataset.from_generator(lambda: iter(pixels), output_signature=spec)
    images = next(iter(data.ragged_batch(2)))
    layer = kal.RandomFlip(data_format="channels_first" if first else None)
    way = "tf.transpose\\(image" if first else "image.set_shape\\(\\(None, None, 3"
    with pytest.raises(ValueError, match=f"Write {way}"):
        layer(images, training=True)
