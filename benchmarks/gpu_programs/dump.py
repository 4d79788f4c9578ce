"""What XLA dumped of one program: its kernels, and what each of them moves."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BYTES = {"pred": 1, "u8": 1, "s8": 1, "u16": 2, "s16": 2, "f16": 2, "bf16": 2}
BYTES |= {"u32": 4, "s32": 4, "f32": 4, "u64": 8, "s64": 8, "f64": 8, "c64": 8}
FREE = ("parameter", "constant", "get-tuple-element", "bitcast", "tuple", "iota")
"""Operations of the optimised HLO that nothing runs for."""
UNCOUNTED = ("ld.param", "cvta", "mov", "ret")
"""Instructions of PTX that the assembler drops, or that run once."""


class Kernel(NamedTuple):
    """One kernel, or another operation that runs, such as a copy.

    Attributes:
        name: of the HLO instruction.
        read: the bytes of each array that it reads, whole, each once.
        written: the bytes of each array that it writes.
        times: how often it runs, in a loop.
        threads: how many run; 0 where that is not known.
        instructions: of its PTX, for one thread; a loop's body counts once, a call of
            CUDA's library of mathematics as a handful.
        loads: of these, loads from the device's memory.
    """

    name: str
    read: list[int]
    written: list[int]
    times: int = 1
    threads: int = 0
    instructions: int = 0
    loads: int = 0

    @property
    def moved(self) -> int:
        """The bytes that it reads and writes, each time."""
        return sum(self.read) + sum(self.written)


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        kernels: what runs, in turn.
        inputs: the bytes of each argument.
        outputs: the bytes of each result.
        temporaries: the bytes of the buffer in which it keeps what lies between.
    """

    kernels: list[Kernel]
    inputs: list[int]
    outputs: list[int]
    temporaries: int


def read(folder: Path) -> Program:
    """Reads a folder into which XLA dumped one program."""
    hlo = _text(folder, "*gpu_after_optimizations.txt")
    computations = dict(_computations(hlo))
    entry = computations["ENTRY"]
    sizes = [_sizes(shape) for _, shape, op, _ in entry if op == "parameter"]
    launched = _launched(folder)
    kernels = []
    for kernel in _kernels(entry, computations, 1):
        kernels.append(kernel._replace(**launched.get(kernel.name, {})))
    buffers = _text(folder, "*buffer-assignment.txt")
    temporaries = re.findall(
        r"^allocation \d+: size (\d+), .*preallocated-temp:$", buffers, re.M
    )
    return Program(
        kernels,
        inputs=sum(sizes, []),
        outputs=_sizes(entry[-1][1]),
        temporaries=sum(map(int, temporaries)),
    )


Instruction = tuple[str, str, str, str]
"""Name, shape, operation, and what is behind the opening parenthesis."""


def _text(folder: Path, pattern: str) -> str:
    return next(folder.glob(pattern)).read_text()


def _sizes(shape: str) -> list[int]:
    """The bytes of the arrays of a shape, which may be a tuple."""
    found = []
    for kind, sizes in re.findall(r"\b(pred|bf16|[usfc]\d+)\[([\d,]*)\]", shape):
        size = BYTES[kind]
        for n in filter(None, sizes.split(",")):
            size *= int(n)
        found.append(size)
    return found


def _computations(hlo: str) -> Iterator[tuple[str, list[Instruction]]]:
    """The instructions of each computation; the entry's name is ENTRY."""
    hlo = re.sub(r", metadata=\{[^}]*\}", "", hlo)
    blocks = re.findall(r"^(ENTRY )?%(\S+) [^\n]*\{\n(.*?)^\}", hlo, re.M | re.S)
    for entry, name, block in blocks:
        instructions = re.findall(
            r"^\s+(?:ROOT )?%(\S+) = (.*?) ([\w-]+)\((.*)$", block, re.M
        )
        yield "ENTRY" if entry else name, instructions


def _kernels(
    instructions: list[Instruction],
    computations: dict[str, list[Instruction]],
    times: int,
) -> Iterator[Kernel]:
    """What runs of a computation, and of those that it calls."""
    sizes: dict[str, list[int]] = {}
    for name, shape, op, rest in instructions:
        sizes[name] = _sizes(shape)
        if op in ("while", "conditional", "call"):
            count = re.search(r'"known_trip_count":\{"n":"(\d+)"', rest)
            for called in re.findall(r"%([\w.\-]+)", rest.split("), ", 1)[-1]):
                inner = times * int(count[1]) if count else times
                yield from _kernels(computations.get(called, []), computations, inner)
        elif op not in FREE:
            operands = re.split(r"\), (?=[a-z_]+=)", rest, maxsplit=1)[0]
            names = dict.fromkeys(re.findall(r"%([\w.\-]+)", operands))
            read = sum((sizes.get(x, []) for x in names), [])
            yield Kernel(name, read, sizes[name], times)


def _launched(folder: Path) -> dict[str, dict[str, int]]:
    """Threads, instructions and loads of the kernels, by the HLO instruction's name."""
    names = {}
    for part in _text(folder, "*thunk_metadata.txt").split("thunk_metadata {")[1:]:
        name = re.search(r'profile_annotation: "([^"]*)"', part)
        identifier = re.search(r"thunk_id: (\d+)", part)
        if name and identifier:
            names[int(identifier[1])] = name[1]
    code = dict(_instructions(_text(folder, "*.ptx")))
    found = {}
    for line in _text(folder, "*thunk_sequence.txt").splitlines():
        launch = re.match(
            r"\s*(\d+): kKernel\s.*kernel = ([^,\s]+), .*blocks: \{(.*?)\}, "
            r"threads/block: \{(.*?)\}",
            line,
        )
        if launch and int(launch[1]) in names:
            threads = 1
            for n in f"{launch[3]},{launch[4]}".split(","):
                threads *= int(n)
            counted = code.get(launch[2], {})
            found[names[int(launch[1])]] = {"threads": threads, **counted}
    return found


def _instructions(ptx: str) -> Iterator[tuple[str, dict[str, int]]]:
    """How many instructions, and loads, each kernel has."""
    entries = re.findall(r"\.entry ([\w$]+)\(.*?^\{(.*?)^\}", ptx, re.M | re.S)
    for name, body in entries:
        lines = (re.sub(r"^@!?%p\d+\s+", "", line.strip()) for line in body.split("\n"))
        code = [x for x in lines if x.endswith(";") and not x.startswith((".", "//"))]
        code = [x for x in code if not x.startswith(UNCOUNTED)]
        loads = sum(x.startswith("ld.global") for x in code)
        yield name, {"instructions": len(code), "loads": loads}
