"""The traces of a plotly figure as pieces of SVG: lines, steps, marks, texts, areas, bars, cells of a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.render.escape import in_html, of_figure
from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle
from convcost.render.svg_axes import PlotAxis
from convcost.render.svg_marks import (
    both,
    fill,
    mark,
    number,
    opacity,
    path,
    readable,
    shade,
    stepped,
    stroke,
    tip_text,
)

SIZE = 13
"""Of the letters: the small text of a page, where drawings have their own size."""
_MANY = 300
"""Marks from which on those without tips are one stroke, of a tenth of the bytes."""

_POINTED_AT = 150
"""Areas up to which each has a tooltip; of more, most are too small to be pointed at."""

Trace = Mapping[str, Any]


class Area(NamedTuple):
    """Where traces are drawn, and how."""

    x: PlotAxis
    y: PlotAxis
    tips: bool
    """Whether marks have tooltips."""
    grouped: bool
    """Whether bars of several traces stand beside each other."""

    @property
    def left(self) -> float:
        return min(self.x.start, self.x.end)

    @property
    def right(self) -> float:
        return max(self.x.start, self.x.end)

    def tip(self, text: str | None) -> str:
        """A tooltip, if there are to be any."""
        return tip_text(text) if self.tips else ""


def drawn(traces: Sequence[Trace], area: Area) -> Iterator[str]:
    """All traces, areas under the others; raises `UsageError` for a kind that is not drawn here."""
    bars = [trace for trace in traces if trace["type"] == "bar"]
    yield from _areas([trace for trace in traces if trace.get("fill") == "toself"], area)
    for trace in traces:
        kind = trace["type"]
        if trace.get("fill") == "toself":
            continue
        if kind == "scatter":
            yield from _scatter(trace, area)
        elif kind == "bar":
            yield from _bars(trace, bars, area)
        elif kind == "heatmap":
            yield from _cells(trace, area)
        else:
            raise UsageError(f"the light renderer draws scatter, bar and heatmap, not {kind}; write .html or .png")


def values(trace: Trace, axis: str) -> list[Any]:
    """What a trace needs room for on an axis: of bars, both ends; of a map, the edges of its cells."""
    found = list(trace.get(axis) or ())
    if trace["type"] == "heatmap" and found and not isinstance(found[0], str):
        return [min(found) - 0.5, *found, max(found) + 0.5]
    along = "x" if trace.get("orientation") == "h" else "y"
    if trace["type"] != "bar" or axis != along:
        return found
    bases = each(trace.get("base", 0), len(found))
    return [*bases, *(base + value for base, value in zip(bases, found, strict=True))]


def each(value: Any, count: int) -> list[Any]:
    """A value per point, where a trace may state one for all of them."""
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def dashes(line: Mapping[str, Any]) -> str:
    """The attribute of a line that is not solid."""
    pattern = {"dot": "2 3", "dash": "6 4"}.get(line.get("dash", ""), "")
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def _spots(trace: Trace, area: Area) -> list[tuple[float, float] | None]:
    """The place of each of a trace's points; None where its values have a gap."""
    pairs = zip(trace.get("x") or (), trace.get("y") or (), strict=True)
    return [None if x is None or y is None else (area.x.at(x), area.y.at(y)) for x, y in pairs]


def _runs(trace: Trace, area: Area) -> list[list[tuple[float, float]]]:
    """The places between gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for spot in _spots(trace, area):
        if spot is None:
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]


def _scatter(trace: Trace, area: Area) -> Iterator[str]:
    runs = _runs(trace, area)
    if not runs:
        return
    mode, line, marker = trace.get("mode") or "lines", trace.get("line") or {}, trace.get("marker") or {}
    paleness = opacity(trace.get("opacity"))
    if "lines" in mode:
        line_path = "".join(path(stepped(run, line.get("shape", "linear"))) for run in runs)
        wide = f'stroke-width="{line.get("width", 2)}"{dashes(line)}{paleness}'
        yield f'<path {stroke(line.get("color"))} {wide} d="{line_path}"/>'
    if "markers" in mode:
        yield from _points(trace, marker, area)
    if "text" in mode:
        yield from _fitted(trace, area) if (trace.get("meta") or {}).get("rooms") else _texts(trace, area)


def _points(trace: Trace, marker: Mapping[str, Any], area: Area) -> Iterator[str]:
    spots = _spots(trace, area)
    looks = [("symbol", "circle"), ("color", None), ("size", 7), ("opacity", 1)]
    if len(spots) > _MANY and marker.get("symbol", "circle") == "circle" and isinstance(marker.get("color"), str):
        dots = "".join(f"M{number(spot[0])} {number(spot[1])}h0" for spot in spots if spot)
        wide = f'stroke-width="{marker.get("size", 7)}" stroke-linecap="round"{opacity(marker.get("opacity"))}'
        yield f'<path {stroke(marker["color"])} {wide} d="{dots}"/>'
        return
    looked = [each(marker.get(name, usual), len(spots)) for name, usual in looks]
    tips = each(trace.get("hovertext") if area.tips else None, len(spots))
    for spot, symbol, color, size, dim, tip in zip(spots, *looked, tips, strict=True):
        if spot:
            yield mark(spot[0], spot[1], symbol, color, size, dim, tip)


def _areas(traces: Sequence[Trace], area: Area) -> Iterator[str]:
    """Closed outlines; what is said of one is said of all its parts, and without it one path does.

    Edges of no width are as thin as can be seen and of the area's own colour, so that neighbours of one colour are one
    area to the eye, and what is narrower than a pixel is still there.
    """
    if not traces:
        return
    area = area._replace(tips=area.tips and len(traces) <= _POINTED_AT)
    wide = (traces[0].get("line") or {}).get("width", 1)
    edge = f'stroke="var(--paper)" stroke-width="{wide}"' if wide else 'stroke-width="0.5"'
    yield f'<g {edge} stroke-linejoin="round">'
    by_color: dict[str, list[str]] = {}
    for trace in traces:
        outline = "".join(f"{path(run)}z" for run in _runs(trace, area))
        tip = area.tip(each(trace.get("text"), 1)[0])
        part = f'<path d="{outline}">{tip}</path>' if area.tips else outline
        by_color.setdefault(trace.get("fillcolor") or "", []).append(part)
    for color, parts in by_color.items():
        look = fill(color) if wide else both(color)
        yield f"<g {look}>{''.join(parts)}</g>" if area.tips else f'<path {look} d="{"".join(parts)}"/>'
    yield "</g>"


def _texts(trace: Trace, area: Area) -> Iterator[str]:
    spots = _spots(trace, area)
    sides = each(trace.get("textposition", "middle right"), len(spots))
    for spot, text, side in zip(spots, each(trace.get("text"), len(spots)), sides, strict=True):
        if not spot:
            continue
        anchor, dx = {"right": ("start", 7), "left": ("end", -7)}.get(side.split()[-1], ("middle", 0))
        dy = {"top": -8, "bottom": 18}.get(side.split()[0], 4)
        font = trace.get("textfont") or {}
        color = fill(font.get("color", "#1f2328"))
        if font.get("weight"):  # a name on the picture itself: it stands off what it covers
            color += f' font-weight="{font["weight"]}" stroke="var(--paper)" stroke-width="3" paint-order="stroke"'
        at = f'x="{number(spot[0] + dx)}" y="{number(spot[1] + dy)}" text-anchor="{anchor}"'
        yield f"<text {color} {at}>{in_html(of_figure(str(text or '')))}</text>"


def _fitted(trace: Trace, area: Area) -> Iterator[str]:
    """Texts in rooms of their own, in the middle of each."""
    size = (trace.get("textfont") or {}).get("size", SIZE)
    for text, x, y, color in _wordings(trace, area, size):
        spot = f'x="{number(x)}" y="{number(y)}" text-anchor="middle" font-size="{size}"'
        yield f"<text {fill(color)} {spot}>{in_html(text)}</text>"


def written(traces: Sequence[Trace], area: Area) -> list[Rectangle]:
    """The rooms of the texts that are fitted into areas."""
    found = []
    for trace in traces:
        if "text" in (trace.get("mode") or "") and (trace.get("meta") or {}).get("rooms"):
            size = (trace.get("textfont") or {}).get("size", SIZE)
            for text, x, y, _ in _wordings(trace, area, size):
                half = text_width(text, size) / 2
                found.append(Rectangle(x - half, y - 0.8 * size, x + half, y + 0.25 * size))
    return found


def _wordings(trace: Trace, area: Area, size: float) -> Iterator[tuple[str, float, float, str]]:
    """Of every room (left, right, low, high) the longest wording that it holds, if any: text, place, colour."""
    rooms, wordings = trace["meta"]["rooms"], trace["meta"]["wordings"]
    colors = each((trace.get("textfont") or {}).get("color", "#1f2328"), len(rooms))
    for (left, right, low, high), texts, color in zip(rooms, wordings, colors, strict=True):
        wide = abs(area.x.at(right) - area.x.at(left)) - 8
        if abs(area.y.at(high) - area.y.at(low)) < size + 2:
            continue
        text = next((one for one in texts if text_width(one, size) <= wide), "")
        if text:
            yield text, area.x.at((left + right) / 2), area.y.at((low + high) / 2) + size * 0.36, color


def _bars(trace: Trace, bars: Sequence[Trace], area: Area) -> Iterator[str]:
    flat = trace.get("orientation") == "h"
    along, across = (area.x, area.y) if flat else (area.y, area.x)
    grouped = area.grouped and len(bars) > 1
    share = across.step() * 0.78 / (len(bars) if grouped else 1)
    shift = (bars.index(trace) - (len(bars) - 1) / 2) * share if grouped else 0.0
    lengths, names = (trace["x"], trace["y"]) if flat else (trace["y"], trace["x"])
    count = len(lengths)
    rows = zip(
        lengths,
        names,
        each(trace.get("base", 0), count),
        each((trace.get("marker") or {}).get("color"), count),
        each(trace.get("hovertext"), count),
        each(trace.get("text"), count),
        strict=True,
    )
    for length, name, base, color, tip, text in rows:
        if length is None:
            continue
        low, high = sorted((along.at(base), along.at(base + length)))
        low, high = max(low, min(along.start, along.end)), min(high, max(along.start, along.end))
        middle = across.at(name) + shift
        spots = (low, middle - share / 2, high - low, share) if flat else (middle - share / 2, low, share, high - low)
        x, y, w, h = map(number, spots)
        if "0" not in (w, h):  # what has no length cannot be seen or pointed at
            yield f'<rect {fill(color)} x="{x}" y="{y}" width="{w}" height="{h}">{area.tip(tip)}</rect>'
        if text and flat:
            yield _bar_text(str(text), low, high, middle, area)


def _bar_text(text: str, low: float, high: float, middle: float, area: Area) -> str:
    """A bar's label: behind its end, else before its start, else inside."""
    wide = text_width(text, SIZE) + 6
    x, anchor, color = high + 4, "start", "f-muted"
    if high + wide > area.right:
        before = low - wide > area.left
        x, anchor, color = (low - 4, "end", "f-muted") if before else (high - 4, "end", "f-paper")
    return (
        f'<text class="{color}" x="{number(x)}" y="{number(middle + 4)}" text-anchor="{anchor}">{in_html(text)}</text>'
    )


def _cells(trace: Trace, area: Area) -> Iterator[str]:
    """A map: a cell for each pair of values, and its number where it is large enough."""
    wide, high = area.x.step(), area.y.step()
    low, span = bounds(trace)
    tips = trace.get("hovertext") or [[None] * len(trace["x"])] * len(trace["y"])
    texts = trace.get("text") if trace.get("texttemplate") else None
    room = max((text_width(text, SIZE) for row in texts for text in row), default=0) + 6 if texts else 0
    shown = texts is not None and wide >= room and high > SIZE + 3
    # A cell is a thick line across, of half the bytes of its outline; no hairlines between them.
    yield f'<g shape-rendering="crispEdges" stroke-width="{number(high + 0.3)}">'
    for row, (y, line, said) in enumerate(zip(trace["y"], trace["z"], tips, strict=True)):
        for column, (x, value, tip) in enumerate(zip(trace["x"], line, said, strict=True)):
            if value is None:
                continue
            left, middle = area.x.at(x) - wide / 2, area.y.at(y) + 0.15
            color = shade((value - low) / span)
            cell = f'<path stroke="{color}" d="{path([(left, middle), (left + wide + 0.3, middle)])}"'
            said_here = area.tip(tip)
            yield f"{cell}>{said_here}</path>" if said_here else f"{cell}/>"
            if shown and texts is not None:
                spot = f'x="{number(area.x.at(x))}" y="{number(area.y.at(y) + 4)}" text-anchor="middle"'
                yield f'<text fill="{readable(color)}" {spot}>{in_html(texts[row][column])}</text>'
    yield "</g>"


def bounds(trace: Trace) -> tuple[float, float]:
    """The least value of a map, and how far the others reach above it."""
    known = [value for line in trace["z"] for value in line if value is not None]
    low = trace.get("zmin", min(known, default=0.0))
    return low, (trace.get("zmax", max(known, default=1.0)) - low) or 1.0
