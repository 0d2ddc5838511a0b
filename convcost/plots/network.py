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
    resolutions: Sequence[int],
    counts: Sequence[int],
    *,
    marked: Sequence[int] = (),
    title: str = "",
    word: str = "MACs",
) -> go.Figure:
    """Cost at every resolution as steps; `marked` are resolutions just before a cliff."""
    tips = [f"{r} px<br>{word} {exact(n)}" for r, n in zip(resolutions, counts, strict=True)]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": word,
        "x": list(resolutions),
        "y": list(counts),
        "line": {"color": LIGHT.series[0], "width": 2, "shape": "hv"},
        "hovertext": tips,
        "hoverinfo": "text",
    }
    at = {r: n for r, n in zip(resolutions, counts, strict=True) if r in set(marked)}
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "last before a cliff",
        "x": list(at),
        "y": list(at.values()),
        "marker": {"color": LIGHT.series[1], "size": 7, "symbol": "circle"},
        "hovertext": [f"{r} px<br>{word} {exact(n)}" for r, n in at.items()],
        "hoverinfo": "text",
    }
    return figure(
        [line, *([marks] if at else [])],
        title=title or f"{word} at every resolution",
        xaxis={"title": {"text": "resolution, pixels"}},
        yaxis={**count_axis(word), "rangemode": "tozero"},
    )


def heat_map(
    widths: Sequence[str],
    resolutions: Sequence[int],
    counts: Sequence[Sequence[int]],
    *,
    budgets: Sequence[int] = (),
    title: str = "",
    word: str = "MACs",
) -> go.Figure:
    """Cost against width (rows of `counts`) and resolution (columns), with a line per budget.

    A line joins, width by width, the largest resolution that stays within the budget.
    """
    from math import log10

    rows = [
        [f"width {w}, {r} px<br>{word} {exact(n)}" for r, n in zip(resolutions, row, strict=True)]
        for w, row in zip(widths, counts, strict=True)
    ]
    across = [str(r) for r in resolutions]
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": across,
            "y": list(widths),
            "z": [[log10(n) if n else None for n in row] for row in counts],
            "colorscale": [[i / (len(SCALE) - 1), color] for i, color in enumerate(SCALE)],
            "hovertext": rows,
            "hoverinfo": "text",
            "showscale": False,
        }
    ]
    for budget, dash in zip(budgets, ("solid", "dash", "dot"), strict=False):
        held = [(max((i for i, n in enumerate(row) if n <= budget), default=None), w) for w, row in zip(widths, counts)]
        spots = [(across[i], w) for i, w in held if i is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"≤ {compact(budget)} {word}",
                "x": [x for x, _ in spots],
                "y": [w for _, w in spots],
                "line": {"color": "#000000", "width": 1.8, "dash": dash, "shape": "linear"},
                "marker": {"color": "#000000", "size": 5, "symbol": "circle"},
                "hovertext": [f"largest resolution within {compact(budget)} at width {w}: {x} px" for x, w in spots],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=title or f"{word} against width and resolution",
        xaxis={"title": {"text": "resolution, pixels"}, "type": "category"},
        yaxis={"title": {"text": "width"}, "type": "category"},
        showlegend=len(traces) > 1,
    )
