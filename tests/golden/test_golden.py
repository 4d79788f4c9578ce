"""Pixels, masks, boxes and keypoints are those of the commit that made golden.npz.

make.py says what is in it, and makes it anew, which is needed only if pixels are to
change. Where no random number matters, no rewrite of what is between may show here.
"""

import itertools

import make
import numpy as np
import pytest

FLOAT_TOLERANCE = 1e-4
"""Of the value range; half a unit in the last place of float16 comes on top of it."""
OFF_BY_ONE = 1e-3
"""The part of interpolated integers that may be rounded the other way."""


CHANGED = {
    *(("int16", x) for x in ("brightness clipped", "colours", "everything", "jitter")),
    *(("int32", x) for x in ("hue", "colours", "everything", "jitter")),
    ("int16", "generator"),
    ("int32", "generator"),
}
"""Brightness is about the low end of the range, which there is not 0, and no more 0.
That of a generator keeps within the range of images that are not in 0 … 255. A linear
hue is computed with a third of float64: of a float32 the last digits were wrong."""


@pytest.fixture(scope="module")
def golden():
    """All arrays, by key."""
    with np.load(make.GOLDEN) as arrays:
        return dict(arrays)


def difference(actual, expected, unit=1.0, exact=True):
    """How the arrays differ, in words: "" if they do not.

    Not `exact` are interpolated integers, which may differ by one; how many do is for
    the caller to count.
    """
    dtype = actual.dtype
    floating = dtype.kind == "f"
    if floating != (expected.dtype.kind == "f") or actual.shape != expected.shape:
        return f"is {dtype} {actual.shape}, was {expected.dtype} {expected.shape}"
    if not floating and dtype != expected.dtype:
        return f"is {dtype}, was {expected.dtype}"
    if not floating and exact:
        off = actual != expected
    else:
        expected = expected.astype("float64")
        tolerance = 1.0
        if floating:
            tolerance = FLOAT_TOLERANCE * unit
        if dtype == "float16":
            tolerance = tolerance + np.spacing(np.abs(expected).astype(dtype)) / 2
        off = ~(np.abs(actual.astype("float64") - expected) <= tolerance)
    if not off.any():
        return ""
    where = tuple(int(i) for i in np.argwhere(off)[0])
    return (
        f"{off.sum()} of {off.size} differ, first at {where}: "
        f"is {actual[where]}, was {expected[where]}"
    )


@pytest.mark.parametrize(("form", "dtype"), make.FORMS)
def test_pixels(golden, form, dtype):
    kind, wrong, rounded, interpolated = make.KINDS[dtype], {}, 0, 0
    for name, actual in make.pixels(form, dtype).items():
        if (dtype, name) in CHANGED:
            continue
        expected, exact = golden[make.key(dtype, name)], name in make.EXACT
        assert actual.dtype == dtype
        wrong[name] = difference(actual, expected, kind.unit, exact)
        if not exact and not kind.floating and not wrong[name]:
            rounded += (actual != expected).sum()
            interpolated += actual.size
    assert {name: text for name, text in wrong.items() if text} == {}
    assert rounded <= OFF_BY_ONE * interpolated


@pytest.mark.parametrize("part", make.OTHER)
def test_what_is_no_batch_of_images(golden, part):
    wrong = {}
    for name, actual in make.other(part).items():
        expected = golden[f"{part}/{name}"]
        # Points are in pixels or relative; normalised images have units of their own.
        unit = max(1.0, np.abs(expected).max()) if expected.dtype.kind == "f" else 1.0
        wrong[name] = difference(actual, expected, unit)
    assert {name: text for name, text in wrong.items() if text} == {}


def test_nothing_is_left_out(golden):
    """What is stored is what is compared."""
    every = itertools.product(make.KINDS, make.CASES)
    pixels = {make.key(dtype, name) for dtype, name in every}
    others = {key for key in golden if key.split("/")[0] in make.OTHER}
    assert golden.keys() == pixels | others
