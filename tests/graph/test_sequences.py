"""Alignments of two sequences against all that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from convcost.graph import sequences
from convcost.graph.sequences import OPENING, aligned, moved

Pairs = Sequence[tuple[int, int]]
LIKENESS = st.lists(st.lists(st.sampled_from([0, 10, 100, 250, 600, 1000]), min_size=4, max_size=4), max_size=4)


def matchings(rows: int, columns: int) -> Iterator[Pairs]:
    """Every way to pair some places of one sequence with some of another, order kept."""
    for size in range(min(rows, columns) + 1):
        for one in combinations(range(rows), size):
            for other in combinations(range(columns), size):
                yield list(zip(one, other))


def worth(pairs: Pairs, likeness: Sequence[Sequence[int]], rows: int, columns: int) -> int:
    """The likenesses of the pairs, and less for each gap in either sequence."""
    ends = [(-1, -1), *pairs, (rows, columns)]
    gaps = sum((c - a > 1) + (d - b > 1) for (a, b), (c, d) in pairwise(ends))
    return sum(likeness[i][j] for i, j in pairs) - OPENING * gaps


@given(LIKENESS)
def test_no_other_alignment_is_worth_more(likeness: list[list[int]]) -> None:
    rows, columns = len(likeness), 4
    first, second = [("one", at) for at in range(rows)], [("other", at) for at in range(columns)]  # none are equal
    found = aligned(first, second, lambda i, j: likeness[i][j], (first, second))
    allowed = [pairs for pairs in matchings(rows, columns) if all(likeness[i][j] for i, j in pairs)]
    assert found in allowed
    assert worth(found, likeness, rows, columns) == max(worth(pairs, likeness, rows, columns) for pairs in allowed)


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_equal_elements_are_paired_and_order_is_kept(first: str, second: str) -> None:
    found = aligned(first, second, lambda i, j: 1000 * (first[i] == second[j]), (first, second))
    assert all(first[i] == second[j] for i, j in found)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))
    assert first != second or found == [(at, at) for at in range(len(first))]


@given(st.text("abcd", min_size=4, max_size=30), st.integers(0, 30), st.text("xyz", min_size=1, max_size=5))
def test_what_is_inserted_has_no_counterpart_however_long_the_sequence(text: str, at: int, new: str) -> None:
    """Also where the table would be too large, and the sequence is cut."""
    most, sequences.MOST_CELLS = sequences.MOST_CELLS, 4
    try:
        longer = text[:at] + new + text[at:]
        found = aligned(text, longer, lambda i, j: 1000 * (text[i] == longer[j]), (text, longer))
    finally:
        sequences.MOST_CELLS = most
    assert len(found) == len(text)
    assert "".join(char for j, char in enumerate(longer) if j not in {j for _, j in found}) == new


@given(st.permutations("abcdef"))
def test_what_is_left_when_the_moved_are_taken_away_stands_in_order(order: list[str]) -> None:
    found = moved("abcdef", order, ("abcdef", order))
    gone = {"abcdef"[i] for i, _ in found}
    assert all(order[j] == "abcdef"[i] for i, j in found)
    assert [char for char in order if char not in gone] == sorted(set("abcdef") - gone)
