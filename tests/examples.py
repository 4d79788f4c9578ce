"""The tables of layers over which the generic tests run.

A public layer that is missing here fails tests/test_conventions.py.
"""

import functools

import keras_aug_layers as kal

EXAMPLES = {
    "RandomBrightness": functools.partial(kal.RandomBrightness, gain=0.4),
    "RandomFlip": kal.RandomFlip,
    "RandomRotate": functools.partial(kal.RandomRotate, 0.1),
    "RandomShift": functools.partial(kal.RandomShift, 0.2, 0.3),
    "RandomZoom": functools.partial(kal.RandomZoom, 0.3, 0.2),
}
"""The five basic layers with a typical strength; keyword arguments may be added."""

GEOMETRIC = ("RandomFlip", "RandomRotate", "RandomShift", "RandomZoom")
"""Those of the five that move pixels."""


def _both(group, **kwargs):
    return group([kal.RandomRotate(0.1), kal.RandomBrightness(gain=0.4)], **kwargs)


EVERY = {
    **EXAMPLES,
    "AugMix": kal.AugMix,
    "AutoAugment": kal.AutoAugment,
    "AutoContrast": kal.AutoContrast,
    "CoarseDropout": kal.CoarseDropout,
    "Equalization": kal.Equalization,
    "FusedAugmentation": functools.partial(_both, kal.FusedAugmentation),
    "GridMask": kal.GridMask,
    "RandAugment": kal.RandAugment,
    "RandomApply": lambda **kwargs: kal.RandomApply(kal.RandomRotate(0.1), **kwargs),
    "RandomChannelShift": functools.partial(kal.RandomChannelShift, 30),
    "RandomChoice": functools.partial(_both, kal.RandomChoice),
    "RandomColorDegeneration": functools.partial(kal.RandomColorDegeneration, 0.8),
    "RandomColorJitter": functools.partial(
        kal.RandomColorJitter,
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
        hue=0.3,
        order="random",
    ),
    "RandomContrast": functools.partial(kal.RandomContrast, 0.5),
    "RandomElasticTransform": kal.RandomElasticTransform,
    "RandomErasing": functools.partial(kal.RandomErasing, fill_value=0.0),
    "RandomGamma": kal.RandomGamma,
    "RandomGaussianBlur": functools.partial(kal.RandomGaussianBlur, 0.9),
    "RandomGaussianNoise": functools.partial(kal.RandomGaussianNoise, 0.2),
    "RandomGrayscale": kal.RandomGrayscale,
    "RandomGridDistortion": kal.RandomGridDistortion,
    "RandomHSV": functools.partial(kal.RandomHSV, 0.3),
    "RandomHue": functools.partial(kal.RandomHue, 0.3),
    "RandomInvert": functools.partial(kal.RandomInvert, 0.5),
    "RandomLowResolution": kal.RandomLowResolution,
    "RandomOpticalDistortion": functools.partial(kal.RandomOpticalDistortion, 0.2),
    "RandomPerspective": functools.partial(kal.RandomPerspective, scale=0.4),
    "RandomPosterization": functools.partial(kal.RandomPosterization, (2, 5)),
    "RandomSaturation": functools.partial(kal.RandomSaturation, 0.5),
    "RandomSharpness": functools.partial(kal.RandomSharpness, 0.4),
    "RandomShear": functools.partial(kal.RandomShear, 0.3, 0.2),
    "Solarization": functools.partial(kal.Solarization, 0.2, (0.3, 0.6)),
    "ThreeAugment": kal.ThreeAugment,
    "TrivialAugment": kal.TrivialAugment,
}
"""Every public layer that is nothing at all outside training."""

ALIKE = {"AutoAugment", "ThreeAugment", "TrivialAugment"}
"""Policies that have the functions of RandAugment: long tests leave them out."""

ALWAYS = {
    "CenterCrop": functools.partial(kal.CenterCrop, 6, 7),
    "Normalize": functools.partial(kal.Normalize, (0.4, 0.5, 0.6), 0.3),
    "RandomCrop": functools.partial(kal.RandomCrop, 6, 7),
    "RandomResizedCrop": functools.partial(kal.RandomResizedCrop, 6, 7),
    "Rescaling": functools.partial(kal.Rescaling, 1 / 255),
    "Resizing": functools.partial(kal.Resizing, 6, 7),
}
"""Those that give images another size or unit, outside training too."""

MIXES = {"CutMix": kal.CutMix, "MixUp": kal.MixUp, "Mosaic": kal.Mosaic}
"""Those that need labels while training."""

ARGUMENTS = {
    "addition_factor": (0.1, 0.3),
    "all_ops": False,
    "alpha": 0.5,
    "antialias": "auto",
    "balanced": True,
    "bounding_box_format": "xywh",
    "box_fit": "ellipse",
    "brightness": (0.7, 1.2),
    "brightness_factor": (-0.2, 0.3),
    "center_range": (0.3, 0.7),
    "chain_depth": 2,
    "chance": 0.25,
    "contrast": (0.6, 1.2),
    "contrast_factor": (-0.1, 0.3),
    "count": (2, 3),
    "crop_to_aspect_ratio": True,
    "data_format": "channels_first",
    "degrees": (-20.0, 30.0),
    "dtype": "float16",
    "extra_targets": {"depth": "maps", "right": "images"},
    "factor": (-0.2, 0.3),
    "fill_mode": "wrap",
    "fill_value": 7.0,
    "gain": (0.4, 1.3),
    "gamma": (0.5, 1.2),
    "grid": 4,
    "height": 5,
    "height_factor": (-0.1, 0.2),
    "hue": (-0.2, 0.1),
    "hue_factor": (0.2, 0.3),
    "increasing": True,
    "interpolation": "nearest",
    "invert": True,
    "jit_compile": False,
    "kernel_size": (3, 5),
    "keep_statistics": True,
    "keypoint_format": "rel_xy",
    "keypoint_pairs": ((0, 1),),
    "label_smoothing": 0.1,
    "layer": kal.RandomRotate(0.1, seed=1),
    "layers": [kal.RandomRotate(0.1, seed=1), kal.RandomShift(0.2, seed=1)],
    "magnitude": 5.0,
    "magnitude_std": 0.5,
    "mark_outside": False,
    "mask_fill_value": 3.0,
    "mask_value": 2.0,
    "max_covered": 0.5,
    "mean": (0.1, 0.2, 0.3),
    "min_visibility": 0.25,
    "mixture_width": 2,
    "mode": "vertical",
    "num_classes": 7,
    "num_ops": 3,
    "offset": 0.5,
    "order": "random",
    "origin": "top_left",
    "pad_to_aspect_ratio": True,
    "pad_if_needed": True,
    "padding": 2,
    "partners": "reverse",
    "per": "batch",
    "per_channel": False,
    "policy": "cifar10",
    "probability": 0.25,
    "ratio": (0.5, 1.5),
    "saturation": (0.3, 1.1),
    "saturation_factor": (0.3, 0.6),
    "scale": 0.25,
    "seed": 3,
    "severity": 5,
    "sigma": (0.2, 0.7),
    "space": "linear",
    "std": (0.5, 0.5, 0.25),
    "threshold_factor": (0.2, 0.6),
    "turns": (-0.1, 0.2),
    "unit": "pixels",
    "unit_factor": (0.2, 0.3),
    "value": (0.7, 1.2),
    "value_range": (0.0, 100.0),
    "weights": (1.0, 3.0),
    "width": 6,
    "width_factor": (-0.3, 0.4),
    "x_factor": (-0.2, 0.1),
    "y_factor": (-0.1, 0.2),
    "CenterCrop.antialias": False,
    "CoarseDropout.height_factor": (0.2, 0.3),
    "CoarseDropout.width_factor": (0.2, 0.4),
    "GridMask.degrees": 90.0,
    "GridMask.ratio": 0.5,
    "GridMask.unit": (4.0, 9.0),
    "Mosaic.partners": "random",
    "RandomColorDegeneration.factor": (0.2, 0.6),
    "RandomContrast.factor": (-0.2, 0.3),
    "RandomCrop.antialias": False,
    "RandomElasticTransform.factor": (0.2, 0.5),
    "RandomElasticTransform.scale": (0.3, 0.5),
    "RandomErasing.factor": (0.5, 0.7),
    "RandomErasing.scale": (0.1, 0.2),
    "RandomFlip.chance": (0.25, 0.75),
    "RandomGaussianBlur.factor": 0.25,
    "RandomGaussianNoise.factor": (0.1, 0.2),
    "RandomGrayscale.factor": 0.25,
    "RandomGridDistortion.factor": 0.2,
    "RandomHue.factor": (0.2, 0.3),
    "RandomInvert.factor": 0.25,
    "RandomPerspective.factor": 0.25,
    "RandomPosterization.factor": (3, 6),
    "RandomLowResolution.scale": (0.25, 0.75),
    "RandomResizedCrop.antialias": False,
    "RandomResizedCrop.scale": (0.2, 0.8),
    "RandomSaturation.factor": (0.3, 0.6),
    "RandomSharpness.factor": (0.1, 0.4),
    "RandomZoom.scale": (0.75, 1.5),
    "Rescaling.scale": 0.5,
    "Resizing.antialias": False,
}
"""A value other than the default for each argument, of all layers or of one."""

EXCLUSIVE = {
    "GridMask": ({"unit"}, {"unit_factor"}),
    "RandomBrightness": ({"factor"}, {"gain"}),
    "RandomColorJitter": (
        {f"{name}_factor" for name in ("brightness", "contrast", "saturation", "hue")},
        {"brightness", "contrast", "saturation", "hue"},
    ),
    "RandomHue": ({"factor"}, {"turns"}),
    "RandomRotate": ({"factor"}, {"degrees"}),
    "RandomSaturation": ({"factor"}, {"gain"}),
    "RandomZoom": ({"height_factor", "width_factor"}, {"scale"}),
    "Resizing": ({"crop_to_aspect_ratio"}, {"pad_to_aspect_ratio"}),
}
"""Arguments that a layer does not take together: leave out one set at a time."""

PRESET = {"RandomApply": {"layers"}}
"""Arguments of its base that a layer gives itself."""


def stack(**kwargs):
    """The five basic layers, in a list."""
    return [example(**kwargs) for example in EXAMPLES.values()]


LABELLED = ("torchvision_resnet50", "timm", "deit3")
"""Recipes that mix labels."""
FEW_VIEWS = {"dino": {"local_views": 2}}
"""Arguments of a recipe of which eight views are of one stack."""


def small_recipe(name, **arguments):
    """A recipe for images of 16 pixels, of ten classes."""
    classes = {"num_classes": 10} if name in LABELLED else {}
    sizes = {"val_resize_size": 18, "val_crop_size": 16}
    small = sizes if name == "torchvision_resnet50" else {}
    return getattr(kal.recipes, name)(**{"size": 16, **classes, **small, **arguments})
