"""Streams: from which states, and at which places of them, a stack of layers draws."""

import contextlib
import functools
import random
import threading
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.device import during
from keras_aug_layers.layers import counts
from keras_aug_layers.plan import random_numbers
from keras_aug_layers.plan.frame import Frame

_LOCAL = threading.local()


class Streams:
    """A stream for a layer and for each of its members, depth first.

    A member with a seed has a state of its own; another's place is folded into the
    state of the group. It is a plain object, so that Keras does not take the layers
    that it names for layers of the one that holds it.

    Args:
        layer: the layer or group.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    @functools.cached_property
    def _places(self) -> tuple[list[Any], list[int], list[int]]:
        """The layers whose states are read; of each stream its state, and its fold."""
        first = _path(self._layer)
        states = [self._layer]
        owners, folds = [0], [random_numbers.fold(*first)]

        def walk(group: Any, owner: int, path: tuple[int, ...]) -> None:
            for place, member in enumerate(group.members()):
                at = owner, (*path, place)
                if member.seed is not None:
                    states.append(member)
                    at = len(states) - 1, _path(member)
                owners.append(at[0])
                folds.append(random_numbers.fold(*at[1]))
                walk(member, *at)

        walk(self._layer, 0, first)
        return states, owners, folds

    def next(self, frame: Frame, seed: Any) -> list[tf.Tensor]:
        """Where the numbers of a call start: one origin for each state.

        Args:
            frame: the images of the call.
            seed: the call's own, which makes it stateless, or None.
        """
        states, _, _ = self._places
        if seed is None:
            return [_next(layer.random_state) for layer in states]
        seeds = checked_seed(seed, frame.batch)
        if frame.batched and seeds.shape.rank == 2:
            seeds = counts.checked({"seed": seeds}, frame.batch)["seed"]
        origin = random_numbers.seeded_origin(seeds)
        place = getattr(_LOCAL, "place", None)
        own = _folded(origin, random_numbers.STACK, place) if place else origin
        return [
            own
            if layer.seed is None
            else _folded(origin, random_numbers.SEED, layer.seed)
            for layer in states
        ]

    def all(self, origins: list[tf.Tensor]) -> tf.Tensor:
        """The origins of all streams, (S, 3) or (S, B, 3)."""
        states, owners, folds = self._places
        return random_numbers.streams(origins[: len(states)], owners, folds)


def behind(place: int) -> contextlib.AbstractContextManager[None]:
    """Within this context layers that get a seed stand at a place of a stack.

    What has a seed of its own draws the same at any place.
    """
    return during(_LOCAL, "place", place)


def _path(layer: Any) -> tuple[int, ...]:
    """Where a layer with a state begins in it: elsewhere than members of its seed."""
    return (random_numbers.GROUP,) if layer.seed in _seeds_within(layer) else ()


def _seeds_within(group: Any) -> set[int]:
    """The seeds of what a group holds, however deep."""
    found = {x.seed for x in group.members()} - {None}
    return found.union(*map(_seeds_within, group.members()))


def new_state(seed: int | None) -> tf.Variable:
    """The state of a layer's random numbers, no weight of it.

    Args:
        seed: where they start; None to draw that from Python's `random`.
    """
    seed = random.getrandbits(63) if seed is None else seed
    with tf.init_scope():
        return tf.Variable(
            random_numbers.initial_state(seed),
            dtype=tf.int64,
            trainable=False,
            name="random_state",
        )


def track(holder: Any, layers: Sequence[Any]) -> None:
    """Tells TensorFlow's checkpoints of layers in a list, which Keras does not.

    Args:
        holder: the layer that has the list.
        layers: the list, whose layers may have states of their own.
    """
    if isinstance(holder, tf.__internal__.tracking.Trackable):  # not under JAX, PyTorch
        for place, layer in enumerate(layers):
            holder._track_trackable(layer, f"layers_{place}")


def own(state: Any) -> Any:
    """The variable itself; of one that a strategy distributes, the first copy.

    Outside of the replicas, as in a `tf.data` map under a strategy's scope, that will
    do.
    """
    distributed = isinstance(state, tf.distribute.DistributedValues)
    return state.values[0] if distributed else state


def _next(state: Any) -> tf.Tensor:
    """The next call's share of a state; replicas have streams of their own."""
    if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return random_numbers.next_origin(state.handle, replica)
    mine = own(state)
    if not tf.executing_eagerly():
        mine.value()  # unused: Keras's ExportArchive saves variables that are read
    return random_numbers.next_origin(mine.handle)


def _folded(origin: tf.Tensor, *path: int) -> tf.Tensor:
    """The origin, in a call with a seed, of a layer at a place, or with its own one."""
    key = tf.constant([0, 0, random_numbers.fold(*path)], tf.int64)
    return tf.bitwise.bitwise_xor(origin, key)


def checked_seed(seed: Any, batch: Any) -> tf.Tensor:
    """Two integers, or two for each image of a batch."""
    seed = tf.convert_to_tensor(seed)
    shapes = [2], [batch if isinstance(batch, int) else None, 2]
    if not seed.dtype.is_integer or not any(map(seed.shape.is_compatible_with, shapes)):
        raise ValueError(
            "`seed` must be two integers, or integers of shape (B, 2) for a batch of B "
            f"images. Received: shape={seed.shape}, dtype={seed.dtype.name}. Write "
            "seed=(0, 1)."
        )
    return seed
