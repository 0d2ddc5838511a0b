"""Damaged ONNX files: `python -m helpers.onnx_mutants 20000 [SEED] [FILE …]`, in tests, looks for those not refused well.

Each is read and reported; it must end in numbers or in an error that is meant for people, in time and in little memory.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from convcost import load
from convcost.core.errors import ConvcostError
from helpers.onnx_bytes import (
    many,
    onnx_constant,
    onnx_function,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
    onnx_value,
    put,
)

SLOWEST = 2.0
"""Seconds that a file may take."""
LARGEST = 300_000
"""Kilobytes that the process may grow to."""
_NASTY = (0, 1, 0x7F, 0x80, 0xFF)


def seeds() -> list[bytes]:
    """Small files with something of everything: layers, shape arithmetic, subgraphs, functions, quantised and recurrent ops."""
    x = onnx_value("x", (1, 3, 8, 8))
    conv = onnx_node("Conv", ["x", "w", "b"], ["c"], "/stem/conv/Conv", pads=[1, 1, 1, 1], strides=[2, 2], group=1)
    weights = [onnx_tensor("w", (4, 3, 3, 3)), onnx_tensor("b", (4,))]
    shapes = [
        onnx_node("Shape", ["c"], ["s"]), onnx_node("Gather", ["s", "i"], ["n"], axis=0), onnx_node("Concat", ["n", "m"], ["t"], axis=0),
        onnx_node("Reshape", ["c", "t"], ["r"]), onnx_node("Gemm", ["r", "k"], ["y"], transB=1),
    ]  # fmt: skip
    known = [onnx_constant([0], name="i"), onnx_constant([-1], name="m"), onnx_tensor("k", (5, 64))]
    branch = onnx_graph([onnx_node("Relu", ["c"], ["t"])], [], ["t"])
    other = onnx_graph([onnx_node("MaxPool", ["c"], ["e"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])], [], ["e"])
    choice = [
        onnx_node("Constant", [], ["on"], value_int=1),
        onnx_node("If", ["on"], ["y"], then_branch=branch, else_branch=other),
    ]
    turn = onnx_graph(
        [onnx_node("Relu", ["h"], ["g"]), onnx_node("Identity", ["go"], ["on"])],
        [onnx_value("i", (), "int64"), onnx_value("go", (), "bool"), onnx_value("h", None)], ["on", "g"],
    )  # fmt: skip
    loop = [onnx_node("Constant", [], ["n"], value_int=3), onnx_node("Loop", ["n", "", "c"], ["y"], body=turn)]
    body = onnx_function(
        "own", "f", ["a"], ["b"], [onnx_node("HardSwish", ["a"], ["t"]), onnx_node("Mul", ["a", "t"], ["b"])]
    )
    call = onnx_node("f", ["c"], ["y"], "block", "own")
    lstm = onnx_node("LSTM", ["q", "lw", "lr"], ["y", "h", ""], hidden_size=6)
    states = [onnx_tensor("lw", (1, 24, 5)), onnx_tensor("lr", (1, 24, 6))]
    scales = [onnx_tensor("s", (), "fp32", [0.5]), onnx_tensor("z", (), "uint8", [1])]
    pairs = [onnx_node("QuantizeLinear", ["c", "s", "z"], ["q"]), onnx_node("DequantizeLinear", ["q", "s", "z"], ["y"])]
    resize = onnx_node("Resize", ["c", "", "f"], ["y"], mode="linear")
    typed = many(5, [put(1, 4) + put(2, 1) + put(8, "f") + put(4, b"\0\0\x80\x3f" * 2 + b"\0\0\0\x40" * 2)])
    return [
        onnx_model(onnx_graph([conv, *shapes], [x], ["y"], [*weights, *known], [onnx_value("c", (1, 4, "h", None))])),
        onnx_model(onnx_graph([conv, *choice], [x], ["y"], weights)),
        onnx_model(onnx_graph([conv, *loop], [x], ["y"], weights)),
        onnx_model(onnx_graph([conv, call], [x], ["y"], weights), functions=[body]),
        onnx_model(onnx_graph([lstm], [onnx_value("q", (9, 1, 5))], ["y", "h"], states)),
        onnx_model(onnx_graph([conv, *pairs], [x], ["y"], [*weights, *scales])),
        onnx_model(onnx_graph([conv, resize], [x], ["y"], weights) + typed),
    ]


def mutants(files: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Copies of these files with a few bytes changed, put in, left out, or copied from elsewhere, for ever."""
    rng = random.Random(seed)
    while True:
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
            at, other, length = rng.randrange(len(data) or 1), rng.randrange(len(data) or 1), rng.randrange(1, 40)
            match rng.randrange(7):
                case 0:
                    data[at : at + 1] = bytes([rng.randrange(256)])
                case 1:
                    data[at : at + 1] = bytes([rng.choice(_NASTY)])
                case 2:
                    del data[at : at + length]
                case 3:
                    data[at:at] = rng.randbytes(length % 9)
                case 4:
                    data[at : at + length] = data[other : other + length]
                case 5:
                    data[at:at] = data[other : other + 5 * length]
                case _ if rng.random() < 0.2:
                    del data[at:]
        yield bytes(data)


def outcome(path: Path, data: bytes) -> str:
    """What becomes of a damaged file: built, refused, or what is wrong with how it ends."""
    path.write_bytes(data)
    begun = time.perf_counter()
    try:
        load(path).report()
        result = "built"
    except ConvcostError as error:
        result = "refused" if len(str(error)) < 50_000 else "a long error"
    except Exception as error:  # noqa: BLE001 - whatever else comes out is what is looked for
        result = f"{type(error).__name__}: {error}"
    took = time.perf_counter() - begun
    return result if took < SLOWEST else f"{took:.1f} seconds"


def main(number: int, seed: int = 0, *files: str) -> None:
    """Try so many; print how they ended, and keep those that ended badly."""
    given = [Path(file).read_bytes() for file in files] or seeds()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.onnx"
        for i, data in zip(range(number), mutants(given, seed)):
            result = outcome(path, data)
            counts[result] += 1
            if result not in {"built", "refused"}:
                Path(f"mutant-{seed}-{i}.onnx").write_bytes(data)
    print(counts, f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
