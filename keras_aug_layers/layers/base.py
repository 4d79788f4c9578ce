"""What every layer shares: when to augment, with which draw, and in which form.

A leaf layer is its `__init__` and one method that returns matrices. The rest, from
the seed to the pixels, happens here, once.
"""

import dataclasses
import inspect
import random
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks, sampling, targets
from keras_aug_layers.color import Color
from keras_aug_layers.draw import Draw, Frame
from keras_aug_layers.forms import Forms
from keras_aug_layers.transform import Transform, to_transform
from keras_aug_layers.warp import FILL_MODES, INTERPOLATIONS

PIXEL_KEYS = ("images", "segmentation_masks")
POINT_KEYS = ("bounding_boxes", "keypoints")
DEFAULT_SETTINGS = {
    "fill_mode": "reflect",
    "interpolation": "bilinear",
    "fill_value": 0.0,
    "mask_fill_value": None,
    "value_range": None,
}


@dataclasses.dataclass
class _Opaque:
    """Hides a dict from Keras, which refuses mixtures of tensors and other values."""

    value: dict[str, Any]


class AugmentationLayer(keras.layers.Layer):
    """Base class of all layers: random while training, nothing at all otherwise.

    Args:
        probability: chance, from 0 to 1, that an image is augmented, drawn per image.
        seed: integer for reproducible draws; by default taken from Python's `random`,
            which `keras.utils.set_random_seed` seeds.
        data_format: "channels_last" or "channels_first"; Keras's own by default.
        bounding_box_format: the format of `bounding_boxes`, as in Keras: "xyxy",
            "yxyx", "xywh" or "center_xywh", in pixels, or with "rel_" before it, as
            parts of the frame. Must be given where there are boxes.
        box_fit: "corners" puts a moved box around its four moved corners, "ellipse"
            around its moved inscribed ellipse, which keeps boxes tight under rotation.
        min_visibility: the least part of a moved box, by area, that must lie inside the
            image for the box to be kept; by default every box that touches it is.
        keypoint_format: "xy", in pixels, or "rel_xy", as parts of the frame.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.
    """

    draws = 0
    """How many random numbers one image takes."""

    jit_compile: bool | str = False
    """Whether XLA compiles the layer outside of models that it compiles anyway."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the warp and the colour pass that this layer asks for."""
        return {}

    @property
    def shared_settings(self) -> dict[str, Any]:
        """Those on which the layer and its neighbours in a group must agree."""
        return self.settings

    def __init__(
        self,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        box_fit: str = "corners",
        min_visibility: float = 0.0,
        keypoint_format: str = "xy",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")  # not the policy's: pixels are not cast
        super().__init__(autocast=False, **kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.probability = checks.number("probability", probability, 0.0, 1.0)
        self.data_format = checks.one_of(
            "data_format",
            data_format or keras.config.image_data_format(),
            ("channels_last", "channels_first"),
        )
        if bounding_box_format is not None:
            checks.one_of(
                "bounding_box_format", bounding_box_format, targets.BOX_FORMATS
            )
        self.bounding_box_format = bounding_box_format
        self.box_fit = checks.one_of("box_fit", box_fit, targets.BOX_FITS)
        self.min_visibility = checks.number("min_visibility", min_visibility, 0.0, 1.0)
        self.keypoint_format = checks.one_of(
            "keypoint_format", keypoint_format, targets.KEYPOINT_FORMATS
        )
        self.seed = seed
        if seed is None:
            seed = random.getrandbits(63)
        elif isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"`seed` must be an integer or None. Received: {seed!r}")
        self.random_state = self._new_state(sampling.initial_state(seed))
        self.built = True
        channel_axis = -1 if self.data_format == "channels_last" else -3
        self._augmenting = Forms(self._augment, channel_axis)
        self._drawing = Forms(self._transform_for, channel_axis)

    @property
    def fusible(self) -> bool:
        """Whether the layer is its draw, so that a group can draw for it."""
        return True

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Turns random numbers into matrices. Each kind of layer defines it.

        Args:
            u: float64 (B, draws), uniform in [0, 1).
            frame: size, channels and dtype of the images.
        """
        raise NotImplementedError

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; a dict may hold whatever it likes beside tensors."""
        if isinstance(data, dict):
            if not any(map(keras.utils.is_keras_tensor, keras.tree.flatten(data))):
                data = _Opaque(data)
        elif isinstance(kwargs.get("training"), bool) and _is_eager(data):
            # Nothing is left for Keras to find out, which takes it longer than a small
            # batch takes us.
            return self.call(data, *args, **kwargs)
        return super().__call__(data, *args, **kwargs)

    def call(self, data: Any, training: bool = False, seed: Any = None) -> Any:
        """Augments if `training`, else returns `data` itself.

        Args:
            data: images, or a dict with `images` and what belongs to them.
            training: whether to augment.
            seed: two integers that make the call stateless, or (B, 2) integers, a pair
                for each image.
        """
        if isinstance(data, _Opaque):
            data = data.value
        if not training:
            return data
        if not isinstance(data, dict):
            return self._augmented({"images": data}, seed)["images"]
        if "images" not in data:
            raise ValueError(
                f"`data` must have the key 'images'. Received keys: {sorted(data)}"
            )
        return {**data, **self._augmented(data, seed)}

    def sample(self, images: Any, seed: Any = None) -> Transform:
        """Draws for a batch of images and touches no pixel.

        Args:
            images: the images, or their shape.
            seed: as in the call of the layer.

        Returns:
            What the layer does to each image, ready to be applied.
        """
        if not hasattr(images, "__array__"):
            frame = Frame.of(images, self.data_format)
            return self._transform(self._origin(frame, seed), frame)
        images = tf.convert_to_tensor(images)
        origin = self._origin(Frame.of(images, self.data_format), seed)
        return self._drawing.run(origin, {"images": images})

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
            init = vars(cls).get("__init__", lambda self: None)
            for name, parameter in inspect.signature(init).parameters.items():
                if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                    config[name] = getattr(self, name)
        return config

    def _augmented(self, data: dict[str, Any], seed: Any) -> dict[str, Any]:
        """What becomes of the entries of `data` that belong to the images."""
        _check_backend(data["images"])
        pixels = {
            key: tf.convert_to_tensor(data[key]) for key in PIXEL_KEYS if key in data
        }
        images = pixels["images"]
        frame = Frame.of(images, self.data_format)
        if "segmentation_masks" in pixels:
            _check_masks(pixels["segmentation_masks"], images, self.data_format)
        points = {key: data[key] for key in POINT_KEYS if key in data}
        self._check_points(points, (frame.batch,) if frame.batched else ())
        origin = self._origin(frame, seed)
        if points:
            # Not compiled with the pixels: their number differs from batch to batch.
            points = self._drawing.run(origin, {"images": images}).apply(points)
        return {**points, **self._augmenting.run(origin, pixels, self.jit_compile)}

    def _check_points(self, points: dict[str, Any], batch: tuple[Any, ...]) -> None:
        """Refuses bad boxes and keypoints before anything is drawn."""
        batch = tuple(size if isinstance(size, int) else None for size in batch)
        if "bounding_boxes" in points:
            box_format = targets.known_format(self.bounding_box_format)
            targets.read_boxes(points["bounding_boxes"], box_format, batch)
        if "keypoints" in points:
            targets.read_keypoints(points["keypoints"], batch)

    def _augment(self, origin: tf.Tensor, data: dict[str, Any]) -> dict[str, Any]:
        """The one code path, a pure function: sample, compose, warp, colour."""
        return self._transform_for(origin, data).apply(data)

    def _transform_for(self, origin: tf.Tensor, data: dict[str, Any]) -> Transform:
        return self._transform(origin, Frame.of(data["images"], self.data_format))

    def _transform(self, origin: tf.Tensor, frame: Frame) -> Transform:
        settings = {**DEFAULT_SETTINGS, **self.settings}
        frame = frame._replace(value_range=settings["value_range"])
        words = sampling.words(origin, frame.batch, self.count(frame))
        return to_transform(
            self.draw_or_not(sampling.unit(words), frame),
            frame,
            data_format=self.data_format,
            bounding_box_format=self.bounding_box_format,
            box_fit=self.box_fit,
            min_visibility=self.min_visibility,
            keypoint_format=self.keypoint_format,
            **settings,
        )

    def count(self, frame: Frame) -> int:
        """The random numbers of an image, the one for `probability` included."""
        return self.draws + (self.probability < 1.0)

    def draw_or_not(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Draws, and keeps each image as it is with the chance 1 - `probability`."""
        if self.probability == 1.0:
            return self.draw(u, frame)
        return self.draw(u[:, :-1], frame).where(u[:, -1] < self.probability, Draw())

    def _origin(self, frame: Frame, seed: Any) -> tf.Tensor:
        """Where the call's random numbers start: its seed or the layer's state."""
        if seed is not None:
            return sampling.seeded_origin(_check_seed(seed, frame))
        replica = None
        if (
            tf.distribute.has_strategy()
            and not tf.distribute.in_cross_replica_context()
        ):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        state = self.random_state
        variable = state.value if isinstance(state, keras.Variable) else state
        if replica is None and isinstance(variable, tf.distribute.DistributedValues):
            # Outside of the replicas, as in a `tf.data` map under a strategy's scope,
            # the first one's copy will do.
            variable = variable.values[0]
        return sampling.next_origin(variable.handle, replica)

    def _new_state(self, state: list[int]) -> Any:
        """A Keras weight, saved with the model; outside TensorFlow a tf.Variable."""
        if keras.backend.backend() != "tensorflow":
            return tf.Variable(state, dtype=tf.int64, trainable=False)
        return self.add_weight(
            name="random_state",
            shape=(3,),
            dtype="int64",
            initializer=lambda shape, dtype: tf.constant(state, dtype),
            trainable=False,
        )


class GeometricLayer(AugmentationLayer):
    """Base class of the layers that move pixels.

    Args:
        fill_mode: what lies outside the frame: "reflect", "constant", "nearest" or
            "wrap".
        interpolation: "bilinear" or "nearest".
        fill_value: the value outside the frame if `fill_mode` is "constant".
        mask_fill_value: the label outside the frame in segmentation masks, such as 255
            for "ignore"; by default masks are filled as the images are, with 0 for
            "constant".
        **kwargs: arguments of `AugmentationLayer`.
    """

    def __init__(
        self,
        *,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        mask_fill_value: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings = check_fill_settings(
            fill_mode, interpolation, fill_value, mask_fill_value
        )
        for name, value in self._settings.items():
            setattr(self, name, value)

    @property
    def settings(self) -> dict[str, Any]:
        """How the warp fills and interpolates."""
        return dict(self._settings)

    affine = True
    """Whether the last row of every matrix is 0, 0, 1."""

    def matrices(self, u: tf.Tensor, frame: Frame) -> tf.Tensor:
        """Turns random numbers (B, draws) into centred float64 matrices (B, 3, 3)."""
        raise NotImplementedError

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """A draw that moves pixels."""
        return Draw(self.matrices(u, frame), affine=self.affine)


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

    @property
    def settings(self) -> dict[str, Any]:
        """The value range, if one was given."""
        return {} if self.value_range is None else {"value_range": self.value_range}

    def colors(self, u: tf.Tensor, frame: Frame) -> Color:
        """Turns random numbers (B, draws) into the colour map of each image."""
        raise NotImplementedError

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """A draw that changes colours."""
        return Draw(color=self.colors(u, frame))

    def range_of(self, frame: Frame) -> checks.Range:
        """The value range, or the one that an unsigned dtype implies."""
        if frame.value_range is not None:
            return frame.value_range
        if frame.dtype is not None and frame.dtype.is_unsigned:
            return float(frame.dtype.min), float(frame.dtype.max)
        received = "unknown" if frame.dtype is None else frame.dtype.name
        raise ValueError(
            "`value_range` must be given for images that are not unsigned integers. "
            f"Received: value_range=None, images of dtype {received}. Write "
            f"{type(self).__name__}(…, value_range=(0, 1)), or (0, 255)."
        )


def check_fill_settings(
    fill_mode: str | None,
    interpolation: str | None,
    fill_value: float | None,
    mask_fill_value: float | None,
    required: bool = True,
) -> dict[str, Any]:
    """Refuses what the op would not: it returns uninitialised memory.

    Unless `required`, None leaves a setting to the layers of a group.
    """
    if required or fill_mode is not None:
        checks.one_of("fill_mode", fill_mode, FILL_MODES)
    if required or interpolation is not None:
        checks.one_of("interpolation", interpolation, INTERPOLATIONS)
    if required or fill_value is not None:
        fill_value = checks.number("fill_value", fill_value)
    if mask_fill_value is not None:
        mask_fill_value = checks.number("mask_fill_value", mask_fill_value)
    return {
        "fill_mode": fill_mode,
        "interpolation": interpolation,
        "fill_value": fill_value,
        "mask_fill_value": mask_fill_value,
    }


def _is_eager(data: Any) -> bool:
    """Whether this is a TensorFlow tensor with a value, outside any graph."""
    return tf.is_tensor(data) and hasattr(data, "numpy") and tf.executing_eagerly()


def _check_backend(images: Any) -> None:
    """Refuses tensors of JAX and PyTorch, on which TensorFlow cannot compute."""
    backend = keras.backend.backend()
    if backend != "tensorflow" and keras.ops.is_tensor(images):
        raise ValueError(
            "`images` must be tensors of TensorFlow, with which the layers compute "
            f"whatever Keras's backend is. Received: a tensor of {backend}. Write "
            "augment_dataset(dataset, layer, seed=1), or dataset.map(lambda x: "
            "layer(x, training=True)), in the input pipeline."
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
    shapes = (
        ([2], [frame.batch, 2]) if isinstance(frame.batch, int) else ([2], [None, 2])
    )
    if not seed.dtype.is_integer or not any(map(seed.shape.is_compatible_with, shapes)):
        raise ValueError(
            "`seed` must be two integers, or integers of shape (B, 2) for a batch of B "
            f"images. Received: shape={seed.shape}, dtype={seed.dtype.name}"
        )
    return seed
