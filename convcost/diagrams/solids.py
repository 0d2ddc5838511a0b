"""Tensors and filters as boxes in oblique projection: a face of height × width, channels going back; on one scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.render.canvas import Label, Mark, Polygon, around, moved
from convcost.render.lettering import text_width

BACK = 0.36
"""How far to the right, and up, a length goes that leads back: half of it, under 45 degrees."""
EDGE = 11
"""Font size of the sizes at edges."""
_SHORTEST = 9
"""Length of 1 on a logarithmic scale."""
_LEAST_CELL, _LARGEST_CELL = 4, 14
"""Lengths of one element on a scale that shows them all."""
_MOST_LINES = 40
"""The most cells along an edge that are drawn one by one."""


class Solid(NamedTuple):
    """The three sizes of a box, and the texts at its edges, empty where an edge says nothing."""

    across: int
    down: int
    back: int
    texts: tuple[str, str, str]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Across, down, back."""
        return self.across, self.down, self.back


def solid(shape: Shape) -> Solid:
    """A tensor, or a filter, as a box.

    Channels go back; a sequence is a box of height 1; of a volume the depth goes back, and its channels are no edge.

    >>> solid((6, 6, 3)).texts, solid((5000, 12)).sizes, solid((16, 112, 112, 3)).sizes
    (('6', '6', '3'), (5000, 1, 12), (112, 112, 16))
    """
    if len(shape) == 2:
        length, channels = shape
        return Solid(length, 1, channels, (str(length), "", str(channels)))
    if len(shape) == 4:
        depth, height, width, _ = shape
        return Solid(width, height, depth, (str(width), str(height), str(depth)))
    height, width, channels = shape
    return Solid(width, height, channels, (str(width), str(height), str(channels)))


class Scale(NamedTuple):
    """How long edges are drawn: in proportion, cell by cell, or by their logarithm."""

    cell: float
    """Length of one element; 0 on a logarithmic scale."""
    most: int
    longest: float

    def length(self, size: int) -> float:
        """In pixels.

        >>> Scale(14, 6, 84).length(6), Scale(0, 1024, 89).length(1), Scale(0, 1024, 89).length(32)
        (84, 9, 49.0)
        """
        if self.cell:
            return size * self.cell
        return _SHORTEST + (self.longest - _SHORTEST) * log(size) / log(self.most) if size > 1 else _SHORTEST

    @property
    def text(self) -> str:
        """What a reader has to know of it."""
        if self.cell:
            return "Drawn to scale, cell by cell."
        return f"Edges on a logarithmic scale, since sizes go from 1 to {self.most:,}; areas cannot be compared."


def scale_of(solids: Sequence[Solid], longest: float) -> Scale:
    """Cells where each of them can be seen, else logarithms.

    >>> scale_of([solid((6, 6, 3))], 84), scale_of([solid((224, 224, 3))], 84).cell
    (Scale(cell=14, most=6, longest=84), 0)
    """
    wide = max(max(one.across, one.down) for one in solids)
    deep = max(one.back for one in solids)
    cell = min(_LARGEST_CELL, longest / wide, 2.5 * longest / deep)
    most = max(wide, deep)
    return Scale(cell, most, longest) if cell >= _LEAST_CELL else Scale(0, max(2, most), longest)


class Part(NamedTuple):
    """A box in the corner where three faces of another one are seen, and its colour."""

    solid: Solid
    color: str


def drawn(one: Solid, scale: Scale, color: str, part: Part | None = None) -> list[Mark]:
    """A box, its front face at the left below, its outline from (0, 0) on; with a part of it in another colour."""
    block = _Block(*map(scale.length, one.sizes))
    marks: list[Mark] = list(block.faces(color, 0.32))
    if part is not None:
        marks += block.corner(*map(scale.length, part.solid.sizes)).faces(part.color, 0.85)
    if scale.cell:
        marks += block.lines(one.sizes)
    return [*marks, *block.edges()]


class _Block(NamedTuple):
    """A box in pixels: width, height and length back of it, and where its front face begins."""

    width: float
    height: float
    back: float
    left: float = 0
    top: float | None = None

    @property
    def off(self) -> float:
        return self.back * BACK

    @property
    def front(self) -> float:
        """The top of the front face."""
        return self.off if self.top is None else self.top

    def at(self, across: float, down: float, back: float) -> tuple[float, float]:
        """A point of the box."""
        return self.left + across + back * BACK, self.front + down - back * BACK

    def corner(self, width: float, height: float, back: float) -> _Block:
        """A box in its upper right corner in front."""
        return _Block(width, height, back, self.left + self.width - width, self.front)

    def faces(self, color: str, opacity: float) -> Iterator[Polygon]:
        """The front, the top and the right side, the latter darker."""
        w, h, b, at = self.width, self.height, self.back, self.at
        yield Polygon((at(0, 0, 0), at(w, 0, 0), at(w, h, 0), at(0, h, 0)), color, opacity)
        yield Polygon((at(0, 0, 0), at(w, 0, 0), at(w, 0, b), at(0, 0, b)), color, opacity * 0.7)
        yield Polygon((at(w, 0, 0), at(w, h, 0), at(w, h, b), at(w, 0, b)), color, min(1, opacity * 1.4))

    def edges(self) -> Iterator[Polygon]:
        """The outline of the three faces."""
        w, h, b, at = self.width, self.height, self.back, self.at
        outline = (at(0, 0, 0), at(0, 0, b), at(w, 0, b), at(w, h, b), at(w, h, 0), at(0, h, 0))
        yield Polygon(outline, stroke="ink")
        yield Polygon((at(0, 0, 0), at(w, 0, 0)), stroke="ink")
        yield Polygon((at(w, 0, 0), at(w, 0, b)), stroke="ink")
        yield Polygon((at(w, 0, 0), at(w, h, 0)), stroke="ink")

    def lines(self, sizes: Sequence[int]) -> Iterator[Polygon]:
        """The borders of the cells on the three faces."""
        w, h, b, at = self.width, self.height, self.back, self.at
        across, down, back = (range(1, size) if size <= _MOST_LINES else range(0) for size in sizes)
        for n in across:
            x = n * w / sizes[0]
            yield Polygon((at(x, h, 0), at(x, 0, 0)), stroke="muted", width=0.5)
            yield Polygon((at(x, 0, 0), at(x, 0, b)), stroke="muted", width=0.5)
        for n in down:
            y = n * h / sizes[1]
            yield Polygon((at(0, y, 0), at(w, y, 0)), stroke="muted", width=0.5)
            yield Polygon((at(w, y, 0), at(w, y, b)), stroke="muted", width=0.5)
        for n in back:
            z = n * b / sizes[2]
            yield Polygon((at(0, 0, z), at(w, 0, z)), stroke="muted", width=0.5)
            yield Polygon((at(w, 0, z), at(w, h, z)), stroke="muted", width=0.5)


def measured(one: Solid, scale: Scale, *, across: bool = True, down: bool = True, back: bool = True) -> list[Mark]:
    """The sizes at the edges of a box that begins at (0, 0): below, at the left, and at the right below."""
    width, height, deep = map(scale.length, one.sizes)
    off, texts = deep * BACK, one.texts
    labels = []
    if across and texts[0]:
        labels.append(Label(width / 2, off + height + EDGE + 1, texts[0], EDGE, "middle", color="muted"))
    if down and texts[1]:
        labels.append(Label(-4, off + height / 2 + EDGE * 0.35, texts[1], EDGE, "end", color="muted"))
    if back and texts[2]:
        # Beside the lower edge that leads back, right of where the size below ends.
        right = max(width + off / 2 + 4, width / 2 + text_width(texts[0], EDGE) / 2 + 4)
        labels.append(Label(right, off / 2 + height + EDGE, texts[2], EDGE, color="muted"))
    return list(labels)


def tiled(one: Solid, count: int, scale: Scale, color: str, room: float, columns: int, of_many: int) -> list[Mark]:
    """So many equal boxes, in columns within a height.

    Where `columns` do not hold all, fewer of them show some `of_many`, and an ellipsis stands for the rest.
    """
    width, height, deep = map(scale.length, one.sizes)
    gap = 6.0
    across, down = width + deep * BACK + gap, height + deep * BACK + gap
    rows = max(1, min(count, int((room + gap) // down)))
    shown = count if count <= rows * columns else min(count, rows * of_many)
    marks: list[Mark] = []
    last = (0.0, 0.0)
    for at in range(shown):
        last = (at // rows * across, at % rows * down)
        marks += moved(drawn(one, scale, color), *last)
    first_column = min(rows, shown)
    marks += moved(measured(one, scale, back=False), 0, (first_column - 1) * down)
    marks += moved(measured(one, scale, across=False, down=False), *last)
    if shown < count:
        covered = around(marks)
        marks.append(Label(covered.right + 4, (covered.top + covered.bottom) / 2, "…", 16, bold=True))
    return marks
