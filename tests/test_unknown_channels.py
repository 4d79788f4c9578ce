"""Several numbers, one for each channel, where only a run tells how many there are."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images

import keras_aug_layers as kal

FILL = {"fill_mode": "constant", "fill_value": (1, 2, 3)}
CENTRED = {"featurewise_center": True, "mean": (1.0, 2.0, 3.0)}
LAYERS = {
    "mean": lambda: kal.Normalize((0.4, 0.5, 0.6), 0.3),
    "std": lambda: kal.Normalize(0.4, (0.2, 0.3, 0.4)),
    "scale": lambda: kal.Rescaling((1.0, 2.0, 3.0)),
    "offset": lambda: kal.Rescaling(1.0, (1.0, 2.0, 3.0)),
    "fill_value": lambda: kal.RandomShift(0.5, 0.5, **FILL),
    "statistics": lambda: kal.from_image_data_generator(**CENTRED),
}


@op_by_op()
def of_unknown_channels(layer, images, *shape):
    """What becomes of images in a graph that knows no more than this of their shape."""
    called = tf.function(
        lambda x: layer(x, training=True, seed=(1, 2)),
        input_signature=[tf.TensorSpec(shape, images.dtype)],
        autograph=False,
    )
    return called(images)


@pytest.mark.parametrize("shape", [(None, 8, 8, None), (None, None, None, None)])
@pytest.mark.parametrize("name", LAYERS)
def test_as_many_channels_are_what_they_are_in_calls(name, shape):
    images, layer = random_images((2, 8, 8, 3), "uint8"), LAYERS[name]()
    with op_by_op():
        expected = layer(images, training=True, seed=(1, 2))
    found = of_unknown_channels(layer, images, *shape)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", LAYERS)
def test_other_channels_are_refused_when_it_runs(name, channels):
    """Grey images became three channels."""
    images = random_images((2, 8, 8, channels), "uint8")
    with pytest.raises(tf.errors.InvalidArgumentError, match="or one for each channel"):
        of_unknown_channels(LAYERS[name](), images, None, 8, 8, None)
