"""explain: with which data, and which passes. Of chains it is in plan/test_chain.py."""

import keras
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers.explain import describe

SHAPE = (4, 12, 16, 3)
IMAGES = {"shape": SHAPE[1:], "dtype": "uint8"}
MASKS = {"shape": (12, 16, 1), "dtype": "float32"}


def mixed(**inputs):
    """A functional model of a dict, which flips and mixes."""
    inputs = {key: keras.Input(name=key, **x) for key, x in inputs.items()}
    stack = kal.FusedAugmentation([kal.RandomFlip(), kal.MixUp(num_classes=10)])
    return keras.Model(inputs, stack(inputs))


@pytest.mark.parametrize(
    "further",
    [
        {"labels": {"shape": (), "dtype": "int32"}},
        {"labels": {"shape": (10,)}},
        {"labels": {"shape": (1,), "dtype": "uint8"}, "segmentation_masks": MASKS},
        {"a": {"shape": (4, 4, 3)}, "labels": {"shape": (10,), "batch_size": 4}},
    ],
)
@pytest.mark.parametrize("batch", [4, None])
def test_a_model_that_mixes_gets_what_its_inputs_are(further, batch):
    text = kal.explain(mixed(images=IMAGES, **further), (batch, *SHAPE[1:]))
    assert text.startswith("1 warp, 1 other pass")
    assert "upright" in text and "blend" in text


def test_a_model_gets_its_inputs_in_a_list():
    images, labels = keras.Input(**IMAGES), keras.Input((), dtype="int32")
    mix = kal.MixUp(num_classes=10)
    model = keras.Model([labels, images], mix({"images": images, "labels": labels}))
    assert "blend" in kal.explain(model, SHAPE)


def test_a_model_that_mixes_nothing_gets_what_its_inputs_are():
    shapes = {"images": IMAGES, "segmentation_masks": MASKS}
    inputs = {key: keras.Input(name=key, **x) for key, x in shapes.items()}
    model = keras.Model(inputs, kal.RandomFlip()(inputs))
    assert "upright" in kal.explain(model, SHAPE)


@pytest.mark.parametrize(
    "model", [keras.Sequential, lambda x: keras.Model(x[0], x[1](x[0]))]
)
def test_a_model_of_images_alone_that_mixes_says_what_to_write(model):
    model = model([keras.Input(**IMAGES), kal.MixUp(num_classes=10)])
    with pytest.raises(ValueError, match="give the model a dict with both"):
        kal.explain(model, SHAPE)


class Own(keras.Model):
    """Makes labels of its own."""

    def __init__(self):
        super().__init__()
        self.mix = kal.CutMix()

    def call(self, images, training=False):
        labels = tf.one_hot(tf.range(tf.shape(images)[0]), 3)
        return self.mix({"images": images, "labels": labels}, training=training)


def test_a_model_that_makes_labels_says_what_to_write():
    model = Own()
    with pytest.raises(ValueError, match=r"`layer` must take .*Write explain\(lambda"):
        kal.explain(model, SHAPE)
    text = kal.explain(lambda images: model(images, training=True), SHAPE)
    assert "paste" in text


def test_what_a_stage_moves_is_a_warp():
    """AugMix moves its chains: a pixel of them is read anew."""
    mix = kal.AugMix(1, 1, chain_depth=1)
    stack = kal.FusedAugmentation([kal.RandomFlip(), mix, kal.RandomRotate(0.1)])
    text = kal.explain(stack, SHAPE)
    assert text.startswith("3 warps, 0 other passes")
    assert (
        ": one warp (upright), then one warp (mix_chains), then one warp (aff" in text
    )


def test_a_stage_of_ones_own_says_whether_it_moves():
    def alike(images, run, **rows):
        return run((), images)

    functions = [
        kal.register(f"tests.alike_{moves}", "stage", alike, programs=True, moves=moves)
        for moves in (False, True)
    ]

    class Own(kal.ColorLayer):
        def draw(self, random, frame):
            return [function(one=1.0) for function in functions]

    said = "one pass (tests.alike_False), then one warp (tests.alike_True)"
    assert said in kal.explain(Own(), SHAPE)


@pytest.mark.parametrize("wrong", [(("four", 8, 8, 3), "uint8"), (SHAPE, "uint7")])
def test_what_are_no_images_says_what_to_write(wrong):
    with pytest.raises(ValueError, match=f"must be those.*Received: .*{wrong[1]!r}"):
        kal.explain(kal.RandomFlip(), *wrong)


@pytest.mark.parametrize(
    "layer, part",
    [
        (kal.RandomSaturation((0.0, 0.0)), "factor=±0"),
        (kal.RandomSharpness((0.0, 0.0)), "factor=±0"),
        (kal.RandomBrightness(gain=(0.0, 0.0)), "gain=±0"),
        (kal.RandomHSV(hue=0.0), "hue=±0"),
        (kal.CoarseDropout(fill_value=None), "fill_value=None"),
        (
            kal.RandomChoice([kal.RandomFlip(), kal.RandomInvert()], weights=(1, 9)),
            "weights=(1, 9)",
        ),
    ],
)
def test_a_description_names_what_is_no_default(layer, part):
    assert part in describe(layer)


def test_a_description_leaves_out_what_is():
    for layer in (kal.RandomFlip(), kal.RandomZoom(0.2)):
        assert describe(layer).count("=") == (type(layer) is kal.RandomZoom)
