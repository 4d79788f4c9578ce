"""README.md does what it says: its Python runs, its commands exist."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import keras_aug_layers as kal
from benchmarks import pictures
from keras_aug_layers.commands import cli

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings the same library
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "keras_aug_layers/README.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in READMES}
README = TEXTS["README.md"]
CLAIMS = {
    "`model(x)`, `model.export()`": [
        "test_identity.py::test_models_give_the_input_back"
    ],
    "`tf.saved_model.save(model)`": [
        "test_identity.py::test_a_saved_training_function_draws_anew"
    ],
    "XLA": ["kernels/test_warp.py::test_a_compiled_model_trains_without_a_warning"],
    '`RandomFlip("horizontal_and_vertical")`': [
        "test_distributions.py::test_flip_reaches_its_four_states_a_quarter_each"
    ],
    "brightness on uint8": ["test_dtypes.py::test_brightness_saturates"],
    "`MirroredStrategy`": [
        "test_distributed.py::test_mirrored_strategy_over_two_devices"
    ],
    "a seed, and parallel calls in `tf.data`": [
        "test_reproducible.py::test_parallel_calls_change_nothing"
    ],
    "boxes under rotation": [
        "kernels/targets/test_boxes.py::test_formats_say_the_same",
        "kernels/targets/test_boxes.py::test_the_full_frame_at_180_degrees",
    ],
    "a stack of k moves": [
        "layers/groups/test_fused.py::test_fused_is_nearer_to_the_truth_than_the_chain"
    ],
}
"""What the README says of us and of others, and the tests that hold it."""


class Block(NamedTuple):
    file: str
    line: int
    language: str
    code: str


BLOCKS = [
    Block(name, text.count("\n", 0, match.start()) + 1, match[1], match[2])
    for name, text in TEXTS.items()
    for match in re.finditer(r"^```(.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
]
SIMPLE_COMMAND = re.compile(r"&&|\|\||[;|\n]")


def blocks(language):
    """The blocks of a language, one test each; it is an error if there is none."""
    found = [block for block in BLOCKS if block.language == language]
    ids = [f"{block.file}:{block.line}" for block in found]
    return pytest.mark.parametrize("block", found, ids=ids)


@pytest.fixture(scope="module")
def namespaces():
    """Names live on from block to block; a warning counts as one of this module's."""
    return {name: {"__name__": __name__} for name in READMES}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_the_readme_has_blocks_of_known_languages_only():
    marks = sum(text.count("\n```") for text in TEXTS.values())
    assert marks == 2 * len(BLOCKS)
    languages = {block.language for block in BLOCKS}
    assert {"python", "bash"} <= languages <= {"python", "bash", "text"}


@pytest.mark.thorough
@blocks("python")
def test_python_runs(block, namespaces, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    in_place = "\n" * block.line + block.code  # tracebacks name the README's lines
    exec(compile(in_place, ROOT / block.file, "exec"), namespaces[block.file])


@blocks("bash")
def test_bash_parses(block):
    subprocess.run(["bash", "-n"], input=block.code, text=True, check=True)


@blocks("bash")
def test_commands_exist(block):
    for text in SIMPLE_COMMAND.split(block.code.replace("\\\n", " ")):
        command, *arguments = shlex.split(text, comments=True) or ["true"]
        if not command.startswith(".venv/bin/"):
            assert shutil.which(command), command
        if "-m" in arguments:
            module, *rest = arguments[arguments.index("-m") + 1 :]
            assert importlib.util.find_spec(module), module
            if module == "keras_aug_layers":
                assert cli.parser().parse_args(rest).command


def test_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(rf"(?:\.|{project['name']})\[([\w,]+)\]", README)
    assert named
    for extras in named:
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_every_claim_has_its_tests():
    table = README[README.index("| what | elsewhere | here |") :]
    rows = table[: table.index("\n\n")].splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [*CLAIMS]
    for file, name in (x.split("::") for ids in CLAIMS.values() for x in ids):
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(), name


def test_the_page_of_the_package_has_every_layer():
    text = TEXTS["keras_aug_layers/README.md"]
    names = set(kal.layers.__all__) & set(kal.__all__)
    names -= {"RandomRotation", "RandomTranslation"}  # Keras's names of two of them
    assert not [name for name in names if f"`{name}(" not in text]
    shown = {title.partition("(")[0] for title in pictures.LAYERS}
    assert not [
        x for x in shown if f"![{x}](../benchmarks/pictures/{x}.jpg)" not in text
    ]


def test_links_lead_somewhere():
    for name, text in TEXTS.items():
        folder = (ROOT / name).parent
        for link in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = link.partition("#")
            target = (folder / path).resolve() if path else ROOT / name
            assert target.exists(), link
            if anchor:
                titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                slugs = [re.sub(r"[^\w -]", "", x.lower()) for x in titles]
                assert anchor in [slug.replace(" ", "-") for slug in slugs], link


@pytest.mark.slow
def test_the_augmentation_of_contributing_works(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    module = tmp_path / "vignette.py"
    module.write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "doctest", str(module)]
    assert ">>> int(" in code
    subprocess.run(command, cwd=ROOT, check=True)
