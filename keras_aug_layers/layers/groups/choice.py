"""RandomApply and RandomChoice: a layer for some images, one of several for each."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.program import function_of
from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.groups.fused import FusedAugmentation
from keras_aug_layers.layers.groups.group import LayerGroup
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Drawn, Plan, of_each
from keras_aug_layers.plan.random_numbers import Cursor


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomApply(FusedAugmentation):
    """Applies a layer to some of the images, chosen one by one.

    Args:
        layer: a layer of this library; a `FusedAugmentation` for several.
        probability: chance, from 0 to 1, that an image is augmented.
        **kwargs: arguments of `LayerGroup`.

    Raises:
        ValueError: if `layer` is no augmentation layer, or `probability` out of bounds.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomRotate
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> RandomApply(RandomRotate(0.1), 0.3)(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self, layer: AugmentationLayer, probability: float = 0.5, **kwargs: Any
    ) -> None:
        if isinstance(layer, (list, tuple)):
            raise ValueError(
                f"`layer` must be one layer. Received: {layer!r}. Write "
                "RandomApply(FusedAugmentation([...])) for several."
            )
        super().__init__([layer], probability=probability, **kwargs)
        self.layer = layer

    def _held(self, layers: list[Any]) -> dict[str, Any]:
        (layer,) = layers
        return {"layer": layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomApply":
        """Builds the layer and what it applies."""
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomChoice(LayerGroup):
    """Applies one of several layers to each image, chosen one by one.

    All layers draw their matrices, which costs next to nothing; each image is warped
    and coloured once, with the matrices of its own choice. Of `MixUp` and `CutMix`, one
    behind the other, each finds the images as they were before the choice.

    Args:
        layers: layers of this library; groups among them count as one choice.
        weights: how often each is chosen, in proportion; equally often by default.
        **kwargs: arguments of `LayerGroup`.

    Raises:
        ValueError: if `layers` is empty, or `weights` are not one number of at least 0
            for each layer with a sum above 0.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomBrightness, RandomRotate
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> either = RandomChoice([RandomRotate(0.1), RandomBrightness(gain=0.3)])
        >>> either(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    alternatives = True
    _p = "weights"

    def __init__(
        self,
        layers: Sequence[AugmentationLayer],
        weights: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layers, **kwargs)
        if not self.layers:
            raise ValueError(
                "`layers` must hold at least one layer. Received: []. Write "
                "RandomChoice([RandomFlip(), RandomRotate(0.1)])."
            )
        if weights is not None:
            if not isinstance(weights, Sequence):
                weights = np.atleast_1d(weights)
            weights = tuple(arguments.number("weights", w, 0.0) for w in weights)
            if len(weights) != len(self.layers) or not sum(weights) > 0.0:
                raise ValueError(
                    "`weights` must be one number for each layer, at least one of them "
                    f"above 0. Received: {weights} for {len(self.layers)} layers."
                )
        self.choice_weights = weights

    def get_config(self) -> dict[str, Any]:
        """The arguments; `weights` of a Keras layer are its variables."""
        return {**super().get_config(), "weights": self.choice_weights}

    def rest(self, frame: Frame) -> Drawn:
        """What the first layer does outside training."""
        return self.layers[0].rest(frame)

    def framed(self, frame: Frame) -> Frame:
        """The images as they come out, which must be the same whatever was chosen."""
        frames = [layer.framed(frame) for layer in self.layers]
        kinds = [(x.height, x.width, x.dtype) for x in frames]
        size, dtype = kinds[0][:2], next((x.dtype for x in frames if x.dtype), None)
        for layer, kind in zip(self.layers, kinds, strict=True):
            if kind[2] not in (None, dtype) or any(map(_differ, kind, size)):
                raise ValueError(
                    "`layers` of a choice must give images of one size and dtype. "
                    f"Received: {_words(kinds[0])} of {self.layers[0].name!r}, and "
                    f"{_words(kind)} of {layer.name!r}. Write the layer that changes "
                    "it before or after the choice, or in all of its layers."
                )
        ranges = {x.value_range for x in frames}
        known = ranges.pop() if len(ranges) == 1 else None
        return frames[0]._replace(value_range=known)

    def _draw(self, cursor: Cursor, cursors: Iterator[Cursor], frame: Frame) -> Plan:
        """Every layer's plan, each for the images that chose it.

        That they give one size is checked before, where it is known in eager calls.
        """
        weights = self.choice_weights or (1.0,) * len(self.layers)
        chosen, plans = cursor.index(weights), []
        mixed = False
        for number, layer in enumerate(self.layers):
            own = layer.drawn(cursors, frame).only(chosen == number)
            mixes = _only_mixes(own)
            plans.append(own.beside() if mixes and mixed else own)
            mixed = mixes
        return of_each(plans)


def _only_mixes(plan: Plan) -> bool:
    """Whether a plan is one stage that looks at other images."""
    if plan.moves or plan.earlier or len(plan.pixels) != 1:
        return False
    return not function_of(plan.pixels[0]).alone


def _differ(one: Any, other: Any) -> bool:
    """Whether two sizes may differ: numbers, or tensors."""
    unknown = tf.is_tensor(one) or tf.is_tensor(other)
    return one is not other and (unknown or one != other)


def _words(kind: tuple[Any, ...]) -> str:
    """A size and a dtype for an error."""
    height, width = (x if isinstance(x, int) else "?" for x in kind[:2])
    return f"{height} x {width}" + ("" if kind[2] is None else f" {kind[2].name}")
