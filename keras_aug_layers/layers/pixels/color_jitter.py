"""RandomColorJitter."""

from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers import checks
from keras_aug_layers.layers.pixels.color_layer import ColorLayer
from keras_aug_layers.layers.pixels.contrast import contrast, contrast_of_grey
from keras_aug_layers.layers.pixels.hsv import SPACES, turn_hsv
from keras_aug_layers.layers.pixels.hue import drawn_turns, hue
from keras_aug_layers.layers.pixels.saturation import (
    GREATEST,
    drawn_gain,
    rest_of_grey,
    saturation,
)
from keras_aug_layers.layers.pixels.shuffled import (
    Change,
    shuffled,
    shuffled_matrices,
)
from keras_aug_layers.layers.pixels.storing import cut, store
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.random_numbers import Cursor

Limits = float | tuple[float, float] | None


@arguments.in_keras_order("seed", "data_format")
@keras.saving.register_keras_serializable("keras_aug_layers")
class RandomColorJitter(ColorLayer):
    """Changes brightness, contrast, saturation and hue at random.

    Each of the four is given in Keras's unit or in torchvision's, or left out. Each
    begins from what the one before it would store, as in torchvision's `ColorJitter`,
    where integers are cut off: half a level darker each time, on average. With
    `space="linear"` they are one matrix, clipped and rounded once.

    Args:
        value_range: as for every `ColorLayer`.
        brightness_factor: range of what is added, as a part of the value range: a
            number f for (-f, f), or a pair (low, high).
        contrast_factor: as `factor` of `RandomContrast`, about the mean of a channel.
        saturation_factor: as `factor` of `RandomSaturation`.
        hue_factor: as `factor` of `RandomHue`.
        brightness: range of a gain: a number b for (1 - b, 1 + b), or a pair (low,
            high), at least 0.
        contrast: likewise, about the mean of the grey image.
        saturation: likewise, about the grey of each pixel: 0 is grey.
        hue: range of an angle in turns, from -1 to 1: a number h for (-h, h), or a pair
            (low, high).
        order: "fixed" for the order of the arguments, as Keras; "random" for an order
            of each image's own, as torchvision.
        space: "hsv" turns hues as Keras and torchvision do; "linear" turns them, and
            scales saturations, by a matrix.
        **kwargs: arguments of `ColorLayer`.

    Raises:
        ValueError: if a range is out of bounds, one of the four is given
            in both units, or saturation or hue is to be changed and the images have not
            three channels.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> jitter = RandomColorJitter(brightness=0.4, hue=0.1, order="random")
        >>> jitter(images, training=True).shape
        TensorShape([8, 32, 32, 3])
    """

    def __init__(
        self,
        value_range: tuple[float, float] | None = None,
        brightness_factor: Limits = None,
        contrast_factor: Limits = None,
        saturation_factor: Limits = None,
        hue_factor: Limits = None,
        *,
        brightness: Limits = None,
        contrast: Limits = None,
        saturation: Limits = None,
        hue: Limits = None,
        order: str = "fixed",
        space: str = "hsv",
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, **kwargs)
        self.brightness_factor = arguments.optional(
            arguments.factor, "brightness_factor", brightness_factor, -1.0, 1.0
        )
        self.contrast_factor = arguments.optional(
            arguments.factor, "contrast_factor", contrast_factor, -1.0
        )
        self.saturation_factor = arguments.optional(
            arguments.share, "saturation_factor", saturation_factor
        )
        self.hue_factor = arguments.optional(arguments.share, "hue_factor", hue_factor)
        self.brightness = arguments.optional(arguments.gain, "brightness", brightness)
        self.contrast = arguments.optional(arguments.gain, "contrast", contrast)
        self.saturation = arguments.optional(arguments.gain, "saturation", saturation)
        self.hue = arguments.optional(arguments.factor, "hue", hue, -1.0, 1.0)
        for name in ("brightness", "contrast", "saturation", "hue"):
            both = {key: getattr(self, key) for key in (name, f"{name}_factor")}
            if None not in both.values():
                arguments.exactly_one(**both)
        self.order = arguments.one_of("order", order, ("fixed", "random"))
        self.space = arguments.one_of("space", space, SPACES)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomColorJitter":
        """Builds the layer; version 0.1 had gains, turns, and the matrix."""
        if "space" not in config:
            config = {**config, "space": "linear"}
            for name in ("brightness", "saturation"):
                factor = config.pop(f"{name}_factor")
                config[name] = tuple(1.0 + x for x in factor)
            config["hue"] = config.pop("hue_factor")
        return cls(**config)

    def draw(self, random: Cursor, frame: Frame) -> list[Step]:
        """The changes, as far as there are any, and perhaps their order."""
        changes = self._changes(random, frame)
        several, in_hsv = list(changes.values()), self.space == "hsv"
        # About a grey image that is cut off a change is no matrix.
        about_grey = (self.contrast, self.saturation) != (None, None)
        if len(several) < 2 and not (in_hsv and about_grey):
            return self._in_order(changes, frame)
        if self.order == "random":
            places = random.uniform((0.0, 1.0), (len(several),))
            order = tf.argsort(places, axis=1, stable=True)
            if in_hsv:
                return [shuffled(several, order, frame)]
            return shuffled_matrices(several, order, frame)
        if in_hsv and any(change.cut for change in several):
            return [shuffled(several, None, frame)]
        return self._in_order(changes, frame)

    def _changes(self, random: Cursor, frame: Frame) -> dict[str, Change]:
        changes = {}
        if self.brightness is not None:
            gain = random.uniform(self.brightness)
            changes["brightness"] = Change(gain, bias=frame.low * (1 - gain), cut=1.0)
        elif self.brightness_factor is not None:
            low, high = frame.range_of(self)
            bias = random.uniform(self.brightness_factor) * (high - low)
            changes["brightness"] = Change(bias=bias)
        if self.contrast is not None:
            gain = random.uniform(self.contrast)
            bias = rest_of_grey(frame) * (1 - gain)
            changes["contrast"] = Change(
                gain, centre=1 - gain, bias=bias, of_grey=1.0, cut=1.0
            )
        elif self.contrast_factor is not None:
            gain = 1.0 + random.uniform(self.contrast_factor)
            changes["contrast"] = Change(gain, centre=1 - gain)
        if self.saturation is not None:
            gain = random.uniform(self.saturation)
            rest = rest_of_grey(frame) if self.space == "hsv" else 0.0  # LUMA has none
            bias = rest * (1 - gain)
            changes["saturation"] = Change(gain, grey=1 - gain, bias=bias, cut=1.0)
        elif self.saturation_factor is not None:
            gain = drawn_gain(random, self.saturation_factor, None)
            if self.space == "hsv":
                changes["saturation"] = Change(gain, hsv=1.0)
            else:
                gain = tf.minimum(gain, GREATEST)
                changes["saturation"] = Change(gain, grey=1 - gain)
        if self.hue is not None or self.hue_factor is not None:
            turns = drawn_turns(random, self.hue_factor, self.hue)
            published = float(self.hue is not None)
            changes["hue"] = Change(turns=turns, hsv=1.0, cut=published)
        if "saturation" in changes or "hue" in changes:
            checks.rgb(self, frame)
        return changes

    def _in_order(self, changes: dict[str, Change], frame: Frame) -> list[Step]:
        """Steps that the neighbours in a stack can join, with stores between them."""
        steps: list[Step] = []
        names = list(changes)
        for name, change in changes.items():
            after = changes.get("hue") if name == "saturation" else None
            if change.hsv and self.space == "hsv" and after is not None:
                changes["hue"] = after._replace(gain=change.gain)  # both in one pass
                continue
            steps.append(self._step(name, change, frame))
            if self.space == "hsv" and change.cut and not change.hsv:
                steps.append(cut(frame))
            elif self.space == "hsv" and name != names[-1]:
                steps.append(store(one=1.0))
        return steps

    def _step(self, name: str, change: Change, frame: Frame) -> Step:
        if name == "brightness":
            return scale(gain=change.gain, bias=change.bias)
        if name == "contrast" and change.of_grey:
            return contrast_of_grey(change.gain, frame)
        if name == "contrast":
            return contrast(gain=change.gain)
        if self.space == "hsv" and change.hsv:
            return turn_hsv(frame, change.turns, change.gain, change.cut)
        if name == "hue":
            return hue(change.turns)
        return saturation(change.gain)
