"""How many bytes FlatBuffers take when tables are packed one after the other, as TensorFlow's Python packer does it.

A file grows from its end to its start: whatever is packed is put before all that is there. Only sizes are kept, no bytes.
They may be numbers over a grid: where tables are padded depends on no size, because what is stored starts at a multiple of
four bytes, and so does what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable

from convcost.core.dims import Dim
from convcost.deploy.items import Tally

OFFSET = 4
_ENTRY = 2
Field = tuple[int, int]
"""The slot of a field that is stored, and its bytes: 4 for an offset to a vector, a text or another table."""


class Packer:
    """What has been packed so far: bytes by item, and the shapes of tables, of which equal ones share one."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.size: Dim = 0
        self._past = 0
        """The size modulo 4, which is known even where the size is that of many grid points."""
        self._widest = 1
        self._known: set[tuple[int, ...]] = set()

    def vector(self, item: str, width: int, length: Dim, count: Dim = 0, of: str = "") -> None:
        """A vector with its length before it; its elements may belong to another item `of` the file."""
        size = width * length
        self._align(OFFSET, size)
        if width > OFFSET:
            self._align(width, size)
        self._put(of or item, size, count)
        self._put(item, OFFSET, 0)
        self._past = 0

    def text(self, item: str, text: str) -> None:
        """A text: its length, its bytes, and a zero.

        >>> packer = Packer()
        >>> packer.text("names", "conv")
        >>> packer.tally.bytes
        {'alignment': 3, 'names': 9}
        """
        length = len(text.encode()) + 1
        self._align(OFFSET, length)
        self._put(item, length + OFFSET, 1)
        self._past = 0

    def table(self, item: str, fields: Iterable[Field], slots: int = 64) -> None:
        """A table with these fields, in the order in which they are packed; `slots` is only a bound."""
        begun, padding, taken = self._past, 0, 0
        places: dict[int, int] = {}
        for slot, width in (*fields, (slots, OFFSET)):
            gap = -(begun + taken + padding) % width
            padding += gap
            taken += width
            places[slot] = taken + padding
            self._widest = max(self._widest, width)
        whole = places.pop(slots)
        self._put(item, whole, 1)
        self._past = (begun + whole) % OFFSET
        key = (whole, *(whole - places[slot] if slot in places else 0 for slot in range(max(places, default=-1) + 1)))
        if key not in self._known:
            self._known.add(key)
            self._put("vtables", _ENTRY * (len(key) + 1), 1)
            self._past = (self._past + _ENTRY * (len(key) + 1)) % OFFSET

    def finished(self) -> Tally:
        """The whole, with its identifier and the offset to the table that contains all others."""
        self._align(self._widest, 2 * OFFSET)
        self._put("root", 2 * OFFSET, 0)
        return self.tally

    def _align(self, width: int, more: Dim) -> None:
        """Zeros, so that what is packed next and so many bytes more end at a multiple of `width`."""
        self._widest = max(self._widest, width)
        known = self._past if width <= OFFSET else self.size
        zeros = -(known + more) % width
        self._put("alignment", zeros, 0)
        if isinstance(zeros, int):
            self._past = (self._past + zeros) % OFFSET

    def _put(self, item: str, size: Dim, count: Dim) -> None:
        self.size = self.size + size
        self.tally.add(item, size, count)
