"""benchmarks/gpu.py runs, on the CPU where there is no GPU. No time is asserted."""

import json

import pytest
import tensorflow as tf

import keras_aug_layers as kal
from benchmarks import gpu


@pytest.mark.parametrize("device", ["GPU:0", "CPU:9", "TPU"])
def test_a_machine_without_the_device_is_told_so(monkeypatch, capsys, device):
    here = tf.config.list_physical_devices("CPU")
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: here if kind == "CPU" else []
    )
    assert gpu.main(["--device", device]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"There is no device {device} here.\n"
    assert captured.out == ""


def flipped_views(case):
    """What gives a dict, as the recipe of SimCLR."""
    return kal.MultiCrop({"views": (2, [kal.RandomFlip()])})


@pytest.mark.slow
def test_it_runs_on_the_cpu(tmp_path, capsys, monkeypatch):
    for build in gpu.OF_BYTES.values():  # of these long ones one is timed
        build(gpu.QUICK_CASES[0])
    blur = "ours, RandomGaussianBlur"
    timed = {blur: gpu.OF_BYTES[blur], "views": flipped_views}
    monkeypatch.setattr(gpu, "OF_BYTES", timed)
    monkeypatch.setattr(gpu, "EIGHT", 2)  # steps of a loop, which are all compiled
    output = tmp_path / "new" / "gpu.json"
    arguments = ["--device", "CPU:0", "--quick", "--output", str(output)]
    assert gpu.main(arguments) == 0
    results = json.loads(output.read_text())
    printed = capsys.readouterr().out

    agreement = results["agreement"]
    assert agreement["draws_equal_the_cpu_bit_for_bit"] is True
    assert 0 < agreement["compiled_difference"] <= 1e-4

    rows = {(row["mode"], row["title"]): row for row in results["rows"]}
    calls = {("call", title) for title in gpu.AUGMENTATIONS | gpu.OF_BYTES}
    assert set(rows) == calls | {("kernel", gpu.COMPILED), ("kernel", "a copy")}
    for row in rows.values():
        assert len(row["milliseconds"]) == results["settings"]["rounds"]
        assert min(row["milliseconds"]) > 0
        assert row["peak_bytes"] is None
        assert row["title"] in printed

    assert [row["title"] for row in results["fit"]][0] == "no augmentation"
    assert all(len(row["milliseconds"]) == 2 for row in results["fit"])
    assert len(results["promises"]) == 3
    assert all(seen > 0 for seen in results["promises"].values())
    assert results["device"]["name"] == "CPU:0"


def test_the_sizes_and_dtypes_that_are_published():
    assert {(case.size, case.batch) for case in gpu.CASES} == {(224, 256), (1024, 16)}
    assert {case.dtype for case in gpu.CASES} == {"uint8", "float16", "float32"}


def test_promises_are_computed_from_the_rows():
    def row(mode, title, median):
        size = {"size": 224, "dtype": "uint8"}
        return {**size, "mode": mode, "title": title, "median": median}

    results = {
        "rows": [
            row("call", gpu.COMPILED, 2.0),
            row("call", gpu.KERAS, 30.0),
            row("kernel", gpu.COMPILED, 1.0),
            row("kernel", "a copy", 0.6),
        ],
        "fit": [{"median": 100.0}, {"median": 102.0}, {"median": 150.0}],
    }
    assert list(gpu.promises(results).values()) == [0.6, 15.0, 1.02]


def test_a_loop_on_the_device_takes_every_step():
    loop = gpu._on_device(gpu._copy, tf.zeros(3, tf.int64))
    assert loop(1).numpy().tolist() == [0, 0, 0]
    assert loop(4).numpy().tolist() == [0 ^ 1 ^ 2 ^ 3] * 3
    assert loop(5).numpy().tolist() == [4, 4, 4]
