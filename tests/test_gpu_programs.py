"""What XLA makes of the library's layers for GPUs that need not be there."""

import pytest

from benchmarks import gpu
from benchmarks.gpu_programs import __main__ as command
from benchmarks.gpu_programs import available, measure
from keras_aug_layers.constructors import build_layer

CARDS = ("h100", "a100", "v100", "b200")
SHAPES = ((256, 224, 224, 3), (16, 1024, 1024, 3))
ONE = {
    "a flip": "RandomFlip()",
    "colours": "RandomGrayscale()",
    "a move and colours": "FusedAugmentation([RandomRotate(0.1), RandomGrayscale()])",
    "a crop": "RandomResizedCrop(224, 224, antialias=False)",
    "an erasing": "FusedAugmentation([RandomRotate(0.1), RandomErasing()])",
    "bicubic": 'RandomRotate(0.1, interpolation="bicubic")',
    "normalized": 'Normalize((0.4, 0.5, 0.6), 0.3, dtype="bfloat16")',
} | {
    f"{name}, {fill_mode}, {interpolation}": (
        f'{layer}, fill_mode="{fill_mode}", interpolation="{interpolation}")'
    )
    for name, layer in (
        ("affine", "RandomRotate(0.1"),
        ("perspective", "RandomPerspective(0.2"),
    )
    for fill_mode in ("reflect", "constant", "nearest", "wrap")
    for interpolation in ("bilinear", "nearest")
}
"""Of each XLA makes one kernel of image size."""

MORE = {
    "RandomContrast(0.3)": (2, 1.55),  # the mean is a pass over the input
    "RandomColorJitter(brightness_factor=0.2, contrast_factor=0.2)": (2, 1.55),
}
"""Kernels of image size, and bytes moved relative to a copy's, at most."""


@pytest.fixture(scope="module")
def compiler():
    if reason := available():
        pytest.skip(f"NO GPU PROGRAM IS CHECKED. {reason}")


def assert_one_kernel(rows):
    for row in rows:
        assert row.image_kernels == 1, row
        assert row.kept < 0.02, row
        assert row.copies <= 1.05, row


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_five_layers(compiler, shape, dtype):
    assert_one_kernel(measure(build_layer(command.FIVE), shape, dtype, CARDS))


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE)
def test_one_kernel(compiler, name):
    """On two cards, the others for the next layer."""
    cards = CARDS[list(ONE).index(name) % 2 :: 2]
    rows = measure(build_layer(ONE[name]), SHAPES[0], "uint8", cards)
    assert_one_kernel(rows)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(compiler, channels):
    shape = (*SHAPES[0][:3], channels)
    assert_one_kernel(measure(build_layer(command.FIVE), shape, "uint8", CARDS))


@pytest.mark.slow
@pytest.mark.parametrize("text", MORE)
def test_passes_that_are_forced(compiler, text):
    kernels, copies = MORE[text]
    for row in measure(build_layer(text), SHAPES[0], "uint8", CARDS):
        assert row.image_kernels == kernels, row
        assert row.kept < 0.02, row
        assert row.copies <= copies, row


@pytest.mark.slow
@pytest.mark.parametrize("name", ["augment", "copy"])
def test_the_loop_that_is_timed_copies_nothing(compiler, name):
    """Of `benchmarks/gpu.py`: a kernel for each step, and one before the first."""
    turns = 1000
    layer = build_layer(command.FIVE)
    step, times, dtype = {
        "augment": (gpu._augment(layer), gpu.EIGHT, "uint8"),
        "copy": (gpu._copy, 1, "int64"),
    }[name]
    shape = (64, 224, 224, 3)
    [row] = measure(
        lambda images: gpu._on_device(step, images, times)(turns),
        shape,
        dtype,
        CARDS[:1],
    )
    assert row.image_kernels == turns * times + 1
    assert row.copies <= 1.05 * (turns * times + 1)
