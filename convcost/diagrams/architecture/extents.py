"""What boxes, labels and lines cover, as rectangles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from convcost.diagrams.architecture.labels import ASCENT, DESCENT, width
from convcost.diagrams.architecture.picture import Box, Edge, Label


class Extent(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    low: float

    def meets(self, other: Extent) -> bool:
        """Whether they have more than an edge in common.

        >>> Extent(0, 0, 2, 2).meets(Extent(1, 1, 3, 3)), Extent(0, 0, 2, 2).meets(Extent(2, 0, 3, 2))
        (True, False)
        """
        return self.left < other.right and other.left < self.right and self.top < other.low and other.top < self.low

    def holds(self, other: Extent) -> bool:
        """Whether the other is inside."""
        inside = self.left <= other.left and other.right <= self.right
        return inside and self.top <= other.top and other.low <= self.low

    def wider(self, by: float) -> Extent:
        """The rectangle with a margin."""
        return Extent(self.left - by, self.top - by, self.right + by, self.low + by)


def box_extent(box: Box) -> Extent:
    """What a box covers."""
    return Extent(box.x, box.y, box.x + box.width, box.y + box.height)


def label_extent(label: Label) -> Extent:
    """What a label covers, in the widest of the fonts asked for."""
    wide = width(label.text, label.size, bold=label.bold)
    left = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    return Extent(left, label.y - ASCENT * label.size, left + wide, label.y + DESCENT * label.size)


def line_extents(edge: Edge) -> Iterator[Extent]:
    """What each straight piece of a line covers."""
    for (x, y), (to_x, to_y) in pairwise(edge.points):
        yield Extent(min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y)).wider(0.5)


def edge_extents(edges: Iterable[Edge]) -> Iterator[Extent]:
    """What the straight pieces of all lines cover."""
    for edge in edges:
        yield from line_extents(edge)
