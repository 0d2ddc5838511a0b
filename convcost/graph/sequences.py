"""Aligning two sequences: which elements stand for each other, order kept, so that the sum of their likenesses is largest."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from difflib import SequenceMatcher

Likeness = Callable[[int, int], int]
"""Of the i-th element of one sequence and the j-th of the other; 0 if they cannot stand for each other."""
OPENING = 60
"""What a gap takes away: one gap of three is better than three gaps of one."""
MOST_CELLS = 160_000
"""Of a table that is filled in; beyond, sequences are cut at what they have in common."""

_NONE = -(10**9)
_BOTH, _FIRST, _SECOND = range(3)


def aligned(
    first: Sequence[Hashable], second: Sequence[Hashable], likeness: Likeness, coarse: Sequence[Sequence[Hashable]]
) -> list[tuple[int, int]]:
    """Pairs of places that stand for each other, in order.

    Equal elements at both ends are paired at once. What is left between is aligned by dynamic programming with affine
    gaps; where that would be too large, it is cut at equal `coarse` keys (one sequence of keys for each side) first.

    >>> one, other = "abcdef", "abXYcef"
    >>> aligned(one, other, lambda i, j: 100 * (one[i] == other[j]), (one, other))
    [(0, 0), (1, 1), (2, 4), (4, 5), (5, 6)]
    """
    start, stop = _ends(first, second)
    rows, columns = range(start, len(first) - stop), range(start, len(second) - stop)
    if len(rows) * len(columns) <= MOST_CELLS:
        middle = _by_table(rows, columns, likeness)
    else:
        middle = _by_cuts(rows, columns, likeness, coarse)
    tail = [(len(first) - at, len(second) - at) for at in range(stop, 0, -1)]
    return [*((at, at) for at in range(start)), *middle, *tail]


def _ends(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[int, int]:
    """How many elements at the beginning are equal, and of the others how many at the end."""
    shorter = min(len(first), len(second))
    start = 0
    while start < shorter and first[start] == second[start]:
        start += 1
    stop = 0
    while stop < shorter - start and first[-1 - stop] == second[-1 - stop]:
        stop += 1
    return start, stop


def _by_cuts(
    rows: range, columns: range, likeness: Likeness, coarse: Sequence[Sequence[Hashable]]
) -> list[tuple[int, int]]:
    one, other = ([keys[at] for at in part] for keys, part in zip(coarse, (rows, columns)))
    pairs: list[tuple[int, int]] = []
    for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        here, there = rows[a:b], columns[c:d]
        if tag == "equal":
            pairs += zip(here, there)
        elif len(here) * len(there) <= MOST_CELLS:
            pairs += _by_table(here, there, likeness)
        else:  # nothing in common, and many of them: in order, where they can stand for each other at all
            pairs += [(i, j) for i, j in zip(here, there) if likeness(i, j) > 0]
    return pairs


def _by_table(rows: range, columns: range, likeness: Likeness) -> list[tuple[int, int]]:
    """Gotoh's algorithm: three tables, for ends in a pair, in a gap of the second, in a gap of the first."""
    if not rows or not columns:
        return []
    width = len(columns)
    both = [0, *[_NONE] * width]
    down = [_NONE] * (width + 1)
    across = [_NONE, *[-OPENING] * width]
    trace: list[list[tuple[int, int, int]]] = []
    for i in rows:
        next_both, next_down, next_across = [_NONE], [-OPENING], [_NONE]
        line = []
        for at, j in enumerate(columns, 1):
            alike = likeness(i, j)
            pair, pair_from = _best(both[at - 1], down[at - 1], across[at - 1])
            pair = pair + alike if alike > 0 else _NONE
            gap, gap_from = _best(both[at] - OPENING, down[at], across[at] - OPENING)
            side, side_from = _best(next_both[at - 1] - OPENING, next_down[at - 1] - OPENING, next_across[at - 1])
            next_both.append(pair)
            next_down.append(gap)
            next_across.append(side)
            line.append((pair_from, gap_from, side_from))
        trace.append(line)
        both, down, across = next_both, next_down, next_across
    return _traced(rows, columns, trace, _best(both[-1], down[-1], across[-1])[1])


def _best(pair: int, gap: int, side: int) -> tuple[int, int]:
    """The largest, and which of them: a pair before a gap."""
    if pair >= gap and pair >= side:
        return pair, _BOTH
    return (gap, _FIRST) if gap >= side else (side, _SECOND)


def _traced(rows: range, columns: range, trace: list[list[tuple[int, int, int]]], state: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    i, j = len(rows), len(columns)
    while i and j:
        before = trace[i - 1][j - 1][state]
        if state == _BOTH:
            i, j = i - 1, j - 1
            pairs.append((rows[i], columns[j]))
        elif state == _FIRST:
            i -= 1
        else:
            j -= 1
        state = before
    return pairs[::-1]


def moved(
    first: Sequence[Hashable], second: Sequence[Hashable], names: tuple[Sequence[Hashable], Sequence[Hashable]]
) -> list[tuple[int, int]]:
    """Equal elements that stand elsewhere among the others that are equal: pairs of places.

    Only an element that stands once in each sequence is known to be the same, and of equal ones those that have a name
    that only they have; of elements that are all the same on both sides the first stands for the first.

    >>> def of(one, other): return moved(one, other, (one, other))
    >>> of("abcd", "acdb"), of("abab", "aabb"), of("aab", "aba")
    ([(1, 3)], [(1, 2)], [(1, 2)])
    >>> moved("xxy", "xyx", ("abc", "bca"))
    [(0, 2)]
    """
    pairs = _same(list(zip(first, names[0])), list(zip(second, names[1])), all_alike=False)
    known = {i for i, _ in pairs}, {j for _, j in pairs}
    left = [[at for at in range(len(side)) if at not in known[end]] for end, side in enumerate((first, second))]
    rest = _same([first[at] for at in left[0]], [second[at] for at in left[1]], all_alike=True)
    pairs = sorted([*pairs, *((left[0][i], left[1][j]) for i, j in rest)])
    kept = set(_rising([j for _, j in pairs]))
    return [pair for at, pair in enumerate(pairs) if at not in kept]


def _same(first: Sequence[Hashable], second: Sequence[Hashable], *, all_alike: bool) -> list[tuple[int, int]]:
    """Pairs of elements that stand once in each; of more if both have the same elements, where that is enough."""
    one, other = Counter(first), Counter(second)
    reordered = all_alike and one == other
    places: dict[Hashable, list[int]] = {}
    for j, key in enumerate(second):
        places.setdefault(key, []).append(j)
    found = []
    for i, key in enumerate(first):
        if key in places and (reordered or one[key] == other[key] == 1):
            found.append((i, places[key].pop(0)))
    return found


def _rising(numbers: Sequence[int]) -> list[int]:
    """The places of a longest rising subsequence."""
    ends: list[int] = []
    at_end: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        place = bisect_left(ends, number)
        before.append(at_end[place - 1] if place else -1)
        ends[place : place + 1] = [number]
        at_end[place : place + 1] = [at]
    found = []
    at = at_end[-1] if at_end else -1
    while at >= 0:
        found.append(at)
        at = before[at]
    return found[::-1]
