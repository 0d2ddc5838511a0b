"""Where a cost jumps along an axis, and which values are free: cost is a step function of resolution and of width."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.errors import UsageError, did_you_mean
from convcost.grid.axes import is_ordered
from convcost.grid.evaluate import evaluate, feasible
from convcost.grid.tables import METRICS, Tables
from convcost.ops.kinds import say


class Run(NamedTuple):
    """Neighbouring values of an axis that cost the same."""

    first: Any
    last: Any
    """The free size: the largest value for this cost."""
    cost: int | None
    """None where no network can be built."""
    jump: Fraction | None
    """How much more it costs than the last run before it that can be built, as a share of that; None for the first."""
    growth: Fraction | None
    """How much more a smooth cost would be: with the area, where the axis is a side of the input."""
    identical: bool
    """Whether the values are equal in every metric, so that they are one network; not where none can be built."""


def cliffs(made: Tables, metric: str = "macs") -> tuple[Run, ...]:
    """The runs of equal cost along the only axis of a design space, in its order; raises `UsageError`.

    >>> from convcost.grid.sweep import design_space
    >>> runs = cliffs(design_space("mobilenet_v2", {"resolution": "222:226"}))
    >>> (run := runs[-1]).first, run.last, f"{float(run.jump):+.1%}", f"{float(run.growth):+.1%}"
    (225, 226, '+14.6%', '+0.9%')
    """
    if len(made.axes) != 1:
        raise UsageError(f"cliffs are sought along one axis, got {len(made.axes)}: {', '.join(made.axes)}")
    if metric not in METRICS:
        raise UsageError(f"there is no metric {metric!r}{did_you_mean(metric, METRICS)}")
    ((name, values),) = made.axes.items()
    if not is_ordered(values):
        raise UsageError(f"{name} has no order ({say(values[0])}, …), so that there is nothing to jump over")
    can = feasible(made).tolist()
    costs = [cost if ok else None for cost, ok in zip(evaluate(made, metric).tolist(), can, strict=True)]
    every = list(zip(*(evaluate(made, one).tolist() for one in METRICS), strict=True))
    power = max(1, made.sides.get(name, 1))
    runs: list[Run] = []
    start = 0
    for end in range(1, len(values) + 1):
        if end < len(values) and costs[end] == costs[start]:
            continue
        before = next((run for run in reversed(runs) if run.cost is not None), None)
        jump = growth = None
        cost = costs[start]
        if before and before.cost and cost is not None:
            jump = Fraction(cost, before.cost) - 1
            growth = Fraction(values[start], before.last) ** power - 1 if before.last else None
        same = cost is not None and len(set(every[start:end])) == 1
        runs.append(Run(values[start], values[end - 1], cost, jump, growth, same))
        start = end
    return tuple(runs)


def steepest(runs: Sequence[Run], least: int = 4) -> tuple[Run, ...]:
    """The runs that begin with a cliff: a jump at least so many times as large as a smooth cost would have grown."""
    return tuple(run for run in runs if run.jump and run.growth and run.jump >= least * run.growth)
