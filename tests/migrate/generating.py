"""What the tests of the generator share."""

import numpy as np
import skimage.data

import keras_aug_layers as kal
from keras_aug_layers.layers.generator import GeneratorAugmentation, steps_of
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import as_plan

FILL_MODES = ("nearest", "reflect", "constant")
NEUTRAL = {"channel_shift_intensity": 0.0, "brightness": 1.0}


def photograph(height, width):
    """A photograph, reduced: float32 (height, width, 3), with its greatest value."""
    image = skimage.data.astronaut()[10 : 10 + 5 * height, 60 : 60 + 5 * width]
    return image[::5, ::5].astype("float32")


def random_arguments(rng):
    """Constructor arguments of every kind."""
    shifts = [
        lambda: rng.uniform(0.0, 0.5),
        lambda: rng.uniform(1.0, 20.0),
        lambda: int(rng.integers(1, 20)),
        lambda: [5, -9, int(rng.integers(-20, 20))],
        lambda: [0.1, 0.3],
    ]
    return {
        "rotation_range": rng.uniform(0, 180),
        "width_shift_range": shifts[rng.integers(5)](),
        "height_shift_range": shifts[rng.integers(5)](),
        "shear_range": rng.uniform(0, 50),
        "zoom_range": [0.3, rng.uniform(0.01, 0.8), [0.5, 2.0]][rng.integers(3)],
        "channel_shift_range": rng.uniform(0, 90) * rng.integers(2),
        "horizontal_flip": bool(rng.integers(2)),
        "vertical_flip": bool(rng.integers(2)),
    }


def transform_of(parameters, image, **settings):
    """Our Transform for many sets of the generator's parameters."""
    stacked = {
        name: np.array(
            [NEUTRAL.get(name) if p[name] is None else p[name] for p in parameters]
        )
        for name in parameters[0]
    }
    layer = GeneratorAugmentation(brightness_range=(1, 1), **settings)
    frame = Frame.of((len(parameters), *image.shape), "channels_last")
    plan = as_plan(steps_of(**stacked))
    return kal.Transform.of(plan, frame, layer.settings.resolved())


def pixels_of(transform, image):
    images = np.broadcast_to(image, (transform.matrix.shape[0], *image.shape))
    return transform.images(images).numpy()


def interior(transform, image, order=1):
    """Where the source lies in the frame, and no jump of order 0 is near: (B, H, W)."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x, y, np.ones_like(x)], axis=-1)
    source = grid @ transform.matrix.numpy().astype(float).transpose(0, 2, 1)[:, None]
    source = source[..., :2]
    inside = (source > 1e-3) & (source < np.array([width, height]) - 1.001)
    if order == 0:
        inside &= np.abs(source - np.floor(source) - 0.5) > 1e-3
    return inside.all(axis=-1)


RANGES = {
    "rotation_range": 35.0,
    "shear_range": 25.0,
    "zoom_range": (0.7, 1.4),
    "channel_shift_range": 42.0,
    "brightness_range": (0.4, 1.9),
    "horizontal_flip": True,
    "vertical_flip": True,
}
