"""Mosaic: four images about a place, and every target with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op, random_images, sampled

import keras_aug_layers as kal
from keras_aug_layers.kernels import coordinates
from keras_aug_layers.kernels.places import places_at

SEED = (1, 2)


def rows(layer, shape, seed=SEED):
    """Where the four images of each meet, from the top left; which; their shares."""
    step = sampled(layer, shape, seed=seed).coordinates[0]
    step = {key: row.numpy() for key, row in step.rows.items()}
    places = [
        (step[f"centre_{axis}"] + step[size] / 2)[:, 0]
        for axis, size in (("x", "width"), ("y", "height"))
    ]
    return np.stack(places, axis=-1), step["images"].astype(int), step["share"]


def canvas_of(images, four):
    """The four, two by two."""
    a, b, c, d = (images[i] for i in four)
    return np.concatenate(
        [np.concatenate([a, b], axis=1), np.concatenate([c, d], axis=1)], axis=0
    )


def framed(canvas, place, height, width):
    """The frame about the place where the four meet."""
    left, top = width - int(place[0]), height - int(place[1])
    return canvas[top : top + height, left : left + width]


def composed(stack, images):
    """What a stack makes of images, whatever becomes of their labels."""
    with op_by_op():
        transform = kal.FusedAugmentation(stack).sample(images, seed=SEED)
        return transform.images(images).numpy()


def numbered(batch, height, width):
    """Images whose pixels say where they are: x, y and the image's number."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    n = np.zeros((batch, height, width)) + np.arange(batch)[:, None, None]
    here = np.stack([x, y], axis=-1)[np.newaxis].repeat(batch, 0)
    return np.concatenate([here, n[..., np.newaxis]], axis=-1).astype("float64")


@pytest.mark.parametrize("partners", ["roll", "random"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float64"])
def test_four_known_images(dtype, partners):
    images = random_images((5, 12, 18, 3), dtype)
    masks = np.arange(5 * 12 * 18).reshape(5, 12, 18).astype("int32")
    layer = kal.Mosaic(partners=partners, num_classes=5, seed=1)
    data = {"images": images, "segmentation_masks": masks, "labels": np.arange(5)}
    with op_by_op():
        result = layer(data, training=True, seed=SEED)
    places, four, _ = rows(layer, images.shape)
    assert len(np.unique(places, axis=0)) == 5
    np.testing.assert_array_equal(four[:, 0], np.arange(5))
    for i in range(5):
        seen = framed(canvas_of(images, four[i]), places[i], 12, 18)
        np.testing.assert_array_equal(result["images"][i], seen)
        seen = framed(canvas_of(masks, four[i]), places[i], 12, 18)
        np.testing.assert_array_equal(result["segmentation_masks"][i], seen)
        shares = np.bincount(seen.ravel() // (12 * 18), minlength=5) / seen.size
        np.testing.assert_allclose(result["labels"][i], shares, atol=1e-7)
        assert result["images"][i].numpy().dtype == dtype


def test_the_place_is_anywhere_and_the_shares_are_those_of_pixels():
    places, four, share = rows(kal.Mosaic(seed=1), (20_000, 20, 30, 3))
    for place, size in zip(places.T, (30, 20), strict=True):
        counts = np.bincount(place.astype(int), minlength=size)
        assert len(counts) == size  # the place is a pixel's upper left corner
        expected = 20_000 / size
        assert ((counts - expected) ** 2 / expected).sum() < size + 5 * size**0.5
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.03
    x, y = places.T / [[30], [20]]
    expected = [x * y, (1 - x) * y, x * (1 - y), (1 - x) * (1 - y)]
    np.testing.assert_allclose(share, np.stack(expected, axis=-1), atol=1e-12)
    np.testing.assert_array_equal(four[5], [5, 4, 3, 2])
    narrow, *_ = rows(kal.Mosaic((0.3, 0.7), seed=1), (2000, 100, 100, 3))
    assert narrow.min() == 30 and narrow.max() in (69, 70)


def test_random_partners_are_three_permutations():
    _, four, _ = rows(kal.Mosaic(partners="random", seed=1), (64, 8, 8, 3))
    np.testing.assert_array_equal(
        np.sort(four, axis=0), np.arange(64)[:, None] + 0 * four
    )
    assert len({tuple(column) for column in four.T}) == 4


BEHIND = {
    "turned": [kal.RandomRotate(degrees=(20, 50), seed=4)],
    "shrunk": [
        kal.RandomZoom((0.5, 0.6), seed=5),
        kal.RandomFlip("horizontal", seed=6),
        kal.RandomShift(0.1, seed=7),
    ],
    "cropped": [kal.RandomResizedCrop(20, 30, scale=(0.3, 0.6), seed=8)],
    "perspective": [kal.RandomPerspective(scale=0.4, seed=9)],
    "bent": [
        kal.RandomRotate(degrees=(20, 50), seed=4),
        kal.RandomElasticTransform(scale=(1, 1), seed=5),
    ],
}


@pytest.mark.thorough
@pytest.mark.parametrize("behind", BEHIND)
def test_what_follows_reads_the_canvas_in_the_same_warp(behind):
    """Each pixel shows what a warp of the canvas shows, but for the seams."""
    shape = (4, 24, 32, 3)
    images = numbered(*shape[:3])
    mosaic = kal.Mosaic(seed=1)
    stack = kal.FusedAugmentation([mosaic, *BEHIND[behind]], fill_mode="constant")
    transform = sampled(stack, shape, seed=SEED)
    assert not transform.earlier
    result = transform.images(images).numpy()
    # Where what follows reads, which other tests hold to: before the mosaic.
    size = result.shape[1:3]
    reader = coordinates.reader(transform.coordinates[1:], shape[1:3], size)
    x, y, *_ = places_at(
        reader, tf.range(float(size[1])), tf.range(float(size[0]))[:, None]
    )
    read = np.stack(np.broadcast_arrays(x, y), axis=-1).reshape(4, -1, 2) - 0.5
    places, four, _ = rows(mosaic, shape)
    seen = 0
    for i in range(4):
        canvas = canvas_of(images, four[i])
        at = read[i] + [32 - places[i, 0], 24 - places[i, 1]]  # on the canvas
        values = result[i].reshape(-1, 3)
        inside = ((at > 1) & (at < [62, 46])).all(axis=-1)
        seam = (np.abs(at - [31.5, 23.5]) < 1.5).any(axis=-1)
        for (u, v), value in zip(
            at[inside & ~seam], values[inside & ~seam], strict=True
        ):
            a, b = int(u), int(v)
            four_pixels = canvas[b : b + 2, a : a + 2]
            across = four_pixels[:, 0] * (1 - u + a) + four_pixels[:, 1] * (u - a)
            expected = across[0] * (1 - v + b) + across[1] * (v - b)
            np.testing.assert_allclose(value, expected, atol=0.02)
            seen += 1
        outside = ((at < -1) | (at > [64, 48])).any(axis=-1)
        np.testing.assert_array_equal(values[outside], 0.0)
        # Between two images neither is blended, nor is the fill.
        numbers = values[inside, 2]
        np.testing.assert_allclose(numbers, numbers.round(), atol=1e-9)
    assert seen > 0.4 * read[..., 0].size


def test_keypoints_are_where_their_pixels_are():
    shape = (4, 32, 40, 3)
    images = numbered(*shape[:3])
    # Not at the edges, where an image ends between two pixels that are read.
    points = np.random.default_rng(1).uniform(2, [37, 29], (4, 40, 2))
    points[:, 0], points[:, 1] = -1, [45, 10]  # padding, and one that is nowhere
    stack = [kal.Mosaic(seed=1), *BEHIND["turned"], kal.RandomZoom((0.3, 0.5), seed=3)]
    layer = kal.FusedAugmentation(stack, fill_mode="constant")
    with op_by_op():
        transform = layer.sample(shape, seed=SEED)
        result = transform.images(images).numpy()
        moved = transform.keypoints(points).numpy()
    assert moved.shape == (4, 160, 2)
    _, four, _ = rows(stack[0], shape)
    checked = 0
    for i in range(4):
        for q, number in enumerate(four[i]):
            block = moved[i, 40 * q : 40 * (q + 1)]
            np.testing.assert_array_equal(block[:2], -1.0)
            for (x, y), (u, v) in zip(points[number], block, strict=True):
                a, b = int(u), int(v)
                near = result[i, b : b + 2, a : a + 2].reshape(-1, 3)
                if u < 0 or len(near) < 4 or not (near[:, 2] == number).all():
                    continue
                if np.ptp(near[:, :2], axis=0).max() > 4:
                    continue
                right, down = u - a, v - b
                weights = np.outer([1 - down, down], [1 - right, right]).ravel()
                np.testing.assert_allclose(weights @ near[:, :2], [x, y], atol=0.05)
                checked += 1
    assert checked > 150


@pytest.mark.thorough
@pytest.mark.parametrize("box_format", ["xyxy", "rel_center_xywh"])
@pytest.mark.parametrize("visible", [0.0, 0.4])
def test_boxes_are_the_frames_around_what_is_seen(box_format, visible):
    height, width, count = 24, 32, 6
    generator = np.random.default_rng(3)
    low = generator.integers(0, 14, (8, count, 2))
    corners = np.concatenate([low, low + generator.integers(2, 10, low.shape)], axis=-1)
    boxes = corners.astype("float64")
    size = np.array([width, height, width, height])
    if box_format != "xyxy":
        sides = boxes[..., 2:] - boxes[..., :2]
        boxes = np.concatenate([boxes[..., :2] + sides / 2, sides], -1) / size
    layer = kal.Mosaic(seed=1, bounding_box_format=box_format, min_visibility=visible)
    labels = np.arange(8 * count).reshape(8, count)
    data = {
        "images": np.zeros((8, height, width, 3), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
    }
    with op_by_op():
        result = layer(data, training=True, seed=SEED)["bounding_boxes"]
    places, four, _ = rows(layer, (8, height, width, 3))
    found = result["boxes"].numpy()
    if box_format != "xyxy":
        sized = np.where(found == -1, found, found * size)
        half = sized[..., 2:] / 2
        around = np.concatenate([sized[..., :2] - half, sized[..., :2] + half], -1)
        found = np.where(found == -1, found, around)
    dropped = 0
    for i in range(8):
        for q, number in enumerate(four[i]):
            for k in range(count):
                x0, y0, x1, y1 = corners[number, k]
                canvas = np.zeros((2 * height, 2 * width), bool)
                top, left = height * (q // 2), width * (q % 2)
                canvas[top + y0 : top + y1, left + x0 : left + x1] = True
                seen = framed(canvas, places[i], height, width)
                place = q * count + k
                if not seen.any() or seen.sum() < visible * canvas.sum():
                    dropped += 1
                    np.testing.assert_array_equal(result["boxes"][i, place], -1)
                    assert result["labels"][i, place] == -1
                    continue
                ys, xs = np.nonzero(seen)
                expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                np.testing.assert_allclose(found[i, place], expected, atol=1e-5)
                assert result["labels"][i, place] == labels[number, k]
    assert 30 < dropped < 8 * 4 * count - 30


@pytest.mark.thorough
def test_ragged_boxes_and_a_chance():
    boxes = tf.ragged.constant(
        [[[0, 0, 4, 4], [2, 2, 8, 8]], [], [[3, 3, 9, 9]]] * 20,
        ragged_rank=1,
        inner_shape=(4,),
        dtype=tf.float32,
    )
    labels = tf.ragged.constant([[1, 2], [], [3]] * 20, dtype=tf.int32)
    layer = kal.Mosaic(probability=0.5, bounding_box_format="xyxy", seed=1)
    images = random_images((60, 16, 16, 1), "uint8")
    data = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}}
    with op_by_op():
        result = layer(data, training=True, seed=SEED)
    (step,) = sampled(layer, images.shape, seed=SEED).coordinates
    mixed = step.only.numpy()
    assert 20 < mixed.sum() < 40
    found = result["bounding_boxes"]
    lengths = np.array([2, 0, 1] * 20)
    four = step.rows["images"].numpy().astype(int)
    np.testing.assert_array_equal(found["boxes"].row_lengths(), lengths[four].sum(1))
    for i in np.nonzero(~mixed)[0]:
        np.testing.assert_array_equal(result["images"][i], images[i])
        own = boxes[i].numpy().reshape(-1, 4)
        np.testing.assert_array_equal(found["boxes"][i][: len(own)], own)
        np.testing.assert_array_equal(found["labels"][i][len(own) :], -1)


@pytest.mark.thorough
def test_what_comes_before_is_done_to_each_image_first():
    """A flip of its own, a colour of its own: then the four are put together."""
    images = random_images((4, 12, 16, 3), "uint8")
    before = [kal.RandomFlip(seed=3), kal.RandomBrightness(gain=0.5, seed=4)]
    mosaic = kal.Mosaic(num_classes=4, seed=1)
    after = [kal.RandomContrast(0.5, seed=5), kal.RandomFlip("vertical", seed=6)]
    data = {"images": images, "labels": np.arange(4)}
    data["segmentation_masks"] = images[..., 0]
    with op_by_op():
        fused = kal.FusedAugmentation([*before, mosaic, *after])
        fused = fused(data, training=True, seed=SEED)
        each = data
        for layer in (*before, mosaic, *after):
            with kal.no_chaining():
                each = layer(each, training=True, seed=SEED)
    for key, value in fused.items():
        np.testing.assert_array_equal(value, each[key])


@pytest.mark.parametrize("antialias", ["auto", False])
def test_a_seam_in_the_middle_is_no_shrinking(antialias):
    images = random_images((4, 16, 16, 3), "uint8")
    middle = kal.Mosaic((0.5, 0.5), seed=1)
    plain = composed([middle], images)
    stack = [middle, kal.RandomFlip("horizontal", antialias=antialias, seed=2)]
    found = composed(stack, images)
    flipped = [(x == y[:, ::-1]).all() for x, y in zip(found, plain, strict=True)]
    assert 0 < sum(flipped) < 4
    found[flipped] = found[flipped][:, :, ::-1]
    np.testing.assert_array_equal(found, plain)


def test_a_filtered_mosaic_is_the_filtered_canvas():
    """Shrunk by two, it is read 0.56 of its pixels to both sides of each middle."""
    images = random_images((4, 16, 16, 3), "float32")
    mosaic = kal.Mosaic((0.5, 0.5), seed=1)
    stack = [mosaic, kal.RandomZoom((1.0, 1.0), fill_mode="nearest", antialias="auto")]
    found = composed(stack, images)
    _, four, _ = rows(mosaic, images.shape)
    for i in range(4):
        canvas = canvas_of(images, four[i])
        for axis in (0, 1):
            canvas = np.swapaxes(canvas, 0, axis)
            ends = np.concatenate([canvas[:1], canvas, canvas[-1:]])
            weights = 0.03, 0.47, 0.47, 0.03
            parts = (w * ends[n : n + 31 : 2] for n, w in enumerate(weights))
            canvas = np.swapaxes(sum(parts), 0, axis)
        # Where images meet, each is read as if it went on.
        apart = np.delete(np.arange(16), [7, 8])
        shown, expected = (x[apart][:, apart] for x in (found[i], canvas))
        np.testing.assert_allclose(shown, expected, atol=1e-5)


@pytest.mark.thorough
def test_a_batch_of_one_shows_its_image_four_times():
    image = random_images((1, 8, 10, 3), "uint8")
    layer = kal.Mosaic((0.5, 0.5), num_classes=3)
    result = layer({"images": image, "labels": [2]}, training=True)
    rolled = np.roll(image, (4, 5), axis=(1, 2))
    np.testing.assert_array_equal(result["images"], rolled)
    np.testing.assert_array_equal(result["labels"], [[0, 0, 1]])


@pytest.mark.thorough
def test_a_choice_of_all_three():
    layer = kal.RandomChoice(
        [
            kal.Mosaic((0.5, 0.5), seed=1),
            kal.MixUp(4.0, seed=2),
            kal.CutMix(8.0, seed=3),
        ],
        seed=4,
    )
    values = np.arange(160, dtype="uint8")
    images = np.zeros((160, 16, 16, 1), "uint8") + values[:, None, None, None]
    result = layer({"images": images, "labels": np.eye(160)}, training=True)
    seen = [len(np.unique(image)) for image in result["images"].numpy()]
    counts = np.bincount(seen, minlength=5)
    assert (counts[[1, 2, 4]] > 25).all()
    np.testing.assert_allclose(tf.reduce_sum(result["labels"], axis=1), 1.0, atol=1e-6)


@pytest.mark.thorough
def test_explained():
    stack = [kal.Mosaic(name="four"), kal.RandomRotate(0.1, name="turn")]

    def augment(images):
        boxes = {"images": images, "labels": tf.one_hot([0] * 4, 3)}
        return keras.Sequential(stack)(boxes, training=True)["images"]

    said = kal.explain(augment, (4, 32, 32, 3))
    assert said.startswith("1 warp, 0 other passes")
    assert "one warp (compose, affine)" in said


def test_it_cannot_be_undone():
    transform = sampled(kal.Mosaic(), (4, 8, 8, 3))
    with pytest.raises(ValueError, match="compose"):
        transform.inverse()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: kal.Mosaic(2.0), "center_range"),
        (lambda: kal.Mosaic((-0.7, 0.3)), "center_range"),
        (lambda: kal.Mosaic(partners="reverse"), "partners"),
        (lambda: kal.Mosaic(num_classes=0), "num_classes"),
    ],
)
def test_wrong_arguments(wrong, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        wrong()
