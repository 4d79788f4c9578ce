"""Layers and functions of a user's own: what they keep, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
BY = kal.register(
    "own_layers.by", "pointwise", lambda x, gain: x * gain, neutral={"gain": 1.0}
)


@keras.saving.register_keras_serializable("own_layers")
class Adaptive(kal.ColorLayer):
    """A strength that is a weight."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.strength = self.add_weight((), "zeros", trainable=False, name="strength")

    def draw(self, random, frame):
        """From none to all of the strength."""
        reach = tf.cast(self.strength.value, tf.float64)
        return BY(gain=1.0 + reach * random.uniform((-1.0, 1.0)))


def model():
    return keras.Sequential([keras.Input((8, 8, 3)), Adaptive(), kal.RandomFlip()])


def test_its_weights_are_saved(tmp_path):
    made = model()
    made.layers[0].strength.assign(0.7)
    made.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.layers[0].strength) == pytest.approx(0.7)
    made.save_weights(tmp_path / "of.weights.h5")
    other = model()
    other.load_weights(tmp_path / "of.weights.h5")
    assert float(other.layers[0].strength) == pytest.approx(0.7)
    states = [x.layers[0].random_state for x in (made, other)]
    np.testing.assert_array_equal(*(np.asarray(x) for x in states))


def test_a_file_without_its_weights_is_refused(tmp_path):
    net = keras.Sequential([keras.Input((8, 8, 3)), kal.RandomFlip()])
    net.save_weights(tmp_path / "of.weights.h5")
    with pytest.raises(ValueError, match="adaptive"):
        model().load_weights(tmp_path / "of.weights.h5")


@pytest.mark.parametrize(
    ("cls", "args", "meant"),
    [
        (kal.RandomFlip, (), "chance"),
        (kal.RandomGrayscale, (), "factor"),
        (kal.RandomChoice, ([kal.RandomFlip()],), "weights"),
        (kal.RandomRotate, (0.1,), "probability"),
    ],
)
def test_what_others_call_p(cls, args, meant):
    with pytest.raises(ValueError, match=f"Write {meant}"):
        cls(*args, p=0.5)


def layer_of(step, base=kal.ColorLayer, **kwargs):
    class Own(base):
        def draw(self, random, frame):
            return step(random)

    return Own(**kwargs)


def test_a_step_that_a_measured_function_makes():
    about = kal.register(
        "own_layers.about",
        "measured",
        lambda mean, gain: SHADE(gain=gain, bias=(1.0 - gain) * mean),
        neutral={"gain": 1.0},
    )
    layer = layer_of(lambda random: about(gain=random.uniform((0.5, 0.5))))
    mean = IMAGES.mean(axis=(1, 2), keepdims=True)
    for call in (layer, tf.function(layer, autograph=False, jit_compile=True)):
        result = call(IMAGES.astype("float32"), training=True)
        np.testing.assert_allclose(result, (mean + IMAGES) / 2.0, atol=1e-3)


SHADE = kal.register(
    "own_layers.shade", "pointwise", lambda x, gain, bias: x * gain + bias
)
SHIFTS = [20.0, 0.0, -20.0]
OF_CHANNELS = {
    "pointwise": lambda x, amount: x + amount * tf.constant(SHIFTS, x.dtype),
    "placed": lambda x, y, x_, amount: x + amount * tf.constant(SHIFTS, x.dtype),
    "mixing": lambda x, amount: x[0] + amount * tf.constant(SHIFTS, x[0].dtype),
}


@pytest.mark.parametrize("kind", OF_CHANNELS)
def test_a_number_for_each_channel_that_is_no_row(kind):
    tint = kal.register(f"own_layers.{kind}", kind, OF_CHANNELS[kind])
    layer = layer_of(lambda random: tint(amount=tf.ones_like(random.uniform())))
    with pytest.raises(ValueError, match="must get a number for each channel as a row"):
        layer(IMAGES, training=True)


def test_a_row_of_numbers_that_are_not_the_channels():
    curve = kal.register(
        "own_layers.curve", "pointwise", lambda x, ab: ab[..., 0:1] + ab[..., 1:2] * x
    )
    layer = layer_of(lambda random: curve(ab=[[10.0, 0.5, 0.0]]))
    with pytest.raises(ValueError, match="makes 0 channels of one"):
        layer(IMAGES, training=True)


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_with_a_bracket_too_few(count):
    layer = layer_of(lambda random: BY(gain=[1.0, 0.5, 0.25]))
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match="a row for each image"
    ):
        layer(IMAGES[:count], training=True)


def test_labels_of_a_layer_that_does_not_mix():
    swap = kal.register(
        "own_layers.swap",
        "stage",
        lambda images, one: images[:, :, ::-1],
        labels=lambda labels, one: labels[:, ::-1],
    )

    def step(random):
        return swap(one=tf.ones_like(random.uniform()))

    data = {"images": IMAGES, "labels": np.eye(3, dtype="float32")}
    with pytest.raises(ValueError, match="mixes\\(\\) is False"):
        layer_of(step, kal.AugmentationLayer)(data, training=True)

    class Mixing(kal.AugmentationLayer):
        def mixes(self):
            return True

    labels = layer_of(step, Mixing)(data, training=True)["labels"]
    np.testing.assert_array_equal(labels, data["labels"][:, ::-1])


def test_a_step_without_rows_that_changes_masks():
    blank = kal.register(
        "own_layers.blank",
        "placed",
        lambda x, rows, columns: x * tf.cast(rows >= 4.0, x.dtype),
        masks=lambda masks: (
            masks * tf.cast(tf.range(8) >= 4, masks.dtype)[:, None, None]
        ),
    )
    masks = np.full((3, 8, 8, 1), 3, "uint8")
    data = {"images": IMAGES, "segmentation_masks": masks}
    result = layer_of(lambda random: blank())(data, training=True)
    np.testing.assert_array_equal(result["images"][:, 4:], IMAGES[:, 4:])
    found = result["segmentation_masks"].numpy()
    assert not found[:, :4].any() and (found[:, 4:] == 3).all()


def test_a_stage_that_gives_another_dtype():
    half = kal.register(
        "own_layers.half",
        "stage",
        lambda images, share: tf.cast(images, tf.float32) * share[:, :, None, None],
    )
    for chance in (1.0, 0.5):
        layer = layer_of(
            lambda random: half(share=random.uniform((0.5, 0.5))), probability=chance
        )
        with pytest.raises(ValueError, match="'own_layers.half' must give images of"):
            layer(IMAGES, training=True, seed=(1, 2))
