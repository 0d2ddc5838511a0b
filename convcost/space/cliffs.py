"""Cliffs: where a cost jumps along an axis, and which values cost nothing extra, since cost is a step function of
resolution and of width.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from operator import ne
from typing import Any, NamedTuple

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.metrics import METRICS, MOVED, TIMED, column_of, key_of
from convcost.core.units import say
from convcost.render.table import Table
from convcost.results.report import json_value
from convcost.space.axes import is_ordered, value_text
from convcost.space.evaluate import evaluate, feasible
from convcost.space.points_table import meta
from convcost.space.space import DesignSpace

MOST_RUNS = 100_000
"""The most runs that are listed, each with exact ratios to the run before it."""


class Plateau(NamedTuple):
    """Neighbouring values of an axis that cost the same."""

    first: Any
    last: Any
    """The free size: the largest value for this cost."""
    cost: float | None
    """In JSON's unit: a latency in milliseconds. None where no network can be built."""
    jump: Fraction | None
    """The relative increase in cost over the last feasible run before it; None for the first."""
    growth: Fraction | None
    """The relative increase of a smooth cost: proportional to the area if the axis is a side of the input."""
    identical: bool
    """Whether the values are equal in every metric, so that they are one network; False if infeasible."""


def cliffs(made: DesignSpace, metric: str = "macs") -> tuple[Plateau, ...]:
    """The runs of equal cost along the only axis of a design space, in its order; raises `UsageError`.

    >>> from convcost.space.open import design_space
    >>> runs = cliffs(design_space("mobilenet_v2", {"resolution": "222:226"}))
    >>> (run := runs[-1]).first, run.last, f"{float(run.jump):+.1%}", f"{float(run.growth):+.1%}"
    (225, 226, '+14.6%', '+0.9%')
    """
    metric = _along(made, metric)
    ((name, values),) = made.axes.items()
    costs = _costs(made, metric)
    if _are_too_many(costs):
        raise UsageError(
            f"along {name} there are more than {MOST_RUNS:,} runs of equal {column_of(metric)}, of {len(values):,} values: "
            "give fewer values"
        )
    # A larger input takes more to read, whatever the network makes of it: it is the same network all the same.
    told = [one for one in made.metrics if one not in MOVED and one not in TIMED]
    every = list(zip(*(evaluate(made, one).tolist() for one in told), strict=True))
    power = max(1, made.sides.get(name, 1))
    value = METRICS[metric].value
    found: list[tuple[Plateau, int | None]] = []
    start = 0
    for end in range(1, len(values) + 1):
        if end < len(values) and costs[end] == costs[start]:
            continue
        before, last = next(((run, count) for run, count in reversed(found) if count is not None), (None, None))
        jump = growth = None
        cost = costs[start]
        if before and last and cost is not None:
            jump = Fraction(cost, last) - 1
            growth = Fraction(values[start], before.last) ** power - 1 if before.last else None
        same = cost is not None and len(set(every[start:end])) == 1
        run = Plateau(values[start], values[end - 1], None if cost is None else value(cost), jump, growth, same)
        found.append((run, cost))
        start = end
    return tuple(run for run, _ in found)


def too_many_runs(made: DesignSpace, metric: str = "macs") -> bool:
    """Whether there are more runs of equal cost along the only axis of a design space than are listed; raises `UsageError`."""
    metric = _along(made, metric)
    (values,) = made.axes.values()
    return len(values) > MOST_RUNS and _are_too_many(_costs(made, metric))


def _along(made: DesignSpace, metric: str) -> str:
    """The key of a metric along the only axis of a design space; raises `UsageError` if it has no runs there."""
    if len(made.axes) != 1:
        raise UsageError(f"cliffs are sought along one axis, got {len(made.axes)}: {', '.join(made.axes)}")
    metric = key_of(metric)
    if metric not in made.metrics:
        raise UsageError(f"there is no metric {metric!r}{did_you_mean(metric, made.metrics)}")
    ((name, values),) = made.axes.items()
    if not is_ordered(values):
        raise UsageError(f"{name} has no order ({say(values[0])}, …), so that there is nothing to jump over")
    return metric


def _costs(made: DesignSpace, metric: str) -> list[Any]:
    """The cost at each value of an axis; None where no network can be built."""
    can = feasible(made).tolist()
    return [cost if ok else None for cost, ok in zip(evaluate(made, metric).tolist(), can, strict=True)]


def _are_too_many(costs: Sequence[Any]) -> bool:
    changes: int = sum(map(ne, costs, costs[1:]))
    return changes >= MOST_RUNS


def steepest(runs: Sequence[Plateau], least: int = 4) -> tuple[Plateau, ...]:
    """The runs that begin with a cliff: a jump at least this many times as large as the growth of a smooth cost."""
    return tuple(run for run in runs if run.jump and run.growth and run.jump >= least * run.growth)


def cliffs_table(made: DesignSpace, metric: str, limit: int) -> Table:
    """The runs of equal cost along an axis, with the jump from each to the next."""
    metric = key_of(metric)
    runs = cliffs(made, metric)
    word = column_of(metric) if metric in TIMED else metric
    steep = {run.first: run for run in steepest(runs)}
    (axis,) = made.axes
    shown = runs[:limit]
    records = [_run_record(axis, metric, run, run.first in steep) for run in runs]
    notes = [("free", f"the last {axis} of a run costs no more than the first; '=' says that it is the same network")]
    if steep:
        said = [
            f"{value_text(run.first)} ({_percent(run.jump)})"
            for run in sorted(steep.values(), key=lambda r: -(r.jump or 0))
        ]
        notes.insert(0, ("cliffs", f"{', '.join(said[:12])}: at least four times what a smooth cost would have grown"))
    if made.request.target and "deployment" in METRICS[metric].needs:
        notes.append(("deployed", made.request.target.note))
    if made.request.device and metric in TIMED:
        from convcost.space.extrapolated import notes_on

        notes += notes_on(made)
    if len(shown) < len(runs):
        notes.append(("runs", f"{len(runs)}, of which the first {len(shown)} are shown (--limit)"))
    return Table(
        title=f"{made.title} · {word} along {axis}",
        heading=f"{made.heading} · {word} along {axis}",
        headers=(axis, "values", word, "jump", "smooth", ""),
        numeric=(True, True, True, True, True, False),
        rows=[_run_row(run, metric, run.first in steep, made.axes[axis]) for run in shown],
        records=records,
        data={**meta(made), "metric": metric, "runs": records},
        notes=notes,
    )


def _run_row(run: Plateau, metric: str, is_cliff: bool, values: Sequence[Any]) -> list[str]:
    count = bisect_left(values, run.last) - bisect_left(values, run.first) + 1
    ends = str(value_text(run.first)) if count == 1 else f"{value_text(run.first)}-{value_text(run.last)}"
    equal = f"{'=' if run.identical else ''}{count}" if count > 1 else "1"
    return [
        ends,
        equal,
        "-" if run.cost is None else METRICS[metric].shown(run.cost),
        _percent(run.jump),
        _percent(run.growth),
        "cliff" if is_cliff else "",
    ]


def _run_record(axis: str, metric: str, run: Plateau, is_cliff: bool) -> dict[str, Any]:
    return {
        f"{axis}_first": json_value(run.first),
        f"{axis}_last": json_value(run.last),
        metric: run.cost,
        "jump": None if run.jump is None else float(run.jump),
        "smooth": None if run.growth is None else float(run.growth),
        "cliff": is_cliff,
        "identical": run.identical,
    }


def _percent(share: Any) -> str:
    return "" if share is None else f"{float(share) * 100:+,.2f} %"
