"""What layers share that show a window of the source in a frame of a size they name."""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import matrices
from keras_aug_layers.kernels.coordinates import shared, upright
from keras_aug_layers.kernels.program import to_double
from keras_aug_layers.layers.geometry.geometric_layer import GeometricLayer
from keras_aug_layers.plan.frame import Frame
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.random_numbers import Cursor


class Window(NamedTuple):
    """A part of the source, in whole pixels; it may reach outside.

    Each is a number, a scalar tensor, or a tensor (B,).
    """

    top: Any
    left: Any
    height: Any
    width: Any

    def where(self, mask: tf.Tensor, other: "Window") -> "Window":
        """This window where the mask is true, the other one elsewhere."""
        pairs = zip(self, other, strict=True)
        return Window(*(tf.where(mask, to_double(a), to_double(b)) for a, b in pairs))


def whole(frame: Frame) -> Window:
    """The window that is all of the source."""
    return Window(0, 0, frame.height, frame.width)


def central(frame: Frame, height: Any, width: Any) -> Window:
    """The window of a size in the middle, half a pixel up or left where it must be.

    One that is greater than the image is half a pixel down or right, as torchvision's.
    """
    return Window(
        _half(frame.height - height), _half(frame.width - width), height, width
    )


def _half(room: Any) -> Any:
    """Half of a number or a tensor, in whole pixels, towards 0."""
    if tf.is_tensor(room):
        return tf.where(room < 0, -(-room // 2), room // 2)
    return int(room / 2)


def greatest(frame: Frame, height: int, width: int) -> Window:
    """The greatest window in the middle that has the shape of a frame, as Keras's."""
    tall = tf.maximum(tf.minimum(frame.width * height // width, frame.height), 1)
    wide = tf.maximum(tf.minimum(frame.height * width // height, frame.width), 1)
    return central(frame, tall, wide)


def least(frame: Frame, height: int, width: int) -> Window:
    """The least window that has the shape of a frame and all of the source in it.

    As in Keras, there is as much on the left as on the right, in whole pixels.
    """
    above = tf.maximum(frame.width * height // width - frame.height, 0) // 2
    left = tf.maximum(frame.height * width // height - frame.width, 0) // 2
    return Window(-above, -left, frame.height + 2 * above, frame.width + 2 * left)


def fitting(window: Window, frame: Frame, pads: bool) -> Window:
    """The window, or the greatest of its shape if it is too big, and nothing is added.

    Args:
        window: of a size in numbers, at any place.
        frame: the images.
        pads: whether what they lack is added.
    """
    if pads:
        return window
    fits = (frame.height >= window.height) & (frame.width >= window.width)
    return window.where(
        tf.convert_to_tensor(fits), greatest(frame, window.height, window.width)
    )


def with_fill(pads: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer, a constant fill among them where it pads."""
    if pads and kwargs.get("fill_mode") is None:
        return {**kwargs, "fill_mode": "constant"}
    return kwargs


class SizeLayer(GeometricLayer):
    """Base class of the layers that name the size of what comes out.

    They do their deterministic part outside training too.

    Args:
        height: of what comes out, in pixels.
        width: likewise.
        fill_mode: what is seen where a window reaches outside; by default these layers
            agree with any neighbour.
        fill_value: the value outside the frame if `fill_mode` is "constant".
        antialias: "auto", or True, filters where images shrink, False never does.
        **kwargs: arguments of `GeometricLayer`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        fill_mode: str | None = None,
        fill_value: float | tuple[float, ...] | None = None,
        antialias: bool | str | None = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode, fill_value=fill_value, antialias=antialias, **kwargs
        )
        self.height = arguments.size("height", height)
        self.width = arguments.size("width", width)

    _draws_for_sizes = True
    names_size = True
    """Images come out in one size, in training and outside."""

    def window(self, frame: Frame) -> Window:
        """What is shown outside training."""
        raise NotImplementedError

    def drawn_window(self, random: Cursor, frame: Frame) -> Window:
        """What is shown in training; the same unless a layer draws it."""
        return self.window(frame)

    def draw(self, random: Cursor, frame: Frame) -> Plan:
        """The window that is drawn, and the size of what comes out."""
        return self._show(self.drawn_window(random, frame), frame)

    def rests(self) -> bool:
        """The size is another one outside training too."""
        return True

    def rest(self, frame: Frame) -> Plan:
        """The window without a random number."""
        return self._show(self.window(frame), frame)

    def framed(self, frame: Frame) -> Frame:
        """The frame of the size that the layer names."""
        return frame._replace(height=self.height, width=self.width)

    def _show(self, window: Window, frame: Frame) -> Plan:
        top, left, height, width = map(to_double, window)
        before = to_double(frame.height), to_double(frame.width)
        matrix = matrices.from_rows(
            (width / self.width, 0.0, left + (width - before[1]) / 2.0),
            (0.0, height / self.height, top + (height - before[0]) / 2.0),
            (0.0, 0.0, 1.0),
        )
        drawn = any(x.shape.rank for x in (top, left, height, width))
        step = upright if drawn else shared
        shown = step(matrix=matrix, crop=matrix)
        return Plan((shown,), size=(self.height, self.width))
