"""What a recipe keeps of its arguments: plain values, which a file keeps."""

import copy
import fractions
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_aug_layers as kal
from keras_aug_layers import recipes


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("yolo", {"mosaic": keras.Variable(0.5)}, 0.5),
        ("yolo", {"mosaic": np.float32(0.5)}, 0.5),
        ("timm", {"mixup_prob": keras.Variable(0.5)}, 0.5),
        (
            "timm",
            {"color_jitter": (fractions.Fraction(1, 2), np.float32(0), 1)},
            (0.5, 0.0, 1),
        ),
        ("mae", {"dtype": np.float16}, "float16"),
        ("mae", {"dtype": np.dtype("float16")}, "float16"),
        ("mae", {"dtype": tf.float16}, "float16"),
        ("mae", {"dtype": keras.DTypePolicy("mixed_float16")}, "mixed_float16"),
        ("mae", {"scale": (fractions.Fraction(1, 4), 1)}, (0.25, 1.0)),
        (
            "mae",
            {"mean": [fractions.Fraction(1, 4), np.float32(0.5), 0]},
            (0.25, 0.5, 0),
        ),
        ("nnunet", {"std": fractions.Fraction(1, 4)}, 0.25),
        ("nnunet", {"size": (np.int64(24), 16)}, (24, 16)),
        ("mae", {"size": np.int64(24)}, 24),
    ],
)
def test_what_is_saved_is_what_was_given(name, given, kept, tmp_path):
    ((key, _),) = given.items()
    recipe = getattr(recipes, name)(**{"size": 16, **given})
    path = tmp_path / "recipe.json"
    recipe.save(path)
    loaded = recipes.Recipe.load(path)
    assert loaded.arguments[key] == kept
    assert repr(loaded) == repr(recipe)
    assert loaded.replace().arguments == loaded.arguments


@pytest.mark.parametrize("dtype", ["floaty", 3, (), object()])
def test_what_is_no_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match="^recipes.mae: `dtype` must be .* Received: "):
        recipes.mae(16, dtype=dtype)


def numbers(recipe):
    """The mosaic's chance as the arguments have it, and as the layer does."""
    (layer,) = (x for x in recipe.train.layers if isinstance(x, kal.Mosaic))
    return recipe.arguments["mosaic"], layer.probability


def test_a_copy_is_of_one_mind_with_its_layers():
    """As that of a layer: it has the number that a variable held."""
    variable = tf.Variable(0.5)
    recipe = recipes.yolo(16, mosaic=variable)
    assert all(x is variable for x in numbers(copy.copy(recipe)))
    for again in (copy.deepcopy(recipe), pickle.loads(pickle.dumps(recipe))):
        assert numbers(again) == (0.5, 0.5) and repr(again) == repr(recipe)
    assert numbers(recipe)[0] is variable
