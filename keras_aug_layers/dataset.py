"""augment_dataset: reproducible augmentation in `tf.data`."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments, notices
from keras_aug_layers.layers import MultiCrop, checks
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.sequence import STACKS, by_another, further_targets
from keras_aug_layers.layers.streams import draws, held_by
from keras_aug_layers.plan import entries, strides
from keras_aug_layers.plan.random_numbers import STACK, fold

OURS = (AugmentationLayer, MultiCrop)
"""The layers that draw from a seed."""


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
        A dataset of the same structure.

    Raises:
        ValueError: if `dataset` is none, `layer` no augmentation layer, `seed` no
            integer, or `structure` no names, "images" among them, of the elements; or
            if a layer of Keras resizes images, and leaves targets as they are.

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
    further = further_targets(layers)
    if arguments.seed("seed", seed) is None:
        raise ValueError(
            "`seed` must be an integer of 64 bits. Received: None. Write seed=1."
        )
    _check_structure(structure)
    places = tf.data.Dataset.range(2**63 - 1)
    triples = tf.data.Dataset.zip(dataset, _epochs(seed), places)
    # The conditions of a key are the user's; here is none that AutoGraph should make a
    # part of the graph, and what it rewrites is slower to trace and hard to debug.
    key = None if key is None else tf.function(key)

    @tf.autograph.experimental.do_not_convert
    def augment(element: Any, epoch: tf.Tensor, place: tf.Tensor) -> Any:
        parts = element if isinstance(element, tuple) else (element,)
        number = place if key is None else tf.cast(key(*parts), tf.int64)
        if number.shape.rank is None:
            raise ValueError(
                "`key` must return numbers of a known shape, one for each image. "
                "Received: an unknown shape. Write number.set_shape(()) in it."
            )
        pair = tf.stack([tf.broadcast_to(epoch, tf.shape(number)), number], axis=-1)

        def apply(data: Any) -> Any:
            for number, each in enumerate(layers):
                before = layers[number - 1] if number else None
                data = _applied(each, data, pair, number, before, further)
            return data

        return of_element(apply, element, layers, structure)

    return triples.map(
        augment, num_parallel_calls=num_parallel_calls, deterministic=deterministic
    )


def of_element(
    apply: Callable[[Any], Any],
    element: Any,
    layers: Sequence[keras.layers.Layer],
    structure: Sequence[str] | None = None,
) -> Any:
    """Applies a function to the images of an element, with labels where they change.

    Args:
        apply: what the layers do to images, or to a dict of images and labels.
        element: images, or a tuple of them, labels and weights.
        layers: the layers.
        structure: what the element's parts are; None for the above, or what the names
            of a named tuple say.
    """
    if structure is None and entries.is_named(element):
        structure = element._fields
    if structure is not None:
        return _of_parts(apply, element, structure)
    parts = element if isinstance(element, tuple) else (element,)
    ours = [x for x in layers if isinstance(x, AugmentationLayer)]
    labelled = any(x.mixes() or x.settings.num_classes is not None for x in ours)
    if isinstance(parts[0], tuple) and not entries.is_named(parts[0]):
        raise ValueError(
            "The elements of `dataset` must be images, or dicts with the key 'images', "
            f"alone or with labels. Received: {len(parts[0])} parts in the images' "
            'place. Write {"images": a, "other": b} with extra_targets={"other": '
            '"images"}, to do the same to both.'
        )
    given, beside = parts[0], False
    if len(parts) > 1:
        formats = [x.data_format for x in ours] or [keras.config.image_data_format()]
        _warn_of_targets(parts[0], parts[1], formats[0])
    if labelled and len(parts) > 1:
        several = isinstance(parts[0], dict) or entries.is_named(parts[0])
        images = entries.given(parts[0]) if several else {"images": parts[0]}
        beside = "labels" not in images
        given = {"labels": parts[1], **images}
    done = apply(given)
    if beside:
        images = {key: x for key, x in done.items() if key != "labels"}
        images = entries.merged(parts[0], images) if several else images["images"]
        return (images, done["labels"], *parts[2:])
    return (done, *parts[1:]) if isinstance(element, tuple) else done


def _of_parts(
    apply: Callable[[Any], Any], element: Any, structure: Sequence[str]
) -> Any:
    """Applies a function to a tuple whose parts are named."""
    if not isinstance(element, tuple) or len(element) != len(structure):
        count = len(element) if isinstance(element, tuple) else 1
        raise ValueError(
            "`structure` must name each part of the elements of `dataset`. Received: "
            f"{structure!r} for {count} part{'s' * (count != 1)}."
        )
    done = apply(dict(zip(structure, element, strict=True)))
    parts = [done[name] for name in structure]
    return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)


def _check_structure(structure: Any) -> None:
    """Refuses what does not name parts, one of them the images."""
    if structure is None:
        return
    several = isinstance(structure, (list, tuple))
    names = list(structure) if several else []
    if "images" not in names or len({*names}) != len(names):
        raise ValueError(
            "`structure` must be names, each once, and 'images' among them. Received: "
            f"{structure!r}. Write ('images', 'segmentation_masks')."
        )


def _warn_of_targets(images: Any, labels: Any, data_format: str) -> None:
    """Warns where labels look like targets, which are not moved in their place."""
    if isinstance(labels, dict):
        meant = {key: checks.meant_by(key) for key in labels}
        found = [key for key, x in meant.items() if x not in (None, "labels")]
        if found:
            notices.warn(
                f"The labels of `dataset` hold {', '.join(map(repr, found))}, which "
                "are not moved with the images. Write one dict, {'images': images, "
                "'bounding_boxes': boxes}, or structure=('images', 'bounding_boxes')."
            )
        return
    images = images.get("images") if isinstance(images, dict) else images
    if strides.sized_as(images, labels, data_format, unknown=True):
        notices.warn(
            f"The labels of `dataset`, of shape {labels.shape}, have the size of the "
            "images, and are not moved with them. Write structure=('images', "
            "'segmentation_masks') if they are masks, ('images', 'labels') if not."
        )


def _layers(layer: Any, nested: bool = False) -> list[keras.layers.Layer]:
    """The layers of a stack, with those of the stacks in it, or the one layer."""
    if isinstance(layer, STACKS):
        return [x for each in layer.layers for x in _layers(each, nested=True)]
    if not isinstance(layer, OURS) and (not nested or _augments(layer)):
        raise ValueError(
            "`layer` must be an augmentation layer of keras_aug_layers, or a "
            f"keras.Sequential of them. Received: {layer!r}. Write fuse(layer) for "
            "Keras's own layers, and FusedAugmentation([...]) for several."
        )
    return [layer]


def _augments(layer: keras.layers.Layer) -> bool:
    """Whether a layer of another library draws, or holds one of ours."""
    return draws(layer) or any(isinstance(x, OURS) for x in held_by(layer))


def _applied(
    layer: Any,
    data: Any,
    pair: tf.Tensor,
    place: int,
    before: Any,
    further: Collection[str],
) -> Any:
    """Calls a layer of a stack, with a stream of its own if it augments.

    Args:
        layer: the layer.
        data: images, or a dict of them and their targets.
        pair: the seed.
        place: that of the layer in the stack.
        before: the layer before it, if there is one.
        further: the names of targets that only our layers know.
    """
    if isinstance(layer, OURS):
        if place and getattr(layer, "seed", None) is None:
            number = tf.constant([fold(STACK, place), 0], tf.int64)
            pair = tf.bitwise.bitwise_xor(pair, number)
        return layer(data, training=True, seed=pair)
    return by_another(layer, data, before, further)


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
    infinite = tf.data.experimental.INFINITE_CARDINALITY
    return numbers.apply(tf.data.experimental.assert_cardinality(infinite))
