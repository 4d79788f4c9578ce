"""Transform: what was drawn for a batch of images, and how it is applied."""

import dataclasses
import functools
import operator
from collections.abc import Mapping
from typing import Any, Optional

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import coordinates, matrices, pixels, program, targets
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.kernels.warp import (
    INTERPOLATIONS,
    dimension,
    warp,
)
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.settings import Settings


class Transform(tf.experimental.BatchableExtensionType):
    """The augmentation drawn for each image of a batch: a value, like a tensor.

    It crosses the borders of `tf.function`, `tf.data` and SavedModel, and can be kept
    to do to other images what was done to these.

    Attributes:
        coordinates: the steps of coordinates, in the order of the stack; their matrices
            are float64 (B, 3, 3) and count from the middle of the frame.
        pixels: the steps of pixels, likewise.
        size: int32 (B, 2): height and width of the images it was drawn for.
        output: (height, width) of what comes out; None for those of what comes in.
        dtype: of what comes out; None for that of what comes in.
        batched: whether it was drawn for a batch, or for one image.

    The other attributes are the settings of the layers, under the names of their
    arguments.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomRotate
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> transform = RandomRotate(degrees=30).sample(images)
        >>> transform.images(images).shape
        TensorShape([8, 32, 32, 3])
        >>> transform.segmentation_masks(images[..., 0]).shape
        TensorShape([8, 32, 32])
    """

    __name__ = "keras_aug_layers.Transform"  # under which a SavedModel knows it

    coordinates: tuple[Step, ...]
    pixels: tuple[Step, ...]
    size: tf.Tensor
    output: Optional[tuple[int, int]]  # noqa: UP045 (extension types read no other form)
    dtype: Optional[str]  # noqa: UP045
    batched: bool
    fill_mode: Optional[str]  # noqa: UP045
    interpolation: Optional[str]  # noqa: UP045
    fill_value: Optional[float]  # noqa: UP045
    mask_fill_value: Optional[float]  # noqa: UP045
    value_range: Optional[tuple[float, float]]  # noqa: UP045
    data_format: Optional[str]  # noqa: UP045
    bounding_box_format: Optional[str]  # noqa: UP045
    box_fit: Optional[str]  # noqa: UP045
    min_visibility: Optional[float]  # noqa: UP045
    keypoint_format: Optional[str]  # noqa: UP045

    @classmethod
    def of(cls, plan: Plan, frame: Frame, settings: Settings) -> "Transform":
        """Makes of a plan the value that users see.

        Args:
            plan: what was drawn.
            frame: the images it was drawn for.
            settings: with defaults in place of no opinion.
        """
        size = tf.stack([frame.height, frame.width])

        def spread(row: tf.Tensor) -> tf.Tensor:
            """A row for each image: where it was one for all, tf.data would split it."""
            if row.shape[0] != 1 or isinstance(frame.batch, int) and frame.batch == 1:
                return row
            return tf.repeat(row, frame.batch, axis=0)

        return cls(
            coordinates=tuple(step.map(spread) for step in plan.coordinates),
            pixels=tuple(step.map(spread) for step in plan.pixels),
            size=tf.broadcast_to(size, (frame.batch, 2)),
            output=plan.size,
            dtype=plan.dtype,
            batched=frame.batched,
            **dataclasses.asdict(settings),
        )

    @property
    def plan(self) -> Plan:
        """The programs alone."""
        return Plan(self.coordinates, self.pixels, self.output, self.dtype)

    @property
    def settings(self) -> Settings:
        """The settings alone."""
        return Settings(**{name: getattr(self, name) for name in Settings.NAMES})

    @property
    def matrix(self) -> tf.Tensor:
        """The homographies, where the coordinates are one: float32 (B, 3, 3).

        From the (x, y, 1) of an output pixel to that of the input pixel, with pixel
        centres at integers and a last entry of 1.

        Raises:
            ValueError: if the coordinates are not one matrix, as after a distortion.
        """
        matrix = coordinates.one_matrix(self.coordinates)
        if matrix is None:
            names = ", ".join(step.name for step in self.coordinates)
            raise ValueError(
                "`matrix` is there where the coordinates are one matrix. Received: "
                f"the steps {names}. Write transform.coordinates."
            )
        matrix = matrices.to_pixels(matrix, self._source, self._target)
        matrix = matrices.normalize(matrix)
        matrix = tf.broadcast_to(matrix, (tf.shape(self.size)[0], 3, 3))
        return tf.cast(tf.ensure_shape(matrix, (self.size.shape[0], 3, 3)), tf.float32)

    def images(self, images: Any) -> tf.Tensor:
        """Augments images: one warp, one pass of colour.

        Args:
            images: (B, H, W, C), or (H, W, C) if drawn for one image; with the
                channels first if the layer's `data_format` says so.

        Returns:
            The images in the same shape and dtype.
        """
        images = tf.convert_to_tensor(images)
        if self._moves and self.fill_mode == "constant":
            _check_holds("fill_value", self.fill_value, images.dtype)
        if not self._moves and not self.pixels:
            return images
        fill = self.fill_mode, self.fill_value
        move = pixels.stay
        if self._moves:
            move = functools.partial(self._warp, self.interpolation, *fill)
        source = self._standard(images)
        dtype = None if self.dtype is None else tf.as_dtype(self.dtype)
        result = pixels.run(self.pixels, source, move, self.value_range, dtype)
        return self._original(result)

    def segmentation_masks(
        self, masks: Any, interpolation: str = "nearest"
    ) -> tf.Tensor:
        """Moves masks, or any maps, with their images; their values are not coloured.

        Args:
            masks: (B, H, W, C) or (B, H, W), of any integer, floating or boolean
                dtype; without B if drawn for one image.
            interpolation: "nearest", which makes up no value; or "bilinear" for maps
                such as probabilities.

        Returns:
            The masks in the same shape and dtype.
        """
        masks = tf.convert_to_tensor(masks)
        arguments.one_of("interpolation", interpolation, INTERPOLATIONS)
        if not self._moves:
            return masks
        flat = masks.shape.rank == 2 + self.batched
        if flat:
            masks = tf.expand_dims(masks, self._channel_axis)
        if self.mask_fill_value is None:
            fill = self.fill_mode, 0.0
        else:
            _check_holds("mask_fill_value", self.mask_fill_value, masks.dtype)
            fill = "constant", self.mask_fill_value
        moved = self._warp(interpolation, *fill, self._standard(masks))
        moved = self._original(pixels.finish(moved, masks.dtype, None))
        return tf.squeeze(moved, self._channel_axis) if flat else moved

    def bounding_boxes(self, bounding_boxes: dict[str, Any]) -> dict[str, Any]:
        """Moves boxes with their images, clipped to the frame.

        Args:
            bounding_boxes: a dict with `boxes` (B, N, 4) in the layer's
                `bounding_box_format`, and `labels` (B, N) or (B, N, K), if there are
                any; dense, padded with -1, or ragged; without B if drawn for one image.

        Returns:
            A dict of the same form. Order and number stay; a box that is not kept is
            -1, its label too.
        """
        box_format = targets.known_format(self.bounding_box_format)
        boxes, labels, lengths = targets.read_boxes(
            bounding_boxes, box_format, self._batch
        )
        if not self._moves:
            return bounding_boxes
        batch = boxes if self.batched else boxes[tf.newaxis]
        moved, kept = targets.move_boxes(
            tf.cast(batch, tf.float64),
            self._move_points,
            self._forward(),
            *self._sizes,
            box_format,
            self.box_fit,
            self.min_visibility,
        )
        if not self.batched:
            moved, kept = moved[0], kept[0]
        dtype = boxes.dtype if boxes.dtype.is_floating else tf.float32
        result = {"boxes": tf.cast(moved, dtype)}
        if labels is not None:
            for _ in range(labels.shape.rank - kept.shape.rank):
                kept = kept[..., tf.newaxis]
            result["labels"] = tf.where(kept, labels, tf.cast(-1, labels.dtype))
        if lengths is not None:
            result = {
                key: tf.RaggedTensor.from_tensor(value, lengths)
                for key, value in result.items()
            }
        return {**bounding_boxes, **result}

    def keypoints(self, keypoints: Any, mark_outside: bool = True) -> tf.Tensor:
        """Moves keypoints with their images.

        Args:
            keypoints: (B, …, N, 2), in the layer's `keypoint_format`: x and y, with
                pixel centres at integers for "xy"; without B if drawn for one image.
                (-1, -1) is padding and stays.
            mark_outside: whether keypoints that leave the frame become (-1, -1).

        Returns:
            The keypoints in the same shape; in float32 if they were integers.
        """
        keypoints = targets.read_keypoints(keypoints, self._batch)
        if not self._moves:
            return keypoints
        shape = tf.shape(keypoints)
        batch = shape[0] if self.batched else 1
        moved = targets.move_keypoints(
            tf.reshape(tf.cast(keypoints, tf.float64), (batch, -1, 2)),
            self._move_points,
            *self._sizes,
            self.keypoint_format,
            mark_outside,
        )
        dtype = keypoints.dtype if keypoints.dtype.is_floating else tf.float32
        moved = tf.cast(tf.reshape(moved, shape), dtype)
        return tf.ensure_shape(moved, keypoints.shape)

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """Augments a dict of `images`, `segmentation_masks` and so on."""
        return {key: getattr(self, key)(value) for key, value in data.items()}

    def inverse(self) -> "Transform":
        """The transform that undoes this one.

        Keypoints come back exactly, pixels as far as they were not lost: by leaving
        the frame, by interpolation, or by clipping.
        """
        size, output = self.size, None
        if self.output is not None:
            size, output = self._sizes[1], _one_size(self.size)
        return self._replace(
            coordinates=program.inverse(self.coordinates),
            pixels=program.inverse(self.pixels),
            size=size,
            output=output,
        )

    def __matmul__(self, after: "Transform") -> "Transform":
        """This transform first, `after` next, as one: `a @ b`."""
        mine, others = self.settings, after.settings
        different = [x for x in Settings.NAMES if getattr(mine, x) != getattr(others, x)]
        if different or self.batched != after.batched:
            raise ValueError(
                "Transforms can be composed if their settings are equal. Received "
                f"different values of {', '.join(different) or 'batched'}."
            )
        return self.then(after, mine)

    def then(self, after: "Transform", settings: Settings) -> "Transform":
        """This transform first, `after` next, under settings that suit both."""
        plan = self.plan.then(after.plan)
        return self._replace(
            coordinates=plan.coordinates,
            pixels=plan.pixels,
            output=plan.size,
            dtype=plan.dtype,
            **dataclasses.asdict(settings),
        )

    def __getitem__(self, images: Any) -> "Transform":
        """The transform of an image of the batch, by its index, or of a slice of it."""
        if not isinstance(images, slice):
            index = operator.index(images)
            images = slice(index, index + 1 or None)

        def part(row: tf.Tensor) -> tf.Tensor:
            return row[images]

        return self._replace(
            coordinates=tuple(step.map(part) for step in self.coordinates),
            pixels=tuple(step.map(part) for step in self.pixels),
            size=self.size[images],
        )

    def to_config(self) -> dict[str, Any]:
        """What was drawn, as a dict of numbers, lists and strings for JSON."""
        return {
            **dataclasses.asdict(self.settings),
            "coordinates": [_to_config(step) for step in self.coordinates],
            "pixels": [_to_config(step) for step in self.pixels],
            "size": self.size.numpy().tolist(),
            "output": self.output,
            "dtype": self.dtype,
            "batched": self.batched,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Transform":
        """The transform that `to_config` described."""
        pairs = {
            name: None if config[name] is None else tuple(config[name])
            for name in ("value_range", "output")
        }
        steps = {
            name: tuple(_from_config(step) for step in config[name])
            for name in ("coordinates", "pixels")
        }
        size = tf.constant(config["size"], tf.int32)
        return cls(**{**config, **pairs, **steps, "size": size})

    def kind(self) -> tuple[Any, ...]:
        """What tells apart the traces of `apply`: everything but the numbers."""
        steps = tuple(
            (
                step.name,
                step.only is None,
                *((key, row.dtype, *row.shape[1:]) for key, row in step.rows.items()),
            )
            for step in (*self.coordinates, *self.pixels)
        )
        settings = dataclasses.astuple(self.settings)
        return (steps, len(self.coordinates), settings, self.batched, self.output, self.dtype)

    @property
    def _moves(self) -> bool:
        return bool(self.coordinates) or self.output is not None

    @property
    def _source(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Heights and widths of what comes in, (B,) each."""
        return self.size[:, 0], self.size[:, 1]

    @property
    def _target(self) -> tuple[Any, Any]:
        """Those of what comes out."""
        return self._source if self.output is None else self.output

    @property
    def _sizes(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Sizes of what comes in and of what comes out, int32 (B, 2)."""
        if self.output is None:
            return self.size, self.size
        return self.size, tf.zeros_like(self.size) + self.output

    @property
    def _batch(self) -> tuple[int | None, ...]:
        """The axes before those of one image's targets: the batch, or none."""
        return (self.size.shape[0],) if self.batched else ()

    def _move_points(self, points: tf.Tensor) -> tf.Tensor:
        return coordinates.move_points(self.coordinates, points, *self._sizes)

    def _forward(self) -> tf.Tensor | None:
        """The homographies from input to output pixels, where they are all."""
        matrix = coordinates.one_matrix(self.coordinates)
        if matrix is None:
            return None
        back = coordinates.forward(matrix)
        return matrices.to_pixels(back, self._target, self._source)

    def _replace(self, **changes: Any) -> "Transform":
        fields = {name: getattr(self, name) for name in self.__annotations__}
        return Transform(**{**fields, **changes})

    def _warp(
        self, interpolation: str, fill_mode: str, fill_value: float, images: tf.Tensor
    ) -> tf.Tensor:
        source = dimension(images, 1), dimension(images, 2)
        target = source if self.output is None else self.output
        return warp(
            images,
            coordinates.reader(self.coordinates, source, target),
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            output_size=self.output,
        )

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


def _check_holds(name: str, value: float, dtype: tf.DType) -> None:
    """Refuses a fill that the pixels cannot hold: the op would wrap it around."""
    limits = (0, 1) if dtype.is_bool else (dtype.min, dtype.max)
    low, high = (float(limit) for limit in limits)
    whole = not dtype.is_floating
    if not low <= value <= high or (whole and value != int(value)):
        raise ValueError(
            f"`{name}` must be a {'whole ' * whole}number between {low:g} and "
            f"{high:g} for the dtype {dtype.name}. Received: {value!r}"
        )


def _to_config(step: Step) -> dict[str, Any]:
    only = None if step.only is None else step.only.numpy().tolist()
    rows = {
        key: {"dtype": row.dtype.name, "values": row.numpy().tolist()}
        for key, row in step.rows.items()
    }
    return {"name": step.name, "rows": rows, "only": only}


def _from_config(config: Mapping[str, Any]) -> Step:
    only = config["only"]
    rows = {
        key: tf.constant(row["values"], row["dtype"])
        for key, row in config["rows"].items()
    }
    return Step(config["name"], rows, None if only is None else tf.constant(only))


def _one_size(size: tf.Tensor) -> tuple[int, int]:
    """The size of all images of a batch.

    Raises:
        ValueError: if they differ, or are not known.
    """
    known = tf.get_static_value(size)
    if known is None or (known != known[:1]).any():
        raise ValueError(
            "A transform to another size can be undone where the images it was drawn "
            "for have one known size. Received: unknown or different sizes."
        )
    height, width = known[0].tolist()
    return height, width
