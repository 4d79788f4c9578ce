"""The preview: a contact sheet of what each layer makes of photos, and all of them."""

import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from keras_aug_layers.commands import CommandError
from keras_aug_layers.commands.chosen import Chosen
from keras_aug_layers.commands.files import decode
from keras_aug_layers.kernels.targets import formats
from keras_aug_layers.layers.base import AugmentationLayer

SAMPLE = Path(__file__).with_name("sample.jpg")
"""NASA's portrait of Eileen Collins, in the public domain."""

GAP, TITLE, TEXT, NARROWEST = 6, 24, 15, 800
"""Pixels: between tiles, the height of a line, of its letters; the narrowest sheet."""
INK, PAPER = (33, 33, 33), (255, 255, 255)
COLORS = np.array(
    [(255, 214, 10), (0, 180, 255), (255, 45, 85), (50, 215, 75), (191, 90, 242)]
)
"""Of boxes and of the labels of a mask, in turn."""
MOST_LABELS = 64
FUSED = "all of them fused"


class Subject(NamedTuple):
    """A photograph and what belongs to it, at the size of a tile.

    Attributes:
        image: uint8 (H, W, 3).
        mask: uint8 (H, W, 1) labels, 0 the background.
        boxes: float64 (N, 4), left, top, right, bottom.
    """

    image: np.ndarray
    mask: np.ndarray | None = None
    boxes: np.ndarray | None = None


class Row(NamedTuple):
    """A row of the sheet: its title, and tiles, uint8 (H, W, 3)."""

    title: str
    tiles: Sequence[np.ndarray]


def run(
    photos: Sequence[Path],
    output: Path,
    chosen: Chosen,
    *,
    mask: Path | None = None,
    boxes: Any = None,
    box_format: str = "xyxy",
    columns: int = 5,
    size: int = 160,
    seed: int = 0,
    show: bool = False,
) -> None:
    """Writes the contact sheet, and says where.

    Args:
        photos: files that TensorFlow decodes; none for the packaged sample.
        output: the sheet's file.
        chosen: the layers, one for each row.
        mask: an image of labels, as large as the photo.
        boxes: rows of four numbers in pixels of the photo, or a dict with such "boxes".
        box_format: their format, as of `bounding_box_format`.
        columns: how often each layer draws.
        size: the longer side of a tile. Photos that are larger, than that and along
            both axes than any size that a layer names, are shrunk before they are
            augmented; what comes out is brought to the size of a tile, or enlarged by a
            whole factor.
        seed: of all draws.
        show: whether to open the sheet.

    Raises:
        CommandError: if a file, or what is in it, is of no use.
    """
    rows = []
    shown = list(zip(chosen.layers, chosen.titles, strict=True))
    if chosen.fused is not None and len(shown) > 1:
        shown.append((chosen.fused, FUSED))
    least = _named_size(chosen.layers, size)
    for photo in photos or [SAMPLE]:
        subject = read(photo, size, mask, boxes, box_format, least)
        original = annotated(subject, size)
        for number, (layer, title) in enumerate(shown):
            try:
                drawn = draws(subject, layer, columns, (seed, number))
            except ValueError as error:
                raise CommandError(f"{title}: {one_line(error)}") from error
            tiles = [original, *(annotated(draw, size) for draw in drawn)]
            name = f"{photo.name}: " if len(photos) > 1 else ""
            rows.append(Row(name + title, tiles))
    picture = sheet(rows)
    try:
        picture.save(output)
    except (OSError, ValueError) as error:  # too large for a format, among others
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"{output}: {reason}") from error
    several = f"{columns} draw{'s' * (columns != 1)}"
    print(f"{output}: each row the original, then {several} of a layer")
    if chosen.left_out:
        print(f"not shown: {'; '.join(chosen.left_out)}")
    if show:
        _show(picture)


def read(
    photo: Path,
    size: int,
    mask: Path | None = None,
    boxes: Any = None,
    box_format: str = "xyxy",
    least: tuple[int, int] = (0, 0),
) -> Subject:
    """Reads a photograph and what belongs to it, shrunk to `size`.

    Its height and width are `least` at least, so that a crop of that size has a choice.
    """
    image = _rgb(decode(photo))
    labels = None if mask is None else _labels(mask, image.shape[:2])
    corners = None if boxes is None else _corners(boxes, image.shape[:2], box_format)
    height, width = image.shape[:2]
    scale = max(size / max(height, width), *np.divide(least, (height, width)))
    if scale < 1.0:
        shape = max(round(width * scale), 1), max(round(height * scale), 1)
        pixels = Image.fromarray(image).resize(shape, Image.Resampling.LANCZOS)
        image = np.asarray(pixels)
        if labels is not None:
            small = Image.fromarray(labels[..., 0])
            small = small.resize(shape, Image.Resampling.NEAREST)
            labels = np.asarray(small)[..., np.newaxis]
        if corners is not None:
            corners = corners * np.tile(np.divide(shape, (width, height)), 2)
    return Subject(image, labels, corners)


def draws(
    subject: Subject, layer: AugmentationLayer, count: int, seed: tuple[int, int]
) -> list[Subject]:
    """What a layer makes of a photograph, `count` times, as it would in training."""
    value_range = layer.settings.value_range
    image = subject.image
    if value_range is not None:
        low, high = value_range
        image = low + (high - low) / 255.0 * image.astype("float32")
    data: dict[str, Any] = {"images": np.stack([image] * count)}
    if subject.mask is not None:
        data["segmentation_masks"] = np.stack([subject.mask] * count)
    if subject.boxes is not None:
        data["bounding_boxes"] = {"boxes": np.stack([subject.boxes] * count)}
    # Not a call of the layer: Keras surrounds what it raises with the whole input.
    drawn = layer.sample(data["images"], seed=seed).apply(data)
    images = drawn["images"].numpy()
    if value_range is not None:
        images = np.round((images - low) * (255.0 / (high - low))).clip(0, 255)
    return [
        Subject(
            images[i].astype("uint8"),
            None if subject.mask is None else drawn["segmentation_masks"][i].numpy(),
            None if subject.boxes is None else drawn["bounding_boxes"]["boxes"][i],
        )
        for i in range(count)
    ]


def annotated(subject: Subject, size: int) -> np.ndarray:
    """A tile: the photograph under its mask and its boxes, uint8 (H, W, 3).

    Args:
        subject: what is shown.
        size: the longer side at most; much smaller ones are enlarged by a whole factor.
    """
    image = subject.image
    if subject.mask is not None:
        labels = subject.mask[..., 0].astype(int)
        tint = COLORS[(labels - 1) % len(COLORS)]
        blend = np.where(labels[..., np.newaxis] > 0, (image + tint) / 2, image)
        image = blend.astype("uint8")
    picture = Image.fromarray(image)
    longer = max(picture.size)
    scale = size / longer if longer > size else size // longer
    shape = [max(round(scale * side), 1) for side in picture.size]
    smooth = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    picture = picture.resize(shape, smooth)
    if subject.boxes is None:
        return np.asarray(picture)
    scales = np.tile(np.divide(shape, image.shape[1::-1]), 2)
    pen = ImageDraw.Draw(picture)
    for number, box in enumerate(np.asarray(subject.boxes)):
        if (box != -1.0).any():
            left, top, right, bottom = (scales * box).tolist()
            # Pillow names pixels, the last one included; boxes name their edges.
            right, bottom = max(right - 1.0, left), max(bottom - 1.0, top)
            color = tuple(COLORS[number % len(COLORS)].tolist())
            pen.rectangle((left, top, right, bottom), outline=color, width=2)
    return np.asarray(picture)


def sheet(rows: Sequence[Row]) -> Image.Image:
    """Lays rows of tiles out on paper, each under its title."""
    font = ImageFont.load_default(TEXT)
    width = max(sum(tile.shape[1] + GAP for tile in row.tiles) for row in rows)
    width = max(width, NARROWEST)
    letters = int(width / font.getlength("n"))
    titles = [textwrap.wrap(row.title, letters) for row in rows]
    tops = [GAP]
    for row, title in zip(rows, titles, strict=True):
        height = max(tile.shape[0] for tile in row.tiles)
        tops.append(tops[-1] + TITLE * len(title) + height + GAP)
    paper = Image.new("RGB", (GAP + width, tops[-1]), PAPER)
    pen = ImageDraw.Draw(paper)
    for row, title, top in zip(rows, titles, tops, strict=False):
        for number, line in enumerate(title):
            pen.text((GAP, top + TITLE * number), line, INK, font)
        left = GAP
        for tile in row.tiles:
            paper.paste(Image.fromarray(tile), (left, top + TITLE * len(title)))
            left += tile.shape[1] + GAP
    return paper


def _named_size(layers: Sequence[AugmentationLayer], size: int) -> tuple[int, int]:
    """The greatest height and width that layers name; 0 where none names any.

    Named is what comes out of squares of either of two sizes.
    """
    made = [
        [tuple(x.compute_output_shape((1, n, n, 3))[1:3]) for n in (size, size + 1)]
        for x in layers
    ]
    named = [(0, 0), *(one for one, other in made if one == other)]
    height, width = np.max(named, axis=0).tolist()
    return height, width


def one_line(error: Exception) -> str:
    """What is wrong, without line breaks."""
    return " ".join(str(error).split())


def _rgb(image: np.ndarray) -> np.ndarray:
    """Three channels, of any number: grey is repeated, alpha dropped."""
    return image[..., :1].repeat(3, 2) if image.shape[2] < 3 else image[..., :3]


def _labels(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Numbers the colours of a mask: uint8 (H, W, 1), 0 where it is black."""
    mask = _rgb(decode(path, tf.uint16))
    if mask.shape[:2] != size:
        found, expected = (f"{x[1]} x {x[0]}" for x in (mask.shape, size))
        raise CommandError(f"{path} has {found} pixels, the photo {expected}")
    packed = mask.astype("int64") @ (2**32, 2**16, 1)
    count = len(np.unique(packed))
    if count > MOST_LABELS:
        raise CommandError(f"{path} has {count} colours: a mask has one for each class")
    colors = np.union1d(packed, 0)
    return np.searchsorted(colors, packed).astype("uint8")[..., np.newaxis]


def _corners(boxes: Any, size: tuple[int, int], box_format: str) -> np.ndarray:
    """Reads boxes: float64 (N, 4), left, top, right, bottom in pixels."""
    rows = boxes.get("boxes") if isinstance(boxes, dict) else boxes
    wrong = CommandError("--boxes: expected a list of boxes of four numbers each")
    try:
        numbers = np.array(rows, "float64")
    except (TypeError, ValueError):
        raise wrong from None
    if numbers.ndim != 2 or numbers.shape[1] != 4 or not np.isfinite(numbers).all():
        raise wrong
    frame = np.array([[size[::-1] * 2]], "float64")
    corners = formats.to_xyxy(tf.constant(numbers[np.newaxis]), frame, box_format)
    corners = corners[0].numpy()
    if (corners[:, 2:] < corners[:, :2]).any():
        raise CommandError(f"--boxes: a box ends before it begins, as {box_format}")
    return corners


def _show(picture: Image.Image) -> None:
    screen = {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    if sys.platform == "linux" and not screen:
        print("There is no screen to show it on.")
    else:
        picture.show()
