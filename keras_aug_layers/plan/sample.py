"""Sample: what was drawn for a batch of images, as a value."""

import dataclasses
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels.checked import checked
from keras_aug_layers.kernels.pixels import converts
from keras_aug_layers.kernels.program import Step, function_of
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.plan import carry, config
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.settings import FILL, Disagreement, Settings

if TYPE_CHECKING:
    from typing_extensions import Self


class Part(tf.experimental.BatchableExtensionType):
    """A warp and what follows it, before another warp."""

    __name__ = "keras_aug_layers.Part"  # under which a SavedModel knows it

    coordinates: tuple[Step, ...]
    pixels: tuple[Step, ...]
    output: Optional[tuple[int, int]]  # noqa: UP045 (extension types read no other form)


class Sample(tf.experimental.BatchableExtensionType):
    """What `Transform` holds; it says what can be done with it.

    Attributes:
        coordinates: the steps of coordinates, in the order of the stack; their matrices
            are float64 (B, 3, 3) and count from the middle of the frame.
        pixels: the steps of pixels, likewise.
        size: int32 (B, 2): height and width of the images it was drawn for.
        output: (height, width) of what comes out; None for those of what comes in.
        dtype: of what comes out; None for that of what comes in.
        earlier: what is done before, where it takes more than one warp.
        batched: whether it was drawn for a batch, or for one image.

    The other attributes are the settings of the layers, under the names of their
    arguments.
    """

    __name__ = "keras_aug_layers.Sample"  # under which a SavedModel knows it

    coordinates: tuple[Step, ...]
    pixels: tuple[Step, ...]
    size: tf.Tensor
    output: Optional[tuple[int, int]]  # noqa: UP045 (extension types read no other form)
    dtype: Optional[str]  # noqa: UP045
    earlier: tuple[Part, ...]
    batched: bool
    fill_mode: str
    interpolation: str
    antialias: Optional[Union[bool, str]]  # noqa: UP007, UP045
    fill_value: Union[float, tuple[float, ...]]  # noqa: UP007
    mask_fill_value: Optional[float]  # noqa: UP045
    value_range: Optional[tuple[float, float]]  # noqa: UP045
    data_format: str
    bounding_box_format: Optional[str]  # noqa: UP045
    box_fit: str
    min_visibility: float
    keypoint_format: str
    mark_outside: bool
    extra_targets: Optional[tuple[tuple[str, str], ...]]  # noqa: UP045
    num_classes: Optional[int]  # noqa: UP045
    label_smoothing: Optional[float]  # noqa: UP045

    @classmethod
    def of(
        cls, plan: Plan, frame: Frame, settings: Settings, spread: bool = True
    ) -> "Self":
        """Makes of a plan the value that users see.

        Args:
            plan: what was drawn.
            frame: the images it was drawn for.
            settings: with defaults in place of no opinion.
            spread: whether what all images share gets a row for each of them.
        """
        size = tf.stack([frame.height, frame.width], axis=-1)

        def spread_out(step: Step) -> Step:
            def row_of_each(row: tf.Tensor) -> tf.Tensor:
                row = _for_each(row, frame.batch)
                right = row.shape[0] is None or row.shape[0] == frame.batch
                return checked(
                    row,
                    right,
                    f"{step.name!r} must get a row for each image, or one for all. "
                    f"Received: {row.shape[0]} of shape {row.shape[1:]}. Write "
                    "offset=[[20.0, 0.0, -20.0]] of a number for each channel.",
                )

            return step.map(row_of_each)

        if spread:
            plan = plan.map(spread_out)
        return cls(
            **fields_of(plan),
            size=tf.broadcast_to(size, (frame.batch, 2)),
            batched=frame.batched,
            **dataclasses.asdict(settings),
        )

    @property
    def plan(self) -> Plan:
        """The programs alone."""
        earlier = tuple(Plan(x.coordinates, x.pixels, x.output) for x in self.earlier)
        return Plan(self.coordinates, self.pixels, self.output, self.dtype, earlier)

    @property
    def settings(self) -> Settings:
        """The settings alone."""
        return Settings(**{name: getattr(self, name) for name in Settings.NAMES})

    @property
    def opinions(self) -> Settings:
        """The settings that matter to it."""
        stages = map(function_of, self.plan.whole().colors)
        moves = self._moves or any(function.moves for function in stages)
        return self.settings if moves else self.settings.without(*FILL)

    def then(self, after: "Self", settings: Settings) -> "Self":
        """This transform first, `after` next, under settings that suit both."""
        plan = self.plan.then(after.plan)
        return self._replace(
            **fields_of(plan),
            **dataclasses.asdict(settings),
        )

    def __matmul__(self, after: "Self") -> "Self":
        """This transform first, `after` next, as one: `a @ b`.

        Raises:
            ValueError: if they disagree on a setting that matters to both, or the
                second was drawn for images of another size than the first one gives.
        """
        mine, others = (x.opinions for x in (self, after))
        if converts(self.plan.whole().pixels) and others.value_range is not None:
            raise ValueError(
                "Transforms can be composed if the second has no value range where the "
                f"first gives another unit. Received: {others.value_range}. Write "
                "b.images(a.images(x))."
            )
        try:
            joined = mine.join(others)
        except Disagreement as disagreement:
            raise ValueError(
                "Transforms can be composed if their settings are equal. Received: "
                f"{disagreement}."
            ) from None
        if self.batched != after.batched:
            raise ValueError(
                "Transforms can be composed if both were drawn for a batch, or both "
                "for one image. Received: one of each."
            )
        made, wanted = (tf.get_static_value(x) for x in (self._made, after.size))
        if made is not None and wanted is not None and not np.array_equal(made, wanted):
            raise ValueError(
                "Transforms can be composed if the second was drawn for what the first "
                f"one gives, images of the sizes {made.tolist()}. Received: one for "
                f"the sizes {wanted.tolist()}."
            )
        return self.then(after, joined.over(self.settings))._spread()

    def _spread(self) -> "Self":
        """The same, with a row for each image where there is one for all of them."""
        batch = dimension(self.size, 0)
        plan = self.plan.map(lambda step: step.map(lambda row: _for_each(row, batch)))
        return self._replace(**fields_of(plan))

    def __getitem__(self, images: Any) -> "Self":
        """The transform of an image of the batch, by its index, or of a slice of it.

        Raises:
            IndexError: if there are not so many images.
            ValueError: if images are mixed with others of the batch.
        """
        parts = self.plan.parts
        if carry.touched(self.plan, "labels") or any(part.gathers for part in parts):
            raise ValueError(
                "A transform that mixes images is one of the whole batch, where the "
                f"others are. Received: [{images}]. Write "
                "transform.images(images)[index]."
            )
        if not isinstance(images, slice):
            index, count = operator.index(images), self.size.shape[0]
            if count is not None and not -count <= index < count:
                raise IndexError(f"There are {count} images. Received: index {index}.")
            images = slice(index, index + 1 or None)
        plan = self.plan.map(lambda step: step.map(lambda row: row[images]))
        return self._replace(**fields_of(plan), size=self.size[images])

    def to_config(self) -> dict[str, Any]:
        """What was drawn, as a dict of numbers, lists and strings for JSON."""
        return {
            **dataclasses.asdict(self.settings),
            **config.to_config(self.plan),
            "size": self.size.numpy().tolist(),
            "batched": self.batched,
        }

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> "Self":
        """The transform that `to_config` described."""
        settings = Settings.checked(**{name: values[name] for name in Settings.NAMES})
        return cls(
            **fields_of(config.from_config(values)),
            **dataclasses.asdict(settings),
            size=tf.reshape(tf.constant(values["size"], tf.int32), (-1, 2)),
            batched=values["batched"],
        )

    def kind(self) -> tuple[Any, ...]:
        """What tells apart the traces of `apply`: everything but the numbers."""
        settings = dataclasses.astuple(self.settings)
        return self.plan.kind(), settings, self.batched

    @property
    def labelled(self) -> bool:
        """Whether something is done to labels."""
        return self.num_classes is not None or carry.touched(self.plan, "labels")

    @property
    def _coordinates(self) -> tuple[Step, ...]:
        """All steps of coordinates, neighbours made one."""
        return self.plan.whole().coordinates

    @property
    def _output(self) -> tuple[int, int] | None:
        return self.plan.whole().size

    @property
    def _moves(self) -> bool:
        return self.plan.whole().moves

    @property
    def _made(self) -> tf.Tensor:
        """Sizes of what comes out, int32 (B, 2)."""
        return carry.size_made(self.plan.whole(), self.size)

    @property
    def _batch(self) -> tuple[int | None, ...]:
        """The axes before those of one image's targets: the batch, or none."""
        return (self.size.shape[0],) if self.batched else ()

    def _replace(self, **changes: Any) -> "Self":
        fields = {name: getattr(self, name) for name in Sample.__annotations__}
        return type(self)(**{**fields, **changes})

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -3

    def _standard(self, images: tf.Tensor) -> tf.Tensor:
        """Adds the batch axis and puts the channels last, for the kernels."""
        if images.shape.rank != 3 + self.batched:
            expected = "(B, H, W, C)" if self.batched else "(H, W, C)"
            raise ValueError(
                f"The transform was drawn for images of shape {expected}. Received: "
                f"shape={images.shape}"
            )
        if not self.batched:
            images = images[tf.newaxis]
        if self.data_format == "channels_first":
            images = tf.transpose(images, (0, 2, 3, 1))
        return images

    def _original(self, images: tf.Tensor) -> tf.Tensor:
        """Undoes `_standard`."""
        if self.data_format == "channels_first":
            images = tf.transpose(images, (0, 3, 1, 2))
        return images if self.batched else tf.squeeze(images, 0)

    def standard(self, pixels: tf.Tensor) -> tf.Tensor:
        """Images, or masks with or without channels, as the kernels take them."""
        if pixels.shape.rank == 2 + self.batched:
            pixels = tf.expand_dims(pixels, self._channel_axis)
        return self._standard(pixels)

    def as_given(self, pixels: tf.Tensor, given: tf.Tensor) -> tf.Tensor:
        """Undoes `standard`: pixels with the axes of what was given."""
        pixels = self._original(pixels)
        if given.shape.rank == 2 + self.batched:
            return tf.squeeze(pixels, self._channel_axis)
        return pixels


def _for_each(row: tf.Tensor, batch: Any) -> tf.Tensor:
    """A row for each image, where there is one for all: tf.data would split it."""
    one = isinstance(batch, int) and batch == 1
    return row if one or row.shape[0] != 1 else tf.repeat(row, batch, axis=0)


def fields_of(plan: Plan) -> dict[str, Any]:
    """A plan as fields of a Transform."""
    earlier = tuple(Part(x.coordinates, x.pixels, x.size) for x in plan.earlier)
    return {
        "coordinates": plan.coordinates,
        "pixels": plan.pixels,
        "output": plan.size,
        "dtype": plan.dtype,
        "earlier": earlier,
    }
