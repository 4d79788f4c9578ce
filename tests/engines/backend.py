"""The layers under KERAS_BACKEND: `python tests/engines/backend.py --backend jax`.

Prints one JSON object of what was seen; tests/test_backends.py says what must be. The
digests are of pixels, to be compared with those of `--backend tensorflow`.
"""

import argparse
import hashlib
import json
import os
import pathlib
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--backend", choices=("tensorflow", "jax", "torch"), required=True)
BACKEND = parser.parse_args().backend
os.environ["KERAS_BACKEND"] = BACKEND
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import keras_aug_layers as kal  # noqa: E402

NUMBER = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (NUMBER, 16, 20, 3), "uint8")
DATA = {
    "images": IMAGES,
    "labels": np.arange(NUMBER),
    "segmentation_masks": (IMAGES[..., :1] > 127).astype("uint8"),
    "bounding_boxes": {
        "boxes": np.tile(np.float32([[[2, 3, 8, 9], [0, 0, 20, 16]]]), (NUMBER, 1, 1)),
        "labels": np.tile(np.int64([[1, 2]]), (NUMBER, 1)),
    },
    "keypoints": np.tile(np.float32([[[3, 4], [5, 6]]]), (NUMBER, 1, 1)),
}
LAYERS = {
    "FusedAugmentation": lambda: kal.FusedAugmentation(
        [
            kal.RandomShift(0.2, 0.2, interpolation="nearest"),
            kal.RandomFlip(interpolation="nearest"),
        ],
        seed=5,
        bounding_box_format="xyxy",
    ),
}


def run(dataset):
    """The leaves of all elements, each stacked over the whole dataset."""
    elements = [keras.tree.flatten(x) for x in dataset.as_numpy_iterator()]
    return [np.stack(parts) for parts in zip(*elements, strict=True)]


def digest(dataset):
    """One digest for all pixels, masks and points."""
    return hashlib.sha256(b"".join(x.tobytes() for x in run(dataset))).hexdigest()


def message(function, error=ValueError):
    """What the refusal says."""
    try:
        function()
    except error as e:
        return str(e)
    return None


def look(make):
    """What one layer does on each way through the library."""
    layer = make()
    images = tf.data.Dataset.from_tensor_slices(IMAGES)
    dicts = tf.data.Dataset.from_tensor_slices(DATA)

    def mapped(dataset, layer):
        return dataset.map(lambda x: layer(x, training=True), num_parallel_calls=1)

    seen = {
        "digests": {
            "map": digest(mapped(images, make())),
            "map, batched": digest(mapped(images.batch(4), make())),
            "map, dict": digest(mapped(dicts, make())),
            "map, dict, batched": digest(mapped(dicts.batch(4), make())),
            "augment": digest(kal.augment_dataset(images, layer, seed=3)),
            "augment, batched": digest(
                kal.augment_dataset(images.batch(4), layer, seed=3)
            ),
            "augment, dict": digest(kal.augment_dataset(dicts, layer, seed=3)),
            "augment again": digest(kal.augment_dataset(images, layer, seed=3)),
            "augment, another seed": digest(kal.augment_dataset(images, layer, seed=4)),
        }
    }
    dataset = mapped(images, layer)
    seen["calls"] = [digest(dataset) for _ in range(4)]
    eager = [np.asarray(layer(IMAGES, training=True)).tobytes() for _ in range(4)]
    seen["eager_calls_differ"] = len(set(eager)) == 4
    result = next(iter(mapped(dicts.batch(NUMBER), layer)))
    bright = (result["images"].numpy()[..., :1] > 127).astype("uint8")
    masks = result["segmentation_masks"].numpy()
    seen["masks_follow"] = bool((bright == masks).all())
    seen["masks_moved"] = bool((masks != DATA["segmentation_masks"]).any())
    boxes = result["bounding_boxes"]["boxes"].numpy()
    seen["boxes_moved"] = bool((boxes != DATA["bounding_boxes"]["boxes"]).any())
    seen["identity_of_arrays"] = layer(IMAGES) is IMAGES

    own = keras.ops.convert_to_tensor(IMAGES.astype("float32"))
    seen["identity_of_tensors"] = layer(own) is own
    seen["eager_refusal"] = message(lambda: layer(own, training=True))
    seen["dict_refusal"] = message(lambda: layer({"images": own}, training=True))
    model = keras.Sequential(
        [keras.Input((16, 20, 3)), layer, keras.layers.GlobalAveragePooling2D()]
    )
    expected = IMAGES.astype("float32").mean(axis=(1, 2))
    for name in ("predict", "call"):
        given = IMAGES.astype("float32")
        output = model.predict(given, verbose=0) if name == "predict" else model(given)
        error = np.abs(keras.ops.convert_to_numpy(output) - expected).max()
        seen[f"{name}_error"] = float(error)
    model = keras.Sequential(
        [keras.Input((16, 20, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    targets = np.zeros((NUMBER, 2), "float32")

    def fit():
        model.fit(IMAGES.astype("float32"), targets, verbose=0)

    seen["fit_refusal"] = message(fit)
    plain = keras.Sequential(
        [keras.Input((16, 20, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    plain.compile("sgd", "mse")
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES / np.float32(255), targets))
    history = plain.fit(kal.augment_dataset(pairs, layer, seed=3).batch(4), verbose=0)
    seen["way_out_trains"] = bool(np.isfinite(history.history["loss"]).all())
    return seen


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                **{name: look(make) for name, make in LAYERS.items()},
            }
        )
    )
