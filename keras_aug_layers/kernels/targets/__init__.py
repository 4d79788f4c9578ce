"""Bounding boxes and keypoints: formats, reading, moving."""
