"""The compiler: `compile.cc` with the wheel's headers, built once a TensorFlow."""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import tensorflow as tf

SOURCE = Path(__file__).with_name("compile.cc")
VERSIONS = ("2.21",)
"""TensorFlow's, whose private headers and dumps this package was written for."""

PTXAS = """#!/bin/sh
# Stands for NVIDIA's assembler: XLA asks for its version and wants a file from it.
echo "Cuda compilation tools, release 12.9, V12.9.0"
while [ $# -gt 0 ]; do
  if [ "$1" = "-o" ]; then echo > "$2"; fi
  shift
done
"""
_ONE_INSTRUCTION = {"rint": "rint", "fabs": "fabs", "floor": "floor", "ceil": "ceil"}
_ONE_INSTRUCTION |= {"trunc": "trunc"}


class Unavailable(RuntimeError):
    """The compiler cannot be had here: the message says why."""


def available() -> str:
    """Why `compiler` cannot work here, or an empty string if nothing speaks against it.

    It builds nothing: for a test's skip.
    """
    version = tf.__version__
    if not version.startswith(tuple(f"{known}." for known in VERSIONS)):
        return (
            f"TensorFlow {version} has other private headers than "
            f"{' and '.join(VERSIONS)}, for which compile.cc was written."
        )
    if not shutil.which("g++"):
        return "There is no g++, which builds compile.cc: install it (apt: g++)."
    if not list(_root().glob("libtensorflow_cc.so.*")):
        return (
            f"There is no libtensorflow_cc.so in {_root()}: not a wheel with XLA:GPU."
        )
    return ""


@functools.cache
def compiler() -> tuple[Path, Path]:
    """The program, and the folder in which XLA finds what it takes for CUDA.

    Both lie in the user's cache. The first call for a TensorFlow takes a minute.

    Raises:
        Unavailable: if it cannot be built.
    """
    if reason := available():
        raise Unavailable(reason)
    key = hashlib.sha256(f"{tf.__version__} {_root()} {PTXAS}".encode())
    key.update(SOURCE.read_bytes())
    folder = _cache() / key.hexdigest()[:16]
    program = folder / "compile"
    if not program.exists():
        _toolkit(folder / "cuda")
        # Under another name first: another process may build it now as well.
        with tempfile.TemporaryDirectory(dir=folder) as building:
            unfinished = Path(building) / "compile"
            _build(unfinished)
            unfinished.replace(program)
    return program, folder / "cuda"


def _root() -> Path:
    return Path(tf.__file__).parent


def _cache() -> Path:
    """A folder that can be written: in the user's cache, else a temporary one."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "keras_aug_layers" / "gpu_programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"keras_aug_layers-{os.getuid()}"
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _build(program: Path) -> None:
    root, external = _root(), _root() / "include" / "external"
    libraries = [
        next(iter(sorted(root.glob(f"libtensorflow_{name}.so.*")))).name
        for name in ("cc", "framework")
    ]
    command = ["g++", "-O0", "-w", "-DNDEBUG", *tf.sysconfig.get_compile_flags()]
    command += [f"-I{external}/highwayhash", f"-I{external}/farmhash_archive/src"]
    command += [str(SOURCE), "-o", str(program), f"-L{root}", "-Wl,--no-as-needed"]
    command += [f"-l:{library}" for library in libraries] + [f"-Wl,-rpath,{root}"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise Unavailable(
            f"g++ cannot build compile.cc with the headers of TensorFlow "
            f"{tf.__version__}:\n{result.stderr[:2000]}"
        )


def _toolkit(folder: Path) -> None:
    """What XLA wants of CUDA before it writes PTX, so that no machine's own matters.

    The library of mathematics holds only what is one instruction; of the rest, a call
    is seen in the PTX.
    """
    assembler = folder / "bin" / "ptxas"
    assembler.parent.mkdir(parents=True, exist_ok=True)
    assembler.write_text(PTXAS)
    assembler.chmod(0o755)
    library = folder / "nvvm" / "libdevice" / "libdevice.10.bc"
    library.parent.mkdir(parents=True, exist_ok=True)
    lines = ['target triple = "nvptx64-nvidia-gpulibs"']
    for name, intrinsic in _ONE_INSTRUCTION.items():
        for kind, suffix, bits in (("float", "f", 32), ("double", "", 64)):
            callee = f"@llvm.{intrinsic}.f{bits}"
            lines += [
                f"declare {kind} {callee}({kind})",
                f"define {kind} @__nv_{name}{suffix}({kind} %x) alwaysinline {{",
                f"  %y = call {kind} {callee}({kind} %x)",
                f"  ret {kind} %y",
                "}",
            ]
    library.write_text("\n".join(lines) + "\n")
