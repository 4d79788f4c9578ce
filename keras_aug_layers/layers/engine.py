"""Engine: from a layer's call to the pixels."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.layers import checks, counts, told
from keras_aug_layers.layers.clips import Clips
from keras_aug_layers.layers.given import opened, tensor
from keras_aug_layers.layers.kept import variables_of
from keras_aug_layers.layers.mixable import check_labels, mixable
from keras_aug_layers.layers.streams import Streams
from keras_aug_layers.plan import (
    chain,
    entries,
    notes,
    random_numbers,
    unsized,
    variables,
)
from keras_aug_layers.plan.chain import Chain
from keras_aug_layers.plan.entries import PIXELS, POINTS, kind_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.jit import Forms
from keras_aug_layers.plan.plan import as_plan
from keras_aug_layers.plan.settings import Settings
from keras_aug_layers.plan.transform import Transform

if TYPE_CHECKING:
    from keras_aug_layers.layers.base import AugmentationLayer


class Engine:
    """Draws for a layer, and does what was drawn.

    Where the layer gets the output of another one, it continues from the pixels that
    that one started from.
    """

    def __init__(self, layer: "AugmentationLayer") -> None:
        self._layer = layer
        self._streams = Streams(layer)
        self._variables: list[tf.Variable] | None = None
        self._forms: dict[Any, tuple[Forms, Forms]] = {}
        self._ragged: dict[Any, Any] = {}

    def _formed(self, frame: Frame) -> tuple[Forms, Forms]:
        """From origins of random numbers and data to a draw, and to augmented data.

        Pure functions, in every form in which they may run, for pixels of a range.
        """
        value_range, in_training = frame.value_range, frame.in_training
        key = value_range, in_training
        if key not in self._forms:

            def draw(origins: list[tf.Tensor], data: dict[str, Any]) -> Transform:
                frame = self._frame(data["images"])
                frame = frame._replace(value_range=value_range, in_training=in_training)
                return self._drawn(origins, frame)

            def run(origins: list[tf.Tensor], data: dict[str, Any]) -> dict[str, Any]:
                return draw(origins, data).moved(data)

            form = self._layer.data_format
            self._forms[key] = Forms(draw, form), Forms(run, form)
        return self._forms[key]

    def sample(self, images: Any, seed: Any, dtype: Any) -> Transform:
        """Draws for images, or for the shape of some, and touches no pixel."""
        ragged = isinstance(images, tf.RaggedTensor)
        several = isinstance(images, (list, tuple)) and any(map(np.ndim, images))
        if several or (hasattr(images, "__array__") and not ragged):
            checks.one_batch(images)
            images = tensor("images", images)
        elif not ragged and None in tuple(images):
            raise ValueError(
                "`images` must be images, or the shape of some, of which each number "
                f"is known. Received: {tuple(images)}. Write layer.sample(images)."
            )
        frame = self._frame(images)
        if dtype is not None and not hasattr(images, "__array__"):
            frame = frame._replace(dtype=tf.as_dtype(dtype))
        self._layer.framed(frame)  # which refuses sizes that a choice cannot give
        origins = self._origins(frame, seed, None)
        if ragged:
            return self._drawn_ragged(origins, frame)
        if hasattr(images, "__array__"):
            drawing, _ = self._formed(frame)
            return drawing.run(origins, {"images": images})
        return self._drawn(origins, frame)

    def run(self, data: dict[str, Any], training: bool, seed: Any) -> dict[str, Any]:
        """What becomes of the entries of `data` that belong to the images."""
        images = checks.images(data)
        if training:
            checks.names(self._layer, data)
            checks.grey(images, self._layer.data_format)
        if not hasattr(images, "shape"):
            images = tensor("images", images)
            data = {**data, "images": images}
        extra, form = self._layer.settings.extra_targets, self._layer.data_format
        places = entries.paths(data, tf.TensorShape(images.shape), extra, form)
        given = entries.taken(data, places)
        if data.get("labels") is not None:
            places["labels"], given["labels"] = ("labels",), data["labels"]
        return entries.put(data, places, self._with_clips(given, training, seed))

    def _with_clips(
        self, data: dict[str, Any], training: bool, seed: Any
    ) -> dict[str, Any]:
        """What becomes of entries under flat keys, of images or of videos."""
        clips = Clips.of(data["images"])
        if clips is None:
            return self._run(data, training, seed)
        checks.clips(self._layer)
        frames = {key: clips.joined(key, x) for key, x in data.items()}
        made = self._run(frames, training, seed, clips)
        return {
            key: data[key]
            if x is frames[key]
            else clips.parted(key, x, frames[key], data[key])
            for key, x in made.items()
        }

    def _run(
        self,
        data: dict[str, Any],
        training: bool,
        seed: Any,
        clips: Clips | None = None,
    ) -> dict[str, Any]:
        """What becomes of images, or of the frames of videos, and what is with them."""
        layer = self._layer
        opinions, form = told.opinions(layer, data, training), layer.jit_compile
        before, why = chain.before(data["images"], opinions, layer.mixes(), form)
        told.check_keypoints(layer, why)
        if training and before is not None and data["images"].shape[:1] == [0]:
            before = None  # opened below, it is another tensor than it was
        if before is not None:
            opinions = before.opinions.join(opinions)
        pixels = {
            key: x if isinstance(x, tf.RaggedTensor) else tensor(key, x)
            for key, x in data.items()
            if kind_of(key) in PIXELS
        }
        if training and not tf.executing_eagerly() and not in_xla_context():
            pixels = {key: opened(x) for key, x in pixels.items()}
        images = pixels["images"]
        frame = Frame.of(images, layer.data_format) if before is None else before.frame
        frame = told.ranged(layer, frame, data["images"])
        settings = opinions.resolved()
        points = self._points(data, pixels, frame, before, training, settings)
        if before is None:
            pixels, points = notes.as_source(pixels), notes.as_source(points)
            images = pixels["images"]
        if frame.batched:
            new = counts.new({**pixels, **points}, before, layer.mixes())
            sure = counts.checked(new, frame.batch)
            pixels = {key: sure.get(key, x) for key, x in pixels.items()}
            points = {key: sure.get(key, x) for key, x in points.items()}
        origins = self._origins(frame, seed, clips) if training else []

        def draw() -> Transform:
            if not training:
                return self._resting(frame)
            if frame.ragged:
                return self._drawn_ragged(origins, frame)
            if tf.executing_eagerly():
                drawing, _ = self._formed(frame)
                return drawing.run(origins, {"images": images})
            return self._drawn(origins, frame)

        if opinions.value_range is None and frame.value_range is not None:
            opinions = dataclasses.replace(opinions, value_range=frame.value_range)
        after = layer.framed(frame)
        converted = after.dtype != frame.dtype or told.converts(layer)
        knows = layer.settings.value_range is not None
        now = Chain(draw, opinions, after, before, converted, form, knows, training)
        chain.note(layer.name, before, why, now)
        whole = pixels, points, training
        result, sources = self._applied(now, before, frame, origins, *whole)
        if not training:
            given = {**pixels, **points}
            same = {key: data[key] for key, x in given.items() if result[key] is x}
            result |= same
            sources = {key: x for key, x in sources.items() if key not in same}
        if result["images"] is sources.get("images"):
            return result  # nothing was done, and there is nothing to go on from
        for key, source in sources.items():
            result[key] = notes.remembered(result[key], now, source)
        return result

    def _applied(
        self,
        now: Chain,
        before: Chain | None,
        frame: Frame,
        origins: list[tf.Tensor],
        pixels: dict[str, Any],
        points: dict[str, Any],
        training: bool,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What becomes of pixels and points in the form that suits, and their sources.

        Points are not compiled with pixels: their number differs from batch to batch.
        """
        images, jit_compile = pixels["images"], self._layer.jit_compile
        if before is not None:
            return chain.continued(now, before, pixels, points)
        sources = {**pixels, **points}
        ragged = isinstance(images, tf.RaggedTensor)
        form = self._layer.data_format, jit_compile, training
        if unsized.tries(images, *form) or (training and ragged):
            result = chain.apply(now.transform(), pixels, jit_compile, training)
        elif training:
            _, forms = self._formed(frame)
            result = forms.run(origins, pixels, jit_compile)
        else:
            return now.transform().moved(sources), sources
        if points:
            result |= now.transform().moved(points)
        return result, sources

    def _origins(self, frame: Frame, seed: Any, clips: Clips | None) -> list[tf.Tensor]:
        """Where the random numbers start, and what variables hold.

        All frames of a clip draw the same.
        """
        if self._variables is None:  # of a layer that is made
            self._variables = variables_of(self._layer)
        held = [tf.reshape(tf.cast(x, tf.float64), (1,)) for x in self._variables]
        if clips is None:
            return self._streams.next(frame, seed) + held
        origins = self._streams.next(frame._replace(batch=clips.count), seed)
        return clips.origins(origins) + held

    def _points(
        self,
        data: dict[str, Any],
        pixels: dict[str, Any],
        frame: Frame,
        before: Chain | None,
        training: bool,
        settings: Settings,
    ) -> dict[str, Any]:
        """The entries beside the pixels that are changed with them, checked."""
        layer = self._layer
        for key, masks in pixels.items():
            if key != "images":
                chained = before and notes.source_of(masks, before) is not None
                after = None if chained else layer.framed(frame)
                checks.pixels(key, masks, frame, layer.data_format, after)
            if training and kind_of(key) == "segmentation_masks":
                checks.mask_values(layer, masks)
        points = {k: x for k, x in data.items() if kind_of(k) in POINTS}
        checks.points(points, layer, settings, frame)
        if training:
            checks.reflected(layer, points)
        if training and layer.mixes():
            mixable(layer, data, frame)
        if "labels" in data and self._labels(data["labels"], before):
            points["labels"] = data["labels"]
        return points

    def _labels(self, labels: Any, before: Chain | None) -> bool:
        """Whether labels are this layer's affair, or that of those before it."""
        if self._layer.mixes() or self._layer.settings.num_classes is not None:
            return True
        if before is None or isinstance(labels, dict):
            return False
        return notes.source_of(labels, before) is not None

    def _frame(self, images: Any) -> Frame:
        """What is known of images, their value range among it."""
        frame = Frame.of(images, self._layer.data_format)
        return told.ranged(self._layer, frame, images)

    def _settings(self, frame: Frame) -> Settings:
        """The layer's settings, with the range that pixels have here."""
        settings = self._layer.settings.resolved()
        return dataclasses.replace(settings, value_range=frame.value_range)

    def _drawn(self, origins: list[tf.Tensor], frame: Frame) -> Transform:
        """What is done to images while training."""
        settings = self._settings(frame)
        cursors = random_numbers.cursors(self._streams.all(origins), frame.batch)
        known = self._variables or []
        behind = origins[len(origins) - len(known) :]
        held = {id(x): now[0] for x, now in zip(known, behind, strict=True)}
        with variables.held(held):
            plan = self._layer.drawn(cursors, frame)
        check_labels(self._layer, plan)
        return Transform.of(plan, frame, settings)

    def _drawn_ragged(self, origins: list[tf.Tensor], frame: Frame) -> Transform:
        """The same for images of different sizes; one trace for all of them."""
        if not tf.executing_eagerly():
            return self._drawn(origins, frame)
        key = frame.channels, frame.dtype, frame.value_range, frame.in_training
        if key not in self._ragged:

            def drawn(origins: list[tf.Tensor], sizes: tf.Tensor) -> Transform:
                height, width = tf.unstack(sizes, axis=1)
                batch = tf.shape(sizes)[0]
                now = frame._replace(batch=batch, height=height, width=width)
                return self._drawn(origins, now)

            self._ragged[key] = tf.function(
                drawn, autograph=False, reduce_retracing=True
            )
        return self._ragged[key](origins, tf.stack([frame.height, frame.width], axis=1))

    def _resting(self, frame: Frame) -> Transform:
        """What is done to images otherwise."""
        settings = self._settings(frame).without("label_smoothing")
        plan = as_plan(self._layer.rest(frame))
        return Transform.of(plan, frame, settings, spread=frame.ragged)
