"""The same seed: the same pixels, whatever runs the pipeline, and wherever it stops."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import ALIKE, EVERY
from helpers import assert_same_bits, op_by_op, random_images, run_engine

import keras_aug_layers as kal
from keras_aug_layers.kernels.coordinates import one_matrix

NUMBER = 48
IMAGES = random_images((NUMBER, 9, 12, 3), "uint8")
LABELS = np.arange(NUMBER)
pytestmark = pytest.mark.slow


def masks():
    return (IMAGES[..., :1] > 127).astype("uint8")


STRUCTURES = {
    "images": lambda: IMAGES,
    "images and labels": lambda: (IMAGES, LABELS),
    "images, labels and weights": lambda: (IMAGES, LABELS, LABELS / NUMBER),
    "dict": lambda: {
        "images": IMAGES,
        "labels": LABELS,
        "segmentation_masks": masks(),
        "keypoints": np.tile(np.float32([[[3, 4], [5, 6]]]), (NUMBER, 1, 1)),
    },
    "dict and labels": lambda: (
        {"images": IMAGES, "segmentation_masks": masks()},
        LABELS,
    ),
}
structures = pytest.mark.parametrize("structure", STRUCTURES)


def pipeline(jit_compile=False):
    return kal.FusedAugmentation(
        [
            kal.RandomShift(0.2, 0.2),
            kal.RandomRotate(0.1),
            kal.RandomBrightness(gain=0.3, value_range=(0, 255)),
        ],
        jit_compile=jit_compile,
    )


def dataset_of(structure="images and labels", batch=None):
    dataset = tf.data.Dataset.from_tensor_slices(STRUCTURES[structure]())
    return dataset if batch is None else dataset.batch(batch)


def run(dataset):
    """All elements as one list of arrays, in the order of Keras's tree."""
    return [
        np.asarray(leaf)
        for element in dataset.as_numpy_iterator()
        for leaf in keras.tree.flatten(element)
    ]


def assert_same_run(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert_same_bits(one, other)


@pytest.mark.parametrize(
    ("structure", "batch", "jit_compile"),
    [
        ("images", 5, False),
        ("images and labels", None, "auto"),
        ("images, labels and weights", 5, "auto"),
        ("dict", None, "auto"),
        ("dict and labels", None, False),
    ],
)
def test_parallel_calls_change_nothing(structure, batch, jit_compile):
    dataset, layer = dataset_of(structure, batch), pipeline(jit_compile)
    expected = run(kal.augment_dataset(dataset, layer, seed=3, num_parallel_calls=1))
    assert any((a != b).any() for a, b in zip(expected, run(dataset), strict=True))
    for calls in (1, 2, 8, tf.data.AUTOTUNE):
        augmented = kal.augment_dataset(
            dataset, layer, seed=3, num_parallel_calls=calls
        )
        assert augmented.element_spec == dataset.element_spec
        assert augmented.cardinality() == dataset.cardinality()
        assert_same_run(run(augmented), expected)


@structures
def test_only_what_belongs_to_the_images_changes(structure):
    before, after = (
        list(keras.tree.flatten(element))
        for element in (
            next(iter(dataset_of(structure, NUMBER))),
            next(
                iter(
                    kal.augment_dataset(
                        dataset_of(structure, NUMBER), pipeline(), seed=3
                    )
                )
            ),
        )
    )
    changed = [
        (a.numpy() != b.numpy()).any() for a, b in zip(before, after, strict=True)
    ]
    names = {
        "images": [True],
        "images and labels": [True, False],
        "images, labels and weights": [True, False, False],
        "dict": [True, True, False, True],  # images, keypoints, labels, masks
        "dict and labels": [True, True, False],
    }
    assert changed == names[structure]


@pytest.mark.parametrize("batch", [None, 5])
def test_without_order_the_same_elements_come(batch):
    layer = pipeline()
    ordered, loose = (
        kal.augment_dataset(
            dataset_of(batch=batch),
            layer,
            seed=3,
            num_parallel_calls=8,
            deterministic=deterministic,
        )
        for deterministic in (True, False)
    )
    expected, actual = (
        sorted((labels.tobytes(), images.tobytes()) for images, labels in x)
        for x in (ordered.as_numpy_iterator(), loose.as_numpy_iterator())
    )
    assert actual == expected


@pytest.mark.parametrize("repeat", [False, True])
def test_ten_epochs_differ_and_a_rerun_repeats_them(repeat):
    def ten():
        dataset = kal.augment_dataset(dataset_of("images", 8), pipeline(), seed=3)
        if repeat:
            flat = np.concatenate(list(dataset.repeat(10).as_numpy_iterator()))
            return flat.reshape(10, *IMAGES.shape)
        return np.stack([np.concatenate(run(dataset)) for _ in range(10)])

    epochs = ten()
    for image in range(NUMBER):
        assert len({epoch[image].tobytes() for epoch in epochs}) == 10
    assert_same_bits(ten(), epochs)


def test_seeds_do_not_repeat_each_other():
    seeds = [0, 1, 2, -1, 3 + 2**31 - 1, 3, 2**32 + 3, 2**63 - 1, -(2**63)]
    image = tf.data.Dataset.from_tensors(IMAGES[0]).repeat(100)
    layer, seen = kal.RandomShift(0.5, 0.5), set()
    for seed in seeds:
        dataset = kal.augment_dataset(image, layer, seed=seed)
        seen |= {result.tobytes() for result in run(dataset)}
    assert len(seen) == 100 * len(seeds)


def test_tensorflows_global_seed_changes_nothing():
    keras.utils.set_random_seed(1)
    first = run(kal.augment_dataset(dataset_of(), pipeline(), seed=3))
    keras.utils.set_random_seed(2)
    assert_same_run(run(kal.augment_dataset(dataset_of(), pipeline(), seed=3)), first)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_with_a_key_order_and_batches_change_nothing(jit_compile):
    layer = kal.FusedAugmentation(
        [kal.RandomShift(0.2, 0.2), kal.RandomBrightness(gain=0.3)],
        jit_compile=jit_compile,
    )

    def by_label(dataset):
        dataset = kal.augment_dataset(
            dataset, layer, seed=3, key=lambda image, label: label
        )
        found = {}
        for images, labels in dataset.as_numpy_iterator():
            images = images if images.ndim == 4 else images[None]
            found |= zip(np.atleast_1d(labels).tolist(), images, strict=True)
        return np.stack([found[label] for label in range(NUMBER)])

    expected = by_label(dataset_of())
    assert len({image.tobytes() for image in expected}) == NUMBER
    assert (expected != IMAGES).any(axis=(1, 2, 3)).all()
    assert_same_bits(by_label(dataset_of(batch=5)), expected)
    assert_same_bits(by_label(dataset_of().shuffle(NUMBER, seed=1).batch(8)), expected)


NESTS = {
    "a stack": lambda layer: keras.Sequential([layer]),
    "a pipeline": lambda layer: keras.layers.Pipeline([layer]),
    "what fuse gives": lambda layer: kal.fuse([layer, keras.layers.Identity()]),
    "deeper": lambda layer: keras.Sequential([keras.Sequential([layer])]),
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
def test_stacks_in_stacks_augment_and_repeat(nest):
    images = random_images((4, 9, 12, 3), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(4)

    def first(layer):
        return next(iter(kal.augment_dataset(dataset, layer, seed=1))).numpy()

    def build():
        return kal.RandomRotate((0.2, 0.3))

    found = first(keras.Sequential([nest(build())]))
    assert (found != images).mean() > 0.5
    np.testing.assert_array_equal(found, first(nest(build())))


def test_what_augments_where_no_seed_reaches_it_is_refused():
    inputs = keras.Input((9, 12, 3), dtype="uint8")
    model = keras.Model(inputs, kal.RandomRotate(0.1)(inputs))
    dataset = tf.data.Dataset.from_tensors(random_images((4, 9, 12, 3), "uint8"))
    with pytest.raises(ValueError, match="`layer` must be .*keras.Sequential of them"):
        kal.augment_dataset(dataset, keras.Sequential([model]), seed=1)


class Inverting(keras.Sequential):
    """Does more than to call its layers."""

    def call(self, inputs, training=None, mask=None):
        return 255 - super().call(inputs, training=training)


def test_a_stack_with_a_call_of_its_own_is_refused():
    """No seed would reach its layers, and without its call it is another one."""
    dataset = tf.data.Dataset.from_tensors(random_images((4, 9, 12, 3), "uint8"))
    stack = Inverting([kal.RandomFlip()])
    for layer in (stack, keras.Sequential([kal.RandomFlip(), stack])):
        with pytest.raises(ValueError, match="`layer` must be an augmentation layer"):
            kal.augment_dataset(dataset, layer, seed=1)


def test_a_key_of_a_dict():
    dataset = dataset_of("dict").shuffle(NUMBER, seed=1, reshuffle_each_iteration=True)
    dataset = kal.augment_dataset(
        dataset, pipeline(), seed=3, key=lambda data: data["labels"]
    )
    first, second = (
        {int(x["labels"]): x["images"].tobytes() for x in y.as_numpy_iterator()}
        for y in (
            dataset,
            kal.augment_dataset(
                dataset_of("dict"), pipeline(), seed=3, key=lambda data: data["labels"]
            ),
        )
    )
    assert first == second


def test_a_key_may_decide_in_python():
    """AutoGraph makes a graph's condition of it, as in `tf.data.Dataset.map`."""

    def key(image, label):
        if label < 2:
            return label + 100
        return label

    def pixels(key):
        pairs = dataset_of()
        return list(kal.augment_dataset(pairs, pipeline(), seed=3, key=key))

    known = pixels(lambda image, label: tf.where(label < 2, label + 100, label))
    for (one, label), (other, _) in zip(pixels(key), known, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=f"{label}")


def test_an_image_depends_on_its_own_seed_alone():
    """Whatever batch it comes in, at whatever place, and in whatever form."""
    layer = pipeline()
    seeds = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (NUMBER, 2))
    expected = layer(IMAGES, training=True, seed=seeds).numpy()
    assert len({image.tobytes() for image in expected}) == NUMBER
    order = np.random.default_rng(1).permutation(NUMBER)
    shuffled = layer(IMAGES[order], training=True, seed=seeds[order])
    assert_same_bits(shuffled, expected[order])
    parts = [
        layer(IMAGES[start : start + 7], training=True, seed=seeds[start : start + 7])
        for start in range(0, NUMBER, 7)
    ]
    assert_same_bits(np.concatenate(parts), expected)
    other = seeds.copy()
    other[::2] += 1
    results = layer(IMAGES, training=True, seed=other).numpy()
    assert_same_bits(results[1::2], expected[1::2])
    assert (results[::2] != expected[::2]).any(axis=(1, 2, 3)).all()


def test_a_stopped_run_goes_on_in_another_process(tmp_path):
    """Checkpoints of iterators stopped in each of three epochs, and between them."""
    whole = run_engine("resume.py", "--folder", tmp_path)
    assert len(whole["cases"]) == 15
    restored = run_engine("resume.py", "--folder", tmp_path, "--restore")
    assert restored["cases"].keys() == whole["cases"].keys()
    for case, digests in whole["cases"].items():
        assert restored["cases"][case] == digests, case
        assert len(set(digests)) == len(digests) == whole["left"][case]


def parameters(transform):
    """The numbers of a transform, as they meet the pixels of uint8: in float32."""
    parts = [] if one_matrix(transform.coordinates) is None else [transform.matrix]
    for part in (*transform.earlier, transform):
        for step in (*part.coordinates, *part.pixels):
            rows = [row for _, row in sorted(step.rows.items())]
            parts += [
                tf.cast(x, tf.float32) if x.dtype.is_floating else x for x in rows
            ]
            parts += [] if step.only is None else [step.only]
    return parts


SEEDS = [
    np.array([3, 4]),
    np.random.default_rng(5).integers(-(2**63), 2**63 - 1, (64, 2)),
]
"""One for all images, and one for each: the layers take them in turn."""
DRAWING = sorted(EVERY.keys() - ALIKE)


@pytest.mark.parametrize("name", DRAWING)
def test_every_form_draws_the_same_bits(name):
    """Eagerly, as a graph, and compiled by XLA."""
    layer, images = EVERY[name](), tf.zeros((64, 9, 12, 3), tf.uint8)

    def sample(seed):
        return parameters(layer.sample(images, seed=seed))

    seed = tf.constant(SEEDS[DRAWING.index(name) % 2])
    with op_by_op():
        eager = [part.numpy() for part in sample(seed)]
    assert sum(len(np.unique(part)) > 1 for part in eager) >= 1
    for function in (tf.function(sample), tf.function(sample, jit_compile=True)):
        for one, other in zip(function(seed), eager, strict=True):
            # Bits but for a zero's sign, of which no image knows.
            np.testing.assert_array_equal(one, other, strict=True)


def test_a_layer_with_a_seed_draws_the_same_behind_others():
    dataset = dataset_of("images")
    alone = run(kal.augment_dataset(dataset, kal.RandomRotate(0.3, seed=7), seed=1))
    stack = [kal.RandomFlip(probability=0.0), kal.RandomRotate(0.3, seed=7)]
    for stacked in (keras.Sequential(stack), kal.FusedAugmentation(stack)):
        for one, other in zip(
            alone, run(kal.augment_dataset(dataset, stacked, seed=1)), strict=True
        ):
            assert_same_bits(one, other)
    other = kal.augment_dataset(dataset, kal.RandomRotate(0.3, seed=8), seed=1)
    assert (np.stack(run(other)) != np.stack(alone)).any()
