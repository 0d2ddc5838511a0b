"""TFLite files of a few hundred bytes: a writer of FlatBuffers, and of the schema's tables by number of slot."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from convcost.importers.tflite.schema import OPERATORS, OPTIONS, OPTIONS_2, TYPES, WORDS, fields, options_of


class Scalar(NamedTuple):
    """A field of a table that is a number."""

    kind: str
    value: Any


class Numbers(NamedTuple):
    """A field of a table that is a vector of numbers."""

    kind: str
    values: Sequence[Any]


def flatbuffer(root: dict[int, Any], identifier: bytes = b"TFL3") -> bytes:
    """The file with this root: tables are dicts by number of slot, of numbers, vectors, texts, bytes, tables and lists of tables."""
    out = bytearray(b"\0\0\0\0" + identifier)
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def _align(out: bytearray, width: int, ahead: int = 0) -> None:
    out.extend(bytes(-(len(out) + ahead) % width))


def _table(out: bytearray, table: dict[int, Any]) -> int:
    """Write a table, its vtable before it and what it refers to behind it; its place."""
    places, size = {}, 4
    for slot, value in table.items():
        width = struct.calcsize(f"<{value.kind}") if isinstance(value, Scalar) else 4
        size += -size % width
        places[slot] = size
        size += width
    slots = 1 + max(table, default=-1)
    _align(out, 2)
    vtable = len(out)
    out.extend(struct.pack(f"<{2 + slots}H", 4 + 2 * slots, size, *(places.get(slot, 0) for slot in range(slots))))
    _align(out, 8)
    at = len(out)
    out.extend(struct.pack("<i", at - vtable) + bytes(size - 4))
    for slot, value in table.items():
        if isinstance(value, Scalar):
            struct.pack_into(f"<{value.kind}", out, at + places[slot], value.value)
        else:
            struct.pack_into("<I", out, at + places[slot], _child(out, value) - at - places[slot])
    return at


def _child(out: bytearray, value: Any) -> int:
    if isinstance(value, dict):
        return _table(out, value)
    if isinstance(value, list):
        _align(out, 4)
        at = len(out)
        out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
        for i, entry in enumerate(value):
            place = at + 4 + 4 * i
            struct.pack_into("<I", out, place, _child(out, entry) - place)
        return at
    if isinstance(value, Numbers):
        _align(out, 8, ahead=4)
        packed = struct.pack(f"<{len(value.values)}{value.kind}", *value.values)
        out.extend(struct.pack("<I", len(value.values)) + packed)
        return len(out) - len(packed) - 4
    data = value.encode() + b"\0" if isinstance(value, str) else value
    length = len(data) - isinstance(value, str)
    _align(out, 16, ahead=4)
    out.extend(struct.pack("<I", length) + data)
    return len(out) - len(data) - 4


#: Types of elements -> their letters of the module struct.
LETTERS = {"fp32": "f", "fp16": "e", "int8": "b", "uint8": "B", "int32": "i", "int64": "q", "bool": "?", "int16": "h"}


class Graph:
    """A subgraph that is being put together; tensors are their numbers."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.tensors: list[dict[int, Any]] = []
        self.ops: list[dict[int, Any]] = []

    def tensor(self, name: str, shape: Sequence[int], dtype: str = "fp32", **more: Any) -> int:
        """A computed tensor; -1 is an open size. Further fields by their slots: `_5` is `is_variable`."""
        table = {0: Numbers("i", [max(size, 1) for size in shape]), 1: Scalar("b", TYPES.index(dtype)), 3: name}
        if any(size == -1 for size in shape):
            table[7] = Numbers("i", shape)
        table[8] = Scalar("?", True)
        self.tensors.append(table | {int(slot[1:]): value for slot, value in more.items()})
        return len(self.tensors) - 1

    def stored(self, name: str, shape: Sequence[int], dtype: str = "fp32", data: Sequence[Any] | None = None) -> int:
        """A stored tensor, of zeros if nothing else is said."""
        letter = LETTERS[dtype]
        packed = struct.pack(f"<{prod(shape)}{letter}", *(data or [0] * prod(shape)))
        self.file.buffers.append({0: packed})
        return self.tensor(name, shape, dtype, _2=Scalar("I", len(self.file.buffers) - 1))

    def ints(self, name: str, *values: int) -> int:
        """A stored vector of int32, such as a shape."""
        return self.stored(name, [len(values)], "int32", values)

    def op(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """An operator with its options, as the schema calls them."""
        table: dict[int, Any] = {0: Scalar("I", self.file.code(kind))}
        table |= {1: Numbers("i", inputs), 2: Numbers("i", outputs)}
        custom = options.pop("custom_options", None)
        if custom is not None:
            table[5] = custom
        name = options_of(kind)
        if name in OPTIONS:
            table |= {3: Scalar("B", OPTIONS.index(name)), 4: _options(name, options)}
        elif name:
            table |= {11: Scalar("B", OPTIONS_2.index(name)), 12: _options(name, options)}
        self.ops.append(table)

    def table(self, inputs: Sequence[int], outputs: Sequence[int]) -> dict[int, Any]:
        """The subgraph's table."""
        return {0: self.tensors, 1: Numbers("i", inputs), 2: Numbers("i", outputs), 3: self.ops, 4: "main"}


class File:
    """A file that is being put together."""

    def __init__(self) -> None:
        self.codes: list[dict[int, Any]] = []
        self.kinds: list[str] = []
        self.buffers: list[dict[int, Any]] = [{}]
        self.graphs: list[dict[int, Any]] = []

    def code(self, kind: str) -> int:
        """The number of an operator in the file's own list; one that is no builtin is a custom one."""
        if kind not in self.kinds:
            number = OPERATORS.index(kind) if kind in OPERATORS else OPERATORS.index("CUSTOM")
            code = {0: Scalar("b", min(number, 127)), 2: Scalar("i", 1), 3: Scalar("i", number)}
            self.kinds.append(kind)
            self.codes.append(code if kind in OPERATORS else code | {1: kind})
        return self.kinds.index(kind)

    def root(self) -> dict[int, Any]:
        """The file's root table."""
        return {
            0: Scalar("I", 3),
            1: self.codes,
            2: self.graphs,
            3: "Written by hand.",
            4: self.buffers,
        }

    def bytes(self) -> bytes:
        """The whole file."""
        return flatbuffer(self.root())


def single(kind: str, shapes: Sequence[Sequence[int]], out: Sequence[int], **options: Any) -> bytes:
    """A file of one operator on inputs of these shapes."""
    file = File()
    graph = Graph(file)
    inputs = [graph.tensor(f"x{i}", shape) for i, shape in enumerate(shapes)]
    made = graph.tensor("y", out)
    graph.op(kind, inputs, [made], **options)
    file.graphs.append(graph.table(inputs, [made]))
    return file.bytes()


def _options(name: str, given: dict[str, Any]) -> dict[int, Any]:
    table: dict[int, Any] = {}
    known = {field.name: field for field in fields(name)}
    for word, value in given.items():
        slot, _, kind, _ = known[word]
        if kind in WORDS:
            table[slot] = Scalar("b", WORDS[kind].index(value))
        elif kind == "type":
            table[slot] = Scalar("b", TYPES.index(value))
        elif kind == "text":
            table[slot] = value
        elif kind.endswith("[]"):
            table[slot] = Numbers(kind[0], value)
        else:
            table[slot] = Scalar("i" if kind == "body" else kind, value)
    return table
