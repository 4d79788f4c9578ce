"""MirroredStrategy over two logical CPU devices: `python tests/engines/mirrored.py`.

Prints one JSON object: for 200 steps (`--steps`) of a custom loop, of Keras's `fit`, of
a layer created outside of the scope, and of `tf.data` under a scope, how many draws
there were, how many differ from all others, how many steps gave both replicas the same,
whether a rerun repeats them, and the p-value of their distribution.
"""

import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf
from draws import summary

import keras_aug_layers as kal

SIZE, BATCH, REACH = 8, 2, 3
"""Of the images; per replica; and pixels that an image moves at most."""


RAMP = np.tile(np.arange(SIZE, dtype="float32")[:, None, None], (1, SIZE, 1))
"""Row i holds i: a pixel says where it came from."""


def strategy():
    """Two replicas on one machine."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def build(seed, fused):
    """A layer whose only draw is a vertical shift."""
    shift = kal.RandomShift(REACH / SIZE, seed=seed)
    return kal.FusedAugmentation([shift], seed=seed) if fused else shift


def shift_of(transform):
    return -transform.matrix[:, 1, 2]


def custom_loop(steps, seed, inside=True):
    """The draws of each step: (steps, replicas, BATCH)."""
    engine = strategy()
    layer = None if inside else build(seed, False)
    with engine.scope():
        layer = layer or build(seed, False)

    @tf.function
    def step():
        draws = engine.run(lambda: shift_of(layer.sample((BATCH, SIZE, SIZE, 1))))
        return tf.stack(engine.experimental_local_results(draws))

    return np.stack([step().numpy() for _ in range(steps)])


class Recorder(keras.layers.Layer):
    """Writes into a variable where the pixel in the middle of a ramp came from."""

    def __init__(self, steps):
        super().__init__()
        self.record = None
        self.steps = steps

    def build(self, shape):
        # One row a replica and step; each replica adds to rows of its own.
        self.record = tf.Variable(
            tf.zeros((self.steps, 2, BATCH)),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
        self.step = tf.Variable(
            0,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    def call(self, images, training=False):
        if training:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            row = tf.one_hot(self.step, self.steps)[:, None, None]
            column = tf.one_hot(replica, 2)[None, :, None]
            values = images[:, SIZE // 2, SIZE // 2, 0]
            self.record.assign_add(row * column * values)
            self.step.assign_add(1)
        return images


def fit(steps, seed, fused):
    """The draws of each step of a Keras fit, read off the pixels."""
    engine = strategy()
    with engine.scope():
        recorder = Recorder(steps)
        model = keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 1)),
                build(seed, fused),
                recorder,
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse")
    dataset = tf.data.Dataset.from_tensors((RAMP, 0.0)).repeat(steps * 2 * BATCH)
    model.fit(dataset.batch(2 * BATCH), epochs=1, verbose=0)
    return SIZE // 2 - recorder.record.numpy()


def in_tf_data(steps, seed, way):
    """A map while a scope is open, whose elements go to the replicas."""
    engine = strategy()
    layer = None if way == "inside" else build(seed, True)
    with engine.scope():
        layer = layer or build(seed, True)
        dataset = tf.data.Dataset.from_tensors(RAMP).repeat(steps * 2 * BATCH)
        dataset = dataset.batch(2 * BATCH)
        if way == "augment_dataset":
            dataset = kal.augment_dataset(dataset, layer, seed=seed)
        else:
            dataset = dataset.map(lambda images: layer(images, training=True))
        dataset = engine.experimental_distribute_dataset(dataset)
    return np.stack(
        [
            [
                SIZE // 2 - images[:, SIZE // 2, SIZE // 2, 0]
                for images in engine.experimental_local_results(step)
            ]
            for step in dataset
        ]
    )


def main(steps):
    """Runs every case and prints its summary."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    cases = {
        "custom loop": lambda seed: custom_loop(steps, seed),
        "created outside": lambda seed: custom_loop(steps, seed, inside=False),
        "fit": lambda seed: fit(steps, seed, fused=False),
        "fit, fused": lambda seed: fit(steps, seed, fused=True),
        "tf.data, created outside": lambda seed: in_tf_data(steps, seed, "outside"),
        "tf.data, augment_dataset": lambda seed: in_tf_data(
            steps, seed, "augment_dataset"
        ),
        "tf.data, created inside": lambda seed: in_tf_data(steps, seed, "inside"),
    }
    summaries = {
        name: summary(draw(7), draw(7), draw(8), REACH) for name, draw in cases.items()
    }
    print(json.dumps(summaries))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    main(parser.parse_args().steps)
