"""The operations of the published policies, and how a draw becomes steps.

A policy is a table: names of operations and, for each, its strengths. Each image draws
a row of it; every operation is then done for the images that drew it, and is nothing
to the others. Names, strengths and signs are torchvision's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import affine
from keras_aug_layers.kernels.pixels import scale
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.layers.pixels.auto_contrast import stretch
from keras_aug_layers.layers.pixels.contrast import contrast_of_grey
from keras_aug_layers.layers.pixels.equalization import equalize
from keras_aug_layers.layers.pixels.posterization import levels
from keras_aug_layers.layers.pixels.saturation import saturation_of_grey
from keras_aug_layers.layers.pixels.sharpness import sharpen
from keras_aug_layers.layers.pixels.solarization import solarize
from keras_aug_layers.layers.pixels.storing import cut
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan


class Operation(NamedTuple):
    """An operation and its strengths.

    Attributes:
        name: one of `STEPS`.
        strengths: one for each bin; None where there is none. Slopes of shears, pixels
            or parts of the frame of translations, degrees of rotations, changes of a
            factor of 1, bits that stay, parts of the range of solarize's threshold.
        signed: whether a strength is negative as often as not.
        parts: whether translations are parts of the frame.
    """

    name: str
    strengths: tuple[float, ...] | None = None
    signed: bool = False
    parts: bool = True


class Drawn(NamedTuple):
    """What the images drew for one place of a policy, (B,) each."""

    operation: tf.Tensor
    strength: tf.Tensor
    done: tf.Tensor | None = None


def table(
    bins: int,
    shear: float,
    translate: float,
    degrees: float,
    change: float,
    least_bits: int,
    parts: bool = True,
) -> tuple[Operation, ...]:
    """The fourteen operations that RandAugment and its kin share, from 0 to the most.

    Args:
        bins: how many strengths each has.
        shear: the greatest slope.
        translate: the greatest translation.
        degrees: the greatest rotation.
        change: the greatest change of a factor of 1.
        least_bits: that posterize keeps at last, of 8.
        parts: whether translations are parts of the frame.
    """

    def ramp(start: float, end: float) -> tuple[float, ...]:
        return tuple(np.linspace(start, end, bins).tolist())

    bits = tuple(np.rint(np.linspace(8, least_bits, bins)).tolist())
    return (
        Operation("Identity"),
        Operation("ShearX", ramp(0, shear), True),
        Operation("ShearY", ramp(0, shear), True),
        Operation("TranslateX", ramp(0, translate), True, parts),
        Operation("TranslateY", ramp(0, translate), True, parts),
        Operation("Rotate", ramp(0, degrees), True),
        Operation("Brightness", ramp(0, change), True),
        Operation("Color", ramp(0, change), True),
        Operation("Contrast", ramp(0, change), True),
        Operation("Sharpness", ramp(0, change), True),
        Operation("Posterize", bits),
        Operation("Solarize", ramp(1, 0)),
        Operation("AutoContrast"),
        Operation("Equalize"),
    )


def _shear_x(strength: tf.Tensor, frame: Frame) -> Step:
    """About the top left pixel; a positive slope moves the bottom to the left."""
    middle = (tf.cast(frame.height, tf.float64) - 1.0) / 2.0
    return affine(
        matrix=matrices.compose(
            matrices.shear(strength, 0.0), matrices.shift(-strength * middle, 0.0)
        )
    )


def _shear_y(strength: tf.Tensor, frame: Frame) -> Step:
    middle = (tf.cast(frame.width, tf.float64) - 1.0) / 2.0
    return affine(
        matrix=matrices.compose(
            matrices.shear(0.0, strength), matrices.shift(0.0, -strength * middle)
        )
    )


def _whole(pixels: tf.Tensor) -> tf.Tensor:
    """Cut off towards 0."""
    return tf.sign(pixels) * tf.floor(tf.abs(pixels))


MOVES: Mapping[str, Callable[[tf.Tensor, Frame], Step]] = {
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": lambda x, frame: affine(matrix=matrices.shift(_whole(x), 0.0)),
    "TranslateY": lambda x, frame: affine(matrix=matrices.shift(0.0, _whole(x))),
    "Rotate": lambda x, frame: affine(matrix=matrices.rotate(x / 360.0)),
}
"""What moves pixels."""


def _contrast(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    return contrast_of_grey(1.0 + x, frame)


COLOURS: Mapping[str, Callable[[tf.Tensor, Frame, Any], Step]] = {
    "Contrast": _contrast,
    "Brightness": lambda x, frame, layer: scale(
        gain=1.0 + x, bias=-x * frame.range_of(layer)[0]
    ),
    "Color": lambda x, frame, layer: saturation_of_grey(1.0 + x, frame),
    "Invert": lambda x, frame, layer: scale(gain=-1.0, bias=sum(frame.range_of(layer))),
}
"""What is affine; it is clipped, and integers are cut off."""

CURVES: Mapping[str, Callable[[tf.Tensor, Frame, Any], Step]] = {
    "Posterize": lambda x, frame, layer: levels(x, frame, layer),
    "Solarize": lambda x, frame, layer: _solarize(x, frame, layer),
}

STAGES: Mapping[str, Callable[[tf.Tensor, Frame, Any], Step]] = {
    "Sharpness": lambda x, frame, layer: sharpen(amount=1.0 + x),
    "AutoContrast": lambda x, frame, layer: _of_range(stretch, frame, layer),
    "Equalize": lambda x, frame, layer: _of_range(equalize, frame, layer),
}
"""What takes a pass of its own."""


def _solarize(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    low, high = frame.range_of(layer)
    return solarize(threshold=low + x * (high - low), total=low + high)


def _of_range(make: Callable[..., Step], frame: Frame, layer: Any) -> Step:
    low, high = frame.range_of(layer)
    return make(low=low, span=high - low)


def plan(
    operations: Sequence[Operation], places: Sequence[Drawn], frame: Frame, layer: Any
) -> Plan:
    """What is done to each image: for each place, the operation that it drew.

    All moves come first, in one warp, and colours after it: what moves and what changes
    single pixels can be exchanged, but for the pixels from outside the frame; sharpness
    is done to what was moved.

    Args:
        operations: the table.
        places: what was drawn for each place of the policy.
        frame: the images.
        layer: who asks, for errors.
    """
    names = [operation.name for operation in operations]
    total = Plan()
    for drawn in places:
        for name, make in MOVES.items():
            if name in names:
                step = make(drawn.strength, frame)
                move = Plan(coordinates=(step,)).only(_drew(drawn, names, name))
                total = total.then(move)
    for drawn in places:
        total = total.then(_coloured(names, drawn, frame, layer))
    return total


def _coloured(names: Sequence[str], drawn: Drawn, frame: Frame, layer: Any) -> Plan:
    groups: list[list[Plan]] = [[], [], []]
    affected = []
    for group, makes in zip(groups, (COLOURS, CURVES, STAGES), strict=True):
        for name, make in makes.items():
            if name in names and not (name == "Color" and frame.channels != 3):
                mask = _drew(drawn, names, name)
                step = make(drawn.strength, frame, layer)
                group.append(Plan(pixels=(step,)).only(mask))
                affected += [mask] if makes is COLOURS else []
    if affected:
        # Once for all affine operations, of which an image drew one at most.
        step = cut(frame)
        some = tf.reduce_any(tf.stack(affected), axis=0)
        groups[0].append(Plan(pixels=(step,)).only(some))
    total = Plan()
    for part in (part for group in groups for part in group):
        total = total.then(part)
    return total


def _drew(drawn: Drawn, names: Sequence[str], name: str) -> tf.Tensor:
    mask = tf.equal(drawn.operation, names.index(name))
    return mask if drawn.done is None else mask & drawn.done


def strengths(
    operations: Sequence[Operation],
    chosen: tf.Tensor,
    number: tf.Tensor,
    negative: tf.Tensor,
    frame: Frame,
) -> tf.Tensor:
    """The strength (B,) of the operation that each image chose.

    Args:
        operations: the table.
        chosen: int32 (B,), the operation.
        number: int32 (B,), the bin of its strength.
        negative: bool (B,), whether a signed strength is negative.
        frame: the images, for translations that are parts of them.
    """
    bins = max(len(x.strengths or ()) for x in operations) or 1
    rows = np.array([x.strengths or (0.0,) * bins for x in operations], np.float64)
    parts = {"TranslateX": frame.width, "TranslateY": frame.height}
    units = [
        tf.cast(parts[x.name] if x.parts and x.name in parts else 1, tf.float64)
        for x in operations
    ]
    signed = tf.constant([x.signed for x in operations])
    strength = tf.gather(tf.reshape(tf.constant(rows), (-1,)), chosen * bins + number)
    strength *= tf.gather(tf.stack(units), chosen)
    return tf.where(negative & tf.gather(signed, chosen), -strength, strength)
