"""LayerGroup: what groups of layers share."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_aug_layers import arguments
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.kept import argument_names
from keras_aug_layers.layers.streams import track
from keras_aug_layers.layers.told import converts
from keras_aug_layers.plan.settings import Disagreement, Settings


class LayerGroup(AugmentationLayer):
    """Base class of the layers that are made of layers.

    A group is a chain of its members: a setting that is not given to the group is what
    its members agree on, a member with a seed draws as it would alone, and every other
    argument of a member stays its own.

    Args:
        layers: augmentation layers of this library, groups among them.
        fill_mode: what lies outside the frame; by default what the layers agree on.
        interpolation: likewise.
        antialias: likewise.
        fill_value: likewise.
        mask_fill_value: likewise.
        value_range: the range of the pixels that come in; likewise, but of what gets
            them in another unit.
        data_format: likewise, and so are the formats of boxes and keypoints, `box_fit`
            and `min_visibility`.
        jit_compile: as for every layer; "auto" is what the layers agree on.
        **kwargs: arguments of `AugmentationLayer`.

    Raises:
        ValueError: if the settings of the layers differ and the group's own are not
            given, or something in `layers` is no augmentation layer.

    Example:
        >>> from keras_aug_layers import RandomFlip, RandomRotate
        >>> group = FusedAugmentation([RandomFlip(), RandomRotate(0.1)], seed=1)
        >>> isinstance(group, LayerGroup), [layer.name for layer in group.layers]
        (True, ['random_flip', 'random_rotate'])
    """

    alternatives = False
    """Whether an image gets one of the layers, and not all of them."""

    def __init__(
        self,
        layers: Sequence[AugmentationLayer],
        *,
        fill_mode: str | None = None,
        interpolation: str | None = None,
        antialias: bool | str | None = None,
        fill_value: float | tuple[float, ...] | None = None,
        mask_fill_value: float | None = None,
        value_range: tuple[float, float] | None = None,
        data_format: str | None = None,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        if not isinstance(layers, Sequence):
            raise ValueError(
                f"`layers` must be a list of layers. Received: {layers!r}. Write "
                f"{type(self).__name__}([RandomFlip(), RandomRotate(0.1)])."
            )
        layers = [_check_layer(layer) for layer in layers]
        if data_format is None:
            data_format = self._agreed_format(layers)
        super().__init__(data_format=data_format, jit_compile=jit_compile, **kwargs)
        self._set(
            fill_mode=fill_mode,
            interpolation=interpolation,
            antialias=antialias,
            fill_value=fill_value,
            mask_fill_value=mask_fill_value,
            value_range=value_range,
        )
        self.layers = layers
        track(self, layers)
        self._settings = self._agreed()
        self.jit_compile = self._agreed_form()

    def members(self) -> tuple[AugmentationLayer, ...]:
        """The layers of the group."""
        return tuple(self.layers)

    def rests(self) -> bool:
        """Whether one of the layers does something outside training."""
        return any(layer.rests() for layer in self.layers)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the layers serialised."""
        layers = [keras.saving.serialize_keras_object(x) for x in self.layers]
        config = super().get_config()
        del config["layers"]
        return {**config, **self._held(layers)}

    def _held(self, layers: list[Any]) -> dict[str, Any]:
        """The arguments that hold the serialised layers."""
        return {"layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LayerGroup":
        """Builds the group and its layers."""
        layers = [keras.saving.deserialize_keras_object(x) for x in config["layers"]]
        return cls(**{**config, "layers": layers})

    def with_layers(
        self, layers: Sequence[AugmentationLayer], **changes: Any
    ) -> "LayerGroup":
        """A group of copies of layers, with the arguments of this one, or changed."""
        saved = [keras.saving.serialize_keras_object(layer) for layer in layers]
        config = {**self.get_config(), "name": None, **self._held(saved)}
        made = self.from_config({**config, **changes})
        for copy, layer in zip(made.members(), layers, strict=True):
            share_variables(copy, layer)
        return made

    def __repr__(self) -> str:
        members = ", ".join(type(layer).__name__ for layer in self.layers)
        return f"<{type(self).__name__} name={self.name}, layers=[{members}]>"

    def _agreed(self) -> Settings:
        """The group's own settings, and where it has none what its members agree on."""
        own, agreed = self._settings, Settings()
        fixed = [x for x in Settings.NAMES if getattr(own, x) is not None]
        opinions = [x.opinions for x in self.layers]
        if not self.alternatives:
            opinions = opinions_in_order(self.layers)
        for layer, its in zip(self.layers, opinions, strict=True):
            try:
                agreed = agreed.join(its.without(*fixed))
            except Disagreement as disagreement:
                name = disagreement.name
                raise self._error(name, disagreement.one, self.layers, layer) from None
        return own.over(agreed)

    def _agreed_format(self, layers: Sequence[AugmentationLayer]) -> str | None:
        for layer in layers:
            if layer.data_format != layers[0].data_format:
                raise self._error("data_format", layers[0].data_format, layers, layer)
        return layers[0].data_format if layers else None

    def _agreed_form(self) -> bool | str:
        form = self.jit_compile
        for layer in self.layers:
            if layer.jit_compile != "auto" and form == "auto":
                form = layer.jit_compile
            elif layer.jit_compile not in ("auto", form) and self.jit_compile == "auto":
                raise self._error("jit_compile", form, self.layers, layer)
        return form

    def _error(
        self,
        name: str,
        value: Any,
        layers: Sequence[AugmentationLayer],
        layer: AugmentationLayer,
    ) -> ValueError:
        """One of the layers has that value, and the other layer has another."""

        def of(layer: AugmentationLayer) -> Any:
            return getattr(layer.settings, name, getattr(layer, name, None))

        first = next(x for x in layers if of(x) == value)
        way = f"{type(self).__name__}(…, {name}=…) to decide"
        if name not in argument_names(type(self)):
            way = f"{name}=… of one value in all of them"
        return ValueError(
            f"`{name}` must be the same for all layers, since they share one warp. "
            f"Received: {value!r} of {first.name!r}, and {of(layer)!r} of "
            f"{layer.name!r}. Write {way}."
        )


def opinions_in_order(layers: Sequence[AugmentationLayer]) -> list[Settings]:
    """The opinions of layers, one after the other, on the images that come in.

    Behind a change of the unit a value range is that of other values.
    """
    opinions, converted = [], False
    for layer in layers:
        its = layer.opinions
        opinions.append(its.without("value_range") if converted else its)
        converted = converted or converts(layer)
    return opinions


def share_variables(copy: AugmentationLayer, layer: AugmentationLayer) -> None:
    """Gives a copy the variables of a layer's arguments, and its members theirs."""
    for name in argument_names(type(layer)):
        value = getattr(layer, name)
        if arguments.is_variable(value):
            setattr(copy, name, value)
    for one, other in zip(copy.members(), layer.members(), strict=True):
        share_variables(one, other)


def _check_layer(layer: Any) -> AugmentationLayer:
    if not isinstance(layer, AugmentationLayer):
        way = "fuse([...]) for a stack of Keras's own layers"
        if isinstance(layer, type):
            way = f"{layer.__name__}(), a layer and not its class"
        raise ValueError(
            "`layers` must be augmentation layers of keras_aug_layers. Received: "
            f"{layer!r}. Write {way}."
        )
    if not layer.fusible:
        raise ValueError(
            f"`layers` must only augment. Received: {layer.name!r}, which normalises "
            "too. Write keras.Sequential([FusedAugmentation([...]), layer])."
        )
    return layer
