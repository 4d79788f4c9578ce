"""The preview: its sheet, what it reads, and what it says when it cannot."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import op_by_op
from PIL import Image

import keras_aug_layers as kal
from keras_aug_layers.commands import chosen, cli, files, preview

GAP, TITLE = preview.GAP, preview.TITLE
HALF = "RandomRotate(degrees=(180, 180))"
AT = "--layer RandomRotate(degrees=400):"
TURN = "--layer RandomTurn(3):"
HALF_TURN = kal.RandomRotate(degrees=(180, 180))
BOTH = kal.FusedAugmentation([HALF_TURN, kal.RandomBrightness(gain=(1, 1))])


pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def photo(tmp_path):
    """A photo of noise, and its file: uint8 (40, 60, 3)."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return pixels


def tiles(path, rows, columns, height, width):
    """The tiles of a sheet: (rows, columns, height, width, 3)."""
    pixels = np.asarray(Image.open(path))
    pitch = TITLE + height + GAP
    assert pixels.shape[0] == GAP + rows * pitch
    result = np.empty((rows, columns, height, width, 3), "uint8")
    for i in range(rows):
        for j in range(columns):
            top, left = GAP + i * pitch + TITLE, GAP + j * (width + GAP)
            result[i, j] = pixels[top : top + height, left : left + width]
    return result


def serialized(layer):
    return keras.saving.serialize_keras_object(layer)


def run(*arguments, config=None):
    """The command's exit code, on photo.png and with tiles of its size."""
    if config is not None:
        with open("augment.json", "w") as file:
            json.dump(config, file)
        arguments = (*arguments, "--config", "augment.json")
    return cli.main(["preview", "photo.png", "--size", "60", *arguments])


@pytest.mark.thorough
def test_a_sheet_of_the_sample(capsys, tmp_path):
    assert cli.main(["preview"]) == 0
    assert capsys.readouterr().out.startswith("sheet.png: ")
    shown = tiles("sheet.png", 6, 6, 160, 160)
    sample = files.decode(preview.SAMPLE)
    np.testing.assert_array_equal(shown[:, 0], [sample] * 6)
    changed = np.abs(shown[:, 1:].astype(int) - sample).mean(axis=(2, 3, 4))
    assert (changed.max(axis=1) > 5).all()


@pytest.mark.thorough
def test_layers_come_in_the_order_given(photo, monkeypatch):
    rows = []
    monkeypatch.setattr(
        preview, "sheet", lambda x: rows.extend(x) or Image.new("L", (1, 1))
    )
    texts = (
        "RandomZoom((-0.3, 0))",
        "RandomFlip('vertical')",
        "RandomBrightness(gain=0.2)",
    )
    assert run(*(x for text in texts for x in ("--layer", text))) == 0
    assert [row.title for row in rows] == [*texts, preview.FUSED]


def test_the_fill_is_that_of_all_layers():
    texts = ["RandomZoom(0.1)", "RandomHue(0.1)"]
    shown = chosen.from_texts(texts, fill_mode="wrap")
    assert [type(x) for x in shown.layers] == [kal.RandomZoom, kal.RandomHue]
    assert shown.fused.settings.fill_mode == "wrap"


def test_the_layers_of_a_recipe_fill_as_it_does():
    shown = chosen.from_recipe("yolo(size=30)")
    fused = shown.fused.settings
    assert (fused.fill_mode, fused.fill_value) == ("constant", 114.0)
    for row in shown.layers:
        assert row.settings.fill_mode == "constant", row.layers
        assert row.settings.fill_value == 114.0, row.layers


@pytest.mark.thorough
@pytest.mark.parametrize(
    "text", ["mae(size=30)", "timm(size=30, auto_augment=None)", "yolo(size=30)"]
)
@op_by_op()
def test_a_recipe_is_shown_without_its_normalising(photo, text):
    assert run("--recipe", text, "--columns", "1") == 0
    shown = chosen.from_recipe(text)
    with Image.open("sheet.png") as sheet:
        assert sheet.height > GAP + len(shown.layers) * (TITLE + 30 + GAP)
    drawn = shown.fused(photo[np.newaxis], training=True)
    assert (drawn.shape, drawn.dtype) == ((1, 30, 30, 3), tf.uint8)
    assert not shown.fused.mixes()


def test_what_is_larger_than_a_tile_is_shown_at_its_size(photo):
    """A photograph is read as large as a layer wants it, and not enlarged for it."""
    Image.fromarray(photo.repeat(4, axis=0).repeat(4, axis=1)).save("photo.png")
    texts = "Resizing(80, 120)", "RandomFlip('vertical', chance=1.0)"
    assert run(*(x for text in texts for x in ("--layer", text))) == 0
    resized, turned, both = tiles("sheet.png", 3, 6, 40, 60)[:, 1].astype(int)
    mean = np.abs(resized - tiles("sheet.png", 3, 6, 40, 60)[0, 0]).mean()
    assert mean < 2.0
    np.testing.assert_array_equal(resized[::-1], both)
    assert turned.shape == both.shape


def test_boxes_follow_each_layer_of_a_recipe(photo, capsys):
    with open("boxes.json", "w") as file:
        json.dump([[10, 5, 40, 30]], file)
    arguments = "--recipe", "yolo(size=30)", "--boxes", "boxes.json"
    assert run(*arguments, "--columns", "1") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "not shown: Mosaic (mixes images); Normalize (normalised pixels)"
    ]


def test_what_mixes_is_left_out(photo, capsys):
    shown = chosen.from_texts(["RandomHue(0.1)", "MixUp()"], fill_mode="wrap")
    assert [type(x) for x in shown.layers] == [kal.RandomHue]
    assert not shown.fused.mixes() and shown.left_out == ["MixUp (mixes images)"]
    assert run("--layer", "MixUp()") == 2
    problem = "a photograph alone shows nothing of MixUp (mixes images)"
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("way", ["texts", "a group", "a list", "a Sequential"])
def test_what_normalises_is_left_out(photo, way, capsys):
    """What a training gets of it are floats about 0, no picture."""
    layers = [kal.RandomHue(0.1), kal.Rescaling(1 / 255), kal.RandomErasing()]
    saved = {
        "a group": kal.FusedAugmentation([*layers, kal.MixUp(num_classes=2)]),
        "a list": [*layers, kal.MixUp()],
        "a Sequential": keras.Sequential([*layers, kal.MixUp()]),
    }.get(way)
    if way == "texts":
        texts = ["RandomHue(0.1)", "Rescaling(0.1)", "RandomErasing()", "MixUp()"]
        shown = chosen.from_texts(texts)
    else:
        shown = chosen.from_config(keras.saving.serialize_keras_object(saved))
    assert len(shown.layers) == len(shown.titles) == 1
    assert shown.titles[0].startswith("RandomHue(")
    assert shown.left_out == [
        "MixUp (mixes images)",
        "Rescaling, RandomErasing (normalised pixels)",
    ]
    assert run("--layer", "Normalize(0.5, 0.5)") == 2
    problem = "a photograph alone shows nothing of Normalize (normalised pixels)"
    assert problem in capsys.readouterr().err


@pytest.mark.thorough
@op_by_op()
def test_a_recipe_of_views_has_a_row_for_each(photo):
    assert run("--recipe", "dino(size=30, local_size=20)", "--columns", "1") == 0
    shown = chosen.from_recipe("dino(size=30, local_size=20)")
    assert (len(shown.layers), shown.fused) == (3, None)
    assert [x.partition(":")[0] for x in shown.titles] == list(
        kal.recipes.dino().train.stacks
    )


def test_the_rows_are_what_the_layers_draw(photo):
    assert run("--layer", HALF, "--columns", "2") == 0
    (shown,) = tiles("sheet.png", 1, 3, 40, 60)
    np.testing.assert_array_equal(shown, [photo, *[photo[::-1, ::-1]] * 2])


@pytest.mark.thorough
def test_the_seed_decides(photo):
    sheets = []
    for seed in "0", "0", "1":
        assert run("--layer", "RandomRotate(degrees=90)", "--seed", seed) == 0
        sheets.append(tiles("sheet.png", 1, 6, 40, 60))
    np.testing.assert_array_equal(sheets[0], sheets[1])
    assert (sheets[0] != sheets[2]).any()


def test_several_photos_follow_each_other(photo):
    Image.fromarray(photo[::-1]).save("other.png")
    options = "--size", "60", "--layer", "RandomShift(0.1, 0.1)"
    assert cli.main(["preview", "photo.png", "other.png", *options]) == 0
    shown = tiles("sheet.png", 2, 6, 40, 60)
    np.testing.assert_array_equal(shown[:, 0], [photo, photo[::-1]])


@pytest.mark.parametrize(
    ("config", "rows"),
    [
        (serialized(HALF_TURN), 1),
        ([serialized(HALF_TURN)], 1),
        (
            serialized(
                kal.FusedAugmentation([HALF_TURN, kal.RandomBrightness(gain=(1, 1))])
            ),
            3,
        ),
        (
            kal.FusedAugmentation(
                [HALF_TURN, kal.RandomBrightness(gain=(1, 1))]
            ).get_config(),
            3,
        ),
        (serialized(keras.Sequential([HALF_TURN])), 1),
        (serialized(kal.RandomApply(HALF_TURN, 1.0)), 1),
        (serialized(kal.RandomRotate(0.5, data_format="channels_first")), 1),
    ],
    ids=["layer", "list", "fused", "get_config", "sequential", "apply", "formats"],
)
def test_configurations(photo, config, rows):
    assert run(config=config) == 0
    shown = tiles("sheet.png", rows, 6, 40, 60)
    np.testing.assert_array_equal(shown[:, 0], [photo] * rows)
    assert (shown[0, 1:] != photo).any()


def test_pixels_come_in_the_range_of_the_configuration(photo):
    darker = kal.RandomBrightness((-0.2, -0.2), (-1, 1))
    assert run(config=serialized(darker)) == 0
    shown = tiles("sheet.png", 1, 6, 40, 60)
    expected = np.clip(photo.astype(int) - 51, 0, 255)
    np.testing.assert_array_equal(shown[0, 1], expected)


@pytest.mark.thorough
def test_a_mask_and_boxes_move_with_the_photo(photo):
    mask = np.zeros((40, 60), "uint8")
    mask[:10, :20] = 7
    Image.fromarray(mask).save("mask.png")
    with open("boxes.json", "w") as file:
        json.dump({"boxes": [[30, 20, 20, 10]]}, file)
    arguments = "--mask", "mask.png", "--boxes", "boxes.json", "--box-format", "xywh"
    assert run("--layer", HALF, *arguments) == 0
    original, turned = tiles("sheet.png", 1, 6, 40, 60)[0, :2].astype(int)

    tinted = (photo[:10, :20] + preview.COLORS[0]) // 2
    np.testing.assert_array_equal(original[:10, :20], tinted)
    np.testing.assert_array_equal(turned[30:, 40:], tinted[::-1, ::-1])
    for image, (left, top, right, bottom) in (
        (original, (30, 20, 50, 30)),
        (turned, (10, 10, 30, 20)),
    ):
        corners = image[[top, bottom - 1]][:, [left, right - 1]]
        assert (corners == preview.COLORS[0]).all()
        edges = image[[top - 1, bottom]][:, left:right]
        assert not (edges == preview.COLORS[0]).all(axis=-1).any()


@pytest.mark.parametrize(
    ("box_format", "box"),
    [
        ("xyxy", [30, 10, 60, 40]),
        ("yxyx", [10, 30, 40, 60]),
        ("center_xywh", [45, 25, 30, 30]),
        ("center_yxhw", [25, 45, 30, 30]),
        ("rel_xyxy", [0.5, 0.25, 1.0, 1.0]),
    ],
)
def test_large_photos_are_shrunk_with_what_belongs_to_them(photo, box_format, box):
    Image.fromarray(np.where(photo > 127, 0, 1)[..., 0].astype("uint8")).save("m.png")
    path = preview.Path
    subject = preview.read(path("photo.png"), 30, path("m.png"), [box], box_format)
    assert subject.image.shape == (20, 30, 3)
    assert subject.mask.shape == (20, 30, 1)
    assert set(np.unique(subject.mask)) == {0, 1}
    np.testing.assert_allclose(subject.boxes, [[15, 5, 30, 20]])


@pytest.mark.thorough
def test_small_photos_are_enlarged(photo):
    assert cli.main(["preview", "photo.png", "--layer", HALF, "--size", "130"]) == 0
    shown = tiles("sheet.png", 1, 6, 80, 120)
    large = photo.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(shown[0, :2], [large, large[::-1, ::-1]])


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_formats_that_are_read(photo, suffix, mode):
    smooth = np.full((20, 30, 3), (200, 100, 100), "uint8")
    picture = Image.fromarray(smooth).convert(mode)
    if (suffix, mode) == ("bmp", "L"):
        picture = picture.convert("RGB")  # TensorFlow reads no BMP with a palette
    picture.save(f"flat.{suffix}")
    image = preview.read(preview.Path(f"flat.{suffix}"), 30).image
    assert image.shape == (20, 30, 3)
    expected = np.asarray(picture.convert("RGB"), int)
    assert np.abs(image - expected).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_dropped(mode):
    Image.new(mode, (30, 20), 77 if mode == "L" else None).save("alpha.png")
    assert preview.read(preview.Path("alpha.png"), 30).image.shape == (20, 30, 3)


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["no.png"], "no.png does not exist"),
        (["."], ". is not a file"),
        (["text.png"], "text.png is no JPEG, PNG, BMP or GIF image"),
        (["empty.png"], "empty.png is no JPEG, PNG, BMP or GIF image"),
        (["half.png"], "half.png is broken"),
        (["half.jpg"], "half.jpg is broken"),
        (["half.gif"], "half.gif is broken"),
        (["half.bmp"], "half.bmp is broken"),
        (["--config", "no.json"], "no.json does not exist"),
        (["--config", "text.png"], "text.png is not JSON: "),
        (["--config", "one.json"], "one.json: expected what keras.saving.serialize"),
        (["--config", "unknown.json"], "unknown.json: "),
        (["--config", "theirs.json"], "theirs.json: `layers` must be augmentation"),
        (["--config", "wrong.json"], "wrong.json: "),
        (["--config", "none.json"], "none.json: there is no layer in it"),
        (["--config", "fused.json"], "fused.json: there is no layer in it"),
        (["--config", "saved.json"], "saved.json: there is no layer in it"),
        (["--config", "model.json"], "model.json: there is no layer in it"),
        (
            ["--config", "one.json", "--layer", "RandomFlip"],
            "--config holds the layers",
        ),
        (["--recipe", "mae", "--fill-mode", "wrap"], "--recipe holds the layers"),
        (["--recipe", "mae", "--config", "one.json"], "--config holds the layers"),
        (["--recipe", "made"], "'made' is no recipe. Did you mean mae? "),
        (["--layer", "RandomRotate(degrees=400)"], f"{AT} `degrees` must be between"),
        (["--layer", "RandomTurn(3)"], f"{TURN} 'RandomTurn' is no layer. Did "),
        (["photo.png", "--mask", "small.png"], "small.png has 5 x 4 pixels, the photo"),
        (["photo.png", "--mask", "photo.png"], "photo.png has 2400 colours"),
        (["photo.png", "--mask", "half.png"], "half.png is broken"),
        (["--boxes", "text.png"], "text.png is not JSON: "),
        (["--boxes", "one.json"], "--boxes: expected a list of boxes"),
        (["--boxes", "flat.json"], "--boxes: expected a list of boxes"),
        (
            ["--boxes", "words.json"],
            "--boxes: expected a list of boxes",
        ),
        (["--boxes", "upside.json"], "--boxes: a box ends before it begins, as xyxy"),
        (["photo.png", "x.png", "--mask", "m.png"], "--mask and --boxes belong to one"),
        (
            ["-o", "sheet.tif"],
            "sheet.tif: the sheet is one of .jpeg",
        ),
        (["-o", "no/sheet.png"], "no is not a directory"),
        (["--size", "10000"], "--columns 5 of --size 10000 make a sheet of 60000 pix"),
        (["-o", "folder.png"], "folder.png: Is a directory"),
        (["--fill-mode", "wrap", "-o", "no/x.png"], "no is not a dir"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(photo, tmp_path, capsys, arguments, problem):
    write("text.png", b"no image")
    write("empty.png", b"")
    for suffix in "png", "jpg", "gif", "bmp":
        Image.fromarray(photo).save(f"whole.{suffix}")
        data = (tmp_path / f"whole.{suffix}").read_bytes()
        write(f"half.{suffix}", data[: len(data) // 2])
    Image.new("L", (5, 4)).save("small.png")
    (tmp_path / "folder.png").mkdir()
    layer = serialized(kal.RandomRotate(0.1))
    for name, value in {
        "one": {"x": 1},
        "unknown": {**layer, "class_name": "Nothing", "registered_name": "x>Nothing"},
        "theirs": serialized(keras.layers.Dense(1)),
        "wrong": {**layer, "config": {"degrees": "three"}},
        "none": [],
        "fused": {"layers": []},
        "saved": serialized(kal.FusedAugmentation([])),
        "model": [serialized(keras.Sequential([]))],
        "flat": [1, 2, 3, 4],
        "words": [["left", "top", "right", "bottom"]],
        "upside": [[3, 3, 1, 1]],
    }.items():
        write(f"{name}.json", json.dumps(value).encode())

    assert cli.main(["preview", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"keras-aug-layers: {problem}")
    assert line.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()


def test_a_layer_that_refuses_the_photo_is_named(photo, capsys):
    fill = kal.RandomShift(0.1, fill_mode="constant", fill_value=0.5)
    assert run(config=serialized(fill)) == 2
    line = capsys.readouterr().err
    assert line.startswith("keras-aug-layers: RandomShift(height_factor=±0.1): `fill_v")
    assert line.count("\n") == 1


@pytest.mark.thorough
@pytest.mark.parametrize("screen", [True, False])
def test_it_is_shown_where_there_is_a_screen(photo, monkeypatch, capsys, screen):
    shown = []
    monkeypatch.setattr(preview.sys, "platform", "linux")
    monkeypatch.setattr(Image.Image, "show", lambda picture: shown.append(picture))
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")
    assert run("--layer", "RandomZoom(0.1)", "--show") == 0
    assert len(shown) == screen
    assert ("no screen" in capsys.readouterr().out) is not screen


def test_a_missing_pillow_is_named(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["preview"]) == 2
    assert "pillow: pip install pillow" in capsys.readouterr().err


def test_layers_fill_as_they_do_by_themselves():
    texts = [
        "Resizing(32, 48, pad_to_aspect_ratio=True)",
        "RandomCrop(32, 48, padding=2)",
    ]
    shown = chosen.from_texts(texts)
    assert {x.settings.fill_mode for x in (*shown.layers, shown.fused)} == {"constant"}
    given = chosen.from_texts(texts, fill_mode="reflect")
    assert {x.settings.fill_mode for x in (*given.layers, given.fused)} == {"reflect"}
