"""The greedy planner of TensorFlow Lite Micro: its rule by hand, and against a search of every place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.core.errors import UsageError
from convcost.deploy.tflm.planner import MOST_PLACED, height, placed

Life = tuple[int, int, int]
"""Size, first and last tick."""


def plan(*lives: Life) -> list[int]:
    sizes, first, last = zip(*lives)
    return placed(sizes, first, last)


def test_the_largest_lies_lowest():
    assert plan((16, 0, 1), (64, 1, 2), (32, 2, 3)) == [64, 0, 64]


def test_of_equal_ones_the_last_lies_lowest():
    """All three are alive at tick 1: 0 for the third, then upwards."""
    assert plan((32, 0, 1), (32, 1, 1), (32, 1, 2)) == [64, 32, 0]


def test_ties_of_a_chain_cost_bytes():
    """36, 18, 36, 18 one after the other: both of 36 lie at 0, for no tick has both; each of 18 lies above one of them."""
    assert plan((36, 0, 1), (18, 1, 2), (36, 2, 3), (18, 3, 4)) == [0, 36, 0, 36]


def test_a_gap_that_is_too_small_is_passed_by():
    """128 at 0 to the end of tick 1, then 96 above it at 128, alive to tick 5; then 112, alive with the latter only: the gap
    from 0 to 128 holds it. 32 more, alive with both, do not fit into the 16 between them, and lie above."""
    assert plan((128, 0, 1), (96, 1, 5), (112, 2, 5), (32, 3, 4)) == [0, 128, 0, 224]


def test_a_gap_between_two_is_used():
    """The largest, 96, lies at 0 until tick 1. What lies at 96 stays to tick 3, so that 0 to 96 are free from tick 2."""
    assert plan((96, 0, 1), (48, 1, 3), (32, 2, 3)) == [0, 96, 0]


def test_ends_are_inclusive():
    assert plan((16, 0, 1), (16, 1, 2)) == [16, 0]
    assert plan((16, 0, 1), (16, 2, 3)) == [0, 0]


def test_what_the_file_places_stays():
    """The first two where they are told, even though they overlap. The largest of the others fits below; 32 lie above 96 + 64."""
    assert placed([64, 64, 32, 64], [0, 0, 0, 0], [3, 3, 3, 3], [64, 96, -1, -1]) == [64, 96, 160, 0]


def test_nothing_needs_nothing():
    assert placed([], [], []) == []
    assert height([], []) == 0


def by_search(lives: Sequence[Life]) -> list[int]:
    """The same by trying every multiple of 16 from 0 for each buffer, in the order of the rule."""
    order = sorted(range(len(lives)), key=lambda i: (lives[i][0], i), reverse=True)
    at: dict[int, int] = {}
    for i in order:
        size, first, last = lives[i]
        others = [(at[j], at[j] + lives[j][0]) for j in at if lives[j][1] <= last and first <= lives[j][2]]
        offset = 0
        while any(offset < end and begin < offset + size for begin, end in others):
            offset += 16
        at[i] = offset
    return [at[i] for i in range(len(lives))]


life = st.tuples(st.integers(1, 12), st.integers(0, 9), st.integers(0, 4)).map(
    lambda drawn: (16 * drawn[0], drawn[1], drawn[1] + drawn[2])
)


@given(st.lists(life, min_size=1, max_size=24))
def test_every_place_is_the_lowest_free_one(lives: list[Life]):
    assert plan(*lives) == by_search(lives)


@given(st.lists(life, min_size=1, max_size=24))
def test_no_two_alive_together_share_a_byte(lives: list[Life]):
    offsets = plan(*lives)
    for tick in range(15):
        alive = sorted((at, size) for at, (size, first, last) in zip(offsets, lives) if first <= tick <= last)
        assert all(at + size <= above for (at, size), (above, _) in pairwise(alive))
        assert height([size for size, _, _ in lives], offsets) >= sum(size for _, size in alive)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_equal_buffers_are_placed_by_number_not_by_life(order: tuple[int, ...]):
    """Whatever their lives: the one with the highest number lies at 0."""
    lives = [(48, *((0, 3), (1, 2), (2, 5))[i]) for i in order]
    assert plan(*lives)[-1] == 0


def test_sizes_beyond_64_bits_are_exact():
    """The same plan in a unit of 2⁶² bytes."""
    lives = [(128, 0, 1), (96, 1, 5), (112, 2, 5), (32, 3, 4)]
    assert plan(*((size << 62, first, last) for size, first, last in lives)) == [0, 128 << 62, 0, 224 << 62]


def test_thousands_that_are_alive_together_lie_one_above_the_other():
    """Of a join of many branches; of equal ones the last lies lowest. Beyond the bound a plan is refused."""
    count = 5_000
    assert placed([16] * count, [0] * count, [1] * count) == [16 * (count - 1 - i) for i in range(count)]
    with pytest.raises(UsageError, match=r"^the runtime's planner is followed for up to 20,000 buffers, got 20,001; "):
        placed(*[[0] * (MOST_PLACED + 1)] * 3)
