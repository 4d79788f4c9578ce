"""Who augments: this library in three forms, its peers, and a plain copy.

Everyone shifts by up to a tenth, flips left-right, rotates by up to 30 degrees, zooms
by up to a fifth and changes the brightness by up to a fifth, with the reflected image
beyond the frame wherever the peer can do that, at its own default number of threads.
"""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.cases import Case

GRAPH_MODES = ("eager", "function", "data", "fit")

Augment = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Contender:
    """One row of the tables.

    Attributes:
        title: the row's name on the screen.
        build: makes the function that augments a batch, given the case; what is heavy
            or optional is imported here. For Keras layers it makes the layer.
        modes: the modes, of `modes.py`, in which the row makes sense.
        is_layer: whether `build` gives a Keras layer. Else it is a function; those of
            single images give a list, and are not charged for stacking it.
        prepare: turns the NumPy batch into what the function takes, untimed.
    """

    title: str
    build: Callable[[Case], Augment]
    modes: tuple[str, ...] = GRAPH_MODES
    is_layer: bool = False
    prepare: Callable[[np.ndarray], Any] = np.asarray


def our_layers(case: Case) -> list[keras.layers.Layer]:
    """The five layers."""
    return [
        kal.RandomShift(0.1, 0.1),
        kal.RandomFlip("horizontal"),
        kal.RandomRotate(degrees=30),
        kal.RandomZoom(0.2),
        kal.RandomBrightness(gain=0.2, value_range=case.value_range),
    ]


def fused(case: Case, jit_compile: bool) -> keras.layers.Layer:
    """The five layers as one."""
    return kal.FusedAugmentation(our_layers(case), jit_compile=jit_compile)


def stacked(case: Case, layers: list[keras.layers.Layer]) -> keras.layers.Layer:
    """Layers one after the other, which take pixels of the case's dtype."""
    shape = case.size, case.size, 3
    return keras.Sequential([keras.Input(shape, dtype=case.dtype), *layers])


def keras_layers(case: Case) -> list[keras.layers.Layer]:
    """Their equals of Keras."""
    return [
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(30 / 360),
        keras.layers.RandomZoom(0.2),
        keras.layers.RandomBrightness(0.2, case.value_range),
    ]


def _image_data_generator(case: Case) -> Augment:
    import scipy  # noqa: F401 (the generator needs it, and says so too late)
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        rotation_range=30,
        zoom_range=0.2,
        brightness_range=(0.8, 1.2),
        fill_mode="reflect",
    )

    # As its own iterator does: float32 first, then image by image.
    return lambda images: [
        generator.random_transform(image.astype("float32")) for image in images
    ]


def _albumentations(case: Case) -> Augment:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations
    import cv2

    transform = albumentations.Compose(
        [
            albumentations.Affine(
                translate_percent=(-0.1, 0.1),
                rotate=(-30, 30),
                scale=(0.8, 1.2),
                border_mode=cv2.BORDER_REFLECT,
                p=1.0,
            ),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.RandomBrightnessContrast(
                brightness_limit=0.2, contrast_limit=0.0, p=1.0
            ),
        ]
    )
    return lambda images: [transform(image=image)["image"] for image in images]


def _opencv(case: Case) -> Augment:
    import cv2

    drawn = kal.FusedAugmentation(our_layers(case)).sample(case.images())
    matrices = drawn.matrix.numpy()[:, :2]
    size, output = (case.size, case.size), np.empty_like(case.images())
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def augment(images: np.ndarray) -> np.ndarray:
        for image, matrix, target in zip(images, matrices, output, strict=True):
            cv2.warpAffine(
                image, matrix, size, target, flags, borderMode=cv2.BORDER_REFLECT
            )
        return output

    return augment


def _kornia(case: Case, five_layers: bool) -> Augment:
    import kornia.augmentation as kornia
    import torch

    fill = {"padding_mode": "reflection", "p": 1.0}
    shift, zoom = (0.1, 0.1), (0.8, 1.2)
    if five_layers:
        layers = [
            kornia.RandomAffine(0.0, translate=shift, **fill),
            kornia.RandomHorizontalFlip(p=0.5),
            kornia.RandomAffine(30.0, **fill),
            kornia.RandomAffine(0.0, scale=zoom, **fill),
            kornia.RandomBrightness((0.8, 1.2), p=1.0),
        ]
    else:
        layers = [
            kornia.RandomAffine(30.0, shift, zoom, **fill),
            kornia.RandomHorizontalFlip(p=0.5),
            kornia.RandomBrightness((0.8, 1.2), p=1.0),
        ]
    layers = torch.nn.Sequential(*layers)

    def augment(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():  # it computes in floats only
            return layers(images.float() / 255 if case.dtype == "uint8" else images)

    return augment


def _channels_first(images: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _copy(case: Case) -> Augment:
    output = np.empty_like(case.images())

    def augment(images: np.ndarray) -> np.ndarray:
        np.copyto(output, images)
        return output

    return augment


OURS = "fused_compiled"
"""The row to which all others are compared."""

CONTENDERS = {
    OURS: Contender("ours, fused, compiled", lambda case: fused(case, True)),
    "fused_op": Contender("ours, fused, with the op", lambda case: fused(case, False)),
    "sequential": Contender(
        "ours, in a Sequential", lambda case: stacked(case, our_layers(case))
    ),
    "keras": Contender(
        "keras.layers, stacked", lambda case: stacked(case, keras_layers(case))
    ),
    "image_data_generator": Contender(
        "ImageDataGenerator", _image_data_generator, ("eager", "data")
    ),
    "albumentations": Contender("albumentations", _albumentations, ("eager", "data")),
    "opencv": Contender("OpenCV, its warp alone", _opencv, ("eager",)),
    "kornia_layers": Contender(
        "kornia, five layers",
        lambda case: _kornia(case, five_layers=True),
        ("eager",),
        prepare=_channels_first,
    ),
    "kornia_affine": Contender(
        "kornia, RandomAffine, flip, brightness",
        lambda case: _kornia(case, five_layers=False),
        ("eager",),
        prepare=_channels_first,
    ),
    "copy": Contender("a plain copy", _copy, ("eager",)),
    "nothing": Contender(
        "no augmentation", lambda case: keras.layers.Identity(), ("data", "fit")
    ),
}
for _key in (OURS, "fused_op", "sequential", "keras", "nothing"):
    CONTENDERS[_key] = dataclasses.replace(
        CONTENDERS[_key], is_layer=True, prepare=tf.constant
    )
