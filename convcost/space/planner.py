"""The greedy planner of TensorFlow Lite Micro at every point of a grid at once, equal to the planner of single networks.

Buffers are placed one after the other, the largest first; of equal ones that with the higher number. Each goes to the
lowest offset at which no buffer that is alive together with it and placed already is in its way.

Where two buffers are never alive together, it plays no part which of them is placed first. So points of the grid are
treated alike that have one order for each pair that *is* alive together: in a network without branches these are
neighbours, whose order hardly changes with the sizes, whereas the order of all buffers changes from point to point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array

_AT_ONCE = 2**13
"""Points that are placed together: what is held of them stays in the cache."""


def heads(sizes: Array, first: Sequence[int], last: Sequence[int]) -> Array:
    """The bytes that the buffers take together at each point.

    `sizes` has a row for each buffer and a column for each point, as the planner takes them: aligned, not negative.
    Buffers are alive from their first to their last position, inclusive.

    >>> three = np.array([[16, 64], [48, 16], [32, 32]])  # 48 + 32, and 64 + 16
    >>> heads(three, first=[0, 0, 1], last=[0, 1, 2]).tolist()
    [80, 80]
    """
    count, points = sizes.shape
    if not count or not points:
        return np.zeros(points, dtype=np.int64)
    if sum(int(row.max()) for row in sizes) >= LARGEST_INT64:
        sizes = sizes.astype(object)
    pairs = [(a, b) for a, b in combinations(range(count), 2) if first[a] <= last[b] and first[b] <= last[a]]
    beside: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs:
        beside[a].append(b)
        beside[b].append(a)
    found = np.zeros(points, dtype=sizes.dtype)
    for members in _alike(sizes, pairs):
        for low in range(0, len(members), _AT_ONCE):
            some = members[low : low + _AT_ONCE]
            found[some] = _placed(np.ascontiguousarray(sizes[:, some]), beside)
    return found


def _alike(sizes: Array, pairs: Sequence[tuple[int, int]]) -> Iterator[Array]:
    """The points of the grid, those together that have the same order of every pair."""
    points = sizes.shape[1]
    if not pairs:
        yield np.arange(points)
        return
    later_first = np.empty((len(pairs), points), dtype=bool)
    for row, (a, b) in zip(later_first, pairs, strict=True):
        np.greater_equal(sizes[b], sizes[a], out=row)
    packed = np.ascontiguousarray(np.packbits(later_first, axis=0).T)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, kinds = np.unique(rows, return_inverse=True)
    order = np.argsort(kinds, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)


def _placed(sizes: Array, beside: Sequence[Sequence[int]]) -> Array:
    """The bytes that buffers take at points that have the same order of every pair of neighbours."""
    ends = np.zeros_like(sizes)
    starts = np.zeros_like(sizes)
    order = sorted(range(len(sizes)), key=lambda one: (sizes[one, 0], one), reverse=True)
    done: set[int] = set()
    for one in order:
        size, start = sizes[one], starts[one]
        around = [other for other in beside[one] if other in done]
        moved = bool(around)
        while moved:  # each time past all that is in the way, which brings others into the way
            moved = False
            for other in around:
                in_the_way = (starts[other] < start + size) & (ends[other] > start)
                if in_the_way.any():
                    np.copyto(start, ends[other], where=in_the_way)
                    moved = len(around) > 1
        np.add(start, size, out=ends[one])
        done.add(one)
    return np.asarray(ends.max(axis=0))
