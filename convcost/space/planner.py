"""The greedy planner of TensorFlow Lite Micro at every point of a grid at once, equal to the planner of single networks.

Buffers are placed one after the other, the largest first; of equal ones that with the higher number. Each goes to the
lowest offset at which no buffer that is alive together with it and placed already is in its way.

Where two buffers are never alive together, it plays no part which of them is placed first. So points of the grid are
treated alike that have one order for each pair that *is* alive together: in a network without branches these are
neighbours, whose order hardly changes with the sizes, whereas the order of all buffers changes from point to point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array

_TOGETHER = 2**18
"""Sizes of neighbours at all points that are placed together: what is held of them stays in the cache."""
_COMPARED = 2**25
"""Pairs at all points whose order is found together, a byte each."""


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
    beside = _beside(first, last)
    pairs = sum(map(len, beside)) // 2
    together = max(1, _TOGETHER // max(1, *map(len, beside)))
    compared = max(1, _COMPARED // max(1, pairs))
    found = np.zeros(points, dtype=sizes.dtype)
    for begin in range(0, points, compared):
        for members in _alike(sizes[:, begin : begin + compared], beside):
            for low in range(0, len(members), together):
                some = members[low : low + together] + begin
                found[some] = _placed(np.ascontiguousarray(sizes[:, some]), beside)
    return found


def _beside(first: Sequence[int], last: Sequence[int]) -> list[Array]:
    """For each buffer, the numbers of those that are alive together with it.

    >>> [others.tolist() for others in _beside([0, 1, 2], [1, 2, 3])]
    [[1], [0, 2], [1]]
    """
    begins, ends = np.asarray(first), np.asarray(last)
    found = [np.flatnonzero((begins <= end) & (ends >= begin)) for begin, end in zip(first, last, strict=True)]
    return [others[others != one] for one, others in enumerate(found)]


def _alike(sizes: Array, beside: Sequence[Array]) -> Iterator[Array]:
    """The points of the grid, those together that have the same order of every pair."""
    points = sizes.shape[1]
    after = [others[others > one] for one, others in enumerate(beside)]
    if not any(map(len, after)):
        yield np.arange(points)
        return
    later_first = np.empty((sum(map(len, after)), points), dtype=bool)
    begin = 0
    for size, others in zip(sizes, after, strict=True):
        np.greater_equal(sizes[others], size, out=later_first[begin : begin + len(others)])
        begin += len(others)
    packed = np.ascontiguousarray(np.packbits(later_first, axis=0).T)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, kinds = np.unique(rows, return_inverse=True)
    order = np.argsort(kinds, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)


def _placed(sizes: Array, beside: Sequence[Array]) -> Array:
    """The bytes that buffers take at points that have the same order of every pair of neighbours."""
    starts, ends = np.zeros_like(sizes), np.zeros_like(sizes)
    done = np.zeros(len(sizes), dtype=bool)
    for one in sorted(range(len(sizes)), key=lambda one: (sizes[one, 0], one), reverse=True):
        around = beside[one][done[beside[one]]]
        around = around[np.argsort(starts[around, 0], kind="stable")]
        lying = [(starts[other], ends[other]) for other in around.tolist()]
        if any((a > b).any() for (a, _), (b, _) in pairwise(lying)):  # at other points others lie lowest
            lying = _lowest_first(starts[around], ends[around])
        _lift(starts[one], sizes[one], lying)
        np.add(starts[one], sizes[one], out=ends[one])
        done[one] = True
    return np.asarray(ends.max(axis=0))


def _lowest_first(starts: Array, ends: Array) -> list[tuple[Array, Array]]:
    """Where buffers begin and end, the lowest of them first at each point."""
    order = np.argsort(starts, axis=0, kind="stable")
    return list(zip(np.take_along_axis(starts, order, axis=0), np.take_along_axis(ends, order, axis=0), strict=True))


def _lift(start: Array, size: Array, lying: Sequence[tuple[Array, Array]]) -> None:
    """Lift a buffer at each point to the lowest offset at which it meets none of those that lie there, the lowest first.

    >>> start, lying = np.array([0, 0]), [(np.array([0, 0]), np.array([16, 16])), (np.array([32, 48]), np.array([64, 64]))]
    >>> _lift(start, np.array([32, 32]), lying)
    >>> start.tolist()  # from 16 to 32 is too short, from 16 to 48 is not
    [64, 16]
    """
    for begin, end in lying:  # behind the first gap that is long enough, none begins before it ends
        np.maximum(start, end * (begin < start + size), out=start)
