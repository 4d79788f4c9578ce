"""Nothing imports what stands above it, and nothing imports itself in a circle."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_aug_layers"
FLOORS = (
    ("arguments", "notices"),
    ("kernels.again", "kernels.noise", "kernels.device", "kernels.checked"),
    ("kernels.program",),
    ("kernels.labels",),
    ("kernels.derivative",),
    ("kernels.hidden",),
    ("kernels.rounding", "kernels.picks", "kernels.products"),
    ("kernels.matrices",),
    ("kernels.fields",),
    ("kernels.coordinates",),
    ("kernels.places",),
    ("kernels.taps", "kernels.condition"),
    ("kernels.warp",),
    ("kernels.measured", "kernels.few", "kernels.pyramid", "kernels.separable"),
    ("kernels.upright", "kernels.askers", "kernels.planes"),
    ("kernels.resample", "kernels.straight"),
    ("kernels.shrinking",),
    ("kernels.flat",),
    ("kernels.targets", "kernels.followers", "kernels.stages"),
    ("kernels.pixels",),
    ("kernels.plane_pixels",),
    ("kernels.passes",),
    ("kernels.either",),
    ("plan.strides", "plan.entries", "plan.uncast", "plan.variables", "plan.notes"),
    ("plan.frame", "plan.settings", "plan.random_numbers", "plan.plan", "plan.carry"),
    ("plan.moves", "plan.config"),
    ("plan.listed", "plan.ragged", "plan.unsized"),
    ("plan.sample",),
    ("plan.transform",),
    ("plan.jit",),
    ("plan.chain",),
    ("layers.checks", "layers.symbolic", "layers.clips"),
    (
        "layers.counts",
        "layers.given",
        "layers.mixable",
        "layers.statistics",
        "layers.told",
    ),
    ("layers.streams", "layers.kept", "layers.draws"),
    ("layers.engine",),
    ("layers.base",),
    ("layers.geometry", "layers.pixels", "layers.mixes", "layers.generator"),
    ("layers.groups",),
    ("elements",),
    ("migrate", "dataset", "explain"),
    ("recipes",),
    ("constructors",),
    ("commands",),
)
"""Folders stand for all that is in them; the modules of one floor may use each other,
if that is no circle."""
FLOOR = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}


def modules_of(folder):
    """The modules of a package, by their dotted names without the package's."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if path.parent != folder or parts not in ((), ("__main__",)):
            found[".".join(parts)] = path
    return found


MODULES = modules_of(PACKAGE)
BENCHMARKS = modules_of(ROOT / "benchmarks")


def statements(tree):
    """What a module does, in its functions too, but for what only types need."""
    for_types = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for part in ast.walk(node)
    }
    return [node for node in ast.walk(tree) if node not in for_types]


@functools.cache
def imports(name, own=PACKAGE.name):
    """The modules of its package that a module imports, wherever it does."""
    modules = MODULES if own == PACKAGE.name else BENCHMARKS
    found = []
    for node in statements(ast.parse(modules[name].read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for whole in names:
            package, _, module = whole.partition(".")
            while package == own and module:
                if module in modules:
                    found.append(module)
                    break
                module, _, _ = module.rpartition(".")
    return found


def floor_of(name):
    """The floor of a module, or of the folder that it lies in; None for an index."""
    while name and name not in FLOOR:
        name, _, _ = name.rpartition(".")
    return FLOOR.get(name)


ABOVE = {name: floor_of(name) for name in MODULES}


def reached(name, own=PACKAGE.name):
    """All that a module imports, and what those import."""
    found, left = set(), [name]
    while left:
        new = set(imports(left.pop(), own)) - found
        found |= new
        left += new
    return found


def test_every_module_has_a_floor():
    """But for the indices of the three floors, which stand above what they list."""
    assert [name for name, floor in ABOVE.items() if floor is None] == [
        "kernels",
        "layers",
        "plan",
    ]
    assert not imports("kernels") and not imports("plan")


@pytest.mark.parametrize("name", [name for name in MODULES if ABOVE[name] is not None])
def test_arrows_point_down(name):
    indices = {"layers": FLOOR["layers.groups"]}
    above = [
        other
        for other in imports(name)
        if indices.get(other, ABOVE[other]) > ABOVE[name]
    ]
    assert not above


@pytest.mark.parametrize("name", MODULES)
def test_there_are_no_circles(name):
    assert name not in reached(name)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_there_are_no_circles_in_the_benchmarks(name):
    assert name not in reached(name, "benchmarks")


def long(files, most):
    """The files of more lines."""
    lengths = {x.name: len(x.read_text().splitlines()) for x in files}
    return {name: length for name, length in lengths.items() if length > most}


def test_no_module_and_no_test_is_long():
    assert not long(MODULES.values(), 350)
    assert not long(Path(__file__).parent.rglob("*.py"), 500)


@pytest.mark.thorough
def test_the_imports_are_seen():
    """All of a module's, whichever way they are written."""
    assert {"kernels.program", "kernels.matrices"} <= set(
        imports("kernels.coordinates")
    )
    assert "arguments" in reached("kernels.warp")
    assert {"kernels.warp", "plan.chain", "layers.base"} <= reached(
        "layers.groups.fused"
    )
    assert "layers.groups.policies" in reached("layers")


def test_the_base_of_all_layers_stays_small():
    assert len(MODULES["layers.base"].read_text().splitlines()) < 250
