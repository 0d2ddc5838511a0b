"""A lightweight renderer: the plotly figures of this package as small SVG, without JavaScript, browser or random ids.

It draws what these figures use - lines, steps, marks, bars, heat maps, labels - in colours that follow the reader's
light or dark theme. Other figures may contain more; those are refused, not drawn wrong.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from convcost.core.errors import UsageError
from convcost.render.palette import FONT, LIGHT, css
from convcost.render.svg_axes import PlotAxis
from convcost.render.svg_marks import (
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
    without_tags,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


_CHARACTER = 0.58  # of the font size, a little more than the mean width of a digit
_USUAL = 760
_FONT = 13  # the small text of a page, where drawings have their own size


def svg(
    figure: go.Figure, *, width: int | None = None, height: int | None = None, alone: bool = True, tips: bool = True
) -> str:
    """The figure as SVG text, of its own size if none is given; unless `alone`, with the colours of the page around it.

    `tips` are tooltips of marks.

    Raises `UsageError` for a kind of trace that the light renderer does not draw.
    """
    return _Picture(figure.to_plotly_json(), width, height, alone=alone, tips=tips).text()


def axes(figure: go.Figure, *, width: int | None = None, height: int | None = None) -> tuple[PlotAxis, PlotAxis]:
    """Where the values along x and y fall in that picture, in its own pixels."""
    drawn = _Picture(figure.to_plotly_json(), width, height, alone=True, tips=False)
    return drawn.x, drawn.y


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
        self.x = PlotAxis(self.layout.get("xaxis") or {}, [v for t in self.traces for v in _values(t, "x")])
        self.y = PlotAxis(self.layout.get("yaxis") or {}, [v for t in self.traces for v in _values(t, "y")])
        rows = (
            self.layout.get("height") if self.y.labels and not self.x.labels else None
        )  # as many as there are names to print
        self.height = height or rows or round(min(440, max(290, width * 0.56)))
        title = without_tags((self.layout.get("title") or {}).get("text", "").split("<br>")[0]) if alone else ""
        self.title = textwrap.wrap(title, int(width / (15 * _CHARACTER)))
        self.below = textwrap.wrap(self.x.title, int(width / (_FONT * _CHARACTER)) - 4)
        below = without_tags(((self.layout.get("title") or {}).get("subtitle") or {}).get("text", "")) if alone else ""
        self.subtitle = textwrap.wrap(below, int((width - 20) / (_FONT * _CHARACTER)))
        self.head = 8 + 20 * len(self.title) + 17 * len(self.subtitle)
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
        """Row, position and trace of every entry; empty for fewer than two named series, unless asked for."""
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
            style, attributes = "", f'aria-hidden="true" style="--wide:{self.width / 16:g}rem" '
        head = f'<svg {attributes}viewBox="0 0 {self.width} {self.height}" font-family="{FONT}" font-size="{_FONT}">'
        return f"{head}{style}{''.join(parts)}</svg>\n"

    def _frame(self) -> Iterator[str]:
        if self.alone:
            yield f'<rect class="f-paper" width="{self.width}" height="{self.height}"/>'
        for row, text in enumerate(self.title):
            yield f'<text class="f-ink" x="10" y="{22 + 20 * row}" font-size="15" font-weight="600">{escape(text)}</text>'
        for row, text in enumerate(self.subtitle):
            y = 21 + 20 * len(self.title) + 17 * row
            yield f'<text class="f-muted" x="10" y="{y}">{escape(text)}</text>'

    def _grid(self) -> Iterator[str]:
        lines = self.layout.get("xaxis", {}).get("showgrid") is not False
        names = 0 if lines else len(self.x.layout.get("tickvals") or ())  # those of them are left out that do not fit
        across = self.x.ticks(names or max(2, int((self.right - self.left) / 62)))
        end = 0.0
        for tick in across:
            x, half = self.x.tick_at(tick), len(tick.text) * _FONT * _CHARACTER / 2
            if lines and not self.x.labels:
                yield f'<path class="l-grid" d="M{number(x)} {number(self.top)}V{number(self.bottom)}"/>'
            middle = min(x, self.width - 2 - half)
            if middle - half >= end:  # names that would overlap are left out
                spot = f'x="{number(middle)}" y="{number(self.bottom + 16)}"'
                yield f'<text class="f-muted" {spot} text-anchor="middle">{escape(tick.text)}</text>'
                end = middle + half + 4
        room = int((self.bottom - self.top) / (13 if self.y.labels else 34))
        for tick in self.y.ticks(max(2, room)):
            y = self.y.tick_at(tick)
            if not self.y.labels:
                yield f'<path class="l-grid" d="M{number(self.left)} {number(y)}H{number(self.right)}"/>'
            shown = escape(_short(tick.text, int((self.left - 8) / (_FONT * _CHARACTER))))
            yield f'<text class="f-muted" x="{number(self.left - 6)}" y="{number(y + 4)}" text-anchor="end">{shown}</text>'
        for row, text in enumerate(self.below):
            half = len(text) * _FONT * _CHARACTER / 2
            middle = min((self.left + self.right) / 2, self.width - 4 - half)
            y = self.height - 6 - 16 * (len(self.below) - 1 - row)
            yield f'<text class="f-ink" x="{number(middle)}" y="{y}" text-anchor="middle">{escape(text)}</text>'
        if self.y.title:
            place = f'transform="translate(13 {number((self.top + self.bottom) / 2)}) rotate(-90)"'
            yield f'<text class="f-ink" {place} text-anchor="middle">{escape(self.y.title)}</text>'

    def _marks(self) -> Iterator[str]:
        bars = [trace for trace in self.traces if trace["type"] == "bar"]
        yield from self._areas([trace for trace in self.traces if trace.get("fill") == "toself"])
        for trace in self.traces:
            kind = trace["type"]
            if trace.get("fill") == "toself":
                continue
            if kind == "scatter":
                yield from self._scatter(trace)
            elif kind == "bar":
                yield from self._bars(trace, bars)
            elif kind == "heatmap":
                yield from self._cells(trace)
            else:
                raise UsageError(f"the light renderer draws scatter, bar and heatmap, not {kind}; write .html or .png")

    def _scatter(self, trace: Mapping[str, Any]) -> Iterator[str]:
        runs = self._runs(trace)
        if not runs:
            return
        mode, line, marker = trace.get("mode") or "lines", trace.get("line") or {}, trace.get("marker") or {}
        paleness = opacity(trace.get("opacity"))
        if "lines" in mode:
            line_path = "".join(path(stepped(run, line.get("shape", "linear"))) for run in runs)
            dash = {"dot": "2 3", "dash": "6 4"}.get(line.get("dash", ""), "")
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            yield f'<path {stroke(line.get("color"))} stroke-width="{line.get("width", 2)}"{dashes}{paleness} d="{line_path}"/>'
        if "markers" in mode:
            yield from self._points(trace, marker)
        if "text" in mode:
            yield from self._texts(trace)

    def _spots(self, trace: Mapping[str, Any]) -> list[tuple[float, float] | None]:
        """The place of each of a trace's points; None where its values have a gap."""
        pairs = zip(_values(trace, "x"), _values(trace, "y"), strict=True)
        return [None if x is None or y is None else (self.x.at(x), self.y.at(y)) for x, y in pairs]

    def _runs(self, trace: Mapping[str, Any]) -> list[list[tuple[float, float]]]:
        """The places between gaps."""
        runs: list[list[tuple[float, float]]] = [[]]
        for spot in self._spots(trace):
            if spot is None:
                runs.append([])
            else:
                runs[-1].append(spot)
        return [run for run in runs if run]

    def _points(self, trace: Mapping[str, Any], marker: Mapping[str, Any]) -> Iterator[str]:
        spots = self._spots(trace)
        looks = [("symbol", "circle"), ("color", None), ("size", 7), ("opacity", 1)]
        each = [_each(marker.get(name, usual), len(spots)) for name, usual in looks]
        tips = _each(trace.get("hovertext") if self.tips else None, len(spots))
        for spot, symbol, color, size, dim, tip in zip(spots, *each, tips, strict=True):
            if spot:
                yield mark(spot[0], spot[1], symbol, color, size, dim, tip)

    def _areas(self, traces: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Closed outlines under one edge; what is said of one is said of all its parts, and without it one path does."""
        if not traces:
            return
        yield f'<g stroke="var(--paper)" stroke-width="{(traces[0].get("line") or {}).get("width", 1)}">'
        by_color: dict[str, list[str]] = {}
        for trace in traces:
            outline = "".join(f"{path(run)}z" for run in self._runs(trace))
            tip = self._tip(_each(trace.get("text"), 1)[0])
            part = f'<path d="{outline}">{tip}</path>' if self.tips else outline
            by_color.setdefault(fill(trace.get("fillcolor")), []).append(part)
        for color, parts in by_color.items():
            yield f"<g {color}>{''.join(parts)}</g>" if self.tips else f'<path {color} d="{"".join(parts)}"/>'
        yield "</g>"

    def _tip(self, tip: str | None) -> str:
        return tip_text(tip) if self.tips else ""

    def _texts(self, trace: Mapping[str, Any]) -> Iterator[str]:
        spots = self._spots(trace)
        sides = _each(trace.get("textposition", "middle right"), len(spots))
        for spot, text, side in zip(spots, _each(trace.get("text"), len(spots)), sides, strict=True):
            if not spot:
                continue
            anchor, dx = {"right": ("start", 7), "left": ("end", -7)}.get(side.split()[-1], ("middle", 0))
            dy = {"top": -8, "bottom": 18}.get(side.split()[0], 4)
            font = trace.get("textfont") or {}
            color = fill(font.get("color", "#1f2328"))
            if font.get("weight"):  # a name on the picture itself: it stands off what it covers
                color += f' font-weight="{font["weight"]}" stroke="var(--paper)" stroke-width="3" paint-order="stroke"'
            at = f'x="{number(spot[0] + dx)}" y="{number(spot[1] + dy)}" text-anchor="{anchor}"'
            yield f"<text {color} {at}>{escape(str(text or ''))}</text>"

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
            x, y, w, h = map(number, spots)
            yield f'<rect {fill(color)} x="{x}" y="{y}" width="{w}" height="{h}">{self._tip(tip)}</rect>'
            if text and flat:
                yield self._bar_text(str(text), low, high, middle)

    def _bar_text(self, text: str, low: float, high: float, middle: float) -> str:
        """A bar's label: behind its end, else before its start, else inside."""
        wide = len(text) * _FONT * _CHARACTER + 6
        x, anchor, color = high + 4, "start", "f-muted"
        if high + wide > self.right:
            x, anchor = (low - 4, "end") if low - wide > self.left else (high - 4, "end")
            color = "f-muted" if low - wide > self.left else "f-paper"
        return f'<text class="{color}" x="{number(x)}" y="{number(middle + 4)}" text-anchor="{anchor}">{escape(text)}</text>'

    def _cells(self, trace: Mapping[str, Any]) -> Iterator[str]:
        wide, high = self.x.step(), self.y.step()
        shades = [v for row in trace["z"] for v in row if v is not None]
        low, span = min(shades), (max(shades) - min(shades)) or 1
        tips = trace.get("hovertext") or [[None] * len(trace["x"])] * len(trace["y"])
        for y, row, said in zip(trace["y"], trace["z"], tips, strict=True):
            for x, value, tip in zip(trace["x"], row, said, strict=True):
                if value is None:
                    continue
                left, top = self.x.at(x) - wide / 2, self.y.at(y) - high / 2
                right, bottom = left + wide + 0.3, top + high + 0.3
                cell = path([(left, top), (right, top), (right, bottom), (left, bottom)])
                share = (value - low) / span
                yield f'<path fill="{shade(share)}" d="{cell}z">{self._tip(tip)}</path>'
                if trace.get("texttemplate") and wide > 50 and high > 17:
                    text = escape(trace["text"][self.y.labels.index(y)][self.x.labels.index(x)])
                    spot = f'x="{number(self.x.at(x))}" y="{number(self.y.at(y) + 4)}" text-anchor="middle"'
                    yield f'<text fill="{readable(shade(share))}" {spot}>{text}</text>'

    def _labels(self) -> Iterator[str]:
        for line in self.layout.get("shapes") or ():
            if line.get("type") == "line" and line.get("y0") == line.get("y1"):  # across the whole picture
                y, color = number(self.y.at(line["y0"])), (line.get("line") or {}).get("color")
                yield f'<path {stroke(color)} stroke-dasharray="6 4" d="M{number(self.left)} {y}H{number(self.right)}"/>'
        for note in self.layout.get("annotations") or ():
            yield from self._note(note)

    def _note(self, note: Mapping[str, Any]) -> Iterator[str]:
        """A text at a point, with a line to it if it is placed aside; it is kept inside the figure."""
        across = note.get("xref", "x") == "x"
        at, y = (self.x.at(note["x"]) if across else self.right), self.y.at(note["y"])
        size = _FONT
        room = int((self.right - self.left - 12) / (size * _CHARACTER))
        lines = [_short(without_tags(line), room) for line in note["text"].split("<br>")]
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
            yield f'<path class="l-ink" d="M{number(edge)} {number(low - 4)}L{number(at)} {number(y)}"/>'
            box = f'x="{number(left - 4)}" y="{number(low - 15 * len(lines))}" width="{number(wide + 8)}" height="{15 * len(lines) + 5}"'
            yield f'<rect class="f-paper" stroke="var(--muted)" {box}/>'
        color = fill((note.get("font") or {}).get("color", LIGHT.ink))
        for row, text in enumerate(lines):
            spot = f'x="{number(left)}" y="{number(low - 15 * (len(lines) - 1 - row))}" font-size="{size}"'
            yield f"<text {color} {spot}>{escape(text)}</text>"

    def _legend_marks(self) -> Iterator[str]:
        for row, at, trace in self.legend:
            y = self.head + 14 + 20 * row
            line, marker = trace.get("line") or {}, trace.get("marker") or {}
            area = trace.get("fill") == "toself"
            if area:
                yield mark(at + 10, y - 4, "square", trace.get("fillcolor"), 9, 1, None)
            if trace["type"] == "scatter" and not area and "lines" in (trace.get("mode") or "lines"):
                dash = {"dot": "2 3", "dash": "6 4"}.get(line.get("dash", ""), "")
                dashes = f' stroke-dasharray="{dash}"' if dash else ""
                color = {"#000000": LIGHT.ink}.get(line.get("color", ""), line.get("color"))  # black lies on a map only
                yield f'<path {stroke(color)} stroke-width="2"{dashes} d="M{number(at)} {y - 4}h20"/>'
            if trace["type"] == "bar" or "markers" in (trace.get("mode") or ""):
                symbol = "square" if trace["type"] == "bar" else _each(marker.get("symbol", "circle"), 1)[0]
                color = _each(marker.get("color"), 1)[0]
                yield mark(at + 10, y - 4, symbol, {"#000000": LIGHT.ink}.get(color, color), 9, 1, None)
            yield f'<text class="f-ink" x="{number(at + 26)}" y="{y}">{escape(trace["name"])}</text>'


def _values(trace: Mapping[str, Any], axis: str) -> list[Any]:
    values = list(trace.get(axis) or ())
    along = "x" if trace.get("orientation") == "h" else "y"
    if trace["type"] != "bar" or axis != along:
        return values
    bases = _each(trace.get("base", 0), len(values))
    return [*bases, *(base + value for base, value in zip(bases, values, strict=True))]


def _each(value: Any, count: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
