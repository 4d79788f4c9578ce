"""Images and masks, moved and coloured as a plan says."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_aug_layers import notices
from keras_aug_layers.kernels import coordinates, few, fields, passes, shrinking
from keras_aug_layers.kernels.checked import checked
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.pixels import converts
from keras_aug_layers.kernels.program import Program, function_of
from keras_aug_layers.kernels.resample import Warp, stay
from keras_aug_layers.kernels.straight import straight
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.plan import carry, entries, strides
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.settings import Settings

MASKS = {"segmentation_masks": "nearest", "maps": "bilinear"}
"""How entries are interpolated that are moved, but not coloured."""


def images(plan: Plan, settings: Settings, images: tf.Tensor) -> tf.Tensor:
    """Augments images (B, H, W, C): a warp for each part of the plan, then its pixels.

    Args:
        plan: what is done.
        settings: how, without an entry of None that has a default.
        images: the images.
    """
    dtype = None if plan.dtype is None else tf.as_dtype(plan.dtype)
    how, warp, converted = of_images(settings), by_program(settings), False
    *_, last = parts = plan.parts
    for part in parts:
        move: Any = stay
        if part.moves:
            move = _move(part, how, images)
            reads_between = settings.interpolation != "nearest"
            if settings.antialias and reads_between and 0 not in images.shape:
                move = _filtering(part, move, how, images)
        converted = converted or part is last or converts(part.colors)
        to, limits = dtype if converted else None, settings.value_range
        images = passes.run(
            part.colors, images, move, limits, to, warp, overshoots(settings)
        )
    return images


def masks(
    plan: Plan,
    settings: Settings,
    masks: tf.Tensor,
    kind: str,
    stride: Any = 1,
) -> tf.Tensor:
    """Moves masks (B, H, W, C) with their images, and changes what a step says.

    Args:
        plan: what is done to the images.
        settings: how.
        masks: the masks, or maps.
        kind: one of `MASKS`.
        stride: how many pixels of the images a pixel of the masks is wide.
    """
    how = of_masks(settings, masks.dtype, kind)

    def move(part: Plan, masks: tf.Tensor) -> tf.Tensor:
        return _move(part, how, masks, stride)(masks)

    return carry.masks(plan, move, masks, kind, stride)


def by_program(settings: Settings) -> Callable[[Program, tf.Tensor], Any]:
    """Makes moves of programs of coordinates, for stages that move images."""
    how = of_images(settings)
    return lambda program, images: _move(Plan(program), how, images)


def of_images(settings: Settings) -> dict[str, Any]:
    """How images are read, and what lies outside."""
    return {
        "fill_mode": settings.fill_mode,
        "fill_value": settings.fill_value,
        "interpolation": settings.interpolation,
    }


def overshoots(settings: Settings) -> bool:
    """Whether moved images have values beyond those that were read."""
    return settings.interpolation == "bicubic"


def of_masks(settings: Settings, dtype: tf.DType, kind: str) -> dict[str, Any]:
    """The same of masks, or of maps: `mask_fill_value` is a label, not for these."""
    how = of_images(settings) | {"fill_value": 0.0, "interpolation": MASKS[kind]}
    if settings.mask_fill_value is not None and kind != "maps":
        check_holds("mask_fill_value", settings.mask_fill_value, dtype)
        how |= {"fill_mode": "constant", "fill_value": settings.mask_fill_value}
    return how


def check_fill(settings: Settings, images: tf.Tensor, channels: Any) -> tf.Tensor:
    """Images, if fill values are what they can hold, and one or one for each channel.

    Args:
        settings: how images are filled.
        images: the images, or a list of pixels.
        channels: how many they have: a number, or a scalar tensor.
    """
    value = settings.fill_value
    if settings.fill_mode != "constant":
        return images
    check_holds("fill_value", value, images.dtype)
    if not isinstance(value, tuple):
        return images
    received = channels if isinstance(channels, int) else "other"
    message = (
        "`fill_value` must be one number, or one for each channel. Received: "
        f"{value} for {received} channels."
    )
    return checked(images, channels == len(value), message, channels)


def check_holds(name: str, value: Any, dtype: tf.DType) -> None:
    """Refuses a fill that the pixels cannot hold: the op would wrap it around."""
    if isinstance(value, tuple):
        for one in value:
            check_holds(name, one, dtype)
        return
    limits = (0, 1) if dtype.is_bool else (dtype.min, dtype.max)
    low, high = (float(limit) for limit in limits)
    whole = not dtype.is_floating
    if not low <= value <= high or (whole and value != int(value)):
        raise ValueError(
            f"`{name}` must be a {'whole ' * whole}number between {low:g} and "
            f"{high:g} for the dtype {dtype.name}. Received: {value!r}"
        )


def _move(part: Plan, how: dict[str, Any], images: tf.Tensor, stride: Any = 1) -> Warp:
    """The coordinates of a plan's last part, to be done to such images or maps."""
    if part.size:
        strides.check_on_the_way(part.size, stride)
    size = part.size and tuple(x // stride for x in part.size)

    def reader() -> coordinates.Reader:
        source = dimension(images, 1), dimension(images, 2)
        return coordinates.reader(part.coordinates, source, size or source, stride)

    return Warp(reader, {**how, "output_size": size})


def _filtering(
    part: Plan, plain: Any, how: dict[str, Any], images: tf.Tensor
) -> shrinking.FilteredMove:
    """A warp that filters images where they shrink."""
    source = dimension(images, 1), dimension(images, 2)
    target = part.size or source
    reader = coordinates.reader(part.coordinates, source, target)
    # Where a place jumps to another image, it does not shrink. A field may shrink the
    # middle of an image, which says nothing of the rest.
    smooth = tuple(
        x
        for x in part.coordinates
        if not function_of(x).gathers and x.name not in (fields.BEND, fields.UNBEND)
    )
    shrinks = shrinking.shrink(
        coordinates.reader(smooth, source, target), source, target
    )
    how = {**how, "output_size": part.size}

    def move(
        reader: coordinates.Reader, shrinks: shrinking.Shrink, plain: Any
    ) -> shrinking.FilteredMove:
        filtered = functools.partial(
            shrinking.antialiased, reader=reader, shrinks=shrinks, **how
        )
        return shrinking.FilteredMove(shrinks, plain, filtered)

    def some(places: tf.Tensor) -> shrinking.FilteredMove:
        matrix, axes = (few.row_of(x, places) for x in (reader.matrix, reader.axes))
        own = reader._replace(matrix=matrix, axes=axes)
        return move(own, shrinks.of(places), Warp(lambda: own, how))

    # Crops are of many sizes, and many shrink: a loop would take longer to compile,
    # and no less to run.
    matrix = reader.matrix
    if matrix is None or matrix.shape[0] == 1 or reader.upright:
        return move(reader, shrinks, plain)
    upright = reader._replace(upright=True)
    grid = shrinking.grid_of(
        upright, shrinks, target, how["fill_mode"], how["interpolation"]
    )
    apart = straight(images, grid, how["fill_value"], shrinks.some, shrinks.level)
    return move(reader, shrinks, plain)._replace(some=some, straight=apart)


def fitting(
    given: dict[str, Any],
    size: tf.Tensor,
    output: tuple[int, int] | None,
    data_format: str,
    rank: int,
) -> dict[str, Any]:
    """Entries with pixels in tensors, of which each has a size that fits.

    Args:
        given: entries under flat keys.
        size: int32 (B, 2): of the images for which there was a draw.
        output: the size of what comes out, if it is another one.
        data_format: of the images.
        rank: of the images.

    Raises:
        ValueError: if images have another size, or masks none that fits by a whole
            number; of masks, where sizes are not known, an InvalidArgumentError later.
    """
    dense = {
        key: tf.convert_to_tensor(stacked(value))
        for key, value in given.items()
        if entries.kind_of(key) in entries.PIXELS
        and not isinstance(value, tf.RaggedTensor)
    }
    sizes = {k: strides.size_of(x, data_format, rank) for k, x in dense.items()}
    for key, own in sizes.items():
        drawn_for = strides.frame_of(size, own)
        if entries.kind_of(key) == "images":
            strides.check_drawn(key, drawn_for, own)
        elif not in_xla_context():
            strides.check(key, sizes.get("images", drawn_for), own, output)
    return {**given, **dense}


def stacked(value: Any) -> Any:
    """Arrays or pictures in a list as one, of their dtype; anything else as it is.

    TensorFlow makes int32 of a list of uint8 arrays.
    """
    several = isinstance(value, (list, tuple)) and len(value) > 0
    arrays = several and all(hasattr(x, "__array_interface__") for x in value)
    return np.stack([np.asarray(x) for x in value]) if arrays else value


def further(
    change: Callable[[tf.Tensor], tf.Tensor],
    plan: Plan,
    key: str,
    values: tf.Tensor,
    images: tf.Tensor,
    axis: int,
) -> tf.Tensor:
    """What becomes of further images, beside those for which there was a draw.

    Args:
        change: what is done to both.
        plan: the same as a plan.
        key: the flat key of the further ones.
        values: these.
        images: the others.
        axis: that of the channels.

    Raises:
        ValueError: if there are colours that are none of their channels. Of another
            dtype there is a warning.
    """
    kinds = [f"{x.dtype.name} of {x.shape[axis]} channels" for x in (values, images)]
    colors = [function_of(x).labels is None for x in plan.whole().colors]  # no mixes
    if kinds[0] == kinds[1] or not any(colors):
        return change(values)
    name = key.partition("/")[2]
    message = (
        f"`{name}` must have the dtype and the channels of the images, in whose unit "
        f"it is coloured. Received: {kinds[0]} beside {kinds[1]}. Write tf.cast, or "
        f"extra_targets={{{name!r}: 'maps'}} of what is only moved."
    )
    if values.dtype != images.dtype:
        notices.warn(message)
    try:
        return change(values)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(f"{message} ({error})") from error
