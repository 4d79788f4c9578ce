"""A user's own functions: they fuse with ours, save, load, and targets follow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.kernels import program, stages
from keras_aug_layers.layers.mixes.mixing import of_partner, weighted
from keras_aug_layers.layers.pixels.erasing import register_eraser


def _darken(x, amount):
    return x * (1.0 - amount)


def _bend(x, y, height):
    return x + height * tf.sin(y / 5.0), y


def _unbend(step):
    return kal.Step("tests.bend", {"height": -step.rows["height"]})


darken = kal.register("tests.darken", "pointwise", _darken, neutral={"amount": 0.0})
bend = kal.register("tests.bend", "coordinates", _bend, inverse=_unbend)
one_way = kal.register("tests.one_way", "coordinates", lambda x, y, one: (x * one, y))


@keras.saving.register_keras_serializable("tests")
class Darken(kal.ColorLayer):
    """Darkens."""

    def __init__(self, amount=0.5, **kwargs):
        super().__init__(**kwargs)
        self.amount = amount

    def draw(self, random, frame):
        return darken(amount=random.uniform((self.amount, self.amount)))


@keras.saving.register_keras_serializable("tests")
class Bend(kal.GeometricLayer):
    """Bends columns into waves."""

    def __init__(self, height=3.0, **kwargs):
        super().__init__(**kwargs)
        self.height = height

    def draw(self, random, frame):
        return bend(height=random.uniform((self.height, self.height)))


@pytest.fixture
def batch():
    """Four smooth images."""
    y, x = np.mgrid[:30, :32]
    waves = np.sin(
        x[..., None] / 4 + y[..., None] / 6 + np.arange(12).reshape(4, 1, 1, 3)
    )
    return (127 + 120 * waves).astype("uint8")


def expected_bend(batch, height):
    """The definition, in float64 NumPy."""
    size = batch.shape[1:3]
    y, x = np.mgrid[: size[0], : size[1]].astype("float64")
    at = x + height * np.sin((y - (size[0] - 1) / 2) / 5.0)
    period = 2 * size[1]

    def pixel(column):
        column = np.mod(column, period)
        return np.minimum(column, period - 1 - column).astype(int)

    rows, left = y.astype(int), np.floor(at)
    part = (at - left)[..., None]
    return (1 - part) * batch[:, rows, pixel(left)] + part * batch[
        :, rows, pixel(left + 1)
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_coordinate_function_is_what_it_says(batch, jit_compile):
    layer = Bend(jit_compile=jit_compile)
    result = tf.function(layer)(batch, training=True).numpy()
    np.testing.assert_allclose(result, expected_bend(batch, 3.0), atol=0.51)


@pytest.mark.thorough
def test_they_fuse_with_ours(batch):
    layers = [kal.RandomFlip(seed=1), Bend(), Darken(), kal.RandomRotate(0.1, seed=2)]
    group = kal.FusedAugmentation(layers)(batch, training=True).numpy()
    x = tf.constant(batch)
    for layer in [
        kal.RandomFlip(seed=1),
        Bend(),
        Darken(),
        kal.RandomRotate(0.1, seed=2),
    ]:
        x = layer(x, training=True)
    np.testing.assert_array_equal(x.numpy(), group)
    stack = kal.FusedAugmentation(layers)
    assert kal.explain(stack, (4, 30, 32, 3)).startswith("1 warp, 0 other passes")


@pytest.mark.thorough
def test_points_follow_by_the_inverse(batch):
    data = {"images": batch, "keypoints": np.full((4, 1, 2), 12.0, "float32")}
    moved = Bend()(data, training=True)["keypoints"].numpy()
    back = 12.0 - 3.0 * np.sin((12.0 - 29 / 2) / 5.0)
    np.testing.assert_allclose(moved[:, 0], [[back, 12.0]] * 4, atol=1e-4)


@pytest.mark.thorough
def test_boxes_enclose_what_bends(batch):
    boxes = np.tile([[[8.0, 2, 20, 28]]], (4, 1, 1)).astype("float32")
    data = {"images": batch, "bounding_boxes": {"boxes": boxes}}
    layer = Bend(bounding_box_format="xyxy")
    x0, y0, x1, y1 = layer(data, training=True)["bounding_boxes"]["boxes"].numpy()[0, 0]
    assert (y0, y1) == pytest.approx((2, 28), abs=1e-3)
    assert x0 == pytest.approx(8 - 3, abs=0.1)
    assert x1 == pytest.approx(20 + 3, abs=0.1)


@pytest.mark.thorough
def test_without_an_inverse_points_are_refused(batch):
    class OneWay(kal.GeometricLayer):
        def draw(self, random, frame):
            return one_way(one=1.0)

    data = {"images": batch, "keypoints": np.full((4, 1, 2), 12.0, "float32")}
    with pytest.raises(ValueError, match="one_way.*has no inverse"):
        OneWay()(data, training=True)


def test_a_chance_is_kept_for_each_image(batch):
    layer = Bend(probability=0.5, seed=1)
    result = layer(np.repeat(batch[:1], 64, axis=0), training=True).numpy()
    still = (result == batch[0]).all(axis=(1, 2, 3))
    assert 16 < still.sum() < 48
    bent = expected_bend(batch[:1], 3.0)
    np.testing.assert_allclose(
        result[~still], np.repeat(bent, (~still).sum(), axis=0), atol=0.51
    )


@pytest.mark.thorough
def test_a_model_with_them_is_saved_and_loaded(batch, tmp_path):
    layers = [Bend(2.0, seed=1), Darken(0.25)]
    model = keras.Sequential([keras.Input(batch.shape[1:], dtype="uint8"), *layers])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.layers[0].height, loaded.layers[1].amount) == (2.0, 0.25)
    images = tf.constant(batch)
    np.testing.assert_array_equal(
        loaded(images, training=True), model(images, training=True)
    )


def test_a_transform_with_them_is_kept_as_json(batch):
    transform = kal.FusedAugmentation([Bend(), Darken()]).sample(batch)
    again = kal.Transform.from_config(transform.to_config())
    np.testing.assert_array_equal(transform.images(batch), again.images(batch))


def test_a_name_stands_for_one_function():
    with pytest.raises(ValueError, match="tests.darken.*prefix"):
        kal.register("tests.darken", "pointwise", lambda x, amount: x)


def test_the_same_lines_may_run_again():
    """As a cell of a notebook does."""
    lines = "make = register('tests.again', 'pointwise', lambda x, gain: x * gain)"
    for _ in range(2):
        names = {"register": kal.register, "__name__": "tests.cell"}
        exec(compile(lines, "cell", "exec"), names)
    assert names["make"](gain=2.0).name == "tests.again"


def test_a_function_that_is_written_anew_takes_the_place_of_the_old(batch):
    """As a cell of a notebook that was edited; in chains of layers made since."""
    lines = """
def _gain(x, gain):
    return x * gain{change}
make = register("tests.edited", "pointwise", _gain)
"""
    names = {"register": kal.register, "__name__": "tests.cell"}

    class Edited(kal.ColorLayer):
        def draw(self, random, frame):
            return names["make"](gain=0.25)

    results = []
    for change in ("", " + 20.0"):
        exec(compile(lines.format(change=change), "cell", "exec"), names)
        flipped = kal.RandomFlip(jit_compile=False, seed=1)(batch, training=True)
        edited = Edited(jit_compile=False)(flipped, training=True)
        results.append(edited.numpy().astype(int))
    np.testing.assert_array_equal(results[1] - results[0], 20)


def test_a_lambda_that_changed_is_refused_and_told_of_def():
    make = [lambda x: x, lambda x: -x]
    kal.register("tests.lambda", "pointwise", make[0])
    with pytest.raises(ValueError, match="tests.lambda.*`def`"):
        kal.register("tests.lambda", "pointwise", make[1])


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind.*'pointwise'.*Received: 'pixel'"):
        kal.register("tests.other", "pixel", _darken)


def test_a_program_of_unknown_functions_says_what_to_import():
    step = kal.Step("tests.never_entered", {"one": tf.ones((1, 1))})
    with pytest.raises(ValueError, match="never_entered.*Import the module"):
        program.function_of(step)


def test_a_forgotten_return_is_named():
    class Forgetful(kal.ColorLayer):
        def draw(self, random, frame):
            random.uniform((0.0, 1.0))

    with pytest.raises(ValueError, match="`draw` must return .* Write return"):
        Forgetful()(np.zeros((2, 8, 8, 3), "uint8"), training=True)


@pytest.mark.parametrize("size", [0, 3])
def test_stages_get_images_one_by_one_where_their_number_is_not_known(size):
    """Of one image a policy's stage is a branch; of several, all stages are done."""
    sizes = []

    def negative(images, top):
        sizes.append(images.shape[0])
        return tf.cast(top, images.dtype)[:, :, None, None] - images

    make = kal.register(f"tests.negative{size}", "stage", negative, one_by_one=True)
    step = make(top=tf.fill((size, 1), 255.0))
    spec = tf.TensorSpec((None, 4, 5, 3), tf.uint8)
    run = tf.function(lambda x: stages.run(step, x, None), [spec], jit_compile=True)
    images = np.arange(size * 60, dtype="uint8").reshape(size, 4, 5, 3)
    np.testing.assert_array_equal(run(images), 255 - images)
    assert 1 in sizes


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("", "pointwise", abs), "`name` must be a text. Received: ''"),
        ((3, "pointwise", abs), "`name` must be a text. Received: 3"),
        (("q.a", "pointwise", 3), "`call` must be a function. Received: 3"),
    ],
)
def test_what_is_no_function_is_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        kal.register(*arguments)


def test_an_attribute_that_is_none_is_refused():
    with pytest.raises(ValueError, match="`neutal` is no attribute.*neutral, "):
        kal.register("q.b", "pointwise", abs, neutal={})
    kal.register("q.b", "pointwise", abs)  # nothing was entered


def _times(gain):
    return lambda x, one: x * gain


def test_a_function_of_the_same_lines_that_knows_something_else_is_another():
    kal.register("tests.times", "pointwise", _times(2.0))
    kal.register("tests.times", "pointwise", _times(2.0))  # the same, written again
    with pytest.raises(ValueError, match="`name` must be new"):
        kal.register("tests.times", "pointwise", _times(3.0))
    with pytest.raises(ValueError, match="`name` must be new"):
        register_eraser("erase", lambda y, x, **rows: 0.0 * y * x)


blend = kal.register(
    "tests.blend",
    "stage",
    lambda images, lam, partner: of_partner(images, partner),
    alone=False,
    labels=weighted,
    neutral={"lam": 1.0},
)


class Blend(kal.MixingLayer):
    """Shows the partner, under labels that are mixed."""

    def draw(self, random, frame):
        lam = random.uniform((0.5, 0.5))
        return blend(lam=lam, partner=self.partner(random, frame))


def test_a_mix_that_can_do_nothing_is_one_of_a_choice(batch):
    layer = kal.RandomChoice([kal.MixUp(50.0), Blend()], seed=1)
    data = {"images": batch, "labels": np.eye(4, dtype="float32")}
    made = layer(data, training=True)
    np.testing.assert_allclose(tf.reduce_sum(made["labels"], 1), 1.0, rtol=1e-6)
    halves = np.sort(made["labels"], axis=1)[:, -2] == 0.5
    images = made["images"].numpy().astype(int)
    shown = [(images[i] == np.roll(batch, 1, 0)[i]).all() for i in range(4)]
    assert shown == halves.tolist()
    assert 0 < sum(shown) < 4
