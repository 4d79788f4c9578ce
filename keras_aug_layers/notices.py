"""Warnings about what the user gave: once for each place in the user's own code."""

import sys
import warnings

NOT_THE_USERS = ("keras_aug_layers", "keras", "tensorflow")


class DataWarning(UserWarning):
    """What a layer was given looks like something that it would not be treated as.

    It is shown once for each place in your code. Silence it with
    `warnings.filterwarnings("ignore", category=keras_aug_layers.DataWarning)`.
    """


def warn(message: str) -> None:
    """Warns about the line of the user's code that led here."""
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and _between(frame.f_globals, frame.f_code):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, DataWarning, stacklevel=depth)


def _between(names: dict[str, object], code: object) -> bool:
    """Whether a frame is of this library, of what calls it, or made by AutoGraph."""
    package, _, _ = str(names.get("__name__", "")).partition(".")
    made = "__autograph_generated_file" in getattr(code, "co_filename", "")
    return made or package in NOT_THE_USERS
