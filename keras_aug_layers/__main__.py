"""Makes `python -m keras_aug_layers` the command line."""

import sys

from keras_aug_layers.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
