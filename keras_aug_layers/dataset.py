"""augment_dataset: reproducible augmentation in `tf.data`."""

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.elements import augmenting, of_element, stacked
from keras_aug_layers.layers import MultiCrop
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.draws import draws, held_by
from keras_aug_layers.layers.groups.sequence import (
    by_another,
    further_targets,
    is_sequence,
)
from keras_aug_layers.layers.streams import behind

OURS = (AugmentationLayer, MultiCrop)
"""The layers that draw from a seed."""

_ENDLESS = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
"""Tells `tf.data` that a dataset does not end."""


def augment_dataset(
    dataset: tf.data.Dataset,
    layer: keras.layers.Layer,
    *,
    seed: int,
    key: Callable[..., Any] | None = None,
    structure: Sequence[str] | None = None,
    num_parallel_calls: int | None = tf.data.AUTOTUNE,
    deterministic: bool | None = True,
) -> tf.data.Dataset:
    """Augments the elements of a dataset, the same way in every run of the program.

    Each element is paired with a seed before the parallel map, so that the pixels
    depend on `seed`, the epoch and the element's place alone: not on the number of
    parallel calls, nor on the process that computes them. Each epoch draws anew; an
    iterator restored from a `tf.train.Checkpoint` goes on with the draws it would have
    had.

    For checkpoints in the middle of training, and on `tf.data` service, repeat the
    dataset first: `augment_dataset(dataset.repeat(epochs), …)`. For a map that reads
    ahead, TensorFlow does not keep in which epoch an iterator was that is repeated
    afterwards, unless `tf.data.Options.experimental_symbolic_checkpoint` is set; and a
    new job of the service starts from the first epoch. (With `key`, an element that is
    repeated first has the same draw in each epoch: repeat afterwards there.)

    A layer that mixes images, such as MixUp, takes batches, and mixes the labels of
    (images, labels) and of (images, labels, weights); weights stay as they are.

    On `tf.data` service, in the mode "distributed_epoch" workers take elements
    as they come and know no place: every element has a draw of its own, but which one
    is chance. There, and wherever else order is lost, give `key`.

    Args:
        dataset: elements as `Model.fit` takes them: images; (images, labels); (images,
            labels, weights); where the images may be a dict as for the call of the
            layer, with the key "images"; single or batched.
        layer: a layer of this library; a `FusedAugmentation`, a `keras.Sequential` or
            what `fuse` returns for several, in which layers that draw nothing, such as
            Rescaling, may stand between. A layer's own `seed` tells its draws from
            those of others.
        seed: integer of 64 bits. Datasets with different seeds draw differently.
        key: function that identifies an element: of `element`, or of `*element` for a
            tuple, to an integer, or integers (B,) for a batch. Then the draws depend on
            the key and not on the place, and those of an image not on its batch.
        structure: what the elements of a tuple are, such as ("images",
            "segmentation_masks"), or ("images", "segmentation_masks", "weights"): the
            keys that they would have in a dict. By default the first are the images,
            and the names of a named tuple with the field "images" count. Where labels
            look like masks, a warning says so.
        num_parallel_calls: as for `tf.data.Dataset.map`.
        deterministic: as for `tf.data.Dataset.map`.

    Returns:
        A dataset of the same structure. Of `MultiCrop`, which may be the last layer,
        the dict of views stands in the place of the images, and where labels are mixed,
        or parts are named, a dict of those of each view in the place of each part.

    Raises:
        ValueError: if `dataset` is not a dataset, `layer` not an augmentation layer,
            `seed` or `num_parallel_calls` not an integer, `key` not a function that
            returns one, or `structure` not names of the elements, "images" among them;
            or if a layer of Keras resizes images, and leaves targets as they are, or
            something stands behind a `MultiCrop`.

    Example:
        >>> import tensorflow as tf
        >>> from keras_aug_layers import RandomFlip
        >>> images = tf.zeros((8, 32, 32, 3), tf.uint8)
        >>> dataset = tf.data.Dataset.from_tensor_slices((images, tf.range(8)))
        >>> augmented = augment_dataset(dataset, RandomFlip(), seed=1).batch(4)
        >>> [images.shape[0] for images, labels in augmented]
        [4, 4]
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            "`dataset` must be a tf.data.Dataset. Received: "
            f"{type(dataset).__name__}. Write "
            "tf.data.Dataset.from_tensor_slices((images, labels)).batch(32)."
        )
    layers = _layers(layer)
    further = further_targets(augmenting(layer))
    if arguments.seed("seed", seed) is None:
        raise ValueError(
            "`seed` must be an integer of 64 bits. Received: None. Write seed=1."
        )
    if key is not None and not callable(key):
        raise ValueError(
            f"`key` must be a function of an element. Received: {key!r}. Write "
            "key=lambda element: element['number']."
        )
    plain = isinstance(num_parallel_calls, (int, float, str))  # and no tensor
    if plain and num_parallel_calls != tf.data.AUTOTUNE:
        num_parallel_calls = arguments.size("num_parallel_calls", num_parallel_calls)
    places = tf.data.Dataset.range(2**63 - 1)
    triples = tf.data.Dataset.zip(dataset, _epochs(seed), places)
    # The conditions of a key are the user's; here is none that AutoGraph should make a
    # part of the graph, and what it rewrites is slower to trace and hard to debug.
    key = None if key is None else tf.function(key)

    @tf.autograph.experimental.do_not_convert
    def augment(element: Any, epoch: tf.Tensor, place: tf.Tensor) -> Any:
        parts = element if isinstance(element, tuple) else (element,)
        number = place if key is None else _numbers(key(*parts))
        pair = tf.stack([tf.broadcast_to(epoch, tf.shape(number)), number], axis=-1)

        def apply(data: Any) -> Any:
            for number, each in enumerate(layers):
                data = _applied(each, data, pair, number, further)
            return data

        return of_element(apply, element, layer, structure)

    # Where nothing is parallel, tf.data warns if it is told of an order.
    order = None if num_parallel_calls is None else deterministic
    made = triples.map(augment, num_parallel_calls, order)
    if tf.get_static_value(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        # Numbers end, if at 2 ** 63, and so would the dataset: say that it does not.
        return made.apply(_ENDLESS)
    return made


def _numbers(key: Any) -> tf.Tensor:
    """What a key returned, int64, if it is an integer, or one for each image."""
    tensor = isinstance(key, tf.Tensor)
    if tensor and key.dtype.is_integer and key.shape.rank in (0, 1):
        return tf.cast(key, tf.int64)
    received = (
        f"{key.dtype.name} of shape {key.shape}" if tensor else type(key).__name__
    )
    raise ValueError(
        "`key` must return an integer, or integers (B,) for a batch of B images, of a "
        f"known shape. Received: {received}. Write number.set_shape(()) in it where "
        "that is unknown, and tf.strings.to_hash_bucket_fast(name, 2**62) for a name."
    )


def _layers(layer: Any) -> list[keras.layers.Layer]:
    """The layers of a stack, or the one layer, each of which gets a seed or needs none.

    Raises:
        ValueError: if one of them draws without a seed, a layer alone is none of ours,
            or something stands behind a MultiCrop.
    """
    layers, several = stacked(layer), is_sequence(layer)
    for each in layers:
        if not isinstance(each, OURS) and (not several or _augments(each)):
            raise ValueError(
                "`layer` must be an augmentation layer of keras_aug_layers, or a "
                f"keras.Sequential of them. Received: {each!r}. Write fuse(layer) for "
                "Keras's own layers, and FusedAugmentation([...]) for several. What "
                "`fuse` leaves as it is goes into a map behind."
            )
    for each, after in itertools.pairwise(layers):
        if isinstance(each, MultiCrop):
            raise ValueError(
                "`layer` must have MultiCrop as its last layer, as what comes out are "
                f"views and no images. Received: {after.name!r} behind {each.name!r}. "
                "Write the layer before MultiCrop, or in the layers of a view."
            )
    return layers


def _augments(layer: keras.layers.Layer) -> bool:
    """Whether a layer of another library draws, or holds one of ours."""
    return draws(layer) or any(isinstance(x, OURS) for x in held_by(layer))


def _applied(
    layer: Any, data: Any, pair: tf.Tensor, place: int, further: Collection[str]
) -> Any:
    """Calls a layer of a stack, with a stream of its own if it augments.

    Args:
        layer: the layer.
        data: images, or a dict of them and their targets.
        pair: the seed.
        place: that of the layer in the stack.
        further: the names of targets that only our layers know.
    """
    if isinstance(layer, OURS):
        with behind(place):
            return layer(data, training=True, seed=pair)
    return by_another(layer, data, further)


def _epochs(seed: int) -> tf.data.Dataset:
    """An endless dataset of one random number, another one each time it is iterated.

    `tf.data.Dataset.random` would do, but for two things: it keeps 31 bits of the seed,
    and adds TensorFlow's global one, with which the same seed would draw differently.
    """
    random = tf.raw_ops.RandomDatasetV2(
        seed=tf.constant(seed, tf.int64),
        seed2=tf.constant(1, tf.int64),  # a pair of zeros stands for "any seed"
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        rerandomize_each_iteration=True,
        output_types=[tf.int64],
        output_shapes=[()],
    )
    words = tf.data.experimental.from_variant(random, tf.TensorSpec((), tf.int64))
    epoch = words.batch(2).map(lambda pair: pair[0] * 2**32 + pair[1]).take(1)
    numbers = epoch.flat_map(lambda x: tf.data.Dataset.from_tensors(x).repeat())
    # Left unknown, the number of elements of the result would be unknown as well.
    return numbers.apply(_ENDLESS)
