"""The planner over a grid against one that places the buffers of a single network, one after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.space.planner import heads

exactly = settings(deadline=None, derandomize=True, max_examples=150, database=None)


def alone(sizes: list[int], first: list[int], last: list[int]) -> int:
    """Every offset from 0 on is tried, in steps of the smallest amount that the sizes are multiples of."""
    step = int(np.gcd.reduce(sizes)) or 1
    offsets: dict[int, int] = {}
    for one in sorted(range(len(sizes)), key=lambda one: (-sizes[one], -one)):
        beside = [other for other in offsets if first[one] <= last[other] and first[other] <= last[one]]
        offset = 0
        while any(offset < offsets[other] + sizes[other] and offsets[other] < offset + sizes[one] for other in beside):
            offset += step
        offsets[one] = offset
    return max((offsets[one] + sizes[one] for one in offsets), default=0)


@st.composite
def programs(draw):
    """Live ranges, and sizes at up to twenty points; small ones, so that many are equal."""
    count = draw(st.integers(1, 9))
    first = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    last = [start + draw(st.integers(0, 4)) for start in first]
    size = st.integers(0, draw(st.sampled_from([2, 5, 40]))).map(lambda blocks: 16 * blocks)
    points = draw(st.integers(1, 20))
    sizes = draw(st.lists(st.lists(size, min_size=points, max_size=points), min_size=count, max_size=count))
    return np.array(sizes, dtype=np.int64), first, last


@exactly
@given(programs())
def test_each_point_is_planned_as_if_it_were_alone(program):
    sizes, first, last = program
    expected = [alone(column.tolist(), first, last) for column in sizes.T]
    assert heads(sizes, first, last).tolist() == expected


def test_of_equal_buffers_the_later_is_placed_first():
    """Four of 16 bytes, one after the other, each alive together with the next: by number 3, 1, 0, 2.

    The two outer ones go first, to offset 0; 1 goes beside 3, to 16; and 0 beside 1 and 2, to 32. With the lower number
    first, 2 would lie on top of 0, and two places be enough.
    """
    sizes = np.full((4, 1), 16)
    assert heads(sizes, first=[2, 1, 3, 0], last=[3, 2, 4, 1]).tolist() == [48]


def test_sizes_that_no_64_bits_hold_are_planned_exactly():
    huge = 2**62
    sizes = np.array([[huge, 16], [huge, 32], [huge, 48]], dtype=np.int64)
    assert heads(sizes, [0, 0, 0], [0, 0, 0]).tolist() == [3 * huge, 96]
    assert heads(sizes.astype(object) * 2**70, [0, 0, 1], [0, 0, 1]).tolist() == [2 * huge * 2**70, 48 * 2**70]


def test_many_points_of_a_kind_are_planned_in_parts():
    """Three buffers in a chain: the middle one lies beside the larger of the two others, at its end."""
    random = np.random.default_rng(3)
    sizes = 16 * random.integers(1, 1000, size=(3, 50_000))
    expected = sizes[1] + np.maximum(sizes[0], sizes[2])
    assert np.array_equal(heads(sizes, [0, 1, 2], [1, 2, 3]), expected)


def test_nothing_takes_nothing():
    assert heads(np.zeros((0, 3), dtype=np.int64), [], []).tolist() == [0, 0, 0]
    assert heads(np.zeros((2, 0), dtype=np.int64), [0, 0], [0, 0]).tolist() == []
