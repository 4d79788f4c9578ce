"""Migration: from keras.layers and from ImageDataGenerator."""

import keras

OLDEST_KERAS = 3, 11


def check_keras(found: str) -> None:
    """Refuses a Keras that lacks layers which `fuse` knows, or has them broken."""
    if tuple(int(x) for x in found.split(".")[:2]) < OLDEST_KERAS:
        oldest = ".".join(map(str, OLDEST_KERAS))
        raise ImportError(
            f"keras_aug_layers needs Keras {oldest} or newer. Found: {found}. Write "
            "pip install --upgrade keras."
        )


check_keras(keras.__version__)
