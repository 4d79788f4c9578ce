"""Batches: a recipe's layers in the input pipeline, and what mixes behind batching."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.dataset import augment_dataset
from keras_aug_layers.elements import augmenting, named, of_element
from keras_aug_layers.kernels.targets.formats import nothing
from keras_aug_layers.layers import FusedAugmentation, RandomApply
from keras_aug_layers.layers.groups.sequence import LayerSequence, is_sequence
from keras_aug_layers.layers.kept import argument_names
from keras_aug_layers.layers.told import converts
from keras_aug_layers.plan import entries
from keras_aug_layers.plan.settings import Settings


def batches(
    dataset: tf.data.Dataset,
    layer: Any,
    training: bool,
    *,
    batch_size: int | None,
    seed: int,
    structure: Sequence[str] | None,
) -> tf.data.Dataset:
    """The dataset, as a training or an evaluation sees it; see `Recipe.dataset`."""
    images = _images_of(dataset, structure)
    if batch_size is None:
        _check_batches(images, layer, training)
        return _applied(dataset, layer, training, seed, structure)
    batch_size = arguments.size("batch_size", batch_size)
    _check_single(dataset, images, batch_size, training)
    alone, together = _parted(layer) if training else (layer, None)
    made = dataset
    if alone is not None:
        made = _applied(made, alone, training, seed, structure)
    made = _batched(made, batch_size, structure, drop_remainder=training)
    if together is not None:
        made = _applied(made, together, training, ~seed, structure)
    return made.prefetch(tf.data.AUTOTUNE)


def _check_batches(images: Any, layer: Any, training: bool) -> None:
    """Refuses single images where they are mixed."""
    shape = getattr(images, "shape", tf.TensorShape(None))
    if training and shape.rank == 3 and _mixes(layer):
        raise ValueError(
            "`batch_size` must be given for single images where a recipe mixes them. "
            f"Received: None, and images of shape {shape}. Write batch_size=32."
        )


def _check_single(
    dataset: tf.data.Dataset, images: Any, batch_size: int, training: bool
) -> None:
    """Refuses batches where single images are put into batches, and too few of them."""
    if getattr(images, "shape", tf.TensorShape(None)).rank == 4:
        raise ValueError(
            f"`batch_size` is for single images. Received: {batch_size}, and batches "
            f"of shape {images.shape}. Leave batch_size out."
        )
    count = int(dataset.cardinality())
    if training and 0 <= count < batch_size:
        raise ValueError(
            "`batch_size` must be at most the number of images, as the training gets "
            f"full batches only. Received: {batch_size} for {count} images."
        )


def _images_of(dataset: tf.data.Dataset, structure: Sequence[str] | None) -> Any:
    """What the images of the elements are; None where there are none."""
    element = dataset.element_spec
    if (parts := named(element, structure)) is not None:
        return parts["images"]
    images = element[0] if isinstance(element, tuple) else element
    if isinstance(images, dict) or entries.is_named(images):
        images = entries.given(images).get("images")
    return images


def _batched(
    dataset: tf.data.Dataset,
    size: int,
    structure: Sequence[str] | None,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """Batches of single elements, with -1 where they differ in length.

    Where a dtype has no -1, it is 0, False or "".
    """
    specs = tf.nest.flatten(dataset.element_spec)
    dense = all(
        isinstance(x, tf.TensorSpec) and x.shape.rank is not None for x in specs
    )
    # Of images those of other sizes are an error.
    images = tf.nest.flatten(_images_of(dataset, structure))
    sized = all(x is None or x.shape.is_fully_defined() for x in images)
    if not dense or not sized or all(x.shape.is_fully_defined() for x in specs):
        return dataset.batch(size, drop_remainder)
    values = tf.nest.map_structure(lambda x: nothing(x.dtype), dataset.element_spec)
    return dataset.padded_batch(
        size, padding_values=values, drop_remainder=drop_remainder
    )


def _applied(
    dataset: tf.data.Dataset,
    layer: Any,
    training: bool,
    seed: int,
    structure: Sequence[str] | None,
) -> tf.data.Dataset:
    if training:
        return augment_dataset(dataset, layer, seed=seed, structure=structure)
    several = type(dataset.element_spec) is tuple  # which a map takes apart

    @tf.autograph.experimental.do_not_convert
    def apply(*element: Any) -> Any:
        given = element if several else element[0]
        return of_element(layer, given, layer, structure)

    return dataset.map(apply, num_parallel_calls=tf.data.AUTOTUNE)


def _mixes(layer: Any) -> bool:
    """Whether a layer, or a stack of several, mixes images."""
    return any(x.mixes() for x in augmenting(layer))


def _parted(layer: Any) -> tuple[Any, Any]:
    """What is done to single images, and what mixes those of a batch; None for nothing.

    A stack is parted within the first of its layers that mixes, but for a group that is
    done by chance: both halves would have a chance of their own.
    """
    if not _mixes(layer):
        return layer, None
    group = isinstance(layer, FusedAugmentation) and not isinstance(layer, RandomApply)
    chance = layer.probability if group else 1.0
    if arguments.is_variable(chance) or chance < 1.0:
        return None, layer
    if not group and not is_sequence(layer):
        return None, layer
    layers = layer.layers
    first = next(i for i, x in enumerate(layers) if _mixes(x))
    alone, together = _parted(layers[first])
    before = [*layers[:first], *([] if alone is None else [alone])]
    after = [together, *layers[first + 1 :]]
    if not group:
        return LayerSequence(before) if before else None, LayerSequence(after)
    agreed = _agreed(layer)
    alone = layer.with_layers(before, **agreed) if before else None
    if any(map(converts, before)):  # the pixels that come behind are of another range
        agreed["value_range"] = None
    return alone, layer.with_layers(after, **agreed)


def _agreed(group: FusedAugmentation) -> dict[str, Any]:
    """On what the layers of a group agree, as arguments: one half may not say it."""
    names = {*argument_names(type(group))} & {*Settings.NAMES}
    agreed = {name: getattr(group.settings, name) for name in names}
    return {**agreed, "extra_targets": dict(group.settings.extra_targets or ())}
