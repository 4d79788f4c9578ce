"""Layers and recipes from the text of their constructors, such as a command line has.

The text is read as Python's syntax, but never run: names are those of this package,
and everything else is a number, a string, a list, a tuple or a dict.
"""

import ast
import difflib
import inspect
from typing import Any

from keras_aug_layers import layers, recipes
from keras_aug_layers.layers.base import AugmentationLayer


def build_layer(text: str, **defaults: Any) -> AugmentationLayer:
    """Builds a layer of this library.

    Args:
        text: such as "RandomRotate(degrees=30)", or a name alone for its defaults;
            layers may stand in it as arguments.
        **defaults: arguments of every layer in it that has such a one.

    Raises:
        ValueError: if the text is no such call, or the layer refuses its arguments.

    Example:
        >>> build_layer("RandomRotate(degrees=30)").degrees
        (-30.0, 30.0)
    """
    return _called(_parsed(text), _layers(), "layer", defaults)


def build_recipe(text: str, **defaults: Any) -> recipes.Recipe:
    """Builds a recipe, such as "dino" or "timm(size=160, reprob=0.1)".

    Args:
        text: such as those two.
        **defaults: arguments that it has unless the text names them, where the recipe
            takes them.

    Raises:
        ValueError: if the text is no such call, or an argument is refused.
    """
    functions = {
        name: getattr(recipes, name) for name in recipes.__all__ if name.islower()
    }
    return _called(_parsed(text), functions, "recipe", defaults)


def _layers() -> dict[str, Any]:
    """The classes of layers, by name."""
    found = {name: getattr(layers, name) for name in layers.__all__}
    return {k: v for k, v in found.items() if issubclass(v, AugmentationLayer)}


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{text!r} is no call: {error.msg}") from None


def _called(
    node: ast.expr, known: dict[str, Any], kind: str, defaults: dict[str, Any]
) -> Any:
    """What a name, or a call of it, makes."""
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    name = ast.unparse(call.func)
    if name not in known:
        similar = difflib.get_close_matches(name, known, 1)
        meant = f"Did you mean {similar[0]}? " if similar else ""
        names = ", ".join(sorted(known))
        raise ValueError(f"{name!r} is no {kind}. {meant}There are: {names}")

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.List):
            return [value(x) for x in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple(value(x) for x in node.elts)
        if isinstance(node, (ast.Call, ast.Name)):
            return _called(node, known, kind, defaults)
        try:
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # 1 / 255
                return value(node.left) / value(node.right)
            return ast.literal_eval(node)
        except (ValueError, TypeError, ZeroDivisionError):
            raise ValueError(
                f"{ast.unparse(node)!r} is no number, string or {kind}"
            ) from None

    keywords = {x.arg: value(x.value) for x in call.keywords if x.arg is not None}
    if len(keywords) < len(call.keywords):
        wrong = "** in it" if "**" in ast.unparse(call) else "an argument twice"
        raise ValueError(f"{ast.unparse(call)!r} has {wrong}: write each argument once")
    places = list(inspect.signature(known[name]).parameters)[: len(call.args)]
    fitting = _fitting(known[name], defaults)
    fitting = {key: x for key, x in fitting.items() if key not in places}
    try:
        return known[name](*map(value, call.args), **{**fitting, **keywords})
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None


def _fitting(maker: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """The defaults that a constructor, or one of its bases, takes."""
    makers = [cls.__init__ for cls in getattr(maker, "__mro__", ())[:-1]] or [maker]
    names = {name for each in makers for name in inspect.signature(each).parameters}
    return {key: x for key, x in defaults.items() if key in names}
