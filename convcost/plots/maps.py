"""A cost over two knobs as a map: a cell per network, a scale with numbers, and the lines of budgets between cells."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, log2, log10
from typing import TYPE_CHECKING, Any

from convcost.core.metrics import METRICS, Metric, Unit
from convcost.core.reading import two_names
from convcost.core.units import binary
from convcost.plots.style import figure
from convcost.render.palette import SCALE
from convcost.render.svg_axes import si

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MOST_WRITTEN = 120
"""Cells of a map that hold their number; more would be too small to read."""


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[float | None]],
    *,
    budgets: Sequence[float] = (),
    title: str = "",
    metric: str = "macs",
    axes: tuple[str, str] = ("width", "resolution"),
    marks: Sequence[Sequence[str]] = (),
) -> go.Figure:
    """Cost against two knobs, the rows and columns of `counts` (None where no network can be built), a cell for each.

    `marks` are written before the numbers of cells: `~` of a time that is extrapolated.

    The colours are on a scale of powers of ten, written beside the map. The line of a budget runs between cells: on one
    side what stays within it, on the other what does not; it ends where there is no other side.
    """
    axes = two_names(axes, "axes", "('width', 'resolution')")
    marks = marks or [[""] * len(columns)] * len(rows)
    traces = [_cells(rows, columns, counts, marks, METRICS[metric], axes)]
    for budget, dash in zip(budgets, ("dash", "solid", "dot"), strict=False):
        called = f"{METRICS[metric].brief(budget)} {METRICS[metric].column}"
        traces += _budget_line(called, budget, dash, counts)
    return figure(
        traces,
        title=title or f"{METRICS[metric].column} against {axes[0]} and {axes[1]}",
        xaxis=_positions(axes[1], columns),
        yaxis=_positions(axes[0], rows),
        showlegend=len(traces) > 1,
        margin={"t": 100, "l": 60, "r": 20, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def _cells(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[float | None]],
    marks: Sequence[Sequence[str]],
    metric: Metric,
    axes: tuple[str, str],
) -> dict[str, Any]:
    """The cells of a map, coloured by powers of ten, with their numbers where they are few."""
    known = [n for line in counts for n in line if n]
    low, high = (log10(end(known)) if known else 0.0 for end in (min, max))
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": list(range(len(columns))),
        "y": list(range(len(rows))),
        "z": [[log10(n) if n else None if n is None else low for n in line] for line in counts],
        "zmin": low,
        "zmax": high if high > low else low + 1,
        "colorscale": [[i / (len(SCALE) - 1), color] for i, color in enumerate(SCALE)],
        "hovertext": [
            [
                f"{axes[0]} {r}, {axes[1]} {c}<br>{metric.column} {'-' if n is None else mark + metric.shown(n)}"
                for c, n, mark in zip(columns, line, before, strict=True)
            ]
            for r, line, before in zip(rows, counts, marks, strict=True)
        ],
        "hoverinfo": "text",
        "showscale": high > low,
        "colorbar": {
            **_scale_ticks(low, high, metric.unit),
            "title": {"text": metric.column},
            "thickness": 14,
            "outlinewidth": 0,
        },
    }
    if len(rows) * len(columns) <= _MOST_WRITTEN:
        trace["text"] = [
            ["" if n is None else mark + metric.brief(n) for n, mark in zip(line, before, strict=True)]
            for line, before in zip(counts, marks, strict=True)
        ]
        trace["texttemplate"] = "%{text}"
    return trace


def _positions(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """An axis of cells, each called by the value that it stands for."""
    return {
        "title": {"text": name},
        "tickvals": list(range(len(texts))),
        "ticktext": list(texts),
        "range": [-0.5, len(texts) - 0.5],
        "showgrid": False,
        "ticks": "",
    }


_FEW = 4
"""Numbers beside the scale of a map: so many, up to three times as many."""


def _scale_ticks(low: float, high: float, unit: Unit) -> dict[str, Any]:
    """Round amounts between two powers of ten: of counts and times to one digit, of bytes powers of two.

    >>> _scale_ticks(6.9, 8.8, "MACs")["ticktext"]
    ['10M', '30M', '100M', '300M']
    >>> _scale_ticks(5, 6.1, "bytes")["ticktext"]
    ['128 KiB', '256 KiB', '512 KiB', '1.00 MiB']
    >>> _scale_ticks(-0.4, 1.5, "ms")["ticktext"]
    ['1 ms', '3 ms', '10 ms', '30 ms']
    """
    found: list[float] = []
    in_bytes = unit == "bytes"
    if in_bytes:
        found = [2**power for power in range(ceil(low * log2(10)), floor(high * log2(10)) + 1)]
    for digits in () if in_bytes else ((1,), (1, 3), (1, 2, 5), range(1, 10), range(10, 100)):
        scale = 10 if len(digits) > _FEW * 5 else 1
        found = [_tick(one, power, scale, unit) for power in range(floor(low), ceil(high) + 1) for one in digits]
        found = [one for one in found if one and low <= log10(one) <= high]
        if len(found) >= _FEW:
            break
    found = found[:: -(-len(found) // (3 * _FEW)) or 1]
    texts = [binary(int(one)) if in_bytes else f"{one:g} ms" if unit == "ms" else si(float(one)) for one in found]
    return {"tickvals": [log10(one) for one in found], "ticktext": texts}


def _tick(digits: int, power: int, scale: int, unit: Unit) -> float:
    """A round amount; of what is counted whole ones alone."""
    amount = digits * Fraction(10) ** power / scale
    return float(amount) if unit == "ms" else floor(amount)


def _budget_line(
    called: str, budget: float, dash: str, counts: Sequence[Sequence[float | None]]
) -> list[dict[str, Any]]:
    """The line between cells within a budget and cells beyond it; none where there is nothing to part."""
    lines = contour([[None if n is None else n <= budget for n in line] for line in counts])
    if not lines:
        return []
    spots = [spot for line in lines for spot in (*line, (None, None))][:-1]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": called,
            "x": [x for x, _ in spots],
            "y": [y for _, y in spots],
            "line": {"color": "#000000", "width": 1.8, "dash": dash},
            "hovertext": f"the edge of what stays within {called}",
            "hoverinfo": "text",
        }
    ]


_Corner = tuple[float, float]


def contour(inside: Sequence[Sequence[bool | None]]) -> list[list[_Corner]]:
    """The lines between cells that are inside and cells that are not, through the corners of cells (at halves).

    None is no cell: no line runs along it, and none along the edge of the map.

    >>> contour([[True, True, False], [True, False, False]])
    [[(1.5, -0.5), (1.5, 0.5), (0.5, 0.5), (0.5, 1.5)]]
    """
    pieces: list[tuple[_Corner, _Corner]] = []
    for row, line in enumerate(inside):
        for column, cell in enumerate(line):
            beside = line[column + 1] if column + 1 < len(line) else None
            above = inside[row + 1][column] if row + 1 < len(inside) else None
            if None not in (cell, beside) and cell != beside:
                pieces.append(((column + 0.5, row - 0.5), (column + 0.5, row + 0.5)))
            if None not in (cell, above) and cell != above:
                pieces.append(((column - 0.5, row + 0.5), (column + 0.5, row + 0.5)))
    return _joined(pieces)


def _joined(pieces: Sequence[tuple[_Corner, _Corner]]) -> list[list[_Corner]]:
    """Pieces as lines, each as long as it goes, corners of straight runs left out; it begins at an end where there is one."""
    ways: dict[_Corner, list[_Corner]] = {}
    for one, other in pieces:
        ways.setdefault(one, []).append(other)
        ways.setdefault(other, []).append(one)
    lines = []
    for start in [*(spot for spot, to in ways.items() if len(to) % 2), *ways]:
        while ways[start]:
            line = [start]
            while ways[line[-1]]:
                after = ways[line[-1]].pop(0)
                ways[after].remove(line[-1])
                if len(line) > 1 and (line[-2][0] == line[-1][0] == after[0] or line[-2][1] == line[-1][1] == after[1]):
                    line.pop()
                line.append(after)
            lines.append(line)
    return lines
