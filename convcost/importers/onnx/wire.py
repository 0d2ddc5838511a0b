"""Protobuf without a schema: the fields of a message by number, straight from the mapped bytes of a file.

Nothing is copied but what is asked for, so a message of gigabytes costs what its few fields around the bulk cost.
Every length is checked against the message that contains it, and the fields of one file are counted.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from convcost.core.errors import Problem, SpecError
from convcost.core.files import state_to_read

MOST_FIELDS = 1_500_000
"""Fields that are read of one file; large models have some hundred thousand."""
LONGEST_TEXT = 1 << 16
"""Bytes of a text; what is longer is cut, for it is no name."""
Span: TypeAlias = tuple[int, int]
"""The first byte, and the one after the last."""
Data: TypeAlias = mmap.mmap | bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def malformed(file: str, place: str, what: str) -> SpecError:
    """The error that a file is not what its format asks for.

    >>> print(malformed("net.onnx", "byte 7", "a varint of more than 10 bytes"))
    net.onnx: byte 7: a varint of more than 10 bytes
    """
    return SpecError([Problem(None, f"{file}: {place}" if place else file, what)])


@contextmanager
def mapped(path: str) -> Iterator[Data]:
    """The bytes of a file without reading them; raises `SpecError` if there are none to be had."""
    data = _map(path)
    try:
        yield data
    finally:
        if isinstance(data, mmap.mmap):
            data.close()


def _map(path: str) -> Data:
    try:
        if not state_to_read(path).st_size:  # nothing can be mapped
            return b""
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise malformed(path, "", f"cannot be read: {reason}") from None


class Wire:
    """The bytes of a file, and how many of its fields may still be read."""

    def __init__(self, data: Data, file: str = "") -> None:
        self.data = data
        self.file = file
        self.left = MOST_FIELDS
        self.alone = True
        """Whether no other file has been read for it."""

    def wrong(self, at: int, what: str) -> SpecError:
        """The error that something is wrong at a byte."""
        return malformed(self.file, f"byte {at:,}", what)

    def varint(self, at: int) -> tuple[int, int]:
        """The number that starts at a byte, and the byte behind it.

        >>> Wire(bytes([0x96, 0x01])).varint(0)
        (150, 2)
        """
        value = shift = 0
        for place in range(at, at + _LONGEST_VARINT):
            byte = self.data[place]
            value |= (byte & 127) << shift
            if byte < 128:
                return value & (1 << 64) - 1, place + 1
            shift += 7
        raise self.wrong(at, f"a varint of more than {_LONGEST_VARINT} bytes; the file is damaged")

    def message(self, span: Span | None = None) -> Message:
        """The message that fills a span; the whole file if left out."""
        first, end = span or (0, len(self.data))
        found: dict[int, list[int | Span]] = {}
        at, left = first, self.left
        try:
            while at < end:
                left -= 1
                if left < 0:
                    raise self.wrong(at, f"more than {MOST_FIELDS:,} fields; no model has so many")
                at = self._field(at, end, found)
        except IndexError:
            raise self.wrong(at, "the file ends within a field; it is truncated") from None
        self.left = left
        return Message(self, first, found)

    def _field(self, at: int, end: int, found: dict[int, list[int | Span]]) -> int:
        """The byte after the field that starts at one, noted by its number."""
        data, start = self.data, at
        key = data[at]
        at += 1
        if key > 127:
            key, at = self.varint(start)
        kind = key & 7
        value: int | Span
        if kind == _BYTES:
            size = data[at]
            at += 1
            if size > 127:
                size, at = self.varint(at - 1)
            value = (at, at + size)
            at += size
        elif kind == _VARINT:
            value = data[at]
            at += 1
            if value > 127:
                value, at = self.varint(at - 1)
        elif kind in {_FIXED32, _FIXED64}:
            value = (at, at + (4 if kind == _FIXED32 else 8))
            at = value[1]
        else:
            raise self.wrong(start, f"no field can start with 0x{data[start]:02x}; the file is damaged")
        if at > end:
            raise self.wrong(start, f"a field ends {at - end:,} bytes behind what contains it; the file is truncated")
        number = key >> 3
        if number in found:
            found[number].append(value)
        else:
            found[number] = [value]
        return at


class Message:
    """The fields of a message, by number.

    A field whose bytes are of another kind than is asked for counts as absent, as protobuf has it for what it does not know.

    >>> message = Wire(bytes([0x0A, 2, 0x68, 0x69, 0x10, 7])).message()
    >>> message.text(1), message.whole(2), message.text(2), message.whole(3, default=5)
    ('hi', 7, '', 5)
    """

    __slots__ = ("at", "found", "wire")

    def __init__(self, wire: Wire, at: int, found: dict[int, list[int | Span]]) -> None:
        self.wire = wire
        self.at = at
        self.found = found

    def has(self, number: int) -> bool:
        """Whether the field is there."""
        return number in self.found

    def spans(self, number: int) -> list[Span]:
        """Where the bytes of a field are, once for each time that it occurs."""
        return [value for value in self.found.get(number, ()) if not isinstance(value, int)]

    def messages(self, number: int) -> Iterator[Message]:
        """The messages of a field, each read when its turn comes."""
        return map(self.wire.message, self.spans(number))

    def first(self, number: int) -> Message | None:
        """The message of a field; the last one if there are several, as protobuf has it."""
        found = self.spans(number)
        return self.wire.message(found[-1]) if found else None

    def texts(self, number: int) -> tuple[str, ...]:
        """The texts of a field; bytes that are no UTF-8 are written out, each in its own way."""
        data = self.wire.data
        return tuple(
            data[first : min(last, first + LONGEST_TEXT)].decode("utf-8", "backslashreplace")
            for first, last in self.spans(number)
        )

    def text(self, number: int) -> str:
        """The text of a field; empty if it is absent."""
        found = self.texts(number)
        return found[-1] if found else ""

    def whole(self, number: int, default: int = 0) -> int:
        """The whole number of a field, of 64 bits with a sign."""
        found = [value for value in self.found.get(number, ()) if isinstance(value, int)]
        return signed(found[-1]) if found else default

    def wholes(self, number: int) -> tuple[int, ...]:
        """The whole numbers of a field, each by itself or packed together.

        >>> Wire(bytes([0x08, 3, 0x0A, 2, 4, 5])).message().wholes(1)
        (3, 4, 5)
        """
        values: list[int] = []
        for value in self.found.get(number, ()):
            if isinstance(value, tuple):
                values.extend(self._packed(*value))
            else:
                values.append(signed(value))
        return tuple(values)

    def _packed(self, at: int, end: int) -> Iterator[int]:
        wire = self.wire
        while at < end:
            wire.left -= 1
            if wire.left < 0:
                raise wire.wrong(at, f"more than {MOST_FIELDS:,} numbers; no model has so many")
            value, at = wire.varint(at)
            yield signed(value)
        if at > end:
            raise wire.wrong(end, "a number ends behind what contains it; the file is damaged")

    def fractions(self, number: int, code: str = "f") -> tuple[float, ...]:
        """The fractions of a field, of 32 bits ("f") or 64 ("d"), each by itself or packed together."""
        size = struct.calcsize(f"<{code}")
        pieces: list[float] = []
        for first, last in self.spans(number):
            count, rest = divmod(last - first, size)
            self.wire.left -= count
            if rest or self.wire.left < 0:
                what = (
                    f"{last - first:,} bytes are no fractions of {size} bytes"
                    if rest
                    else "more numbers than a model has"
                )
                raise self.wire.wrong(first, f"{what}; the file is damaged")
            pieces += struct.unpack_from(f"<{count}{code}", self.wire.data, first)
        return tuple(pieces)


def signed(value: int) -> int:
    """A number of 64 bits as one with a sign.

    >>> signed(2**64 - 1), signed(7)
    (-1, 7)
    """
    return value - (1 << 64) if value >> 63 else value
