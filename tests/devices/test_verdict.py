"""RAM and flash as one verdict: to the byte, by the region in which an arena can lie."""

from __future__ import annotations

import pytest

from convcost.devices.board import Board, Code
from convcost.devices.verdict import Verdict

BOARD = Board("b", {"A": 1000, "B": 500}, 2000, code={"tflm": Code(300, "as said", "here")})


@pytest.mark.parametrize(
    ("ram", "file", "left", "fits"),
    [
        (1000, 1700, (0, 0), True),
        (1001, 1700, (-1, 0), False),
        (1000, 1701, (0, -1), False),
        (1501, 2001, (-501, -301), False),
    ],
)
def test_to_the_byte(ram, file, left, fits):
    verdict = Verdict(BOARD, "tflm", ram, file)
    assert (verdict.ram_left, verdict.flash_left) == left
    assert verdict.fits == fits
    assert verdict.text.startswith("fits b: " if fits else "does not fit b: ")


def test_an_arena_is_one_array():
    notes = dict(Verdict(BOARD, "tflm", 1200, 100).notes())
    assert "the board has 1,500 in 2 regions, but an arena is one array" in notes["RAM"]
    assert "one array" not in dict(Verdict(BOARD, "tflm", 1600, 100).notes())["RAM"]


def test_the_file_alone_would_fit():
    notes = dict(Verdict(BOARD, "tflm", 1, 1800).notes())
    assert notes["flash"].endswith("; the file alone would fit")
    assert "the runtime's code 300 (as said; here)" in notes["flash"]


def test_a_runtime_whose_code_nobody_knows_takes_nothing():
    assert Verdict(Board("c", {"A": 10}, 10), "tflm", 10, 10).fits
