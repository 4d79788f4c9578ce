"""benchmarks/gpu.py runs, on the CPU where there is no GPU. No time is asserted."""

import functools
import json
import operator

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
    assert captured.err.startswith(f"There is no device {device} here. With TF_CPP_")
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
    monkeypatch.setattr(gpu, "TURNS", 2)
    predicted = {"device": "h200", "shape": [4, 32, 32, 3], "dtype": "uint8"}
    foretold = tmp_path / "predicted.json"
    foretold.write_text(json.dumps([predicted | {"seconds": [0.001, 0.002]}]))
    output = tmp_path / "new" / "gpu.json"
    arguments = ["--device", "CPU:0", "--quick", "--output", str(output)]
    assert gpu.main([*arguments, "--predicted", str(foretold)]) == 0
    results = json.loads(output.read_text())
    printed = capsys.readouterr().out

    agreement = results["agreement"]
    assert agreement["draws_equal_the_cpu_bit_for_bit"] is True
    assert 0 < agreement["compiled_difference"] <= 1e-4
    assert agreement["form_in_a_model"] == agreement["form_in_a_map"] == "cpu"
    differences = agreement["from_the_cpu"].values()
    assert [x["greatest"] for x in differences] == [0] * len(gpu.COMPARED)

    rows = {(row["mode"], row["title"]): row for row in results["rows"]}
    calls = {("call", title) for title in gpu.AUGMENTATIONS | gpu.OF_BYTES}
    kernels = {("kernel", x) for x in (gpu.COMPILED, gpu.COPY, gpu.COPY_IN_CACHE)}
    assert set(rows) == calls | kernels
    ours = rows["kernel", gpu.COMPILED]
    assert ours["predicted_milliseconds"] == [1.0, 2.0]
    assert "predicted: 1.000 to 2.000 ms" in printed
    for row in rows.values():
        assert len(row["milliseconds"]) == results["settings"]["rounds"]
        assert min(row["milliseconds"]) > 0
        assert row["peak_bytes"] is None
        assert row["title"] in printed

    assert [row["title"] for row in results["fit"]] == [*gpu.FITTED, gpu.AGAIN]
    assert all(len(row["milliseconds"]) == 2 for row in results["fit"])
    assert len(results["promises"]) == 4
    assert results["errors"] == []
    assert all(seen > 0 for seen in results["promises"].values())
    assert results["device"]["name"] == "CPU:0"


def test_the_sizes_and_dtypes_that_are_published():
    assert {(case.size, case.batch) for case in gpu.CASES} == {(224, 256), (1024, 16)}
    assert {case.dtype for case in gpu.CASES} == {"uint8", "float16", "float32"}


def test_what_fails_is_written_and_the_rest_is_measured(tmp_path, monkeypatch):
    def failing(case):
        raise RuntimeError("no kernel image")

    monkeypatch.setattr(gpu, "AUGMENTATIONS", {gpu.COMPILED: failing})
    monkeypatch.setattr(gpu, "OF_BYTES", {"flip": lambda case: kal.RandomFlip()})
    output = tmp_path / "gpu.json"
    arguments = ["--device", "CPU:0", "--quick", "--output", str(output)]
    assert gpu.main([*arguments, "--only", "call"]) == 1
    results = json.loads(output.read_text())
    [error] = results["errors"]
    assert gpu.COMPILED in error["name"] and "no kernel image" in error["error"]
    assert [row["title"] for row in results["rows"]] == ["flip"]
    assert results["fit"] == [] and results["promises"] == {}


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
        "fit": [
            {"title": "no augmentation", "median": 100.0},
            {"title": "ours, fused", "median": 102.0},
            {"title": gpu.AGAIN, "median": 101.0},
        ],
    }
    assert list(gpu.promises(results).values()) == [0.6, 15.0, 1.02, 1.01]


def test_a_loop_on_the_device_takes_every_step(monkeypatch):
    monkeypatch.setattr(gpu, "TURNS", 3)
    for times in (1, 2):
        loop = gpu._on_device(gpu._copy, tf.zeros(3, tf.int64), times)
        for calls in (1, 3):
            expected = functools.reduce(operator.xor, range(3 * times * calls))
            assert loop(calls).numpy().tolist() == [expected] * 3
