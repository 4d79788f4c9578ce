"""The contract of targets: each layer x target x dtype x form x training or not.

What each form must give is what a batch of tensors gives, with every target in it and
the same seed for each image.
"""

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, ALWAYS, EVERY, MIXES
from helpers import op_by_op

LAYERS = {**EVERY, **ALWAYS, **MIXES}
BATCH, HEIGHT, WIDTH, CLASSES = 2, 12, 14, 4
SEEDS = np.arange(2 * BATCH).reshape(BATCH, 2) + 7
IMAGES = "uint8", "int16", "int32", "float16", "bfloat16", "float32", "float64"
MAPS = "uint8", "int32", "float32", "float16", "int64"
POINTS = "float32", "int32", "float16", "float64", "bfloat16", "int64"
BOXED = "bounding_boxes", "rotated_boxes", "polygons"
"""Targets that are dicts, of which the first entry says where the objects are."""
OBJECTS = {*BOXED, "keypoints"}


def data_of(name, place):
    """A batch with every target that the layer takes, of dtypes that `place` picks."""
    generator = np.random.default_rng(place)
    image, mask, point = (
        dtypes[place % len(dtypes)] for dtypes in (IMAGES, MAPS, POINTS)
    )
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = generator.uniform(0.2, 0.6, (BATCH, 1, 1, 3))
    pixels = 127.0 + 120.0 * np.sin(waves * (x + 2 * y)[..., None])
    corners = generator.integers(0, 5, (BATCH, 2, 2))
    boxes = np.concatenate(
        [corners, corners + generator.integers(3, 7, (BATCH, 2, 2))], 2
    )
    turned = [boxes[..., :2] + 3.3, boxes[..., 2:] - 2, 9 * boxes[..., :1]]
    turned = np.concatenate(turned, axis=2)  # off whole numbers: none is on an edge
    labels = tf.constant(generator.integers(0, CLASSES, (BATCH, 2)))
    data = {
        "images": tf.cast(pixels, image),
        "segmentation_masks": tf.cast(pixels // 64, mask),
        "bounding_boxes": {"boxes": tf.cast(boxes, point), "labels": labels},
        "keypoints": tf.cast(generator.integers(1, 11, (BATCH, 4, 2)), point),
    }
    if name in MIXES:
        data["labels"] = tf.one_hot(labels[:, 0], CLASSES)
        data["bounding_boxes"]["weights"] = tf.ones_like(labels, tf.float32)
        if name == "MixUp":  # which blends masks
            masks = data["segmentation_masks"]
            data["segmentation_masks"] = tf.cast(masks, tf.float32)
        return data
    outlines = np.stack([boxes[..., [0, 1]], boxes[..., [2, 1]], boxes[..., [2, 3]]], 2)
    return {
        **data,
        "rotated_boxes": {"boxes": tf.cast(turned, point), "labels": labels},
        "polygons": {"points": tf.cast(outlines, point), "labels": labels},
    }


def build(name, **given):
    """A layer that draws the same at its first call, every time."""
    given |= {"seed": 3, "bounding_box_format": "xyxy"}
    if "value_range" in LAYERS[name]().get_config():
        given["value_range"] = (0, 255)
    return LAYERS[name](**given)


def leaves(data):
    """The arrays of nested entries by their paths."""
    flat = keras.tree.flatten_with_path(data)
    return {path: np.asarray(value) for path, value in flat}


def assert_same(actual, expected):
    """The same entries, dtypes and shapes, and values but for their last bits."""
    actual, expected = leaves(actual), leaves(expected)
    assert actual.keys() == expected.keys()
    for path, value in expected.items():
        assert (actual[path].dtype, actual[path].shape) == (value.dtype, value.shape)
        if value.dtype.kind in "iu":
            np.testing.assert_array_equal(actual[path], value, err_msg=str(path))
        else:
            ours, theirs = (x.astype("float64") for x in (actual[path], value))
            rtol = 4 * float(ml_dtypes.finfo(value.dtype).eps)
            np.testing.assert_allclose(ours, theirs, rtol, 1e-4, err_msg=str(path))


def alone(name, data, expected, **how):
    """One of the targets beside the images only; another one for each layer."""
    needed = {key: data[key] for key in {"images", "labels"} & data.keys()}
    others = sorted(data.keys() - needed.keys())
    key = others[list(LAYERS).index(name) % len(others)]
    result = build(name)({**needed, key: data[key]}, **how)
    assert_same(result, {key: expected[key] for key in [*needed, key]})


def padded(name, data, expected, **how):
    """Objects that are none stand before the others: they stay that."""

    def longer(values):
        values = np.asarray(values)
        return np.concatenate([np.full_like(values, -1), values], axis=1)

    def pad(data):
        objects = {key: data[key] for key in OBJECTS & data.keys()}
        return {**data, **tf.nest.map_structure(longer, objects)}

    result = build(name)(pad(data), **how)
    if name in MIXES:  # which have padding between the boxes of several images
        assert_same(shown(result), shown(expected))
    else:
        assert_same(result, pad(expected))


def shown(data):
    """The data, with the boxes and keypoints that are there, of all images."""
    boxes, points = data["bounding_boxes"], np.asarray(data["keypoints"])
    there = (np.asarray(boxes["boxes"]) != -1).any(axis=-1)
    boxes = {key: np.asarray(values)[there] for key, values in boxes.items()}
    points = points[(points != -1).any(axis=-1)]
    return {**data, "bounding_boxes": boxes, "keypoints": points}


def row(entries, i):
    """The entries of one image."""
    return tf.nest.map_structure(lambda x: x[i], entries)


def single(name, data, expected, seed=None, **how):
    """Each image by itself."""
    for i in range(BATCH):
        result = build(name)(row(data, i), seed=SEEDS[i], **how)
        assert_same(result, row(expected, i))


def ragged(name, data, expected, seed=None, **how):
    """Images of sizes of their own, of which each has as many boxes as it likes.

    Keypoints are dense: where there are fewer, they are padded.
    """
    parts = []
    for i in range(BATCH):
        part = row(data, i)
        for key in ("images", "segmentation_masks"):
            part[key] = part[key][: HEIGHT - i, i:]
        for key in BOXED:
            part[key] = {k: x[: 1 + i % 2] for k, x in part[key].items()}
        parts.append(part)
    singles = [build(name)(part, seed=SEEDS[i], **how) for i, part in enumerate(parts)]
    together = tf.nest.map_structure(lambda *x: tf.ragged.stack(x), *parts)
    together["keypoints"] = data["keypoints"]
    result = build(name)(together, seed=SEEDS, **how)
    for i, one in enumerate(singles):
        found = tf.nest.map_structure(
            lambda x: x.to_tensor() if isinstance(x, tf.RaggedTensor) else x,
            row(result, i),
        )
        assert_same(found, one)


def symbolic(name, data, expected, seed=None, **how):
    """A functional model of it; what it promises of shapes and dtypes is true."""
    inputs = tf.nest.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype.name), data
    )
    outputs = build(name)(inputs)
    for path, value in leaves(expected).items():
        found = outputs
        for key in path:
            found = found[key]
        assert found.dtype == value.dtype.name
        assert found.shape.count(None) == 1 + (name in MIXES and path[0] in OBJECTS)
        assert tf.TensorShape(found.shape).is_compatible_with(value.shape)
    model = keras.Model(inputs, outputs)
    assert_same(model(data, **how), build(name)(data, **how))


def graph(name, data, expected, **how):
    """In a function that is traced, with the layer in it."""
    layer = build(name)
    assert_same(tf.function(lambda data: layer(data, **how))(data), expected)


FORMS = (alone, padded, single, ragged, symbolic)
CASES = [
    (name, form, place + stride, training)
    for place, name in enumerate(LAYERS)
    for stride, form in enumerate(FORMS)
    for training in (True, False)
    if not (name in ALIKE or (name in MIXES and form in (single, ragged)))
    # Two forms of each, with all of them in turn; of those that give what they get
    # outside training, one there.
    if (place + stride) % len(FORMS) < (2 if training or name in ALWAYS else 1)
]
# Other layers are called in graphs by test_contract.py.
CASES += [(name, graph, place, True) for place, name in enumerate(MIXES)]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
@pytest.mark.parametrize(
    ("name", "form", "place", "training"),
    CASES,
    ids=lambda x: getattr(x, "__name__", str(x)),
)
def test_a_form_gives_what_a_batch_of_tensors_gives(name, form, place, training):
    data = data_of(name, place)
    how = {"training": training, "seed": SEEDS}
    with op_by_op():
        expected = build(name)(data, **how)
        form(name, data, expected, **how)


@pytest.mark.thorough
@pytest.mark.parametrize("name", LAYERS)
def test_of_no_images_nothing_is_made(name):
    """As the last batch of a replica may be."""
    data = tf.nest.map_structure(lambda x: x[:0], data_of(name, 0))
    expected = build(name).compute_output_shape(data["images"].shape)
    with op_by_op():
        result = build(name)(data, training=True)
    assert result["images"].shape == expected
    assert {len(x) for x in leaves(result).values()} == {0}


SHORT = {"AugMix": {"chain_depth": 1}}
"""One operation is compiled in a fraction of the time that several take; RandAugment
keeps its two, a loop within a loop."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", ["AugMix", "RandAugment", "RandomColorJitter", "RandomGaussianBlur"]
)
def test_of_no_images_nothing_is_made_in_compiled_loops(name):
    layer, images = build(name, **SHORT.get(name, {})), data_of(name, 0)["images"]
    called = tf.function(
        lambda x: layer(x, training=True),
        input_signature=[tf.TensorSpec((None, HEIGHT, WIDTH, 3), tf.uint8)],
    )
    assert called(images[:0]).shape == (0, HEIGHT, WIDTH, 3)
    assert called(images).shape == images.shape


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["GridMask", "RandomOpticalDistortion", "MixUp"])
def test_of_a_batch_that_is_known_to_be_empty_nothing_is_made(name):
    """In a graph that is not compiled: TensorFlow's optimizer ended the process."""
    layer = build(name, jit_compile=False)
    data = tf.nest.map_structure(lambda x: x[:0], data_of(name, 0))
    result = tf.function(lambda data: layer(data, training=True))(data)
    assert {len(x) for x in leaves(result).values()} == {0}


@pytest.mark.parametrize("name", EVERY)
def test_a_symbolic_call_of_images_of_any_size(name):
    """As of a fully convolutional net: masks have the size of what comes out."""
    layer = build(name)
    for rows in (None, HEIGHT):
        data = {
            "images": keras.Input((rows, None, 3), dtype="uint8"),
            "segmentation_masks": keras.Input((None, None, 1), dtype="uint8"),
        }
        result = layer(data)
        image, mask = (tuple(result[key].shape) for key in data)
        assert image == tuple(layer.compute_output_shape((None, rows, None, 3)))
        assert mask == (None, None, None, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["RandAugment", "Resizing", "RandomFlip"])
def test_of_no_images_of_unknown_size_nothing_is_made(name):
    """Dense and ragged, op by op; where a size is named it comes out."""
    layer = build(name, jit_compile=False, **SHORT.get(name, {}))
    images = data_of(name, 0)["images"]
    called = tf.function(
        lambda x: layer(x, training=True),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)],
    )
    for some in (images, images[:0]):
        result = called(some)
        assert result.shape == layer.compute_output_shape(some.shape)
    ragged = tf.RaggedTensor.from_tensor(images, ragged_rank=2)
    for some in (ragged, ragged[:0]):
        result = layer(some, training=True)
        assert result.shape[0] == some.nrows() and result.shape[-1] == 3
