"""The networks of a design space of many knobs as marks: two costs against each other, coloured by a knob."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, log
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS, SWEPT
from convcost.core.units import exact
from convcost.plots.style import amount_axis, figure
from convcost.render.palette import LIGHT, SYMBOLS
from convcost.render.svg_marks import shade
from convcost.space.axes import is_ordered, value_text
from convcost.space.evaluate import at_points
from convcost.space.space import DesignSpace

if TYPE_CHECKING:
    import plotly.graph_objects as go


MOST_POINTS = 2_000
"""Marks of one picture."""
_MOST_COLOURS = 7
_OTHERS = ("params", "peak_activation_bytes", "activations", "macs")
"""What stands against the metric asked for: the first of them that the knobs change."""


def points_figure(made: DesignSpace, metric: str = "macs", *, knob: str = "") -> go.Figure:
    """The networks of a design space, a metric against another, a colour for each value of a knob.

    Without `knob`, that knob is shown whose values set the costs most apart. Of more networks than can be drawn, evenly
    spread ones are, the same each time. Raises `UsageError` for another knob, and where no network can be built.
    """
    if knob and knob not in made.axes:
        raise UsageError(f"there is no axis {knob!r}; the axes are {', '.join(made.axes)}")
    places = spread(made.points, MOST_POINTS)
    where = list(np.unravel_index(np.array(places, dtype=np.int64), made.shape))
    costs = {one: at_points(made, one, where) for one in dict.fromkeys((metric, *_OTHERS)) if one in SWEPT}
    known = [at for at, cost in enumerate(costs[metric]) if cost is not None]
    if not known:
        raise UsageError(f"{made.title}: none of the {exact(len(places))} networks looked at can be built")
    others = [one for one in _OTHERS if one != metric]
    other = next((one for one in others if len({costs[one][at] for at in known}) > 1), others[0])
    names = list(made.axes)
    columns = {name: where[at].tolist() for at, name in enumerate(names)}
    shown = knob or _telling(made, columns, costs[metric], known)
    traces = [
        _values_trace(made, columns, (costs[metric], costs[other]), (metric, other), (shown, group), color, symbol)
        for group, color, symbol in _groups(made, shown, columns[shown], known)
    ]
    drawn = exact(len(known)) if len(known) == made.points else f"{exact(len(known))} of {exact(made.points)}"
    words = METRICS[metric].column, METRICS[other].column
    return figure(
        traces,
        title=f"{made.title}: {words[0]} and {words[1]} of {drawn} networks, coloured by {shown}",
        xaxis=amount_axis(METRICS[metric], max(costs[metric][at] or 0 for at in known)),
        yaxis=amount_axis(METRICS[other], max(costs[other][at] or 0 for at in known)),
        showlegend=True,
        legend={"title": {"text": shown}},
    )


def spread(points: int, most: int) -> list[int]:
    """Numbers below `points`, at most so many, spread evenly along every axis of a grid that has so many points.

    Steps near the golden section that share no divisor with the whole meet all values of each axis equally often.

    >>> spread(4, 9), sorted(spread(12, 4))
    ([0, 1, 2, 3], [0, 2, 7, 9])
    """
    if points <= most:
        return list(range(points))
    step = round(points * 0.6180339887498949)
    while gcd(step, points) > 1:
        step += 1
    return [at * step % points for at in range(most)]


def _telling(made: DesignSpace, columns: dict[str, list[int]], costs: list[int | None], known: list[int]) -> str:
    """The knob whose values' mean costs, on a scale of ratios, lie furthest apart; the first of equal ones."""

    def apart(name: str) -> float:
        groups: dict[int, list[float]] = {}
        for at in known:
            groups.setdefault(columns[name][at], []).append(log(max(costs[at] or 0, 1)))
        means = list(map(fmean, groups.values()))
        return max(means) - min(means)

    return max(made.axes, key=apart)


def _groups(made: DesignSpace, knob: str, column: list[int], known: list[int]) -> list[tuple[list[int], str, str]]:
    """Points with the same value of a knob, or with neighbouring ones where there are many; colour and mark of each."""
    values = made.axes[knob]
    groups: dict[int, list[int]] = {}
    parts = min(len(values), _MOST_COLOURS)
    for at in known:
        groups.setdefault(column[at] * parts // len(values), []).append(at)
    ordered = is_ordered(values)
    looks = []
    for number, part in sorted(groups.items()):
        color = shade(0.3 + 0.7 * number / max(1, parts - 1)) if ordered else LIGHT.series[number]
        looks.append((part, color, "circle" if ordered else SYMBOLS[number % len(SYMBOLS)]))
    return looks


def _values_trace(
    made: DesignSpace,
    columns: dict[str, list[int]],
    costs: tuple[list[int | None], list[int | None]],
    metrics: tuple[str, str],
    group: tuple[str, list[int]],
    color: str,
    symbol: str,
) -> dict[str, Any]:
    """The marks of one group."""
    knob, part = group
    held = sorted({columns[knob][at] for at in part})
    ends = [_text(made.axes[knob][at]) for at in (held[0], held[-1])]
    words = [METRICS[one].column for one in metrics]

    def tip(at: int) -> str:
        knobs = ", ".join(f"{name} {_text(made.axes[name][column[at]])}" for name, column in columns.items())
        return f"{knobs}<br>{words[0]} {exact(costs[0][at] or 0)}<br>{words[1]} {exact(costs[1][at] or 0)}"

    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{knob} {' to '.join(dict.fromkeys(ends))}",
        "x": [costs[0][at] for at in part],
        "y": [costs[1][at] for at in part],
        "marker": {"color": color, "size": 6, "symbol": symbol},
        "hovertext": [tip(at) for at in part],
        "hoverinfo": "text",
    }


def _text(value: Any) -> str:
    return str(value_text(value)) if isinstance(value, (int, Fraction, bool, tuple)) else str(value)
