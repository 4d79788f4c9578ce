"""What every layer shares: when to augment, with which draw, and in which form.

A leaf layer is its `__init__` and one method that returns matrices. The rest, from
the seed to the pixels, happens here, once.
"""

import inspect
import random
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, sampling
from keras_aug_layers.color import Color
from keras_aug_layers.forms import Forms
from keras_aug_layers.transform import Draw, Frame, Transform, to_transform
from keras_aug_layers.warp import FILL_MODES, INTERPOLATIONS

AUGMENTED_KEYS = ("images", "segmentation_masks")
REFUSED_KEYS = ("bounding_boxes", "keypoints")


class AugmentationLayer(keras.layers.Layer):
    """Base class of all layers: random while training, nothing at all otherwise.

    Args:
        probability: chance, from 0 to 1, that an image is augmented, drawn per image.
        seed: integer for reproducible draws; by default taken from Python's `random`,
            which `keras.utils.set_random_seed` seeds.
        data_format: "channels_last" or "channels_first"; Keras's own by default.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.
    """

    draws = 0
    """How many random numbers one image takes."""

    fill_mode = "reflect"
    interpolation = "bilinear"
    fill_value = 0.0
    value_range: checks.Range | None = None

    def __init__(
        self,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.probability = checks.number("probability", probability, 0.0, 1.0)
        self.data_format = checks.one_of(
            "data_format",
            data_format or keras.config.image_data_format(),
            ("channels_last", "channels_first"),
        )
        self.seed = seed
        if seed is None:
            seed = random.getrandbits(63)
        elif isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"`seed` must be an integer or None. Received: {seed!r}")
        self.random_state = self.add_weight(
            name="random_state",
            shape=(3,),
            dtype="int64",
            initializer=lambda shape, dtype: tf.constant(
                sampling.initial_state(seed), dtype
            ),
            trainable=False,
        )
        self._forms = Forms(self._augment, jit_compile=False)

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Turns random numbers into matrices. Each kind of layer defines it.

        Args:
            u: float64 (B, draws), uniform in [0, 1).
            frame: size, channels and dtype of the images.
        """
        raise NotImplementedError

    def call(self, data: Any, training: bool = False, seed: Any = None) -> Any:
        """Augments if `training`, else returns `data` itself.

        Args:
            data: images, or a dict with `images` and what belongs to them.
            training: whether to augment.
            seed: two integers that make the call stateless, or (B, 2) integers, a pair
                for each image.
        """
        if not training:
            return data
        if not isinstance(data, dict):
            return self._augmented({"images": data}, seed)["images"]
        if "images" not in data:
            raise ValueError(
                f"`data` must have the key 'images'. Received keys: {sorted(data)}"
            )
        for key in REFUSED_KEYS:
            if key in data:
                raise ValueError(
                    f"`data` must not have the key {key!r}: it would not move with the "
                    "images yet. Remove it from the dict."
                )
        known = {key: data[key] for key in AUGMENTED_KEYS if key in data}
        return {**data, **self._augmented(known, seed)}

    def sample(self, images: Any, seed: Any = None) -> Transform:
        """Draws for a batch of images and touches no pixel.

        Args:
            images: the images, or their shape.
            seed: as in the call of the layer.

        Returns:
            What the layer does to each image, ready to be applied.
        """
        if hasattr(images, "__array__"):
            images = tf.convert_to_tensor(images)
        frame = Frame.of(images, self.data_format)
        return self._transform(self._origin(frame, seed), frame)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Nothing changes its shape."""
        return input_shape

    def compute_output_spec(
        self, data: Any, training: bool = False, seed: Any = None
    ) -> Any:
        """Nothing changes its shape or dtype."""
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), data
        )

    def get_config(self) -> dict[str, Any]:
        """Every argument of `__init__`, as the attribute of the same name."""
        config = super().get_config()
        for cls in type(self).__mro__[: type(self).__mro__.index(keras.layers.Layer)]:
            for name, parameter in inspect.signature(cls.__init__).parameters.items():
                if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                    config[name] = getattr(self, name)
        return config

    def _augmented(self, data: dict[str, Any], seed: Any) -> dict[str, Any]:
        data = {key: tf.convert_to_tensor(value) for key, value in data.items()}
        frame = Frame.of(data["images"], self.data_format)
        if "segmentation_masks" in data:
            masks = data["segmentation_masks"]
            _check_masks(masks, data["images"], self.data_format)
        return self._forms.run(self._origin(frame, seed), data)

    def _augment(self, origin: tf.Tensor, data: dict[str, Any]) -> dict[str, Any]:
        """The one code path, a pure function: sample, compose, warp, colour."""
        frame = Frame.of(data["images"], self.data_format)
        return self._transform(origin, frame).apply(data)

    def _transform(self, origin: tf.Tensor, frame: Frame) -> Transform:
        words = sampling.words(origin, frame.batch, self.total_draws)
        return to_transform(
            self.draw_or_not(sampling.unit(words), frame),
            frame,
            fill_mode=self.fill_mode,
            interpolation=self.interpolation,
            fill_value=self.fill_value,
            value_range=self.value_range,
            data_format=self.data_format,
        )

    @property
    def total_draws(self) -> int:
        """The random numbers of an image, the one for `probability` included."""
        return self.draws + (self.probability < 1.0)

    def draw_or_not(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Draws, and keeps each image as it is with the chance 1 - `probability`."""
        draw = self.draw(u[:, : self.draws], frame)
        if self.probability < 1.0:
            draw = draw.where(u[:, self.draws] < self.probability, Draw())
        return draw

    def _origin(self, frame: Frame, seed: Any) -> tf.Tensor:
        """Where the call's random numbers start: at its seed, or in the layer's state."""
        if seed is not None:
            return sampling.seeded_origin(_check_seed(seed, frame))
        replica = None
        if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return sampling.next_origin(self.random_state.value.handle, replica)


class GeometricLayer(AugmentationLayer):
    """Base class of the layers that move pixels.

    Args:
        fill_mode: what lies outside the frame: "reflect", "constant", "nearest" or
            "wrap".
        interpolation: "bilinear" or "nearest".
        fill_value: the value outside the frame if `fill_mode` is "constant".
        **kwargs: arguments of `AugmentationLayer`.
    """

    def __init__(
        self,
        *,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fill_mode = checks.one_of("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = checks.one_of(
            "interpolation", interpolation, INTERPOLATIONS
        )
        self.fill_value = checks.number("fill_value", fill_value)

    def matrices(self, u: tf.Tensor, frame: Frame) -> tf.Tensor:
        """Turns random numbers (B, draws) into centred float64 matrices (B, 3, 3)."""
        raise NotImplementedError

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """A draw that moves pixels."""
        return Draw(matrix=self.matrices(u, frame))


class ColorLayer(AugmentationLayer):
    """Base class of the layers that change colours.

    Args:
        value_range: (low, high): the range of the pixels, to which the result is
            clipped. By default the range of an unsigned integer dtype; results of
            other dtypes are then not clipped.
        **kwargs: arguments of `AugmentationLayer`.
    """

    def __init__(
        self, *, value_range: tuple[float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if value_range is not None:
            value_range = checks.value_range("value_range", value_range)
        self.value_range = value_range

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """Turns random numbers (B, draws) into the colour map of each image."""
        raise NotImplementedError

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """A draw that changes colours."""
        return Draw(color=self.colors(u, frame))

    def range_of(self, frame: Frame) -> checks.Range:
        """The value range, or the one that an unsigned dtype implies."""
        if self.value_range is not None:
            return self.value_range
        if frame.dtype is not None and frame.dtype.is_unsigned:
            return float(frame.dtype.min), float(frame.dtype.max)
        received = "unknown" if frame.dtype is None else frame.dtype.name
        raise ValueError(
            "`value_range` must be given for images that are not unsigned integers. "
            f"Received: value_range=None, images of dtype {received}. Write "
            f"{type(self).__name__}(…, value_range=(0, 1)), or (0, 255)."
        )


def _check_masks(masks: tf.Tensor, images: tf.Tensor, data_format: str) -> None:
    """A mask has the batch and the size of its images, with or without channels."""
    expected = list(images.shape)
    channels = -1 if data_format == "channels_last" else -3
    if masks.shape.rank == images.shape.rank - 1:
        del expected[channels]
    else:
        expected[channels] = None
    if not masks.shape.is_compatible_with(expected):
        raise ValueError(
            "`segmentation_masks` must have the size of the images, with or without "
            f"channels. Received: masks of shape {masks.shape} for images of shape "
            f"{images.shape}"
        )


def _check_seed(seed: Any, frame: Frame) -> tf.Tensor:
    """Two integers, or two for each image."""
    seed = tf.convert_to_tensor(seed)
    shapes = ([2], [frame.batch, 2]) if isinstance(frame.batch, int) else ([2], [None, 2])
    if not seed.dtype.is_integer or not any(map(seed.shape.is_compatible_with, shapes)):
        raise ValueError(
            "`seed` must be two integers, or integers of shape (B, 2) for a batch of B "
            f"images. Received: shape={seed.shape}, dtype={seed.dtype.name}"
        )
    return seed
