"""Settings: how pixels and targets are moved, as one value with one rule of agreement.

None stands for "no opinion". Layers that share a warp must agree where two of them have
one: in a group a disagreement is an error, in a chain of layers the chain ends there,
and `fuse` begins another group.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from keras_aug_layers import arguments
from keras_aug_layers.kernels.resample import INTERPOLATIONS
from keras_aug_layers.kernels.targets import formats
from keras_aug_layers.kernels.warp import FILL_MODES
from keras_aug_layers.plan import entries

FILL = ("fill_mode", "interpolation", "antialias", "fill_value", "mask_fill_value")
"""What concerns pixels from outside the frame: nothing to layers that move none."""


class Unchosen(str):
    """A default that nobody has chosen; else a string as any other."""


class Disagreement(ValueError):
    """Two opinions on one setting."""

    def __init__(self, name: str, one: Any, other: Any) -> None:
        super().__init__(f"`{name}` is {one!r} and {other!r}")
        self.name, self.one = name, one


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the layers of a stack share.

    Attributes:
        fill_mode: what lies outside the frame: "reflect", "constant", "nearest" or
            "wrap".
        interpolation: "bilinear", "bicubic" or "nearest".
        antialias: "auto" filters where images shrink, False never does.
        fill_value: the value outside the frame if `fill_mode` is "constant": a number,
            or one for each channel.
        mask_fill_value: the label outside the frame in segmentation masks; by default
            they are filled as the images are, with 0 for "constant".
        value_range: (low, high), the range of the pixels.
        data_format: "channels_last" or "channels_first".
        bounding_box_format: the format of bounding boxes.
        box_fit: "corners" or "ellipse".
        min_visibility: the least part of a moved box that must be inside.
        keypoint_format: "xy" or "rel_xy".
        mark_outside: whether keypoints that leave the frame become -1.
        extra_targets: pairs of further entries' names and their kinds.
        num_classes: of how many classes integer labels are, which become one-hot.
        label_smoothing: the part of a one-hot label that all classes share.
    """

    NAMES: ClassVar[tuple[str, ...]]

    fill_mode: str | None = None
    interpolation: str | None = None
    antialias: bool | str | None = None
    fill_value: float | tuple[float, ...] | None = None
    mask_fill_value: float | None = None
    value_range: arguments.Range | None = None
    data_format: str | None = None
    bounding_box_format: str | None = None
    box_fit: str | None = None
    min_visibility: float | None = None
    keypoint_format: str | None = None
    mark_outside: bool | None = None
    extra_targets: tuple[tuple[str, str], ...] | None = None
    num_classes: int | None = None
    label_smoothing: float | None = None

    @classmethod
    def checked(cls, **values: Any) -> "Settings":
        """Settings of arguments that a user gave, which may be wrong.

        Raises:
            ValueError: naming the argument, what came and what would be right.
        """
        checked = {k: arguments.optional(CHECKS[k], k, v) for k, v in values.items()}
        return cls(**checked)

    def join(self, other: "Settings") -> "Settings":
        """What both are content with.

        Raises:
            Disagreement: naming the first setting on which they are not.
        """
        joined = {}
        for name, one in dataclasses.asdict(self).items():
            another = getattr(other, name)
            if None not in (one, another) and one != another:
                raise Disagreement(name, one, another)
            chosen = another is not None and not isinstance(another, Unchosen)
            joined[name] = another if one is None or chosen else one
        return Settings(**joined)

    def over(self, other: "Settings") -> "Settings":
        """These settings, and the other's where these have no opinion."""
        own = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        return dataclasses.replace(other, **own)

    def without(self, *names: str) -> "Settings":
        """These settings, but no opinion on some."""
        return dataclasses.replace(self, **dict.fromkeys(names))

    def resolved(self) -> "Settings":
        """These settings, with the defaults in place of no opinion."""
        return self.over(
            Settings(
                fill_mode=Unchosen("reflect"),
                interpolation="bilinear",
                antialias=False,
                fill_value=0.0,
                data_format=keras.config.image_data_format(),
                box_fit="corners",
                min_visibility=0.0,
                keypoint_format="xy",
                mark_outside=True,
            )
        )


def _kinds(name: str, value: Any) -> tuple[tuple[str, str], ...] | None:
    """Names of further entries, and the kind of each."""
    try:
        pairs = dict(value)
    except (TypeError, ValueError):
        pairs = {"": value}
    for key, kind in pairs.items():
        if not isinstance(key, str) or not key or key in (*entries.NAMES, "labels"):
            raise ValueError(
                f"`{name}` must be a dict of the names of further entries and their "
                f"kinds. Received: {value!r}. Write {{'depth': 'maps', 'right': "
                "'images'}."
            )
        arguments.one_of(f"{name}[{key!r}]", kind, entries.KINDS)
    return tuple(sorted(pairs.items())) or None


def _antialias(name: str, value: Any) -> bool | str:
    """False, or "auto", which Keras writes as True."""
    if value is False:
        return value
    return arguments.one_of(name, "auto" if value is True else value, ("auto",))


def _classes(name: str, value: Any) -> int:
    return arguments.whole(name, arguments.number(name, value, 1.0))


def _among(*options: str) -> Callable[[str, Any], str]:
    return functools.partial(arguments.one_of, options=options)


_PART = functools.partial(arguments.number, low=0.0, high=1.0)
CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "fill_mode": _among(*FILL_MODES),
    "interpolation": _among(*INTERPOLATIONS),
    "antialias": _antialias,
    "fill_value": arguments.per_channel,
    "mask_fill_value": arguments.number,
    "value_range": arguments.value_range,
    "data_format": _among("channels_last", "channels_first"),
    "bounding_box_format": _among(*formats.BOX_FORMATS),
    "box_fit": _among(*formats.BOX_FITS),
    "min_visibility": _PART,
    "keypoint_format": _among(*formats.KEYPOINT_FORMATS),
    "mark_outside": arguments.boolean,
    "extra_targets": _kinds,
    "num_classes": _classes,
    "label_smoothing": _PART,
}
"""From the name of a setting and what a user gave to what is kept, but for None."""

Settings.NAMES = tuple(field.name for field in dataclasses.fields(Settings))
