"""An independent warp in float64 NumPy, and the matrices to feed it.

Written from the definition: an output pixel shows the point of the input to which its
matrix (output to input, pixel centres at integers) sends it, and a fill mode extends
the input over the whole plane:

- "reflect": d c b a | a b c d | d c b a, as SciPy's "reflect";
- "nearest": a a a a | a b c d | d d d d, as SciPy's "nearest";
- "constant": k k k k | a b c d | k k k k, as SciPy's "grid-constant";
- "wrap":    a b c d | a b c d | a b c d, with period len; between d and a, nothing is
  interpolated: it is d left of the frame, a right of it.
"""

import functools

import numpy as np

PAD_MODES = {
    "reflect": "symmetric",
    "nearest": "edge",
    "constant": "constant",
    "wrap": "wrap",
}
"""NumPy's names of the fill modes."""


def reference_warp(images, matrices, fill_mode, interpolation, fill_value=0.0):
    """Warps (B, H, W, C) by (B, 3, 3), in float64."""
    images = np.asarray(images, np.float64)
    size = images.shape[1:3]
    return np.stack(
        [
            _sample(image, x, y, fill_mode, interpolation, fill_value)
            for image, (x, y) in zip(images, coordinates(matrices, size), strict=True)
        ]
    )


def coordinates(matrices, size):
    """(B, 2, H, W): the x and the y that each output pixel shows."""
    y, x = np.mgrid[: size[0], : size[1]]
    grid = np.stack([x, y, np.ones_like(x)]).astype(np.float64)
    x, y, w = np.einsum("bij,jhw->ibhw", np.asarray(matrices, np.float64), grid)
    return np.stack([x / w, y / w], axis=1)


def well_defined(matrices, size, fill_mode, interpolation, margin=1e-3):
    """(B, H, W): where no jump of the sampled function is within the margin.

    "nearest" jumps halfway between two pixels, "wrap" at the edges of its seam.
    """
    at = coordinates(matrices, size)
    far = np.ones_like(at, bool)
    if interpolation == "nearest":
        far &= np.abs(at - np.floor(at) - 0.5) > margin
    if fill_mode == "wrap":
        length = np.array(size[::-1]).reshape(1, 2, 1, 1)
        for edge in (0, length - 1):
            off = at - edge
            far &= np.abs(off - length * np.round(off / length)) > margin
    return far.all(axis=1)


def _sample(image, x, y, fill_mode, interpolation, fill_value):
    (row_a, row_b, fy), (column_a, column_b, fx) = (
        _neighbours(c, length, fill_mode, interpolation)
        for c, length in zip((y, x), image.shape[:2], strict=True)
    )

    def pixels(row, column):
        outside = (row < 0) | (column < 0)
        return np.where(outside[..., None], fill_value, image[row, column])

    fx, fy = fx[..., None], fy[..., None]
    above = (1 - fx) * pixels(row_a, column_a) + fx * pixels(row_a, column_b)
    below = (1 - fx) * pixels(row_b, column_a) + fx * pixels(row_b, column_b)
    return (1 - fy) * above + fy * below


def _neighbours(c, length, fill_mode, interpolation):
    """The two pixels around c along an axis, -1 for none, and the second's weight."""
    if interpolation == "nearest":
        a = b = np.floor(c + 0.5)
    else:
        a, b = np.floor(c), np.floor(c) + 1
    if fill_mode == "wrap":
        in_seam = np.mod(c, length) > length - 1
        seam = np.where(c < 0, length - 1, 0)
        a, b = np.where(in_seam, seam, a), np.where(in_seam, seam, b)
    index = functools.partial(_index, length=length, fill_mode=fill_mode)
    return index(a), index(b), c - np.floor(c)


def _index(i, length, fill_mode):
    """The pixel that stands at the integer i of the plane, -1 for the fill value."""
    i = i.astype(np.int64)
    if fill_mode == "reflect":
        i = np.mod(i, 2 * length)
        return np.minimum(i, 2 * length - 1 - i)
    if fill_mode == "nearest":
        return np.clip(i, 0, length - 1)
    if fill_mode == "wrap":
        return np.mod(i, length)
    return np.where((i >= 0) & (i < length), i, -1)


def shift(dx, dy):
    """Moves the image right and down."""
    return np.array([[1, 0, -dx], [0, 1, -dy], [0, 0, 1]], np.float64)


def about_centre(linear, size):
    """A 2 x 2 matrix on (x, y), applied around ((W - 1) / 2, (H - 1) / 2)."""
    centre = (np.array(size[::-1]) - 1) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - np.asarray(linear) @ centre
    return matrix


def rotate(degrees, size):
    """Turns the image counter-clockwise, as one looks at it (y points down)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return about_centre([[cos, -sin], [sin, cos]], size)


def zoom(height, width, size):
    """Shows 1 + height times the height of the source, 1 + width times its width."""
    return about_centre([[1 + width, 0], [0, 1 + height]], size)


def flip(horizontal, vertical, size):
    """Mirrors left and right, top and bottom."""
    return about_centre(np.diag([1 - 2 * horizontal, 1 - 2 * vertical]), size)
