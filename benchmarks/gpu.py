"""Times the library on a CUDA GPU: `python -m benchmarks.gpu`.

It needs TensorFlow alone. Calls are queued in a long loop, which ends when the last
result can be read. A call on a GPU is often shorter than TensorFlow needs to queue it;
so for what XLA compiles, the loop is also run on the device, where that costs nothing:
its time is the kernel's own. The copy to which it is compared runs in the same loop,
on as many bytes.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import functools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks import machine
from benchmarks.cases import Case
from benchmarks.contenders import CONTENDERS, fused, our_layers, stacked
from keras_aug_layers import recipes
from keras_aug_layers.kernels.warp import FILL_MODES, INTERPOLATIONS

RESULTS = Path(__file__).parent / "results" / "gpu.json"
DTYPES = ("uint8", "float16", "float32")
CASES = [Case(*shape, dtype) for shape in ((224, 256), (1024, 16)) for dtype in DTYPES]
QUICK_CASES = [Case(32, 4, "uint8")]
FIT_CASE, QUICK_FIT_CASE = Case(224, 128, "uint8"), Case(32, 4, "uint8")

COMPILED = "ours, fused, compiled"
KERAS = "keras.layers, stacked"
AUGMENTATIONS: dict[str, Callable[[Case], keras.layers.Layer]] = {
    COMPILED: lambda case: fused(case, jit_compile=True),
    "ours, fused, with the op": lambda case: fused(case, jit_compile=False),
    "ours, in a Sequential": lambda case: stacked(case, our_layers(case)),
    KERAS: CONTENDERS["keras"].build,
}
OF_BYTES: dict[str, Callable[[Case], keras.layers.Layer]] = {
    "ours, RandAugment": lambda case: kal.RandAugment(),
    "keras.layers, RandAugment": lambda case: keras.layers.RandAugment((0, 255)),
    "ours, RandomGaussianBlur": lambda case: kal.RandomGaussianBlur(kernel_size=7),
    "ours, the recipe of SimCLR": lambda case: recipes.simclr(size=case.size).train,
}
"""Those that are timed on uint8 alone."""

EIGHT = 8
"""Augmentations in the body of a loop, and sizes of the images in the copied array."""

Loop = Callable[[int], tf.Tensor]
"""Queues n calls and returns the last one's result."""


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes; 2 where there is no such device."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--device", default="GPU:0", help="%(default)s by default")
    parser.add_argument(
        "--quick", action="store_true", help="small, to see that the script works"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the JSON file")
    options = parser.parse_args(arguments)
    name, _, number = options.device.partition(":")
    devices = tf.config.list_physical_devices(name)
    if not number.isdecimal() or int(number) >= len(devices):
        print(f"There is no device {options.device} here.", file=sys.stderr)
        return 2

    results: dict[str, Any] = {}
    with tf.device(f"/{options.device}"):
        for results in measured(options.device, devices[int(number)], options.quick):
            # After each part: a lent machine may be gone before the last one.
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"Written to {options.output}")
    return 0 if results["agreement"]["agrees"] else 1


def measured(device: str, physical: Any, quick: bool) -> Iterator[dict[str, Any]]:
    """The content of the results file, part by part."""
    rounds, least = (2, 0.002) if quick else (7, 0.2)
    details = tf.config.experimental.get_device_details(physical)
    build = tf.sysconfig.get_build_info()
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "device": {
            "name": device,
            **{key: str(value) for key, value in details.items()},
            "cuda": build.get("cuda_version"),
            "cudnn": build.get("cudnn_version"),
        },
        "settings": {"quick": quick, "rounds": rounds, "least_seconds": least},
        "agreement": agreement(quick),
    }
    for name, seen in results["agreement"].items():
        print(f"{name}: {seen}")
    yield results
    results["rows"] = []
    for case in QUICK_CASES if quick else CASES:
        results["rows"] += _case(case, device, rounds, least)
        yield results
    results["fit"] = fits(quick)
    results["promises"] = promises(results)
    for promise, seen in results["promises"].items():
        print(f"{promise}: {seen}")
    yield results


def agreement(quick: bool) -> dict[str, Any]:
    """Whether the device draws what the CPU draws, and both forms give one image.

    `compiled_difference` is the greatest difference between op and gathers under
    bilinear interpolation, as a part of the value range; `nearest_differs` the part of
    the pixels for which "nearest" chose another one.
    """
    case = Case(33, 4, "float32") if quick else Case(224, 32, "float32")
    images = tf.constant(case.images())
    layer = fused(case, jit_compile=False)
    here = layer.sample(images.shape, seed=(3, 4))
    with tf.device("/CPU:0"):
        cpu = layer.sample(images.shape, seed=(3, 4))
    compiled = tf.function(
        lambda: layer.sample(images.shape, seed=(3, 4)), jit_compile=True
    )()
    draws = all(
        np.array_equal(one.matrix, cpu.matrix)
        and np.array_equal(one.pixels[0].rows["gain"], cpu.pixels[0].rows["gain"])
        for one in (here, compiled)
    )
    difference = differs = 0.0
    for fill_mode in FILL_MODES[:1] if quick else FILL_MODES:
        for interpolation in INTERPOLATIONS:
            op, gathers = (
                kal.FusedAugmentation(
                    our_layers(case),
                    fill_mode=fill_mode,
                    interpolation=interpolation,
                    jit_compile=jit_compile,
                )(images, training=True, seed=(5, 6)).numpy()
                for jit_compile in (False, True)
            )
            far = np.abs(op - gathers)
            if interpolation == "bilinear":
                difference = max(difference, float(far.max()))
            else:
                differs = max(differs, float((far > 1e-4).mean()))
    return {
        "draws_equal_the_cpu_bit_for_bit": bool(draws),
        "compiled_difference": difference,
        "nearest_differs": differs,
        "agrees": bool(draws) and difference <= 1e-4 and differs <= 1e-3,
    }


def _case(case: Case, device: str, rounds: int, least: float) -> list[dict[str, Any]]:
    """The rows of a batch: calls of each augmentation, and loops on the device."""
    images = tf.identity(tf.constant(case.images()))
    size = images.shape.num_elements() * images.dtype.size
    # Eight times as large as the images: those would fit the cache of a large GPU.
    words = tf.zeros(size // 8 * EIGHT, tf.int64)  # TensorFlow keeps int32 off the GPU
    loops: dict[tuple[str, str], tuple[Loop, int, int]] = {}
    timed_here = AUGMENTATIONS | (OF_BYTES if case.dtype == "uint8" else {})
    for title, build in timed_here.items():
        layer = build(case)
        function = tf.function(functools.partial(layer, training=True))
        outputs = tf.nest.flatten(function(images))
        moved = size + sum(x.shape.num_elements() * x.dtype.size for x in outputs)
        loops["call", title] = _calls(function, images), moved, 1
        if title == COMPILED:
            step = _augment(layer)
            loops["kernel", title] = _on_device(step, images, EIGHT), moved, EIGHT
    loops["kernel", "a copy"] = _on_device(_copy, words), 2 * size, EIGHT

    rows = []
    for (mode, title), (loop, moved, times) in loops.items():
        seconds = [x / times for x in timed(loop, rounds, least)]
        row = {
            **vars(case),
            "mode": mode,
            "title": title,
            "milliseconds": [round(1e3 * x, 5) for x in seconds],
            "median": round(1e3 * statistics.median(seconds), 5),
            "gigabytes_per_second": round(moved / statistics.median(seconds) / 1e9, 1),
            "peak_bytes": peak(loop, device),
        }
        rows.append(row)
        print(
            f"{case!s:32} {mode:7}{title:26}{row['median']:10.3f} ms"
            f"{row['gigabytes_per_second']:9.1f} GB/s"
        )
    return rows


def _calls(function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> Loop:
    """Calls from Python, queued one after the other."""

    def loop(n: int) -> tf.Tensor:
        for _ in range(n):
            result = function(images)
        return result

    return loop


def _augment(
    layer: keras.layers.Layer,
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A step of a loop on the device: with a draw of its own, and part of no chain."""
    return lambda images, i: kal.settle(
        layer(images, training=True, seed=tf.stack([i, i]))
    )


def _copy(words: tf.Tensor, i: tf.Tensor) -> tf.Tensor:
    """Reads and writes every word, and leaves XLA nothing to shorten."""
    return tf.bitwise.bitwise_xor(words, tf.cast(i, words.dtype))


def _on_device(
    step: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], start: tf.Tensor, times: int = 1
) -> Loop:
    """A loop that XLA compiles: each step reads what the last one wrote.

    Its body takes several steps, an even number if what a step writes cannot lie where
    it reads: XLA would end the body in a copy. The host reads the condition once.
    """

    @tf.function(jit_compile=True)
    def repeated(start: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            for number in range(times):
                x = step(x, i * times + number)
            return i + 1, x

        return tf.while_loop(lambda i, x: i < n, body, (0, start))[1]

    return lambda n: repeated(start, tf.constant(n))


def timed(loop: Loop, rounds: int, least: float) -> list[float]:
    """Seconds of one call in each round, which lasts `least` seconds or more."""

    def seconds(n: int) -> float:
        start = time.perf_counter()
        wait(loop(n))
        return time.perf_counter() - start

    seconds(1)  # traces and compiles
    n = 1
    while (one := seconds(n) / n) * n < least and n < 2**14:
        n = min(max(2 * n, math.ceil(least / one)), 2**14)
    return [seconds(n) / n for _ in range(rounds)]


def wait(result: Any) -> None:
    """Returns when the device has got so far: one number is read."""
    tf.reshape(tf.nest.flatten(result)[-1], [-1])[:1].numpy()


def peak(loop: Loop, device: str) -> int | None:
    """Bytes of the device that a call takes beside its input; None on a CPU."""
    if device.startswith("CPU"):
        return None
    before = tf.config.experimental.get_memory_info(device)["current"]
    tf.config.experimental.reset_memory_stats(device)
    wait(loop(1))
    return tf.config.experimental.get_memory_info(device)["peak"] - before


def fits(quick: bool) -> list[dict[str, Any]]:
    """Steps of `fit` of a ResNet-50, with and without augmentation in front of it."""
    case = QUICK_FIT_CASE if quick else FIT_CASE
    augmentations: dict[str, Callable[[Case], keras.layers.Layer] | None] = {
        "no augmentation": None,
        "ours, fused": lambda case: kal.FusedAugmentation(our_layers(case)),
        KERAS: AUGMENTATIONS[KERAS],
    }
    rows = []
    for title, build in augmentations.items():
        keras.utils.set_random_seed(0)
        front = [] if build is None else [build(case)]
        model = keras.Sequential(
            [
                keras.Input((case.size, case.size, 3), dtype=case.dtype),
                *front,
                keras.layers.Rescaling(1 / 255),
                _network(case, quick),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile="auto")
        seconds = _steps(model, case, 2 if quick else 30)
        row = {
            **vars(case),
            "title": title,
            "compiled_by_xla": bool(model.jit_compile),
            "milliseconds": [round(1e3 * x, 3) for x in seconds],
            "median": round(1e3 * statistics.median(seconds), 3),
        }
        rows.append(row)
        print(
            f"fit, {case!s:27} {title:26}{row['median']:10.3f} ms a step, "
            f"{'' if row['compiled_by_xla'] else 'not '}compiled by XLA"
        )
        keras.backend.clear_session()
    return rows


def _network(case: Case, quick: bool) -> keras.Model:
    if not quick:
        return keras.applications.ResNet50(weights=None, classes=1000)
    layers = keras.layers
    return keras.Sequential(
        [layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(10)]
    )


def _steps(model: keras.Model, case: Case, count: int) -> list[float]:
    """Seconds of each of `count` steps, after those that trace, compile and tune."""
    ends: list[float] = []

    def note(batch: int, logs: dict[str, Any]) -> None:
        float(logs["loss"])  # known when the step is done
        ends.append(time.perf_counter())

    batch = case.images(), np.arange(case.batch) % 10
    dataset = tf.data.Dataset.from_tensors(batch).repeat(count + 4).prefetch(2)
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(dataset, callbacks=[clock], shuffle=False, verbose=0)
    return np.diff(ends[3:]).tolist()


def promises(results: dict[str, Any]) -> dict[str, float]:
    """The figures that were promised, from the rows."""
    rows = {
        (row["size"], row["dtype"], row["mode"], row["title"]): row["median"]
        for row in results["rows"]
    }
    bandwidths, ratios = [], []
    for row in results["rows"]:
        if (row["mode"], row["title"]) == ("kernel", COMPILED):
            copy = rows[row["size"], row["dtype"], "kernel", "a copy"]
            bandwidths.append(copy / row["median"])
        if (row["mode"], row["title"]) == ("call", COMPILED):
            theirs = rows[row["size"], row["dtype"], "call", KERAS]
            ratios.append(theirs / row["median"])
    plain, ours, _ = (row["median"] for row in results["fit"])
    seen = {
        "least part of the copy's bandwidth (promised: 0.5)": min(bandwidths),
        "least throughput, times keras.layers (promised: 10)": min(ratios),
        "a step of fit, times one without (promised: 1.03)": ours / plain,
    }
    return {promise: float(f"{ratio:.4g}") for promise, ratio in seen.items()}


if __name__ == "__main__":
    sys.exit(main())
