"""`measure`: traces a function of images and compiles it for GPUs."""

import contextlib
import inspect
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from benchmarks.gpu_programs import build, dump

DEVICES = ("h100", "a100", "v100", "b200", "t4", "l4", "h200")
"""For which there are figures: XLA's own, and in compile.cc for T4, L4 and H200."""

IMAGE_SIZE = 16
"""An array is of image size from a sixteenth of the images' bytes on."""
REACHED = 0.9
"""How much of the peak bandwidth, and of the peak clock, lasts under load."""
LAUNCH = 1.5e-6
"""Seconds that a kernel takes in a CUDA graph, however small."""
LANES = 128
"""Threads of which a processor issues an instruction each clock: four warps."""
LINES = 9
"""Cache lines that a warp's load touches where an image is turned."""


@dataclass(frozen=True)
class Row:
    """One program on one device.

    Attributes:
        device: its name.
        shape: of the images.
        dtype: of the images.
        kernels: that run.
        image_kernels: of these, those that read or write an array of image size.
        temporaries: bytes kept between kernels.
        copied: bytes of input and output together, which a copy moves.
        moved: bytes that the kernels read and write, whole arrays, each once.
        instructions: of PTX for each pixel of the output, in the kernels of image size.
        seconds: predicted: where bandwidth and the issue of instructions bound it, and
            where every load looks up `LINES` cache lines, one a clock.
        copy_seconds: predicted for a copy.
    """

    device: str
    shape: tuple[int, ...]
    dtype: str
    kernels: int
    image_kernels: int
    temporaries: int
    copied: int
    moved: int
    instructions: float
    seconds: tuple[float, float]
    copy_seconds: float

    @property
    def kept(self) -> float:
        """Temporaries as a part of input and output together."""
        return self.temporaries / self.copied

    @property
    def copies(self) -> float:
        """Bytes moved, relative to a copy's."""
        return self.moved / self.copied


def measure(
    function: Callable[..., Any],
    shape: Sequence[int],
    dtype: str = "uint8",
    devices: Sequence[str] = DEVICES,
) -> list[Row]:
    """Compiles a function of images for GPUs, none of which need be there.

    Args:
        function: of images, or of images and a seed, an int64 tensor of shape (2,). Or
            a layer, which is called with `training=True`.
        shape: of the images (B, H, W, C).
        dtype: of the images.
        devices: names; compile.cc has them.

    Returns:
        A row for each device.

    Raises:
        benchmarks.gpu_programs.Unavailable: if the compiler cannot be built here.
        RuntimeError: if XLA does not compile the function.
    """
    program, toolkit = build.compiler()
    code = hlo(function, shape, dtype)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hlo").write_bytes(code)
        environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
        environment |= {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
        for device in devices:
            command = [program, device, folder / device, toolkit, folder / "hlo"]
            result = subprocess.run(
                command, capture_output=True, text=True, env=environment
            )
            if result.returncode:
                raise RuntimeError(f"{device}: {result.stderr[-2000:]}")
            compiled = dump.read(folder / device / "0")
            processors, ghz, bandwidth = map(float, result.stdout.split())
            rows.append(
                _row(compiled, device, tuple(shape), dtype, processors, ghz, bandwidth)
            )
    return rows


def hlo(function: Callable[..., Any], shape: Sequence[int], dtype: str) -> bytes:
    """The HLO that a host with a GPU would compile: serialised, not yet optimised."""
    if isinstance(function, keras.Layer):
        function = _training(function)
    specs = [tf.TensorSpec(shape, dtype)]
    if len(inspect.signature(function).parameters) > 1:
        specs.append(tf.TensorSpec((2,), tf.int64))
    compiled = tf.function(function, jit_compile=True, autograph=False)
    with _for_gpu():
        code = compiled.experimental_get_compiler_ir(*specs)
        captured = compiled.get_concrete_function(*specs).captured_inputs
        if any(x.dtype == tf.resource for x in captured):
            # Variables, as of a seed that counts, need a device; it may be the CPU,
            # for which the HLO is the same.
            return code(stage="hlo_serialized")
        return code(stage="hlo_serialized", platform_name="GPU")


def _training(layer: keras.Layer) -> Callable[..., Any]:
    """A layer's call while training, with a seed if it takes one."""
    if "seed" in inspect.signature(layer.call).parameters:
        return lambda images, seed: layer(images, training=True, seed=seed)
    return lambda images: layer(images, training=True)


@contextlib.contextmanager
def _for_gpu() -> Iterator[None]:
    """Has the library trace the forms for GPUs, on whatever machine."""
    name = "KERAS_AUG_LAYERS_DEVICE"
    before = os.environ.get(name)
    os.environ[name] = "gpu"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _row(
    program: dump.Program,
    device: str,
    shape: tuple[int, ...],
    dtype: str,
    processors: float,
    ghz: float,
    bandwidth: float,
) -> Row:
    least = max(program.inputs) / IMAGE_SIZE
    clock, bandwidth = REACHED * ghz * 1e9, REACHED * bandwidth
    seconds, pessimistic, instructions = 0.0, 0.0, 0
    image_kernels = 0
    for kernel in program.kernels:
        issued = kernel.instructions * kernel.threads / (processors * LANES * clock)
        looked_up = kernel.loads * kernel.threads / 32 * LINES / (processors * clock)
        bound = max(kernel.moved / bandwidth, issued)
        seconds += kernel.times * (LAUNCH + bound)
        pessimistic += kernel.times * (LAUNCH + max(bound, looked_up))
        if max([*kernel.read, *kernel.written]) >= least:
            image_kernels += kernel.times
            instructions += kernel.times * kernel.instructions * kernel.threads
    copied = sum(program.inputs) + sum(program.outputs)
    return Row(
        device=device,
        shape=shape,
        dtype=dtype,
        kernels=sum(kernel.times for kernel in program.kernels),
        image_kernels=image_kernels,
        temporaries=program.temporaries,
        copied=copied,
        moved=sum(kernel.times * kernel.moved for kernel in program.kernels),
        instructions=instructions / (shape[0] * shape[1] * shape[2]),
        seconds=(seconds, pessimistic),
        copy_seconds=LAUNCH + copied / bandwidth,
    )
