"""Hostile input: no crash, no uninitialised memory, no NaN from us.

What comes out of a warp lies between the least and the greatest pixel that went in, and
comes out again when asked again: uninitialised memory would do neither.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, EVERY
from helpers import assert_same_bits, op_by_op, random_images
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_aug_layers as kal
from keras_aug_layers.kernels.warp import FILL_MODES, INTERPOLATIONS

SEED = (3, 4)
pytestmark = pytest.mark.slow
every = pytest.mark.parametrize("name", [x for x in EVERY if x not in ALIKE])
FORMS = ("op", "xla")
forms = pytest.mark.parametrize("form", FORMS)


def form_of(layer, form, seed=SEED):
    """The layer by TensorFlow's op, or compiled by XLA; each call is repeated."""

    def call(images):
        return layer(images, training=True, seed=seed)

    function = tf.function(call, jit_compile=True) if form == "xla" else call

    def twice(images):
        result = function(images).numpy()
        assert_same_bits(function(images), result)
        return result

    return twice


def augmented(layer, images, form, seed=SEED):
    return form_of(layer, form, seed)(images)


def warps(fill_mode="reflect", interpolation="bilinear", **kwargs):
    """Everything that moves pixels, in one warp, strongly."""
    return kal.FusedAugmentation(
        [
            kal.RandomShift(0.5, 0.5),
            kal.RandomRotate(0.5),
            kal.RandomZoom((-0.5, 2.0), (-0.5, 2.0)),
            kal.RandomShear(0.5, 0.5),
            kal.RandomPerspective(scale=0.5),
        ],
        fill_mode=fill_mode,
        interpolation=interpolation,
        fill_value=0.0,
        jit_compile=False,
        **kwargs,
    )


SHAPES = [
    (0, 5, 6, 3),
    (2, 1, 1, 3),
    (2, 1, 7, 3),
    (2, 7, 1, 3),
    (2, 2, 2, 3),
    (1, 4000, 2, 3),
    (1, 1, 4000, 3),
]
EMPTY = [(2, 0, 6, 3), (2, 5, 0, 3)]


@every
def test_any_size(name):
    """Every second of the sizes, the others for the next layer."""
    layer = EVERY[name]()
    for shape in (SHAPES + EMPTY)[list(EVERY).index(name) % 2 :: 2]:
        result = augmented(layer, random_images(shape, "uint8"), "op")
        assert result.shape == shape
        assert result.dtype == "uint8"


@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_compiled_moves_of_no_pixels(shape):
    assert augmented(warps(), random_images(shape), "xla").shape == shape


@pytest.mark.parametrize(
    ("form", "fill_mode"),
    [*(("op", fill_mode) for fill_mode in FILL_MODES), ("xla", "reflect")],
)
@pytest.mark.parametrize("shape", [SHAPES[i] for i in (1, 3, 5, 6)], ids=str)
def test_any_size_is_warped_within_its_range(shape, fill_mode, form):
    result = augmented(warps(fill_mode), random_images(shape) + 1, form)
    assert result.shape == shape
    within = (result >= (0 if fill_mode == "constant" else 1)) & (result < 2.001)
    assert within.all()


LAYERS = {x: warps(*x) for x in itertools.product(FILL_MODES, INTERPOLATIONS)}


@settings(max_examples=40)
@given(
    shape=st.tuples(
        st.integers(0, 3),
        *(st.integers(0, 9) for _ in range(2)),
        st.sampled_from([1, 3]),
    ),
    dtype=st.sampled_from(["uint8", "int16", "float16", "float32", "float64"]),
    fill_mode=st.sampled_from(FILL_MODES),
    interpolation=st.sampled_from(INTERPOLATIONS),
    seed=st.tuples(*(st.integers(-(2**63), 2**63 - 1) for _ in range(2))),
)
def test_any_image_is_warped_within_its_range(
    shape, dtype, fill_mode, interpolation, seed
):
    images = (random_images(shape, "uint8") // 2 + 64).astype(dtype)
    result = augmented(LAYERS[fill_mode, interpolation], images, "op", seed)
    assert result.shape == shape
    assert result.dtype == dtype
    slack = 0.25 if dtype == "float16" else 1e-3
    least = 0 if fill_mode == "constant" else np.min(images, initial=64)
    assert (result >= least - slack).all()
    assert (result <= np.max(images, initial=64) + slack).all()


HUGE = {
    "zoom": lambda f, **kwargs: kal.RandomZoom((f, f), **kwargs),
    "zoom along one axis": lambda f, **kwargs: kal.RandomZoom(
        (f, f), (0.0, 0.0), **kwargs
    ),
    "shift": lambda f, **kwargs: kal.RandomShift(
        (f, f), (-f, -f), unit="pixels", **kwargs
    ),
}
"""Layers that move by huge factors."""
HUGE_COLOURS = {
    "brightness": lambda f: kal.RandomBrightness(gain=(f, f), value_range=(0, 255)),
    "contrast": lambda f: kal.RandomContrast((f, f), value_range=(0, 255)),
    "saturation": lambda f: kal.RandomSaturation(
        gain=(f, f), value_range=(0, 255), space="linear"
    ),
    "channel shift": lambda f: kal.RandomChannelShift(f),
    "three": lambda f: kal.FusedAugmentation(
        [
            kal.RandomContrast((f, f)),
            kal.RandomSaturation(gain=(f, f), space="linear"),
        ],
        value_range=(0, 255),
    ),
}
FACTORS = [1e3, 1e6, 1e9, 1e12]


def check_huge(kind, factor, form, **kwargs):
    images = random_images((2, 6, 7, 3)) + 1
    result = augmented(HUGE[kind](factor, **kwargs), images, form)
    assert result.shape == images.shape
    assert np.isfinite(result).all()
    least = 0 if kwargs.get("fill_mode") == "constant" else 1
    assert (result >= least).all() and (result < 2.001).all()


FAR = [
    (kind, factor, fill_mode, INTERPOLATIONS[(i + j + k) % 2])
    for i, kind in enumerate(HUGE)
    for j, factor in enumerate(FACTORS[1:])
    for k, fill_mode in enumerate(FILL_MODES)
]
"""Either interpolation with every other value."""


@pytest.mark.parametrize(("kind", "factor", "fill_mode", "interpolation"), FAR)
def test_huge_factors(kind, factor, fill_mode, interpolation):
    check_huge(kind, factor, "op", fill_mode=fill_mode, interpolation=interpolation)


FAR_COMPILED = [
    (kind, FACTORS[1 + 2 * ((i + k) % 2)], fill_mode)
    for i, kind in enumerate(("zoom", "shift"))
    for k, fill_mode in enumerate(FILL_MODES)
]
"""What is compiled takes seconds: the factors in turn."""


@pytest.mark.parametrize(("kind", "factor", "fill_mode"), FAR_COMPILED)
def test_huge_factors_compiled(kind, factor, fill_mode):
    check_huge(kind, factor, "xla", fill_mode=fill_mode)


COLOURED = [
    (kind, form, dtype)
    for i, kind in enumerate(HUGE_COLOURS)
    for form in FORMS
    for k, dtype in enumerate(("uint8", "float32"))
    if form == "op" or (i + k) % 2 == 0
]


@pytest.mark.parametrize(("kind", "form", "dtype"), COLOURED)
def test_huge_colours(kind, form, dtype, factor=1e12):
    images = random_images((2, 6, 7, 3), "uint8").astype(dtype)
    result = augmented(HUGE_COLOURS[kind](factor), images, form).astype("float64")
    assert np.isfinite(result).all()
    assert (result != images).any()


@pytest.mark.parametrize("factor", [1e13, 1e37, -1e13, np.inf, np.nan])
@pytest.mark.parametrize("kind", HUGE)
def test_larger_factors_are_refused(kind, factor):
    with pytest.raises(ValueError, match="must be"):
        HUGE[kind](factor)


@pytest.mark.parametrize("factor", [*FACTORS, np.inf, np.nan])
@pytest.mark.parametrize(
    "layer",
    [kal.RandomShift, kal.RandomShear, kal.RandomRotate],
    ids=lambda x: x.__name__,
)
def test_factors_that_mean_nothing_are_refused(layer, factor):
    with pytest.raises(ValueError, match="must be"):
        layer((factor, factor))


BAD = [np.nan, np.inf, -np.inf]


def spread(mask):
    """A mask and its eight neighbours, round the edges as well."""
    rolled = [
        np.roll(mask, (dy, dx), axis=(1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
    ]
    return np.any(rolled, axis=0)


NOT_FINITE = [
    (fill_mode, interpolation, form)
    for i, fill_mode in enumerate(FILL_MODES)
    for k, interpolation in enumerate(INTERPOLATIONS)
    for form in FORMS
    if form == "op" or (i + k) % 2 == 0
]


@pytest.mark.parametrize(("fill_mode", "interpolation", "form"), NOT_FINITE)
def test_what_is_not_finite_spreads_no_further_than_its_neighbours(
    fill_mode, interpolation, form
):
    """It is where the warp puts it, and nowhere that interpolation does not read it."""
    mask = np.zeros((8, 11, 13, 1), bool)
    places = [(0, 0), (10, 12), (0, 6), (5, 5), (5, 6), (7, 0), (3, 9), (10, 3)]
    for image, place in enumerate(places):
        mask[(image, *place)] = True
    warp = form_of(warps(fill_mode, interpolation), form)
    certain = warp(mask.astype("float32")) > 1e-6
    possible = warp(spread(mask).astype("float32")) > 0
    assert certain.any()
    assert not possible.all()
    for bad in BAD:
        lost = ~np.isfinite(warp(np.where(mask, np.float32(bad), np.float32(0.5))))
        assert lost[certain].all()
        assert possible[lost].all()


@every
def test_what_is_not_finite_stays_in_its_image(name):
    bad = BAD[sorted(EVERY).index(name) % len(BAD)]
    images = random_images((4, 9, 12, 3))
    layer = _with_range(name)
    expected = augmented(layer, images, "op")
    images[1, 4, 5] = bad
    result = augmented(layer, images, "op")
    others = [0, 2, 3]
    assert_same_bits(result[others], expected[others])
    assert np.isfinite(result[others]).all()


def _with_range(name):
    """A layer for images in [0, 1], told so where it takes a range."""
    try:
        return EVERY[name](value_range=(0, 1))
    except (TypeError, ValueError):
        return EVERY[name]()


LAYOUTS = {
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[:, ::-1, ::-1].copy()[:, ::-1, ::-1],
    "backwards in the batch": lambda x: x[::-1].copy()[::-1],
    "columns first": lambda x: np.asfortranarray(x),
    "channels first in memory": lambda x: np.moveaxis(
        np.ascontiguousarray(np.moveaxis(x, -1, 1)), 1, -1
    ),
    "part of a larger image": lambda x: np.pad(x, [(2, 3)] * 4)[2:-3, 2:-3, 2:-3, 2:-3],
    "read-only": lambda x: _read_only(x),
    "unaligned": lambda x: _unaligned(x),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
}


def _read_only(x):
    x = x.copy()
    x.setflags(write=False)
    return x


def _unaligned(x):
    buffer = np.zeros(x.nbytes + 1, "uint8")[1:]
    view = np.ndarray(x.shape, x.dtype, buffer)
    view[...] = x
    return view


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@op_by_op()
def test_any_layout_in_memory(layout, dtype):
    images = random_images((3, 9, 12, 3), "uint8").astype(dtype)
    given_images = LAYOUTS[layout](images)
    np.testing.assert_array_equal(given_images, images)
    layer = kal.FusedAugmentation([kal.RandomRotate(0.2), kal.RandomZoom(0.2)])
    expected = layer(images, training=True, seed=SEED)
    assert_same_bits(layer(given_images, training=True, seed=SEED), expected)
    assert layer(given_images) is given_images


def test_one_image_seen_many_times():
    """A stride of zero."""
    image = random_images((9, 12, 3), "uint8")
    images = np.broadcast_to(image, (50, 9, 12, 3))
    result = kal.RandomRotate(0.5)(images, training=True, seed=SEED)
    assert len({x.tobytes() for x in result.numpy()}) == 50
    assert_same_bits(images[7], image)


@forms
def test_a_large_image_of_few_bytes(form):
    """4,000 pixels along one axis, where float32 coordinates are coarse."""
    ramp = np.arange(4000, dtype="float32")[None, None, :, None]
    layer = kal.RandomShift(0, (10.25, 10.25), unit="pixels", fill_mode="nearest")
    expected = np.clip(np.arange(4000) - 10.25, 0, 3999)
    result = augmented(layer, ramp, form)[0, 0, :, 0]
    np.testing.assert_allclose(result, expected, atol=1e-3)
