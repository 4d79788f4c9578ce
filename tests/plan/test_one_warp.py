"""Of a stack, one warp runs: counted on what TensorFlow's profiler saw execute."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal

OP, COMPILED = "ImageProjectiveTransformV3", "CpuExecutable::Execute"
SIZE = 16
BATCHES = 3


def five(jit_compile):
    """The five basic layers, which agree on everything."""
    form = {"jit_compile": jit_compile}
    return [
        kal.RandomShift(0.1, 0.1, **form),
        kal.RandomFlip("horizontal", **form),
        kal.RandomRotate(degrees=30, **form),
        kal.RandomZoom(0.2, **form),
        kal.RandomBrightness(gain=0.2, **form),
    ]


def sequential(layers):
    """Layers one after the other, on pixels of uint8."""
    return keras.Sequential([keras.Input((SIZE, SIZE, 3), dtype="uint8"), *layers])


def ran(run, folder):
    """How often each thing ran that the profiler has a name for, once it is compiled.

    A layer of our own in the graph has the name of a scope before that of its op.
    """
    run()
    # The protocol's module stands where TensorFlow's own tools look for it.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tf.profiler.experimental.Profile(str(folder)):
        run()
    counts = collections.Counter()
    for path in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
        for plane in space.planes:
            for line in plane.lines:
                for event in line.events:
                    counts[plane.event_metadata[event.metadata_id].name] += 1
    return {
        name: sum(n for text, n in counts.items() if name in text)
        for name in (OP, COMPILED)
    }


@pytest.fixture
def batch():
    """Four images."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), "uint8")
    return tf.constant(pixels)


def in_a_function(layers, batch):
    """Calls of a `tf.function`, one batch after the other."""
    stack = sequential(layers)
    function = tf.function(lambda images: stack(images, training=True))
    return lambda: [function(batch).numpy() for _ in range(BATCHES)]


def in_tf_data(layers, batch):
    """A map over as many batches."""
    stack = sequential(layers)
    dataset = tf.data.Dataset.from_tensors(batch).repeat(BATCHES)
    dataset = dataset.map(lambda images: stack(images, training=True))
    return lambda: list(dataset.as_numpy_iterator())


def in_fit(layers, batch):
    """Steps of training."""
    head = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(1),
    ]
    model = sequential([*layers, *head])
    model.compile("sgd", "mse", jit_compile=False)
    labels = np.zeros((4, 1), "float32")
    return lambda: [model.train_on_batch(batch, labels) for _ in range(BATCHES)]


@pytest.mark.thorough
@pytest.mark.parametrize("mode", [in_a_function, in_fit])
def test_one_op_runs_for_a_batch(mode, batch, tmp_path):
    counts = ran(mode(five(jit_compile=False), batch), tmp_path)
    assert counts[OP] == BATCHES
    assert counts[COMPILED] == 0


@pytest.mark.thorough
@pytest.mark.parametrize("mode", [in_tf_data, in_fit])
def test_one_compiled_function_runs_for_a_batch(mode, batch, tmp_path):
    counts = ran(mode(five(jit_compile="auto"), batch), tmp_path)
    assert counts[OP] == 0
    # tf.data may run its map once more than it has elements.
    assert BATCHES <= counts[COMPILED] <= BATCHES + 1


@pytest.mark.thorough
def test_without_chaining_each_layer_runs(batch, tmp_path):
    """What the others count: four layers that move pixels, each with its own warp."""
    with kal.no_chaining():
        run = in_a_function(five(jit_compile=False), batch)
        counts = ran(run, tmp_path)
    assert counts[OP] == 4 * BATCHES


@pytest.mark.thorough
def test_a_branch_keeps_the_image_between(batch, tmp_path):
    """Two warps run where the image between is used as well."""
    turn = kal.RandomRotate(0.1, jit_compile=False)
    shift = kal.RandomShift(0.1, jit_compile=False)

    @tf.function
    def both(images):
        turned = turn(images, training=True)
        return turned, shift(turned, training=True)

    counts = ran(lambda: [both(batch)[1].numpy() for _ in range(BATCHES)], tmp_path)
    assert counts[OP] == 2 * BATCHES


@pytest.mark.thorough
def test_a_compiled_model_holds_one_gather_of_pixels(batch):
    """XLA's program of five layers has the gathers of one warp: two, of two pixels."""
    group = kal.FusedAugmentation(five("auto"))
    assert gathers(sequential(five("auto")), batch) == gathers(group, batch) > 0


@pytest.mark.parametrize(
    "color",
    [
        kal.RandomGrayscale(0.5),
        pytest.param(
            kal.RandomColorJitter(
                brightness=0.4, contrast=0.4, hue=0.1, space="linear", order="random"
            ),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_colors_that_mix_channels_read_every_pixel_once(color, batch):
    """And not once for each channel."""
    turn = kal.RandomRotate(0.1)
    mixed = kal.FusedAugmentation([turn, color])
    assert gathers(turn, batch) > 0
    assert gathers(mixed, batch) == gathers(turn, batch) + gathers(color, batch)


def test_what_is_kept_is_not_lost():
    """Whatever a row holds, of a batch of which no image draws it."""
    limit = kal.register(
        "test.limit",
        "mixing",
        lambda channels, most: tf.minimum(channels[0], most),
        neutral={"most": np.inf},
    )

    class Limit(kal.ColorLayer):
        def draw(self, random, frame):
            return limit(most=random.uniform((1e39, 1e39)))

    stack = kal.FusedAugmentation([kal.RandomFlip("horizontal", chance=1.0), Limit()])
    images = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 3)).astype("float32")
    run = tf.function(lambda x: stack(x, training=True), jit_compile=True)
    np.testing.assert_array_equal(run(images), images[:, :, ::-1])


def gathers(layer, batch):
    """How many XLA's program has."""
    function = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    program = function.experimental_get_compiler_ir(batch)(stage="optimized_hlo")
    return program.count(" gather(")
