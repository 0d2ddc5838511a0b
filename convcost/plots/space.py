"""Plots of a network at other sizes, from the exact tables of its design space."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS
from convcost.core.units import compact, exact
from convcost.networks.network import Network
from convcost.plots.style import count_axis, figure
from convcost.render.palette import LIGHT, SCALE
from convcost.results.report import Report, json_value
from convcost.space.axes import is_ordered
from convcost.space.cliffs import Plateau, steepest
from convcost.space.cliffs import cliffs as cost_cliffs
from convcost.space.evaluate import evaluate, feasible
from convcost.space.open import space
from convcost.space.space import DesignSpace

if TYPE_CHECKING:
    import plotly.graph_objects as go


_COLUMNS = 24
_STEPS = 4000
"""The most steps of a staircase that can be distinguished on a page; of more, evenly spaced ones are drawn."""


def sizes(network: Network, report: Report) -> list[go.Figure]:
    """MACs at every resolution around the network's own, and over width × resolution with budget lines.

    Only the plots for which the network has knobs, and none of one with unknown ops; budgets are half, all and twice the
    network's own MACs.
    """
    if not report.complete:
        return []
    size, width = network.knobs.get("resolution"), network.knobs.get("width")
    if not isinstance(size, int) or network.rebuilt or network.replaces("resolution"):
        return []
    low, high = max(1, size - 96), size + 96
    found = [cliff_figure(space(network, report, {"resolution": range(low, high + 1)}))]
    if isinstance(width, (int, Fraction)) and width:
        resolutions = _around(network, report, size)
        quarters = (width * Fraction(i, 4) for i in range(1, 9))
        widths = list(dict.fromkeys(ceil(one) for one in quarters) if isinstance(width, int) else quarters)
        made = space(network, report, {"width": widths, "resolution": resolutions})
        macs = report.totals.macs
        found.append(grid_figure(made, budgets=[macs * 2, macs, macs // 2]))
    return found


def _around(network: Network, report: Report, size: int) -> Sequence[int]:
    """Resolutions around the network's own in even steps; where some cannot be built, only some that can."""
    step = max(1, size // 14)
    wanted = range(size - step * min(10, (size - 1) // step), size + 8 * step, step)
    if feasible(space(network, report, {"resolution": wanted})).all():
        return wanted
    every = range(wanted[0], wanted[-1] + 1)
    can = [one for one, ok in zip(every, feasible(space(network, report, {"resolution": every})), strict=True) if ok]
    apart = -(-len(can) // len(wanted))
    return can[can.index(size) % apart :: apart]


def drawable(made: DesignSpace) -> bool:
    """Whether `sweep_figure` can show the grid: two axes, or one of numbers."""
    return len(made.axes) == 2 or (len(made.axes) == 1 and all(map(is_ordered, made.axes.values())))


def sweep_figure(made: DesignSpace, metric: str = "macs") -> go.Figure:
    """A metric along one numeric axis of a design space, or over two; raises `UsageError` for others."""
    return cliff_figure(made, metric) if len(made.axes) == 1 else grid_figure(made, metric)


def cliff_figure(made: DesignSpace, metric: str = "macs") -> go.Figure:
    """The cost along the only axis of a design space; marked is the last size before each steep step."""
    (name,) = made.axes
    runs = cost_cliffs(made, metric)
    steep = {run.first for run in steepest(runs)}
    known = [run for run in runs if run.cost is not None]
    marked = [before.last for before, run in pairwise(known) if run.first in steep]
    marked = marked[:: -(-len(marked) // _STEPS) or 1]
    steps = _thinned([None if run.cost is None else run for run in runs], {*marked})
    ends = [(run, value) for run in steps for value in ((run.first, run.last) if run else (None,))]
    word = METRICS[metric].column
    return cliffs(
        [None if value is None else _plain(value) for _, value in ends],
        [run.cost if run else None for run, _ in ends],
        marked=[_plain(value) for value in marked],
        title=f"{made.title}: {word} at every {name}",
        word=word,
        axis=name,
    )


def _thinned(steps: Sequence[Plateau | None], marked: Collection[Any]) -> list[Plateau | None]:
    """Evenly spaced ones of too many steps and all marked ones, with a gap between two wherever there was one."""
    every = -(-sum(step is not None for step in steps) // _STEPS)
    found: list[Plateau | None] = []
    gap, seen = False, 0
    for step in steps:
        if step is None:
            gap = True
        else:
            if seen % every == 0 or step.last in marked:
                found += [None, step] if gap and found else [step]
                gap = False
            seen += 1
    return found


def grid_figure(made: DesignSpace, metric: str = "macs", *, budgets: Sequence[int] = ()) -> go.Figure:
    """The cost over two axes of a design space as a map; raises `UsageError` for another number of axes."""
    if len(made.axes) != 2:
        raise UsageError(f"a picture shows one or two axes, got {len(made.axes)}: {', '.join(made.axes)}")
    rows, columns = made.axes
    if rows == "resolution":  # sizes run across, whatever comes first
        rows, columns = columns, rows
    counts, can = evaluate(made, metric), feasible(made)
    if next(iter(made.axes)) == columns:
        counts, can = counts.T, can.T
    every = [slice(None, None, max(1, -(-len(made.axes[name]) // _COLUMNS))) for name in (rows, columns)]
    return heat_map(
        [_text(value) for value in made.axes[rows][every[0]]],
        [_text(value) for value in made.axes[columns][every[1]]],
        [
            [int(n) if ok else None for n, ok in zip(line, held)]
            for line, held in zip(counts[tuple(every)].tolist(), can[tuple(every)].tolist(), strict=True)
        ],
        budgets=budgets,
        title=f"{made.title}: {METRICS[metric].column} against {rows} and {columns}",
        word=METRICS[metric].column,
        axes=(rows, columns),
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else float(value)


def _text(value: Any) -> str:
    return str(json_value(value))


_MOST_WRITTEN = 60  # cells of a map that hold their number; more would be too small to read


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
        traces.append(_budget_line(budget, dash, _held(rows, columns, counts, budget), word, axes))
    return figure(
        traces,
        title=title or f"{word} against {axes[0]} and {axes[1]}",
        xaxis={"title": {"text": axes[1]}, "type": "category"},
        yaxis={"title": {"text": axes[0]}, "type": "category"},
        showlegend=len(traces) > 1,
    )


def _budget_line(
    budget: int, dash: str, spots: Sequence[tuple[str | None, str | None]], word: str, axes: tuple[str, str]
) -> dict[str, Any]:
    """The line that joins, row by row, the last column within a budget."""
    return {
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
