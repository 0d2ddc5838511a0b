"""Pictures of a network at other sizes, from the exact tables of its design space."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from convcost.errors import UsageError
from convcost.grid.axes import is_ordered
from convcost.grid.cliffs import Run, steepest
from convcost.grid.cliffs import cliffs as cost_cliffs
from convcost.grid.evaluate import evaluate, feasible
from convcost.grid.sweep import space
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
        resolutions = _around(network, report, size)
        widths = [width * i / 4 for i in range(1, 9)]
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
    known = [run for run in runs if run.cost is not None]
    marked = [before.last for before, run in pairwise(known) if run.first in steep]
    marked = marked[:: -(-len(marked) // _STEPS) or 1]
    steps = _thinned([None if run.cost is None else run for run in runs], {*marked})
    ends = [(run, value) for run in steps for value in ((run.first, run.last) if run else (None,))]
    word = WORDS[metric]
    return cliffs(
        [None if value is None else _plain(value) for _, value in ends],
        [run.cost if run else None for run, _ in ends],
        marked=[_plain(value) for value in marked],
        title=f"{made.title}: {word} at every {name}",
        word=word,
        axis=name,
    )


def _thinned(steps: Sequence[Run | None], marked: Collection[Any]) -> list[Run | None]:
    """Evenly chosen ones of too many steps and all marked ones, with a gap between two wherever one was."""
    every = -(-sum(step is not None for step in steps) // _STEPS)
    found: list[Run | None] = []
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
        title=f"{made.title}: {WORDS[metric]} against {rows} and {columns}",
        word=WORDS[metric],
        axes=(rows, columns),
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else float(value)


def _text(value: Any) -> str:
    return str(json_value(value))
