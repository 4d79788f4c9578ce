"""Layers that mix each image with others of its batch."""
