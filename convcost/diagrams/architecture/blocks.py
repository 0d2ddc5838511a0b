"""The blocks that are drawn once: boxes with their text inside, from top to bottom, in a frame each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convcost.diagrams.architecture.boxes import SQUARE, Cell, Chosen
from convcost.diagrams.architecture.layout import Laid, Point, Spot, Style, layered
from convcost.diagrams.architecture.parts import Part, Wiring
from convcost.diagrams.architecture.picture import ASCENT, LINE, Box, Edge, Label, Panel
from convcost.diagrams.architecture.sheet import MARGIN, NAME, SIZE, TEXT, Costs, Sheet, box_of
from convcost.diagrams.architecture.words import size_lines, titles
from convcost.render.lettering import text_width, wrapped

_STYLE = Style(gap=12, need=16, apart=14)
_PAD = 12.0
_HEAD = 30.0
"""Of a frame, for its title."""
_INSIDE = 7.0
"""From the side of a box to its text."""
_WIDEST = 112.0
"""Of a line in a box."""
_APART = 16.0
"""Between frames."""
_PORT = Spot(0, 0, 0, 8, 8, 0)


class Block:
    """A block, laid out around its own origin."""

    def __init__(self, cell: Cell, chosen: Chosen, costs: Costs, *, framed: bool = True) -> None:
        self.cell, self.framed = cell, framed
        scene = cell.scene
        letters = {
            units: letter
            for units, letter in chosen.letters.items()
            if units != cell.shown.units and (not framed or letter != cell.letter)
        }
        self.given = len(scene.given)
        place = {unit: at for at, unit in enumerate(cell.shown.units)}
        self.boxes: list[Box] = []
        self.lines: list[list[tuple[str, float, bool]]] = []
        for part, name in zip(scene.parts, titles(scene.parts)):
            everywhere = [one.units[place[unit]] for one in cell.places for unit in part.units]
            box = box_of(part, everywhere, costs, chosen.wired, letters, cell.letter)
            if part.is_unit:
                box = replace(box, text=_text(part, place[part.units[0]], cell.places, chosen.wired))
            self.boxes.append(box)
            self.lines.append(_lines(name, box.text))
        spots = [
            *(_dot(shape) for _, shape in scene.given),
            *map(_spot, self.lines, self.boxes),
            *[_PORT] * len(scene.ends),
        ]
        first = self.given + len(scene.parts)
        links = [(source, target) for source, target, _ in scene.links]
        links += [(end, first + n) for n, end in enumerate(scene.ends)]
        self.shapes = [shape for *_, shape in scene.links]
        self.shapes += [self.boxes[end - self.given].shape for end in scene.ends]
        self.links, self.spots = links, spots
        self.laid: Laid = layered(spots, links, _STYLE)
        alongs = [along for route in self.laid.routes for along, _ in route]
        acrosses = [across for route in self.laid.routes for _, across in route]
        places = list(zip(spots, self.laid.along, self.laid.across))
        sizes = [across + text_width(_size(shape), SIZE) + 6 for shape, across in self._labelled()]
        self.left = min([across - spot.before for spot, _, across in places] + [at - 4 for at in acrosses])
        right = max([across + spot.after for spot, _, across in places] + [at + 4 for at in acrosses] + sizes)
        self.top = min([along - spot.core for spot, along, _ in places])
        low = max([along + spot.core for spot, along, _ in places] + alongs)
        many = len(cell.places) > 1
        self.name = f"{cell.name} ×{len(cell.places)}" if many else cell.name
        self.note = f"sizes of {'.'.join(cell.shown.path)}" if many else ""
        self.inner = right - self.left
        title = max(26 + text_width(self.name, NAME, bold=True), text_width(self.note, SIZE)) if framed else 0.0
        self.width = max(self.inner, title) + 2 * _PAD
        self.over = (_HEAD + (SIZE * LINE + 2 if self.note else 0)) if framed else 0.0
        self.height = low - self.top + self.over + 2 * _PAD

    def _labelled(self) -> list[tuple[tuple[int, ...], float]]:
        """The shapes whose sizes are written, with where their lines start across."""
        found: dict[int, tuple[tuple[int, ...], float]] = {}
        for (source, _), shape, route in zip(self.links, self.shapes, self.laid.routes):
            if route[0][0] > self.laid.along[source] + self.spots[source].core - 0.1:
                found.setdefault(source, (shape, route[0][1]))
        return list(found.values())

    def place(self, sheet: Sheet, left: float, top: float) -> None:
        """Put the block with its frame onto the sheet."""
        if self.framed:
            self._frame(sheet, left, top)
        x = left + (self.width - self.inner) / 2 - self.left
        y = top + self.over + _PAD - self.top

        def at(point: Point) -> Point:
            return (x + point[1], y + point[0])

        first = len(sheet.boxes)
        for box, lines, spot, along, across in zip(
            self.boxes,
            self.lines,
            self.spots[self.given :],
            self.laid.along[self.given :],
            self.laid.across[self.given :],
        ):
            self._put(sheet, box, lines, spot, at((along, across)))
        count = len(self.boxes)
        for (source, target), shape, route in zip(self.links, self.shapes, self.laid.routes):
            a = first + source - self.given if source >= self.given else -1
            b = first + target - self.given if target < self.given + count else -1
            sheet.edges.append(Edge(a, b, shape, tuple(at(point) for point in route), self.cell.letter))
        self._sizes(sheet, first, at)

    def _frame(self, sheet: Sheet, left: float, top: float) -> None:
        cell, base = self.cell, top + _PAD + 11
        shown = ".".join(cell.shown.path)
        sheet.panels.append(Panel(cell.letter, cell.name, shown, len(cell.places), left, top, self.width, self.height))
        sheet.labels.append(Label(cell.letter, left + _PAD + 8, base, NAME, bold=True, anchor="middle", tone="badge"))
        sheet.labels.append(Label(self.name, left + _PAD + 24, base, NAME, bold=True))
        if self.note:
            sheet.labels.append(Label(self.note, left + _PAD, base + SIZE * LINE + 7, SIZE, tone="muted"))

    def _put(self, sheet: Sheet, box: Box, lines: Sequence[tuple[str, float, bool]], spot: Spot, middle: Point) -> None:
        x, y = middle
        number = len(sheet.boxes)
        wide, high = 2 * spot.edge, 2 * spot.core
        sheet.boxes.append(replace(box, x=x - spot.edge, y=y - spot.core, width=wide, height=high))
        low = y - sum(size * LINE for _, size, _ in lines) / 2
        for text, size, bold in lines:
            sheet.labels.append(
                Label(text, x, low + size * (ASCENT + 0.07), size, bold=bold, anchor="middle", box=number)
            )
            low += size * LINE

    def _sizes(self, sheet: Sheet, first: int, at: object) -> None:
        """The size of each tensor, right of where its line begins."""
        written = set()
        for (source, _), shape, route in zip(self.links, self.shapes, self.laid.routes):
            core = self.laid.along[source] + self.spots[source].core
            if source in written or route[0][0] < core - 0.1:
                continue
            written.add(source)
            x, y = at(route[0])  # type: ignore[operator]
            number = first + source - self.given if source >= self.given else -1
            sheet.labels.append(Label(_size(shape), x + 5, y + SIZE * (ASCENT + 0.1), SIZE, tone="muted", box=number))


def _size(shape: tuple[int, ...]) -> str:
    return "".join(size_lines(shape))


def _text(part: Part, at: int, places: Sequence[Part], wired: Wiring) -> str:
    """What a unit of a block computes: kernel, stride and activation only where they are the same in all places."""
    units = [wired.units[place.units[at]] for place in places]
    shown = wired.units[part.units[0]]
    anchors = {unit.anchor.kind for unit in units}
    kind = shown.anchor.kind if len(anchors) == 1 else SQUARE.sub("k×k", shown.anchor.kind)
    same = len({unit.anchor.window("stride") for unit in units}) == 1
    stride = shown.anchor.text.removeprefix(shown.anchor.kind) if same else " /s"
    around = {unit.text.replace(unit.anchor.text, "", 1) for unit in units}
    own = f"{kind}{stride}"
    return shown.text.replace(shown.anchor.text, own, 1) if len(around) == 1 else own


def _lines(name: str, text: str) -> list[tuple[str, float, bool]]:
    """The lines in a box: its name and what it computes, or only that where the name is said by it."""
    op = text.partition(" + ")[0]
    if name.rstrip("0123456789_") == op or name == text:
        return [(line, TEXT, True) for line in wrapped(text, _WIDEST, TEXT, bold=True)]
    named = [(line, TEXT, True) for line in wrapped(name, _WIDEST, TEXT, most=1, bold=True)]
    return [*named, *((line, SIZE, False) for line in wrapped(text, _WIDEST, SIZE, most=3))]


def _spot(lines: Sequence[tuple[str, float, bool]], box: Box) -> Spot:
    """What a box takes: also the size of its tensor, which stands right below it."""
    wide = max(text_width(text, size, bold=bold) for text, size, bold in lines) / 2 + _INSIDE
    high = sum(size * LINE for _, size, _ in lines) / 2 + 5
    return Spot(high, high, high + SIZE * LINE, wide, max(wide, 8 + text_width(_size(box.shape), SIZE)), wide)


def _dot(shape: tuple[int, ...]) -> Spot:
    """What the beginning of a line takes that comes from outside: its size stands beside it."""
    return Spot(3, 3, 3 + SIZE * LINE, 8, 8 + text_width(_size(shape), SIZE), 3)


def place_blocks(blocks: Sequence[Block], sheet: Sheet, corner: Point, room: float) -> tuple[float, float]:
    """Blocks from left to right, below each other where the room ends; where they end to the right and below."""
    (start, top), right = corner, 0.0
    left, low = corner
    for block in blocks:
        if left > start and left + block.width > room - MARGIN + 1:
            left, top = start, low + _APART
        block.place(sheet, left, top)
        left += block.width + _APART
        right, low = max(right, left - _APART), max(low, top + block.height)
    return right, low
