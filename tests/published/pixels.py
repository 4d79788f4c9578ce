"""Operations on the pixels of one image (H, W, C).

Images are uint8, or floats of a `value_range`; what comes out has the dtype of what
came in. The definitions are those of torchvision 0.28, `torchvision.transforms.v2
.functional`, on tensors, unless a docstring names another source. On uint8 they
are stored as torchvision stores them:

- solarize, posterize, invert, equalize: whole numbers throughout;
- grayscale, brightness, contrast, saturation, autocontrast: cut off, not rounded; in
  contrast and saturation the grey image is cut off first, but its mean is not;
- sharpness: the blurred image is rounded, the result cut off;
- gaussian_blur: rounded, a half to the even number;
- hue, gamma, and all that is computed in 0...1: times 255.999, then cut off.

torchvision computes in float32, this module in float64. Where the exact result is a
whole number (grey pixels under saturation, a factor of 0.9 on a multiple of ten),
float32 may fall just short of it, and cutting off then takes a grey level. Here such
results count as whole (`HAIR`), and `float32_bounds` gives all that float32 may come
to. Only autocontrast is in float32 as well, because there float32 decides about most
images, whether they reach 255 for instance.
"""

import itertools

import numpy as np

HAIR = 1e-6
"""A result this close below a whole number is that number, before it is cut off."""

_errors = {"between": 0.0, "result": 0.0}
"""What `float32_bounds` adds to grey images and blurs in between, and to results."""

GREY = (0.2989, 0.587, 0.114)
"""The weights of red, green and blue, as torchvision's; they add up to 0.9999."""

UNIT = (0.0, 1.0)
"""The value range of floats where none is given, as in torchvision."""


def invert(image, *, value_range=UNIT):
    """The negative: max + min - x. Source: `invert`."""
    low, high = _bounds(image, value_range)
    return (low + high - image).astype(image.dtype)


def solarize(image, threshold, *, value_range=UNIT):
    """The negative of what is at the threshold or above. Source: `solarize`.

    Args:
        image: The image.
        threshold: In the units of the image: 128 halves the range of uint8.
        value_range: The least and the greatest value of a float image.
    """
    return np.where(image >= threshold, invert(image, value_range=value_range), image)


def posterize(image, bits, *, value_range=UNIT):
    """Keeps the top bits. Source: `posterize`.

    Floats keep 2 ** bits levels from 0 to 1 - 2 ** -bits, so that half is 0.5, where
    uint8 has 128 / 255.
    """
    if image.dtype == np.uint8:
        return image & np.uint8(256 - (1 << (8 - bits)))
    levels = 1 << bits
    x, _ = _read(image, value_range)
    x = np.clip(np.floor(x * levels), 0, levels - 1) / levels
    return _write(x, image, value_range)


def autocontrast(image, *, value_range=UNIT):
    """Stretches each channel over the whole range. Source: `autocontrast`.

    A channel of one value stays as it is. On uint8 the float32 operations are
    torchvision's in torchvision's order: (x - min) / ((max - min) * (1 / 255)), cut
    off. With it a channel of 0...254 reaches 254, with Pillow's order 255.
    """
    whole = image.dtype == np.uint8
    x = image.astype(np.float32) if whole else _read(image, value_range)[0]
    low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
    scale = (high - low) * np.float32(1 / 255) if whole else high - low
    flat = low == high
    x = (x - np.where(flat, 0, low)) / np.where(flat, 1, scale)
    if whole:
        return np.clip(x, 0, 255).astype(np.uint8)
    return _write(x, image, value_range)


def equalize(image, *, value_range=UNIT):
    """Makes the histogram of each channel flat. Sources: Pillow, and `equalize`.

    With N pixels, of which L have the greatest value that occurs, a step is
    (N - L) // 255 pixels, and value k becomes (step // 2 + pixels below k) // step, at
    most 255. A channel whose step is 0 stays as it is. Floats go through 256 levels.
    """
    if image.dtype != np.uint8:
        x, _ = _read(image, value_range)
        return _write(equalize(_write_unit(x, np.uint8)) / 255, image, value_range)
    return np.stack([_equalized(c) for c in np.moveaxis(image, -1, 0)], axis=-1)


def _equalized(channel):
    pixels = np.bincount(channel.ravel(), minlength=256)
    step = (channel.size - pixels[channel.max()]) // 255
    if step == 0:
        return channel
    below = np.cumsum(pixels) - pixels
    table = np.minimum((step // 2 + below) // step, 255)
    return table.astype(np.uint8)[channel]


def grayscale(image, *, value_range=UNIT):
    """One grey channel (H, W, 1). Source: `rgb_to_grayscale`.

    On uint8 white becomes 254, since the weights do not add up to 1. An image of one
    channel stays as it is.
    """
    x, _ = _read(image, value_range)
    return _write(x if image.shape[-1] == 1 else _grey(x), image, value_range)


def brightness(image, factor, *, value_range=UNIT):
    """Times the factor, about the low end of the range. Source: `adjust_brightness`."""
    x, bound = _read(image, value_range)
    return _write(np.clip(factor * x, 0, bound), image, value_range)


def contrast(image, factor, *, value_range=UNIT):
    """About the mean of the grey image. Source: `adjust_contrast`."""
    x, bound = _read(image, value_range)
    grey = x if image.shape[-1] == 1 else _stored_grey(x, bound)
    return _write(_blend(x, grey.mean(), factor, bound), image, value_range)


def saturation(image, factor, *, value_range=UNIT):
    """About the grey image: 0 is grey, 1 the image. Source: `adjust_saturation`."""
    if image.shape[-1] == 1:
        return image
    x, bound = _read(image, value_range)
    grey = _stored_grey(x, bound)
    return _write(_blend(x, grey, factor, bound), image, value_range)


def sharpness(image, factor, *, value_range=UNIT):
    """About a blurred image: 0 is blurred, 1 the image. Source: `adjust_sharpness`.

    The blur is [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13, which leaves one pixel of border
    as it is, and so the whole of an image of two rows or columns, or fewer.
    """
    x, bound = _read(image, value_range)
    height, width = image.shape[:2]
    around = sum(
        x[i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)
    )
    blurred = x.copy()
    inside = (around + 4 * x[1:-1, 1:-1]) / 13
    blurred[1:-1, 1:-1] = inside if bound == 1 else _rounded(inside, "between")
    return _write(_blend(x, blurred, factor, bound), image, value_range)


def gaussian_blur(image, kernel_size, sigma, *, value_range=UNIT):
    """A normal curve of `kernel_size` taps along both axes. Source: `gaussian_blur`.

    Beyond the edge the image is mirrored about its last pixel (d c b | a b c d). Where
    a kernel reaches beyond a whole image more, torchvision raises an error; here the
    mirroring goes on, and a single pixel is repeated.

    Args:
        image: The image.
        kernel_size: The number of taps: odd, or a pair of (width, height).
        sigma: The standard deviation in pixels, or a pair of (x, y).
        value_range: The least and the greatest value of a float image.
    """
    x, bound = _read(image, value_range)
    sizes, sigmas = np.broadcast_to(kernel_size, 2), np.broadcast_to(sigma, 2)
    for axis, size, s in zip((1, 0), sizes, sigmas, strict=True):
        reach = size // 2
        taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / s) ** 2)
        pad = [(0, 0)] * 3
        pad[axis] = (reach, reach)
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(x, pad, mode="reflect"), size, axis
        )
        x = windows @ (taps / taps.sum())
    return _write(x, image, value_range, _rounded)


def gamma(image, exponent, *, value_range=UNIT):
    """The exponent's power in 0...1. Source: `adjust_gamma`."""
    x, bound = _read(image, value_range)
    return _write_unit((x / bound) ** exponent, image.dtype, value_range)


def hue(image, shift, *, value_range=UNIT):
    """Turns the hue in HSV. Source: `adjust_hue`.

    Args:
        image: The image; one of one channel stays as it is.
        shift: In turns, -0.5 to 0.5; a third brings red to green.
        value_range: The least and the greatest value of a float image.
    """
    if image.shape[-1] == 1:
        return image
    x, bound = _read(image, value_range)
    h, s, v = _hsv(x / bound)
    return _write_unit(_rgb((h + shift) % 1, s, v), image.dtype, value_range)


def saturation_hsv(image, factor, *, value_range=UNIT):
    """Multiplies the saturation in HSV, at most to 1.

    Source: `keras.layers.RandomSaturation` of Keras 3.15 on floats in 0...1, whose f is
    a factor of f / (1 - f). It takes no uint8; those are stored as after `hue`.
    """
    if image.shape[-1] == 1:
        return image
    x, bound = _read(image, value_range)
    h, s, v = _hsv(x / bound)
    x = _rgb(h, np.clip(s * factor, 0, 1), v)
    return _write_unit(x, image.dtype, value_range)


def color_jitter(image, factors, order, *, value_range=UNIT):
    """Several of the above, each on what the one before stored. Source: `ColorJitter`.

    Args:
        image: The image.
        factors: Their arguments by name: "brightness", "contrast", "saturation", "hue".
            A name that is missing is left out.
        order: The names in their order.
        value_range: The least and the greatest value of a float image.
    """
    functions = dict(
        brightness=brightness, contrast=contrast, saturation=saturation, hue=hue
    )
    for name in order:
        if name in factors:
            image = functions[name](image, factors[name], value_range=value_range)
    return image


def gaussian_noise(image, normal, sigma, *, value_range=UNIT):
    """Adds sigma times the normal numbers, clipped. Source: `gaussian_noise`.

    Args:
        image: The image.
        normal: Standard normal numbers of the image's shape.
        sigma: As a share of the value range. On uint8 the noise is cut off towards 0.
        value_range: The least and the greatest value of a float image.
    """
    x, bound = _read(image, value_range)
    noise = bound * sigma * normal
    x = np.clip(x + (noise if bound == 1 else np.trunc(noise)), 0, bound)
    return _write(x, image, value_range)


def normalize(image, mean, std, *, value_range=UNIT):
    """(x - mean) / std per channel, of 0...1, as floats. Source: `normalize`.

    uint8 is divided by 255 first, as by `to_dtype(..., scale=True)`.
    """
    x, bound = _read(image, value_range)
    x = (x / bound - np.asarray(mean)) / np.asarray(std)
    return x if image.dtype == np.uint8 else x.astype(image.dtype)


def float32_bounds(operation, image, *args, **kwargs):
    """The least and the greatest that an operation on uint8 comes to in float32.

    They differ where the exact result is within 1e-3 of a step of the storing.
    """
    results = []
    for between, result in itertools.product((-1e-3, 1e-3, 0.0), repeat=2):
        _errors.update(between=between, result=result)
        results.append(operation(image, *args, **kwargs))
    return np.min(results, axis=0), np.max(results, axis=0)


def _bounds(image, value_range):
    """The least and the greatest value."""
    return (0, 255) if image.dtype == np.uint8 else value_range


def _read(image, value_range):
    """The image in float64, and its greatest value: 255 of uint8, else 1, from 0."""
    if image.dtype == np.uint8:
        return image.astype(np.float64), 255
    low, high = value_range
    return (image.astype(np.float64) - low) / (high - low), 1


def _cut_off(x, which="result"):
    return np.floor(x + HAIR + _errors[which])


def _rounded(x, which="result"):
    return np.rint(x + _errors[which])


def _write(x, image, value_range, whole=_cut_off):
    """What `_read` gave, back in the image's dtype and range."""
    if image.dtype == np.uint8:
        return np.clip(whole(x), 0, 255).astype(np.uint8)
    low, high = value_range
    return (low + (high - low) * x).astype(image.dtype)


def _write_unit(x, dtype, value_range=UNIT):
    """0...1 in a dtype and range: 255.999 levels of uint8. Source: `to_dtype`."""
    if dtype == np.uint8:
        return np.clip(_cut_off(255.999 * x), 0, 255).astype(np.uint8)
    low, high = value_range
    return (low + (high - low) * x).astype(dtype)


def _blend(x, other, factor, bound):
    """The factor's part of x and the rest of the other."""
    return np.clip(factor * x + (1 - factor) * other, 0, bound)


def _grey(x):
    return (x @ np.array(GREY))[..., None]


def _stored_grey(x, bound):
    return _grey(x) if bound == 1 else _cut_off(_grey(x), "between")


def _hsv(x):
    """Hue, saturation and value of 0...1, all in 0...1; grey has the hue 0."""
    r, g, b = np.moveaxis(x, -1, 0)
    v = x.max(axis=-1)
    spread = v - x.min(axis=-1)
    divisor = np.where(spread == 0, 1, spread)
    h = np.select(
        [spread == 0, v == r, v == g],
        [0, (g - b) / divisor, 2 + (b - r) / divisor],
        4 + (r - g) / divisor,
    )
    return h / 6 % 1, spread / np.where(v == 0, 1, v), v


def _rgb(h, s, v):
    """The colour of a hue, a saturation and a value: v - v s max(0, min(k, 4 - k, 1)).

    k is (n + 6 h) modulo 6, with n = 5, 3, 1 for red, green, blue: the usual formula
    without its six cases.
    """
    k = (np.array([5, 3, 1]) + 6 * h[..., None]) % 6
    part = np.clip(np.minimum(k, 4 - k), 0, 1)
    return v[..., None] * (1 - s[..., None] * part)
