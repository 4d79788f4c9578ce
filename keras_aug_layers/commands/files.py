"""Image files of the command line, and what is wrong with them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_aug_layers.commands import CommandError


def decode(path: Path, dtype: tf.DType = tf.uint8) -> np.ndarray:
    """Reads an image file: (H, W, C), the first frame of a GIF."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    try:
        return tf.io.decode_image(data, dtype=dtype, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        unknown = not data or "Unknown image file format" in str(error)
        problem = "is no JPEG, PNG, BMP or GIF image" if unknown else "is broken"
        raise CommandError(f"{path} {problem}") from error
