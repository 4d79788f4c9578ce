"""CutMix and boxes that are flat, or reach beyond the frame."""

import numpy as np
import pytest

import keras_aug_layers as kal
from keras_aug_layers.kernels.program import Step
from keras_aug_layers.plan.sample import fields_of

SIZE = 32
WINDOW = {"left": 0, "top": 10, "right": 16, "bottom": 20}
GONE = [-1, -1, -1, -1]
CASES = {  # a box, what is left of it, and what is shown of a partner's
    "a line elsewhere": ([20, 2, 26, 2], [20, 2, 26, 2], GONE),
    "a point elsewhere": ([20, 15, 20, 15], [20, 15, 20, 15], GONE),
    "a line under it": ([2, 12, 10, 12], GONE, [2, 12, 10, 12]),
    "a point under it": ([5, 15, 5, 15], GONE, [5, 15, 5, 15]),
    "a line across": ([4, 2, 4, 30], [4, 2, 4, 30], [4, 10, 4, 20]),
    "a line cut short": ([4, 15, 20, 15], [16, 15, 20, 15], [4, 15, 16, 15]),
    "beyond and under it": ([-6, 12, 10, 18], GONE, [0, 12, 10, 18]),
    "beyond and cut": ([-6, 12, 20, 18], [16, 12, 20, 18], [0, 12, 16, 18]),
    "beyond at a corner": ([27, 28, 40, 44], [27, 28, 32, 32], GONE),
    "outside": ([33, 2, 40, 8], GONE, GONE),
}


def mixed(box, min_visibility=0.0):
    """What becomes of an image's own box, and of its partner's, with the window."""
    layer = kal.CutMix(
        seed=1, bounding_box_format="xyxy", min_visibility=min_visibility
    )
    transform = layer.sample(np.zeros((2, SIZE, SIZE, 3), "uint8"))
    (step,) = transform.pixels
    given = {key: 0.0 * step.rows[key] + value for key, value in WINDOW.items()}
    step = Step(step.name, {**step.rows, **given}, step.only, step.beside)
    fixed = transform._replace(**fields_of(transform.plan._replace(pixels=(step,))))
    data = {"boxes": np.float32([[box]] * 2), "labels": np.ones((2, 1), "int32")}
    made = fixed.bounding_boxes(data)
    gone = np.all(made["boxes"] == -1, axis=-1)
    np.testing.assert_array_equal(made["labels"].numpy() == -1, gone)
    return made["boxes"].numpy()[0].tolist()


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_and_what_is_shown(name):
    box, own, partners = CASES[name]
    assert mixed(box) == [own, partners]


@pytest.mark.parametrize(("visible", "stays"), [(0.4, True), (0.6, False)])
def test_the_least_visible_part_is_one_of_all_of_the_box(visible, stays):
    expected = [0, 2, 10, 6] if stays else GONE
    assert mixed([-10, 2, 10, 6], visible) == [expected, GONE]
