"""Dense images whose size is known only when a graph runs, as of decoded files."""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from keras_aug_layers.kernels.device import in_tf_data, in_xla_context
from keras_aug_layers.kernels.flat import Flat
from keras_aug_layers.kernels.measured import mean_color
from keras_aug_layers.kernels.warp import compute_dtype
from keras_aug_layers.plan import listed
from keras_aug_layers.plan.entries import kind_of
from keras_aug_layers.plan.moves import MASKS

if TYPE_CHECKING:
    from keras_aug_layers.plan.transform import Transform


def tries(
    images: tf.Tensor, data_format: str, jit_compile: bool | str, training: bool
) -> bool:
    """Whether images are to be read in compiled code, though their size is not known.

    Outside training this is for `tf.data` alone: a model that is exported serves any
    size, and is not compiled for some.

    Args:
        images: the images, or one.
        data_format: theirs.
        jit_compile: as a user gave it; "auto" compiles in graphs.
        training: whether it trains.
    """
    if not jit_compile or tf.executing_eagerly() or in_xla_context():
        return False
    if not training and not in_tf_data():
        return False
    sizes = images.shape[-3:].as_list()
    channels = sizes.pop(-1 if data_format == "channels_last" else 0)
    return channels is not None and None in sizes


def apply(
    transform: "Transform", data: dict[str, Any], training: bool
) -> dict[str, Any]:
    """Augments images and masks, in compiled code where what comes out has one size.

    Args:
        transform: what was drawn for them.
        data: the images, and whatever has pixels.
        training: whether it trains. Else only what is filtered is worth a compilation.
    """
    if not listed.fits(transform.plan):
        return transform.moved(data)
    dense = {key: transform.standard(x) for key, x in data.items()}
    if any(x.shape[3] is None for x in dense.values()):
        return transform.moved(data)
    given = {key: Flat.of_dense(x) for key, x in dense.items()}
    images, sizes = dense["images"], given["images"].sizes

    def means(window: tf.Tensor | None) -> tf.Tensor:
        return mean_color(images, compute_dtype(images.dtype), window)

    def otherwise() -> dict[str, tf.Tensor]:
        by_op = listed.traced(_with_the_op, transform, None)
        made: dict[str, tf.Tensor] = by_op(listed.rows_of(transform), dense)
        return made

    allowed = tf.reduce_all(sizes > 0)
    for each in given.values():  # not for maps of a coarser grid
        allowed &= tf.reduce_all(each.sizes == sizes)
    if not training:
        worth = listed.traced(listed.filtered, transform, None)
        allowed &= worth(listed.rows_of(transform))
    made = listed.augmented(
        transform, given, means, otherwise, ragged=False, allowed=allowed
    )
    if made is None:
        return transform.moved(data)
    result = {}
    for key, x in made.items():
        # Of maps of a coarser grid it is not known.
        size = (None, None) if kind_of(key) in MASKS else listed.size_named(transform)
        x = tf.ensure_shape(x, (dense[key].shape[0], *size, dense[key].shape[3]))
        result[key] = transform.as_given(x, data[key])
    return result


def _with_the_op(
    transform: "Transform", dense: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    # All of one rank: of masks with channels and without, a trace for both knows none.
    made = transform.moved({key: transform.as_given(x, x) for key, x in dense.items()})
    return {key: transform.standard(x) for key, x in made.items()}
