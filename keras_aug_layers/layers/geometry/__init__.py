"""Layers that move pixels: one file, one layer."""
