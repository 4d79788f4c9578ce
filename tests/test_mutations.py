"""Each mutation has its place in the code, and tests that shall see it."""

import pathlib

import pytest
from mutations import MUTATIONS, ROOT

TESTS = pathlib.Path(__file__).parent
KERNELS = {path.stem for path in (ROOT / "keras_aug_layers/kernels").glob("*.py")}
WITHOUT = {
    "__init__",
    *("condition", "device", "passes"),  # they decide how it is done, not what is
    *("coordinates", "followers", "plane_pixels", "resample"),  # these call the others
}


@pytest.mark.parametrize("module, old, new, tests", MUTATIONS)
def test_a_mutation_has_one_place(module, old, new, tests):
    text = (ROOT / "keras_aug_layers" / f"{module}.py").read_text()
    assert text.count(old) == 1
    assert new != old
    assert all((TESTS / name.split("::")[0]).exists() for name in tests.split())


def test_every_kernel_has_a_mutation():
    modules = {module.split("/")[1] for module, *_ in MUTATIONS if "kernels" in module}
    assert modules >= KERNELS - WITHOUT
