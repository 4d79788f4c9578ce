"""The command line: python -m keras_aug_layers."""


class CommandError(Exception):
    """What the user can put right on the command line: shown without a traceback."""
