"""FlatBuffers, read without a schema: tables by number of their slot, vectors, texts, each checked before it is believed.

A table is never read before it is asked for, so that tables which contain each other do no harm. Vectors and texts may be
shared: how many elements a file gives away in all is bounded by its own size.
"""

from __future__ import annotations

from mmap import mmap
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

Bytes: TypeAlias = bytes | mmap

_FORMATS: Final = {kind: Struct(f"<{kind}") for kind in "bBhHiIqQefd?"}
_OFFSET: Final = _FORMATS["I"]
_SHORT: Final = _FORMATS["H"]
LONGEST_TEXT = 1 << 14
"""Bytes of a text that are read: names that joined hundreds of others are cut."""
MOST_ELEMENTS = 1 << 24
"""Elements of vectors, and bytes of texts, that are read from one file, however large it is."""
_SPARE = 1 << 16


class Malformed(ValueError):
    """The bytes are no FlatBuffers, or not of the schema; the message says what is wrong and where."""


class Span(NamedTuple):
    """Where the elements of a vector lie in the file."""

    start: int
    length: int


class FlatBuffer:
    """The bytes of a file, with how much more may be read of it."""

    __slots__ = ("data", "left", "size")

    def __init__(self, data: Bytes) -> None:
        self.data = data
        self.size = len(data)
        self.left = min(self.size + _SPARE, MOST_ELEMENTS)

    def root(self, identifier: bytes) -> Table:
        r"""The table that contains all others, in a file that says to be of this sort; raises `Malformed`.

        >>> FlatBuffer(bytes(8)).root(b"TFL3")
        Traceback (most recent call last):
        convcost.importers.tflite.flatbuffer.Malformed: bytes 4 to 7 must be TFL3, got '\x00\x00\x00\x00'
        """
        got = self.data[4:8]
        if got != identifier:
            shown = repr(got.decode("latin-1"))
            raise Malformed(f"bytes 4 to 7 must be {identifier.decode()}, got {shown}")
        return Table(self, self._unpack(_OFFSET, 0))

    def number(self, kind: str, at: int) -> Any:
        """The number that stands at a place; its kind is a letter of the module `struct`."""
        return self._unpack(_FORMATS[kind], at)

    def follow(self, at: int) -> int:
        """The place that the offset at a place leads to: always forward, so that no way leads in a circle."""
        offset = self._unpack(_OFFSET, at)
        if not 0 < offset <= self.size - at - 4:
            raise Malformed(f"byte {at}: an offset of {offset} leads out of the file's {self.size} bytes")
        return at + int(offset)

    def vector(self, at: int, width: int) -> Span:
        """Where the elements of a vector lie, each of this many bytes."""
        length = self._unpack(_OFFSET, at)
        if length * width > self.size - at - 4:
            raise Malformed(f"byte {at}: {length} elements of {width} bytes lead out of the file's {self.size} bytes")
        return Span(at + 4, length)

    def numbers(self, kind: str, span: Span) -> tuple[Any, ...]:
        """Elements that lie in the file one after the other, as `vector` or the caller has checked."""
        self.spend(span.length)
        packed = Struct(f"<{span.length}{kind}")
        return packed.unpack_from(self.data, span.start)

    def text(self, span: Span) -> str:
        """The text that these bytes are; what is no UTF-8 is replaced, and a long text is cut."""
        length = min(span.length, LONGEST_TEXT)
        self.spend(length)
        return self.data[span.start : span.start + length].decode(errors="replace")

    def spend(self, elements: int) -> None:
        """Count elements that are about to be read; raises `Malformed` if a file gives away more than it can hold."""
        self.left -= elements
        if self.left < 0:
            raise Malformed("its vectors share their elements so often that together they are longer than the file")

    def _unpack(self, packed: Struct, at: int) -> Any:
        if not 0 <= at <= self.size - packed.size:
            raise Malformed(f"byte {at} lies outside the file's {self.size} bytes")
        return packed.unpack_from(self.data, at)[0]


class Table:
    """A table of a FlatBuffers file; fields are asked for by the number of their slot, as the schema lists them from 0."""

    __slots__ = ("at", "file", "slots")

    def __init__(self, file: FlatBuffer, at: int) -> None:
        self.file, self.at = file, at
        vtable = at - file.number("i", at)
        length, held = file.number("H", vtable), file.number("H", vtable + 2)
        if length < 4 or length % 2 or held < 4 or vtable + length > file.size or at + held > file.size:
            raise Malformed(f"byte {at}: no table is there")
        offsets = Struct(f"<{length // 2 - 2}H").unpack_from(file.data, vtable + 4)
        if offsets and max(offsets) >= held:
            raise Malformed(f"byte {at}: a field lies outside its table of {held} bytes")
        self.slots: tuple[int, ...] = offsets

    def __contains__(self, slot: int) -> bool:
        """Whether the file states this field."""
        return slot < len(self.slots) and self.slots[slot] != 0

    def number(self, slot: int, kind: str, default: Any = 0) -> Any:
        """A field that is a number; its kind is a letter of the module `struct`."""
        return self.file.number(kind, self.at + self.slots[slot]) if slot in self else default

    def table(self, slot: int) -> Table | None:
        """A field that is a table."""
        return Table(self.file, self._follow(slot)) if slot in self else None

    def tables(self, slot: int) -> list[Table]:
        """A field that is a vector of tables."""
        if slot not in self:
            return []
        start, length = self.file.vector(self._follow(slot), 4)
        self.file.spend(length)
        return [Table(self.file, self.file.follow(start + 4 * i)) for i in range(length)]

    def text(self, slot: int) -> str:
        """A field that is a text; empty if the file does not state it."""
        return self.file.text(self.file.vector(self._follow(slot), 1)) if slot in self else ""

    def numbers(self, slot: int, kind: str) -> tuple[Any, ...]:
        """A field that is a vector of numbers."""
        return (
            self.file.numbers(kind, self.file.vector(self._follow(slot), _FORMATS[kind].size)) if slot in self else ()
        )

    def span(self, slot: int) -> Span | None:
        """Where the bytes of a field that is a vector of them lie; they are not read."""
        return self.file.vector(self._follow(slot), 1) if slot in self else None

    def _follow(self, slot: int) -> int:
        return self.file.follow(self.at + self.slots[slot])
