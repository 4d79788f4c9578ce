"""What may be mixed: a batch of images of one size, with their labels."""

from typing import Any

import tensorflow as tf

from keras_aug_layers.kernels.targets import reading
from keras_aug_layers.layers import checks
from keras_aug_layers.plan import carry, entries
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan


def mixable(layer: Any, data: dict[str, Any], frame: Frame) -> None:
    """Refuses images alone, for what mixes them: their labels would be wrong."""
    checks.batch(layer, frame)
    if frame.ragged:
        raise ValueError(
            f"`images` must be of one size for {layer.name!r}, which mixes them. "
            "Received: a ragged batch. Write a layer that names a size before it, such "
            "as RandomResizedCrop(224, 224), and not in one group with it."
        )
    outlines = [x for x in data if entries.kind_of(x) in reading.OUTLINES]
    if outlines:
        raise ValueError(
            f"{', '.join(f'`{x}`' for x in outlines)} cannot be mixed, as by "
            f"{layer.name!r}. Write `bounding_boxes`, or layers that move or colour."
        )
    if data.keys() == {"images"}:
        raise ValueError(
            f"`data` must be a dict that holds 'labels' beside 'images' for "
            f"{layer.name!r}, which mixes them, in training. Received: the keys "
            f"{sorted(data)}. Write augment_dataset(dataset.batch(32), layer, seed=1), "
            "which takes (images, labels), or give the model a dict with both."
        )
    labels, own = data.get("labels"), frame.batch
    shape = tf.convert_to_tensor(labels).shape if isinstance(labels, list) else ()
    shape = tf.TensorShape(getattr(labels, "shape", shape))
    count = shape[0] if shape.rank else own
    if isinstance(own, int) and count not in (None, own):
        raise ValueError(
            f"`labels` must be one for each image for {layer.name!r}, which mixes "
            f"them. Received: {count} labels of {own} images."
        )


def check_labels(layer: Any, plan: Plan) -> None:
    """Refuses a draw that changes labels of a layer that does not say that it mixes."""
    if carry.touched(plan, "labels") and not layer.mixes():
        raise ValueError(
            "`draw` must only change labels in a layer that mixes. Received: a draw of "
            f"{type(layer).__name__}, whose mixes() is False. Write a method "
            "mixes(self) that returns True."
        )
