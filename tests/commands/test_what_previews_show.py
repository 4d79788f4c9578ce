"""What previews show of layers that are for other images than bytes in xyxy."""

import keras
import numpy as np
import pytest
from PIL import Image

import keras_aug_layers as kal
from keras_aug_layers.commands import chosen, cli, preview
from keras_aug_layers.layers import LayerSequence

pytestmark = pytest.mark.usefixtures("workplace")


def serialized(layer):
    return keras.saving.serialize_keras_object(layer)


@pytest.mark.parametrize(
    "text, grey",
    [
        ("yolo(size=64)", 114),
        ("yolo(size=64, value_range=(0, 1))", 114),
        ("yolo(size=64, value_range=(0, 4095))", 114),
        ("timm(size=64, value_range=(0, 1))", 200),
        ("mae(size=64, value_range=(-1, 1))", 200),
    ],
)
def test_recipes_for_floats_are_shown_in_bytes(text, grey):
    subject = preview.Subject(np.full((40, 80, 3), 200, "uint8"))
    layer = chosen.from_recipe(text).layers[0]
    tile = preview.draws(subject, layer, 1, (0, 0))[0].image
    assert abs(int(tile[0, 32, 0]) - grey) <= 1


def test_a_fill_of_floats_is_shown_in_bytes():
    shift = kal.RandomShift((0.5, 0.5))
    normal = kal.Normalize(0.0, 1.0, value_range=(0, 1))
    group = kal.FusedAugmentation([shift, normal], fill_mode="constant", fill_value=0.5)
    subject = preview.Subject(np.full((40, 80, 3), 200, "uint8"))
    for shown in (
        chosen.from_config(serialized(group)),
        chosen.from_texts(
            ["RandomShift((0.5, 0.5))", "Normalize(0, 1, value_range=(0, 1))"],
            fill_mode="constant",
            fill_value=0.5,
        ),
    ):
        tile = preview.draws(subject, shown.layers[0], 1, (0, 0))[0].image
        assert tile[0, 0, 0] in (127, 128) and tile[-1, 0, 0] == 200


@pytest.mark.parametrize("form", ["xyxy", "xywh", "rel_xyxy"])
def test_boxes_are_those_of_the_preview(form):
    boxes = np.array([[10.0, 10.0, 20.0, 20.0]])
    subject = preview.Subject(np.zeros((40, 40, 3), "uint8"), None, boxes)
    text = f"RandomFlip('horizontal', chance=1.0, bounding_box_format='{form}')"
    layer = chosen.from_texts([text]).layers[0]
    moved = preview.draws(subject, layer, 1, (0, 0))[0].boxes
    np.testing.assert_allclose(moved, [[20.0, 10.0, 30.0, 20.0]])


def test_a_crop_of_a_photo_has_a_choice(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "large.png")
    subject = preview.read(tmp_path / "large.png", 160, least=(224, 224))
    assert subject.image.shape == (224, 299, 3)
    layer = chosen.from_texts(["RandomCrop(224, 224)"]).layers[0]
    drawn = [x.image for x in preview.draws(subject, layer, 4, (0, 0))]
    assert any((x != drawn[0]).any() for x in drawn)


@pytest.mark.parametrize(
    "text, size, least",
    [
        ("RandomCrop(160, 160)", 160, (160, 160)),
        ("Resizing(80, 200)", 160, (80, 200)),
        ("RandomFlip", 160, (0, 0)),
    ],
)
def test_sizes_that_layers_name(text, size, least):
    layers = chosen.from_texts([text]).layers
    assert preview._named_size(layers, size) == least


def test_labels_of_16_bits(tmp_path):
    labels = np.tile(np.array([0, 1, 2, 3], "uint16"), (4, 1))
    Image.fromarray(labels).save(tmp_path / "mask.png")
    Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(tmp_path / "small.png")
    subject = preview.read(tmp_path / "small.png", 4, tmp_path / "mask.png")
    np.testing.assert_array_equal(subject.mask[..., 0], labels)


def test_a_sheet_that_its_format_cannot_hold(capsys, monkeypatch):
    def save(self, output):
        raise ValueError("encoding error 5: Image size exceeds the limit")

    monkeypatch.setattr(Image.Image, "save", save)
    assert cli.main(["preview", "--layer", "RandomFlip", "--output", "sheet.webp"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("sheet.webp: encoding error 5: Image size exceeds the limit")


def test_what_fuse_gives_is_shown():
    turn = keras.layers.RandomRotation(0.1, fill_mode="nearest")
    fused = kal.fuse([turn, keras.layers.RandomZoom(0.2, fill_mode="constant")])
    assert isinstance(fused, LayerSequence)
    fused = LayerSequence([kal.RandomRotate(0.1), kal.RandomZoom(0.2)])
    assert len(chosen.from_config(serialized(fused)).titles) == 2
