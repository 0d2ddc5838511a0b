"""Networks in the shape of a U: maps shrink, grow again, and skips lead from the one side to the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import prod

from convcost.core.dims import Shape
from convcost.diagrams.architecture.layout import ranked


def positions(shape: Shape) -> int:
    """At how many places a tensor has channels.

    >>> positions((7, 7, 512)), positions((1000,))
    (49, 1)
    """
    return prod(shape[:-1])


def valley(shapes: Sequence[Shape], links: Sequence[tuple[int, int]]) -> list[int] | None:
    """The lane of each box, how many skips pass over it, if the boxes have the shape of a U; else None.

    >>> valley([(4, 4, 1), (2, 2, 1), (1, 1, 1), (2, 2, 1), (4, 4, 1)], [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 3)])
    [0, 1, 2, 1, 0]
    """
    ranks = ranked(len(shapes), links)
    if sorted(ranks) != list(range(len(shapes))):
        return None
    maps = [positions(shape) for shape in shapes]
    order = sorted(range(len(shapes)), key=ranks.__getitem__)
    lowest = ranks[min(order, key=maps.__getitem__)]
    skips = [(ranks[a], ranks[b]) for a, b in links if ranks[b] - ranks[a] > 1]
    nested = all((a < c and d < b) or (c < a and b < d) for (a, b), (c, d) in combinations(skips, 2))
    around = all(a < lowest < b for a, b in skips)
    falls = all(maps[a] >= maps[b] for a, b in pairwise(order[: lowest + 1]))
    rises = all(maps[a] <= maps[b] for a, b in pairwise(order[lowest:]))
    if len(skips) < 2 or not (nested and around and falls and rises):
        return None
    return [sum(a < rank < b for a, b in skips) for rank in ranks]
