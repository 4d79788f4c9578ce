"""A condition with a gradient that XLA compiles.

The gradient of `tf.cond` hands values from the way there to the way back in optionals,
for which XLA has no kernel where the way back is made outside of its context. Here the
way back computes the branch again.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from keras_aug_layers.kernels.device import (
    deriving,
    gathers,
    traced,
    traced_for,
)

Branch = Callable[..., tf.Tensor]


def choose(wanted: tf.Tensor, yes: Branch, no: Branch, *images: tf.Tensor) -> tf.Tensor:
    """One function of images or the other; only the one that is wanted runs.

    Args:
        wanted: bool ().
        yes: the function if it is true.
        no: the function if it is not.
        *images: what they get; the gradient goes to these alone.
    """
    device = traced()

    @tf.custom_gradient
    def run(*images: tf.Tensor) -> tf.Tensor:
        result = tf.cond(wanted, lambda: yes(*images), lambda: no(*images))

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            return tf.cond(
                wanted,
                lambda: _pull(yes, images, upstream, device),
                lambda: _pull(no, images, upstream, device),
            )

        return result, gradient

    return run(*images)


def with_gradient_of(other: Branch, function: Branch, images: tf.Tensor) -> tf.Tensor:
    """A function of images, with the gradient of another that has the same values.

    Args:
        other: whose gradient is taken.
        function: whose values are.
        images: what they get.
    """
    device = traced()

    @tf.custom_gradient
    def run(images: tf.Tensor) -> tf.Tensor:
        return function(images), lambda upstream: _pull(
            other, (images,), upstream, device
        )

    return run(images)


def in_turn(
    at: Callable[..., Sequence[tf.Tensor]], count: int, *images: tf.Tensor
) -> Sequence[tf.Tensor]:
    """Does something at each place, one after the other, in a loop that compiles once.

    For the gradient the places stand one behind the other: XLA does not compile that of
    a loop over a batch of unknown size.

    Args:
        at: of a place and images, gives images.
        count: the number of places.
        *images: at the first place.
    """
    if deriving():
        for place in range(count):
            images = tuple(at(place, *images))
        return images
    _, *made = tf.while_loop(
        lambda place, *_: place < count,
        lambda place, *images: (place + 1, *at(place, *images)),
        (tf.constant(0), *images),
        maximum_iterations=count,
    )
    return made


def _pull(
    function: Branch, images: tuple[tf.Tensor, ...], upstream: tf.Tensor, device: str
) -> list[tf.Tensor]:
    """The gradients of the images; 0 of whole numbers, which have none."""
    if not any(x.dtype.is_floating for x in images):
        return [tf.zeros_like(x) for x in images]
    with traced_for(device), gathers(), tf.GradientTape() as tape:
        tape.watch(images)
        result = function(*images)
    gradients = tape.gradient(result, images, upstream)
    return [
        tf.zeros_like(x) if gradient is None else gradient
        for x, gradient in zip(images, gradients, strict=True)
    ]
