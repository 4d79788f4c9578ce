"""The command line: reads the arguments, runs the command, reports what is wrong.

What can be checked without TensorFlow is checked before a command's module, and with
it TensorFlow, is imported.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""What `keras.utils.image_dataset_from_directory` reads."""

VALIDATION_SPLIT = 0.2
"""The share of the user's own images that the demo keeps for the evaluation."""


class CommandError(Exception):
    """What the user can put right: shown as one line, without a traceback."""


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

    demo = commands.add_parser(
        "demo",
        help="train a small model with and without augmentation",
        description="Trains a small CNN with and without the five layers in front of "
        "it, compares the two, and exports the augmented one as a SavedModel.",
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
        "--epochs",
        type=_count,
        default=40,
        help="length of each of the two trainings (%(default)s)",
    )
    demo.add_argument(
        "--seed",
        type=int,
        default=0,
        help="decides on the images, the first weights and all draws (%(default)s)",
    )
    return top


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected at least 1, received {text!r}")
    return int(text)


def _demo(options: argparse.Namespace) -> None:
    needed = ["rich"] if options.images else ["mlxtend", "rich"]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the demo needs {' and '.join(missing)}: "
            "pip install 'keras-aug-layers[demo]'"
        )
    if options.images is not None:
        _check_classes(options.images)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{options.output}: {error.strerror}") from error

    from keras_aug_layers import demo

    demo.run(options.images, options.output, options.epochs, options.seed)


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
