"""GeneratorAugmentation: what `ImageDataGenerator` does to an image, as one layer."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.pixels import convert_unrounded, scale
from keras_aug_layers.kernels.program import Step, register
from keras_aug_layers.layers import checks, statistics
from keras_aug_layers.layers.engine import Engine
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan, as_plan
from keras_aug_layers.plan.random_numbers import Cursor, scaled


def _add_within_range(pixels: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    low = tf.reduce_min(pixels, axis=(1, 2, 3), keepdims=True)
    high = tf.reduce_max(pixels, axis=(1, 2, 3), keepdims=True)
    return tf.clip_by_value(pixels + bias, low, high)


add_within_range = register(
    "add_within_range", "whole", _add_within_range, neutral={"bias": 0.0}
)
"""Adds a number; the image keeps within its own least and greatest value."""

BYTES = 0.0, 255.0
_HAIR = 1e-2
"""By so much a moved image of bytes may be beyond, being interpolated."""


def _gain_within_range(pixels: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    low = tf.reduce_min(pixels, axis=(1, 2, 3), keepdims=True)
    high = tf.reduce_max(pixels, axis=(1, 2, 3), keepdims=True)
    beyond = (low < BYTES[0] - _HAIR) | (high > BYTES[1] + _HAIR)
    low, high = tf.where(beyond, low, BYTES[0]), tf.where(beyond, high, BYTES[1])
    return tf.clip_by_value(gain * pixels + (1.0 - gain) * low, low, high)


gain_within_range = register(
    "gain_within_range", "whole", _gain_within_range, neutral={"gain": 1.0}
)
"""Multiplies, and clips to 0 … 255; where an image has other values, it multiplies what
is above the least of them, and clips to the greatest."""

_LEAST = 1e-6
"""What is added to a deviation, by which it is divided."""


def _own_mean(pixels: tf.Tensor) -> tf.Tensor:
    """The mean of each image; of its rows first, as in `kernels/measured.py`."""
    return tf.reduce_mean(tf.reduce_mean(pixels, (2, 3), True), 1, True)


def _divide_by_own_deviation(pixels: tf.Tensor, least: tf.Tensor) -> tf.Tensor:
    variance = _own_mean((pixels - _own_mean(pixels)) ** 2)
    some = variance > 0.0  # else there is a deviation of 0, and no gradient
    root = tf.sqrt(tf.where(some, variance, 1.0))
    return pixels / (tf.where(some, root, 0.0) + least)


subtract_own_mean = register(
    "subtract_own_mean", "whole", lambda pixels, one: pixels - _own_mean(pixels)
)
"""Subtracts from each image the mean of all its values."""
divide_by_own_deviation = register(
    "divide_by_own_deviation", "whole", _divide_by_own_deviation
)
"""Divides each image by the standard deviation of all its values."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class GeneratorAugmentation(GeometricLayer):
    """Draws and applies the transformations of an `ImageDataGenerator`.

    `from_image_data_generator` builds it. Arguments have the generator's names and
    meaning. `rescale` and the samplewise and featurewise arguments normalise images in
    training and in inference alike, in the same pass, and give floats; without them the
    layer is, like every other, the identity in inference.

    Args:
        rotation_range: degrees, for (-r, r).
        width_shift_range: below 1 a fraction of the width, else pixels; an integer n
            for whole pixels among 0 … n - 1 with a random sign; a sequence for one of
            its values with a random sign.
        height_shift_range: the same for the height.
        brightness_range: pair of gains, in 0 … 255; of an image with values beyond,
            gains of what is above its least value, up to its greatest.
        shear_range: degrees, for (-r, r).
        zoom_range: a number z for (1 - z, 1 + z), or a pair of source scales, drawn
            for each axis.
        channel_shift_range: c for a number from (-c, c) added to all channels; the
            image keeps within its own least and greatest value.
        horizontal_flip: whether to mirror left and right, with a chance of one half.
        vertical_flip: whether to mirror top and bottom.
        fill_mode: as for every `GeometricLayer`.
        rescale: factor, applied after the augmentation.
        samplewise_center: whether to subtract each image's mean.
        samplewise_std_normalization: whether to divide by its standard deviation.
        featurewise_center: whether to subtract the channels' means that `adapt` found.
        featurewise_std_normalization: whether to divide by their standard deviations.
        mean: the channels' means, if known without `adapt`: one number for each, or
            one for all.
        std: likewise the channels' standard deviations.
        **kwargs: arguments of `GeometricLayer`.

    Raises:
        ValueError: if a range is out of bounds, or `mean` and `std` are for different
            numbers of channels; if statistics are needed when the layer is called and
            `adapt` was not, or they are for another number of channels.

    Example:
        >>> import numpy as np
        >>> layer = GeneratorAugmentation(rotation_range=20, rescale=1 / 255)
        >>> float(layer(np.full((1, 8, 8, 3), 255.0)).numpy().max())
        1.0
    """

    def __init__(
        self,
        *,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: tuple[float, float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | tuple[float, float] = 0.0,
        channel_shift_range: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        fill_mode: str = "nearest",
        rescale: float | None = None,
        samplewise_center: bool = False,
        samplewise_std_normalization: bool = False,
        featurewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode=fill_mode, **kwargs)
        self.rotation_range = arguments.number("rotation_range", rotation_range)
        self.width_shift_range = _check_shift("width_shift_range", width_shift_range)
        self.height_shift_range = _check_shift("height_shift_range", height_shift_range)
        self.brightness_range = arguments.optional(
            arguments.pair, "brightness_range", brightness_range, 0.0
        )
        self.shear_range = arguments.number("shear_range", shear_range)
        if not isinstance(zoom_range, (tuple, list, np.ndarray)):
            least = math.nextafter(1.0, 0.0)
            zoom_range = arguments.number("zoom_range", zoom_range, 0.0, least)
            zoom_range = 1.0 - zoom_range, 1.0 + zoom_range
        least = math.nextafter(0.0, 1.0)
        self.zoom_range = arguments.pair("zoom_range", zoom_range, least)
        self.channel_shift_range = arguments.number(
            "channel_shift_range", channel_shift_range
        )
        self.horizontal_flip = bool(horizontal_flip)
        self.vertical_flip = bool(vertical_flip)
        self.rescale = arguments.optional(arguments.number, "rescale", rescale)
        # As in the generator, dividing by a deviation implies subtracting the mean.
        self.samplewise_std_normalization = bool(samplewise_std_normalization)
        self.samplewise_center = bool(samplewise_center or samplewise_std_normalization)
        self.featurewise_std_normalization = bool(featurewise_std_normalization)
        self.featurewise_center = bool(
            featurewise_center or featurewise_std_normalization
        )
        self.mean = arguments.optional(arguments.per_channel, "mean", mean)
        self.std = arguments.optional(arguments.per_channel, "std", std, 0.0)
        channels = {np.size(x) for x in (self.mean, self.std)} - {1}
        if len(channels) > 1:
            raise ValueError(
                "`std` must have as many numbers as `mean`, one for each channel, or "
                f"be one number. Received: {std!r} and mean={mean!r}."
            )

    @property
    def changes_unit(self) -> bool:
        """Whether images are normalised."""
        normalizes = self.samplewise_center or self.featurewise_center
        return normalizes or self.rescale is not None

    @property
    def fusible(self) -> bool:
        """Whether nothing is normalised: in a group other units come last."""
        return not self.changes_unit

    def draw(self, random: Cursor, frame: Frame) -> Plan:
        """What `ImageDataGenerator.get_random_transform` draws, then `standardize`."""
        u = tf.unstack(random.uniform(shape=(12,)), axis=1)
        brightness = shift = None
        if self.brightness_range is not None:
            brightness = scaled(u[9], self.brightness_range)
        if self.channel_shift_range:
            shift = _symmetric(u[8], self.channel_shift_range)
        steps = steps_of(
            theta=_symmetric(u[0], self.rotation_range),
            tx=_shift(u[1], u[2], self.width_shift_range, frame.width),
            ty=_shift(u[3], u[4], self.height_shift_range, frame.height),
            shear=_symmetric(u[5], self.shear_range),
            zx=scaled(u[6], self.zoom_range),
            zy=scaled(u[7], self.zoom_range),
            flip_horizontal=self.horizontal_flip & (u[10] < 0.5),
            flip_vertical=self.vertical_flip & (u[11] < 0.5),
            channel_shift_intensity=shift,
            brightness=brightness,
            of_bytes=frame.dtype == tf.uint8,
        )
        return as_plan(steps).then(self.rest(frame))

    def rests(self) -> bool:
        """Images are normalised outside training too."""
        return self.changes_unit

    def rest(self, frame: Frame) -> Plan:
        """The generator's `standardize`, in its order."""
        if not self.changes_unit:
            return Plan()
        steps = [convert_unrounded(one=1.0)]
        if self.rescale:
            steps.append(scale(gain=self.rescale, bias=0.0))
        if self.samplewise_center:
            steps.append(subtract_own_mean(one=1.0))
        if self.samplewise_std_normalization:
            steps.append(divide_by_own_deviation(least=_LEAST))
        if self.featurewise_center:
            steps.append(scale(gain=1.0, bias=-self._statistic("mean", frame)))
        if self.featurewise_std_normalization:
            deviation = self._statistic("std", frame) + _LEAST
            steps.append(scale(gain=1.0 / deviation, bias=0.0))
        return as_plan(steps)._replace(dtype=self._normalized(frame).name)

    def framed(self, frame: Frame) -> Frame:
        """The same frame, in floats where images are normalised."""
        if not self.changes_unit:
            return frame
        return frame._replace(dtype=self._normalized(frame), value_range=None)

    def adapt(self, images: Any) -> None:
        """Finds the channels' means and standard deviations, after `rescale`.

        Args:
            images: array (N, H, W, C), or with the channels first if `data_format`
                says so; or a `tf.data.Dataset` of such batches, or of tuples that begin
                with one, which is gone through once.

        Raises:
            ValueError: for another shape, images of different sizes, an iterator, and
                for a dataset without an end or an image.
        """
        scale = self.rescale or 1.0
        mean, std = statistics.of_channels(images, self.data_format)
        self.mean = tuple(x * scale for x in mean)
        self.std = tuple(x * abs(scale) for x in std)
        self._engine = Engine(self)  # what was traced has others

    @staticmethod
    def _normalized(frame: Frame) -> tf.DType:
        """The dtype of normalised images: floats keep theirs."""
        floats = frame.dtype is not None and frame.dtype.is_floating
        return frame.dtype if floats else tf.float32

    def _statistic(self, name: str, frame: Frame) -> Any:
        """A number for each channel, or one for all, as a row (1, C) or (1, 1)."""
        value = getattr(self, name)
        if value is None:
            raise ValueError(
                f"`{name}` is not known, and the featurewise arguments need it. Write "
                "layer.adapt(images) before the first call."
            )
        return checks.per_channel(name, value, frame.channels)


def steps_of(
    *,
    theta: Any = 0.0,
    tx: Any = 0.0,
    ty: Any = 0.0,
    shear: Any = 0.0,
    zx: Any = 1.0,
    zy: Any = 1.0,
    flip_horizontal: Any = False,
    flip_vertical: Any = False,
    channel_shift_intensity: Any = None,
    brightness: Any = None,
    of_bytes: bool = False,
) -> list[Step]:
    """The steps of one set of the generator's parameters, scalars or (B,).

    The names are those of `ImageDataGenerator.apply_transform`: degrees, pixels and
    source scales. Rotation, shift, shear and zoom are one product, flips come next,
    then the channel shift and brightness. No image of bytes has values beyond 0 … 255.
    """
    slant = math.pi / 180.0 * tf.cast(shear, tf.float64)
    moves = (
        matrices.rotate(tf.cast(theta, tf.float64) / 360.0),
        matrices.shift(-tf.cast(tx, tf.float64), -tf.cast(ty, tf.float64)),
        matrices.from_rows(
            (1.0, -tf.sin(slant), 0.0), (0.0, tf.cos(slant), 0.0), (0.0, 0.0, 1.0)
        ),
        matrices.scale(zx, zy),
        matrices.flip(flip_horizontal, flip_vertical),
    )
    steps = [affine(matrix=matrix) for matrix in moves]
    if channel_shift_intensity is not None:
        steps.append(add_within_range(bias=channel_shift_intensity))
    if brightness is not None and of_bytes:
        steps.append(scale(gain=brightness, bias=0.0))
    elif brightness is not None:
        steps.append(gain_within_range(gain=brightness))
    return steps


def _check_shift(name: str, value: Any) -> Any:
    """A number, kept an integer if it is one, or a tuple of numbers."""
    if isinstance(value, (tuple, list, np.ndarray)):
        if not len(value):
            raise ValueError(f"`{name}` must not be empty. Received: {value!r}")
        return tuple(arguments.number(name, x) for x in value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(arguments.number(name, value, 0))
    part = arguments.number(name, value)
    return abs(part) if -1.0 < part < 0.0 else arguments.number(name, part, 0.0)


def _symmetric(u: tf.Tensor, reach: float) -> tf.Tensor:
    return scaled(u, (-abs(reach), abs(reach)))


def _shift(u: tf.Tensor, sign: tf.Tensor, reach: Any, size: Any) -> tf.Tensor:
    """Pixels of a shift, by the generator's three kinds of range."""
    if isinstance(reach, float):
        pixels = _symmetric(u, reach)
    else:
        choices = reach if isinstance(reach, tuple) else range(max(reach, 1))
        values = tf.constant(list(choices), tf.float64)
        index = tf.cast(u * len(choices), tf.int32)
        pixels = tf.gather(values, index)
        pixels = tf.where(sign < 0.5, pixels, -pixels)
    if np.max(reach) < 1:
        pixels *= tf.cast(size, tf.float64)
    return pixels
