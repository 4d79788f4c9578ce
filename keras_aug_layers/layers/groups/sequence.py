"""LayerSequence: fused layers, and what no matrix does between them."""

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_aug_layers.layers.base import AugmentationLayer
from keras_aug_layers.layers.given import Opaque, by_name, opaque
from keras_aug_layers.layers.streams import track
from keras_aug_layers.plan import entries
from keras_aug_layers.plan.uncast import Uncast


@keras.saving.register_keras_serializable("keras_aug_layers")
class LayerSequence(Uncast):
    """Layers one after the other, each in the dtype that it gets.

    A `keras.Sequential` would cast what comes in, and a `keras.layers.Pipeline` would
    augment outside training. Of a dict Keras's own layers, which compute with all that
    they get, have the images, and the targets that they move themselves.

    Args:
        layers: Keras layers, in order.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layers = list(layers)
        track(self, self.layers)

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; a dict may hold whatever it likes beside tensors."""
        return super().__call__(opaque(data), **by_name(args, kwargs, "training"))

    def call(self, data: Any, training: bool = False) -> Any:
        """Calls the layers in order."""
        data = data.value if isinstance(data, Opaque) else data

        def called(layer: keras.layers.Layer, data: Any) -> Any:
            parameters = inspect.signature(layer.call).parameters
            options = {"training": bool(training)} if "training" in parameters else {}
            return layer(data, **options)

        return self._in_order(called, data)

    def _in_order(self, call: Callable[[Any, Any], Any], data: Any) -> Any:
        """Calls a function of each layer and of what the one before it gave."""
        further = further_targets(self.layers)
        for layer in self.layers:
            if _takes_images(layer):
                data = by_another(layer, data, further, _moved_by(layer), call)
            else:
                data = call(layer, data)
        return data

    def compute_output_spec(self, data: Any, training: bool = False) -> Any:
        """What comes out of the last layer."""
        return self._in_order(lambda layer, x: layer.compute_output_spec(x), data)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape, or the shapes of a dict, of what comes out of the last layer."""
        for layer in self.layers:
            several = isinstance(input_shape, dict) and "images" in input_shape
            if several and _takes_images(layer):
                images = layer.compute_output_shape(input_shape["images"])
                input_shape = {**input_shape, "images": images}
            else:
                input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The layers, serialised."""
        layers = [keras.saving.serialize_keras_object(x) for x in self.layers]
        return {**super().get_config(), "layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LayerSequence":
        """Builds the layers."""
        layers = [keras.saving.deserialize_keras_object(x) for x in config["layers"]]
        return cls(**{**config, "layers": layers})


STACKS = (LayerSequence, keras.Sequential, keras.layers.Pipeline)
"""What calls its layers one after the other."""


def own_calls(stack: Any) -> list[str]:
    """What a subclass of a stack does in its own way when it is called."""
    ours = ("keras", "keras_aug_layers")
    first = {
        name: next(cls for cls in type(stack).__mro__ if name in vars(cls))
        for name in ("__call__", "call")
    }
    return [k for k, cls in first.items() if cls.__module__.split(".")[0] not in ours]


def is_sequence(layer: Any) -> bool:
    """Whether a layer does nothing but to call its layers one after the other."""
    return isinstance(layer, STACKS) and not own_calls(layer)


def further_targets(layers: Sequence[Any]) -> set[str]:
    """The names of targets that only our layers among some know."""
    ours = [layer for layer in layers if isinstance(layer, AugmentationLayer)]
    return {name for x in ours for name, _ in x.settings.extra_targets or ()}


def _takes_images(layer: keras.layers.Layer) -> bool:
    """Whether a layer of Keras computes with all that it gets, and holds no others."""
    whole = keras.Model, keras.layers.Pipeline, keras.layers.Lambda
    of_keras = type(layer).__module__.split(".")[0] == "keras"
    return of_keras and not isinstance(layer, whole)


def _moved_by(layer: Any) -> list[str]:
    """The keys of the targets that a layer of Keras itself moves, in a dict."""
    cls = type(layer)
    bases = [x for x in cls.__mro__ if x.__name__ == "BaseImagePreprocessingLayer"]
    keys = ("labels", "segmentation_masks", "bounding_boxes")
    names = {key: f"transform_{key}" for key in keys if bases}
    return [k for k, x in names.items() if getattr(cls, x) is not getattr(bases[0], x)]


def by_another(
    layer: Any,
    data: Any,
    further: Collection[str],
    moved: Collection[str] = (),
    call: Callable[[Any, Any], Any] = lambda layer, data: layer(data),
) -> Any:
    """Calls a layer that is not ours, which gets the images, and what it moves itself.

    Args:
        layer: the layer.
        data: images, or a dict or a named tuple of them and others.
        further: the names of targets that only our layers know.
        moved: the keys of what the layer moves itself.
        call: a function of the layer and of what it gets.

    Raises:
        ValueError: if it would have to change targets: it makes images of another size,
            or it is about boxes.
    """
    several = isinstance(data, dict) and "images" in data
    if not several and not entries.is_named(data):
        return call(layer, data)
    given = {key: x for key, x in entries.given(data).items() if x is not None}
    images = given["images"]
    beside = {key: given[key] for key in moved if key in given}
    if beside:
        made = call(layer, {"images": images, **beside})
    else:
        made = {"images": call(layer, images)}
    shapes = [tf.TensorShape(x.shape) for x in (images, made["images"])]
    left = {*entries.NAMES, *further} & given.keys() - {"images", *moved}
    if isinstance(layer, keras.layers.MaxNumBoundingBoxes):
        left &= {"bounding_boxes"}
    elif shapes[0].as_list() == shapes[1].as_list():
        left = set()
    if left:
        raise ValueError(
            f"`layer` holds {type(layer).__name__} of Keras, which would leave "
            f"{', '.join(map(repr, sorted(left)))} as they are beside images of shape "
            f"{shapes[1]}, of {shapes[0]}. Write fuse(layer), or crop and resize "
            "with layers of keras_aug_layers; count boxes in a map behind it."
        )
    return entries.merged(data, made)


@keras.saving.register_keras_serializable("keras_aug_layers")
class FromIntegers(Uncast):
    """Gives integers in a floating dtype, in which Keras's layers of images give them.

    Args:
        to: the name of the dtype.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, to: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to = to

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; a dict may hold whatever it likes beside tensors."""
        return super().__call__(opaque(data), *args, **kwargs)

    def call(self, data: Any) -> Any:
        """The images, alone or in a dict, as floats."""
        data = data.value if isinstance(data, Opaque) else data
        return self._of_images(lambda x: tf.cast(x, self.to), data)

    def compute_output_spec(self, data: Any) -> Any:
        """The same shapes."""
        return self._of_images(lambda x: keras.KerasTensor(x.shape, self.to), data)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The dtype."""
        return {**super().get_config(), "to": self.to}

    def _of_images(self, function: Callable[[Any], Any], data: Any) -> Any:
        several = isinstance(data, dict) or entries.is_named(data)
        images = entries.given(data)["images"] if several else data
        if tf.as_dtype(images.dtype).is_integer:
            images = function(images)
        return entries.merged(data, {"images": images}) if several else images
