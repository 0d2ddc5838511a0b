"""The items of a model file, under the names that reports use: each byte of a file belongs to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from convcost.core.dims import Dim

#: Items without a type of their own -> what they are.
SAYS: Final[Mapping[str, str]] = {
    "kernels": "what convolution, linear and recurrent layers multiply by",
    "biases": "what they add",
    "parameters": "other trained elements: slopes, scales and shifts that stayed",
    "constants": "shapes, axes, paddings: what operators are told",
    "scales": "quantisation: 4 bytes each, one per channel or per tensor",
    "zero points": "quantisation: 8 bytes each, although they fit into one",
    "ranges": "quantisation: smallest and largest values seen, which no runtime needs",
    "names": "of tensors, which no runtime needs",
    "tensors": "their tables, shapes and types",
    "operators": "their tables, options, and numbers of the tensors that they read and write",
    "buffers": "tables of where the elements of tensors lie",
    "metadata": "signatures, versions, descriptions, which no runtime needs",
    "root": "identifier, lists of tensors, operators and buffers",
    "vtables": "where the fields of tables stand; equal ones are stored once",
    "sparsity": "where the elements of sparse kernels stand",
    "other": "what has no name here: buffers that nothing reads, fields of newer schemas",
    "alignment": "zeros, so that numbers start at multiples of their sizes",
    "appended": "behind the model, as the labels of a metadata archive",
}


class Item(NamedTuple):
    """A part of a model file."""

    name: str
    """One of `SAYS`, of elements with their type: `kernels int8`."""
    bytes: Dim
    count: Dim
    """How many there are: elements, scales, tables, texts; bytes where nothing else can be counted."""

    @property
    def says(self) -> str:
        """What it is."""
        return SAYS[self.name] if self.name in SAYS else SAYS[self.name.split()[0]]


class Tally:
    """Bytes and counts by item, while a file is gone through."""

    def __init__(self) -> None:
        self.bytes: dict[str, Dim] = {}
        self.counts: dict[str, Dim] = {}

    def add(self, name: str, size: Dim, count: Dim = 0) -> None:
        """So many bytes more, and so many things."""
        self.bytes[name] = self.bytes.get(name, 0) + size
        self.counts[name] = self.counts.get(name, 0) + count

    def items(self) -> tuple[Item, ...]:
        """All that takes bytes, in the order of `SAYS`."""
        order = {name: place for place, name in enumerate(SAYS)}
        names = sorted(self.bytes, key=lambda name: (order.get(name, order.get(name.split()[0], 0)), name))
        return tuple(
            Item(name, self.bytes[name], self.counts[name]) for name in names if not _is_zero(self.bytes[name])
        )


def _is_zero(number: Dim) -> bool:
    return isinstance(number, int) and number == 0
