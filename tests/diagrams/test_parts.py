"""Runs of parts that are alike, found in one pass, against trying every length of a run."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from helpers.steps import lines_run
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.diagrams.architecture.parts import Part, Wiring, folded

Row = tuple[list[str], list[list[int]]]


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Signs of units in a row, and which units each reads; most read the one before, as in networks."""
    many = draw(st.integers(1, 12))
    signs = draw(st.lists(st.sampled_from("aaab"), min_size=many, max_size=many))
    reads = [
        sorted({at - 1} | draw(st.sets(st.integers(-1, at - 1), max_size=draw(st.integers(0, 1)))))
        for at in range(many)
    ]
    return signs, reads


def wired(reads: list[list[int]]) -> Wiring:
    edges = tuple(tuple((source, ()) for source in own) for own in reads)
    return Wiring(cast("Any", tuple(map(str, range(len(reads))))), {}, edges, ())


def longest(signs: list[str], reads: list[list[int]], at: int, length: int) -> int:
    """The most repetitions from one part on that are a run, each number of them tried."""
    best = 1
    for times in range(2, (len(signs) - at) // length + 1):
        pieces = [range(at + n * length, at + (n + 1) * length) for n in range(times)]
        inside = range(at, at + times * length)
        alike = all(signs[piece.start : piece.stop] == signs[at : at + length] for piece in pieces)
        chained = all(
            any(source in before for unit in piece for source in reads[unit]) for before, piece in pairwise(pieces)
        )
        outside = {source for reader, own in enumerate(reads) if reader not in inside for source in own}
        if alike and chained and not outside.intersection(*[range(at, at + (times - 1) * length)]):
            best = times
    return best


@settings(deadline=None, derandomize=True, max_examples=300)
@given(rows(), st.integers(1, 4))
def test_runs_are_those_that_trying_every_length_finds(row: Row, period: int) -> None:
    signs, reads = row
    parts = [Part(str(at), (str(at),), (at,)) for at in range(len(signs))]
    expected, at = [], 0
    while at < len(signs):
        tried = [(longest(signs, reads, at, n), n) for n in range(1, min(period, (len(signs) - at) // 2) + 1)]
        times, length = max([one for one in tried if one[0] > 1], key=lambda one: one[0] * one[1], default=(1, 1))
        expected.append((times, tuple(range(at, at + times * length))))
        at += times * length
    found = folded(parts, wired(reads), lambda part: signs[part.units[0]], period)
    assert [(part.repeats, part.units) for part in found] == expected


def test_the_work_grows_as_the_row() -> None:
    """Equal parts that all read one and are read by one; and a chain in which the one before the last is read at the end too."""

    def work(reads: list[list[int]]) -> int:
        row = [Part(str(at), (str(at),), (at,)) for at in range(len(reads))]
        wires, last = wired(reads), len(row) - 1
        return lines_run(lambda: folded(row, wires, lambda part: part.units[0] == last, 12))

    def fan(many: int) -> list[list[int]]:
        return [[-1]] * many + [[*range(many)]]

    def skipping(many: int) -> list[list[int]]:
        return [[at - 2, at - 1] for at in range(many)] + [[many - 2, many - 1]]

    for rows_of in (fan, skipping):
        assert work(rows_of(800)) < 2.2 * work(rows_of(400))
