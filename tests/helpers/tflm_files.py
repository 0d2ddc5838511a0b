"""TFLite files that try what a runtime does with memory: one for each kernel that sets something aside, and for odd graphs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, Final

from convcost.importers.tflite.schema import OPERATORS
from helpers.tflite_bytes import File, Graph, Numbers, Scalar, flatbuffer

VARIABLE: Final = {"_5": Scalar("?", True)}
_SCALES: Final = {
    # What the runtime demands of the outputs of these kernels: scale and zero point of int8, scale of int16.
    "SOFTMAX": (1 / 256, -128, 1 / 32768),
    "LOGISTIC": (1 / 256, -128, 1 / 32768),
    "TANH": (1 / 128, 0, 1 / 32768),
    "LOG_SOFTMAX": (16 / 256, 127, 1.0),
    "L2_NORMALIZATION": (1 / 128, 0, 1.0),
}


def quantised(scale: float = 0.05, zero: int = 0, channels: int = 1, axis: int = 0) -> dict[str, Any]:
    """The field of a tensor that quantises it, with a scale for each channel."""
    return {"_4": {2: Numbers("f", [scale] * channels), 3: Numbers("q", [zero] * channels), 6: Scalar("i", axis)}}


class Small:
    """A file of one graph that is being put together, all of whose tensors are quantised if they are integers."""

    def __init__(self, dtype: str = "int8") -> None:
        self.file = File()
        self.graph = Graph(self.file)
        self.dtype = dtype
        self.inputs: list[int] = []

    def given(self, *shape: int, dtype: str = "", **more: Any) -> int:
        """An input of the graph."""
        self.inputs.append(self.made(shape, dtype or self.dtype, **more))
        return self.inputs[-1]

    def made(self, shape: Sequence[int], dtype: str = "", scale: float = 0.05, zero: int = 0, **more: Any) -> int:
        """A computed tensor."""
        dtype = dtype or self.dtype
        name = f"t{len(self.graph.tensors)}"
        return self.graph.tensor(
            name, shape, dtype, **(quantised(scale, zero) if dtype.startswith("int") else {}), **more
        )

    def weights(self, *shape: int, dtype: str = "", channels: int = 1, axis: int = 0, scale: float = 0.05) -> int:
        """A stored tensor of zeros."""
        dtype = dtype or ("int8" if self.dtype == "int16" else self.dtype)
        bits = {"int4": 4, "int8": 8, "int16": 16, "int32": 32, "int64": 64, "fp32": 32}[dtype]
        self.file.buffers.append({0: bytes(-(-prod(shape) * bits // 8))})
        number = self.made(shape, dtype, _2=Scalar("I", len(self.file.buffers) - 1))
        if dtype != "fp32":
            self.graph.tensors[number][4] = quantised(scale, 0, channels, axis)["_4"]
        return number

    def bias(self, channels: int, *, each: bool = True) -> int:
        """A stored bias, of the type and the scale that the runtime wants."""
        dtype = {"int8": "int32", "int16": "int64"}.get(self.dtype, self.dtype)
        return self.weights(channels, dtype=dtype, channels=channels if each else 1, scale=0.05 * 0.05)

    def op(self, kind: str, inputs: Sequence[int], shape: Sequence[int], dtype: str = "", **options: Any) -> int:
        """An operator with one output; its number."""
        scale, zero, wide = _SCALES.get(kind, (0.05, 0, 0.05))
        int16 = (dtype or self.dtype) == "int16"
        out = self.made(shape, dtype, wide if int16 else scale, 0 if int16 else zero)
        self.graph.op(kind, inputs, [out], **options)
        return out

    def bytes(self, *outputs: int) -> bytes:
        """The file, with these outputs of the graph."""
        self.file.graphs.insert(0, self.graph.table(self.inputs, outputs))
        return self.file.bytes()


def _conv(dtype: str, *, kind: str = "CONV_2D", weights: str = "", each: bool = True) -> bytes:
    """A convolution of every sort, 6×8×4 to 6×8×10 (depthwise: to 6×8×4)."""
    small = Small(dtype)
    depthwise = kind == "DEPTHWISE_CONV_2D"
    channels = 4 if depthwise else 10
    x = small.given(1, 6, 8, 4)
    shape = (1, 3, 3, 4) if depthwise else (10, 3, 3, 4)
    w = small.weights(*shape, dtype=weights, channels=channels if each else 1, axis=3 if depthwise else 0)
    b = small.bias(channels, each=each)
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    if depthwise:
        options["depth_multiplier"] = 1
    inputs = [small.graph.ints("shape", 1, 6, 8, 10), w, x, b] if kind == "TRANSPOSE_CONV" else [x, w, b]
    return small.bytes(small.op(kind, inputs, (1, 6, 8, channels), **options))


def _dense(dtype: str, *, weights: str = "", each: bool = False, rank: int = 2) -> bytes:
    small = Small(dtype)
    x = small.given(*[1] * (rank - 2), 3, 20)
    w = small.weights(10, 20, dtype=weights, channels=10 if each else 1)
    out = (*[1] * (rank - 2), 3, 10)
    return small.bytes(small.op("FULLY_CONNECTED", [x, w, small.bias(10, each=each)], out, keep_num_dims=rank > 2))


def _unary(kind: str, dtype: str, shape: Sequence[int] = (1, 6, 8, 4), **options: Any) -> bytes:
    small = Small(dtype)
    return small.bytes(small.op(kind, [small.given(*shape)], shape, **options))


def _with_ints(kind: str, dtype: str, ints: Sequence[int], out: Sequence[int], **options: Any) -> bytes:
    """An operator on 6×8×4 with a stored vector of integers: axes, a shape."""
    small = Small(dtype)
    x = small.given(1, 6, 8, 4)
    return small.bytes(small.op(kind, [x, small.graph.ints("ints", *ints)], out, **options))


def _binary(kind: str, dtype: str, out: str = "") -> bytes:
    small = Small(dtype)
    x, y = small.given(1, 6, 8, 4), small.given(1, 6, 8, 4)
    return small.bytes(small.op(kind, [x, y], (1, 6, 8, 4), out))


def _matmul(dtype: str, adjoint: tuple[bool, bool]) -> bytes:
    small = Small(dtype)
    x = small.given(*((2, 5, 3) if adjoint[0] else (2, 3, 5)))
    y = small.given(*((2, 7, 5) if adjoint[1] else (2, 5, 7)))
    return small.bytes(small.op("BATCH_MATMUL", [x, y], (2, 3, 7), adj_x=adjoint[0], adj_y=adjoint[1]))


def _mirror_pad(dtype: str) -> bytes:
    small = Small(dtype)
    pads = small.graph.stored("pads", [4, 2], "int32", [0, 0, 1, 1, 1, 1, 0, 0])
    return small.bytes(small.op("MIRROR_PAD", [small.given(1, 6, 8, 4), pads], (1, 8, 10, 4), mode="REFLECT"))


def _add_n(dtype: str) -> bytes:
    small = Small(dtype)
    return small.bytes(small.op("ADD_N", [small.given(1, 7) for _ in range(3)], (1, 7)))


def _svdf(dtype: str, rank: int) -> bytes:
    """Eight filters of rank 1 or 2, ten steps of memory, a batch of 2."""
    small = Small(dtype)
    x = small.given(2, 20)
    state = small.made((2, 80), "int16" if dtype == "int8" else dtype, **VARIABLE)
    time = small.weights(8, 10, dtype="int16" if dtype == "int8" else dtype)
    inputs = [x, small.weights(8, 20), time, small.bias(8 // rank, each=False), state]
    return small.bytes(small.op("SVDF", inputs, (2, 8 // rank), rank=rank, fused_activation_function="RELU"))


def _lstm(dtype: str) -> bytes:
    """Seven units, a batch of 2, six steps of five features."""
    small = Small(dtype)
    x, cell = small.given(2, 6, 5), "fp32" if dtype == "fp32" else "int16"
    inputs = [x, *(small.weights(7, 5) for _ in range(4)), *(small.weights(7, 7) for _ in range(4)), -1, -1, -1]
    inputs += [*(small.bias(7, each=False) for _ in range(4)), -1, -1]
    inputs += [small.made((2, 7), **VARIABLE), small.made((2, 7), cell, **VARIABLE), -1, -1, -1, -1]
    options = {"fused_activation_function": "TANH", "cell_clip": 10.0, "proj_clip": 0.0, "time_major": False}
    return small.bytes(small.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (2, 6, 7), **options))


def _gather(dtype: str) -> bytes:
    small = Small(dtype)
    x = small.given(1, 6, 8, 4)
    return small.bytes(small.op("GATHER", [x, small.graph.ints("at", 0, 2)], (1, 2, 8, 4), axis=1))


def _branches() -> bytes:
    """Branches of residual blocks: tensors of equal size, alive together, some longer than others."""
    small = Small("fp32")
    x = small.given(1, 8, 8, 4)
    a = small.op("RELU", [x], (1, 8, 8, 4))
    b = small.op("RELU6", [a], (1, 8, 8, 4))
    c = small.op("ADD", [a, b], (1, 8, 8, 4))
    d = small.op("CONCATENATION", [c, b, a], (1, 8, 8, 12), axis=3)
    e = small.op("RELU", [c], (1, 8, 8, 4))
    return small.bytes(d, e)


def _unused() -> bytes:
    """Tensors that nobody knows, an output that nothing makes, an input that nothing reads, an input that is an output."""
    small = Small("fp32")
    x, y = small.given(1, 100), small.given(1, 30)
    small.made((1, 700))
    lost = small.made((1, 50))
    return small.bytes(small.op("RELU", [x], (1, 100)), lost, y)


def _empty() -> bytes:
    """A tensor without elements, a stored output."""
    small = Small("fp32")
    x = small.given(1, 100)
    small.made((0, 3))
    small.graph.tensors[-1][0] = Numbers("i", [0, 3])
    return small.bytes(small.op("RELU", [x], (1, 100)), small.weights(4))


def _offline() -> bytes:
    """Tensors that the file places, one at a place where it leaves a gap that a fourth fits in."""
    small = Small("fp32")
    x = small.given(1, 16)
    a = small.op("RELU", [x], (1, 16))
    b = small.op("RELU", [a], (1, 8))
    c = small.op("RELU6", [b], (1, 16))
    small.file.graphs.insert(0, small.graph.table([x], [c]))
    small.file.buffers.append({0: struct.pack("<7i", 1, 0, 4, 64, 256, -1, -1)})
    root = small.file.root()
    root[6] = [{0: "OfflineMemoryAllocation", 1: Scalar("I", len(small.file.buffers) - 1)}]
    return flatbuffer(root)


def _condition() -> bytes:
    """One of two subgraphs, and a third that nothing runs."""
    small = Small("fp32")
    which, x = small.given(1, dtype="bool"), small.given(1, 40)
    for kinds in (["RELU", "RELU6"], ["RELU6"], ["RELU"]):
        body = Graph(small.file)
        first = at = body.tensor("in", [1, 40])
        for kind in kinds:
            out = body.tensor("out", [1, 40])
            body.op(kind, [at], [out])
            at = out
        small.file.graphs.append(body.table([first], [at]))
    out = small.op("IF", [which, x], (1, 40), then_subgraph_index=1, else_subgraph_index=2)
    return small.bytes(small.op("RELU", [out], (1, 40)))


def _loop() -> bytes:
    """A loop: its condition and its body are subgraphs."""
    small = Small("fp32")
    x = small.given(1, 24)
    test, body = Graph(small.file), Graph(small.file)
    at, limit, done = (
        test.tensor("at", [1, 24]),
        test.stored("limit", [1], "fp32", [9.0]),
        test.tensor("go", [1], "bool"),
    )
    low = test.tensor("low", [1])
    test.op("REDUCE_MAX", [at, test.ints("axes", 0, 1)], [low])
    test.op("LESS", [low, limit], [done])
    small.file.graphs.append(test.table([at], [done]))
    at, out = body.tensor("at", [1, 24]), body.tensor("next", [1, 24])
    body.op("ADD", [at, body.stored("one", [1, 24])], [out])
    small.file.graphs.append(body.table([at], [out]))
    return small.bytes(small.op("WHILE", [x], (1, 24), cond_subgraph_index=1, body_subgraph_index=2))


def _streaming() -> bytes:
    """Two variables that an own subgraph sets once, and that each run reads and writes."""
    small = Small("fp32")
    x = small.given(1, 12)
    once = Graph(small.file)
    small.graph.op("CALL_ONCE", [], [], init_subgraph_index=1)
    sums = []
    for name in ("first", "second"):
        handle = once.tensor(f"{name} handle", [1], "int32")
        once.tensors[-1][1] = Scalar("b", 13)
        once.op("VAR_HANDLE", [], [handle], container="", shared_name=name)
        once.op("ASSIGN_VARIABLE", [handle, once.stored(f"{name} zero", [1, 12])], [])
        handle = small.graph.tensor(f"{name} handle", [1], "int32")
        small.graph.tensors[-1][1] = Scalar("b", 13)
        small.graph.op("VAR_HANDLE", [], [handle], container="", shared_name=name)
        before = small.op("READ_VARIABLE", [handle], (1, 12))
        sums.append(small.op("ADD", [before, x], (1, 12), fused_activation_function="NONE"))
        small.graph.op("ASSIGN_VARIABLE", [handle, sums[-1]], [])
    small.file.graphs.append(once.table([], []))
    return small.bytes(small.op("ADD", sums, (1, 12), fused_activation_function="NONE"))


def _kernels(dtype: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The kernels that run on this type of elements."""
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
        yield kind, lambda kind=kind: _conv(dtype, kind=kind)
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
        yield name, lambda name=name: _with_ints(name, dtype, (1, 2), (1, 4))
    for name, options in (("SOFTMAX", {"beta": 1.0}), ("LOGISTIC", {}), ("TANH", {}), ("ABS", {}), ("RELU", {})):
        yield name, lambda name=name, options=options: _unary(name, dtype, **options)
    for name in ("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM"):
        yield name, lambda name=name: _binary(name, dtype)
    yield "GREATER", lambda: _binary("GREATER", dtype, "bool")
    for adjoint in ((False, False), (True, False), (False, True), (True, True)):
        yield f"BATCH_MATMUL {adjoint}", lambda adjoint=adjoint: _matmul(dtype, adjoint)
    yield "FULLY_CONNECTED", lambda: _dense(dtype)
    yield "FULLY_CONNECTED of rank 4", lambda: _dense(dtype, rank=4)
    yield "MIRROR_PAD", lambda: _mirror_pad(dtype)
    yield "UNIDIRECTIONAL_SEQUENCE_LSTM", lambda: _lstm(dtype)
    if dtype == "int16":
        return
    for rank in (1, 2):
        yield f"SVDF of rank {rank}", lambda rank=rank: _svdf(dtype, rank)
    yield "ADD_N", lambda: _add_n(dtype)
    yield "GATHER", lambda: _gather(dtype)
    yield "LOG_SOFTMAX", lambda: _unary("LOG_SOFTMAX", dtype)
    yield "L2_NORMALIZATION", lambda: _unary("L2_NORMALIZATION", dtype)
    yield "CUMSUM", lambda: _with_ints("CUMSUM", dtype, (1,), (1, 6, 8, 4))
    yield "SPACE_TO_DEPTH", lambda: _resized("SPACE_TO_DEPTH", dtype, (1, 3, 4, 16))
    yield "DEPTH_TO_SPACE", lambda: _resized("DEPTH_TO_SPACE", dtype, (1, 12, 16, 1))


def _resized(kind: str, dtype: str, out: Sequence[int]) -> bytes:
    small = Small(dtype)
    return small.bytes(small.op(kind, [small.given(1, 6, 8, 4)], out, block_size=2))


FILES: Final[dict[str, Callable[[], bytes]]] = {
    **{f"{name} {dtype}": make for dtype in ("fp32", "int8", "int16") for name, make in _kernels(dtype)},
    "CONV_2D int8, one scale": lambda: _conv("int8", each=False),
    "CONV_2D int4 weights": lambda: _conv("int8", weights="int4"),
    "DEPTHWISE_CONV_2D int4 weights": lambda: _conv("int8", kind="DEPTHWISE_CONV_2D", weights="int4"),
    "FULLY_CONNECTED int4 weights": lambda: _dense("int8", weights="int4"),
    "FULLY_CONNECTED int8, a scale for each channel": lambda: _dense("int8", each=True),
    "branches": _branches,
    "unused tensors": _unused,
    "empty tensors": _empty,
    "offline plan": _offline,
    "IF": _condition,
    "WHILE": _loop,
    "variables": _streaming,
}
"""What a file tries -> how it is made."""
assert all(name.split()[0] in OPERATORS or name[0].islower() for name in FILES)
