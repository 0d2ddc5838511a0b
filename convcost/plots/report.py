"""Plots of one network: where the cost is, how it accumulates, and before and after a rewrite."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

from convcost.core.metrics import MAIN, METRICS
from convcost.core.units import compact, counted, exact, percent
from convcost.plots.style import count_axis, figure, percent_axis, titled
from convcost.render.palette import LIGHT
from convcost.results.costs import group
from convcost.results.report import Group, Report, Totals, bound, said

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MOST_BARS = 40


def cost_by(report: Report, level: str | int = "stage") -> go.Figure:
    """Shares of MACs, params and activations of each stage, block, op or layer, as bars.

    Raises `UsageError` for another level.
    """
    groups = [g for g in report.by(level) if g.macs or g.params or g.activations]
    small = [g for g in groups if _is_small(g, report.totals)]
    if len(small) > 1:  # rows without a bar tell less than one that says how many they are
        parts = report.parts(level)
        rest = [layer for g in small for layer in parts[g.name]]
        groups = [g for g in groups if not _is_small(g, report.totals)]
        groups.append(group(f"{len(small)} others", rest, ends=False))
    shown = ""
    if len(groups) > _MOST_BARS:  # more would be unreadable; the largest tell the story
        largest = sorted(range(len(groups)), key=lambda at: -groups[at].macs)[:_MOST_BARS]
        shown = f", the {_MOST_BARS} largest of {len(groups)}"
        groups = [groups[at] for at in sorted(largest)]
    names = [g.name for g in groups]
    traces = []
    for field, color in zip(MAIN, LIGHT.series, strict=False):
        word = METRICS[field].heading
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
        title=titled(
            f"{report.network}: cost by {level if isinstance(level, str) else 'part'}{shown}{known_text(report)}",
            said(report),
        ),
        xaxis={"title": {"text": "share of the network"}, "ticksuffix": " %", "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=70 + 34 * max(3, len(names)),
    )


_VISIBLE = Fraction(1, 200)
"""Of the network: a share that makes a bar long enough to be seen."""


def _is_small(of: Group, totals: Totals) -> bool:
    """Whether none of the bars of a group would be seen."""
    pairs = ((getattr(of, field), getattr(totals, field)) for field in MAIN)
    return all(count < _VISIBLE * whole or not whole for count, whole in pairs)


def known_text(report: Report) -> str:
    """What a title says of a picture that leaves out unknown ops; nothing if there are none."""
    return f", without {counted(report.totals.unknown, 'unknown op')}" if not report.complete else ""


def before_after(before: Report, after: Report) -> go.Figure:
    """MACs of each stage of two networks that have the same stages, as pairs of bars."""
    traces = []
    for report, word, color in ((before, "before", LIGHT.series[6]), (after, "after", LIGHT.series[0])):
        groups = [group for group in report.by("stage") if group.macs]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{word}: {bound(report)}{compact(report.totals.macs)} MACs",
                "y": [g.name for g in groups],
                "x": [g.macs for g in groups],
                "marker": {"color": color},
                "hovertext": [f"{g.name} {word}<br>{exact(g.macs)} MACs" for g in groups],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=titled(f"{before.network} and {after.network}: MACs by stage{known_text(before)}", said(before)),
        xaxis={**count_axis("MACs"), "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=90 + 34 * max(3, len({name for trace in traces for name in trace["y"]})),
    )


def cumulative(report: Report) -> go.Figure:
    """Cumulative MACs, params and activations from the first layer to the last, in per cent of the total."""
    traces = []
    for field, color in zip(MAIN, LIGHT.series, strict=False):
        word = METRICS[field].heading
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
        title=titled(f"{report.network}: cost so far, layer by layer{known_text(report)}", said(report)),
        xaxis={"title": {"text": "layers done"}},
        yaxis=percent_axis("of the network"),
    )
