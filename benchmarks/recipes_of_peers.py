"""The recipes as their publishers, and libraries of augmentation, run them on a CPU.

Each pipeline is a function that takes photographs, uint8 (B, H, W, 3), and gives one
of no arguments, which makes a batch. What is heavy or optional is imported there.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from keras_aug_layers.recipes.self_supervised import TAPS

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Pipeline = Callable[[np.ndarray], Callable[[], Any]]
Each = Callable[[Callable[[Any], Any], Any], list[Any]]
"""A function of each image, in one thread or in several."""


def pipelines(name: str, size: int, local: int, classes: int) -> dict[str, Pipeline]:
    """The peers that have a recipe, and how they run it.

    Args:
        name: of the recipe, as in `benchmarks.recipes`.
        size: of what comes out.
        local: of DINO's small views.
        classes: of labels that are mixed.
    """
    found: dict[str, Pipeline] = {}
    for behind, each in (("", _one_by_one), (", threads", _in_threads)):
        if name in TORCHVISION:
            found[f"torchvision v2{behind}"] = functools.partial(
                _torchvision, name, size, local, classes, each
            )
        if name == "timm":
            found[f"timm, of Pillow's images{behind}"] = functools.partial(
                _timm, size, classes, each
            )
        if name in ALBUMENTATIONS:
            found[f"albumentations{behind}"] = functools.partial(
                _albumentations, name, size, local, each
            )
    return found


def _one_by_one(function: Callable[[Any], Any], images: Any) -> list[Any]:
    return list(map(function, images))


def _in_threads(function: Callable[[Any], Any], images: Any) -> list[Any]:
    """One thread for each core, as a loader of data has workers."""
    return list(_pool().map(function, images))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)))


TORCHVISION = (
    "torchvision_resnet50",
    "torchvision, no policy",
    "torchvision, no mixing",
    "simclr",
    "dino",
    "mae",
)
ALBUMENTATIONS = ("torchvision, no policy", "simclr", "dino", "mae")
"""Without mixing, which it has not for batches; it has no TrivialAugment."""


def _torchvision(
    name: str, size: int, local: int, classes: int, each: Each, images: np.ndarray
) -> Callable[[], Any]:
    import torch
    from torchvision.transforms import v2

    def ending(mean: Any, std: Any) -> list[Any]:
        return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]

    def view(size: int, scale: Any, jitter: Any, blur: float, solarize: float) -> Any:
        taps = _taps(name, size)
        crop = v2.RandomResizedCrop(size, scale=scale, interpolation=3, antialias=True)
        return v2.Compose(
            [
                crop,
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.ColorJitter(*jitter)], p=0.8),
                v2.RandomGrayscale(0.2),
                v2.RandomApply([v2.GaussianBlur(taps, (0.1, 2.0))], p=blur),
                v2.RandomSolarize(128, p=solarize),
                *ending(MEAN, STD),
            ]
        )

    crop = v2.RandomResizedCrop(size, antialias=True)
    front = [crop, v2.RandomHorizontalFlip()]
    back = [*ending(MEAN, STD), v2.RandomErasing(p=0.1)]
    policy = [] if name == "torchvision, no policy" else [v2.TrivialAugmentWide()]
    less = (0.4, 0.4, 0.2, 0.1)
    transforms = {
        "simclr": lambda: [view(size, (0.08, 1.0), (0.8, 0.8, 0.8, 0.2), 0.5, 0.0)] * 2,
        "dino": lambda: [
            view(size, (0.4, 1.0), less, 1.0, 0.0),
            view(size, (0.4, 1.0), less, 0.1, 0.2),
            *[view(local, (0.05, 0.4), less, 0.5, 0.0)] * 8,
        ],
        "mae": lambda: [
            v2.Compose(
                [
                    v2.RandomResizedCrop(size, (0.2, 1.0), interpolation=3),
                    v2.RandomHorizontalFlip(),
                    *ending(MEAN, STD),
                ]
            )
        ],
    }
    chosen = transforms.get(name, lambda: [v2.Compose([*front, *policy, *back])])()
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    labels = torch.arange(len(images)) % classes
    mixes = name in ("torchvision_resnet50", "torchvision, no policy")
    mix = v2.RandomChoice(
        [
            v2.MixUp(alpha=0.2, num_classes=classes),
            v2.CutMix(alpha=1.0, num_classes=classes),
        ]
    )

    def one(image: Any) -> list[Any]:
        return [transform(image) for transform in chosen]

    def run() -> Any:
        views = [torch.stack(x) for x in zip(*each(one, tensors), strict=True)]
        return mix(views[0], labels) if mixes else views

    return run


def _taps(name: str, size: int) -> int:
    """Of the blur: a tenth of the side, an odd number; of DINO as in our recipe."""
    return TAPS if name == "dino" else max(size // 10 // 2 * 2 + 1, 3)


def _timm(size: int, classes: int, each: Each, images: np.ndarray) -> Callable[[], Any]:
    import torch
    from PIL import Image, ImageOps
    from timm.data import Mixup, create_transform

    posterize = ImageOps.posterize

    def any_bits(image: Any, bits: int) -> Any:
        """Of no bits, too, which timm asks for and Pillow 13 refuses: it is black."""
        return posterize(image, bits) if bits else Image.new(image.mode, image.size)

    ImageOps.posterize = any_bits

    transform = create_transform(
        size,
        is_training=True,
        auto_augment="rand-m9-mstd0.5-inc1",
        interpolation="bicubic",
        re_prob=0.25,
        re_mode="pixel",
    )
    mix = Mixup(0.8, 1.0, label_smoothing=0.1, num_classes=classes)
    photographs = [Image.fromarray(image) for image in images]
    labels = torch.arange(len(images)) % classes
    return lambda: mix(torch.stack(each(transform, photographs)), labels)


def _albumentations(
    name: str, size: int, local: int, each: Each, images: np.ndarray
) -> Callable[[], Any]:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations as A
    import cv2

    def crop(size: int, scale: Any, interpolation: int = cv2.INTER_CUBIC) -> list[Any]:
        cropped = A.RandomResizedCrop(
            size=(size, size), scale=scale, interpolation=interpolation
        )
        return [cropped, A.HorizontalFlip(p=0.5)]

    def view(size: int, scale: Any, jitter: Any, blur: float, solarize: float) -> Any:
        taps = _taps(name, size)
        return A.Compose(
            [
                *crop(size, scale),
                A.ColorJitter(*jitter, p=0.8),
                A.ToGray(p=0.2),
                A.GaussianBlur(blur_limit=taps, sigma_limit=(0.1, 2.0), p=blur),
                A.Solarize(threshold_range=(0.5, 0.5), p=solarize),
                A.Normalize(MEAN, STD),
            ]
        )

    erased = A.Erasing(scale=(0.02, 0.33), ratio=(0.3, 3.3), p=0.1)
    less = (0.4, 0.4, 0.2, 0.1)
    transforms = {
        "torchvision, no policy": lambda: [
            A.Compose(
                [
                    *crop(size, (0.08, 1.0), cv2.INTER_LINEAR),
                    A.Normalize(MEAN, STD),
                    erased,
                ]
            )
        ],
        "simclr": lambda: [view(size, (0.08, 1.0), (0.8, 0.8, 0.8, 0.2), 0.5, 0.0)] * 2,
        "dino": lambda: [
            view(size, (0.4, 1.0), less, 1.0, 0.0),
            view(size, (0.4, 1.0), less, 0.1, 0.2),
            *[view(local, (0.05, 0.4), less, 0.5, 0.0)] * 8,
        ],
        "mae": lambda: [A.Compose([*crop(size, (0.2, 1.0)), A.Normalize(MEAN, STD)])],
    }
    chosen = transforms[name]()

    def one(image: np.ndarray) -> list[np.ndarray]:
        return [transform(image=image)["image"] for transform in chosen]

    return lambda: [np.stack(x) for x in zip(*each(one, images), strict=True)]


def keras_layers(name: str, size: int, side: int) -> list[Any] | None:
    """The nearest stack of Keras's own layers, or None.

    Keras has no random resized crop: a crop of a fixed size, a half of the area, which
    is then resized, stands for it; it has no TrivialAugment: RandAugment does.

    Args:
        name: of the recipe.
        size: of what comes out.
        side: of the photographs.
    """
    layers = keras.layers
    window = max(round(side * 0.7), 1)
    crop = [layers.RandomCrop(window, window), layers.Resizing(size, size)]
    front = [*crop, layers.RandomFlip("horizontal")]
    variance = [x**2 for x in STD]
    back = [layers.Rescaling(1 / 255), layers.Normalization(-1, MEAN, variance)]
    erase = layers.RandomErasing(0.1, value_range=(0, 255))
    if name == "mae":
        return [*front, *back]
    if name == "simclr":  # one view of the two
        jitter = layers.RandomColorJitter(
            (0, 255), 0.8, 0.8, (0.1, 0.9), 0.4, name="jitter"
        )
        grey, blur = layers.RandomGrayscale(0.2), layers.RandomGaussianBlur(0.5, 23)
        return [*front, jitter, grey, blur, *back]
    if name not in TORCHVISION[:3]:
        return None
    if name != "torchvision, no policy":
        front.append(layers.RandAugment((0, 255), num_ops=1))
    stack = [*front, erase, *back]
    if name != "torchvision, no mixing":
        stack.append(layers.MixUp())
    return stack


def one_by_one(stack: list[Any]) -> Callable[..., Any]:
    """Keras's layers, on images and labels where they mix, else on images."""

    def run(data: dict[str, Any], training: bool) -> dict[str, Any]:
        images = data["images"]
        for layer in stack:
            if type(layer).__name__ == "MixUp":
                data = layer({**data, "images": images}, training=training)
                images = data["images"]
            elif type(layer).__name__ in ("Resizing", "Rescaling", "Normalization"):
                images = layer(images)
            else:
                images = layer(images, training=training)
        return {**data, "images": images}

    return run
