"""LayerSequence: fused layers, and what no matrix does between them."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras

from keras_aug_layers.layers.engine import Opaque, opaque
from keras_aug_layers.layers.streams import track
from keras_aug_layers.plan.uncast import Uncast


@keras.saving.register_keras_serializable("keras_aug_layers")
class LayerSequence(Uncast):
    """Layers one after the other, each in the dtype that it gets.

    A `keras.Sequential` would cast what comes in, and a `keras.layers.Pipeline` would
    augment outside training.

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
        return super().__call__(opaque(data), *args, **kwargs)

    def call(self, data: Any, training: bool = False) -> Any:
        """Calls the layers in order."""
        data = data.value if isinstance(data, Opaque) else data
        for layer in self.layers:
            parameters = inspect.signature(layer.call).parameters
            options = {"training": bool(training)} if "training" in parameters else {}
            data = layer(data, **options)
        return data

    def compute_output_spec(self, data: Any, training: bool = False) -> Any:
        """What comes out of the last layer."""
        for layer in self.layers:
            data = layer.compute_output_spec(data)
        return data

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape, or the shapes of a dict, of what comes out of the last layer."""
        for layer in self.layers:
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
