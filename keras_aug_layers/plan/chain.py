"""Chains: a layer whose input is another layer's output continues from its source.

What a layer gives back remembers what it was made of, and how: as an attribute of the
very tensor. Where the next layer gets this tensor, it composes its plan with the one
before it and reads the original pixels. The image in between is then needed by nobody:
in a graph TensorFlow removes it, for all that makes it is stateless.

A chain ends where anything else computes on the tensor, for what comes out is another
tensor; where it crosses the border of a function, for inside it is another tensor, or
of another graph; where settings disagree; after `settle`, and within `no_chaining`.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers.kernels.device import during, in_tf_data
from keras_aug_layers.plan import entries, ragged, unsized
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.jit import Forms
from keras_aug_layers.plan.notes import as_source, made_by, source_of
from keras_aug_layers.plan.settings import Disagreement, Settings
from keras_aug_layers.plan.transform import Transform
from keras_aug_layers.plan.uncast import Uncast

LONGEST = 32
"""Layers after which an eager chain settles: its source is kept alive until then."""

_LOCAL = threading.local()


class Chain:
    """What was drawn for a batch of images by the layers that it went through.

    Attributes:
        settings: those on which the layers agree.
        frame: the images as the last layer gives them back.
        converted: whether the last layer changed their dtype or range.
        jit_compile: on which the layers agree.
        told: whether one of them was told its value range, which is known else.
        trains: whether one of them was called in training.
        length: how many layers there are.
    """

    def __init__(
        self,
        draw: Callable[[], Transform],
        settings: Settings,
        frame: Frame,
        before: "Chain | None" = None,
        converted: bool = False,
        jit_compile: bool | str = "auto",
        told: bool = False,
        trains: bool = False,
    ) -> None:
        self.settings = settings
        self.told: bool = told or (before is not None and before.told)
        self.trains: bool = trains or (before is not None and before.trains)
        self.frame = frame
        self.converted = converted
        if before is not None and jit_compile == "auto":
            jit_compile = before.jit_compile
        self.jit_compile: bool | str = jit_compile
        self.length: int = 1 if before is None else before.length + 1
        self._draw, self._before = draw, before
        self._transform: Transform | None = None
        self._own: Transform | None = None
        self._graph = _graph()
        self._lock = threading.RLock()  # threads may share what a layer made

    @property
    def opinions(self) -> Settings:
        """On which the next layer must agree: not on a range that no layer was told."""
        told = self.told
        return self.settings if told else self.settings.without("value_range")

    def own(self) -> Transform:
        """What the last layer drew, without those before it."""
        with self._lock:
            if self._own is None:
                self._own = self._draw()
                del self._draw  # and with it the images that it was drawn for
            return self._own

    def transform(self) -> Transform:
        """What all layers drew, from the source on."""
        with self._lock:
            if self._transform is None:
                made = self.own()
                if self._before is not None:
                    settings = self.settings.resolved()
                    made = self._before.transform().then(made, settings)
                    self._before = None  # whose transform is no longer needed
                self._transform = made
            return self._transform

    def here(self) -> bool:
        """Whether the tensors of the chain belong to what is computed now."""
        return self._graph is _graph()


def _graph() -> Any:
    """The graph that is being built, None in eager code."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def continued(
    now: Chain,
    before: Chain,
    pixels: dict[str, Any],
    points: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Augments from the sources, and what is of no source as it came in.

    Args:
        now: the layers, the last one included.
        before: those before it, whose output the images are.
        pixels: images and masks, as the last layer gets them.
        points: bounding boxes and keypoints, likewise.

    Returns:
        The results, and the sources of those that have one.
    """
    sources = {k: source_of(v, before) for k, v in {**pixels, **points}.items()}
    if "labels" in points and not before.transform().labelled:
        # Which those before it have left alone.
        sources["labels"] = as_source(points["labels"])
    sources = {key: source for key, source in sources.items() if source is not None}
    whole = now.transform()
    given = {k: v for k, v in sources.items() if k in pixels}
    result = apply(whole, given, now.jit_compile, now.trains)
    result |= whole.moved({k: v for k, v in sources.items() if k in points})
    others = {k: v for k, v in {**pixels, **points}.items() if k not in sources}
    return result | now.own().moved(others), sources


def before(
    images: Any,
    settings: Settings,
    mixes: bool = False,
    jit_compile: bool | str = "auto",
) -> tuple[Chain | None, str]:
    """The chain that a layer with these settings continues, and if none, why.

    Args:
        images: what the layer gets.
        settings: on which it has an opinion.
        mixes: whether it mixes images, which are of one size then.
        jit_compile: as a user gave it to the layer.
    """
    chain, source = made_by(images)
    if chain is None:
        return None, "its input is no output of a layer of this library"
    if chain.converted:
        return None, "its input has been converted to another dtype or range"
    if mixes and isinstance(source, tf.RaggedTensor):
        return None, "its input was ragged, and it mixes images"
    if not chain.here():
        return None, "its input comes from outside of the function"
    if getattr(_LOCAL, "off", False):
        return None, "chaining is off"
    if chain.length >= LONGEST and tf.executing_eagerly():
        return None, f"the chain has {LONGEST} layers"
    if len({chain.jit_compile, jit_compile} - {"auto"}) > 1:
        return None, "one layer is compiled, and the other one is not"
    try:
        chain.opinions.join(settings)
    except Disagreement as disagreement:
        return None, f"settings disagree: {disagreement}"
    return chain, ""


def ranged(frame: Frame, images: Any) -> Frame:
    """The frame with the range of images that a layer made which was told or knows it.

    Args:
        frame: of the images.
        images: which remember what made them.
    """
    chain, _ = made_by(images)
    if chain is None:
        return frame
    known = chain.frame
    return frame._replace(value_range=known.value_range, in_training=known.in_training)


@dataclasses.dataclass(frozen=True)
class Call:
    """A layer's call, for those who watch."""

    layer: str
    before: Chain | None
    why: str
    now: Chain


@contextlib.contextmanager
def watched() -> Iterator[list[Call]]:
    """Notes, within this context, every call of a layer that augments."""
    calls: list[Call] = []
    with during(_LOCAL, "calls", calls):
        yield calls


def note(layer: str, before: Chain | None, why: str, now: Chain) -> None:
    """Tells those who watch of a call."""
    if getattr(_LOCAL, "calls", None) is not None:
        _LOCAL.calls.append(Call(layer, before, why, now))


_FORMS: dict[Any, Forms] = {}
_LOCK = threading.Lock()


def apply(
    transform: Transform,
    data: dict[str, Any],
    jit_compile: bool | str,
    training: bool,
) -> dict[str, Any]:
    """Augments images and masks in the form that fits the call.

    The function is traced once for each kind of program, whichever layers drew it.

    Args:
        transform: what is done.
        data: images and masks.
        jit_compile: as a user gave it.
        training: whether it trains.
    """
    if entries.some_ragged(data):
        return ragged.apply(transform, data, jit_compile)
    images, data_format = data["images"], transform.data_format
    if unsized.tries(images, data_format, jit_compile, training):
        return unsized.apply(transform, data, training)
    eager = tf.executing_eagerly()
    if not (training or eager or in_tf_data()) and jit_compile == "auto":
        return transform.moved(data)  # nothing trains: as one layer, not compiled
    rows = tf.nest.flatten(transform, expand_composites=True)
    kind = transform.kind()
    with _LOCK:
        if kind not in _FORMS:
            # Its tensors would keep a graph alive: what is kept is only their order.
            like = tf.type_spec_from_value(transform)

            def run(rows: list[tf.Tensor], data: dict[str, Any]) -> dict[str, Any]:
                packed = tf.nest.pack_sequence_as(like, rows, expand_composites=True)
                return packed.moved(data)

            _FORMS[kind] = Forms(run, data_format)
    return _FORMS[kind].run(rows, data, jit_compile)


def no_chaining() -> contextlib.AbstractContextManager[None]:
    """Within this context every layer works on the pixels that it gets.

    It is one of the thread. The replicas of a `tf.distribute` strategy are traced in
    threads of their own: write it inside of the step, or `settle`.

    Example:
        >>> import tensorflow as tf
        >>> import keras_aug_layers as kal
        >>> images = tf.zeros((2, 8, 8, 3))
        >>> with no_chaining():
        ...     moved = kal.RandomRotate(0.1)(images, training=True)
        ...     moved = kal.RandomShift(0.1)(moved, training=True)  # a second warp
    """
    return during(_LOCAL, "off", True)


def settle(data: Any) -> Any:
    """The same values, from whose pixels the next layer starts.

    Needed for the gradient with respect to an image between two layers, which a chain
    does not compute; it also lets go of the images that came in.

    Args:
        data: images, or a dict with images and targets, or a symbolic tensor of Keras.

    Returns:
        New tensors of the same values.

    Example:
        >>> import tensorflow as tf
        >>> import keras_aug_layers as kal
        >>> turned = kal.RandomRotate(0.1)(tf.zeros((2, 8, 8, 3)), training=True)
        >>> between = settle(turned)
        >>> kal.RandomShift(0.1)(between, training=True).shape
        TensorShape([2, 8, 8, 3])
    """
    return keras.tree.map_structure(_settled, data)


def _settled(x: Any) -> Any:
    if keras.utils.is_keras_tensor(x):
        return Settle()(x)
    return tf.identity(x) if tf.is_tensor(x) else x


@keras.saving.register_keras_serializable("keras_aug_layers")
class Settle(Uncast):
    """`settle` as a layer, for `keras.Sequential` and functional models."""

    def call(self, data: Any) -> Any:
        """New tensors of the same values."""
        return settle(data)

    def compute_output_spec(self, data: Any) -> Any:
        """Nothing changes its shape or dtype."""
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), data
        )
