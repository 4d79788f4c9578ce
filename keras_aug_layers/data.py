"""augment_dataset: reproducible augmentation in `tf.data`."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.layers.base import AugmentationLayer


def augment_dataset(
    dataset: tf.data.Dataset,
    layer: AugmentationLayer,
    *,
    seed: int,
    num_parallel_calls: int | None = tf.data.AUTOTUNE,
    deterministic: bool | None = True,
) -> tf.data.Dataset:
    """Augments the elements of a dataset, the same way every time it is run.

    Each element is paired with a seed before the parallel map, so that the pixels
    depend on `seed` and the element's place alone: not on the number of parallel calls,
    nor on the `tf.data` service worker that computes them. Each epoch draws anew; an
    iterator restored from a `tf.train.Checkpoint` goes on with the draws it would have
    had.

    Args:
        dataset: elements as `Model.fit` takes them: images; (images, labels); (images,
            labels, weights); or dicts as for the call of the layer; single or batched.
        layer: a layer of this library; a `FusedAugmentation` for several.
        seed: integer. Datasets with different seeds draw differently.
        num_parallel_calls: as for `tf.data.Dataset.map`.
        deterministic: as for `tf.data.Dataset.map`.

    Returns:
        A dataset of the same structure.

    Raises:
        ValueError: if `layer` is no augmentation layer, or `seed` no integer.

    Example:
        >>> images = tf.zeros((8, 32, 32, 3), tf.uint8)
        >>> dataset = tf.data.Dataset.from_tensor_slices((images, tf.range(8)))
        >>> augmented = augment_dataset(dataset, RandomFlip(), seed=1).batch(4)
        >>> [images.shape[0] for images, labels in augmented]
        [4, 4]
    """
    if not isinstance(layer, AugmentationLayer):
        raise ValueError(
            "`layer` must be an augmentation layer of keras_aug_layers. Received: "
            f"{layer!r}. Write fuse(layer) for Keras's own layers, and "
            "FusedAugmentation([...]) for several."
        )
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(
            f"`seed` must be an integer. Received: {seed!r}. Write seed=1."
        )
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    pairs = tf.data.Dataset.zip(dataset, seeds.batch(2, drop_remainder=True))

    def augment(element: Any, seed: tf.Tensor) -> Any:
        if isinstance(element, tuple):
            return (layer(element[0], training=True, seed=seed), *element[1:])
        return layer(element, training=True, seed=seed)

    return pairs.map(
        augment, num_parallel_calls=num_parallel_calls, deterministic=deterministic
    )
