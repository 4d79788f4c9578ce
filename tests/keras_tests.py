"""Runs Keras's own unit tests of image layers on ours: a checkout of Keras is named.

    git clone --branch v3.15.1 --depth 1 https://github.com/keras-team/keras
    python tests/keras_tests.py keras  # five minutes on one core

Nothing is changed but that the classes are ours, and that `training` is True by
default, as it is in Keras. What fails, and why, stands in `REASONS`; the exit code is 1
where another one fails, or where one passes that has a reason to fail.
"""

import fnmatch
import importlib.util
import pathlib
import sys
import types
import unittest
from unittest import mock

import keras
from keras.src import layers as keras_layers

import keras_aug_layers as kal

FOLDER = "keras/src/layers/preprocessing/image_preprocessing"
REASONS = {
    "It calls methods of the base class of Keras's own layers, which users do not.": (
        "cut_mix.test_cut_mix_basic",
        "mix_up.test_mix_up_*bounding_boxes",
        "mix_up.test_mix_up_basic_functionality*",
        "rand_augment.test_graph_issue",
        "random_brightness.test_set_factor_incorrect_*",
        "random_contrast.test_random_contrast_with_value_range_*",
        "random_elastic_transform.test_random_elastic_transform_basic",
        "random_erasing.test_random_erasing_basic",
        "random_flip.*_bounding_boxes_*",
        "random_flip.test_random_flip_horizontal",
        "random_flip.test_random_flip_vertical",
        "random_gaussian_blur.test_random_erasing_basic",
        "random_perspective.*_bounding_boxes_*",
        "random_perspective.test_random_perspective_basic",
        "random_saturation.test_random_saturation_full_saturation",
        "random_shear.*_bounding_boxes_*",
        "random_translation.*_bounding_boxes_*",
        "random_zoom.*_bounding_boxes_*",
    ),
    "It wants Keras's wording of an error.": (
        "random_brightness.test_factor_range_*_bound",
        "random_brightness.test_randomly_adjust_brightness_input_incorrect_rank",
        "random_brightness.test_value_range_incorrect_*",
    ),
    "RandAugment and AugMix take the published arguments.": (
        "aug_mix.test_layer",
        "aug_mix.test_random_augment_randomness",
        "rand_augment.test_layer",
        "rand_augment.test_rand_augment_no_operations",
    ),
    "CutMix takes the published arguments.": ("cut_mix.test_layer",),
    "Equalization has the 256 bins of Pillow and torchvision.": (
        "equalization.test_different_bin_sizes",
    ),
    "Without labels, mixing is an error: they would be wrong.": (
        "cut_mix.test_tf_data_compatibility",
        "mix_up.test_layer",
        "mix_up.test_tf_data_compatibility",
    ),
    "Of other dtypes than uint8 and uint16 the `value_range` has to be given.": (
        "aug_mix.test_tf_data_compatibility",
        "rand_augment.test_rand_augment_basic",
        "rand_augment.test_rand_augment_tf_data_bounding_boxes",
        "rand_augment.test_random_augment_randomness",
        "rand_augment.test_tf_data_compatibility",
        "random_brightness.test_correctness",
        "random_brightness.test_tf_data_compatibility",
        "random_color_jitter.test_brightness_only",
        "random_invert.test_random_invert_no_op",
    ),
    "Boxes and labels of other shapes than (B, N, 4) and (B, N, …) are an error.": (
        "center_crop.test_center_crop_bounding_boxes_*",
        "random_brightness.test_dict_input",
        "random_contrast.test_dict_input",
        "random_crop.test_dict_input",
        "resizing.test_resize_bounding_boxes_*",
    ),
    "Integers stay integers: images, and boxes.": (
        "center_crop.test_center_crop_tf_data_bounding_boxes_with_stretch",
        "random_zoom.test_random_zoom_in_correctness",
        "random_zoom.test_random_zoom_out_correctness",
        "resizing.test_resize_tf_data_bounding_boxes_with_crop_to_aspect_ratio",
    ),
    "A box that has left the frame is -1.": (
        "center_crop.test_center_crop_tf_data_bounding_boxes_normal",
    ),
    "It knows what Keras draws of the seed 42.": (
        "random_flip.test_tf_data_compatibility",
    ),
    "Integers are cut off, bit for bit as in torchvision: 254.99998 is 254.": (
        "auto_contrast.test_auto_contrast_expands_value_range_uint8",
    ),
    "Levels of floats are parts of the range, as in torchvision, not of 255.": (
        "random_posterization.test_random_posterization_basic",
    ),
    "Images are sheared about their middle, as in torchvision: it stays.": (
        "random_shear.test_shear_pixel_level",
    ),
    "The interpolation lanczos5 is not there.": ("resizing.*lanczos5*",),
    "It is of another library, grain.": ("resizing.test_grain_compatibility",),
}
"""Why some fail, and which: patterns of a file's name, and a method's."""


def training_by_default(call):
    """The call of a layer, as Keras has it."""

    def calls(self, data, *args, training=True, **kwargs):
        return call(self, data, *args, training=training, **kwargs)

    return calls


def tests_of(path, layers):
    """The tests of a file, which find our layers where they look for Keras's."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.layers = layers
    return each(unittest.defaultTestLoader.loadTestsFromModule(module))


def each(suite):
    """The tests of a suite, one by one."""
    if isinstance(suite, unittest.TestSuite):
        return [test for part in suite for test in each(part)]
    return [suite]


def name_of(test):
    """A file, without the end that all have, and a method."""
    stem, _, method = test.id().split(".", 2)
    return f"{stem.removesuffix('_test')}.{method}"


def main(checkout):
    """Runs them all, and returns the exit code."""
    layers = types.SimpleNamespace(**vars(keras_layers))
    for name in kal.__all__:
        if hasattr(keras.layers, name) and isinstance(getattr(kal, name), type):
            setattr(layers, name, getattr(kal, name))
    if importlib.util.find_spec("grain") is None:
        sys.modules["grain"] = mock.MagicMock()  # which files import
    paths = sorted(pathlib.Path(checkout, FOLDER).glob("*_test.py"))
    tests = [test for path in paths for test in tests_of(path, layers)]
    names = {name_of(test) for test in tests}
    kal.AugmentationLayer.__call__ = training_by_default(kal.AugmentationLayer.__call__)
    result = unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite(tests))
    failed = {name_of(test) for test, _ in result.failures + result.errors}
    known = {
        name
        for patterns in REASONS.values()
        for pattern in patterns
        for name in fnmatch.filter(names, pattern)
    }
    print(f"{len(tests)} tests, {len(failed)} fail, {len(known)} of them for a reason")
    for name in sorted(failed - known):
        print(f"fails: {name}")
    for name in sorted(known - failed):
        print(f"passes: {name}")
    return int(failed != known)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
