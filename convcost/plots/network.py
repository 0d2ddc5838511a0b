"""Pictures of one network: where the cost is, how it adds up, what a change of size does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from convcost.palette import LIGHT, SCALE
from convcost.plots.style import count_axis, figure, percent_axis
from convcost.report import Report
from convcost.units import compact, exact, percent

if TYPE_CHECKING:
    import plotly.graph_objects as go

QUANTITIES = {"macs": "MACs", "params": "params", "activations": "activations"}
_MOST_BARS = 40
_MOST_WRITTEN = 60  # cells of a map that hold their number; more would be too small to read


def cost_by(report: Report, level: str = "stage") -> go.Figure:
    """Shares of MACs, params and activations of each stage, block, op or layer, as bars.

    Raises `UsageError` for another level.
    """
    groups = [g for g in report.by(level) if g.macs or g.params or g.activations]
    if len(groups) > _MOST_BARS:  # more would be unreadable; the largest tell the story
        largest = sorted(groups, key=lambda g: -g.macs)[:_MOST_BARS]
        groups = [g for g in groups if g in largest]
    names = [g.name for g in groups]
    traces = []
    for (field, word), color in zip(QUANTITIES.items(), LIGHT.series, strict=False):
        whole = getattr(report.totals, field)
        counts = [getattr(g, field) for g in groups]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": word,
                "y": names,
                "x": [100 * n / whole if whole else 0 for n in counts],
                "marker": {"color": color},
                "hovertext": [f"{g}<br>{word} {exact(n)}, {percent(n, whole)}" for g, n in zip(names, counts)],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=f"{report.network}: cost by {level}",
        xaxis={"title": {"text": "share of the network"}, "ticksuffix": " %", "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=70 + 34 * max(3, len(names)),
    )


def before_after(before: Report, after: Report) -> go.Figure:
    """MACs of each stage of two networks that have the same stages, as pairs of bars."""
    traces = []
    for report, word, color in ((before, "before", LIGHT.series[6]), (after, "after", LIGHT.series[0])):
        groups = [group for group in report.by("stage") if group.macs]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{word}: {compact(report.totals.macs)} MACs",
                "y": [g.name for g in groups],
                "x": [g.macs for g in groups],
                "marker": {"color": color},
                "hovertext": [f"{g.name} {word}<br>{exact(g.macs)} MACs" for g in groups],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=f"{before.network} and {after.network}: MACs by stage",
        xaxis={**count_axis("MACs"), "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=90 + 34 * max(3, len({name for trace in traces for name in trace["y"]})),
    )


def cumulative(report: Report) -> go.Figure:
    """How MACs, params and activations add up from the first layer to the last, in per cent of the whole."""
    traces = []
    for (field, word), color in zip(QUANTITIES.items(), LIGHT.series, strict=False):
        whole = getattr(report.totals, field)
        sums = list(accumulate(getattr(layer, field) for layer in report.layers))
        tips = [
            f"after {layer.name}<br>{word} {exact(n)}, {percent(n, whole)}" for layer, n in zip(report.layers, sums)
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": word,
                "x": list(range(1, len(sums) + 1)),
                "y": [100 * n / whole if whole else 0 for n in sums],
                "line": {"color": color, "width": 2, "shape": "hv"},
                "hovertext": tips,
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=f"{report.network}: cost so far, layer by layer",
        xaxis={"title": {"text": "layers done"}},
        yaxis=percent_axis("of the network"),
    )


def cliffs(
    values: Sequence[float],
    counts: Sequence[int],
    *,
    marked: Sequence[float] = (),
    title: str = "",
    word: str = "MACs",
    axis: str = "resolution",
) -> go.Figure:
    """Cost along a knob as steps; `marked` are values just before a cliff, the largest at their cost."""
    tips = [f"{axis} {r}<br>{word} {exact(n)}" for r, n in zip(values, counts, strict=True)]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": word,
        "x": list(values),
        "y": list(counts),
        "line": {"color": LIGHT.series[0], "width": 2, "shape": "hv"},
        "hovertext": tips,
        "hoverinfo": "text",
    }
    at = {r: n for r, n in zip(values, counts, strict=True) if r in set(marked)}
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "last before a cliff",
        "x": list(at),
        "y": list(at.values()),
        "marker": {"color": LIGHT.series[1], "size": 7, "symbol": "circle"},
        "hovertext": [f"{axis} {r}<br>{word} {exact(n)}" for r, n in at.items()],
        "hoverinfo": "text",
    }
    return figure(
        [line, *([marks] if at else [])],
        title=title or f"{word} at every {axis}",
        xaxis={"title": {"text": axis}},
        yaxis={**count_axis(word), "rangemode": "tozero"},
    )


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[int | None]],
    *,
    budgets: Sequence[int] = (),
    title: str = "",
    word: str = "MACs",
    axes: tuple[str, str] = ("width", "resolution"),
) -> go.Figure:
    """Cost against two knobs, the rows and columns of `counts` (None where no network can be built).

    A line per budget joins, row by row, the last column that stays within it.
    """
    from math import log10

    tips = [
        [
            f"{axes[0]} {r}, {axes[1]} {c}<br>{word} {'-' if n is None else exact(n)}"
            for c, n in zip(columns, line, strict=True)
        ]
        for r, line in zip(rows, counts, strict=True)
    ]
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": list(columns),
            "y": list(rows),
            "z": [[log10(n) if n else None for n in line] for line in counts],
            "colorscale": [[i / (len(SCALE) - 1), color] for i, color in enumerate(SCALE)],
            "hovertext": tips,
            "hoverinfo": "text",
            "showscale": False,
        }
    ]
    if len(rows) * len(columns) <= _MOST_WRITTEN:
        written = [["" if n is None else compact(n) for n in line] for line in counts]
        traces[0] |= {"text": written, "texttemplate": "%{text}"}
    for budget, dash in zip(budgets, ("dash", "solid", "dot"), strict=False):
        held = [
            (max((i for i, n in enumerate(line) if n is not None and n <= budget), default=None), r)
            for r, line in zip(rows, counts, strict=True)
        ]
        spots = [(columns[i], r) for i, r in held if i is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"≤ {compact(budget)} {word}",
                "x": [x for x, _ in spots],
                "y": [r for _, r in spots],
                "line": {"color": "#000000", "width": 1.8, "dash": dash, "shape": "linear"},
                "marker": {"color": "#000000", "size": 5, "symbol": "circle"},
                "hovertext": [f"the most within {compact(budget)} at {axes[0]} {r}: {axes[1]} {x}" for x, r in spots],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=title or f"{word} against {axes[0]} and {axes[1]}",
        xaxis={"title": {"text": axes[1]}, "type": "category"},
        yaxis={"title": {"text": axes[0]}, "type": "category"},
        showlegend=len(traces) > 1,
    )
