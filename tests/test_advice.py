"""What errors and warnings tell to write can be written, and mends it."""

import numpy as np
import pytest
from helpers import op_by_op

import keras_aug_layers as kal

IMAGES = np.full((4, 16, 16, 3), 200, "uint8")


@pytest.mark.parametrize(
    ("name", "values"), [("num_classes", (8, 10)), ("label_smoothing", (0.1, 0.2))]
)
def test_of_what_a_group_has_no_argument_for(name, values):
    first, second = ({name: value} for value in values)
    layers = [kal.MixUp(**first), kal.CutMix(**second)]
    with pytest.raises(ValueError, match=f"Write {name}=… of one value in all"):
        kal.FusedAugmentation(layers)
    kal.FusedAugmentation([kal.MixUp(**first), kal.CutMix(**first)])


def test_of_what_a_group_has_an_argument_for():
    layers = [kal.RandomShift(fill_mode="wrap"), kal.RandomShear(fill_mode="nearest")]
    with pytest.raises(ValueError, match=r"Write FusedAugmentation\(…, fill_mode=…\)"):
        kal.FusedAugmentation(layers)
    kal.FusedAugmentation(layers, fill_mode="wrap")


def test_of_several_layers_where_one_is_meant():
    layers = [kal.RandomFlip(), kal.RandomInvert()]
    with pytest.raises(ValueError, match=r"`layer`.*Write RandomApply\(FusedAug"):
        kal.RandomApply(layers)
    kal.RandomApply(kal.FusedAugmentation(layers))


@pytest.mark.parametrize("rank", [3, 4])
def test_of_masks_that_are_blended(rank):
    masks = np.zeros((4, 16, 16, 1)[:rank], "uint8")
    data = {"images": IMAGES, "segmentation_masks": masks}
    with pytest.raises(
        ValueError, match=r"tf\.one_hot\(masks, 10\).*masks\[\.\.\., 0\]"
    ):
        kal.MixUp(jit_compile=False)(data, training=True)
    whole = np.eye(10, dtype="float32")[masks[..., 0] if rank == 4 else masks]
    with op_by_op():
        made = kal.MixUp()({**data, "segmentation_masks": whole}, training=True)
    assert made["segmentation_masks"].shape == (4, 16, 16, 10)


def test_of_labels_under_another_name():
    """They are no further target: the name has to be another one."""
    labels = np.eye(4, dtype="float32")
    data = {"images": IMAGES, "labels": labels, "classes": labels}
    with op_by_op(), pytest.warns(kal.DataWarning, match="Write 'labels'") as caught:
        kal.MixUp()(data, training=True)
    assert not any("extra_targets" in str(x.message) for x in caught)


@pytest.mark.parametrize("value", ["3", (1, 2, 3)])
def test_of_the_other_unit_only_where_it_is_not_given(value):
    with pytest.raises(ValueError, match="Write unit='pixels'"):
        kal.RandomShift(value)
    with pytest.raises(ValueError, match="height_factor") as error:
        kal.RandomShift(value, unit="pixels")
    assert "unit='pixels'" not in str(error.value)


@pytest.mark.parametrize(
    ("fill_value", "channels"), [(300.0, 3), ((1.0, 2.0, 3.0), 1)], ids=str
)
@pytest.mark.parametrize("layer", [kal.AugMix, kal.RandAugment])
def test_of_a_fill_that_policies_cannot_use(layer, fill_value, channels):
    """AugMix moves within a stage: 300 would wrap around in uint8."""
    policy = layer(fill_mode="constant", fill_value=fill_value)
    with op_by_op(), pytest.raises(ValueError, match="`fill_value` must be"):
        policy(IMAGES[..., :channels], training=True)
