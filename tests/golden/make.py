"""What layers made of small images at one commit, for test_golden.py to hold on to.

    PYTHONPATH=… python tests/golden/make.py        # of the package on the path

writes golden.npz beside it. The stored one is of commit 4c267d0. Every layer has a
range of a single value (or chances of 0 and 1), so that no random number matters, and
another way of drawing changes nothing. The values are crooked on purpose: no result
lies half-way between two integers, and no pixel half-way between two others, where the
last bit of a float would decide.

The keys are "dtype/case", whatever the form of the call; the three floating dtypes
share what float64 gives, as "float/case". What is in `OTHER` is "part/name".
"""

import functools
import os
import pathlib
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import keras_aug_layers as kal

GOLDEN = pathlib.Path(__file__).with_name("golden.npz")
SHAPE = 2, 13, 10, 3
FILL_MODES = "reflect", "constant", "nearest", "wrap"


class Kind(NamedTuple):
    """A dtype and the numbers that go with it."""

    dtype: str
    lowest: int
    value_range: tuple[float, float]
    fill_value: float
    too_much: float  # is added to leave the dtype, or the range

    @property
    def floating(self):
        return self.dtype.startswith("float")

    @property
    def unit(self):
        low, high = self.value_range
        return high - low

    def images(self, shape=SHAPE):
        """The same random levels for all, 256 from the lowest on, or below 1."""
        levels = np.random.default_rng(5).integers(0, 256, shape)
        if self.floating:
            return (levels / 256).astype(self.dtype)
        return (levels + self.lowest).astype(self.dtype)


KINDS = {
    kind.dtype: kind
    for kind in (
        Kind("uint8", 0, (0.0, 255.0), 77.0, 300.0),
        Kind("int16", -131, (-131.0, 124.0), -77.0, 33000.0),
        Kind("int32", 2**24, (0.0, 2.0**25), 2.0**24 + 78.0, 2.0**31),
        Kind("float16", 0, (0.0, 1.0), 0.25, 0.7),
        Kind("float32", 0, (0.0, 1.0), 0.25, 0.7),
        Kind("float64", 0, (0.0, 1.0), 0.25, 0.7),
    )
}
"""int32 beyond what float32 holds."""


def at(value):
    """The range that has one value."""
    return value, value


def brightness(u, **kwargs):
    """A gain of 1 + u."""
    return kal.RandomBrightness(gain=at(1.0 + u), **kwargs)


def brightness_added(u, value_range):
    """A part of the range."""
    return kal.RandomBrightness(at(u), value_range)


def shift(**kwargs):
    return kal.RandomShift(at(0.1137), at(-0.2311), **kwargs)


def rotate(**kwargs):
    return kal.RandomRotate(degrees=at(31.7), **kwargs)


def zoom(**kwargs):
    return kal.RandomZoom(at(0.3137), at(-0.2719), **kwargs)


def shear(**kwargs):
    return kal.RandomShear(at(0.2173), at(-0.1391), **kwargs)


def geometry(**kwargs):
    return [shift(**kwargs), rotate(**kwargs), zoom(**kwargs), shear(**kwargs)]


def linear_saturation(u):
    return kal.RandomSaturation(gain=at(1.0 + u), space="linear")


def linear_hue(turns):
    return kal.RandomHue(turns=at(turns), space="linear")


def colours(kind):
    return [
        brightness(-0.1937),
        kal.RandomContrast(at(0.4871)),
        linear_saturation(-0.3113),
        linear_hue(0.0871),
        kal.RandomInvert(1.0, kind.value_range),
        kal.RandomChannelShift(at(0.0473 * kind.unit)),
    ]


def jitter(**kwargs):
    return kal.RandomColorJitter(
        brightness=at(1.1937),
        contrast_factor=at(-0.2871),
        saturation=at(1.3113),
        hue=at(-0.0571),
        space="linear",
        **kwargs,
    )


def far(kind, fill_mode, interpolation):
    """More than a frame beyond the frame."""
    return kal.FusedAugmentation(
        [
            kal.RandomShift(at(0.3137), at(-0.4311)),
            kal.RandomRotate(degrees=at(-58.3)),
            kal.RandomZoom(at(1.7137)),
        ],
        fill_mode=fill_mode,
        interpolation=interpolation,
        fill_value=kind.fill_value,
    )


def _far(fill_mode, interpolation):
    return lambda kind: far(kind, fill_mode, interpolation)


generator = kal.from_image_data_generator
EXACT = {
    "probability 0": lambda kind: rotate(probability=0.0),
    "apply never": lambda kind: kal.RandomApply(rotate(), 0.0),
    "shift nearest": lambda kind: shift(interpolation="nearest"),
    "rotate nearest": lambda kind: rotate(interpolation="nearest"),
    "shift pixels": lambda kind: kal.RandomShift(at(3), at(-2), unit="pixels"),
    "half a turn": lambda kind: kal.RandomRotate(at(0.5)),
    **{f"far {mode} nearest": _far(mode, "nearest") for mode in FILL_MODES},
    "brightness": lambda kind: brightness(0.2937),
    "brightness clipped": lambda kind: brightness(0.4937, value_range=kind.value_range),
    "brightness added": lambda kind: brightness_added(0.2937, kind.value_range),
    "contrast": lambda kind: kal.RandomContrast(at(0.4871)),
    "saturation": lambda kind: linear_saturation(0.6113),
    "hue": lambda kind: linear_hue(0.0871),
    "grayscale": lambda kind: kal.RandomGrayscale(1.0),
    "invert": lambda kind: kal.RandomInvert(1.0, kind.value_range),
    "channel shift": lambda kind: kal.RandomChannelShift(at(0.0473 * kind.unit)),
    "saturated": lambda kind: kal.RandomChannelShift(
        at(kind.too_much), kind.value_range if kind.floating else None
    ),
    "jitter": lambda kind: jitter(value_range=kind.value_range),
    "colours": lambda kind: kal.FusedAugmentation(colours(kind)),
}
BILINEAR = {
    "shift": lambda kind: shift(),
    "rotate": lambda kind: rotate(),
    "zoom": lambda kind: zoom(),
    "zoom in": lambda kind: kal.RandomZoom(at(-0.4137)),
    "shear": lambda kind: shear(),
    "shear top left": lambda kind: shear(origin="top_left"),
    "no tilt, rotate": lambda kind: kal.FusedAugmentation(
        [kal.RandomPerspective(scale=0.0), rotate()]
    ),
    **{f"far {mode}": _far(mode, "bilinear") for mode in FILL_MODES},
    "apply": lambda kind: kal.RandomApply(zoom(), 1.0),
    "choice": lambda kind: kal.RandomChoice([shift(), shear(), jitter()], (0, 1, 0)),
    "generator": lambda kind: generator(
        zoom_range=at(1.3137), brightness_range=at(0.8937)
    ),
    "rotate, brighten": lambda kind: kal.FusedAugmentation(
        [rotate(), brightness(0.2937)]
    ),
    "everything": lambda kind: kal.FusedAugmentation([*geometry(), *colours(kind)]),
}
CASES = {**EXACT, **BILINEAR}
"""Layers, given the kind of images. With nearest, or none, moved pixels are exact."""

FAR = tuple(name for name in CASES if name.startswith("far"))
LIGHT = ("rotate, brighten",)
FORMS = {
    **{("transform", dtype): tuple(CASES) for dtype in KINDS},
    **{("call", dtype): LIGHT for dtype in KINDS},
    ("channels first", "uint8"): ("everything", *FAR),
    ("channels first", "float32"): ("everything", *FAR),
    ("call, seeds", "uint8"): LIGHT,
    ("call, compiled", "uint8"): ("everything",),
    ("call, compiled", "int32"): LIGHT,
    ("graph", "uint8"): ("everything", "colours", "no tilt, rotate", FAR[-1]),
    ("graph", "float32"): ("everything",),
    ("graph, sizes unknown", "uint8"): ("everything",),
    ("graph, compiled", "int16"): LIGHT,
    ("graph, compiled", "float32"): ("everything",),
    ("XLA", "uint8"): ("colours", "far wrap", "far wrap nearest"),
    ("XLA", "float32"): ("far reflect", "far constant", "far constant nearest"),
    ("XLA", "float16"): LIGHT,
    ("XLA", "float64"): LIGHT,
}
"""The cases of each form of call: all where that is cheap, which tracing is not."""


def pixels(form, dtype):
    """What becomes of the images of a dtype in one form: a dict by case."""
    kind, names = KINDS[dtype], FORMS[form, dtype]
    images, first = tf.constant(kind.images()), "first" in form
    if form == "transform":
        return {name: sampled(name, kind).images(images).numpy() for name in names}
    options = {
        "jit_compile": "compiled" in form,
        "data_format": "channels_first" if first else "channels_last",
    }
    layers = {
        name: kal.FusedAugmentation([CASES[name](kind)], **options) for name in names
    }
    if first:
        results = {}
        images = tf.transpose(images, (0, 3, 1, 2))
        for name, layer in layers.items():
            moved = layer.sample(tuple(images.shape)).images(images)
            results[name] = moved.numpy().transpose(0, 2, 3, 1)
        return results
    seed = ((1, 2), (3, 4)) if "seeds" in form else None

    def augment(images):
        return {
            name: layer(images, training=True, seed=seed)
            for name, layer in layers.items()
        }

    if "call" not in form:
        shape = (None, None, None, 3) if "unknown" in form else images.shape
        augment = tf.function(
            functools.partial(augment),  # one closure again and again, to TensorFlow
            input_signature=[tf.TensorSpec(shape, images.dtype)],
            jit_compile=form == "XLA",
        )
    return {name: result.numpy() for name, result in augment(images).items()}


def sampled(name, kind):
    """The transform of a case, which no floating dtype has for itself."""
    return _sampled(name, KINDS["float32"] if kind.floating else kind)


@functools.cache
def _sampled(name, kind):
    return CASES[name](kind).sample(SHAPE)


BOX_FORMATS = "xyxy", "yxyx", "xywh", "center_xywh"
# x, y, width, height as parts of the frame; the last one leaves it.
BOXES = np.array(
    [[0.1, 0.2, 0.37, 0.41], [0.43, 0.05, 0.33, 0.7], [0.8, 0.8, 0.2, 0.2]]
)
KEYPOINTS = np.array([[0.31, 0.23], [0.62, 0.71], [0.11, 0.87], [0.95, 0.05]])


def boxes(box_format):
    """BOXES for each image, and padding."""
    xy, size = BOXES[:, :2], BOXES[:, 2:]
    order = box_format.removeprefix("rel_")
    values = {
        "xyxy": np.hstack([xy, xy + size]),
        "yxyx": np.hstack([xy, xy + size])[:, [1, 0, 3, 2]],
        "xywh": np.hstack([xy, size]),
        "center_xywh": np.hstack([xy + size / 2, size]),
    }[order]
    if order == box_format:
        height, width = SHAPE[1:3]
        values *= [height, width] * 2 if order == "yxyx" else [width, height] * 2
    values = np.vstack([values, np.full((1, 4), -1.0)])
    return {
        "boxes": np.stack([values] * SHAPE[0]).astype("float32"),
        "labels": np.tile(np.arange(4, dtype="int32"), (SHAPE[0], 1)),
    }


def keypoints(keypoint_format):
    """KEYPOINTS for each image."""
    size = (1, 1) if keypoint_format == "rel_xy" else SHAPE[2:0:-1]
    return np.stack([KEYPOINTS * size] * SHAPE[0]).astype("float32")


def targets():
    """Masks, boxes and keypoints, by themselves and together."""
    levels, results = KINDS["uint8"].images(), {}
    masks = {
        "uint8": levels[..., :1] // 64,
        "flat int32": levels[..., 0].astype("int32"),
        "bool": levels[..., :1] > 127,
    }
    for label in (None, 1.0):
        layer = kal.FusedAugmentation(geometry(), mask_fill_value=label)
        transform = layer.sample(SHAPE)
        for name, mask in masks.items():
            moved = transform.segmentation_masks(mask)
            results[f"mask {name}, filled with {label}"] = moved
    box_formats = (*BOX_FORMATS, *(f"rel_{order}" for order in BOX_FORMATS))
    fits = [(box_format, "corners") for box_format in box_formats]
    for box_format, fit in (*fits, ("xyxy", "ellipse"), ("rel_yxyx", "ellipse")):
        settings = {"box_fit": fit, "min_visibility": 0.1}
        layer = rotate(bounding_box_format=box_format, **settings)
        moved = layer.sample(SHAPE).bounding_boxes(boxes(box_format))
        for name, value in moved.items():
            results[f"{name} {box_format} {fit}"] = value
    for points in ("xy", "rel_xy"):
        transform = rotate(keypoint_format=points).sample(SHAPE)
        results[f"keypoints {points}"] = transform.keypoints(keypoints(points))
    data = {
        "images": KINDS["float32"].images(),
        "segmentation_masks": masks["uint8"],
        "bounding_boxes": boxes("xyxy"),
        "keypoints": keypoints("xy"),
    }
    layer = kal.FusedAugmentation(geometry(), bounding_box_format="xyxy")
    moved = layer(data, training=True)
    for name, value in {**moved.pop("bounding_boxes"), **moved}.items():
        results[f"dict {name}"] = value
    return results


TILT = np.array([[1.113, 0.157, -1.37], [-0.091, 0.883, 1.19], [0.0313, 0.0171, 1.0]])


def tilted(fill_mode):
    """A transform with TILT, which no layer draws every time: by way of its config."""
    transform = kal.RandomPerspective(scale=0.0, fill_mode=fill_mode).sample(SHAPE)
    config = transform.to_config()
    if "matrix" in config:
        config["matrix"] = [TILT.tolist()] * SHAPE[0]
    else:  # a list of steps, whose coordinates have their origin in the middle
        to_pixels = np.eye(3)
        to_pixels[:2, 2] = (SHAPE[2] - 1) / 2, (SHAPE[1] - 1) / 2
        centred = np.linalg.inv(to_pixels) @ TILT @ to_pixels
        (step,) = config["parts"][0]["coordinates"]
        step["rows"]["matrix"]["values"] = [centred.tolist()] * SHAPE[0]
    return kal.Transform.from_config(config)


def transforms():
    """What is done with transforms, among them one that tilts."""
    images, mask = KINDS["float32"].images(), KINDS["uint8"].images()[..., :1]
    soft = {"interpolation": "bilinear"}
    transform = kal.FusedAugmentation(geometry()).sample(SHAPE)
    twice = transform @ rotate().sample(SHAPE)
    results = {
        "matrix": transform.matrix,
        "soft mask": transform.segmentation_masks(images[..., :1], **soft),
        "inverse": transform.inverse().segmentation_masks(images, **soft),
        "twice": twice.segmentation_masks(images[..., :1], **soft),
    }
    data = {"images": images, "segmentation_masks": mask}
    for fill_mode in FILL_MODES:
        apply = tilted(fill_mode).apply
        for name, value in apply(data).items():
            results[f"tilt {fill_mode}, {name}"] = value
        if fill_mode == "constant":
            for name, value in tf.function(apply, jit_compile=True)(data).items():
                results[f"tilt {fill_mode}, XLA, {name}"] = value
    return results


def odd():
    """One image, other numbers of channels, and the generator's normalisations."""
    kind, levels = KINDS["float32"], KINDS["uint8"].images()
    one = CASES["everything"](kind).sample(SHAPE[1:])
    results = {"one image": one.images(kind.images()[0])}
    for channels in (1, 4):
        images = kind.images((*SHAPE[:3], channels))
        layer = kal.FusedAugmentation(
            [*geometry(), brightness(0.2937), kal.RandomContrast(at(0.4871))]
        )
        results[f"{channels} channels"] = layer.sample(images.shape).images(images)
    for name, arguments in {
        "rescale": ["rescale"],
        "samplewise": ["samplewise_center", "samplewise_std_normalization"],
        "featurewise": ["featurewise_center", "featurewise_std_normalization"],
    }.items():
        settings = {**dict.fromkeys(arguments, True), "rescale": 1 / 255}
        layer = generator(zoom_range=at(1.3137), **settings)
        layer.adapt(levels)
        results[f"generator, {name}"] = layer(levels, training=True)
        results[f"generator, {name}, inference"] = layer(levels, training=False)
    return results


OTHER = {"targets": targets, "transforms": transforms, "odd": odd}


def other(name):
    """What is no batch of plain images: a dict by what it is."""
    return {key: np.asarray(value) for key, value in OTHER[name]().items()}


def key(dtype, name):
    """Under which a result is stored."""
    return f"{'float' if dtype.startswith('float') else dtype}/{name}"


def main():
    """Computes what is stored, and writes it."""
    golden = {
        f"{part}/{name}": result
        for part in OTHER
        for name, result in other(part).items()
    }
    for dtype in ("uint8", "int16", "int32", "float64"):
        for name, result in pixels("transform", dtype).items():
            golden[key(dtype, name)] = result
    for name, result in golden.items():
        if result.dtype == "float64":
            golden[name] = result.astype("float32")
    np.savez_compressed(GOLDEN, **golden)
    print(f"{kal.__file__}: {len(golden)} arrays, {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    main()
