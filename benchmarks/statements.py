"""How large the library is, beside its peers: statements, counted in the source.

    python -m benchmarks.statements           # the table
    python -m benchmarks.statements --write   # and the page that shows it

A statement is one of Python's grammar; docstrings are none. Tests, commands and what
peers have for video volumes, sound and text are not counted; neither is what a peer
leaves to a library beside it, such as OpenCV.
"""

import argparse
import ast
import importlib.util
import pathlib
from collections.abc import Iterator

from benchmarks import verdict

PAGE = pathlib.Path(__file__).parents[1] / "keras_aug_layers" / "README.md"
EVERYTHING = "**all that is counted**"
KERAS = "src/layers/preprocessing/image_preprocessing"
MOVES = "flip rotation zoom translation shear crop perspective elastic_transform"
COLOURS = """brightness color_degeneration color_jitter contrast erasing gaussian_blur
grayscale hue invert posterization saturation sharpness"""
OTHERS = "solarization equalization auto_contrast clahe"
AUGMENTATIONS = "geometric crops blur pixel dropout mixing other"


def _each(pattern: str, names: str) -> tuple[str, ...]:
    return tuple(pattern.format(name) for name in names.split())


PEERS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "ours": (
        "keras_aug_layers",
        {
            "geometry, crops, fields": ("layers/geometry",),
            "colours, blur, noise, erasing": ("layers/pixels",),
            "mixing": ("layers/mixes",),
            "policies, groups": ("layers/groups",),
            EVERYTHING: ("arguments.py", "notices.py", "layers", "plan", "kernels"),
        },
    ),
    "Keras": (
        "keras",
        {
            "geometry, crops, fields": (
                *_each(KERAS + "/random_{}.py", MOVES),
                *_each(KERAS + "/{}.py", "resizing center_crop"),
            ),
            "colours, blur, noise, erasing": (
                *_each(KERAS + "/random_{}.py", COLOURS),
                *_each(KERAS + "/{}.py", OTHERS),
            ),
            "mixing": (f"{KERAS}/mix_up.py", f"{KERAS}/cut_mix.py"),
            "policies, groups": (f"{KERAS}/aug_mix.py", f"{KERAS}/rand_augment.py"),
            EVERYTHING: (KERAS, "src/backend/tensorflow/image.py"),
        },
    ),
    "albumentations": (
        "albumentations",
        {
            "geometry, crops, fields": _each("augmentations/{}", "geometric crops"),
            "colours, blur, noise, erasing": _each(
                "augmentations/{}", "blur pixel dropout"
            ),
            "mixing": ("augmentations/mixing",),
            "policies, groups": ("core/composition.py",),
            EVERYTHING: (
                *_each("augmentations/{}", AUGMENTATIONS),
                "augmentations/utils.py",
                "core",
            ),
        },
    ),
    "kornia": (
        "kornia",
        {
            "geometry, crops, fields": ("augmentation/_2d/geometric",),
            "colours, blur, noise, erasing": ("augmentation/_2d/intensity",),
            "mixing": ("augmentation/_2d/mix",),
            "policies, groups": ("augmentation/auto", "augmentation/container"),
            EVERYTHING: ("augmentation",),
        },
    ),
}
"""Of each package, the files and folders in which a capability is."""
LEFT_OUT = ("_test.py", "_3d", "__pycache__")


def statements(text: str) -> int:
    """The statements of a module, without docstrings, those of values among them."""
    return sum(
        isinstance(node, ast.stmt) and not _is_text(node)
        for node in ast.walk(ast.parse(text))
    )


def _is_text(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def files(root: pathlib.Path, parts: tuple[str, ...]) -> Iterator[pathlib.Path]:
    """The modules of some files and folders.

    Raises:
        FileNotFoundError: if a part is not there, as in another version of a peer.
    """
    for part in parts:
        place = root / part
        if not place.exists():
            raise FileNotFoundError(f"{part} is not in {root.name}: another version?")
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if not any(x in str(path.relative_to(root)) for x in LEFT_OUT):
                yield path


def counted() -> dict[str, dict[str, int]]:
    """The statements of each package that is installed, by capability."""
    found = {}
    for name, (package, capabilities) in PEERS.items():
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        root = pathlib.Path(next(iter(spec.submodule_search_locations)))
        found[name] = {
            capability: sum(statements(x.read_text()) for x in files(root, parts))
            for capability, parts in capabilities.items()
        }
    return found


def as_table(found: dict[str, dict[str, int]]) -> str:
    """The counts as a Markdown table."""
    rows = [
        [capability, *(f"{found[name][capability]:,}" for name in found)]
        for capability in next(iter(PEERS.values()))[1]
    ]
    return verdict.markdown(["statements", *found], rows)


def main() -> None:
    """Prints the table, and writes it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="into the page, too")
    write, found = parser.parse_args().write, counted()
    text = as_table(found)
    print(text)
    missing = sorted(set(PEERS) - set(found))
    if write and missing:
        parser.error(
            f"--write wants all peers, and {' and '.join(missing)} are missing"
        )
    if write:
        begin, end = "<!-- statements -->\n", "<!-- end -->"
        before, _, rest = PAGE.read_text().partition(begin)
        PAGE.write_text(before + begin + text + end + rest.partition(end)[2])


if __name__ == "__main__":
    main()
