"""What XLA makes of the library's layers for GPUs that need not be there."""

import pytest
import tensorflow as tf

from benchmarks import gpu
from benchmarks.gpu_programs import __main__ as command
from benchmarks.gpu_programs import available, measure
from keras_aug_layers.constructors import build_layer

CARDS = ("h100", "a100", "v100", "b200")
SHAPES = ((256, 224, 224, 3), (16, 1024, 1024, 3))
FIVE = [
    (SHAPES[0], "uint8", CARDS),
    (SHAPES[0], "float16", CARDS[:2]),
    (SHAPES[0], "float32", CARDS[2:]),
    (SHAPES[1], "uint8", CARDS[::3]),
    (SHAPES[1], "float16", CARDS[:1]),
    (SHAPES[1], "float32", CARDS[3:]),
]
"""Images, and the cards that they are compiled for: each takes seconds."""
FIRST = "FusedAugmentation([RandomRotate(0.1), RandomBrightness(0.2)"
ONE = {
    "a flip": "RandomFlip()",
    "colours": "RandomGrayscale()",
    "a move and colours": "FusedAugmentation([RandomRotate(0.1), RandomGrayscale()])",
    "a crop": "RandomResizedCrop(224, 224, antialias=False)",
    "a grid distortion": "RandomGridDistortion()",
    "a lens": "RandomOpticalDistortion()",
    "an erasing": "FusedAugmentation([RandomRotate(0.1), RandomErasing()])",
    "a window of a partner": f"{FIRST}, CutMix()])",
    "bicubic": 'RandomRotate(0.1, interpolation="bicubic")',
    "normalized": 'Normalize((0.4, 0.5, 0.6), 0.3, dtype="bfloat16")',
} | {
    f"{name}, {fill_mode}, {interpolation}": (
        f'{layer}, fill_mode="{fill_mode}", interpolation="{interpolation}")'
    )
    for name, layer, fill_mode, interpolation in (
        ("affine", "RandomRotate(0.1", "reflect", "bilinear"),
        ("affine", "RandomRotate(0.1", "constant", "nearest"),
        ("affine", "RandomRotate(0.1", "wrap", "bilinear"),
        ("affine", "RandomRotate(0.1", "nearest", "nearest"),
        ("perspective", "RandomPerspective(0.2", "reflect", "nearest"),
        ("perspective", "RandomPerspective(0.2", "constant", "bilinear"),
        ("perspective", "RandomPerspective(0.2", "wrap", "nearest"),
        ("perspective", "RandomPerspective(0.2", "nearest", "bilinear"),
    )
}
"""Of each XLA makes one kernel of image size."""

MORE = {
    # The mean is a pass over the input.
    "RandomContrast(0.3)": (2, 0.02, 1.55),
    "RandomColorJitter(brightness_factor=0.2, contrast_factor=0.2)": (2, 0.02, 1.55),
    # Rows of the field, x of each pixel, y of each pixel: two numbers of 4 bytes.
    "RandomElasticTransform()": (4, 1.34, 4.0),
    # Stages read what is stored, as does the condition before one.
    f"{FIRST}, MixUp()])": (3, 0.51, 3.05),
    "RandomGaussianBlur()": (4, 0.51, 4.05),
}
"""Kernels of image size, what is kept relative to input and output, and bytes moved
relative to a copy's: at most, of what is no one kernel, with the reason."""


@pytest.fixture(scope="module")
def compiler():
    if reason := available():
        pytest.skip(f"NO GPU PROGRAM IS CHECKED. {reason}")


def of_images(layer):
    """A layer as a function of images, with labels where it mixes."""
    if not layer.mixes():
        return layer

    def mixed(images):
        data = {"images": images, "labels": tf.zeros((images.shape[0], 10))}
        return layer(data, training=True)["images"]

    return mixed


def in_turn(place):
    """One of the cards."""
    return [CARDS[place % len(CARDS)]]


def assert_one_kernel(rows):
    for row in rows:
        assert row.image_kernels == 1, row
        assert row.kept < 0.02, row
        assert row.copies <= 1.05, row


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "dtype", "cards"), FIVE)
def test_five_layers(compiler, shape, dtype, cards):
    """What is chosen hangs on the card and on the size."""
    assert_one_kernel(measure(build_layer(command.FIVE), shape, dtype, cards))


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE)
def test_one_kernel(compiler, name):
    """On one card, another one for the next layer."""
    cards = in_turn(list(ONE).index(name))
    rows = measure(of_images(build_layer(ONE[name])), SHAPES[0], "uint8", cards)
    assert_one_kernel(rows)


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "cards"), [(1, CARDS), (4, CARDS[1::2])])
def test_other_channels(compiler, channels, cards):
    shape = (*SHAPES[0][:3], channels)
    assert_one_kernel(measure(build_layer(command.FIVE), shape, "uint8", cards))


@pytest.mark.slow
@pytest.mark.parametrize("text", MORE)
def test_passes_that_are_forced(compiler, text):
    """On one card, another one for the next layer."""
    kernels, kept, copies = MORE[text]
    cards = in_turn(list(MORE).index(text))
    for row in measure(of_images(build_layer(text)), SHAPES[0], "uint8", cards):
        assert row.image_kernels <= kernels, row
        assert row.kept < kept, row
        assert row.copies <= copies, row


@pytest.mark.slow
@pytest.mark.parametrize("name", ["augment", "copy"])
def test_the_loop_that_is_timed_copies_nothing(compiler, name):
    """Of `benchmarks/gpu.py`: a kernel for each step, and one before the first."""
    calls = 20
    layer = build_layer(command.FIVE)
    step, times, dtype = {
        "augment": (gpu._augment(layer), gpu.STEPS, "uint8"),
        "copy": (gpu._copy, 1, "int64"),
    }[name]
    shape = (64, 224, 224, 3)
    [row] = measure(
        lambda images: gpu._on_device(step, images, times)(calls),
        shape,
        dtype,
        CARDS[:1],
    )
    steps = calls * gpu.TURNS * times
    assert row.image_kernels == steps + 1
    assert row.copies <= 1.05 * (steps + 1)
