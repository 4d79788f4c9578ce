"""Published training recipes, each one call.

They are for decoded photographs: uint8, of any size, as single images or as batches.
Every number is that of the publication or of the code that its docstring names.
"""

from keras_aug_layers.recipes.dense import nnunet, yolo
from keras_aug_layers.recipes.recipe import Recipe
from keras_aug_layers.recipes.self_supervised import byol, dino, mae, simclr
from keras_aug_layers.recipes.supervised import deit3, timm, torchvision_resnet50

__all__ = [
    "Recipe",
    "byol",
    "deit3",
    "dino",
    "mae",
    "nnunet",
    "simclr",
    "timm",
    "torchvision_resnet50",
    "yolo",
]
