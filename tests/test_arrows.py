"""Nothing imports what stands above it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "keras_aug_layers"
FLOORS = (
    {"checks"},
    {"matrices", "sampling", "warp"},
    {"color", "forms", "targets"},
    {"draw"},
    {"transform"},
    {"layers"},
    {"convert", "data"},
    {"files"},
    {"demo", "preview"},
    {"cli"},
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
MODULES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
)


def imported(path):
    """The parts of the package that a module imports at its top."""
    for node in ast.parse((PACKAGE / path).read_text()).body:
        if isinstance(node, ast.ImportFrom):
            _, *below = node.module.split(".")
            if node.module == "keras_aug_layers":
                yield from (alias.name for alias in node.names)
            elif node.module.startswith("keras_aug_layers."):
                yield below[0]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_arrows_point_down(path):
    part = path.parts[0].removesuffix(".py")
    above = [
        name
        for name in imported(path)
        if FLOOR[name] > FLOOR[part] or (FLOOR[name] == FLOOR[part] != FLOOR["layers"])
    ]
    assert not above
