"""Plots of a network at other sizes, from the exact tables of its design space."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from convcost.core.dims import LARGEST
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS, TIMED, key_of
from convcost.core.units import exact
from convcost.networks.network import Network
from convcost.plots.curves import bars, cliffs, samples
from convcost.plots.maps import heat_map
from convcost.plots.points import knobs_by_weight, points_figure
from convcost.plots.style import titled
from convcost.render.escape import in_figure
from convcost.results.report import Report, json_value
from convcost.space.axes import is_dense, is_ordered
from convcost.space.cliffs import Plateau, steepest, too_many_runs
from convcost.space.cliffs import cliffs as cost_cliffs
from convcost.space.evaluate import feasible, values
from convcost.space.extrapolated import extrapolated
from convcost.space.open import space
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND

if TYPE_CHECKING:
    import plotly.graph_objects as go


_COLUMNS = 24
_PLANE = 2
"""Axes that a picture has."""
_MOST_COLOURED = 4
"""Knobs by which the points of a page are coloured, one picture each."""
_MOST_BARS = 40
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
    low, high = max(1, size - 96), min(size + 96, LARGEST)
    found = [cliff_figure(space(network, report, {"resolution": range(low, high + 1)}))]
    if isinstance(width, (int, Fraction)) and width:
        resolutions = _around(network, report, size)
        quarters = (one for i in range(1, 9) if (one := width * Fraction(i, 4)) <= LARGEST)
        widths = list(dict.fromkeys(ceil(one) for one in quarters) if isinstance(width, int) else quarters)
        made = space(network, report, {"width": widths, "resolution": resolutions})
        macs = report.totals.macs
        found.append(grid_figure(made, budgets=[macs * 2, macs, macs // 2]))
    return found


def _around(network: Network, report: Report, size: int) -> Sequence[int]:
    """Resolutions around the network's own in even steps; where some cannot be built, only some that can."""
    step = max(1, size // 14)
    wanted = range(size - step * min(10, (size - 1) // step), min(size + 8 * step, LARGEST + 1), step)
    if feasible(space(network, report, {"resolution": wanted})).all():
        return wanted
    fine = -(-(wanted[-1] - wanted[0]) // _STEPS) or 1
    every = range(size - (size - wanted[0]) // fine * fine, wanted[-1] + 1, fine)
    can = [one for one, ok in zip(every, feasible(space(network, report, {"resolution": every})), strict=True) if ok]
    apart = -(-len(can) // len(wanted))
    return can[can.index(size) % apart :: apart]


def sweep_figure(made: DesignSpace, metric: str = "macs", against: str = "") -> go.Figure:
    """A metric along the axis of a design space, over its two axes as a map, or of many axes the points `against` another."""
    metric, against = key_of(metric), key_of(against)
    if len(made.axes) > _PLANE:
        return points_figure(made, metric, against=against)
    if len(made.axes) == _PLANE:
        return grid_figure(made, metric)
    return cliff_figure(made, metric) if all(map(is_ordered, made.axes.values())) else words_figure(made, metric)


def sweep_figures(made: DesignSpace, metric: str = "macs", against: str = "") -> list[go.Figure]:
    """The pictures of a grid: one of one or two axes, of more the same networks coloured by each knob, the telling first."""
    metric, against = key_of(metric), key_of(against)
    if len(made.axes) <= _PLANE:
        return [sweep_figure(made, metric)]
    return [
        points_figure(made, metric, against=against, knob=knob)
        for knob in knobs_by_weight(made, metric)[:_MOST_COLOURED]
    ]


def cliff_figure(made: DesignSpace, metric: str = "macs") -> go.Figure:
    """The cost along the only axis of a design space.

    Steps where every value of the axis was counted, with marks at the last size before each steep one; else, and of more
    steps than are listed, a mark for each value that was, or for some, and nothing said of those between. Raises `UsageError`.
    """
    metric = key_of(metric)
    too_many = too_many_runs(made, metric)
    ((name, axis),) = made.axes.items()
    word = METRICS[metric].column
    far = _far(made, metric)
    if too_many or not is_dense(axis):
        some = slice(None, None, -(-len(axis) // _STEPS))
        can, counts = feasible(made)[some].tolist(), values(made, metric)[some].tolist()
        shown = [(_plain(at), count if ok else None) for at, count, ok in zip(axis[some], counts, can, strict=True)]
        which = _of_how_many(len(shown), len(axis), name)
        title = titled(f"{made.title}: {word} at {which}", _said(made, metric, far, "hollow"))
        known_at, costs = [value for value, _ in shown], [count for _, count in shown]
        return samples(known_at, costs, title=title, metric=metric, axis=name, far=set(map(_plain, far)))
    runs = cost_cliffs(made, metric)
    steep = {run.first for run in steepest(runs)}
    known = [run for run in runs if run.cost is not None]
    marked = [before.last for before, run in pairwise(known) if run.first in steep]
    marked = marked[:: -(-len(marked) // _STEPS) or 1]
    steps = _thinned([None if run.cost is None else run for run in runs], {*marked})
    drawn = sum(step is not None for step in steps)
    partly = f", {exact(drawn)} of {exact(len(known))} steps drawn" if drawn < len(known) else ""
    which = f"every {name} from {axis[0]} to {axis[-1]}"
    lacking = " that can be built" if len(known) < len(runs) else ""
    title = titled(f"{made.title}: {word} at {which}{lacking}{partly}", made.said(metric))
    return cliffs(steps, marked=marked, title=title, metric=metric, axis=name, far=far)


def words_figure(made: DesignSpace, metric: str = "macs") -> go.Figure:
    """The cost at the values of an axis without an order, as bars."""
    ((name, axis),) = made.axes.items()
    can, counts = feasible(made).tolist(), values(made, metric).tolist()
    shown = {_text(value): count for value, count, ok in zip(axis, counts, can, strict=True) if ok}
    shown = dict([*shown.items()][:_MOST_BARS])
    which = _of_how_many(len(shown), len(axis), name)
    far = set(map(_text, _far(made, metric)))
    title = titled(f"{made.title}: {METRICS[metric].column} at {which}", _said(made, metric, far, BEYOND))
    return bars(shown, title=title, metric=metric, axis=name, far=far)


def _far(made: DesignSpace, metric: str) -> set[Any]:
    """The values of the only axis of a design space at which a metric is extrapolated."""
    ((_, axis),) = made.axes.items()
    beyond = extrapolated(made, (slice(0, len(axis)),)) if metric in TIMED else None
    return set() if beyond is None else {value for value, differs in zip(axis, beyond.tolist(), strict=True) if differs}


def _said(made: DesignSpace, metric: str, far: Collection[Any], mark: str) -> str:
    """The second line of a title: what the metric depends on, and what marks that it is extrapolated."""
    return " · ".join(filter(None, (made.said(metric), f"{mark}: extrapolated" if far else "")))


def _of_how_many(shown: int, there: int, name: str) -> str:
    """How many values of an axis a picture shows.

    >>> _of_how_many(5, 5, "resolution"), _of_how_many(2, 6, "e"), _of_how_many(1, 1, "resolution")
    ('5 resolutions', '2 of 6 values of e', '1 value of resolution')
    """
    count = exact(shown) if shown == there else f"{exact(shown)} of {exact(there)}"
    many = f"{name}s" if name in _USUAL and shown > 1 else f"{'value' if count == '1' else 'values'} of {name}"
    return f"{count} {many}"


_USUAL = ("width", "depth", "resolution")


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
        raise UsageError(f"a map shows two axes, got {len(made.axes)}: {', '.join(made.axes)}")
    rows, columns = made.axes
    if rows == "resolution":  # sizes run across, whatever comes first
        rows, columns = columns, rows
    counts, can = values(made, metric), feasible(made)
    if next(iter(made.axes)) == columns:
        counts, can = counts.T, can.T
    every = [slice(None, None, max(1, -(-len(made.axes[name]) // _COLUMNS))) for name in (rows, columns)]
    shown = [made.axes[name][part] for name, part in zip((rows, columns), every, strict=True)]
    held = zip(counts[tuple(every)].tolist(), can[tuple(every)].tolist(), strict=True)
    sizes = " × ".join(
        _of_how_many(len(some), len(made.axes[name]), name) for name, some in zip((rows, columns), shown, strict=True)
    )
    beyond = extrapolated(made, tuple(slice(0, size) for size in made.shape)) if metric in TIMED else None
    differs = np.zeros(made.shape, dtype=bool) if beyond is None else beyond
    differs = (differs.T if next(iter(made.axes)) == columns else differs)[tuple(every)]
    return heat_map(
        [_text(value) for value in shown[0]],
        [_text(value) for value in shown[1]],
        [[n if ok else None for n, ok in zip(line, held)] for line, held in held],
        budgets=budgets,
        title=titled(
            f"{made.title}: {METRICS[metric].column} at {sizes}", _said(made, metric, differs[differs].tolist(), BEYOND)
        ),
        metric=metric,
        axes=(rows, columns),
        marks=[[BEYOND if one else "" for one in line] for line in differs.tolist()],
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else float(value)


def _text(value: Any) -> str:
    return in_figure(str(json_value(value)))
