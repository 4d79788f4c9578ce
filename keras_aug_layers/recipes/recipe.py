"""Recipe: what a published training does to its images, and its evaluation."""

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.explain import describe
from keras_aug_layers.recipes.batches import batches
from keras_aug_layers.recipes.parts import Numbers, Pair, policy

_MADE: dict[str, Callable[..., "Recipe"]] = {}
_CHECKS: dict[Any, Callable[[str, Any], Any]] = {
    int: arguments.size,
    float: arguments.number,
    Pair: arguments.pair,
    Numbers: arguments.per_channel,
    float | Numbers: arguments.per_channel,
    float | tf.Variable: arguments.changing,
}
_CHECKS |= {
    kind | None: functools.partial(arguments.optional, check)
    for kind, check in _CHECKS.items()
    if kind != float | Numbers  # where None is possible, they are strengths
}
_CHECKS["dtype"] = functools.partial(arguments.optional, policy)
_CHECKS["local_views"] = functools.partial(arguments.size, low=0)
"""By an argument's name, or its annotation: layers would name it otherwise."""


@keras.saving.register_keras_serializable("keras_aug_layers")
class Recipe:
    """A layer for training, and one for validation.

    The functions of `keras_aug_layers.recipes` make them. Both layers go into a model
    or into the input pipeline; `dataset` does the latter. `print(recipe)` shows them,
    and `replace` makes the same recipe with other arguments.

    Attributes:
        name: of the function that made it.
        arguments: what it was called with, defaults included.
        train: what is done while training.
        validation: what is done to the images of an evaluation.

    Example:
        >>> import tensorflow as tf
        >>> from keras_aug_layers import recipes
        >>> recipe = recipes.mae(size=32)
        >>> images = tf.zeros((4, 40, 50, 3), tf.uint8)
        >>> recipe.train(images, training=True).shape
        TensorShape([4, 32, 32, 3])
    """

    def __init__(
        self,
        name: str,
        arguments: dict[str, Any],
        train: keras.layers.Layer,
        validation: keras.layers.Layer,
    ) -> None:
        self.name, self.arguments = name, arguments
        self.train, self.validation = train, validation

    def replace(self, **arguments: Any) -> "Recipe":
        """The recipe with other arguments, those of the function of its name."""
        if self.name not in _MADE:
            raise ValueError(
                "`name` must be that of a function of keras_aug_layers.recipes for its "
                f"arguments to be replaced. Received: {self.name!r}"
            )
        return _MADE[self.name](**{**self.arguments, **arguments})

    def dataset(
        self,
        dataset: tf.data.Dataset,
        training: bool,
        *,
        batch_size: int | None = None,
        seed: int = 0,
        structure: Sequence[str] | None = None,
    ) -> tf.data.Dataset:
        """The dataset, as the training or the evaluation sees it.

        Args:
            dataset: images, (images, labels), or dicts with the key "images": batches
                of images of one size, or single images of any. Shuffle it before.
            training: whether it is for the training.
            batch_size: for single images: how many are put into a batch, where those
                that the recipe mixes are mixed. Where images have different numbers of
                boxes or of keypoints, the shorter ones are filled up with -1. None
                leaves batches as they are. For the training a last batch that is not
                full is dropped.
            seed: of all draws, as for `augment_dataset`.
            structure: what the elements of a tuple are, such as ("images",
                "segmentation_masks"), as for `augment_dataset`.

        Raises:
            ValueError: if images are to be mixed and `dataset` has single ones, and no
                `batch_size` is given; or if it is, and is no whole number above 0, or
                `dataset` has batches, or too few images for the batch of a training;
                or if `structure` does not name the elements of `dataset`.
        """
        training = arguments.boolean("training", training)
        layer = self.train if training else self.validation
        return batches(
            dataset,
            layer,
            training,
            batch_size=batch_size,
            seed=seed,
            structure=structure,
        )

    def save(self, path: str | Path) -> None:
        """Writes the recipe as JSON, from which `Recipe.load` makes it anew."""
        config = keras.saving.serialize_keras_object(self)
        Path(path).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> "Recipe":
        """Reads what `save` wrote."""
        config = json.loads(Path(path).read_text(encoding="utf-8"))
        return keras.saving.deserialize_keras_object(config)

    def get_config(self) -> dict[str, Any]:
        """The arguments, and both layers, which may have been changed."""
        layers = {"train": self.train, "validation": self.validation}
        saved = {k: keras.saving.serialize_keras_object(x) for k, x in layers.items()}
        given = {key: _plain(arguments.held(x)) for key, x in self.arguments.items()}
        return {"name": self.name, "arguments": given, **saved}

    def __copy__(self) -> "Recipe":
        return Recipe(self.name, self.arguments, self.train, self.validation)

    def __getstate__(self) -> dict[str, Any]:
        """With numbers for variables: so do layers that are copied or pickled."""
        given = {key: arguments.held(x) for key, x in self.arguments.items()}
        return {**vars(self), "arguments": given}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Recipe":
        """Builds the layers."""
        layers = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("train", "validation")
        }
        return cls(config["name"], _tuples(config["arguments"]), **layers)

    def __repr__(self) -> str:
        pairs = ((key, arguments.held(x)) for key, x in self.arguments.items())
        given = ", ".join(f"{key}={x!r}" for key, x in pairs)
        lines = [f"recipes.{self.name}({given})", "train:", *_lines(self.train, "  ")]
        mixes = any(x.mixes() for x in _members(self.validation))
        only = ", where mixing layers only make labels one-hot" if mixes else ""
        return "\n".join([*lines, f"validation{only}:", *_lines(self.validation, "  ")])


Parts = tuple[keras.layers.Layer, keras.layers.Layer]


def recipe(function: Callable[..., Parts]) -> Callable[..., Recipe]:
    """Makes a recipe of a function that returns both layers."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Recipe:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            known = ", ".join(signature.parameters)
            raise TypeError(
                f"recipes.{function.__name__}: {error}. It takes {known}."
            ) from None
        bound.apply_defaults()
        try:
            for name, value in bound.arguments.items():
                kind = signature.parameters[name].annotation
                if check := _CHECKS.get(name, _CHECKS.get(kind)):
                    bound.arguments[name] = check(name, value)
            layers = function(*bound.args, **bound.kwargs)
        except ValueError as error:
            own = f"recipes.{function.__name__}{_culprits(bound.arguments, str(error))}"
            raise ValueError(f"{own}: {error}") from None
        given = {name: _plain(value) for name, value in bound.arguments.items()}
        return Recipe(function.__name__, given, *layers)

    made.__annotations__["return"] = Recipe
    _MADE[function.__name__] = made
    return made


def _culprits(given: dict[str, Any], error: str) -> str:
    """The arguments that an error is about, unless it names one of them itself."""
    if any(f"`{name}`" in error for name in given):
        return ""
    received = error.partition("Received: ")[2].rstrip(".") + ". "
    pairs = [f"{k}={x!r}" for k, x in given.items()]
    found = [x for x in pairs if received.startswith(x.partition("=")[2] + ". ")]
    return f"({', '.join(found)})" if found else ""


def _lines(layer: Any, indent: str) -> list[str]:
    if hasattr(layer, "stacks"):
        lines = []
        for name, stack in layer.stacks.items():
            lines += [f"{indent}{layer.counts[name]} × {name}:"]
            lines += _lines(stack, indent + "  ")
        return lines
    return [indent + describe(x) for x in _members(layer)]


def _members(layer: Any) -> list[Any]:
    """The layers of a stack, or the one layer."""
    return list(getattr(layer, "layers", [layer]))


def _plain(value: Any) -> Any:
    """An argument of Python's own numbers and tuples, which JSON has."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (tuple, list)):
        return tuple(_plain(x) for x in value)
    odd = arguments.is_number(value) and not isinstance(value, (int, float))
    return float(value) if odd else value


def _tuples(value: Any) -> Any:
    """JSON has lists only."""
    if isinstance(value, dict):
        return {key: _tuples(x) for key, x in value.items()}
    return tuple(_tuples(x) for x in value) if isinstance(value, list) else value
