"""Images whose size is known only when a graph runs: what is compiled, and its values.

Each stack is called in a graph that knows no size, and image by image without
compiling, with the same seed.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers.kernels import flat
from keras_aug_layers.kernels.coordinates import Reader
from keras_aug_layers.plan import listed

SEED = (3, 4)


def picture(height, width, channels=3, dtype="uint8"):
    """A smooth image, so that roundings of places do not show."""
    y, x = np.mgrid[:height, :width]
    wave = np.random.default_rng(height).uniform(0.05, 0.3, (2, channels))
    values = 0.5 + 0.49 * np.sin(y[..., None] * wave[0] + x[..., None] * wave[1])
    return (values * (1.0 if "float" in dtype else 255.0)).astype(dtype)


STACKS = {
    "crop": lambda: [kal.RandomResizedCrop(24, 20)],
    "crop, then others": lambda: [
        kal.RandomResizedCrop(24, 20),
        kal.RandomFlip(),
        kal.RandomRotate(degrees=30),
        kal.RandomContrast(0.3),
        kal.RandomErasing(fill_value=0.0),
    ],
    "moved before": lambda: [
        kal.RandomShift(0.4, 0.4),
        kal.RandomPerspective(scale=0.2),
        kal.RandomCrop(16, 20),
    ],
    "stages": lambda: [
        kal.RandomCrop(16, 20),
        kal.RandAugment(),
        kal.RandomGaussianBlur(),
    ],
    "unfit": lambda: [
        kal.RandomCrop(16, 20),
        kal.RandomElasticTransform(),
    ],
}
SETTINGS = {
    "reflect": {},
    "constant": {"fill_mode": "constant", "fill_value": 25},
    "copied": {"interpolation": "nearest", "fill_mode": "nearest"},
    "cubic, wrap": {"interpolation": "bicubic", "fill_mode": "wrap"},
}


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """The functions of lists of pixels that are compiled in a test."""
    found = {}
    monkeypatch.setattr(listed, "_TRACED", found)
    return found


def graph_of(stack, *shapes):
    """Calls of a stack in a graph that knows no more than some shapes."""
    specs = {key: tf.TensorSpec(*shape) for key, *shape in shapes}
    return tf.function(
        lambda data, seed: stack(data, training=True, seed=seed),
        input_signature=[specs, tf.TensorSpec((2,), tf.int64)],
    )


IMAGE = ("images", (None, None, 3), "uint8")
MASK = ("segmentation_masks", (None, None), "uint8")


def check(found, expected, most=1):
    """Images of equal values, but for roundings."""
    found, expected = (x["images"].numpy() for x in (found, expected))
    assert found.dtype == expected.dtype and found.shape == expected.shape
    wide = "float" in str(found.dtype)
    found, expected = found.astype("float64"), expected.astype("float64")
    difference = np.abs(found - expected)
    assert difference.max() <= (1e-3 if wide else most)
    assert wide or np.mean(difference > 0) < 0.02


@pytest.mark.parametrize(
    ("stack", "size"),
    [
        pytest.param("crop, then others", (40, 30), marks=pytest.mark.slow),
        pytest.param("crop", (1, 1), marks=pytest.mark.slow),
        pytest.param("moved before", (9, 9), marks=pytest.mark.slow),
        pytest.param("moved before", (150, 210), marks=pytest.mark.slow),
        pytest.param("stages", (64, 17), marks=pytest.mark.slow),
        pytest.param("unfit", (40, 30), marks=pytest.mark.slow),
    ],
)
def test_values_are_those_of_calls(stack, size, compiled):
    layer, image = kal.FusedAugmentation(STACKS[stack]()), picture(*size)
    data = {"images": image, "segmentation_masks": image[..., 0] // 64}
    found = graph_of(layer, IMAGE, MASK)(data, SEED)
    with op_by_op():
        expected = layer(data, training=True, seed=SEED)
    check(found, expected, most=2)
    np.testing.assert_array_equal(
        found["segmentation_masks"], expected["segmentation_masks"]
    )
    assert bool(compiled) == (stack != "unfit")


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(x, marks=getattr(pytest.mark, tier))
        for x, tier in zip(SETTINGS, ["thorough", *["slow"] * 3], strict=True)
    ],
)
def test_the_part_of_an_image_that_is_copied_has_all_that_is_read(setting):
    layer = kal.FusedAugmentation(
        [
            kal.RandomResizedCrop(24, 20, scale=(0.02, 0.6)),
            kal.RandomRotate(degrees=20),
            kal.RandomShift(0.1, 0.1),
        ],
        **SETTINGS[setting],
    )
    graph, image = graph_of(layer, IMAGE), picture(150, 210)
    parts = set()
    for number in range(24):
        data, seed = {"images": image}, (number, 1)
        check(graph(data, seed), layer(data, training=True, seed=seed))
        matrix = layer.sample(image, seed=seed).matrix
        reader = Reader(tf.cast(matrix, tf.float32), affine=True)
        mode = SETTINGS[setting].get("fill_mode", "reflect")
        parts.add(tuple(map(int, flat.rows_read(reader, 150, (24, 20), mode))))
    # Parts of it, and all of it where one of them will not do.
    assert len(parts) > 10


@pytest.mark.slow
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batches_with_all_that_has_pixels(data_format, compiled):
    """Images of one size, their masks, maps of a number a pixel, and points."""
    layer = kal.FusedAugmentation(
        [kal.RandomResizedCrop(24, 20), kal.RandomRotate(0.2), kal.RandomContrast(0.2)],
        data_format=data_format,
        bounding_box_format="xyxy",
        value_range=(0, 1),
        extra_targets={"maps": "maps"},
    )
    image = picture(40, 50, channels=1, dtype="float32")
    images = np.stack([image * (1 - 0.1 * i) for i in range(5)])
    if data_format == "channels_first":
        images = images.transpose(0, 3, 1, 2)
    data = {
        "images": images,
        "segmentation_masks": (images * 4).astype("int64"),
        "maps": images[..., 0] if data_format == "channels_last" else images[:, 0],
        "keypoints": np.full((5, 2, 2), 20.0, "float32"),
        "bounding_boxes": {"boxes": np.array([[[5, 5, 30, 30]]] * 5, "float32")},
    }
    seeds = np.arange(10).reshape(5, 2)

    @tf.function
    def graph(images, masks, maps):
        some = {"images": images, "segmentation_masks": masks, "maps": maps}
        return layer({**data, **some}, training=True, seed=seeds)

    def unknown(key):
        shape = [None] * data[key].ndim
        if key != "maps":
            shape[-1 if data_format == "channels_last" else 1] = 1
        return tf.TensorSpec(shape, data[key].dtype)

    pixels = "images", "segmentation_masks", "maps"
    concrete = graph.get_concrete_function(*map(unknown, pixels))
    found = concrete(*(tf.constant(data[key]) for key in pixels))
    expected = layer(data, training=True, seed=seeds)
    check(found, expected)
    np.testing.assert_allclose(found["maps"], expected["maps"], atol=1e-3)
    for key in ("segmentation_masks", "keypoints"):
        np.testing.assert_array_equal(found[key], expected[key])
    boxes = (x["bounding_boxes"]["boxes"] for x in (found, expected))
    np.testing.assert_allclose(*boxes)
    assert compiled


@pytest.mark.slow
def test_what_a_list_does_not_serve_is_done_as_in_calls():
    """Images that shrink to less than a quarter, masks of a coarser grid, no pixels."""
    layer = kal.RandomResizedCrop(24, 20, scale=(0.5, 1.0))
    graph = graph_of(layer, IMAGE, MASK)
    for size, stride in (((200, 240), 1), ((60, 40), 2)):
        image = picture(*size)
        data = {"images": image, "segmentation_masks": image[::stride, ::stride, 0]}
        found, expected = graph(data, SEED), layer(data, training=True, seed=SEED)
        check(found, expected)
        for x, y in zip(*(list(x.values()) for x in (found, expected)), strict=True):
            np.testing.assert_allclose(x, y, atol=1)
    empty = {"images": np.zeros((0, 9, 3), "uint8")}
    made = graph_of(layer, IMAGE)(empty, SEED)["images"]
    assert made.shape == (24, 20, 3)
    np.testing.assert_array_equal(
        made, layer(empty, training=True, seed=SEED)["images"]
    )


@pytest.mark.slow
def test_it_is_compiled_where_jit_compile_says_so(compiled):
    data = {"images": picture(40, 30)}
    for jit_compile in (False, "auto", True):
        layer = kal.RandomCrop(24, 20, jit_compile=jit_compile)
        made = graph_of(layer, IMAGE)(data, SEED)["images"]
        assert made.shape == (24, 20, 3)
        assert bool(compiled) == bool(jit_compile)
    # Of a fixed size the whole graph is compiled, and nothing here.
    compiled.clear()
    graph_of(layer, ("images", (40, 30, 3), "uint8")).get_concrete_function()
    assert not compiled


@pytest.mark.slow
def test_gradients_are_those_of_calls():
    layer = kal.FusedAugmentation([kal.RandomCrop(12, 16), kal.RandomRotate(0.1)])
    images = tf.constant(picture(30, 20, dtype="float32"))

    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            made = layer(images, training=True, seed=SEED)
            loss = tf.reduce_sum(made**2)
        return tape.gradient(loss, images)

    graph = tf.function(gradient, input_signature=[tf.TensorSpec((None, None, 3))])
    found, expected = graph(images), gradient(images)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_mixed_batches_and_a_change_of_dtype():
    layer = kal.FusedAugmentation(
        [
            kal.RandomResizedCrop(16, 16),
            kal.RandomChoice([kal.MixUp(num_classes=3), kal.CutMix(num_classes=3)]),
            kal.Normalize((0.5, 0.4, 0.3), (0.2, 0.2, 0.2), dtype="float16"),
        ]
    )
    images = np.stack([picture(40, 30), 255 - picture(40, 30), picture(40, 30) // 2])
    data = {"images": images, "labels": np.arange(3)}
    shapes = ("images", (None, None, None, 3), "uint8"), ("labels", (None,), "int64")
    found = graph_of(layer, *shapes)(data, SEED)
    expected = layer(data, training=True, seed=SEED)
    assert found["images"].dtype == "float16"
    np.testing.assert_allclose(found["images"], expected["images"], atol=0.03)
    np.testing.assert_array_equal(found["labels"], expected["labels"])
    assert np.abs(found["images"][0] - found["images"][1]).max() > 1.0


def test_a_fill_value_of_other_channels_is_refused():
    layer = kal.RandomCrop(24, 20, fill_mode="constant", fill_value=(1, 2))
    with pytest.raises(ValueError, match="one for each channel"):
        graph_of(layer, IMAGE)({"images": picture(9, 9)}, SEED)


def test_what_is_exported_is_not_compiled(compiled):
    """Outside training a chain of layers serves images of any size as it is."""
    chain = [kal.Resizing(24, 20), kal.RandomFlip(), kal.CenterCrop(16, 16)]

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    def served(image):
        for layer in chain:
            image = layer(image, training=False)
        return image

    assert served(picture(40, 30)).shape == (16, 16, 3)
    assert not compiled


@pytest.mark.slow
def test_in_a_dataset_what_is_filtered_is_compiled_outside_training(compiled):
    """As the validation of a training does it; what only cuts is done by the op."""
    whole = [kal.Resizing(24, 20), kal.RandomFlip(), kal.CenterCrop(16, 16)]
    whole = keras.Sequential([keras.Input((None, None, 3), dtype="uint8"), *whole])
    cut = kal.CenterCrop(16, 16)
    pictures = [picture(90, 70), picture(40, 30), picture(16, 16)]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(pictures), output_signature=tf.TensorSpec(*IMAGE[1:])
    )
    made = [*dataset.map(lambda x: (whole(x[tf.newaxis])[0], cut(x), x))]
    devices = {function.__name__: key for (function, _, key, _) in compiled}
    assert devices["_read"] == "cpu"
    for image, (found, window, same) in zip(pictures, made, strict=True):
        check({"images": found}, {"images": whole(image[np.newaxis])[0]})
        np.testing.assert_array_equal(window, cut(image))
        np.testing.assert_array_equal(same, image)


@pytest.mark.thorough
def test_masks_of_an_unknown_number_of_channels(compiled):
    """As `tf.io.decode_png` gives them: done by the op."""
    layer, image = kal.RandomCrop(24, 20), picture(40, 30)
    data = {"images": image, "segmentation_masks": image[..., :1] // 64}
    mask = ("segmentation_masks", (None, None, None), "uint8")
    found = graph_of(layer, IMAGE, mask)(data, SEED)
    expected = layer(data, training=True, seed=SEED)
    check(found, expected)
    np.testing.assert_array_equal(
        found["segmentation_masks"], expected["segmentation_masks"]
    )
    assert not compiled


@pytest.mark.slow
def test_a_stage_of_the_whole_batch_sees_the_batch_and_no_more():
    turned = kal.register(
        "test_unsized.turned", "stage", lambda x, one: x[::-1], alone=False
    )

    class Turned(kal.ColorLayer):
        def draw(self, random, frame):
            return turned(one=1.0)

    layer = kal.FusedAugmentation([kal.RandomCrop(8, 8), Turned()])
    images = np.arange(5, dtype="uint8")[:, None, None, None] + np.zeros(
        (5, 12, 10, 3), "uint8"
    )
    batch = ("images", (None, None, None, 3), "uint8")
    made = graph_of(layer, batch)({"images": images}, SEED)["images"]
    assert made[:, 0, 0, 0].numpy().tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("count", "base", "many"),
    [
        (1, 2, 2**14),
        (2**14 + 1, 2, 2**15),
        (2**14 + 1, 4, 2**16),
        (2**24, 2, 2**24),
        (2**24 + 1, 2, 5 * 2**22),
        (2**24 + 1, 4, 5 * 2**22),
        (5 * 2**22, 2, 5 * 2**22),
        (2**31 - 1, 2, 2**31 - 1),
    ],
)
def test_lists_are_filled_up_to_few_lengths(count, base, many):
    assert int(flat.pixels_for(tf.constant(count), base)) == many


@pytest.mark.thorough
def test_masks_with_and_without_channels_share_a_program():
    """What is traced for both knows no rank."""
    layer, image = kal.RandomCrop(24, 20), picture(40, 30)
    flat_mask = image[..., 0] // 64
    channels = ("segmentation_masks", (None, None, 1), "uint8")
    found = [
        graph_of(layer, IMAGE, spec)(
            {"images": image, "segmentation_masks": mask}, SEED
        )
        for spec, mask in ((MASK, flat_mask), (channels, flat_mask[..., None]))
    ]
    first, second = (x["segmentation_masks"].numpy() for x in found)
    np.testing.assert_array_equal(first[..., None], second)
    assert len(np.unique(first)) > 1
