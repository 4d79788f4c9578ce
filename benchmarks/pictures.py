"""The pictures of the documentation: `python -m benchmarks.pictures`.

Everything in them is computed, from NASA's portrait of Eileen Collins in scikit-image,
which is in the public domain; draws are seeded. `--check` says which pictures of the
repository are not what the library makes today.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import skimage.data
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

import keras_aug_layers as kal
from keras_aug_layers.commands.preview import GAP, INK, PAPER, SAMPLE, Row, sheet
from keras_aug_layers.layers.base import AugmentationLayer

FOLDER = Path(__file__).with_name("pictures")
GRAY = (120, 120, 120)

# Fused against layer by layer.
MOVES: list[AugmentationLayer] = [
    kal.RandomShift((0.03, 0.03), (-0.045, -0.045)),
    kal.RandomRotate(degrees=(24, 24)),
    kal.RandomZoom((-0.1, -0.1)),
    kal.RandomRotate(degrees=(-13, -13)),
]
EYE = slice(0, 232), slice(56, 288)
"""Rows and columns of scikit-image's cat, a photograph in the public domain (CC0)."""
OVERSAMPLING = 2
"""How much finer than the photograph that is moved the one for its reference is."""
CROP = 72
"""Pixels of the middle that are shown and measured: what lies beyond the frame does
not reach them, so that only resampling is compared."""
ENLARGED = 4

# The gallery.
DRAWS = 5
SEED = 2495
"""One whose first draws are spread over their ranges."""
TWO = kal.RandomRotate(degrees=30), kal.RandomBrightness(gain=0.5)
LAYERS: dict[str, AugmentationLayer] = {
    "RandomShift(0.2, 0.2)": kal.RandomShift(0.2, 0.2),
    "RandomFlip()": kal.RandomFlip(),
    "RandomRotate(degrees=45)": kal.RandomRotate(degrees=45),
    "RandomZoom(0.4)": kal.RandomZoom(0.4),
    "RandomShear(0.3, 0.3)": kal.RandomShear(0.3, 0.3),
    "RandomPerspective(scale=0.8)": kal.RandomPerspective(scale=0.8),
    "RandomBrightness(gain=0.5)": kal.RandomBrightness(gain=0.5),
    "RandomColorDegeneration(1.0)": kal.RandomColorDegeneration(1.0),
    "RandomContrast(0.7)": kal.RandomContrast(0.7),
    "RandomSaturation(gain=0.9)": kal.RandomSaturation(gain=0.9),
    "RandomHue(0.4)": kal.RandomHue(0.4),
    "RandomGrayscale(0.5)": kal.RandomGrayscale(0.5),
    "RandomInvert(0.5)": kal.RandomInvert(0.5),
    "RandomChannelShift(60)": kal.RandomChannelShift(60),
    "RandomColorJitter(brightness=0.3, contrast=0.3, saturation=0.5, hue=0.1, "
    'order="random")': kal.RandomColorJitter(
        brightness=0.3, contrast=0.3, saturation=0.5, hue=0.1, order="random"
    ),
    "RandomApply(RandomRotate(degrees=45), 0.5)": kal.RandomApply(
        kal.RandomRotate(degrees=45), 0.5
    ),
    "RandomChoice([RandomRotate(degrees=30), RandomBrightness(gain=0.5)])": (
        kal.RandomChoice(TWO)
    ),
    "RandAugment()": kal.RandAugment(),
    "TrivialAugment()": kal.TrivialAugment(),
    "AutoAugment()": kal.AutoAugment(),
    "ThreeAugment()": kal.ThreeAugment(),
    "AugMix()": kal.AugMix(),
    "RandomGamma((0.4, 2.5))": kal.RandomGamma((0.4, 2.5)),
    "Solarization(threshold_factor=0.9)": kal.Solarization(threshold_factor=0.9),
    "RandomPosterization((1, 4))": kal.RandomPosterization((1, 4)),
    "Equalization()": kal.Equalization(),
    "AutoContrast()": kal.AutoContrast(),
    "RandomSharpness(1.0)": kal.RandomSharpness(1.0),
    "RandomGaussianBlur(kernel_size=9, sigma=(0.5, 3.0))": kal.RandomGaussianBlur(
        kernel_size=9, sigma=(0.5, 3.0)
    ),
    "RandomGaussianNoise(0.2)": kal.RandomGaussianNoise(0.2),
    "RandomLowResolution((0.05, 0.5))": kal.RandomLowResolution((0.05, 0.5)),
    "RandomHSV(0.1)": kal.RandomHSV(0.1),
    "RandomErasing(scale=(0.05, 0.3))": kal.RandomErasing(scale=(0.05, 0.3)),
    "CoarseDropout()": kal.CoarseDropout(),
    "GridMask()": kal.GridMask(),
    "RandomElasticTransform()": kal.RandomElasticTransform(),
    "RandomGridDistortion()": kal.RandomGridDistortion(),
    "RandomOpticalDistortion()": kal.RandomOpticalDistortion(),
    "RandomCrop(96, 128)": kal.RandomCrop(96, 128),
    "RandomResizedCrop(128, 128)": kal.RandomResizedCrop(128, 128),
    "MixUp(1.0, num_classes=2)": kal.MixUp(1.0, num_classes=2),
    "CutMix(num_classes=2)": kal.CutMix(num_classes=2),
    "Mosaic(num_classes=2)": kal.Mosaic(num_classes=2),
    "FusedAugmentation([RandomRotate(degrees=30), RandomBrightness(gain=0.5)])": (
        kal.FusedAugmentation(TWO)
    ),
}
"""Every public layer of which a strip tells something, under the call that makes it."""
WITHOUT_PICTURE = {"CenterCrop", "MultiCrop", "Normalize", "Rescaling", "Resizing"}
"""Layers that draw nothing, or give views of several sizes."""
FILLS = {
    f'RandomShift(0.4, 0.4, fill_mode="{mode}")': kal.RandomShift(
        0.4, 0.4, fill_mode=mode
    )
    for mode in ("reflect", "nearest", "wrap", "constant")
}


def pictures() -> Iterator[tuple[Path, Callable[[], Image.Image]]]:
    """Every picture's file, and what makes it; the sample first: others show it."""
    yield SAMPLE, sample
    yield FOLDER / "fused.png", fused
    yield FOLDER / "coordinates.png", coordinates
    for title, layer in LAYERS.items():
        name = title.partition("(")[0]
        yield FOLDER / f"{name}.jpg", lambda t=title, x=layer: strip(t, x)
    for title, layer in FILLS.items():
        name = f"fill_mode_{layer.fill_mode}"
        yield FOLDER / f"{name}.jpg", lambda t=title, x=layer: strip(t, x)


def sample() -> Image.Image:
    """The photograph that the package carries."""
    portrait = Image.fromarray(skimage.data.astronaut())
    return portrait.resize((160, 160), Image.Resampling.LANCZOS)


def strip(title: str, layer: AugmentationLayer) -> Image.Image:
    """The sample, and what a layer makes of it; what mixes finds a cat before it."""
    image = np.asarray(Image.open(SAMPLE))
    if layer.mixes():
        cat = Image.fromarray(skimage.data.chelsea()[:, 56:356])
        cat = np.asarray(cat.resize(image.shape[:2], Image.Resampling.LANCZOS))
        batch = {"images": np.stack([cat, image] * DRAWS), "labels": [0, 1] * DRAWS}
        drawn = layer(batch, training=True, seed=(0, SEED))["images"].numpy()[1::2]
    else:
        drawn = layer(np.stack([image] * DRAWS), training=True, seed=(0, SEED)).numpy()
    return sheet([Row(title, [image, *drawn])])


def fused() -> Image.Image:
    """Four moves layer by layer and fused, with the error of each."""
    fine = skimage.data.chelsea()[EYE].astype("float64")
    size = len(fine) // OVERSAMPLING
    photo = fine.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3).mean(axis=(1, 3))
    matrix = kal.FusedAugmentation(MOVES).sample((size, size, 3)).matrix[0].numpy()
    x, y = _moved(*np.meshgrid(np.arange(size), np.arange(size)), matrix)
    rings = _rings(*np.meshgrid(np.arange(size), np.arange(size)), size)
    return grid(
        [
            _compared(photo, "photo", _photographed(fine, matrix, size), "finer photo"),
            _compared(rings, "formula", _rings(x, y, size), "formula"),
        ]
    )


def _compared(
    source: np.ndarray, name: str, exact: np.ndarray, origin: str
) -> list[tuple[str, np.ndarray]]:
    """A row: the source, what both ways make of it, and what they should make."""
    image = chain = source[np.newaxis].astype("float32")
    with kal.no_chaining():
        for layer in MOVES:
            chain = layer(chain, training=True)
    once = kal.FusedAugmentation(MOVES)(image, training=True)
    chain, once = (_middle(result.numpy()[0]) for result in (chain, once))
    exact = _middle(exact)

    def error(result: np.ndarray) -> str:
        return f"RMS error {np.sqrt(((result - exact) ** 2).mean()):.1f} of 255"

    return [
        (f"the {name}", _middle(source)),
        (f"layer by layer: {len(MOVES)} warps\n{error(chain)}", chain),
        (f"fused: 1 warp\n{error(once)}", once),
        (f"what it should be,\nfrom the {origin}", exact),
    ]


def _middle(image: np.ndarray) -> np.ndarray:
    margin = (len(image) - CROP) // 2
    return image[margin : margin + CROP, margin : margin + CROP]


def _moved(
    x: np.ndarray, y: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the output shows the source, for an affine matrix."""
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
    )


def _rings(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """A picture with a formula: rings that become narrower towards the edge."""
    x, y = x - 0.4 * size, y - 0.45 * size
    gray = 127.5 + 127.5 * np.cos(np.pi * (x**2 + y**2) / (2.6 * size))
    return np.repeat(gray[..., np.newaxis], 3, axis=2)


def _photographed(fine: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The photograph as if the camera had moved: each pixel the mean over its square.

    Args:
        fine: the finer photograph.
        matrix: from pixels of the output to pixels of the coarse photograph.
        size: of the output.
    """
    parts = 4
    steps = (np.arange(size * parts) + 0.5) / parts - 0.5
    x, y = _moved(*np.meshgrid(steps, steps), matrix)
    x, y = (OVERSAMPLING * (c + 0.5) - 0.5 for c in (x, y))
    points = np.stack([y, x])
    channels = [
        scipy.ndimage.map_coordinates(channel, points, order=3, mode="reflect")
        for channel in np.moveaxis(fine, -1, 0)
    ]
    blocks = np.stack(channels, axis=-1).reshape(size, parts, size, parts, 3)
    return blocks.mean(axis=(1, 3))


def grid(rows: list[list[tuple[str, np.ndarray]]]) -> Image.Image:
    """Tiles, enlarged pixel by pixel, each under a title of up to two lines."""
    font, title, side = ImageFont.load_default(20), 56, CROP * ENLARGED
    width, height = (
        GAP + len(rows[0]) * (side + GAP),
        GAP + len(rows) * (title + side + GAP),
    )
    paper = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(paper)
    for i, row in enumerate(rows):
        for j, (text, tile) in enumerate(row):
            left, top = GAP + j * (side + GAP), GAP + i * (title + side + GAP)
            pixels = Image.fromarray(tile.round().clip(0, 255).astype("uint8"))
            pen.text((left, top + title - 6), text, INK, font, anchor="ld")
            large = pixels.resize((side, side), Image.Resampling.NEAREST)
            paper.paste(large, (left, top + title))
    return paper


def coordinates() -> Image.Image:
    """Keypoints at the centres of pixels, boxes at their edges, before and after."""
    columns, rows = 6, 4
    turn = kal.RandomRotate(degrees=(180, 180), bounding_box_format="xyxy")
    transform = turn.sample((rows, columns, 3))
    point, box = (1.0, 2.0), (1.0, 1.0, 3.0, 4.0)
    new_point = transform.keypoints(tf.constant([point]))[0].numpy()
    new_box = transform.bounding_boxes({"boxes": tf.constant([box])})["boxes"][0]

    zoom, cell, margin = 3, 52, 40  # drawn three times too large, for smooth edges
    panel = columns * cell + 2 * margin, rows * cell + 2 * margin + 20
    paper = Image.new("RGB", (2 * panel[0] * zoom, 2 * panel[1] * zoom), PAPER)
    pen = ImageDraw.Draw(paper)
    small, large = (ImageFont.load_default(size * zoom) for size in (15, 18))

    def draw(left: float, top: float, title: str, shown: Any, offset: float) -> None:
        """A panel; `offset` is what coordinate 0 is away from the first edge."""

        def at(x: float, y: float) -> tuple[float, float]:
            return (left + x * cell) * zoom, (top + y * cell) * zoom

        pen.text((left * zoom, (top - 52) * zoom), title, INK, large)
        for y in range(rows):
            for x in range(columns):
                shade = (236, 240, 245) if (x + y) % 2 else (219, 226, 235)
                pen.rectangle((*at(x, y), *at(x + 1, y + 1)), shade)
        for count, position in ((columns, lambda c: (c, 0)), (rows, lambda c: (0, c))):
            for number in range(count + (offset == 0.0)):
                x, y = at(*position(number + offset))
                if count == columns:
                    y -= 12 * zoom
                elif offset == 0.0 or count == rows:
                    x -= 12 * zoom
                pen.text((x, y), str(number), GRAY, small, anchor="mm")
        red = (214, 40, 57)
        if len(shown) == 2:
            x, y = at(*(c + offset for c in shown))
            radius = 8 * zoom
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), red)
        else:
            corners = *at(*shown[:2]), *at(*shown[2:])
            pen.rectangle(corners, outline=red, width=4 * zoom)

    def text(numbers: Any) -> str:
        return "(" + ", ".join(f"{number:g}" for number in numbers) + ")"

    for j, (what, shown_point, shown_box) in enumerate(
        (("", point, box), (", half a turn later", new_point, new_box.numpy()))
    ):
        left = j * panel[0] + margin
        title = f"keypoint {text(shown_point)}{what}"
        draw(left, margin + 20, title, shown_point, 0.5)
        title = f"box {text(shown_box)}{what}"
        draw(left, panel[1] + margin + 20, title, shown_box, 0.0)
    size = paper.width // zoom, paper.height // zoom
    return paper.resize(size, Image.Resampling.LANCZOS)


def encoded(picture: Image.Image, path: Path) -> bytes:
    """The picture as its file holds it."""
    data = io.BytesIO()
    if path.suffix == ".jpg":
        # The strips are many: together with the rest they are less than two mebibytes.
        quality, subsampling = (84, 0) if path == SAMPLE else (75, 2)
        picture.save(
            data, "JPEG", quality=quality, subsampling=subsampling, optimize=True
        )
    else:
        picture.save(data, "PNG", optimize=True)
    return data.getvalue()


def same(a: Image.Image, b: Image.Image) -> bool:
    """Whether pictures differ by no more than codecs and processors do.

    No square of eight pixels may differ by more than two of 255, on average.
    """
    if a.size != b.size:
        return False
    pixels = [np.asarray(x.convert("RGB"), "float64") for x in (a, b)]
    difference = np.abs(pixels[0] - pixels[1]).mean(axis=2)
    height, width = (length // 8 * 8 for length in difference.shape)
    squares = difference[:height, :width].reshape(height // 8, 8, width // 8, 8)
    return bool(squares.mean(axis=(1, 3)).max() <= 2.0)


def main(arguments: list[str] | None = None) -> int:
    """Makes the pictures, or says which are out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pictures", description=__doc__
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and fail if one is old"
    )
    check = parser.parse_args(arguments).check
    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)  # each layer runs once: not worth a trace
    try:
        old = _update(check)
    finally:
        tf.config.run_functions_eagerly(eager)
    for path in sorted(old):
        print(f"{path} is {'out of date' if check else 'removed'}")
    return 1 if check and old else 0


def _update(check: bool) -> set[Path]:
    """Writes what is out of date, or only finds it; returns that, and what is not ours.

    A file that would only differ as `same` allows stays as it is.
    """
    FOLDER.mkdir(exist_ok=True)
    old = set(FOLDER.iterdir())
    for path, make in pictures():
        data = encoded(make(), path)
        old.discard(path)
        if path.exists() and same(Image.open(path), Image.open(io.BytesIO(data))):
            continue
        if check:
            old.add(path)
        else:
            path.write_bytes(data)
            print(f"{path} is written")
    if not check:
        for path in old:
            path.unlink()
    return old


if __name__ == "__main__":
    sys.exit(main())
