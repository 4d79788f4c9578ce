"""The oldest environment is the one that the project promises."""

import re
from pathlib import Path

import environments

from keras_aug_layers import migrate

ROOT = Path(__file__).parents[1]


def test_the_oldest_environment_has_the_lower_bounds():
    project = (ROOT / "pyproject.toml").read_text()
    (block,) = re.findall(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)
    bounds = dict(re.findall(r'"(\w+)>=([\d.]+)"', block))
    assert bounds["keras"] == "{}.{}".format(*migrate.OLDEST_KERAS)
    pins = dict(pin.split("==") for pin in environments.OLDEST)
    assert pins == {name: f"{bound}.0" for name, bound in bounds.items()}
