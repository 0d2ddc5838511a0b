"""The picture as a piece of a page: a click on a stage or a block shows below what is inside."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

from convcost.diagrams.architecture.blocks import Block
from convcost.diagrams.architecture.boxes import Cell, exactly, linked
from convcost.diagrams.architecture.draw import WIDTH, Plan, plan
from convcost.diagrams.architecture.parts import LONGEST_PERIOD, Part, folded
from convcost.diagrams.architecture.picture import Box, Picture
from convcost.diagrams.architecture.sheet import MARGIN, Sheet
from convcost.diagrams.architecture.svg import svg
from convcost.networks.network import Network
from convcost.render.escape import in_html, lines_in_html
from convcost.render.html import asset
from convcost.results.report import Report

_MOST_INSIDE = 40
"""Boxes of an unfolded part; what has more is not unfolded."""
_MOST_DRAWINGS = 24
_WIDE, _NARROW = 1080.0, 350.0
"""Drawn widths, in pixels of a page: all of it, a phone."""

MOST = 1.32
"""The most pixels that a unit of a drawing takes on a page; the least is one.

How wide a drawing is, its network decides: between these two it is as wide as its column, and what is wider scrolls."""

_STYLE = f"""<style>
svg.diagram {{ display: block; width: 100%; min-width: var(--wide); max-width: calc({MOST:g} * var(--wide)); height: auto; text-rendering: geometricPrecision; }}
.diagram [role=button] {{ cursor: pointer; }}
.diagram [role=button]:hover > rect:last-of-type, .diagram [role=button]:focus-visible > rect:last-of-type,
.diagram [aria-expanded=true] > rect:last-of-type {{ stroke: var(--s1); stroke-width: 2; }}
.unfolded {{ border-left: 3px solid var(--s1); padding: .25rem 0 .25rem 1rem; margin: .75rem 0; overflow-x: auto; }}
.scrolls {{ overflow-x: auto; }}
.unfolded h3 {{ margin: 0; }}
</style>
"""


def diagram_html(network: Network, report: Report | None = None, leads: Callable[[str], str] | None = None) -> str:
    """The picture of a network with what is inside of its boxes, as finished HTML for a section of a page.

    `leads` says where on the page a stage, a block or a unit is told of, as a link; empty for nowhere.
    """
    return planned_html(plan(network, report=report), leads)


def planned_html(drawn: Plan, leads: Callable[[str], str] | None = None) -> str:
    """The same for boxes that are chosen already."""
    inside = _Inside(drawn, leads)
    wide = inside.svg(drawn.diagram(_WIDE, titled=False))
    narrow = inside.svg(drawn.diagram(_NARROW, titled=False), tips=False)  # no pointer rests on a phone
    label = in_html(f"{drawn.named}: stages as boxes, repeated blocks once")
    pictures = f'<div class="wide-picture">{wide}</div><div class="narrow scrolls">{narrow}</div>'
    figure = f'<figure class="has-narrow" role="group" aria-label="{label}">{pictures}</figure>\n'
    outline = f"<details><summary>As text</summary><pre>{lines_in_html(drawn.diagram(WIDTH).text())}</pre></details>\n"
    details = "".join(inside.drawings())
    script = f"<script>{asset('diagram.js')}</script>\n"
    return f'{_STYLE}<div class="unfolds">\n{figure}<div aria-live="polite">{details}</div>\n</div>\n{outline}{script}'


class _Inside:
    """The drawings of what is inside, each once for all parts that are exactly alike."""

    def __init__(self, drawn: Plan, leads: Callable[[str], str] | None) -> None:
        self.drawn, self.chosen, self.leads = drawn, drawn.chosen, leads
        self.sign = exactly(self.chosen.wired)
        self.keys: dict[Hashable, str] = {}
        self.waiting: list[tuple[str, Part]] = []
        self.by_path: dict[str, Part] = {}
        self._learn(self.chosen.root)
        for part in self.chosen.row.parts:
            self.by_path[".".join(part.path)] = part

    def _learn(self, part: Part) -> None:
        for inner in part.parts:
            self.by_path.setdefault(".".join(inner.path), inner)
            self._learn(inner)

    def svg(self, diagram: Picture, *, tips: bool = True) -> str:
        """A picture whose boxes that can be unfolded are buttons."""
        return svg(diagram, alone=False, opens=self.key, leads=self.leads, tips=tips)

    def key(self, box: Box) -> str:
        """The id of the drawing of what is inside of a box; empty if that is nothing, or already too much."""
        part = self.by_path.get(box.name)
        inner = part.first if part is not None else None
        if inner is None or inner.is_unit or len(inner.parts) > _MOST_INSIDE:
            return ""
        sign = self.sign(inner)
        if sign not in self.keys:
            if len(self.keys) >= _MOST_DRAWINGS:
                return ""
            self.keys[sign] = f"inside{len(self.keys)}"
            self.waiting.append((self.keys[sign], inner))
        return self.keys[sign]

    def drawings(self) -> Iterator[str]:
        """What is inside, hidden until asked for; drawing one may ask for more."""
        while self.waiting:
            key, part = self.waiting.pop(0)
            name = ".".join(part.path)
            target = self.leads(name) if self.leads else ""
            heading = (
                f'<h3><a href="{in_html(target)}">{in_html(name)}</a></h3>' if target else f"<h3>{in_html(name)}</h3>"
            )
            yield f'<div class="unfolded" id="{key}" hidden>{heading}{self._drawing(part)}</div>\n'

    def _drawing(self, part: Part) -> str:
        inner = folded(part.parts, self.chosen.wired, self.sign, LONGEST_PERIOD)
        self.by_path |= {".".join(one.path): one for one in inner if one.is_run}
        scene = linked(inner, self.chosen.wired)
        cell = Cell("", ".".join(part.path), part, (part,), scene)
        sheet = Sheet()
        block = Block(cell, self.chosen, self.drawn.costs, framed=False)
        block.place(sheet, MARGIN / 2, 0.0)
        most = max([box.share for box in sheet.boxes], default=0.0)
        boxes = tuple(replace(box, tint=round(box.share / most, 3) if most else 0.0) for box in sheet.boxes)
        diagram = Picture(
            self.drawn.network,
            ".".join(part.path),
            "",
            self.drawn.by,
            round(block.width + MARGIN),
            round(block.height + 4),
            boxes,
            tuple(sheet.edges),
            tuple(sheet.labels),
            (),
            None,
        )
        return self.svg(diagram)
