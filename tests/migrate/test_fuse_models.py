"""`fuse` of models: what a subclass does in its own way stays, lines are found."""

import keras
import numpy as np
import pytest
from fusing import names, silently_fused
from keras import layers as kl

import keras_aug_layers as kal

SHAPE = (9, 12, 3)


def model_of(*layers):
    """A functional model of layers in a line."""
    last = first = keras.Input(SHAPE)
    for layer in layers:
        last = layer(last)
    return keras.Model(first, last)


class Negative(keras.Sequential):
    def call(self, x, training=None, mask=None):
        return 255.0 - super().call(x, training=training)


class NegativePipeline(kl.Pipeline):
    def call(self, x, training=True, mask=None):
        return 255.0 - super().call(x, training=training)


class NegativeModel(keras.Model):
    def __init__(self):
        first = keras.Input(SHAPE)
        super().__init__(first, kl.RandomFlip()(first))

    def call(self, x, training=None, mask=None):
        return 255.0 - super().call(x, training=training)


class NegativeFlip(kl.RandomFlip):
    def __call__(self, *args, **kwargs):
        return 255.0 - super().__call__(*args, **kwargs)


OVERRIDING = {
    "Sequential": (lambda: Negative([kl.RandomFlip()]), "call"),
    "Pipeline": (lambda: NegativePipeline([kl.RandomFlip()]), "call"),
    "functional": (NegativeModel, "call"),
    "a layer": (NegativeFlip, "__call__"),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", OVERRIDING)
def test_what_is_called_in_its_own_way_stays(name, nested):
    build, method = OVERRIDING[name]
    stack = build()
    with pytest.warns(kal.NotFusedWarning, match=f"it overrides {method}\\."):
        fused = kal.fuse([kl.RandomFlip(), [stack]] if nested else stack)
    black = np.zeros((2, *SHAPE), "float32")
    np.testing.assert_array_equal(fused(black, training=True), 255.0)
    assert stack in [fused, *getattr(fused, "layers", [])]


class Named(keras.Sequential):
    """Its layers are Keras's, and so is what becomes of them."""

    def __init__(self):
        super().__init__([kl.RandomFlip(), kl.RandomZoom(0.1)])

    def helper(self):
        return 1


class Quarter(kl.RandomRotation):
    """A turn by a quarter."""

    def __init__(self, **kwargs):
        super().__init__((0.25, 0.25), **kwargs)

    def __repr__(self):
        return "Quarter()"


def test_subclasses_that_call_as_keras_does_are_fused():
    assert names(kal.fuse([Named(), Quarter()])) == [
        ["RandomFlip", "RandomZoom", "RandomRotate"]
    ]


def test_a_model_in_a_model_is_a_line():
    inner = model_of(kl.RandomRotation(0.1), kl.RandomZoom(0.1))
    outer = model_of(inner, kl.RandomFlip())
    expected = ["RandomRotate", "RandomZoom", "RandomFlip"]
    assert names(kal.fuse(outer)) == [expected]
    assert names(kal.fuse(inner)) == [expected[:2]]
    assert names(kal.fuse([model_of(outer), kl.RandomFlip()]))[0] == [
        *expected,
        "RandomFlip",
    ]


def test_layers_may_be_used_in_other_models():
    flip = kl.RandomFlip()
    one, other = model_of(flip, kl.RandomZoom(0.1)), model_of(kl.Identity(), flip)
    assert names(kal.fuse(one)) == [["RandomFlip", "RandomZoom"]]
    assert names(silently_fused(other)) == ["Identity", ["RandomFlip"]]
    assert names(kal.fuse(model_of(flip, flip))) == [["RandomFlip", "RandomFlip"]]


def test_a_part_of_a_model_is_a_line():
    first = keras.Input(SHAPE)
    turned = kl.RandomRotation(0.1)(kl.RandomFlip()(first))
    keras.Model(first, kl.Dense(2)(kl.Flatten()(turned)))
    part = keras.Model(first, turned)
    assert names(kal.fuse(part)) == [["RandomFlip", "RandomRotate"]]


def branch(first):
    return kl.Add()([first, kl.RandomFlip()(first)])


BRANCHES = {
    "past a layer": branch,
    "within a model": lambda first: keras.Model(first, branch(first))(first),
    "computed": lambda first: kl.RandomFlip()(first) + 1.0,
    "two outputs": lambda first: [first, kl.RandomFlip()(first)],
}


@pytest.mark.parametrize("name", BRANCHES)
def test_what_branches_is_refused(name):
    first = keras.Input(SHAPE)
    model = keras.Model(first, BRANCHES[name](first))
    with pytest.raises(ValueError, match="`stack` must be a line of layers"):
        kal.fuse(model)
