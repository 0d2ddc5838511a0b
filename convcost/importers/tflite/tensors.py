"""The tensors of a TFLite file: what is stated about them, and where the bytes of the stored ones lie.

Weights are never read; only whether there are as many bytes as the shape needs is looked at.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any, Final, NamedTuple

from convcost.core.dtypes import DTYPE_BITS
from convcost.importers.model import MOST_CONTENTS, Size, Stated, Stored
from convcost.importers.names import free
from convcost.importers.tflite.flatbuffer import FlatBuffer, Malformed, Span, Table
from convcost.importers.tflite.schema import dtype_of

MOST_AXES = 16
MOST_ELEMENTS = 1 << 62
#: Types whose elements stand one after the other -> their letters of the module `struct`.
_LETTERS: Final = {
    "bool": "?",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "fp16": "e",
    "fp32": "f",
    "fp64": "d",
}


class Tensor(NamedTuple):
    """A tensor of a subgraph, stored or computed."""

    name: str
    """Unique in its subgraph."""
    shape: tuple[int, ...]
    """One for each open size."""
    dtype: str
    stated: tuple[Size, ...] | None
    """The shape with its open sizes; None if not even the number of axes is known."""
    buffer: int
    variable: bool
    """Whether it keeps its elements from one run to the next: the state of a recurrent layer."""
    sparse: bool
    elsewhere: bool
    """Whether its elements are in another file."""


class Buffers:
    """Where the bytes of stored tensors lie, none of them read until they are few and asked for."""

    def __init__(self, file: FlatBuffer, tables: list[Table]) -> None:
        self._file = file
        self._spans = [lies(file, table, index) for index, table in enumerate(tables)]
        self._contents: dict[tuple[int, str, int], tuple[Any, ...]] = {}

    def __getitem__(self, index: int) -> Span:
        if index >= len(self._spans):
            raise Malformed(f"there is no buffer {index} among {len(self._spans)}")
        return self._spans[index]

    def stored(self, tensor: Tensor) -> Stored | None:
        """The tensor as a stored one; None if it is computed.

        Which it is, only the buffer says: the first one is empty, and belongs to everything that is computed.
        """
        span = self[tensor.buffer]
        if not span.length and not tensor.elsewhere:
            return None
        elements = prod(tensor.shape)
        if tensor.elsewhere or tensor.sparse or tensor.dtype not in DTYPE_BITS:
            return Stored(tensor.name, tensor.shape, tensor.dtype)
        need = -(-elements * DTYPE_BITS[tensor.dtype] // 8)
        if span.length != need:
            wanted = f"{need} bytes of {'×'.join(map(str, tensor.shape)) or 'one'} {tensor.dtype}"
            raise Malformed(f"tensor {tensor.name!r}: the file stores {span.length} bytes, not the {wanted}")
        return Stored(tensor.name, tensor.shape, tensor.dtype, self._few(tensor, span, elements))

    def _few(self, tensor: Tensor, span: Span, elements: int) -> tuple[Any, ...] | None:
        """The elements if there are few; None for many, and for types of which several share a byte."""
        if elements > MOST_CONTENTS or tensor.dtype not in _LETTERS:
            return None
        key = (tensor.buffer, tensor.dtype, elements)
        if key not in self._contents:
            self._contents[key] = self._file.numbers(_LETTERS[tensor.dtype], Span(span.start, elements))
        return self._contents[key]


def lies(file: FlatBuffer, table: Table, index: int) -> Span:
    """Where the bytes of a buffer lie: inside the tables, or behind them where a file is too long for their offsets."""
    start, length = table.number(1, "Q"), table.number(2, "Q")
    if start <= 1:
        return table.span(0) or Span(0, 0)
    if start + length > file.size:
        raise Malformed(f"buffer {index}: bytes {start} to {start + length} lie outside the file's {file.size}")
    return Span(start, length)


def tensors(graph: Table, called: dict[int, str]) -> list[Tensor]:
    """The tensors of a subgraph, in order; some of them are called otherwise than the file says."""
    tables = graph.tables(0)
    names = _unique([called.get(index) or table.text(3) for index, table in enumerate(tables)])
    return [tensor_of(name, table) for name, table in zip(names, tables)]


def state(tensor: Tensor) -> Stated:
    """What the file states about a computed tensor."""
    return Stated(tensor.stated, tensor.dtype)


def tensor_of(name: str, table: Table) -> Tensor:
    """A tensor as its table states it, under this name."""
    shape, signature = table.numbers(0, "i"), table.numbers(7, "i")
    if len(shape) > MOST_AXES or len(signature) > MOST_AXES:
        raise Malformed(f"tensor {name!r}: it has more than {MOST_AXES} axes")
    sizes = signature if len(signature) == len(shape) else shape
    if (least := min((*shape, *sizes), default=0)) < -1:
        raise Malformed(f"tensor {name!r}: its shape has a size of {least}")
    shape = tuple(1 if size == -1 else size for size in shape)
    if prod(shape) > MOST_ELEMENTS:
        raise Malformed(f"tensor {name!r}: it has more than {MOST_ELEMENTS} elements")
    ranked = shape or table.number(8, "?", default=False)
    return Tensor(
        name,
        shape,
        dtype_of(table.number(1, "b")),
        tuple(None if size == -1 else size for size in sizes) if ranked else None,
        table.number(2, "I"),
        variable=table.number(5, "?", default=False),
        sparse=6 in table,
        elsewhere=table.number(10, "I") != 0,
    )


def _unique(names: list[str]) -> list[str]:
    """The names, those that several have or that are empty with their numbers.

    >>> _unique(["x", "", "x", "y"])
    ['x#0', '#1', 'x#2', 'y']
    """
    often = Counter(names)
    alone = {name for name, count in often.items() if count == 1 and name}
    taken = dict.fromkeys(alone, 1)
    return [name if name in alone else free(f"{name}#{index}", taken, "{}#{}") for index, name in enumerate(names)]
