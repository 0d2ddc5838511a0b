"""Pictures of a network at other sizes, from the exact tables of its design space."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from convcost.errors import UsageError
from convcost.grid.axes import is_ordered
from convcost.grid.cliffs import cliffs as cost_cliffs
from convcost.grid.cliffs import steepest
from convcost.grid.evaluate import evaluate, feasible
from convcost.grid.space import space
from convcost.grid.tables import Tables
from convcost.network import Network
from convcost.plots.network import cliffs, heat_map
from convcost.report import Report
from convcost.tables import json_value

if TYPE_CHECKING:
    import plotly.graph_objects as go

WORDS = {
    "macs": "MACs",
    "params": "params",
    "activations": "activations",
    "peak_activation_elements": "peak elements",
    "peak_activation_bytes": "peak bytes",
}
"""Metric -> what an axis calls it."""
_COLUMNS = 24
_STEPS = 4000
"""More steps of a staircase than a page has points across cannot be told apart; evenly chosen ones are drawn."""


def sizes(network: Network, report: Report) -> list[go.Figure]:
    """MACs at every resolution around the network's own, and over width × resolution with budget lines.

    As many as the network has knobs for; budgets are half, all and twice the network's own MACs.
    """
    size, width = network.knobs.get("resolution"), network.knobs.get("width")
    if not isinstance(size, int) or network.input_shape is not None or network.rebuilt:
        return []
    low, high = max(1, size - 96), size + 96
    found = [cliff_figure(space(network, report, {"resolution": range(low, high + 1)}))]
    if isinstance(width, Fraction):
        step = max(1, size // 14)
        resolutions = range(size - step * min(10, (size - 1) // step), size + 8 * step, step)
        widths = [width * i / 4 for i in range(1, 9)]
        made = space(network, report, {"width": widths, "resolution": resolutions})
        macs = report.totals.macs
        found.append(grid_figure(made, budgets=[macs * 2, macs, macs // 2]))
    return found


def drawable(made: Tables) -> bool:
    """Whether `sweep_figure` can show the grid: two axes, or one of numbers."""
    return len(made.axes) == 2 or (len(made.axes) == 1 and all(map(is_ordered, made.axes.values())))


def sweep_figure(made: Tables, metric: str = "macs") -> go.Figure:
    """A metric along one numeric axis of a design space, or over two; raises `UsageError` for others."""
    return cliff_figure(made, metric) if len(made.axes) == 1 else grid_figure(made, metric)


def cliff_figure(made: Tables, metric: str = "macs") -> go.Figure:
    """The cost along the only axis of a design space; marked is the last size before each steep step."""
    (name,) = made.axes
    runs = cost_cliffs(made, metric)
    steep = {run.first for run in steepest(runs)}
    marked = [before.last for before, run in pairwise(runs) if run.first in steep]
    marked = marked[:: -(-len(marked) // _STEPS) or 1]
    every, shown = -(-len(runs) // _STEPS), set(marked)
    runs = tuple(run for i, run in enumerate(runs) if i % every == 0 or run.last in shown)
    known = [(run, value) for run in runs if run.cost is not None for value in (run.first, run.last)]
    word = WORDS[metric]
    return cliffs(
        [_plain(value) for _, value in known],
        [run.cost or 0 for run, _ in known],
        marked=[_plain(value) for value in marked],
        title=f"{made.network}: {word} at every {name}",
        word=word,
        axis=name,
    )


def grid_figure(made: Tables, metric: str = "macs", *, budgets: Sequence[int] = ()) -> go.Figure:
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
        title=f"{made.network}: {WORDS[metric]} against {rows} and {columns}",
        word=WORDS[metric],
        axes=(rows, columns),
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else float(value)


def _text(value: Any) -> str:
    return str(json_value(value))
