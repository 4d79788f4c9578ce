"""The command line: python -m keras_aug_layers."""
