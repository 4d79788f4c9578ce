"""`fuse` of stacks: the fewest layers, seeds, formats, warnings."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from fusing import RANGES, as_values, keras_result, names, ranges, silently_fused
from helpers import assert_same_bits, drawn
from keras import layers as kl

import keras_aug_layers as kal
from keras_aug_layers.layers import LayerSequence


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


CONSTANT = {"fill_mode": "constant"}
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
            "FromIntegers",
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


@pytest.mark.parametrize("colour", [kl.RandomGrayscale(0.0), kl.RandomInvert((0, 0))])
def test_an_eraser_behind_another_unit_leaves_the_range_in_front_of_it(colour, images):
    eraser = {"scale": (0.1, 0.1), "value_range": (0, 1)}
    stack = [colour, kl.Rescaling(1 / 255), kl.RandomErasing(fill_value=0.5, **eraser)]
    fused = kal.fuse(stack)
    assert names(fused)[0][1:] == ["Rescaling", "RandomErasing"]
    made = drawn(fused, images)
    same = np.isclose(made, images / 255, atol=1e-6).all(axis=-1)
    assert 0.8 < same.mean() < 0.95
    np.testing.assert_allclose(made[~same], 0.5)


def test_an_eraser_keeps_the_values_that_it_does_not_erase(images):
    """As Keras's, whose range, 0 to 255 by default, is that of what is erased."""
    centred = images - 128.0
    eraser = kl.RandomErasing((1.0, 1.0), (0.3, 0.3), fill_value=300.0)
    made = drawn(kal.fuse([eraser]), centred)
    erased = made != centred
    assert 0.1 < erased.mean() < 0.5
    np.testing.assert_array_equal(made[erased], 255.0)
    assert centred.min() < -50


def test_what_fuse_gave_is_fused_again(images):
    stack = [kl.RandomFlip(), kl.Rescaling(1 / 255), kl.RandomRotation(0.1)]
    fused = kal.fuse(stack)
    again = kal.fuse([kal.fuse(fused), kl.RandomFlip()])
    assert names(again) == [["FusedAugmentation"], ["FusedAugmentation", "RandomFlip"]]
    assert drawn(again, images).max() <= 1.0


HIDDEN = {
    "in a group": lambda: kal.FusedAugmentation([kal.RandomFlip(), kal.Rescaling(2.0)]),
    "by chance": lambda: kal.RandomApply(kal.Normalize(0.5, 0.5), 1.0),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_unit_within_a_group_closes_a_run(name):
    fused = kal.fuse([HIDDEN[name](), kl.RandomRotation(0.1)])
    assert names(fused)[1:] == [["RandomRotate"]]
    erased = kal.fuse([HIDDEN[name](), kl.RandomErasing(fill_value=0.0)])
    assert isinstance(erased, kal.FusedAugmentation)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_jit_compile_arrives(jit_compile):
    stack = [kl.RandomRotation(0.1), kl.Identity(), kl.RandomZoom(0.1)]
    first, *_, last = kal.fuse(stack, jit_compile=jit_compile).layers
    assert first.jit_compile is last.jit_compile is jit_compile
    assert kal.fuse([], jit_compile=jit_compile).jit_compile is jit_compile
    assert kal.fuse(stack).layers[0].jit_compile == "auto"
    probability = tf.Variable(0.5)
    alone = kal.from_image_data_generator(samplewise_center=True)
    alone.probability = probability
    copy = kal.fuse([alone], jit_compile=jit_compile)
    assert copy.jit_compile is jit_compile and copy.samplewise_center
    assert copy.probability is probability and alone.jit_compile == "auto"
    assert kal.fuse([alone]) is alone


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


class Model(keras.Model):
    """A model whose layers stand in no line that can be seen."""

    def __init__(self):
        super().__init__()
        self.flip = kl.RandomFlip()

    def call(self, images, training=False):
        return self.flip(images, training=training)


@pytest.mark.parametrize("alone", [True, False])
def test_a_model_of_ones_own_stays(alone):
    model = Model()
    with pytest.warns(kal.NotFusedWarning, match="Model .* stays as it is"):
        fused = kal.fuse(model if alone else [kl.RandomFlip(), model])
    assert (fused if alone else fused.layers[-1]) is model


def test_the_warning_can_be_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=kal.NotFusedWarning)
        kal.fuse([kl.Dropout(0.1), kl.RandomRotation(0.1)])


def test_no_warning_where_nothing_is_random():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kal.fuse([kl.RandomRotation(0.1), kl.Identity(), kl.Flatten()])


def functional(*layers):
    first = keras.Input((32, 32, 3), dtype="uint8")
    last = first
    for layer in layers:
        last = layer(last)
    return keras.Model(first, last)


@pytest.mark.thorough
def test_a_functional_model_that_is_a_line_is_its_layers():
    nested = keras.Sequential([kl.RandomFlip(), kl.RandomZoom(0.1)])
    new = silently_fused(functional(kl.RandomRotation(0.1), nested))
    assert names(new) == [["RandomRotate", "RandomFlip", "RandomZoom"]]


@pytest.mark.thorough
def test_a_functional_model_that_branches_is_refused():
    first = keras.Input((32, 32, 3))
    turned = kl.RandomRotation(0.1)(first)
    branched = keras.Model(first, kl.Add()([turned, kl.RandomFlip()(turned)]))
    computed = keras.Model(first, kl.RandomFlip()(turned) + 1.0)
    inner = keras.Model(first, [turned, kl.RandomFlip()(turned)])
    for model in (branched, computed, inner):
        with pytest.raises(ValueError, match="`stack` must be a line of layers"):
            kal.fuse(model)


def test_a_dict_holds_whatever_it_likes():
    fused = kal.fuse([kl.RandomFlip(), kl.Rescaling(1 / 255), kl.RandomRotation(0.1)])
    assert isinstance(fused, LayerSequence)
    data = {"images": tf.zeros((2, 8, 8, 3)), "file": "a.png"}
    assert fused(data, training=True)["file"] == "a.png"
