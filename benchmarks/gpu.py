"""Times the library on a CUDA GPU: `python -m benchmarks.gpu`.

It needs TensorFlow alone. A "call" is one from Python; calls are queued in a long loop,
which ends when the last result can be read. A call on a GPU is often shorter than
TensorFlow needs to queue it; so for what XLA compiles, the loop is also run on the
device, where that costs nothing: a "kernel" row is the kernel's own time. The copies to
which it is compared run in the same loop: one on eight times the bytes, which no cache
holds, and one on as many.

Each row is written as soon as it is known, and what fails is written in its place;
`--only` measures a part, such as "kernel" or "fit". Exit codes: 0; 1 where something
failed, or where the device does not agree with the CPU; 2 for wrong arguments, or
without such a device.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

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
from keras_aug_layers.kernels.device import DEVICES, compiled_for
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

COPY, COPY_IN_CACHE = "a copy", "a copy of as many bytes"
AGAIN = "no augmentation, again"

FITTED: dict[str, Callable[[Case], keras.layers.Layer] | None] = {
    "no augmentation": None,
    "ours, fused": lambda case: kal.FusedAugmentation(our_layers(case)),
    KERAS: AUGMENTATIONS[KERAS],
}
COMPARED: dict[str, Callable[[Case], keras.layers.Layer]] = {
    "five layers": AUGMENTATIONS[COMPILED],
    "RandomElasticTransform": lambda case: kal.RandomElasticTransform(jit_compile=True),
    "RandomPerspective": lambda case: kal.RandomPerspective(0.5, jit_compile=True),
    "RandomColorJitter": lambda case: kal.RandomColorJitter(
        brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1, jit_compile=True
    ),
}
"""Those of which bytes are compared with the CPU's."""

EIGHT = 8
"""Sizes of the images in the copied array."""
STEPS = 2
"""Augmentations in a turn of a loop: what they draw, XLA may compute at once."""
TURNS = 64
"""Turns of the loop in a loop on the device, whose number XLA knows."""

Loop = Callable[[int], tf.Tensor]
"""Queues n calls and returns the last one's result."""
Timed = tuple[Loop, int, int]
"""A loop, the bytes that a step of it moves, and how many steps a call of it takes."""


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints, writes, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--device", default="GPU:0", help="%(default)s by default")
    parser.add_argument(
        "--quick", action="store_true", help="small, to see that the script works"
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="what has this in its name: 'agreement', 'fit' or a row, as printed",
    )
    parser.add_argument(
        "--predicted",
        type=Path,
        metavar="FILE",
        help="what `python -m benchmarks.gpu_programs --json FILE` wrote for one "
        "device, to stand beside what is measured",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the JSON file")
    options = parser.parse_args(arguments)
    name, _, number = options.device.partition(":")
    devices = tf.config.list_physical_devices(name)
    if not number.isdecimal() or int(number) >= len(devices):
        print(
            f"There is no device {options.device} here. With TF_CPP_MIN_LOG_LEVEL=0 "
            "TensorFlow says which library it misses.",
            file=sys.stderr,
        )
        return 2
    predicted = json.loads(options.predicted.read_text()) if options.predicted else []

    results = _header(options.device, devices[int(number)], options.quick)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tf.device(f"/{options.device}"):
        for part, found in measured(options.device, options.quick, options.only):
            if part in results:
                results[part].append(found)
            else:
                results[part] = found
            if part == "rows":
                _predict(found, predicted)
            print(_line(part, found), flush=True)
            results["promises"] = promises(results)
            # After each row: a lent machine may be gone before the last one.
            unfinished = options.output.with_suffix(".part")
            unfinished.write_text(json.dumps(results, indent=1) + "\n")
            unfinished.replace(options.output)
    for promise, seen in results["promises"].items():
        print(f"{promise}: {seen}")
    print(f"Written to {options.output}")
    agrees = results.get("agreement", {"agrees": True})["agrees"]
    return 0 if agrees and not results["errors"] else 1


def _header(device: str, physical: Any, quick: bool) -> dict[str, Any]:
    rounds, least = _pace(quick)
    details = tf.config.experimental.get_device_details(physical)
    build = tf.sysconfig.get_build_info()
    return {
        "machine": machine.describe(),
        "device": {
            "name": device,
            **{key: str(value) for key, value in details.items()},
            "cuda": build.get("cuda_version"),
            "cudnn": build.get("cudnn_version"),
        },
        "settings": {"quick": quick, "rounds": rounds, "least_seconds": least},
        "rows": [],
        "fit": [],
        "errors": [],
        "promises": {},
    }


def _pace(quick: bool) -> tuple[int, float]:
    """How many rounds, and how many seconds each lasts at least."""
    return (2, 0.002) if quick else (7, 0.2)


def measured(
    device: str, quick: bool, only: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of the results file, one by one: under which name, and what."""
    rounds, least = _pace(quick)
    tasks: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
        ("agreement", "agreement", lambda: agreement(quick))
    ]
    for case in QUICK_CASES if quick else CASES:
        for mode, title, build in _loops(case):
            task = functools.partial(_row, case, mode, title, build, device)
            tasks.append(
                ("rows", f"{case} {mode} {title}", lambda x=task: x(rounds, least))
            )
    for title in (*FITTED, AGAIN):
        tasks.append(("fit", f"fit {title}", lambda x=title: fit(x, quick)))
    for part, text, task in tasks:
        if only not in text:
            continue
        try:
            found = task()
        except Exception as error:  # the next ones are worth as much
            part, found = "errors", {"name": text, "error": repr(error)[:2000]}
        keras.backend.clear_session()
        yield part, found


def _line(part: str, found: dict[str, Any]) -> str:
    """What is printed of a part."""
    if part == "agreement":
        return "\n".join(f"{name}: {seen}" for name, seen in found.items())
    if part == "errors":
        return f"{found['name']} failed: {found['error']}"
    case = Case(found["size"], found["batch"], found["dtype"])
    if part == "fit":
        compiled = "" if found["compiled_by_xla"] else "not "
        text = f"ms a step, {compiled}compiled by XLA"
        return f"fit, {case!s:27} {found['title']:26}{found['median']:10.3f} {text}"
    line = (
        f"{case} {found['mode']} {found['title']}".ljust(66)
        + f"{found['median']:10.3f} ms{found['gigabytes_per_second']:9.1f} GB/s"
    )
    if "predicted_milliseconds" in found:
        least, most = found["predicted_milliseconds"]
        line += f", predicted: {least:.3f} to {most:.3f} ms"
    return line


def _predict(row: dict[str, Any], predicted: list[dict[str, Any]]) -> None:
    """Writes beside the kernel of a stack what was predicted for it."""
    shape = [row["batch"], row["size"], row["size"], 3]
    for other in predicted:
        same = (other["shape"], other["dtype"]) == (shape, row["dtype"])
        if same and (row["mode"], row["title"]) == ("kernel", COMPILED):
            row["predicted_milliseconds"] = [1e3 * x for x in other["seconds"]]
            row["predicted_for"] = other["device"]


def agreement(quick: bool) -> dict[str, Any]:
    """Whether the device draws what the CPU draws, and both forms give one image.

    `compiled_difference` is the greatest difference between op and gathers under
    bilinear interpolation, as a part of the value range, of which a few units in the
    last place of a coordinate are allowed; `nearest_differs` the part of the pixels for
    which "nearest" chose another one. `form_in_a_model` and `form_in_a_map` say for
    which kind of device the library chose its form there, and `from_the_cpu` how far
    bytes augmented on the device are from those of the CPU at most, and how many are.
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
    # Coordinates beyond the frame go up to twice its size.
    allowed = 16 * float(np.spacing(np.float32(2 * case.size)))
    return {
        "draws_equal_the_cpu_bit_for_bit": bool(draws),
        "compiled_difference": difference,
        "compiled_difference_allowed": allowed,
        "nearest_differs": differs,
        **_forms(),
        "from_the_cpu": _from_the_cpu(8, 33 if quick else 224),
        "agrees": bool(draws) and difference <= allowed and differs <= 1e-3,
    }


def _forms() -> dict[str, str]:
    """For which kind of device the library compiles in a model, and in a map."""

    def which(x: tf.Tensor) -> tf.Tensor:
        return compiled_for(lambda kind: x + DEVICES.index(kind))

    model = tf.function(which, autograph=False)(tf.constant(0))
    with tf.device("/CPU:0"):
        [mapped] = tf.data.Dataset.from_tensors(0).map(which)
    return {
        "form_in_a_model": DEVICES[int(model)],
        "form_in_a_map": DEVICES[int(mapped)],
    }


def _from_the_cpu(batch: int, size: int) -> dict[str, dict[str, float]]:
    images = Case(size, batch, "uint8").images()
    seen = {}
    for name, build in COMPARED.items():
        layer = build(Case(size, batch, "uint8"))
        here = layer(tf.constant(images), training=True, seed=(5, 6)).numpy()
        with tf.device("/CPU:0"):
            there = layer(tf.constant(images), training=True, seed=(5, 6)).numpy()
        far = np.abs(here.astype(int) - there.astype(int))
        seen[name] = {"greatest": int(far.max()), "share": float((far > 0).mean())}
    return seen


def _loops(case: Case) -> Iterator[tuple[str, str, Callable[[], Timed]]]:
    """What is timed of a batch: mode, title, and what builds the loop."""
    size = case.batch * case.size**2 * 3 * tf.as_dtype(case.dtype).size

    def images() -> tf.Tensor:
        return tf.identity(tf.constant(case.images()))

    def kernel() -> Timed:
        step = _augment(AUGMENTATIONS[COMPILED](case))
        return _on_device(step, images(), STEPS), 2 * size, TURNS * STEPS

    def copy(times: int) -> Timed:
        # Of eight bytes each, since TensorFlow keeps int32 off the GPU.
        words = tf.zeros(size // 8 * times, tf.int64)
        return _on_device(_copy, words), 2 * size, TURNS * times

    def call(build: Callable[[Case], keras.layers.Layer]) -> Timed:
        layer, given = build(case), images()
        function = tf.function(functools.partial(layer, training=True))
        outputs = tf.nest.flatten(function(given))
        moved = sum(x.shape.num_elements() * x.dtype.size for x in outputs)
        return _calls(function, given), size + moved, 1

    yield "kernel", COMPILED, kernel
    yield "kernel", COPY, lambda: copy(EIGHT)
    yield "kernel", COPY_IN_CACHE, lambda: copy(1)
    timed_here = AUGMENTATIONS | (OF_BYTES if case.dtype == "uint8" else {})
    for title, build in timed_here.items():
        yield "call", title, functools.partial(call, build)


def _row(
    case: Case,
    mode: str,
    title: str,
    build: Callable[[], Timed],
    device: str,
    rounds: int,
    least: float,
) -> dict[str, Any]:
    loop, moved, times = build()
    seconds = [x / times for x in timed(loop, rounds, least)]
    median = statistics.median(seconds)
    return {
        **vars(case),
        "mode": mode,
        "title": title,
        "milliseconds": [round(1e3 * x, 5) for x in seconds],
        "median": round(1e3 * median, 5),
        "gigabytes_per_second": round(moved / median / 1e9, 1),
        "peak_bytes": peak(loop, device),
    }


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

    Its body is a loop of `TURNS` turns, for which the host does not wait. A turn takes
    an even number of steps if what a step writes cannot lie where it reads: else XLA
    would end it in a copy.
    """

    @tf.function(jit_compile=True)
    def repeated(start: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            def turn(j: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                for number in range(times):
                    x = step(x, (i * TURNS + j) * times + number)
                return j + 1, x

            return i + 1, tf.while_loop(lambda j, _: j < TURNS, turn, (0, x))[1]

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


def fit(title: str, quick: bool) -> dict[str, Any]:
    """Steps of `fit` of a ResNet-50, with or without augmentation in front of it."""
    case = QUICK_FIT_CASE if quick else FIT_CASE
    build = FITTED.get(title)
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
    return {
        **vars(case),
        "title": title,
        "compiled_by_xla": bool(model.jit_compile),
        "milliseconds": [round(1e3 * x, 3) for x in seconds],
        "median": round(1e3 * statistics.median(seconds), 3),
    }


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
    """The figures that were promised, from the rows that there are."""
    rows = {
        (row["size"], row["dtype"], row["mode"], row["title"]): row["median"]
        for row in results["rows"]
    }

    def ratios(mode: str, title: str) -> list[float]:
        """How many times as long as ours something takes, for each batch."""
        of_others = {key: x for key, x in rows.items() if key[2:] == (mode, title)}
        ours = {key: rows.get((*key[:3], COMPILED)) for key in of_others}
        return [x / ours[key] for key, x in of_others.items() if ours[key]]

    fitted = {row["title"]: row["median"] for row in results["fit"]}
    plain, again = (fitted.get(x) for x in ("no augmentation", AGAIN))
    seen = {
        "least part of the copy's bandwidth (promised: 0.5)": ratios("kernel", COPY),
        "least throughput, times keras.layers (promised: 10)": ratios("call", KERAS),
    }
    found = {promise: min(values) for promise, values in seen.items() if values}
    if plain and "ours, fused" in fitted:
        steps = "a step of fit, times one without (promised: 1.03)"
        found[steps] = fitted["ours, fused"] / plain
    if plain and again:
        found["a step without, again, times the first"] = again / plain
    return {promise: float(f"{ratio:.4g}") for promise, ratio in found.items()}


if __name__ == "__main__":
    sys.exit(main())
