"""FusedAugmentation: any stack of layers as one warp and one pass of colour."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import checks
from keras_aug_layers.draw import Draw, Frame
from keras_aug_layers.forms import check_jit_compile
from keras_aug_layers.layers.base import AugmentationLayer, check_fill_settings


class LayerGroup(AugmentationLayer):
    """Base class of the layers that are made of layers.

    Args:
        layers: augmentation layers of this library, groups among them.
        fill_mode: what lies outside the frame; by default what the layers agree on.
        interpolation: likewise.
        fill_value: likewise.
        mask_fill_value: likewise.
        value_range: the range of the pixels; likewise.
        jit_compile: False resamples with TensorFlow's op; True with code compiled by
            XLA wherever height, width and channels are static; "auto" compiles inside
            graphs (`tf.data.map`, `fit`, `tf.function`), but not in eager calls, where
            each new size of image would be compiled anew.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if the settings of the layers differ and the group's own are not
            given, or something in `layers` is no augmentation layer.
    """

    def __init__(
        self,
        layers: Sequence[AugmentationLayer],
        *,
        fill_mode: str | None = None,
        interpolation: str | None = None,
        fill_value: float | None = None,
        mask_fill_value: float | None = None,
        value_range: tuple[float, float] | None = None,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.jit_compile = check_jit_compile(jit_compile)
        own = check_fill_settings(
            fill_mode, interpolation, fill_value, mask_fill_value, required=False
        )
        if value_range is not None:
            value_range = checks.value_range("value_range", value_range)
        own["value_range"] = value_range
        for name, value in own.items():
            setattr(self, name, value)
        self.layers = [_check_layer(layer) for layer in layers]
        self._settings = self._agree(own)

    @property
    def settings(self) -> dict[str, Any]:
        """The group's own settings, or what its layers agree on."""
        return self._settings

    def _agree(self, own: dict[str, Any]) -> dict[str, Any]:
        settings = {name: value for name, value in own.items() if value is not None}
        for layer in self.layers:
            for name, value in layer.shared_settings.items():
                if settings.setdefault(name, value) != value and own[name] is None:
                    raise ValueError(
                        f"`{name}` must be the same for all layers, since they share "
                        f"one warp. Received: {settings[name]!r}, and {value!r} of "
                        f"{layer.name!r}. Write "
                        f"{type(self).__name__}(…, {name}=…) to override both."
                    )
        return settings

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the layers serialised."""
        config = super().get_config()
        config["layers"] = [keras.saving.serialize_keras_object(x) for x in self.layers]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LayerGroup":
        """Builds the group and its layers."""
        layers = [keras.saving.deserialize_keras_object(x) for x in config["layers"]]
        return cls(**{**config, "layers": layers})


@keras.saving.register_keras_serializable("keras_aug_layers")
class FusedAugmentation(LayerGroup):
    """Applies a stack of layers as one: one warp, one pass of colour.

    Geometry comes first, colours after it, each in the order of the list, and the
    result is clipped and rounded once. So brightness also changes a constant fill, and
    a colour that leaves the range may come back.

    Args:
        layers: layers of this library, in order. An empty list is the identity.
        **kwargs: arguments of `LayerGroup`: fill settings, `value_range` and
            `jit_compile`; and of `AugmentationLayer`, such as `seed`.

    Raises:
        ValueError: if the settings of the layers differ and the group's own are not
            given, or something in `layers` is no augmentation layer.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> augment = FusedAugmentation([RandomFlip("horizontal"), RandomZoom(0.2)])
        >>> augment(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def count(self, frame: Frame) -> int:
        """The random numbers of all layers, and the pipeline's own."""
        own = super().count(frame)
        return own + sum(layer.count(frame) for layer in self.layers)

    def draw(self, u: tf.Tensor, frame: Frame) -> Draw:
        """Each layer draws from columns of its own; the draws compose."""
        draw, start = Draw(), 0
        for layer in self.layers:
            stop = start + layer.count(frame)
            draw = draw.then(layer.draw_or_not(u[:, start:stop], frame))
            start = stop
        return draw


def _check_layer(layer: Any) -> AugmentationLayer:
    if not isinstance(layer, AugmentationLayer):
        raise ValueError(
            "`layers` must be augmentation layers of keras_aug_layers. Received: "
            f"{layer!r}. Write fuse([...]) for a stack of Keras's own layers."
        )
    if not layer.fusible:
        raise ValueError(
            f"`layers` must only augment. Received: {layer.name!r}, which normalises "
            "too. Write keras.Sequential([FusedAugmentation([...]), layer])."
        )
    return layer
