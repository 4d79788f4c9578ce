"""What `fuse` makes of each layer of Keras.

Differences, where ours does not do the same for the same arguments:

- RandomFlip("horizontal_and_vertical") draws its axes one by one.
- RandomContrast(f), or (0, f), which Keras stores alike, has gains of 1 - f to 1 + f.
- RandomSaturation(f) is from 0 to f (Keras: from -f, so that half of the images are
  grey). In RandomColorJitter this, and the contrast, are as in layers of their own.
- RandomShear((a, b)) becomes a choice of it and its mirror image: Keras draws a sign.
- RandomColorDegeneration(f) only pales: its factor is from 0 to f.
- RandomPerspective moves all four corners (Keras: never the top left), by at most a
  quarter of `scale` times the size, and nothing folds over.
- RandomInvert, RandomPerspective and RandomGaussianBlur with a range of chances use its
  middle, which gives the same images as often.
- RandomCrop, RandomGaussianBlur, RandomElasticTransform, RandAugment and AugMix draw
  for each image what Keras draws for the batch. RandomElasticTransform moves along both
  axes (Keras: the diagonal), by a field of its own, and masks with it.
- RandomErasing draws an area and a ratio, as published (Keras: two sides, whose product
  is another area). With noise it keeps all pixels in its range (Keras: the noise).
- MixUp and CutMix mix image i with i - 1 (Keras: any two). CutMix takes the upper end
  of a range of alpha, and cuts windows off at the frame (Keras: they lie within).
- RandAugment and AugMix have the published operations. RandAugment(factor=f) becomes
  the magnitude 30 f, AugMix(factor=f) the severity 10 f.
- Equalization looks at each image (Keras: at the whole batch), with Pillow's formula.
- RandomHue, RandomSaturation and RandomColorJitter stay within any value range (with
  floats from 0 to 255 Keras leaves it, or clips to 1).
- RandomSharpness and RandomGaussianBlur mirror the image at its edge, or leave the edge
  as it is, as published (Keras: black comes in). A blur has one sigma (Keras: two).
- Solarization draws both ends of a range in one unit (Keras: the lower end in grey
  levels).
- RandomPosterization(f), or (1, f), which Keras stores alike, keeps f bits (Keras: 1 to
  f - 1). It draws the upper end of a pair too; floats keep their fractions' levels.
- Outside training AutoContrast does nothing, and RandomCrop takes the middle.
- RandomInvert is low + high - x (Keras: high - x), in a value range of (-1, 1) then -x.
- Resizing and the crops read the pixels beside an enlarged crop. Bicubic and
  antialiased resizing differ by some grey levels, the first at edges.
- Integers are rounded and clipped; a stack of colours is clipped once, at its end.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_aug_layers.layers import (
    AugMix,
    AutoContrast,
    CenterCrop,
    CutMix,
    Equalization,
    MixUp,
    RandAugment,
    RandomBrightness,
    RandomChoice,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomCrop,
    RandomElasticTransform,
    RandomErasing,
    RandomFlip,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPerspective,
    RandomPosterization,
    RandomRotate,
    RandomSaturation,
    RandomSharpness,
    RandomShear,
    RandomShift,
    RandomZoom,
    Rescaling,
    Resizing,
    Solarization,
)
from keras_aug_layers.layers.base import AugmentationLayer

Common = dict[str, Any]
"""Arguments that every layer of ours takes."""
Converter: TypeAlias = Callable[[Any, Common], AugmentationLayer | None]


_FILL = ("fill_mode", "interpolation", "fill_value")
_RANGED = ("factor", "value_range")


def _fill(layer: Any) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in _FILL}


def _pair(layer: Any, name: str) -> tuple[float, float]:
    """The range that Keras holds in two attributes."""
    return getattr(layer, f"{name}_lower"), getattr(layer, f"{name}_upper")


def _translation(layer: Any, common: Common) -> AugmentationLayer:
    return RandomShift(
        _pair(layer, "height"), _pair(layer, "width"), **_fill(layer), **common
    )


def _zoom(layer: Any, common: Common) -> AugmentationLayer:
    width = None if layer.width_factor is None else _pair(layer, "width")
    return RandomZoom(_pair(layer, "height"), width, **_fill(layer), **common)


def _shear(layer: Any, common: Common) -> AugmentationLayer:
    """Keras draws a sign for both axes after the factors."""
    factors = layer.x_factor, layer.y_factor
    mirrored = [(-high, -low) for low, high in factors]
    settings = {**_fill(layer), **common, "origin": "top_left"}
    if all(low == -high for low, high in factors):
        return RandomShear(*factors, **settings)
    either = {**settings, "seed": None}
    return RandomChoice(
        [RandomShear(*factors, **either), RandomShear(*mirrored, **either)], **common
    )


def _contrast(layer: Any, common: Common) -> AugmentationLayer:
    factor = _below_and_above(*layer.factor)
    return RandomContrast(factor, tuple(layer.value_range), **common)


def _below_and_above(low: float, high: float) -> tuple[float, float]:
    """A contrast's factor: Keras's is for gains from 1 - low to 1 + high.

    Keras keeps (0, f) of a single f, though it documents 1 - f … 1 + f.
    """
    return -(low or high), high


def _jitter(layer: Any, common: Common) -> AugmentationLayer:
    contrast = layer.contrast_factor
    if isinstance(contrast, (list, tuple)):
        contrast = _below_and_above(*sorted(contrast))
    return RandomColorJitter(
        tuple(layer.value_range),
        _plain(layer.brightness_factor),
        contrast,
        _plain(layer.saturation_factor),
        _plain(layer.hue_factor),
        **common,
    )


def _from_0(cls: Callable[..., AugmentationLayer]) -> Converter:
    """Keras draws a single f from (-f, f), though it documents 0 … f."""

    def convert(layer: Any, common: Common) -> AugmentationLayer:
        low, high = layer.factor
        return cls((max(low, 0.0), high), tuple(layer.value_range), **common)

    return convert


def _alike(cls: type[AugmentationLayer], *names: str, **fixed: Any) -> Converter:
    """Converts to a layer with the same arguments, under the same names.

    Args:
        cls: the layer.
        *names: of the arguments that it takes over.
        **fixed: others, which are always the same.
    """

    def convert(layer: Any, common: Common) -> AugmentationLayer:
        given = {name: _plain(getattr(layer, name)) for name in names}
        return cls(**given, **fixed, **common)

    return convert


def _plain(value: Any) -> Any:
    """Pairs as tuples."""
    return tuple(value) if isinstance(value, list) else value


def _resizing(layer: Any, common: Common) -> AugmentationLayer:
    fill = _fill(layer) if layer.pad_to_aspect_ratio else {}
    fill["interpolation"] = layer.interpolation
    return Resizing(
        layer.height,
        layer.width,
        crop_to_aspect_ratio=layer.crop_to_aspect_ratio,
        pad_to_aspect_ratio=layer.pad_to_aspect_ratio,
        antialias="auto" if layer.antialias else False,
        **fill,
        **common,
    )


def _rescaling(layer: Any, common: Common) -> AugmentationLayer | None:
    scale, offset = layer.scale, layer.offset
    if max(np.ndim(scale), np.ndim(offset)) > 1:
        return None
    if np.size(scale) > 1 or np.size(offset) > 1:
        formats = [f for f, shape in _SHAPES.items() if _is_along(shape, scale, offset)]
        if not formats:
            return None
        own = keras.config.image_data_format()  # of equal numbers either will do
        common = {**common, "data_format": own if own in formats else formats[0]}
    return Rescaling(scale, offset, dtype=layer.compute_dtype, **common)


_SHAPES = {"channels_last": (-1,), "channels_first": (-1, 1, 1)}
"""Of numbers for each channel; which one Keras has depends on its version."""


def _is_along(shape: tuple[int, ...], scale: Any, offset: Any) -> bool:
    """Whether Keras has both along an axis: what it makes of a cube tells."""
    size = max(np.size(scale), np.size(offset))
    cube = np.stack([np.full((size,) * 3, value) for value in (0.0, 1.0)])
    made = keras.layers.Rescaling(scale, offset, dtype="float32").call(cube)
    gain, bias = (np.reshape(x, shape) for x in (scale, offset))
    expected = cube * gain + bias
    return np.allclose(made, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())


_CHANNELS = {
    "channels_last": ((-1,), (3,)),
    "channels_first": ((-3,), (1,)),
}
"""What `axis` of Normalization is, of batches of images."""


def _normalization(layer: Any, common: Common) -> AugmentationLayer | None:
    """Where the statistics were given; those that were adapted are weights."""
    mean, variance = layer.input_mean, layer.input_variance
    if mean is None or layer.invert or np.ndim(mean) > 1:
        return None
    if np.size(mean) > 1 or np.size(variance) > 1:
        formats = [f for f, axes in _CHANNELS.items() if layer.axis in axes]
        if not formats:
            return None
        common = {**common, "data_format": formats[0]}
    deviation = np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return Rescaling(
        (1.0 / deviation).tolist(),
        (-np.asarray(mean) / deviation).tolist(),
        dtype=layer.compute_dtype,
        **common,
    )


def _equalization(layer: Any, common: Common) -> AugmentationLayer | None:
    if layer.bins != 256:
        return None
    return Equalization(tuple(layer.value_range), **common)


def _posterization(layer: Any, common: Common) -> AugmentationLayer:
    """Keras keeps (1, f) of a single f."""
    low, high = layer.factor
    factor = high if low == 1 else (low, high)
    return RandomPosterization(factor, tuple(layer.value_range), **common)


def _erasing(layer: Any, common: Common) -> AugmentationLayer:
    """Keras's range is that of what is erased alone: 0 … 255 where none was given."""
    value, limits = layer.fill_value, tuple(layer.value_range)
    own = {"value_range": limits} if value is None else {}
    if value is not None:
        value = np.clip(value, *limits).tolist()
    return RandomErasing(
        _plain(layer.factor), _plain(layer.scale), value, **own, **common
    )


def _cut_mix(layer: Any, common: Common) -> AugmentationLayer:
    """Keras draws alpha from a range; ours is one number, its greatest."""
    return CutMix(max(layer.factor[1], 1e-3), **common)


def _mix_up(layer: Any, common: Common) -> AugmentationLayer:
    return MixUp(max(layer.alpha, 1e-3), **common)


def _rand_augment(layer: Any, common: Common) -> AugmentationLayer:
    return RandAugment(
        layer.num_ops,
        30.0 * layer.factor[1],
        value_range=tuple(layer.value_range),
        interpolation=layer.interpolation,
        **common,
    )


def _aug_mix(layer: Any, common: Common) -> AugmentationLayer:
    return AugMix(
        max(round(10.0 * layer.factor[1]), 1),
        layer.num_chains,
        chain_depth=layer.chain_depth,
        alpha=layer.alpha,
        all_ops=layer.all_ops,
        value_range=tuple(layer.value_range),
        interpolation=layer.interpolation,
        **common,
    )


CONVERTERS: dict[type, Converter] = {
    keras.layers.AugMix: _aug_mix,
    keras.layers.AutoContrast: _alike(AutoContrast, "value_range"),
    keras.layers.CenterCrop: _alike(CenterCrop, "height", "width", antialias=False),
    keras.layers.CutMix: _cut_mix,
    keras.layers.Equalization: _equalization,
    keras.layers.MixUp: _mix_up,
    keras.layers.Normalization: _normalization,
    keras.layers.RandAugment: _rand_augment,
    keras.layers.RandomBrightness: _alike(RandomBrightness, *_RANGED),
    keras.layers.RandomColorDegeneration: _from_0(RandomColorDegeneration),
    keras.layers.RandomColorJitter: _jitter,
    keras.layers.RandomContrast: _contrast,
    keras.layers.RandomCrop: _alike(RandomCrop, "height", "width", antialias=False),
    keras.layers.RandomElasticTransform: _alike(
        RandomElasticTransform, "factor", "scale", *_FILL
    ),
    keras.layers.RandomErasing: _erasing,
    keras.layers.RandomFlip: _alike(RandomFlip, "mode"),
    keras.layers.RandomGaussianBlur: _alike(
        RandomGaussianBlur, *_RANGED, "kernel_size", "sigma"
    ),
    keras.layers.RandomGrayscale: _alike(RandomGrayscale, "factor"),
    keras.layers.RandomHue: _alike(RandomHue, *_RANGED),
    keras.layers.RandomInvert: _alike(RandomInvert, *_RANGED),
    keras.layers.RandomPerspective: _alike(
        RandomPerspective,
        "factor",
        "scale",
        "fill_value",
        "interpolation",
        fill_mode="constant",
    ),
    keras.layers.RandomPosterization: _posterization,
    keras.layers.RandomRotation: _alike(RandomRotate, "factor", *_FILL),
    keras.layers.RandomSaturation: _from_0(RandomSaturation),
    keras.layers.RandomSharpness: _alike(RandomSharpness, *_RANGED),
    keras.layers.RandomShear: _shear,
    keras.layers.RandomTranslation: _translation,
    keras.layers.RandomZoom: _zoom,
    keras.layers.Rescaling: _rescaling,
    keras.layers.Resizing: _resizing,
    keras.layers.Solarization: _alike(
        Solarization, "addition_factor", "threshold_factor", "value_range"
    ),
}
"""A converter gives None where there is no equivalent: the layer stays."""
