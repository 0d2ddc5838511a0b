"""A TFLite file as it stands: every tensor by its number, every operator with its options, every subgraph.

For what a runtime does with a file; what a network computes is asked of `file.py`. Weights are not read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from mmap import ACCESS_READ, mmap
from struct import unpack_from
from typing import Any, Final, NamedTuple

from convcost.core.errors import Problem, SpecError
from convcost.importers.tflite.file import IDENTIFIER, operator_entry, options_table, plain_option
from convcost.importers.tflite.flatbuffer import Bytes, FlatBuffer, Malformed, Span, Table
from convcost.importers.tflite.schema import fields
from convcost.importers.tflite.tensors import lies, tensor_of

OFFLINE: Final = "OfflineMemoryAllocation"
"""Name of the metadata that place tensors in a device's arena."""
_HANDLE: Final = 13
"""The type of a handle to a variable; its elements are int32."""
_FEW: Final = 64


class RawTensor(NamedTuple):
    """A tensor as the file has it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """Empty for texts and other things that are no numbers."""
    stored: bool
    """Whether the file holds its elements."""
    variable: bool
    scales: int
    """Scales that quantise it; none if the file states no zero points with them."""
    contents: tuple[int, ...] | None
    """Elements of a small stored int32 tensor."""


class RawKernel(NamedTuple):
    """An operator as the file has it."""

    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any]
    bodies: tuple[int, ...]
    """The subgraphs that it runs."""


class RawGraph(NamedTuple):
    """A subgraph as the file has it."""

    tensors: tuple[RawTensor, ...]
    kernels: tuple[RawKernel, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class RawModel(NamedTuple):
    """All subgraphs of a file, and where it places tensors in the arena."""

    graphs: tuple[RawGraph, ...]
    offsets: tuple[int, ...]
    """One for each tensor of all subgraphs, or none."""


def read_raw(path: str) -> RawModel:
    """What a TFLite file states; raises `SpecError` if it is none."""
    with open(path, "rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            raise SpecError([Problem(None, path, "the file is empty, where a TFLite model is needed")])
        with mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
            return parse_raw(data, path)


def parse_raw(data: Bytes, path: str) -> RawModel:
    """What the bytes of a TFLite file state; raises `SpecError` that names the file."""
    try:
        return _Source(data).model()
    except Malformed as error:
        what = f"not a whole TFLite model: {error}; convert or download it again"
        raise SpecError([Problem(None, path, what)]) from None


class _Source:
    """A file with its lists of operators and buffers."""

    def __init__(self, data: Bytes) -> None:
        self._file = FlatBuffer(data)
        self._root = self._file.root(IDENTIFIER)
        self._operators = [operator_entry(table) for table in self._root.tables(1)]
        self._spans = [lies(self._file, table, index) for index, table in enumerate(self._root.tables(4))]

    def model(self) -> RawModel:
        graphs = tuple(self._graph(table, f"subgraph {n}") for n, table in enumerate(self._root.tables(2)))
        if not graphs:
            raise Malformed("it has no subgraph")
        for graph in graphs:
            for body in (number for kernel in graph.kernels for number in kernel.bodies):
                if not 0 <= body < len(graphs):
                    raise Malformed(f"there is no subgraph {body} among {len(graphs)}")
        return RawModel(graphs, self._offsets(sum(len(graph.tensors) for graph in graphs)))

    def _offsets(self, tensors: int) -> tuple[int, ...]:
        """Where the file places tensors: after two numbers of which the runtime reads none, how many, and each."""
        spans = [self._span(table.number(1, "I")) for table in self._root.tables(6) if table.text(0) == OFFLINE]
        if not spans:
            return ()
        span = spans[-1]
        if span.length < 12 or self._file.number("I", span.start + 8) != tensors or span.length < 12 + 4 * tensors:
            raise Malformed(f"its metadata {OFFLINE} do not place its {tensors} tensors")
        self._file.spend(tensors)
        return unpack_from(f"<{tensors}i", self._file.data, span.start + 12)

    def _span(self, index: int) -> Span:
        if index >= len(self._spans):
            raise Malformed(f"there is no buffer {index} among {len(self._spans)}")
        return self._spans[index]

    def _graph(self, table: Table, where: str) -> RawGraph:
        every = tuple(self._tensor(each) for each in table.tables(0))

        def numbers(of: Table, slot: int, what: str, least: int = 0) -> tuple[int, ...]:
            found = of.numbers(slot, "i")
            if wrong := [number for number in found if not least <= number < len(every)]:
                raise Malformed(f"{where}, {what}: there is no tensor {wrong[0]} among {len(every)}")
            return found

        kernels = []
        for n, each in enumerate(table.tables(3)):
            code = each.number(0, "I")
            if code >= len(self._operators):
                raise Malformed(f"{where}, operator {n}: there is no operator code {code} among {len(self._operators)}")
            type_, options = self._operators[code]
            attrs, bodies = self._options(each, options)
            inputs, outputs = numbers(each, 1, f"operator {n}", -1), numbers(each, 2, f"operator {n}", -1)
            kernels.append(RawKernel(type_, inputs, outputs, attrs, bodies))
        return RawGraph(every, tuple(kernels), numbers(table, 1, "inputs"), numbers(table, 2, "outputs"))

    def _options(self, table: Table, options: str) -> tuple[dict[str, Any], tuple[int, ...]]:
        """The options of an operator, with the schema's values for those that the file does not state."""
        found = options_table(table, options)
        stated = fields(options)
        bodies = tuple(found.number(f.slot, "i") if found else 0 for f in stated if f.kind == "body")
        return {f.name: plain_option(found, f) for f in stated if f.kind != "body"}, bodies

    def _tensor(self, table: Table) -> RawTensor:
        stated = tensor_of(table.text(3), table)
        number, span = table.number(1, "b"), self._span(stated.buffer)
        quantised = table.table(4)
        scales = len(quantised.numbers(2, "f")) if quantised and quantised.numbers(3, "q") else 0
        contents = None
        if stated.dtype == "int32" and 0 < span.length <= 4 * _FEW and span.length % 4 == 0:
            contents = unpack_from(f"<{span.length // 4}i", self._file.data, span.start)
        stored = span.length > 0 or stated.elsewhere
        dtype = "int32" if number == _HANDLE else stated.dtype
        return RawTensor(stated.name, stated.shape, dtype, stored, stated.variable, scales, contents)
