"""Recipes of detection and segmentation: YOLO's and nnU-Net's."""

from typing import Any

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers import (
    CenterCrop,
    Mosaic,
    Normalize,
    RandomColorJitter,
    RandomContrast,
    RandomCrop,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomHSV,
    RandomLowResolution,
    RandomRotate,
    RandomShift,
    RandomZoom,
    Resizing,
)
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.recipes.parts import Numbers, Pair, flips, fused, of_bytes
from keras_aug_layers.recipes.recipe import Parts, recipe

GREY = 114.0
"""What YOLO shows where there is no image, of 255."""


@recipe
def yolo(
    size: int = 640,
    *,
    mosaic: float | tf.Variable = 1.0,
    degrees: float = 0.0,
    translate: float = 0.1,
    scale: float = 0.5,
    hsv_h: float = 0.015,
    hsv_s: float = 0.7,
    hsv_v: float = 0.4,
    fliplr: float = 0.5,
    flipud: float = 0.0,
    bounding_box_format: str | None = None,
    fill_value: float | None = None,
    mean: Numbers = (0.0, 0.0, 0.0),
    std: Numbers = (1.0, 1.0, 1.0),
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """YOLO as Ultralytics trains it (YOLOv8 and later), on COCO.

    Images are brought to a square with grey beside them. Four of them make a mosaic,
    which is zoomed and shifted, mirrored, and changed in hue, saturation and value, as
    one warp. Pixels become parts of the value range. Of a box at least a tenth must be
    seen; masks are 0 beside the images. For the last ten epochs the mosaic is left out:
    `mosaic=0`, or a variable that is assigned 0.

    Arguments and numbers are those of `ultralytics/cfg/default.yaml`, with what
    `ultralytics/data/augment.py` makes of them (`v8_transforms`, `RandomPerspective`,
    `box_candidates`, `RandomHSV` since 8.3.79). Other than there:

    - Images that are not square meet in a mosaic with the grey that is beside them, and
      those of a mosaic are not cut where its canvas ends.
    - The other three of a mosaic are of the same batch, not of all the data.
    - Images that shrink are filtered, which OpenCV's `INTER_LINEAR` does not.
    - Boxes of less than two pixels, or a hundred times as long as wide, stay.
    - Those that no default uses (shear, perspective, MixUp, copy and paste) are not
      here, nor the blurs, grey and CLAHE of one image in a hundred, which it leaves to
      albumentations.

    Args:
        size: of what comes out, `imgsz`.
        mosaic: chance that an image is a mosaic of four: a number, or a scalar
            `tf.Variable`, to end mosaics before the training ends: `close_mosaic`.
        degrees: the greatest rotation, in either direction.
        translate: the greatest shift, as a part of the size.
        scale: lengths are multiplied by 1 - scale to 1 + scale.
        hsv_h: the greatest change of the hue, in turns.
        hsv_s: that of the saturation's gain.
        hsv_v: that of the value's gain.
        fliplr: chance that left and right change places.
        flipud: chance that top and bottom do.
        bounding_box_format: of the boxes; None if there are none.
        fill_value: where there is no image, in the unit of the images; by default 114
            of 255, of bytes or of the value range.
        mean: of the channels, as parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the images are uint8.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> recipe = yolo(size=32, bounding_box_format="xyxy")
        >>> images = tf.zeros((4, 48, 40, 3), tf.uint8)
        >>> boxes = {"boxes": tf.constant([[[4.0, 4.0, 30.0, 40.0]]] * 4)}
        >>> data = {"images": images, "bounding_boxes": boxes}
        >>> made = recipe.train(data, training=True)
        >>> made["images"].shape, made["bounding_boxes"]["boxes"].shape
        (TensorShape([4, 32, 32, 3]), TensorShape([4, 4, 4]))
    """
    size = arguments.size("size", size)
    letterbox = Resizing(size, size, pad_to_aspect_ratio=True)
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    if fill_value is None:
        fill_value = of_bytes(GREY, value_range)
    layers: list[AugmentationLayer] = [letterbox]
    mosaic = arguments.changing("mosaic", mosaic, 0.0, 1.0)
    if arguments.is_variable(mosaic) or mosaic:
        layers.append(Mosaic(probability=mosaic))
    if degrees:
        layers.append(RandomRotate(degrees=degrees))
    layers += [RandomZoom(scale=scale), RandomShift(translate, translate)]
    layers += [*flips(fliplr, flipud), RandomHSV(hsv_h, hsv_s, value=hsv_v), normal]
    settings: dict[str, Any] = {
        "fill_value": fill_value,
        "mask_fill_value": 0.0,
        "bounding_box_format": bounding_box_format,
        "min_visibility": 0.1,
    }
    train = fused(layers, "bilinear", **settings)
    return train, fused([letterbox, normal], "bilinear", **settings)


@recipe
def nnunet(
    size: int | tuple[int, int] = 512,
    *,
    degrees: float | None = None,
    scale: Pair = (0.7, 1.4),
    mean: float | Numbers = 0.0,
    std: float | Numbers = 1.0,
    value_range: Pair | None = None,
    dtype: str | None = None,
) -> Parts:
    """nnU-Net (Isensee et al., 2021, arXiv:1904.08128) of version 2, for 2-D images.

    A patch at a random place, rotated and scaled with a chance of 0.2 each, mirrored
    along both axes, with noise (0.1), blur (0.2), brightness (0.15), contrast (0.15),
    a low resolution (0.25), and two changes of gamma (0.1 of the negative, 0.3). The
    patch is read in one warp: where it is rotated it shows what lies beside it.

    Numbers are those of `nnUNetTrainer.get_training_transforms` and
    `configure_rotation_dummyDA_mirroring_and_inital_patch_size`, and of the transforms
    of `batchgeneratorsv2` that they name. Other than there:

    - All channels of an image share what is drawn, but for noise, of which each has
      its own. The chance of blur and low resolution is halved instead, which there half
      of the channels have.
    - What shrinks is filtered.
    - A blur has one width along both axes.
    - Values are clipped to their range, and integers rounded, from step to step;
      contrast ends at the range of the dtype, not of the image.
    - Images are mirrored first, which comes to the same.
    - Masks are read at the nearest pixel. Outside of the image they are 0, and it is
      black: the low end of the value range.
    - An image that is smaller than the patch lies anywhere in it, not in its middle.
    - Patches are not chosen by what they show, and deep supervision is the model's.

    Args:
        size: of the patch: a number, or (height, width).
        degrees: the greatest rotation; by default 180, or 15 where one side of the
            patch is more than one and a half times the other.
        scale: of the size of what is shown: above 1 more of the image is, and smaller.
        mean: of the channels, as parts of the value range; 0 and 1 make parts of it, as
            `RGBTo01Normalization`. Noise and brightness are parts of the value range.
        std: likewise.
        value_range: (low, high); needed unless the dtype is an unsigned integer.
        dtype: of what comes out; that of Keras's policy by default.

    Raises:
        ValueError: if an argument is out of bounds.

    Example:
        >>> import tensorflow as tf
        >>> images = tf.zeros((2, 48, 40, 1), tf.uint8)
        >>> masks = tf.ones((2, 48, 40, 1), tf.int32)
        >>> data = {"images": images, "segmentation_masks": masks}
        >>> made = nnunet(size=32).train(data, training=True)
        >>> made["images"].shape, made["segmentation_masks"].dtype.name
        (TensorShape([2, 32, 32, 1]), 'int32')
    """
    sides: Any = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise ValueError(
            f"`size` must be a number or (height, width). Received: {size}"
        )
    height, width = (arguments.size("size", side) for side in sides)
    if degrees is None:
        degrees = 15.0 if max(height, width) / min(height, width) > 1.5 else 180.0
    smaller, greater = arguments.pair("scale", scale)
    settings = {"mask_fill_value": 0.0}
    normal = Normalize(mean, std, value_range=value_range, dtype=dtype)
    layers = [
        RandomCrop(height, width, pad_if_needed=True),
        RandomRotate(degrees=degrees, probability=0.2),
        RandomZoom((smaller - 1.0, greater - 1.0), probability=0.2),
        *flips(0.5, 0.5),
        RandomGaussianNoise(0.1, probability=0.1),
        RandomGaussianBlur(1.0, 7, sigma=(0.5, 1.0), probability=0.1),
        RandomColorJitter(brightness=0.25, space="linear", probability=0.15),
        RandomContrast(0.25, probability=0.15),
        RandomLowResolution((0.5, 1.0), probability=0.125),
        _gamma(True, 0.1),
        _gamma(False, 0.3),
        normal,
    ]
    middle = [CenterCrop(height, width, pad_if_needed=True), normal]
    train = fused(layers, "bilinear", **settings)
    return train, fused(middle, "bilinear", **settings)


def _gamma(invert: bool, chance: float) -> RandomGamma:
    """Exponents below and above 1 alike; mean and deviation stay."""
    return RandomGamma(
        (0.7, 1.5),
        invert=invert,
        keep_statistics=True,
        balanced=True,
        probability=chance,
    )
