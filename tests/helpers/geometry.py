"""Whether things drawn touch each other: convex polygons, lines and boxes, by separating axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Points = Sequence[tuple[float, float]]
_ENOUGH = 1e-6


def corners(box: tuple[float, float, float, float]) -> Points:
    """Those of left, top, right, bottom."""
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def touch(one: Points, other: Points) -> bool:
    """Whether two convex shapes share more than a border; of two points, a line."""
    return not any(_apart(axis, one, other) for axis in (*_axes(one), *_axes(other)))


def _axes(points: Points) -> Iterator[tuple[float, float]]:
    """Normals of the edges; of a line its direction, too."""
    for (x, y), (u, v) in zip(points, [*points[1:], points[0]]):
        yield (v - y, x - u)
        if len(points) == 2:
            yield (u - x, v - y)


def _apart(axis: tuple[float, float], one: Points, other: Points) -> bool:
    a, b = axis
    first, second = ([a * x + b * y for x, y in points] for points in (one, other))
    scale = abs(a) + abs(b)
    return max(first) <= min(second) + _ENOUGH * scale or max(second) <= min(first) + _ENOUGH * scale
