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
from keras_aug_layers.kernels.either import either
from keras_aug_layers.kernels.program import Step, for_all_axes
from keras_aug_layers.layers.pixels.auto_contrast import stretch
from keras_aug_layers.layers.pixels.equalization import equalize
from keras_aug_layers.layers.pixels.posterization import levels
from keras_aug_layers.layers.pixels.saturation import rest_of_grey
from keras_aug_layers.layers.pixels.sharpness import sharpen
from keras_aug_layers.layers.pixels.tone import curve, tone
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan

Maker = Callable[[tf.Tensor, Frame, Any], Step]
"""From strengths (B,), the images and the layer that asks to a step."""
WAYS = ("up", "nearest")
"""How strengths become whole numbers."""


class Operation(NamedTuple):
    """An operation and its strengths.

    Attributes:
        name: one of `STEPS`.
        strengths: one for each bin; None where there is none. Slopes of shears, pixels
            or parts of the frame of translations, degrees of rotations, changes of a
            factor of 1, bits that stay, parts of the range of solarize's threshold.
        signed: whether a strength is negative as often as not.
        side: of the frame, "width" or "height", that translations are parts of; None
            where strengths are no parts.
        whole: one of `WAYS`, where strengths are whole numbers.
    """

    name: str
    strengths: tuple[float, ...] | None = None
    signed: bool = False
    side: str | None = None
    whole: str | None = None


class DrawnOperation(NamedTuple):
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
    first_bits: int = 8,
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
        first_bits: that it keeps at first.
    """

    def ramp(start: float, end: float) -> tuple[float, ...]:
        return tuple(np.linspace(start, end, bins).tolist())

    bits = tuple(np.rint(np.linspace(first_bits, least_bits, bins)).tolist())
    return (
        Operation("Identity"),
        Operation("ShearX", ramp(0, shear), True),
        Operation("ShearY", ramp(0, shear), True),
        Operation("TranslateX", ramp(0, translate), True, "width" if parts else None),
        Operation("TranslateY", ramp(0, translate), True, "height" if parts else None),
        Operation("Rotate", ramp(0, degrees), True),
        Operation("Brightness", ramp(0, change), True),
        Operation("Color", ramp(0, change), True),
        Operation("Contrast", ramp(0, change), True),
        Operation("Sharpness", ramp(0, change), True),
        Operation("Posterize", bits, whole="nearest"),
        Operation("Solarize", ramp(1, 0)),
        Operation("AutoContrast"),
        Operation("Equalize"),
    )


INCREASING = (
    Operation("AutoContrast"),
    Operation("Equalize"),
    Operation("Invert"),
    Operation("Rotate", (0.0, 30.0), True),
    Operation("Posterize", (4.0, 0.0), whole="up"),
    Operation("Solarize", (256 / 255, 0.0)),
    Operation("SolarizeAdd", (0.0, 110 / 255)),
    Operation("Color", (0.0, 0.9), True),
    Operation("Contrast", (0.0, 0.9), True),
    Operation("Brightness", (0.0, 0.9), True),
    Operation("Sharpness", (0.0, 0.9), True),
    Operation("ShearX", (0.0, 0.3), True),
    Operation("ShearY", (0.0, 0.3), True),
    Operation("TranslateXRel", (0.0, 0.45), True, "width"),
    Operation("TranslateYRel", (0.0, 0.45), True, "height"),
)
"""Those of timm's RandAugment with "increasing" strengths, at its levels 0 and 10."""


def _shear_x(strength: tf.Tensor, frame: Frame) -> Step:
    """About the top left corner; a positive slope moves the bottom to the left."""
    middle = tf.cast(frame.height, tf.float64) / 2.0
    return affine(
        matrix=matrices.compose(
            matrices.shear(strength, 0.0), matrices.shift(-strength * middle, 0.0)
        )
    )


def _shear_y(strength: tf.Tensor, frame: Frame) -> Step:
    middle = tf.cast(frame.width, tf.float64) / 2.0
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
    "TranslateXRel": lambda x, frame: affine(matrix=matrices.shift(x, 0.0)),
    "TranslateYRel": lambda x, frame: affine(matrix=matrices.shift(0.0, x)),
    "Rotate": lambda x, frame: affine(matrix=matrices.rotate(x / 360.0)),
}
"""What moves pixels: torchvision's translations by whole ones, timm's by parts too."""


def _brightness(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    return tone(frame, gain=1.0 + x, bias=-x * frame.range_of(layer)[0], cut=1.0)


def _color(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    return tone(frame, gain=1.0 + x, grey=-x, bias=-x * rest_of_grey(frame), cut=1.0)


def _contrast(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    bias = -x * rest_of_grey(frame)
    return tone(frame, 1.0 + x, centre=-x, bias=bias, of_grey=1.0, cut=1.0)


def _invert(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    return tone(frame, gain=-1.0, bias=sum(frame.range_of(layer)))


def _posterize(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    return curve(**levels(x, frame, layer).rows)


def _solarize(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    low, high = frame.range_of(layer)
    return curve(threshold=low + x * (high - low), total=low + high)


def _solarize_add(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    """Adds to the darker half; whole numbers to integers."""
    low, high = frame.range_of(layer)
    added = x * (high - low)
    added = tf.floor(added + 1e-6) if frame.whole else added
    return curve(below=low + (high - low) * 128 / 255, added=added, high=high)


def _sharpness(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
    if frame.value_range is None:
        return sharpen(amount=1.0 + x)
    low, high = frame.value_range
    return sharpen(amount=1.0 + x, low=low, high=high)


def _of_range(make: Callable[..., Step]) -> Maker:
    def made(x: tf.Tensor, frame: Frame, layer: Any) -> Step:
        low, high = frame.range_of(layer)
        return make(low=low, span=high - low)

    return made


PIXELS: Mapping[str, Maker] = {
    "Brightness": _brightness,
    "Color": _color,
    "Contrast": _contrast,
    "Invert": _invert,
    "Posterize": _posterize,
    "Solarize": _solarize,
    "SolarizeAdd": _solarize_add,
    "Sharpness": _sharpness,
    "AutoContrast": _of_range(stretch),
    "Equalize": _of_range(equalize),
}
"""What changes colours."""


def plan(
    operations: Sequence[Operation],
    places: Sequence[DrawnOperation],
    frame: Frame,
    layer: Any,
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
    coloured = [_coloured(names, drawn, frame, layer) for drawn in places]
    return total.then(Plan(pixels=(either(*zip(*coloured, strict=True)),)))


def _coloured(
    names: Sequence[str], drawn: DrawnOperation, frame: Frame, layer: Any
) -> tuple[list[Step], tf.Tensor]:
    """Stages, one for all operations of a function, and which of them is done."""
    joined: dict[str, dict[str, tf.Tensor]] = {}
    numbers: list[int | None] = []
    for place, name in enumerate(names):
        if name not in PIXELS or (name == "Color" and frame.known_channels != 3):
            numbers.append(None)
            continue
        step = PIXELS[name](drawn.strength, frame, layer)
        mask = tf.equal(drawn.operation, place)
        rows = joined.setdefault(step.name, dict(step.rows))
        for key, row in step.rows.items():
            rows[key] = tf.where(for_all_axes(mask, row), row, rows[key])
        numbers.append(list(joined).index(step.name))
    steps = [Step(name, rows) for name, rows in joined.items()]
    none = len(steps)
    number = tf.gather([none if x is None else x for x in numbers], drawn.operation)
    if drawn.done is not None:
        number = tf.where(drawn.done, number, none)
    return steps, number


def _drew(drawn: DrawnOperation, names: Sequence[str], name: str) -> tf.Tensor:
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
        number: (B,), the bin of its strength; between two bins, that between theirs.
        negative: bool (B,), whether a signed strength is negative.
        frame: the images, for translations that are parts of them.
    """
    bins = max(len(x.strengths or ()) for x in operations)
    rows = np.array([x.strengths or (0.0,) * bins for x in operations], np.float64)
    below = tf.clip_by_value(tf.floor(number), 0.0, bins - 2.0)
    part, place = number - below, chosen * bins + tf.cast(below, tf.int32)
    start, end = (tf.gather(rows.ravel(), place + step) for step in (0, 1))
    strength = (1.0 - part) * start + part * end

    def of(values: list[Any]) -> tf.Tensor:
        return tf.gather(tf.stack(values), chosen)

    up, nearest = (of([x.whole == way for x in operations]) for way in WAYS)
    strength = tf.where(up, tf.math.ceil(strength - 1e-9), strength)
    strength = tf.where(nearest, tf.round(strength), strength)
    units = [getattr(frame, x.side) if x.side else 1 for x in operations]
    strength *= of([tf.cast(unit, tf.float64) for unit in units])
    return tf.where(negative & of([x.signed for x in operations]), -strength, strength)
