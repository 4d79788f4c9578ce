"""A soak: `python -m benchmarks.soak`.

20,000 batches through `tf.data` and 2,000 steps of `fit`, each with the compiled form
and with TensorFlow's op, in one process. Of each run it notes the resident memory at
regular intervals, the slope after the first quarter by least squares, how often a
layer's function was traced, and how many threads there were before and after. The same
loops without a layer show what is TensorFlow's and Keras's own. Writes
benchmarks/results/soak.json; with --quick, a hundredth of it, and nothing.
"""

import argparse
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import psutil
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks.machine import describe, load

RESULTS = Path(__file__).parent / "results" / "soak.json"
SIZE, BATCH = 16, 8
SAMPLES = 100
"""How often a run looks at the memory."""
WARM_UP = 0.25
"""The part of a run that comes before the slope."""
PROCESS = psutil.Process()


class Traces:
    """Counts how often the function of a layer is traced."""

    def __init__(self, layer: kal.FusedAugmentation | None) -> None:
        self.count = 0
        if layer is None:
            return
        inner = layer.drawn

        def drawn(*arguments: Any) -> Any:
            self.count += 1
            return inner(*arguments)

        layer.drawn = drawn


def build(jit_compile: bool | None) -> kal.FusedAugmentation | None:
    """Geometry and colours in one pass; None for the control."""
    if jit_compile is None:
        return None
    layers = [
        kal.RandomShift(0.1, 0.1),
        kal.RandomRotate(0.1),
        kal.RandomBrightness(gain=0.2, value_range=(0, 1)),
    ]
    return kal.FusedAugmentation(layers, jit_compile=jit_compile)


class Watch:
    """Memory and traces over a run of a known number of steps, bounded in time."""

    def __init__(self, steps: int, seconds: float, traces: Traces) -> None:
        self.steps, self.traces = steps, traces
        self.every = max(1, steps // SAMPLES)
        self.start = time.perf_counter()
        self.deadline = self.start + seconds
        self.step = 0
        self.samples: list[tuple[int, int]] = []
        self.traces_after_warm_up: int | None = None

    def tick(self) -> bool:
        """Counts a step; whether there is time for another one."""
        self.step += 1
        if self.step % self.every == 0:
            self.samples.append((self.step, PROCESS.memory_info().rss))
        if self.step == max(1, int(self.steps * WARM_UP)):
            self.traces_after_warm_up = self.traces.count
        return time.perf_counter() < self.deadline

    def summary(self) -> dict[str, Any]:
        """What is written down of the run."""
        steps, rss = np.array(self.samples, float).T
        late = steps > self.step * WARM_UP
        slope = np.polyfit(steps[late], rss[late], 1)[0]
        traces = self.traces.count
        return {
            "steps": self.step,
            "seconds": round(time.perf_counter() - self.start, 1),
            "traces": traces,
            "traces_after_warm_up": traces - (self.traces_after_warm_up or 0),
            "slope_bytes_per_step": round(float(slope), 2),
            "rss_mib": [round(x / 2**20, 2) for x in rss[:: max(1, len(rss) // 20)]],
        }


def through_tf_data(
    steps: int, seconds: float, jit_compile: bool | None
) -> dict[str, Any]:
    """Batches through a parallel map, one iterator after another."""
    layer = build(jit_compile)
    traces = Traces(layer)
    images = np.random.default_rng(0).random((64, SIZE, SIZE, 3), "float32")
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(BATCH).repeat(125)
    if layer is not None:
        dataset = kal.augment_dataset(dataset, layer, seed=1)
    watch = Watch(steps, seconds, traces)
    more = True
    while more and watch.step < steps:
        for _ in dataset:
            more = watch.tick()
            if not more or watch.step == steps:
                break
    return watch.summary()


def through_fit(steps: int, seconds: float, jit_compile: bool | None) -> dict[str, Any]:
    """Steps of `fit` of a model with the layer in it."""
    layer = build(jit_compile)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            *([] if layer is None else [layer]),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", jit_compile=bool(jit_compile))
    traces = Traces(layer)
    images = np.random.default_rng(0).random((64, SIZE, SIZE, 3), "float32")
    watch = Watch(steps, seconds, traces)

    class Ticks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not watch.tick():
                self.model.stop_training = True

    dataset = tf.data.Dataset.from_tensor_slices((images, np.zeros((64, 1), "float32")))
    epochs = 4
    model.fit(
        dataset.batch(BATCH).repeat(),
        steps_per_epoch=max(1, steps // epochs),
        epochs=epochs,
        verbose=0,
        callbacks=[Ticks()],
    )
    return watch.summary()


RUNS = {
    "tf.data, no layer": (through_tf_data, 20_000, None),
    "tf.data, op": (through_tf_data, 20_000, False),
    "tf.data, compiled": (through_tf_data, 20_000, True),
    "fit, no layer": (through_fit, 2_000, None),
    "fit, op": (through_fit, 2_000, False),
    "fit, compiled": (through_fit, 2_000, True),
}


def threads() -> int:
    """Threads of this process, after what is no longer used is gone."""
    gc.collect()
    time.sleep(1)
    return PROCESS.num_threads()


def soak(share: float, seconds: float) -> dict[str, Any]:
    """All runs: a `share` of their steps, each in its part of `seconds` at most."""
    for run, _, jit_compile in RUNS.values():  # the pools of threads, once and for all
        run(4, 60, jit_compile)
    before = load()
    results: dict[str, Any] = {"machine": describe(), "load": {"before": before}}
    results["image"] = {"size": SIZE, "batch": BATCH, "dtype": "float32"}
    results["warm_up"] = WARM_UP
    results["runs"] = {}
    for name, (run, steps, jit_compile) in RUNS.items():
        earlier = threads()
        summary = run(max(8, int(steps * share)), seconds / len(RUNS), jit_compile)
        summary["threads"] = {"before": earlier, "after": threads()}
        summary["complete"] = summary["steps"] >= int(steps * share)
        results["runs"][name] = summary
        print(name, json.dumps({**summary, "rss_mib": None}), file=sys.stderr)
    results["load"]["after"] = load()
    return results


def main() -> None:
    """Runs, and writes unless --quick."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=900, help="at most, for all")
    parser.add_argument("--quick", action="store_true", help="a hundredth, unwritten")
    parser.add_argument("--output", type=Path, help=f"by default {RESULTS}")
    arguments = parser.parse_args()
    results = soak(0.01 if arguments.quick else 1.0, arguments.seconds)
    output = arguments.output or (None if arguments.quick else RESULTS)
    text = json.dumps(results, indent=2)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
