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

from keras_aug_layers.commands import cli

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings the same library
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    line: int
    language: str
    code: str


BLOCKS = [
    Block(README.count("\n", 0, match.start()) + 1, match[1], match[2])
    for match in re.finditer(r"^```(.*?)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
]
SIMPLE_COMMAND = re.compile(r"&&|\|\||[;|\n]")


def blocks(language):
    """The blocks of a language, one test each; it is an error if there is none."""
    found = [block for block in BLOCKS if block.language == language]
    ids = [f"line{block.line}" for block in found]
    return pytest.mark.parametrize("block", found, ids=ids)


@pytest.fixture(scope="module")
def namespace():
    """Names live on from block to block; a warning counts as one of this module's."""
    return {"__name__": __name__}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_the_readme_has_blocks_of_known_languages_only():
    assert README.count("\n```") == 2 * len(BLOCKS)
    languages = {block.language for block in BLOCKS}
    assert {"python", "bash"} <= languages <= {"python", "bash", "text"}


@pytest.mark.thorough
@blocks("python")
def test_python_runs(block, namespace, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    in_place = "\n" * block.line + block.code  # tracebacks name the README's lines
    exec(compile(in_place, ROOT / "README.md", "exec"), namespace)


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


def test_the_tests_that_are_named_exist():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", README)
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(), name


@pytest.mark.slow
def test_the_augmentation_of_contributing_works(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    module = tmp_path / "vignette.py"
    module.write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "doctest", str(module)]
    assert ">>> int(" in code
    subprocess.run(command, cwd=ROOT, check=True)
