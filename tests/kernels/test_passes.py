"""The table of kinds and forms: of what is registered, and of what recipes run."""

import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from examples import small_recipe
from helpers import op_by_op, random_images

import keras_aug_layers as kal
from keras_aug_layers import recipes
from keras_aug_layers.kernels import passes, program, stages

TEXT = (Path(kal.__file__).parent / "kernels" / "README.md").read_text()
NAMES = sorted(name for name in recipes.__all__ if name != "Recipe")
CLASSES = 10


def table(header):
    """The rows of a table of the page: the names in two cells, and the last cell."""
    _, _, rest = TEXT.partition(f"| {header} |")
    assert rest
    rows = (row.split("|") for row in rest.partition("\n\n")[0].splitlines()[2:])
    return [
        (*(re.findall("`([a-z_0-9]+)`", x) for x in row[1:3]), row[-2]) for row in rows
    ]


def test_every_function_stands_under_its_kind():
    named = {kind: set(names) for (kind,), names, _ in table("kind | functions")}
    stages_named = {x for names, *_ in table("stage | layer | why") for x in names}
    named["stage"] = stages_named
    found = {}
    for name, function in program._REGISTER.items():
        if function.call.__module__.startswith("keras_aug_layers."):
            found.setdefault(function.kind, set()).add(name)
    assert found == named, "keras_aug_layers/kernels/README.md"


def expected():
    """The stages of each recipe by the table, and how often it is resampled."""
    return {
        name: (stages_, int(warps))
        for names, stages_, warps in table("recipe | stages | warps")
        for name in names
    }


def test_the_table_has_every_recipe():
    assert sorted(expected()) == NAMES


def views(recipe):
    """The layers of the training, one for each view."""
    if isinstance(recipe.train, kal.MultiCrop):
        return list(recipe.train.stacks.values())
    return [recipe.train]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_recipe_runs(name):
    """The warps and passes of the table: counted where they are run."""
    images = random_images((4, 20, 24, 3), "uint8")
    data = {
        "images": images,
        "labels": np.eye(CLASSES, dtype="float32")[:4],
        "segmentation_masks": np.ones((4, 20, 24, CLASSES), "float32"),
    }
    stage, passed = stages.run, passes._pass
    for view in views(small_recipe(name)):
        seen, moves = [], []

        def run(step, *args, seen=seen, **kwargs):
            seen.append(step.name)
            return stage(step, *args, **kwargs)

        def one(steps, images, move, *args, moves=moves, **kwargs):
            moves.append(move is not passes.stay)
            return passed(steps, images, move, *args, **kwargs)

        counted = (
            mock.patch.object(stages, "run", run),
            mock.patch.object(passes, "_pass", one),
        )
        with op_by_op(), counted[0], counted[1]:
            view({key: tf.constant(x) for key, x in data.items()}, training=True)
        assert (seen, sum(moves)) == expected()[name]
