"""What boxes, labels and lines cover, as rectangles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from convcost.diagrams.architecture.picture import ASCENT, DESCENT, Box, Edge, Label
from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle


def box_extent(box: Box) -> Rectangle:
    """What a box covers."""
    return Rectangle(box.x, box.y, box.x + box.width, box.y + box.height)


def label_extent(label: Label) -> Rectangle:
    """What a label covers, in the widest of the fonts asked for."""
    wide = text_width(label.text, label.size, bold=label.bold)
    left = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    return Rectangle(left, label.y - ASCENT * label.size, left + wide, label.y + DESCENT * label.size)


def line_extents(edge: Edge) -> Iterator[Rectangle]:
    """What each straight piece of a line covers."""
    for (x, y), (to_x, to_y) in pairwise(edge.points):
        yield Rectangle(min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y)).wider(0.5)


def edge_extents(edges: Iterable[Edge]) -> Iterator[Rectangle]:
    """What the straight pieces of all lines cover."""
    for edge in edges:
        yield from line_extents(edge)
