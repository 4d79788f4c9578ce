"""Random stacks of layers: a landmark, its mask, its box and its keypoint agree.

Each example is a stack that hypothesis makes up, with groups and crops in it, and a
batch of images, each of which draws its own program: 50 stacks of 50 images are
2,500 programs.
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from helpers import op_by_op
from hypothesis import HealthCheck, Phase, given, settings

import keras_aug_layers as kal

BATCH, SIZE, RADIUS = 50, (46, 54), 4.5
PAINT = 210.0, 150.0, 60.0


def within(low, high):
    """Floats of a range."""
    return st.floats(low, high)


def several(layers):
    """A few layers in a list."""
    return st.lists(layers, min_size=1, max_size=3)


def built(layer, *arguments, **named):
    """Layers of a class, with seeds of their own."""
    return st.builds(layer, *arguments, seed=st.integers(0, 2**31), **named)


MOVES = (
    built(kal.RandomRotate, within(0.01, 0.5)),
    built(kal.RandomShift, within(0.01, 0.2), within(0.01, 0.2)),
    built(kal.RandomZoom, within(0.01, 0.3)),
    built(kal.RandomZoom, within(0.01, 0.3), within(0.01, 0.3)),
    built(kal.RandomShear, within(0.01, 0.3), within(0.01, 0.3)),
    built(kal.RandomPerspective, scale=within(0.01, 0.3)),
    built(
        kal.RandomFlip,
        st.sampled_from(("horizontal", "vertical", "horizontal_and_vertical")),
    ),
    built(kal.RandomElasticTransform, scale=within(0.05, 0.15)),
    built(kal.RandomGridDistortion, within(0.02, 0.08)),
    built(kal.RandomOpticalDistortion, within(0.02, 0.08)),
)
CROPS = (
    built(kal.RandomCrop, *[st.integers(36, 54)] * 2),
    built(kal.CenterCrop, *[st.integers(36, 54)] * 2),
    built(kal.Resizing, *[st.integers(36, 64)] * 2),
    built(kal.RandomResizedCrop, *[st.integers(36, 64)] * 2, scale=st.just((0.6, 1.0))),
)
# Black stays black: where a blur stands before a move, what lies outside is black.
COLOURS = (
    built(kal.RandomBrightness, gain=within(0.01, 0.4)),
    built(kal.RandomHue, within(0.01, 0.5)),
    built(kal.RandomSaturation, within(0.1, 0.5)),
    built(kal.RandomGrayscale, within(0.1, 1.0)),
    built(kal.RandomGamma),
    built(kal.RandomPosterization, st.integers(2, 7)),
    built(kal.RandomGaussianBlur, within(0.1, 1.0)),
    built(kal.RandomSharpness, within(0.1, 1.0)),
    built(kal.AutoContrast),
    built(
        kal.RandomColorJitter,
        brightness=within(0.01, 0.4),
        saturation=within(0.01, 0.4),
        hue=within(0.01, 0.2),
        order=st.sampled_from(("fixed", "random")),
    ),
)
LEAVES = st.one_of(*MOVES, *COLOURS)
MEMBERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        built(kal.RandomApply, inner, probability=within(0.1, 0.9)),
        built(kal.RandomChoice, several(inner)),
        built(kal.FusedAugmentation, several(inner)),
    ),
    max_leaves=3,
)


def painted(seed):
    """Images of a disc each, its mask, its box and its middle."""
    generator = np.random.default_rng(seed)
    height, width = SIZE
    middle = np.array([width, height]) / 2 - 0.5
    points = middle + generator.uniform(-1, 1, (BATCH, 2)) * np.array(SIZE[::-1]) / 5
    y, x = np.mgrid[:height, :width]
    place = np.stack([x, y], axis=-1) - points[:, None, None]
    inside = np.linalg.norm(place, axis=-1) <= RADIUS - 0.5  # its pixels are in the box
    images = inside[..., None] * np.array(PAINT)
    boxes = np.concatenate([points - RADIUS, points + RADIUS], axis=1) + 0.5
    return {
        "images": images.astype("uint8"),
        "segmentation_masks": inside.astype("uint8"),
        "bounding_boxes": {"boxes": boxes[:, None].astype("float32")},
        "keypoints": points[:, None].astype("float32"),
    }


def middle_of(weights):
    """The centre of mass (x, y) of one map (H, W)."""
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def agree(image, mask, box, point, warps):
    """Whether there is something to see; asserts what the four say of the landmark.

    A mask has whole pixels: each warp, of which there is one more behind a blur, moves
    its edge by half a pixel.
    """
    slack = 0.5 + 0.5 * warps
    rows, columns = np.nonzero(mask)
    touches = len(rows) == 0 or min(rows.min(), columns.min()) < 2
    touches = touches or rows.max() > mask.shape[0] - 3
    if touches or columns.max() > mask.shape[1] - 3 or len(rows) < 12:
        return False
    centre = middle_of(mask)
    assert np.abs(point - centre).max() < slack, "keypoint and mask"
    low = np.array([columns.min(), rows.min()])
    high = np.array([columns.max(), rows.max()]) + 1
    before, behind = box[:2] < low + slack, box[2:] > high - slack
    assert before.all() and behind.all(), "box and mask"
    assert (box[2:] - box[:2] < 2.0 * (high - low) + 4.0).all(), "box and mask"
    seen = image.sum(axis=-1, dtype="float32")
    assert np.abs(middle_of(seen) - centre).max() < slack, "image and mask"
    return True


@pytest.mark.thorough
def test_a_landmark_its_mask_its_box_and_its_keypoint_agree():
    visible = []

    @settings(
        max_examples=50,
        derandomize=True,
        phases=[Phase.generate],  # shrinking takes minutes
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(
        before=several(MEMBERS),
        crop=st.one_of(st.none(), *CROPS),
        after=st.one_of(st.none(), MEMBERS),
        seed=st.integers(0, 2**31),
    )
    def check(before, crop, after, seed):
        layers = [*before, *(x for x in (crop, after) if x is not None)]
        stack = kal.FusedAugmentation(
            layers, fill_mode="constant", bounding_box_format="xyxy", seed=seed
        )
        with op_by_op():
            given = painted(seed)
            moved = stack(given, training=True)
            parts = stack.sample(given["images"]).plan.parts
        warps = max(sum(part.moves for part in parts), 1)
        found = zip(
            np.asarray(moved["images"]),
            np.asarray(moved["segmentation_masks"]),
            np.asarray(moved["bounding_boxes"]["boxes"])[:, 0],
            np.asarray(moved["keypoints"])[:, 0],
            strict=True,
        )
        visible.extend(agree(*each, warps) for each in found)

    check()
    assert len(visible) >= 2_500
    assert sum(visible) > 0.6 * len(visible)
