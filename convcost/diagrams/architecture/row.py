"""The row of stages: boxes to scale from left to right, in as many lines as the width asks for, or in the shape of a U."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log2

from convcost.core.dims import Shape
from convcost.diagrams.architecture.boxes import Chosen
from convcost.diagrams.architecture.layout import Laid, Point, Spot, Style, layered, ranked
from convcost.diagrams.architecture.picture import ASCENT, LINE, STACK, Box, Edge, Label
from convcost.diagrams.architecture.sheet import MARGIN, NAME, SIZE, TEXT, Costs, Sheet, box_of, input_box
from convcost.diagrams.architecture.valley import positions, valley
from convcost.diagrams.architecture.words import share_text, size_lines, titles
from convcost.render.lettering import longest_word, text_width, wrapped

GUTTER = 26.0
"""Between the lines of a row."""
_LOW, _HIGH = 30.0, 104.0
"""The heights of the smallest and of the largest map."""
_THIN, _PER_DOUBLING = 8.0, 2.4
"""The width of one channel, and what each doubling adds."""
_STYLE = Style(gap=10, need=14, apart=14, low_only=True, main=True)
_LINE_BEFORE, _NEXT_LINE, _OUTSIDE = -2, -3, -1
"""Ends of links that are no boxes."""
_PORT = Spot(0, 0, 0, 6, 6, 0)


class Scale:
    """How large boxes are: the height by the logarithm of the map, the width by that of the channels."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.most = max([log2(max(1, positions(shape))) for shape in shapes if shape], default=0.0) or 1.0

    def half_height(self, shape: Shape) -> float:
        """Half of the height of a box that makes a tensor of this shape."""
        part: float = log2(max(1, positions(shape))) / self.most if shape else 0.0
        return round(_LOW + (_HIGH - _LOW) * part * part) / 2

    def half_width(self, shape: Shape) -> float:
        """Half of its width."""
        return round(_THIN + _PER_DOUBLING * log2(max(1, shape[-1] if shape else 1))) / 2


@dataclass(frozen=True)
class _Drawn:
    """A box of the row before it has a place; lengths are halves."""

    box: Box
    lines: tuple[str, ...]
    below: tuple[str, ...]
    half_width: float
    half_height: float
    room: float
    """Of its labels, to each side."""
    size: tuple[str, ...]
    """The size of its tensor, over and under an arrow."""

    @property
    def deep(self) -> float:
        """What the labels take below the box."""
        return 5 + (len(self.lines) * NAME + len(self.below) * TEXT) * LINE

    @property
    def ahead(self) -> float:
        """Half of the box and the size of its tensor."""
        return self.half_width + self.behind + 5 + max(text_width(line, SIZE) for line in self.size)

    @property
    def behind(self) -> float:
        """What the second outline of a box that stands for several takes."""
        return STACK if self.box.repeats > 1 else 0.0


@dataclass(frozen=True)
class _Piece:
    """One line of the row, laid out around its own origin."""

    laid: Laid
    spots: tuple[Spot, ...]
    links: tuple[tuple[int, int], ...]
    left: float
    right: float
    high: float
    low: float


class Row:
    """The row of a picture."""

    def __init__(self, chosen: Chosen, costs: Costs) -> None:
        scene = chosen.row
        letters = dict(chosen.letters)
        boxes = [input_box(name, shape) for name, shape in scene.given]
        boxes += [box_of(part, part.units, costs, chosen.wired, letters) for part in scene.parts]
        scale = Scale([box.shape for box in boxes])
        names = [*(name for name, _ in scene.given), *titles(scene.parts)]
        self.drawn = [_drawn(box, name, scale) for box, name in zip(boxes, names)]
        self.links = [(source, target) for source, target, _ in scene.links]
        self.sent = {(source, target): shape for source, target, shape in scene.links}
        self.ends = scene.ends
        self.read = {source for source, _ in self.links}
        self.ranks = ranked(len(boxes), self.links)
        self.lanes = valley([box.shape for box in boxes], self.links)

    @property
    def is_valley(self) -> bool:
        """Whether the row has the shape of a U."""
        return self.lanes is not None

    def place(self, sheet: Sheet, top: float, room: float) -> tuple[float, float]:
        """Put the boxes onto the sheet, in lines that are so wide; where they end to the right and below."""
        lanes = self.lanes
        lines = [tuple(range(len(self.drawn)))] if lanes else self._lines(room)
        number: dict[int, int] = {}
        right, y, edge = 0.0, top, 0.0
        waiting: tuple[int, list[Point]] | None = None
        for line in lines:
            piece = self._piece(line, lanes)
            start, y = y, y + piece.high
            left = MARGIN + piece.left
            for at, x, across, spot in zip(line, piece.laid.along, piece.laid.across, piece.spots):
                number[at] = len(sheet.boxes)
                self._put(sheet, at, (left + x, y + across), spot)
            before = edge
            for (origin, target), route in zip(piece.links, piece.laid.routes):
                source, points = origin, [(left + along, y + across) for along, across in route]
                if origin == _LINE_BEFORE and waiting is not None:
                    source, first = waiting
                    points = _turned(first, points, before, start - GUTTER / 2)
                if target == _NEXT_LINE:
                    waiting, edge = (source, points), left + piece.right
                    continue
                self._join(sheet, number, (source, target), points)
            self._sizes(sheet, number, line, piece, (left, y))
            right, y = max(right, left + piece.right), y + piece.low + GUTTER
        return right, y - GUTTER

    def _join(self, sheet: Sheet, number: dict[int, int], link: tuple[int, int], points: Sequence[Point]) -> None:
        source, target = link
        shape = self.sent.get(link, self.drawn[source].box.shape)
        sheet.edges.append(Edge(number[source], number.get(target, -1), shape, tuple(points), ""))

    def _piece(self, line: Sequence[int], lanes: Sequence[int] | None) -> _Piece:
        """One line laid out, with ports for what comes from the line before, goes on to the next one, or leaves."""
        inside = {at: n for n, at in enumerate(line)}
        links = [(a, b) for a, b in self.links if a in inside or b in inside]
        links = [(a if a in inside else _LINE_BEFORE, b if b in inside else _NEXT_LINE) for a, b in links]
        links += [(at, _OUTSIDE) for at in self.ends if at in inside and at not in self.read]
        local, ports = [], len(line)
        for a, b in links:
            local.append((inside.get(a, ports), inside.get(b, ports)))
            ports += a < 0 or b < 0
        single = lanes is None and len({self.ranks[at] for at in line}) == len(line)
        deepest = max(self.drawn[at].half_height for at in line) if single else 0.0
        spots = [_spot(self.drawn[at], deepest) for at in line]
        own = [*lanes, *(lanes[a] for a, b in links if b == _OUTSIDE)] if lanes else None
        laid = layered([*spots, *[_PORT] * (ports - len(line))], local, _STYLE, own)
        if single:
            laid = _level(laid, len(line))
        alongs = [along for route in laid.routes for along, _ in route]
        acrosses = [across for route in laid.routes for _, across in route]
        places = list(zip(spots, laid.along, laid.across))
        return _Piece(
            laid,
            tuple(spots),
            tuple(links),
            left=-min([x - spot.full for spot, x, _ in places] + alongs),
            right=max([x + spot.full for spot, x, _ in places] + alongs),
            high=max([spot.before - across for spot, _, across in places] + [8 - across for across in acrosses]),
            low=max([spot.after + across for spot, _, across in places] + [8 + across for across in acrosses]),
        )

    def _put(self, sheet: Sheet, at: int, middle: Point, spot: Spot) -> None:
        """A box with its labels below."""
        one, (x, y) = self.drawn[at], middle
        number = len(sheet.boxes)
        sheet.boxes.append(
            replace(
                one.box,
                x=x - one.half_width,
                y=y - one.half_height,
                width=2 * one.half_width,
                height=2 * one.half_height,
            )
        )
        low = y + spot.after - one.deep + 5
        for text in one.lines:
            sheet.labels.append(Label(text, x, low + NAME * ASCENT, NAME, bold=True, anchor="middle", box=number))
            low += NAME * LINE
        for text in one.below:
            sheet.labels.append(Label(text, x, low + TEXT * ASCENT, TEXT, anchor="middle", tone="muted", box=number))
            low += TEXT * LINE

    def _sizes(self, sheet: Sheet, number: dict[int, int], line: Sequence[int], piece: _Piece, origin: Point) -> None:
        """The sizes of tensors on the lines that leave the boxes of a line."""
        single = len(set(piece.laid.across)) == 1
        leaving: dict[int, list[tuple[Point, ...]]] = defaultdict(list)
        for (source, _), route in zip(piece.links, piece.laid.routes):
            leaving[source].append(route)
        corners = sorted(along for route in piece.laid.routes for along, _ in route)
        for at, along, across in zip(line, piece.laid.along, piece.laid.across):
            one = self.drawn[at]
            starts = [route for route in leaving[at] if route[0] == (along + one.half_width, across)]
            if not starts:
                continue
            wide = one.ahead - one.half_width - one.behind - 5
            x = origin[0] + along + one.half_width + one.behind + 5 + wide / 2
            begin, end = starts[0][0][0], starts[0][-1][0]
            alone = bisect_right(corners, begin) >= bisect_left(corners, end)
            if single and alone and len(starts[0]) == 2:
                x = origin[0] + (starts[0][0][0] + one.behind + starts[0][1][0] - 5) / 2
            y = origin[1] + across
            for text, low in zip(one.size, (y - 4, y + 2 + SIZE)):
                sheet.labels.append(Label(text, x, low, SIZE, anchor="middle", tone="muted", box=number[at]))

    def _lines(self, room: float) -> list[tuple[int, ...]]:
        """The boxes in lines of about equal widths, broken where a single tensor goes on."""
        last = max(self.ranks)
        by_rank = [[at for at, rank in enumerate(self.ranks) if rank == n] for n in range(last + 1)]
        wide = [
            max(
                max(2 * max(one.room, one.half_width) + 10, one.half_width + one.ahead + 9)
                for one in map(self.drawn.__getitem__, row)
            )
            for row in by_rank
        ]
        able = [n for n in range(1, last + 1) if self._is_cut(n)]
        ends = [0, *able, last + 1]
        unbroken = max(sum(wide[a:b]) for a, b in pairwise(ends))
        most = max(room * 1.04, unbroken)
        for count in range(ceil(sum(wide) / most), len(ends)):
            cuts = _even(wide, able, count)
            if max(sum(wide[a:b]) for a, b in pairwise([0, *cuts, last + 1])) <= most:
                break
        return [tuple(at for row in by_rank[a:b] for at in row) for a, b in pairwise([0, *cuts, last + 1])]

    def _is_cut(self, rank: int) -> bool:
        """Whether one tensor alone goes on to a rank and those after it."""
        passing = [(a, b) for a, b in self.links if self.ranks[a] < rank <= self.ranks[b]]
        early = any(self.ranks[at] < rank - 1 and at not in self.read for at in range(len(self.ranks)))
        return len(passing) == 1 and not early


def _even(wide: Sequence[float], able: Sequence[int], count: int) -> list[int]:
    """The places where to break into so many lines, such that the widest is as narrow as can be."""
    ends = [0, *able, len(wide)]
    table = {(a, b): sum(wide[a:b]) for a in ends for b in ends}
    found: dict[tuple[int, int], tuple[float, list[int]]] = {(end, 1): (table[0, end], []) for end in ends[1:]}
    for lines in range(2, count + 1):
        for n, end in enumerate(ends[1:], start=1):
            options = [
                (max(found[cut, lines - 1][0], table[cut, end]), [*found[cut, lines - 1][1], cut])
                for cut in ends[1:n]
                if (cut, lines - 1) in found
            ]
            if options:
                found[end, lines] = min(options)
    return found[len(wide), count][1]


def _drawn(box: Box, name: str, scale: Scale) -> _Drawn:
    """A box with its labels in lines."""
    natural = text_width(name, NAME, bold=True)
    room = min(96.0, max(longest_word(name, NAME, bold=True), min(78.0, natural)))
    lines = tuple(wrapped(name, room, NAME, bold=True))
    below: list[str] = []
    if box.kind != "input":
        text = "" if box.text == name else box.text
        terms = [text_width(f"+ {term}", TEXT) for term in text.split(" + ")]
        below = wrapped(text, max(room, 60.0, min(100.0, max(terms))), TEXT, most=3) if text else []
        below.append(share_text(box.share) if box.known else "unknown")
    widths = [text_width(line, NAME, bold=True) for line in lines] + [text_width(line, TEXT) for line in below]
    return _Drawn(
        box,
        lines,
        tuple(below),
        scale.half_width(box.shape),
        scale.half_height(box.shape),
        max(widths) / 2,
        size_lines(box.shape),
    )


def _spot(one: _Drawn, deepest: float) -> Spot:
    """What a box takes; `deepest` is half of the highest box beside it, if its labels stand below that."""
    low = max(one.half_height, deepest) + one.deep
    return Spot(
        one.half_width,
        max(one.room, one.half_width),
        one.ahead,
        max(one.half_height, deepest) + 3,
        low,
        one.half_height,
    )


def _level(laid: Laid, count: int) -> Laid:
    """A line without branches, around the middle of its boxes."""
    middle = laid.across[0] if count else 0.0
    return Laid(
        laid.along,
        tuple(across - middle for across in laid.across),
        tuple(tuple((along, across - middle) for along, across in route) for route in laid.routes),
        laid.ranks,
    )


def _turned(first: Sequence[Point], second: Sequence[Point], edge: float, gutter: float) -> list[Point]:
    """A line that goes on in the next line of the row: around through the gutter between."""
    right, left = edge + 6, MARGIN / 2
    _, before = first[-1]
    _, after = second[0]
    return [*first[:-1], (right, before), (right, gutter), (left, gutter), (left, after), *second[1:]]
