"""fuse(): Keras's own layers are the peer, at ranges that leave nothing to chance.

Keras gives floats for integers; ours are compared with them rounded and clipped.
"""

import contextlib
import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_same_bits, drawn
from keras import layers as kl

import keras_aug_layers as kal
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import homography
from keras_aug_layers.layers import LayerSequence

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
RANGES = {"bytes": (0.0, 255.0), "unit": (0.0, 1.0), "uint8": (0, 255)}
ranges = pytest.mark.parametrize("values", RANGES)


def as_values(photographs, values):
    """The photographs as uint8, or as floats of the range."""
    if values == "uint8":
        return photographs
    return (photographs * (RANGES[values][1] / 255.0)).astype("float32")


def keras_result(layer, images):
    """Keras's layer on floats; rounded and clipped where ours is of integers."""
    result = np.asarray(layer(images.astype("float32"), training=True))
    if images.dtype == "uint8":
        return np.clip(np.round(result), 0, 255).astype("uint8")
    return result


def error(result, expected, values):
    """The greatest difference of each pixel, as part of the range."""
    assert result.dtype == expected.dtype
    difference = np.abs(result.astype(float) - expected)
    return difference.max(axis=-1) / RANGES[values][1]


def tolerance(values):
    """A thousandth; half-way between two integers, rounding may go either way."""
    return 1.001 / 255 if values == "uint8" else 1e-3


@contextlib.contextmanager
def op_by_op():
    """No time for tracing, as in `drawn`."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def silently_fused(stack, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kal.NotFusedWarning)
        return kal.fuse(stack, **kwargs)


# Each layer, at degenerate ranges.

GEOMETRY = {
    "translation": functools.partial(
        kl.RandomTranslation, (0.1317,) * 2, (-0.2113,) * 2
    ),
    "translation far": functools.partial(
        kl.RandomTranslation, (-0.8093,) * 2, (0.9071,) * 2
    ),
    "rotation": functools.partial(kl.RandomRotation, (0.09, 0.09)),
    "rotation back": functools.partial(kl.RandomRotation, (-0.3, -0.3)),
    "zoom out": functools.partial(kl.RandomZoom, (0.3471, 0.3471)),
    "zoom in": functools.partial(kl.RandomZoom, (-0.4139, -0.4139)),
    "zoom of each axis": functools.partial(
        kl.RandomZoom, (0.2137, 0.2137), (-0.3183, -0.3183)
    ),
}


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("layer", GEOMETRY.values(), ids=GEOMETRY)
def test_geometry_is_kerass(layer, fill_mode, photographs):
    for values, (_, high) in RANGES.items():
        images = as_values(photographs, values)
        fill_value = round(0.4 * high, 1) if values == "unit" else 102.0
        old = layer(fill_mode=fill_mode, fill_value=fill_value)
        result = drawn(kal.fuse([old]), images)
        expected = keras_result(old, images)
        differs = error(result, expected, values)
        assert differs.max() <= tolerance(values)
        assert (differs > 1e-3).mean() < 0.01  # only ties of uint8
        assert error(result, images, values).mean() > 0.02


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("layer", ["rotation", "zoom of each axis", "translation"])
def test_nearest_interpolation_is_kerass(layer, fill_mode, photographs):
    old = GEOMETRY[layer](fill_mode=fill_mode, interpolation="nearest")
    new = kal.fuse([old])
    images = photographs.astype("float32")
    result, expected = drawn(new, images), keras_result(old, images)
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    grid = np.stack([x, y, np.ones_like(x)], axis=-1)
    source = (grid @ new.sample(images.shape).matrix.numpy()[0].T)[..., :2]
    clear = (np.abs(source - np.floor(source) - 0.5) > 1e-3).all(axis=-1)
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(result[:, clear], expected[:, clear])
    assert set(np.unique(result)) <= {0, *np.unique(images)}


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("layer", ["rotation", "zoom of each axis", "translation"])
def test_data_formats(layer, data_format, photographs):
    axes = {"channels_last": (0, 1, 2, 3), "channels_first": (0, 3, 1, 2)}[data_format]
    images = photographs.astype("float32").transpose(axes)
    old = GEOMETRY[layer](data_format=data_format)
    new = kal.fuse([old])
    assert new.data_format == data_format
    np.testing.assert_allclose(drawn(new, images), old(images), atol=0.25)


def contrast(gain, value_range):
    """Keras has no degenerate range: its gain is from 1 - lower to 1 + upper."""
    layer = kl.RandomContrast((0.1, 0.1), value_range)
    layer.factor = (1 - gain, gain - 1)
    return layer


COLORS = {
    "brighter": lambda r: kl.RandomBrightness((0.3, 0.3), r),
    "darker": lambda r: kl.RandomBrightness((-0.4, -0.4), r),
    "more contrast": functools.partial(contrast, 1.6),
    "less contrast": functools.partial(contrast, 0.3),
    "paler": lambda r: kl.RandomColorDegeneration((0.4, 0.4), r),
    "grey": lambda r: kl.RandomColorDegeneration((1.0, 1.0), r),
    "greyscale": lambda r: kl.RandomGrayscale(1.0),
    "negative": lambda r: kl.RandomInvert((1.0, 1.0), r),
}


@pytest.mark.parametrize("layer", COLORS.values(), ids=COLORS)
@ranges
def test_colour_is_kerass(layer, values, photographs):
    images = as_values(photographs, values)
    old = layer(tuple(float(x) for x in RANGES[values]))
    result = drawn(kal.fuse([old]), images)
    expected = keras_result(old, images)
    differs = error(result, expected, values)
    assert differs.max() <= tolerance(values)
    assert (differs > 1e-3).mean() < 0.03
    assert error(result, images, values).mean() > 0.02


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
@ranges
def test_flips_are_the_four(mode, values, photographs):
    images = np.tile(as_values(photographs[:1], values), (64, 1, 1, 1))
    result = drawn(kal.fuse(kl.RandomFlip(mode)), images)
    steps = {"horizontal": (1, -1), "vertical": (-1, 1)}
    steps = [steps[m] for m in mode.split("_and_")]
    steps += [(1, 1)] + [(-1, -1)] * (len(steps) - 1)
    expected = {images[0, ::y, ::x].tobytes() for y, x in steps}
    assert {image.tobytes() for image in result} == expected
    assert len(expected) == 2 ** len(mode.split("_and_"))


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize(
    "factors", [((0.3,) * 2, (0.1,) * 2), ((0.2,) * 2, (0.4,) * 2)]
)
def test_shear_is_kerass_with_its_sign(factors, fill_mode, photographs):
    images = np.tile(photographs[:1].astype("float32"), (16, 1, 1, 1))
    old = kl.RandomShear(*factors, fill_mode=fill_mode)
    factor = np.tile([x[0] for x in factors], (16, 1)).astype("float32")
    plus, minus = (
        np.asarray(old.transform_images(images, {"shear_factor": sign * factor}))
        for sign in (1, -1)
    )
    by_chance = np.asarray(old(images, training=True))
    for result in (drawn(kal.fuse([old]), images), by_chance):
        to_plus, to_minus = (
            np.abs(result - x).max(axis=(1, 2, 3)) / 255 for x in (plus, minus)
        )
        assert np.minimum(to_plus, to_minus).max() < 1e-3
        assert np.maximum(to_plus, to_minus).min() > 0.1
        assert set(to_plus < to_minus) == {True, False}


def test_a_shear_around_zero_needs_no_sign():
    layer = kal.fuse([kl.RandomShear(0.3, 0.1)])
    matrix = layer.sample((20_000, 9, 12, 3)).matrix.numpy()
    x, y = matrix[:, 0, 1], matrix[:, 1, 0]
    np.testing.assert_allclose(
        [x.min(), x.max(), y.min(), y.max()], [-0.3, 0.3, -0.1, 0.1], atol=1e-3
    )
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03


@pytest.mark.parametrize("size", [(41, 76), (60, 47), (32, 32)])
def test_perspective_is_kerass_of_the_same_corners(size, photographs):
    """Keras draws its corners by chance; the map from corners is compared."""
    height, width = size
    tall = np.concatenate([photographs] * 2, axis=1)
    images = np.tile(tall[:, :height, :width], (3, 1, 1, 1)).astype("float32")
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [width, height] - 0.5
    offset = np.random.default_rng(7).uniform(-0.24, 0.24, (len(images), 4, 2))
    source = frame + offset * [width, height]
    centred = source - (np.array([width, height]) - 1) / 2

    tilt = matrices.perspective(centred, height, width)
    transform = kal.RandomPerspective(fill_mode="constant").sample(images.shape)
    transform = transform._replace(coordinates=(homography(matrix=tilt),))
    matrix = matrices.normalize(matrices.to_pixels(tilt, size, size)).numpy()
    np.testing.assert_array_equal(transform.matrix, matrix.astype("float32"))
    shown = np.c_[frame, np.ones(4)] @ matrix.transpose(0, 2, 1)
    np.testing.assert_allclose(shown[..., :2] / shown[..., 2:], source, atol=1e-9)

    order = [0, 1, 3, 2]  # Keras: top left, top right, bottom left, bottom right
    expected = keras.ops.image.perspective_transform(
        images,
        source[:, order].astype("float32"),
        np.tile(frame[order], (len(images), 1, 1)).astype("float32"),
    )
    np.testing.assert_allclose(transform.images(images), expected, atol=0.255)


def test_perspective_keeps_chance_scale_and_fill():
    old = kl.RandomPerspective((0.2, 0.4), 0.6, "nearest", fill_value=7.0)
    (new,) = kal.fuse(old).layers
    assert (new.factor, new.scale) == (pytest.approx(0.3), 0.6)
    assert (new.fill_mode, new.fill_value) == ("constant", 7.0)
    assert new.interpolation == "nearest"
    matrix = kal.fuse(old).sample((20_000, 9, 12, 3)).matrix.numpy()
    tilted = ~np.isclose(matrix, np.eye(3), atol=1e-9).all(axis=(1, 2))
    assert abs(tilted.mean() - 0.3) < 0.02


def test_perspective_moves_all_four_corners_within_the_documented_reach():
    height, width = 20, 30
    layer = kal.fuse(kl.RandomPerspective((1.0, 1.0), 0.8))
    matrix = layer.sample((5_000, height, width, 3)).matrix.numpy().astype(float)
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [width, height] - 0.5
    shown = np.c_[frame, np.ones(4)] @ matrix.transpose(0, 2, 1)
    moved = np.abs(shown[..., :2] / shown[..., 2:] - frame) / [width, height]
    assert moved.max() < 0.2 + 1e-4  # a quarter of the scale
    assert moved.max(axis=0).min() > 0.19


# The ranges that Keras's layers draw from.


def test_ranges_arrive():
    stack = [
        kl.RandomTranslation((-0.1, 0.2), 0.3),
        kl.RandomRotation((-0.1, 0.4)),
        kl.RandomZoom((-0.3, 0.1)),
        kl.RandomZoom(0.2, (0.1, 0.3)),
    ]
    shift, rotate, zoom, zooms = kal.fuse(stack).layers
    assert shift.height_factor == (-0.1, 0.2)
    assert shift.width_factor == (-0.3, 0.3)
    assert rotate.factor == (-0.1, 0.4)
    assert (zoom.height_factor, zoom.width_factor) == ((-0.3, 0.1), None)
    assert (zooms.height_factor, zooms.width_factor) == ((-0.2, 0.2), (0.1, 0.3))
    stack = [
        kl.RandomBrightness((-0.2, 0.1)),
        kl.RandomContrast((0.2, 0.6)),
        kl.RandomColorDegeneration((0.2, 0.7)),
        kl.RandomInvert((0.2, 0.6)),
        kl.RandomGrayscale(0.3),
    ]
    bright, contrast, paler, negative, grey = kal.fuse(stack).layers
    assert (bright.factor, bright.gain) == ((-0.2, 0.1), None)
    assert contrast.factor == (-0.2, 0.6)
    assert paler.factor == pytest.approx((0.2, 0.7))
    assert negative.factor == pytest.approx(0.4)
    assert grey.factor == 0.3


def test_where_keras_does_other_than_it_says_we_do_what_it_says():
    contrast, paler = kal.fuse(
        [kl.RandomContrast(0.5), kl.RandomColorDegeneration(0.5)]
    ).layers
    assert contrast.factor == (-0.5, 0.5)  # Keras: from 1.0 to 1.5
    assert paler.factor == (0.0, 0.5)  # Keras: from -0.5
    flips = kal.fuse(kl.RandomFlip()).sample((4_000, 9, 12, 3)).matrix.numpy()
    states, counts = np.unique(flips[:, [0, 1], [0, 1]], axis=0, return_counts=True)
    assert len(states) == 4 and counts.min() > 900  # Keras: both axes or none


def test_a_chance_between_two_is_their_middle():
    """The chances that Keras's own layers come to."""
    images = np.full((20_000, 1, 1, 3), 10.0, "float32")
    old = kl.RandomInvert((0.2, 0.6))
    shares = [
        (np.asarray(layer(images, training=True))[:, 0, 0, 0] != 10.0).mean()
        for layer in (old, kal.fuse(old))
    ]
    np.testing.assert_allclose(shares, 0.4, atol=0.02)


# Whole stacks.


@pytest.mark.parametrize("fill_mode", ["constant", "nearest"])
@pytest.mark.parametrize("size", [(33, 33), (64, 48)], ids=["odd", "even"])
@ranges
def test_a_stack_of_integer_moves_is_kerass_bit_for_bit(values, size, fill_mode):
    """The order shows: a zoom and shifts do not commute, nor do both with an inversion.

    A zoom by two shows every second pixel of an odd frame. Nothing that one layer moves
    out of the frame comes back with the next.
    """
    images = np.random.default_rng(8).integers(0, 256, (3, *size, 3), "uint8")
    images = as_values(images, values)
    fill = {"fill_mode": fill_mode, "interpolation": "bilinear"}
    down, left = 2 / size[0], -3 / size[1]
    zoom = [kl.RandomZoom((1.0, 1.0), (1.0, 1.0), **fill)] * (size[0] % 2)
    stack = [
        *zoom,
        kl.RandomTranslation((down, down), (left, left), **fill),
        kl.RandomTranslation((2 * down, 2 * down), (left, left), **fill),
        kl.RandomInvert((1.0, 1.0), tuple(map(float, RANGES[values]))),
    ]
    new = kal.fuse(stack)
    assert isinstance(new, kal.FusedAugmentation)
    assert len(new.layers) == 3 + len(zoom)
    expected = keras_result(keras.layers.Pipeline(stack), images)
    assert_same_bits(drawn(new, images), expected)
    assert len(np.unique(expected)) > 50


@pytest.mark.thorough
def test_the_order_is_that_of_the_stack():
    """Against Keras in the interior, where it did not fill between two layers."""
    y, x = np.mgrid[:61, :83]
    image = np.stack([x, y, x + y], axis=-1)[None].astype("float32")  # bilinear: exact
    stack = [
        kl.RandomRotation((0.08, 0.08)),
        kl.RandomTranslation((0.1, 0.1), (-0.07, -0.07)),
        kl.RandomZoom((-0.3, -0.3), (0.2, 0.2)),
        kl.RandomRotation((-0.2, -0.2)),
        kl.RandomBrightness((0.1, 0.1), (-1e3, 1e3)),
        kl.RandomColorDegeneration((0.5, 0.5), (-1e3, 1e3)),
    ]
    expected = np.asarray(kl.Pipeline(stack)(image, training=True))
    inner = (slice(None), slice(26, 36), slice(37, 47))
    result = drawn(kal.fuse(stack), image)
    np.testing.assert_allclose(result[inner], expected[inner], atol=0.05)
    turned = drawn(kal.fuse([*stack[3::-1], *stack[4:]]), image)
    assert np.abs(turned[inner] - expected[inner]).max() > 2.0


# Which layers become one.

CONSTANT = {"fill_mode": "constant"}


def names(layer):
    """The fused layers' classes in lists, the classes of those that stay."""
    if isinstance(layer, kal.FusedAugmentation):
        return [[type(x).__name__ for x in layer.layers]]
    if isinstance(layer, LayerSequence):
        return [name for x in layer.layers for name in names(x)]
    return [type(layer).__name__]


STACKS = {
    "all agree": (
        lambda: [kl.RandomTranslation(0.1, 0.1), kl.RandomRotation(0.1)],
        [["RandomShift", "RandomRotate"]],
    ),
    "all of colour": (
        lambda: [
            kl.RandomBrightness(0.1),
            kl.RandomContrast(0.1),
            kl.RandomColorDegeneration(0.1),
            kl.RandomGrayscale(),
            kl.RandomInvert(0.1),
        ],
        [
            [
                "RandomBrightness",
                "RandomContrast",
                "RandomColorDegeneration",
                "RandomGrayscale",
                "RandomInvert",
            ]
        ],
    ),
    "fill modes differ": (
        lambda: [
            kl.RandomRotation(0.1),
            kl.RandomZoom(0.1),
            kl.RandomShear(0.1, 0.1, **CONSTANT),
            kl.RandomPerspective(),
            kl.RandomRotation(0.1, fill_mode="wrap"),
        ],
        [
            ["RandomRotate", "RandomZoom"],
            ["RandomShear", "RandomPerspective"],
            ["RandomRotate"],
        ],
    ),
    "fill values differ": (
        lambda: [
            kl.RandomRotation(0.1, **CONSTANT),
            kl.RandomZoom(0.1, **CONSTANT, fill_value=3.0),
        ],
        [["RandomRotate"], ["RandomZoom"]],
    ),
    "interpolations differ": (
        lambda: [
            kl.RandomRotation(0.1),
            kl.RandomBrightness(0.1),
            kl.RandomZoom(0.1, interpolation="nearest"),
        ],
        [["RandomRotate", "RandomBrightness"], ["RandomZoom"]],
    ),
    "value ranges differ": (
        lambda: [
            kl.RandomBrightness(0.1),
            kl.RandomRotation(0.1),
            kl.RandomContrast(0.1, value_range=(0, 1)),
        ],
        [["RandomBrightness", "RandomRotate"], ["RandomContrast"]],
    ),
    "data formats differ": (
        lambda: [
            kl.RandomRotation(0.1, data_format="channels_first"),
            kl.RandomRotation(0.1, data_format="channels_last"),
        ],
        [["RandomRotate"], ["RandomRotate"]],
    ),
    "box formats differ": (
        lambda: [
            kl.RandomFlip(bounding_box_format="xywh"),
            kl.RandomContrast(0.1),
            kl.RandomFlip(bounding_box_format="xyxy"),
        ],
        [["RandomFlip", "RandomContrast"], ["RandomFlip"]],
    ),
    "forms differ": (
        lambda: [
            kal.RandomZoom(0.1, jit_compile=True),
            kl.RandomRotation(0.1),
            kal.RandomZoom(0.1, jit_compile=False),
        ],
        [["RandomZoom", "RandomRotate"], ["RandomZoom"]],
    ),
    "some stay": (
        lambda: [
            kl.Rescaling(1 / 255),
            kl.RandomRotation(0.1),
            kl.RandomZoom(0.1),
            kl.GaussianNoise(0.1),
            kl.RandomZoom(0.1),
            kl.Resizing(9, 12),
            kl.RandomFlip(),
            kl.RandomBrightness(0.1),
            kl.RandomHue(0.1),
        ],
        [
            ["Rescaling"],
            ["RandomRotate", "RandomZoom"],
            "GaussianNoise",
            ["RandomZoom", "Resizing", "RandomFlip", "RandomBrightness", "RandomHue"],
        ],
    ),
    "a unit closes a run": (
        lambda: [
            kl.RandomRotation(0.1),
            kl.Normalization(mean=[1, 2, 3], variance=[4, 5, 6]),
            kl.RandomErasing(fill_value=0),
            kl.MixUp(),
            kl.RandomFlip(),
        ],
        [["RandomRotate", "Rescaling", "RandomErasing", "MixUp"], ["RandomFlip"]],
    ),
    "ours among Keras's": (
        lambda: [
            kal.RandomShift(0.1),
            kl.RandomRotation(0.1),
            kal.RandomHue(0.1),
            kal.FusedAugmentation([kal.RandomZoom(0.1)]),
            kal.RandAugment(),
        ],
        [
            [
                "RandomShift",
                "RandomRotate",
                "RandomHue",
                "FusedAugmentation",
                "RandAugment",
            ]
        ],
    ),
    "nothing": (list, [[]]),
    "nothing of ours": (lambda: [kl.Identity()], ["Identity"]),
}


@pytest.mark.parametrize(("stack", "expected"), STACKS.values(), ids=STACKS)
def test_the_fewest_layers(stack, expected):
    assert names(silently_fused(stack())) == expected


@pytest.mark.parametrize("first", [True, False])
def test_a_flip_joins_any_neighbour(first):
    stack = [kl.RandomFlip(), kl.RandomRotation(0.1, **CONSTANT)]
    fused = kal.fuse(stack if first else stack[::-1])
    assert len(names(fused)) == 1


NESTS = {
    "list": lambda a, b, c: [a, b, c],
    "tuple": lambda a, b, c: (a, b, c),
    "Sequential": lambda a, b, c: keras.Sequential([a, b, c]),
    "Sequential with an input": lambda a, b, c: keras.Sequential(
        [keras.Input((9, 12, 3)), a, b, c]
    ),
    "Pipeline": lambda a, b, c: kl.Pipeline([a, b, c]),
    "nested": lambda a, b, c: keras.Sequential(
        [keras.Sequential([a]), kl.Pipeline([kl.Pipeline([b])]), c]
    ),
    "nested list": lambda a, b, c: [[a, [b]], kl.Pipeline([c])],
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
def test_stacks_of_any_kind(nest, images):
    layers = [
        kl.RandomRotation((0.1, 0.1)),
        kl.RandomTranslation((0.2, 0.2), (0.1, 0.1)),
        kl.RandomBrightness((0.1, 0.1)),
    ]
    fused = kal.fuse(nest(*layers))
    assert names(fused) == [["RandomRotate", "RandomShift", "RandomBrightness"]]
    assert_same_bits(drawn(fused, images), drawn(kal.fuse(layers), images))


def test_a_single_layer():
    assert names(kal.fuse(kl.RandomRotation(0.1))) == [["RandomRotate"]]
    assert names(kal.fuse(kal.RandomRotate(0.1))) == [["RandomRotate"]]


def test_units_change_in_their_place(images):
    """Rescaling between two layers changes what the second one sees."""
    stack = [
        kl.RandomTranslation((0.25, 0.25), (0.5, 0.5), **CONSTANT),
        kl.Rescaling(1 / 255, offset=0.5),
        kl.RandomTranslation((0.25, 0.25), (-0.5, -0.5), **CONSTANT, fill_value=9.0),
    ]
    images = np.tile(images, (1, 1, 2, 1))[:, :8, :16].astype("float32")
    expected = np.asarray(kl.Pipeline(stack)(images, training=True))
    np.testing.assert_allclose(drawn(kal.fuse(stack), images), expected, rtol=1e-6)
    assert {0.5, 9.0} <= set(np.unique(expected))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_jit_compile_arrives(jit_compile):
    stack = [kl.RandomRotation(0.1), kl.Identity(), kl.RandomZoom(0.1)]
    first, _, last = kal.fuse(stack, jit_compile=jit_compile).layers
    assert first.jit_compile is last.jit_compile is jit_compile
    assert kal.fuse([], jit_compile=jit_compile).jit_compile is jit_compile
    assert kal.fuse(stack).layers[0].jit_compile == "auto"


SEEDED = {
    "rotation": lambda seed: [kl.RandomRotation(0.1, seed=seed)],
    "two": lambda seed: [
        kl.RandomFlip(seed=seed + 1),
        kl.RandomRotation(0.1, seed=seed),
    ],
    "shear": lambda seed: [kl.RandomShear(0.1, 0.2, seed=seed)],
    "shear from above 0": lambda seed: [
        kl.RandomShear((0.1, 0.3), (0.1, 0.2), seed=seed)
    ],
}


@pytest.mark.parametrize(
    "stack",
    [pytest.param(stack, id=name) for name, stack in SEEDED.items()],
)
def test_seeds_arrive(stack):
    draws = [
        kal.fuse(stack(seed)).sample((8, 9, 12, 3)).matrix.numpy() for seed in (0, 0, 5)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_a_seed_is_its_layers_own():
    """That layer repeats its draws, as it would alone; its neighbour does not."""
    stack = [kl.RandomFlip("horizontal"), kl.RandomTranslation(0.3, 0.0, seed=5)]
    stacks = stack, stack, stack[1:]
    one, other, alone = (
        kal.fuse(layers).sample((64, 9, 12, 3)).matrix.numpy() for layers in stacks
    )
    np.testing.assert_array_equal(one[:, 1, 2], alone[:, 1, 2])
    np.testing.assert_array_equal(other[:, 1, 2], alone[:, 1, 2])
    assert len(np.unique(alone[:, 1, 2])) == 64
    assert (one[:, 0, 0] != other[:, 0, 0]).any()


BOXED = {
    "first": lambda f: [kl.RandomFlip(bounding_box_format=f), kl.RandomContrast(0.1)],
    "later": lambda f: [kl.RandomContrast(0.1), kl.RandomFlip(bounding_box_format=f)],
    "shear": lambda f: [kl.RandomShear((0.1, 0.2), (0.1, 0.2), bounding_box_format=f)],
}


@pytest.mark.parametrize(
    "stack",
    [pytest.param(stack, id=name) for name, stack in BOXED.items()],
)
def test_box_formats_arrive(stack):
    fused = kal.fuse(stack("xywh"))
    assert fused.settings.bounding_box_format == "xywh"
    assert fused.sample((2, 9, 12, 3)).bounding_box_format == "xywh"


# Warnings.


def test_a_random_layer_that_stays_is_named_once():
    stack = [
        kl.GaussianNoise(0.1, name="my_noise"),
        kl.RandomRotation(0.1),
        kl.Rescaling(2.0),
        keras.Sequential([kl.Dropout(0.5), kl.AlphaDropout(0.5, name="my_drop")]),
    ]
    with pytest.warns(kal.NotFusedWarning) as caught:
        kal.fuse(stack)
    assert [w.category for w in caught] == [kal.NotFusedWarning] * 3
    messages = [str(w.message) for w in caught]
    assert messages[0].startswith("GaussianNoise 'my_noise' stays as it is")
    assert messages[1].startswith("Dropout")
    assert messages[2].startswith("AlphaDropout 'my_drop'")
    assert {w.filename for w in caught} == {__file__}  # the caller's line


def test_the_warning_can_be_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=kal.NotFusedWarning)
        kal.fuse([kl.Dropout(0.1), kl.RandomRotation(0.1)])


def test_no_warning_where_nothing_is_random():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kal.fuse([kl.RandomRotation(0.1), kl.Identity(), kl.Flatten()])


# The identity in inference, and life in models.


def full_stack():
    return [
        kl.RandomFlip(),
        kl.RandomTranslation(0.1, 0.1),
        kl.RandomRotation(0.1),
        kl.RandomZoom(0.1),
        kl.RandomShear((0.1, 0.2), (0.0, 0.2)),
        kl.RandomBrightness(0.2),
        kl.RandomContrast(0.2),
        kl.RandomColorDegeneration(0.2),
        kl.RandomGrayscale(),
        kl.RandomInvert(0.2),
        kl.RandomPerspective(1.0, 0.3),
    ]


@pytest.mark.thorough
def test_inference_is_the_identity_where_kerass_is_not(images):
    x = tf.constant(images.astype("float32"))
    fused = kal.fuse(full_stack())
    assert len(names(fused)) == 2  # the perspective fills with a constant
    assert_same_bits(fused(x), x)
    assert not np.array_equal(keras.Sequential(full_stack())(x), x)
    one = kal.fuse(full_stack()[:-1])
    assert one(x) is x
    assert not np.array_equal(drawn(one, x), x)
    assert not np.array_equal(drawn(fused, x), x)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "count",
    [10, 11],
)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("training", [False, True])
def test_dtypes_stay(count, dtype, training, images):
    fused = kal.fuse(full_stack()[:count])
    with op_by_op():
        result = fused(tf.constant(images.astype(dtype)), training=training)
    assert result.dtype == dtype


@pytest.mark.thorough
def test_dicts_go_through(images):
    fused = kal.fuse(full_stack())
    data = {"images": images, "labels": np.arange(4)}
    same = fused(data)
    with op_by_op():
        moved = fused(data, training=True)
    assert_same_bits(same["images"], images)
    np.testing.assert_array_equal(moved["labels"], np.arange(4))
    assert moved["images"].dtype == "uint8"
    assert not np.array_equal(moved["images"], images)


def test_saving_and_exporting(images, tmp_path):
    x = images.astype("float32")
    model = keras.Sequential([keras.Input((9, 12, 3)), kal.fuse(full_stack())])
    model.save(tmp_path / "model.keras")
    tf.saved_model.save(model, str(tmp_path / "saved"))
    model.export(str(tmp_path / "exported"), verbose=False)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    saved = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    (from_saved,) = saved(tf.constant(x)).values()
    for result in (loaded(x), loaded.predict(x, verbose=0), from_saved):
        assert_same_bits(result, x)
    assert_same_bits(exported.serve(x), x)
    ops = {node.op for node in saved.graph.as_graph_def().node}
    assert not ops & {"ImageProjectiveTransformV3", "RngReadAndSkip"}
    assert not np.array_equal(drawn(loaded, x), x)


def test_round_trips(images):
    for fused in (kal.fuse(full_stack()), kal.fuse(full_stack()[:-1])):
        config = keras.saving.serialize_keras_object(fused)
        again = keras.saving.deserialize_keras_object(config)
        assert names(again) == names(fused)
        assert keras.saving.serialize_keras_object(again) == config
    assert_same_bits(
        drawn(again, images, seed=(1, 2)), drawn(fused, images, seed=(1, 2))
    )


def test_xla(images):
    x = tf.constant(images.astype("float32"))
    fused = kal.fuse([*full_stack()[2:5], kl.RandomContrast(0.2)])
    assert isinstance(fused, kal.FusedAugmentation)

    def augment(x):
        return fused(x, training=True, seed=(3, 4))

    compiled = tf.function(augment, jit_compile=True)(x).numpy()
    np.testing.assert_allclose(compiled, augment(x), atol=255e-4)
    assert not np.array_equal(compiled, x)


@pytest.mark.thorough
def test_a_compiled_model_trains(images):
    stack = [kl.RandomFlip(), kl.RandomZoom(0.1), kl.RandomShear((0.1, 0.2), 0.2)]
    model = keras.Sequential(
        [keras.Input((9, 12, 3)), kal.fuse(stack), kl.Flatten(), kl.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras: "model does not support jit"
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        history = model.fit(images / 255.0, np.zeros(4), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_in_tf_data(images, dtype="uint8"):
    fused = kal.fuse(full_stack()[:-1], jit_compile=False)
    dataset = tf.data.Dataset.from_tensors(images.astype(dtype))
    (result,) = dataset.map(lambda x: fused(x, training=True))
    assert result.dtype == dtype and result.shape == images.shape
    assert not np.array_equal(result, images)


@pytest.mark.parametrize("training", [False, True])
def test_a_converted_generator_still_normalises(training, images):
    generator = kal.from_image_data_generator(rescale=1 / 255)
    fused = kal.fuse([generator, kl.RandomFlip()])
    with op_by_op():
        result = fused(images.astype("float32"), training=training)
    assert np.max(result) <= 1.0


# Errors.


def trained_dense():
    layer = kl.Dense(3, name="head")
    layer.build((None, 4))
    return layer


def trained_stack():
    return keras.Sequential(
        [keras.Input((4, 4, 3)), kl.RandomFlip(), kl.Conv2D(2, 3, name="head")]
    )


ERRORS = {
    "trained": (
        lambda: [kl.RandomFlip(), trained_dense()],
        r"Dense 'head' with trained weights.*Write keras.Sequential\(\[fuse",
    ),
    "trained Sequential": (trained_stack, "Conv2D 'head' with trained weights"),
    "trained alone": (trained_dense, "Dense 'head' with trained weights"),
    "nested": (lambda: [[kl.Pipeline([trained_dense()])]], "Dense 'head'"),
    "function": (lambda: [kl.RandomFlip(), tf.image.flip_left_right], "Keras layers"),
    "string": (lambda: "flip", r"'flip'.*Write fuse\(\["),
    "None": (lambda: None, "None.*Write fuse"),
    "None in a list": (lambda: [None], "None.*Write fuse"),
    "class": (lambda: [kl.RandomFlip], "RandomFlip.*Write fuse"),
}


@pytest.mark.parametrize(("stack", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(stack, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        kal.fuse(stack())


def test_an_unknown_jit_compile():
    with pytest.raises(ValueError, match="jit_compile.*'auto'.*'yes'"):
        kal.fuse([], jit_compile="yes")
