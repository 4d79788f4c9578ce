"""Prints what XLA makes of a layer for GPUs: `python -m benchmarks.gpu_programs`.

For a layer of your own, write `measure(layer, shape, dtype)` in Python. Exit codes: 0,
2 for wrong arguments, 3 where the compiler cannot be had (the message says why).
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # nothing runs on a device

import tensorflow as tf

from benchmarks.gpu_programs import DEVICES, Row, Unavailable, measure
from keras_aug_layers.constructors import build_layer

FIVE = """FusedAugmentation([RandomShift(0.1, 0.1), RandomFlip("horizontal"),
RandomRotate(degrees=30), RandomZoom(0.2), RandomBrightness(gain=0.2)], seed=1)"""

COLUMNS = (
    ("device", lambda row: row.device),
    ("images", lambda row: f"{row.dtype} {'x'.join(map(str, row.shape))}"),
    ("kernels", lambda row: f"{row.kernels}"),
    ("of image size", lambda row: f"{row.image_kernels}"),
    ("temporaries MB", lambda row: f"{row.temporaries / 1e6:.2f}"),
    ("in + out %", lambda row: f"{100 * row.kept:.1f}"),
    ("copies moved", lambda row: f"{row.copies:.2f}"),
    ("instr / pixel", lambda row: f"{row.instructions:.0f}"),
    ("predicted us", lambda row: "-".join(f"{1e6 * x:.0f}" for x in row.seconds)),
    ("a copy us", lambda row: f"{1e6 * row.copy_seconds:.0f}"),
)

EXPLAINED = """
Nothing was run: kernels, bytes and instructions are those of the program that XLA
makes, "of image size" those that touch whole images; "in + out %" is what is kept
between them, and "copies moved" all that is read and written, in copies of the images;
the times follow from the bandwidth, the clock and the look-ups of cache lines."""


def table(rows: list[Row]) -> str:
    """The rows, in columns."""
    lines = [[name for name, _ in COLUMNS]]
    lines += [[write(row) for _, write in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def main(arguments: list[str]) -> int:
    """Measures, prints, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_programs", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--layer", default=FIVE, help="as one writes it in Python; default: five fused"
    )
    parser.add_argument("--devices", nargs="+", default=list(DEVICES), choices=DEVICES)
    parser.add_argument(
        "--dtypes", nargs="+", default=["uint8", "float16", "float32"], metavar="DTYPE"
    )
    parser.add_argument(
        "--shapes",
        nargs="+",
        default=["256x224x224x3", "16x1024x1024x3"],
        metavar="BxHxWxC",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="where to write the rows, for `python -m benchmarks.gpu --predicted FILE`",
    )
    options = parser.parse_args(arguments)
    try:
        shapes = [tuple(map(int, text.split("x"))) for text in options.shapes]
        if any(len(shape) != 4 for shape in shapes):
            raise ValueError(f"a shape is BxHxWxC, not {options.shapes}.")
        for dtype in options.dtypes:
            tf.as_dtype(dtype)
        build_layer(options.layer)
    except ValueError as error:
        parser.error(str(error))
    rows = []
    try:
        for shape in shapes:
            for dtype in options.dtypes:
                layer = build_layer(options.layer)
                rows += measure(layer, shape, dtype, options.devices)
    except Unavailable as error:
        print(f"There is no compiler for GPUs here. {error}", file=sys.stderr)
        return 3
    if options.json:
        content = json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
        options.json.write_text(content + "\n")
    print(table(sorted(rows, key=lambda row: options.devices.index(row.device))))
    print(EXPLAINED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
