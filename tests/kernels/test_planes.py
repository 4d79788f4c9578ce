"""The warp's form for GPUs against its form for CPUs, both compiled on the CPU."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import random_images

from keras_aug_layers.kernels import device, plane_pixels, planes
from keras_aug_layers.kernels import warp as warps
from keras_aug_layers.kernels.coordinates import Reader


def reference(images, matrices, affine, **kwargs):
    """The form for CPUs."""
    with device.traced_for("cpu"):
        return warps.warp(images, Reader(matrices, affine), **kwargs)


def gather_planes(images, m, *, affine=False, finish=None, **how):
    """The form for GPUs."""
    how = {"fill_mode": "reflect", "interpolation": "bilinear", "fill_value": 0.0} | how
    with device.traced_for("gpu"):
        (found,) = planes.read(images, Reader(m, affine), **how)
        return tf.stack(found if finish is None else finish(found), axis=-1)


FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")
BATCH, HEIGHT, WIDTH = 4, 50, 64
HORIZON = 3
"""In image 1 of the perspectives, it is the column 2**HORIZON."""
MODES = [
    ("reflect", "bilinear", True),
    ("reflect", "nearest", False),
    ("constant", "bilinear", False),
    ("constant", "nearest", True),
    ("nearest", "bilinear", True),
    ("nearest", "nearest", False),
    ("wrap", "bilinear", False),
    ("wrap", "nearest", True),
]
"""A fill mode, an interpolation, and whether turns are affine."""
OTHERS = [(fill, how, not affine) for fill, how, affine in MODES]
"""Those that are left, of which the gradients are taken."""
FEW = 1e-4
"""Of the values, so many may be a grey level off."""


def matrices(affine=True, seed=3, height=HEIGHT, width=WIDTH):
    """Turns, zooms and shifts by a good part of the frame, and the identity."""
    generator = np.random.default_rng(seed)
    angle = generator.uniform(-2.0, 2.0, BATCH)
    zoom = generator.uniform(0.3, 1.5, BATCH)
    found = np.zeros((BATCH, 3, 3))
    found[:, 0, 0] = found[:, 1, 1] = zoom * np.cos(angle)
    found[:, 0, 1], found[:, 1, 0] = -zoom * np.sin(angle), zoom * np.sin(angle)
    found[:, 2, 2] = 1.0
    found[:, :2, 2] = generator.uniform(-0.5, 0.5, (BATCH, 2)) * (width, height)
    found[0] = np.eye(3)
    if not affine:
        tilt = generator.uniform(-0.3, 0.3, (BATCH - 1, 2))
        found[1:, 2, :2] = tilt / (width, height)
        found[1, 2, :2] = -(2.0**-HORIZON), 0.0
    return tf.constant(found, tf.float32)


def near_horizon(m, height, width):
    """Where a rounding moves places by pixels: (B, height, width, 1)."""
    v, u = np.mgrid[:height, :width]
    m = m.numpy()[:, :, :, np.newaxis, np.newaxis]
    depth = np.abs(m[:, 2, 0] * u + m[:, 2, 1] * v + 1.0)[..., np.newaxis]
    return (depth > 0.0) & (depth < 0.4)


def finish(images, gain=None):
    """What the planes are finished with to make images of their own dtype."""

    def finished(planes):
        if gain is not None:
            planes = [gain * plane for plane in planes]
        return [plane_pixels.finish(plane, images.dtype, None) for plane in planes]

    return finished


def both(images, m, affine=True, **kwargs):
    """What the two forms make of images, each finished to their dtype."""

    @tf.function(jit_compile=True, autograph=False)
    def run(images, m):
        ours = gather_planes(images, m, affine=affine, finish=finish(images), **kwargs)
        theirs = reference(images, m, affine, **kwargs)
        if images.dtype.is_integer and theirs.dtype != images.dtype:
            theirs = tf.saturate_cast(tf.round(theirs), images.dtype)
        return ours, tf.cast(theirs, images.dtype)

    ours, theirs = (x.numpy() for x in run(tf.constant(images), m))
    if not affine:
        assert m[1, 2, 0] == -(2.0**-HORIZON)
        near = near_horizon(m, *ours.shape[1:3])
        assert 0.0 < near.mean() < 0.1
        ours = np.where(near, theirs, ours)
    return ours, theirs


def assert_close(ours, theirs):
    """Grey levels are equal but for few, by one; others to 1e-4 of their range."""
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    off = np.abs(ours.astype("float64") - theirs.astype("float64"))
    if ours.dtype.kind in "iu" and ours.dtype.itemsize == 1:
        assert off.max() <= 1
        assert np.mean(off > 0) < FEW
        return
    least = np.finfo("float16").eps if ours.dtype == np.float16 else 1e-4
    # A place that lies on an edge may fall on either side of it.
    assert np.mean(off > least * np.max(np.abs(theirs))) < FEW


@pytest.mark.slow
@pytest.mark.parametrize(("fill_mode", "interpolation", "affine"), MODES)
def test_modes(fill_mode, interpolation, affine):
    images = random_images((BATCH, HEIGHT, WIDTH, 3))
    modes = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 0.5}
    ours, theirs = both(images, matrices(affine), affine, **modes)
    assert_close(ours, theirs)
    np.testing.assert_allclose(ours[0], images[0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "int32"])
def test_dtypes(dtype, interpolation):
    images = random_images((BATCH, HEIGHT, WIDTH, 3), dtype)
    for fill_mode in ("reflect", "constant"):
        modes = {"fill_mode": fill_mode, "interpolation": interpolation}
        assert_close(*both(images, matrices(), fill_value=7.0, **modes))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_channels(channels):
    for affine, dtype in ((True, "uint8"), (False, "float32")):
        images = random_images((BATCH, HEIGHT, WIDTH, channels), dtype)
        assert_close(*both(images, matrices(affine), affine, fill_mode="constant"))


@pytest.mark.thorough
def test_booleans():
    images = random_images((BATCH, HEIGHT, WIDTH, 1)) > 0.5
    modes = {"interpolation": "nearest", "fill_mode": "constant", "fill_value": 1.0}
    ours, theirs = both(images, matrices(), **modes)
    assert np.mean(ours != theirs) < FEW


@pytest.mark.thorough
@pytest.mark.parametrize("affine", [True, False])
def test_a_mode(affine):
    images = random_images((BATCH, HEIGHT, WIDTH, 3))
    ours, theirs = both(images, matrices(affine), affine, fill_mode="constant")
    assert_close(ours, theirs)
    np.testing.assert_allclose(ours[0], images[0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 7), (2, 1)])
def test_small_images(shape):
    images = random_images((BATCH, *shape, 1))
    m = matrices(height=shape[0], width=shape[1])
    for fill_mode in FILL_MODES:
        assert_close(*both(images, m, fill_mode=fill_mode))


@pytest.mark.thorough
def test_nothing():
    shape = (0, 9, 12, 3)
    images = np.zeros(shape, "float32")
    ours, theirs = both(images, tf.zeros((0, 3, 3)))
    assert ours.shape == theirs.shape == shape


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_other_sizes_and_one_matrix_for_all(interpolation):
    images = random_images((BATCH, HEIGHT, WIDTH, 3))
    modes = {"interpolation": interpolation, "output_size": (31, 70)}
    ours, theirs = both(images, matrices()[2:3], **modes)
    assert ours.shape == (BATCH, 31, 70, 3)
    assert_close(ours, theirs)


@pytest.mark.thorough
def test_unknown_sizes():
    images = random_images((BATCH, HEIGHT, WIDTH, 3))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3)),
            tf.TensorSpec((None, 3, 3)),
        ],
        jit_compile=True,
        autograph=False,
    )
    def run(images, m):
        return gather_planes(images, m, affine=True)

    theirs = both(images, matrices())[1]
    assert_close(run(images, matrices()).numpy(), theirs)


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_no_place(fill_mode, interpolation):
    """What is nowhere or far away is read in its own image, or it is NaN."""
    number = np.arange(BATCH)[:, np.newaxis, np.newaxis, np.newaxis]
    images = tf.constant(number + random_images((BATCH, 5, 7, 1)) / 2, tf.float32)
    modes = {"fill_mode": fill_mode, "interpolation": interpolation}

    @tf.function(jit_compile=True, autograph=False)
    def run(m):
        return gather_planes(images, m, affine=True, fill_value=9.0, **modes)

    for nowhere in (np.nan, -np.nan, np.inf, -np.inf, 3e38):
        m = np.tile(np.eye(3, dtype="float32"), (BATCH, 1, 1))
        m[1, 0], m[2, 1], m[3, :2] = nowhere, nowhere, nowhere
        found = run(tf.constant(m)).numpy()
        np.testing.assert_array_equal(found[0], images[0])
        own = (np.floor(found) == number) | np.isnan(found)
        assert np.all(own | (found == 9.0) if fill_mode == "constant" else own)
        if interpolation == "nearest":
            assert not np.isnan(found).any()


@pytest.mark.slow
@pytest.mark.parametrize(("fill_mode", "interpolation", "affine"), OTHERS)
def test_gradients(fill_mode, interpolation, affine):
    images = tf.constant(random_images((BATCH, 11, 13, 1)))
    upstream = tf.constant(random_images((BATCH, 11, 13, 1), seed=5))
    m = matrices(affine, height=11, width=13)
    modes = {"fill_mode": fill_mode, "interpolation": interpolation}

    @tf.function(jit_compile=True, autograph=False)
    def run(images):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            ours = gather_planes(
                images, m, affine=affine, finish=finish(images, 3.0), **modes
            )
            theirs = 3.0 * reference(images, m, affine, **modes)
        return [tape.gradient(x, images, upstream) for x in (ours, theirs)]

    if not affine:
        upstream = tf.where(near_horizon(m, 11, 13), 0.0, upstream)
    ours, theirs = (x.numpy() for x in run(images))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.max(theirs))


@pytest.mark.slow
def test_gradients_of_half_precision_and_of_gradients():
    images = tf.constant(random_images((BATCH, 11, 13, 2), "float16"))
    m = matrices(height=11, width=13)

    @tf.function(jit_compile=True, autograph=False)
    def run(images):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                warped = gather_planes(images, m, affine=True)
                loss = tf.reduce_sum(warped**2)
            gradient = inner.gradient(loss, images)
            penalty = tf.reduce_sum(tf.cast(gradient, tf.float32) ** 2)
        return gradient, outer.gradient(penalty, images)

    first, second = run(images)
    assert first.dtype == second.dtype == tf.float16
    # The warp is linear, A x: the gradients are 2 A'A x, and 4 A'A of the gradient.
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(gather_planes(images, m, affine=True) ** 2)
    np.testing.assert_allclose(first, tape.gradient(loss, images), rtol=2e-3)
    with tf.GradientTape() as tape:
        tape.watch(first)
        loss = 2 * tf.reduce_sum(gather_planes(first, m, affine=True) ** 2)
    np.testing.assert_allclose(second, tape.gradient(loss, first), rtol=4e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_finish_plane(dtype):
    dtype = tf.as_dtype(dtype)
    values = [0.5, 1.5, -0.5, 254.5, 1e9, -1e9, np.inf, -np.inf, 1e38, 127.49, 255.5]
    for value_range in (None, (0.4, 200.6), (-10.0, 1e6)):
        low, high = dtype.min, dtype.max
        if value_range is not None:
            low, high = max(low, value_range[0]), min(high, value_range[1])
        plane = tf.constant(values)
        expected = np.round(np.clip(np.array(values, "float32"), low, high))
        finished = plane_pixels.finish(plane, dtype, value_range)
        np.testing.assert_array_equal(finished, expected.astype(dtype.name))
        for nan in (np.nan, -np.nan):
            finished = plane_pixels.finish(tf.constant([nan]), dtype, value_range)
            assert finished.numpy() in (np.round(low), np.round(high))
