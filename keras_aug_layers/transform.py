"""Transform: what was drawn for a batch of images, and how it is applied."""

import operator
from typing import Any, Optional

import tensorflow as tf

from keras_aug_layers import checks, matrices, targets
from keras_aug_layers import color as colors
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Draw, Frame, join
from keras_aug_layers.warp import INTERPOLATIONS, compute_dtype, warp


class Transform(tf.experimental.BatchableExtensionType):
    """The augmentation drawn for each image of a batch: a value, like a tensor.

    It crosses the borders of `tf.function`, `tf.data` and SavedModel, and can be kept
    to do to other images what was done to these.

    Attributes:
        matrix: float32 (B, 3, 3): the homography from the (x, y, 1) of an output pixel
            to that of the input pixel, with pixel centres at integers.
        color: the colour map of each image, None if no layer changes colours.
        size: int32 (B, 2): height and width of the images it was drawn for.

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

    matrix: tf.Tensor
    color: Optional[Color]  # noqa: UP045 (extension types read no other form)
    size: tf.Tensor
    batched: bool
    moves: bool
    affine: bool
    fill_mode: str
    interpolation: str
    fill_value: float
    mask_fill_value: Optional[float]  # noqa: UP045
    value_range: Optional[tuple[float, float]]  # noqa: UP045
    data_format: str
    bounding_box_format: Optional[str]  # noqa: UP045
    box_fit: str
    min_visibility: float
    keypoint_format: str

    def images(self, images: Any) -> tf.Tensor:
        """Augments images: one warp, one pass of colour.

        Args:
            images: (B, H, W, C), or (H, W, C) if drawn for one image; with the
                channels first if the layer's `data_format` says so.

        Returns:
            The images in the same shape and dtype.
        """
        images = tf.convert_to_tensor(images)
        if self.moves and self.fill_mode == "constant":
            _check_holds("fill_value", self.fill_value, images.dtype)
        if not self.moves and self.color is None:
            return images
        source = self._standard(images)

        def move(pixels: tf.Tensor) -> tf.Tensor:
            if not self.moves:
                return pixels
            fill = self.fill_mode, self.fill_value
            return self._warp(pixels, self.interpolation, *fill)

        if self.color is None:
            pixels = move(source)
        else:
            pixels = self.color.apply(source, move)
        value_range = None if self.color is None else self.value_range
        return self._original(colors.finish(pixels, images.dtype, value_range))

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
        checks.one_of("interpolation", interpolation, INTERPOLATIONS)
        if not self.moves:
            return masks
        flat = masks.shape.rank == 2 + self.batched
        if flat:
            masks = tf.expand_dims(masks, self._channel_axis)
        if self.mask_fill_value is None:
            fill = self.fill_mode, 0.0
        else:
            _check_holds("mask_fill_value", self.mask_fill_value, masks.dtype)
            fill = "constant", self.mask_fill_value
        moved = self._warp(self._standard(masks), interpolation, *fill)
        moved = self._original(colors.finish(moved, masks.dtype, None))
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
        if not self.moves:
            return bounding_boxes
        batch = boxes if self.batched else boxes[tf.newaxis]
        moved, kept = targets.move_boxes(
            tf.cast(batch, tf.float64),
            self._forward,
            self.size,
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
        if not self.moves:
            return keypoints
        shape = tf.shape(keypoints)
        batch = shape[0] if self.batched else 1
        moved = targets.move_keypoints(
            tf.reshape(tf.cast(keypoints, tf.float64), (batch, -1, 2)),
            self._forward,
            self.size,
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
        return self._replace(
            matrix=tf.cast(matrices.normalize(self._forward), tf.float32),
            color=None if self.color is None else self.color.inverse(),
        )

    def __matmul__(self, after: "Transform") -> "Transform":
        """This transform first, `after` next, as one: `a @ b`."""
        different = [
            name for name in _SETTINGS if getattr(self, name) != getattr(after, name)
        ]
        if different:
            raise ValueError(
                "Transforms can be composed if their settings are equal. Received "
                f"different values of {', '.join(different)}."
            )
        first, second = (tf.cast(x.matrix, tf.float64) for x in (self, after))
        matrix = matrices.normalize(matrices.compose(first, second))
        return self._replace(
            matrix=tf.cast(matrix, tf.float32),
            color=join(self.color, after.color, Color.then),
            moves=self.moves or after.moves,
            affine=self.affine and after.affine,
        )

    def __getitem__(self, images: Any) -> "Transform":
        """The transform of an image of the batch, by its index, or of a slice of it."""
        if not isinstance(images, slice):
            index = operator.index(images)
            images = slice(index, index + 1 or None)
        color = None if self.color is None else self.color[images]
        return self._replace(
            matrix=self.matrix[images], size=self.size[images], color=color
        )

    def to_config(self) -> dict[str, Any]:
        """What was drawn, as a dict of numbers, lists and strings for JSON."""
        config = {name: getattr(self, name) for name in (*_SETTINGS, "moves", "affine")}
        return {
            **config,
            "matrix": self.matrix.numpy().tolist(),
            "size": self.size.numpy().tolist(),
            "color": None if self.color is None else self.color.to_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transform":
        """The transform that `to_config` described."""
        color, value_range = config["color"], config["value_range"]
        return cls(
            **{
                **config,
                "matrix": tf.constant(config["matrix"], tf.float32),
                "size": tf.constant(config["size"], tf.int32),
                "color": None if color is None else Color.from_config(color),
                "value_range": None if value_range is None else tuple(value_range),
            }
        )

    @property
    def _forward(self) -> tf.Tensor:
        """float64 matrices from input to output pixels, for points.

        Their sign is such that what the middle of the frame shows lies before the
        horizon, at a positive depth.
        """
        matrix = tf.cast(self.matrix, tf.float64)
        middle = (tf.cast(self.size, tf.float64) - 1.0) / 2.0
        depth = tf.reduce_sum(matrix[:, 2, :2] * middle[:, ::-1], axis=1) + 1.0
        sign = tf.where(depth < 0.0, -1.0, 1.0)
        sign = tf.cast(sign, tf.float64)[:, tf.newaxis, tf.newaxis]
        return sign * matrices.inverse(matrix)

    @property
    def _batch(self) -> tuple[int | None, ...]:
        """The axes before those of one image's targets: the batch, or none."""
        return (self.matrix.shape[0],) if self.batched else ()

    def _replace(self, **changes: Any) -> "Transform":
        fields = {name: getattr(self, name) for name in self.__annotations__}
        return Transform(**{**fields, **changes})

    def _warp(
        self, images: tf.Tensor, interpolation: str, fill_mode: str, fill_value: float
    ) -> tf.Tensor:
        return warp(
            images,
            self.matrix,
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            affine=self.affine,
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


_SETTINGS = (
    "batched",
    "fill_mode",
    "interpolation",
    "fill_value",
    "mask_fill_value",
    "value_range",
    "data_format",
    "bounding_box_format",
    "box_fit",
    "min_visibility",
    "keypoint_format",
)


def to_transform(draw: Draw, frame: Frame, **settings: Any) -> Transform:
    """Makes of a draw the value that users see.

    Args:
        draw: what was drawn, composed.
        frame: the images it was drawn for.
        **settings: fill settings, value range and data format of the layer.
    """
    matrix = matrices.identity() if draw.matrix is None else draw.matrix
    matrix = matrices.to_pixels(matrix, frame.height, frame.width)
    if not draw.affine:
        matrix = matrices.normalize(matrix)
    size = tf.stack([frame.height, frame.width])
    color = None if draw.color is None else draw.color.spread(frame.batch)
    if color is not None and frame.dtype is not None:
        color = color.cast(compute_dtype(frame.dtype))  # in which it meets the pixels
    return Transform(
        matrix=tf.cast(tf.broadcast_to(matrix, (frame.batch, 3, 3)), tf.float32),
        color=color,
        size=tf.broadcast_to(size, (frame.batch, 2)),
        batched=frame.batched,
        moves=draw.matrix is not None,
        affine=draw.affine,
        **settings,
    )


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
