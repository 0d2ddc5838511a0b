"""What each byte of a TFLite file is for: a walk over all its tables, vectors and texts, by the schema."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from mmap import ACCESS_READ, mmap
from typing import Final, NamedTuple

from convcost.core.errors import Problem, SpecError
from convcost.deploy.items import Tally
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor
from convcost.deploy.weights import item_of, stored_parts
from convcost.importers.tflite.file import IDENTIFIER
from convcost.importers.tflite.flatbuffer import Bytes, FlatBuffer, Malformed, Table
from convcost.importers.tflite.schema import OPTIONS, OPTIONS_2, fields, operator_of
from convcost.importers.tflite.tensors import tensors

#: Tables of the schema -> their item, and their fields that stand elsewhere: slot -> kind, with another item behind a colon.
#: The kind is a letter of the module `struct` with `[]` for a vector, `text`, or a table, with `[]` for a vector of them.
_SCHEMA: Final[Mapping[str, tuple[str, Mapping[int, str]]]] = {
    "Model": (
        "root",
        {
            1: "OperatorCode[]:operators",
            2: "SubGraph[]",
            3: "text:metadata",
            4: "Buffer[]:buffers",
            5: "i[]:metadata",
            6: "Metadata[]:metadata",
            7: "SignatureDef[]:metadata",
        },
    ),
    "OperatorCode": ("operators", {1: "text"}),
    "SubGraph": ("root", {0: "Tensor[]", 1: "i[]", 2: "i[]", 3: "Operator[]", 4: "text"}),
    "Tensor": ("tensors", {0: "i[]", 3: "text:names", 4: "Quantization", 6: "Sparsity", 7: "i[]", 9: "Variant[]"}),
    "Variant": ("tensors", {0: "i[]"}),
    "Quantization": (
        "tensors",
        {0: "f[]:ranges", 1: "f[]:ranges", 2: "f[]:scales", 3: "q[]:zero points", 5: "Custom"},
    ),
    "Custom": ("tensors", {0: "B[]"}),
    "Sparsity": ("sparsity", {0: "i[]", 1: "i[]", 2: "Dimension[]"}),
    "Dimension": ("sparsity", {3: "Indices@2", 5: "Indices@4"}),
    "Indices1": ("sparsity", {0: "i[]"}),
    "Indices2": ("sparsity", {0: "H[]"}),
    "Indices3": ("sparsity", {0: "B[]"}),
    "Operator": (
        "operators",
        {1: "i[]", 2: "i[]", 4: "Options@3", 5: "B[]", 7: "?[]", 8: "i[]", 12: "Options2@11"},
    ),
    "Metadata": ("metadata", {0: "text"}),
    "SignatureDef": ("metadata", {0: "Named[]", 1: "Named[]", 2: "text"}),
    "Named": ("metadata", {0: "text"}),
    "Buffer": ("buffers", {}),
}
_WIDTHS: Final = {"i": 4, "f": 4, "q": 8, "B": 1, "?": 1, "H": 2}
_COUNTED: Final = ("scales", "zero points", "ranges")
_LONGEST_GAP = 16
"""Zeros between two things that alignment may need: no number is aligned to more, by the schema."""


class Claim(NamedTuple):
    """Bytes of the file, and what they are for."""

    start: int
    end: int
    item: str
    things: int = 0
    """How many of the item these are."""


def filed(path: str) -> Tally:
    """The bytes of a file by item, which together are all its bytes; raises `SpecError` for a file that is no model."""
    with open(path, "rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            raise SpecError([Problem(None, path, "the file is empty, where a TFLite model is needed")])
        with mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
            try:
                return tally(data)
            except Malformed as error:
                what = f"not a whole TFLite model: {error}; convert or download it again"
                raise SpecError([Problem(None, path, what)]) from None


def tally(data: Bytes) -> Tally:
    """The bytes of a model by item; raises `Malformed`."""
    walk = _Walk(FlatBuffer(data))
    walk.model()
    found, past = Tally(), 0
    for start, end, item, things in sorted(walk.claims):
        if start > past:
            found.add(_between(data, past, start), start - past)
        found.add(item, max(0, end - max(start, past)), things if end > past else 0)
        past = max(past, end)
    if past < len(data):
        found.add("alignment" if _are_zeros(data, past, len(data)) else "appended", len(data) - past)
    return found


def _between(data: Bytes, start: int, end: int) -> str:
    return "alignment" if _are_zeros(data, start, end) else "other"


def _are_zeros(data: Bytes, start: int, end: int) -> bool:
    return end - start <= _LONGEST_GAP and not any(data[start:end])


class _Walk:
    """The claims on the bytes of a file, each table visited once."""

    def __init__(self, file: FlatBuffer) -> None:
        self.file = file
        self.claims = [Claim(0, 8, "root")]
        self._seen: set[tuple[int, str]] = set()
        self._vtables: set[int] = set()

    def model(self) -> None:
        root = self.file.root(IDENTIFIER)
        items = _Elements(self.file, root).items()
        self.table(root, "Model")
        for number, buffer in enumerate(root.tables(4)):
            self.elements(buffer, *items.get(number, ("other", 0)))

    def elements(self, buffer: Table, item: str, count: int) -> None:
        """The bytes of a buffer, inside the tables or behind them."""
        start, size = buffer.number(1, "Q"), buffer.number(2, "Q")
        if start > 1:
            self.claims.append(Claim(start, start + size, item, count))
        elif span := buffer.span(0):
            self.claims.append(Claim(span.start - 4, span.start, "buffers"))
            self.claims.append(Claim(span.start, span.start + span.length, item, count))

    def table(self, table: Table, kind: str) -> None:
        if (table.at, kind) in self._seen:
            return
        self._seen.add((table.at, kind))
        item, stated = _SCHEMA.get(kind) or ("operators", _options(kind))
        vtable = table.at - self.file.number("i", table.at)
        held = self.file.number("H", vtable + 2)
        if vtable not in self._vtables:
            self._vtables.add(vtable)
            self.claims.append(Claim(vtable, vtable + self.file.number("H", vtable), "vtables", 1))
        self.claims.append(Claim(table.at, table.at + held, item, 1))
        for slot, what in stated.items():
            if slot in table:
                sort, _, other = what.partition(":")
                self.field(table, slot, sort, other or item)

    def field(self, table: Table, slot: int, kind: str, item: str) -> None:
        """What a field leads to: a text, a vector, a table or several."""
        at = self.file.follow(table.at + table.slots[slot])
        if kind == "text":
            start, length = self.file.vector(at, 1)
            self.claims.append(Claim(at, min(start + length + 1, self.file.size), item, 1))
        elif kind.endswith("[]") and kind[:-2] in _WIDTHS:
            width = _WIDTHS[kind[:-2]]
            start, length = self.file.vector(at, width)
            self.claims.append(Claim(at, start + width * length, item, length if item in _COUNTED else 0))
        elif kind.endswith("[]"):
            inside = table.tables(slot)
            self.claims.append(Claim(at, at + 4 + 4 * len(inside), item))
            for one in inside:
                self.table(one, kind[:-2])
        else:
            self.table(Table(self.file, at), _of_union(table, kind))


def _of_union(table: Table, kind: str) -> str:
    """The table that a field holds, where another field says which."""
    name, _, slot = kind.partition("@")
    if not slot:
        return name
    number = table.number(int(slot), "B")
    names = {"Options": OPTIONS, "Options2": OPTIONS_2}.get(name)
    if names is None:
        return f"{name}{number}"
    return names[number] if number < len(names) else ""


def _options(kind: str) -> Mapping[int, str]:
    """The fields of a table of options that stand elsewhere."""
    return {
        slot: what
        for slot, _, what, _ in fields(kind)
        if what == "text" or (what[:-2] in _WIDTHS and what[-2:] == "[]")
    }


class _Elements:
    """What the elements of each buffer are, by what reads them."""

    def __init__(self, file: FlatBuffer, root: Table) -> None:
        self.file, self.root = file, root
        self.types = [operator_of(max(code.number(0, "b"), code.number(3, "i"))) for code in root.tables(1)]

    def items(self) -> dict[int, tuple[str, int]]:
        """Number of a buffer -> the item of its elements, and how many there are."""
        found: dict[int, tuple[str, int]] = {}
        for graph in self.root.tables(2):
            for buffer, item, count in self._of(graph):
                found.setdefault(buffer, (item, count))
        for number in (*(entry.number(1, "I") for entry in self.root.tables(6)), *self.root.numbers(5, "i")):
            found.setdefault(number, ("metadata", 0))
        return found

    def _of(self, graph: Table) -> Iterator[tuple[int, str, int]]:
        every = tensors(graph, {})
        scales = [_scales(table) for table in graph.tables(0)]
        program = Program(
            tuple(Tensor(one.name, one.shape, one.dtype, True, scales=n) for one, n in zip(every, scales)),
            tuple(self._kernels(graph.tables(3), len(every))),
            (),
            (),
        )
        for part in stored_parts(program):
            count = 1
            for size in part.tensor.shape:
                count *= size
            yield every[part.number].buffer, item_of(part), count

    def _kernels(self, tables: Sequence[Table], most: int) -> Iterator[Kernel]:
        for table in tables:
            code = table.number(0, "I")
            if code < len(self.types):
                read, made = (tuple(n if n < most else ABSENT for n in table.numbers(slot, "i")) for slot in (1, 2))
                yield Kernel(self.types[code], "", read, made)


def _scales(table: Table) -> int:
    quantised = table.table(4)
    if quantised is None or 2 not in quantised:
        return 0
    at = quantised.file.follow(quantised.at + quantised.slots[2])
    return quantised.file.vector(at, 4).length
