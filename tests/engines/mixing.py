"""MixUp, CutMix and Mosaic under MirroredStrategy: `python tests/engines/mixing.py`.

Two replicas over two logical CPU devices. Every image holds its own number, so that its
pixels say with whom it was mixed. Prints one JSON object: for each layer, the images
whose partner was of the other replica, the labels that are not the shares of their
pixels, the steps in which both replicas drew the same, and the sizes of the batches.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import numpy as np
import tensorflow as tf

import keras_aug_layers as kal

COUNT, BATCH, SIZE = 14, 8, 8
"""Of the images: a whole batch, and a smaller last one."""

LAYERS = {
    "cutmix": lambda: kal.CutMix(num_classes=COUNT, seed=1),
    "mixup": lambda: kal.MixUp(1.0, num_classes=COUNT, seed=1),
    "mosaic": lambda: kal.Mosaic(num_classes=COUNT, seed=1),
}


def main():
    """Runs every layer in a custom loop and prints what was seen."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    engine = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    images = np.zeros((COUNT, SIZE, SIZE, COUNT), "float32")
    images[np.arange(COUNT), :, :, np.arange(COUNT)] = 1.0
    found = {}
    for name, build in LAYERS.items():
        with engine.scope():
            layer = build()
        elements = {"images": images, "labels": np.arange(COUNT)}
        elements["number"] = np.arange(COUNT)
        dataset = tf.data.Dataset.from_tensor_slices(elements).batch(BATCH)
        dataset = engine.experimental_distribute_dataset(dataset.repeat(3))

        @tf.function
        def step(data, layer=layer):
            return engine.run(layer, (data,), {"training": True})

        strangers = wrong = equal = 0
        sizes = []
        for data in dataset:
            parts = [
                [x.numpy() for x in engine.experimental_local_results(values)]
                for values in map(step(data).get, ("images", "labels", "number"))
            ]
            sizes.append([len(number) for number in parts[2]])
            shares = []
            for pixels, labels, number in zip(*parts, strict=True):
                share = pixels.mean(axis=(1, 2))  # a channel for each image
                others = np.setdiff1d(np.arange(COUNT), number)
                strangers += int((share[:, others] > 0).sum())
                wrong += int((np.abs(share - labels).max(axis=1) > 1e-5).sum())
                shares.append(share[np.arange(len(number)), number])
            equal += int(np.array_equal(*shares))
        seen = {"strangers": strangers, "wrong": wrong, "equal": equal}
        found[name] = {**seen, "sizes": sizes}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
