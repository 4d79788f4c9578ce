"""The documentation's pictures are what the library makes today."""

import keras
import numpy as np
import pytest
from PIL import Image

import keras_aug_layers as kal
from benchmarks import pictures


@pytest.mark.slow
def test_the_pictures_are_up_to_date(capsys):
    status = pictures.main(["--check"])
    assert capsys.readouterr().out == ""
    assert status == 0


@pytest.mark.slow
def test_an_old_picture_and_a_stray_one_are_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pictures, "FOLDER", tmp_path)
    monkeypatch.setattr(pictures, "LAYERS", {})
    monkeypatch.setattr(pictures, "FILLS", {})
    assert pictures.main([]) == 0
    assert pictures.main(["--check"]) == 0
    picture = Image.open(tmp_path / "coordinates.png")
    picture.paste("white", (0, 0, 200, 100))
    picture.save(tmp_path / "coordinates.png")
    (tmp_path / "stray.png").touch()
    capsys.readouterr()
    assert pictures.main(["--check"]) == 1
    old = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert old == [str(tmp_path / name) for name in ("coordinates.png", "stray.png")]


def test_every_public_layer_and_fill_mode_has_a_picture():
    shown = {title.partition("(")[0] for title in pictures.LAYERS}
    public = {
        name
        for name in kal.__all__
        if isinstance(getattr(kal, name), type)
        and issubclass(getattr(kal, name), keras.layers.Layer)
    }
    public -= {"RandomRotation", "RandomTranslation"}  # other names of the same
    public -= {name for name in public if "Base class of" in getattr(kal, name).__doc__}
    assert shown == public - pictures.WITHOUT_PICTURE
    assert pictures.WITHOUT_PICTURE <= public
    modes = {layer.fill_mode for layer in pictures.FILLS.values()}
    assert modes == {"reflect", "nearest", "wrap", "constant"}


def test_a_title_is_the_call_that_makes_its_layer():
    for title, layer in (pictures.LAYERS | pictures.FILLS).items():
        called = eval(title, {name: getattr(kal, name) for name in kal.__all__})
        assert comparable(called) == comparable(layer), title


def comparable(layer):
    """The configuration without the names that Keras counts up."""

    def cleaned(value):
        if isinstance(value, dict):
            return {k: cleaned(v) for k, v in value.items() if k != "name"}
        return [cleaned(x) for x in value] if isinstance(value, list) else value

    return type(layer), cleaned(layer.get_config())


def test_only_resampling_is_compared():
    """What lies beyond the frame reaches no pixel that is measured."""
    image = np.zeros((1, 116, 116, 1), "float32")
    for layer in pictures.MOVES:
        image = type(layer).from_config(
            {**layer.get_config(), "fill_mode": "constant", "fill_value": 1.0}
        )(image, training=True)
    assert pictures._middle(np.asarray(image)[0]).max() == 0


def test_the_pictures_are_small():
    files = [pictures.SAMPLE, *pictures.FOLDER.iterdir()]
    assert sum(file.stat().st_size for file in files) < 3 * 2**20


@pytest.mark.parametrize(("change", "expected"), [(2, True), (20, False)])
def test_codecs_may_differ_and_a_letter_may_not(change, expected):
    before = np.full((50, 70, 3), 128, "uint8")
    after = before.copy()
    after[20:28, 30:36] += np.uint8(change)
    a, b = Image.fromarray(before), Image.fromarray(after)
    assert pictures.same(a, b) is expected
