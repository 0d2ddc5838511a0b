"""Pictures of one network: where the cost is, how it adds up, what a change of size does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import ceil, floor, log10
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
    values: Sequence[float | None],
    counts: Sequence[int | None],
    *,
    marked: Sequence[float] = (),
    title: str = "",
    word: str = "MACs",
    axis: str = "resolution",
) -> go.Figure:
    """Cost along a knob as steps; `marked` are values just before a cliff, the largest at their cost.

    A None in both is a gap: values that cannot be built. A value between two gaps is a dot.
    """
    pairs = list(zip(values, counts, strict=True))
    tips = ["" if r is None or n is None else f"{axis} {r}<br>{word} {exact(n)}" for r, n in pairs]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": word,
        "x": list(values),
        "y": list(counts),
        "line": {"color": LIGHT.series[0], "width": 2, "shape": "hv"},
        "connectgaps": False,
        "hovertext": tips,
        "hoverinfo": "text",
    }

    def dots(name: str, at: Mapping[Any, int | None], color: str, size: int, **other: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": list(at),
            "y": list(at.values()),
            "marker": {"color": color, "size": size, "symbol": "circle"},
            "hovertext": [f"{axis} {r}<br>{word} {exact(n or 0)}" for r, n in at.items()],
            "hoverinfo": "text",
            **other,
        }

    alone = dict(_alone(pairs))
    at = {r: n for r, n in pairs if r is not None and r in set(marked)}
    traces = [line]
    traces += [dots(word, alone, LIGHT.series[0], 5, showlegend=False)] if alone else []
    traces += [dots("last before a cliff", at, LIGHT.series[1], 7)] if at else []
    return figure(
        traces,
        title=title or f"{word} at every {axis}",
        xaxis={"title": {"text": axis}},
        yaxis={**count_axis(word), "rangemode": "tozero"},
    )


_Pair = tuple[float | None, int | None]


def _alone(pairs: Sequence[_Pair]) -> list[_Pair]:
    """The points of runs of one value, between gaps.

    >>> _alone([(1, 5), (None, None), (3, 6), (3, 6), (None, None), (4, 7), (5, 8)])
    [(1, 5), (3, 6)]
    """
    runs: list[list[_Pair]] = [[]]
    for pair in pairs:
        if pair[0] is None:
            runs.append([])
        else:
            runs[-1].append(pair)
    return [run[0] for run in runs if len(set(run)) == 1]


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

    A line per budget joins, row by row, the last column that stays within it; it breaks rather than pass over networks
    that cannot be built.
    """
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
        spots = _held(rows, columns, counts, budget)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"≤ {compact(budget)} {word}",
                "x": [x for x, _ in spots],
                "y": [r for _, r in spots],
                "line": {"color": "#000000", "width": 1.8, "dash": dash, "shape": "linear"},
                "marker": {"color": "#000000", "size": 5, "symbol": "circle"},
                "hovertext": [
                    f"the most within {compact(budget)} at {axes[0]} {r}: {axes[1]} {x}" if x else "" for x, r in spots
                ],
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


def _held(
    rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int | None]], budget: int
) -> list[tuple[str | None, str | None]]:
    """Row by row the last column within a budget, with a gap (None) where the way from one to the next is not free.

    >>> _held(["a", "b"], ["1", "2", "3"], [[1, 2, 3], [1, None, 4]], 3)
    [('3', 'a'), (None, None), ('1', 'b')]
    """
    found: list[tuple[str | None, str | None]] = []
    before: int | None = None
    for index, line in enumerate(counts):
        last = max((i for i, n in enumerate(line) if n is not None and n <= budget), default=None)
        if (
            found
            and found[-1][0] is not None
            and (last is None or before is None or not _free(counts, index, before, last))
        ):
            found.append((None, None))
        if last is not None:
            found.append((columns[last], rows[index]))
        before = last
    return found


def _free(counts: Sequence[Sequence[int | None]], row: int, before: int, last: int) -> bool:
    """Whether a straight line from a column of the row before to one of this row stays on networks that can be built."""
    half = (before + last) / 2  # where it passes from row to row; cells reach half a column to each side

    def between(one: float, other: float) -> range:
        low, high = sorted((one, other))
        return range(ceil(low - 0.5), floor(high + 0.5) + 1)

    above = all(counts[row - 1][i] is not None for i in between(before, half))
    return above and all(counts[row][i] is not None for i in between(half, last))
