"""What every layer shares: when to augment, with which draw, and from which pixels.

A leaf layer is its `__init__` and `draw`. The rest, from the seed to the pixels,
happens here, once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.layers import symbolic
from keras_aug_layers.layers.engine import Engine
from keras_aug_layers.layers.given import Opaque, by_name, is_eager, opaque
from keras_aug_layers.layers.kept import Kept
from keras_aug_layers.layers.streams import new_state
from keras_aug_layers.plan import entries, ragged
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.jit import check_jit_compile
from keras_aug_layers.plan.plan import Drawn, Plan, as_plan, of_each
from keras_aug_layers.plan.random_numbers import Cursor
from keras_aug_layers.plan.settings import Settings
from keras_aug_layers.plan.transform import Transform


class AugmentationLayer(Kept):
    """Base class of all layers: random while training, nothing at all otherwise.

    Where Keras has the layer, arguments may come by position, in Keras's order.

    Args:
        probability: chance, from 0 to 1, that an image is augmented, drawn per image: a
            number, or a scalar `tf.Variable`, to be assigned while a training goes on.
        seed: integer for reproducible draws; by default taken from Python's `random`,
            which `keras.utils.set_random_seed` seeds. A layer with a seed draws the
            same alone, in a group, and behind others: give each a seed of its own.
        data_format: "channels_last" or "channels_first"; Keras's own by default.
        bounding_box_format: the format of `bounding_boxes`, as in Keras: "xyxy",
            "yxyx", "xywh", "center_xywh" or "center_yxhw", in pixels; with "rel_"
            before it, in parts of the frame. Must be given where there are boxes.
        box_fit: "corners", the default, puts a moved box around its four moved corners,
            "ellipse" around its moved inscribed ellipse, which keeps boxes tight under
            rotation.
        min_visibility: the least part of a moved box, by area, that must lie inside the
            image for the box to be kept; by default every box that touches it is.
        keypoint_format: "xy", in pixels, the default, or "rel_xy", as parts of the
            frame. A third number of a point is its visibility, which stays; what is
            not there is (-1, -1, 0).
        mark_outside: whether keypoints that leave the frame become -1, the default;
            False keeps them where they are, outside.
        extra_targets: what further entries of a dict are, as {"right": "images",
            "depth": "maps", "labels_2": "segmentation_masks"}, also "bounding_boxes"
            and "keypoints". All follow the same geometry; "images" are coloured too,
            "maps" are interpolated bilinearly, masks never.
        jit_compile: False resamples with TensorFlow's op; True with code compiled by
            XLA wherever height, width and channels are static, and in graphs where a
            stack of matrices names a size; "auto" compiles inside graphs only, not in
            eager calls, for each size anew. What XLA compiles has a form for CPUs and
            one for GPUs, chosen by where it will run; the environment variable
            `KERAS_AUG_LAYERS_DEVICE`, "cpu" or "gpu", overrides that.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomFlip
        >>> data = {"images": np.zeros((1, 2, 2, 3)), "file": "a.png"}
        >>> RandomFlip(probability=0.5)(data) is data  # outside training
        True
    """

    def __init__(
        self,
        *,
        probability: float | tf.Variable = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        box_fit: str | None = None,
        min_visibility: float | None = None,
        keypoint_format: str | None = None,
        mark_outside: bool | None = None,
        extra_targets: Mapping[str, str] | None = None,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.probability = arguments.changing("probability", probability, 0.0, 1.0)
        self.jit_compile = check_jit_compile(jit_compile)
        self._settings = Settings(data_format=keras.config.image_data_format())
        self._set(
            data_format=data_format,
            bounding_box_format=bounding_box_format,
            box_fit=box_fit,
            min_visibility=min_visibility,
            keypoint_format=keypoint_format,
            mark_outside=mark_outside,
            extra_targets=extra_targets,
        )
        self.extra_targets = dict(self._settings.extra_targets or ()) or None
        self.seed = arguments.seed("seed", seed)
        self.random_state = new_state(self.seed)
        self._engine = Engine(self)

    def _set(self, **values: Any) -> None:
        """Checks settings, and keeps them, each as an attribute too."""
        checked = Settings.checked(**values)
        self._settings = checked.over(self._settings)
        for name in values:
            setattr(self, name, getattr(self._settings, name))

    def draw(self, random: Cursor, frame: Frame) -> Drawn:
        """Draws what is done to each image. Each kind of layer defines it.

        Args:
            random: gives random numbers, a row for each image.
            frame: size, channels, dtype and value range of the images.

        Returns:
            A step, as the functions of `keras_aug_layers.register` make them; several,
            in order; or a plan.
        """
        raise NotImplementedError

    @property
    def settings(self) -> Settings:
        """How the layer moves pixels and targets, as far as it has an opinion."""
        return self._settings

    @property
    def opinions(self) -> Settings:
        """Those on which it must agree with its neighbours."""
        return self.settings

    def members(self) -> tuple["AugmentationLayer", ...]:
        """The layers of a group."""
        return ()

    @property
    def fusible(self) -> bool:
        """Whether the layer is its draw, so that a group can draw for it."""
        return True

    @tf.autograph.experimental.do_not_convert  # it takes as long as drawing does
    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; a dict may hold whatever it likes beside tensors."""
        kwargs = by_name(args, kwargs, "training", "seed")
        data = opaque(data)
        if isinstance(kwargs.get("training"), bool) and is_eager(data):
            return self.call(data, **kwargs)  # Keras takes longer than a small batch
        return super().__call__(data, **kwargs)

    def call(self, data: Any, training: bool = False, seed: Any = None) -> Any:
        """Augments if `training`, else returns `data` itself.

        Args:
            data: images (B, H, W, C) or (H, W, C), or a dict or a named tuple with
                `images` and what belongs to them, of which entries that are None stay
                so. Several masks may stand in a dict or a list. Videos, or volumes, are
                (B, T, H, W, C), with masks (B, T, H, W, C), boxes (B, T, N, 4) and so
                on: one draw for each clip; statistics, such as the mean for a contrast,
                are those of each frame. A clip alone looks like a batch.
            training: whether to augment.
            seed: two integers, or (B, 2) for the images, that make the call stateless.
        """
        data = data.value if isinstance(data, Opaque) else data
        if not training and not self.rests():
            return data
        if not isinstance(data, dict) and not entries.is_named(data):
            return self._engine.run({"images": data}, training, seed)["images"]
        given = entries.given(data)
        return entries.merged(data, self._engine.run(given, training, seed))

    def sample(self, images: Any, seed: Any = None, dtype: Any = None) -> Transform:
        """Draws for a batch of images and touches no pixel.

        Args:
            images: the images, or their shape.
            seed: as in the call of the layer.
            dtype: of the images, where it is a shape and colours depend on it.

        Returns:
            What the layer does to each image, ready to be applied.
        """
        return self._engine.sample(images, seed, dtype)

    def rests(self) -> bool:
        """Whether something is done outside training too, as by a crop."""
        return self.settings.num_classes is not None

    def mixes(self) -> bool:
        """Whether images are mixed with others of their batch, and so their labels."""
        return any(member.mixes() for member in self.members())

    def weighs(self) -> bool:
        """Whether boxes get weights, the part that the image of each has."""
        return any(member.weighs() for member in self.members())

    def rest(self, frame: Frame) -> Drawn:
        """What is done outside training, without a random number, if `rests`."""
        return Plan()

    def framed(self, frame: Frame) -> Frame:
        """The images as they come out, of what they are when they come in."""
        return frame

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of what comes out, of one shape or a dict of them."""
        return symbolic.of_images(symbolic.shapes, self, input_shape)

    def compute_output_spec(
        self, data: Any, training: bool = False, seed: Any = None
    ) -> Any:
        """Shapes and dtypes of what comes out."""
        return symbolic.of_images(symbolic.specs, self, data)

    def drawn(self, cursors: Iterator[Cursor], frame: Frame) -> Plan:
        """What is done to each image, the chance that it is done at all included.

        Args:
            cursors: that of this layer, then those of its members.
            frame: the images at this point of the stack.
        """
        cursor = next(cursors)
        if frame.ragged and not self.members() and not self._draws_for_sizes:
            return ragged.draw(
                lambda own, one: self._with_chance(own, iter(()), one),
                cursor.again,
                frame,
            )
        return self._with_chance(cursor, cursors, frame)

    def _with_chance(
        self, cursor: Cursor, cursors: Iterator[Cursor], frame: Frame
    ) -> Plan:
        plan = as_plan(self._draw(cursor, cursors, frame))
        if arguments.is_variable(self.probability) or self.probability < 1.0:
            chosen = cursor.coin(self.probability)
            plan = plan.only(chosen)
            if self.rests():
                plan = of_each([as_plan(self.rest(frame)).only(~chosen), plan])
        return plan

    _draws_for_sizes = False
    """Whether `draw` takes heights and widths (B,), of images of different sizes."""

    def _draw(self, cursor: Cursor, cursors: Iterator[Cursor], frame: Frame) -> Drawn:
        return self.draw(cursor, frame)
