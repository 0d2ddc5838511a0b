"""A drawing of labels and polygons that knows where each of them is, and writes itself as SVG.

Colours are those of the palette by name, so that a drawing follows the reader's light or dark surface. Widths of text are
estimated from above, whatever font a reader has: what does not overlap here does not overlap there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from convcost.render.escape import in_html
from convcost.render.lettering import text_width
from convcost.render.palette import FONT, css
from convcost.render.rectangle import Rectangle
from convcost.render.svg_marks import number


class Label(NamedTuple):
    """A text on its baseline."""

    x: float
    y: float
    text: str
    size: float = 12
    anchor: str = "start"
    """start, middle or end: which part of the text is at x."""
    bold: bool = False
    color: str = "ink"

    @property
    def box(self) -> Rectangle:
        """What it covers at most."""
        width = text_width(self.text, self.size, bold=self.bold)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Rectangle(left, self.y - 0.8 * self.size, left + width, self.y + 0.25 * self.size)

    def svg(self) -> str:
        """As an element."""
        anchor = f' text-anchor="{self.anchor}"' if self.anchor != "start" else ""
        weight = ' font-weight="600"' if self.bold else ""
        place = f'x="{number(self.x)}" y="{number(self.y)}" font-size="{number(self.size)}"'
        return f'<text class="f-{self.color}" {place}{anchor}{weight}>{in_html(self.text)}</text>'


class Polygon(NamedTuple):
    """A filled shape, its edge, or both; two points are a line."""

    points: tuple[tuple[float, float], ...]
    fill: str = ""
    opacity: float = 1
    stroke: str = ""
    width: float = 1

    @property
    def box(self) -> Rectangle:
        """What it covers, without the thickness of its edge."""
        across, down = zip(*self.points)
        return Rectangle(min(across), min(down), max(across), max(down))

    def svg(self) -> str:
        """As an element."""
        path = "L".join(f"{number(x)} {number(y)}" for x, y in self.points)
        fill = f'class="f-{self.fill}"' if self.fill else 'fill="none"'
        faint = f' fill-opacity="{self.opacity:g}"' if self.opacity != 1 else ""
        edge = f' stroke="var(--{self.stroke})" stroke-width="{self.width:g}"' if self.stroke else ""
        return f'<path {fill}{faint}{edge} d="M{path}{"Z" if len(self.points) > 2 else ""}"/>'


Mark = Label | Polygon


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture."""

    title: str
    width: float
    height: float
    marks: tuple[Mark, ...]

    @property
    def labels(self) -> list[Label]:
        """Its texts."""
        return [mark for mark in self.marks if isinstance(mark, Label)]

    def svg(self, *, alone: bool = True) -> str:
        """As SVG text; unless `alone`, it takes its colours from the page around it."""
        size = f"0 0 {number(self.width)} {number(self.height)}"
        inside = "".join(mark.svg() for mark in self.marks)
        if not alone:
            head = f'aria-hidden="true" class="w{round(self.width)}"'
            return f'<svg {head} viewBox="{size}" stroke-linejoin="round">{inside}</svg>\n'
        paper = f'<rect class="f-paper" width="{number(self.width)}" height="{number(self.height)}"/>'
        style = f"<style>{css()}</style><title>{in_html(self.title)}</title>{paper}"
        head = f'xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{size}" font-family="{FONT}"'
        return f'<svg {head} stroke-linejoin="round">{style}{inside}</svg>\n'

    def _repr_svg_(self) -> str:
        """How a notebook shows it."""
        return self.svg()


def moved(marks: Iterable[Mark], right: float, down: float) -> list[Mark]:
    """The same marks elsewhere."""
    return [_moved(mark, right, down) for mark in marks]


def _moved(mark: Mark, right: float, down: float) -> Mark:
    if isinstance(mark, Label):
        return mark._replace(x=mark.x + right, y=mark.y + down)
    return mark._replace(points=tuple((x + right, y + down) for x, y in mark.points))


def around(marks: Sequence[Mark]) -> Rectangle:
    """What marks cover together."""
    boxes = [mark.box for mark in marks]
    return Rectangle(*(pick(values) for pick, values in zip((min, min, max, max), zip(*boxes))))
