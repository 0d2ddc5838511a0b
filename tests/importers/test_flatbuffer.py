"""The reader of FlatBuffers: what it reads, and what it refuses to believe."""

from __future__ import annotations

import struct

import pytest
from helpers.tflite_bytes import Numbers, Scalar, flatbuffer

from convcost.importers.tflite.flatbuffer import LONGEST_TEXT, FlatBuffer, Malformed, Table

SMALL = {
    0: Scalar("i", -7),
    1: Scalar("d", 0.5),
    2: "név",
    3: Numbers("h", [1, -2, 3]),
    4: {0: Scalar("?", True)},
    5: [{0: Scalar("B", 1)}, {0: Scalar("B", 2)}],
    6: b"\x01\x02",
    9: Scalar("q", -(1 << 40)),
}


def root(data: bytes) -> Table:
    return FlatBuffer(data).root(b"TFL3")


def test_each_sort_of_field_is_read_as_it_was_written():
    table = root(flatbuffer(SMALL))
    assert (table.number(0, "i"), table.number(1, "d"), table.number(9, "q")) == (-7, 0.5, -(1 << 40))
    assert table.text(2) == "név"
    assert table.numbers(3, "h") == (1, -2, 3)
    inner = table.table(4)
    assert inner is not None
    assert inner.number(0, "?") is True
    assert [one.number(0, "B") for one in table.tables(5)] == [1, 2]
    span = table.span(6)
    assert span is not None
    assert table.file.data[span.start : span.start + span.length] == b"\x01\x02"


def test_what_is_not_there_has_its_default():
    table = root(flatbuffer(SMALL))
    for slot in (7, 8, 10, 1000):
        assert slot not in table
        assert table.number(slot, "i", 4) == 4
        assert table.text(slot) == ""
        assert (table.table(slot), table.span(slot), table.tables(slot), table.numbers(slot, "i")) == (
            None,
            None,
            [],
            (),
        )


def test_offsets_lead_forward_so_that_no_table_contains_itself():
    outer = root(flatbuffer({0: {0: {0: Scalar("i", 5)}}}))
    inner = outer.table(0)
    assert inner is not None
    innermost = inner.table(0)
    assert innermost is not None
    assert outer.at < inner.at < innermost.at


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "bytes 4 to 7 must be TFL3, got ''"),
        (b"\x08\0\0\0ONNX", "got 'ONNX'"),
        (b"\xff\xff\xff\xffTFL3", "lies outside the file's 8 bytes"),
        (b"\x08\0\0\0TFL3" + struct.pack("<i", 100), "byte -92 lies outside"),
        (b"\x08\0\0\0TFL3" + struct.pack("<iHH", -4, 3, 4), "no table is there"),
        (b"\x08\0\0\0TFL3" + struct.pack("<iHH", -4, 4, 400), "no table is there"),
        (b"\x08\0\0\0TFL3" + struct.pack("<iHHH", -4, 6, 4, 4), "a field lies outside its table of 4 bytes"),
    ],
)
def test_no_root(data: bytes, message: str):
    with pytest.raises(Malformed) as refused:
        root(data)
    assert message in str(refused.value)


def patched(data: bytes, slot: int, offset: int) -> Table:
    """A file in which the field of a slot leads elsewhere."""
    table = root(data)
    at = table.at + table.slots[slot]
    return root(data[:at] + struct.pack("<I", offset) + data[at + 4 :])


@pytest.mark.parametrize("offset", [0, 1 << 20, (1 << 32) - 1])
@pytest.mark.parametrize("slot", [2, 3, 4, 5, 6])
def test_an_offset_that_leads_out_of_the_file_is_refused(slot: int, offset: int):
    table = patched(flatbuffer(SMALL), slot, offset)
    for read in (table.text, table.table, table.tables, table.span, lambda at: table.numbers(at, "h")):
        with pytest.raises(Malformed, match="leads out of"):
            read(slot)


def test_a_vector_that_is_longer_than_the_file_is_refused():
    data = flatbuffer({0: Numbers("q", [1, 2, 3])})
    table = root(data)
    start = table.file.follow(table.at + table.slots[0])
    longer = root(data[:start] + struct.pack("<I", 4) + data[start + 4 :])
    with pytest.raises(Malformed, match="4 elements of 8 bytes lead out of"):
        longer.numbers(0, "q")


def test_vectors_may_be_shared_but_not_without_end():
    """A list of 5,000 references to one text of 5,000 bytes: 40 KB that would become 25 MB."""
    count = 5000
    data = bytearray(flatbuffer({0: [{} for _ in range(count)], 1: "x" * count}))
    table = root(bytes(data))
    listed = table.file.follow(table.at + table.slots[0])
    shared = table.file.follow(table.at + table.slots[1])
    held = len(data)
    data += struct.pack("<HHH", 6, 8, 4) + b"\0\0"
    inner = len(data)
    data += struct.pack("<i", inner - held) + b"\0\0\0\0"
    text = len(data)
    data += data[shared : shared + 4 + count]
    struct.pack_into("<I", data, inner + 4, text - inner - 4)
    for i in range(count):
        place = listed + 4 + 4 * i
        struct.pack_into("<I", data, place, inner - place)
    tables = root(bytes(data)).tables(0)
    assert tables[0].text(0) == "x" * count
    with pytest.raises(Malformed, match="share their elements so often"):
        [one.text(0) for one in tables]


def test_a_long_text_is_cut_and_what_is_no_text_is_replaced():
    table = root(flatbuffer({0: "x" * (LONGEST_TEXT + 9), 1: b"a\xff"}))
    assert table.text(0) == "x" * LONGEST_TEXT
    assert table.text(1) == "a\ufffd"


def test_every_file_that_is_cut_short_is_refused_or_read():
    data = flatbuffer(SMALL)
    for length in range(len(data)):
        try:
            table = root(data[:length])
            table.tables(5), table.table(4), table.text(2), table.numbers(3, "h"), table.span(6), table.number(9, "q")
        except Malformed:
            continue
