"""A condition with a gradient that XLA compiles.

The gradient of `tf.cond` hands values from the way there to the way back in optionals,
for which XLA has no kernel where the way back is made outside of its context. Here the
way back computes the branch again.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from keras_aug_layers.kernels.derivative import own_gradient
from keras_aug_layers.kernels.device import (
    CPU,
    deriving,
    gathers,
    in_xla_context,
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
    device = _device()

    @own_gradient
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


def kept(
    function: Branch, images: tf.Tensor, rows: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """What a function makes of images, in memory, where XLA would compute it anew.

    Args:
        function: of images.
        images: what it gets.
        rows: as in `true`.
    """
    if not in_xla_context():
        return function(images)

    def nothing(images: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(function(images))

    return choose(true(images, rows), function, nothing, images)


def true(images: tf.Tensor, rows: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """True, and unknown when compiling, so that a condition stays one: bool ().

    Whatever the numbers are. Asked of a row, if there is one. Asked of the images, XLA
    computed the steps before anew behind the condition, which made MixUp after a warp
    cost 3.4 warps instead of 1.1.
    """
    row = next(iter(rows.values()), None)
    if row is None:
        row = tf.reshape(images, (-1,))[:1]
    less = tf.cast(row, tf.float32) < 0.0
    return tf.reduce_any(less) | tf.reduce_any(~less) | tf.equal(tf.size(row), 0)


def with_gradient_of(other: Branch, function: Branch, images: tf.Tensor) -> tf.Tensor:
    """A function of images, with the gradient of another that has the same values.

    Args:
        other: whose gradient is taken.
        function: whose values are.
        images: what they get.
    """
    device = _device()

    @own_gradient
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


def _device() -> str:
    """For which device the gradient is: what XLA does not compile has the CPU's form.

    The GPU's would hold, where nothing joins it, all that is read for each pixel.
    """
    return traced() if in_xla_context() else CPU


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
