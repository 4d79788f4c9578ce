"""Antialias: against the mean over each pixel, in every form, upright and turned."""

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from helpers import drawn

import keras_aug_layers as kal
from keras_aug_layers.kernels import few, separable

SHRINKS = (1.3, 1.5, 2, 2.7, 3, 4, 6, 8, 12)
SIDE = 384


def exact(image, target, degrees=0.0):
    """The mean of the bilinear source over each pixel, in float64: square images."""
    side = len(image)
    points = max(6, round(2 * side / target))  # along a side of each pixel
    at = (np.arange(target * points) + 0.5) / (target * points) - 0.5
    turn = np.radians(degrees)
    total = np.zeros((target, target))
    for offset in range(points):
        v = at[offset::points][:, None] * side
        for other in range(points):
            u = at[other::points][None] * side
            x = np.cos(turn) * u - np.sin(turn) * v + side / 2 - 0.5
            y = np.sin(turn) * u + np.cos(turn) * v + side / 2 - 0.5
            total += bilinear(image, np.clip(x, 0, side - 1), np.clip(y, 0, side - 1))
    return total / points**2


def bilinear(image, x, y):
    i, j = (np.minimum(c.astype(int), len(image) - 2) for c in (y, x))
    t, s = y - i, x - j
    above = (1 - s) * image[i, j] + s * image[i, j + 1]
    below = (1 - s) * image[i + 1, j] + s * image[i + 1, j + 1]
    return (1 - t) * above + t * below


def pictures():
    """Zone plates, with the finest detail in their corners or at their sides; more."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    plate, fine = (
        127.5 + 127.5 * np.cos(np.pi * (x**2 + y**2) / (SIDE * part))
        for part in (2**0.5, 1.0)
    )
    photograph = skimage.data.camera()[:SIDE, :SIDE].astype("float64")
    return {"plate": plate, "fine plate": fine, "photograph": photograph}


def error(found, expected, border=0.0):
    n = int(len(expected) * border)
    inner = np.s_[n : len(expected) - n, n : len(expected) - n]
    return np.sqrt(np.mean((found[inner] - expected[inner]) ** 2))


@pytest.mark.thorough
@pytest.mark.parametrize("picture", ["plate", "fine plate", "photograph"])
def test_upright_it_is_at_least_as_good_as_tensorflows(picture):
    image = pictures()[picture]
    pixels = image.astype("float32")[..., None]
    ratios = []
    for shrink in SHRINKS:
        side = round(SIDE / shrink)
        expected = exact(image, side)
        found = kal.Resizing(side, side)(pixels).numpy()[..., 0]
        peer = tf.image.resize(pixels, (side, side), antialias=True).numpy()[..., 0]
        ratios.append(error(found, expected) / error(peer, expected))
    assert np.exp(np.mean(np.log(ratios))) <= 1.0, ratios
    assert max(ratios) < 1.5, ratios


@pytest.mark.thorough
def test_turned_it_is_a_third_of_the_plain_warp():
    named = pictures()
    pixels = np.stack([*named.values()]).astype("float32")[..., None]
    ratios = {name: [] for name in named}
    for shrink in SHRINKS:
        side = round(SIDE / shrink)
        found = []
        for antialias in ("auto", False):
            stack = kal.FusedAugmentation(
                [
                    kal.Resizing(side, side, antialias=antialias),
                    kal.RandomRotate(degrees=(30, 30), fill_mode="nearest"),
                ]
            )
            found.append(drawn(stack, pixels)[..., 0])
        for number, (name, image) in enumerate(named.items()):
            expected = exact(image, side, 30.0)
            filtered, plain = (error(x[number], expected, 0.25) for x in found)
            ratios[name].append(filtered / plain)
    for name, each in ratios.items():
        assert np.exp(np.mean(np.log(each))) <= 1 / 3, (name, each)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("shrink", "fill_mode", "dtype", "turned"),
    [
        (1.0, "reflect", "uint8", False),
        (2.7, "reflect", "float32", True),  # might be halved, and is not
        (9.0, "constant", "uint8", True),
    ],
)
def test_all_forms_agree(shrink, fill_mode, dtype, turned):
    """Crops that never are halved, and turn for some, are in test_straight.py."""
    images = np.random.default_rng(0).integers(0, 256, (2, 61, 83, 3)).astype(dtype)
    size = round(61 / shrink), round(83 / shrink)
    layers = [kal.RandomResizedCrop(*size, scale=(0.9, 1.0), seed=1)]
    if turned:
        layers.append(kal.RandomRotate(0.1, seed=2))
    made = []
    for jit_compile in (True, False):
        stack = kal.FusedAugmentation(
            layers, fill_mode=fill_mode, jit_compile=jit_compile
        )
        made.append(stack(images, training=True, seed=(1, 2)).numpy())
    compiled, eager = (x.astype("float64") for x in made)
    tolerance = 1 if dtype == "uint8" else 0.05
    np.testing.assert_allclose(eager, compiled, atol=tolerance)


BICUBIC = {
    "near": ((44, 59), (24, 31)),  # 1.8 and 1.9 times as small
    "far": ((60, 83), (60, 20)),  # once and four times
    "halved": ((60, 83), (13, 11)),
}
"""Height and width of what is read, and of what comes out."""


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (3, height, width, 3), "uint8")


def upright_and_bicubic(size, fill_mode):
    """A stack that is compiled, unless `drawn` calls it."""
    return kal.FusedAugmentation(
        [
            kal.Resizing(*size),
            kal.RandomFlip("horizontal", seed=2),
            kal.RandomShift(0.2, 0.2, seed=3),
        ],
        antialias="auto",
        jit_compile=True,
        fill_mode=fill_mode,
        fill_value=50.0,
        interpolation="bicubic",
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("sizes", "fill_mode"),
    [
        ("near", "constant"),
        ("near", "reflect"),
        ("near", "wrap"),
        ("far", "nearest"),
        ("halved", "constant"),
    ],
)
def test_bicubic_axis_by_axis(sizes, fill_mode, monkeypatch):
    """Compiled, in two passes where nothing is halved; and pixel by pixel."""
    source, size = BICUBIC[sizes]
    images, stack = noise(*source), upright_and_bicubic(size, fill_mode)
    compiled = stack(images, training=True, seed=(1, 2)).numpy().astype(int)
    monkeypatch.setattr(separable, "fits", lambda *_, **__: False)
    by_pixels = drawn(stack, images, seed=(1, 2)).astype(int)
    assert np.abs(compiled - by_pixels).max() <= 1
    assert compiled.std() > 10


@pytest.mark.thorough
def test_bicubic_axis_by_axis_in_a_list(monkeypatch):
    """In one pass, in which two points of an axis are read together, or apart."""
    stack = upright_and_bicubic((24, 31), "constant")
    close = 60, 83  # 2.5 and 2.7 times as large: six pixels for both points
    apart = 40, 130  # 1.7 and 4.2 times; filled up to as many pixels
    for source in (close, apart):
        images = noise(*source)
        ragged = tf.RaggedTensor.from_tensor(images, ragged_rank=2)
        in_a_list = stack(ragged, training=True, seed=(1, 2)).numpy().astype(int)
        with monkeypatch.context() as by_pixel:
            by_pixel.setattr(separable, "fits", lambda *_, **__: False)
            by_pixels = drawn(stack, images, seed=(1, 2)).astype(int)
        assert np.abs(in_a_list - by_pixels).max() <= 1
        assert in_a_list.std() > 10


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize(
    "options", [{"interpolation": "bicubic"}, {"antialias": "auto"}]
)
def test_what_is_not_there_stays_beyond_the_frame(options, jit_compile):
    """A value that is no number, at the border, is not spread over the fill."""
    images = np.ones((1, 40, 40, 1), "float32")
    images[0, 0, 0] = np.nan
    layer = kal.RandomZoom(
        (1.0, 1.0), fill_mode="constant", jit_compile=jit_compile, **options
    )
    moved = layer(images, training=True).numpy()[0, :, :, 0]
    assert (moved[:9, :9] == 0.0).all()
    assert 0 < np.isnan(moved).sum() <= 4 and moved[20, 20] == 1.0


@pytest.mark.parametrize(
    "options", [{"interpolation": "bicubic"}, {"antialias": "auto"}]
)
def test_images_without_pixels(options):
    for shape in ((2, 5, 0, 3), (2, 0, 5, 3), (0, 5, 5, 3)):
        for jit_compile in (True, False):
            layer = kal.RandomZoom(0.9, jit_compile=jit_compile, **options)
            assert layer(np.zeros(shape, "uint8"), training=True).shape == shape


@pytest.mark.thorough
def test_wide_images_are_read_pixel_by_pixel(monkeypatch):
    """And give the same as narrow ones, which are not."""
    images = np.random.default_rng(0).integers(0, 256, (2, 30, 200, 3)).astype("uint8")
    layer = kal.RandomCrop(20, 20, interpolation="bicubic", seed=1, antialias=False)
    wide = layer(images, training=True, seed=(1, 2)).numpy()
    monkeypatch.setattr(separable, "_WIDE", 100)
    narrow = kal.RandomCrop(20, 20, interpolation="bicubic", seed=1, antialias=False)
    np.testing.assert_array_equal(wide, narrow(images, training=True, seed=(1, 2)))


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [True, False])
def test_what_does_not_shrink_is_left_alone(jit_compile):
    images = np.random.default_rng(0).uniform(0, 1, (8, 40, 40, 3)).astype("float32")
    options = {"scale": (0.1, 1.0), "seed": 1, "jit_compile": jit_compile}
    auto = kal.RandomResizedCrop(20, 20, **options)
    plain = kal.RandomResizedCrop(20, 20, antialias=False, **options)
    transform = auto.sample(images, seed=(1, 2))
    scale = transform.matrix.numpy()[:, (0, 1), (0, 1)].max(axis=1)
    same = scale < 1.2001  # a window of 24 pixels shrinks by no more than 1.2
    assert 0 < same.sum() < 8
    one, other = (x(images, training=True, seed=(1, 2)).numpy() for x in (auto, plain))
    np.testing.assert_allclose(one[same], other[same], atol=1e-5)
    assert (np.abs(one - other).max(axis=(1, 2, 3))[~same] > 0.01).all()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("interpolation", "side", "scale"),
    [
        ("bilinear", 40, (0.9, 1.0)),  # halved before they are read
        ("bicubic", 17, (0.6, 1.0)),  # in two passes
    ],
)
def test_a_gradient_passes(interpolation, side, scale):
    images = tf.random.stateless_uniform((2, side, side, 1), (1, 2))
    options = {"interpolation": interpolation, "scale": scale, "ratio": (1.0, 1.0)}
    for jit_compile in (True, False):
        layer = kal.RandomResizedCrop(9, 9, jit_compile=jit_compile, seed=1, **options)
        with tf.GradientTape() as tape:
            tape.watch(images)
            result = tf.reduce_sum(layer(images, training=True, seed=(1, 2)))
        total = tf.reduce_sum(tape.gradient(result, images)).numpy()
        np.testing.assert_allclose(total, 2 * 81, rtol=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize(("side", "jit_compile"), [(10, None), (50, True), (224, None)])
def test_all_forms_agree_where_what_is_filtered_begins(side, jit_compile):
    """Exactly at 1.2 they round to different sides: eager, in a graph, compiled."""
    photo = skimage.data.astronaut()[np.newaxis, :side, :side]
    layer = kal.RandomZoom((0.2, 0.2), antialias="auto", seed=1)

    @tf.function(jit_compile=jit_compile)
    def graph(images):
        return layer(images, training=True)

    plain = drawn(kal.RandomZoom((0.2, 0.2), antialias=False), photo).astype(int)
    for images in (layer(photo, training=True), graph(tf.constant(photo))):
        assert np.abs(images.numpy() - plain).max() <= 1


def few_that_shrink(antialias):
    """Moves and colours of which every row counts, and some images are filtered."""
    return kal.FusedAugmentation(
        [
            kal.RandomRotate(0.1, seed=1),
            kal.RandomApply(kal.RandomZoom((0.6, 0.9), seed=2), 0.3, seed=3),
            kal.RandomBrightness(0.3, seed=4),
            kal.RandomContrast(0.5, seed=5),
            kal.RandomSaturation(0.5, seed=6),
        ],
        antialias=antialias,
        value_range=(0, 255),
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("dtype", "size"), [("uint8", 16), ("float32", None)])
def test_few_images_are_filtered_by_themselves(dtype, size, monkeypatch):
    """A loop gives what the whole batch at once gives, and leaves the others alone."""
    photo = skimage.data.astronaut()[100:164, 180:260].astype(dtype)
    images = np.stack([np.roll(photo, 3 * i, axis=1) for i in range(16)])
    layer = few_that_shrink("auto")
    sample = layer.sample(images, seed=(1, 5))
    scale = np.linalg.svd(sample.matrix.numpy()[:, :2, :2], compute_uv=False)[:, 0]
    wanted = scale > 1.2

    def run(layer):
        @tf.function(
            jit_compile=True,
            input_signature=[tf.TensorSpec((size, *images.shape[1:]), dtype)],
        )
        def compiled(images):
            return layer(images, training=True, seed=(1, 5))

        return compiled(tf.constant(images)).numpy().astype("float64")

    alone, plain = run(layer), run(few_that_shrink(False))
    assert wanted.sum() == 3  # an odd number of them, two at a time
    np.testing.assert_allclose(alone[~wanted], plain[~wanted], atol=0.01)
    assert (np.abs(alone - plain).max(axis=(1, 2, 3))[wanted] > 5).all()
    monkeypatch.setattr(few, "are_few", lambda *_: tf.constant(False))
    together = run(few_that_shrink("auto"))
    np.testing.assert_allclose(alone, together, atol=1 if dtype == "uint8" else 0.01)
