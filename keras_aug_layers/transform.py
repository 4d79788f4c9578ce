"""Transform: what was drawn for a batch of images, and how it is applied."""

from typing import Any, NamedTuple, Optional

import tensorflow as tf

from keras_aug_layers import color as colors
from keras_aug_layers import matrices
from keras_aug_layers.color import Color
from keras_aug_layers.warp import compute_dtype, dimension, warp


class Frame(NamedTuple):
    """What a layer may know of the images when it draws."""

    batch: Any
    height: Any
    width: Any
    channels: Any
    dtype: tf.DType | None
    batched: bool

    @classmethod
    def of(cls, images: Any, data_format: str) -> "Frame":
        """Reads the frame off images or their shape, (H, W, C) or (B, H, W, C)."""
        dtype = getattr(images, "dtype", None)
        if dtype is None:
            sizes = list(images)
        elif images.shape.rank is None:
            raise ValueError(
                "`images` must have a known rank, 3 or 4. Received a tensor of unknown "
                "shape. Write images.set_shape((None, None, None, 3))."
            )
        else:
            sizes = [dimension(images, axis) for axis in range(images.shape.rank)]
        if len(sizes) not in (3, 4):
            raise ValueError(
                "`images` must have the shape (H, W, C) or (B, H, W, C). Received: "
                f"shape={tuple(getattr(images, 'shape', images))}"
            )
        batch, *sizes = sizes if len(sizes) == 4 else [1, *sizes]
        if data_format == "channels_first":
            sizes = [*sizes[1:], sizes[0]]
        if dtype is not None and not (dtype.is_integer or dtype.is_floating):
            raise ValueError(
                "`images` must be integers or floating point numbers. Received: "
                f"dtype={dtype.name}. Write tf.cast(images, 'float32')."
            )
        return cls(batch, *sizes, dtype, len(getattr(images, "shape", images)) == 4)


class Draw(NamedTuple):
    """The matrices of one or more layers; None stands for the identity.

    Attributes:
        matrix: float64 (B, 3, 3) in centred coordinates, from output to input.
        color: the colour map.
    """

    matrix: tf.Tensor | None = None
    color: Color | None = None

    def then(self, after: "Draw") -> "Draw":
        """This draw first, `after` next."""
        return Draw(
            _join(self.matrix, after.matrix, matrices.compose),
            _join(self.color, after.color, Color.then),
        )

    def where(self, condition: tf.Tensor, otherwise: "Draw") -> "Draw":
        """Chooses between two draws for each image; the condition is (B,)."""
        matrix, color = None, None
        if self.matrix is not None or otherwise.matrix is not None:
            matrix = tf.where(
                condition[:, tf.newaxis, tf.newaxis],
                matrices.identity() if self.matrix is None else self.matrix,
                matrices.identity() if otherwise.matrix is None else otherwise.matrix,
            )
        if self.color is not None or otherwise.color is not None:
            color = colors.where(
                condition,
                colors.identity() if self.color is None else self.color,
                colors.identity() if otherwise.color is None else otherwise.color,
            )
        return Draw(matrix, color)


class Transform(tf.experimental.BatchableExtensionType):  # type: ignore[misc]
    """The augmentation drawn for each image of a batch: a value, like a tensor.

    It crosses the borders of `tf.function`, `tf.data` and SavedModel, and can be kept
    to do to other images what was done to these.

    Attributes:
        matrix: float32 (B, 3, 3): the homography from the (x, y, 1) of an output pixel
            to that of the input pixel, with pixel centres at integers.
        color: the colour map of each image, None if no layer changes colours.
        size: int32 (B, 2): height and width of the images it was drawn for.

    Example:
        >>> layer = RandomRotate(degrees=30)
        >>> transform = layer.sample(images)
        >>> images, masks = transform.images(images), transform.segmentation_masks(masks)
    """

    matrix: tf.Tensor
    color: Optional[Color]  # noqa: UP045
    size: tf.Tensor
    batched: bool
    moves: bool
    affine: bool
    fill_mode: str
    interpolation: str
    fill_value: float
    value_range: Optional[tuple[float, float]]  # noqa: UP045
    data_format: str

    def images(self, images: Any) -> tf.Tensor:
        """Augments images: one warp, one pass of colour.

        Args:
            images: (B, H, W, C), or (H, W, C) if drawn for one image; with the
                channels first if the layer's `data_format` says so.

        Returns:
            The images in the same shape and dtype.
        """
        images = tf.convert_to_tensor(images)
        _check_fill_value(self, images.dtype)
        if not self.moves and self.color is None:
            return images
        source = pixels = self._standard(images)
        if self.moves:
            pixels = self._warp(pixels, self.interpolation, self.fill_mode)
        if self.color is not None:
            pixels = tf.cast(pixels, compute_dtype(images.dtype))
            pixels = self.color.apply(pixels, source)
        value_range = None if self.color is None else self.value_range
        return self._original(colors.finish(pixels, images.dtype, value_range))

    def segmentation_masks(self, masks: Any) -> tf.Tensor:
        """Moves masks with their images: nearest neighbour, no value is made up.

        Args:
            masks: (B, H, W, C) or (B, H, W), of any integer, floating or boolean
                dtype; without B if drawn for one image.

        Returns:
            The masks in the same shape and dtype.
        """
        masks = tf.convert_to_tensor(masks)
        if not self.moves:
            return masks
        flat = masks.shape.rank == 2 + self.batched
        if flat:
            masks = tf.expand_dims(masks, self._channel_axis)
        moved = self._warp(self._standard(masks), "nearest", self.fill_mode)
        moved = self._original(moved)
        return tf.squeeze(moved, self._channel_axis) if flat else moved

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """Augments every entry of a dict that it knows; the others stay out."""
        return {key: getattr(self, key)(value) for key, value in data.items()}

    def _warp(self, images: tf.Tensor, interpolation: str, fill_mode: str) -> tf.Tensor:
        return warp(
            images,
            self.matrix,
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=self.fill_value,
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


def to_transform(draw: Draw, frame: Frame, **settings: Any) -> Transform:
    """Makes of a draw the value that users see.

    Args:
        draw: what was drawn, composed.
        frame: the images it was drawn for.
        **settings: fill settings, value range and data format of the layer.
    """
    matrix = matrices.identity() if draw.matrix is None else draw.matrix
    matrix = matrices.to_pixels(matrix, frame.height, frame.width)
    size = tf.stack([frame.height, frame.width])
    return Transform(
        matrix=tf.cast(tf.broadcast_to(matrix, (frame.batch, 3, 3)), tf.float32),
        color=draw.color,
        size=tf.broadcast_to(size, (frame.batch, 2)),
        batched=frame.batched,
        moves=draw.matrix is not None,
        affine=True,
        **settings,
    )


def _check_fill_value(transform: Transform, dtype: tf.DType) -> None:
    """Refuses a constant that the pixels cannot hold: the op would wrap it around."""
    value = transform.fill_value
    if transform.fill_mode != "constant" or not transform.moves:
        return
    fits = dtype.min <= value <= dtype.max
    if not fits or (dtype.is_integer and value != int(value)):
        kind = "a whole number" if dtype.is_integer else "a number"
        raise ValueError(
            f"`fill_value` must be {kind} between {dtype.min} and {dtype.max} for "
            f"images of dtype {dtype.name}. Received: {value!r}"
        )


def _join(first: Any, second: Any, product: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return product(first, second)
