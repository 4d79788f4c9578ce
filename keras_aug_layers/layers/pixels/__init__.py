"""Layers that change colours: one file, a function and its layer."""
