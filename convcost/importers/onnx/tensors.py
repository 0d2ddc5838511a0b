"""Stored tensors of an ONNX file: name, sizes and type of each, and the contents of small ones."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from convcost.importers.model import MOST_CONTENTS, Stored
from convcost.importers.onnx.wire import Message, malformed

MOST_AXES = 64
MOST_ELEMENTS = 10**18
"""Elements of one tensor; what claims more is damaged."""
DTYPES = {
    1: "fp32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "",  # texts
    9: "bool",
    10: "fp16",
    11: "fp64",
    12: "uint32",
    13: "uint64",
    14: "",  # complex numbers, which no exporter writes
    15: "",
    16: "bf16",
    17: "fp8",
    18: "fp8",
    19: "fp8",
    20: "fp8",
    21: "int4",  # without a sign: as many bits
    22: "int4",
    23: "int4",  # a fraction of 4 bits
    24: "fp8",
    25: "int2",
    26: "int2",
}
"""The numbers by which ONNX calls its types -> the names that reports use."""
_CODES = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}
"""How `struct` calls those types whose elements take whole bytes and are numbers of Python."""
_BITS = {14: 64, 15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2}
_COMPLEX = {14, 15}
_EXTERNAL = 1
_SIZES = {6, 7}
"""Types that shapes have."""


def stored(message: Message, name: str = "") -> Stored:
    """A TensorProto as a stored tensor, under its own name if none is given; raises `SpecError` if its sizes or bytes lie."""
    name = name or message.text(8)
    file, place = message.wire.file, f"tensor {name!r}"
    shape = sizes(message.wholes(1), file, place)
    kind = message.whole(2)
    if kind not in DTYPES:
        raise malformed(file, place, f"there is no type of number {kind}; the file is damaged or newer than convcost")
    elements = prod(shape)
    if message.whole(14) == _EXTERNAL:
        contents = _beside(message, kind, elements)
    else:
        contents = _contents(message, kind, elements, place)
        if contents is not None and len(contents) != elements:
            what = f"{len(contents):,} elements are stored, sizes {list(shape)} need {elements:,}; the file is damaged"
            raise malformed(file, place, what)
    return Stored(name, shape, DTYPES[kind], contents)


def sparse(message: Message, name: str = "") -> Stored:
    """A SparseTensorProto as the tensor that it stands for."""
    values = message.first(1)
    name = name or (values.text(8) if values else "")
    shape = sizes(message.wholes(3), message.wire.file, f"tensor {name!r}")
    return Stored(name, shape, DTYPES.get(values.whole(2), "") if values else "")


def sizes(dims: Sequence[int], file: str, place: str) -> tuple[int, ...]:
    """The sizes of a stored tensor; raises `SpecError` for negative and for absurd ones.

    >>> sizes([64, 3, 7, 7], "net.onnx", "tensor 'w'")
    (64, 3, 7, 7)
    """
    if any(size < 0 for size in dims):
        raise malformed(file, place, f"a stored tensor has no negative sizes, got {list(dims)}; the file is damaged")
    if len(dims) > MOST_AXES or max(dims, default=0) > MOST_ELEMENTS or prod(dims) > MOST_ELEMENTS:
        raise malformed(file, place, f"more than {MOST_ELEMENTS:.0e} elements; the file is damaged")
    return tuple(dims)


def _contents(message: Message, kind: int, elements: int, place: str) -> tuple[Any, ...] | None:
    """The elements of a small tensor; None of a large one, and of one that is stored without its bytes."""
    raw = message.spans(9)
    if raw:
        first, last = raw[-1]
        _check_bytes(message, kind, elements, last - first, place)
        return (
            _unpacked(message.wire.data[first:last], kind, elements)
            if elements <= MOST_CONTENTS and kind not in _COMPLEX
            else None
        )
    if elements > MOST_CONTENTS or kind in _COMPLEX:
        return None
    try:
        found = _typed(message, kind, elements)
    except (struct.error, OverflowError, ValueError):
        raise malformed(message.wire.file, place, "its elements do not fit their type; the file is damaged") from None
    return found if found or not elements else None


def _beside(message: Message, kind: int, elements: int) -> tuple[Any, ...] | None:
    """The elements of a small tensor of whole numbers, which may be a shape, from the file beside this one that holds them.

    None if there is no such file, or if it does not lie in the same folder: a model must not make others be read.
    """
    if kind not in _SIZES or not 0 < elements <= MOST_CONTENTS:
        return None
    entries = {one.text(1): one.text(2) for one in message.messages(13)}
    folder = os.path.realpath(os.path.dirname(message.wire.file))
    path = os.path.realpath(os.path.join(folder, entries.get("location", "")))
    offset, length = entries.get("offset", "0"), elements * struct.calcsize(_CODES[kind])
    if os.path.dirname(path) != folder or not os.path.isfile(path) or not offset.isdecimal() or len(offset) > 18:
        return None
    message.wire.alone = False
    try:
        with open(path, "rb") as file:
            file.seek(int(offset))
            raw = file.read(length)
    except OSError:
        return None
    return _unpacked(raw, kind, elements) if len(raw) == length else None


def _check_bytes(message: Message, kind: int, elements: int, given: int, place: str) -> None:
    bits = struct.calcsize(f"<{_CODES[kind]}") * 8 if kind in _CODES else _BITS.get(kind)
    if bits is None:
        raise malformed(message.wire.file, place, "texts cannot be stored as raw bytes; the file is damaged")
    if given != -(-elements * bits // 8):
        what = f"{given:,} bytes are stored, its {elements:,} elements need {-(-elements * bits // 8):,}; the file is damaged"
        raise malformed(message.wire.file, place, what)


def _unpacked(raw: bytes, kind: int, elements: int) -> tuple[Any, ...]:
    """Elements from their bytes.

    >>> _unpacked(bytes([0x21, 0xF3]), 22, 3), _unpacked(bytes([0x80, 0x3F]), 16, 1)
    ((1, 2, 3), (1.0,))
    """
    if kind in _CODES:
        return struct.unpack(f"<{elements}{_CODES[kind]}", raw)
    bits = _BITS[kind]
    if bits == 16:
        return _decoded(struct.unpack(f"<{elements}H", raw), kind)
    words = [byte >> bits * part & (1 << bits) - 1 for byte in raw for part in range(8 // bits)][:elements]
    return _decoded(words, kind)


def _typed(message: Message, kind: int, elements: int) -> tuple[Any, ...]:
    """Elements that are stored in a field of numbers."""
    match kind:
        case 1:
            return message.fractions(4)
        case 7:
            return message.wholes(7)
        case 8:
            return message.texts(6)
        case 11:
            return message.fractions(10, "d")
        case 12 | 13:
            return tuple(value & (1 << 64) - 1 for value in message.wholes(11))
    return _words(message.wholes(5), kind, elements)


def _words(words: tuple[int, ...], kind: int, elements: int) -> tuple[Any, ...]:
    """Elements that are stored as numbers of 32 bits, whatever they are."""
    if kind == 9:
        return tuple(map(bool, words))
    if kind == 10:
        return struct.unpack(f"<{len(words)}e", struct.pack(f"<{len(words)}H", *words))
    if kind in _CODES:
        return words
    if _BITS[kind] < 8 and words:  # each number holds the elements of one byte
        return _unpacked(bytes(words), kind, elements)
    return _decoded(words, kind)


def _decoded(words: Sequence[int], kind: int) -> tuple[Any, ...]:
    """Elements of a type that Python does not know, from their bits."""
    return tuple(map(_DECODERS[kind], words))


def _bfloat(word: int) -> float:
    (value,) = struct.unpack("<f", struct.pack("<I", (word & 0xFFFF) << 16))
    return float(value)


def _small_float(
    exponent: int, mantissa: int, bias: int, special: Callable[[int], float | None]
) -> Callable[[int], float]:
    """What decodes a fraction of a sign, an exponent and a mantissa of that many bits."""

    def decode(word: int) -> float:
        if (found := special(word)) is not None:
            return found
        high, low = word >> mantissa & (1 << exponent) - 1, word & (1 << mantissa) - 1
        size = (low + (1 << mantissa if high else 0)) * 2.0 ** (max(high, 1) - bias - mantissa)
        return -size if word >> (exponent + mantissa) & 1 else size

    return decode


def _e4m3fn(word: int) -> float | None:
    return float("nan") if word & 0x7F == 0x7F else None


def _fnuz(word: int) -> float | None:
    return float("nan") if word == 0x80 else None


def _e5m2(word: int) -> float | None:
    if word & 0x7C != 0x7C:
        return None
    return float("nan") if word & 3 else float("-inf" if word & 0x80 else "inf")


def _none(word: int) -> float | None:  # noqa: ARG001 - every number of 4 bits is finite
    return None


def _e8m0(word: int) -> float:
    return float("nan") if word == 0xFF else 2.0 ** (word - 127)


def _signed(bits: int) -> Callable[[int], int]:
    def decode(word: int) -> int:
        word &= (1 << bits) - 1
        return word - (1 << bits) if word >> (bits - 1) else word

    return decode


def _same(word: int) -> int:
    return word


_DECODERS: dict[int, Callable[[int], Any]] = {
    16: _bfloat,
    17: _small_float(4, 3, 7, _e4m3fn),
    18: _small_float(4, 3, 8, _fnuz),
    19: _small_float(5, 2, 15, _e5m2),
    20: _small_float(5, 2, 16, _fnuz),
    21: _same,
    22: _signed(4),
    23: _small_float(2, 1, 1, _none),
    24: _e8m0,
    25: _same,
    26: _signed(2),
}
