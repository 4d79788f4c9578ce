"""Groups: composition, settings, and against the layers one by one."""

import itertools

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf
from examples import EXAMPLES, GEOMETRIC
from fusing_five import STATIC, WARP, everything, five, functions_of
from helpers import assert_same_bits, drawn, op_by_op, random_images

import keras_aug_layers as kal


@pytest.mark.parametrize("jit_compile", [True, False, "auto"])
def test_an_empty_list_is_the_identity(jit_compile):
    layer = kal.FusedAugmentation([], jit_compile=jit_compile)
    for dtype in ("uint8", "float32", "float64"):
        images = tf.constant(random_images((2, 9, 12, 3), dtype))
        assert_same_bits(layer(images, training=True), images)
        nodes = functions_of(layer, STATIC, dtype)
        assert not {WARP, "GatherV2", "Round"} & set(everything(nodes))


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_layer_is_a_pipeline_of_one(name, dtype):
    images = random_images((4, 9, 12, 3), dtype)
    layer = (
        EXAMPLES[name](seed=1, value_range=(0, 255))
        if name not in GEOMETRIC
        else (EXAMPLES[name](seed=1))
    )
    alone = drawn(layer, images, seed=(3, 4))
    assert_same_bits(drawn(kal.FusedAugmentation([layer]), images, seed=(3, 4)), alone)
    assert not np.array_equal(alone, images)


def test_nested_pipelines_flatten():
    """Layers with seeds of their own draw the same wherever they stand."""
    images = random_images((4, 9, 12, 3))
    layers = five(seeds=range(5))
    flat = kal.FusedAugmentation(layers, jit_compile=False)
    nested = kal.FusedAugmentation(
        [
            kal.FusedAugmentation(layers[:2]),
            kal.FusedAugmentation([layers[2], kal.FusedAugmentation([layers[3]])]),
            kal.FusedAugmentation([]),
            layers[4],
        ],
        jit_compile=False,
    )
    result = nested(images, training=True, seed=(1, 2))
    assert_same_bits(result, flat(images, training=True, seed=(1, 2)))
    assert np.abs(result - images).max() > 0.1
    assert everything(functions_of(nested, STATIC)).count(WARP) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [None, (3, 4), [(3, 4), (5, 6), (7, 8), (9, 9)]])
def test_a_member_with_a_seed_draws_as_it_does_alone(seed):
    """Its neighbours take nothing from it, however much they draw."""
    images = random_images((4, 9, 12, 3))

    def turns(layer):
        transforms = [layer.sample(images, seed=seed) for _ in range(2)]
        return np.stack([transform.matrix for transform in transforms])

    alone = turns(kal.RandomRotate(0.1, seed=7))
    for group in (
        lambda x: kal.FusedAugmentation([x], seed=1),
        lambda x: kal.FusedAugmentation([kal.RandomBrightness(gain=0.3), x]),
        lambda x: kal.FusedAugmentation(
            [kal.RandomHue(turns=0.1), kal.FusedAugmentation([x])]
        ),
        lambda x: kal.RandomApply(x, 1.0),
        lambda x: kal.RandomChoice([x]),
    ):
        assert_same_bits(turns(group(kal.RandomRotate(0.1, seed=7))), alone)
    assert (alone[0] != alone[1]).any() == (seed is None)


@pytest.mark.thorough
def test_a_member_without_a_seed_draws_by_its_place():
    """The seed of the group and the place decide; nobody else's layers do."""
    images = random_images((4, 9, 12, 3))

    def turns(*layers, seed=1):
        fused = kal.FusedAugmentation(layers, seed=seed)
        return fused.sample(images).matrix.numpy()

    def brighter():
        return kal.RandomBrightness(gain=0.3)

    def turn():
        return kal.RandomRotate(0.1)

    first = turns(turn(), brighter())
    assert_same_bits(turns(turn(), kal.RandomChannelShift(9)), first)
    assert_same_bits(turns(turn()), first)
    others = [
        turns(brighter(), turn()),
        turns(kal.FusedAugmentation([turn()])),
        turns(turn(), seed=2),
        turns(kal.FusedAugmentation([turn()], seed=1)),
        kal.RandomRotate(0.1, seed=1).sample(images).matrix.numpy(),
    ]
    assert len({draws.tobytes() for draws in (first, *others)}) == 5
    assert_same_bits(others[3], first)  # as if the group stood alone


def test_children_draw_independently():
    """Down, right and turned: no draw says anything about another."""
    layers = [kal.RandomShift(0.5), kal.RandomShift(0, 0.5), kal.RandomRotate(0.1)]
    matrices = kal.FusedAugmentation(layers, seed=1).sample((4000, 11, 101, 1)).matrix
    centre = np.array([50.0, 5.0, 1.0])
    dx, dy, _ = centre[:, None] - (matrices.numpy() @ centre).T
    draws = np.stack([dx / 101, dy / 11, np.arcsin(matrices[:, 1, 0]) / (0.4 * np.pi)])
    np.testing.assert_allclose(draws.mean(axis=1), 0, atol=0.02)
    np.testing.assert_allclose(draws.std(axis=1), 1 / np.sqrt(12), atol=0.01)
    correlation = np.corrcoef(draws) - np.eye(3)
    assert np.abs(correlation).max() < 0.06  # of 4000 draws, 0.016 is one sigma


def test_the_same_layer_twice_draws_twice():
    """Independent draws add up in their squares."""
    layer = kal.RandomShift(0, 0.5)
    fused = kal.FusedAugmentation([layer, kal.RandomShift(0, 0.5), layer], seed=1)
    shifts = -fused.sample((4000, 8, 100, 1)).matrix.numpy()[:, 0, 2] / 100
    np.testing.assert_allclose(shifts.std(), np.sqrt(3 / 12), atol=0.02)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fill_mode", ("reflect", "wrap")),
        ("interpolation", ("bilinear", "nearest")),
        ("fill_value", (0.0, 3.0)),
        ("mask_fill_value", (7.0, 255.0)),
        ("bounding_box_format", ("xyxy", "xywh")),
        ("box_fit", ("corners", "ellipse")),
        ("min_visibility", (0.0, 0.25)),
        ("keypoint_format", ("xy", "rel_xy")),
    ],
)
def test_settings_that_disagree_are_an_error(name, values):
    one, other = (kal.RandomZoom(0.1, **{name: value}) for value in values)
    for layers in ([one, other], [one, kal.FusedAugmentation([other])]):
        with pytest.raises(ValueError, match=f"`{name}` must be the same") as error:
            kal.FusedAugmentation(layers)
        said = (*map(repr, values), f"FusedAugmentation(…, {name}=…)")
        assert all(part in str(error.value) for part in said)
        override = values[1]
        fused = kal.FusedAugmentation(layers, **{name: override})
        assert getattr(fused.sample((2, 9, 12, 3)), name) == override
    fused = kal.FusedAugmentation([other, other])
    assert getattr(fused.sample((2, 9, 12, 3)), name) == values[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mask_fill_value", 255.0),
        ("bounding_box_format", "xywh"),
        ("box_fit", "ellipse"),
        ("min_visibility", 0.25),
        ("keypoint_format", "rel_xy"),
    ],
)
def test_who_has_no_opinion_agrees(name, value):
    """A setting that one layer alone has been given is that of all."""
    silent, loud = kal.RandomZoom(0.1), kal.RandomZoom(0.1, **{name: value})
    for layers in ([silent, loud], [loud, silent], [kal.FusedAugmentation([loud])]):
        fused = kal.FusedAugmentation(layers)
        assert getattr(fused.sample((2, 9, 12, 3)), name) == value
        assert getattr(fused, name) is None  # so it is not saved as if it were given


def test_value_ranges_that_disagree_are_an_error():
    layers = [
        kal.RandomBrightness(gain=0.2, value_range=value_range)
        for value_range in ((0, 1), (0, 255))
    ]
    with pytest.raises(ValueError, match="`value_range` must be the same"):
        kal.FusedAugmentation(layers)
    fused = kal.FusedAugmentation(layers, value_range=(0, 100))
    assert fused.sample((2, 9, 12, 3)).value_range == (0.0, 100.0)


@pytest.mark.parametrize("wrong", [None, 3, "flip", keras.layers.Dense(1)])
def test_only_our_layers_fuse(wrong):
    with pytest.raises(ValueError, match="`layers` must be augmentation layers"):
        kal.FusedAugmentation([kal.RandomFlip(), wrong])


@pytest.mark.parametrize(
    "after",
    [
        kal.RandomRotate(0.1),
        kal.RandomBrightness(gain=0.1, value_range=(0, 1)),
        kal.FusedAugmentation([kal.RandomErasing(), kal.RandomFlip()]),
    ],
    ids=lambda layer: layer.name,
)
@pytest.mark.parametrize("unit", [kal.Rescaling(1 / 255), kal.Normalize(0.5, 0.5)])
def test_only_regions_and_mixes_follow_another_unit(unit, after):
    message = "must only erase or mix where pixels have got another unit"
    for layers in ([unit, after], [kal.FusedAugmentation([unit]), after]):
        with pytest.raises(ValueError, match=message):
            kal.FusedAugmentation(layers)
    mixes = kal.RandomChoice([kal.MixUp(), kal.CutMix()])
    assert kal.FusedAugmentation([unit, kal.RandomErasing(), mixes])


@pytest.mark.parametrize("wrong", [None, "yes", "XLA"])
def test_an_unknown_jit_compile_is_an_error(wrong):
    with pytest.raises(ValueError, match="`jit_compile` must be True, False or 'auto'"):
        kal.FusedAugmentation([], jit_compile=wrong)


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_integer_moves_are_the_layers_one_by_one(dtype, jit_compile):
    """Each image is what the layers make of it for one of the four pairs of flips.

    No path is longer than a frame: further out, the op's "wrap" has a rule of its own.
    """
    images = random_images((16, 12, 12, 3), dtype)
    shift = kal.RandomShift((2, 2), (-3, -3), unit="pixels", fill_mode="wrap")
    turn = kal.RandomRotate((0.25, 0.25), fill_mode="wrap")
    jump = kal.RandomShift((0.25, 0.25), (-0.25, -0.25), fill_mode="wrap")
    flips = [kal.RandomFlip(m, fill_mode="wrap") for m in ("horizontal", "vertical")]
    layers = [shift, flips[0], turn, jump, flips[1], shift]
    fused = kal.FusedAugmentation(layers, jit_compile=jit_compile)
    result = fused(images, training=True, seed=(5, 6)).numpy()
    ways = []
    for right, down in itertools.product((1, -1), (1, -1)):
        expected = drawn(shift, images)[:, :, ::right]
        expected = drawn(jump, drawn(turn, expected))[:, ::down]
        ways.append(drawn(shift, expected))
    matches = (np.stack(ways) == result).all(axis=(2, 3, 4))
    assert result.dtype == dtype
    np.testing.assert_array_equal(matches.sum(axis=0), 1)
    assert (matches.sum(axis=1) > 0).all()


def analytic(x, y):
    """A smooth picture, at any coordinates: values from 0 to 1."""
    waves = [(0.31, 0.23, 0.4), (-0.45, 0.52, 1.3), (0.08, -0.61, 2.2), (0.7, 0.1, 0.9)]
    return 0.5 + sum(np.sin(a * x + b * y + c) for a, b, c in waves) / 8


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True])
def test_fused_is_nearer_to_the_truth_than_the_chain(jit_compile):
    size = (64, 72)
    layers = [
        kal.RandomShift((0.04, 0.04), (-0.03, -0.03)),
        kal.RandomRotate(degrees=(17, 17)),
        kal.RandomZoom((-0.1, -0.1)),
        kal.RandomRotate(degrees=(-29, -29)),
    ]
    matrix = (
        reference.shift(-0.03 * size[1], 0.04 * size[0])
        @ reference.rotate(17, size)
        @ reference.zoom(-0.1, -0.1, size)
        @ reference.rotate(-29, size)
    )
    y, x = np.mgrid[: size[0], : size[1]]
    image = analytic(x, y).astype("float32")[None, ..., None]
    x, y = reference.coordinates([matrix], size)[0]
    truth = analytic(x, y)
    chain = image
    for layer in layers:
        chain = drawn(layer, chain)
    fused = kal.FusedAugmentation(layers, jit_compile=jit_compile)
    fused = fused(image, training=True).numpy()
    inside = np.s_[16:-16, 16:-16]

    def error(result):
        return np.sqrt(np.mean((result[0, ..., 0] - truth)[inside] ** 2))

    assert 0 < error(fused) <= 0.5 * error(chain)
    assert error(fused) < 0.02
    assert error(image) > 0.1


def test_a_fill_that_was_chosen_is_chosen_in_any_order():
    layers = [kal.RandomRotate(0.1), kal.RandomZoom(0.1, fill_mode="reflect")]
    for order in (layers, layers[::-1]):
        assert type(kal.FusedAugmentation(order).settings.fill_mode) is str
    assert type(kal.FusedAugmentation(layers[:1]).settings.fill_mode) is not str


def test_the_text_of_a_group_names_its_layers():
    group = kal.FusedAugmentation([kal.RandomFlip(), kal.RandomRotate(0.1)], name="two")
    text = "<FusedAugmentation name=two, layers=[RandomFlip, RandomRotate]>"
    assert repr(group) == text


ERASED = {
    "noise": lambda: kal.RandomErasing(1.0, (0.4, 0.4), value_range=(0, 1), seed=1),
    "a number": lambda: kal.CoarseDropout(
        4, fill_value=0.5, value_range=(0, 1), seed=1
    ),
    "above": lambda: kal.GridMask(
        0.5, (4, 5), fill_value=3, value_range=(0, 1), seed=1
    ),
    "in a group": lambda: kal.FusedAugmentation([ERASED["noise"]()]),
    "in a choice": lambda: kal.RandomChoice(
        [kal.RandomErasing(1.0, (0.4, 0.4), seed=1)], value_range=(0, 1), seed=2
    ),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ERASED)
def test_the_range_of_an_eraser_behind_another_unit_is_its_own(name, nested):
    """As in a chain, which begins anew there."""
    images = random_images((2, 16, 24, 3), "uint8")
    color = kal.RandomContrast((0.2, 0.2))
    unit, eraser = kal.Rescaling(1 / 255), ERASED[name]()
    group = kal.FusedAugmentation([color, unit, eraser])
    nest = kal.FusedAugmentation([kal.FusedAugmentation([color, unit]), eraser])
    made = drawn([group, nest][nested], images, seed=(1, 2))
    assert group.settings.value_range is None
    with op_by_op():
        one_by_one = unit(color(images, training=True))
        expected = eraser(tf.identity(one_by_one), training=True, seed=(1, 2))
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert made.mean() > 0.4
    assert np.abs(made - one_by_one).max() > 0.1


def test_the_range_of_a_choice_of_units_is_that_of_all():
    choice = [kal.Rescaling(1 / 255), kal.Normalize(0.5, 0.5, value_range=(0, 255))]
    assert kal.RandomChoice(choice).settings.value_range == (0, 255)
