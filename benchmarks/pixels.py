"""What colours, statistics, neighbourhoods and policies cost, against Keras's own.

    python -m benchmarks.pixels          # three minutes on two quiet cores
    python -m benchmarks.pixels --quick  # tiny images, one round: does it run?

32 x 224 x 224 x 3, each layer in a `tf.function` of static size; what is compared takes
its turns in the same rounds. RandAugment's first call is that of a process of its own.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable

import keras

import keras_aug_layers as kal
from benchmarks import first_call
from benchmarks.cases import Case
from benchmarks.contenders import our_layers
from benchmarks.paired import Benchmark, Group, Ratio
from benchmarks.single import Make, in_a_graph


def _against_keras(
    name: str, ours: Make, theirs: Make, bound: float, dtype: str = "uint8"
) -> Group:
    """A group of two: how many times our time Keras's layer takes."""
    slow, fast = f"{name} of keras.layers", f"ours, {dtype}"
    return Group(
        f"{name}, {dtype}",
        {fast: in_a_graph(ours), slow: in_a_graph(theirs)},
        [Ratio(slow, fast, bound)],
        dtype,
    )


def _stack(*more: Callable[[], keras.layers.Layer]) -> Make:
    """The five layers, and more behind them."""
    return lambda case: kal.FusedAugmentation(
        [*our_layers(case), *(make() for make in more)]
    )


def _solarize() -> keras.layers.Layer:
    return kal.Solarization(0.1, 0.5)


def _posterize() -> keras.layers.Layer:
    return kal.RandomPosterization(4)


def _jitter(case: Case) -> keras.layers.Layer:
    return kal.RandomColorJitter(
        case.value_range, 0.2, 0.2, 0.2, 0.1, space="hsv", order="random"
    )


FIVE, TRIVIAL = "the five layers", "TrivialAugment"
ADDED = {
    "the five and solarize": _stack(_solarize),
    "the five and posterize": _stack(_posterize),
    "the five, solarize and posterize": _stack(_solarize, _posterize),
}
STACKS = Group(
    "stacks",
    {
        FIVE: in_a_graph(_stack()),
        TRIVIAL: in_a_graph(lambda case: kal.TrivialAugment()),
        **{name: in_a_graph(make) for name, make in ADDED.items()},
    },
    [
        Ratio(TRIVIAL, FIVE, 3.0, at_most=True),
        *(Ratio(name, FIVE, 1.15, at_most=True) for name in ADDED),
    ],
)
GROUPS = [
    *(
        _against_keras(
            "RandAugment",
            lambda case: kal.RandAugment(value_range=case.value_range),
            lambda case: keras.layers.RandAugment(value_range=case.value_range),
            bound,
            dtype,
        )
        for dtype, bound in (("uint8", 25.0), ("float32", 10.0))
    ),
    STACKS,
    _against_keras(
        "GaussianBlur (7 taps)",
        lambda case: kal.RandomGaussianBlur(kernel_size=7, sigma=(0.5, 1.0)),
        lambda case: keras.layers.RandomGaussianBlur(kernel_size=7, sigma=(0.5, 1.0)),
        30.0,
    ),
    _against_keras(
        "Sharpness",
        lambda case: kal.RandomSharpness(0.5),
        lambda case: keras.layers.RandomSharpness(0.5),
        8.0,
    ),
    _against_keras(
        "ColorJitter (HSV; ours in random order)",
        _jitter,
        lambda case: keras.layers.RandomColorJitter(
            case.value_range, 0.2, 0.2, 0.2, 0.1
        ),
        6.0,
    ),
    _against_keras(
        "Equalization",
        lambda case: kal.Equalization(),
        lambda case: keras.layers.Equalization(),
        5.0,
    ),
    _against_keras(
        "AutoContrast",
        lambda case: kal.AutoContrast(),
        lambda case: keras.layers.AutoContrast(),
        8.0,
    ),
]
BENCHMARK = Benchmark("pixels", GROUPS, [first_call.RAND_AUGMENT])

if __name__ == "__main__":
    BENCHMARK.main(__doc__)
