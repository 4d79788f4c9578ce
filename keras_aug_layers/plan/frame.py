"""Frame: what a layer knows of the images when it draws."""

import math
from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers.arguments import Range
from keras_aug_layers.kernels.flat import Flat
from keras_aug_layers.kernels.warp import dimension, known_channels


class Frame(NamedTuple):
    """Size and kind of the images at one point of a stack.

    Attributes:
        batch: how many images; a number where it is static, else a scalar tensor.
        height: likewise, as are `width` and `channels`.
        width: see above.
        channels: see above.
        dtype: of the images; None where only a shape is known.
        batched: whether the images have a batch axis.
        value_range: the range of the pixels, where one was given; `range_of` knows that
            of unsigned integers too.
        in_training: whether it is known in training only, when a layer acts that was
            told it.
    """

    batch: Any
    height: Any
    width: Any
    channels: Any
    dtype: tf.DType | None
    batched: bool
    value_range: Range | None = None
    in_training: bool = False

    @property
    def ragged(self) -> bool:
        """Whether each image has a size of its own: height and width are (B,)."""
        return getattr(getattr(self.height, "shape", None), "rank", 0) == 1

    @classmethod
    def of(cls, images: Any, data_format: str) -> "Frame":
        """Reads the frame off images or their shape, (H, W, C) or (B, H, W, C)."""
        if isinstance(images, tf.RaggedTensor):
            return cls._of_ragged(images, data_format)
        dtype = getattr(images, "dtype", None)
        shape = tuple(images) if dtype is None else images.shape
        if dtype is None:
            sizes = list(shape)
        elif images.shape.rank is None:
            raise ValueError(
                "`images` must have a known rank, 3 or 4. Received a tensor of unknown "
                "shape. Write images.set_shape((None, None, 3)) of one image, or "
                "images.set_shape((None, None, None, 3)) of a batch."
            )
        else:
            sizes = [dimension(images, axis) for axis in range(images.shape.rank)]
        if len(sizes) not in (3, 4):
            raise ValueError(
                "`images` must have the shape (H, W, C) or (B, H, W, C), or be videos "
                "(B, T, H, W, C) in the call of a layer. Received: "
                f"shape={tuple(shape)}"
            )
        batched = len(sizes) == 4
        batch, height, width, channels = sizes if batched else [1, *sizes]
        if data_format == "channels_first":
            height, width, channels = width, channels, height
        if dtype is not None and not (dtype.is_integer or dtype.is_floating):
            raise ValueError(
                "`images` must be integers or floating point numbers. Received: "
                f"dtype={dtype.name}. Write tf.cast(images, 'float32')."
            )
        return cls(batch, height, width, channels, dtype, batched)

    @property
    def known_channels(self) -> int:
        """The number of channels; a ValueError where it is not known."""
        return known_channels(self.channels)

    @property
    def low(self) -> float:
        """What is black: the low end of the value range, or 0 where none was given."""
        return 0.0 if self.value_range is None else self.value_range[0]

    @property
    def limits(self) -> Range:
        """What pixels are clipped to; infinite for floats without a value range."""
        if self.value_range is not None:
            return self.value_range
        if self.dtype is not None and self.dtype.is_integer:
            return float(self.dtype.min), float(self.dtype.max)
        return -math.inf, math.inf

    @property
    def ends(self) -> Range:
        """`limits`; a ValueError where only a shape is known, which does not tell."""
        if self.value_range is None and not self.whole:
            return -math.inf, math.inf
        return self.limits

    @property
    def known_range(self) -> Range | None:
        """The value range that was given, or the one that an unsigned dtype implies."""
        if self.value_range is None and self.dtype is not None:
            return (0.0, float(self.dtype.max)) if self.dtype.is_unsigned else None
        return self.value_range

    @property
    def whole(self) -> bool:
        """Whether pixels are whole numbers; a ValueError where it is not known."""
        if self.dtype is None:
            raise ValueError(
                "`dtype` must be given where only the shape of images is, to a layer "
                "that rounds. Received: None. Write layer.sample(shape, dtype='uint8')."
            )
        return self.dtype.is_integer

    @classmethod
    def _of_ragged(cls, images: tf.RaggedTensor, data_format: str) -> "Frame":
        sizes = Flat.of(images, data_format).sizes
        height, width = tf.unstack(sizes, axis=1)
        channels = images.shape[-1]
        batch = images.shape[0] or tf.shape(sizes)[0]
        return cls(batch, height, width, channels, images.dtype, True)

    def range_of(self, layer: Any) -> Range:
        """The value range; a ValueError where it is not known.

        Args:
            layer: who asks. One that acts outside training too needs a range that is
                known then.
        """
        known = self.known_range
        if known is not None and self.in_training and layer.rests():
            raise ValueError(
                "`value_range` must be given to whatever acts outside training too. "
                f"Received: value_range=None, behind a layer that was told {known}, "
                "which then does nothing and says nothing. Write "
                f"{type(layer).__name__}(…, value_range={known})."
            )
        if known is not None:
            return known
        received = "unknown" if self.dtype is None else self.dtype.name
        raise ValueError(
            "`value_range` must be given for images that are not unsigned integers. "
            f"Received: value_range=None, images of dtype {received}. Write "
            f"{type(layer).__name__}(…, value_range=(0, 255)), or value_range=(0, 1), "
            "as they are, or to the recipe that the layer is of; or keras.Input(…, "
            "dtype='uint8') in a model of such images."
        )
