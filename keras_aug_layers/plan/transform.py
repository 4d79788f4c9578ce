"""Transform: what was drawn for a batch of images, and how it is applied."""

from typing import Any

import tensorflow as tf

from keras_aug_layers import arguments
from keras_aug_layers.kernels import coordinates, followers, matrices, program
from keras_aug_layers.kernels.device import in_xla_context
from keras_aug_layers.kernels.labels import encode
from keras_aug_layers.kernels.pixels import undone
from keras_aug_layers.kernels.rounding import finish
from keras_aug_layers.kernels.targets import formats, moving, reading
from keras_aug_layers.kernels.warp import dimension
from keras_aug_layers.plan import carry, entries, moves, ragged, strides
from keras_aug_layers.plan.plan import Plan
from keras_aug_layers.plan.sample import Sample, fields_of

_as_it_is = tf.autograph.experimental.do_not_convert  # in a user's `tf.function`


class Transform(Sample):
    """The augmentation drawn for each image of a batch: a value, like a tensor.

    It crosses the borders of `tf.function`, `tf.data` and SavedModel, and can be kept
    to do to other images what was done to these. Its attributes are those of `Sample`.

    Example:
        >>> import numpy as np
        >>> from keras_aug_layers import RandomRotate
        >>> images = np.zeros((8, 32, 32, 3), "uint8")
        >>> transform = RandomRotate(degrees=30).sample(images)
        >>> transform.images(images).shape
        TensorShape([8, 32, 32, 3])
        >>> transform.segmentation_masks(images[..., 0]).shape
        TensorShape([8, 32, 32])
    """

    __name__ = "keras_aug_layers.Transform"  # under which a SavedModel knows it

    @property
    def matrix(self) -> tf.Tensor:
        """The homographies, where the coordinates are one: float32 (B, 3, 3).

        From the (x, y, 1) of an output pixel to that of the input pixel, with pixel
        centres at integers and a last entry of 1.

        Raises:
            ValueError: if the coordinates are not one matrix, as after a distortion.
        """
        matrix = coordinates.one_matrix(self._coordinates)
        if matrix is None:
            names = ", ".join(step.name for step in self._coordinates)
            raise ValueError(
                "`matrix` is there where the coordinates are one matrix. Received: "
                f"the steps {names}. Write transform.coordinates."
            )
        source = self.size[:, 0], self.size[:, 1]
        matrix = matrices.to_pixels(matrix, source, self._output or source)
        matrix = matrices.normalize(matrix)
        matrix = tf.broadcast_to(matrix, (tf.shape(self.size)[0], 3, 3))
        return tf.cast(tf.ensure_shape(matrix, (self.size.shape[0], 3, 3)), tf.float32)

    @_as_it_is
    def images(self, images: Any) -> tf.Tensor:
        """Augments images: one warp, one pass of colour.

        Args:
            images: (B, H, W, C), or (H, W, C) if drawn for one image; with the
                channels first if the layer's `data_format` says so.

        Returns:
            (B, height, width, C): of the size and the dtype that the layer names, else
            of those that came in.
        """
        if isinstance(images, tf.RaggedTensor):
            return ragged.apply(self, {"images": images})["images"]
        images = tf.convert_to_tensor(moves.stacked(images))
        stages = map(program.function_of, self.plan.whole().colors)
        if self._moves or any(function.moves for function in stages):
            channels = dimension(images, self._channel_axis)
            images = moves.check_fill(self.settings, images, channels)
        if not self._moves and not self.plan.whole().colors:
            return images
        standard = self._standard(images)
        return self._original(moves.images(self.plan, self.settings, standard))

    @_as_it_is
    def segmentation_masks(
        self, masks: Any, interpolation: str = "nearest"
    ) -> tf.Tensor:
        """Moves masks, or any maps, with their images; their values are not coloured.

        Args:
            masks: (B, H, W, C) or (B, H, W), of any integer, floating or boolean
                dtype; without B if drawn for one image. They may be of a coarser grid:
                height and width are then those of the images, divided by the same whole
                number, as of a heatmap of stride 4.
            interpolation: "nearest", which makes up no value; or "bilinear" for maps
                such as probabilities.

        Returns:
            The masks in the same dtype, of the size that the layer names, else of that
            which came in.

        Raises:
            ValueError: if the size of the masks fits by no whole number; where sizes
                are known only when a graph runs, an InvalidArgumentError then.
        """
        arguments.one_of("interpolation", interpolation, tuple(moves.MASKS.values()))
        kind = next(x for x, how in moves.MASKS.items() if how == interpolation)
        if isinstance(masks, tf.RaggedTensor):
            return ragged.apply(self, {kind: masks})[kind]
        masks = tf.convert_to_tensor(moves.stacked(masks))
        if not self._moves and not carry.touched(self.plan, kind):
            return masks
        coarse = strides.size_of(masks, self.data_format, 3 + self.batched)
        size = strides.frame_of(self.size, coarse)
        if not in_xla_context():
            strides.check("segmentation_masks", size, coarse, self._output)
        return self.masks_of(kind, masks, size)

    def masks_of(self, kind: str, masks: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
        """Moves masks, or maps, of images of a size."""
        if not self._moves and not carry.touched(self.plan, kind):
            return masks
        standard = self.standard(masks)
        stride = strides.of(size, strides.size_of(standard, "channels_last", 4))
        moved = moves.masks(self.plan, self.settings, standard, kind, stride)
        return self.as_given(moved, masks)

    @_as_it_is
    def bounding_boxes(self, bounding_boxes: dict[str, Any]) -> dict[str, Any]:
        """Moves boxes with their images, clipped to the frame.

        Args:
            bounding_boxes: a dict with `boxes` (B, N, 4) in the layer's
                `bounding_box_format`, and what belongs to each box, (B, N) or (B, N,
                …): `labels`, `scores`, whatever has an element for each; dense, padded
                with -1, or ragged in one axis or in all; without B if drawn for one
                image.

        Returns:
            A dict of the same form and dtypes; integers are rounded. Order and number
            stay; a box that is not kept is -1, and so is all that belongs to it: 0,
            False or "" where its dtype has no -1.
        """
        box_format = formats.known_format(self.bounding_box_format)
        given = reading.read_boxes(bounding_boxes, box_format, self._batch)
        if not self._moves and not carry.touched(self.plan, "boxes"):
            return bounding_boxes
        state = carry.boxes(
            self.plan,
            followers.state_of(given, self.batched),
            self.size,
            box_format,
            self.box_fit,
            self.min_visibility,
        )
        if given.boxes.dtype.is_integer:
            corners = formats.whole(state.corners, box_format)
            state = state._replace(corners=corners)
        grown = carry.mixed(self.plan, "boxes")
        result = followers.boxes_of(state, given, self.batched, grown)
        return {**bounding_boxes, **result}

    @_as_it_is
    def rotated_boxes(self, rotated_boxes: dict[str, Any]) -> dict[str, Any]:
        """Moves rotated boxes with their images; they are not clipped to the frame.

        Args:
            rotated_boxes: a dict with `boxes` (B, N, 5): the centre's x and y, width
                and height in pixels, and the angle in degrees, counter-clockwise, as
                torchvision's "CXCYWHR"; and what belongs to each, as for
                `bounding_boxes`.

        Returns:
            A dict of the same form: the rectangle around the four moved corners, whose
            width lies along what the width has become. A box whose centre has left the
            frame, or a corner of which is behind the horizon of a perspective, is -1,
            and so is what belongs to it.
        """
        return self._outlines(rotated_boxes, reading.ROTATED)

    @_as_it_is
    def polygons(self, polygons: dict[str, Any]) -> dict[str, Any]:
        """Moves polygons with their images; corners outside of the frame stay.

        Args:
            polygons: a dict with `points` (B, N, P, 2): x and y of N polygons of P
                corners, (-1, -1) where there are fewer, in pixel edges as boxes, or
                parts of the frame where `bounding_box_format` is such; and what belongs
                to each, as for `bounding_boxes`.

        Returns:
            A dict of the same form. A polygon that lies outside the frame, or has a
            corner behind the horizon of a perspective, is -1, and so is what belongs to
            it.
        """
        return self._outlines(polygons, reading.POLYGONS)

    def _outlines(self, value: dict[str, Any], form: reading.Form) -> dict[str, Any]:
        """Moves what is an outline, in a form."""
        given = reading.read(value, form, self._batch)
        if not self._moves:
            return value
        relative = (self.bounding_box_format or "").startswith("rel_")
        state = followers.state_of(given, self.batched)
        state = carry.outlines(self.plan, given, self.size, state, relative)
        return {**value, **followers.boxes_of(state, given, self.batched)}

    @_as_it_is
    @ragged.kept
    def keypoints(self, keypoints: Any, mark_outside: bool | None = None) -> tf.Tensor:
        """Moves keypoints with their images.

        Args:
            keypoints: (B, …, N, 2), N may be ragged, in the layer's `keypoint_format`:
                x and y, with pixel centres at integers for "xy"; without B if drawn for
                one image. (-1, -1) is padding and stays. With a third number, the
                visibility, what is not there is (-1, -1, 0), as COCO's (0, 0, 0).
            mark_outside: whether keypoints that leave the frame become (-1, -1); by
                default as the layer says.

        Returns:
            The keypoints, of the same kind, shape and dtype; integers are rounded.
        """
        keypoints = reading.read_keypoints(keypoints, self._batch)
        if not self._moves and not carry.touched(self.plan, "keypoints"):
            return keypoints
        shape = tf.shape(keypoints)
        batch = shape[0] if self.batched else 1
        moved = carry.keypoints(
            self.plan,
            tf.reshape(
                tf.cast(keypoints, tf.float64), (batch, -1, keypoints.shape[-1])
            ),
            self.size,
            self.keypoint_format,
            self.mark_outside if mark_outside is None else mark_outside,
            dimension(keypoints, -2),
        )
        if keypoints.dtype.is_integer and self.keypoint_format == "xy":
            moved = moving.on_pixels(moved, self._made)
        moved = finish(moved, keypoints.dtype)
        if carry.mixed(self.plan, "keypoints") and self.batched:
            # There may be those of a partner now.
            more = tf.reshape(moved, tf.concat([[batch, -1], shape[2:]], axis=0))
            first, _, *others = keypoints.shape
            return tf.ensure_shape(more, [first, None, *others])
        moved = tf.reshape(moved, shape)
        return tf.ensure_shape(moved, keypoints.shape)

    @_as_it_is
    def labels(self, labels: Any) -> Any:
        """Mixes labels as their images are mixed; else they come back as they are.

        Args:
            labels: integers (B,), where `num_classes` is known, or one-hot (B, K).

        Returns:
            One-hot labels (B, K), smoothed if the layer says so.
        """
        if not self.labelled:
            return labels
        smoothing = self.label_smoothing
        encoded = encode(labels, self.batched, self.num_classes, smoothing)
        mixed = carry.touched(self.plan, "labels")
        return carry.labels(self.plan, encoded) if mixed else encoded

    @_as_it_is
    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """Augments a dict of `images`, `segmentation_masks` and so on.

        Its layer would take the same dict. Several entries of one kind may also have a
        name of their own behind it, as in "maps/a". Others come back as they are.

        Raises:
            ValueError: if the images are of another size than it was drawn for, or
                masks fit them by no whole number.
        """
        extra, form = self.settings.extra_targets, self.data_format
        images = moves.stacked(data.get("images"))
        shape = tf.TensorShape(getattr(images, "shape", None))
        places = entries.paths(data, shape, extra, form, flat=True)
        given = entries.taken(data, places)
        rank = 3 + self.batched
        given = moves.fitting(given, self.size, self._output, form, rank)
        return {**data, **entries.put(data, places, self.moved(given))}

    def moved(self, data: dict[str, Any]) -> dict[str, Any]:
        """What becomes of entries under flat keys, whose sizes are right."""
        result = {}
        pixels = [key for key in data if entries.kind_of(key) in entries.PIXELS]
        if entries.some_ragged(data):
            result = ragged.apply(self, {key: data[key] for key in pixels})
            data = {key: x for key, x in data.items() if key not in pixels}
            pixels = []
        data = {**data, **{key: tf.convert_to_tensor(data[key]) for key in pixels}}
        sized = next((data[key] for key in ("images", *pixels) if key in data), None)
        if sized is not None:
            size = strides.size_of(sized, self.data_format, 3 + self.batched)
            known = size if "images" in data else strides.frame_of(self.size, size)
        for key, value in data.items():
            kind = entries.kind_of(key)
            if kind in moves.MASKS:
                result[key] = self.masks_of(kind, value, known)
            elif key != kind == "keypoints":  # pairs are of those without a name
                unpaired = self._replace(**fields_of(self.plan.unpaired()))
                result[key] = unpaired.keypoints(value)
            elif key != kind == "images" and "images" in data:
                axis, images = self._channel_axis, data["images"]
                result[key] = moves.further(
                    self.images, self.plan, key, value, images, axis
                )
            else:
                result[key] = getattr(self, kind)(value)
        return result

    @_as_it_is
    def inverse(self) -> "Transform":
        """The transform that undoes this one.

        Keypoints come back exactly, but for elastic fields, whose inverse is a field
        of more control points; pixels as far as they were not lost: by leaving the
        frame, or by interpolation. Images of colours that cannot be undone are refused.
        """
        size, output = self.size, None
        if self._output is not None:
            size, output = self._made, _one_size(self.size)
        whole = self.plan.whole()
        back = program.inverse(whole.coordinates)
        plan = Plan(back, undone(whole.pixels, carry.of_targets, self._moves), output)
        return self._replace(**fields_of(plan), size=size)._spread()


def _one_size(size: tf.Tensor) -> tuple[int, int]:
    """The size of all images of a batch.

    Raises:
        ValueError: if they differ, or are not known.
    """
    known = tf.get_static_value(size)
    if known is None or (known != known[:1]).any():
        raise ValueError(
            "A transform to another size can be undone where the images it was drawn "
            "for have one known size. Received: unknown or different sizes."
        )
    height, width = known[0].tolist()
    return height, width
