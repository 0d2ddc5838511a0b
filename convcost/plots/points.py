"""The networks of a design space of many knobs as marks: two costs against each other, coloured by a knob."""

from __future__ import annotations

from fractions import Fraction
from math import log
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS, TIMED
from convcost.core.units import binary, exact
from convcost.plots.style import amount_axis, count_axis, figure, titled
from convcost.render.escape import in_figure
from convcost.render.palette import LIGHT, SYMBOLS
from convcost.render.svg_marks import shade
from convcost.space.axes import is_ordered, value_text
from convcost.space.evaluate import values_at
from convcost.space.extrapolated import at_each
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND

if TYPE_CHECKING:
    import plotly.graph_objects as go


MOST_POINTS = 2_000
"""Marks of one picture."""
_MOST_COLOURS = 7
_OTHERS = ("params", "peak_activation_bytes", "activations", "macs")
"""What stands against the metric asked for: the first of them that the knobs change."""


class _Looked(NamedTuple):
    """The networks that are drawn: the place of each along every axis, and its costs."""

    places: dict[str, list[int]]
    costs: dict[str, list[float | None]]
    known: list[int]
    """Those that can be built."""
    far: frozenset[int] = frozenset()
    """Those whose latency is extrapolated."""


def points_figure(made: DesignSpace, metric: str = "macs", *, against: str = "", knob: str = "") -> go.Figure:
    """The networks of a design space, a metric `against` another, a colour for each value of a knob.

    Without `against`, the first of a few is taken that the knobs change. Without `knob`, that knob is shown whose values set the costs most apart. Of more networks than can be drawn, evenly
    spread ones are, the same each time. Raises `UsageError` for another knob, and where no network can be built.
    """
    if knob and knob not in made.axes:
        raise UsageError(f"there is no axis {knob!r}; the axes are {', '.join(made.axes)}")
    looked = _looked(made, metric, against)
    costs, known = looked.costs, looked.known
    if not known:
        raise UsageError(f"{made.title}: none of the networks looked at can be built")
    others = [one for one in _OTHERS if one != metric]
    other = against or next((one for one in others if len({costs[one][at] for at in known}) > 1), others[0])
    shown = knob or _by_weight(made, looked, metric)[0]
    traces = [
        _trace(made, looked, (metric, other), (shown, part), (color, symbol))
        for part, color, symbol in _groups(made, shown, looked)
    ]
    drawn = exact(len(known)) if len(known) == made.points else f"{exact(len(known))} of {exact(made.points)}"
    said = " · ".join(filter(None, (made.said(metric, other), "hollow: extrapolated" if looked.far else "")))
    axes = [_axis(one, [costs[one][at] or 0 for at in known]) for one in (metric, other)]
    return figure(
        traces,
        title=titled(
            f"{made.title}: {METRICS[metric].column} and {METRICS[other].column} of {drawn} networks, coloured by {shown}",
            said,
        ),
        xaxis=axes[0],
        yaxis=axes[1],
        showlegend=True,
    )


def _axis(metric: str, counts: list[float]) -> dict[str, Any]:
    """From 0 on; of costs that span much, by ratios, as knobs change them."""
    low, high = min(counts), max(counts)
    if not low or high < _MUCH * low:
        return amount_axis(METRICS[metric], high)
    if METRICS[metric].unit == "ms":
        return {**amount_axis(METRICS[metric], high), "type": "log", "dtick": "D2"}
    if METRICS[metric].unit != "bytes":
        return count_axis(METRICS[metric].column, log=True)
    marks = [2**power for power in range(int(low).bit_length() - 1, int(high).bit_length() + 1)]
    marks = marks[:: -(-len(marks) // 8)]
    return {
        "title": {"text": METRICS[metric].column},
        "type": "log",
        "tickvals": marks,
        "ticktext": list(map(binary, marks)),
    }


_MUCH = 8


def knobs_by_weight(made: DesignSpace, metric: str = "macs") -> list[str]:
    """The axes of a design space, that first whose values set the costs most apart."""
    return _by_weight(made, _looked(made, metric), metric)


def _looked(made: DesignSpace, *metrics: str) -> _Looked:
    places = np.array(spread(made.points, MOST_POINTS), dtype=np.int64)
    where = list(np.unravel_index(places, made.shape))
    costs = {one: values_at(made, one, where) for one in dict.fromkeys(filter(None, (*metrics, *_OTHERS)))}
    known = [at for at, cost in enumerate(costs[metrics[0]]) if cost is not None]
    beyond = at_each(made, where) if {*TIMED} & {*metrics} else None
    far = frozenset() if beyond is None else frozenset(np.flatnonzero(beyond).tolist())
    return _Looked({name: at.tolist() for name, at in zip(made.axes, where, strict=True)}, costs, known, far)


def spread(points: int, most: int) -> list[int]:
    """Numbers below `points`, at most so many, spread evenly along every axis of a grid that has so many points.

    One from each of equal parts, at a place in it that steps by the golden section, so that it keeps time with no axis.

    >>> spread(4, 9), spread(12, 4)
    ([0, 1, 2, 3], [0, 4, 6, 11])
    """
    if points <= most:
        return list(range(points))
    ends = [part * points // most for part in range(most + 1)]
    places = (part * _GOLDEN % 2**32 for part in range(most))
    return [low + (place * (high - low) >> 32) for low, high, place in zip(ends, ends[1:], places)]


_GOLDEN = 0x9E3779B1
"""The golden section of 2^32 (Knuth, The Art of Computer Programming, vol. 3, 6.4)."""


def _by_weight(made: DesignSpace, looked: _Looked, metric: str) -> list[str]:
    """By how far apart the mean costs of an axis's values lie, on a scale of ratios; equal ones as they stand."""

    def apart(name: str) -> float:
        groups: dict[int, list[float]] = {}
        for at in looked.known:
            groups.setdefault(looked.places[name][at], []).append(log(looked.costs[metric][at] or 1))
        means = list(map(fmean, groups.values()))
        return max(means, default=0.0) - min(means, default=0.0)

    return sorted(made.axes, key=lambda name: -apart(name))


def _groups(made: DesignSpace, knob: str, looked: _Looked) -> list[tuple[list[int], str, str]]:
    """Points with the same value of a knob, or with neighbouring ones where there are many; colour and mark of each."""
    values = made.axes[knob]
    groups: dict[int, list[int]] = {}
    parts = min(len(values), _MOST_COLOURS)
    for at in looked.known:
        groups.setdefault(looked.places[knob][at] * parts // len(values), []).append(at)
    ordered = is_ordered(values)
    return [
        (part, shade(0.35 + 0.63 * number / max(1, parts - 1)), "circle")
        if ordered
        else (part, LIGHT.series[number], SYMBOLS[number % len(SYMBOLS)])
        for number, part in sorted(groups.items())
    ]


def _trace(
    made: DesignSpace,
    looked: _Looked,
    metrics: tuple[str, str],
    group: tuple[str, list[int]],
    drawn: tuple[str, str],
) -> dict[str, Any]:
    """The marks of one group."""
    knob, part = group
    held = sorted({looked.places[knob][at] for at in part})
    ends = dict.fromkeys(_text(made.axes[knob][at]) for at in (held[0], held[-1]))
    across, up = (looked.costs[one] for one in metrics)
    of = [METRICS[one] for one in metrics]

    def tip(at: int) -> str:
        knobs = ", ".join(f"{name} {_text(made.axes[name][where[at]])}" for name, where in looked.places.items())
        costs = [
            f"{one.column} {BEYOND if one.key in TIMED and at in looked.far else ''}{one.shown(cost or 0)}"
            for one, cost in zip(of, (across[at], up[at]), strict=True)
        ]
        return "<br>".join([knobs, *costs])

    symbols = [f"{drawn[1]}-open" if at in looked.far else drawn[1] for at in part] if looked.far else drawn[1]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{knob} {' to '.join(ends)}",
        "x": [across[at] for at in part],
        "y": [up[at] for at in part],
        "marker": {"color": drawn[0], "size": 6, "symbol": symbols},
        "hovertext": [tip(at) for at in part],
        "hoverinfo": "text",
    }


def _text(value: Any) -> str:
    return in_figure(str(value_text(value)) if isinstance(value, (int, Fraction, bool, tuple)) else str(value))
