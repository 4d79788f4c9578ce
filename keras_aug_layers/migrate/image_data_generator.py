"""from_image_data_generator: an `ImageDataGenerator`, or its arguments, as a layer."""

import inspect
from typing import Any

import numpy as np

from keras_aug_layers.layers.generator import GeneratorAugmentation


def from_image_data_generator(
    generator: Any = None, **arguments: Any
) -> GeneratorAugmentation:
    """Turns an `ImageDataGenerator`, or its arguments, into one layer.

    The parameters have the generator's distributions, the pixels its arithmetic, with
    these differences:

    - `width_shift_range` moves columns and `height_shift_range` rows, as documented,
      and rotation, shear and zoom are about the middle of the frame. Keras's generator
      exchanges the two axes, which shows on images that are not square, or whose two
      ranges differ.
    - Brightness is not cut to whole numbers, and images in 0 … 1 do not turn black: as
      in the generator, the range is 0 … 255, or that of an image with values beyond.
    - Pixels within one pixel of a "constant" border are blended with it, and "wrap" has
      no seam of SciPy's kind.
    - `validation_split` and `dtype` concern the flow of data, not the images, and are
      left aside: `keras.utils.image_dataset_from_directory` reads files and splits
      them, and images and masks are one dict, which one layer moves.

    Args:
        generator: a `tf.keras.preprocessing.image.ImageDataGenerator`, its statistics
            included if it was fit.
        **arguments: the generator's arguments, where no generator is given.

    Returns:
        A layer; call its `adapt(images)` first if a featurewise argument is set and the
        generator was not fit.

    Raises:
        ValueError: for an unknown argument, and for `zca_whitening`,
            `preprocessing_function` and interpolation orders above 1.

    Example:
        >>> layer = from_image_data_generator(rotation_range=20, horizontal_flip=True)
        >>> layer.rotation_range
        20.0
    """
    if generator is not None:
        if arguments:
            raise ValueError(
                "Either `generator` or arguments must be given. Received: both, with "
                f"{sorted(arguments)}"
            )
        if not hasattr(generator, "get_random_transform"):
            raise ValueError(
                f"`generator` must be an ImageDataGenerator. Received: {generator!r}. "
                "Write from_image_data_generator(rotation_range=20, …)."
            )
        arguments = _read_generator(generator)
    unknown = sorted(set(arguments) - set(_GENERATOR_ARGUMENTS))
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` is no argument of ImageDataGenerator. Received: "
            f"{unknown}. Write some of {', '.join(_GENERATOR_ARGUMENTS)}."
        )
    for name, (function, later) in _LATER.items():
        if arguments.pop(name, None):
            others = ", ".join(f"{x}=…" for x in later if arguments.get(x))
            second = (
                f", and behind that from_image_data_generator({others}), which the "
                "layer goes without"
            )
            raise ValueError(
                f"`{name}` is not supported: no matrix does it. Write dataset.map("
                f"{function}) behind the layer{second if others else ''}."
            )
    order = arguments.pop("interpolation_order", 1)
    if order not in (0, 1):
        raise ValueError(
            f"`interpolation_order` must be 0 or 1. Received: {order!r}. Write 1 for "
            "bilinear interpolation."
        )
    for name in ("zca_epsilon", "validation_split", "dtype"):
        arguments.pop(name, None)
    if "cval" in arguments:
        arguments["fill_value"] = arguments.pop("cval")
    return GeneratorAugmentation(
        interpolation=("nearest", "bilinear")[order], **arguments
    )


_NORMALIZING = (
    "rescale",
    "samplewise_center",
    "samplewise_std_normalization",
    "featurewise_center",
    "featurewise_std_normalization",
)

_LATER: dict[str, tuple[str, tuple[str, ...]]] = {
    "zca_whitening": ("whiten", ()),
    "preprocessing_function": ("function", _NORMALIZING),
}
"""What the generator does to moved images that no matrix does, and what after it."""

_GENERATOR_ARGUMENTS = (
    *inspect.getfullargspec(GeneratorAugmentation.__init__).kwonlyargs,
    "cval",
    "data_format",
    "dtype",
    "interpolation_order",
    "preprocessing_function",
    "validation_split",
    "zca_epsilon",
    "zca_whitening",
)


def _read_generator(generator: Any) -> dict[str, Any]:
    """The generator's arguments, and its statistics if it was fit."""
    arguments = {
        name: getattr(generator, name)
        for name in _GENERATOR_ARGUMENTS
        if hasattr(generator, name)
    }
    for name in ("mean", "std"):
        if arguments.get(name) is not None:
            arguments[name] = np.ravel(arguments[name]).tolist()
    return arguments
