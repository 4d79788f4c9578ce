"""Layers that follow one another continue from the source, and where they do not."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op

import keras_aug_layers as kal
from keras_aug_layers.plan import chain

SIZE = 12


@pytest.fixture
def images():
    """Four smooth images, on which a second warp shows."""
    y, x = np.mgrid[:SIZE, :SIZE]
    phases = np.arange(12).reshape(4, 1, 1, 3)
    pixels = 127 + 120 * np.sin(x[..., None] * 1.7 + y[..., None] * 1.3 + phases)
    return tf.constant(pixels.astype("uint8"))


def stack(**kwargs):
    """Layers that draw the same in every order of calls."""
    return [
        kal.RandomRotate(degrees=25, seed=1, **kwargs),
        kal.RandomShift(0.2, 0.1, seed=2, **kwargs),
        kal.RandomBrightness(gain=0.3, seed=3),
        kal.RandomZoom(0.2, seed=4, **kwargs),
    ]


def called(layers, images):
    """Layers called one after the other, while training."""
    for layer in layers:
        images = layer(images, training=True)
    return images


def bound(layers):
    """A function that calls these layers, made before it is traced."""
    return lambda images: called(layers, images)


@op_by_op()
def fused(layers, images):
    """What one group of them makes."""
    return kal.FusedAugmentation(layers)(images, training=True).numpy()


def assert_alike(actual, expected):
    """One op against another form: a few values of integers are rounded otherwise."""
    difference = np.abs(np.asarray(actual).astype(int) - expected.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001 * 10  # a batch of 1,728 values


def assert_apart(actual, expected):
    """Resampled twice: far from once."""
    assert np.abs(np.asarray(actual).astype(int) - expected.astype(int)).max() > 10


def model(layers):
    """A `keras.Sequential` for pixels of uint8."""
    return keras.Sequential([keras.Input((SIZE, SIZE, 3), dtype="uint8"), *layers])


FORMS = {
    "eager": lambda images: called(stack(), images),
    "a tf.function": lambda images: tf.function(bound(stack()))(images),
    "Sequential": lambda images: model(stack())(images, training=True),
    "a compiled Sequential": lambda images: tf.function(
        model(stack()), jit_compile=True
    )(images, training=True),
    "a map": lambda images: next(
        iter(tf.data.Dataset.from_tensors(images).map(bound(stack())))
    ),
    "nested Sequentials": lambda images: model(
        [model(stack()[:2]), model(stack()[2:])]
    )(images, training=True),
    "an Identity between": lambda images: model(
        [*stack()[:2], keras.layers.Identity(), *stack()[2:]]
    )(images, training=True),
    "groups of them": lambda images: called(
        [kal.FusedAugmentation(stack()[:2]), kal.FusedAugmentation(stack()[2:])], images
    ),
    "a Pipeline": lambda images: keras.layers.Pipeline(stack())(images, training=True),
}


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_what_a_group_gives(form, images):
    assert_alike(FORMS[form](images).numpy(), fused(stack(), images))


@pytest.mark.thorough
def test_nested_models_without_an_input(images):
    """Keras casts what comes into them to float32, once: floats chain through."""
    images = tf.cast(images, tf.float32)
    nested = [keras.Sequential(stack()[:2]), keras.Sequential(stack()[2:])]
    result = keras.Sequential(nested)(images, training=True).numpy()
    expected = fused(stack(), images)
    np.testing.assert_allclose(result, expected, atol=255 * 1e-4)


@pytest.mark.thorough
def test_a_functional_model(images):
    symbolic = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    functional = keras.Model(symbolic, called(stack(), symbolic))
    assert_alike(functional(images, training=True).numpy(), fused(stack(), images))


@pytest.mark.thorough
def test_a_layer_twice_draws_twice(images):
    turn = kal.RandomRotate(degrees=25, seed=1)
    twice = called([turn, turn], images).numpy()
    turn = kal.RandomRotate(degrees=25, seed=1)
    first = turn.sample(images)
    second = turn.sample(images)
    np.testing.assert_array_equal(twice, (first @ second).images(images).numpy())


@pytest.mark.thorough
def test_two_branches_from_one_image(images):
    turned = kal.RandomRotate(degrees=25, seed=1)(images, training=True)
    left = kal.RandomShift(0.2, seed=2)(turned, training=True)
    right = kal.RandomZoom(0.2, seed=3)(turned, training=True)
    pairs = [(kal.RandomShift(0.2, seed=2), left), (kal.RandomZoom(0.2, seed=3), right)]
    for layer, branch in pairs:
        expected = fused([kal.RandomRotate(degrees=25, seed=1), layer], images)
        assert_alike(branch.numpy(), expected)


def once(images):
    return fused(stack(), images)


ENDS = {
    "a layer that computes": lambda images: called(
        [*stack()[:1], keras.layers.Rescaling(1.0, dtype="float32"), *stack()[1:]],
        tf.cast(images, tf.float32),
    ),
    "settings that disagree": lambda images: called(
        [*stack()[:1], *stack(fill_mode="nearest")[1:]], images
    ),
    "settle": lambda images: called(
        stack()[1:], kal.settle(called(stack()[:1], images))
    ),
    "the border of a function": lambda images: called(
        stack()[1:], tf.function(bound(stack()[:1]))(images)
    ),
    "two maps": lambda images: next(
        iter(
            tf.data.Dataset.from_tensors(images)
            .map(bound(stack()[:1]))
            .map(bound(stack()[1:]))
        )
    ),
    "an argument of a function": lambda images: tf.function(bound(stack()[1:]))(
        called(stack()[:1], images)
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("end", ENDS)
def test_a_chain_ends_and_the_next_warp_reads_real_pixels(end, images):
    assert_apart(np.round(ENDS[end](images).numpy()), once(images))


@pytest.mark.thorough
@op_by_op()
def test_no_chaining(images):
    with kal.no_chaining():
        apart = called(stack(), images).numpy()
    assert_apart(apart, once(images))
    assert_alike(called(stack(), images).numpy(), once(images))


@pytest.mark.thorough
def test_a_condition_is_a_border(images):
    first, second = kal.RandomRotate(degrees=25, seed=1), kal.RandomShift(0.2, seed=2)

    @tf.function
    def run(x, flag):
        y = first(x, training=True)
        return tf.cond(flag, lambda: second(y, training=True), lambda: y)

    result = run(images, tf.constant(True)).numpy()
    layers = kal.RandomRotate(degrees=25, seed=1), kal.RandomShift(0.2, seed=2)
    assert_apart(result, fused(layers, images))


@pytest.mark.thorough
def test_what_is_captured_is_another_functions(images):
    """A tensor of eager code that a function closes over begins anew there."""
    turned = kal.RandomRotate(degrees=25, seed=1)(images, training=True)
    shift = kal.RandomShift(0.2, seed=2)
    result = tf.function(lambda: shift(turned, training=True))().numpy()
    layers = kal.RandomRotate(degrees=25, seed=1), kal.RandomShift(0.2, seed=2)
    assert_apart(result, fused(layers, images))


@pytest.mark.thorough
def test_unknown_sizes(images):
    layers = tuple(stack())
    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
    function = tf.function(lambda x: called(layers, x), input_signature=signature)
    assert_alike(function(images).numpy(), once(images))


@pytest.mark.thorough
def test_the_gradient_goes_to_the_source(images):
    source = tf.cast(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(source)
        result = tf.reduce_sum(called(stack()[:2], source) ** 2)
    chained = tape.gradient(result, source).numpy()
    with tf.GradientTape() as tape:
        tape.watch(source)
        group = kal.FusedAugmentation(stack()[:2])
        result = tf.reduce_sum(group(source, training=True) ** 2)
    expected = tape.gradient(result, source).numpy()
    np.testing.assert_allclose(chained, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.thorough
def test_the_gradient_of_an_image_between_needs_settle(images):
    turn, shift = stack()[:2]
    between = turn(tf.cast(images, tf.float32), training=True)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(between)
        chained = tf.reduce_sum(shift(between, training=True))
        settled = tf.reduce_sum(shift(kal.settle(between), training=True))
    assert tape.gradient(chained, between) is None
    assert np.abs(tape.gradient(settled, between).numpy()).sum() > 0


def chains():
    """The chains that something in this process keeps alive."""
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, chain.Chain)]


@pytest.mark.thorough
def test_an_eager_loop_settles_and_lets_go(images):
    """A chain of eager calls is at most so long, and keeps one source alive."""
    there, back = (
        kal.RandomShift((n, n), unit="pixels", fill_mode="wrap") for n in (1, -1)
    )
    x = images
    alive = len(chains())
    with chain.watched() as calls:
        for number in range(3 * chain.LONGEST):
            x = (back if number % 2 else there)(x, training=True)
    ends = [call for call in calls if call.before is None]
    assert len(ends) == 3
    assert max(call.now.length for call in calls) == chain.LONGEST
    del calls, ends
    assert len(chains()) - alive <= chain.LONGEST
    np.testing.assert_array_equal(x.numpy(), images.numpy())


def data_of(images):
    """Images with masks, boxes and keypoints."""
    return {
        "images": images,
        "segmentation_masks": tf.cast(images[..., :1] // 64, tf.int32),
        "bounding_boxes": {
            "boxes": tf.constant([[[2.0, 3, 7, 9]]] * 4),
            "labels": tf.ones((4, 1), tf.int32),
        },
        "keypoints": tf.constant([[[5.0, 6]]] * 4),
        "names": ["a", "b", "c", "d"],
    }


def boxed(**kwargs):
    """Layers for boxes."""
    return [
        kal.RandomRotate(degrees=30, seed=1, bounding_box_format="xyxy", **kwargs),
        kal.RandomBrightness(gain=0.2, seed=2, bounding_box_format="xyxy"),
        kal.RandomShift(0.1, 0.1, seed=3, bounding_box_format="xyxy", **kwargs),
    ]


@pytest.mark.thorough
def test_targets_chain_like_images(images):
    data = data_of(images)
    chained = called(boxed(), data)
    group = kal.FusedAugmentation(boxed())(data, training=True)
    for key in ("images", "segmentation_masks"):
        np.testing.assert_array_equal(chained[key].numpy(), group[key].numpy())
    for one, other in (
        (chained["keypoints"], group["keypoints"]),
        (chained["bounding_boxes"]["boxes"], group["bounding_boxes"]["boxes"]),
        (chained["bounding_boxes"]["labels"], group["bounding_boxes"]["labels"]),
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-4)
    assert chained["names"] is data["names"]


@pytest.mark.thorough
def test_a_box_turned_and_turned_back_is_the_box(images):
    """Boxes chain from their source: no frame around a frame is put."""
    there = kal.RandomRotate(degrees=(30, 30), bounding_box_format="xyxy")
    back = kal.RandomRotate(degrees=(-30, -30), bounding_box_format="xyxy")
    result = called([there, back], data_of(images))["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(result.numpy()[:, 0], [[2, 3, 7, 9]] * 4, atol=1e-4)


@pytest.mark.thorough
def test_a_mask_that_was_changed_between_is_moved_from_there(images):
    """Its chain has ended; that of the images goes on."""
    data = data_of(images)
    first, _, second = boxed()
    between = first(data, training=True)
    between["segmentation_masks"] += 1
    result = second(between, training=True)
    transform = kal.RandomShift(0.1, 0.1, seed=3).sample(images)
    expected = transform.segmentation_masks(between["segmentation_masks"])
    np.testing.assert_array_equal(result["segmentation_masks"], expected)
    layers = [x for x in boxed() if not isinstance(x, kal.RandomBrightness)]
    assert_alike(result["images"].numpy(), fused(layers, images))


@pytest.mark.thorough
def test_new_labels_of_old_boxes_are_kept(images):
    data = data_of(images)
    between = boxed()[0](data, training=True)
    labels = tf.fill((4, 1), 7)
    between["bounding_boxes"] = {**between["bounding_boxes"], "labels": labels}
    result = boxed()[2](between, training=True)
    assert (result["bounding_boxes"]["labels"].numpy() == 7).all()


@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_batch_of_no_images_goes_through_a_chain(jit_compile):
    crop = kal.CenterCrop(4, 4, jit_compile=jit_compile)
    turn = kal.RandomRotate(0.1, jit_compile=jit_compile)

    @tf.function
    def call(images):
        return turn(crop(images), training=True), turn(turn(images, training=True))

    made = call(tf.zeros((0, 8, 8, 3)))
    assert [x.shape for x in made] == [(0, 4, 4, 3), (0, 8, 8, 3)]


@pytest.mark.thorough
def test_nothing_is_done_outside_training(images):
    between = stack()[0](images, training=True)
    assert stack()[1](between) is between
    expected = fused([stack()[0], stack()[3]], images)
    after = stack()[3](stack()[1](between), training=True)
    assert_alike(after.numpy(), expected)


@pytest.mark.thorough
@op_by_op()
def test_a_blur_before_a_move_is_not_exchanged_with_it(images):
    """Two warps, and the same in a group, in a chain, and with real pixels between."""
    layers = [
        kal.RandomRotate(degrees=25, seed=1),
        kal.RandomGaussianBlur(kernel_size=(1, 5), sigma=(2, 2)),
        kal.RandomRotate(degrees=(90, 90), seed=2),
    ]
    group = fused(layers, images)
    layers[0].random_state.assign([0, 0, 1])
    chained = called(layers, images).numpy()
    layers[0].random_state.assign([0, 0, 1])
    with kal.no_chaining():
        apart = called(layers, images).numpy()
    np.testing.assert_array_equal(chained, group)
    np.testing.assert_array_equal(apart, group)


@pytest.mark.thorough
def test_explain_gives_labels_to_what_mixes():
    stack = [kal.RandomFlip(name="flip"), kal.MixUp(num_classes=7, name="mix")]
    for layer in (keras.Sequential(stack), kal.FusedAugmentation(stack, name="both")):
        assert "blend" in kal.explain(layer, (4, SIZE, SIZE, 3))


def test_explain_says_where_a_chain_ends():
    layers = [
        kal.RandomFlip(name="flip"),
        kal.RandomRotate(0.1, name="turn"),
        keras.layers.Rescaling(1 / 255),
        kal.RandomShift(0.1, name="shift"),
        kal.RandomZoom(0.1, fill_mode="constant", name="zoom"),
    ]
    text = kal.explain(model(layers), (4, SIZE, SIZE, 3))
    assert text.splitlines() == [
        "3 warps, 0 other passes",
        "1. flip, turn: one warp (affine)",
        "   begins at flip: its input is no output of a layer of this library",
        "2. shift: one warp (upright)",
        "   begins at shift: its input is no output of a layer of this library",
        "3. zoom: one warp (upright)",
        "   begins at zoom: settings disagree: `fill_mode` is 'reflect' and 'constant'",
    ]
