"""`fuse` of each of Keras's layers, at degenerate ranges, and what they draw from."""

import functools

import keras
import numpy as np
import pytest
from fusing import FILL_MODES, RANGES, as_values, error, keras_result, ranges, tolerance
from helpers import drawn
from keras import layers as kl

import keras_aug_layers as kal
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import homography

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
    pale, jitter = kal.fuse(
        [
            kl.RandomSaturation((0.2, 0.7)),
            kl.RandomColorJitter(
                contrast_factor=(0.6, 0.2), saturation_factor=(0.2, 0.7)
            ),
        ]
    ).layers
    assert pale.factor == pytest.approx((0.2, 0.7))
    assert jitter.contrast_factor == (-0.2, 0.6)
    assert jitter.saturation_factor == pytest.approx((0.2, 0.7))


@pytest.mark.parametrize("pair", [(0.3, 0.3), (0.1, 0.4)])
@pytest.mark.parametrize("name", ["RandomContrast", "RandomColorJitter"])
def test_gains_of_contrasts_are_kerass(name, pair):
    """Those of a jitter were from 1 + a on."""
    layer = {
        "RandomContrast": lambda: kl.RandomContrast(pair, value_range=(0, 1)),
        "RandomColorJitter": lambda: kl.RandomColorJitter((0, 1), contrast_factor=pair),
    }[name]()
    images = np.tile(np.float32([0.4, 0.6]).reshape(1, 2, 1, 1), (2_000, 1, 2, 3))
    gains = []
    for each in (layer, kal.fuse(layer)):
        made = np.asarray(each(images, training=True))
        gains.append((made[:, 1] - made[:, 0])[:, 0, 0] / 0.2)
    quantiles = np.linspace(0, 1, 9)
    theirs, ours = (np.quantile(x, quantiles) for x in gains)
    np.testing.assert_allclose(ours, theirs, atol=0.05)
    assert ours[0] < 1 - 0.9 * pair[0] and ours[-1] > 1 + 0.9 * pair[1]


def test_where_keras_does_other_than_it_says_we_do_what_it_says():
    jitter = kl.RandomColorJitter(contrast_factor=0.5, saturation_factor=0.5)
    several = kl.RandomColorDegeneration(0.5), kl.RandomSaturation(0.5), jitter
    contrast, *pale, both = kal.fuse([kl.RandomContrast(0.5), *several]).layers
    for factor in (contrast.factor, both.contrast_factor):
        assert factor == (-0.5, 0.5)  # Keras: from 1.0 to 1.5
    for factor in (pale[0].factor, pale[1].factor, both.saturation_factor):
        assert factor == (0.0, 0.5)  # Keras: from -0.5
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
