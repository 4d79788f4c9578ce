"""The command line, run as users run it."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers
from keras_aug_layers.commands import cli

ROOT = Path(__file__).parents[2]


def demo(*arguments):
    """Runs the demo in a process of its own; only colours and width are fixed."""
    return subprocess.run(
        [sys.executable, "-m", "keras_aug_layers", "demo", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def write_images(folder, count):
    """Images of noise; each class gets its own brightness."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(count)
    for i in range(count):
        pixels = rng.integers(0, 25 * count, (20, 24, 3)).astype("uint8")
        tf.io.write_file(str(folder / f"{i}.png"), tf.io.encode_png(pixels))


def images_of_ones_own(tmp_path):
    """A folder of two classes."""
    write_images(tmp_path / "images" / "dark", 4)
    write_images(tmp_path / "images" / "light", 10)
    return str(tmp_path / "images")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    output = tmp_path_factory.mktemp("digits")
    return demo("--epochs", 2, "--output", output), output


@pytest.mark.slow
def test_the_demo_trains_with_a_recipe(tmp_path, capsys):
    """One that mixes labels, on images of two sizes."""
    folder, output = images_of_ones_own(tmp_path), str(tmp_path / "out")
    text = "timm(size=24, auto_augment=None, color_jitter=None, crop_pct=1.0)"
    arguments = ["demo", "--images", folder, "--output", output, "--epochs", "1"]
    assert cli.main([*arguments, "--recipe", text]) == 0
    said, problems = capsys.readouterr()
    assert problems == ""
    assert re.findall(r"(without|with) the recipe +│ +[\d.]+%", said) == [
        "without",
        "with",
    ]
    sheet = tf.io.decode_png((tmp_path / "out" / "augmented.png").read_bytes())
    assert sheet.shape == (2 * (3 * 24 + 4), 10 * (3 * 24 + 4), 3)
    served = tf.saved_model.load(tmp_path / "out" / "model")
    assert served.serve(np.zeros((2, 96, 96, 3), "uint8")).shape == (2, 2)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tim", "--recipe: 'tim' is no recipe. Did you mean timm? "),
        ("dino", "--recipe: dino gives views without labels"),
        (
            "torchvision_resnet50(size=20)",
            "trains on 20 x 20 pixels and tests on 96 x 96",
        ),
    ],
)
def test_recipes_that_the_demo_does_not_take(tmp_path, capsys, text, problem):
    arguments = ["demo", "--images", images_of_ones_own(tmp_path)]
    arguments += ["--output", str(tmp_path / "out"), "--recipe", text]
    assert cli.main(arguments) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_prints_a_table(digits):
    process, _ = digits
    assert process.returncode == 0, process.stderr
    rows = re.findall(
        r"(without|with) augmentation +│ +([\d.]+)% +│ +([\d.]+)", process.stdout
    )
    assert [name for name, *_ in rows] == ["without", "with"]
    assert all(20 < float(accuracy) <= 100 for _, accuracy, _ in rows)
    assert all(float(seconds) > 0 for *_, seconds in rows)
    assert "serves the same predictions twice" in process.stdout


@pytest.mark.slow
def test_the_demo_is_quiet(digits):
    process, _ = digits
    assert process.stderr == ""


@pytest.mark.slow
def test_the_contact_sheet_shows_the_original_first(digits):
    _, output = digits
    sheet = tf.io.decode_png((output / "augmented.png").read_bytes()).numpy()
    tile = 3 * 28 + 2 * 2
    assert sheet.shape == (8 * tile, 10 * tile, 1)
    tiles = sheet.reshape(8, tile, 10, tile).transpose(0, 2, 1, 3)
    originals, drawn = tiles[:, :1], tiles[:, 1:]
    changed = np.abs(drawn.astype(int) - originals).mean(axis=(2, 3))
    assert (changed > 1).all()


@pytest.mark.slow
def test_the_saved_model_serves(digits):
    _, output = digits
    model = tf.saved_model.load(output / "model")
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 28, 28, 1)).astype("float32")
    first, second = model.serve(pixels).numpy(), model.serve(pixels).numpy()
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.slow
def test_the_demo_takes_images_of_ones_own(tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ["demo", "--images", images_of_ones_own(tmp_path), "--epochs", "1"]
    assert cli.main([*arguments, "--output", str(output), "--seed", "5"]) == 0
    said, problems = capsys.readouterr()
    assert "Trained on 12 images, tested on 2 others" in said and problems == ""
    sheet = tf.io.decode_png((output / "augmented.png").read_bytes())
    assert sheet.shape == (2 * (96 + 4), 10 * (96 + 4), 3)


@pytest.mark.thorough
@pytest.mark.parametrize("program", ["keras-aug-layers", "keras-aug-layers.exe"])
def test_the_command_answers_without_tensorflow(program):
    """As `python -m keras_aug_layers` does, which is tried below."""
    lines = f"import sys; sys.argv = ['a/{program}', 'preview', '--rows', 'x']"
    lines += """
from keras_aug_layers.commands.cli import main
try:
    main()
finally:
    assert "tensorflow" not in sys.modules"""
    command = [sys.executable, "-c", lines]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 2 and "Error" not in process.stderr, process.stderr
    assert process.stderr.splitlines()[-1].startswith("keras-aug-layers")


@pytest.mark.parametrize(
    ("words", "module"),
    [
        ("python -m keras_aug_layers preview", "keras_aug_layers"),
        ("python -mkeras_aug_layers", "keras_aug_layers"),
        ("python -Im keras_aug_layers", "keras_aug_layers"),
        ("python -EsOOmkeras_aug_layers", "keras_aug_layers"),
        ("python -u -X dev -W ignore -m keras_aug_layers", "keras_aug_layers"),
        ("python -Xdev -Wm -B -m keras_aug_layers", "keras_aug_layers"),
        ("python -bWm -m keras_aug_layers", "keras_aug_layers"),
        (
            "python --check-hash-based-pycs always -m keras_aug_layers",
            "keras_aug_layers",
        ),
        ("python -m mypkg.train --augment keras_aug_layers", "mypkg.train"),
        ("python -m mypkg -m keras_aug_layers", "mypkg"),
        ("python -X m -m mypkg keras_aug_layers", "mypkg"),
        ("python -c pass -m keras_aug_layers", ""),
        ("python train.py -m keras_aug_layers", ""),
        ("python", ""),
        ("python -m", ""),
    ],
)
def test_the_module_that_python_runs(words, module):
    assert keras_aug_layers._module_of(words.split()) == module


@pytest.mark.slow
def test_a_package_that_names_this_one_has_its_layers(tmp_path):
    """One that imports it before its own command line is read, as -m does."""
    (tmp_path / "theirs").mkdir()
    line = "import keras_aug_layers as kal\nfound = kal.RandomFlip\n"
    (tmp_path / "theirs" / "__init__.py").write_text(line)
    (tmp_path / "theirs" / "train.py").write_text("print(__package__)\n")
    command = [sys.executable, "-m", "theirs.train", "--augment", "keras_aug_layers"]
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    process = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert (process.returncode, process.stdout) == (0, "theirs\n"), process.stderr


@pytest.mark.parametrize("options", [["-m"], ["-X", "utf8", "-Bm"]])
def test_python_m_answers_without_tensorflow(options):
    command = [sys.executable, "-v", *options, "keras_aug_layers", "preview", "--rows"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 2
    assert "import 'keras_aug_layers.commands.cli'" in process.stderr
    assert "import 'tensorflow" not in process.stderr


def test_a_broken_image_is_named_before_the_training(tmp_path, capsys):
    write_images(tmp_path / "images" / "dark", 4)
    write_images(tmp_path / "images" / "light", 4)
    broken = tmp_path / "images" / "light" / "2.png"
    broken.write_bytes(broken.read_bytes()[:60])
    folder, output = str(tmp_path / "images"), str(tmp_path / "out")
    assert cli.main(["demo", "--images", folder, "--output", output]) == 2
    assert capsys.readouterr().err == f"keras-aug-layers: {broken} is broken\n"


def test_a_bad_directory_gives_one_line_and_no_traceback():
    process = demo("--images", "no/such/directory")
    assert process.returncode == 2
    assert process.stdout == ""
    message = "keras-aug-layers: no/such/directory does not exist\n"
    assert process.stderr == message


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([], "has no sub-folder with images"),
        (["1.png", "2.png"], "has no sub-folder with images"),
        (["a/notes.txt", "b/notes.txt"], "has no sub-folder with images"),
        (["a/1.png", "a/2.png", "b/notes.txt"], "has one class only, a"),
        (["a/1.png", ".hidden/2.png"], "has one class only, a"),
        (["a/1.png", "b/2.png"], "has too few images"),
    ],
)
def test_directories_that_cannot_be_learned_from(tmp_path, capsys, files, problem):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert cli.main(["demo", "--images", str(tmp_path)]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"keras-aug-layers: {tmp_path} {problem}")
    assert line.count("\n") == 1


def test_a_file_is_no_directory(tmp_path, capsys):
    file = tmp_path / "photo.png"
    file.touch()
    assert cli.main(["demo", "--images", str(file)]) == 2
    line = capsys.readouterr().err
    assert line == f"keras-aug-layers: {file} is not a directory\n"


def test_an_output_that_is_no_directory(tmp_path, capsys):
    file = tmp_path / "notes.txt"
    file.touch()
    assert cli.main(["demo", "--output", str(file)]) == 2
    assert capsys.readouterr().err == f"keras-aug-layers: {file}: File exists\n"


def test_a_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["demo"]) == 2
    line = capsys.readouterr().err
    assert "mlxtend and rich: pip install mlxtend rich" in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("seed", ["-1", "1.5", str(2**32)])
def test_seeds_are_numpys(capsys, seed):
    with pytest.raises(SystemExit) as exit:
        cli.main(["preview", f"--seed={seed}"])
    assert exit.value.code == 2
    assert f"received '{seed}'" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", ["0", "-1", "many"])
def test_epochs_are_counted(capsys, epochs):
    with pytest.raises(SystemExit) as exit:
        cli.main(["demo", f"--epochs={epochs}"])
    assert exit.value.code == 2
    assert f"expected at least 1, received '{epochs}'" in capsys.readouterr().err
