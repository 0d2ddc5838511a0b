"""The bytes of protobuf: what is written by hand is read back, and what lies is refused in one line."""

from __future__ import annotations

import os
import struct

import pytest
from helpers.onnx_bytes import many, put, varint

from convcost.core.errors import SpecError
from convcost.importers.onnx import wire
from convcost.importers.onnx.wire import Message, Wire, mapped


def message(data: bytes) -> Message:
    return Wire(data, "net.onnx").message()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_whole_numbers_of_64_bits_with_their_sign(value: int):
    assert message(put(1, value)).whole(1) == value


def test_the_last_of_several_counts_as_protobuf_has_it():
    assert message(put(1, 3) + put(1, 4)).whole(1) == 4
    assert message(put(1, "a") + put(1, "b")).text(1) == "b"


def test_lists_each_by_itself_packed_together_and_both():
    packed = put(2, varint(5) + varint(-6))
    assert message(many(2, [3, 4]) + packed).wholes(2) == (3, 4, 5, -6)
    assert message(put(2, 0.5) + put(2, struct.pack("<2f", 1.5, -2.0))).fractions(2) == (0.5, 1.5, -2.0)
    assert message(put(2, struct.pack("<2d", 0.1, -2.0))).fractions(2, "d") == (0.1, -2.0)


def test_unknown_fields_of_every_kind_are_passed_over():
    fixed64 = varint(99 << 3 | 1) + bytes(8)
    data = put(98, 7) + put(2**28, "far") + fixed64 + put(97, 0.5) + put(1, "name")
    assert message(data).text(1) == "name"


def test_a_field_of_another_kind_counts_as_absent():
    read = message(put(1, 7) + put(2, "text"))
    assert (read.text(1), read.whole(2, 5), read.first(1), read.texts(1), list(read.messages(1))) == (
        "",
        5,
        None,
        (),
        [],
    )


def test_texts_that_are_no_utf8_are_written_out_and_long_ones_cut():
    assert message(put(1, b"a\xff\xfe")).text(1) == r"a\xff\xfe"
    assert len(message(put(1, "x" * 100_000)).text(1)) == wire.LONGEST_TEXT


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x0a", "net.onnx: byte 0: the file ends within a field; it is truncated"),
        (b"\x0a\x05ab", "net.onnx: byte 0: a field ends 3 bytes behind what contains it; the file is truncated"),
        (b"\x08\xff", "the file ends within a field"),
        (b"\x08" + b"\xff" * 11, "net.onnx: byte 1: a varint of more than 10 bytes; the file is damaged"),
        (b"\x0a" + varint(2**63), "behind what contains it"),
        (b"\x0d\x00", "a field ends 3 bytes behind"),
        (b"\x0b\x0c", "net.onnx: byte 0: no field can start with 0x0b; the file is damaged"),
        (b"\x0f", "no field can start with 0x0f"),
    ],
)  # fmt: skip
def test_what_lies_is_refused_with_its_place(data: bytes, what: str):
    with pytest.raises(SpecError) as raised:
        message(data)
    assert what in str(raised.value)
    assert "\n" not in str(raised.value)


def test_lengths_are_held_against_the_message_around_not_only_the_file():
    inner = b"\x0a\x04ab"  # four bytes, of which only two are within
    with pytest.raises(SpecError, match="a field ends 2 bytes behind what contains it"):
        list(next(message(put(7, inner) + put(8, "more")).messages(7)).found)


def test_packed_numbers_that_do_not_fit_their_field_are_refused():
    with pytest.raises(SpecError, match="a number ends behind what contains it"):
        message(put(1, b"\x80") + put(2, 1)).wholes(1)
    with pytest.raises(SpecError, match="5 bytes are no fractions of 4 bytes"):
        message(put(1, b"12345")).fractions(1)


def test_fields_are_counted_over_all_messages_of_a_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "MOST_FIELDS", 10)
    read = message(many(1, range(8)))
    with pytest.raises(SpecError, match="more than 10 fields"):
        message(many(1, range(11)))
    assert len(read.wholes(1)) == 8
    with pytest.raises(SpecError, match="more than 10 numbers"):
        message(put(1, bytes(10))).wholes(1)


def test_files_that_cannot_be_had(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "none", tmp_path, pipe, "a\0b"):
        with pytest.raises(SpecError, match="cannot be read"), mapped(str(path)):
            pass


def test_the_bytes_of_a_large_field_are_not_read(tmp_path):
    """A file of a terabyte that has no blocks on disk: only what is around its one large field is looked at."""
    path = tmp_path / "large.onnx"
    size = 1 << 36
    with open(path, "wb") as file:
        file.write(put(2, "me") + varint(9 << 3 | 2) + varint(size))
        head = file.tell()
        file.seek(head + size)
        file.write(put(3, "end"))
    with mapped(str(path)) as data:
        read = Wire(data).message()
        assert (read.text(2), read.text(3), read.spans(9)) == ("me", "end", [(head, head + size)])
