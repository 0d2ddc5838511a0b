"""A light renderer: the plotly figures of this package as small SVG, without JavaScript, a browser or a random id.

It draws what these figures use - lines, steps, marks, bars, heat maps, labels - in colours that follow the reader's
light or dark surface. Figures of other making may hold more; those are refused, not drawn wrong.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from convcost.errors import UsageError
from convcost.palette import FONT, LIGHT, SCALE, color_name, css
from convcost.plots.axes import Axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

_CHARACTER = 0.58  # of the font size, a little more than the mean width of a digit
_FONT = 12


def svg(
    figure: go.Figure, *, width: int = 760, height: int | None = None, alone: bool = True, tips: bool = True
) -> str:
    """The figure as SVG text; not `alone`, it takes its colours from the page that it stands in.

    `tips` are what a pointer over a mark is told.

    Raises `UsageError` for a kind of trace that the light renderer does not draw.
    """
    text = _Picture(figure.to_plotly_json(), width, height, alone=alone).text()
    return text if tips else re.sub(r"(?<=.)<title>[^<]*</title>(?=</)", "", text)


class _Picture:
    def __init__(self, figure: Mapping[str, Any], width: int, height: int | None, *, alone: bool) -> None:
        self.layout: Mapping[str, Any] = figure["layout"]
        self.traces: list[Mapping[str, Any]] = [t for t in figure["data"] if t.get("visible", True) is True]
        self.alone, self.width = alone, width
        self.x = Axis(self.layout.get("xaxis") or {}, [v for t in self.traces for v in _values(t, "x")])
        self.y = Axis(self.layout.get("yaxis") or {}, [v for t in self.traces for v in _values(t, "y")])
        rows = (
            self.layout.get("height") if self.y.labels and not self.x.labels else None
        )  # as many as there are names to print
        self.height = height or rows or round(min(440, max(290, width * 0.56)))
        title = plain((self.layout.get("title") or {}).get("text", "").split("<br>")[0]) if alone else ""
        self.title = textwrap.wrap(title, int(width / (15 * _CHARACTER)))
        self.below = textwrap.wrap(self.x.title, int(width / (_FONT * _CHARACTER)) - 4)
        self.head = 8 + 20 * len(self.title)
        self.legend = self._legend()
        self._place()

    def _place(self) -> None:
        labels = [tick.text for tick in self.y.ticks(40 if self.y.labels else 6)]
        self.left = min(self.width * 0.42, max(map(len, labels), default=1) * _FONT * _CHARACTER + 12)
        self.left += 18 if self.y.title else 0
        self.top = self.head + (6 + 20 * (1 + max(row for row, _, _ in self.legend)) if self.legend else 4)
        self.bottom = self.height - 24 - 16 * len(self.below)
        self.right = self.width - 14
        self.x.place(self.left, self.right)
        self.y.place(self.bottom, self.top)

    def _legend(self) -> list[tuple[int, float, Mapping[str, Any]]]:
        """Row, place and trace of every entry; empty where there is nothing to tell apart."""
        named = [t for t in self.traces if t.get("name") and t.get("showlegend", True)]
        shown = self.layout.get("showlegend")
        if shown is False or not named or (len(named) < 2 and not shown):
            return []
        entries, row, at = [], 0, 10.0
        for trace in named:
            wide = 26 + len(trace["name"]) * _FONT * _CHARACTER + 12
            if at + wide > self.width and at > 10:
                row, at = row + 1, 10.0
            entries.append((row, at, trace))
            at += wide
        return entries

    def text(self) -> str:
        parts = [*self._frame(), *self._grid(), *self._marks(), *self._labels(), *self._legend_marks()]
        if self.alone:
            style = f"<style>{css()}</style><title>{escape(' '.join(self.title))}</title>"
            attributes = 'xmlns="http://www.w3.org/2000/svg" role="img" '
        else:
            style, attributes = "", 'aria-hidden="true" '
        head = f'<svg {attributes}viewBox="0 0 {self.width} {self.height}" font-family="{FONT}" font-size="{_FONT}">'
        return f"{head}{style}{''.join(parts)}</svg>\n"

    def _frame(self) -> Iterator[str]:
        if self.alone:
            yield f'<rect class="f-paper" width="{self.width}" height="{self.height}"/>'
        for row, text in enumerate(self.title):
            yield f'<text class="f-ink" x="10" y="{22 + 20 * row}" font-size="15" font-weight="600">{escape(text)}</text>'

    def _grid(self) -> Iterator[str]:
        lines = self.layout.get("xaxis", {}).get("showgrid") is not False
        names = 0 if lines else len(self.x.layout.get("tickvals") or ())  # those of them are left out that do not fit
        across = self.x.ticks(names or max(2, int((self.right - self.left) / 62)))
        end = 0.0
        for tick in across:
            x, half = self.x.tick_at(tick), len(tick.text) * _FONT * _CHARACTER / 2
            if lines and not self.x.labels:
                yield f'<path class="l-grid" d="M{_n(x)} {_n(self.top)}V{_n(self.bottom)}"/>'
            middle = min(x, self.width - 2 - half)
            if middle - half >= end:  # names that would stand on each other are left out
                spot = f'x="{_n(middle)}" y="{_n(self.bottom + 16)}"'
                yield f'<text class="f-muted" {spot} text-anchor="middle">{escape(tick.text)}</text>'
                end = middle + half + 4
        room = int((self.bottom - self.top) / (13 if self.y.labels else 34))
        for tick in self.y.ticks(max(2, room)):
            y = self.y.tick_at(tick)
            if not self.y.labels:
                yield f'<path class="l-grid" d="M{_n(self.left)} {_n(y)}H{_n(self.right)}"/>'
            shown = escape(_short(tick.text, int((self.left - 8) / (_FONT * _CHARACTER))))
            yield f'<text class="f-muted" x="{_n(self.left - 6)}" y="{_n(y + 4)}" text-anchor="end">{shown}</text>'
        for row, text in enumerate(self.below):
            half = len(text) * _FONT * _CHARACTER / 2
            middle = min((self.left + self.right) / 2, self.width - 4 - half)
            y = self.height - 6 - 16 * (len(self.below) - 1 - row)
            yield f'<text class="f-ink" x="{_n(middle)}" y="{y}" text-anchor="middle">{escape(text)}</text>'
        if self.y.title:
            place = f'transform="translate(13 {_n((self.top + self.bottom) / 2)}) rotate(-90)"'
            yield f'<text class="f-ink" {place} text-anchor="middle">{escape(self.y.title)}</text>'

    def _marks(self) -> Iterator[str]:
        bars = [trace for trace in self.traces if trace["type"] == "bar"]
        for trace in self.traces:
            kind = trace["type"]
            if kind == "scatter":
                yield from self._scatter(trace)
            elif kind == "bar":
                yield from self._bars(trace, bars)
            elif kind == "heatmap":
                yield from self._cells(trace)
            else:
                raise UsageError(f"the light renderer draws scatter, bar and heatmap, not {kind}; write .html or .png")

    def _scatter(self, trace: Mapping[str, Any]) -> Iterator[str]:
        if trace.get("fill") == "toself":
            yield self._area(trace)
            return
        pairs = zip(_values(trace, "x"), _values(trace, "y"), strict=True)
        points = [(self.x.at(x), self.y.at(y)) for x, y in pairs if x is not None and y is not None]
        if not points:
            return
        mode, line, marker = trace.get("mode") or "lines", trace.get("line") or {}, trace.get("marker") or {}
        opacity = _opacity(trace.get("opacity"))
        if "lines" in mode:
            path = _path(points, line.get("shape", "linear"))
            if trace.get("fill") == "tozeroy":
                base = _n(self.y.at(0))
                area = f"{path}V{base}H{_n(points[0][0])}Z"
                yield f'<path {_fill(trace.get("fillcolor") or line.get("color"))} opacity=".25" d="{area}"/>'
            dash = {"dot": "2 3", "dash": "6 4"}.get(line.get("dash", ""), "")
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            yield f'<path {_stroke(line.get("color"))} stroke-width="{line.get("width", 2)}"{dashes}{opacity} d="{path}"/>'
        tips = _each(trace.get("hovertext"), len(points))
        if "markers" in mode:
            symbols, colors = (
                _each(marker.get("symbol", "circle"), len(points)),
                _each(marker.get("color"), len(points)),
            )
            sizes, dims = _each(marker.get("size", 7), len(points)), _each(marker.get("opacity", 1), len(points))
            for (x, y), symbol, color, size, dim, tip in zip(points, symbols, colors, sizes, dims, tips, strict=True):
                yield _mark(x, y, symbol, color, size, dim, tip)
        if "text" in mode:
            yield from self._texts(trace, points)

    def _area(self, trace: Mapping[str, Any]) -> str:
        """Closed outlines, apart where the values have a gap; what is said of one is said of all."""
        path, last = "", ("", "")
        for x, y in zip(trace["x"], trace["y"], strict=True):
            spot = ("", "") if x is None or y is None else (_n(self.x.at(x)), _n(self.y.at(y)))
            if spot[0] and not last[0]:
                path += f"M{spot[0]} {spot[1]}"
            elif spot[0] and spot != last:
                path += (
                    f"V{spot[1]}"
                    if spot[0] == last[0]
                    else f"H{spot[0]}"
                    if spot[1] == last[1]
                    else f"L{spot[0]} {spot[1]}"
                )
            last = spot
        line, tip = trace.get("line") or {}, _each(trace.get("text"), 1)[0]
        edge = f'stroke="var(--paper)" stroke-width="{line.get("width", 1)}"'
        return f'<path {_fill(trace.get("fillcolor"))} {edge} d="{path}Z">{_tip(tip)}</path>'

    def _texts(self, trace: Mapping[str, Any], points: Sequence[tuple[float, float]]) -> Iterator[str]:
        sides = _each(trace.get("textposition", "middle right"), len(points))
        for (x, y), text, side in zip(points, _each(trace.get("text"), len(points)), sides, strict=True):
            anchor, dx = {"right": ("start", 7), "left": ("end", -7)}.get(side.split()[-1], ("middle", 0))
            dy = {"top": -8, "bottom": 18}.get(side.split()[0], 4)
            color = _fill((trace.get("textfont") or {}).get("color", "#1f2328"))
            yield f'<text {color} x="{_n(x + dx)}" y="{_n(y + dy)}" text-anchor="{anchor}">{escape(str(text or ""))}</text>'

    def _bars(self, trace: Mapping[str, Any], bars: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        flat = trace.get("orientation") == "h"
        along, across = (self.x, self.y) if flat else (self.y, self.x)
        grouped = (self.layout.get("barmode") or "group") == "group" and len(bars) > 1
        share = across.step() * 0.78 / (len(bars) if grouped else 1)
        shift = (bars.index(trace) - (len(bars) - 1) / 2) * share if grouped else 0.0
        lengths, names = (trace["x"], trace["y"]) if flat else (trace["y"], trace["x"])
        count = len(lengths)
        rows = zip(
            lengths,
            names,
            _each(trace.get("base", 0), count),
            _each((trace.get("marker") or {}).get("color"), count),
            _each(trace.get("hovertext"), count),
            _each(trace.get("text"), count),
            strict=True,
        )
        for length, name, base, color, tip, text in rows:
            low, high = sorted((along.at(base), along.at(base + length)))
            low, high = max(low, min(along.start, along.end)), min(high, max(along.start, along.end))
            middle = across.at(name) + shift
            spots = (
                (low, middle - share / 2, high - low, share) if flat else (middle - share / 2, low, share, high - low)
            )
            x, y, w, h = map(_n, spots)
            yield f'<rect {_fill(color)} x="{x}" y="{y}" width="{w}" height="{h}">{_tip(tip)}</rect>'
            if text and flat:
                yield self._bar_text(str(text), low, high, middle)

    def _bar_text(self, text: str, low: float, high: float, middle: float) -> str:
        """A bar's label: behind its end, else before its start, else inside."""
        wide = len(text) * _FONT * _CHARACTER + 6
        x, anchor, color = high + 4, "start", "f-muted"
        if high + wide > self.right:
            x, anchor = (low - 4, "end") if low - wide > self.left else (high - 4, "end")
            color = "f-muted" if low - wide > self.left else "f-paper"
        return f'<text class="{color}" x="{_n(x)}" y="{_n(middle + 4)}" text-anchor="{anchor}">{escape(text)}</text>'

    def _cells(self, trace: Mapping[str, Any]) -> Iterator[str]:
        wide, high = self.x.step(), self.y.step()
        shades = [v for row in trace["z"] for v in row if v is not None]
        low, span = min(shades), (max(shades) - min(shades)) or 1
        tips = trace.get("hovertext") or [[None] * len(trace["x"])] * len(trace["y"])
        for y, row, said in zip(trace["y"], trace["z"], tips, strict=True):
            for x, value, tip in zip(trace["x"], row, said, strict=True):
                if value is None:
                    continue
                spots = (self.x.at(x) - wide / 2, self.y.at(y) - high / 2, wide + 0.3, high + 0.3)
                at = "x={!r} y={!r} width={!r} height={!r}".format(*map(_n, spots)).replace("'", '"')
                share = (value - low) / span
                yield f'<rect fill="{shade(share)}" {at}>{_tip(tip)}</rect>'
                if trace.get("texttemplate") and wide > 46 and high > 16:
                    text = escape(trace["text"][self.y.labels.index(y)][self.x.labels.index(x)])
                    spot = f'x="{_n(self.x.at(x))}" y="{_n(self.y.at(y) + 4)}" text-anchor="middle"'
                    yield f'<text fill="{"#ffffff" if share > 0.6 else "#1f2328"}" {spot}>{text}</text>'

    def _labels(self) -> Iterator[str]:
        for line in self.layout.get("shapes") or ():
            if line.get("type") == "line" and line.get("y0") == line.get("y1"):  # across the whole picture
                y, color = _n(self.y.at(line["y0"])), (line.get("line") or {}).get("color")
                yield f'<path {_stroke(color)} stroke-dasharray="6 4" d="M{_n(self.left)} {y}H{_n(self.right)}"/>'
        for note in self.layout.get("annotations") or ():
            yield from self._note(note)

    def _note(self, note: Mapping[str, Any]) -> Iterator[str]:
        """A text at a place, with a line to it where it stands aside; it stays inside the picture."""
        across = note.get("xref", "x") == "x"
        at, y = (self.x.at(note["x"]) if across else self.right), self.y.at(note["y"])
        size = _FONT - 1
        room = int((self.right - self.left - 12) / (size * _CHARACTER))
        lines = [_short(plain(line), room) for line in note["text"].split("<br>")]
        if note.get("ax") and len(lines) > (fitting := max(1, int((y - 8 - self.top) / 15))):
            lines = [
                *lines[: fitting - 1],
                f"{lines[fitting - 1].removesuffix('…')} …",
            ]  # what does not fit above would cover the place
        wide = max(map(len, lines)) * size * _CHARACTER
        x, low = at + note.get("ax", 0), y + note.get("ay", 0) - (0 if note.get("ax") else 4)
        anchor = note.get("xanchor", "left")
        left = {"right": x - wide, "center": x - wide / 2}.get(anchor, x)
        left = min(max(left, self.left + 4), self.right - wide - 4)
        low = max(low, self.top + 15 * len(lines))
        if note.get("ax"):
            edge = left + wide if anchor == "right" else left
            yield f'<path class="l-ink" d="M{_n(edge)} {_n(low - 4)}L{_n(at)} {_n(y)}"/>'
            box = f'x="{_n(left - 4)}" y="{_n(low - 15 * len(lines))}" width="{_n(wide + 8)}" height="{15 * len(lines) + 5}"'
            yield f'<rect class="f-paper" stroke="var(--muted)" {box}/>'
        color = _fill((note.get("font") or {}).get("color", LIGHT.ink))
        for row, text in enumerate(lines):
            spot = f'x="{_n(left)}" y="{_n(low - 15 * (len(lines) - 1 - row))}" font-size="{size}"'
            yield f"<text {color} {spot}>{escape(text)}</text>"

    def _legend_marks(self) -> Iterator[str]:
        for row, at, trace in self.legend:
            y = self.head + 14 + 20 * row
            line, marker = trace.get("line") or {}, trace.get("marker") or {}
            area = trace.get("fill") == "toself"
            if area:
                yield _mark(at + 10, y - 4, "square", trace.get("fillcolor"), 9, 1, None)
            if trace["type"] == "scatter" and not area and "lines" in (trace.get("mode") or "lines"):
                dash = {"dot": "2 3", "dash": "6 4"}.get(line.get("dash", ""), "")
                dashes = f' stroke-dasharray="{dash}"' if dash else ""
                color = {"#000000": LIGHT.ink}.get(line.get("color", ""), line.get("color"))  # black lies on a map only
                yield f'<path {_stroke(color)} stroke-width="2"{dashes} d="M{_n(at)} {y - 4}h20"/>'
            if trace["type"] == "bar" or "markers" in (trace.get("mode") or ""):
                symbol = "square" if trace["type"] == "bar" else _each(marker.get("symbol", "circle"), 1)[0]
                color = _each(marker.get("color"), 1)[0]
                yield _mark(at + 10, y - 4, symbol, {"#000000": LIGHT.ink}.get(color, color), 9, 1, None)
            yield f'<text class="f-ink" x="{_n(at + 26)}" y="{y}">{escape(trace["name"])}</text>'


def shade(share: float) -> str:
    """A colour of the scale for a share from 0 to 1, between its neighbours.

    >>> shade(0), shade(1)
    ('#f2f8fc', '#0072b2')
    """
    place = min(1.0, max(0.0, share)) * (len(SCALE) - 1)
    index = min(int(place), len(SCALE) - 2)
    ends = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SCALE[index : index + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (place - index)):02x}" for a, b in zip(*ends, strict=True))


_SHAPES = {
    "square": "M{l} {t}H{r}V{b}H{l}Z",
    "diamond": "M{x} {t}L{r} {y}L{x} {b}L{l} {y}Z",
    "triangle-up": "M{x} {t}L{r} {b}H{l}Z",
    "triangle-down": "M{x} {b}L{r} {t}H{l}Z",
    "cross": "M{x} {t}V{b}M{l} {y}H{r}",
    "star": "M{x} {t}L{r} {b}L{l} {y}H{r}L{l} {b}Z",
}


def _mark(x: float, y: float, symbol: str, color: str | None, size: float, dim: float, tip: str | None) -> str:
    half = size / 2
    shape, hollow = symbol.removesuffix("-open"), symbol.endswith("-open") or symbol == "cross"
    paint = f'{_stroke(color)} stroke-width="{2.4 if symbol == "cross" else 1.5}"' if hollow else _fill(color)
    dimmed = _opacity(dim)
    if shape == "circle":
        return f'<circle {paint}{dimmed} cx="{_n(x)}" cy="{_n(y)}" r="{_n(half)}">{_tip(tip)}</circle>'
    edges = {"x": x, "y": y, "l": x - half, "r": x + half, "t": y - half, "b": y + half}
    path = _SHAPES[shape].format(**{name: _n(value) for name, value in edges.items()})
    return f'<path {paint}{dimmed} d="{path}">{_tip(tip)}</path>'


def _path(points: Sequence[tuple[float, float]], shape: str) -> str:
    """Straight lines, or steps: hv goes across first, vh up first."""
    path = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for x, y in points[1:]:
        path += {"hv": f"H{_n(x)}V{_n(y)}", "vh": f"V{_n(y)}H{_n(x)}"}.get(shape, f"L{_n(x)} {_n(y)}")
    return path


def _values(trace: Mapping[str, Any], axis: str) -> list[Any]:
    values = list(trace.get(axis) or ())
    along = "x" if trace.get("orientation") == "h" else "y"
    if trace["type"] != "bar" or axis != along:
        return values
    bases = _each(trace.get("base", 0), len(values))
    return [*bases, *(base + value for base, value in zip(bases, values, strict=True))]


def _each(value: Any, count: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def _tip(tip: str | None) -> str:
    return f"<title>{escape(plain(tip.replace('<br>', chr(10))))}</title>" if tip else ""


def plain(text: str) -> str:
    """Text without plotly's tags, its entities resolved."""
    return unescape(re.sub(r"</?(b|i|sup|sub)>", "", text))


def _fill(color: str | None) -> str:
    name = color_name(color or "#59636e")
    return f'class="f-{name}"' if name else f'fill="{color}"'


def _stroke(color: str | None) -> str:
    name = color_name(color or "#59636e")
    return f'class="l-{name}"' if name else f'fill="none" stroke="{color}"'


def _opacity(value: float | None) -> str:
    return "" if value in (None, 1) else f' opacity="{value}"'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _n(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
