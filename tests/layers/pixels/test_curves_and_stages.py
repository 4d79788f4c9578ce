"""Curves, statistics, neighbourhoods and policies against their definitions."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import drawn
from published import pixels as reference

import keras_aug_layers as kal


@pytest.fixture
def batch():
    """A random image, a dark one, one of almost one value, and a smooth one."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 24, 31, 3)).astype("uint8")
    images[1] //= 3
    images[2] = 77
    images[2, 3, 4] = 90
    y, x = np.mgrid[:24, :31]
    images[3] = (127 + 100 * np.sin(x / 5 + y / 7))[..., None] + np.array([0, 9, -20])
    return images


def blur(**kwargs):
    return kal.RandomGaussianBlur(kernel_size=(5, 7), sigma=(1.3, 1.3), **kwargs)


EXACT = {
    "solarize": (
        functools.partial(kal.Solarization, 0, (0.5, 0.5)),
        lambda x: reference.solarize(x, 127.5 if x.dtype == np.uint8 else 0.5),
    ),
    "posterize": (
        functools.partial(kal.RandomPosterization, 3),
        lambda x: reference.posterize(x, 3),
    ),
    "equalize": (kal.Equalization, reference.equalize),
    "autocontrast": (kal.AutoContrast, reference.autocontrast),
    "invert": (functools.partial(kal.RandomInvert, 1.0), reference.invert),
}
NEAR = {
    "gamma": (
        functools.partial(kal.RandomGamma, (1.7, 1.7)),
        lambda x: reference.gamma(x, 1.7),
    ),
    "blurred": (
        functools.partial(kal.RandomSharpness, (0.15, 0.15)),
        lambda x: reference.sharpness(x, 0.3),
    ),
    "sharpened": (
        functools.partial(kal.RandomSharpness, (0.9, 0.9)),
        lambda x: reference.sharpness(x, 1.8),
    ),
    "gaussian blur": (blur, lambda x: reference.gaussian_blur(x, (7, 5), 1.3)),
    "hue": (
        functools.partial(kal.RandomHue, turns=(0.3, 0.3)),
        lambda x: reference.hue(x, 0.3),
    ),
}
"""Stored by rounding here, by cutting off there: one level apart at most."""

FORMS = {"op by op": False, "compiled": True}


def done(layer, images, compiled):
    """What the layer makes of images, op by op or compiled."""
    if not compiled:
        return drawn(layer, images)
    return tf.function(lambda x: layer(x, training=True))(images).numpy()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EXACT)
def test_integers_are_exact(name, form, batch):
    make, expected = EXACT[name]
    result = done(make(), batch, FORMS[form])
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.stack([expected(x) for x in batch]))


def test_a_pixel_on_the_threshold_is_solarized():
    images = np.array([[[50], [51], [52]]], "uint8")
    result = kal.Solarization(threshold_factor=(0.2, 0.2))(images, training=True)
    assert result.numpy().ravel().tolist() == [50, 255 - 51, 255 - 52]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NEAR)
def test_integers_are_a_level_away_at_most(name, form, batch):
    make, expected = NEAR[name]
    result = done(make(), batch, FORMS[form]).astype(int)
    assert np.abs(result - np.stack([expected(x) for x in batch])).max() <= 1


OF_FLOATS = [
    ("equalize", "compiled"),
    ("autocontrast", "compiled"),
    *((name, "compiled") for name in NEAR if name != "sharpened"),
    *((name, "op by op") for name in {**EXACT, **NEAR}),
]
"""Solarize, posterize and invert are compiled for integers, and what sharpens is a
"blurred". The first one is of the quick tier: compiled."""


@pytest.mark.parametrize(("name", "form"), OF_FLOATS)
def test_floats_are_the_definition(name, form, batch):
    make, expected = {**EXACT, **NEAR}[name]
    images = (batch / 255).astype("float32")
    result = done(make(value_range=(0, 1)), images, FORMS[form])
    expected = np.stack([expected(x) for x in images])
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("name", {**EXACT, **NEAR})
def test_the_range_may_lie_anywhere(name, batch):
    """An affine change of the range before is one behind."""
    make, _ = {**EXACT, **NEAR}[name]
    unit = (batch / 255).astype("float32")
    here = done(make(value_range=(0, 1)), unit, False)
    there = done(make(value_range=(-1, 1)), 2 * unit - 1, False)
    near = np.abs((there + 1) / 2 - here)
    # A value at the edge of a level of 256 may fall on its other side.
    assert np.quantile(near, 0.99) < 2e-3
    assert near.max() < (1.1 if name == "solarize" else 0.2)


@pytest.mark.thorough
@pytest.mark.parametrize("name", {**EXACT, **NEAR})
def test_small_and_grey_images(name):
    """One trace is for all sizes."""
    make, _ = {**EXACT, **NEAR}[name]
    whole, unit = make(), make(value_range=(0, 1))
    channels = 3 if name == "hue" else 1
    for shape in ((1, 1), (1, 7), (2, 2)):
        images = np.full((2, *shape, channels), 200, "uint8")
        assert whole(images, training=True).shape == images.shape
        floats = (images / 255).astype("float32")
        assert np.isfinite(unit(floats, training=True)).all()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["equalize", "autocontrast", "gaussian blur", "hue"])
def test_neighbours_in_a_batch_change_nothing(name, batch):
    make, _ = {**EXACT, **NEAR}[name]
    layer = functools.partial(make(), training=True)
    alone = np.concatenate([layer(batch[i : i + 1]) for i in range(4)])
    np.testing.assert_array_equal(layer(batch), alone)


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chance", [0.02, 0.7])
def test_a_chance_leaves_the_others_untouched(chance, form):
    """Few images are done by themselves, many all at once: with the same result."""
    images = np.random.default_rng(1).integers(0, 256, (200, 24, 24, 3)).astype("uint8")
    layer = kal.Equalization(probability=chance, seed=3)
    run = functools.partial(layer, training=True)
    result = (tf.function(run) if FORMS[form] else run)(images).numpy()
    expected = np.stack([reference.equalize(x) for x in images])
    changed = (result != images).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(result[changed], expected[changed])
    spread = np.sqrt(200 * chance * (1.0 - chance))
    assert 0 < changed.sum() < 200
    assert abs(changed.sum() - 200 * chance) < 5 * spread


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_gradients_go_through_stages(form, batch):
    images = tf.constant((batch / 255).astype("float32"))
    layer = kal.RandomGaussianBlur(kernel_size=3, sigma=(1, 1), probability=0.5, seed=1)

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x, training=True))
        return tape.gradient(total, x)

    gradient = (tf.function(run) if FORMS[form] else run)(images).numpy()
    # What a pixel gives away arrives elsewhere; inside, all of it.
    np.testing.assert_allclose(gradient[:, 3:-3, 3:-3], 1.0, atol=1e-5)


def test_noise_is_normal_and_every_images_own():
    images = np.full((6, 64, 64, 3), 128, "uint8")
    noise = kal.RandomGaussianNoise((0.1, 0.1), seed=1)(images, training=True)
    noise = noise.numpy().astype(float) - 128
    assert abs(noise.mean()) < 0.5
    assert noise.std() == pytest.approx(25.5, rel=0.01)
    third, fourth = (noise**3).mean() / 25.5**3, (noise**4).mean() / 25.5**4
    assert abs(third) < 0.05 and abs(fourth - 3) < 0.1
    for a, b in ((noise[0], noise[1]), (noise[..., 0], noise[..., 1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.03
    along = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
    assert abs(along) < 0.03


@pytest.mark.thorough
def test_noise_is_the_same_in_every_form(batch):
    seed = (3, 4)
    layer = kal.RandomGaussianNoise((0.1, 0.1))
    eager = layer(batch, training=True, seed=seed).numpy().astype(int)
    graph = tf.function(lambda x: layer(x, training=True, seed=seed))(batch).numpy()
    assert np.abs(eager - graph).max() <= 1
    assert (eager != graph).mean() < 1e-3


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_normalize_is_the_two_steps_apart(form, batch):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    moves = [kal.RandomRotate(0.1, seed=1), kal.RandomBrightness(gain=0.3, seed=2)]

    def made(*last):
        """With the same draws each time."""
        for number, layer in enumerate(moves, start=1):
            layer.random_state.assign([0, 0, number])
        return done(kal.FusedAugmentation([*moves, *last]), batch, FORMS[form])

    expected = (made() / 255.0 - np.array(mean)) / np.array(std)
    for dtype, tolerance in (("float32", 1e-5), ("float16", 2e-3), ("bfloat16", 2e-2)):
        result = made(kal.Normalize(mean, std, dtype=dtype))
        assert result.dtype.name == dtype
        np.testing.assert_allclose(result.astype("float64"), expected, atol=tolerance)


CLIPPED = {
    "affine": [kal.RandomBrightness((0.3, 0.3), (0, 255))],
    "in an order": [kal.RandomColorJitter((0, 255), (0.3, 0.3), order="random")],
    "a threshold": [kal.RandomBrightness((0.3, 0.3), (0, 255)), kal.Solarization(0.0)],
}


@pytest.mark.parametrize("name", CLIPPED)
@pytest.mark.parametrize("form", FORMS)
def test_floats_are_clipped_before_their_unit_changes(name, form, batch):
    given = batch.astype("float32")
    colors = kal.FusedAugmentation(CLIPPED[name], value_range=(0, 255))
    last = kal.Rescaling(1 / 255, -0.5)
    expected = done(colors, given, FORMS[form]) / 255.0 - 0.5
    ends = expected.min(), expected.max()
    assert np.isin(expected, ends).mean() > 0.01  # what lies beyond them without
    result = done(kal.FusedAugmentation([*CLIPPED[name], last]), given, FORMS[form])
    np.testing.assert_allclose(result, expected, atol=1e-5)


OF_INTEGERS = [
    ("uint8", "op by op"),
    ("uint8", "compiled"),
    ("uint16", "op by op"),
    ("int16", "op by op"),
    ("uint16", "compiled"),
    ("int32", "compiled"),
    ("int32", "op by op"),
]
"""The first and the fifth are of the quick tier."""


@pytest.mark.parametrize(("dtype", "form"), OF_INTEGERS)
def test_integers_stay_within_a_range_of_their_own(dtype, form, batch):
    """Of 12 bits, say, in 16: what a stage makes of them, as a curve does."""
    low, high = (3, 200) if dtype == "uint8" else (16, 4095)
    images = (low + batch.astype("float64") / 255.0 * (high - low)).astype(dtype)
    for layer in (
        kal.RandomSharpness((0.9, 0.9), value_range=(low, high)),
        kal.RandomGamma((3.0, 3.0), keep_statistics=True, value_range=(low, high)),
    ):
        result = done(layer, images, FORMS[form])
        assert result.min() >= low and result.max() == high
        last = kal.Normalize(0.0, 1.0, value_range=(low, high))
        unit = done(kal.FusedAugmentation([layer, last]), images, FORMS[form])
        assert unit.min() >= 0.0 and unit.max() == pytest.approx(1.0)


def test_floats_that_are_only_moved_are_not_clipped():
    images = np.full((1, 4, 4, 3), 300.0, "float32")
    stack = [kal.RandomFlip(), kal.Normalize(0.0, 1.0, value_range=(0, 255))]
    result = kal.FusedAugmentation(stack)(images, training=True)
    np.testing.assert_allclose(result, images / 255.0, rtol=1e-6)


def test_outside_training_it_normalises_and_nothing_else(batch):
    stack = kal.FusedAugmentation(
        [kal.RandomFlip(), kal.RandomBrightness(gain=0.5), kal.Normalize(0.5, 0.25)]
    )
    expected = (batch / 255.0 - 0.5) / 0.25
    np.testing.assert_allclose(stack(batch).numpy(), expected, atol=1e-5)
    model = keras.Sequential([keras.Input(batch.shape[1:], dtype="uint8"), stack])
    assert model.output_shape == (None, 24, 31, 3)
    np.testing.assert_allclose(model.predict(batch, verbose=0), expected, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"], indirect=True)
def test_the_policy_decides_the_dtype(policy, batch):
    dtype = policy.removeprefix("mixed_")
    assert kal.Normalize(0.5, 0.5)(batch).dtype.name == dtype
    assert kal.Rescaling(1 / 255)(batch).dtype.name == dtype
    model = keras.Sequential(
        [
            keras.Input(batch.shape[1:], dtype="uint8"),
            kal.RandomFlip(),
            kal.Normalize(0.5, 0.5),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, dtype="float32"),
        ]
    )
    model.compile("sgd", "mse")
    loss = model.fit(batch, np.zeros((4, 1)), verbose=0).history["loss"]
    assert np.isfinite(loss).all()


@pytest.mark.parametrize(
    "dtype",
    ["mixed_float16", keras.DTypePolicy("float16"), np.float16, tf.float16],
    ids=["name", "policy", "numpy", "tensorflow"],
)
def test_a_dtype_may_be_what_keras_takes(dtype, batch):
    for layer in (
        kal.Rescaling(1 / 255, dtype=dtype),
        kal.Normalize(0, 1, dtype=dtype),
    ):
        assert layer(batch).dtype == tf.float16
        assert layer.get_config()["dtype"] == "float16"


ERRORS = {
    "dtype": (lambda: kal.Normalize(0, 1, dtype="int9"), "dtype.*'bfloat16'.*'int9'"),
    "threshold": (lambda: kal.Solarization(0, 1.5), "threshold_factor.*0 and 1"),
    "bits": (lambda: kal.RandomPosterization(9), "factor.*between 1 and 8"),
    "half a bit": (lambda: kal.RandomPosterization(2.5), "factor.*whole"),
    "even kernel": (lambda: kal.RandomGaussianBlur(kernel_size=4), "odd.*4"),
    "grey levels": (lambda: kal.Normalize(123.7, 58.4), "mean.*part.*123.7.*/ 255"),
    "deviation": (lambda: kal.Normalize(0.5, 0.0), "std.*0.0"),
    "policy": (lambda: kal.AutoAugment("coco"), "policy.*'svhn'.*'coco'"),
    "range": (
        lambda: kal.Equalization()(np.zeros((1, 4, 4, 3), "float32"), training=True),
        "value_range.*must be given.*Equalization",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_to_write(name):
    make, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["jitter", "policy"])
def test_a_gradient_passes_in_a_graph(batch, name):
    """As of a GAN that augments what it made: in the form that is the default."""
    made = {"value_range": (0, 1), "seed": 1}
    tones = {"saturation": 0.3, "hue": 0.1, "order": "random"}
    layers = {
        "jitter": lambda **k: kal.RandomColorJitter(**tones, **made, **k),
        "policy": lambda **k: kal.RandAugment(1, **made, **k),
    }
    images = tf.constant(np.tile(batch, (2, 1, 1, 1)) / 255.0 * 0.8 + 0.1, tf.float32)

    def gradient(layer):
        def run(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                result = layer(images, training=True, seed=(1, 2))
                total = tf.reduce_sum(tf.square(result))
            return tape.gradient(total, images)

        return tf.function(run)(images).numpy()

    expected = gradient(layers[name](jit_compile=False))
    assert np.abs(expected).max() > 0.1
    found = gradient(layers[name]())
    off = np.abs(found - expected) > 1e-3 * np.abs(expected).max()
    assert off.mean() < 1e-3


@pytest.mark.parametrize("keep", [False, True])
def test_black_stays_black_whatever_the_exponent(keep):
    images = np.repeat(np.array([0, 51, 102, 255], "uint8"), 16).reshape(1, 8, 8, 1)
    layer = kal.RandomGamma((0.01, 0.01), keep_statistics=keep)
    made = drawn(layer, images).ravel()
    if not keep:
        assert list(np.unique(made)) == [0, 251, 253, 255]
    gaps = np.diff(np.sort(np.unique(made.astype(int))))
    assert gaps[0] > 10 * gaps[1:].max()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "layer",
    [
        lambda: kal.RandomSaturation(gain=0.2, seed=4),
        lambda: kal.RandomHue(0.3, seed=4),
        lambda: kal.RandomColorJitter(hue=0.1, contrast=0.3, order="random", seed=4),
    ],
)
def test_the_gradient_behind_a_move_is_that_of_the_op(layer):
    """Which channel is the greatest must hold however often XLA computes them."""
    generator = np.random.default_rng(0)
    images = generator.uniform(0.35, 0.65, (4, 32, 32, 3)).astype("float32")
    weights = generator.normal(size=images.shape).astype("float32")

    def gradient(jit_compile):
        turn = kal.RandomRotate(0.1, seed=7)
        layers, how = [turn, layer()], {"jit_compile": jit_compile}
        stack = kal.FusedAugmentation(layers, value_range=(0, 1), **how)

        @tf.function(**how)
        def slope(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                loss = tf.reduce_sum(stack(images, training=True) * weights)
            return tape.gradient(loss, images)

        return slope(tf.constant(images)).numpy()

    one, other = gradient(False), gradient(True)
    assert np.abs(one).max() > 0.5
    assert (np.abs(one - other) > 1e-2).mean() < 1e-3


@pytest.mark.parametrize(
    "between",
    [
        lambda: kal.Solarization(threshold_factor=(0.5, 0.5), probability=0.0),
        lambda: kal.RandomPosterization(3, probability=0.0),
        lambda: kal.RandomGamma((2.0, 2.0), probability=0.0),
    ],
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_what_is_not_done_does_not_clip_either(between, jit_compile):
    """A colour that leaves the range may come back where nothing is stored."""
    images = np.random.default_rng(0).integers(150, 251, (4, 8, 8, 3)).astype("uint8")
    up, down = (kal.RandomBrightness((x, x)) for x in (0.4, -0.4))
    group = kal.FusedAugmentation([up, between(), down], jit_compile=jit_compile)
    np.testing.assert_allclose(group(images, training=True), images, atol=1)
