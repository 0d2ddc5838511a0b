"""The picture as SVG: static, the same bytes each time, in colours that follow the reader's theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from convcost.core.units import compact, shape_text
from convcost.diagrams.architecture.picture import SCALE_WIDTH, STACK, Box, Edge, Label, Picture
from convcost.render.escape import in_html, lines_in_html
from convcost.render.palette import FONT, css
from convcost.render.svg_marks import number, path, rounded

_ROUND = 5.0
"""The radius of a line's corners."""
_PALE, _DARK = 0.06, 0.62
"""How opaque the colour of a box is, without and with the largest share: its text stays readable on it."""


def svg(
    diagram: Picture,
    *,
    alone: bool = True,
    opens: Callable[[Box], str] | None = None,
    leads: Callable[[str], str] | None = None,
    tips: bool = True,
) -> str:
    """The picture as SVG text; unless `alone`, it takes its colours from the surrounding page.

    `tips` say more of a box than its name.

    `opens` says which part of the page a click on a box shows, by its id, if any; `leads` where on the page the name of
    another box leads, if anywhere.
    """
    size = f'viewBox="0 0 {number(diagram.width)} {number(diagram.height)}"'
    if alone:
        wide, high = number(diagram.width), number(diagram.height)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{high}" {size} font-family="{FONT}" text-rendering="geometricPrecision">'
        head += f"<style>{css()}</style><title>{in_html(diagram.title)}</title>"
        head += f'<rect class="f-paper" width="{wide}" height="{high}"/>'
    else:
        head = f'<svg class="diagram w{round(diagram.width)}" {size}>'
    parts = [*_panels(diagram), *_edges(diagram.edges)]
    parts += ['<g class="f-s0" stroke="var(--muted)">', *_boxes(diagram.boxes, opens, leads, tips), "</g>"]
    parts += _legend(diagram)
    parts += ['<g pointer-events="none">', *_labels(diagram.labels), "</g>"]  # a click goes to the box below
    return f"{head}{''.join(parts)}</svg>\n"


def _panels(diagram: Picture) -> Iterator[str]:
    for panel in diagram.panels:
        place = _rectangle(panel.x, panel.y, panel.width, panel.height)
        yield f'<rect class="l-grid" {place} rx="6"/>'


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'


def _boxes(
    boxes: Sequence[Box], opens: Callable[[Box], str] | None, leads: Callable[[str], str] | None, tips: bool
) -> Iterator[str]:
    for box in boxes:
        key = opens(box) if opens else ""
        place = _rectangle(box.x, box.y, box.width, box.height)
        behind = ""
        if box.repeats > 1:  # a second outline behind it: there are more of it
            second = _rectangle(box.x + STACK, box.y - STACK, box.width, box.height)
            behind = f'<rect class="f-paper" {second} rx="2.5"/><rect class="f-paper" stroke="none" {place} rx="2.5"/>'
        fill = f'fill-opacity="{_opacity(box.tint):g}"' if box.kind != "input" else 'class="f-paper"'
        dashed = "" if box.known and box.kind != "input" else ' stroke-dasharray="3 2"'
        tip = f"<title>{lines_in_html(_tip(box) if tips else box.name)}</title>"
        drawn = f'{behind}<rect {fill} {place} rx="2.5"{dashed}/>'
        target = leads(box.name) if leads and not key else ""
        if target:
            yield f'<a href="{in_html(target)}" tabindex="-1">{drawn}{tip}</a>'
        else:
            unfolds = f' data-opens="{key}"' if key else ""
            yield f"<g{unfolds}>{drawn}{tip}</g>"


def _opacity(tint: float) -> float:
    return round(_PALE + (_DARK - _PALE) * tint, 2)


def _tip(box: Box) -> str:
    """What is said of a box under the pointer."""
    costs = [f"{compact(box.macs)} MACs, {compact(box.params)} params"] if box.known else ["unknown costs"]
    return "\n".join([box.name, box.text, f"makes {shape_text(box.shape)}", *(costs if box.kind != "input" else [])])


def _edges(edges: Sequence[Edge]) -> Iterator[str]:
    """Lines with round corners, and the heads of their arrows, each kind as one path."""
    if edges:
        lines, heads = zip(*map(_edge, edges))
        yield f'<path class="l-muted" d="{"".join(lines)}"/><path class="f-muted" d="{"".join(heads)}"/>'


def _edge(edge: Edge) -> tuple[str, str]:
    """The path of a line, and that of the head of its arrow."""
    (x, y), (end_x, end_y) = edge.points[-2:]
    along = ((end_x > x) - (end_x < x), (end_y > y) - (end_y < y))
    tip = (end_x - 0.5 * along[0], end_y - 0.5 * along[1])
    base = (tip[0] - 5 * along[0], tip[1] - 5 * along[1])
    side = (3 * along[1], 3 * along[0])
    head = path([tip, (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1])])
    corners = [
        (_toward(here, before), here, _toward(here, after))
        for before, here, after in zip(edge.points, edge.points[1:], edge.points[2:])
    ]
    return rounded(edge.points[0], corners, base), f"{head}z"


def _toward(here: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point on a line where its round corner begins."""
    far = abs(other[0] - here[0]) + abs(other[1] - here[1])
    part = min(_ROUND, far / 2) / far if far else 0.0
    return here[0] + (other[0] - here[0]) * part, here[1] + (other[1] - here[1]) * part


def _labels(labels: Sequence[Label]) -> Iterator[str]:
    """Lines of text in their order; what is usual among those beside each other is said once for all of them."""
    for anchor, beside in groupby(labels, lambda label: label.anchor):
        group = list(beside)
        [((tone, size), _)] = Counter((label.tone, label.size) for label in group).most_common(1)
        yield f'<g{_tone(tone)} text-anchor="{anchor}" font-size="{size:g}">'
        yield from (_label(label, tone, size) for label in group)
        yield "</g>"


def _label(label: Label, tone: str, size: float) -> str:
    """A line of text, with what differs from the tone and the size of its group."""
    colour = "" if label.tone == tone else _tone(label.tone)
    letters = "" if label.size == size else f' font-size="{label.size:g}"'
    bold = ' font-weight="600"' if label.bold else ""
    behind = ""
    if label.tone == "badge":
        behind = f'<rect class="f-ink" {_rectangle(label.x - 8, label.y - 12, 16, 16)} rx="3"/>'
    place = f'x="{number(label.x)}" y="{number(label.y)}"'
    return f"{behind}<text{colour} {place}{letters}{bold}>{in_html(label.text)}</text>"


def _tone(tone: str) -> str:
    return f' class="f-{"paper" if tone == "badge" else tone}"'


def _legend(diagram: Picture) -> Iterator[str]:
    """Five steps of the scale of colours."""
    if diagram.legend is None:
        return
    x, y = diagram.legend
    wide = SCALE_WIDTH / 5
    for step in range(5):
        place = _rectangle(x + wide * step, y - 9, wide, 10)
        yield f'<rect class="f-s0" fill-opacity="{_opacity(step / 4):g}" stroke="var(--grid)" {place}/>'
