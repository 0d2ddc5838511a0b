"""A lightweight renderer: the plotly figures of this package as small SVG, without JavaScript, browser or random ids.

It draws what these figures use - lines, steps, marks, bars, heat maps, labels - in colours that follow the reader's
light or dark theme. Other figures may contain more; those are refused, not drawn wrong. What is written is measured
first: names are wrapped, labels that have no room are left out, and what is said of a point stands above the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.render.escape import in_html, of_figure
from convcost.render.lettering import shortened, text_width, wrapped
from convcost.render.palette import FONT, LIGHT, css
from convcost.render.rectangle import Rectangle
from convcost.render.svg_axes import PlotAxis, Tick
from convcost.render.svg_marks import mark, number, path, shade, stroke
from convcost.render.svg_room import Name, in_rows, on_lines
from convcost.render.svg_traces import SIZE, Area, bounds, dashes, drawn, each, values, written

if TYPE_CHECKING:
    import plotly.graph_objects as go


_TITLE, _SUBTITLE = 15, 12
_LINE = 15
"""From one line of small text to the next."""
_EDGE = 10
"""Between the paper's edge and what is written at it."""
_SCALE_WIDTH, _SHADES = 14, 32
_USUAL = 760


def svg(
    figure: go.Figure, *, width: int | None = None, height: int | None = None, alone: bool = True, tips: bool = True
) -> str:
    """The figure as SVG text, of its own size if none is given; unless `alone`, with the colours of the page around it.

    `tips` are tooltips of marks.

    Raises `UsageError` for a kind of trace that the light renderer does not draw.
    """
    return _Picture(figure.to_plotly_json(), width, height, alone=alone, tips=tips).text()


def axes(figure: go.Figure, *, alone: bool = True) -> tuple[PlotAxis, PlotAxis]:
    """Where the values along x and y fall in the picture of that figure, in its own pixels."""
    drawn = _Picture(figure.to_plotly_json(), None, None, alone=alone, tips=False)
    return drawn.x, drawn.y


def _rules(path: str) -> str:
    """The lines of a grid that go one way."""
    return f'<path class="l-grid" d="{path}"/>' if path else ""


def _ticks(texts: Iterable[tuple[float, float, str]], anchor: str) -> str:
    """What an axis says, each text with its place."""
    inside = "".join(f'<text x="{number(x)}" y="{number(y)}">{in_html(text)}</text>' for x, y, text in texts)
    return f'<g class="f-muted" text-anchor="{anchor}">{inside}</g>' if inside else ""


class _Said(NamedTuple):
    """A line of what is said of a point, with the colour of what it is about."""

    text: str
    color: str | None
    bold: bool


class _Picture:
    def __init__(
        self, figure: Mapping[str, Any], width: int | None, height: int | None, *, alone: bool, tips: bool
    ) -> None:
        self.layout: Mapping[str, Any] = figure["layout"]
        if width is None and self.layout.get("width"):
            width, height = self.layout["width"], height or self.layout.get("height")
        width = width or _USUAL
        self.traces: list[Mapping[str, Any]] = [t for t in figure["data"] if t.get("visible", True) is True]
        self.alone, self.width, self.tips = alone, width, tips
        self.x = PlotAxis(self.layout.get("xaxis") or {}, [v for t in self.traces for v in values(t, "x")])
        self.y = PlotAxis(self.layout.get("yaxis") or {}, [v for t in self.traces for v in values(t, "y")])
        rows = (
            self.layout.get("height") if self.y.labels and not self.x.labels else None
        )  # as many as there are names to print
        given = str((self.layout.get("title") or {}).get("text") or "")
        title, _, below = given.partition("<br>") if alone else ("", "", "")
        below = below or (alone and ((self.layout.get("title") or {}).get("subtitle") or {}).get("text")) or ""
        room = width - 2 * _EDGE
        self.title = wrapped(of_figure(title), room, _TITLE, most=3, bold=True) if title else []
        self.subtitle = wrapped(of_figure(below), room, _SUBTITLE, most=4) if below else []
        self.below = wrapped(self.x.title, room - 20, SIZE) if self.x.title else []
        self.head = 8 + 20 * len(self.title) + (4 + _LINE * len(self.subtitle) if self.subtitle else 0)
        self.legend = self._legend()
        self.callout = self._callout()
        around = self._above() + 24 + 16 * len(self.below)
        plot = rows - 70 if rows else round(min(360, max(220, width * 0.48)))
        self.height = height or round(plot + around)
        self._place()
        self.names = self._names()
        if rows := max((name.row for name in self.names), default=0):
            self.height += 0 if height else _LINE * rows
            self._place(rows)

    def _above(self) -> float:
        """What stands above the picture: title, legend, what is said of a point."""
        legend = 6 + 20 * self._legend_rows() if self.legend else 4
        return self.head + legend + (_LINE * len(self.callout) + 24 if self.callout else 0)

    def _names(self) -> list[Name]:
        """The names along the x axis of a figure that has any, as many as there is room for in a few rows."""
        named = (self.layout.get("meta") or {}).get("names") or ()
        return in_rows([(self.x.at(place), text) for place, text in named], 4, self.width - 4, SIZE)

    def _place(self, more: int = 0) -> None:
        """Where the axes run, with room for so many more lines below them."""
        self.top = self._above()
        self.strip = self.top - (_LINE * len(self.callout) + 24 if self.callout else 0)
        self.bottom = self.height - 24 - 16 * len(self.below) - _LINE * more
        self.y.place(self.bottom, self.top)
        self.left = self._names_wide() + 12 + (18 if self.y.title else 0)
        self.right = self.width - 14 - self._scale_wide()
        self.x.place(self.left, self.right)

    def _names_wide(self) -> float:
        """What the names or numbers along the side take: names as much as they need in two lines, up to a limit."""
        if not self.y.labels:
            return max((text_width(tick.text, SIZE) for tick in self._side_ticks()), default=8)
        limit = self.width * 0.42
        lines = [line for name in self.y.labels for line in self._name(of_figure(name), limit)]
        return max((text_width(line, SIZE) for line in lines), default=8)

    def _name(self, name: str, room: float) -> list[str]:
        """A name along the side, in as many lines as its row has room for."""
        high = self.height / max(1, len(self.y.labels))
        return wrapped(name, room, SIZE, most=2 if high > 2.2 * _LINE else 1)

    def _legend(self) -> list[tuple[int, float, Mapping[str, Any]]]:
        """Row, position and trace of every entry; empty for fewer than two named series, unless asked for."""
        named = [t for t in self.traces if t.get("name") and t.get("showlegend", True)]
        shown = self.layout.get("showlegend")
        if shown is False or not named or (len(named) < 2 and not shown):
            return []
        entries, row, at = [], 0, float(_EDGE)
        for trace in named:
            wide = 26 + text_width(of_figure(trace["name"]), SIZE) + 12
            if at + wide - 12 > self.width and at > _EDGE:
                row, at = row + 1, float(_EDGE)
            entries.append((row, at, trace))
            at += wide
        return entries

    def _legend_rows(self) -> int:
        return 1 + max((row for row, _, _ in self.legend), default=-1)

    def _callout(self) -> list[_Said]:
        """What is said of a point by a note that stands aside of it, wrapped to the picture."""
        lines: list[_Said] = []
        for note in self._asides()[:1]:
            for text in note["text"].split("<br>"):
                found = re.match(r'<span style="color:(#\w+)">■</span> ?(.*)', text)
                color, rest = found.groups() if found else (None, text)
                bold = rest.startswith("<b>")
                room = self.width - 2 * _EDGE - 30
                lines += [
                    _Said(line, color if at == 0 else None, bold)
                    for at, line in enumerate(wrapped(of_figure(rest), room, SIZE, bold=bold))
                ]
        return lines

    def _asides(self) -> list[Mapping[str, Any]]:
        return [note for note in self.layout.get("annotations") or () if note.get("ax")]

    def text(self) -> str:
        area = Area(self.x, self.y, self.tips, (self.layout.get("barmode") or "group") == "group")
        marks = list(drawn(self.traces, area))
        parts = [*self._frame(), *self._grid(), *marks, *self._scale(), *self._labels(area), *self._legend_marks()]
        if self.alone:
            style = f"<style>{css()}</style><title>{in_html(' '.join(self.title))}</title>"
            attributes, letters = 'xmlns="http://www.w3.org/2000/svg" role="img" ', f' font-family="{FONT}"'
        else:
            style, letters = "", ""  # those of the page around it, which are the same
            attributes = f'aria-hidden="true" class="w{round(self.width)}" '
        head = f'<svg {attributes}viewBox="0 0 {self.width} {self.height}"{letters} font-size="{SIZE}">'
        return f"{head}{style}{''.join(parts)}</svg>\n"

    def _frame(self) -> Iterator[str]:
        if self.alone:
            yield f'<rect class="f-paper" width="{self.width}" height="{self.height}"/>'
        for row, text in enumerate(self.title):
            spot = f'x="{_EDGE}" y="{22 + 20 * row}" font-size="{_TITLE}" font-weight="600"'
            yield f'<text class="f-ink" {spot}>{in_html(text)}</text>'
        for row, text in enumerate(self.subtitle):
            y = 8 + 20 * len(self.title) + 12 + _LINE * row
            yield f'<text class="f-muted" x="{_EDGE}" y="{y}" font-size="{_SUBTITLE}">{in_html(text)}</text>'

    def _grid(self) -> Iterator[str]:
        yield from self._across()
        yield from self._upwards()
        for row, text in enumerate(self.below):
            half = text_width(text, SIZE) / 2
            middle = max(half + 4, min((self.left + self.right) / 2, self.width - 4 - half))
            y = self.height - 6 - 16 * (len(self.below) - 1 - row)
            yield f'<text class="f-ink" x="{number(middle)}" y="{y}" text-anchor="middle">{in_html(text)}</text>'
        if self.y.title:
            middle = (self.top + self.bottom) / 2
            title = shortened(self.y.title, self.height - 8, SIZE)
            half = text_width(title, SIZE) / 2
            middle = max(half + 4, min(middle, self.height - 4 - half))
            place = f'transform="translate(13 {number(middle)}) rotate(-90)"'
            yield f'<text class="f-ink" {place} text-anchor="middle">{in_html(title)}</text>'

    def _across(self) -> Iterator[str]:
        """Ticks of the x axis; names that would overlap are left out."""
        if self.names:
            below = ((name.middle, self.bottom + 16 + _LINE * name.row, name.text) for name in self.names)
            yield _ticks(below, "middle")
            return
        lines = self.layout.get("xaxis", {}).get("showgrid") is not False
        names = 0 if lines else len(self.x.layout.get("tickvals") or ())
        end, rules, texts = 0.0, "", []
        for tick in self.x.ticks(names or max(2, int((self.right - self.left) / 62))):
            x, half = self.x.tick_at(tick), text_width(tick.text, SIZE) / 2
            if lines and not self.x.labels:
                rules += f"M{number(x)} {number(self.top)}V{number(self.bottom)}"
            middle = max(half + 2, min(x, self.width - 2 - half))
            if middle - half >= end:
                texts.append((middle, self.bottom + 16, tick.text))
                end = middle + half + 4
        yield _rules(rules) + _ticks(texts, "middle")

    def _upwards(self) -> Iterator[str]:
        """Ticks of the y axis."""
        lines = self.layout.get("yaxis", {}).get("showgrid") is not False
        side = self.left - 12 - (18 if self.y.title else 0)
        rules, texts = "", []
        for tick in self._side_ticks():
            y = self.y.tick_at(tick)
            if lines and not self.y.labels:
                rules += f"M{number(self.left)} {number(y)}H{number(self.right)}"
            said = self._name(tick.text, side + 0.01) if self.y.labels else [tick.text]
            texts += [
                (self.left - 6, y + 4 + _LINE * (row - (len(said) - 1) / 2), text) for row, text in enumerate(said)
            ]
        yield _rules(rules) + _ticks(texts, "end")

    def _side_ticks(self) -> Sequence[Tick]:
        high = self.bottom - self.top
        return self.y.ticks(max(2, int(high / (SIZE if self.y.labels or self.y.layout.get("ticktext") else 34))))

    def _scales(self) -> list[Mapping[str, Any]]:
        return [trace for trace in self.traces if trace["type"] == "heatmap" and trace.get("showscale")]

    def _scale_wide(self) -> float:
        """What the scale of a map takes at the right."""
        texts = [str(text) for trace in self._scales() for text in (trace.get("colorbar") or {}).get("ticktext") or ()]
        return _SCALE_WIDTH + 26 + max(text_width(text, SIZE) for text in texts) if texts else 0

    def _scale(self) -> Iterator[str]:
        """The colours of a map with their numbers."""
        for trace in self._scales():
            bar = trace.get("colorbar") or {}
            low, span = bounds(trace)
            left, high = self.right + 18, self.bottom - self.top
            part = high / _SHADES
            yield '<g shape-rendering="crispEdges">'
            for at in range(_SHADES):
                top = self.bottom - part * (at + 1)
                cell = path([(left, top), (left + _SCALE_WIDTH, top), (left + _SCALE_WIDTH, top + part + 0.4)])
                yield f'<path fill="{shade((at + 0.5) / _SHADES)}" d="{cell}h-{_SCALE_WIDTH}z"/>'
            yield "</g>"
            for value, text in zip(bar.get("tickvals") or (), bar.get("ticktext") or (), strict=True):
                y = self.bottom - (value - low) / span * high
                end = left + _SCALE_WIDTH
                yield f'<path class="l-muted" d="M{number(end)} {number(y)}h4"/>'
                spot = f'x="{number(end + 7)}" y="{number(y + 4)}"'
                yield f'<text class="f-muted" {spot}>{in_html(str(text))}</text>'

    def _labels(self, area: Area) -> Iterator[str]:
        for line in self.layout.get("shapes") or ():
            if line.get("type") != "line":
                continue
            look = line.get("line") or {}
            if str(line.get("xref", "x")).endswith("domain"):  # across the whole picture
                y = number(self.y.at(line["y0"]))
                yield f'<path {stroke(look.get("color"))} stroke-dasharray="6 4" d="M{number(self.left)} {y}H{number(self.right)}"/>'
            else:
                ends = [(self.x.at(line[f"x{end}"]), self.y.at(line[f"y{end}"])) for end in "01"]
                wide = f'stroke-width="{look.get("width", 1.5)}"{dashes(look)}'
                yield f'<path {stroke(look.get("color"))} {wide} d="{path(ends)}"/>'
        yield from self._notes(area)
        yield from self._callout_box()

    def _notes(self, area: Area) -> Iterator[str]:
        """Texts on lines across the figure, kept inside of it and off each other."""
        asked = []
        for note in self.layout.get("annotations") or ():
            if not note.get("ax"):
                text = shortened(of_figure(note["text"]), self.right - self.left - 12, SIZE)
                asked.append((text, self.right - text_width(text, SIZE) - 4, self.y.at(note["y"])))
        frame = Rectangle(self.left, self.top, self.right, self.bottom)
        for text, left, base in on_lines(asked, frame, SIZE, written(self.traces, area)):
            halo = 'stroke="var(--paper)" stroke-width="3" paint-order="stroke"'
            yield f'<text class="f-ink" {halo} x="{number(left)}" y="{number(base)}">{in_html(text)}</text>'

    def _callout_box(self) -> Iterator[str]:
        """A box above the picture, with a line from it to its point."""
        if not self.callout:
            return
        (note, *_) = self._asides()
        at, y = self.x.at(note["x"]), self.y.at(note["y"])
        wide = (
            max(text_width(said.text, SIZE, bold=said.bold) + (16 if said.color else 0) for said in self.callout) + 14
        )
        left = min(max(at - wide / 2, _EDGE), self.width - _EDGE - wide)
        high = _LINE * len(self.callout) + 8
        yield f'<path class="l-ink" d="M{number(at)} {number(self.strip + high)}V{number(y)}"/>'
        box = f'x="{number(left)}" y="{number(self.strip)}" width="{number(wide)}" height="{number(high)}" rx="3"'
        yield f'<rect class="f-paper" stroke="var(--muted)" {box}/>'
        hanging = any(said.color for said in self.callout)
        for row, said in enumerate(self.callout):
            y = self.strip + _LINE * (row + 1) - 1
            if said.color:
                yield mark(left + 12, y - 4, "square", said.color, 9, 1, None)
            x = left + (22 if hanging and not said.bold else 7)
            weight = ' font-weight="600"' if said.bold else ""
            yield f'<text class="f-ink" x="{number(x)}" y="{number(y)}"{weight}>{in_html(said.text)}</text>'

    def _legend_marks(self) -> Iterator[str]:
        for row, at, trace in self.legend:
            y = self.head + 14 + 20 * row
            line, marker = trace.get("line") or {}, trace.get("marker") or {}
            area = trace.get("fill") == "toself"
            if area:
                yield mark(at + 10, y - 4, "square", trace.get("fillcolor"), 11, 1, None)
            if trace["type"] == "scatter" and not area and "lines" in (trace.get("mode") or "lines"):
                color = {"#000000": LIGHT.ink}.get(line.get("color", ""), line.get("color"))  # black lies on a map only
                yield f'<path {stroke(color)} stroke-width="2"{dashes(line)} d="M{number(at)} {y - 4}h20"/>'
            if trace["type"] == "bar" or "markers" in (trace.get("mode") or ""):
                symbol = "square" if trace["type"] == "bar" else each(marker.get("symbol", "circle"), 1)[0]
                color = each(marker.get("color"), 1)[0]
                yield mark(at + 10, y - 4, symbol, {"#000000": LIGHT.ink}.get(color, color), 9, 1, None)
            yield f'<text class="f-ink" x="{number(at + 26)}" y="{y}">{in_html(of_figure(trace["name"]))}</text>'
