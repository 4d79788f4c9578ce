"""Random numbers that are the same on every device: Philox words, made into floats.

All randomness of the library is the counter-based generator Philox4x32-10 (Salmon et
al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a block of four 32-bit
words is a function of a 64-bit key and a 128-bit counter.

A *stream* is what one layer of a stack draws from. Its origin is a key and the counter
at which a call begins; image i owns a page of two blocks there, and, where a layer
takes more than a page holds, another one farther on. So what a layer draws depends
neither on its neighbours nor on how much they take.

`tf.random.stateless_uniform` is not used: its floats differ between XLA and the rest
of TensorFlow for the same seed. Its full-range integers do not.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.plan.variables import number_now

PHILOX = 1
"""The algorithm's number in TensorFlow's raw ops."""

PAGE = 8
"""Words on a page: two blocks."""

FIRST = 4
"""Words that each of several layers has at once: most need no more."""

TRIES = 6
"""How often a rejected number is drawn again, which one in ten million would want."""

_CALL_STRIDE = 2**24
# RngReadAndSkip advances the counter by 256 blocks per unit: a call owns 2**32 blocks,
# which are 128 pages for each of 2**24 images.
_PAGE_STRIDE = 2**25
_PAGES = 128


def initial_state(seed: int) -> list[int]:
    """The origin of a stateful stream: (low counter, high counter, key)."""
    return [0, 0, seed]


def next_origin(state: Any, stream: Any = None) -> tf.Tensor:
    """Takes the next call's share of a stream, atomically.

    Args:
        state: resource handle of an int64 variable of shape (3,).
        stream: the replica's number, if there are several; the streams of one state
            never overlap.

    Returns:
        The origin of the call's draws: int64 (low counter, high counter, key).
    """
    delta = tf.constant(_CALL_STRIDE, tf.uint64)
    origin = tf.raw_ops.RngReadAndSkip(resource=state, alg=PHILOX, delta=delta)
    if stream is not None:
        high = tf.cast(stream, tf.int64) * 2**32
        origin += tf.stack([tf.zeros_like(high), high, tf.zeros_like(high)])
    return origin


def seeded_origin(seed: tf.Tensor) -> tf.Tensor:
    """The origin that a seed (a, b) stands for: a is the key, b the high counter.

    Args:
        seed: integers of shape (2,), or (B, 2) for one seed per image.

    Returns:
        int64 (3,) or (B, 3).
    """
    seed = tf.cast(seed, tf.int64)
    return tf.stack([tf.zeros_like(seed[..., 1]), seed[..., 1], seed[..., 0]], axis=-1)


def of_each(origin: tf.Tensor, batch: Any) -> tf.Tensor:
    """The origins of the images of a batch that has one origin: int64 (B, 3)."""
    if origin.shape.rank == 2:
        return origin
    places = tf.range(tf.cast(batch, tf.int64)) * (PAGE // 4)
    return origin + places[:, tf.newaxis] * tf.constant([1, 0, 0], tf.int64)


SEED, STACK, VIEW, GROUP = -1, -2, -3, -4
"""What `fold` begins with where it is given no path in a group: paths count from 0."""


def fold(*numbers: int) -> int:
    """A 64-bit number for a path in a group, or for a seed; 0 for no place at all.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014), taken over the numbers one after the other.
    """
    folded = 0
    for number in numbers:
        x = (folded + number % 2**64 + 0x9E3779B97F4A7C15) % 2**64
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        folded = x ^ (x >> 31)
    return folded - 2**64 if folded >= 2**63 else folded


def streams(
    origins: Sequence[tf.Tensor], owners: Sequence[int], folds: Sequence[int]
) -> tf.Tensor:
    """The origins of all streams of a stack, from those of the states they come from.

    Args:
        origins: int64 (3,) or (B, 3) each.
        owners: for each stream, which of the origins is its own.
        folds: for each stream, what is folded into its key.

    Returns:
        int64 (S, 3) or (S, B, 3).
    """
    if len(set(owners)) == 1:
        stacked = origins[0][tf.newaxis]
    else:
        stacked = tf.stack([origins[owner] for owner in owners])
    if not any(folds):
        return stacked
    keys = np.array([[0, 0, number] for number in folds], np.int64)
    if stacked.shape.rank == 3:
        keys = keys[:, np.newaxis]
    return tf.bitwise.bitwise_xor(stacked, tf.constant(keys))


def words(
    origins: tf.Tensor, batch: Any, page: int = 0, count: int = PAGE
) -> tf.Tensor:
    """Draws words for each of `batch` images, from each stream.

    Args:
        origins: int64 (S, 3), from `streams`; or (S, B, 3), where image i draws what
            a batch of image i alone would draw from its own origin.
        batch: number of images.
        page: which page.
        count: how many of its words, from the first on: 4 or 8.

    Returns:
        uint32 (S, batch, count).
    """
    if page >= _PAGES:
        raise ValueError(
            f"A layer can draw {_PAGES * PAGE} numbers for an image. Received: more."
        )
    origins = tf.bitcast(origins, tf.uint64)
    if page:
        origins += tf.constant([page * _PAGE_STRIDE, 0, 0], tf.uint64)
    if origins.shape[0] == 1 and origins.shape.rank == 2:  # one op, for one stream
        drawn = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[batch, PAGE],
            key=origins[0, 2:],
            counter=origins[0, :2],
            alg=PHILOX,
            dtype=tf.uint32,
        )
        return tf.expand_dims(drawn if count == PAGE else drawn[:, :count], 0)
    blocks = tf.constant(list(range(count // 4)), tf.uint64)
    if origins.shape.rank == 2:
        images = tf.range(tf.cast(batch, tf.int64)) * (PAGE // 4)
        blocks += tf.bitcast(images, tf.uint64)[:, tf.newaxis]
        origins = origins[:, tf.newaxis]
    low = origins[..., :1] + blocks
    drawn = _philox(key=origins[..., 2:], low=low, high=origins[..., 1:2])
    return tf.reshape(drawn, (origins.shape[0], -1, count))


def _philox(key: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Philox4x32-10 over arrays, word for word what TensorFlow's own kernel draws.

    Args:
        key: uint64, (…, 1).
        low: uint64, lower half of the counter, (…, blocks).
        high: uint64, upper half, (…, 1).

    Returns:
        uint32 tensor of shape (…, blocks, 2, 2), the words in order.
    """
    mask, half = tf.constant(0xFFFFFFFF, tf.uint64), tf.constant(32, tf.uint64)

    def split(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.bitwise.bitwise_and(x, mask), tf.bitwise.right_shift(x, half)

    def keys(first: tf.Tensor, step: int) -> list[tf.Tensor]:
        """Those of the rounds, at once: XLA makes a kernel of each on its own."""
        steps = np.array([i * step for i in range(10)], np.uint64)
        steps = steps.reshape(-1, *[1] * first.shape.rank)
        return tf.unstack(tf.bitwise.bitwise_and(first + steps, mask))

    (x0, x1), (x2, x3), (left, right) = split(low), split(high), split(key)
    xor = tf.bitwise.bitwise_xor
    for k0, k1 in zip(keys(left, 0x9E3779B9), keys(right, 0xBB67AE85), strict=True):
        low0, high0 = split(x0 * tf.constant(0xD2511F53, tf.uint64))
        low1, high1 = split(x2 * tf.constant(0xCD9E8D57, tf.uint64))
        x0, x1, x2, x3 = xor(xor(high1, x1), k0), low1, xor(xor(high0, x3), k1), low0
    # For each number that is kept, XLA computes all rounds: for two words at once, so.
    pairs = [a + tf.bitwise.left_shift(b, half) for a, b in ((x0, x1), (x2, x3))]
    return tf.bitcast(tf.stack(pairs, axis=-1), tf.uint32)


def unit(drawn: tf.Tensor) -> tf.Tensor:
    """Maps uint32 words to float64 numbers in [0, 1), multiples of 2**-29.

    Twenty-nine bits times the 24 of `scaled`'s width are exact in float64, so that
    a fused multiply-add, which XLA uses and the ops do not, changes nothing.
    """
    bits = tf.bitwise.right_shift(drawn, tf.constant(3, tf.uint32))
    return tf.cast(bits, tf.float64) * 2.0**-29


def scaled(u: tf.Tensor, bounds: Range) -> tf.Tensor:
    """Maps numbers in [0, 1) to the range [low, high); a single value is exact."""
    low, high = bounds
    return low + u * float(np.float32(high - low))


class Cursor:
    """Hands out the random numbers of one stream, for each image of a batch.

    It keeps its own books: a layer asks, and does not count. The next call of a method
    goes on where the last one stopped.
    """

    def __init__(self, origin: tf.Tensor, batch: Any, first: tf.Tensor) -> None:
        self._origin, self._batch = origin, batch
        self._left = tf.unstack(unit(first), axis=1)
        self._drawn = len(self._left)

    def of_image(self, number: tf.Tensor) -> "Cursor":
        """The cursor of one image of the batch, before anything is drawn."""
        origin = self._origin
        if origin.shape.rank == 2:
            skip = tf.cast(number, tf.int64) * (PAGE // 4)
            origin = (origin + skip * tf.constant([1, 0, 0], tf.int64))[:, tf.newaxis]
        else:
            origin = origin[:, number : number + 1]
        return Cursor(origin, 1, words(origin, 1)[0])

    def again(self) -> "Cursor":
        """The same cursor, as long as nothing has been drawn."""
        other = copy.copy(self)
        other._left = list(self._left)
        return other

    def uniform(
        self, bounds: Range = (0.0, 1.0), shape: tuple[int, ...] = ()
    ) -> tf.Tensor:
        """Numbers in [low, high): float64 (B,), or (B, *shape)."""
        count = math.prod(shape)
        while len(self._left) < count:
            page, known = divmod(self._drawn, PAGE)
            more = words(self._origin, self._batch, page)[0, :, known:]
            self._left += tf.unstack(unit(more), axis=1)
            self._drawn += PAGE - known
        taken, self._left = self._left[:count], self._left[count:]
        u = tf.stack(taken, axis=1) if shape else taken[0]
        return scaled(tf.reshape(u, (-1, *shape)) if len(shape) > 1 else u, bounds)

    def key(self) -> tf.Tensor:
        """Whole numbers below 2 ** 24, for noise of an image's own: float64 (B,)."""
        return tf.floor(self.uniform((0.0, 2.0**24)))

    def coin(self, probability: float | tf.Variable) -> tf.Tensor:
        """True with a chance: bool (B,)."""
        return self.uniform() < number_now(probability)

    def beta(self, alpha: float) -> tf.Tensor:
        """Numbers from the distribution Beta(alpha, alpha): float64 (B,).

        For a parameter a of at least 1 by Ulrich's polar method: 1/2 + sqrt(1 - U ^ (2
        / (2 a - 1))) cos(2 pi V) / 2. Below, X / (X + Y) with X = G(a + 1) U ^ (1 / a),
        which has the gamma distribution G(a), where G(a + 1) / (G(a + 1) + G'(a + 1))
        is the first case's (Devroye, "Non-uniform random variate generation", 1986,
        sections IX.3.1 and IX.4.3). They are multiples of 2 ** -24, so that roundings
        of another device do not show.
        """
        above = alpha if alpha >= 1.0 else alpha + 1.0
        u, v = 1.0 - self.uniform(), self.uniform()  # u is not 0
        reach = tf.sqrt(1.0 - u ** (2.0 / (2.0 * above - 1.0)))
        drawn = (1.0 + reach * tf.cos(2.0 * math.pi * v)) / 2.0
        if alpha < 1.0:
            u, v = 1.0 - self.uniform(), 1.0 - self.uniform()
            odds = tf.math.log(drawn) - tf.math.log1p(-drawn)
            drawn = tf.sigmoid(odds + (tf.math.log(u) - tf.math.log(v)) / alpha)
        return tf.round(drawn * 2.0**24) * 2.0**-24

    def normal(self) -> tf.Tensor:
        """Normal numbers by Box and Muller's formula, rounded as `beta`: (B,)."""
        u, v = 1.0 - self.uniform(), self.uniform()  # u is not 0
        drawn = tf.sqrt(-2.0 * tf.math.log(u)) * tf.cos(2.0 * math.pi * v)
        return tf.round(drawn * 2.0**20) * 2.0**-20

    def gamma(self, alpha: float) -> tf.Tensor:
        """Logarithms of numbers that have the gamma distribution: float64 (B,).

        For a parameter of 1 they are exponential; else by Marsaglia and Tsang's "A
        simple method for generating gamma variables", ACM TOMS 26 (2000), whose
        rejections, less than one in twenty, are tried `TRIES` times.
        """
        if alpha == 1.0:
            return tf.math.log(1e-300 - tf.math.log(1.0 - self.uniform()))
        above = alpha if alpha >= 1.0 else alpha + 1.0
        d = above - 1.0 / 3.0
        drawn: tf.Tensor = math.log(d)
        for _ in range(TRIES):
            x, u = self.normal(), 1.0 - self.uniform()
            v = tf.maximum(1.0 + x / math.sqrt(9.0 * d), 1e-9) ** 3
            fits = tf.math.log(u) < x * x / 2.0 + d * (1.0 - v + tf.math.log(v))
            drawn = tf.where(fits, math.log(d) + tf.math.log(v), drawn)
        if alpha < 1.0:
            drawn += tf.math.log(1.0 - self.uniform()) / alpha
        return drawn

    def dirichlet(self, alpha: float, count: int) -> tf.Tensor:
        """Parts (B, count) that add up to 1: the Dirichlet distribution, symmetric."""
        parts = tf.nn.softmax(tf.stack([self.gamma(alpha) for _ in range(count)], 1))
        return tf.round(parts * 2.0**24) * 2.0**-24

    def index(self, weights: Sequence[float]) -> tf.Tensor:
        """The number of one of several things, chosen in proportion: int32 (B,)."""
        below = np.cumsum(weights)[:-1] / np.sum(weights)
        u = self.uniform()
        return tf.reduce_sum(tf.cast(u[:, tf.newaxis] >= below, tf.int32), axis=1)


def cursors(origins: tf.Tensor, batch: Any) -> Iterator[Cursor]:
    """A cursor for each stream, in order; their first words are drawn at once."""
    count = FIRST if origins.shape[0] > 1 else PAGE
    for number, first in enumerate(tf.unstack(words(origins, batch, count=count))):
        yield Cursor(origins[number : number + 1], batch, first)
