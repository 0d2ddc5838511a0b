"""Messages of protobuf with something wrong in a field, whole otherwise: what bytes changed at random seldom are."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from helpers.onnx_bytes import varint

from fuzz.values import value

_NUMBERS = (0, 1, 2, 3, 5, 7, 127, 128, 2**16, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2)
_DEEPEST = 12


class Field(NamedTuple):
    """A field as it stands in a message: its tag, and its value; a text may itself be a message."""

    tag: int
    value: int | bytes

    def written(self) -> bytes:
        """Its bytes."""
        if isinstance(self.value, int):
            return varint(self.tag) + varint(self.value)
        return varint(self.tag) + (varint(len(self.value)) if self.tag & 7 == 2 else b"") + self.value


def fields(data: bytes) -> list[Field] | None:
    """The fields of a message; None for what is none.

    >>> fields(b"\\x08\\x05\\x12\\x01a")
    [Field(tag=8, value=5), Field(tag=18, value=b'a')]
    """
    found, at = [], 0
    while at < len(data):
        tag, at = _number(data, at)
        kind = tag & 7
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind == 0:
            number, at = _number(data, at)
            found.append(Field(tag, number))
            continue
        if kind == 2:
            size, at = _number(data, at)
        elif not size:
            return None
        if tag < 8 or at + size > len(data):
            return None
        found.append(Field(tag, data[at : at + size]))
        at += size
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    for at in range(at, min(at + 10, len(data))):  # noqa: B020, PLR1704 - where it ends is what is asked for
        found |= (data[at] & 127) << shift
        shift += 7
        if data[at] < 128:
            return found, at + 1
    return 0, len(data) + 1


def mutated(rng: Random, data: bytes) -> bytes:
    """A message with a few of its fields, at any depth, changed, left out, doubled, or taken from elsewhere."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = _once(rng, data, 0)
    return data


def _once(rng: Random, data: bytes, depth: int) -> bytes:
    found = fields(data)
    if not found:
        return value(rng).encode("utf-8", "replace") if data else data
    at = rng.randrange(len(found))
    tag, inner = found[at]
    if isinstance(inner, bytes) and tag & 7 == 2 and depth < _DEEPEST and rng.random() < 0.85:
        found[at] = Field(tag, _once(rng, inner, depth + 1))
        return b"".join(field.written() for field in found)
    match rng.randrange(6):
        case 0:
            del found[at]
        case 1:
            found.insert(at, found[at])
        case 2:
            found[at] = rng.choice(found)
        case 3 if isinstance(inner, bytes):
            found[at] = Field(tag, value(rng).encode("utf-8", "replace") if tag & 7 == 2 else inner)
        case _ if isinstance(inner, int):
            found[at] = Field(tag, rng.choice(_NUMBERS))
        case _:
            found[at] = Field(tag ^ rng.choice((8, 16, 24)), inner)
    return b"".join(field.written() for field in found)
