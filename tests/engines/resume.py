"""Stops augment_dataset and goes on elsewhere: `python tests/engines/resume.py`.

Without `--restore`: iterates datasets of three epochs to a place in one of them, saves
a checkpoint of each iterator to the folder, and prints digests of the elements that
come after it. With `--restore`, in a process of its own: prints those that come after
the checkpoints.
"""

import argparse
import hashlib
import json
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf

import keras_aug_layers as kal

NUMBER = 24
STOPS = {None: (0, 11, 23, 24, 72), 5: (0, 4, 5, 6, 15)}
"""Batch size; and where to stop in three epochs, their borders among the places."""
CASES = [
    *({"batch": batch, "stop": stop} for batch in STOPS for stop in STOPS[batch]),
    {"batch": 5, "stop": 7, "shuffle": True, "jit_compile": "auto"},
    {"batch": 5, "stop": 4, "epochs": 1},
    {"batch": None, "stop": 9, "epochs": 1, "key": lambda image, label: label},
    {"batch": 5, "stop": 3, "symbolic": True},
    {"batch": 5, "stop": 12, "symbolic": True, "key": lambda image, label: label},
]
"""`symbolic`: the epochs are repeated after the augmentation, not before."""


def digests(elements):
    """A digest of each element."""
    return [
        hashlib.sha256(
            b"".join(np.asarray(leaf).tobytes() for leaf in keras.tree.flatten(element))
        ).hexdigest()
        for element in elements
    ]


def build(
    batch,
    epochs=3,
    shuffle=False,
    jit_compile=False,
    key=None,
    symbolic=False,
    **_,
):
    """The dataset of a case, the same in every process."""
    images = np.random.default_rng(0).integers(0, 256, (NUMBER, 9, 12, 3), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(NUMBER)))
    if shuffle:
        dataset = dataset.shuffle(NUMBER, seed=1)
    if batch:
        dataset = dataset.batch(batch)
    if not symbolic:
        dataset = dataset.repeat(epochs)
    layer = kal.FusedAugmentation(
        [kal.RandomShift(0.3, 0.3), kal.RandomBrightness(gain=0.3)],
        jit_compile=jit_compile,
    )
    dataset = kal.augment_dataset(dataset, layer, seed=5, key=key)
    if symbolic:
        options = tf.data.Options()
        options.experimental_symbolic_checkpoint = True
        dataset = dataset.repeat(epochs).with_options(options)
    return dataset


def main(folder, restore):
    """Runs every case and prints, for each, what comes after its checkpoint."""
    results, left = {}, {}
    for number, case in enumerate(CASES):
        dataset = build(**case)
        path = os.path.join(folder, str(number))
        if restore:
            iterator = iter(dataset)
            checkpoint = tf.train.Checkpoint(iterator=iterator)
            checkpoint.read(path).assert_consumed()
        else:
            iterator = iter(dataset)
            for _ in range(case["stop"]):
                next(iterator)
            tf.train.Checkpoint(iterator=iterator).write(path)
        results[str(number)] = digests(iterator)
        if not restore:
            assert results[str(number)] == digests(build(**case))[case["stop"] :]
        left[str(number)] = int(dataset.cardinality()) - case["stop"]
    print(json.dumps({"cases": results, "left": left}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--restore", action="store_true")
    options = parser.parse_args()
    main(options.folder, options.restore)
