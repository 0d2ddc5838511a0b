"""The picture of the course: a layer's input, its filters and its output as boxes, normal above, the other ways below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from convcost.alternatives.comparison import layer_title, ratio_lines, way_text
from convcost.alternatives.recipes import Alternative, BuiltStep, LayerToBuild, compare
from convcost.core.dims import Shape
from convcost.core.units import exact, shape_text
from convcost.diagrams.solids import Part, Solid, drawn, measured, scale_of, solid, tiled
from convcost.render.canvas import Drawing, Label, Mark, Polygon, around, moved
from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle

TEXT, HEADING, TITLE = 12, 13, 15
_LINE = 16
_MARGIN, _GAP = 12, 10
_VOLUME, _FILTER, _RESULT = "s5", "s4", "s1"
"""Colours of tensors, of filters and of the place where one lies, and of the number that it gives there."""
_BARS = ("s0", "s2", "s3")
"""Colours of the steps of a way."""
_LENGTHS = (84, 72, 60, 50, 42, 34)
"""How long the longest edge may be; the first with which every step fits its line."""
_CAPTION = 190
"""The widest line below a stack of filters, in pixels; on a phone, such lines stand below all of the step."""
_STACK = 124
"""The height of a stack of filters, unless what they read is higher."""


def course(
    layer: LayerToBuild, against: Sequence[str] = ("separable",), *, width: int = 860, titled: bool = True
) -> Drawing:
    """A layer built in several ways, drawn step by step; raises `UsageError` as `compare` does.

    Each step shows what it reads, its filters, what it writes, and under the filters how its multiplications come about;
    each way a bar and the sum, and its ratio to the normal convolution with its law. A picture that is not `titled` is for
    a page that says what it is.
    """
    alternatives = compare(layer, against)
    room = width - 2 * _MARGIN
    scenes = (_Scene(layer, alternatives, room, length) for length in _LENGTHS)
    scene = next((one for one in scenes if one.needed <= room), None) or _Scene(layer, alternatives, room, _LENGTHS[-1])
    return scene.drawing(layer_title(layer), titled=titled)


class _Filters(NamedTuple):
    """What a step slides over its input."""

    shape: Shape
    """Of one filter: its size along each axis, and the channels that it sees."""
    number: int

    @classmethod
    def of(cls, step: BuiltStep) -> _Filters:
        """Those of a step."""
        attrs = step.part.converted()
        return cls((*attrs["kernel"], step.input_shape[-1] // attrs["groups"]), attrs["channels"])


def multiplied(step: BuiltStep) -> str:
    """How the multiplications of a step come about: weights of a filter × positions × filters.

    >>> from convcost.alternatives.recipes import LayerToBuild, compare
    >>> [multiplied(step) for way in compare(LayerToBuild((6, 6, 3), 5, 3)) for step in way.steps]
    ['3·3·3 × 4·4 × 5 = 2,160', '3·3·1 × 4·4 × 3 = 432', '1·1·3 × 4·4 × 5 = 240']
    """
    filters, positions = _Filters.of(step), step.cost.out[0][:-1]
    if prod(filters.shape) * prod(positions) * filters.number != step.cost.macs:
        return f"{exact(step.cost.macs)} multiplications"  # of a rule that is no such product
    parts = ("·".join(map(str, sizes)) for sizes in (filters.shape, positions))
    return f"{' × '.join(parts)} × {filters.number} = {exact(step.cost.macs)}"


@dataclass(frozen=True, slots=True)
class _Item:
    """A thing in a line: its marks from (0, 0) on, and the lines of text below it."""

    marks: list[Mark]
    captions: tuple[str, ...]
    box: Rectangle
    """What the marks cover."""

    @property
    def width(self) -> float:
        """That of the marks and of the captions."""
        return max(self.box.right - self.box.left, *(text_width(text, TEXT) for text in self.captions), 0)

    @property
    def height(self) -> float:
        """That of the marks."""
        return self.box.bottom - self.box.top

    def placed(self, left: float, middle: float, below: float) -> Iterator[Mark]:
        """In the middle of its width and of the line; the captions below."""
        right = left + (self.width - self.box.right + self.box.left) / 2 - self.box.left
        yield from moved(self.marks, right, middle - self.height / 2 - self.box.top)
        for at, text in enumerate(self.captions):
            yield Label(left + self.width / 2, below + at * _LINE, text, TEXT, "middle", color="ink" if at else "muted")


class _Line(NamedTuple):
    """Things beside each other, and texts below all of them."""

    items: tuple[_Item, ...]
    below: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        """The room that it needs."""
        return sum(item.width for item in self.items) + _GAP * (len(self.items) - 1)


class _Scene:
    """A layer's ways, laid out in a width with the longest edge of some length."""

    def __init__(self, layer: LayerToBuild, alternatives: Sequence[Alternative], room: float, length: float) -> None:
        self.layer, self.alternatives, self.room = layer, alternatives, room
        self.narrow = room < 600
        steps = [step for way in alternatives for step in way.steps]
        shapes = [step.input_shape for step in steps] + [step.cost.out[0] for step in steps]
        solids = [solid(shape) for shape in (*shapes, *(_Filters.of(step).shape for step in steps))]
        self.scale = scale_of(solids, length)
        self.lines = [list(self._lines(way)) for way in alternatives]
        self.needed = max(line.width for lines in self.lines for line in lines)

    def _lines(self, way: Alternative) -> Iterator[_Line]:
        """The steps of a way in as many lines as they need; each line begins with what its first step reads."""
        line = _Line((self._tensor(way, 0),))
        for at, step in enumerate(way.steps):
            texts = self._texts(step)
            filters = self._filters(step, () if self.narrow else texts)
            more = (_sign("∗"), filters, _sign("="), self._tensor(way, at + 1))
            longer = _Line((*line.items, *more), texts if self.narrow else ())
            if len(line.items) > 1 and (self.narrow or longer.width > self.room):
                yield line
                longer = _Line((self._tensor(way, at), *more), longer.below)
            line = longer
        yield line

    def _tensor(self, way: Alternative, at: int) -> _Item:
        """What step `at` reads, or the output; with the place of a filter of the next step, or of a number of the one before."""
        steps = way.steps
        last = at == len(steps)
        shape = steps[-1].cost.out[0] if last else steps[at].input_shape
        one = solid(shape)
        part = Part(_one(one), _RESULT) if last else Part(_within(solid(_Filters.of(steps[at]).shape), one), _FILTER)
        marks = [*drawn(one, self.scale, _VOLUME, part), *measured(one, self.scale)]
        between = "between" if self.narrow else f"after {steps[at - 1].name}"
        name = "output" if last else between if at else "input"
        return _item(marks, name, shape_text(shape))

    def _texts(self, step: BuiltStep) -> tuple[str, ...]:
        """The lines that say which filters there are, and how many multiplications."""
        filters = _Filters.of(step)
        text = f"{exact(filters.number)} filter{'s' * (filters.number != 1)} of {shape_text(filters.shape)}"
        widest = self.room if self.narrow else _CAPTION
        product, _, result = multiplied(step).partition(" = ")
        whole = f"{product} = {result}" if result else product
        sums = [whole] if text_width(whole, TEXT) <= widest else [product, f"= {result}"]
        return tuple(part for said in (text, *sums) for part in _wrapped(said, widest))

    def _filters(self, step: BuiltStep, texts: tuple[str, ...]) -> _Item:
        filters = _Filters.of(step)
        one = solid(filters.shape)
        read = self.scale.length(solid(step.input_shape).down)
        marks = tiled(one, filters.number, self.scale, _FILTER, max(_STACK, read), *((2, 1) if self.narrow else (3, 2)))
        return _item(marks, step.name, *texts)

    def drawing(self, title: str, *, titled: bool) -> Drawing:
        """All of it, one below the other."""
        width = max(self.needed, self.room) + 2 * _MARGIN
        marks: list[Mark] = []
        y = float(_MARGIN)
        for text in _wrapped(title, self.room, TITLE, bold=True) if titled else ():
            y += 20
            marks.append(Label(_MARGIN, y - 5, text, TITLE, bold=True))
        most = max(way.macs for way in self.alternatives)
        ratios = ["", *ratio_lines(self.layer, self.alternatives)]
        for way, lines, ratio in zip(self.alternatives, self.lines, ratios):
            y = self._way(marks, y + 14, way, lines, ratio, most)
        for text in self._notes():
            for part in _wrapped(text, self.room, TEXT):
                y += _LINE
                marks.append(Label(_MARGIN, y + 4, part, TEXT, color="muted"))
        return Drawing(title, round(width), round(y + _MARGIN + 4), tuple(marks))

    def _way(
        self, marks: list[Mark], y: float, way: Alternative, lines: Sequence[_Line], ratio: str, most: int
    ) -> float:
        """One way, its marks added; what it returns is where the next may begin."""
        said = ", ".join(filter(None, (f"{way.name}: {way.about}", way_text(way).partition(": ")[2])))
        for text in _wrapped(said, self.room, HEADING, bold=True):
            y += 18
            marks.append(Label(_MARGIN, y, text, HEADING, bold=True))
        for line in lines:
            y = _placed(marks, line, y + _GAP) + 4
        total = " + ".join(exact(step.cost.macs) for step in way.steps)
        whole = f"{total} = {exact(way.macs)}" if len(way.steps) > 1 else total
        for text in _wrapped(f"{whole} multiplications", self.room, HEADING, bold=True):
            y += 19
            marks.append(Label(_MARGIN, y, text, HEADING, bold=True))
        for text in _wrapped(ratio, self.room, TEXT):
            y += _LINE
            marks.append(Label(_MARGIN, y, text, TEXT))
        marks += self._bar(way, y + 7, most)
        return y + 20

    def _bar(self, way: Alternative, top: float, most: int) -> Iterator[Polygon]:
        """The multiplications of a way, step after step, against those of the way that has most."""
        left = float(_MARGIN)
        for at, step in enumerate(way.steps):
            right = left + max(1.0, self.room * step.cost.macs / most)
            yield Polygon(((left, top), (right, top), (right, top + 8), (left, top + 8)), _BARS[at % len(_BARS)])
            left = right

    def _notes(self) -> Iterator[str]:
        layer = self.layer
        sizes = dict.fromkeys(layer.kernel)
        kernel = f"f = {layer.kernel[0]}" if len(sizes) == 1 else f"filters are {shape_text(layer.kernel)}"
        where = "Below each step" if self.narrow else "Below each stack of filters"
        yield f"{where}: weights of a filter × positions × filters = multiplications."
        yield f"n_c = {layer.channels} channels, n_c' = {layer.filters} filters, {kernel}; bars compare the multiplications."
        yield "In the corner of what is read: where one filter lies. In the corner of the output: one number of it."
        yield self.scale.text if layer.axes < 3 else f"{self.scale.text} Depth goes back; channels are not drawn."


def _one(whole: Solid) -> Solid:
    return Solid(1, 1, 1, whole.texts)


def _within(part: Solid, whole: Solid) -> Solid:
    """A filter, cut off where it reaches over the border of what it reads."""
    across, down, back = map(min, part.sizes, whole.sizes)
    return Solid(across, down, back, part.texts)


def _item(marks: list[Mark], *captions: str) -> _Item:
    return _Item(marks, captions, around(marks))


def _sign(text: str) -> _Item:
    return _item([Label(0, 6, text, 18, color="muted")])


def _placed(marks: list[Mark], line: _Line, top: float) -> float:
    """A line of items from left to right, its marks added; what it returns is where it ends."""
    high = max(item.height for item in line.items)
    left = float(_MARGIN)
    for item in line.items:
        marks += item.placed(left, top + high / 2, top + high + _LINE)
        left += item.width + _GAP
    y = top + high + _LINE * max(len(item.captions) for item in line.items)
    y += 4 if line.below else 0
    for text in line.below:
        y += _LINE
        marks.append(Label(_MARGIN, y, text, TEXT))
    return y


def _wrapped(text: str, width: float, size: float = TEXT, *, bold: bool = False) -> list[str]:
    """A text in lines that fit a width."""
    most = int(width / text_width("x", size, bold=bold))
    return textwrap.wrap(text, max(8, most), break_long_words=False, break_on_hyphens=False)
